"""What code knows about an action, in football terms.

An action is a row as its provider wrote it; a fact is what may be said of it. A fact holds less
when the row holds less: nothing here is ever guessed.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from worker.football import delivery, pitch
from worker.football.pitch import (
    Direction,
    Distance,
    Lane,
    Orientation,
    Point,
    Sighting,
    Team,
    Third,
    Zone,
)
from worker.football.schema import Action, CommentaryRequest, Match
from worker.football.vocabulary import (
    DEFENDING,
    GOALS,
    PASSES,
    ActionType,
    Card,
    Meaning,
    Outcome,
    SetPiece,
    Tone,
    fold,
    meaning_of,
)

__all__ = [
    "Direction",
    "Distance",
    "Fact",
    "Lane",
    "Person",
    "Team",
    "Third",
    "Zone",
    "facts_of",
]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody named in the data, exactly as given.

    Attributes:
        name: the player's name, whitespace and control characters folded; None when not given.
        team: the team's short Korean name as given; None when not given.
        position: the position as given (`CB`, `GK`), or None.
        side: home or away; None when it cannot be known.
        number: the shirt number, or None.
    """

    name: str | None
    team: str | None
    position: str | None = None
    side: Team | None = None
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """One action in football terms.

    Attributes:
        index: 0-based place in the request.
        type: canonical type; `OTHER` when the provider's name is unknown.
        word: the Korean word for it; for `OTHER` the provider's own label.
        actor: who did it. For an own goal the defender who scored it, for a foul the offender, for
            `out` the last toucher.
        receiver: who got the ball, from the receiver column or from the next row; None if unknown.
        outcome: what came of it; UNKNOWN when the data do not say.
        card: the card shown for it, or None.
        set_piece: the dead ball it was played from, or None.
        start: where it happened or began; None without coordinates, without a known home side,
            where the game does not allow it (a save at the other end), and for the rows of a goal,
            which lie on the goal line and not where it was scored from. Its lane is None for what
            defenders do.
        end: where the ball went; None also for what moves no ball (a tackle) and for shots, whose
            outcome says it.
        direction, distance: of that movement; None without one. The distance needs no side.
        scoring_side: the side that a goal counts for (the opponent's for an own goal); None if
            this action is no goal or the side is unknown.
        scoring_team: that side's short name as given, or None.
        told_by: the type of the earlier row that was the first to tell this goal (the shot, the
            own goal); None where this row tells no goal a second time. After an own goal the goal
            row's actor is credited with what another player did.
        period: 1-based, or None. minute: 0-based running minute of the match as it is spoken
            (second half from 45), or None.
        salience: 0 (routine) to 1 (a goal).
        tones: the tones that are possible, likeliest first; never empty.
        budget: how many syllables the line may have, at most.
        gap: seconds to the next action, or None where that is unknown.
        brief: whether it is told in a word or two.
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
    told_by: ActionType | None
    period: int | None
    minute: int | None
    salience: float
    tones: tuple[Tone, ...]
    budget: int
    gap: float | None = None
    brief: bool = False


# What moves the ball somewhere worth telling; crosses and corners need no direction to be told.
_SENDING: Final = PASSES | {ActionType.CARRY, ActionType.TAKE_ON, ActionType.CLEARANCE}
_DIRECTED: Final = _SENDING - {ActionType.CROSS, ActionType.CORNER}
# A goal's row of the scoring side, and of the side that conceded it.
_CONCEDING: Final = frozenset({ActionType.OWN_GOAL, ActionType.GOAL_CONCEDED})
_RETELLING: Final = frozenset({ActionType.GOAL, ActionType.GOAL_CONCEDED})

# The minute at which a period begins; a shoot-out has no minutes.
_PERIOD_STARTS: Final = {1: 0, 2: 45, 3: 90, 4: 105}
_LONGEST_PERIOD: Final = 5400.0  # unit: seconds; beyond it the number is no time of a period


@dataclass(frozen=True, slots=True)
class _Row:
    """An action with what its names mean, its side and, in metres, where the data place it."""

    action: Action
    meaning: Meaning
    side: Team | None
    team: str | None
    start: Point | None
    end: Point | None


@dataclass(frozen=True, slots=True)
class _Window:
    """All rows of a request: most of what a row means stands in its neighbours."""

    rows: tuple[_Row, ...]
    request: CommentaryRequest
    orientations: frozenset[Orientation]


def facts_of(request: CommentaryRequest) -> tuple[Fact, ...]:
    """One fact for each action, in order."""
    rows = tuple(_row(action, request) for action in request.actions)
    declared = request.coordinates.orientation
    window = _Window(rows, request, pitch.orientations(declared, _sightings(rows)))
    return tuple(_fact(index, window) for index in range(len(rows)))


def _row(action: Action, request: CommentaryRequest) -> _Row:
    side = _side(action, request.match)
    return _Row(
        action=action,
        meaning=meaning_of(action),
        side=side,
        team=action.team_name_short or _team_name(side, request.match),
        start=pitch.to_metres(action.start_x, action.start_y, request.coordinates),
        end=pitch.to_metres(action.end_x, action.end_y, request.coordinates),
    )


def _side(action: Action, match: Match) -> Team | None:
    """Home or away, by id and by name; None when neither tells or the two disagree."""
    named = {fold(name) for name in (action.team_name, action.team_name_short) if name}
    claims = {side for side in Team if named & {fold(name) for name in match.names(side)}}
    if action.team_id is not None:
        claims |= {side for side in Team if match.team_id(side) == action.team_id}
    return claims.pop() if len(claims) == 1 else None


def _team_name(side: Team | None, match: Match) -> str | None:
    return next(iter(match.names(side)), None) if side else None


def _sightings(rows: Iterable[_Row]) -> list[Sighting]:
    return [
        Sighting(row.meaning.type, row.side, row.action.period_id, row.start)
        for row in rows
        if row.start is not None
    ]


def _fact(index: int, window: _Window) -> Fact:
    row = window.rows[index]
    told_by = _told_by(index, window.rows)
    actor, receiver = _person(row), _receiver(index, window.rows)
    scoring_side, scoring_team = _scorer(row, window)
    start, end = _places(row, window.orientations)
    zones = (_zone(row, start), _zone(row, end))
    weight = delivery.salience(row.meaning, zones, told=told_by is not None)
    gap, brief = _gap(index, window.rows), weight < window.request.min_salience
    return Fact(
        index=index,
        type=row.meaning.type,
        word=row.meaning.word,
        actor=actor,
        receiver=receiver,
        outcome=row.meaning.outcome,
        card=row.meaning.card,
        set_piece=row.meaning.set_piece,
        start=zones[0],
        end=zones[1],
        direction=_direction(row, start, end),
        distance=_distance(row),
        scoring_side=scoring_side,
        scoring_team=scoring_team,
        told_by=told_by,
        period=row.action.period_id,
        minute=_minute(row.action),
        salience=weight,
        tones=delivery.tones(row.meaning, zones),
        budget=_budget(weight, gap, _names(actor, receiver), window.request, brief=brief),
        gap=gap,
        brief=brief,
    )


def _budget(
    weight: float,
    gap: float | None,
    names: tuple[str, ...],
    request: CommentaryRequest,
    *,
    brief: bool,
) -> int:
    return (
        delivery.brief_budget(names)
        if brief
        else delivery.budget(weight, gap, names, request.speech_rate)
    )


def _person(row: _Row) -> Person:
    action = row.action
    position = action.position_name or action.main_position
    return Person(action.player_name, row.team, position, row.side, action.shirt_number)


def _names(actor: Person, receiver: Person | None) -> tuple[str, ...]:
    """What a line must have room for: a name in a foreign script is told by its team."""
    team = f"{actor.team or '원정팀'} 선수"
    spoken = (actor.name if _is_sayable(actor.name) else team, receiver and receiver.name)
    return tuple(name for name in spoken if name)


def _is_sayable(name: str | None) -> bool:
    letters = [char for char in name or "" if char.isalpha()]
    scripts = ("HANGUL", "LATIN")
    return bool(letters) and all(unicodedata.name(char, "").startswith(scripts) for char in letters)


def _receiver(index: int, rows: Sequence[_Row]) -> Person | None:
    """Who got a ball that was played to somebody, and did not fail to reach him."""
    row = rows[index]
    failed = row.meaning.outcome in (Outcome.FAILURE, Outcome.OFFSIDE)
    if row.meaning.type not in PASSES or failed:
        return None
    in_row = row.action.receiver_id or row.action.receiver_name or row.action.receiver
    person = _receiver_in_row(row, rows) if in_row else _receiver_in_next_row(index, rows)
    return None if person is None or person.name in (None, row.action.player_name) else person


def _receiver_in_row(row: _Row, rows: Sequence[_Row]) -> Person | None:
    """The one that a pass's own columns give: by id, else by name; an opponent's id is nobody's."""
    ids = {row.action.receiver_id, row.action.receiver} - {None}
    known = [other for other in rows if other.action.player_id in ids]
    if not known:
        return _receiver_by_name(row, rows)
    mates = (_person(other) for other in known if _same_team(row, other) is not False)
    return next(mates, None)


def _receiver_by_name(row: _Row, rows: Sequence[_Row]) -> Person | None:
    name = row.action.receiver_name or row.action.receiver
    if name is None:
        return None
    namesakes = (other for other in rows if other.action.player_name == name)
    mate = next((other for other in namesakes if _same_team(row, other)), None)
    if mate:
        return _person(mate)
    # What the plain column holds may be an id that no row explains, and an id is no name.
    is_id = row.action.receiver_name is None and any(char.isdigit() for char in name)
    return None if is_id else Person(name, None)


def _receiver_in_next_row(index: int, rows: Sequence[_Row]) -> Person | None:
    for row, following in pairwise(rows[index : index + 2]):
        received = following.meaning.type is ActionType.RECEIVE
        if received and following.meaning.outcome is not Outcome.FAILURE:
            return _person(following) if _same_team(row, following) else None
    return None


def _same_team(one: _Row, other: _Row) -> bool | None:
    """Whether two rows are of one team, by id, else by side, else by name; None if unknown."""
    pairs = (
        (one.action.team_id, other.action.team_id),
        (one.side, other.side),
        (one.team, other.team),
    )
    return next((a == b for a, b in pairs if a is not None and b is not None), None)


def _told_by(index: int, rows: Sequence[_Row]) -> ActionType | None:
    """The first of the rows directly before a goal row that tell the same goal."""
    if rows[index].meaning.type not in _RETELLING:
        return None
    first = None
    for earlier in reversed(rows[:index]):
        if _is_same_goal(earlier, rows[index]):
            first = earlier.meaning.type
        if earlier.meaning.type not in _RETELLING:
            break
    return first


def _is_same_goal(earlier: _Row, later: _Row) -> bool:
    if earlier.meaning.outcome is not Outcome.GOAL:
        return False
    concedes = [row.meaning.type in _CONCEDING for row in (earlier, later)]
    players = (earlier.action.player_id, later.action.player_id)
    if not any(concedes) and None not in players and players[0] != players[1]:
        return False
    return _same_team(earlier, later) is (concedes[0] == concedes[1])


def _scorer(row: _Row, window: _Window) -> tuple[Team | None, str | None]:
    """The side that a goal counts for and its name; nothing for what is no goal."""
    if row.meaning.outcome is not Outcome.GOAL:
        return None, None
    if row.meaning.type not in _CONCEDING:
        return row.side, row.team
    if row.side is None:
        return None, None
    side = row.side.opponent
    given = (other.team for other in window.rows if other.side is side and other.team)
    return side, next(given, None) or _team_name(side, window.request.match)


def _places(row: _Row, orientations: frozenset[Orientation]) -> tuple[Point | None, Point | None]:
    """Start and end as the acting team sees them; the end only of what moves the ball."""
    half_turn = pitch.half_turn(orientations, row.side, row.action.period_id)
    if half_turn is None or row.start is None or row.meaning.type in GOALS:
        return None, None
    start = pitch.turned(row.start, half_turn=half_turn)
    if not pitch.is_believable(row.meaning.type, start):
        return None, None
    if row.end is None or _distance(row) is None:
        return start, None
    return start, pitch.turned(row.end, half_turn=half_turn)


def _zone(row: _Row, point: Point | None) -> Zone | None:
    return point and pitch.zone(point, attacking=row.meaning.type not in DEFENDING)


def _direction(row: _Row, start: Point | None, end: Point | None) -> Direction | None:
    if row.meaning.type not in _DIRECTED or start is None or end is None:
        return None
    return pitch.direction(start, end)


def _distance(row: _Row) -> Distance | None:
    if row.meaning.type not in _SENDING or row.start is None or row.end is None:
        return None
    return pitch.distance(row.start, row.end)


def _minute(action: Action) -> int | None:
    start = _PERIOD_STARTS.get(action.period_id or 0)
    if start is None or action.time_seconds is None or action.time_seconds >= _LONGEST_PERIOD:
        return None
    return start + int(action.time_seconds // 60)


def _gap(index: int, rows: Sequence[_Row]) -> float | None:
    """Seconds to the next action; None where time is unknown, stands still or runs backwards."""
    for one, following in pairwise(row.action for row in rows[index : index + 2]):
        if one.time_seconds is None or following.time_seconds is None:
            return None
        gap = following.time_seconds - one.time_seconds
        return gap if gap > 0 and one.period_id == following.period_id else None
    return None
