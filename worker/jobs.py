"""Jobs on an engine, whichever door they came through: so many at once, each within its time.

RunPod's queue (`worker.handler`) and the HTTP service (`worker.serve.http`) differ in how they take
a job and how they tell its answers and its error. What lies between is here: its turn, its
deadline, the engine's death, its callback, its line in the log, and whoever else counts jobs.
"""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    aclosing,
    asynccontextmanager,
    suppress,
)
from functools import partial
from time import perf_counter
from traceback import format_tb
from typing import Any

from worker.callbacks import Callbacks
from worker.commentary.pipeline import CommentaryOptions
from worker.delivering import Delivering
from worker.engine import Engine
from worker.errors import DeadlineExceeded, EngineDead, ResultTooLarge, WorkerError
from worker.record import CANCELLED, FAILED, UNKNOWN, Record
from worker.shapes import Answer, Context, Request, reading
from worker.state import WorkerState

log = logging.getLogger(__name__)

# Bytes that the SDK puts around a job's answers, and between two of them.
_AROUND, _BETWEEN = len('{"output": []}'), len(", ")
# A request that ends at its deadline by itself gets this much longer to do so, in seconds.
LENIENCE_SECONDS = 5.0


def size_of(answer: Answer) -> int:
    """Bytes of an answer as the SDK sends it. Raises ValueError where that is not JSON."""
    return len(json.dumps(answer, ensure_ascii=False, allow_nan=False).encode())


class Turn:
    """A job's place among those that generate, from when it has one until generation has ended.

    What the platform takes its time to accept after that holds up nobody, and is no lateness.
    """

    def __init__(self, places: asyncio.Semaphore, crowd: set["Turn"]) -> None:
        self._places, self._crowd = places, crowd
        self._held = False
        self.over = False
        crowd.add(self)

    async def wait(self) -> None:
        """Take a place, in order of arrival."""
        await self._places.acquire()
        self._held = True

    def end(self) -> None:
        """Give the place back; once is enough."""
        self.over = True
        self._crowd.discard(self)
        if self._held:
            self._held = False
            self._places.release()


Tell = Callable[[WorkerError], Awaitable[Mapping[str, Any] | None]]
"""Who is told of a failure, and then says what became of that."""


async def _to_nobody(_error: WorkerError) -> None:
    """Nobody has asked to be told."""


def _uncounted(_record: Record) -> None:
    """Nobody counts."""


class Jobs:
    """Answers jobs with an engine, so many at once; belongs to one event loop.

    Args:
        engine: the model that is asked.
        options: how commentary is made where a request does not say; `deadline_s` is every job's.
        concurrency: jobs that may generate at once; the others wait for their turn.
        on_fatal: told, once, of the error after which this process must not take another job;
            whoever serves may put its own there.
        callbacks: who posts results to the back end; None posts nothing.
        observe: told of every job at its end, whatever became of it.

    Attributes:
        state: counts of what has been done.
    """

    def __init__(
        self,
        engine: Engine,
        options: CommentaryOptions,
        concurrency: int,
        on_fatal: Callable[[WorkerError], None],
        *,
        callbacks: Callbacks | None = None,
        observe: Callable[[Record], None] = _uncounted,
    ) -> None:
        self.on_fatal = on_fatal
        self.state = WorkerState(concurrency)
        self.engine = engine
        self._options, self._callbacks, self._observe = options, callbacks, observe
        self._turns = asyncio.Semaphore(concurrency)
        self._crowd: set[Turn] = set()
        self._fault: WorkerError | None = None
        self._timeouts: set[asyncio.Timeout] = set()

    @property
    def crowd(self) -> int:
        """Jobs that generate or wait for their turn, also those that have not begun to."""
        return len(self._crowd)

    def turn(self) -> Turn:
        """A turn for a job that is about to come; it counts from now until it is ended."""
        return Turn(self._turns, self._crowd)

    def fail(self, error: WorkerError) -> None:
        """Whatever is under way fails with a fatal error, now; nothing new begins."""
        if self._fault:
            return
        self._fault = error
        for timeout in self._timeouts:
            if not timeout.expired():
                timeout.reschedule(0)
        self.on_fatal(error)

    async def run(
        self,
        record: Record,
        document: object,
        *,
        reader: Callable[[Any], Request] | None = None,
        turn: Turn | None = None,
        limit: int | None = None,
    ) -> AsyncGenerator[Answer, None]:
        """What a job comes to, answer by answer; its line is in the log when this has ended.

        Args:
            record: of this job, whose id it has; and its shape, where that is known.
            document: its input.
            reader: makes the request of it, or raises InvalidInput; None takes any shape.
            turn: the job's, from `turn()`, where its place was counted beforehand.
            limit: bytes of all its answers together; None is without bound.

        Raises:
            WorkerError: why it failed, whatever went wrong; nothing else.
        """
        delivering = Delivering(self._callbacks, record)
        turn = turn or self.turn()
        try:
            async with self.counted(record, partial(delivering.failure, document)):
                if record.shape == UNKNOWN:  # an error's form depends on it, too
                    record.shape = reading.shape_of(document) or UNKNOWN
                delivering.aim(document)
                request = (reader or reading.read)(document)
                made = self._answers(request, record, delivering, turn)
                async with aclosing(_measured(made, record, limit)) as answers:
                    async for answer in answers:
                        yield answer
        finally:
            turn.end()

    @asynccontextmanager
    async def counted(self, record: Record, tell: Tell = _to_nobody) -> AsyncIterator[None]:
        """Count what is done within, and log its line when it has ended; `tell` of its failure.

        Raises WorkerError about whatever goes wrong, and lets a cancellation through.
        """
        self.state.in_flight += 1
        try:
            yield
            failed = record.finish == FAILED  # an answer that the engine itself calls an error
            self.state.failed += failed
            self.state.served += not failed
        except (GeneratorExit, asyncio.CancelledError):
            record.finish = CANCELLED  # though all of it may have been generated
            raise
        except WorkerError as error:
            await self._failed(error, record, tell)
            raise
        except Exception as error:  # the wire must never see it, the log must
            told = place_of(error)  # `log.exception` would also tell what it says
            log.error("job %s failed on a fault of the worker: %s", record.id, told)  # noqa: TRY400
            log.debug("what it says", exc_info=error)
            own = WorkerError("The worker failed on this job; its log says why.")
            await self._failed(own, record, tell)
            raise own from error
        finally:
            self.state.in_flight -= 1
            record.write()
            self._observe(record)

    async def _failed(self, error: WorkerError, record: Record, tell: Tell) -> None:
        self.state.failed += 1
        record.finish, record.error = FAILED, error.code
        if error.fatal:
            self.fail(error)
        error.callback = await tell(error)

    def _answers(
        self, request: Request, record: Record, delivering: Delivering, turn: Turn
    ) -> AsyncGenerator[Answer, None]:
        context = Context(
            record.id,
            self.engine,
            self._options,
            record,
            self.state,
            generated=turn.end,
            in_time=partial(self._patience, request, record, turn),
            deliver=delivering.result if delivering.wanted else None,
        )
        return self._bounded(request, context, turn)

    async def _bounded(
        self, request: Request, context: Context, turn: Turn
    ) -> AsyncGenerator[Answer, None]:
        """The answers of a request, in its turn, each within what is left of the job's time."""
        lenience = LENIENCE_SECONDS if request.keeps_deadline else 0.0
        try:
            await self._wait_for_turn(request, context.record, turn)
            async with aclosing(request.answers(context)) as answers:
                while True:
                    async with self._patience(request, context.record, turn, lenience):
                        answer = await anext(answers, None)
                    if answer is None:
                        return
                    yield answer
        finally:
            turn.end()

    async def _wait_for_turn(self, request: Request, record: Record, turn: Turn) -> None:
        """Wait for a place, if this request generates.

        One that keeps its deadline goes on without a place when it has passed: it ends without the
        engine. When the engine dies, so have those that it has not seen.
        """
        if not request.generates:
            return
        self.state.waiting += 1
        try:
            async with self._patience(request, record, turn):
                await turn.wait()
            self._require_life()  # the turn may have come because those before it failed
            self._require_time(request, record)  # or because they were late themselves
        except DeadlineExceeded:
            if not request.keeps_deadline:
                raise
        except EngineDead as error:
            turn.end()
            await self._unseen(error)
        finally:
            self.state.waiting -= 1
            record.waited_ms = record.elapsed_ms

    async def _unseen(self, error: EngineDead) -> None:
        """What becomes of a job that a dead engine has never seen: it fails as those it has."""
        raise error

    def _allowed(self, request: Request) -> float:
        """Seconds that the job may take."""
        return min(self._options.deadline_s, request.deadline_s or self._options.deadline_s)

    def _require_time(self, request: Request, record: Record) -> None:
        if record.elapsed_ms > self._allowed(request) * 1000:
            raise self._lateness(request)

    def _require_life(self) -> None:
        if self.engine.dead:
            raise self._death()

    @asynccontextmanager
    async def _patience(
        self, request: Request, record: Record, turn: Turn, lenience: float = 0.0
    ) -> AsyncIterator[None]:
        """Raise DeadlineExceeded at the job's deadline, or the fatal error as soon as there is one.

        What has been generated is not late any more, and what is there already is not waited for:
        neither is cut off. Not to be held across a yield: the SDK's own awaits would be cut off.
        """
        if turn.over:
            yield
            return
        left = max(lenience, self._allowed(request) - (perf_counter() - record.began))
        async with self._within(max(0.0, left), partial(self._lateness, request)):
            yield

    def alive(self) -> AbstractAsyncContextManager[None]:
        """Raise the fatal error as soon as there is one; for what has no deadline of its own.

        Not to be held across a yield.
        """
        return self._within(None, self._death)

    @asynccontextmanager
    async def _within(
        self, seconds: float | None, late: Callable[[], WorkerError]
    ) -> AsyncIterator[None]:
        timeout = asyncio.timeout(0.0 if self._fault else seconds)
        self._timeouts.add(timeout)
        try:
            async with timeout:
                yield
        except TimeoutError:
            if not timeout.expired():
                raise
            raise late() from None
        finally:
            self._timeouts.discard(timeout)

    def _death(self) -> EngineDead:
        return EngineDead(self._fault.message if self._fault else "The engine has died.")

    def _lateness(self, request: Request) -> WorkerError:
        if self._fault:
            return self._death()
        return DeadlineExceeded(f"Not finished within {self._allowed(request):g} s.")


async def _measured(
    answers: AsyncGenerator[Answer, None], record: Record, limit: int | None
) -> AsyncGenerator[Answer, None]:
    """The same answers, as long as the platform takes what they come to; the first one noted."""
    sent = _AROUND - _BETWEEN
    async with aclosing(answers):
        async for answer in answers:
            sent += 0 if limit is None else size_of(answer) + _BETWEEN
            if limit is not None and sent > limit:
                most = limit // 1_000_000
                raise ResultTooLarge(f"The answer is over {most} MB; ask for less of it.")
            if record.first_ms is None:
                record.first_ms = record.elapsed_ms
            yield answer


def place_of(error: BaseException) -> str:
    """What kind of exception it is and where it comes from; what it says may be a caller's data."""
    return f"{type(error).__name__}\n{''.join(format_tb(error.__traceback__))}"


def close_with_task(answers: AsyncGenerator[Any, None]) -> None:
    """Close `answers` as soon as the running task is over, however it ends.

    The SDK cancels a job's task wherever it is. Where that is its own POST of an answer, nobody
    tells the generator that is suspended meanwhile, and the engine would go on generating until
    the garbage collector came by.
    """
    closing: set[asyncio.Task[None]] = set()  # the loop alone would forget it
    at_end_of_task(lambda: closing.add(asyncio.create_task(_close(answers))))


def at_end_of_task(call: Callable[[], object]) -> None:
    """Call this as soon as the running task is over, however it ends."""
    task = asyncio.current_task()
    if task is not None:
        task.add_done_callback(lambda _: call())


async def _close(answers: AsyncGenerator[Any, None]) -> None:
    with suppress(RuntimeError):  # it is being closed by somebody else
        await answers.aclose()
