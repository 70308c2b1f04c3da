"""Levels of speech: each sentence in its persona's own, and the last one finished."""

import re
from collections.abc import Iterator
from typing import Final

from worker.commentary.guard.cast import Reading
from worker.commentary.guard.finding import Finding, Kind, Violation
from worker.football.schema import Persona

_SENTENCE = re.compile("[^.!?]+[.!?]+")
_FIRST, _LAST, _FINALS = ord("가"), ord("힣"), 28
_VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
_B, _SS = 17, 20  # the numbers of the finals ㅂ and ㅆ


def _with_final(final: int) -> str:
    """All syllables that end in a consonant, as a class of a regex."""
    every = range(_FIRST, _LAST + 1)
    return "".join(chr(code) for code in every if (code - _FIRST) % _FINALS == final)


def _with_vowels(vowels: str) -> str:
    """All open syllables with these vowels, as a class of a regex."""
    numbers = [_VOWELS.index(vowel) for vowel in vowels]
    every = range(_FIRST, _LAST + 1, _FINALS)
    return "".join(
        chr(code) for code in every if (code - _FIRST) // _FINALS % len(_VOWELS) in numbers
    )


def _ending(*alternatives: str) -> "re.Pattern[str]":
    return re.compile(f"(?:{'|'.join(alternatives)})$")


_PAST: Final = f"[{_with_final(_SS)}]"
# 합쇼체 ends in ㅂ니다, ㅂ니까 or 십시오; 아니다 and 다니다 only look like it.
_FORMAL = _ending(f"[{_with_final(_B)}](?:니다|니까|시오|디다|시다)")
_CASTER = _ending("네요", "군요")
_POLITE = _ending("요", "죠")

# 반말 beyond doubt: no noun ends so.
_SURELY = _ending(
    "[가-힣]다",
    f"{_PAST}(?:어|네|지|군|는데|거든|잖아|더라|냐|구나)",
    "[가-힣](?:이야|거야|네|구나|잖아|거든|더라)",
    "[^ ]해|[^ ]돼|아니야|더라고|다고|라고|라니|뭐람|이람",
)
# 반말 as a bare verb, or with an ending that could be a noun's: 받아, 차, 들어가.
_VERBS = _ending(
    "나와|올라와|들어와|내려와|달려와|따라와|나가",
    "(?:들어|올라|내려|달려|넘어|지나|빗나|빠져나|건너|따라)가|(?:고|어|아|려) 가",
    "저지해|내|냐|잖아|놓아|받아|막아|잡아|쏘아|찾아|좋아|않아|맞아|쫓아|뽑아|닿아|날아|돌아|몰아",
    "올라|달라|몰라|아니야|보내|건네|(?:걷어|쳐|잡아|받아|끊어|막아) 내|제쳐|벗어나|나가네",
    "(?:올라|들어|넘어|돌아|나)가지|(?:높|아니|맞|하|되|크|많|이|[ㅆ])지|인가|는가|나 봐|아까워"
    "|대단해",
)
_PLAIN = _ending(
    f"{_PAST}(?:음|니|는걸|나|을까|으면)",
    "네|야|군|구나|구만|는데|은데|거든|잖아|더라|다니|[가-힣]다|냐|는걸|은걸|지|까|자|래|대|라",
    f"[{_with_vowels('ㅕㅘㅝㅙ')}]|아|어|해|내|개|채|새|깨|배|매|재|째",
    "차|따|나서|막아서|돌아서|일어서|서|꺼|떠|써|커|타|사|싸|짜",
)
# Nouns and particles that end as a verb may.
_NOUNS = _ending(
    "골대|상대|공세|수세|기세|자세|반대|기대|시대|무대|지대|절대|그대|최대|중대|부대|쇄도|차이"
    "|순서",
    "문전서|안에서|에서|진영서|배|매|새|깨|대|개|지역|하나|위치|아|여지|저지|수비라|상태라|거리라",
    "한지|나|까|가지|재|(?<![고 ])가|타|사",
)
# What leaves a sentence open: particles, connectives, what belongs to a noun that never comes.
_OPEN = _ending(
    "[은는이가을를의도만]|에|에서|에게|한테|으로|(?<!올라)로|와|과|하고|까지|부터|처럼|보다",
    "[고며면]|면서|지만|다가|려고|도록|자마자|듯이?|므로|니까|길래|느라",
    "(?<!막아)(?<!맞)(?<!나)(?<!돌아)(?<!일어)(?<!앞)서",
    "[던른한된린간운쁜진선]|적인|게|히|않|못|안|더|또|및|다시|바로",
)
# What may be shouted after a whole sentence.
_SHOUTED = re.compile("(?:골|슛|선방|세이브|아웃|반칙|파울|경고|퇴장|득점|자책골|오프사이드)!$")


def findings(reading: Reading) -> Iterator[Finding]:
    """Sentence by sentence the persona's level; and the last one is finished.

    An exclamation before it may be a bare noun (골!). A brief line may be one altogether.
    """
    *before, last = [found[0] for found in _SENTENCE.finditer(reading.masked)] or [""]
    persona = reading.context.persona
    for sentence in before:
        if _is_other(sentence, persona, bare=True):
            yield _wrong(reading, sentence)
    if _is_other(last, persona, bare=reading.fact.brief):
        yield _wrong(reading, last)
    shouted = before and _SHOUTED.search(last)
    if not reading.fact.brief and not shouted and not _is_finished(_ended(last), persona):
        yield Violation(Kind.CUT, _shown(reading, last), "끝맺은 문장이 아니다")


def _ended(sentence: str) -> str:
    return sentence.rstrip(" .!?")


def _wrong(reading: Reading, sentence: str) -> Violation:
    friend = reading.context.persona is Persona.FRIEND
    reason = "반말로 끝나지 않는다" if friend else "합쇼체로 끝나지 않는다"
    return Violation(Kind.REGISTER, _shown(reading, sentence), reason)


def _shown(reading: Reading, sentence: str) -> str:
    start = reading.masked.rfind(sentence) if sentence else 0
    return reading.original(start, start + len(sentence))


def _is_other(sentence: str, persona: Persona, *, bare: bool) -> bool:
    """Whether a sentence ends in another level of speech; `bare` lets nouns stand."""
    ended = _ended(sentence)
    formal, polite = _FORMAL.search(ended), _POLITE.search(ended)
    if persona is Persona.FRIEND:
        return bool(formal or polite)
    if formal or (persona is Persona.CASTER and _CASTER.search(ended)):
        return False
    return bool(polite or (_SURELY.search(ended) if bare else _is_plain(ended)))


def _is_finished(ended: str, persona: Persona) -> bool:
    """Whether a sentence has come to its end, in whatever level.

    Where 반말 is the wrong level, a bare verb (받아) may as well be a broken-off one (받아 냅니다):
    that is not enough.
    """
    if any(each.search(ended) for each in (_FORMAL, _POLITE, _SURELY)):
        return True
    return persona is Persona.FRIEND and _is_plain(ended)


def _is_plain(ended: str) -> bool:
    """Whether a sentence ends as 반말 does, and not as a noun or in the middle."""
    if _SURELY.search(ended) or _VERBS.search(ended):
        return True
    if _OPEN.search(ended) or _NOUNS.search(ended):
        return False
    return _PLAIN.search(ended) is not None
