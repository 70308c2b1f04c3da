"""The two sides of the comparison: the handler that people write today, and ours.

Both are given the same documents, persona text, sampling and engine, and both write for each
action exactly as many syllables as its budget says: random weights never end a sentence by
themselves, and a real model's sentences would differ from side to side. So what is left to differ
is what the two designs decide: what goes in, what must be written besides the sentences, and how
much of it is written at the same time.

The handler of today calls `LLM.generate` and waits for it, job after job. Here it awaits one chat
completion of the same engine instead, job after job. That is the same work in the same order, and
it favours that handler if anything: a synchronous call would stop its event loop besides, and a
second engine would have to share this machine's memory and cores with the first.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from worker.commentary.korean import syllables
from worker.commentary.lines import text_pattern
from worker.commentary.pipeline import (
    CommentaryOptions,
    GuardMode,
    Line,
    Script,
    Source,
    commentate,
)
from worker.commentary.prompt import system, voice
from worker.engine import Engine, Usage
from worker.football.facts import Fact, facts_of
from worker.football.schema import CommentaryRequest

OPTIONS = CommentaryOptions()
WHOLE_BUDGET = 10**6  # syllables; a minimum above every budget makes each line as long as its own
TOKENS_PER_SYLLABLE, TOKENS_PER_OBJECT = 4, 150  # more than either ever needs
INSTRUCTION = (
    "각 행동마다 한 문장씩, actionId, timeSeconds, tone, description을 가진 객체의 "
    "JSON 배열로만 답한다."
)


class UnfairRun(Exception):
    """A side did not do the work that was asked of both, so its time says nothing."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one job took: seconds to its first line and to its last, tokens, syllables spoken."""

    first_line_s: float
    total_s: float
    usage: Usage
    syllables: int


async def today(document: Mapping[str, Any], engine: Engine) -> Outcome:
    """All fields as indented JSON in, indented JSON with ids out, in one piece."""
    began = perf_counter()
    request = CommentaryRequest.parse(document)  # today's handlers validate too
    facts = facts_of(request)
    completion = await engine.chat(_todays_body(document, request, facts, engine.model))
    script = json.loads(completion.text)
    took = perf_counter() - began
    said = [line["description"] for line in script]
    return Outcome(took, took, completion.usage, _spoken(said, facts))


def _todays_body(
    document: Mapping[str, Any], request: CommentaryRequest, facts: Sequence[Fact], model: str
) -> dict[str, Any]:
    shown = {key: document[key] for key in ("matchInfo", "rawData")}
    data = json.dumps(shown, ensure_ascii=False, indent=2)
    return {
        "model": model,
        "messages": [
            {"role": "system", "content": f"{system()}\n{voice(request.personas[0])}"},
            {"role": "user", "content": f"{data}\n{INSTRUCTION}"},
        ],
        "structured_outputs": {"regex": _todays_grammar(request, facts)},
        "temperature": OPTIONS.temperature,
        "top_p": OPTIONS.top_p,
        "max_tokens": sum(TOKENS_PER_SYLLABLE * f.budget + TOKENS_PER_OBJECT for f in facts),
    }


def _todays_grammar(request: CommentaryRequest, facts: Sequence[Fact]) -> str:
    """The array as `json.dumps(indent=2)` writes it: ids given, tone and sentence free."""
    actions = zip(request.actions, facts, strict=True)
    objects = [_object(action.action_id, action.time_text or "", fact) for action, fact in actions]
    return r"\[\n  " + r",\n  ".join(objects) + r"\n\]"


def _object(action_id: str, time: str, fact: Fact) -> str:
    tones = "|".join(fact.tones)
    members = {
        "actionId": action_id,
        "timeSeconds": time.replace(".", r"\."),
        "tone": f"(?:{tones})",
        "description": text_pattern(fact.budget, fact.budget),
    }
    body = r",\n".join(f'    "{key}": "{value}"' for key, value in members.items())
    return rf"\{{\n{body}\n  \}}"


@dataclass(frozen=True, slots=True)
class Ours:
    """The worker's pipeline, its actions split into `fanout` side-by-side requests."""

    fanout: int

    async def __call__(self, document: Mapping[str, Any], engine: Engine) -> Outcome:
        """A job as the handler runs it."""
        began = perf_counter()
        request = CommentaryRequest.parse(document)
        options = CommentaryOptions(
            fanout=self.fanout, minimum=WHOLE_BUDGET, guard=GuardMode.FLAG
        )  # its cost counts, and no line is asked for twice
        first_line_s = 0.0
        async with aclosing(commentate(request, engine, options)) as items:
            async for item in items:
                if isinstance(item, Script):
                    script = item
                elif not first_line_s:
                    first_line_s = perf_counter() - began
        took = perf_counter() - began
        said = [_of_the_model(line) for line in script.lines]
        return Outcome(first_line_s, took, script.usage, _spoken(said, facts_of(request)))


def _of_the_model(line: Line) -> str:
    if line.source is not Source.MODEL:
        raise UnfairRun(f"line {line.index} is no line of the model's: {line.source}")
    return line.text


def _spoken(said: Sequence[str], facts: Sequence[Fact]) -> int:
    """The syllables of all sentences; each must be as long as its action's budget."""
    lengths, budgets = [syllables(text) for text in said], [fact.budget for fact in facts]
    if lengths != budgets:
        raise UnfairRun(f"sentences of {lengths} syllables where {budgets} were asked for")
    return sum(lengths)
