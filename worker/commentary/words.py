"""The values of a fact in Korean words, for the table and for the plain lines alike."""

from worker.football.facts import Direction, Distance, Lane, Team, Third, Zone
from worker.football.vocabulary import Card, Outcome, SetPiece

SIDE = {Team.HOME: "홈팀", Team.AWAY: "원정팀"}

OUTCOME = {
    Outcome.SUCCESS: "성공",
    Outcome.FAILURE: "실패",
    Outcome.GOAL: "골",
    Outcome.ON_TARGET: "골문으로 향함, 골 아님",
    Outcome.OFF_TARGET: "빗나감",
    Outcome.POST: "골대를 맞힘",
    Outcome.BLOCKED: "수비에 막힘",
    Outcome.LOW_QUALITY: "약한 슛",
    Outcome.KEEPER_RUSH_OUT: "골키퍼가 나와 있음",
    Outcome.OFFSIDE: "오프사이드",
    Outcome.UNKNOWN: "",
}

CARD = {Card.YELLOW: "경고", Card.SECOND_YELLOW: "경고 누적 퇴장", Card.RED: "퇴장"}

SET_PIECE = {
    SetPiece.CORNER: "코너킥",
    SetPiece.FREE_KICK: "프리킥",
    SetPiece.GOAL_KICK: "골킥",
    SetPiece.KICK_OFF: "킥오프",
    SetPiece.PENALTY: "페널티킥",
    SetPiece.THROW_IN: "스로인",
}

DIRECTION = {Direction.FORWARD: "앞으로", Direction.BACKWARD: "뒤로", Direction.SIDEWAYS: "옆으로"}

DISTANCE = {Distance.SHORT: "짧게", Distance.MEDIUM: "", Distance.LONG: "길게"}

_THIRD = {
    Third.OWN_BOX: "자기 페널티 박스 안",
    Third.OWN: "자기 진영",
    Third.MIDDLE: "중원",
    Third.FINAL: "상대 진영",
    Third.BOX: "상대 페널티 박스 안",
}

_LANE = {Lane.LEFT: "왼쪽", Lane.CENTRE: "중앙", Lane.RIGHT: "오른쪽"}

# 중원 and the boxes are central by themselves.
_CENTRE_UNSAID = {Third.OWN_BOX, Third.MIDDLE, Third.BOX}

_PERIODS = {1: ("전반", 0), 2: ("후반", 45), 3: ("연장 전반", 90), 4: ("연장 후반", 105)}


def zone(place: Zone | None) -> str:
    """A place as the acting team sees it (상대 진영 왼쪽); nothing for an unknown one."""
    if place is None:
        return ""
    if place.lane is None or (place.lane is Lane.CENTRE and place.third in _CENTRE_UNSAID):
        return _THIRD[place.third]
    return f"{_THIRD[place.third]} {_LANE[place.lane]}"


def movement(direction: Direction | None, distance: Distance | None) -> str:
    """Which way the ball went and how far (앞으로 길게); a middling distance goes unsaid."""
    words = (DIRECTION[direction] if direction else "", DISTANCE[distance] if distance else "")
    return " ".join(word for word in words if word)


def clock(period: int | None, minute: int | None) -> str:
    """When it is, as a Korean commentator says it (후반 30분); nothing if unknown.

    Args:
        period: 1-based; 5 is the penalty shoot-out.
        minute: 0-based running minute of the match, second half from 45.
    """
    if period == 5:
        return "승부차기"
    if period is None or minute is None:
        return ""
    name, start = _PERIODS[period]
    return f"{name} {minute - start}분"
