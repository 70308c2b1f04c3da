"""The end of a worker that cannot go on: with a failure, so that the platform tries elsewhere."""

import ctypes
import logging
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

import psutil

from worker.errors import WorkerError

log = logging.getLogger(__name__)

PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
LAST_WORDS_SECONDS = 2.0  # for the answers in flight to leave
END_SECONDS = 4.0  # and for all the rest, should even the loop that sends them be stuck


def adopt_orphans() -> None:
    """Become the parent of what a child leaves behind when it dies, so that it can be ended, too.

    The engine has processes of its own; killed, it can end none of them. On Linux only.
    Source: prctl(2)
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def kill_children() -> None:
    """End the engine's processes, theirs, and the SDK's ping at once.

    Nothing is waited for: a stuck engine heeds no other signal, and the ping would go on telling
    the platform that all is well.
    """
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error, OSError):  # one that cannot be ended must not save the others
            if not _tidies_up(process):
                process.kill()


def _tidies_up(process: psutil.Process) -> bool:
    """Whether it is Python's own, which frees what the killed ones shared, and ends by itself."""
    return any("resource_tracker" in word for word in process.cmdline())


def end_now() -> None:
    """End this process and its children at once, as a failure, whatever else goes wrong."""
    try:
        kill_children()
    finally:
        os._exit(1)


def end_within(seconds: float, end: Callable[[], None] = end_now) -> None:
    """End the process when so many seconds are over, if nothing else has by then."""
    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()


def end_soon(error: WorkerError) -> None:
    """End the process with an error, once the answers in flight had time to leave."""
    log.critical("%s: the worker ends: %s", error.code, error.message)
    end_within(LAST_WORDS_SECONDS)
