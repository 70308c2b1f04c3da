"""The load itself: so many jobs under way at any time, the sides by turns."""

import asyncio
import gc
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from time import perf_counter
from typing import Any, NamedTuple

import aiohttp
from tqdm import tqdm  # type: ignore[import-untyped]

from benchmarks.load.doors import Door, Failed, Told
from benchmarks.load.figures import Run, Sample
from benchmarks.load.jobs import documents

# Seconds that an idle connection is kept: fewer than vLLM's 5, or a request could be sent into one
# that is being closed.
KEEP_ALIVE_S = 4.0
# What a failure of the connection is called where failures are counted.
KINDS: Mapping[type[Exception], str] = {
    TimeoutError: "timeout",
    aiohttp.ClientConnectorError: "cannot connect",
    aiohttp.ClientError: "connection lost",
}

Jobs = Sequence[Mapping[str, Any]]


class NothingWorks(Exception):
    """Not one job of the warm-up came to its script, so there is nothing to measure."""


class Level(NamedTuple):
    """So many jobs at once, and how many there are in a round."""

    at_once: int
    jobs: int


WARM_UP = Level(4, 8)


@asynccontextmanager
async def client(key: str | None) -> AsyncIterator[aiohttp.ClientSession]:
    """A session that keeps its connections, and has as many as it needs."""
    headers = {"Content-Type": "application/json"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_S),
        timeout=aiohttp.ClientTimeout(total=None),  # each job has a limit of its own
        headers=headers,
    ) as session:
        yield session


class Driver:
    """Sends jobs and notes what comes of them, wherever it is broken off.

    Attributes:
        runs: every run that has come to its end.
        under_way: the run that has not, and how far it has come; empty between two.
        model: who writes, as the answers say.

    Args:
        timeout_s: seconds that a job may take.
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self.runs: list[Run] = []
        self.under_way = ""
        self.model = ""

    async def measure(
        self, doors: Mapping[str, Door], levels: Sequence[Level], rounds: int, key: str | None
    ) -> None:
        """Every side in every round of every level, after a warm-up that does not count.

        All sides of a round are sent the same jobs, and no round those of another. Raises
        NothingWorks where a side answers nothing at all.
        """
        turns = [(level, turn) for level in levels for turn in range(rounds)]
        jobs = sum(level.jobs for level, _ in turns) + WARM_UP.jobs
        with tqdm(total=jobs * len(doors), desc="jobs", unit=" job") as bar:
            async with client(key) as session:
                await self._measure(doors, turns, _Sender(session, self._timeout_s, bar))

    async def _measure(
        self, doors: Mapping[str, Door], turns: Sequence[tuple[Level, int]], sender: "_Sender"
    ) -> None:
        documents_left = documents()
        await self._warm_up(doors, list(islice(documents_left, WARM_UP.jobs)), sender)
        for level, turn in turns:
            sent = list(islice(documents_left, level.jobs))
            # Turned round from one round to the next, lest one side always go first.
            for side in list(doors)[:: 1 if turn % 2 == 0 else -1]:
                run = await self._run(side, doors[side], level, turn, sent, sender)
                self.runs.append(run)
                self.under_way = ""
                tqdm.write(told(run), file=sys.stderr)

    async def _warm_up(self, doors: Mapping[str, Door], sent: Jobs, sender: "_Sender") -> None:
        for side, door in doors.items():
            run = await self._run(side, door, WARM_UP, -1, sent, sender)
            if not run.done:
                why = ", ".join(sorted({str(sample.failure) for sample in run.samples}))
                raise NothingWorks(f"{side}: no job of the warm-up came to its script ({why})")

    async def _run(
        self, side: str, door: Door, level: Level, turn: int, sent: Jobs, sender: "_Sender"
    ) -> Run:
        """The jobs of a round on one side: whenever one ends, the next is sent."""
        samples: list[Sample] = []
        waiting = iter([await door.prepare(document) for document in sent])
        gc.collect()  # now, and not while somebody waits

        async def slot() -> None:
            for prepared in waiting:
                answer = await sender.send(door, prepared)
                self.model = answer.model or self.model
                samples.append(answer.sample)
                self.under_way = (
                    f"{level.at_once} jobs at once, round {turn + 1}, {side}, of whose "
                    f"{len(sent)} jobs {len(samples)} had ended"
                )

        began = perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(level.at_once):
                group.create_task(slot())
        return Run(side, level.at_once, turn, perf_counter() - began, samples)


class _Answer(NamedTuple):
    """A job as its client saw it, and who wrote."""

    sample: Sample
    model: str = ""


class _Sender:
    """The client: sends a job, and knows a failure when it sees one."""

    def __init__(self, session: aiohttp.ClientSession, timeout_s: float, bar: Any) -> None:
        self._session, self._timeout_s, self._bar = session, timeout_s, bar

    async def send(self, door: Door, prepared: Any) -> _Answer:
        """A job to its end; whatever becomes of it is a sample."""
        began = perf_counter()
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await door.send(self._session, prepared)
        except (Failed, *KINDS) as error:
            return _Answer(Sample(failure=kind_of(error)))
        finally:
            self._bar.update()
        return _Answer(sample_of(answer, began, perf_counter()), answer.model)


def kind_of(error: Exception) -> str:
    """What a failure is called."""
    if isinstance(error, Failed):
        return error.kind
    return next(name for kind, name in KINDS.items() if isinstance(error, kind))


def sample_of(answer: Told, began: float, ended: float) -> Sample:
    """A job that came to its script."""
    first_s = None if answer.first_at is None else answer.first_at - began
    return Sample(ended - began, first_s, dict(answer.sources), answer.usage)


def told(run: Run) -> str:
    """A run as it comes, for the person who waits."""
    failed = len(run.samples) - run.done
    return (
        f"{run.at_once} jobs at once, round {run.turn + 1}, {run.side}: "
        f"{run.lines / run.seconds:.2f} lines/s{f', {failed} jobs failed' if failed else ''}"
    )
