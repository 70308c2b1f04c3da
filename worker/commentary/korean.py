"""Korean as it is spoken: which particle follows a word, how many syllables a text has."""

import re
from typing import Literal

UNIT = "[가-힣A-Za-z0-9]"
"""What counts as one syllable, as a regex: a Hangul syllable, a Latin letter or a digit."""

Particle = Literal["이/가", "을/를", "은/는", "과/와", "으로/로", "아/야"]

_UNIT = re.compile(UNIT)
_READ_AS_WORD = re.compile("(?:[a-z]|[A-Z]{4})[A-Za-z]*$")
_TRAILING_BRACKET = re.compile(r"\s*[(\[（].*?[)\]）]\s*$")

# Final sounds of what is read aloud by its Korean name: 0 영 (or 십, 백 …), 1 일, 3 삼, 6 육,
# 7 칠, 8 팔; L 엘, M 엠, N 엔, R 알. Every other digit and letter ends in a vowel.
_ENDS_IN_CONSONANT = frozenset("013678lmnr")
_ENDS_IN_RIEUL = frozenset("178lr")

_FIRST_SYLLABLE, _FINALS, _RIEUL = ord("가"), 28, 8


def syllables(text: str) -> int:
    """How many syllables `text` has as the line grammar counts them.

    A Hangul syllable, a Latin letter and a digit are one each (FC is two, 90 is two, as 구십);
    spaces and punctuation are none. W, read 더블유, is the one letter that this undercounts.
    """
    return len(_UNIT.findall(text))


def particle(word: str, pair: Particle) -> str:
    """`word` with the one of the two particles that its last sound takes: 공이, 패스가.

    The last sound is that of the last Hangul syllable, digit or Latin letter, the latter two read
    by their Korean names. A closing bracket and what it holds stay silent, as Korean spelling
    rules have it: 김하늘(10)이. A word without any sound takes both, as forms do: …을(를). What
    is read as a word and not letter by letter needs `titled` first.
    """
    with_consonant, with_vowel = pair.split("/")
    sound = _last_sound(word)
    if sound is None:
        return f"{word}{with_consonant}({with_vowel})"
    if pair == "으로/로" and _ends_in_rieul(sound):
        return word + with_vowel
    return word + (with_consonant if _ends_in_consonant(sound) else with_vowel)


def titled(name: str, noun: str) -> str:
    """`name`, and `noun` after it where no particle can follow the name itself: Hwang 선수.

    Single letters have their Korean names (FC is 에프씨); a Latin word has a sound of its own that
    its letters do not show (Hwang is 황), in capitals too from four letters on.
    """
    return f"{name} {noun}" if _READ_AS_WORD.search(name) else name


def _last_sound(word: str) -> str | None:
    spoken = _UNIT.findall(_TRAILING_BRACKET.sub("", word)) or _UNIT.findall(word)
    return spoken[-1].lower() if spoken else None


def _final(syllable: str) -> int:
    return (ord(syllable) - _FIRST_SYLLABLE) % _FINALS


def _ends_in_consonant(sound: str) -> bool:
    return sound in _ENDS_IN_CONSONANT if sound.isascii() else _final(sound) != 0


def _ends_in_rieul(sound: str) -> bool:
    return sound in _ENDS_IN_RIEUL if sound.isascii() else _final(sound) == _RIEUL
