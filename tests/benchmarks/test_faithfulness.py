"""The measure of the guard: its cases are what they say, and what it must reach is reached."""

from collections import Counter
from itertools import product
from random import Random

import pytest

from benchmarks.faithfulness import __main__ as program
from benchmarks.faithfulness import cases, forms, report
from benchmarks.faithfulness.mutants import Case, mutants
from benchmarks.faithfulness.report import Measured, Tally
from benchmarks.faithfulness.scenes import BY_NAME, SCENES, told
from tests.fakes import ScriptedEngine, say
from worker.commentary.guard import Kind, Violation
from worker.football.schema import Persona, TableForm
from worker.football.vocabulary import ActionType, Card, Outcome


@pytest.fixture(scope="module")
def measured():
    return program.measured()


def test_the_scenes_have_every_type_result_and_card():
    """What the feed can say is among what is measured."""
    facts = [told(scene.name) for scene in SCENES]
    assert {fact.type for fact in facts} == set(ActionType)
    assert {fact.outcome for fact in facts} == set(Outcome)
    assert {fact.card for fact in facts} == {None, *Card}
    assert {fact.actor.side for fact in facts if fact.actor.name} == {"home", "away"}


def test_there_are_hand_written_lines_for_every_scene_and_persona_and_half_are_held_out():
    """At least 200; and none stands in both files."""
    tuned, held_out = (list(cases.written(origin)) for origin in cases.FILES)
    assert min(len(tuned), len(held_out)) >= 200
    assert len(held_out) == pytest.approx(len(tuned), rel=0.05)
    for lines in (tuned, held_out):
        told_of = {(case.scene.name, case.persona) for case in lines}
        assert told_of == set(product(BY_NAME, Persona))
    assert not {case.text for case in tuned} & {case.text for case in held_out}


def test_hand_written_lines_are_phrased_otherwise_than_the_fallback_voice():
    """They would measure nothing if they were its own."""
    spoken = {case.text for case in cases.spoken()}
    written = [case.text for origin in cases.FILES for case in cases.written(origin)]
    assert sum(text in spoken for text in written) < len(written) / 20


def test_every_class_has_mutants_of_every_origin():
    counted = Counter((case.origin, case.kind) for case in cases.mutated())
    for origin, kind in product(report.ORIGINS, Kind):
        assert counted[origin, kind] >= 20, (origin, kind)


def test_a_mutant_is_another_text_or_has_an_echo_beside_it():
    correct = next(cases.spoken())
    for lie in mutants(correct, Random(1)):  # noqa: S311 - a choice of lies
        assert lie.text != correct.text or lie.neighbours
        assert lie.kind is not None


def test_the_guard_reaches_what_it_must(measured):
    """98 % of the mutants of each class, 99 % of all correct lines; no origin below 98 %."""
    assert measured.reached, report.table(measured)


def test_the_guard_costs_less_than_a_millisecond_a_line(measured):
    """A promise of the product, with a factor of five to spare on a busy machine."""
    assert measured.microseconds < 1000


def test_hand_written_lies_are_caught(measured):
    """No class of them gets by more often than one time in ten."""
    for origin, counts in measured.lies.items():
        for kind, tally in counts.items():
            assert tally.share >= 0.9, (origin, kind)


def test_a_class_below_its_bound_is_not_reached():
    good = {"name": Tally(98, 100)}
    assert Measured({"x": Tally(99, 100)}, {"*": good}).reached
    assert not Measured({"x": Tally(98, 100)}, {"*": good}).reached
    assert Measured({"x": Tally(98, 100), "y": Tally(300, 300)}, {"*": good}).reached
    assert not Measured({"x": Tally(97, 100), "y": Tally(900, 900)}, {"*": good}).reached
    assert not Measured({"x": Tally(99, 100)}, {"*": {"name": Tally(97, 100)}}).reached


def judged(origin, kind, *found):
    result = Measured()
    case = Case(SCENES[0], Persona.CASTER, "한 줄.", origin, kind)
    report.tallied([(case, [Violation(each, "", "") for each in found])], result, lies=False)
    return result


def test_a_mutant_is_caught_by_its_own_class_only():
    assert judged(cases.TUNED, Kind.NAME, Kind.NAME).caught["*"]["name"].right == 1
    other = judged(cases.TUNED, Kind.NAME, Kind.EVENT)
    assert other.caught["*"]["name"].right == 0
    assert len(other.misses) == 1


def test_nothing_is_shown_of_what_is_held_out():
    """Who sees what was missed tunes on it."""
    assert judged(cases.HELD_OUT, None, Kind.NAME).misses == []
    assert len(judged(cases.TUNED, None, Kind.NAME).misses) == 1


def test_a_report_is_read_as_it_was_written(tmp_path, measured):
    report.write(measured, tmp_path)
    assert report.read(tmp_path) == measured
    assert report.table(measured) in (tmp_path / "faithfulness.md").read_text("utf-8")


def test_the_exit_code_says_whether_it_is_reached(monkeypatch, capsys):
    for right, code in ((100, 0), (98, 1)):
        made = Measured({cases.TUNED: Tally(right, 100)}, {"*": {"name": Tally(1, 1)}})
        monkeypatch.setattr(program, "measured", lambda made=made: made)
        assert program.main([]) == code
    assert "correct lines" in capsys.readouterr().out


@pytest.mark.anyio
async def test_the_table_forms_are_compared_on_the_same_jobs(monkeypatch):
    """Three forms, the same requests and seeds, every answer once; the model is named."""
    engine = ScriptedEngine()
    monkeypatch.setattr(forms, "start_engine", lambda _: (engine, {}))
    said = await forms.compare(program.Settings.from_env({"MODEL_NAME": "any"}), 3)
    assert "Model: scripted" in said
    rows = [line.split(" | ")[0] for line in said.splitlines() if line.startswith("| ")]
    assert rows == ["| table form", "| ---", *(f"| {form}" for form in TableForm)]
    assert len(engine.bodies) == 3 * 3 * 10
    seeds = [body["seed"] for body in engine.bodies]
    assert seeds[:30] == seeds[30:60] == seeds[60:]
    assert "0.0%" in said  # nonsense is never true


@pytest.mark.anyio
async def test_what_a_model_did_not_write_is_not_counted_as_its_truth(monkeypatch):
    """The fallback speaks the truth; that is no merit of a model that writes garbage."""
    engine = ScriptedEngine(lambda _: say("xx"))
    monkeypatch.setattr(forms, "start_engine", lambda _: (engine, {}))
    said = await forms.compare(program.Settings.from_env({"MODEL_NAME": "any"}), 1)
    rows = [line.split(" | ") for line in said.splitlines() if line.startswith("| ")]
    assert [row[1:5] for row in rows[2:]] == [["10", "10", "0.0%", "0.00"]] * 3
