"""Whether a document can travel: what JSON can say, every encoder can write, and nothing deeper.

A document that passes can be sent to the engine and echoed to the caller without a surprise.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from worker.errors import InvalidInput

# Levels of objects and lists inside one another. The deepest that vLLM takes is a schema of 64,
# tagged by 16 more; encoders give up at a thousand.
DEPTH_LIMIT: Final = 100
# Values in a document; a prompt of token ids has as many as the model's context. They are walked on
# the loop that everything else waits for.
COUNT_LIMIT: Final = 250_000
# vLLM's processes write to one another in MessagePack, whose integers have 64 bits: one beyond them
# in a schema fails its request as if the engine were at fault.
# Source: https://github.com/msgpack/msgpack/blob/master/spec.md, "int format family"
SMALLEST: Final = -(2**63)
LARGEST: Final = 2**64 - 1
SHOWN: Final = 40  # unit: characters of a key that an error repeats

_Child = tuple[str | int, object]  # a value's key or index, and the value
_Level = tuple[Iterator[_Child], str | int]  # what is left of a container; where it stands


def require_plain(document: object, place: str = "") -> None:
    """Raise InvalidInput where a document holds what JSON cannot say or an encoder cannot write.

    That is: a number without a value (NaN, Infinity), a whole one of more than 64 bits, half a
    character (a lone surrogate) in a text or a key, more than DEPTH_LIMIT levels or COUNT_LIMIT
    values, a Python object. `place` is how the caller would write where the document stands, empty
    at the top.
    """
    levels: list[_Level] = []
    counted = 0
    waiting: Iterator[_Child] = iter([("", document)])
    while True:
        for key, value in waiting:
            counted += len(value) if isinstance(value, dict | list) else 0
            if counted > COUNT_LIMIT:
                raise InvalidInput(f"{place or 'The input'} holds more than {COUNT_LIMIT} values.")
            if sentence := _fault(value, len(levels)):
                raise _error([*(at for _, at in levels[1:]), key], place, sentence)
            if isinstance(value, dict | list):
                levels.append((waiting, key))
                waiting = iter(value.items() if isinstance(value, dict) else enumerate(value))
                break
        else:
            if not levels:
                return
            waiting, _ = levels.pop()


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
        return None if SMALLEST <= value <= LARGEST else "is too large a number"
    return "is nothing that JSON has"


def _fault_of_keys(value: Mapping[object, object]) -> str | None:
    for key in value:
        if not isinstance(key, str):
            return "has a key that is no text"
        if not encodable(key):
            return "has half a character (a lone surrogate) in one of its keys"
    return None


def _error(keys: Sequence[str | int], place: str, sentence: str) -> InvalidInput:
    param = _written(keys, place)
    return InvalidInput(f"{param or 'The input'} {sentence}.", param or None)


def _written(keys: Sequence[str | int], place: str) -> str:
    """Where a value stands, as its caller would write it: `messages[0].content`."""
    for key in keys:
        if isinstance(key, int):
            place += f"[{key}]"
        else:
            place += f".{key[:SHOWN]}" if place and key else key[:SHOWN]
    return place
