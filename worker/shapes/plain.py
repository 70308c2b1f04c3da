"""Whether a document can travel: what JSON can say, every encoder can write, and nothing deeper.

A document that passes can be sent to the engine and echoed to the caller without a surprise.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Final

from worker.errors import InvalidInput

# Levels of objects and lists inside one another. The deepest that vLLM takes is a schema of 64,
# tagged by 16 more; encoders give up at a thousand.
DEPTH_LIMIT: Final = 100
# Integers beyond this have no float and, further on, no decimal text in Python.
LARGEST: Final = 10**300
SHOWN: Final = 40  # unit: characters of a key that an error repeats

_Link = tuple["_Link", str | int] | None  # where a value stands: its container's place, its key
_Node = tuple[object, _Link, int]  # a value, where it stands, and how deep


def require_plain(document: object, place: str = "") -> None:
    """Raise InvalidInput where a document holds what JSON cannot say or an encoder cannot write.

    That is: a number without a value (NaN, Infinity) or beyond LARGEST, half a character (a lone
    surrogate) in a text or a key, more than DEPTH_LIMIT levels, a Python object. `place` is how the
    caller would write where the document stands, empty at the top.
    """
    waiting: list[_Node] = [(document, None, 0)]
    while waiting:
        value, link, depth = waiting.pop()
        if sentence := _fault(value, depth):
            raise _error(link, place, sentence)
        if isinstance(value, dict | list):
            children: Iterable[tuple[str | int, object]]
            children = value.items() if isinstance(value, dict) else enumerate(value)
            found: list[_Node] = [(child, (link, key), depth + 1) for key, child in children]
            waiting.extend(reversed(found))  # so that the first fault in reading order is named


def encodable(text: str) -> bool:
    """Whether a text has bytes at all: half a character has none."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _fault(value: object, depth: int) -> str | None:
    if isinstance(value, dict | list):
        if depth >= DEPTH_LIMIT:
            return f"goes deeper than {DEPTH_LIMIT} levels"
        return _fault_of_keys(value) if isinstance(value, dict) else None
    if isinstance(value, str):
        return None if encodable(value) else "has half a character (a lone surrogate) in it"
    return _fault_of_scalar(value)


def _fault_of_scalar(value: object) -> str | None:
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, float):
        return None if math.isfinite(value) else "must be a finite number"
    if isinstance(value, int):
        return None if abs(value) <= LARGEST else "is too large a number"
    return "is nothing that JSON has"


def _fault_of_keys(value: Mapping[object, object]) -> str | None:
    for key in value:
        if not isinstance(key, str):
            return "has a key that is no text"
        if not encodable(key):
            return "has half a character (a lone surrogate) in one of its keys"
    return None


def _error(link: _Link, place: str, sentence: str) -> InvalidInput:
    param = _written(link, place)
    return InvalidInput(f"{param or 'The input'} {sentence}.", param or None)


def _written(link: _Link, place: str) -> str:
    """Where a value stands, as its caller would write it: `messages[0].content`."""
    keys: list[str | int] = []
    while link is not None:
        link, key = link
        keys.append(key)
    for key in reversed(keys):
        if isinstance(key, int):
            place += f"[{key}]"
        else:
            place += f".{key[:SHOWN]}" if place else key[:SHOWN]
    return place
