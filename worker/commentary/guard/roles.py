"""People: whoever is named is in the action, in the role that he has there."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from worker.commentary.guard.cast import (
    ACTOR,
    NOBODYS,
    PARTNER,
    RECEIVER,
    STRANGER,
    TITLE,
    Reading,
)
from worker.commentary.guard.finding import Finding, Ground, Kind, Violation
from worker.commentary.guard.patterns import ways
from worker.commentary.korean import particle
from worker.commentary.names import speakable
from worker.football.vocabulary import KEEPING, PASSES, ActionType

_T = ActionType
_FOULS: Final = frozenset({_T.FOUL, _T.HANDBALL, _T.FOUL_THROW})
# Told without anybody: nobody may be known, or the ball itself is the subject.
_NAMELESS: Final = frozenset({_T.PAUSE, _T.OUT})

_KICK = "(?:(?:전진 |침투 |롱|스루|횡|백|땅볼 )?패스|크로스|스로인|프리킥|코너킥|골킥|킥|연결)"
_ADJECTIVE = (
    "(?: ?(?:긴|짧은|강한|강력한|날카로운|예리한|낮은|높은|빠른|절묘한|정확한|결정적인"
    "|왼쪽|오른쪽|중앙))?"
)
_GAVE = (
    "(?:보낸|준|찬|뿌린|던진|올린|띄운|넘긴|건넨|내준|찌른|찔러 준|시도한|연결한|날린"
    "|배달한|전달한)"
)
_SUBJECT = f" ?{TITLE}?(?:이|가|은|는)"

# Whoever plays the ball is nobody that it is played to, and the other way round.
_TURNED = (
    ways(f"{ACTOR} ?{TITLE}?(?:에게|한테|께)(?!서)"),
    ways(f"{ACTOR} ?{TITLE}?[을를] (?:[가-힣]+ )?(?:향|찾|겨냥|보고|노리)"),
    ways(f"{ACTOR}(?:으로|로)(?!부터|써|서|는)|{ACTOR} ?{TITLE}?(?:까지| (?:쪽(?:으로|에)|앞에))"),
    ways(
        f"{ACTOR}{_SUBJECT}[^.!?{RECEIVER}]*?"
        "(?:(?:이어|건네|넘겨)?받(?:습|았|네|아(?! ?[치쳐]))|잡(?:습니다|았습니다|았어)|챙(?:깁"
        "|겼))"
    ),
    ways(
        f"{RECEIVER} ?{TITLE}?의?{_ADJECTIVE} ?{_KICK}(?:을|를|이|가|은|는|,|으로|로|[!.]| 한 )",
        f"{RECEIVER} ?{TITLE}?(?:에게서|한테서|에서(?! 멀)|(?:으로|로)부터)",
    ),
    ways(f"{_GAVE} {RECEIVER}(?![에한을])"),
    ways(f"{RECEIVER}{_SUBJECT}[^.!?,{ACTOR}]*?{_GAVE} (?:걸|것을|공|볼|{_KICK})"),
)
_RECEIVER_DOES = re.compile(f"{RECEIVER}{_SUBJECT}(?P<does>[^.!?,]*?)(?=[고며자면] |[.!?,]|$)")
_GIVES = ways(
    "<보내>|<찌르>|<올리>|<띄우>|<넘기>(?!받)|<내주>|<던지>|<뿌리>|<건네>(?!받)|이어 ?<주>",
    "<차>(?![고지])|(?:연결|패스|배달|배급|전달|시도)[을를]? ?<하>",
    "(?:패스|크로스|스로인|프리킥|코너킥|골킥)[을를] ?<하>",
)
_RECEIVES = ways("받|잡|기다|달려|뛰|침투|쇄도|있|움직|파고|닿|도착|대기|자리|거둬|챙|키핑")
# The one whose ball is taken or stopped is named as the one whose ball it was.
_PARTNER_S = ways(
    f"{PARTNER} ?{TITLE}?의{_ADJECTIVE} ?(?:[가-힣]+ )?"
    f"(?:{_KICK}|슛|슈팅|공|볼|돌파|드리블|코너|페널티킥)",
    f"{PARTNER} ?{TITLE}?(?:에게서|한테서|(?:으로|로)부터)",
    f"{PARTNER} ?{TITLE}?(?:이|가) (?:{_GAVE}|때린|쏜|차 올린)",
)
_FOULED = ways("(?:반칙|파울|프리킥|페널티킥|경고|카드)[을를]? ?(?:얻|<당하>|유도|이끌어|<따내>)")

_KEEPER = "(?:골키퍼|키퍼|수문장)"
_TO_A_KEEPER = re.compile(f"{_KEEPER}(?:에게|한테)")
_BACKS = frozenset({"LB", "RB", "LWB", "RWB"})
_CENTRE_BACKS = frozenset({"CB", "LCB", "RCB", "SW"})
_WINGERS = frozenset({"LW", "RW", "LM", "RM", "LWF", "RWF"})
_FORWARDS = frozenset({"CF", "ST", "SS", "FW"})
_MIDFIELD = frozenset({"CDM", "CM", "CAM", "LCM", "RCM", "DM", "AM"})
# Who may be called so, by the position in the data; no position makes a captain or a coach.
_POSITIONS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("골키퍼", "키퍼", "수문장"), frozenset({"GK"})),
    "수비수": _CENTRE_BACKS | _BACKS,
    "센터백": _CENTRE_BACKS,
    "풀백": _BACKS,
    "미드필더": _MIDFIELD | _WINGERS,
    "윙어": _WINGERS,
    "공격수": _FORWARDS | _WINGERS,
    "스트라이커": _FORWARDS,
    **dict.fromkeys(("주장", "캡틴", "감독", "코치"), frozenset()),
}
_TITLES = "|".join(_POSITIONS)
_TITLED = re.compile(
    f"(?P<before>{_TITLES}),? ?{ACTOR}|{ACTOR} ?(?P<after>{_TITLES})(?:[이가은는의 ,.!?]|$)"
)


def findings(reading: Reading) -> Iterator[Finding]:
    """What a line says of persons."""
    yield from _strangers(reading)
    yield from _actor(reading)
    yield from _titles(reading)
    yield from _partner(reading)
    if reading.fact.type in PASSES:
        yield from _turned(reading)
        yield from _to_a_keeper(reading)
    fouled = _FOULED.search(reading.masked) if reading.fact.type in _FOULS else None
    if fouled:
        yield _wrong(reading, fouled, f"{_topic(reading)} 반칙을 한 쪽이다")
    if RECEIVER in reading.masked and reading.fact.receiver:
        yield Ground("receiver", speakable(reading.fact.receiver.name) or "")


def _wrong(reading: Reading, found: "re.Match[str]", reason: str) -> Violation:
    return Violation(Kind.NAME, reading.said(found), reason)


def _topic(reading: Reading) -> str:
    """The actor as what a sentence is about."""
    return particle(speakable(reading.fact.actor.name) or "행동한 선수", "은/는")


def _strangers(reading: Reading) -> Iterator[Finding]:
    for found in re.finditer(STRANGER, reading.masked):
        who = particle(reading.said(found), "은/는")
        yield _wrong(reading, found, f"{who} 이 행동에 없는 사람이다")
    for found in re.finditer(NOBODYS, reading.masked):
        yield _wrong(reading, found, f"{reading.said(found)}의 일인지 자료에 없다")


def _actor(reading: Reading) -> Iterator[Finding]:
    """Whoever acted is named; but nobody for the goal that an own goal was."""
    fact, name = reading.fact, speakable(reading.fact.actor.name)
    credited = fact.type is _T.GOAL and fact.told_by is _T.OWN_GOAL
    if name is None:
        return
    if ACTOR not in reading.masked:
        if fact.type not in _NAMELESS and not credited:
            yield Violation(Kind.NAME, reading.text, f"{name}의 이름이 없다")
    elif credited:
        yield Violation(Kind.OUTCOME, name, "자책골이라 넣은 선수가 따로 없다")
    else:
        yield Ground("actor", name)


def _turned(reading: Reading) -> Iterator[Finding]:
    """The ball goes from the actor to the receiver."""
    reason = f"공을 다룬 사람은 {speakable(reading.fact.actor.name)}이다"
    for found in (pattern.search(reading.masked) for pattern in _TURNED):
        if found:
            yield _wrong(reading, found, reason)
    done = _RECEIVER_DOES.search(reading.masked)
    if done and _GIVES.search(done["does"]) and not _RECEIVES.search(done["does"]):
        yield _wrong(reading, done, reason)


def _to_a_keeper(reading: Reading) -> Iterator[Finding]:
    receiver, found = reading.fact.receiver, _TO_A_KEEPER.search(reading.masked)
    if found and (receiver is None or receiver.position != "GK"):
        yield _wrong(reading, found, "골키퍼가 받은 공이 아니다")


def _partner(reading: Reading) -> Iterator[Finding]:
    found = re.search(PARTNER, reading.masked)
    if found and not _PARTNER_S.search(reading.masked):
        yield _wrong(reading, found, f"{reading.said(found)}의 행동이 아니다")


def _titles(reading: Reading) -> Iterator[Finding]:
    """A position before or after the actor's name is his, as far as the data have it."""
    fact = reading.fact
    position = (fact.actor.position or "").upper()
    for found in _TITLED.finditer(reading.masked):
        title = found["before"] or found["after"]
        if position in _POSITIONS[title] or (re.fullmatch(_KEEPER, title) and _keeps(reading)):
            continue
        yield _wrong(reading, found, f"{_topic(reading)} {title}가 아니다")


def _keeps(reading: Reading) -> bool:
    """Whether the action itself shows a goalkeeper."""
    fact = reading.fact
    at_goal = fact.type in (_T.GOAL_KICK, _T.GOAL_CONCEDED)
    return fact.type in KEEPING or (at_goal and not fact.actor.position)
