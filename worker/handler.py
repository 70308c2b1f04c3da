"""RunPod's job in, our words out, and errors as the wire knows them.

One core, `answers`, and two faces of it: `stream` is the async generator that the SDK runs in
production (its `output` is the list of what it yields), `collect` the coroutine for a local
`test_input.json` run, where the SDK never executes a generator.
"""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from functools import partial
from time import perf_counter
from traceback import format_tb
from typing import Any

from worker.commentary.pipeline import CommentaryOptions
from worker.engine import Engine
from worker.errors import DeadlineExceeded, EngineDead, ResultTooLarge, WorkerError
from worker.record import Record
from worker.shapes import Answer, Context, Request
from worker.shapes.reading import read, shape_of
from worker.state import WorkerState

log = logging.getLogger(__name__)

RESULT_LIMIT = 10_000_000  # bytes; what /run takes, and half of what /runsync does
# Bytes that the SDK puts around a job's answers, and between two of them.
_AROUND, _BETWEEN = len('{"output": []}'), len(", ")
# A request that ends at its deadline by itself gets this much longer to do so, in seconds.
LENIENCE_SECONDS = 5.0


def openai_error(error: WorkerError) -> Mapping[str, Any]:
    """An error as OpenAI's clients read it: the engine's own words where it had some."""
    kind = "invalid_request_error" if error.fault == "caller" else "server_error"
    own = {"message": error.message, "type": kind, "param": error.param, "code": error.code}
    return error.said or own


def error_answer(error: WorkerError, shape: str = "unknown") -> dict[str, str]:
    """An error as RunPod's envelope takes it: one string, itself JSON.

    The SDK would write a dict as a Python repr, and a raised exception with its traceback. What
    is told to an OpenAI client also has OpenAI's `error` object inside.
    """
    told: dict[str, Any] = {
        "code": error.code,
        "message": error.message,
        "param": error.param,
        "retryable": error.retryable,
    }
    if shape == "openai":
        told["error"] = openai_error(error)
    # An input's half characters may be quoted in a message, and nothing could send those.
    text = json.dumps(told, ensure_ascii=False).encode(errors="replace").decode()
    return {"error": text}


def error_event(error: WorkerError) -> str:
    r"""An error as the last event of a stream that has begun.

    The platform only ends such a stream, and half an answer would look whole to its client. The
    engine's own errors (those with `said`) have come through as events of its own.
    """
    return f"data: {json.dumps({'error': openai_error(error)}, ensure_ascii=False)}\n\n"


def size_of(answer: Answer) -> int:
    """Bytes of an answer as the SDK sends it. Raises ValueError where that is not JSON."""
    return len(json.dumps(answer, ensure_ascii=False, allow_nan=False).encode())


class Turn:
    """A job's place among those that generate, from when it has one until generation has ended.

    What the platform takes its time to accept after that holds up nobody, and is no lateness.
    """

    def __init__(self, places: asyncio.Semaphore) -> None:
        self._places = places
        self._held = False
        self.over = False

    async def wait(self) -> None:
        """Take a place, in order of arrival."""
        await self._places.acquire()
        self._held = True

    def end(self) -> None:
        """Give the place back; once is enough."""
        self.over = True
        if self._held:
            self._held = False
            self._places.release()


class Handler:
    """Answers RunPod's jobs with an engine, so many at once.

    Args:
        engine: the model that is asked.
        options: how commentary is made where a request does not say; `deadline_s` is every job's.
        concurrency: jobs that may generate at once; the others wait for their turn.
        on_fatal: told, once, of the error after which this process must not take another job;
            whoever serves may put its own there.
    """

    def __init__(
        self,
        engine: Engine,
        options: CommentaryOptions,
        concurrency: int,
        on_fatal: Callable[[WorkerError], None],
    ) -> None:
        self.on_fatal = on_fatal
        self.state = WorkerState(concurrency)
        self._engine, self._options = engine, options
        self._turns = asyncio.Semaphore(concurrency)
        self._fault: WorkerError | None = None
        self._timeouts: set[asyncio.Timeout] = set()

    async def stream(self, job: Mapping[str, Any]) -> AsyncIterator[Answer]:
        """The production handler: every answer of a job, as it is ready."""
        answers = self.answers(job)
        close_with_task(answers)
        async with aclosing(answers):
            async for answer in answers:
                yield answer

    async def collect(self, job: Mapping[str, Any]) -> Answer | list[Answer]:
        """The local handler: a job's one answer, the chunks of a streamed one, or its error."""
        async with aclosing(self.answers(job)) as answers:
            *chunks, last = [answer async for answer in answers]
        failed = isinstance(last, dict) and "error" in last
        return last if failed or not chunks else [*chunks, last]

    def fail(self, error: WorkerError) -> None:
        """Whatever is under way fails with a fatal error, now; nothing new begins."""
        if self._fault:
            return
        self._fault = error
        for timeout in self._timeouts:
            if not timeout.expired():
                timeout.reschedule(0)
        self.on_fatal(error)

    async def answers(self, job: Mapping[str, Any]) -> AsyncGenerator[Answer, None]:
        """What a job comes to; an error is its last answer, never an exception."""
        record = Record(str(job.get("id")))
        self.state.in_flight += 1
        try:
            async with aclosing(self._answers(job.get("input"), record)) as answers:
                async for answer in answers:
                    yield answer
            self.state.served += 1
        except (GeneratorExit, asyncio.CancelledError):
            record.finish = "cancelled"  # though all of it may have been generated
            raise
        except WorkerError as error:
            if error.fatal:
                self.fail(error)
            yield self._failed(error, record)
        except Exception as error:  # the wire must never see it, the log must
            told = place_of(error)  # `log.exception` would also tell what it says
            log.error("job %s failed on a fault of the worker: %s", record.id, told)  # noqa: TRY400
            log.debug("what it says", exc_info=error)
            own = WorkerError("The worker failed on this job; its log says why.")
            yield self._failed(own, record)
        finally:
            self.state.in_flight -= 1
            record.write()

    def _failed(self, error: WorkerError, record: Record) -> Answer:
        self.state.failed += 1
        record.finish, record.error = "failed", error.code
        return error_answer(error, record.shape)

    async def _answers(self, document: object, record: Record) -> AsyncGenerator[Answer, None]:
        record.shape = shape_of(document) or record.shape  # an error's form depends on it, too
        request = read(document)
        turn, answer = Turn(self._turns), None
        context = Context(
            record.id,
            self._engine,
            self._options,
            record,
            self.state,
            generated=turn.end,
            in_time=partial(self._patience, request, record, turn),
        )
        async with aclosing(_measured(self._bounded(request, context, turn), record)) as answers:
            try:
                async for answer in answers:
                    yield answer
            except WorkerError as error:
                if isinstance(answer, str) and error.said is None:
                    yield error_event(error)
                raise

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
        engine. When the engine dies, the jobs that it has not seen are left for the platform to
        place elsewhere: they are never answered, and the process ends.
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
            self.fail(error)
            await asyncio.Event().wait()
        finally:
            self.state.waiting -= 1
            record.waited_ms = record.elapsed_ms

    def _allowed(self, request: Request) -> float:
        """Seconds that the job may take."""
        return min(self._options.deadline_s, request.deadline_s or self._options.deadline_s)

    def _require_time(self, request: Request, record: Record) -> None:
        if record.elapsed_ms > self._allowed(request) * 1000:
            raise self._lateness(request)

    def _require_life(self) -> None:
        if self._engine.dead:
            raise EngineDead("The engine has died.")

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
        left = 0.0 if self._fault else max(0.0, left)
        timeout = asyncio.timeout(left)
        self._timeouts.add(timeout)
        try:
            async with timeout:
                yield
        except TimeoutError:
            if not timeout.expired():
                raise
            raise self._lateness(request) from None
        finally:
            self._timeouts.discard(timeout)

    def _lateness(self, request: Request) -> WorkerError:
        if self._fault:
            return EngineDead(self._fault.message)
        return DeadlineExceeded(f"Not finished within {self._allowed(request):g} s.")


async def _measured(
    answers: AsyncGenerator[Answer, None], record: Record
) -> AsyncGenerator[Answer, None]:
    """The same answers, as long as the platform takes what they come to; the first one noted."""
    sent = _AROUND - _BETWEEN
    async with aclosing(answers):
        async for answer in answers:
            sent += size_of(answer) + _BETWEEN
            if sent > RESULT_LIMIT:
                limit = RESULT_LIMIT // 1_000_000
                raise ResultTooLarge(f"The answer is over {limit} MB; ask for less of it.")
            if record.first_ms is None:
                record.first_ms = record.elapsed_ms
            yield answer


def place_of(error: BaseException) -> str:
    """What kind of exception it is and where it comes from; what it says may be a caller's data."""
    return f"{type(error).__name__}\n{''.join(format_tb(error.__traceback__))}"


def close_with_task(answers: AsyncGenerator[Answer, None]) -> None:
    """Close `answers` as soon as the running task is over, however it ends.

    The SDK cancels a job's task wherever it is. Where that is its own POST of an answer, nobody
    tells the generator that is suspended meanwhile, and the engine would go on generating until
    the garbage collector came by.
    """
    task = asyncio.current_task()
    if task is None:
        return
    closing: set[asyncio.Task[None]] = set()  # the loop alone would forget it

    def close(_: object) -> None:
        closing.add(asyncio.create_task(_close(answers)))

    task.add_done_callback(close)


async def _close(answers: AsyncGenerator[Answer, None]) -> None:
    with suppress(RuntimeError):  # it is being closed by somebody else
        await answers.aclose()
