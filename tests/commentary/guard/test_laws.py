"""What the guard promises of any line, whatever the words."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.faithfulness.scenes import SCENES, told
from tests.commentary.guard.judged import alone, context, kinds
from tests.commentary.made import NURI, any_facts, fact
from worker.commentary import fallback
from worker.commentary.guard import Context, Kind, Review, Violation, check, review
from worker.commentary.korean import syllables
from worker.commentary.names import speakable
from worker.football.facts import Direction, Distance, Lane, Person, Team, Third, Zone
from worker.football.pitch import Coordinates, Orientation
from worker.football.schema import Persona
from worker.football.vocabulary import (
    DEFENDING,
    GOALS,
    PASSES,
    SHOTS,
    WORDS,
    ActionType,
    Card,
    Outcome,
    SetPiece,
)

_T = ActionType
PERSONAS = pytest.mark.parametrize("persona", Persona)

DEAD_BALLS = {
    _T.CORNER: SetPiece.CORNER,
    _T.FREEKICK_PASS: SetPiece.FREE_KICK,
    _T.SHOT_FREEKICK: SetPiece.FREE_KICK,
    _T.GOAL_KICK: SetPiece.GOAL_KICK,
    _T.PENALTY: SetPiece.PENALTY,
    _T.THROW_IN: SetPiece.THROW_IN,
}
PEOPLE = [
    Person("백하루", "가온", "CM", Team.HOME),
    Person("서온율", "가온", "GK", Team.HOME),
    Person("Hwang", "가온", None, Team.HOME),
    Person("山田", "가온", "CM", Team.HOME),
    Person(None, "가온", None, Team.HOME),
    Person(None, None, None, Team.AWAY),
    Person(None, None),
]
PLACES = [
    (None, None, None, None),
    (Zone(Third.MIDDLE, Lane.LEFT), Zone(Third.FINAL, Lane.RIGHT), Direction.FORWARD, None),
    (Zone(Third.BOX, Lane.CENTRE), Zone(Third.OWN, Lane.CENTRE), Direction.BACKWARD, Distance.LONG),
    (Zone(Third.OWN_BOX, None), Zone(Third.OWN, None), Direction.SIDEWAYS, Distance.SHORT),
]


def possible(type_):
    """The outcomes that a fact of a type can have."""
    if type_ in GOALS:
        return [Outcome.GOAL]
    if type_ in SHOTS:
        return sorted(set(Outcome) - {Outcome.SUCCESS, Outcome.OFFSIDE})
    either = [Outcome.UNKNOWN, Outcome.SUCCESS, Outcome.FAILURE]
    return [*either, Outcome.OFFSIDE] if type_ in PASSES else either


def facts_of_type(type_):
    """Facts of a type in every outcome, card, set piece, place and cast."""
    carded = type_ in (_T.FOUL, _T.HANDBALL, _T.FOUL_THROW)
    tellers = (_T.SHOT, _T.OWN_GOAL) if type_ in (_T.GOAL, _T.GOAL_CONCEDED) else ()
    pieces = [None, *SetPiece] if type_ in (_T.PASS, _T.CROSS, _T.SHOT) else [None]
    for outcome, card, told_by, piece, actor, place in product(
        possible(type_),
        [None, *Card] if carded else [None],
        [None, *tellers],
        pieces,
        PEOPLE,
        PLACES,
    ):
        start, end, direction, distance = place
        sends = type_ in PASSES | {_T.CARRY, _T.TAKE_ON, _T.CLEARANCE}
        lane = None if type_ in DEFENDING else start and start.lane
        side = actor.side
        conceded = type_ in (_T.OWN_GOAL, _T.GOAL_CONCEDED)
        scoring = side and (side.opponent if conceded else side)
        named = {Team.HOME: "가온", Team.AWAY: "누리"}
        yield fact(
            type=type_,
            word=WORDS[type_],
            outcome=outcome,
            card=card,
            told_by=told_by,
            set_piece=DEAD_BALLS.get(type_, piece),
            actor=actor,
            receiver=NURI if type_ in PASSES and outcome is Outcome.SUCCESS else None,
            start=start and Zone(start.third, lane) if type_ not in GOALS else None,
            end=end if sends else None,
            direction=direction if sends and type_ not in (_T.CROSS, _T.CORNER) else None,
            distance=distance if sends else None,
            scoring_side=scoring if outcome is Outcome.GOAL else None,
            scoring_team=named.get(scoring) if outcome is Outcome.GOAL else None,
            budget=45,
        )


TEAMS = {"가온": Team.HOME, "누리": Team.AWAY}


def about(each, persona):
    """The context of a match in which that fact is all that happened."""
    return Context(persona, (each,), TEAMS, frozenset(), frozenset())


@PERSONAS
@pytest.mark.parametrize("type_", ActionType)
def test_every_fallback_line_passes(type_, persona):
    """For every combination of type, outcome, card, set piece, place, cast and phrasing."""
    for each in facts_of_type(type_):
        for variant in range(fallback.variants(each)):
            _, text = fallback.line(each, persona, variant)
            assert check(text, each, about(each, persona)) == (), (text, each)


@PERSONAS
@pytest.mark.parametrize("type_", ActionType)
def test_every_brief_fallback_line_passes(type_, persona):
    """What is told in a word or two is as true."""
    for each in facts_of_type(type_):
        shown = speakable(each.actor.name) or each.actor.team or ""
        brief = fact(
            **{name: getattr(each, name) for name in each.__slots__}
            | {
                "brief": True,
                "budget": syllables(shown) + 8,
            }
        )
        _, text = fallback.line(brief, persona)
        assert check(text, brief, about(brief, persona)) == (), (text, brief)


@given(any_facts, st.sampled_from(Persona), st.text(max_size=60))
def test_any_text_can_be_judged(any_fact, persona, text):
    """Whatever the words: a verdict, and a faithfulness from 0 to 1."""
    judged = review(text, any_fact, alone(persona, any_fact))
    assert all(isinstance(each, Violation) for each in judged.violations)
    assert 0 <= judged.faithfulness <= 1


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_mirroring_the_pitch_swaps_the_sides_that_a_line_may_claim(scene):
    """Left is right where y grows the other way; nothing else about a line changes."""
    there = scene.facts()[scene.index]
    here = scene.facts(coordinates={"yDown": True})[scene.index]
    for said, swapped in (("왼쪽", "오른쪽"), ("오른쪽", "왼쪽")):
        one = _is_misplaced(f"{said}에서 한 장면입니다.", there, scene)
        two = _is_misplaced(f"{swapped}에서 한 장면입니다.", here, scene, yDown=True)
        assert one == two


def _is_misplaced(line, about_, scene, **coordinates):
    found = check(line, about_, context(scene.name, coordinates=coordinates))
    return any(each.kind is Kind.PLACE for each in found)


def test_a_lane_can_be_said_of_one_side_only():
    """Not the same as saying nothing of sides: one holds, the other does not."""
    assert kinds("carry", "하도율이 왼쪽에서 공을 몰고 갑니다.") == set()
    assert kinds("carry", "하도율이 오른쪽에서 공을 몰고 갑니다.") == {"place"}


def test_orientation_decides_who_attacks_where():
    """The same numbers, read the other way round, put the same run on the other flank."""
    turned = {"coordinates": {"orientation": Orientation.ACTING_LTR.value}}
    line = "진해솔이 상대 페널티 박스 안으로 공을 몰고 갑니다."
    assert kinds("carry_into_box", line) == set()
    assert kinds("carry_into_box", line, **turned) == {"place"}
    assert Coordinates().orientation is Orientation.HOME_LTR


def test_grounds_name_the_fields_that_a_line_rests_on():
    """Who, to whom, from where, to where, how: each with the line's own words."""
    line = "백가람이 중원에서 왼쪽의 하도율에게 길게 패스를 보냅니다."
    judged = review(line, told("pass"), context("pass"))
    grounds = {ground.field: ground.text for ground in judged.grounds}
    assert judged.violations == ()
    assert grounds["actor"] == "백가람"
    assert grounds["receiver"] == "하도율"
    assert grounds["start"].startswith("중원")
    assert {"type", "direction"} <= set(grounds)


def test_faithfulness_is_the_share_of_what_is_said_that_holds():
    """Manner is no part of it, and a line that says nothing is not false."""
    ground, wrong = object(), Violation(Kind.PLACE, "왼쪽", "")
    ugly = Violation(Kind.REGISTER, "", "")
    assert Review((wrong,), (ground, ground, ground)).faithfulness == 0.75
    assert Review((ugly,), (ground,)).faithfulness == 1.0
    assert Review((), ()).faithfulness == 1.0
