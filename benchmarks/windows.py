"""Requests to measure with: ten rows of an invented match, never the same one twice.

A request has a shape and an identity. The shape decides what happens (types, results, the gaps
between times), so that all sides of a comparison are given the same work. The identity decides
ids, names, clock and decimals, so that no side finds another's prompt in the engine's cache.
"""

from dataclasses import dataclass, field
from random import Random
from typing import Any

ROWS = 10  # what clients send

# How often a type comes, from a season of the feed (in thousands of rows); receptions follow their
# passes, and what comes less often than a shot is left out.
FREQUENCY = {
    "Pass": 178,
    "Carry": 88,
    "Recovery": 29,
    "Interception": 13,
    "Out": 12,
    "Duel": 11,
    "Clearance": 9,
    "Tackle": 9,
    "Cross": 6,
    "Shot": 4,
    "Foul": 4,
}
# A goal is in one window of a hundred, and its lines are the longest that there are.
GOAL = (("Cross", "Successful"), ("Shot", "Goal"), ("Goal", None))
KOREAN = {
    "Pass": "패스",
    "Pass Received": "패스 받음",
    "Carry": "드리블",
    "Recovery": "볼 획득",
    "Interception": "가로채기",
    "Out": "아웃",
    "Duel": "경합",
    "Clearance": "걷어내기",
    "Tackle": "태클",
    "Cross": "크로스",
    "Shot": "슛",
    "Foul": "파울",
    "Goal": "골",
}
RESULTS = {
    "Pass": ("Successful", "Successful", "Successful", "Unsuccessful"),
    "Duel": ("Successful", "Unsuccessful"),
    "Tackle": ("Successful", "Unsuccessful"),
    "Cross": ("Successful", "Unsuccessful"),
    "Shot": ("On Target", "Off Target", "Blocked"),
}
POSITIONS = ("GK", "RB", "CB", "CB", "LB", "CDM", "CM", "CAM", "RW", "CF", "LW")
SURNAMES = "강고권노도류맹민백변석선설성송신심안양엄여우원유은임전정조주차채천탁하한허현홍황"
SYLLABLES = "가건결겸규나누다도라람로루린마무미민별보봄빛새샘솔슬시아연영온우운유율이인재준찬하현호"


@dataclass(slots=True)
class _Match:
    """Who plays, and where and when the ball is."""

    identity: Random
    game: int = 0
    teams: list[tuple[int, str]] = field(default_factory=list)
    players: list[list[tuple[float, str]]] = field(default_factory=list)
    action: int = 0
    time: float = 0.0
    side: int = 0
    player: int = 5
    place: tuple[float, float] = (52.5, 34.0)

    def __post_init__(self) -> None:
        chance = self.identity
        self.game, self.action = chance.randint(100_000, 999_999), chance.randint(1, 2_800)
        self.time = chance.uniform(10, 2_600)
        self.teams = [(chance.randint(1_000, 9_999), _word(chance, 2)) for _ in range(2)]
        self.players = [
            [(float(chance.randint(100_000, 999_999)), _name(chance)) for _ in POSITIONS]
            for _ in range(2)
        ]


def request(shape: int, identity: str, *, goal: bool = False) -> dict[str, Any]:
    """The `input` of a job: what happens depends on `shape`, who and when on `identity`.

    With `goal` the home team crosses and scores in the last three rows.
    """
    match = _Match(Random(f"identity {identity}"))  # noqa: S311 - invented matches, not secrets
    rows = _rows(match, Random(f"shape {shape}"), ROWS - len(GOAL) if goal else ROWS)  # noqa: S311
    return {
        "gameId": str(match.game),
        "style": "CASTER",
        "matchInfo": _match_info(match),
        "rawData": rows + (_goal(match) if goal else []),
    }


def _rows(match: _Match, chance: Random, count: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    while len(rows) < count:
        rows.extend(_happening(match, chance))
    return rows[:count]


def _goal(match: _Match) -> list[dict[str, Any]]:
    match.side, match.player = 0, POSITIONS.index("CF")
    places = ((93.5, 57.2), (96.1, 35.6), (105.0, 33.1), (105.0, 33.1))
    rows = []
    for (name, result), start, end in zip(GOAL, places[:-1], places[1:], strict=True):
        match.time += 1.5 if name != "Goal" else 0.0
        rows.append(_row(match, name, result, start, end))
    return rows


def _happening(match: _Match, chance: Random) -> list[dict[str, Any]]:
    """One action, and the reception of a pass that arrives."""
    name = chance.choices(tuple(FREQUENCY), tuple(FREQUENCY.values()))[0]
    result = chance.choice(RESULTS.get(name, (None,)))
    start, end = match.place, _next_place(match, chance)
    match.time += chance.uniform(0.8, 3.0)
    rows = [_row(match, name, result, start, end)]
    match.place = end
    if (name, result) == ("Pass", "Successful"):
        match.player = (match.player + chance.randint(1, 10)) % len(POSITIONS)
        rows.append(_row(match, "Pass Received", None, end, end))
    elif name != "Carry":
        match.side, match.player = chance.randint(0, 1), chance.randint(1, 10)
    return rows


def _next_place(match: _Match, chance: Random) -> tuple[float, float]:
    x, y = match.place
    there = (x + chance.uniform(-18, 18), y + chance.uniform(-18, 18))
    x, y = (there[0] + _hair(match), there[1] + _hair(match))
    return round(min(max(x, 0.0), 105.0), 6), round(min(max(y, 0.0), 68.0), 6)


def _hair(match: _Match) -> float:
    """Some centimetres: enough for other digits, too little for another zone, nearly always."""
    return match.identity.uniform(-0.05, 0.05)


def _row(
    match: _Match,
    name: str,
    result: str | None,
    start: tuple[float, float],
    end: tuple[float, float],
) -> dict[str, Any]:
    """A row with every field of the feed, as the back end sends it."""
    match.action += 1
    team_id, team = match.teams[match.side]
    player_id, player = match.players[match.side][match.player]
    return {
        "gameId": match.game,
        "actionId": match.action,
        "periodId": 1,
        "timeSeconds": round(match.time, 3),
        "teamId": team_id,
        "playerId": player_id,
        "resultName": result,
        "startX": start[0],
        "startY": start[1],
        "endX": end[0],
        "endY": end[1],
        "dx": round(end[0] - start[0], 6),
        "dy": round(end[1] - start[1], 6),
        "typeName": name,
        "typeNameKo": KOREAN[name],
        "playerNameKo": player,
        "teamNameKo": f"{team} 시티",
        "teamNameKoShort": team,
        "positionName": POSITIONS[match.player],
        "mainPosition": POSITIONS[match.player],
    }


def _match_info(match: _Match) -> dict[str, Any]:
    (home_id, home), (away_id, away) = match.teams
    return {
        "homeTeamId": home_id,
        "awayTeamId": away_id,
        "homeTeamNameKo": f"{home} 시티",
        "awayTeamNameKo": f"{away} 시티",
        "homeTeamNameKoShort": home,
        "awayTeamNameKoShort": away,
        "competitionName": "한빛 리그",
        "venue": f"{home} 경기장",
        "weather": "맑음",
    }


def _name(chance: Random) -> str:
    return chance.choice(SURNAMES) + _word(chance, 2)


def _word(chance: Random, syllables: int) -> str:
    return "".join(chance.choice(SYLLABLES) for _ in range(syllables))
