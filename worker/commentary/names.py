"""Names as a line can hold them, the same in what the model reads and in the plain lines."""

import re
import unicodedata

from worker.commentary import words
from worker.commentary.korean import UNIT
from worker.commentary.lines import PHRASE
from worker.football.facts import Team

# Letters and marks that Unicode does not take apart, as passports and headlines spell them.
_PLAIN = str.maketrans(
    {"ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "ı": "i"}
    | {"ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "þ": "th", "Þ": "Th"}
    | {"’": "'", "‘": "'", "ʼ": "'", "‐": "-", "‑": "-", "–": "-"}
)

_BRACKETED = re.compile(r"\s*[(\[][^)\]]*[)\]]")
_PHRASE = re.compile(PHRASE)
_UNIT = re.compile(UNIT)


def speakable(name: str | None) -> str | None:
    """`name` as the line grammar can write it; None if nothing is left or the script is foreign.

    Accents go (José is Jose), so does what stands in brackets; other marks that the grammar lacks
    become spaces.
    """
    text = _BRACKETED.sub("", _plain(name or ""))
    if any(character.isalpha() for character in _UNIT.sub("", text)):
        return None
    return " ".join(_PHRASE.findall(text)) or None


def team(name: str | None, side: Team | None) -> str | None:
    """A team by its name, else as 홈팀 or 원정팀; None if neither can be said."""
    return speakable(name) or (words.SIDE[side] if side else None)


def _plain(name: str) -> str:
    """Without accents and invisible marks, Hangul whole."""
    apart = unicodedata.normalize("NFKD", name.translate(_PLAIN))
    seen = "".join(mark for mark in apart if unicodedata.category(mark) not in ("Mn", "Me", "Cf"))
    return unicodedata.normalize("NFC", seen)
