"""Figures: a score only where it is given, a number only where it is one of the data's."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from worker.commentary.guard.cast import TEAMS, Context, Reading
from worker.commentary.guard.finding import Finding, Ground, Kind, Violation
from worker.football.facts import Fact, Team
from worker.football.schema import Score
from worker.football.vocabulary import Outcome

_DIGITS = {"영": 0, "일": 1, "이": 2, "삼": 3, "사": 4, "오": 5, "육": 6, "칠": 7, "팔": 8, "구": 9}
_COUNT = "(?:[0-9]{1,2}|[영일이삼사오육칠팔구십](?![가-힣]{2}))"
_SCORE = re.compile(
    r"(?<![0-9가-힣])(?P<one>[0-9]{1,2}|[영일이삼사오육칠팔구]) ?(?:대|:|-) ?(?P<other>[0-9]{1,2}|[영일이삼사오육칠팔구])"
)
# Two against one and one against one are ways to play, no scores.
_WAY_TO_PLAY = re.compile(
    "[12일이] ?대 ?[12일이] ?(?:패스|플레이|상황|찬스|기회|돌파|대결|승부|싸움|연결|로 맞)"
)
_ORDINAL_GOAL = (
    "(?:첫|두|세|네|다섯|여섯) ?(?:번째)? ?(?:골|득점)|해트트릭|멀티 ?골|[0-9]+호 ?골|마수걸이"
)


class _Standing(NamedTuple):
    """The score once an action is over, seen by the side that acts or scores."""

    ours: int
    theirs: int
    scored: bool


class _Telling(NamedTuple):
    """A way to say how the match stands, and when that is so."""

    pattern: "re.Pattern[str]"
    fits: "object"


def _after_goal(low: int, high: int) -> "object":
    return lambda now: now.scored and low <= now.ours - now.theirs <= high


_TELLINGS = (
    ("선제 ?(?:골|득점)|선취", lambda now: now.scored and (now.ours, now.theirs) == (1, 0)),
    (
        "동점 ?(?:골|득점)|균형을 ?(?:맞[추춥췄]|되찾)",
        lambda now: now.scored and now.ours == now.theirs,
    ),
    ("추가 ?(?:골|득점)|달아나", lambda now: now.scored and now.ours - now.theirs >= 2),
    ("만회 ?(?:골|득점)|추격 ?(?:골|의)|따라붙", lambda now: now.scored and now.ours < now.theirs),
    ("쐐기|격차를", lambda now: now.scored and now.ours - now.theirs >= 2),
    (
        "앞서 ?(?:나가|나갑|나갔|갑|가[ 네는고]|갔|있)|앞섭|앞섰|앞서네|앞선 (?:채|상황|가운데)|앞서던|리드[를하합했]|리드입",
        lambda now: now.ours > now.theirs,
    ),
    ("뒤[지집쳐처][고며는었]|끌려[가갑갔 ]|뒤진", lambda now: now.ours < now.theirs),
    ("동점|무승부|균형이|팽팽한 스코어|비[겼깁겨기]", lambda now: now.ours == now.theirs),
    (f"{TEAMS}(?:이|가|은|는)? ?앞[서선섭섰]", lambda now: now.ours > now.theirs),
    (
        "결승 ?(?:골|득점)|역전|뒤집[어었습]|승리|우승|승점|패배|이기고 있|지고 있|(?:경기|게임)[를을]? ?(?:이[기깁겼겨]|잡|가져|뒤집|끝[내냈냅])"
        f"|승부를 ?(?:결정|가[르릅른]|뒤집|끝)|승부에 쐐기|승기|최종 ?(?:스코어|점수)|{_ORDINAL_GOAL}",
        lambda now: False,
    ),
    (
        "스코어|점수|(?:골|점) ?차(?![가-힣]*[는례])|격차|승부의|원점|추격|쫓(?:아가|는) ?(?:골|입장)|우세|열세|승자|패자"
        "|연승|연패|무패|무실점|대승|완승|신승|참패|대패|클린 ?시트|이기[고는] ?있",
        lambda now: False,
    ),
)
_COMPILED = tuple((re.compile(pattern), fits) for pattern, fits in _TELLINGS)

_WON_BALL = re.compile("(?:경합|싸움|다툼|대결|공중볼|승부)[가-힣]{0,3} ?(?:승리|앞[서선섭섰])")

_UNITS = "미터|m(?![a-z])|킬로|km|센티|야드|퍼센트|프로(?! ?선수)|%|초(?!반)|점(?![령검프])|도(?= ?각)|배|걸음|차례|세|살"
_SPELT = "(?:[일이삼사오육칠팔구]?[십백]){1,2}[일이삼사오육칠팔구]?|[일이삼사오육칠팔구]|수십|몇|약 [일이삼사오육칠팔구십백]+"
_SPELT_UNIT = re.compile(
    f"(?<![가-힣\ue000-\ue007])(?:{_SPELT}) ?(?:미터|킬로|센티|야드|퍼센트|프로(?! ?선수)|초(?!반|조))(?![가-힣]{{2}})"
    "|미터|퍼센트|(?<![가-힣\ue000-\ue007])몇 ?초|좌표|(?<![가-힣\ue000-\ue007])(?:두|세|네|다섯|여러) ?(?:명|사람)|수비(?:수)? ?(?:둘|셋|넷)|(?<![가-힣\ue000-\ue007])(?:둘|셋)을"
    "|(?<![가-힣\ue000-\ue007])(?:[일이삼사오육칠팔구]?십)[일이삼사오육칠팔구]?분"
)
_NUMBER = re.compile(r"[0-9]+(?:[.,][0-9]+)?")
_MINUTE = re.compile(
    r"(?:(?P<half>연장 ?전반|연장 ?후반|전반|후반)(?:전)? ?)?(?P<minute>[0-9]{1,3}) ?분"
)
_SHIRT = re.compile("(?:등번호 ?)?(?P<number>[0-9]{1,2}) ?번(?! ?째)")
_HALVES = {"전반": (1, 0), "후반": (2, 45), "연장전반": (3, 90), "연장후반": (4, 105)}
_HALF = re.compile(
    "(?<!하)(?P<half>연장 ?전반|연장 ?후반|전반|후반)(?:전)?(?! ?[0-9적])(?![가-힣])"
)


def findings(reading: Reading) -> Iterator[Finding]:
    """What a line says in figures."""
    spans: list[tuple[int, int]] = []
    for found in _SCORE.finditer(reading.masked):
        spans.append(found.span())
        if not _WAY_TO_PLAY.match(reading.masked, found.start()):
            yield _judged_score(reading, found)
    yield from _standing(reading)
    for found in _MINUTE.finditer(reading.masked):
        spans.append(found.span())
        yield _judged_minute(reading, found)
    for found in _SHIRT.finditer(reading.masked):
        spans.append(found.span())
        yield _judged_shirt(reading, found)
    yield from _other_numbers(reading, spans)


def _after(fact: Fact, context: Context) -> Score | None:
    """The running score once `fact` is over, or None where none was given."""
    score = context.score
    if score is None:
        return None
    goals = [
        each.scoring_side
        for each in context.facts
        if each.index <= fact.index and each.outcome is Outcome.GOAL and each.told_by is None
    ]
    if None in goals:
        return None
    return Score(score.home + goals.count(Team.HOME), score.away + goals.count(Team.AWAY))


def _judged_score(reading: Reading, found: "re.Match[str]") -> Finding:
    score = _after(reading.fact, reading.context)
    said = [_count(found[name]) for name in ("one", "other")]
    if score and sorted(said) == sorted((score.home, score.away)):
        return Ground("score", reading.said(found))
    return Violation(Kind.SCORE, reading.said(found), _no_score(score))


def _no_score(score: Score | None) -> str:
    return f"점수는 홈 {score.home} 대 {score.away} 원정이다" if score else "점수는 주어지지 않았다"


def _count(text: str) -> int:
    return int(text) if text.isdigit() else _DIGITS[text]


def _standing(reading: Reading) -> Iterator[Finding]:
    """How the match stands is said only where the score is given, and as it is."""
    score = _after(reading.fact, reading.context)
    now = _seen_by_actor(reading.fact, score)
    text = _WON_BALL.sub(lambda won: "_" * len(won[0]), reading.masked)
    for pattern, fits in _COMPILED:
        found = pattern.search(text)
        if found and now and fits(now):
            yield Ground("score", reading.said(found))
        elif found:
            yield Violation(Kind.SCORE, reading.said(found), _no_score(score))


def _seen_by_actor(fact: Fact, score: Score | None) -> _Standing | None:
    side = fact.scoring_side or fact.actor.side
    if score is None or side is None:
        return None
    ours, theirs = (score.home, score.away) if side is Team.HOME else (score.away, score.home)
    return _Standing(ours, theirs, fact.outcome is Outcome.GOAL)


def _judged_minute(reading: Reading, found: "re.Match[str]") -> Finding:
    """A minute as it runs or as it is counted, which is one more."""
    fact, minute = reading.fact, int(found["minute"])
    period, begin = _HALVES.get((found["half"] or "").replace(" ", ""), (fact.period, 0))
    if fact.minute is not None and period == fact.period and minute + begin in _minutes(fact):
        return Ground("minute", reading.said(found))
    return Violation(Kind.NUMBERS, reading.said(found), "시각이 자료와 다르다")


def _minutes(fact: Fact) -> set[int]:
    return set() if fact.minute is None else {fact.minute, fact.minute + 1}


def _judged_shirt(reading: Reading, found: "re.Match[str]") -> Finding:
    fact = reading.fact
    given = {fact.actor.number, fact.receiver.number if fact.receiver else None} - {None}
    if int(found["number"]) in given:
        return Ground("number", reading.said(found))
    return Violation(Kind.NUMBERS, reading.said(found), "등번호는 자료에 없다")


def _other_numbers(reading: Reading, spans: list[tuple[int, int]]) -> Iterator[Finding]:
    for found in _NUMBER.finditer(reading.masked):
        inside = any(start <= found.start() < end for start, end in spans)
        if not inside:
            yield Violation(Kind.NUMBERS, reading.said(found), "숫자는 말하지 않는다")
    for found in _SPELT_UNIT.finditer(reading.masked):
        yield Violation(Kind.NUMBERS, reading.said(found), "거리, 시간, 인원 숫자는 말하지 않는다")
    for found in _HALF.finditer(reading.masked):
        period, _ = _HALVES[found["half"].replace(" ", "")]
        if period != reading.fact.period:
            yield Violation(Kind.NUMBERS, reading.said(found), "시각이 자료와 다르다")
