"""What becomes of a line: told, mended, refused, replaced."""

import pytest

from benchmarks.faithfulness.scenes import BY_NAME
from worker.commentary.guard import check
from worker.commentary.guard.cast import Context
from worker.commentary.judging import Judge
from worker.commentary.lines import ParsedLine
from worker.commentary.script import CommentaryOptions, GuardMode, Source
from worker.football.schema import Persona
from worker.football.vocabulary import Tone

TRUE = "백가람이 하도율에게 패스를 보냅니다."
MISSPELT = "백가람가 하도율에게 패스를 보냅니다."
FALSE = "백가람이 강력한 슛을 때립니다."


def judged(text, mode=GuardMode.REPAIR, neighbours=(), first=None, **more):
    scene = BY_NAME["pass"]
    judge = Judge(scene.request(**more), scene.facts(**more), CommentaryOptions(guard=mode))
    told = scene.facts(**more)[scene.index]
    parsed = ParsedLine(scene.index, Tone.DEFAULT, text)
    return judge.of_model(parsed, told, Persona.CASTER, neighbours, first)


def test_a_true_line_is_the_model_s():
    line, found = judged(TRUE)
    assert (line.text, line.source, line.first, found) == (TRUE, Source.MODEL, (), ())


def test_a_wrong_particle_is_mended_by_code_and_the_line_told():
    line, found = judged(MISSPELT)
    assert (line.text, line.source) == (TRUE, Source.REPAIRED)
    assert [violation.kind.value for violation in line.first] == ["particle"]
    assert line.first == found
    assert line.review.violations == ()


def test_a_false_line_is_refused():
    line, found = judged(FALSE)
    assert line is None
    assert "event" in {violation.kind.value for violation in found}


def test_a_good_second_answer_is_repaired_and_remembers_the_first():
    _, first = judged(FALSE)
    line, found = judged(TRUE, first=first)
    assert (line.source, line.first, found) == (Source.REPAIRED, first, ())


@pytest.mark.parametrize("text", [MISSPELT, FALSE])
def test_a_line_that_is_only_flagged_is_told_as_it_is(text):
    line, found = judged(text, GuardMode.FLAG)
    assert (line.text, line.source) == (text, Source.MODEL)
    assert line.first == found != ()


@pytest.mark.parametrize("text", [MISSPELT, FALSE])
def test_without_a_guard_nobody_looks_unless_somebody_asks(text):
    line, found = judged(text, GuardMode.OFF)
    assert (line.text, line.review, found) == (text, None, ())
    explained, _ = judged(text, GuardMode.OFF, explain=True)
    assert explained.text == text
    assert explained.review.violations


def test_an_echo_is_refused():
    line, found = judged(TRUE, neighbours=["백가람이 하도율에게 볼을 보냅니다."])
    assert line is None
    assert [violation.kind.value for violation in found] == ["echo"]


def fallbacks(seed, neighbours=()):
    scene = BY_NAME["recovery"]
    request = scene.request(seed=seed)
    facts = scene.facts(seed=seed)
    judge = Judge(request, facts, CommentaryOptions(seed=seed))
    return judge.fallback(facts[scene.index], Persona.CASTER, neighbours, ())


def test_a_seed_chooses_the_phrasing_and_the_next_seed_another():
    assert fallbacks(1) == fallbacks(1)
    assert len({fallbacks(seed).text for seed in range(4)}) == 4


def test_the_fallback_does_not_echo_the_lines_beside_it():
    said = fallbacks(1).text
    assert fallbacks(1, [said]).text != said


def test_the_fallback_is_flagged_and_true():
    scene = BY_NAME["recovery"]
    line = fallbacks(3)
    context = Context.of(scene.request(), scene.facts())
    assert (line.source, line.review.violations) == (Source.FALLBACK, ())
    assert check(line.text, line.fact, context) == ()
