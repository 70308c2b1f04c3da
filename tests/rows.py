"""Rows for all tests: invented players of invented teams, shaped exactly like the K League feed.

가온 (home, attacks towards x = 105) wins the ball from 누리, works it down the left and scores.
"""

from typing import Any

HOME_ID, AWAY_ID = 7001, 7002
GAME_ID = "990001"

_HOME = {"teamId": HOME_ID, "teamNameKo": "가온 유나이티드", "teamNameKoShort": "가온"}
_AWAY = {"teamId": AWAY_ID, "teamNameKo": "누리 FC", "teamNameKoShort": "누리"}
_PLAYERS: dict[str, dict[str, Any]] = {
    "서온유": {"playerId": 700211.0, "positionName": "CM", "mainPosition": "CM"} | _AWAY,
    "문새벽": {"playerId": 700104.0, "positionName": "CB", "mainPosition": "CB"} | _HOME,
    "백가람": {"playerId": 700108.0, "positionName": "CM", "mainPosition": "CM"} | _HOME,
    "하도율": {"playerId": 700111.0, "positionName": "LW", "mainPosition": "LW"} | _HOME,
    "강누림": {"playerId": 700109.0, "positionName": "CF", "mainPosition": "CF"} | _HOME,
}
_WORDS = {
    "Pass": "패스",
    "Pass Received": "패스 받음",
    "Interception": "인터셉트",
    "Carry": "드리블",
    "Cross": "크로스",
    "Shot": "슛",
    "Goal": "골",
}


def row(
    action_id: int,
    time: float,
    name: str,
    type_name: str,
    result: str | None,
    start: tuple[float, float],
    end: tuple[float, float],
) -> dict[str, Any]:
    """One row as the back end sends it; coordinates in metres, time in seconds of the period."""
    return {
        "gameId": GAME_ID,
        "actionId": action_id,
        "periodId": 1,
        "timeSeconds": time,
        "resultName": result,
        "startX": start[0],
        "startY": start[1],
        "endX": end[0],
        "endY": end[1],
        "dx": round(end[0] - start[0], 4),
        "dy": round(end[1] - start[1], 4),
        "typeName": type_name,
        "typeNameKo": _WORDS.get(type_name),
        "playerNameKo": name,
    } | _PLAYERS[name]


def ten_rows() -> list[dict[str, Any]]:
    """Ten consecutive rows: a lost ball, an attack down the left, a cross and a goal."""
    ok = "Successful"
    return [
        row(2330, 1850.867, "서온유", "Pass", "Unsuccessful", (58.3, 40.1), (44.6, 33.2)),
        row(2331, 1852.034, "문새벽", "Interception", None, (44.6, 33.2), (44.6, 33.2)),
        row(2332, 1853.410, "문새벽", "Pass", ok, (45.1, 33.8), (58.9, 41.7)),
        row(2333, 1853.410, "백가람", "Pass Received", None, (58.9, 41.7), (58.9, 41.7)),
        row(2334, 1854.612, "백가람", "Carry", None, (58.9, 41.7), (66.2, 45.3)),
        row(2335, 1856.180, "백가람", "Pass", ok, (66.2, 45.3), (87.4, 60.9)),
        row(2336, 1856.180, "하도율", "Pass Received", None, (87.4, 60.9), (87.4, 60.9)),
        row(2337, 1858.935, "하도율", "Cross", ok, (93.8, 58.2), (96.1, 35.6)),
        row(2338, 1860.241, "강누림", "Shot", "Goal", (96.1, 35.6), (105.0, 33.1)),
        row(2339, 1860.241, "강누림", "Goal", None, (105.0, 33.1), (105.0, 33.1)),
    ]


def match_info() -> dict[str, Any]:
    """Every key that the back end sends of a match; the scores are the final ones."""
    return {
        "gameId": GAME_ID,
        "seasonId": 2031,
        "competitionId": 51,
        "gameDay": 12,
        "gameDate": "2031-05-10T19:00:00",
        "homeTeamId": HOME_ID,
        "awayTeamId": AWAY_ID,
        "homeScore": 3,
        "awayScore": 1,
        "venue": "가온 종합운동장",
        "competitionName": "한마음 리그",
        "countryName": "대한민국",
        "seasonName": "2031",
        "homeTeamName": "Gaon United",
        "homeTeamNameKo": "가온 유나이티드",
        "homeTeamNameKoShort": "가온",
        "awayTeamName": "Nuri FC",
        "awayTeamNameKo": "누리 FC",
        "awayTeamNameKoShort": "누리",
        "audienceNum": 12480,
        "temperature": "18.5°C",
        "weather": "맑음",
        "referee": "도한결",
        "assistantReferees": "류다온, 심하늬",
        "fourthOfficial": "편지음",
        "varReferees": "감시우, 변나루",
        "tsg": "남루하",
        "homeRank": 4,
        "awayRank": 7,
        "homeTeamUniform": "파랑",
        "awayTeamUniform": "하양",
    }


def request_document(**changes: Any) -> dict[str, Any]:
    """A whole request as the `input` of a job; `changes` replace its top-level keys."""
    return {
        "gameId": GAME_ID,
        "style": "CASTER",
        "matchInfo": match_info(),
        "rawData": ten_rows(),
    } | changes
