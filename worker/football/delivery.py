"""How much an action matters, in which tones it may be told, and how long the telling may take.

These are choices of ours, not facts of football; each table says what it follows.
"""

from typing import Final

from worker.football.pitch import Third, Zone
from worker.football.vocabulary import (
    DEFENDING,
    PASSES,
    SHOTS,
    ActionType,
    Card,
    Meaning,
    Outcome,
    Tone,
)

_T = ActionType

# Start and end of an action, as far as they are known.
Places = tuple[Zone | None, Zone | None]

# From routine to what a match is remembered for. The order is what matters, not the figures.
_SALIENCE: Final[dict[ActionType, float]] = {
    _T.GOAL: 1.0,
    _T.OWN_GOAL: 1.0,
    _T.GOAL_CONCEDED: 1.0,
    _T.PENALTY: 0.95,
    _T.SHOT: 0.75,
    _T.SHOT_FREEKICK: 0.75,
    _T.KEEPER_PARRY: 0.7,
    _T.KEEPER_CATCH: 0.6,
    _T.HANDBALL: 0.6,
    _T.FOUL: 0.5,
    _T.OFFSIDE: 0.5,
    _T.ERROR: 0.5,
    _T.CROSS: 0.45,
    _T.CORNER: 0.45,
    _T.BLOCK: 0.45,
    _T.KEEPER_CLAIM: 0.45,
    _T.KEEPER_SWEEP: 0.45,
    _T.TAKE_ON: 0.4,
    _T.INTERCEPTION: 0.4,
    _T.TACKLE: 0.4,
    _T.FREEKICK_PASS: 0.35,
    _T.CLEARANCE: 0.35,
    _T.FOUL_THROW: 0.35,
    _T.RECOVERY: 0.3,
    _T.INTERVENTION: 0.3,
    _T.DUEL: 0.3,
    _T.DEFLECTION: 0.25,
    _T.HIT: 0.25,
    _T.CARRY: 0.25,
    _T.PASS: 0.2,
    _T.THROW_IN: 0.2,
    _T.GOAL_KICK: 0.2,
    _T.OUT: 0.2,
    _T.OTHER: 0.2,
    _T.PAUSE: 0.1,
    _T.RECEIVE: 0.1,
}
_BY_OUTCOME: Final = {
    Outcome.GOAL: 1.0,
    Outcome.ON_TARGET: 0.9,
    Outcome.POST: 0.9,
    Outcome.KEEPER_RUSH_OUT: 0.9,
}
_BY_CARD: Final = {Card.YELLOW: 0.7, Card.SECOND_YELLOW: 0.95, Card.RED: 0.95}
_TOLD_AGAIN: Final = 0.8  # a goal's second row: the shout is over, the name is not
_BY_THE_BOX: Final = 0.15  # what happens in the penalty area at stake matters more
# Whose area that is: one's own for defenders, fouls (a penalty) and errors, either for who wins the
# ball, none for a ball that is out and for a pause, the opponent's for all others.
_BOX_AT_STAKE: Final[dict[ActionType, frozenset[Third]]] = (
    dict.fromkeys(DEFENDING | {_T.ERROR}, frozenset({Third.OWN_BOX}))
    | dict.fromkeys(
        (_T.TACKLE, _T.DUEL, _T.INTERCEPTION, _T.RECOVERY), frozenset({Third.OWN_BOX, Third.BOX})
    )
    | dict.fromkeys((_T.OUT, _T.PAUSE), frozenset())
)
_SHORT_OF_A_GOAL: Final = 0.95

# The tones of the wire contract: excited at chances, angry at fouls, sad at errors and lost
# chances, calm with the goalkeeper and in safe build-up, a question where something is checked.
_TONES: Final[dict[ActionType, tuple[Tone, ...]]] = {
    _T.GOAL: (Tone.EXCITED, Tone.EMPHASIS),
    _T.OWN_GOAL: (Tone.SAD, Tone.EMPHASIS),
    _T.GOAL_CONCEDED: (Tone.SAD, Tone.EMPHASIS),
    _T.KEEPER_PARRY: (Tone.EXCITED, Tone.EMPHASIS),
    _T.KEEPER_CATCH: (Tone.CALM, Tone.DEFAULT),
    _T.KEEPER_CLAIM: (Tone.CALM, Tone.DEFAULT),
    _T.KEEPER_SWEEP: (Tone.DEFAULT, Tone.CALM),
    _T.GOAL_KICK: (Tone.CALM, Tone.DEFAULT),
    _T.FOUL: (Tone.ANGRY, Tone.DEFAULT),
    _T.HANDBALL: (Tone.ANGRY, Tone.DEFAULT),
    _T.FOUL_THROW: (Tone.DEFAULT, Tone.ANGRY),
    _T.OFFSIDE: (Tone.QUESTION, Tone.DEFAULT),
    _T.ERROR: (Tone.SAD, Tone.DEFAULT),
    _T.CROSS: (Tone.EXCITED, Tone.DEFAULT),
    _T.CORNER: (Tone.EXCITED, Tone.DEFAULT),
    _T.BLOCK: (Tone.DEFAULT, Tone.EMPHASIS),
    _T.TACKLE: (Tone.DEFAULT, Tone.EMPHASIS),
    _T.INTERCEPTION: (Tone.DEFAULT, Tone.EMPHASIS),
}
_SHOT_TONES: Final[dict[Outcome, tuple[Tone, ...]]] = dict.fromkeys(
    (Outcome.OFF_TARGET, Outcome.POST, Outcome.LOW_QUALITY, Outcome.BLOCKED, Outcome.FAILURE),
    (Tone.EXCITED, Tone.SAD),
)
_FAILED_TONES: Final = {
    Outcome.OFFSIDE: _TONES[_T.OFFSIDE],
    Outcome.FAILURE: (Tone.DEFAULT, Tone.SAD),
}
_CALM_PLACES: Final = frozenset({Third.OWN_BOX, Third.OWN})
_BUILD_UP: Final = frozenset({_T.PASS, _T.RECEIVE, _T.CARRY, _T.RECOVERY})
_ENTERING: Final = PASSES | {_T.CARRY, _T.TAKE_ON}

# Korean is spoken at 6 to 8 syllables a second; the middle of it.
SYLLABLES_PER_SECOND: Final = 7.0
SHORTEST: Final = 14  # unit: syllables; a plain sentence with one name in it
LONGEST: Final = 45  # unit: syllables; six to seven seconds
_ROOM_FOR_A_VERB: Final = 10  # unit: syllables beside both names: "…이 …에게 패스를 보냅니다"
_ROOM_ALONE: Final = 13  # unit: syllables beside the actor's: "…의 패스가 이어지지 않습니다"
_ROOM_FOR_A_WORD: Final = 8  # unit: syllables beside the actor's: "…, 골키퍼 공중볼 처리"


def salience(meaning: Meaning, places: Places, *, told: bool) -> float:
    """How much an action matters, 0 (routine) to 1 (a goal); `told` is a goal told already."""
    if told:
        return _TOLD_AGAIN
    if meaning.outcome is Outcome.GOAL:
        return 1.0
    card = _BY_CARD[meaning.card] if meaning.card else 0.0
    value = max(_SALIENCE[meaning.type], _BY_OUTCOME.get(meaning.outcome, 0.0), card)
    return min(value + _BY_THE_BOX * _at_stake(meaning.type, places), _SHORT_OF_A_GOAL)


def tones(meaning: Meaning, places: Places) -> tuple[Tone, ...]:
    """The tones an action may be told in, likeliest first; never none."""
    if meaning.card:
        return (Tone.ANGRY, Tone.EMPHASIS)
    if meaning.type in SHOTS:
        return _SHOT_TONES.get(meaning.outcome, _TONES[ActionType.GOAL])
    if meaning.outcome in _FAILED_TONES:
        return _FAILED_TONES[meaning.outcome]
    return _tones_by_place(meaning.type, places) or _TONES.get(meaning.type, (Tone.DEFAULT,))


def _tones_by_place(type_: ActionType, places: Places) -> tuple[Tone, ...]:
    if _enters_box(type_, places):
        return (Tone.EXCITED, Tone.DEFAULT)
    if type_ in _BUILD_UP and _at_home(places):
        return (Tone.DEFAULT, Tone.CALM)
    return ()


def _at_stake(type_: ActionType, places: Places) -> bool:
    boxes = _BOX_AT_STAKE.get(type_, frozenset({Third.BOX}))
    return any(place is not None and place.third in boxes for place in places)


def _enters_box(type_: ActionType, places: Places) -> bool:
    """Whether the ball comes into the opponent's area, or is received there."""
    start, end = (place is not None and place.third is Third.BOX for place in places)
    return start if type_ is ActionType.RECEIVE else end and not start and type_ in _ENTERING


def _at_home(places: Places) -> bool:
    known = [place for place in places if place is not None]
    return bool(known) and all(place.third in _CALM_PLACES for place in known)


def budget(value: float, seconds: float | None, names: tuple[str, ...], rate: float = 1.0) -> int:
    """How many syllables a line may have.

    What a line deserves grows with its salience: from 14 to 45 even when the next action presses
    (with the square, so that only what matters takes time from others), from 20 to 45 when there
    is time. Between the two the time to the next action decides. The names it must hold always
    fit, with room for a verb.

    Args:
        value: the salience, 0 to 1.
        seconds: to the next action; None when unknown, which takes the middle.
        names: of the actor and, if there is one, the receiver.
        rate: how fast the voice speaks, as a multiple of SYLLABLES_PER_SECOND; a faster one says
            more where time presses, and no more than a line deserves.
    """
    pressed = min(LONGEST, (SHORTEST + (LONGEST - SHORTEST) * value**2) * rate)
    at_leisure = 20 + (LONGEST - 20) * value
    if seconds is None:
        fair = (pressed + at_leisure) / 2
    else:
        fair = max(pressed, min(at_leisure, SYLLABLES_PER_SECOND * rate * seconds))
    spoken = [_syllables(name) for name in names]
    return max(round(fair), sum(spoken) + _ROOM_FOR_A_VERB, sum(spoken[:1]) + _ROOM_ALONE)


def brief_budget(names: tuple[str, ...]) -> int:
    """How many syllables a word or two may have: the actor's name and what he does."""
    return sum(_syllables(name) for name in names[:1]) + _ROOM_FOR_A_WORD


def _syllables(name: str) -> int:
    return sum(char.isalnum() for char in name)
