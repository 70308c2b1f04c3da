"""The probe: what this worker is, and what it has done. It never asks the model."""

import platform
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any, ClassVar

import worker
from worker.engine import About, Load
from worker.engine.telling import installed
from worker.errors import InvalidInput
from worker.shapes import Answer, Context
from worker.state import WorkerState

THE_ENGINES = ("vllm", "torch", "transformers")
"""Versions that only the engine can tell: it may be on another machine."""


def read(document: Mapping[str, Any]) -> "Probe":
    """The probe that an input makes, or InvalidInput."""
    if document.get("probe") is not True:
        raise InvalidInput("probe must be true.", "probe")
    return Probe()


def versions(about: About) -> dict[str, str | None]:
    """Versions of the worker, its platform's SDK, and what the engine says of itself."""
    return {
        "worker": worker.__version__,
        "python": platform.python_version(),
        **{name: about.versions.get(name) for name in THE_ENGINES},
        "runpod": installed("runpod"),
    }


def engine(about: About, load: Load) -> dict[str, Any]:
    """How the engine was started, what it has room for, and what it is doing."""
    return {
        "arguments": dict(about.arguments),
        "maxModelLen": about.max_model_len,
        "kvCacheTokens": about.kv_cache_tokens,
        "maxNumSeqs": about.max_num_seqs,
        "requests": load.requests,
        "silentSeconds": round(load.silent_s, 3),
    }


def jobs(state: WorkerState) -> dict[str, int]:
    """Jobs answered and under way."""
    return {
        "served": state.served,
        "failed": state.failed,
        "inFlight": state.in_flight,
        "waiting": state.waiting,
    }


@dataclass(frozen=True, slots=True)
class Probe:
    """A question about the worker, answered at once, whatever the engine is doing."""

    shape: ClassVar[str] = "probe"
    generates: ClassVar[bool] = False
    keeps_deadline: ClassVar[bool] = False
    deadline_s: ClassVar[float | None] = None

    async def answers(self, context: Context) -> AsyncGenerator[Answer, None]:
        """One object: versions, model, engine, uptime in seconds, jobs, concurrency."""
        about, state = context.engine.about(), context.worker
        context.record.model, context.record.finish = about.model, "done"
        yield {
            "versions": versions(about),
            "model": {
                "id": about.model,
                "aliases": list(about.aliases),
                "revision": about.revision,
            },
            "engine": engine(about, context.engine.load()),
            "uptimeSeconds": round(perf_counter() - state.started, 3),
            "jobs": jobs(state),
            "concurrency": state.concurrency,
        }
