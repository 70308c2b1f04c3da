"""What came of an action: success is not said of failure, nor failure of anything else."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from worker.commentary.guard.cast import Reading
from worker.commentary.guard.finding import Finding, Ground, Kind, Violation
from worker.commentary.guard.patterns import BENIGN, real, ways, without
from worker.football.vocabulary import KEEPING, PASSES, ActionType, Outcome

if TYPE_CHECKING:
    import re

_T, _O = ActionType, Outcome
# What is denied where an action fails; to deny anything else (놓치지 않습니다) is no failure.
_UNDONE = (
    "(?:이어지|연결되|연결하|연결시키|닿|통하|맞|받|잡|막|제치|뚫|이기|이겨 내|따내|성공하|성공시키"
    "|전달되|도달하"
    "|살리|지키|처리하|걷어 내|끊|빼앗|뺏|따돌리|넘|찾|잇|정확하|되|가|오|먹히|따르|이루어지|들어가"
    "|미치|좋|완성되"
    "|매끄럽|여의치|쉽|뻗|향하|가 닿|빠져나가|거두|얻|효과적이|효과를 보)지(?:는|가|를|도)? ?않"
)
# These words themselves say what was done, whatever a provider gives as result.
_DONE = frozenset({_T.CLEARANCE, _T.RECOVERY, _T.BLOCK, _T.INTERCEPTION, _T.CARRY})
_BY_DEFINITION = _DONE | KEEPING | {_T.RECEIVE}


class Result(NamedTuple):
    """How success and failure of some types are said."""

    types: frozenset[ActionType]
    success: "re.Pattern[str]"
    failure: "re.Pattern[str]"


_FAILED = (
    "실패|못[ 하합했해한]|못\\b|안 (?:<통하>|<이어지>|<연결되>|<닿>|맞)|무산|부정확|<빗나가>|<놓치>"
    "|헛[되돼]|헛발|헛심|무위|불발|좌절|허무|물거품|<어긋나>|<엇나가>|수포"
    "|망[했쳤]|엉망|꽝|허탕|삐끗|사고"
)
_LOST = "<뺏기>|<빼앗기>|잃"

_RESULTS = (
    Result(
        PASSES,
        ways(
            "성공|<연결하>|<연결되>|연결시|(?<!부)정확[히하한합]|<이어지>|전달|배달(?! ?사고)|배급"
            "|닿[습았네는]|도달",
            "통[했합하](?!여)|통과|안착|<찾아가>|<열어 주>|도착|<떨어뜨리>|<살아나>|전개"
            "|받[습았네]",
            "일품|동료가 ?(?:잡|받)|동료(?:에게|한테) (?:갑|갔|가네|줬)|완벽|깔끔|매끄|적중|정교"
            "|딱 맞|제대로|들어[갔갑]"
            "|잘 (?:내|보|건|찔|연|이|넘|줬)",
        ),
        ways(
            _FAILED,
            _UNDONE,
            _LOST,
            "<끊기>|<막히>|<걸리>|아쉽|아깝|차단|<벗어나>|헌납|상대에게|상대한테|(?:상대"
            "|수비)(?:의)? ?(?:발|품|몸)에",
        ),
    ),
    Result(
        frozenset({_T.TAKE_ON}),
        ways(
            "성공|<제치>|<따돌리>|뚫|돌파(?:합|했|해 ?<내>|하네)|<빠져나가>|<벗기>|<젖히>|통과"
            "|<이기>"
        ),
        ways(_FAILED, _UNDONE, _LOST, "<막히>|<걸리>|저지|차단|<끊기>"),
    ),
    Result(
        frozenset({_T.TACKLE}),
        ways(
            "성공|<따내>|(?:빼앗|뺏)(?![기깁겼겨])|끊어|저지|막아|가로|되찾|낚아|(?<!부)정확|깔끔"
            "|완벽"
        ),
        ways(_FAILED, _UNDONE, "빗맞|헛|허공|<뚫리>|벗겨|제쳐"),
    ),
    Result(
        frozenset({_T.DUEL}),
        ways(
            "<이기>(?!지)|<이겨 내>|<따내>|우위|승리|<지켜 내>|제압|차지|<가져가>|<가져오>|성공"
            "|<버텨 내>|압도",
            "<밀어 내>|<살려 내>|앞[서섭섰]",
        ),
        ways(
            _FAILED,
            _UNDONE,
            _LOST,
            "<밀리>|<내주>|(?:(?<![가-힣])|에서 ?|에 ?)(?:졌|집니다|지네)|고전",
        ),
    ),
    Result(
        frozenset({_T.RECEIVE}),
        ways("받[습았네는아]|잡[습았아네]|소유|컨트롤|<지키>|안정|품|성공|확보"),
        ways(_FAILED, _UNDONE, _LOST, "<흘리>|<빠뜨리>|<새>|튕"),
    ),
    Result(
        KEEPING,
        ways("선방|막[아았습]|잡[아았습]|쳐 ?<내>|처리(?:합|했|해|하)|안정|걷어|성공|끊"),
        ways(_FAILED, _UNDONE, "<흘리>|<빠뜨리>"),
    ),
    Result(
        _DONE,
        ways("걷어|<따내>|되찾|막[아았습]|차단|가로|끊|성공|잡|차지|확보"),
        ways(_FAILED, _UNDONE, _LOST),
    ),
)


def findings(reading: Reading) -> Iterator[Finding]:
    """Success is not said of failure, nor the reverse, nor either where the data say neither."""
    fact = reading.fact
    result = next((each for each in _RESULTS if fact.type in each.types), None)
    if result is None:
        return
    if fact.outcome in (_O.FAILURE, _O.OFFSIDE):
        yield from _success(reading, result, "성공한 행동이 아니다")
        yield from _failure(reading, result, true=True)
        return
    yield from _failure(reading, result, true=False)
    if fact.outcome is _O.UNKNOWN and fact.type not in _BY_DEFINITION:
        yield from _success(reading, result, "성공했다는 말은 자료에 없다")


def _success(reading: Reading, result: Result, reason: str) -> Iterator[Finding]:
    """Success that stays the last word: a ball that is played well and then lost is lost."""
    found = _last(result.success, reading.masked)
    lost = _last(result.failure, _unbenign(reading))
    if found and not (lost and lost.start() > found.start()):
        yield Violation(Kind.OUTCOME, reading.said(found), reason)


def _failure(reading: Reading, result: Result, *, true: bool) -> Iterator[Finding]:
    """Failure that stays the last word."""
    found = _last(result.failure, _unbenign(reading))
    won = _last(result.success, reading.masked)
    if found and true:
        yield Ground("outcome", reading.said(found))
    elif found and not (won and won.start() > found.start()):
        yield Violation(Kind.OUTCOME, reading.said(found), "실패했다는 말은 자료에 없다")


def _unbenign(reading: Reading) -> str:
    """The line without denials that deny something else; to a goalkeeper 막지 못하다 is failure."""
    if reading.fact.type in KEEPING | {_T.BLOCK}:
        return reading.masked
    return without(BENIGN, reading.masked)


def _last(pattern: "re.Pattern[str]", text: str) -> "re.Match[str] | None":
    """The last match that is neither denied nor only intended."""
    last, start = None, 0
    while found := real(pattern, text, start):
        last, start = found, found.end()
    return last
