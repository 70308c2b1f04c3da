"""Providers' names for types and results, the canonical ones, and their Korean words.

Three vocabularies are known: the K League feed, SPADL with Atomic SPADL (socceraction 1.5.3) and
kloppy 3.19. Names match without regard to case, underscores, hyphens and spaces. What no
vocabulary knows becomes `OTHER` or `UNKNOWN`: a name is never guessed at and never an error.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from worker.football.schema import Action


class Tone(StrEnum):
    """A line's mood; the wire's own words."""

    DEFAULT = "DEFAULT"
    EXCITED = "EXCITED"
    ANGRY = "ANGRY"
    SAD = "SAD"
    CALM = "CALM"
    QUESTION = "QUESTION"
    EMPHASIS = "EMPHASIS"


class ActionType(StrEnum):
    """What kind of action a row tells, whoever provides it."""

    PASS = "pass"  # noqa: S105 - of the ball, not a word
    CROSS = "cross"
    THROW_IN = "throw_in"
    FREEKICK_PASS = "freekick_pass"  # noqa: S105 - likewise
    CORNER = "corner"
    GOAL_KICK = "goal_kick"
    RECEIVE = "receive"
    CARRY = "carry"
    TAKE_ON = "take_on"
    SHOT = "shot"
    SHOT_FREEKICK = "shot_freekick"
    PENALTY = "penalty"
    GOAL = "goal"
    OWN_GOAL = "own_goal"
    GOAL_CONCEDED = "goal_conceded"
    TACKLE = "tackle"
    DUEL = "duel"
    INTERCEPTION = "interception"
    INTERVENTION = "intervention"
    RECOVERY = "recovery"
    CLEARANCE = "clearance"
    BLOCK = "block"
    KEEPER_CATCH = "keeper_catch"
    KEEPER_PARRY = "keeper_parry"
    KEEPER_CLAIM = "keeper_claim"
    KEEPER_SWEEP = "keeper_sweep"
    ERROR = "error"
    DEFLECTION = "deflection"
    HIT = "hit"
    FOUL = "foul"
    HANDBALL = "handball"
    FOUL_THROW = "foul_throw"
    OFFSIDE = "offside"
    OUT = "out"
    PAUSE = "pause"
    OTHER = "other"


class Outcome(StrEnum):
    """What came of an action."""

    SUCCESS = "success"
    FAILURE = "failure"
    GOAL = "goal"
    ON_TARGET = "on_target"
    OFF_TARGET = "off_target"
    POST = "post"  # off the woodwork
    BLOCKED = "blocked"
    LOW_QUALITY = "low_quality"
    KEEPER_RUSH_OUT = "keeper_rush_out"
    OFFSIDE = "offside"
    UNKNOWN = "unknown"


class Card(StrEnum):
    """The card shown for a foul."""

    YELLOW = "yellow"
    SECOND_YELLOW = "second_yellow"
    RED = "red"


class SetPiece(StrEnum):
    """The dead ball an action was played from."""

    CORNER = "corner"
    FREE_KICK = "free_kick"
    GOAL_KICK = "goal_kick"
    KICK_OFF = "kick_off"
    PENALTY = "penalty"
    THROW_IN = "throw_in"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a row's names say, whoever wrote them; the fields are those of `Fact`."""

    type: ActionType
    word: str
    outcome: Outcome
    card: Card | None
    set_piece: SetPiece | None


_T, _O = ActionType, Outcome

PASSES: Final = frozenset(
    {_T.PASS, _T.CROSS, _T.THROW_IN, _T.FREEKICK_PASS, _T.CORNER, _T.GOAL_KICK}
)
SHOTS: Final = frozenset({_T.SHOT, _T.SHOT_FREEKICK, _T.PENALTY})
GOALS: Final = frozenset({_T.GOAL, _T.OWN_GOAL, _T.GOAL_CONCEDED})
KEEPING: Final = frozenset({_T.KEEPER_CATCH, _T.KEEPER_PARRY, _T.KEEPER_CLAIM, _T.KEEPER_SWEEP})
# Whoever does one of these is not the attacking team, or not known to be.
DEFENDING: Final = frozenset(
    {
        *(_T.TACKLE, _T.DUEL, _T.INTERCEPTION, _T.INTERVENTION, _T.RECOVERY),
        *(_T.CLEARANCE, _T.BLOCK, _T.DEFLECTION, _T.HIT, _T.FOUL, _T.HANDBALL, _T.OUT),
        *(_T.KEEPER_CATCH, _T.KEEPER_PARRY, _T.KEEPER_CLAIM, _T.KEEPER_SWEEP),
        *(_T.OWN_GOAL, _T.GOAL_CONCEDED),
    }
)

# `선방` is true of every save; that it was held is what KEEPER_CATCH + SUCCESS adds.
WORDS: Final[dict[ActionType, str]] = {
    _T.PASS: "패스",
    _T.CROSS: "크로스",
    _T.THROW_IN: "스로인",
    _T.FREEKICK_PASS: "프리킥",
    _T.CORNER: "코너킥",
    _T.GOAL_KICK: "골킥",
    _T.RECEIVE: "패스 받음",
    _T.CARRY: "드리블",
    _T.TAKE_ON: "돌파 시도",
    _T.SHOT: "슛",
    _T.SHOT_FREEKICK: "프리킥 슛",
    _T.PENALTY: "페널티킥",
    _T.GOAL: "골",
    _T.OWN_GOAL: "자책골",
    _T.GOAL_CONCEDED: "실점",
    _T.TACKLE: "태클",
    _T.DUEL: "볼 경합",
    _T.INTERCEPTION: "가로채기",
    _T.INTERVENTION: "공 건드림",
    _T.RECOVERY: "볼 획득",
    _T.CLEARANCE: "걷어내기",
    _T.BLOCK: "차단",
    _T.KEEPER_CATCH: "선방",
    _T.KEEPER_PARRY: "쳐내기",
    _T.KEEPER_CLAIM: "골키퍼 공중볼 처리",
    _T.KEEPER_SWEEP: "골키퍼 전진 수비",
    _T.ERROR: "실수",
    _T.DEFLECTION: "굴절",
    _T.HIT: "공에 맞음",
    _T.FOUL: "파울",
    _T.HANDBALL: "핸드볼 반칙",
    _T.FOUL_THROW: "스로인 반칙",
    _T.OFFSIDE: "오프사이드",
    _T.OUT: "아웃",
    _T.PAUSE: "경기 중단",
    _T.OTHER: "플레이",
}

# Names that the standards define and that are no canonical type: OTHER, yet with a Korean word.
_OTHER_WORDS: Final = {
    "card": "카드",
    "yellowcard": "경고",
    "redcard": "퇴장",
    "generic:generic": "플레이",
    "goalkeeper": "골키퍼 대응",
    "substitution": "선수 교체",
    "pressure": "압박",
}

SPADL_RESULTS: Final = ("fail", "success", "offside", "owngoal", "yellow_card", "red_card")
# By number: 0–22 are SPADL's own, 23–32 are what Atomic SPADL adds.
SPADL_TYPES: Final = (
    *("pass", "cross", "throw_in", "freekick_crossed", "freekick_short", "corner_crossed"),
    *("corner_short", "take_on", "foul", "tackle", "interception", "shot", "shot_penalty"),
    *("shot_freekick", "keeper_save", "keeper_claim", "keeper_punch", "keeper_pick_up"),
    *("clearance", "bad_touch", "non_action", "dribble", "goalkick"),
    *("receival", "interception", "out", "offside", "goal", "owngoal"),
    *("yellow_card", "red_card", "corner", "freekick"),
)

_FEED: Final = {
    "pass": _T.PASS,
    "cross": _T.CROSS,
    "throwin": _T.THROW_IN,
    "passfreekick": _T.FREEKICK_PASS,
    "passcorner": _T.CORNER,
    "goalkick": _T.GOAL_KICK,
    "passreceived": _T.RECEIVE,
    "ballreceived": _T.RECEIVE,
    "crossreceived": _T.RECEIVE,
    "carry": _T.CARRY,
    "takeon": _T.TAKE_ON,
    "shot": _T.SHOT,
    "shotcorner": _T.SHOT,
    "shotfreekick": _T.SHOT_FREEKICK,
    "penaltykick": _T.PENALTY,
    "goal": _T.GOAL,
    "owngoal": _T.OWN_GOAL,
    "goalconceded": _T.GOAL_CONCEDED,
    "tackle": _T.TACKLE,
    "duel": _T.DUEL,
    "interception": _T.INTERCEPTION,
    "intervention": _T.INTERVENTION,
    "recovery": _T.RECOVERY,
    "clearance": _T.CLEARANCE,
    "block": _T.BLOCK,
    "catch": _T.KEEPER_CATCH,
    "parry": _T.KEEPER_PARRY,
    "aerialclearance": _T.KEEPER_CLAIM,
    "defensivelinesupport": _T.KEEPER_SWEEP,
    "error": _T.ERROR,
    "deflection": _T.DEFLECTION,
    "hit": _T.HIT,
    "foul": _T.FOUL,
    "handballfoul": _T.HANDBALL,
    "foulthrow": _T.FOUL_THROW,
    "offside": _T.OFFSIDE,
    "out": _T.OUT,
    "pause": _T.PAUSE,
}
_SPADL: Final = {
    "freekickcrossed": _T.FREEKICK_PASS,
    "freekickshort": _T.FREEKICK_PASS,
    "freekick": _T.FREEKICK_PASS,
    "cornercrossed": _T.CORNER,
    "cornershort": _T.CORNER,
    "corner": _T.CORNER,
    "shotpenalty": _T.PENALTY,
    "keepersave": _T.KEEPER_CATCH,
    "keeperclaim": _T.KEEPER_CLAIM,
    "keeperpunch": _T.KEEPER_PARRY,
    "keeperpickup": _T.RECOVERY,
    "badtouch": _T.ERROR,
    "nonaction": _T.PAUSE,
    "dribble": _T.CARRY,
    "receival": _T.RECEIVE,
}
_KLOPPY: Final = {
    "generic:ballreceipt*": _T.RECEIVE,
    "generic:block": _T.BLOCK,
    "miscontrol": _T.ERROR,
    "foulcommitted": _T.FOUL,
    "ballout": _T.OUT,
}
TYPES: Final[dict[str, ActionType]] = _FEED | _SPADL | _KLOPPY

# kloppy tells the rest in qualifier columns: (type so far, column, its value) -> type. In order:
# a crossed corner is a corner. REFLEX and SAVE_ATTEMPT also stand at goals, so they are no save.
_QUALIFIED: Final = (
    (_T.PASS, "set_piece_type", "throwin", _T.THROW_IN),
    (_T.PASS, "set_piece_type", "freekick", _T.FREEKICK_PASS),
    (_T.PASS, "set_piece_type", "cornerkick", _T.CORNER),
    (_T.PASS, "set_piece_type", "goalkick", _T.GOAL_KICK),
    (_T.PASS, "pass_type", "cross", _T.CROSS),
    (_T.SHOT, "set_piece_type", "freekick", _T.SHOT_FREEKICK),
    (_T.SHOT, "set_piece_type", "penalty", _T.PENALTY),
    (_T.SHOT, "result_name", "owngoal", _T.OWN_GOAL),
    (_T.ERROR, "result_name", "owngoal", _T.OWN_GOAL),
    (_T.DUEL, "duel_type", "slidingtackle", _T.TACKLE),
    (_T.DUEL, "duel_type", "tackle", _T.TACKLE),
    (_T.INTERCEPTION, "result_name", "lost", _T.INTERVENTION),
    (_T.INTERCEPTION, "result_name", "out", _T.INTERVENTION),
)
_GOALKEEPER: Final = {
    "save": _T.KEEPER_CATCH,
    "punch": _T.KEEPER_PARRY,
    "claim": _T.KEEPER_CLAIM,
    "smother": _T.KEEPER_SWEEP,
    "pickup": _T.RECOVERY,
}

RESULTS: Final[dict[str, Outcome]] = {
    "successful": _O.SUCCESS,
    "success": _O.SUCCESS,
    "complete": _O.SUCCESS,
    "won": _O.SUCCESS,
    "true": _O.SUCCESS,
    "unsuccessful": _O.FAILURE,
    "fail": _O.FAILURE,
    "incomplete": _O.FAILURE,
    "lost": _O.FAILURE,
    "out": _O.FAILURE,
    "false": _O.FAILURE,
    "goal": _O.GOAL,
    "ontarget": _O.ON_TARGET,
    "saved": _O.ON_TARGET,
    "offtarget": _O.OFF_TARGET,
    "post": _O.POST,
    "blocked": _O.BLOCKED,
    "lowqualityshot": _O.LOW_QUALITY,
    "keeperrushout": _O.KEEPER_RUSH_OUT,
    "offside": _O.OFFSIDE,
}
CARDS: Final[dict[str, Card]] = {
    "yellowcard": Card.YELLOW,
    "firstyellow": Card.YELLOW,
    "secondyellowcard": Card.SECOND_YELLOW,
    "secondyellow": Card.SECOND_YELLOW,
    "directredcard": Card.RED,
    "redcard": Card.RED,
    "red": Card.RED,
}
_CARDED: Final = frozenset({_T.FOUL, _T.HANDBALL, _T.FOUL_THROW, _T.OTHER})

# What may come of a type; a result outside it contradicts the type, and then nothing is said.
_EITHER: Final = frozenset({_O.SUCCESS, _O.FAILURE})
_POSSIBLE: Final[dict[ActionType, frozenset[Outcome]]] = (
    dict.fromkeys(PASSES, _EITHER | {_O.OFFSIDE})
    | dict.fromkeys(
        SHOTS,
        frozenset(
            {
                *(_O.GOAL, _O.ON_TARGET, _O.OFF_TARGET, _O.BLOCKED, _O.FAILURE),
                *(_O.POST, _O.LOW_QUALITY, _O.KEEPER_RUSH_OUT),
            }
        ),
    )
    # A foul that "succeeds" (SPADL writes so) says nothing, nor does a ball that is out; that an
    # intervention wins no ball is its type.
    | dict.fromkeys(
        (
            *(_T.FOUL, _T.HANDBALL, _T.FOUL_THROW, _T.OFFSIDE, _T.OUT, _T.PAUSE),
            *(_T.ERROR, _T.HIT, _T.DEFLECTION, _T.INTERVENTION),
        ),
        frozenset(),
    )
    # SPADL's and kloppy's save may be pushed away: only the feed's Catch says that it was held.
    | {_T.KEEPER_CATCH: frozenset({_O.FAILURE})}
)
# Names whose own definition says what came of it, where the row gives no result.
_BY_DEFINITION: Final = {"catch": _O.SUCCESS} | {
    name: _O.SUCCESS for name, type_ in TYPES.items() if type_ is _T.RECEIVE
}

_DEAD_BALLS: Final = {
    _T.CORNER: SetPiece.CORNER,
    _T.FREEKICK_PASS: SetPiece.FREE_KICK,
    _T.SHOT_FREEKICK: SetPiece.FREE_KICK,
    _T.GOAL_KICK: SetPiece.GOAL_KICK,
    _T.PENALTY: SetPiece.PENALTY,
    _T.THROW_IN: SetPiece.THROW_IN,
}
_SET_PIECES: Final = {
    "cornerkick": SetPiece.CORNER,
    "freekick": SetPiece.FREE_KICK,
    "goalkick": SetPiece.GOAL_KICK,
    "kickoff": SetPiece.KICK_OFF,
    "penalty": SetPiece.PENALTY,
    "throwin": SetPiece.THROW_IN,
}


@lru_cache(maxsize=2048)  # the same few hundred names come back with every job
def fold(name: str) -> str:
    """A name without case, underscores, hyphens and spaces: `Goal-Kick` and `goalkick` are one."""
    return name.casefold().replace("_", "").replace("-", "").replace(" ", "")


def meaning_of(action: "Action") -> Meaning:
    """What a row's names say; unknown ones say nothing and are kept as the label they are."""
    type_ = _type(action)
    outcome = _outcome(type_, fold(action.type_name or ""), fold(action.result_name or ""))
    return Meaning(
        type=type_,
        word=_word(type_, action),
        outcome=outcome,
        card=_card(type_, action),
        set_piece=_set_piece(type_, action),
    )


def _type(action: "Action") -> ActionType:
    name = fold(action.type_name or "")
    if name == "goalkeeper":
        return _GOALKEEPER.get(fold(action.goalkeeper_type or ""), ActionType.OTHER)
    type_ = TYPES.get(name, ActionType.OTHER)
    for base, column, value, qualified in _QUALIFIED:
        if type_ is base and fold(getattr(action, column) or "") == value:
            return qualified
    return type_


def _word(type_: ActionType, action: "Action") -> str:
    if type_ is not ActionType.OTHER:
        return WORDS[type_]
    known = _OTHER_WORDS.get(fold(action.type_name or ""))
    return known or action.type_name_ko or action.type_name or WORDS[type_]


def _outcome(type_: ActionType, name: str, result: str) -> Outcome:
    if type_ in GOALS:
        return Outcome.GOAL
    if type_ in SHOTS and result == "success":
        return Outcome.GOAL  # SPADL's spelling; the feed's `Successful` is no result of a shot
    by_definition = _BY_DEFINITION.get(name, Outcome.UNKNOWN)
    if not result:
        return by_definition
    outcome = RESULTS.get(result, Outcome.UNKNOWN)
    possible = _POSSIBLE.get(type_, _EITHER)
    return outcome if outcome in possible or outcome is by_definition else Outcome.UNKNOWN


def _card(type_: ActionType, action: "Action") -> Card | None:
    if type_ not in _CARDED:
        return None
    names = (action.card_type, action.result_name, action.type_name)
    return next((CARDS[fold(name)] for name in names if name and fold(name) in CARDS), None)


def _set_piece(type_: ActionType, action: "Action") -> SetPiece | None:
    if type_ in _DEAD_BALLS:
        return _DEAD_BALLS[type_]
    if type_ is ActionType.SHOT and fold(action.type_name or "") == "shotcorner":
        return SetPiece.CORNER
    if type_ in PASSES | SHOTS:
        return _SET_PIECES.get(fold(action.set_piece_type or ""))
    return None
