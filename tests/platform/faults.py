"""Mishaps on request: calls that are held, refused or slow, for tests that need one just then."""

import asyncio
from collections import defaultdict, deque
from contextlib import suppress
from enum import StrEnum


class Call(StrEnum):
    """What a worker calls, as the last part of each address but the ids."""

    TAKE = "job-take"
    STOP = "job-stop"
    DONE = "job-done"
    STREAM = "job-stream"


class Gate:
    """A call that waits here until the test lets it pass. Its methods work from any thread.

    Attributes:
        arrived: whether a call has come to it.
        left: whether a caller has gone while it waited.
    """

    def __init__(self, call: Call, job_id: str | None = None, after: int = 0) -> None:
        self.arrived = False
        self.left = False
        self._wanted = (call, job_id)
        self._after = after
        self._opened = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def catches(self, call: Call, job_id: str) -> bool:
        """Whether this call must wait here; the first `after` of its kind pass."""
        kind, wanted = self._wanted
        if self._opened.is_set() or kind is not call or wanted not in (None, job_id):
            return False
        self._after -= 1
        return self._after < 0

    async def passed(self) -> None:
        """Wait until it is opened."""
        self.arrived = True
        try:
            await self._opened.wait()
        except asyncio.CancelledError:
            self.left = True
            raise

    def open(self) -> None:
        """Let pass what waits and what comes."""
        with suppress(RuntimeError):  # the loop is closed: nothing waits there
            self._loop.call_soon_threadsafe(self._opened.set)


class Faults:
    """What shall go wrong.

    Attributes:
        paused: hand out no job, as if the queue were empty.
        delay: seconds by which calls of a kind are answered late.
    """

    def __init__(self) -> None:
        self.paused = False
        self.delay: dict[Call, float] = {}
        self._refusals: dict[Call, deque[int]] = defaultdict(deque)
        self._gates: list[Gate] = []

    def refuse(self, call: Call, status: int, times: int = 1) -> None:
        """Answer the next so many calls of a kind with this HTTP status."""
        self._refusals[call].extend([status] * times)

    def refusal(self, call: Call) -> int | None:
        """The status to answer this call with, if it is to be refused."""
        left = self._refusals[call]
        return left.popleft() if left else None

    def hold(self, call: Call, job_id: str | None = None, after: int = 0) -> Gate:
        """A gate for calls about this job, or about any; the first `after` of them pass."""
        self._gates.append(Gate(call, job_id, after))
        return self._gates[-1]

    async def suffer(self, call: Call, job_id: str = "") -> None:
        """Be as late as it was ordered, then wait at every gate that catches this call."""
        await asyncio.sleep(self.delay.get(call, 0))
        for gate in [gate for gate in self._gates if gate.catches(call, job_id)]:
            await gate.passed()
