"""Korean verbs by Hangul arithmetic: from a stem its endings and every shape that it takes.

A stem is the dictionary form without 다 (보내, 흔들, 이어지지 않): the words before the last verb
stay as they are. What the spelling does not tell stands in small tables, of verbs that a match
needs; everything else is computed. Rules: Standard Korean Orthography (한글 맞춤법), chapter 4.
"""

from typing import Final, NamedTuple

_FIRST: Final = ord("가")
_FINALS: Final = ("", *"ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ")
_VOWELS: Final = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"

# Vowels that take 아; all others take 어.
_BRIGHT: Final = frozenset("ㅏㅑㅗ")
# What a stem's open vowel becomes together with 아 or 어; ㅟ and ㅢ stay apart (뛰어, 띄어).
_CONTRACTED: Final = dict(zip("ㅏㅐㅓㅔㅕㅗㅜㅣㅚ", "ㅏㅐㅓㅔㅕㅘㅝㅕㅙ", strict=True))

# Stems that the spelling does not give away, matched at the end of a stem: 뒤따르 is as 따르.
_LIKE_ANY_EU: Final = ("따르", "치르", "들르", "다다르", "우러르")  # 따라, not 딸라
_WITH_REO: Final = ("이르", "푸르")  # 이르러
_LOSES_B: Final = ("줍", "돕", "눕", "아쉽", "어렵", "가깝", "가볍", "무겁")  # 주워
_LOSES_S: Final = ("잇", "짓", "긋", "붓", "젓", "낫")  # 이어
_D_TO_RIEUL: Final = ("듣", "싣", "깨닫")  # 들어; 걷 of 걷어 내다 stays
_B_WITH_WA: Final = ("돕",)  # 도와, where all others have 워
_LOSES_H: Final = ("놓",)  # 놔 beside 놓아


class _Letters(NamedTuple):
    """A syllable taken apart: the number of its initial, its vowel, its final or nothing."""

    initial: int
    vowel: str
    final: str


def shapes(stem: str) -> tuple[str, ...]:
    """Every beginning that the inflected forms of `stem` have, longest first.

    A regex alternation of them finds each form: 보내, 보냅, 보낸, 보낼, 보냄, 보냈. A form that
    begins as the stem itself does needs no shape of its own: 받 finds 받아 and 받으면.
    """
    found = [stem, *_modified(stem), connective(stem), _past(stem), *_loose(stem)]
    own = (shape for shape in found if shape == stem or not shape.startswith(stem))
    return tuple(sorted(dict.fromkeys(own), key=len, reverse=True))


def formal(stem: str) -> str:
    """합쇼체 of the present: 보냅니다, 받습니다, 흔듭니다."""
    open_ = _without_rieul(stem)
    return f"{stem}습니다" if _apart(open_[-1]).final else f"{_closed(open_, 'ㅂ')}니다"


def formal_past(stem: str) -> str:
    """합쇼체 of the past: 보냈습니다."""
    return f"{_past(stem)}습니다"


def plain(stem: str) -> str:
    """반말 that tells what one sees: 보내네, 흔드네."""
    return f"{_without_rieul(stem)}네"


def plain_past(stem: str) -> str:
    """반말 that tells how something ended: 보냈어, 막혔어."""
    return f"{_past(stem)}어"


def attributive(stem: str) -> str:
    """The present before a noun: 보내는, 흔드는."""
    return f"{_without_rieul(stem)}는"


def connective(stem: str) -> str:
    """The stem with 아 or 어, as before another verb: 보내, 제쳐, 받아, 갈라, 주워, 해."""
    head, last = stem[:-1], _apart(stem[-1])
    if stem.endswith("하"):
        return f"{head}해"
    if last.final:
        return _with_vowel(stem)
    if last.vowel == "ㅡ":
        return _without_eu(stem)
    if last.vowel in _CONTRACTED:
        return head + _together(last._replace(vowel=_CONTRACTED[last.vowel]))
    return f"{stem}어"


def _past(stem: str) -> str:
    """Up to the ㅆ of the past: 보냈, 받았, 갈랐."""
    return _closed(connective(stem), "ㅆ")


def _modified(stem: str) -> list[str]:
    """The stem with what closes its last syllable before ㅂ니다, ㄴ, ㄹ and ㅁ."""
    if stem.endswith(_LOSES_B):
        return _closings(f"{_opened(stem)}우", "ㄴㄹㅁ")
    if stem.endswith(_LOSES_S):
        return _closings(f"{_opened(stem)}으", "ㄴㄹㅁ")
    if stem.endswith(_D_TO_RIEUL):
        return [_closed(_opened(stem), "ㄹ")]
    if _apart(stem[-1]).final == "ㄹ":
        return [*_closings(_opened(stem), "ㅂㄴ"), _closed(_opened(stem), "ㄻ")]
    return [] if _apart(stem[-1]).final else _closings(stem, "ㅂㄴㄹㅁ")


def _closings(open_: str, finals: str) -> list[str]:
    return [open_, *(_closed(open_, final) for final in finals)]


def _loose(stem: str) -> list[str]:
    """What speech makes of 놓아 and 놓았."""
    return [f"{stem[:-1]}놔", f"{stem[:-1]}놨"] if stem.endswith(_LOSES_H) else []


def _with_vowel(stem: str) -> str:
    """A stem that ends in a consonant, with 아 or 어: 받아, 흔들어, 주워, 이어, 들어."""
    ending = "아" if _apart(stem[-1]).vowel in _BRIGHT else "어"
    if stem.endswith(_LOSES_B):
        return _opened(stem) + ("와" if stem.endswith(_B_WITH_WA) else "워")
    if stem.endswith(_LOSES_S):
        return _opened(stem) + ending
    if stem.endswith(_D_TO_RIEUL):
        return _closed(_opened(stem), "ㄹ") + ending
    return stem + ending


def _without_eu(stem: str) -> str:
    """A stem that ends in ㅡ, which goes: 떠, 모아, 따라; of 르 a ㄹ stays before: 갈라, 흘러."""
    if stem.endswith(_WITH_REO):
        return f"{stem}러"
    before = stem[:-1].rstrip()
    bright = bool(before) and _apart(before[-1]).vowel in _BRIGHT
    last = _together(_apart(stem[-1])._replace(vowel="ㅏ" if bright else "ㅓ"))
    doubled = stem.endswith("르") and not stem.endswith(_LIKE_ANY_EU)
    return (_closed(before, "ㄹ") if doubled else stem[:-1]) + last


def _without_rieul(stem: str) -> str:
    return _opened(stem) if _apart(stem[-1]).final == "ㄹ" else stem


def _opened(stem: str) -> str:
    return _closed(stem, "")


def _closed(text: str, final: str) -> str:
    """`text` with its last syllable's final replaced."""
    return text[:-1] + _together(_apart(text[-1])._replace(final=final))


def _apart(syllable: str) -> _Letters:
    rest, final = divmod(ord(syllable) - _FIRST, len(_FINALS))
    initial, vowel = divmod(rest, len(_VOWELS))
    return _Letters(initial, _VOWELS[vowel], _FINALS[final])


def _together(letters: _Letters) -> str:
    vowel = letters.initial * len(_VOWELS) + _VOWELS.index(letters.vowel)
    return chr(_FIRST + vowel * len(_FINALS) + _FINALS.index(letters.final))
