"""The commentary job: match actions in, one line for each out."""

import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeVar

from worker.commentary.contract import Contract
from worker.commentary.pipeline import Line, Script, Source, Timings, commentate
from worker.commentary.speech import script_ssml, seconds, ssml
from worker.errors import WorkerError
from worker.football.schema import CommentaryRequest
from worker.football.vocabulary import fold
from worker.record import Record
from worker.shapes import Answer, Context, told

log = logging.getLogger(__name__)

KEYS = ("rawData", "matchInfo", "gameId", "style")
"""An input with one of them, however it is spelt, is meant as a commentary request."""

Kept = TypeVar("Kept", bound=Mapping[str, Any])

_FOLDED = frozenset(fold(key) for key in KEYS)


def is_one(document: Mapping[str, Any]) -> bool:
    """Whether an input is meant as a commentary request."""
    return any(fold(key) in _FOLDED for key in document)


def read(document: Mapping[str, Any]) -> "Commentary":
    """The request that an input makes, or InvalidInput."""
    return Commentary(CommentaryRequest.parse(document))


def script_line(line: Line, request: CommentaryRequest) -> told.ScriptLine:
    """A line as clients read it: their four keys first, ours after them."""
    action = request.actions[line.index]
    said: told.ScriptLine = {
        "actionId": action.action_id,
        "timeSeconds": action.time_text,
        "tone": line.tone.value,
        "description": line.text,
        "source": line.source.value,
    }
    if request.ssml:
        said["ssml"] = ssml(line, request.speech_rate)
    return {**said, **explanation(line, request)} if request.explain else said


def explanation(line: Line, request: CommentaryRequest) -> told.Explanation:
    """What a line rests on, what was wrong at first, how true it is, and how long it takes."""
    spoken = seconds(line.text, line.tone, request.speech_rate)
    return {
        "facts": [{"field": ground.field, "text": ground.text} for ground in line.grounds],
        "violations": [
            {"kind": each.kind.value, "text": each.text, "reason": each.reason}
            for each in line.first
        ],
        "faithfulness": line.review.faithfulness if line.review else None,
        "seconds": round(spoken, 2),
    }


def counts(script: Script) -> told.Counts:
    """How many lines come from where, and what was found in the model's answers."""
    return {
        "model": script.sources[Source.MODEL],
        "repaired": script.sources[Source.REPAIRED],
        "fallback": script.sources[Source.FALLBACK],
        "violations": dict(sorted(script.violations.items())),
    }


def timings(spent: Timings, waited_ms: float) -> told.Times:
    """Milliseconds as clients read them; waiting for a turn is waiting, wherever it was."""
    queue_ms = None if spent.queue_ms is None else spent.queue_ms + waited_ms
    return {
        "queueMs": None if queue_ms is None else round(queue_ms, 1),
        "firstLineMs": round(spent.first_line_ms, 1),
        "totalMs": round(spent.total_ms, 1),
    }


def result(
    context: Context, request: CommentaryRequest, script: Script
) -> told.Posted | told.Ended:
    """The result object of a finished job; of a streamed one, without what has left already."""
    head: told.Head = {"jobId": context.job_id, "gameId": request.game_id, "status": "DONE"}
    if request.stream:
        closing: told.Ended = {**head, **tail(context, request, script)}
        return closing
    whole: told.Posted = {
        **head,
        **scripts(request, script),
        **tail(context, request, script),
    }
    return whole


def tail(context: Context, request: CommentaryRequest, script: Script) -> told.Tail:
    """What a result has after its scripts."""
    usage = script.usage
    return {
        **spoken(request, script),
        "model": context.engine.model,
        "counts": counts(script),
        "usage": {
            "promptTokens": usage.prompt,
            "cachedTokens": usage.cached,
            "completionTokens": usage.completion,
        },
        "timings": timings(script.timings, context.record.waited_ms or 0.0),
        "warnings": list(script.warnings),
    }


def scripts(request: CommentaryRequest, script: Script) -> told.Scripts:
    """`script`, the first persona's; and where more are asked for, all of them by their names."""
    lines = {
        persona.value: [script_line(line, request) for line in each]
        for persona, each in script.scripts.items()
    }
    said: told.Scripts = {"script": next(iter(lines.values()))}
    if len(lines) > 1:
        said["scripts"] = lines
    return said


def spoken(request: CommentaryRequest, script: Script) -> told.Spoken:
    """Each script as one SSML document, where that is asked for; shaped as the scripts are."""
    if not request.ssml:
        return {}
    documents = {
        persona.value: script_ssml(lines, request.speech_rate)
        for persona, lines in script.scripts.items()
    }
    said: told.Spoken = {"ssml": next(iter(documents.values()))}
    if len(documents) > 1:
        said["ssmls"] = documents
    return said


def note(record: Record, script: Script) -> None:
    """Note of a script what the log may tell."""
    record.usage = script.usage
    record.queue_ms = script.timings.queue_ms
    record.repaired = script.sources[Source.REPAIRED]
    record.fallback = script.sources[Source.FALLBACK]
    record.violations = sum(script.violations.values())
    record.sources = {source.value: number for source, number in script.sources.items()}
    record.kinds = script.violations
    record.first_line_ms = script.timings.first_line_ms
    record.script_ms = script.timings.total_ms
    record.finish = "done"


def kept(check: Callable[[Mapping[str, Any]], None], answer: Kept) -> Kept:
    """An answer that keeps its contract; WorkerError, and a line in the log, about any other."""
    try:
        check(answer)
    except WorkerError as error:
        log.error("%s", error.message)  # noqa: TRY400  # the place in the answer says it all
        raise
    return answer


@dataclass(frozen=True, slots=True)
class Commentary:
    """A commentary request; streamed, its lines leave as they finish, in any order.

    Each of those chunks is `{"line": …, "index": …}` with the line's 0-based place in the script,
    and the last one the result without its script: put back in their places, they are the result
    of the same job unstreamed. With several personas each chunk names its `style`.
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
        """The lines as they finish where they are wanted so, then the result.

        Nothing leaves that breaks the contract: WorkerError says what would have.
        """
        request, record = self.request, context.record
        contract = Contract(request, context.job_id)
        record.persona = ",".join(persona.value for persona in request.personas)
        record.model = context.engine.model
        made = commentate(request, context.engine, context.options, record.began)
        async with aclosing(made) as items:
            async for item in items:
                if isinstance(item, Script):
                    note(record, item)
                    context.generated()
                    answer = kept(contract.check_result, result(context, request, item))
                    yield answer | await self._delivered(context, contract, item)
                elif request.stream:
                    yield kept(contract.check_chunk, self._chunk(item))

    async def _delivered(
        self, context: Context, contract: Contract, script: Script
    ) -> dict[str, Any]:
        """What became of the callback, which has the whole result, also of a streamed job."""
        if context.deliver is None:
            return {}
        whole = replace(self.request, stream=False)
        answer = kept(contract.unstreamed.check_result, result(context, whole, script))
        return {"callback": await context.deliver(answer)}

    def _chunk(self, line: Line) -> told.Chunk:
        """A line with its place; and who speaks it, where more than one does."""
        chunk: told.Chunk = {"line": script_line(line, self.request), "index": line.index}
        if len(self.request.personas) > 1:
            chunk["style"] = line.persona.value
        return chunk
