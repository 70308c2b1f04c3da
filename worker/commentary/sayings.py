"""What the plain lines say: phrasings for every action and outcome, as data.

Each is one sentence without its ending; `verbs` gives it the ending of the persona. They claim
what the outcome claims and nothing beside it: what came next, how good it was or what the ball
was played with is in no row. The first phrasing of each is the plainest.
"""

from enum import Enum
from typing import Final, NamedTuple

from worker.football.vocabulary import ActionType, Card, Outcome


class End(Enum):
    """How a sentence ends, by what it tells."""

    NOW = "what one sees: 보냅니다, 보내네"
    ENDED = "how it ended: 막힙니다, 막혔어"
    STATE = "as ENDED, and nothing that one could see happen: 기록됩니다, 기록됐어"
    IS = "what it is, after a noun: 골입니다, 골이야"


class Saying(NamedTuple):
    """A sentence up to its last stem, or up to its last noun where it ends with IS.

    Slots, each with the space that follows it:

    {이} the actor as subject · {의} as possessor · {에게} as the one it befalls · {where} start
    zone · {into} end zone · {way} direction and distance · {to} receiver · {dest} receiver, else
    end zone · {piece} the dead ball before a noun, {from} the same as a situation · {by} why a
    card · {for} the team that a goal counts for · {word} the action's word, {word이} the same as
    subject.

    All but {이}, {의} and {에게} of what a player does, {word} and {word이} may be empty, so the
    sentence stands without them.

    Attributes:
        stem: the sentence.
        end: how it goes on.
        friend: the sentence for FRIEND, where he would not say it in the same words.
    """

    stem: str
    end: End = End.NOW
    friend: str = ""


Sayings = tuple[Saying, ...]
ByOutcome = dict[Outcome, Sayings]

_T, _O = ActionType, Outcome


def _now(*stems: str) -> Sayings:
    return tuple(Saying(stem) for stem in stems)


def _ended(*stems: str) -> Sayings:
    return tuple(Saying(stem, End.ENDED) for stem in stems)


def _state(*stems: str) -> Sayings:
    return tuple(Saying(stem, End.STATE) for stem in stems)


def _is(*nouns: str) -> Sayings:
    return tuple(Saying(noun, End.IS) for noun in nouns)


def _kick(noun: str, verb: str, done: str) -> ByOutcome:
    """A dead ball: played, played to somebody, or lost.

    Args:
        noun: what it is called; ends in a consonant other than ㄹ.
        verb: the stem of playing it.
        done: the same before a noun (찬).
    """
    return {
        _O.UNKNOWN: (
            *_now(f"{{이}}{noun}을 {verb}", f"{{이}}{{where}}{noun}을 처리하"),
            *_is(f"{{의}}{noun}"),
            *_now(f"{{이}}{noun}으로 {{to}}공을 보내", f"{{이}}{{way}}{noun}을 보내"),
        ),
        _O.SUCCESS: _now(
            f"{{이}}{{to}}{noun}을 연결하",
            f"{{의}}{noun}이 {{dest}}이어지",
            f"{{이}}{{way}}{done} {noun}이 {{to}}연결되",
            f"{{이}}{noun}으로 {{to}}공을 보내",
        ),
        _O.FAILURE: _ended(
            f"{{의}}{noun}이 이어지지 않",
            f"{{이}}{{way}}{done} {noun}이 닿지 않",
            f"{{이}}{{where}}{noun} 연결에 실패하",
            f"{{이}}{{where}}{noun}을 잇지 못하",
        ),
    }


class _Strike(NamedTuple):
    """The words for a kind of shot.

    Attributes:
        noun: what it is called; ends in a consonant other than ㄹ.
        verb, other: two stems of taking it.
        done: the first of them before a noun (때린).
        where, origin: the slots for its place and for its dead ball; nothing where they go without
            saying.
    """

    noun: str
    verb: str
    other: str
    done: str
    where: str
    origin: str


def _shot(strike: _Strike) -> ByOutcome:
    """A shot of some kind. On target is no goal, and blocked is not saved."""
    noun, verb, other, done, where, origin = strike
    return {
        _O.UNKNOWN: _now(
            f"{{이}}{where}{noun}을 {verb}",
            f"{origin}{{이}}{noun}을 시도하",
            f"{{이}}{where}{noun}을 {other}",
            f"{{이}}{where}{noun}으로 골문을 노리",
        ),
        _O.GOAL: (
            *_ended(
                f"{{이}}{where}{noun}으로 골을 넣",
                f"{{의}}{noun}이 골망을 흔들",
                f"{origin}{{의}}{noun}이 골문 안으로 들어가",
                f"{{이}}{where}{noun}을 성공시키",
                f"{{이}}{where}{done} {noun}이 골망을 가르",
            ),
        ),
        _O.ON_TARGET: _now(
            f"{{의}}{noun}이 골문으로 향하",
            f"{{이}}{where}{done} {noun}이 골문을 향하",
            f"{origin}{{의}}{noun}이 골문 쪽으로 날아가",
            f"{{이}}{where}골문으로 {noun}을 {verb}",
        ),
        _O.OFF_TARGET: _ended(
            f"{{의}}{noun}이 골문을 벗어나",
            f"{{이}}{where}{done} {noun}이 빗나가",
            f"{origin}{{의}}{noun}이 골문을 외면하",
            f"{{의}}{noun}이 골문 밖으로 나가",
        ),
        _O.POST: _ended(
            f"{{의}}{noun}이 골대에 맞",
            f"{{이}}{where}{done} {noun}이 골대를 맞히",
            f"{origin}{{의}}{noun}이 골대를 때리",
            f"{{이}}{where}{noun}으로 골대를 맞히",
        ),
        _O.BLOCKED: _ended(
            f"{{의}}{noun}이 수비에 막히",
            f"{{이}}{where}{done} {noun}이 수비에 걸리",
            f"{origin}{{의}}{noun}이 수비를 뚫지 못하",
            f"{{이}}{where}{noun}을 {verb}지만 수비에 막히",
        ),
        _O.LOW_QUALITY: (
            *_now(f"{{이}}약한 {noun}을 {verb}", f"{{이}}{where}힘없는 {noun}을 {verb}"),
            *_ended(f"{origin}{{의}}{noun}에 힘이 실리지 않"),
            *_state(f"{{이}}{where}{done} {noun}이 약하"),
        ),
        _O.KEEPER_RUSH_OUT: _now(
            f"골키퍼가 나온 상황에서 {{이}}{noun}을 {verb}",
            f"나온 골키퍼를 상대로 {{이}}{noun}을 {verb}",
            f"{origin}골키퍼가 나와 있을 때 {{이}}{noun}을 시도하",
            f"골키퍼가 나온 틈에 {{이}}{where}{noun}을 {verb}",
        ),
        _O.FAILURE: _ended(
            f"{{의}}{noun}이 골로 이어지지 않",
            f"{{이}}{where}{noun}을 성공시키지 못하",
            f"{origin}{{의}}{noun}이 골문을 열지 못하",
            f"{{이}}{where}{done} {noun}이 골이 되지 못하",
        ),
    }


def _foul(noun: str, where: str = "") -> ByOutcome:
    """The actor is the offender. `noun` ends in a consonant."""
    return {
        _O.UNKNOWN: (
            Saying(f"{{이}}{where}{noun}을 범하", End.ENDED, friend=f"{{이}}{where}{noun}을 하"),
            *_is(f"{{의}}{noun}"),
            *_ended(f"{{이}}{where}{noun}을 저지르", f"{{의}}{noun}이 나오"),
        ),
    }


SAYINGS: Final[dict[ActionType, ByOutcome]] = {
    _T.PASS: {
        _O.UNKNOWN: _now(
            "{이}{where}{to}{piece}패스를 시도하",
            "{이}{way}{piece}패스를 노리",
            "{이}{dest}{piece}패스를 보내려 하",
            "{이}{where}{piece}패스를 선택하",
        ),
        _O.SUCCESS: _now(
            "{이}{where}{to}{piece}패스를 보내",
            "{이}{to}{way}{piece}패스를 연결하",
            "{의}{piece}패스가 {dest}이어지",
            "{이}{where}{to}공을 건네",
            "{이}{way}보낸 {piece}패스가 {to}연결되",
            "{이}{dest}공을 넘기",
        ),
        _O.FAILURE: _ended(
            "{의}{piece}패스가 이어지지 않",
            "{이}{way}보낸 {piece}패스가 닿지 않",
            "{이}{where}{piece}패스에 실패하",
            "{의}{piece}패스가 연결되지 않",
            "{이}{where}{piece}패스를 잇지 못하",
        ),
    },
    _T.CROSS: {
        _O.UNKNOWN: _now(
            "{이}{where}크로스를 올리",
            "{from}{이}크로스를 시도하",
            "{이}{into}크로스를 띄우",
            "{이}{where}크로스를 선택하",
        ),
        _O.SUCCESS: _now(
            "{이}{where}{to}크로스를 연결하",
            "{from}{의}크로스가 {dest}이어지",
            "{이}{where}올린 크로스가 {to}연결되",
            "{이}{dest}크로스를 배달하",
        ),
        _O.FAILURE: _ended(
            "{의}크로스가 이어지지 않",
            "{이}{where}올린 크로스가 연결되지 않",
            "{from}{의}크로스가 동료에게 닿지 않",
            "{이}{where}크로스에 실패하",
        ),
    },
    _T.THROW_IN: _kick("스로인", "던지", "던진"),
    _T.FREEKICK_PASS: _kick("프리킥", "차", "찬"),
    _T.CORNER: _kick("코너킥", "차", "찬"),
    _T.GOAL_KICK: _kick("골킥", "차", "찬"),
    # The feed's row of a received cross is one of these as well: the ball, not the pass.
    _T.RECEIVE: {
        _O.UNKNOWN: _now(
            "{이}{where}공을 받",
            "{이}{where}공을 이어받",
            "{에게}공이 이어지",
            "{이}{where}공을 잡",
            "{에게}공이 연결되",
        ),
        _O.FAILURE: _ended(
            "{이}{where}공을 받지 못하",
            "{에게}공이 이어지지 않",
            "{이}{where}공을 받는 데 실패하",
            "{이}{where}공을 놓치",
        ),
    },
    _T.CARRY: {
        _O.UNKNOWN: _now(
            "{이}{where}공을 몰고 가",
            "{이}{way}드리블하",
            "{이}{into}공을 끌고 가",
            "{이}{where}드리블로 공을 옮기",
            "{의}드리블이 {into}이어지",
        ),
        _O.FAILURE: _ended(
            "{이}{where}공을 몰고 가지 못하",
            "{의}드리블이 이어지지 않",
            "{이}{where}드리블에 실패하",
            "{의}드리블이 통하지 않",
        ),
    },
    _T.TAKE_ON: {
        _O.UNKNOWN: _now(
            "{이}{where}돌파를 시도하",
            "{이}{where}돌파를 노리",
            "{이}{where}상대를 제치려 하",
            "{이}{where}돌파에 나서",
        ),
        _O.SUCCESS: _now(
            "{이}{where}상대를 제치",
            "{이}{where}돌파에 성공하",
            "{의}돌파가 통하",
            "{이}{where}상대를 따돌리",
        ),
        _O.FAILURE: _ended(
            "{의}돌파가 통하지 않",
            "{이}{where}상대를 제치지 못하",
            "{이}{where}돌파에 실패하",
            "{이}{where}상대를 따돌리지 못하",
        ),
    },
    _T.SHOT: _shot(_Strike("슛", "때리", "날리", "때린", "{where}", "{from}")),
    _T.SHOT_FREEKICK: _shot(_Strike("프리킥 슛", "때리", "날리", "때린", "{where}", "")),
    # Everybody knows where a penalty is taken from.
    _T.PENALTY: _shot(_Strike("페널티킥", "차", "처리하", "찬", "", "")),
    _T.GOAL: {
        _O.UNKNOWN: (
            *_ended("{이}골을 넣"),
            *_is("{의}골"),
            *_ended("{이}득점에 성공하", "{이}골망을 흔들"),
        ),
    },
    _T.OWN_GOAL: {
        _O.UNKNOWN: (
            *_ended("{이}자책골을 기록하", "{의}자책골이 나오"),
            *_is("{의}자책골"),
        ),
    },
    _T.GOAL_CONCEDED: {
        _O.UNKNOWN: _ended("{이}골을 허용하", "{이}실점을 기록하", "{이}골을 내주고 말"),
    },
    _T.TACKLE: {
        _O.UNKNOWN: _now(
            "{이}{where}태클을 시도하",
            "{이}{where}태클에 나서",
            "{이}{where}태클로 맞서",
            "{이}{where}태클을 걸",
        ),
        _O.SUCCESS: _now(
            "{이}{where}태클에 성공하",
            "{이}{where}태클을 성공시키",
            "{의}태클이 통하",
            "{이}{where}시도한 태클이 성공하",
        ),
        _O.FAILURE: _ended(
            "{의}태클이 통하지 않",
            "{이}{where}태클에 실패하",
            "{이}{where}태클을 성공시키지 못하",
            "{의}태클이 실패로 끝나",
        ),
    },
    _T.DUEL: {
        _O.UNKNOWN: _now(
            "{이}{where}공을 두고 다투",
            "{이}{where}경합을 벌이",
            "{이}{where}상대와 공을 다투",
            "{이}{where}볼 경합에 나서",
        ),
        _O.SUCCESS: _ended(
            "{이}{where}경합을 이겨 내",
            "{이}{where}공 다툼을 이겨 내",
            "{이}{where}경합에서 우위를 차지하",
            "{이}{where}상대와의 경합을 이기",
        ),
        _O.FAILURE: _ended(
            "{이}{where}경합을 이기지 못하",
            "{이}경합에서 밀리",
            "{이}{where}공 다툼을 이기지 못하",
            "{이}{where}경합을 이겨 내지 못하",
        ),
    },
    _T.INTERCEPTION: {
        _O.UNKNOWN: _now(
            "{이}{where}공을 가로채",
            "{이}{where}상대 공을 끊어 내",
            "{이}{where}한발 먼저 공을 끊어 내",
            "{이}{where}공을 낚아채",
            "{이}{where}상대 공을 가로채",
        ),
        _O.FAILURE: _ended(
            "{이}{where}공을 가로채지 못하",
            "{이}{where}가로채기에 실패하",
            "{이}{where}상대 공을 끊어 내지 못하",
            "{의}가로채기가 통하지 않",
        ),
    },
    # A touch that wins no possession, whether it is called failed or not.
    _T.INTERVENTION: {
        _O.UNKNOWN: _now(
            "{이}{where}공을 건드리",
            "{이}{where}상대 공을 건드리",
            "{이}{where}공을 터치하",
            "{이}{where}공을 스치",
        ),
    },
    _T.RECOVERY: {
        _O.UNKNOWN: _now(
            "{이}{where}흐른 공을 따내",
            "{이}{where}공을 확보하",
            "{이}{where}흐른 공을 차지하",
            "{이}{where}흐른 공을 챙기",
            "{이}{where}흘러나온 공을 잡",
        ),
        _O.FAILURE: _ended(
            "{이}{where}공을 따내지 못하",
            "{이}{where}흐른 공을 놓치",
            "{이}{where}공을 확보하지 못하",
            "{이}{where}흐른 공을 잡지 못하",
        ),
    },
    _T.CLEARANCE: {
        _O.UNKNOWN: _now(
            "{이}{where}공을 걷어 내",
            "{이}{way}공을 내보내",
            "{이}{where}상대 공을 걷어 내",
            "{이}{where}공을 처리하",
            "{이}{where}수비하며 공을 걷어 내",
        ),
        _O.FAILURE: _ended(
            "{이}{where}공을 걷어 내지 못하",
            "{이}{where}공을 처리하지 못하",
            "{이}{where}걷어내기에 실패하",
            "{이}{where}상대 공을 걷어 내지 못하",
        ),
    },
    _T.BLOCK: {
        _O.UNKNOWN: _now(
            "{이}{where}상대 공을 막아 내",
            "{이}{where}상대 공을 차단하",
            "상대 공이 {의}수비에 막히",
            "{이}{where}공이 가는 길을 막",
            "{이}{where}상대 공을 가로막",
        ),
        _O.FAILURE: _ended(
            "{이}{where}상대 공을 막지 못하",
            "{이}{where}차단에 실패하",
            "{이}{where}상대 공을 차단하지 못하",
            "{이}{where}공이 가는 길을 막지 못하",
        ),
    },
    # A save; only the feed's Catch says that it was held as well.
    _T.KEEPER_CATCH: {
        _O.UNKNOWN: _now(
            "{이}{where}공을 막아 내",
            "{이}{where}선방을 해내",
            "{의}선방이 나오",
            "{이}{where}선방으로 공을 막",
        ),
        _O.SUCCESS: _now(
            "{이}{where}공을 잡아 내",
            "{이}{where}공을 붙잡",
            "{이}{where}선방으로 공을 잡아 내",
            "{이}{where}공을 움켜쥐",
        ),
        _O.FAILURE: _ended(
            "{이}{where}공을 막아 내지 못하",
            "{이}{where}선방에 실패하",
            "{이}{where}공을 막지 못하",
            "{이}{where}공을 처리하지 못하",
        ),
    },
    _T.KEEPER_PARRY: {
        _O.UNKNOWN: _now(
            "{이}{where}공을 쳐 내",
            "{이}{where}공을 쳐서 막아 내",
            "{이}{where}공을 튕겨 내",
            "{이}{where}공을 밀어내",
        ),
        _O.FAILURE: _ended(
            "{이}{where}공을 쳐 내지 못하",
            "{이}{where}공을 막아 내지 못하",
            "{이}{where}공을 쳐 내는 데 실패하",
            "{이}{where}공을 튕겨 내지 못하",
        ),
    },
    _T.KEEPER_CLAIM: {
        _O.UNKNOWN: _now(
            "{이}{where}높은 공을 처리하",
            "{이}{where}공중볼을 처리하",
            "{이}{where}높이 뜬 공을 처리하",
        ),
        _O.FAILURE: _ended(
            "{이}{where}높은 공을 놓치",
            "{이}{where}높은 공을 처리하지 못하",
            "{이}{where}공중볼을 처리하지 못하",
        ),
    },
    _T.KEEPER_SWEEP: {
        _O.UNKNOWN: _now("{이}나와서 수비하", "{이}나와서 수비를 돕", "{이}전진 수비에 나서"),
        _O.FAILURE: _ended(
            "{이}수비를 돕지 못하", "{이}전진 수비에 실패하", "{이}나와서 수비하지 못하"
        ),
    },
    _T.ERROR: {
        _O.UNKNOWN: (
            *_now("{이}{where}실수를 하"),
            *_ended("{의}실수가 나오", "{이}{where}실수를 저지르", "{이}{where}실수를 범하"),
        ),
    },
    _T.DEFLECTION: {
        _O.UNKNOWN: _now("{의}몸에 맞고 공이 꺾이", "공이 {에게}맞고 꺾이", "{에게}맞은 공이 꺾이"),
    },
    _T.HIT: {
        _O.UNKNOWN: _ended("공이 {의}몸에 맞", "공이 {에게}맞", "{이}공에 맞"),
    },
    _T.FOUL: _foul("반칙", "{where}"),
    _T.HANDBALL: _foul("핸드볼 반칙"),
    _T.FOUL_THROW: _foul("스로인 반칙"),
    _T.OFFSIDE: {
        _O.UNKNOWN: (
            *_ended("{이}오프사이드에 걸리"),
            *_is("{의}오프사이드"),
            *_ended("{이}오프사이드를 범하"),
        ),
    },
    _T.OUT: {
        _O.UNKNOWN: (
            *_ended("{이}건드린 공이 나가", "{의}터치로 공이 나가", "{이}건드린 공이 라인을 넘"),
            *_is("{의}터치 아웃"),
            *_ended("{이}건드린 공이 아웃되"),
        ),
    },
    _T.PAUSE: {
        _O.UNKNOWN: _ended("경기가 잠시 멈추", "경기가 잠시 중단되", "잠시 경기가 끊기"),
    },
    _T.OTHER: {
        _O.UNKNOWN: (
            *_is("{의}{word}장면"),
            *_ended("{의}{word이}나오"),
            *_is("{의}{word}상황"),
        ),
        _O.FAILURE: _ended(
            "{의}{word이}실패로 끝나", "{의}{word이}통하지 않", "{의}{word이}성공하지 못하"
        ),
    },
}

OUT_BY_NOBODY: Final[Sayings] = _ended(
    "공이 밖으로 나가",
    "공이 라인을 넘어가",
    "공이 경기장 밖으로 나가",
    "공이 라인을 벗어나",
)
"""A ball that is out where nobody is known to have touched it last."""

OFFSIDE: Final[Sayings] = (
    *_is("{의}{word이}오프사이드"),
    *_ended("{의}{word이}오프사이드에 걸리", "{의}{word}상황에서 오프사이드가 나오"),
)
"""A ball that reached somebody offside."""

TOLD: Final[dict[ActionType, Sayings]] = {
    _T.GOAL: _state("{의}득점으로 기록되", "{이}득점자로 이름을 올리", "{의}골로 기록되"),
    _T.GOAL_CONCEDED: _state("{의}실점으로 기록되", "{의}실점이 기록되", "{의}실점으로 남"),
}
"""The goal that an earlier row has told: recorded, not scored once more."""

TOLD_BY_OWN_GOAL: Final[Sayings] = _state(
    "{for}득점으로 기록되", "{for}골로 기록되", "{for}득점이 기록되"
)
"""After an own goal the row credits somebody who did not score."""

CARDS: Final[dict[Card, Sayings]] = {
    Card.YELLOW: _ended("{이}{by}경고를 받", "{이}{by}옐로카드를 받", "{에게}{by}경고가 주어지"),
    Card.SECOND_YELLOW: _ended(
        "{이}{by}두 번째 경고를 받고 퇴장당하",
        "{이}경고 누적으로 퇴장당하",
        "{이}{by}두 번째 옐로카드를 받고 퇴장당하",
    ),
    Card.RED: _ended(
        "{이}{by}퇴장당하", "{이}{by}레드카드를 받", "{이}{by}레드카드를 받고 퇴장당하"
    ),
}

CARD_CAUSES: Final = {
    _T.FOUL: "반칙으로 ",
    _T.HANDBALL: "핸드볼 반칙으로 ",
    _T.FOUL_THROW: "스로인 반칙으로 ",
}


def _tried(noun: str) -> dict[Outcome, str]:
    return {
        _O.UNKNOWN: f"{noun} 시도",
        _O.SUCCESS: f"{noun} 성공",
        _O.FAILURE: f"{noun} 실패",
    }


def _struck(noun: str, blocked: str) -> dict[Outcome, str]:
    return {
        _O.UNKNOWN: f"{noun} 시도",
        _O.GOAL: "득점",
        _O.ON_TARGET: f"골문으로 {noun}",
        _O.OFF_TARGET: f"{noun} 빗나감",
        _O.POST: f"{noun} 골대 맞음",
        _O.BLOCKED: blocked,
        _O.LOW_QUALITY: f"약한 {noun}",
        _O.FAILURE: f"{noun} 실패",
    }


# At most eight syllables each: what a brief budget has beside the name.
BRIEF: Final[dict[ActionType, dict[Outcome, str]]] = {
    _T.RECEIVE: {_O.UNKNOWN: "공 받음", _O.FAILURE: "공 놓침"},
    _T.TAKE_ON: _tried("돌파"),
    _T.SHOT: _struck("슛", "수비에 막힌 슛"),
    _T.SHOT_FREEKICK: _struck("프리킥 슛", "프리킥 수비에 막힘"),
    _T.PENALTY: _struck("페널티킥", "페널티킥 막힘"),
    _T.GOAL: {_O.UNKNOWN: "득점"},
    _T.TACKLE: _tried("태클"),
    _T.DUEL: {_O.UNKNOWN: "볼 경합", _O.SUCCESS: "경합 성공", _O.FAILURE: "경합 실패"},
    _T.INTERVENTION: {_O.UNKNOWN: "공 건드림"},
    _T.KEEPER_CATCH: {_O.UNKNOWN: "선방", _O.SUCCESS: "공 잡아 냄", _O.FAILURE: "선방 실패"},
    _T.KEEPER_PARRY: {_O.UNKNOWN: "공 쳐 냄", _O.FAILURE: "쳐내기 실패"},
    _T.KEEPER_CLAIM: {_O.UNKNOWN: "공중볼 처리", _O.FAILURE: "공중볼 놓침"},
    _T.KEEPER_SWEEP: {_O.UNKNOWN: "전진 수비", _O.FAILURE: "전진 수비 실패"},
    _T.OUT: {_O.UNKNOWN: "공 나감"},
    **{
        type_: {_O.UNKNOWN: word}
        for type_, word in {
            _T.ERROR: "실수",
            _T.DEFLECTION: "공 굴절",
            _T.HIT: "공에 맞음",
            _T.FOUL: "파울",
            _T.HANDBALL: "핸드볼 반칙",
            _T.FOUL_THROW: "스로인 반칙",
            _T.OFFSIDE: "오프사이드",
            _T.OWN_GOAL: "자책골",
            _T.GOAL_CONCEDED: "실점",
            _T.PAUSE: "경기 중단",
        }.items()
    },
}
"""An action in a word or two; of all others the action's own word, and that it failed."""

BRIEF_TOLD: Final = {_T.GOAL: "득점 공식 기록", _T.GOAL_CONCEDED: "실점 공식 기록"}
