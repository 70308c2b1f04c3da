"""Scenes to tell: rows of invented matches, each with the one action whose line is judged.

Every canonical type is here with every result that the feed, SPADL or kloppy can give it, told of
home and away, so that a side that is read off raw coordinates is wrong half the time.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

from worker.football.facts import Fact, facts_of
from worker.football.schema import CommentaryRequest

HOME = {"teamId": 7001, "teamNameKo": "가온 유나이티드", "teamNameKoShort": "가온"}
AWAY = {"teamId": 7002, "teamNameKo": "누리 FC", "teamNameKoShort": "누리"}
MATCH = {
    "homeTeamId": 7001,
    "awayTeamId": 7002,
    "homeTeamNameKo": "가온 유나이티드",
    "homeTeamNameKoShort": "가온",
    "awayTeamNameKo": "누리 FC",
    "awayTeamNameKoShort": "누리",
    "homeScore": 3,
    "awayScore": 1,
    "venue": "가온 종합운동장",
    "referee": "도한결",
}
# Names that end in a vowel, in ㄹ and in other consonants, on both sides.
SQUADS: dict[str, tuple[dict[str, Any], str]] = {
    "노을찬": (HOME, "GK"),
    "문새벽": (HOME, "CB"),
    "구름결": (HOME, "RB"),
    "백가람": (HOME, "CM"),
    "주하나": (HOME, "CDM"),
    "하도율": (HOME, "LW"),
    "강누림": (HOME, "CF"),
    "표단비": (AWAY, "GK"),
    "도마루": (AWAY, "CB"),
    "윤슬기": (AWAY, "LB"),
    "서온유": (AWAY, "CM"),
    "오한빛": (AWAY, "RW"),
    "진해솔": (AWAY, "CF"),
}
PERIOD, BEGIN = 2, 1760.0  # the scene itself about 후반 30분

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Row:
    """One row in short; `seconds` pass until the next one."""

    player: str | None
    type: str
    result: str | None = None
    start: Point | None = None
    end: Point | None = None
    seconds: float = 4.0


@dataclass(frozen=True, slots=True)
class Scene:
    """Rows in order; the action at `told` (0-based, the last one by default) is told."""

    name: str
    rows: tuple[Row, ...]
    told: int = -1

    @property
    def index(self) -> int:
        """The told action's 0-based place in the request."""
        return len(self.before) + self.told % len(self.rows)

    @property
    def before(self) -> tuple[Row, ...]:
        """Some who are in the match and not in the scene, so that there are names to mistake."""
        here = {row.player for row in self.rows}
        return tuple(Row(name, "Duel") for name in SQUADS if name not in here)

    def document(self, **more: Any) -> dict[str, Any]:
        """The scene as a request; `more` are further keys of it."""
        rows, time = [], BEGIN
        for index, row in enumerate((*self.before, *self.rows)):
            rows.append(_row(index, row, time))
            time += row.seconds
        return {"gameId": "990001", "style": "CASTER", "matchInfo": MATCH, "rawData": rows} | more

    def request(self, **more: Any) -> CommentaryRequest:
        """The scene as a validated request."""
        return CommentaryRequest.parse(self.document(**more))

    def facts(self, **more: Any) -> tuple[Fact, ...]:
        """What code knows of all its rows."""
        return facts_of(self.request(**more))


def _row(index: int, row: Row, time: float) -> dict[str, Any]:
    made: dict[str, Any] = {
        "actionId": 2330 + index,
        "periodId": PERIOD,
        "timeSeconds": round(time, 3),
        "typeName": row.type,
        "resultName": row.result,
    }
    if row.player:
        team, position = SQUADS[row.player]
        made |= team | {"playerNameKo": row.player, "positionName": position}
        made["playerId"] = 700100.0 + list(SQUADS).index(row.player)
    for name, point in (("start", row.start), ("end", row.end or row.start)):
        if point:
            made |= {f"{name}X": point[0], f"{name}Y": point[1]}
    return made


OK, BAD = "Successful", "Unsuccessful"
# Home attacks towards x = 105, so that y = 60 is its left; away towards x = 0, where y = 8 is.
_AFTER_SAVE = Row("진해솔", "Shot", "On Target", (14.0, 36.0), (1.0, 34.0), 1.0)
_CORNER = Row("하도율", "Pass_Corner", OK, (104.5, 67.5), (96.0, 36.0), 1.5)

SCENES = (
    Scene(
        "pass",
        (
            Row("백가람", "Pass", OK, (48.0, 40.0), (84.0, 60.0)),
            Row("하도율", "Pass Received", None, (84.0, 60.0)),
        ),
        0,
    ),
    Scene(
        "pass_back",
        (
            Row("윤슬기", "Pass", OK, (60.0, 6.0), (82.0, 20.0)),
            Row("도마루", "Pass Received", None, (82.0, 20.0)),
        ),
        0,
    ),
    Scene(
        "pass_square",
        (
            Row("문새벽", "Pass", OK, (22.0, 28.0), (23.0, 37.0), 5.0),
            Row("주하나", "Pass Received", None, (23.0, 37.0)),
        ),
        0,
    ),
    Scene(
        "pass_into_box",
        (
            Row("서온유", "Pass", OK, (34.0, 40.0), (13.0, 34.0)),
            Row("진해솔", "Pass Received", None, (13.0, 34.0)),
        ),
        0,
    ),
    Scene("pass_to_nobody_known", (Row("구름결", "Pass", OK, (40.0, 5.0), (62.0, 12.0)),)),
    Scene("pass_unknown", (Row("서온유", "Pass", None, (55.0, 30.0), (38.0, 33.0)),)),
    Scene("pass_failed", (Row("오한빛", "Pass", BAD, (42.0, 61.0), (25.0, 45.0)),)),
    Scene("pass_failed_back", (Row("주하나", "Pass", BAD, (50.0, 33.0), (35.5, 34.0)),)),
    Scene("pass_offside", (Row("백가람", "Pass", "offside", (58.0, 35.0), (86.0, 34.0)),)),
    Scene(
        "pass_without_places",
        (
            Row("서온유", "Pass", OK),
            Row("오한빛", "Pass Received"),
        ),
        0,
    ),
    Scene(
        "cross",
        (
            Row("하도율", "Cross", OK, (96.0, 61.0), (97.0, 36.0)),
            Row("강누림", "Cross Received", None, (97.0, 36.0)),
        ),
        0,
    ),
    Scene("cross_failed", (Row("오한빛", "Cross", BAD, (9.0, 61.0), (7.0, 30.0)),)),
    Scene("cross_unknown", (Row("구름결", "Cross", None, (93.0, 6.0), (95.0, 33.0)),)),
    Scene(
        "throw_in",
        (
            Row("윤슬기", "Throw-In", OK, (45.0, 0.0), (38.0, 9.0)),
            Row("서온유", "Pass Received", None, (38.0, 9.0)),
        ),
        0,
    ),
    Scene("throw_in_failed", (Row("구름결", "Throw-In", BAD, (66.0, 0.0), (75.0, 8.0)),)),
    Scene(
        "freekick",
        (
            Row("서온유", "Pass_Freekick", OK, (47.0, 30.0), (18.0, 12.0)),
            Row("윤슬기", "Pass Received", None, (18.0, 12.0)),
        ),
        0,
    ),
    Scene("freekick_failed", (Row("백가람", "Pass_Freekick", BAD, (72.0, 50.0), (95.0, 36.0)),)),
    Scene(
        "corner",
        (
            _CORNER,
            Row("강누림", "Pass Received", None, (96.0, 36.0)),
        ),
        0,
    ),
    Scene("corner_failed", (Row("오한빛", "Pass_Corner", BAD, (0.5, 67.5), (9.0, 35.0)),)),
    Scene(
        "goal_kick",
        (
            Row("표단비", "Goal Kick", OK, (100.0, 34.0), (62.0, 20.0)),
            Row("윤슬기", "Pass Received", None, (62.0, 20.0)),
        ),
        0,
    ),
    Scene("goal_kick_failed", (Row("노을찬", "Goal Kick", BAD, (5.0, 34.0), (55.0, 40.0)),)),
    Scene(
        "receive",
        (
            Row("백가람", "Pass", OK, (45.0, 35.0), (58.0, 33.0)),
            Row("주하나", "Pass Received", None, (58.0, 33.0)),
        ),
    ),
    Scene(
        "receive_wide",
        (
            Row("서온유", "Pass", OK, (50.0, 30.0), (28.0, 62.0)),
            Row("오한빛", "Pass Received", None, (28.0, 62.0)),
        ),
    ),
    Scene(
        "receive_in_box",
        (
            Row("하도율", "Cross", OK, (96.0, 61.0), (97.0, 36.0)),
            Row("강누림", "Cross Received", None, (97.0, 36.0)),
        ),
    ),
    Scene("receive_failed", (Row("진해솔", "Pass Received", BAD, (40.0, 30.0)),)),
    Scene("carry", (Row("하도율", "Carry", None, (68.0, 60.0), (86.0, 58.0)),)),
    Scene("carry_into_box", (Row("진해솔", "Carry", None, (20.0, 34.0), (11.0, 36.0)),)),
    Scene("carry_back", (Row("백가람", "Carry", None, (60.0, 32.0), (54.0, 33.0)),)),
    Scene("take_on", (Row("오한빛", "Take-On", OK, (18.0, 60.0), (15.0, 57.0)),)),
    Scene("take_on_failed", (Row("하도율", "Take-On", BAD, (82.0, 62.0), (82.0, 62.0)),)),
    Scene("take_on_unknown", (Row("강누림", "Take-On", None, (80.0, 33.0), (80.0, 33.0)),)),
    Scene("shot", (Row("진해솔", "Shot", None, (16.0, 33.0), (0.0, 34.0)),)),
    Scene("shot_goal", (Row("강누림", "Shot", "Goal", (95.0, 36.0), (105.0, 33.0)),)),
    Scene("shot_goal_away", (Row("오한빛", "Shot", "Goal", (24.0, 50.0), (0.0, 35.0)),)),
    Scene("shot_on_target", (Row("백가람", "Shot", "On Target", (80.0, 36.0), (104.0, 34.0)),)),
    Scene("shot_off_target", (Row("진해솔", "Shot", "Off Target", (12.0, 38.0), (0.0, 42.0)),)),
    Scene(
        "shot_off_target_far", (Row("주하나", "Shot", "Off Target", (76.0, 30.0), (105.0, 41.0)),)
    ),
    Scene("shot_blocked", (Row("하도율", "Shot", "Blocked", (92.0, 48.0), (95.0, 44.0)),)),
    Scene("shot_post", (Row("서온유", "Shot", "post", (15.0, 40.0), (0.0, 37.6)),)),
    Scene("shot_weak", (Row("강누림", "Shot", "Low Quality Shot", (88.0, 30.0), (104.0, 34.0)),)),
    Scene(
        "shot_keeper_out", (Row("진해솔", "Shot", "Keeper Rush-Out", (17.0, 34.0), (9.0, 34.0)),)
    ),
    Scene("shot_fail", (Row("오한빛", "shot", "fail", (22.0, 44.0), (0.0, 30.0)),)),
    Scene(
        "shot_from_corner",
        (
            _CORNER,
            Row("강누림", "Shot_Corner", "Off Target", (96.0, 36.0), (105.0, 44.0)),
        ),
    ),
    Scene(
        "freekick_shot_goal", (Row("백가람", "Shot_Freekick", "Goal", (82.0, 38.0), (105.0, 36.0)),)
    ),
    Scene(
        "freekick_shot_blocked",
        (Row("서온유", "Shot_Freekick", "Blocked", (24.0, 30.0), (18.0, 32.0)),),
    ),
    Scene(
        "freekick_shot_off_target",
        (Row("오한빛", "Shot_Freekick", "Off Target", (26.0, 44.0), (0.0, 42.0)),),
    ),
    Scene("penalty_goal", (Row("강누림", "Penalty Kick", "Goal", (94.0, 34.0), (105.0, 31.0)),)),
    Scene(
        "penalty_on_target",
        (Row("진해솔", "Penalty Kick", "On Target", (11.0, 34.0), (0.5, 36.0)),),
    ),
    Scene(
        "penalty_off_target",
        (Row("강누림", "Penalty Kick", "Off Target", (94.0, 34.0), (105.0, 40.0)),),
    ),
    Scene("goal", (Row("진해솔", "Goal", None, (0.0, 34.0)),)),
    Scene(
        "goal_told",
        (
            Row("강누림", "Shot", "Goal", (95.0, 36.0), (105.0, 33.0), 0.0),
            Row("강누림", "Goal", None, (105.0, 33.0)),
        ),
    ),
    Scene("own_goal", (Row("도마루", "Own Goal", None, (104.0, 33.0)),)),
    Scene(
        "goal_told_by_own_goal",
        (
            Row("문새벽", "Own Goal", None, (1.0, 33.0), None, 0.0),
            Row("진해솔", "Goal", None, (0.0, 33.0)),
        ),
    ),
    Scene("goal_conceded", (Row("노을찬", "Goal Conceded", None, (0.5, 34.0)),)),
    Scene(
        "goal_conceded_told",
        (
            Row("강누림", "Shot", "Goal", (95.0, 36.0), (105.0, 33.0), 0.0),
            Row("표단비", "Goal Conceded", None, (104.5, 34.0)),
        ),
    ),
    Scene("tackle", (Row("문새벽", "Tackle", OK, (30.0, 40.0)),)),
    Scene("tackle_failed", (Row("윤슬기", "Tackle", BAD, (70.0, 12.0)),)),
    Scene("tackle_unknown", (Row("주하나", "Tackle", None, (52.0, 36.0)),)),
    Scene("duel", (Row("서온유", "Duel", OK, (52.0, 30.0)),)),
    Scene("duel_failed", (Row("강누림", "Duel", BAD, (90.0, 35.0)),)),
    Scene("duel_unknown", (Row("도마루", "Duel", None, (88.0, 33.0)),)),
    Scene(
        "interception",
        (
            Row("서온유", "Pass", BAD, (58.0, 40.0), (44.6, 33.0), 1.2),
            Row("문새벽", "Interception", None, (44.6, 33.0)),
        ),
    ),
    Scene("intervention", (Row("도마루", "Intervention", None, (84.0, 30.0)),)),
    Scene("recovery", (Row("주하나", "Recovery", None, (50.0, 28.0)),)),
    Scene("recovery_by_keeper", (Row("표단비", "Recovery", None, (99.0, 34.0)),)),
    Scene("clearance", (Row("도마루", "Clearance", None, (97.0, 30.0), (60.0, 15.0)),)),
    Scene("clearance_short", (Row("구름결", "Clearance", None, (9.0, 20.0), (15.0, 12.0)),)),
    Scene(
        "block",
        (
            Row("진해솔", "Shot", "Blocked", (14.0, 36.0), (11.0, 35.0), 0.5),
            Row("문새벽", "Block", None, (11.0, 35.0)),
        ),
    ),
    Scene(
        "block_of_pass",
        (
            Row("하도율", "Pass", BAD, (70.0, 60.0), (76.0, 56.0), 0.8),
            Row("윤슬기", "Block", None, (76.0, 56.0)),
        ),
    ),
    Scene("catch", (_AFTER_SAVE, Row("노을찬", "Catch", None, (1.5, 34.0)))),
    Scene("save", (_AFTER_SAVE, Row("노을찬", "keeper_save", None, (1.5, 34.0)))),
    Scene(
        "parry",
        (
            Row("하도율", "Shot", "On Target", (92.0, 42.0), (104.0, 35.0), 0.8),
            Row("표단비", "Parry", None, (103.0, 35.0)),
        ),
    ),
    Scene(
        "claim",
        (
            Row("오한빛", "Cross", BAD, (9.0, 61.0), (7.0, 34.0), 1.5),
            Row("노을찬", "Aerial Clearance", OK, (6.0, 34.0)),
        ),
    ),
    Scene("claim_failed", (Row("표단비", "Aerial Clearance", BAD, (99.0, 36.0)),)),
    Scene("sweep", (Row("표단비", "Defensive Line Support", None, (86.0, 34.0)),)),
    Scene("error", (Row("주하나", "Error", None, (30.0, 30.0)),)),
    Scene("error_in_box", (Row("도마루", "Error", None, (96.0, 32.0)),)),
    Scene("deflection", (Row("문새벽", "Deflection", None, (12.0, 30.0)),)),
    Scene("hit", (Row("서온유", "Hit", None, (48.0, 30.0)),)),
    Scene("foul", (Row("도마루", "Foul", None, (66.0, 28.0)),)),
    Scene("foul_in_box", (Row("문새벽", "Foul", None, (9.0, 30.0)),)),
    Scene("foul_yellow", (Row("주하나", "Foul", "Yellow_Card", (48.0, 40.0)),)),
    Scene("foul_second_yellow", (Row("윤슬기", "Foul", "Second_Yellow_Card", (80.0, 12.0)),)),
    Scene("foul_red", (Row("도마루", "Foul", "Direct_Red_Card", (83.0, 33.0)),)),
    Scene("handball", (Row("구름결", "Handball_Foul", None, (30.0, 10.0)),)),
    Scene("handball_yellow", (Row("서온유", "Handball_Foul", "Yellow_Card", (60.0, 20.0)),)),
    Scene("foul_throw", (Row("구름결", "Foul_Throw", None, (55.0, 0.0)),)),
    Scene("offside", (Row("진해솔", "Offside", None, (20.0, 30.0)),)),
    Scene("out", (Row("하도율", "Out", None, (80.0, 68.0)),)),
    Scene("pause", (Row(None, "Pause"),)),
    Scene("substitution", (Row("백가람", "Substitution"),)),
)
BY_NAME = {scene.name: scene for scene in SCENES}


@cache
def facts(name: str) -> tuple[Fact, ...]:
    """What code knows of a scene's rows, worked out once."""
    return BY_NAME[name].facts()


def told(name: str) -> Fact:
    """The fact of a scene's told action."""
    return facts(name)[BY_NAME[name].index]
