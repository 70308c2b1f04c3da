"""Facts made by hand, and hypothesis strategies for them."""

from dataclasses import replace

from hypothesis import strategies as st

from worker.football.facts import Direction, Distance, Fact, Lane, Person, Team, Third, Zone
from worker.football.vocabulary import ActionType, Card, Outcome, SetPiece, Tone

HARU = Person("백하루", "가온", "CM", Team.HOME)
NURI = Person("윤누리", "가온", "LW", Team.HOME)

PASS = Fact(
    index=0,
    type=ActionType.PASS,
    word="패스",
    actor=HARU,
    receiver=NURI,
    outcome=Outcome.SUCCESS,
    card=None,
    set_piece=None,
    start=Zone(Third.MIDDLE, Lane.LEFT),
    end=Zone(Third.FINAL, Lane.LEFT),
    direction=Direction.FORWARD,
    distance=Distance.LONG,
    scoring_side=None,
    scoring_team=None,
    told_by=None,
    period=2,
    minute=75,
    salience=0.2,
    tones=(Tone.DEFAULT, Tone.CALM),
    budget=20,
)


def fact(**changes):
    """A pass from the middle to the left wing, with `changes`."""
    return replace(PASS, **changes)


tones = st.lists(st.sampled_from(Tone), min_size=1, max_size=3, unique=True).map(tuple)
lanes = st.none() | st.sampled_from(Lane)
zones = st.none() | st.builds(Zone, st.sampled_from(Third), lanes)
names = st.none() | st.text(min_size=1, max_size=20)
people = st.builds(Person, names, names, st.none(), st.none() | st.sampled_from(Team))
graded_facts = st.builds(fact, tones=tones, budget=st.integers(1, 45))


def optional(values):
    return st.none() | st.sampled_from(values)


any_facts = st.builds(
    Fact,
    index=st.just(0),
    type=st.sampled_from(ActionType),
    word=st.text(max_size=10),
    actor=people,
    receiver=st.none() | people,
    outcome=st.sampled_from(Outcome),
    card=optional(Card),
    set_piece=optional(SetPiece),
    start=zones,
    end=zones,
    direction=optional(Direction),
    distance=optional(Distance),
    scoring_side=optional(Team),
    scoring_team=names,
    told_by=optional(ActionType),
    period=st.none() | st.integers(1, 5),
    minute=st.none() | st.integers(105, 130),
    salience=st.floats(0, 1),
    tones=tones.filter(lambda given: given != (Tone.QUESTION,)),  # none only asks
    budget=st.integers(14, 45),
)
