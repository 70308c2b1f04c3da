"""Korean football text of our own, for training a tokenizer: what prompts and lines look like.

Three kinds, mixed: commentary sentences in three registers, instructions, and rows of match data
as JSON and CSV. The words mean little; their letters, endings, keys and numbers are what counts.
"""

import csv
import io
import json
import random
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

DOCUMENTS = 9000
LEADS = range(0xB0, 0xC9)  # first bytes of the Hangul rows of KS X 1001, in EUC-KR
WORDS: dict[str, Any] = tomllib.loads(
    (Path(__file__).parent / "assets" / "corpus.toml").read_text("utf-8")
)


def documents(seed: int) -> Iterator[str]:
    """`DOCUMENTS` texts, the same ones for the same seed; the alphabet comes first."""
    yield from _alphabet()
    chance = random.Random(seed)  # noqa: S311 - text, not secrets
    for kind in chance.choices(tuple(_SHARES), tuple(_SHARES.values()), k=DOCUMENTS - len(LEADS)):
        yield kind(chance)


def _alphabet() -> Iterator[str]:
    """The 2350 syllables of KS X 1001, enough times for each to become a token."""
    for lead in LEADS:
        row = bytes(byte for trail in range(0xA1, 0xFF) for byte in (lead, trail)).decode("euc-kr")
        yield "".join(f"{syllable}\n {syllable}\n" for syllable in row) * 20


def _particle(word: str, after_consonant: str, after_vowel: str) -> str:
    last = ord(word[-1]) - ord("가")
    closed = 0 <= last < 11172 and last % 28
    return word + (after_consonant if closed else after_vowel)


def _any(chance: random.Random, kind: str) -> str:
    word: str = chance.choice(WORDS[kind])
    return word


def _player(chance: random.Random) -> str:
    return _any(chance, "surnames") + _any(chance, "given") + _any(chance, "given")


def _team(chance: random.Random) -> str:
    return f"{_any(chance, 'towns')} {_any(chance, 'clubs')}"


def _commentary(chance: random.Random) -> str:
    register = chance.choice(tuple(WORDS["endings"]))
    lines = [_line(chance, register) for _ in range(chance.randint(1, 5))]
    return "\n".join(lines)


def _line(chance: random.Random, register: str) -> str:
    if chance.random() < 0.2:
        return f"{_subject(chance)} {_any(chance, 'exclamations')}"
    return _sentence(chance, register)


def _subject(chance: random.Random) -> str:
    name = chance.choice((_player, _player, _team))(chance)
    pairs = (("이", "가"), ("은", "는"), (" 선수가", " 선수가"))
    return _particle(name, *chance.choice(pairs))


def _sentence(chance: random.Random, register: str) -> str:
    parts = [_subject(chance)]
    if chance.random() < 0.5:
        zone = _any(chance, "zones")
        parts.append(zone + chance.choice(("에서", "에서", "까지", "쪽에서")))
    if chance.random() < 0.4:
        parts.append(_particle(_player(chance), "에게", "에게"))
    if chance.random() < 0.6:
        parts.append(_any(chance, "manners"))
    parts.append(_any(chance, "phrases") + chance.choice(WORDS["endings"][register]))
    return " ".join(parts)


def _instruction(chance: random.Random) -> str:
    return "\n".join(chance.sample(WORDS["instructions"], 4))


def _rows_table(chance: random.Random) -> str:
    rows = [_row(chance) for _ in range(10)]
    return _csv([list(rows[0]), *(list(row.values()) for row in rows)])


def _csv(rows: list[list[Any]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


def _rows_json(chance: random.Random) -> str:
    respell = chance.choice((_same, _snake))
    rows = [{respell(key): value for key, value in _row(chance).items()} for _ in range(3)]
    return _json(chance, {respell("matchInfo"): _match(chance, respell), respell("rawData"): rows})


def _script_json(chance: random.Random) -> str:
    lines = [
        {
            "actionId": str(chance.randint(1, 3000)),
            "timeSeconds": str(round(chance.uniform(0, 2900), 3)),
            "tone": _any(chance, "tones"),
            "description": _sentence(chance, chance.choice(tuple(WORDS["endings"]))),
        }
        for _ in range(5)
    ]
    return _json(chance, {"script": lines})


def _json(chance: random.Random, document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, indent=chance.choice((2, 2, 4, None)))


def _same(key: str) -> str:
    return key


def _snake(key: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in key)


def _row(chance: random.Random) -> dict[str, Any]:
    start, end = _place(chance), _place(chance)
    name = chance.choice(tuple(WORDS["types"]))
    return {
        "gameId": str(chance.randint(100000, 999999)),
        "actionId": chance.randint(1, 3000),
        "periodId": chance.randint(1, 2),
        "timeSeconds": round(chance.uniform(0, 2900), 3),
        "teamId": chance.randint(1000, 9999),
        "playerId": float(chance.randint(100000, 999999)),
        "resultName": _any(chance, "results") or None,
        "startX": start[0],
        "startY": start[1],
        "endX": end[0],
        "endY": end[1],
        "dx": round(end[0] - start[0], 6),
        "dy": round(end[1] - start[1], 6),
        "typeName": name,
        "typeNameKo": WORDS["types"][name],
        "playerNameKo": _player(chance),
        "teamNameKo": _team(chance),
        "teamNameKoShort": _any(chance, "towns"),
        "positionName": _any(chance, "positions"),
        "mainPosition": _any(chance, "positions"),
    }


def _place(chance: random.Random) -> tuple[float, float]:
    return round(chance.uniform(0, 105), 6), round(chance.uniform(0, 68), 6)


def _match(chance: random.Random, respell: Callable[[str], str]) -> dict[str, Any]:
    match = {
        "seasonName": f"시즌 {chance.randint(2020, 2030)}",
        "competitionName": "한빛 리그",
        "countryName": "대한민국",
        "gameDay": chance.randint(1, 38),
        "gameDate": f"2030-0{chance.randint(1, 9)}-{chance.randint(10, 28)} 19:00:00",
        "homeTeamId": chance.randint(1000, 9999),
        "awayTeamId": chance.randint(1000, 9999),
        "homeTeamName": "Home United",
        "awayTeamName": "Away City",
        "homeTeamNameKo": _team(chance),
        "awayTeamNameKo": _team(chance),
        "homeTeamNameKoShort": _any(chance, "towns"),
        "awayTeamNameKoShort": _any(chance, "towns"),
        "homeScore": chance.randint(0, 5),
        "awayScore": chance.randint(0, 5),
        "venue": f"{_any(chance, 'towns')} 월드컵 경기장",
        "audienceNum": chance.randint(1000, 60000),
        "temperature": f"{chance.randint(-5, 35)}.5°C",
        "weather": chance.choice(("맑음", "흐림", "비", "눈")),
        "referee": _player(chance),
        "assistantReferees": f"{_player(chance)}, {_player(chance)}",
        "fourthOfficial": _player(chance),
        "varReferees": _player(chance),
        "homeRank": chance.randint(1, 12),
        "awayRank": chance.randint(1, 12),
        "homeTeamUniform": "상의 빨강, 하의 검정",
        "awayTeamUniform": "상의 하양, 하의 파랑",
    }
    return {respell(key): value for key, value in match.items()}


_SHARES = {_commentary: 28, _instruction: 8, _rows_table: 1, _rows_json: 2, _script_json: 1}
