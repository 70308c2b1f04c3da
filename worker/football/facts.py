"""What code knows about an action, in football terms.

An action is a row as its provider wrote it; a fact is what may be said of it. A fact holds less
when the row holds less: nothing here is ever guessed.
"""

from dataclasses import dataclass
from enum import StrEnum

from worker.football.vocabulary import ActionType, Card, Outcome, SetPiece, Tone


class Team(StrEnum):
    """Which of the two sides, seen from the match sheet."""

    HOME = "home"
    AWAY = "away"


class Third(StrEnum):
    """Lengthwise part of the pitch, seen by the acting team: own goal first."""

    OWN_BOX = "own_box"  # inside one's own penalty area
    OWN = "own"  # one's own third
    MIDDLE = "middle"
    FINAL = "final"  # the opponent's third
    BOX = "box"  # inside the opponent's penalty area


class Lane(StrEnum):
    """Crosswise part of the pitch, as the acting team sees it when it attacks."""

    LEFT = "left"
    CENTRE = "centre"
    RIGHT = "right"


class Direction(StrEnum):
    """Where the ball goes, relative to the acting team's attack."""

    FORWARD = "forward"
    BACKWARD = "backward"
    SIDEWAYS = "sideways"


class Distance(StrEnum):
    """Length band of a movement; bounds are in `worker.football.pitch`."""

    SHORT = "short"
    MEDIUM = "medium"
    LONG = "long"


@dataclass(frozen=True, slots=True)
class Zone:
    """A place on the pitch as the acting team sees it."""

    third: Third
    lane: Lane


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody named in the data, exactly as given.

    Attributes:
        name: the player's name, whitespace and control characters folded; None when not given.
        team: the team's short Korean name as given; None when not given.
        position: the position as given (`CB`, `GK`), or None.
        side: home or away; None when it cannot be known.
    """

    name: str | None
    team: str | None
    position: str | None = None
    side: Team | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """One action in football terms.

    Attributes:
        index: 0-based place in the request.
        type: canonical type; `OTHER` when the provider's name is unknown.
        word: the Korean word for it; the provider's own label for `OTHER`.
        actor: who did it. For an own goal the defender who scored it, for a foul the offender, for
            `out` the last toucher.
        receiver: who got the ball, from the receiver column or from the next row; None if unknown.
        outcome: what came of it; UNKNOWN when the data do not say.
        card: the card shown for it, or None.
        set_piece: the dead ball it was played from, or None.
        start, end: where it began and ended; None without coordinates or a known home side.
        direction, distance: of the movement; None without one (shots, points, unknown side).
        scoring_side: the side that a goal counts for (the opponent's for an own goal); None if
            this action is no goal or the side is unknown.
        scoring_team: that side's short name as given, or None.
        goal_already_told: True for the goal row that repeats the shot before it.
        period: 1-based, or None. minute: 0-based running minute of the match as it is spoken
            (second half from 45), or None.
        salience: 0 (routine) to 1 (a goal).
        tones: the tones that are possible, likeliest first; never empty.
        budget: how many syllables the line may have, at most.
    """

    index: int
    type: ActionType
    word: str
    actor: Person
    receiver: Person | None
    outcome: Outcome
    card: Card | None
    set_piece: SetPiece | None
    start: Zone | None
    end: Zone | None
    direction: Direction | None
    distance: Distance | None
    scoring_side: Team | None
    scoring_team: str | None
    goal_already_told: bool
    period: int | None
    minute: int | None
    salience: float
    tones: tuple[Tone, ...]
    budget: int
