"""One job as it is asked and answered: what the schemas and the HTTP service's page show.

Three rows of `test_input.json`, an attack that ends in a goal, and what a model made of them.
"""

from typing import Any, Final

Document = dict[str, Any]

REQUEST: Final[Document] = {
    "gameId": "990001",
    "style": "CASTER",
    "matchInfo": {
        "gameId": "990001",
        "seasonId": 2031,
        "competitionId": 51,
        "gameDay": 12,
        "gameDate": "2031-05-10T19:00:00",
        "homeTeamId": 7001,
        "awayTeamId": 7002,
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
    },
    "rawData": [
        {
            "gameId": "990001",
            "actionId": 2336,
            "periodId": 1,
            "timeSeconds": 1856.18,
            "resultName": None,
            "startX": 87.4,
            "startY": 60.9,
            "endX": 87.4,
            "endY": 60.9,
            "dx": 0.0,
            "dy": 0.0,
            "typeName": "Pass Received",
            "typeNameKo": "패스 받음",
            "playerNameKo": "하도율",
            "playerId": 700111.0,
            "positionName": "LW",
            "mainPosition": "LW",
            "teamId": 7001,
            "teamNameKo": "가온 유나이티드",
            "teamNameKoShort": "가온",
        },
        {
            "gameId": "990001",
            "actionId": 2337,
            "periodId": 1,
            "timeSeconds": 1858.935,
            "resultName": "Successful",
            "startX": 93.8,
            "startY": 58.2,
            "endX": 96.1,
            "endY": 35.6,
            "dx": 2.3,
            "dy": -22.6,
            "typeName": "Cross",
            "typeNameKo": "크로스",
            "playerNameKo": "하도율",
            "playerId": 700111.0,
            "positionName": "LW",
            "mainPosition": "LW",
            "teamId": 7001,
            "teamNameKo": "가온 유나이티드",
            "teamNameKoShort": "가온",
        },
        {
            "gameId": "990001",
            "actionId": 2338,
            "periodId": 1,
            "timeSeconds": 1860.241,
            "resultName": "Goal",
            "startX": 96.1,
            "startY": 35.6,
            "endX": 105.0,
            "endY": 33.1,
            "dx": 8.9,
            "dy": -2.5,
            "typeName": "Shot",
            "typeNameKo": "슛",
            "playerNameKo": "강누림",
            "playerId": 700109.0,
            "positionName": "CF",
            "mainPosition": "CF",
            "teamId": 7001,
            "teamNameKo": "가온 유나이티드",
            "teamNameKoShort": "가온",
        },
    ],
}
"""The input of a job, and the body of a request to the HTTP service."""

_LINES: Final[list[Document]] = [
    {
        "actionId": "2336",
        "timeSeconds": "1856.18",
        "tone": "DEFAULT",
        "description": "하도율이 왼쪽에서 공을 받습니다.",
        "source": "model",
    },
    {
        "actionId": "2337",
        "timeSeconds": "1858.935",
        "tone": "EXCITED",
        "description": "하도율이 상대 페널티 박스 안으로 크로스를 올립니다!",
        "source": "model",
    },
    {
        "actionId": "2338",
        "timeSeconds": "1860.241",
        "tone": "EXCITED",
        "description": "강누림이 골을 넣습니다!",
        "source": "model",
    },
]

_HEAD: Final[Document] = {"jobId": "5f1e9c3a-e1", "gameId": "990001", "status": "DONE"}
_TAIL: Final[Document] = {
    "model": "skt/A.X-4.0-Light",
    "counts": {"model": 3, "repaired": 0, "fallback": 0, "violations": {}},
    "usage": {"promptTokens": 1308, "cachedTokens": 1152, "completionTokens": 58},
    "timings": {"queueMs": 0.1, "firstLineMs": 172.4, "totalMs": 264.9},
    "warnings": [],
}

RESULT: Final[Document] = _HEAD | {"script": _LINES} | _TAIL
"""What comes of it."""

CHUNK: Final[Document] = {"line": _LINES[0], "index": 0}
CLOSING: Final[Document] = _HEAD | _TAIL
"""What comes of it with `"stream": true`: a chunk for each line, and this at the end."""

DELIVERY: Final[Document] = {
    "status": "delivered",
    "attempts": 1,
    "statusCode": 200,
    "reason": None,
}
"""What a result has as `callback`, where the job had one."""

_MESSAGE = "rawData[3].startX lies at 120.5 m, more than 5 m off a pitch of 105 m."

FAILURE: Final[Document] = {
    "code": "invalid_input",
    "message": _MESSAGE,
    "param": "rawData[3].startX",
    "retryable": False,
}
"""What the text in RunPod's `error` holds of a job that has failed."""

HTTP_FAILURE: Final[Document] = {
    "error": {
        "message": _MESSAGE,
        "type": "invalid_request_error",
        "param": "rawData[3].startX",
        "code": "invalid_input",
    }
} | FAILURE
"""The body of an answer of the HTTP service that is an error."""

POSTED_FAILURE: Final[Document] = {
    "jobId": "5f1e9c3a-e1",
    "gameId": "990001",
    "status": "FAILED",
    "errorCode": "invalid_input",
    "errorMessage": _MESSAGE,
    "script": [],
}
"""What a callback brings of a job that has failed."""
