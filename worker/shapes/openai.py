"""OpenAI's routes through RunPod: what it makes of a call to `/openai/v1/…`.

The engine's answer is passed on whole. A stream's chunks are text: whole server-sent events, which
the platform writes to its client one after the other.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, ClassVar, Final, NamedTuple

from worker.engine.openai import CHAT
from worker.errors import InvalidInput
from worker.shapes import Answer, Context
from worker.shapes.asking import Notes, answer, events
from worker.shapes.chunks import joined
from worker.shapes.plain import require_plain

RESPONSES: Final = "/v1/responses"
COMPLETIONS: Final = "/v1/completions"
# Their streams tell what they cost only where they are asked to, in an event of its own.
ASKED_FOR_USAGE: Final = frozenset({CHAT, COMPLETIONS})


class Route(NamedTuple):
    """How a route is asked, and whether asking it makes the model write."""

    method: str
    generates: bool


ROUTES: Final[Mapping[str, Route]] = {
    "/v1/models": Route("GET", generates=False),
    CHAT: Route("POST", generates=True),
    COMPLETIONS: Route("POST", generates=True),
    RESPONSES: Route("POST", generates=True),
    "/tokenize": Route("POST", generates=False),
}
"""All that can be reached, by its exact path; the engine has some thirty more."""


@dataclass(frozen=True, slots=True)
class OpenAI:
    """A call to one of ROUTES. `body` is None where it is asked with GET."""

    path: str
    body: Mapping[str, Any] | None
    shape: ClassVar[str] = "openai"
    keeps_deadline: ClassVar[bool] = False
    deadline_s: ClassVar[float | None] = None

    @property
    def generates(self) -> bool:
        """Whether it asks the model."""
        return ROUTES[self.path].generates

    @property
    def stream(self) -> bool:
        """Whether the answer comes in events."""
        return self.generates and bool((self.body or {}).get("stream"))

    def answers(self, context: Context) -> AsyncGenerator[Answer, None]:
        """The engine's answer: its JSON object once, or the text of its events, joined by time.

        Raises:
            EngineError: the engine's refusal or failure, with what it said.
            ResultTooLarge: one event alone is beyond what a chunk may have.
        """
        notes = Notes(context.record)
        return self._streamed(context, notes) if self.stream else self._whole(context, notes)

    def _asked(self, context: Context) -> Mapping[str, Any] | None:
        return None if self.body is None else {"model": context.engine.model} | dict(self.body)

    async def _whole(self, context: Context, notes: Notes) -> AsyncGenerator[Answer, None]:
        method, body = ROUTES[self.path].method, self._asked(context)
        document = await answer(context.engine, method, self.path, body)
        context.generated()
        notes.read(document)
        notes.close()
        yield document

    async def _streamed(self, context: Context, notes: Notes) -> AsyncGenerator[Answer, None]:
        source = self._texts(context, notes)
        async with aclosing(joined(source, within=context.in_time)) as chunks:
            async for chunk in chunks:
                yield "".join(chunk)
        notes.close()

    async def _texts(self, context: Context, notes: Notes) -> AsyncGenerator[str, None]:
        body = self._asked(context) or {}
        counted = _counted(self.path, body)
        try:
            async with aclosing(events(context.engine, self.path, counted or body)) as found:
                async for event in found:
                    document = event.document or {}
                    notes.read(document)
                    if counted is None or not _is_usage(document):
                        yield event.text
        finally:
            context.generated()


def _counted(path: str, body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The body of a stream with its usage asked for; None where the client asks for it itself.

    Without that, vLLM does not count on as it goes either, whatever the client says.
    """
    given = body.get("stream_options")
    options = {} if given is None else given
    if path not in ASKED_FOR_USAGE or not isinstance(options, dict):
        return None
    if options.get("include_usage") not in (None, False):
        return None
    ours: dict[str, Any] = {"include_usage": True}
    if options.get("continuous_usage_stats") is True:
        ours["continuous_usage_stats"] = False
    return {**body, "stream_options": {**options, **ours}}


def _is_usage(document: Mapping[str, Any]) -> bool:
    """Whether an event says what the stream cost, and nothing else."""
    return document.get("choices") == [] and bool(document.get("usage"))


def read(document: object) -> OpenAI:
    """A job's `{"openai_route", "openai_input"}`; anything but ROUTES is InvalidInput."""
    require_plain(document)
    if not isinstance(document, dict):
        raise InvalidInput("The input must be an object.")
    path = document.get("openai_route")
    if not isinstance(path, str) or path not in ROUTES:
        known = ", ".join(f"{route.method} {path}" for path, route in ROUTES.items())
        raise InvalidInput(f"openai_route must be exactly one of: {known}.", "openai_route")
    return OpenAI(path, _body(path, document.get("openai_input")))


def _body(path: str, given: object) -> Mapping[str, Any] | None:
    if ROUTES[path].method == "GET":
        if given:
            raise InvalidInput(f"openai_input must be left out for {path}.", "openai_input")
        return None
    if not isinstance(given, dict):
        raise InvalidInput(f"openai_input must be an object, the body of {path}.", "openai_input")
    require_answerable(path, given, "openai_input.")
    return given


def require_answerable(path: str, body: Mapping[str, Any], place: str = "") -> None:
    """Raise InvalidInput about what the engine would fail on, or cannot do here.

    Args:
        path: one of the engine's routes.
        body: what is to be sent there.
        place: how the caller would write where the body's keys stand.
    """
    if not isinstance(body.get("stream"), bool | None):
        raise InvalidInput(f"{place}stream must be true or false.", f"{place}stream")
    if not isinstance(body.get("structured_outputs"), dict | None):  # vLLM fails on those
        param = f"{place}structured_outputs"
        raise InvalidInput(f"{param} must be an object.", param)
    if path == CHAT:
        _require_named_tools(body, place)
    if path == RESPONSES and body.get("background") not in (None, False):
        param = f"{place}background"
        raise InvalidInput(f"{param} cannot be asked for: nothing goes on after the answer.", param)


def _require_named_tools(body: Mapping[str, Any], place: str) -> None:
    """Raise InvalidInput about a tool without a name where one is asked for by name.

    vLLM looks each one's name up then, and fails on what has none.
    """
    tools = body.get("tools")
    if not isinstance(body.get("tool_choice"), dict) or not isinstance(tools, list):
        return
    for index, tool in enumerate(tools):
        function = tool.get("function") if isinstance(tool, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            param = f"{place}tools[{index}].function.name"
            raise InvalidInput(f"{param} must be text.", param)
