"""The edge to vLLM: what the rest of the worker may ask of an engine.

One seam: OpenAI bodies. `vllm_app` answers them from vLLM's own application in this process,
`http` from any OpenAI-compatible server; both through `openai`, which turns a transport's raw
answer into the words below. A caller that stops listening (cancels the call, leaves the stream or
the `route` block) stops the generation.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one completion: prompt (cached ones included), cached, completion."""

    prompt: int = 0
    cached: int = 0
    completion: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        """Sum field by field."""
        return Usage(
            self.prompt + other.prompt,
            self.cached + other.cached,
            self.completion + other.completion,
        )


@dataclass(frozen=True, slots=True)
class Completion:
    """A finished answer.

    Attributes:
        text: what the model wrote.
        finish_reason: `stop` when it ended by itself, `length` when it was cut off.
        usage: its tokens.
        queue_ms: milliseconds in the engine's queue, or None where the engine does not say.
    """

    text: str
    finish_reason: str | None
    usage: Usage
    queue_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of an answer; the last one carries the finish reason and the usage."""

    text: str
    finish_reason: str | None = None
    usage: Usage | None = None
    queue_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it stands on the wire: status, content type, body in the pieces it came in."""

    status: int
    content_type: str
    body: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class About:
    """What an engine is, for the probe and for sizing; None where it cannot say.

    Attributes:
        model: the name the model is served under.
        aliases: its other names.
        revision: commit of the model's files.
        versions: of vLLM and what it stands on, by package name.
        arguments: engine arguments, secrets masked; JSON values.
        kv_cache_tokens: tokens that the KV cache holds.
        max_model_len: tokens that one request may take, prompt and completion.
        max_num_seqs: requests that decode side by side.
        max_num_queued_reqs: requests that may wait beyond those; None is without bound.
        folder: of the model's files on this machine, for the worker alone: no caller is told.
    """

    model: str
    aliases: tuple[str, ...] = ()
    revision: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    arguments: Mapping[str, Any] = field(default_factory=dict)
    kv_cache_tokens: int | None = None
    max_model_len: int | None = None
    max_num_seqs: int | None = None
    max_num_queued_reqs: int | None = None
    folder: Path | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Load:
    """What an engine is doing at this moment; None where it cannot say.

    Attributes:
        requests: requests that it holds, running or waiting.
        silent_s: seconds for which it has held requests and produced nothing; 0 while it is idle.
    """

    requests: int | None = None
    silent_s: float = 0.0


class Engine(Protocol):
    """A model that can be asked. Safe to call from any event loop, side by side.

    Raises of all three: EngineRejected (4xx), EngineKeyRefused (401, 403), EngineOverloaded (429,
    503), EngineError (another 5xx, or an answer that cannot be read), EngineDead (the engine is
    gone).
    """

    @property
    def model(self) -> str:
        """The name the model is served under."""
        ...

    @property
    def dead(self) -> bool:
        """Whether the engine is gone for the rest of this process's life."""
        ...

    def about(self) -> About:
        """What the engine is."""
        ...

    def load(self) -> Load:
        """What it is doing now; cheap enough to be asked several times a second."""
        ...

    async def chat(self, body: Mapping[str, Any]) -> Completion:
        """POST /v1/chat/completions with `body`, to its end."""
        ...

    def stream(self, body: Mapping[str, Any]) -> AsyncIterator[Delta]:
        """The same, piece by piece as it is generated."""
        ...

    def route(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> AbstractAsyncContextManager[Reply]:
        """Any route, answered as it stands; a refusal is a Reply with its status, not a raise."""
        ...

    async def close(self) -> None:
        """Release what the engine holds; no call may follow."""
        ...
