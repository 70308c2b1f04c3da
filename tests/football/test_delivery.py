"""How much an action matters, how it may sound, how long it may take."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.football import delivery
from worker.football.pitch import Lane, Third, Zone
from worker.football.vocabulary import ActionType, Card, Meaning, Outcome, Tone

BOX = (Zone(Third.BOX, Lane.CENTRE), None)
OWN_BOX = (Zone(Third.OWN_BOX, None), None)
INTO_BOX = (Zone(Third.FINAL, Lane.LEFT), Zone(Third.BOX, Lane.CENTRE))
WITHIN_BOX = (Zone(Third.BOX, Lane.LEFT), Zone(Third.BOX, Lane.CENTRE))
MIDDLE = (Zone(Third.MIDDLE, Lane.CENTRE), None)
HOME = (Zone(Third.OWN, Lane.LEFT), Zone(Third.OWN_BOX, Lane.CENTRE))
NOWHERE = (None, None)


def meaning(type_, outcome=Outcome.UNKNOWN, card=None):
    return Meaning(ActionType(type_), "말", Outcome(outcome), card, None)


def salience(type_, outcome=Outcome.UNKNOWN, card=None, places=NOWHERE, *, told=False):
    return delivery.salience(meaning(type_, outcome, card), places, told=told)


def test_salience_rises_from_a_receive_to_a_goal():
    """What a listener would not forgive missing comes first."""
    ladder = [
        salience("receive"),
        salience("pass"),
        salience("take_on"),
        salience("foul"),
        salience("foul", card=Card.YELLOW),
        salience("shot", "off_target"),
        salience("shot", "post"),
        salience("foul", card=Card.RED),
        salience("goal", "goal"),
    ]
    assert ladder == sorted(set(ladder))
    assert salience("penalty") > salience("shot", "post") >= salience("shot", "on_target")
    assert salience("shot", "goal") == salience("own_goal", "goal") == 1


def test_a_second_telling_matters_less():
    """A goal told again falls below the goal and stays above a shot."""
    assert salience("shot") < salience("goal", "goal", told=True) < 1


@pytest.mark.parametrize(
    ("types", "boxes"),
    [
        ("pass cross corner receive carry take_on shot offside", "opponents"),
        ("foul handball clearance block intervention deflection hit error", "own"),
        ("keeper_catch keeper_parry keeper_claim keeper_sweep", "own"),
        ("tackle duel interception recovery", "own opponents"),
        ("out pause", ""),
    ],
)
def test_the_box_at_stake_matters_more(types, boxes):
    """A foul in one's own area is a penalty; one in the opponent's is a foul like any other."""
    for type_ in types.split():
        elsewhere = salience(type_, places=MIDDLE)
        assert (salience(type_, places=OWN_BOX) > elsewhere) == ("own" in boxes.split())
        assert (salience(type_, places=BOX) > elsewhere) == ("opponents" in boxes.split())


@pytest.mark.parametrize("type_", ActionType)
def test_every_combination_has_a_weight_and_tones(type_):
    """Salience is 0 to 1, only a goal reaches 1, and one to three tones are always possible."""
    cards = (None, *Card)
    for outcome, card, places in itertools.product(Outcome, cards, (BOX, MIDDLE, HOME, NOWHERE)):
        weight = salience(type_, outcome, card, places)
        assert 0 < weight <= 1
        assert (weight == 1) == (outcome is Outcome.GOAL)  # the vocabulary gives goals nothing else
        tones = delivery.tones(meaning(type_, outcome, card), places)
        assert 1 <= len(set(tones)) == len(tones) <= 3


@pytest.mark.parametrize(
    ("told", "places", "tones"),
    [
        (meaning("pass"), MIDDLE, "DEFAULT"),
        (meaning("pass"), NOWHERE, "DEFAULT"),
        (meaning("pass"), HOME, "DEFAULT CALM"),
        (meaning("pass", "success"), INTO_BOX, "EXCITED DEFAULT"),
        (meaning("pass", "success"), WITHIN_BOX, "DEFAULT"),
        (meaning("pass", "success"), INTO_BOX[::-1], "DEFAULT"),
        (meaning("carry"), INTO_BOX, "EXCITED DEFAULT"),
        (meaning("take_on"), INTO_BOX, "EXCITED DEFAULT"),
        (meaning("clearance"), INTO_BOX, "DEFAULT"),
        (meaning("recovery"), BOX, "DEFAULT"),
        (meaning("pass", "failure"), INTO_BOX, "DEFAULT SAD"),
        (meaning("pass", "offside"), INTO_BOX, "QUESTION DEFAULT"),
        (meaning("receive", "success"), BOX, "EXCITED DEFAULT"),
        (meaning("goal", "goal"), BOX, "EXCITED EMPHASIS"),
        (meaning("shot", "goal"), NOWHERE, "EXCITED EMPHASIS"),
        (meaning("own_goal", "goal"), NOWHERE, "SAD EMPHASIS"),
        (meaning("goal_conceded", "goal"), NOWHERE, "SAD EMPHASIS"),
        (meaning("shot", "on_target"), BOX, "EXCITED EMPHASIS"),
        (meaning("shot", "off_target"), BOX, "EXCITED SAD"),
        (meaning("shot", "post"), BOX, "EXCITED SAD"),
        (meaning("penalty", "blocked"), NOWHERE, "EXCITED SAD"),
        (meaning("foul"), MIDDLE, "ANGRY DEFAULT"),
        (meaning("foul", card=Card.YELLOW), MIDDLE, "ANGRY EMPHASIS"),
        (meaning("offside"), BOX, "QUESTION DEFAULT"),
        (meaning("error"), HOME, "SAD DEFAULT"),
        (meaning("goal_kick"), HOME, "CALM DEFAULT"),
        (meaning("keeper_catch", "success"), HOME, "CALM DEFAULT"),
        (meaning("keeper_parry"), HOME, "EXCITED EMPHASIS"),
    ],
)
def test_tones(told, places, tones):
    """Each mood has its occasions, the likeliest first."""
    assert delivery.tones(told, places) == tuple(Tone(tone) for tone in tones.split())


weights = st.floats(0, 1)
gaps = st.none() | st.floats(0.01, 3600)


@given(weights, gaps)
def test_budgets_stay_within_their_bounds(weight, gap):
    """A plain sentence always fits, and nobody speaks for more than seven seconds."""
    assert delivery.SHORTEST <= delivery.budget(weight, gap, ()) <= delivery.LONGEST


@given(weights, weights, gaps)
def test_what_matters_more_is_never_shorter(one, other, gap):
    """At the same pace of play the budget follows the salience."""
    low, high = sorted((one, other))
    assert delivery.budget(low, gap, ()) <= delivery.budget(high, gap, ())


@given(weights, st.floats(0.01, 60), st.floats(0.01, 60))
def test_more_time_is_never_less_room(weight, one, other):
    """The later the next action, the longer the line may be."""
    short, long = sorted((one, other))
    assert delivery.budget(weight, short, ()) <= delivery.budget(weight, long, ())


def test_budgets_of_the_occasions():
    """A hurried pass gets a short sentence, a goal six seconds whatever comes next."""
    assert delivery.budget(0.2, 1.0, ("문새벽", "백가람")) == 16
    assert delivery.budget(0.1, 0.5, ()) == 14
    assert delivery.budget(0.2, 3.0, ()) == 21  # at seven syllables a second
    assert delivery.budget(0.2, 10.0, ()) == 25
    assert delivery.budget(1.0, 0.1, ()) == delivery.budget(1.0, None, ()) == 45


def test_names_always_fit():
    """However long the names, a verb fits beside them; spaces and hyphens are not spoken."""
    assert delivery.budget(0.1, 0.5, ("가나다라마 바사아자차", "Kim-Lee 7")) == 10 + 7 + 10
    assert delivery.budget(0.1, 0.5, ("가나다라마 바사아자차",)) == 10 + 13
