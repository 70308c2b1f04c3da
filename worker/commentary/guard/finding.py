"""What the guard finds in a line: what its fact supports, and what contradicts it."""

from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """The classes of what may be wrong with a line."""

    NAME = "name"
    EVENT = "event"
    OUTCOME = "outcome"
    PLACE = "place"
    SCORE = "score"
    NUMBERS = "numbers"
    DEMONSTRATIVE = "demonstrative"
    REGISTER = "register"
    SCRIPT = "script"
    PARTICLE = "particle"
    LENGTH = "length"
    ECHO = "echo"
    CUT = "cut"


class Violation(NamedTuple):
    """One thing that is wrong with a line.

    Attributes:
        kind: its class.
        text: the offending words, as the line has them.
        reason: why, as a Korean clause that a model is told, too.
    """

    kind: Kind
    text: str
    reason: str


class Ground(NamedTuple):
    """One thing that a line says and its fact supports: the fact's field, and the line's words."""

    field: str
    text: str


Finding = Violation | Ground
