"""Which shape a job's input has."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from worker.errors import InvalidInput
from worker.shapes import Request, commentary, native, openai, probe


class Shape(NamedTuple):
    """A shape: its name in the log, how it looks to a caller, how it is recognised, its reader."""

    name: str
    looks: str
    is_one: Callable[[Mapping[str, Any]], bool]
    read: Callable[[Mapping[str, Any]], Request]


def has(*keys: str) -> Callable[[Mapping[str, Any]], bool]:
    """Whether an input has one of these keys."""
    return lambda document: not document.keys().isdisjoint(keys)


SHAPES = (
    Shape(
        commentary.Commentary.shape,
        'commentary {"style", "matchInfo", "rawData"}',
        commentary.is_one,
        commentary.read,
    ),
    Shape(
        native.Native.shape,
        'generation {"prompt" or "messages", "sampling_params", "stream"}',
        has("prompt", "messages"),
        native.read,
    ),
    Shape(
        openai.OpenAI.shape,
        'OpenAI {"openai_route", "openai_input"}',
        has("openai_route", "openai_input"),
        openai.read,
    ),
    Shape(probe.Probe.shape, '{"probe": true}', has("probe"), probe.read),
)
ALL = "; ".join(shape.looks for shape in SHAPES)


def shape_of(document: object) -> str | None:
    """The name of the one shape that an input is meant as, also where it cannot be read."""
    if not isinstance(document, dict):
        return None
    meant = [shape.name for shape in SHAPES if shape.is_one(document)]
    return meant[0] if len(meant) == 1 else None


def read(document: object) -> Request:
    """The request that a job's input makes, or InvalidInput: that is all that can happen.

    An input that could be meant as two things is refused: nobody guesses which.
    """
    if not isinstance(document, dict):
        raise InvalidInput(f"The input must be an object, one of: {ALL}.", "input")
    meant = [shape for shape in SHAPES if shape.is_one(document)]
    if len(meant) != 1:
        found = " and ".join(shape.looks for shape in meant) or _none_of_them(document)
        raise InvalidInput(f"The input must be one of: {ALL}. This one is {found}.", "input")
    return meant[0].read(document)


def _none_of_them(document: Mapping[str, Any]) -> str:
    wrapped = isinstance(document.get("input"), dict)
    return "none of them: there is an input inside the input" if wrapped else "none of them"
