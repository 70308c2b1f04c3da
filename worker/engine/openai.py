"""OpenAI's chat-completion answers, read into the words of `worker.engine`.

Both transports share it: what they differ in is `route`, how bytes go there and back.
Source: https://platform.openai.com/docs/api-reference/chat; vLLM adds `metrics`
(`--enable-per-request-metrics`) beside `usage`.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from worker.engine import About, Completion, Delta, Load, Reply, Usage
from worker.errors import (
    EngineDead,
    EngineError,
    EngineKeyRefused,
    EngineOverloaded,
    EngineRejected,
)

CHAT = "/v1/chat/completions"
COMPLAINT_LENGTH = 300  # characters of an engine's error message that a caller gets to read

Document = dict[str, Any]


def shortened(text: str) -> str:
    """A message on one line, cut to COMPLAINT_LENGTH."""
    text = " ".join(text.split())
    return text if len(text) <= COMPLAINT_LENGTH else f"{text[: COMPLAINT_LENGTH - 1]}…"


def complaint(document: object) -> str:
    """What an error body says: OpenAI's `error.message`, else whatever is nearest to it."""
    while isinstance(document, dict):
        document = next(
            (document[key] for key in ("error", "message", "detail") if key in document), ""
        )
    return shortened(str(document)) or "it gives no reason"


def said_of(document: object) -> Document | None:
    """An error body's error object in OpenAI's form, None where it has none."""
    error = document.get("error", document) if isinstance(document, dict) else None
    return error if isinstance(error, dict) and isinstance(error.get("message"), str) else None


def param_of(said: Document | None) -> str | None:
    """The field that an error object is about, in the engine's word for it; None without one."""
    param = (said or {}).get("param")
    return param if isinstance(param, str) and param else None


def failure(status: int, document: object) -> EngineError:
    """The error that an HTTP status stands for; what the caller cannot mend is retryable."""
    if status in (401, 403):  # the answer may quote the key
        return EngineKeyRefused("The engine refuses the worker's key (ENGINE_API_KEY).")
    said, why = said_of(document), complaint(document)
    if status in (429, 503):
        return EngineOverloaded(f"The engine is overloaded: {why}", said=said)
    if 400 <= status < 500:
        return EngineRejected(f"The engine refuses the request: {why}", param_of(said), said)
    return EngineError(f"The engine failed with status {status}: {why}", said=said)


def parsed(text: bytes | str) -> Document:
    """A JSON object, or EngineError."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise EngineError("The engine's answer is not JSON.") from error
    if not isinstance(document, dict):
        raise EngineError("The engine's answer is not a JSON object.")
    return document


def parsed_or_text(text: bytes) -> object:
    """An error's body: JSON where it is, plain words where a proxy wrote it."""
    try:
        return json.loads(text)
    except ValueError:
        return text.decode(errors="replace")


def usage_of(document: Document) -> Usage | None:
    """The tokens that an answer cost, None where it does not say."""
    usage = document.get("usage")
    if not usage:
        return None
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens")
    return Usage(usage.get("prompt_tokens") or 0, cached or 0, usage.get("completion_tokens") or 0)


def queue_ms_of(document: Document) -> float | None:
    """Milliseconds that vLLM let the request wait, None where it does not say."""
    queued: float | None = (document.get("metrics") or {}).get("queue_time_ms")
    return queued


def completion_of(document: Document) -> Completion:
    """A whole answer, or EngineError where it does not have the shape of one."""
    try:
        choice = document["choices"][0]
        text = choice["message"]["content"] or ""
        usage = usage_of(document) or Usage()
        return Completion(text, choice.get("finish_reason"), usage, queue_ms_of(document))
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise EngineError("The engine's answer is not a chat completion.") from error


class _Ending:
    """What a stream tells of its end, in whichever of its events."""

    def __init__(self) -> None:
        self.finish_reason: str | None = None
        self.usage: Usage | None = None
        self.queue_ms: float | None = None

    def read(self, document: Document) -> str:
        """Note what an event says of the end; its text."""
        try:
            self.usage = usage_of(document) or self.usage
            queued = queue_ms_of(document)
            self.queue_ms = self.queue_ms if queued is None else queued
            choice: Document = next(iter(document["choices"]), {})
            self.finish_reason = choice.get("finish_reason") or self.finish_reason
            return (choice.get("delta") or {}).get("content") or ""
        except (AttributeError, KeyError, TypeError) as error:
            raise EngineError("The engine's stream is not of chat completion chunks.") from error

    def delta(self) -> Delta:
        """The last delta, or EngineError where the stream ended before the answer did."""
        if self.finish_reason is None:
            raise EngineError("The engine's stream broke off.")
        return Delta("", self.finish_reason, self.usage, self.queue_ms)


async def lines(body: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Whole lines out of pieces that end anywhere, without their line ends."""
    rest = b""
    async for piece in body:
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line.removesuffix(b"\r")
    yield rest


async def events(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    r"""The data of server-sent events, one whole event at a time, up to `[DONE]`.

    The body is read to its end all the same: HTTP keeps a connection only then.

    A piece may end inside an event, or inside a character: nothing is decoded before its event is
    whole. Comments and other fields are left out.
    Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
    """
    data: list[bytes] = []
    rest = lines(body)
    async for line in rest:
        if line.startswith(b"data:"):
            data.append(line[5:].removeprefix(b" "))
        elif not line and data:
            event = b"\n".join(data)
            if event == b"[DONE]":
                break
            yield event
            data.clear()
    async for _ in rest:
        pass


class OpenAIEngine(ABC):
    """An engine that speaks OpenAI over some transport."""

    @property
    @abstractmethod
    def model(self) -> str:
        """The name the model is served under."""

    @abstractmethod
    def route(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> AbstractAsyncContextManager[Reply]:
        """Any route, answered as it stands."""

    @abstractmethod
    async def close(self) -> None:
        """Release what the engine holds."""

    @property
    def dead(self) -> bool:
        """Whether the engine is gone for the rest of this process's life."""
        return False

    def about(self) -> About:
        """What the engine is: of a server elsewhere, no more than its model's name."""
        return About(self.model)

    def load(self) -> Load:
        """What it is doing now, which a server elsewhere does not say."""
        return Load()

    def _failure(self, status: int, document: object) -> EngineError:
        if self.dead:
            return EngineDead("The engine has died.")
        return failure(status, document)

    async def _require_success(self, reply: Reply) -> None:
        if reply.status != 200:
            body = b"".join([piece async for piece in reply.body])
            raise self._failure(reply.status, parsed_or_text(body))

    async def chat(self, body: Mapping[str, Any]) -> Completion:
        """POST /v1/chat/completions with `body`, to its end."""
        async with self.route("POST", CHAT, {**body, "stream": False}) as reply:
            await self._require_success(reply)
            return completion_of(parsed(b"".join([piece async for piece in reply.body])))

    async def stream(self, body: Mapping[str, Any]) -> AsyncIterator[Delta]:
        """The same, piece by piece as it is generated."""
        asked = {"stream_options": {"include_usage": True}, **body, "stream": True}
        ending = _Ending()
        async with self.route("POST", CHAT, asked) as reply:
            await self._require_success(reply)
            async for event in events(reply.body):
                document = parsed(event)
                if error := document.get("error"):
                    raise self._failure(code_of(error), error)
                if text := ending.read(document):
                    yield Delta(text)
        yield ending.delta()


def code_of(error: object) -> int:
    """The status that an error inside a stream carries: its answer had begun with 200."""
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, int) else 500
