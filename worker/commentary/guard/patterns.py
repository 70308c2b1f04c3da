"""Ways to say something, written as a person would look them up.

`<제치>` stands for every shape of that verb's stem (제치, 제칩, 제쳐, 제쳤 …); the rest is a regex.
"""

import re

from worker.commentary.verbs import shapes

_STEM = re.compile("<([가-힣 ]+)>")

# A verb that is denied or only intended says that nothing happened; a comma ends its reach.
_UNREAL_AFTER = re.compile(
    "(?:[가-힣]{0,2}(?:게|히|로|에|을|를|이|가|은|는|에게|까지) )? ?[가-힣]{0,4}지(?:는|도|를"
    "|가)? ?(?:않|못)"
    "|[가-힣]{0,3} ?(?:못[해했하합한 ]|아니|아닙|아닌|없|실패|무산|불발|취소)"
    "|[^.!?, ]{0,3}(?:으)?려(?:는|다|고|던|했|합|하|[ ,.])"
    "|[^.!?, ]{0,3} ?보(?:려|겠|자)"
    "|[가-힣]{0,3}(?:니까|을까|갈까|될까)|[가-힣]{0,2} ?안 [가-힣]|[과와]는? ?(?:인연|연이|거리)"
    "|[가-힣]{0,2}(?:나|까|줄|가) ?(?:했|싶|알)|[가-힣]{0,2} ?(?:듯|뻔)"
    "|[^.!?, ]{0,2}(?:기 위해|기 전|고자|고 싶| ?대신|러 (?:나|가|갔|오|왔|달|뛰))"
)
# Inside (박스 안) is no denial.
_UNREAL_BEFORE = re.compile(
    "(?:^|[ ,])(?:못|(?<!박스 )(?<!지역 )(?<!진영 )(?<!골문 )(?<!구역 )(?<!에어리어 )안) ?$"
)

# Denials that deny something else: a doubt, the rival's success, a miss.
BENIGN = re.compile(
    "(?:망설이|주저하|서두르|흔들리|멈추|놓치|물러서|당황하|지체하|무리하|포기하|지치|늦|밀리|뺏기"
    "|빼앗기"
    "|양보하|흐트러지|방심하|쉬|그치|빠지|피하|흘리|놓|빠뜨리|떨어뜨리|잃|흔들|내주|허용하)지(?:도"
    "|는)? ?않"
    "|못 ?박|꼼짝도? ?못|(?:막|끊|건드리|따라가|따라오|따라붙|손쓰|대응하|반응하|손을 쓰|손도 쓰"
    "|저지하|접근하"
    "|붙)지(?:도|는)? ?(?:못|않)"
    "|(?:소유|차지|공을 잡|공을 따내|공을 가져오|제 것으로|자기 공으로|공을 얻|공을 빼앗"
    "|공을 뺏)[^.!?]{0,6}(?:못|않|아니)"
    "|(?:실수|빈틈|지체|어김|막힘|거침|군더더기|흔들림|망설임|주저|여지|두말할 것|사정)(?:도)? ?없"
    "|못지않|머지않|다름없|손쓸 (?:틈|수)[이도]? ?없"
)


def ways(*alternatives: str) -> "re.Pattern[str]":
    """One pattern of several, each verb in all its shapes."""
    return re.compile("|".join(spelt(each) for each in alternatives))


def spelt(pattern: str) -> str:
    """The regex that a way to say something stands for."""
    return _STEM.sub(lambda stem: f"(?:{'|'.join(shapes(stem[1]))})", pattern)


def real(pattern: "re.Pattern[str]", text: str, start: int = 0) -> "re.Match[str] | None":
    """The first match from `start` on that is neither denied nor only intended."""
    for found in pattern.finditer(text, start):
        before = text[max(0, found.start() - 8) : found.start()]
        if not _UNREAL_AFTER.match(text, found.end()) and not _UNREAL_BEFORE.search(before):
            return found
    return None


def without(pattern: "re.Pattern[str]", text: str) -> str:
    """`text` with what matches crossed out, its other characters in their places."""
    return pattern.sub(lambda found: "_" * len(found[0]), text)
