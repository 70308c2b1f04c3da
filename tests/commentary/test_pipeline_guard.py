"""The pipeline with a guard: with an engine that lies in every class, no lie reaches the script."""

import asyncio
import re

import pytest

from tests.fakes import ScriptedEngine, asks_for, hang, say
from tests.rows import request_document, ten_rows
from worker.commentary.guard import Context, Kind, check
from worker.commentary.korean import syllables
from worker.commentary.lines import LETTERS, grammar, parse_line
from worker.commentary.pipeline import (
    CommentaryOptions,
    GuardMode,
    Script,
    Source,
    commentate,
)
from worker.engine import Delta, Usage
from worker.football.facts import facts_of
from worker.football.schema import CommentaryRequest, Persona

pytestmark = pytest.mark.anyio

REQUEST = CommentaryRequest.parse(request_document())
FACTS = facts_of(REQUEST)
# True lines, row by row, as a good model would write them.
TRUE = [
    "서온유의 패스가 이어지지 않습니다.",
    "문새벽이 공을 가로챕니다.",
    "문새벽이 백가람에게 패스합니다.",
    "백가람이 공을 받습니다.",
    "백가람이 중원에서 드리블합니다.",
    "백가람이 하도율에게 찔러 줍니다.",
    "하도율이 왼쪽에서 받습니다.",
    "하도율이 왼쪽에서 크로스를 올립니다.",
    "강누림이 골망을 흔듭니다!",
    "강누림의 득점으로 기록됩니다!",
]
# One lie of each class about the third row, a pass of 문새벽's to 백가람.
LIES = {
    Kind.NAME: "강누림이 백가람에게 패스합니다.",
    Kind.EVENT: "문새벽이 슛을 때립니다.",
    Kind.OUTCOME: "문새벽의 패스가 끊깁니다.",
    Kind.PLACE: "문새벽이 뒤로 패스합니다.",
    Kind.SCORE: "문새벽이 3대 1로 패스합니다.",
    Kind.NUMBERS: "문새벽이 9미터 패스합니다.",
    Kind.DEMONSTRATIVE: "문새벽이 여기서 패스합니다.",
    Kind.REGISTER: "문새벽이 패스를 보냈어요.",
    Kind.SCRIPT: "문새벽이 pass 보냅니다.",
    Kind.PARTICLE: "문새벽가 백가람에게 패스합니다.",
    Kind.ECHO: "문새벽이 공을 가로챕니다.",
    Kind.CUT: "문새벽이 백가람에게 패스를.",
}
LIED_ABOUT = 2


def written(index, text):
    """A line as the model writes it."""
    return f"{LETTERS[FACTS[index].tones[0]]}|{text}"


def truthful(body):
    return say("\n".join(written(index, TRUE[index]) for index in asks_for(body)))


def lying(text, times=99):
    """An engine that says `text` of one row, so many times, and the truth otherwise."""
    told = []

    def answer(body):
        lines = [written(index, TRUE[index]) for index in asks_for(body)]
        if LIED_ABOUT in asks_for(body) and len(told) < times:
            told.append(body)
            lines[asks_for(body).index(LIED_ABOUT)] = written(LIED_ABOUT, text)
        return say("\n".join(lines))

    return ScriptedEngine(answer)


async def script_of(engine, request=REQUEST, **options):
    made = commentate(request, engine, CommentaryOptions(**options))
    [script] = [item async for item in made if isinstance(item, Script)]
    return script


def untrue(script, request=REQUEST):
    """The lines of a script that the guard does not pass."""
    facts = facts_of(request)
    return [
        line.text
        for persona, lines in script.scripts.items()
        for line in lines
        if check(line.text, line.fact, Context.of(request, facts, persona))
    ]


FANOUTS = pytest.mark.parametrize("fanout", [None, 5, 1])


@FANOUTS
async def test_true_lines_are_told_as_they_are(fanout):
    engine = ScriptedEngine(truthful)
    script = await script_of(engine, fanout=fanout)
    assert [line.text for line in script.lines] == TRUE
    assert {line.source for line in script.lines} == {Source.MODEL}
    assert (script.warnings, script.violations) == ((), {})
    assert len(engine.bodies) == (fanout or 10)


def test_every_lie_is_one_that_the_grammar_admits():
    """What the grammar already makes impossible would prove nothing."""
    for kind, text in LIES.items():
        parsed = parse_line(written(LIED_ABOUT, text), FACTS[LIED_ABOUT])
        assert parsed is not None, kind
        assert re.fullmatch(grammar([FACTS[LIED_ABOUT]]), written(LIED_ABOUT, text))
    assert set(Kind) - set(LIES) == {Kind.LENGTH}  # and that one it does make impossible


@FANOUTS
@pytest.mark.parametrize("kind", LIES)
async def test_no_lie_reaches_the_script(kind, fanout):
    """An engine that does not learn is replaced for that line, and for no other."""
    script = await script_of(lying(LIES[kind]), fanout=fanout)
    told = [line.text for line in script.lines]
    assert untrue(script) == []
    assert told[:LIED_ABOUT] + told[LIED_ABOUT + 1 :] == TRUE[:LIED_ABOUT] + TRUE[LIED_ABOUT + 1 :]
    replaced = script.lines[LIED_ABOUT]
    # The echo is of whichever line is there first, and tells of another's action anyway.
    found = {violation.kind for violation in replaced.first}
    assert found & ({kind, Kind.EVENT} if kind is Kind.ECHO else {kind})
    assert sum(script.violations.values()) >= 1
    mended = kind is Kind.PARTICLE
    assert replaced.source is (Source.REPAIRED if mended else Source.FALLBACK)
    assert any(f"rawData[{LIED_ABOUT}]: guard" in told for told in script.warnings) is not mended


@FANOUTS
@pytest.mark.parametrize("kind", sorted(set(LIES) - {Kind.PARTICLE}))
async def test_a_lie_is_told_to_the_model_once_in_one_sentence(kind, fanout):
    """The second answer is taken; only that line is asked for again."""
    engine = lying(LIES[kind], times=1)
    script = await script_of(engine, fanout=fanout)
    assert [line.text for line in script.lines] == TRUE
    assert script.lines[LIED_ABOUT].source is Source.REPAIRED
    assert [line.source for line in script.lines].count(Source.MODEL) == 9
    again = engine.bodies[fanout or 10 :]
    assert [asks_for(body) for body in again] == [[LIED_ABOUT]]
    *head, complaint, _tail = again[0]["messages"][1]["content"].split("\n")
    reason = script.lines[LIED_ABOUT].first[0].reason
    assert complaint.startswith("앞 답은 쓸 수 없다.")
    assert reason in complaint
    first = engine.bodies[0]["messages"][1]["content"].split("\n")
    assert head == first[:-1]


async def test_a_flagged_lie_is_told_and_said_to_be_one():
    text = LIES[Kind.EVENT]
    engine = lying(text)
    script = await script_of(engine, guard=GuardMode.FLAG)
    assert script.lines[LIED_ABOUT].text == text
    assert script.lines[LIED_ABOUT].source is Source.MODEL
    assert script.warnings == (f"rawData[{LIED_ABOUT}]: guard (event)",)
    assert script.violations == {"event": script.violations["event"]}
    assert len(engine.bodies) == 10


async def test_without_a_guard_a_lie_is_told():
    script = await script_of(lying(LIES[Kind.EVENT]), guard=GuardMode.OFF)
    assert script.lines[LIED_ABOUT].text == LIES[Kind.EVENT]
    assert (script.warnings, script.violations) == ((), {})


async def test_a_line_is_not_the_one_before_the_window_again():
    """The first line is held against the last one told before it."""
    request = CommentaryRequest.parse(request_document(previousScript=[TRUE[0]]))
    script = await script_of(ScriptedEngine(truthful), request)
    assert script.lines[0].source is Source.FALLBACK
    assert Kind.ECHO in {violation.kind for violation in script.lines[0].first}
    assert script.lines[0].text != TRUE[0]


async def test_a_repaired_line_never_changes_another_action_s_line():
    """Whatever is repaired, all other lines are what they would have been."""
    for text in LIES.values():
        script = await script_of(lying(text, times=1))
        others = [line.text for line in script.lines if line.index != LIED_ABOUT]
        assert others == TRUE[:LIED_ABOUT] + TRUE[LIED_ABOUT + 1 :]


STYLES = CommentaryRequest.parse(request_document(styles=["CASTER", "FRIEND"]))
PLAIN = [re.sub("니다([.!])$", r"네\1", text) for text in TRUE]


def both(body):
    """True in 합쇼체, whoever is asked: a friend who speaks so is none."""
    return truthful(body)


@FANOUTS
async def test_each_persona_has_a_script_of_its_own(fanout):
    """From one job, with one prompt up to the voice; each in its own level of speech."""
    engine = ScriptedEngine(both)
    script = await script_of(engine, STYLES, fanout=fanout)
    caster, friend = script.scripts[Persona.CASTER], script.scripts[Persona.FRIEND]
    assert script.lines == caster
    assert [line.text for line in caster] == TRUE
    assert {line.source for line in friend} == {Source.FALLBACK}
    assert {line.persona for line in friend} == {Persona.FRIEND}
    assert untrue(script, STYLES) == []
    assert "rawData[0] (FRIEND): guard (register)" in script.warnings
    heads = {body["messages"][1]["content"].split("말투:")[0] for body in engine.bodies}
    assert len(heads) == 1


async def test_seeds_differ_between_personas():
    seeded = CommentaryRequest.parse(request_document(styles=["CASTER", "FRIEND"], seed=5))
    engine = ScriptedEngine(both)
    await script_of(engine, seeded)
    seeds = [body["seed"] for body in engine.bodies]
    assert len(set(seeds)) == len(seeds) == 30  # ten of each, and each friend's line once more


TWICE = CommentaryRequest.parse(
    request_document(
        rawData=[
            {**ten_rows()[4], "actionId": number, "timeSeconds": 1800.0 + 5 * number}
            for number in range(3)
        ]
    )
)


@pytest.mark.parametrize("slow", [0, 1, 2])
async def test_the_echo_is_the_later_line_whichever_is_finished_first(slow):
    """Three runs of one player's, told alike: the first stays, and time changes nothing."""
    finished = asyncio.Event()

    async def answer(body):
        if asks_for(body) == [slow]:
            await finished.wait()
        elif len(engine.bodies) >= 3:
            asyncio.get_running_loop().call_later(0.02, finished.set)
        yield Delta("D|백가람이 중원에서 드리블합니다.", "stop", Usage())

    engine = ScriptedEngine(answer)
    script = await script_of(engine, TWICE)
    assert [line.source for line in script.lines] == [
        Source.MODEL,
        Source.FALLBACK,
        Source.MODEL,
    ]
    assert Kind.ECHO in {violation.kind for violation in script.lines[1].first}


async def test_lines_that_wait_for_each_other_are_told_at_the_deadline():
    """What is ready is not lost because the line before it never came."""
    engine = ScriptedEngine(
        lambda body: hang() if asks_for(body) == [0] else say("D|백가람이 중원에서 드리블합니다.")
    )
    script = await script_of(engine, TWICE, deadline_s=0.3)
    assert [line.source for line in script.lines] == [
        Source.FALLBACK,
        Source.MODEL,
        Source.FALLBACK,
    ]
    assert untrue(script, TWICE) == []


async def test_what_matters_little_is_told_in_a_word_or_two_and_never_dropped():
    request = CommentaryRequest.parse(request_document(minSalience=0.5))
    script = await script_of(ScriptedEngine(lambda _: say("")), request)
    assert len(script.lines) == 10
    brief = [line for line in script.lines if line.fact.salience < 0.5]
    assert brief
    assert all(line.fact.brief and syllables(line.text) <= 11 for line in brief)
    assert not any(line.fact.brief for line in script.lines if line.fact.salience >= 0.5)
    assert untrue(script, request) == []


async def test_a_faster_voice_has_more_to_say_in_the_same_time():
    slow, fast = (
        facts_of(CommentaryRequest.parse(request_document(speech={"rate": rate})))
        for rate in (0.5, 2.0)
    )
    assert all(one.budget <= other.budget for one, other in zip(slow, fast, strict=True))
    assert sum(fact.budget for fact in fast) > 1.2 * sum(fact.budget for fact in slow)
