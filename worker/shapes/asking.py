"""Asking the engine's OpenAI routes, and what a job's record learns from the answers.

For the shapes that hand on what the engine says. Leaving a call, however, ends the generation.
"""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from worker.engine import Engine, Reply, Usage
from worker.engine.openai import code_of, failure, lines, parsed, parsed_or_text, said_of
from worker.errors import EngineDead, EngineError, EngineKeyRefused
from worker.record import Record

Document = dict[str, Any]

DONE: Final = "[DONE]"
# How a stream of /v1/responses ends, which has no [DONE].
# Source: https://platform.openai.com/docs/api-reference/responses-streaming
LAST_EVENTS: Final = frozenset({"response.completed", "response.failed", "response.incomplete"})


@dataclass(frozen=True, slots=True)
class Event:
    r"""One server-sent event.

    Attributes:
        text: the whole of it as it came, the blank line at its end included.
        data: what its data lines say.
        document: that as a JSON object, or None where it is none (`[DONE]`, a comment).
    """

    text: str
    data: str
    document: Document | None

    @classmethod
    def of(cls, written: list[bytes]) -> "Event":
        """The event that these lines make."""
        text = b"\n".join(written).decode(errors="replace")
        fields = [line[5:].removeprefix(" ") for line in text.split("\n") if line[:5] == "data:"]
        data = "\n".join(fields)
        return cls(f"{text}\n\n", data, _object(data))

    @property
    def error(self) -> object:
        """The error that it tells of, in whatever form; None or nothing where it tells of none."""
        document = self.document or {}
        return document if document.get("type") == "error" else document.get("error")

    @property
    def last(self) -> bool:
        """Whether a stream that has come to it has come to its end."""
        return self.data == DONE or (self.document or {}).get("type") in LAST_EVENTS


def _object(data: str) -> Document | None:
    try:
        document = json.loads(data)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def fault(engine: Engine, status: int, document: object) -> EngineError:
    """The error that an engine's status stands for; a dead engine's every answer is its death."""
    return EngineDead("The engine has died.") if engine.dead else failure(status, document)


def _passed_on(engine: Engine, told: object) -> EngineError:
    """The error of an event that its client has read: it has `said`, whatever its form.

    So whoever ends the stream knows that it need not be said again.
    """
    code = code_of(told)
    error = fault(engine, code, told)
    own = {"message": error.message, "type": "server_error", "param": None, "code": code}
    quotable = None if isinstance(error, EngineKeyRefused) else said_of(told)
    error.said = error.said or quotable or own
    return error


@asynccontextmanager
async def _asked(
    engine: Engine, method: str, path: str, body: Mapping[str, Any] | None
) -> AsyncIterator[Reply]:
    """A reply of status 200; any other is raised."""
    async with engine.route(method, path, body) as reply:
        try:
            if reply.status != 200:
                raise fault(engine, reply.status, parsed_or_text(await _whole(reply)))
            yield reply
        finally:
            if isinstance(reply.body, AsyncGenerator):
                await reply.body.aclose()


async def _whole(reply: Reply) -> bytes:
    return b"".join([piece async for piece in reply.body])


async def answer(
    engine: Engine, method: str, path: str, body: Mapping[str, Any] | None = None
) -> Document:
    """The engine's whole answer; raises what `Engine.route` raises and what its status says.

    An answer of /v1/responses that failed has status 200 and its error inside.
    """
    async with _asked(engine, method, path, body) as reply:
        document = parsed(await _whole(reply))
        if error := document.get("error"):
            raise fault(engine, code_of(error), document)
        return document


async def events(engine: Engine, path: str, body: Mapping[str, Any]) -> AsyncGenerator[Event, None]:
    """The events of an answer that is streamed, each whole.

    Raises what `answer` raises, and EngineError right after an event that tells of an error, with
    what was `said` there, and where the stream stops before its end, with nothing.
    """
    ended = False
    async with (
        _asked(engine, "POST", path, body) as reply,
        aclosing(_whole_events(reply.body)) as found,
    ):
        async for event in found:
            yield event
            if event.error:
                raise _passed_on(engine, event.error)
            ended = ended or event.last
    if not ended:
        raise fault(engine, 500, "the stream broke off")


async def _whole_events(body: AsyncIterator[bytes]) -> AsyncGenerator[Event, None]:
    """Events out of pieces that end anywhere; what is not ended by a blank line is none."""
    written: list[bytes] = []
    async with aclosing(lines(body)) as found:
        async for line in found:
            if line:
                written.append(line)
            elif written:
                yield Event.of(written)
                written.clear()


@dataclass(slots=True)
class Notes:
    """What a job's record learns from its answer, whole or in events; odd ones teach nothing."""

    record: Record
    _reasons: dict[int, str] = field(default_factory=dict)

    def read(self, document: Mapping[str, Any]) -> None:
        """Note the model, the tokens, the time in the queue and the reasons for the end."""
        told = _dict(document.get("response")) or document  # of an event of /v1/responses
        if isinstance(model := told.get("model"), str):
            self.record.model = model
        self.record.usage = _usage(told) or self.record.usage
        queued = _dict(told.get("metrics")).get("queue_time_ms")
        if isinstance(queued, int | float):
            self.record.queue_ms = max(queued, self.record.queue_ms or 0.0)
        self._reasons.update(_reasons(told))

    def close(self) -> None:
        """Note that the answer has come to its end."""
        reasons = dict.fromkeys(reason for _, reason in sorted(self._reasons.items()))
        self.record.finish = ",".join(reasons) or "done"


def _dict(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0


def _usage(document: Mapping[str, Any]) -> Usage | None:
    """Tokens, in the words of the older routes or of /v1/responses."""
    usage = _dict(document.get("usage"))
    if not usage:
        return None
    old = "prompt_tokens" in usage
    read, written = ("prompt", "completion") if old else ("input", "output")
    details = _dict(usage.get(f"{read}_tokens_details"))
    return Usage(
        _count(usage.get(f"{read}_tokens")),
        _count(details.get("cached_tokens")),
        _count(usage.get(f"{written}_tokens")),
    )


def _reasons(document: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """Why each choice ended, by its index; an answer of /v1/responses has a status instead."""
    choices = document.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        reason = _dict(choice).get("finish_reason")
        if isinstance(reason, str):
            yield _count(choice.get("index")), reason
    if document.get("object") == "response" and isinstance(document.get("status"), str):
        yield 0, document["status"]
