"""The commentary job: match actions in, one line for each out."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, ClassVar

from worker.commentary.pipeline import Line, Script, Source, Timings, commentate
from worker.football.schema import CommentaryRequest
from worker.football.vocabulary import fold
from worker.record import Record
from worker.shapes import Answer, Context

KEYS = ("rawData", "matchInfo", "gameId", "style")
"""An input with one of them, however it is spelt, is meant as a commentary request."""

_FOLDED = frozenset(fold(key) for key in KEYS)


def is_one(document: Mapping[str, Any]) -> bool:
    """Whether an input is meant as a commentary request."""
    return any(fold(key) in _FOLDED for key in document)


def read(document: Mapping[str, Any]) -> "Commentary":
    """The request that an input makes, or InvalidInput."""
    return Commentary(CommentaryRequest.parse(document))


def script_line(line: Line, request: CommentaryRequest) -> dict[str, Any]:
    """A line as clients read it: their four keys first, ours after them."""
    action = request.actions[line.index]
    return {
        "actionId": action.action_id,
        "timeSeconds": action.time_text,
        "tone": line.tone.value,
        "description": line.text,
        "source": line.source.value,
    }


def timings(spent: Timings, waited_ms: float) -> dict[str, float | None]:
    """Milliseconds as clients read them; waiting for a turn is waiting, wherever it was."""
    queue_ms = None if spent.queue_ms is None else spent.queue_ms + waited_ms
    return {
        "queueMs": None if queue_ms is None else round(queue_ms, 1),
        "firstLineMs": round(spent.first_line_ms, 1),
        "totalMs": round(spent.total_ms, 1),
    }


def result(
    context: Context, request: CommentaryRequest, script: Script, lines: list[Answer] | None
) -> dict[str, Any]:
    """The result object of a finished job; `lines` is None where they have left already."""
    usage = script.usage
    return {
        "jobId": context.job_id,
        "gameId": request.game_id,
        "status": "DONE",
        **({} if lines is None else {"script": lines}),
        "model": context.engine.model,
        "usage": {
            "promptTokens": usage.prompt,
            "cachedTokens": usage.cached,
            "completionTokens": usage.completion,
        },
        "timings": timings(script.timings, context.record.waited_ms or 0.0),
        "warnings": list(script.warnings),
    }


def note(record: Record, script: Script) -> None:
    """Note of a script what the log may tell."""
    record.usage = script.usage
    record.queue_ms = script.timings.queue_ms
    record.repaired = script.repaired
    record.fallback = sum(line.source is Source.FALLBACK for line in script.lines)
    record.finish = "done"


@dataclass(frozen=True, slots=True)
class Commentary:
    """A commentary request; streamed, its lines leave as they finish, in any order.

    Each of those chunks is `{"line": …, "index": …}` with the line's 0-based place in the script,
    and the last one the result without its script: put back in their places, they are the result
    of the same job unstreamed.
    """

    shape: ClassVar[str] = "commentary"
    generates: ClassVar[bool] = True
    keeps_deadline: ClassVar[bool] = True

    request: CommentaryRequest

    @property
    def deadline_s(self) -> float | None:
        """Seconds that the caller gives it."""
        return self.request.deadline_s

    async def answers(self, context: Context) -> AsyncGenerator[Answer, None]:
        """The lines as they finish where they are wanted so, then the result."""
        request, record = self.request, context.record
        record.persona, record.model = request.persona.value, context.engine.model
        made = commentate(request, context.engine, context.options, record.began)
        async with aclosing(made) as items:
            async for item in items:
                if isinstance(item, Script):
                    note(record, item)
                    context.generated()
                    lines = [script_line(line, request) for line in item.lines]
                    yield result(context, request, item, None if request.stream else [*lines])
                elif request.stream:
                    yield {"line": script_line(item, request), "index": item.index}
