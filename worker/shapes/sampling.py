"""The sampling parameters that a caller may set beside a prompt, by vLLM's names.

Read here is what a type can tell: a name that is none, a text for a number. What depends on the
model (ranges, lengths, schemas) the engine judges, and refuses in its own words.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeGuard

from worker.errors import InvalidInput
from worker.shapes.plain import SHOWN

# vLLM keeps integers in 64 bits.
_INTEGER_LIMIT: Final = 2**63
# The most answers to one prompt, as OpenAI has it: each costs what a job of its own would.
# Source: https://platform.openai.com/docs/api-reference/chat/create
CHOICE_LIMIT: Final = 128


@dataclass(frozen=True, slots=True)
class Kind:
    """What a value must be, in the words of an error, and whether one is."""

    expected: str
    admits: Callable[[object], bool]


def is_number(value: object) -> TypeGuard[int | float]:
    """An integer or a float; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_whole(value: object) -> TypeGuard[int | float]:
    """An integer of 64 bits, also where it was written as 20.0."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return value == value // 1 and abs(value) < _INTEGER_LIMIT


def _all(admits: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, list) and all(map(admits, value))


def _a(*types: type) -> Callable[[object], bool]:
    return lambda value: isinstance(value, types)


def _is_bias(value: object) -> bool:
    return isinstance(value, dict) and all(map(is_number, value.values()))


def _is_count(value: object) -> bool:
    return is_whole(value) and 1 <= value <= CHOICE_LIMIT


FLAG: Final = Kind("true or false", _a(bool))
NUMBER: Final = Kind("a number", is_number)
WHOLE: Final = Kind("a whole number of at most 64 bits", is_whole)
WHOLES: Final = Kind("a list of whole numbers of at most 64 bits", _all(is_whole))
TEXT: Final = Kind("text", _a(str))
TEXTS: Final = Kind("a list of texts", _all(_a(str)))
OBJECT: Final = Kind("an object", _a(dict))
SCHEMA: Final = Kind("a JSON schema, as an object or as text", _a(dict, str))
COUNT: Final = Kind(f"a whole number from 1 to {CHOICE_LIMIT}", _is_count)
STOP: Final = Kind(
    "text or a list of texts", lambda value: isinstance(value, str) or _all(_a(str))(value)
)
BIAS: Final = Kind("an object of numbers by token id", _is_bias)

SAMPLING: Final[Mapping[str, Kind]] = {
    "allowed_token_ids": WHOLES,
    "bad_words": TEXTS,
    "frequency_penalty": NUMBER,
    "ignore_eos": FLAG,
    "include_stop_str_in_output": FLAG,
    "logit_bias": BIAS,
    "logprob_token_ids": WHOLES,
    "logprobs": WHOLE,
    "max_tokens": WHOLE,
    "min_p": NUMBER,
    "min_tokens": WHOLE,
    "n": COUNT,
    "presence_penalty": NUMBER,
    "prompt_logprobs": WHOLE,
    "repetition_detection": OBJECT,
    "repetition_penalty": NUMBER,
    "routed_experts_prompt_start": WHOLE,
    "seed": WHOLE,
    "skip_special_tokens": FLAG,
    "spaces_between_special_tokens": FLAG,
    "stop": STOP,
    "stop_token_ids": WHOLES,
    "stream_interval": WHOLE,
    "structured_outputs": OBJECT,
    "temperature": NUMBER,
    "thinking_token_budget": WHOLE,
    "top_k": WHOLE,
    "top_p": NUMBER,
    "watermarking": FLAG,
}
"""The fields of vLLM's SamplingParams that both /v1/completions and /v1/chat/completions take."""

GUIDED: Final[Mapping[str, tuple[str, Kind]]] = {
    "guided_json": ("json", SCHEMA),
    "guided_regex": ("regex", TEXT),
    "guided_choice": ("choice", TEXTS),
    "guided_grammar": ("grammar", TEXT),
}
"""Names that vLLM had for structured output once, with those it has inside `structured_outputs`.

vLLM ignores the old ones today: the answer would come unconstrained.
"""

GONE: Final[Mapping[str, str]] = {
    "best_of": "vLLM has it no more: ask for n answers and choose among them",
    **dict.fromkeys(
        ("use_beam_search", "length_penalty"),
        "beam search is left to OpenAI's routes: openai_route",
    ),
}
"""What callers of RunPod's own worker may still send, and what to do instead."""

CONSTRAINTS: Final = ("structured_outputs", "response_format", *GUIDED)
PARAMETERS: Final[Mapping[str, Kind]] = {
    **SAMPLING,
    "response_format": OBJECT,
    **{name: kind for name, (_, kind) in GUIDED.items()},
}


def checked(given: Mapping[str, Any], place: str = "") -> Mapping[str, Any]:
    """Those of the given values that say something; InvalidInput where one is no parameter's.

    `place` is where they stand: `sampling_params`, or empty at the top.
    """
    found: dict[str, Any] = {}
    for name, value in given.items():
        param = f"{place}.{name[:SHOWN]}" if place else name[:SHOWN]
        require_present(param, name)
        if name not in PARAMETERS:
            known = ", ".join(sorted(PARAMETERS))
            raise InvalidInput(f"{param} is no sampling parameter; these are: {known}.", param)
        if value is not None:
            require(param, value, PARAMETERS[name])
            found[name] = value
    return found


def require_present(param: str, name: str) -> None:
    """Raise InvalidInput where a parameter, which stands at `param`, is one of GONE."""
    if name in GONE:
        raise InvalidInput(f"{param} cannot be set here; {GONE[name]}.", param)


def require(param: str, value: object, kind: Kind) -> None:
    """Raise InvalidInput where a value is not of its kind."""
    if not kind.admits(value):
        raise InvalidInput(f"{param} must be {kind.expected}.", param)


def constrained(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters with the older names of structured output put as vLLM takes them."""
    names = [name for name in CONSTRAINTS if name in parameters]
    if len(names) > 1:
        raise InvalidInput(
            f"{names[1]} cannot be used together with {names[0]}: one structure at a time.",
            names[1],
        )
    kept = {name: value for name, value in parameters.items() if name not in GUIDED}
    outputs = {GUIDED[name][0]: parameters[name] for name in names if name in GUIDED}
    return kept | ({"structured_outputs": outputs} if outputs else {})
