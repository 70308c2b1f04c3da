"""A prompt or messages and how to sample, as RunPod's own vLLM worker takes them.

Source: https://github.com/runpod-workers/worker-vllm, "Usage: Standard (Non-OpenAI)". Where that
worker goes on with what it did not understand, this one says so: an unknown key is refused.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, ClassVar, Final, NamedTuple

from worker.engine import Engine
from worker.engine.openai import CHAT
from worker.errors import EngineError, InvalidInput
from worker.shapes import Answer, Context
from worker.shapes.asking import Document, Notes, answer, events
from worker.shapes.chunks import CHUNK_LIMIT, joined, json_size
from worker.shapes.plain import SHOWN, require_plain
from worker.shapes.sampling import (
    FLAG,
    OBJECT,
    PARAMETERS,
    TEXT,
    Kind,
    checked,
    constrained,
    is_number,
    is_whole,
    require,
    require_present,
)

COMPLETIONS: Final = "/v1/completions"
DEFAULT_MAX_TOKENS: Final = 512
OPENAI_FORMAT: Final = "openai"

MESSAGES: Final = Kind(
    "a list of messages, at least one",
    lambda value: isinstance(value, list) and len(value) > 0,
)
MESSAGE: Final = Kind(
    "an object with a role and a content",
    lambda value: isinstance(value, dict) and isinstance(value.get("role"), str),
)
# A message that calls a tool has none.
CONTENT: Final = Kind(
    "text, a list of parts, or null", lambda value: isinstance(value, str | list | None)
)
FORMAT: Final = Kind('"openai" or "native"', lambda value: value in (OPENAI_FORMAT, "native"))
TOKENS: Final = Kind(
    "a whole number of tokens, at least 1",
    lambda value: is_whole(value) and value >= 1,
)
FACTOR: Final = Kind(
    "a number, at least 1",
    lambda value: is_number(value) and value >= 1,
)

OPTIONS: Final[Mapping[str, Kind]] = {
    "prompt": Kind("text that is not empty", lambda value: isinstance(value, str) and value != ""),
    "messages": MESSAGES,
    "sampling_params": OBJECT,
    "stream": FLAG,
    "format": FORMAT,
    "use_openai_format": FLAG,
    "apply_chat_template": FLAG,
    "model": TEXT,
    # How many tokens that worker puts into a chunk: from the least on, times the factor with each
    # chunk, up to the most. Here a chunk is what comes within JOIN_SECONDS, which serves what the
    # other two are for, and the most is the most.
    "max_batch_size": TOKENS,
    "min_batch_size": TOKENS,
    "batch_size_growth_factor": FACTOR,
}
"""What an input may hold beside the sampling parameters, which may stand beside them, too."""

# Bytes around the pieces of a chunk: around each, around each choice's, and around all of them.
_PIECE_COST, _CHOICE_COST, _CHUNK_COST = 2, 16, 200


class Piece(NamedTuple):
    """A piece of one choice's text, and the tokens read and written until then, by all choices."""

    choice: int
    text: str
    read: int
    written: int


@dataclass(frozen=True, slots=True)
class Native:
    """A prompt or messages, and how to go on from them.

    Attributes:
        body: what the engine is asked, but for what only the engine's own words can fill in.
        stream: whether the answer comes in chunks.
        openai: whether it comes in the engine's own JSON.
        most: pieces in a chunk at most.
    """

    body: Mapping[str, Any]
    stream: bool = False
    openai: bool = False
    most: int = CHUNK_LIMIT
    shape: ClassVar[str] = "native"
    generates: ClassVar[bool] = True
    keeps_deadline: ClassVar[bool] = False
    deadline_s: ClassVar[float | None] = None

    @property
    def path(self) -> str:
        """The engine's route: messages are a chat."""
        return CHAT if "messages" in self.body else COMPLETIONS

    @property
    def choices(self) -> int:
        """How many answers are asked for."""
        return int(self.body.get("n", 1))

    def answers(self, context: Context) -> AsyncGenerator[Answer, None]:
        """The answer as `{"choices": [{"tokens": [text]}], "usage": {"input", "output"}}`.

        Streamed, each chunk has the pieces since the last one and the tokens so far. With `openai`
        it is the engine's JSON: its whole answer, or one of its events at a time.

        Raises:
            EngineError: the engine's refusal or failure, with what it said.
            ResultTooLarge: one piece alone is beyond what a chunk may have.
        """
        notes = Notes(context.record)
        if not self.stream:
            return self._whole(context, notes)
        return self._objects(context, notes) if self.openai else self._chunks(context, notes)

    def _asked(self, engine: Engine) -> dict[str, Any]:
        """The whole body."""
        body = {"model": engine.model, **self.body}
        if "max_tokens" not in body:  # and a default of ours must not be what the engine refuses
            longest = engine.about().max_model_len or DEFAULT_MAX_TOKENS
            body["max_tokens"] = min(DEFAULT_MAX_TOKENS, longest)
        if self.stream:
            usage = {"include_usage": True, "continuous_usage_stats": not self.openai}
            body |= {"stream": True, "stream_options": usage}
        return body

    async def _whole(self, context: Context, notes: Notes) -> AsyncGenerator[Answer, None]:
        document = await answer(context.engine, "POST", self.path, self._asked(context.engine))
        context.generated()
        notes.read(document)
        notes.close()
        yield document if self.openai else self._told(document, notes)

    def _told(self, document: Document, notes: Notes) -> Answer:
        texts = [""] * self.choices
        for index, text in pieces_of(document, self.choices):
            texts[index] += text
        usage = notes.record.usage
        return chunk([[text] for text in texts], usage.prompt, usage.completion)

    async def _objects(self, context: Context, notes: Notes) -> AsyncGenerator[Answer, None]:
        source = self._documents(context, notes)
        async with aclosing(joined(source, most=1, within=context.in_time)) as found:
            async for [document] in found:
                yield document
        notes.close()

    async def _documents(self, context: Context, notes: Notes) -> AsyncGenerator[Document, None]:
        """The engine's events but for an error's: the job tells that in its own way."""
        body = self._asked(context.engine)
        try:
            async with aclosing(events(context.engine, self.path, body)) as found:
                async for event in found:
                    if event.document is not None and not event.error:
                        notes.read(event.document)
                        yield event.document
        finally:
            context.generated()

    async def _chunks(self, context: Context, notes: Notes) -> AsyncGenerator[Answer, None]:
        limit = CHUNK_LIMIT - _CHUNK_COST - _CHOICE_COST * self.choices
        source, told = self._pieces(context, notes), None
        made = joined(source, size_of, limit=limit, most=self.most, within=context.in_time)
        async with aclosing(made) as batches:
            async for batch in batches:
                told = batch[-1].read, batch[-1].written
                yield chunk(self._sorted(batch), *told)
        usage = notes.record.usage
        if told != (usage.prompt, usage.completion):
            yield chunk(self._sorted([]), usage.prompt, usage.completion)
        notes.close()

    def _sorted(self, batch: list[Piece]) -> list[list[str]]:
        """A batch's texts by choice."""
        texts: list[list[str]] = [[] for _ in range(self.choices)]
        for piece in batch:
            texts[piece.choice].append(piece.text)
        return texts

    async def _pieces(self, context: Context, notes: Notes) -> AsyncGenerator[Piece, None]:
        """What the engine streams, but for events that bring no text."""
        written = [0] * self.choices
        async with aclosing(self._documents(context, notes)) as documents:
            async for document in documents:
                usage = notes.record.usage
                for choice, text in pieces_of(document, self.choices):
                    # vLLM counts one choice's tokens here; those of all stand in the last event.
                    written[choice] = usage.completion
                    if text:
                        yield Piece(choice, text, usage.prompt, sum(written))


def size_of(piece: Piece) -> int:
    """Bytes that a piece takes in a chunk."""
    return json_size(piece.text) + _PIECE_COST


def chunk(texts: list[list[str]], read: int, written: int) -> dict[str, Any]:
    """An answer as users of RunPod's worker know it: texts by choice, tokens read and written."""
    return {
        "choices": [{"tokens": tokens} for tokens in texts],
        "usage": {"input": read, "output": written},
    }


def pieces_of(document: Document, choices: int) -> list[tuple[int, str]]:
    """The texts of an answer or of an event, with the index of their choice; or EngineError."""
    try:
        return [_piece_of(choice, choices) for choice in document["choices"]]
    except (AttributeError, LookupError, TypeError) as error:
        raise EngineError("The engine's answer is not a completion.") from error


def _piece_of(choice: Document, choices: int) -> tuple[int, str]:
    """A completion's text, or the content of a message or of a part of one."""
    said = choice if "text" in choice else choice.get("message") or choice.get("delta") or {}
    text = said.get("text" if said is choice else "content") or ""
    index = choice.get("index", 0)
    if not isinstance(text, str) or not isinstance(index, int) or not 0 <= index < choices:
        raise TypeError(f"index {index!r} of {choices}")
    return index, text


def read(document: object) -> Native:
    """A job's input with a prompt or messages; InvalidInput names the field that is wrong."""
    require_plain(document)
    if not isinstance(document, dict):
        raise InvalidInput("The input must be an object.")
    given = {name: value for name, value in document.items() if value is not None}
    options = _options(given)
    return Native(
        _body(options, _parameters(given, options)),
        options.get("stream", False),
        options.get("format") == OPENAI_FORMAT or options.get("use_openai_format", False),
        int(options.get("max_batch_size", CHUNK_LIMIT)),
    )


def _options(given: Mapping[str, Any]) -> Mapping[str, Any]:
    for name in given:
        require_present(name, name)
        if name not in OPTIONS and name not in PARAMETERS:
            known = ", ".join(OPTIONS)
            sentence = f"is not known; there are {known} and the sampling parameters"
            raise InvalidInput(f"{name[:SHOWN]} {sentence}.", name[:SHOWN])
    options = {name: value for name, value in given.items() if name in OPTIONS}
    for name, value in options.items():
        require(name, value, OPTIONS[name])
    return options


def _parameters(given: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """The sampling parameters; one in `sampling_params` goes before one beside it."""
    beside = {name: value for name, value in given.items() if name in PARAMETERS}
    inside = checked(options.get("sampling_params", {}), "sampling_params")
    return constrained({**checked(beside), **inside})


def _body(options: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    body = dict(parameters) | {key: options[key] for key in ("model",) if key in options}
    if ("prompt" in options) == ("messages" in options):
        raise InvalidInput("Either prompt or messages must be given, and not both.", "prompt")
    if "prompt" in options and not options.get("apply_chat_template"):
        return body | {"prompt": options["prompt"]}
    return _for_chat(body) | {"messages": _messages(options)}


def _messages(options: Mapping[str, Any]) -> list[Any]:
    if "prompt" in options:
        return [{"role": "user", "content": options["prompt"]}]
    messages: list[Any] = options["messages"]
    for index, message in enumerate(messages):
        place = f"messages[{index}]"
        require(place, message, MESSAGE)
        require(f"{place}.content", message.get("content"), CONTENT)
    return messages


def _for_chat(body: dict[str, Any]) -> dict[str, Any]:
    """`logprobs` is a number for completions, and a flag with a number beside it for chats."""
    if "logprobs" not in body:
        return body
    return body | {"logprobs": True, "top_logprobs": body["logprobs"]}
