"""Reading a JSON object as its callers really write it.

Keys match without regard to case, underscores, hyphens and spaces; numbers may be strings; a value
is missing when it is absent, null, blank or one of the ways in which data frames write "nothing".
Whatever is neither missing nor usable is an `InvalidInput` that names the key as the caller spelt
it. Nothing is guessed and nothing else is ever raised, whatever the JSON.
"""

import math
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Final, TypeVar

from worker.errors import InvalidInput
from worker.football.vocabulary import fold

Choice = TypeVar("Choice", bound=StrEnum)

# Longest name, place or id taken; the longest real player's name we know of has half of it.
TEXT_LIMIT: Final = 100  # unit: characters
_SHOWN: Final = 40  # unit: characters of an unusable value that an error repeats
# Integers beyond this have no float and, further on, no decimal text in Python.
_LARGEST: Final = 10**300

_NOTHING: Final = frozenset({"", "nan", "NaN", "null", "None", "NaT"})
_NUMBER: Final = re.compile(r"[+-]?([0-9]{1,40}\.?[0-9]{0,40}|\.[0-9]{1,40})([eE][+-]?[0-9]{1,4})?")
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,30}(\.0*)?")
_WHOLE_FLOAT: Final = re.compile(r"([0-9]+)\.0*")
# pandas' text of a time span, which kloppy writes: `0 days 00:00:02.643377`, or without the days.
_SPAN: Final = re.compile(r"(?:(\d{1,4}) days? )?(\d{1,2}):(\d{2}):(\d{2}(?:\.\d{1,9})?)", re.ASCII)


def is_missing(value: object) -> bool:
    """Whether a value says nothing: None, NaN, blank, or a data frame's text for nothing."""
    if isinstance(value, str):
        return value.strip() in _NOTHING
    return value is None or (isinstance(value, float) and math.isnan(value))


@lru_cache(maxsize=2048)  # names repeat within a match
def clean(text: str) -> str:
    """One line of visible text: composed (NFC), no control or invisible characters, one space.

    Composing matters for Korean: macOS writes syllables as separate letters.
    """
    visible = "".join(map(_visible, text))
    return " ".join(unicodedata.normalize("NFC", visible).split())


def _visible(char: str) -> str:
    category = unicodedata.category(char)
    if category == "Cc" or category.startswith("Z"):
        return " "  # a line break, a tab, any kind of space
    return "" if category.startswith("C") else char  # zero width, direction marks, half characters


def canonical_id(text: str) -> str:
    """An id for comparison: a data frame's `356625.0` and the id `356625` are one."""
    whole = _WHOLE_FLOAT.fullmatch(text)
    return whole[1] if whole else text


def _identity(value: object) -> object:
    """What an id is compared by."""
    text = _digits(value)
    return object() if text is None else canonical_id(clean(text))


def _meaning(value: object) -> object:
    """What a value is compared by: a number and its text are one, so are two spellings of a name.

    What is no scalar equals nothing.
    """
    text = str(value) if isinstance(value, bool) else _digits(value)
    if text is None:
        return object()
    return Decimal(text) if _NUMBER.fullmatch(text) else fold(clean(text))


class Fields:
    """One JSON object, read by any spelling of its keys.

    Every reader takes the canonical name first and then its aliases, the first one given wins, and
    returns None when all are missing. All raise InvalidInput only.

    Args:
        document: the object.
        place: how the caller would write where it stands (`rawData[3]`), or "" at the top.
    """

    def __init__(self, document: Mapping[object, object], place: str = "") -> None:
        self._place = place
        self._given: dict[str, list[tuple[str, object]]] = {}
        for key, value in document.items():
            if isinstance(key, str) and not is_missing(value):
                self._given.setdefault(fold(key), []).append((key, value))

    def error(self, name: str, sentence: str) -> InvalidInput:
        """The error that says `sentence` of the field as the caller spelt it."""
        param = self.spelt(name)
        return InvalidInput(f"{param} {sentence}.", param)

    def spelt(self, name: str) -> str:
        """Where the field stands, as the caller wrote it."""
        key = self._given.get(fold(name), [(name, None)])[0][0]
        return f"{self._place}.{key}" if self._place else key

    def require_known(self, names: Sequence[str], aliases: Sequence[str] = ()) -> None:
        """Raise InvalidInput where a key is given that is none of these; it lists the names."""
        known = {fold(name) for name in (*names, *aliases)}
        for folded, [(key, _), *_] in self._given.items():
            if folded not in known:
                param = f"{self._place}.{clean(key[:_SHOWN])}"
                raise InvalidInput(f"{param} is not known; there are {', '.join(names)}.", param)

    def has(self, name: str) -> bool:
        """Whether the field is given at all."""
        return fold(name) in self._given

    def value(
        self, *names: str, meaning: Callable[[object], object] = _meaning
    ) -> tuple[str, object]:
        """The first given name with its value, or the first name with None.

        A key given in two spellings must have one `meaning`.
        """
        name = next((name for name in names if self.has(name)), names[0])
        (_, value), *others = self._given.get(fold(name), [(name, None)])
        for key, other in others:
            if meaning(other) != meaning(value):
                raise self.error(name, f"is given twice with different values (also as {key})")
        return name, value

    def text(self, *names: str, limit: int = TEXT_LIMIT) -> str | None:
        """One line of text; a number counts as its digits. `limit` is in characters."""
        name, value = self.value(*names)
        if value is None:
            return None
        raw = self._raw(name, value, limit)
        return clean(raw) or None

    def identifier(self, *names: str) -> str | None:
        """An id in the form in which ids are compared."""
        name, value = self.value(*names, meaning=_identity)
        text = None if value is None else clean(self._raw(name, value, TEXT_LIMIT))
        return canonical_id(text) if text else None

    def echo(self, *names: str) -> str | None:
        """An id as it must go back: a string as sent, a number in its shortest form."""
        name, value = self.value(*names, meaning=_identity)
        text = None if value is None else self._raw(name, value, TEXT_LIMIT)
        if text is not None and not _encodable(text):  # nothing could send it back
            raise self.error(name, "has half a character (a lone surrogate) in it")
        return text

    def loose(self, name: str) -> str | None:
        """Text of a field that nothing depends on: what is no text is left out."""
        given = self._given.get(fold(name), [(name, None)])[0][1]
        return clean(_digits(given) or "") or None

    def number(self, *names: str) -> float | None:
        """A finite number."""
        name, value = self.value(*names)
        if value is None:
            return None
        number = _float(value)
        if number is None:
            raise self.error(name, f"must be a number, not {_shown(value)}")
        if not math.isfinite(number):
            raise self.error(name, "must be a finite number")
        return number

    def whole(self, *names: str, low: int, high: int) -> int | None:
        """A whole number from `low` to `high`, both included."""
        name, value = self.value(*names)
        if value is None:
            return None
        number = _int(value)
        if number is None or not low <= number <= high:
            expected = f"must be a whole number from {low} to {high}"
            raise self.error(name, f"{expected}, not {_shown(value)}")
        return number

    def seconds(self, *names: str) -> tuple[float | None, str | None]:
        """A time as a number of seconds and as the text to echo; a time span counts as seconds."""
        name, value = self.value(*names)
        if value is None:
            return None, None
        span = _SPAN.fullmatch(value.strip()) if isinstance(value, str) else None
        number = _span_seconds(span) if span else self.number(name)
        if number is not None and number < 0:
            raise self.error(name, f"must not be negative, not {_shown(value)}")
        return number, str(value).strip() if span is None else repr(number)

    def flag(self, *names: str) -> bool | None:
        """True or false, also as text."""
        name, value = self.value(*names)
        if value is None or isinstance(value, bool):
            return value
        known = {"true": True, "false": False}
        if isinstance(value, str) and value.strip().lower() in known:
            return known[value.strip().lower()]
        raise self.error(name, f"must be true or false, not {_shown(value)}")

    def choice(self, name: str, choices: type[Choice]) -> Choice | None:
        """One of the members of an enumeration, matched as keys are."""
        _, value = self.value(name)
        if value is None:
            return None
        known = {fold(each): each for each in choices}
        if isinstance(value, str) and fold(value.strip()) in known:
            return known[fold(value.strip())]
        *most, last = choices
        raise self.error(name, f"must be {', '.join(most)} or {last}, not {_shown(value)}")

    def fields(self, name: str) -> "Fields":
        """The object under a name; an empty one when it is missing."""
        _, value = self.value(name)
        if value is None:
            return Fields({}, name)
        if not isinstance(value, dict):
            raise self.error(name, f"must be an object, not {_shown(value)}")
        return Fields(value, self.spelt(name))

    def items(self, name: str) -> list[object] | None:
        """The list under a name."""
        _, value = self.value(name)
        if value is not None and not isinstance(value, list):
            raise self.error(name, f"must be a list, not {_shown(value)}")
        return value

    def _raw(self, name: str, value: object, limit: int) -> str:
        text = _digits(value)
        if text is None:
            raise self.error(name, f"must be text, not {_shown(value)}")
        if len(text) > limit:
            raise self.error(name, f"must have at most {limit} characters, not {len(text)}")
        return text


def _encodable(text: str) -> bool:
    return not any(0xD800 <= ord(char) <= 0xDFFF for char in text)


def _digits(value: object) -> str | None:
    """A scalar as text: a string stripped, a number in its shortest form."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > _LARGEST:
        return None
    return str(int(value)) if value == int(value) else repr(value)


def _float(value: object) -> float | None:
    if isinstance(value, str):
        text = value.strip()
        return float(text) if _NUMBER.fullmatch(text) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) <= _LARGEST else math.inf


def _int(value: object) -> int | None:
    if isinstance(value, str):
        text = value.strip()
        return int(text.partition(".")[0]) if _WHOLE.fullmatch(text) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if abs(value) <= _LARGEST and value == int(value) else None


def _span_seconds(span: re.Match[str]) -> float:
    days, hours, minutes = (int(part or 0) for part in span.groups()[:3])
    seconds = float(span[4])
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds).total_seconds()


def _shown(value: object) -> str:
    """An unusable value for an error message: short, one line, however deep or large it is."""
    if isinstance(value, str):
        return f'"{clean(value[:_SHOWN])}{"…" if len(value) > _SHOWN else ""}"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _digits(value) or "a number as large as that"
    return "a list" if isinstance(value, list) else "an object"
