"""Goals: told once, put down to the right side, not denied, and invented never."""

from collections.abc import Iterator

from worker.commentary.guard.cast import OPPONENT, Reading
from worker.commentary.guard.finding import Finding, Ground, Kind, Violation
from worker.commentary.guard.patterns import BENIGN, real, ways, without
from worker.football.vocabulary import ActionType, Outcome

_GOAL = "(?<!자책)골"

WORDS = ways(
    "골망|골네트|(?<!사이드 )그물|네트[를가]|골인|골 ?맛|골 뒷그물|골라인을 ?넘|한 골 ?(?:넣|<하>)",
    f"{_GOAL}(?:입니다|이네|이군|이야|이다|이에|이었|이라|입|이지|이죠)",
    "(?:^|[ ,!.])골[!,]",
    f"{_GOAL}[을]? ?(?:넣|<터뜨리>|<터트리>|뽑|<신고하>|<만들>|<완성하>|<가져가>|꽂|<성공하>"
    f"|<작렬하>|<기록하>|집어)",
    f"{_GOAL}로 ?(?:<이어지>|잇|<연결하>|<연결되>|마무리|<완성하>|<만들>|<장식하>|<바꾸>)",
    f"{_GOAL}이 ?(?:<터지>|<들어가>|<되>|<나오>|<완성되>|<기록되>|<인정되>)",
    "골문[을이] ?(?:<열>|<열리>|<가르>|뚫)",
    "(?:골문|골대)(?: 안)?(?:으로|에) ?(?:<들어가>|빨려|꽂|집어|밀어 ?넣|차 ?넣|박)",
    "(?:때려|욱여) ?넣",
    "(?:페널티킥|프리킥|슛|슈팅|기회|찬스)[을를]? ?(?:<성공시키>|꽂|골로|<살리>)",
    "(?:페널티킥|프리킥|슛|슈팅|득점)[을를에]? ?<성공하>",
    "(?<!실)득점(?! ?(?:기회|찬스|력|권|왕|원|을 노|을 위|을 향|장면을 노))",
)
# What its scorer does, and nobody else.
SCORING = ways(
    f"{_GOAL}[을]? ?(?:넣|<터뜨리>|<터트리>|뽑|<성공하>|<신고하>|<기록하>|집어)|골 ?맛",
    # A side that is credited with an own goal has scored as well.
    f"(?<!{OPPONENT}[이가은는] )득점(?:합|했|해|을 올|에 성공)|(?:집어|차|밀어|때려) ?넣",
)
CONCEDING = ways(
    "실점(?! ?(?:위기|없|을 막|을 면|은 면))",
    "골을? ?(?:<허용하>|<내주>|먹|<헌납하>)",
)
OWN = ways(
    "자책|자살골|(?:자기|자기네|제|자신의|우리)(?: ?팀| ?편)?의? ?(?:골망|골문|골대|네트|그물)"
)

_RECORDED = ways(
    "기록(?:<되>|에|으로|지|이)|실점(?:을|으로) ?<기록하>|인정|주인공|확인|확정|이름을|이름이"
    "|득점자|공식",
    "득점으로|실점으로|카운트|찍[혔히힌]|남[습았는네게은]|장식|집계|<올라가>|<돌아가>|처리<되>"
    "|<새기>|적[힙혔히]|(?:득점"
    "|골)을 <올리>|몫|<올리>",
)
_ANEW = ways(
    f"{_GOAL}[을]? ?(?:넣(?!은)|터[뜨트][리립렸려]|뽑(?!은)|꽂(?!은))|골망|그물|골!|골인"
    f"|넣[습었네어]",
    "골문을 ?(?:<열>|<가르>|뚫)|득점(?:합|했|해|에 성공)|또 |추가|자책골을 (?:넣(?!은)|<기록하>)"
    "|터[집졌져]",
)
# So it is without a word of the record; with one, it says which goal is recorded.
_MAYBE_ANEW = ways("골입|골이야|골이네|<허용하>|<내주>|실점(?:합|했|해)|<들어가>")
# A goal that was conceded was not kept out.
_KEPT_OUT = ways(
    "실점(?:하지|을 하지|은 하지) ?않|실점을? ?<면하>|골문을 ?(?:<지켜 내>|지켰)|위기를 ?<넘기>"
    "|무실점"
)
_DENIED = ways(
    "(?:골|득점)(?:이|은|로|을|에|으로)? ?[^.!?, ]{0,5} ?(?:않|못|아닙|아니|실패|무산|취소|수 없)",
    "<빗나가>|<벗어나>|외면|<놓치>|실축|<막히>|선방|골대를 ?(?:맞|강타)",
)


def findings(reading: Reading) -> Iterator[Finding]:
    """What is wrong with how a goal is told."""
    if reading.fact.told_by is not None:
        yield from _told_again(reading)
    if reading.fact.type is ActionType.OWN_GOAL and not OWN.search(reading.masked):
        yield Violation(Kind.OUTCOME, reading.text, "자책골이라고 말하지 않았다")
    if reading.fact.outcome is Outcome.GOAL:
        text = without(BENIGN, reading.masked)
        denied = _DENIED.search(text) or real(_KEPT_OUT, text)
        if denied:
            yield Violation(Kind.OUTCOME, reading.said(denied), "골이 났다")


def _told_again(reading: Reading) -> Iterator[Finding]:
    """A goal that an earlier line has told is recorded, not scored once more."""
    reason = "앞에서 말한 골이니 기록으로만 말한다"
    recorded = _RECORDED.search(reading.masked)
    again = real(_ANEW, reading.masked) or (not recorded and real(_MAYBE_ANEW, reading.masked))
    if again:
        yield Violation(Kind.OUTCOME, reading.said(again), reason)
    elif not recorded:
        yield Violation(Kind.OUTCOME, reading.text, reason)
    else:
        yield Ground("told_by", reading.text)
