"""What the worker carries under load, beside raw `vllm serve` (`make load`).

Without --url, everything is started on loopback: the worker, behind --door, and raw `vllm serve`
with the same model and engine arguments; what the environment sets goes to both. With --url, the
service or endpoint there is measured alone; its key is API_KEY or RUNPOD_API_KEY of the
environment. Ctrl-C ends it and reports what has been measured.
"""

import argparse
import asyncio
import importlib.metadata
import os
import platform
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from benchmarks.load import report, servers
from benchmarks.load.doors import Door, Raw, RunStream, RunSync, Service
from benchmarks.load.driving import Driver, Level, NothingWorks
from benchmarks.load.figures import CEILING, FOLDER, Results, missed
from benchmarks.load.jobs import Unsplit
from benchmarks.report import machine
from worker.errors import StartupError
from worker.settings import Settings

LEVELS = (1, 4, 16, 32)
ROUNDS = 3
LEAST_JOBS, MOST_JOBS, TURNS = 8, 64, 3  # of a round: as many for each of those at once
TIMEOUT_S = 300.0
MODEL = ".cache/mini-mid"
ELSEWHERE = Path(".cache/load")  # where results go that are not those of the repository


class Way(NamedTuple):
    """A door by its name on the command line: what it is called, and what is started behind it."""

    side: str
    door: Callable[[str], Door]
    server: Callable[[Mapping[str, str], Path], servers.Server]


WAYS: Mapping[str, Way] = {
    "http": Way("HTTP service", Service, servers.service),
    "runsync": Way("/runsync", RunSync, servers.platform),
    "stream": Way("/run and /stream", RunStream, servers.platform),
}
