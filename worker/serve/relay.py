"""vLLM's own routes passed on: its answer as it stands, read along for the log and the metrics."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AsyncExitStack, aclosing
from typing import Any, Final

from worker.engine import Engine, Reply
from worker.engine.openai import code_of, failure, parsed_or_text
from worker.errors import EngineDead, EngineError, WorkerError
from worker.handler import error_event
from worker.jobs import Jobs
from worker.record import FAILED, Record
from worker.shapes.asking import LAST_EVENTS, Event, Notes, fault

# What an event has that tells of the answer's end; the others are not looked into.
TELLING: Final = (
    *(b'"error"', b'"usage"', b'"finish_reason":"'),
    *(event.encode() for event in sorted(LAST_EVENTS)),
)

Answer = AsyncGenerator[Reply | bytes, None]


async def relayed(
    jobs: Jobs, record: Record, method: str, path: str, body: Mapping[str, Any] | None
) -> Answer:
    """The engine's reply, and then its body, counted as a job.

    It waits for no turn and has no deadline: the engine has a queue of its own for these. Raises
    WorkerError where the engine gives no answer, or dies.
    """
    async with jobs.counted(record), AsyncExitStack() as stack:
        async with jobs.alive():
            reply = await stack.enter_async_context(jobs.engine.route(method, path, body))
        _require_an_answer(reply, jobs.engine)
        record.model = jobs.engine.model
        yield reply
        reading = _Reading(record, reply)
        async for piece in _alive(jobs, stack, reply.body):
            if record.first_ms is None:
                record.first_ms = record.elapsed_ms
            reading.read(piece, jobs.engine)
            yield piece
        reading.close()


def _require_an_answer(reply: Reply, engine: Engine) -> None:
    """Raise what is no answer to the client: the worker's own key refused, or a death."""
    if reply.status in (401, 403):  # its text may quote the key
        raise failure(reply.status, None)
    if reply.status >= 500 and engine.dead:
        raise EngineDead("The engine has died.")


async def _alive(
    jobs: Jobs, stack: AsyncExitStack, body: AsyncIterator[bytes]
) -> AsyncIterator[bytes]:
    """The pieces of a body, as long as the engine lives."""
    if isinstance(body, AsyncGenerator):
        await stack.enter_async_context(aclosing(body))
    while True:
        async with jobs.alive():
            piece = await anext(body, None)
        if piece is None:
            return
        yield piece


class _Reading:
    """What a job's record learns from an answer that is passed on."""

    def __init__(self, record: Record, reply: Reply) -> None:
        self._record, self._status = record, reply.status
        self._notes = Notes(record)
        self._streams = reply.content_type.startswith("text/event-stream")
        self._whole: list[bytes] = []
        self._error: EngineError | None = None

    def read(self, piece: bytes, engine: Engine) -> None:
        """Keep a piece of a whole answer; look into one of a stream, as far as it tells its end."""
        if not self._streams:
            self._whole.append(piece)
        elif any(word in piece for word in TELLING):
            for text in piece.split(b"\n\n"):
                self._note(Event.of(text.split(b"\n")), engine)

    def _note(self, event: Event, engine: Engine) -> None:
        self._notes.read(event.document or {})
        if event.error:
            self._error = fault(engine, code_of(event.error), event.error)

    def close(self) -> None:
        """Note how it ended."""
        document = parsed_or_text(b"".join(self._whole))
        if self._status >= 400:
            self._error = failure(self._status, document)
        elif isinstance(document, dict):
            self._notes.read(document)
        self._notes.close()
        if self._error:
            self._record.finish, self._record.error = FAILED, self._error.code


async def to_its_end(answer: Answer) -> AsyncGenerator[bytes, None]:
    """The pieces of a stream; one that breaks off ends with an event that says so."""
    async with aclosing(answer):
        try:
            async for piece in answer:
                if isinstance(piece, bytes):
                    yield piece
        except WorkerError as error:
            yield error_event(error).encode()


async def pieces_of(answer: Answer) -> bytes:
    """All the pieces that are left of an answer, joined."""
    async with aclosing(answer):
        return b"".join([piece async for piece in answer if isinstance(piece, bytes)])
