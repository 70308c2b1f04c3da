import json
import re

import pytest

from benchmarks.own_time import InstantEngine, written
from benchmarks.sides import Ours, UnfairRun, today
from benchmarks.windows import request
from worker.commentary.prompt import system, voice
from worker.engine import Completion, Usage
from worker.football.facts import facts_of
from worker.football.schema import CommentaryRequest, Persona

DOCUMENT = request(1, "test", goal=True)
FACTS = facts_of(CommentaryRequest.parse(DOCUMENT))
USAGE = Usage(prompt=2500, cached=200, completion=600)


class TodaysModel(InstantEngine):
    """Writes today's JSON; `shorter` leaves a syllable out of the first sentence."""

    def __init__(self, *, shorter: bool = False) -> None:
        super().__init__([])
        lengths = [fact.budget for fact in FACTS]
        lengths[0] -= shorter
        rows = zip(DOCUMENT["rawData"], FACTS, lengths, strict=True)
        self.text = json.dumps(
            [
                {
                    "actionId": str(row["actionId"]),
                    "timeSeconds": str(row["timeSeconds"]),
                    "tone": fact.tones[0],
                    "description": "가" * length + ".",
                }
                for row, fact, length in rows
            ],
            ensure_ascii=False,
            indent=2,
        )
        self.body = {}

    async def chat(self, body):
        self.body = body
        return Completion(self.text, "stop", USAGE)


@pytest.mark.anyio
async def test_todays_handler_asks_once_and_says_every_syllable():
    outcome = await today(DOCUMENT, TodaysModel())
    assert outcome.usage == USAGE
    assert outcome.syllables == sum(fact.budget for fact in FACTS)
    assert outcome.first_line_s == outcome.total_s > 0


@pytest.mark.anyio
async def test_todays_grammar_admits_indented_json_with_the_ids_and_lengths_and_nothing_else():
    model = TodaysModel()
    await today(DOCUMENT, model)
    grammar = re.compile(model.body["structured_outputs"]["regex"])
    assert grammar.fullmatch(model.text)
    assert not grammar.fullmatch(TodaysModel(shorter=True).text)
    assert not grammar.fullmatch(model.text.replace("actionId", "id"))
    assert not grammar.fullmatch(json.dumps(json.loads(model.text), ensure_ascii=False))


@pytest.mark.anyio
async def test_todays_prompt_has_our_persona_text_and_every_field_of_every_row():
    model = TodaysModel()
    await today(DOCUMENT, model)
    told, asked = (message["content"] for message in model.body["messages"])
    assert told == f"{system()}\n{voice(Persona.CASTER)}"
    assert all(f'"{key}": ' in asked for row in DOCUMENT["rawData"] for key in row)


@pytest.mark.anyio
async def test_a_sentence_of_another_length_makes_a_run_unfair():
    with pytest.raises(UnfairRun, match="syllables"):
        await today(DOCUMENT, TodaysModel(shorter=True))


@pytest.mark.anyio
@pytest.mark.parametrize("fanout", [1, 5, 10])
async def test_ours_says_as_many_syllables_as_todays(fanout):
    outcome = await Ours(fanout)(DOCUMENT, InstantEngine([written(fact) for fact in FACTS]))
    assert outcome.syllables == (await today(DOCUMENT, TodaysModel())).syllables
    assert 0 < outcome.first_line_s <= outcome.total_s


@pytest.mark.anyio
async def test_a_line_that_is_not_the_models_makes_a_run_unfair():
    broken = ["no line at all"] * (2 * len(FACTS))
    with pytest.raises(UnfairRun, match="fallback"):
        await Ours(10)(DOCUMENT, InstantEngine(broken))
