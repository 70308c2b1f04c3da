"""A job as the platform keeps it: what was asked, what came back, and what clients are shown."""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

EXECUTION_S = 600.0  # seconds; https://docs.runpod.io/serverless/endpoints/send-requests
TTL_S = 86_400.0  # seconds; same source


class Status(StrEnum):
    """Where a job is; the names are the wire's."""

    IN_QUEUE = "IN_QUEUE"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    TIMED_OUT = "TIMED_OUT"

    @property
    def final(self) -> bool:
        """Whether nothing will follow."""
        return self not in (Status.IN_QUEUE, Status.IN_PROGRESS)


class Pulse:
    """Wakes everyone who waits for a change."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def beat(self) -> None:
        """Something has changed."""
        self._event.set()
        self._event = asyncio.Event()

    async def until(self, condition: Callable[[], bool], seconds: float | None = None) -> bool:
        """Whether `condition` holds within `seconds`; it is asked after every beat."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not condition():
                    await self._event.wait()
        return condition()


@dataclass(frozen=True, slots=True)
class Policy:
    """How long a job may take; both limits in seconds, where the wire has milliseconds.

    Attributes:
        execution_s: from being handed out to its result.
        ttl_s: from being sent to being handed out.
        low_priority: kept, as nothing here scales.
    """

    execution_s: float = EXECUTION_S
    ttl_s: float = TTL_S
    low_priority: bool = False

    @classmethod
    def parse(cls, document: Any) -> "Policy":
        """The wire's `policy`; ValueError names the field that is wrong."""
        if document is None:
            return cls()
        if not isinstance(document, Mapping):
            raise ValueError("policy must be an object")  # noqa: TRY004 (of a body, not of code)
        return cls(
            _seconds(document, "executionTimeout", EXECUTION_S),
            _seconds(document, "ttl", TTL_S),
            bool(document.get("lowPriority")),
        )


def _seconds(policy: Mapping[str, Any], name: str, default: float) -> float:
    value = policy.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise ValueError(f"policy.{name} must be a number of milliseconds above 0")
    return value / 1000


@dataclass(slots=True, eq=False)
class Job:
    """One job, from being sent to its end.

    Attributes:
        sync: whether it came by /runsync or /openai, which have other limits than /run.
        chunks: what the present attempt has streamed.
        told: how many of the chunks /stream has given out.
        retries: how often a worker died with it.
        deliveries: what each try of its webhook met: a status, or the name of an exception.
        queued, taken, ended: monotonic times in seconds.
        changed: beats whenever any of this does.
    """

    id: str
    input: Any
    sync: bool = False
    policy: Policy = field(default_factory=Policy)
    webhook: str | None = None
    status: Status = Status.IN_QUEUE
    worker_id: str | None = None
    chunks: list[Any] = field(default_factory=list)
    told: int = 0
    output: Any = None
    error: Any = None
    retries: int = 0
    deliveries: list[int | str] = field(default_factory=list)
    queued: float = field(default_factory=time.monotonic)
    taken: float | None = None
    ended: float | None = None
    changed: Pulse = field(default_factory=Pulse)
    timer: asyncio.TimerHandle | None = None

    def handout(self) -> dict[str, Any]:
        """What a worker is given."""
        given = {"id": self.id, "input": self.input}
        return given | ({"webhook": self.webhook} if self.webhook else {})

    def envelope(self) -> dict[str, Any]:
        """What a client is shown; times in milliseconds, keys without a value left out."""
        shown = {
            "delayTime": _milliseconds(self.queued, self.taken),
            "executionTime": _milliseconds(self.taken, self.ended),
            "id": self.id,
            "output": self.output,
            "status": self.status.value,
            "workerId": self.worker_id,
            "error": self.error,
        }
        return {key: value for key, value in shown.items() if value is not None}

    def untold(self) -> list[dict[str, Any]]:
        """The chunks that /stream has not given out yet; they count as given out from here on."""
        fresh = self.chunks[self.told :]
        self.told = len(self.chunks)
        return [{"output": chunk} for chunk in fresh]

    def schedule(self, seconds: float, ending: Callable[[], None]) -> None:
        """Let `ending` happen after so long, in place of what was due before."""
        self.unschedule()
        self.timer = asyncio.get_running_loop().call_later(max(seconds, 0), ending)

    def unschedule(self) -> None:
        """Nothing is due any more."""
        if self.timer:
            self.timer.cancel()
        self.timer = None


def _milliseconds(start: float | None, end: float | None) -> int | None:
    return None if start is None or end is None else round((end - start) * 1000)
