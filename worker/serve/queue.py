"""RunPod's job queue: the SDK's own loop, made to take what there is room for and lose nothing.

What the SDK 1.12.0 does by itself, measured against a control plane: a job that was taken waits up
to a tenth of a second before it begins; when the worker is full it sleeps a second before it looks
again, and hears of no job to stop for a second after each poll that had none; a job that the
pending poll hands out after SIGTERM is dropped; the exit then waits for both long polls, up to
ninety seconds.
"""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import runpod
from runpod.serverless.modules import rp_job, rp_scale
from runpod.serverless.modules.rp_job import get_job, get_stop_signals

from worker.ending import END_SECONDS, LAST_WORDS_SECONDS, end_now, end_within
from worker.engine import Engine
from worker.errors import WorkerError
from worker.handler import Handler
from worker.health import DRAINING, READY, Health
from worker.jobs import place_of
from worker.serve.posting import within_limit
from worker.serve.taking import Lenient
from worker.watchdog import fault_of

log = logging.getLogger(__name__)

POLL_SECONDS = 90.0  # the SDK's own bound on a poll that nobody answers
OVERTAKING_SECONDS = 2.0  # by which a stop can be faster than the job that it is about
ANSWER_SECONDS = 3.0  # for the rest of an answer that has begun
PAUSE_SECONDS = 0.2  # between the beginnings of two polls for jobs to stop, at least

Job = dict[str, Any]


def held(concurrency: int) -> int:
    """Jobs to hold at once: a few more than run, so that the next one is here when one ends."""
    return concurrency + max(1, concurrency // 4)


def _unanswered(job_id: str, task: asyncio.Task[None]) -> None:
    """Say of a job that the SDK failed to answer it; nobody else asks what became of the task."""
    if not task.cancelled() and (error := task.exception()):
        log.error("job %s was not answered: %s", job_id, place_of(error))


class JobLoop(rp_scale.JobScaler):  # type: ignore[misc]  # the SDK has no types
    """The SDK's loop with another way to fetch jobs, to begin them and to end.

    How a job is handled and answered is the SDK's, unchanged.

    Args:
        config: the SDK's.
        handler: answers the jobs; its fatal errors end the process.
        engine: what is looked after.
        stall_s: seconds of silence after which the engine counts as stuck; 0 is never.
        grace_s: seconds after SIGTERM for which a poll may still bring a job.
        health: where it says that it takes jobs, for as long as this loop turns.
        end: ends the process at once, with its children.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        *,
        handler: Handler,
        engine: Engine,
        stall_s: float,
        grace_s: float,
        health: Health,
        end: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._room = held(handler.state.concurrency)
        # The SDK lets only a local test bring its own fetcher, and bounds it; this one does so.
        self.jobs_fetcher, self.jobs_fetcher_timeout = self._fetch, None
        self.stop_signals_fetcher = self._stops
        self._handler, self._engine, self._end = handler, engine, end
        self._stall_s, self._grace_s = stall_s, grace_s
        self._health = health
        self._poll: asyncio.Future[list[Job] | None] | None = None
        self._changed = asyncio.Event()
        self._leaving = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._taking = Lenient(None)
        self._begun: set[str] = set()
        self._stopped: set[str] = set()
        self._overtaking: dict[str, float] = {}  # when which stop came that found no job
        handler.on_fatal = self._die

    async def run(self) -> None:
        """The SDK's loops, and a look at the engine now and then, until the process ends."""
        self._loop = asyncio.get_running_loop()
        self._health.state(READY)
        self._start(self._health.beat(lambda: not self._engine.dead))
        self._start(self._look_after())
        await super().run()

    async def run_jobs(self, session: Any) -> None:
        """Begin each job as it is taken; the SDK looks for new ones ten times a second."""
        while self.is_alive():
            await self._until(lambda: not self.jobs_queue.empty())
            job = self.jobs_queue.get_nowait()
            task = asyncio.create_task(self.handle_job(session, job))
            task.add_done_callback(partial(_unanswered, job["id"]))
            self.jobs_tasks[job["id"]] = task

    async def handle_job(self, session: Any, job: Job) -> None:
        """Run a job as the SDK does, and say that there is room again."""
        self._begun.add(job["id"])
        if job["id"] in self._stopped:
            asyncio.current_task().cancel()  # type: ignore[union-attr]  # at its first await
        try:
            await super().handle_job(session, job)
        finally:
            self._begun.discard(job["id"])
            self._stopped.discard(job["id"])
            self._changed.set()

    async def stop_job(self, job_id: str) -> bool:
        """Stop a job as the SDK does; one that has not begun yet, as soon as it begins.

        The SDK would let it run, or never give its place back: a task that is cancelled before
        its first step takes none. The word may also overtake its job, whose poll is still being
        answered.
        """
        if job_id in self._begun:
            stopped: bool = await super().stop_job(job_id)
            return stopped
        here = self.job_progress.get(job_id) is not None
        if here:
            self._stopped.add(job_id)
        self._overtaking[job_id] = self._clock()
        return here

    async def _stops(self, session: Any) -> list[str]:
        """The jobs to stop, as soon as there are some.

        After a poll that brought none the SDK does nothing for a second, in which a cancelled job
        goes on; a platform that does not hold its polls is asked a few times a second.
        """
        clock = asyncio.get_running_loop().time
        while True:
            next_poll = clock() + PAUSE_SECONDS
            jobs: list[str] = await get_stop_signals(session)
            if jobs:
                return jobs
            await asyncio.sleep(next_poll - clock())

    def handle_shutdown(self, signum: int, _frame: object) -> None:
        """SIGTERM or SIGINT: take no more, finish what is here, end; once."""
        if self._loop is None:
            self.kill_worker()
        elif not self._leaving:
            log.info("signal %d: no more jobs are taken, %d finish", signum, self._in_hand())
            self._leaving = True
            with suppress(RuntimeError):  # the loop is over, and the worker about to end
                self._loop.call_soon_threadsafe(lambda: self._start(self._leave()))

    def _start(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        """Without one of its own tasks the worker cannot be relied on."""
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.critical("a fault of the worker's own: %s", place_of(error))
            self._die(WorkerError("It is at fault itself."))

    def _in_hand(self) -> int:
        count: int = self.job_progress.get_job_count()
        return count

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._changed.clear()
            await self._changed.wait()

    async def _fetch(self, session: Any, _wanted: int) -> list[Job] | None:
        """As many jobs as there is room for, when there is some; none any more while leaving."""
        await self._until(lambda: self._in_hand() < self._room and not self._leaving)
        free = self._room - self._in_hand()
        self._taking = Lenient(session)
        self._poll = asyncio.ensure_future(get_job(self._taking, free))
        try:
            await self._answer_of(self._poll, POLL_SECONDS)
            return None if self._poll.cancelled() else self._usable(self._poll.result())
        finally:
            self._poll.cancel()
            self._poll = None
            self._changed.set()

    async def _answer_of(self, poll: asyncio.Future[Any], seconds: float) -> None:
        """Wait for a poll to end, and let it go after `seconds`; not while it is being answered."""
        await asyncio.wait([poll], timeout=seconds)
        if not poll.done():
            await self._let_go(poll)

    async def _let_go(self, poll: asyncio.Future[Any]) -> None:
        """Cancel a poll; one whose answer has begun brings jobs, and gets the time to."""
        if self._taking.answered:
            await asyncio.wait([poll], timeout=ANSWER_SECONDS)
        poll.cancel()
        await asyncio.wait([poll])

    def _usable(self, jobs: list[Any] | None) -> list[Job]:
        """The jobs that can be begun: the SDK would drop all that follow one without an id.

        One that is here already has been handed out twice, because it was thought lost: its answer
        is on its way.
        """
        self._clock()
        usable: dict[str, Job] = {}
        for job in jobs or []:
            name = job.get("id") if isinstance(job, dict) else None
            if not isinstance(name, str) or self.job_progress.get(name) or name in usable:
                log.error("the platform handed out a job that has no id or is here already")
            else:
                usable[name] = job
        self._stopped |= usable.keys() & self._overtaking.keys()
        return list(usable.values())

    def _clock(self) -> float:
        """Seconds; forgets whom no word can have overtaken any more: it may be tried again."""
        now = asyncio.get_running_loop().time()
        since = now - OVERTAKING_SECONDS
        self._overtaking = {name: at for name, at in self._overtaking.items() if at > since}
        return now

    async def _leave(self) -> None:
        """End once the pending poll and every job have come to their end."""
        self._health.state(DRAINING)
        try:
            async with asyncio.timeout(self._grace_s):
                await self._until(lambda: self._poll is None)
        except TimeoutError:
            if self._poll:
                await self._let_go(self._poll)
        await self._until(lambda: self._poll is None and not self._in_hand())
        # From a task, asyncio would report it as a failure.
        asyncio.get_running_loop().call_soon(sys.exit, 0)

    def _stop_polling(self) -> None:
        if self._poll:
            self._poll.cancel()

    async def _look_after(self) -> None:
        self._handler.fail(await fault_of(self._engine, self._stall_s))

    def _die(self, error: WorkerError) -> None:
        """Take no more, let the answers leave, and end with a failure."""
        log.critical("%s: the worker ends: %s", error.code, error.message)
        self._leaving = True
        self._stop_polling()
        end_within(END_SECONDS, self._end)
        self._start(self._last_words())

    async def _last_words(self) -> None:
        state = self._handler.state
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS_SECONDS):
                await self._until(lambda: self._in_hand() <= state.waiting)
        log.critical("%d jobs are left for the platform to place elsewhere", self._in_hand())
        self._end()


Check = Callable[[], Awaitable[None] | None]


def serve(
    handler: Handler,
    engine: Engine,
    *,
    checks: Iterable[Check],
    stall_s: float,
    grace_s: float,
    health: Health,
) -> None:
    """Take jobs from the platform, or from the SDK's local API, until told to end.

    Args:
        handler: answers them.
        engine: what it asks, to be looked after.
        checks: what the SDK tries before the first job; one that raises ends the process.
        stall_s: see `JobLoop`.
        grace_s: see `JobLoop`.
        health: see `JobLoop`; the local API does not use it.
    """
    rp_scale.JobScaler = partial(
        JobLoop,
        handler=handler,
        engine=engine,
        stall_s=stall_s,
        grace_s=grace_s,
        health=health,
        end=end_now,
    )
    rp_job.stream_result = within_limit(rp_job.stream_result)
    for check in checks:
        runpod.serverless.register_fitness_check(check)
    # More than the SDK can ever count, which counts a job in its queue twice: it would sleep for
    # a second where it found itself full. What there is room for, the fetcher knows.
    beyond = 2 * held(handler.state.concurrency) + 1
    runpod.serverless.start(
        {
            "handler": handler.stream,
            "return_aggregate_stream": True,
            "concurrency_modifier": lambda _current: beyond,
        }
    )
