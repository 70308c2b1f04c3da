"""Figures: a score only where it is given, a number only where it is one of the data's."""

import re
from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple

from worker.commentary.guard.cast import (
    ACTOR,
    OPPONENT,
    OWN,
    RECEIVER,
    TEAMS,
    Context,
    Reading,
)
from worker.commentary.guard.finding import Finding, Ground, Kind, Violation
from worker.commentary.guard.patterns import ways
from worker.football.facts import Fact, Team
from worker.football.schema import Score
from worker.football.vocabulary import ActionType, Outcome

_DIGITS = {word: number for number, word in enumerate("영일이삼사오육칠팔구")}
_COUNT = "[0-9]{1,2}|[영일이삼사오육칠팔구]"
_SCORE = re.compile(f"(?<![0-9가-힣])(?P<one>{_COUNT}) ?(?:대|:|-) ?(?P<other>{_COUNT})(?![0-9])")
# Two against one and one against one are ways to play, no scores.
_WAY_TO_PLAY = re.compile(
    "[12일이] ?대 ?[12일이] ?(?:패스|플레이|상황|찬스|기회|돌파|대결|승부|싸움|연결)"
    "|[일이]대[일이](?! ?(?:입|이[다야네군]|이 [됩됐]))"
)


class _Standing(NamedTuple):
    """The score once an action is over, seen by the side that acts or scores."""

    ours: int
    theirs: int
    scored: bool


class _Telling(NamedTuple):
    """A way to say how the match stands.

    Attributes:
        pattern: the ways to say it.
        fits: whether the standing is such.
        contest: whether the same words tell how a duel went, where the action is one.
    """

    pattern: "re.Pattern[str]"
    fits: Callable[[_Standing], bool]
    contest: bool = False


def _never(_: _Standing) -> bool:
    """What a score alone does not say: who will win, who had been behind, which goal it was."""
    return False


_TELLINGS = (
    _Telling(
        ways("선제 ?(?:골|득점)|선취"),
        lambda now: now.scored and (now.ours, now.theirs) == (1, 0),
    ),
    _Telling(
        ways("동점 ?(?:골|득점)|균형을 ?(?:<맞추>|되찾)"),
        lambda now: now.scored and now.ours == now.theirs,
    ),
    _Telling(
        ways(
            "추가 ?(?:골|득점)|쐐기|격차를|달아나는 ?(?:골|득점)",
            f"{TEAMS}[이가은는]? ?[^.!?]{{0,8}}<달아나>",
        ),
        lambda now: now.scored and now.ours - now.theirs >= 2,
    ),
    _Telling(
        ways(
            "만회 ?(?:골|득점)|추격 ?(?:골|의)|따라붙는 ?(?:골|득점)",
            f"{TEAMS}[이가은는]? ?[^.!?]{{0,8}}따라붙",
        ),
        lambda now: now.scored and now.ours < now.theirs,
    ),
    _Telling(
        ways(f"<리드하>|리드[를입]|{TEAMS}[이가은는]? ?앞[서선섭섰]|앞선 (?:채|상황|가운데)"),
        lambda now: now.ours > now.theirs,
    ),
    _Telling(
        ways("(?<!보다 )앞서 ?(?:<나가>|갑|가[ 네는고]|갔|있)|앞[섭섰]|앞서[네던]"),
        lambda now: now.ours > now.theirs,
        contest=True,
    ),
    _Telling(ways("뒤[지집쳐처][고며는었]|끌려[가갑갔 ]|뒤진"), lambda now: now.ours < now.theirs),
    _Telling(
        ways("동점|무승부|균형이|팽팽한 스코어|비[겼깁겨기]"), lambda now: now.ours == now.theirs
    ),
    _Telling(
        ways(
            "결승 ?(?:골|득점)|역전|뒤집[어었습]|우승|승점|승기|원점|스코어|점수|클린 ?시트|무실점"
            "|무패",
            "승리(?:에 ?(?:다가|가까|한 발)|가 ?(?:보|눈앞|가까)|를 (?:향|눈앞|굳|확정|예감|가져))",
            "(?:경기|게임)[를을]? ?(?:<이기>|잡|<가져가>|뒤집|<끝내>)|(?:이기|지)고 있",
            "승부(?:를 ?(?:<결정하>|결정|<가르>|뒤집|끝)|에 쐐기|의 ?추)|(?:골"
            "|점) ?차(?![가-힣]*[는례])",
            "(?<![가-힣])(?:첫|두|세|네|다섯|여섯|일곱|여덟|아홉"
            "|열) ?(?:번째)? ?(?:골(?![대문망키])|득점)|해트트릭|멀티 ?골|[0-9]+호 ?골"
            "|마수걸이",
            "골 (?:앞[서선섭섰]|뒤[져지진처])|연승|연패|대승|완승|신승|참패|대패|쫓(?:아가"
            "|는) ?(?:골|입장)",
        ),
        _never,
    ),
    _Telling(
        ways(f"승리|패배|승자(?!는 ?{ACTOR})|패자|우세|열세|격차|승부의"), _never, contest=True
    ),
)
_CONTESTS = frozenset({ActionType.DUEL, ActionType.TACKLE, ActionType.TAKE_ON, ActionType.OFFSIDE})

_NUMERAL = "(?:[일이삼사오육칠팔구]?[십백]){1,2}[일이삼사오육칠팔구]?|[일이삼사오육칠팔구]|수십|몇"
_BEGIN = "(?<![가-힣\ue000-\ue007])"
_SPELT = ways(
    f"{_BEGIN}(?:{_NUMERAL}) ?(?:미터|킬로|센티|야드|퍼센트|프로(?! ?선수)|초(?!반"
    f"|조))(?![가-힣]{{2}})",
    f"미터|퍼센트|좌표|{_BEGIN}(?:두|세|네|다섯|여러) ?(?:명|사람)|수비(?:수)? ?(?:둘|셋|넷)",
    f"{_BEGIN}(?:둘|셋)을|{_BEGIN}(?:[일이삼사오육칠팔구]?십)[일이삼사오육칠팔구]? ?분(?![가-힣])"
    "|연장전|막판",
)
_NUMBER = re.compile(r"[0-9]+(?:[.,][0-9]+)?")
_HALF = "연장 ?전반|연장 ?후반|전반|후반"
_MINUTE = re.compile(f"(?:(?P<half>{_HALF})(?:전)? ?)?(?P<minute>[0-9]{{1,3}}) ?분")
_SHIRT = re.compile("(?:등번호 ?)?(?P<number>[0-9]{1,2}) ?번(?! ?째)")
_PERIODS = {"전반": (1, 0), "후반": (2, 45), "연장전반": (3, 90), "연장후반": (4, 105)}
_NAMED_HALF = re.compile(f"(?P<half>{_HALF})(?:전)?(?! ?[0-9적])(?![가-힣])")


def findings(reading: Reading) -> Iterator[Finding]:
    """What a line says in figures."""
    spans: list[tuple[int, int]] = []
    for pattern, judged in (
        (_SCORE, _judged_score),
        (_MINUTE, _judged_minute),
        (_SHIRT, _judged_shirt),
    ):
        for found in pattern.finditer(reading.masked):
            spans.append(found.span())
            if not _WAY_TO_PLAY.match(reading.masked, found.start()):
                yield judged(reading, found)
    yield from _standing(reading)
    yield from _numbers(reading, spans)


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
    now = _seen_by_actor(reading.fact, score)
    if score and now and tuple(said) in _orders(reading.masked[: found.start()], score, now):
        return Ground("score", reading.said(found))
    return Violation(Kind.SCORE, reading.said(found), _no_score(score))


def _orders(before: str, score: Score, now: _Standing) -> Collection[tuple[int, int]]:
    """The orders a score may be told in: the named team's first, else home's or the actor's."""
    ours, theirs = (now.ours, now.theirs), (now.theirs, now.ours)
    if re.search(f"{OWN}[이가은는]? ?$", before):
        return (ours,)
    if re.search(f"(?:{OPPONENT}|상대(?:팀)?)[이가은는]? ?$", before):
        return (theirs,)
    return ((score.home, score.away), ours)


def _count(text: str) -> int:
    return int(text) if text.isdigit() else _DIGITS[text]


def _no_score(score: Score | None) -> str:
    return f"점수는 홈 {score.home} 대 {score.away} 원정이다" if score else "점수는 주어지지 않았다"


def _standing(reading: Reading) -> Iterator[Finding]:
    """How the match stands is said only where the score is given, and as it is."""
    score = _after(reading.fact, reading.context)
    now = _seen_by_actor(reading.fact, score)
    for telling in _TELLINGS:
        if telling.contest and reading.fact.type in _CONTESTS:
            continue
        found = telling.pattern.search(reading.masked)
        if found and now and telling.fits(_of_subject(now, reading.masked[: found.start()])):
            yield Ground("score", reading.said(found))
        elif found:
            yield Violation(Kind.SCORE, reading.said(found), _no_score(score))


def _of_subject(now: _Standing, before: str) -> _Standing:
    """The standing as the sentence's subject has it: the rival's is the other way round."""
    rival = re.search(f"(?:{OPPONENT}|상대(?:팀)?)[이가은는] ?[^.!?,]{{0,6}}$", before)
    return _Standing(now.theirs, now.ours, now.scored) if rival else now


def _seen_by_actor(fact: Fact, score: Score | None) -> _Standing | None:
    side = fact.scoring_side or fact.actor.side
    if score is None or side is None:
        return None
    ours, theirs = (score.home, score.away) if side is Team.HOME else (score.away, score.home)
    return _Standing(ours, theirs, fact.outcome is Outcome.GOAL)


def _judged_minute(reading: Reading, found: "re.Match[str]") -> Finding:
    """A minute as it runs or as it is counted, which is one more."""
    fact, minute = reading.fact, int(found["minute"])
    period, begin = _PERIODS.get((found["half"] or "").replace(" ", ""), (fact.period, 0))
    if fact.minute is None or period != fact.period or minute + begin - fact.minute not in (0, 1):
        return Violation(Kind.NUMBERS, reading.said(found), "시각이 자료와 다르다")
    return Ground("minute", reading.said(found))


def _judged_shirt(reading: Reading, found: "re.Match[str]") -> Finding:
    fact = reading.fact
    of_receiver = re.match(f"[, ]*{RECEIVER}", reading.masked[found.end() :])
    person = fact.receiver if of_receiver else fact.actor
    if person and int(found["number"]) == person.number:
        return Ground("number", reading.said(found))
    return Violation(Kind.NUMBERS, reading.said(found), "등번호는 자료에 없다")


def _numbers(reading: Reading, told: list[tuple[int, int]]) -> Iterator[Finding]:
    """No other number; `told` is where the allowed kinds of them stand."""
    for found in _NUMBER.finditer(reading.masked):
        if not any(start <= found.start() < end for start, end in told):
            yield Violation(Kind.NUMBERS, reading.said(found), "숫자는 말하지 않는다")
    for found in _SPELT.finditer(reading.masked):
        reason = "거리, 시간, 인원 숫자는 말하지 않는다"
        yield Violation(Kind.NUMBERS, reading.said(found), reason)
    for found in _NAMED_HALF.finditer(reading.masked):
        if _PERIODS[found["half"].replace(" ", "")][0] != reading.fact.period:
            yield Violation(Kind.NUMBERS, reading.said(found), "시각이 자료와 다르다")
