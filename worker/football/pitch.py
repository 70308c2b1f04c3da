"""The pitch as the acting team sees it: zones, sides, directions and distance bands.

A language model must never do this geometry. All points here are in metres on a 105 × 68 pitch,
x along its length and y up; `turned` makes the acting team attack towards x = 105, so that its
left touchline is y = 68. Whatever the data do not settle is None, never a guess.
"""

import math
from collections.abc import Iterable, Set
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from worker.football.vocabulary import ActionType

# The size that SPADL fixes and the K League feed uses.
LENGTH: Final = 105.0  # unit: metres
WIDTH: Final = 68.0  # unit: metres
# Providers place touches a little outside the lines; beyond this the numbers mean something else.
MARGIN: Final = 5.0  # unit: metres

# IFAB Laws of the Game, Law 1: 16.5 m from the goal line and from each post of a 7.32 m goal.
BOX_DEPTH: Final = 16.5  # unit: metres
BOX_HALF_WIDTH: Final = 7.32 / 2 + 16.5  # unit: metres, from the middle of the pitch
# Thirds lengthwise and crosswise, as coaches cut a pitch without measuring it. Crosswise thirds
# are narrower than the box, so that left and right can also be told inside it.
THIRD: Final = LENGTH / 3  # unit: metres
LANE_HALF_WIDTH: Final = WIDTH / 6  # unit: metres, of the central lane

# Our own bounds: a touch is no movement, a neighbour is short, over a quarter of the pitch is long.
STILL_BELOW: Final = 1.0  # unit: metres
SHORT_BELOW: Final = 12.0  # unit: metres
LONG_FROM: Final = 30.0  # unit: metres


class Team(StrEnum):
    """Which of the two sides, seen from the match sheet."""

    HOME = "home"
    AWAY = "away"

    @property
    def opponent(self) -> "Team":
        """The other side."""
        return Team.AWAY if self is Team.HOME else Team.HOME


class Third(StrEnum):
    """Lengthwise part of the pitch, seen by the acting team: own goal first."""

    OWN_BOX = "own_box"  # inside one's own penalty area
    OWN = "own"  # one's own third
    MIDDLE = "middle"
    FINAL = "final"  # the opponent's third
    BOX = "box"  # inside the opponent's penalty area


class Lane(StrEnum):
    """Crosswise part of the pitch, as the attacking team sees it.

    Left and right are always the attackers': within one attack a defender's own left would be the
    side that the listener has just heard called right.
    """

    LEFT = "left"
    CENTRE = "centre"
    RIGHT = "right"


class Direction(StrEnum):
    """Where the ball goes, relative to the acting team's attack."""

    FORWARD = "forward"
    BACKWARD = "backward"
    SIDEWAYS = "sideways"


class Distance(StrEnum):
    """Length band of a movement; the bounds are `SHORT_BELOW` and `LONG_FROM`."""

    SHORT = "short"
    MEDIUM = "medium"
    LONG = "long"


@dataclass(frozen=True, slots=True)
class Zone:
    """A place on the pitch as the acting team sees it; `lane` is None where it does not attack."""

    third: Third
    lane: Lane | None


class Orientation(StrEnum):
    """Which way the teams attack in the data."""

    HOME_LTR = "home_ltr"  # home to x = 105 and away to x = 0, all match long
    ACTING_LTR = "acting_ltr"  # whoever acts, to x = 105
    SWITCHING = "switching"  # as HOME_LTR, with ends changed after each half
    AUTO = "auto"  # whichever of the three the rows themselves support


@dataclass(frozen=True, slots=True)
class Coordinates:
    """How a request's numbers are to be read.

    Attributes:
        orientation: which way the teams attack.
        normalised: 0 to 1 along each axis instead of metres.
        y_down: y grows from the top touchline to the bottom one.
    """

    orientation: Orientation = Orientation.HOME_LTR
    normalised: bool = False
    y_down: bool = False

    @property
    def scale(self) -> tuple[float, float]:
        """Metres per unit, along x and y."""
        return (LENGTH, WIDTH) if self.normalised else (1.0, 1.0)


class Point(NamedTuple):
    """A place in metres, y up."""

    x: float
    y: float


class Sighting(NamedTuple):
    """A located action: what, by which side, in which period, where in the data's own frame."""

    type: ActionType
    side: Team | None
    period: int | None
    point: Point


# Where the game itself puts an action: that tells which way its team attacks.
_NEAR_OPPONENTS_GOAL: Final = frozenset(
    {
        *(ActionType.SHOT, ActionType.SHOT_FREEKICK, ActionType.PENALTY),
        *(ActionType.GOAL, ActionType.CORNER),
    }
)
_NEAR_OWN_GOAL: Final = frozenset(
    {
        *(ActionType.GOAL_KICK, ActionType.KEEPER_CATCH),
        *(ActionType.KEEPER_PARRY, ActionType.KEEPER_CLAIM),
    }
)


def to_metres(x: float | None, y: float | None, coordinates: Coordinates) -> Point | None:
    """The point that two numbers of the data mean, in metres with y up; None if one is missing."""
    if x is None or y is None:
        return None
    along, across = coordinates.scale
    up = y * across
    return Point(x * along, WIDTH - up if coordinates.y_down else up)


def turned(point: Point, *, half_turn: bool) -> Point:
    """The point as seen from the other end of the pitch, or as it is."""
    return Point(LENGTH - point.x, WIDTH - point.y) if half_turn else point


def zone(point: Point, *, attacking: bool) -> Zone:
    """The zone of a point that has been turned into the acting team's attack."""
    return Zone(_third(point), _lane(point) if attacking else None)


def _third(point: Point) -> Third:
    if abs(point.y - WIDTH / 2) <= BOX_HALF_WIDTH:
        if point.x <= BOX_DEPTH:
            return Third.OWN_BOX
        if point.x >= LENGTH - BOX_DEPTH:
            return Third.BOX
    if point.x < THIRD:
        return Third.OWN
    return Third.FINAL if point.x > LENGTH - THIRD else Third.MIDDLE


def _lane(point: Point) -> Lane:
    from_middle = point.y - WIDTH / 2
    if abs(from_middle) <= LANE_HALF_WIDTH:
        return Lane.CENTRE
    return Lane.LEFT if from_middle > 0 else Lane.RIGHT


def direction(start: Point, end: Point) -> Direction | None:
    """Where a movement of turned points leads: within 45° of the attack is forward.

    None for less than `STILL_BELOW`.
    """
    along, across = end.x - start.x, end.y - start.y
    if math.hypot(along, across) < STILL_BELOW:
        return None
    if abs(along) < abs(across):
        return Direction.SIDEWAYS
    return Direction.FORWARD if along > 0 else Direction.BACKWARD


def distance(start: Point, end: Point) -> Distance | None:
    """The length band of a movement, whichever way it leads; None for less than `STILL_BELOW`."""
    length = math.dist(start, end)
    if length < STILL_BELOW:
        return None
    if length < SHORT_BELOW:
        return Distance.SHORT
    return Distance.LONG if length >= LONG_FROM else Distance.MEDIUM


def half_turn(orientations: Set[Orientation], side: Team | None, period: int | None) -> bool | None:
    """Whether an action's points must be turned; None unless all orientations agree on it."""
    answers = {_half_turn(each, side, period) for each in orientations}
    return answers.pop() if len(answers) == 1 else None


def _half_turn(orientation: Orientation, side: Team | None, period: int | None) -> bool | None:
    if orientation is Orientation.ACTING_LTR:
        return False
    if side is None or period == 5:  # a shoot-out is taken at one end by both
        return None
    if orientation is Orientation.HOME_LTR:
        return side is Team.AWAY
    return None if period is None else (side is Team.AWAY) != (period in (2, 4))


def orientations(declared: Orientation, sightings: Iterable[Sighting]) -> frozenset[Orientation]:
    """The orientations that may hold: the declared one, or those that no sighting contradicts.

    Empty when nothing tells. Several may remain (home shots in the first half fit all three);
    `half_turn` then answers only where they agree.
    """
    if declared is not Orientation.AUTO:
        return frozenset({declared})
    telling = [s for s in sightings if _attacks_right(s.type, s.point) is not None]
    known = set(Orientation) - {Orientation.AUTO}
    return frozenset(each for each in known if telling and _fits(each, telling))


def _fits(orientation: Orientation, telling: Iterable[Sighting]) -> bool:
    return all(
        _half_turn(orientation, seen.side, seen.period) is not _attacks_right(seen.type, seen.point)
        for seen in telling
    )


def is_believable(type_: ActionType, point: Point) -> bool:
    """Whether a turned point is where the game allows the action: no save at the other end.

    The Laws keep a goalkeeper's hands and a goal kick inside his own area; shots and corners are
    only ruled out near one's own goal.
    """
    attacks_right = _attacks_right(type_, point)
    return attacks_right is True if type_ in _NEAR_OWN_GOAL else attacks_right is not False


def _attacks_right(type_: ActionType, point: Point) -> bool | None:
    """Which way a team attacks whose action of that type lies there; None if that tells nothing."""
    if type_ in _NEAR_OPPONENTS_GOAL:
        return _at_right_end(point)
    # Some providers put a goalkeeper without a location on a corner flag: no evidence.
    if type_ in _NEAR_OWN_GOAL and abs(point.y - WIDTH / 2) <= BOX_HALF_WIDTH + MARGIN:
        at_right = _at_right_end(point)
        return None if at_right is None else not at_right
    return None


def _at_right_end(point: Point) -> bool | None:
    if point.x > LENGTH - THIRD:
        return True
    return False if point.x < THIRD else None
