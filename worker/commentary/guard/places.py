"""Where it happened: sides, zones, directions and distances, each as the acting team sees it.

A place is said of where the action began (…에서), of where the ball went (…으로), or of either.
What the fact does not know may not be said, and what it knows may not be said otherwise.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from worker.commentary import words
from worker.commentary.guard.cast import OPPONENT, OWN, RECEIVER, Reading
from worker.commentary.guard.finding import Finding, Ground, Kind, Violation
from worker.commentary.guard.patterns import ways
from worker.football.facts import Direction, Distance, Fact, Lane, Third, Zone
from worker.football.vocabulary import PASSES, SHOTS, ActionType, Outcome

_T = ActionType
_BOXES = frozenset({Third.OWN_BOX, Third.BOX})
_AT_HOME = frozenset({Third.OWN_BOX, Third.OWN})
_UP_FRONT = frozenset({Third.FINAL, Third.BOX})
_FLANKS = frozenset({Lane.LEFT, Lane.RIGHT})
# Played into the area by their nature; where they are meant to go may be said though not known.
_INTO_THE_BOX = frozenset({_T.CROSS, _T.CORNER})

# After a place: where the action is, where the ball goes, or (with anything else) either.
_AT = "에서(?! ?(?:기다|대기|달려|뛰어|있|쇄도|침투))"
_TO = "(?:쪽)?(?:으로|로(?!서)|을 향|를 향|까지)"
_GETS = re.compile(
    "[^.!?,]{0,12}(?:받|잡|챙|기다|대기|쇄도|맞|동료|연결되|연결됩|연결됐|이어지|이어집|이어졌"
    "|끝|끊|막|걸|차단|무산|소득|사라|떨어)"
    f"|[^.!?,]{{0,3}}{RECEIVER}[이가은는]"
)
_NOUNS = (
    "(?: ?(?:측면|진영|공간|라인|구역|지역|방면|날개|구석|깊숙한 곳|깊은 곳|깊숙이|빈 공간|뒷공간"
    "|박스|페널티 ?박스|안쪽?|앞|부근|근처|사이드"
    "|모서리|코너|끝|터치라인|옆줄|쪽|지점))*"
)


class _Place(NamedTuple):
    """A way to say a place, with the thirds or the lanes that it is true of."""

    pattern: "re.Pattern[str]"
    true: frozenset[Third | Lane]


def _place(said: str, *true: Third | Lane) -> _Place:
    pattern = f"(?:{said}){_NOUNS}(?:(?P<at>{_AT})|(?P<to>{_TO}))?"
    return _Place(re.compile(pattern), frozenset(true))


_HIS = f"(?:자기|우리|자신의|자신들의|본인|{OWN}의?)(?: ?팀| ?편)? ?"
_THEIR = f"(?:상대|적|적의|상대 팀|상대팀|{OPPONENT}의?)(?:의|편)? ?"
_BOX = (
    "(?:페널티 ?(?:박스|지역|에어리어|구역)|(?<!페널티 )박스|문전|골문 ?(?:바로 )?(?:앞|정면|근처)"
    "|골 ?에어리어|골 ?지역)"
)
_OUTSIDE = " ?(?:밖|바깥|외곽|앞|정면|근처|부근|모서리|언저리)"

_PLACES = (
    _place("왼쪽|왼편|좌측|좌편|왼 측면", Lane.LEFT),
    _place("오른쪽|오른편|우측|우편|오른 측면", Lane.RIGHT),
    _place(
        "(?<!미드필드 )중앙(?!선| ?수비| ?미드)|가운데|한복판|정면(?! ?승부| ?돌파)", Lane.CENTRE
    ),
    _place("(?<!왼쪽 )(?<!오른쪽 )(?<!왼 )(?<!오른 )(?:측면|(?<!오프)사이드(?!라인))", *_FLANKS),
    _place(f"{_HIS}{_BOX}(?!{_OUTSIDE})", Third.OWN_BOX),
    _place(f"{_THEIR}{_BOX}(?!{_OUTSIDE})", Third.BOX),
    _place(f"(?:페널티 ?)?(?:박스|에어리어|페널티 ?지역){_OUTSIDE}|아크", Third.FINAL, Third.OWN),
    _place(f"(?:{_HIS}|수비 |아군 )(?:수비 )?진영", *_AT_HOME),
    _place(f"{_THEIR}(?:수비 )?진영|적진|공격 진영", *_UP_FRONT),
    _place(
        "중원|미드필드|하프 ?라인|중앙선|센터 ?서클|허리(?= ?(?:진|라인|에서|로|쪽))", Third.MIDDLE
    ),
    _place("최전방", *_UP_FRONT),
    _place("최후방|후방(?=에|의)", *_AT_HOME),
)
_ANY_BOX = _place(f"{_BOX}(?!{_OUTSIDE})", *_BOXES)

_SHOT_AT = re.compile(
    "(?:골문|골대|골망|골포스트)의? ?(?:왼쪽|오른쪽|좌측|우측|구석|상단|하단|위|모서리)"
    "|(?:왼쪽|오른쪽|좌측|우측) ?(?:골문|골대|골포스트|구석(?!에서)|상단|하단|모서리)|구석[을으]"
)
# Over the bar is where a shot off target often goes, and says no more than that.
_OVER = re.compile("골(?:문|대)의? ?위로")
_BETWEEN = re.compile("반대편|반대쪽|대각선|방향 ?전환")


class _Movement(NamedTuple):
    """A way to say where or how far the ball went."""

    pattern: "re.Pattern[str]"
    true: frozenset[Direction | Distance]


def _movement(*said: str, true: tuple[Direction | Distance, ...]) -> _Movement:
    return _Movement(ways(*said), frozenset(true))


# In front of somebody or something is a place, no direction.
_NOT_IN_FRONT = (
    f"(?<!골문 )(?<!문전 )(?<!박스 )(?<!골대 )(?<!{RECEIVER}의 )(?<!{RECEIVER} )"
    f"(?<!{RECEIVER})(?<!{RECEIVER} 선수 )"
)
_FORWARD = _movement(
    f"{_NOT_IN_FRONT}앞(?:쪽)?으로(?! ?(?:실점|득점|골|기록))|앞을 향|앞쪽(?:에|을|의|공간)|앞공간",
    "전방(?:으로|을|의|에|에 있)|전진(?! ?수비)",
    "(?:치고|밀고|끌고|몰고|몰아) ?(?:올라|나[아가갑갔간])",
    f"앞(?:쪽)?에 (?:있|선|서)[^.!?,]{{0,4}}{RECEIVER}|앞쪽 {RECEIVER}",
    true=(Direction.FORWARD,),
)
_KICK = "(?:(?:횡|백|전진 )?패스|크로스|스로인|프리킥|코너킥|골킥|킥|연결|볼|공)"
_MOVEMENTS = (
    _FORWARD,
    _movement(
        "뒤(?:쪽)?으로|뒤로(?!하|한)|백패스|후방(?:으로|을 향)|뒤편으로|뒤를 향|뒤쪽(?:에|을|의)",
        "물러[나난납났서]|후퇴|되돌[리립려렸린]|공을? 돌려 ?[세놓]|뒷걸음|뒤돌",
        f"뒤(?:쪽)?에 (?:있|선|서)[^.!?,]{{0,4}}{RECEIVER}|뒤쪽 {RECEIVER}",
        true=(Direction.BACKWARD,),
    ),
    _movement(
        "옆(?:쪽)?으로|횡패스|횡으로|옆에 있|옆 동료|수평|나란히", true=(Direction.SIDEWAYS,)
    ),
    _movement(
        "길게|길쭉|롱 ?(?:패스|볼|킥|스로인|크로스)|장거리 패스",
        f"(?<![가-힣])(?:긴|기다란) ?{_KICK}",
        true=(Distance.LONG,),
    ),
    _movement("멀리(?!서)", true=(Distance.LONG, Distance.MEDIUM)),
    _movement("짧게|짧은|숏 ?패스|짤막", true=(Distance.SHORT,)),
)
_FAR_SHOT = re.compile("중거리|장거리|먼 거리|멀리서|먼 곳")
_NEAR_SHOT = re.compile("근거리|지근거리|코앞|문전 앞")


def findings(reading: Reading) -> Iterator[Finding]:
    """What a line says of places and movements."""
    for place in _PLACES:
        yield from _of_place(place, reading)
    yield from _of_any_box(reading)
    yield from _of_the_shot(reading)
    for movement in _MOVEMENTS:
        yield from _of_movement(movement, reading)
    yield from _across(reading)


def _of_place(place: _Place, reading: Reading) -> Iterator[Finding]:
    for found in place.pattern.finditer(reading.masked):
        if not _of_the_goal(reading.masked, found.start(), found.end()):
            yield _judged(place, found, reading)


def _judged(place: _Place, found: "re.Match[str]", reading: Reading) -> Finding:
    fact = reading.fact
    field, zones = _spoken_of(found, fact)
    if place.true & {part for zone in zones for part in (zone.third, zone.lane)}:
        return Ground(field, reading.said(found))
    if not zones and fact.type in _INTO_THE_BOX and Third.BOX in place.true and not found["at"]:
        return Ground("type", reading.said(found))
    return Violation(Kind.PLACE, reading.said(found), _known(zones))


def _known(zones: tuple[Zone | None, ...]) -> str:
    """What a model is told of the places that a fact has."""
    known = ", ".join(filter(None, map(words.zone, zones)))
    return f"위치는 {known}이다" if known else "그 위치는 자료에 없다"


def _spoken_of(found: "re.Match[str]", fact: Fact) -> tuple[str, tuple[Zone, ...]]:
    """The field and the zones that a place is said of."""
    start = (fact.start,) if fact.start else ()
    end = (fact.end,) if fact.end else ()
    if found["at"]:
        # …에서 받다, …에서 끊기다: where the ball is by then.
        lost = fact.outcome in (Outcome.FAILURE, Outcome.OFFSIDE)
        gets = fact.type in PASSES and (lost or _GETS.match(found.string, found.end()))
        return "start", (*start, *end) if gets else start
    if found["to"]:
        # A ball that goes nowhere we know stays where it is; so does one who moves on the spot.
        return "end", end or start
    return "end" if end and not start else "start", (*start, *end)


def _of_any_box(reading: Reading) -> Iterator[Finding]:
    """An area that is nobody's in the line's words is either's; one with an owner is told apart."""
    for found in _ANY_BOX.pattern.finditer(reading.masked):
        before = reading.masked[max(0, found.start() - 6) : found.start()]
        if not re.search(f"(?:{_HIS}|{_THEIR})$", before):
            yield _judged(_ANY_BOX, found, reading)


def _of_the_goal(masked: str, start: int, end: int) -> bool:
    """Whether a side is one of the goal's, where no row knows it: told apart in `_of_the_shot`."""
    around = masked[max(0, start - 5) : end + 4]
    return _SHOT_AT.search(around) is not None


def _of_the_shot(reading: Reading) -> Iterator[Finding]:
    masked, fact = reading.masked, reading.fact
    for found in _SHOT_AT.finditer(masked):
        if fact.outcome is Outcome.OFF_TARGET and _OVER.match(masked, found.start()):
            continue
        yield Violation(Kind.PLACE, reading.said(found), "골문의 어디인지는 자료에 없다")
    if fact.type not in SHOTS:
        return
    ranges = ((_FAR_SHOT, {Third.FINAL, Third.MIDDLE, Third.OWN}), (_NEAR_SHOT, {Third.BOX}))
    for pattern, thirds in ranges:
        said = pattern.search(masked)
        if said and fact.start and fact.start.third in thirds:
            yield Ground("start", reading.said(said))
        elif said:
            yield Violation(Kind.PLACE, reading.said(said), _known((fact.start,)))


def _of_movement(movement: _Movement, reading: Reading) -> Iterator[Finding]:
    fact = reading.fact
    every = movement.pattern.finditer(reading.masked)
    found = next((each for each in every if not _INSTEAD.match(each.string, each.end())), None)
    if found is None or (movement is _FORWARD and _comes_out(reading)):
        return
    moved = {fact.direction, fact.distance}
    if movement.true & moved:
        yield Ground("direction", reading.said(found))
        return
    known = words.movement(fact.direction, fact.distance)
    told = f"공은 {known} 갔다" if known else "그 방향이나 거리는 자료에 없다"
    yield Violation(Kind.PLACE, reading.said(found), told)


# 멀리 보내기보다, 전진 대신: that is where it did not go.
_INSTEAD = re.compile("[^.!?,]{0,5}(?:보다|대신|아닌|아니)")
_COMES_OUT = re.compile(
    "(?:앞(?:쪽)?으로|전방으로) ?(?:[가-힣]+ )?(?:나[오온와왔서선섭섰]|뛰|달려|튀어)|전진 ?(?:수비"
    "|방어)"
    "|전진[가-힣]* ?나[온오와왔]"
)


def _comes_out(reading: Reading) -> bool:
    """Whether somebody steps out to the ball, which is no movement of the ball's."""
    fact = reading.fact
    sweeps = fact.type in (_T.KEEPER_SWEEP, _T.KEEPER_CLAIM)
    rushes = fact.outcome is Outcome.KEEPER_RUSH_OUT
    gets = fact.type is _T.RECEIVE  # the ball comes in front of him
    return sweeps or rushes or gets or _COMES_OUT.search(reading.masked) is not None


def _across(reading: Reading) -> Iterator[Finding]:
    """To the other side, where the ball changed sides."""
    found, fact = _BETWEEN.search(reading.masked), reading.fact
    if found is None:
        return
    lanes = {zone.lane for zone in (fact.start, fact.end) if zone}
    if lanes >= _FLANKS:
        yield Ground("end", reading.said(found))
    else:
        yield Violation(Kind.PLACE, reading.said(found), "공이 반대편으로 간 것은 아니다")
