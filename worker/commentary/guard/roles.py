"""Names: whoever is named is in the action, in the role that he has there."""

import re
from collections.abc import Iterator, Mapping

from worker.commentary.guard.cast import (
    ACTOR,
    NOBODYS,
    OPPONENT,
    OWN,
    PARTNER,
    RECEIVER,
    STRANGER,
    TITLE,
    Reading,
)
from worker.commentary.guard.finding import Finding, Ground, Kind, Violation
from worker.commentary.guard.patterns import ways
from worker.commentary.names import speakable
from worker.football.vocabulary import DEFENDING, GOALS, PASSES, SHOTS, ActionType, Outcome

_T = ActionType

_KEEPING = frozenset({_T.KEEPER_CATCH, _T.KEEPER_PARRY, _T.KEEPER_CLAIM, _T.KEEPER_SWEEP})
_FOULS = frozenset({_T.FOUL, _T.HANDBALL, _T.FOUL_THROW})
_GIVING = PASSES | SHOTS | {_T.CARRY, _T.TAKE_ON, _T.CLEARANCE, _T.GOAL}
# Told without anybody: nobody may be known, or the ball itself is the subject.
_NAMELESS = frozenset({_T.PAUSE, _T.OUT})

_KICKS = "(?:패스|크로스|스로인|프리킥|코너킥|골킥|킥|전진 패스|침투 패스|롱패스|스루패스|연결)"
_STRIKES = f"(?:{_KICKS}|슛|슈팅|공|볼|돌파|드리블|코너|페널티킥)"
_ADJECTIVE = "(?: ?(?:긴|짧은|강한|강력한|날카로운|예리한|낮은|높은|빠른|절묘한|정확한|결정적인))?"

# Whoever plays the ball is nobody that it is played to, and the other way round.
_ACTOR_AS_RECEIVER = re.compile(
    f"{ACTOR} ?{TITLE}?(?:에게(?!서)|한테(?!서)|께(?!서)|(?:을|를) (?:향|찾|겨냥|보고|노리))"
)
_ACTOR_AS_DESTINATION = re.compile(f"{ACTOR}(?:으로|로)(?!부터|써|서|는)")
_ACTOR_RECEIVES = re.compile(
    f"{ACTOR} ?{TITLE}?(?:이|가|은|는)[^.!?{RECEIVER}]*?(?:이어|건네|넘겨)?받(?:습|았|네|아(?! ?[치쳐]))"
)
_RECEIVER_AS_GIVER = re.compile(
    f"{RECEIVER} ?{TITLE}?(?:의?{_ADJECTIVE} ?{_KICKS}(?:을|를|이|가|은|는|,|으로|로|[!.])"
    "|에게서|한테서|에서(?! 멀)|(?:으로|로)부터)"
)
_RECEIVER_GIVES = re.compile(
    f"{RECEIVER} ?{TITLE}?(?:이|가|은|는)(?P<does>[^.!?,]*?)(?=[고며자면] |[.!?,]|$)"
)
_GIVES = ways(
    "<보내>|<찌르>|<올리>|<띄우>|<넘기>(?!받)|<내주>|<던지>|<뿌리>|<건네>(?!받)|이어 ?<주>|<차>(?![고지])",
    "(?:연결|패스|배달|배급|전달|시도)[을를]? ?<하>|(?:패스|크로스|스로인|프리킥|코너킥|골킥)[을를] ?<하>",
)
_RECEIVES = re.compile("받|잡|기다|달려|뛰|침투|쇄도|있|움직|파고|닿|도착|대기|자리|거둬|챙|키핑")
_GAVE = "(?:보낸|준|찬|뿌린|던진|올린|띄운|넘긴|건넨|내준|찌른|찔러 준|시도한|연결한|날린|배달한|전달한)"
_GIVEN_BY_RECEIVER = re.compile(f"{_GAVE} {RECEIVER}(?![에한을])")
_PARTNER_ROLE = re.compile(
    f"{PARTNER} ?{TITLE}?(?:의{_ADJECTIVE} ?(?:[가-힣]+ )?{_STRIKES}|에게서|한테서|(?:으로|로)부터"
    "|(?:이|가) (?:보낸|준|찬|때린|날린|올린|띄운|넘긴|건넨|찔러 준|연결한|내준|쏜|던진|시도한|차 올린))"
)
_FOULED = re.compile(
    "(?:반칙|파울|프리킥|페널티킥|경고|카드)[을를]? ?(?:얻|당[하했합한]|유도|이끌어|따[내냈냅])"
)

_KEEPER = "(?:골키퍼|키퍼|수문장)"
_POSITIONS: Mapping[str, frozenset[str]] = {
    "골키퍼": frozenset({"GK"}),
    "키퍼": frozenset({"GK"}),
    "수문장": frozenset({"GK"}),
    "수비수": frozenset({"CB", "LB", "RB", "LWB", "RWB", "LCB", "RCB", "SW"}),
    "센터백": frozenset({"CB", "LCB", "RCB"}),
    "풀백": frozenset({"LB", "RB", "LWB", "RWB"}),
    "미드필더": frozenset({"CDM", "CM", "CAM", "LM", "RM", "LCM", "RCM", "DM", "AM", "LW", "RW"}),
    "윙어": frozenset({"LW", "RW", "LM", "RM", "LWF", "RWF"}),
    "공격수": frozenset({"CF", "ST", "LW", "RW", "SS", "LWF", "RWF", "FW"}),
    "스트라이커": frozenset({"CF", "ST", "FW"}),
    "주장": frozenset(),
    "캡틴": frozenset(),
    "감독": frozenset(),
    "코치": frozenset(),
}
_TITLED = re.compile(
    f"(?:(?P<before>{'|'.join(_POSITIONS)}),? ?{ACTOR}"
    f"|{ACTOR} ?(?P<after>{'|'.join(_POSITIONS)})(?:이|가|은|는|의|[ ,.!?]|$))"
)

# Whose side of things a team's name is put on, by the word after it.
_ITS_GOAL = r"(?:의)? ?(?:골문|빗장|방패|그물|자물쇠|방어|문을|골망|골대|골네트|문전|수비|최종|뒷공간|배후|페널티|박스|진영|벽|압박|골키퍼|키퍼|중원|선수)"
_ITS_ATTACK = "(?:의)? ?(?:공격|패스|슛|슈팅|크로스|역습|공|볼|돌파|전진|침투|선수|코너|프리킥|스로인|흐름|기회|찬스)"
_OWN_AS_OPPONENT = re.compile(f"{OWN}(?:의)? ?(?:골문|골망|골대|골네트|수비(?!수 ?{ACTOR}))")
_OPPONENTS_GOAL = re.compile(f"{OPPONENT}{_ITS_GOAL}")
_OPPONENTS_ATTACK = re.compile(f"{OPPONENT}{_ITS_ATTACK}")
_CREDIT = "[의이가에]?(?: ?[가-힣]{1,3})? ?(?:득점|골(?!문|망|대|키퍼|네트|라인)|점수)"
_CREDITED_OPPONENT = re.compile(f"{OPPONENT}(?! ?{ACTOR}){_CREDIT}")
_CREDITED_OWN = re.compile(
    f"{OWN}(?! ?{ACTOR})(?:의|이|가|에) ?(?:[^.!?]{{0,3}})(?:득점|골(?!문|키퍼|망|대))"
)
_CONCEDING = re.compile("허용|내[주줍줬]|실점|헌납|먹|자책")

# Korean family names, the hundred most frequent (source: Statistics Korea, census of 2015), and the
# syllables that given names are made of (ours, from rosters and birth registers). Football's nouns
# have others (공격수, 소유권), but for a few.
_SURNAMES = (
    "김이박최정강조윤장임한오서신권황안송류홍전고문양손배백허유남심노하곽성차주우구민진지엄채원천"
    "방공현함변염여추도소석선설마길연위표명기반왕금옥육인맹제모탁국어은편용예경봉사부"
)
_GIVEN = (
    "가강건경관광구국권규근기길나남누다단담대덕도동두라람래련로루리림린마만명모무문미민범별병보복봄봉빈빛"
    "산상새샘서석선설섭성세소솔송수숙순슬승시식신아안애양언연열영예오옥온완용우욱운웅원유윤율은의이익인일임"
    "재정제종주준중지직진찬창채천철청초춘충태택평표필하학한해혁현형혜호홍화환회효훈휘희흥"
)
_NO_NAMES = frozenset(
    "소유권 주도권 우리 주전 차지 선언 전진 마무리 문지기 노련미 도우미 노련한 정제한 유연한 우아한 온전한 주의 양의 전진 전방 전담 한차례 "
    "정신 여유 방향 위치 여지 이의 주문 주도 이동 이상 이해 이어 안정 성공 성과 지원 지휘 조화 조율 유지 유도 "
    "선도 선수 선의 연계 연속 연이은 진로 진영 진형 차단 차례 도전 도약 반대 반응 하이 현재 현장 한순간 한동안 "
    "공세 공수 공의 기세 기회 기선 기민한 고전 고의 고비 위기 위세 인상 인정 주시 주위 주변 남은 문전 배후 추의".split()
)


def _name(given: str) -> str:
    """The pattern of a Korean name with so many syllables of its own."""
    return f"(?<![가-힣A-Za-z0-9\ue000-\ue007])(?P<name>[{_SURNAMES}][{_GIVEN}]{given})"


_PERSON_TITLE = (
    "(?:선수(?!들)|골키퍼|키퍼|수문장|감독|코치|공격수|수비수|미드필더|윙어|스트라이커|풀백|센터백)"
)
_INVENTED = (
    re.compile(f"{_name('{1,2}')} ?{_PERSON_TITLE}"),
    re.compile(
        f"{_name('{2}')}(?:이|가|은|는|을|를|의|와|과|도|로|으로|까지|처럼|보다|에게|한테|[,!]| (?:쪽|앞)(?:으로|에|을))"
        "(?![가-힣])"
    ),
)
_INVENTED_DATIVE = re.compile(
    "(?<![가-힣A-Za-z0-9\ue000-\ue007])(?P<name>[가-힣]{2,5}?)(?:에게|한테)(?:로|서|는|도)?(?![가-힣])"
)
_DATIVES = re.compile(
    "(?:동료|상대|선수|팀|수비|수비수|공격수|골키퍼|키퍼|미드필더|우군|아군|서로|누구|누군가|주심|심판"
    "|관중|팬|자신|우리|편|모두|전방|윙어|풀백|센터백|앞|뒤|문지기|수문장)(?:들|진|편|팀)?$"
)
_ADNOMINAL = re.compile("(?:적인|로운|다운|하|되)$")
_TO_A_KEEPER = re.compile(f"{_KEEPER}(?:에게|한테)")
_STAFF = re.compile("(?<![가-힣\ue000-\ue007])(?:감독|코치)(?![가-힣]*하)|벤치|관중석")


def findings(reading: Reading) -> Iterator[Finding]:
    """What a line says of persons and teams."""
    yield from _strangers(reading)
    yield from _wrong_roles(reading)
    yield from _teams(reading)
    yield from _titles(reading)
    yield from _invented(reading)
    yield from _actor(reading)
    yield from _receiver(reading)


def _wrong(
    reading: Reading, found: "re.Match[str]", reason: str, kind: Kind = Kind.NAME
) -> Violation:
    return Violation(kind, reading.said(found), reason)


def _strangers(reading: Reading) -> Iterator[Finding]:
    for found in re.finditer(STRANGER, reading.masked):
        yield _wrong(reading, found, f"{reading.said(found)}는 이 행동에 없는 사람이다")
    for found in re.finditer(NOBODYS, reading.masked):
        yield _wrong(reading, found, f"{reading.said(found)}의 일인지 자료에 없다")


def _actor(reading: Reading) -> Iterator[Finding]:
    """Whoever acted is named; but nobody for the goal that an own goal was."""
    fact, said = reading.fact, ACTOR in reading.masked
    credited = fact.type is _T.GOAL and fact.told_by is _T.OWN_GOAL
    if said and credited:
        name = speakable(fact.actor.name) or ""
        yield Violation(Kind.OUTCOME, name, "자책골이라 넣은 선수가 따로 없다")
    elif said:
        yield Ground("actor", speakable(fact.actor.name) or "")
    elif speakable(fact.actor.name) and fact.type not in _NAMELESS and not credited:
        yield Violation(Kind.NAME, reading.text, f"{speakable(fact.actor.name)}의 이름이 없다")


def _receiver(reading: Reading) -> Iterator[Finding]:
    if RECEIVER in reading.masked and reading.fact.receiver:
        yield Ground("receiver", speakable(reading.fact.receiver.name) or "")


def _wrong_roles(reading: Reading) -> Iterator[Finding]:
    fact, masked = reading.fact, reading.masked
    giver = f"공을 다룬 사람은 {speakable(fact.actor.name)}다"
    patterns: list[re.Pattern[str]] = []
    if fact.type in PASSES:
        patterns += (_ACTOR_AS_RECEIVER, _ACTOR_AS_DESTINATION, _ACTOR_RECEIVES, _RECEIVER_AS_GIVER)
        patterns.append(_GIVEN_BY_RECEIVER)
    for found in (each.search(masked) for each in patterns):
        if found:
            yield _wrong(reading, found, giver)
    receiver = fact.receiver
    keeper = _TO_A_KEEPER.search(masked) if fact.type in PASSES else None
    if keeper and (receiver is None or receiver.position != "GK"):
        yield _wrong(reading, keeper, "골키퍼가 받은 공이 아니다")
    gives = _RECEIVER_GIVES.search(masked)
    if gives and _GIVES.search(gives["does"]) and not _RECEIVES.search(gives["does"]):
        yield _wrong(reading, gives, giver)
    if fact.type in _FOULS and (fouled := _FOULED.search(masked)):
        yield _wrong(reading, fouled, f"{speakable(fact.actor.name)}는 반칙을 한 쪽이다")
    if PARTNER in masked and not _PARTNER_ROLE.search(masked):
        partner = re.search(PARTNER, masked)
        if partner:
            yield _wrong(reading, partner, f"{reading.said(partner)}의 행동이 아니다")


def _titles(reading: Reading) -> Iterator[Finding]:
    """A position before or after the actor's name is his, as far as the data have it."""
    fact = reading.fact
    for found in _TITLED.finditer(reading.masked):
        title = found["before"] or found["after"]
        position = (fact.actor.position or "").upper()
        keeps = re.fullmatch(_KEEPER, title) and (
            fact.type in _KEEPING
            or (not position and fact.type in (_T.GOAL_KICK, _T.GOAL_CONCEDED))
        )
        if not keeps and position not in _POSITIONS[title]:
            yield _wrong(reading, found, f"{speakable(fact.actor.name)}는 {title}가 아니다")


def _teams(reading: Reading) -> Iterator[Finding]:
    """The actor's team acts; the other one only defends against it, attacks it or is credited."""
    fact, masked = reading.fact, reading.masked
    if fact.type in GOALS or fact.outcome is Outcome.GOAL:
        yield from _credit(reading)
    attacking = fact.type not in DEFENDING and fact.type is not _T.ERROR
    if attacking and fact.type is not _T.GOAL_CONCEDED:
        yield from (
            _wrong(reading, found, "자기 팀을 상대로 말했다")
            for found in _OWN_AS_OPPONENT.finditer(masked)
        )
    lawful = [found.start() for found in _lawful_opponents(reading)]
    for found in re.finditer(OPPONENT, masked):
        if found.start() not in lawful:
            yield _wrong(reading, found, f"{reading.said(found)}의 행동이 아니다")
    if OWN in masked:
        yield Ground("team", fact.actor.team or "")


def _lawful_opponents(reading: Reading) -> Iterator["re.Match[str]"]:
    fact, masked = reading.fact, reading.masked
    attacking = fact.type not in DEFENDING and fact.type is not _T.ERROR
    patterns = [_OPPONENTS_GOAL if attacking else _OPPONENTS_ATTACK]
    if fact.scoring_side is not None and fact.scoring_side is not fact.actor.side:
        patterns.append(re.compile(OPPONENT))
    for pattern in patterns:
        yield from pattern.finditer(masked)


def _credit(reading: Reading) -> Iterator[Finding]:
    """A goal is put down to the side that it counts for."""
    fact, masked = reading.fact, reading.masked
    if fact.scoring_side is None and fact.scoring_team is None:
        return
    conceded = fact.type in (_T.OWN_GOAL, _T.GOAL_CONCEDED)
    wrong = (_CREDITED_OWN if conceded else _CREDITED_OPPONENT).search(masked)
    if wrong and not _CONCEDING.search(masked, wrong.start()):
        team = speakable(fact.scoring_team) or "상대"
        yield _wrong(reading, wrong, f"{team}의 득점이다", Kind.OUTCOME)


def _invented(reading: Reading) -> Iterator[Finding]:
    """Who is called like a person is one of the data's."""
    masked = reading.masked
    for pattern in _INVENTED:
        for found in pattern.finditer(masked):
            name = found["name"]
            if not {name, name[:2]} & _NO_NAMES and not _ADNOMINAL.search(name):
                yield _wrong(reading, found, f"{name}은 자료에 없는 이름이다")
    for found in _INVENTED_DATIVE.finditer(masked):
        if not _DATIVES.search(found["name"]):
            yield _wrong(reading, found, f"{found['name']}은 자료에 없는 이름이다")
    for found in _STAFF.finditer(masked):
        yield _wrong(reading, found, f"{reading.said(found)}은 이 행동에 없다")
