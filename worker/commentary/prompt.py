"""Facts as chat messages: which match, the table, who speaks, and last which line to write.

All requests of one job share everything but the tail, so that the engine computes the long part
once; those of several personas share everything up to the voice. Whatever comes from the data is
folded on its way in: it stays inside its cell, and no chat marker of any model survives in it.
Players and teams are named as the line grammar can write them: a name that it cannot is not shown,
or the model would be asked for what it cannot say.
"""

import csv
import io
import json
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

from worker.commentary import words
from worker.commentary.guard import Violation
from worker.commentary.names import speakable, team
from worker.football.facts import Fact, Team
from worker.football.schema import Action, CommentaryRequest, Match, Persona, TableForm
from worker.football.vocabulary import GOALS, WORDS, ActionType

_PREVIOUS_LINES = 3
# A model that is told everything at once mends nothing.
_TOLD_AT_ONCE = 2

# Every family's chat markers are built with these (`[|user|]`, `<|im_end|>`, `</s>`, `[INST]`),
# and no player's or team's name has them.
_MARKERS = str.maketrans({"|": "/", "｜": "/", "<": "(", ">": ")", "[": "(", "]": ")"})


class Prompt:
    """What the requests of one job say to the model: the same long part, each its own short tail.

    Args:
        request: gives match, score and what was said before.
        facts: all facts of the request, in its order.
        table: how the table shows the actions.
    """

    def __init__(self, request: CommentaryRequest, facts: Sequence[Fact], table: TableForm) -> None:
        self._context = _context(request, facts, table)

    def messages(
        self, wanted: Sequence[Fact], persona: Persona, refused: Sequence[Violation] = ()
    ) -> list[dict[str, str]]:
        """The chat messages that ask a persona for the lines of `wanted`, in their order.

        `refused` is what was wrong with the last answer, which is told in one sentence.
        """
        parts = (self._context, voice(persona), _complaint(refused), _tail(wanted))
        return [
            {"role": "system", "content": system()},
            {"role": "user", "content": "\n".join(part for part in parts if part)},
        ]


@cache
def system() -> str:
    """What every speaker is told of the task; personas/base.txt, as it stands."""
    return _prose("base")


@cache
def voice(persona: Persona) -> str:
    """How a persona speaks; its file, as it stands."""
    return _prose(persona.value.lower())


def _prose(name: str) -> str:
    return (files("worker.commentary") / "personas" / f"{name}.txt").read_text("utf-8").strip()


def _complaint(refused: Sequence[Violation]) -> str:
    """One sentence about the last answer, in which the wrong words stand as data."""
    told = [f"'{fold(each.text)}' 부분에서 {fold(each.reason)}" for each in refused[:_TOLD_AT_ONCE]]
    return f"앞 답은 쓸 수 없다. {', '.join(told)}." if told else ""


def fold(text: object) -> str:
    """`text` as data: one line, nothing invisible, no character that chat markers are made of."""
    visible = "".join(_seen(character) for character in unicodedata.normalize("NFC", str(text)))
    return " ".join(visible.split()).translate(_MARKERS)


def _seen(character: str) -> str:
    if character.isprintable():
        return character
    return "" if unicodedata.category(character) == "Cf" else " "


def _context(request: CommentaryRequest, facts: Sequence[Fact], table: TableForm) -> str:
    blocks = (
        _match(request, facts),
        _previous(request.previous_script),
        _TABLES[table](request, facts),
    )
    return "\n".join(block for block in blocks if block)


def _tail(wanted: Sequence[Fact]) -> str:
    if len(wanted) == 1:
        brief = " 한두 마디로" if wanted[0].brief else ""
        return f"{wanted[0].index + 1}번 한 줄,{brief} {wanted[0].budget}음절 이내."
    lengths = ", ".join(
        f"{fact.index + 1}번{' 한두 마디' if fact.brief else ''} {fact.budget}음절"
        for fact in wanted
    )
    return f"{lengths} 이내로 차례대로 {len(wanted)}줄."


# The score of the match sheet is the final one: only `currentScore` may be told during a match.
def _match(request: CommentaryRequest, facts: Sequence[Fact]) -> str:
    match, score = request.match, request.current_score
    return _labelled(
        {
            "홈": _name(match, Team.HOME),
            "원정": _name(match, Team.AWAY),
            "대회": match.competition_name,
            "시즌": match.season_name,
            "장소": match.venue,
            "날씨": match.weather,
            "시각": words.clock(facts[0].period, facts[0].minute),
            "첫 행동 전 점수": f"홈 {score.home} 대 {score.away} 원정" if score else None,
        }
    )


def _name(match: Match, side: Team) -> str | None:
    return next(filter(None, map(speakable, match.names(side))), None)


def _labelled(values: Mapping[str, object]) -> str:
    return "\n".join(f"{label}: {fold(value)}" for label, value in values.items() if value)


def _previous(script: Sequence[str]) -> str:
    said = [fold(line) for line in script[-_PREVIOUS_LINES:]]
    return "\n".join(["앞선 중계:", *said]) if said else ""


def _facts_table(request: CommentaryRequest, facts: Sequence[Fact]) -> str:
    return _csv(_without_empty_columns([_fact_row(fact) for fact in facts]))


def _fact_row(fact: Fact) -> dict[str, object]:
    return {
        "번호": fact.index + 1,
        "행동": fact.word,
        "팀": team(fact.actor.team, fact.actor.side),
        "선수": _player(fact),
        "등번호": fact.actor.number,
        "결과": _result(fact),
        "받은 선수": speakable(fact.receiver.name) if fact.receiver else None,
        "위치": words.zone(fact.start),
        "도착": words.zone(fact.end) if fact.end != fact.start else "",
        "방향": words.movement(fact.direction, fact.distance),
        "세트피스": _set_piece(fact),
        "카드": words.CARD[fact.card] if fact.card else None,
        "득점 팀": team(fact.scoring_team, fact.scoring_side),
        "비고": _note(fact),
    }


def _player(fact: Fact) -> str | None:
    """Who did it; nobody for the goal that an own goal was, which its row credits to somebody."""
    credited = fact.type is ActionType.GOAL and fact.told_by is ActionType.OWN_GOAL
    return None if credited else speakable(fact.actor.name)


def _result(fact: Fact) -> str:
    """What came of it; a goal's own word says it, and 실점 with 골 would have the keeper score."""
    return "" if fact.type in GOALS else words.OUTCOME[fact.outcome]


def _note(fact: Fact) -> str | None:
    if fact.told_by is None:
        return None
    if fact.told_by in (ActionType.GOAL, ActionType.GOAL_CONCEDED):
        return "앞 골과 같은 골, 새 골 아님"
    return f"앞 {WORDS[fact.told_by]}의 득점, 새 골 아님"


def _set_piece(fact: Fact) -> str | None:
    """The dead ball, unless the action's own word says it already (a corner is 코너킥)."""
    word = words.SET_PIECE[fact.set_piece] if fact.set_piece else None
    return None if word == fact.word else word


def _coordinates_table(request: CommentaryRequest, facts: Sequence[Fact]) -> str:
    return _csv([_action_row(action) for action in request.actions])


def _json_table(request: CommentaryRequest, facts: Sequence[Fact]) -> str:
    rows = [_action_row(action) for action in request.actions]
    return json.dumps(rows, ensure_ascii=False)


def _action_row(action: Action) -> dict[str, object]:
    return {
        "번호": action.index + 1,
        "period": action.period_id,
        "time": _rounded(action.time_seconds),
        "team": speakable(action.team_name_short),
        "player": speakable(action.player_name),
        "type": _text(action.type_name),
        "result": _text(action.result_name),
        "start_x": _rounded(action.start_x),
        "start_y": _rounded(action.start_y),
        "end_x": _rounded(action.end_x),
        "end_y": _rounded(action.end_y),
        "dx": _rounded(action.dx),
        "dy": _rounded(action.dy),
        "position": _text(action.position_name),
        "main_position": _text(action.main_position),
    }


def _text(value: str | None) -> str | None:
    return None if value is None else fold(value)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _without_empty_columns(rows: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
    """The rows with the columns that say something in at least one of them."""
    kept = [column for column in rows[0] if any(row[column] for row in rows)]
    return [{column: row[column] for column in kept} for row in rows]


def _csv(rows: Sequence[Mapping[str, object]]) -> str:
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(rows[0])
    writer.writerows(["" if cell is None else fold(cell) for cell in row.values()] for row in rows)
    return table.getvalue().rstrip("\n")


_TABLES = {
    TableForm.FACTS: _facts_table,
    TableForm.COORDINATES: _coordinates_table,
    TableForm.JSON: _json_table,
}
