"""Inventions: who is called like a person is one of the data's."""

import re
from collections.abc import Iterator

from worker.commentary.guard.cast import Reading
from worker.commentary.guard.finding import Finding, Kind, Violation
from worker.commentary.korean import particle
from worker.football.vocabulary import PASSES, ActionType

# Korean family names, and the syllables that given names are made of: what one meets in rosters.
# Football's own nouns have other ones (공격수, 중앙선), but for those in `_NO_NAMES`.
_FAMILY = (
    "김이박최정강조윤장임한오서신권황안송류홍전고문양손배백허유남심노하곽성차주우구민진지엄채원천"
    "방공현함변염여추도소석선설마길연위표명기반왕금옥육인맹제모탁국어은편용예경봉사부"
)
_FREQUENT = "김이박최정강조윤장임한오서신권황안송류홍전고문양손배백허유남심노하곽성"
_GIVEN = (
    "가강건경관광구국권규근기길나남누다단담대덕도동두라람래련로루리림린마만명모무문미민범별병보복"
    "봄봉빈빛산상새샘서석선설섭성세소솔송수숙순슬승시식신아안애양언연열영예오옥온완용우욱운웅원유"
    "윤율은의이익인일임재정제종주준중지직진찬창채천철청초춘충태택평표필하학한해혁현형혜호홍화환회"
    "효훈휘희흥"
)
# Words made of such syllables, whole or as the first two of three.
_NO_NAMES = frozenset(
    (
        *("소유권", "주도권", "마무리", "문지기", "노련미", "도우미", "노련한", "정제한", "유연한"),
        *("우아한", "온전한", "연이은", "기민한", "한차례", "한순간", "한동안", "남은", "우리"),
        *("주전", "차지", "선언", "전진", "주의", "양의", "전방", "전담", "정신", "여유", "방향"),
        *("위치", "여지", "이의", "주문", "주도", "이동", "이상", "이해", "이어", "안정", "성공"),
        *("성과", "지원", "지휘", "조화", "조율", "유지", "유도", "선도", "선수", "선의", "연계"),
        *("연속", "진로", "진영", "진형", "차단", "차례", "도전", "도약", "반대", "반응", "하이"),
        *("현재", "현장", "공세", "공수", "공의", "기세", "기회", "기선", "고전", "고의", "고비"),
        *(
            "최종",
            "최전",
            "최후",
            "전문",
            "신예",
            "주포",
            "주력",
            "위기",
            "위세",
            "인상",
            "인정",
            "주시",
            "주위",
            "주변",
            "문전",
            "배후",
            "추의",
        ),
    )
)
# 공격적인, 차지하는: what makes a noun an adjective or a verb.
_MORE_THAN_A_NOUN = re.compile("(?:적인|로운|다운|하|되)$")

_BEGIN = "(?<![가-힣A-Za-z0-9\ue000-\ue007])"
_TITLE = (
    "(?:선수(?!들)|골키퍼|키퍼|수문장|감독|코치|공격수|수비수|미드필더|윙어|스트라이커|풀백|센터백)"
)
_JOSA = (
    "(?:입니다|이야|이네|야|이|가|은|는|을|를|의|와|과|도|로|으로|까지|처럼|보다|에게|한테|[,!])"
)


def _name(family: str, given: str) -> str:
    """The pattern of a Korean name of these families, with so many syllables of its own."""
    return f"{_BEGIN}(?P<name>[{family}][{_GIVEN}]{given})"


# Before a title any name; without one, of the frequent families only, which models invent.
_NAMES = (
    re.compile(f"{_name(_FAMILY, '{1,2}')} ?{_TITLE}"),
    re.compile(
        f"{_name(_FREQUENT, '{2}')}(?:{_JOSA}| (?:쪽|앞)(?:으로|에서|에|을)| (?:공"
        f"|볼)이)(?![가-힣])"
    ),
)
# Only to persons a thing is given.
_DATIVE = re.compile(f"{_BEGIN}(?P<name>[가-힣]{{2,5}}?)(?:에게|한테)(?:로|서|는|도)?(?![가-힣])")
_ANYBODY = re.compile(
    "(?:동료|상대|선수|팀|수비|수비수|공격수|골키퍼|키퍼|미드필더|우군|아군|자기|서로|누구|누군가"
    "|주심"
    "|심판"
    "|관중|팬|자신|우리|편|모두|전방|윙어|풀백|센터백|앞|뒤|문지기|수문장)(?:들|진|편|팀)?$"
)
# Clubs of the K League that a model knows and the data do not name.
_CLUBS = re.compile(
    f"{_BEGIN}(?:전북|울산|포항|수원|서울|대구|인천|강원|제주|광주|대전|김천|성남|부산|안양|부천"
    f"|전남|경남"
    "|충남|안산|청주|김포|천안|화성)(?: ?(?:현대|삼성|스틸러스|유나이티드|시티즌|FC))?"
    "(?:의|이|가|은|는| 수비| 골문| 선수)(?![가-힣])"
)
# Whoever gets the ball by a name of his own: a foreign one has no family name to know it by.
_GETS = re.compile(
    f"{_BEGIN}(?P<name>[가-힣]{{2,5}}?)(?:이|가) (?:받(?:습|았|네|아)|달려들|잡(?:습|았|네))"
)
_PLACE_S = re.compile("(?:쪽|측|편|앞|뒤|곳|발|번)$")
_STAFF = re.compile(f"{_BEGIN}(?:감독|코치)(?![가-힣]*하)|벤치|관중석")


def findings(reading: Reading) -> Iterator[Finding]:
    """Names in a line that the data do not have."""
    masked = reading.masked
    for pattern in _NAMES:
        yield from (_wrong(reading, found) for found in pattern.finditer(masked) if _is_name(found))
    for found in _DATIVE.finditer(masked):
        if not _ANYBODY.search(found["name"]):
            yield _wrong(reading, found)
    if reading.fact.type in PASSES | {ActionType.RECEIVE}:
        for found in _GETS.finditer(masked):
            if not _ANYBODY.search(found["name"]) and _PLACE_S.search(found["name"]) is None:
                yield _wrong(reading, found)
    for found in _CLUBS.finditer(masked):
        yield Violation(Kind.NAME, reading.said(found), "자료에 없는 팀이다")
    for found in _STAFF.finditer(masked):
        reason = f"{particle(reading.said(found), '은/는')} 이 행동에 없다"
        yield Violation(Kind.NAME, reading.said(found), reason)


def _is_name(found: "re.Match[str]") -> bool:
    name = found["name"]
    return not {name, name[:2]} & _NO_NAMES and not _MORE_THAN_A_NOUN.search(name)


def _wrong(reading: Reading, found: "re.Match[str]") -> Violation:
    reason = f"{particle(found['name'], '은/는')} 자료에 없는 이름이다"
    return Violation(Kind.NAME, reading.said(found), reason)
