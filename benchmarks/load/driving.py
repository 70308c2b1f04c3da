"""The load itself: so many jobs under way at any time, the sides by turns."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import islice
from time import perf_counter
from typing import Any, NamedTuple

import aiohttp
from tqdm import tqdm  # type: ignore[import-untyped]

from benchmarks.load.doors import Door, Failed, Told
from benchmarks.load.figures import Run, Sample
from benchmarks.load.jobs import documents

# Seconds that an idle connection is kept: fewer than uvicorn's 5, or a request could be sent into
# one that is being closed.
KEEP_ALIVE_S = 4.0
# How a failure of the connection is called where results count failures.
KINDS: Mapping[type[Exception], str] = {
    TimeoutError: "timeout",
    aiohttp.ClientConnectorError: "cannot connect",
    aiohttp.ClientError: "connection lost",
}


class NothingWorks(Exception):
    """Not one job of the warm-up came to its script, so there is nothing to measure."""


class Level(NamedTuple):
    """So many jobs at once, and how many there are in a round."""

    at_once: int
    jobs: int


WARM_UP = Level(4, 8)


@dataclass(slots=True)
class Measurement:
    """What has been measured so far, wherever the driving is broken off.

    Attributes:
        runs: every run that has come to its end.
        under_way: the run that has not, and how far it had come; empty between two.
        model: who writes, as the answers of the warm-up say.
    """

    runs: list[Run] = field(default_factory=list)
    under_way: str = ""
    model: str = ""


@asynccontextmanager
async def client(key: str | None) -> AsyncIterator[aiohttp.ClientSession]:
    """A session that keeps its connections and has as many as it needs."""
    headers = {"Content-Type": "application/json"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_S),
        timeout=aiohttp.ClientTimeout(total=None),  # each job has a limit of its own
        headers=headers,
    ) as session:
        yield session


@dataclass(slots=True)
class Driver:
    """Sends jobs through doors and notes what comes of them.

    Attributes:
        doors: by the names of their sides.
        timeout_s: seconds that a job may take.
        measurement: where it is noted.
    """

    doors: Mapping[str, Door]
    timeout_s: float
    measurement: Measurement = field(default_factory=Measurement)

    async def measure(self, levels: Sequence[Level], rounds: int, key: str | None = None) -> None:
        """Every side in every round of every level, after a warm-up that does not count.

        Both sides of a round are sent the same jobs. Raises NothingWorks where a side answers none.
        """
        jobs, turns = documents(), [(level, turn) for level in levels for turn in range(rounds)]
        total = WARM_UP.jobs + sum(level.jobs for level, _ in turns)
        bar = tqdm(total=total * len(self.doors), desc="jobs", unit=" job")
        with bar:
            async with client(key) as session:
                await self._warm_up(session, list(islice(jobs, WARM_UP.jobs)), bar.update)
                for level, turn in turns:
                    sent = list(islice(jobs, level.jobs))
                    await self._round(session, level, turn, sent, bar)

    async def _warm_up(
        self, session: aiohttp.ClientSession, sent: Sequence[Any], tick: Callable[[], Any]
    ) -> None:
        for side in self.doors:
            run = await self._run(session, side, WARM_UP, -1, sent, tick)
            if not run.done:
                why = ", ".join(sorted({str(sample.failure) for sample in run.samples}))
                raise NothingWorks(f"{side}: no job of the warm-up came to its script ({why})")

    async def _round(
        self, session: aiohttp.ClientSession, level: Level, turn: int, sent: Sequence[Any], bar: Any
    ) -> None:
        """Every side once, the order turned round from one round to the next."""
        for side in list(self.doors) if turn % 2 == 0 else reversed(self.doors):
            run = await self._run(session, side, level, turn, sent, bar.update)
            self.measurement.runs.append(run)
            self.measurement.under_way = ""
            bar.write(told(run), file=bar.fp)

    async def _run(
        self,
        session: aiohttp.ClientSession,
        side: str,
        level: Level,
        turn: int,
        sent: Sequence[Any],
        tick: Callable[[], Any],
    ) -> Run:
        """Send the jobs of a round on one side: whenever one ends, the next is sent."""
        door, samples = self.doors[side], list[Sample]()
        waiting = iter([await door.prepare(document) for document in sent])
        gc.collect()

        async def slot() -> None:
            for prepared in waiting:
                samples.append(await self._job(session, door, prepared))
                self.measurement.under_way = (
                    f"{level.at_once} jobs at once, round {turn + 1}, {side}: "
                    f"{len(samples)} of {len(sent)} jobs had ended"
                )
                tick()

        began = perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(level.at_once):
                group.create_task(slot())
        return Run(side, level.at_once, turn, perf_counter() - began, samples)

    async def _job(self, session: aiohttp.ClientSession, door: Door, prepared: Any) -> Sample:
        """A job as its client sees it; whatever becomes of it is a sample."""
        began = perf_counter()
        try:
            async with asyncio.timeout(self.timeout_s):
                answer = await door.send(session, prepared)
        except (Failed, *KINDS) as error:
            return Sample(failure=kind_of(error))
        self.measurement.model = answer.model
        return sample_of(answer, began, perf_counter())


def kind_of(error: Exception) -> str:
    """How a failure is called."""
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
        f"{run.lines / run.seconds:.2f} lines/s" + (f", {failed} jobs failed" if failed else "")
    )
