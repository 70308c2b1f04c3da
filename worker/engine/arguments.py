"""Environment variables as vLLM arguments, taken from vLLM's own parser: no list of ours.

`--max-model-len` is MAX_MODEL_LEN. A switch (`--enable-lora`, `--x/--no-x`) takes true or false; an
argument of several values takes them with spaces between, or as a JSON list; what a value may be
(`8k`, JSON, a choice) is the parser's business.
"""

import json
from argparse import Action, ArgumentError, ArgumentParser, ArgumentTypeError
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from worker.errors import InvalidSetting
from worker.settings import invalid, missing

TRUE = frozenset({"true", "1", "yes"})
FALSE = frozenset({"false", "0", "no"})

# vLLM's words for what our own variables say, with ours.
OURS = {"model": "MODEL_NAME", "revision": "MODEL_REVISION"}


class Option(NamedTuple):
    """A variable that vLLM has an argument for."""

    variable: str
    flag: str
    action: Action


def options(parser: ArgumentParser, destinations: Collection[str]) -> Iterator[Option]:
    """Every long option of the parser whose value goes to one of `destinations`."""
    for action in parser._actions:  # noqa: SLF001  # argparse has no public way to walk them
        for flag in action.option_strings:
            if action.dest in destinations and flag.startswith("--") and not _negates(flag, action):
                yield Option(flag[2:].replace("-", "_").upper(), flag, action)


def _negates(flag: str, action: Action) -> bool:
    return flag.startswith("--no-") and f"--{flag[5:]}" in action.option_strings


def _switch(option: Option, value: str) -> list[str]:
    """The flag, its negation, or nothing where off is how a flag without negation starts."""
    if value.lower() in TRUE:
        return [option.flag]
    if value.lower() not in FALSE:
        raise ValueError
    negation = f"--no-{option.flag[2:]}"
    return [negation] if negation in option.action.option_strings else []


def _items(value: str) -> list[str]:
    """The values of a list: a JSON list's, one JSON object, or words."""
    if value.startswith("["):
        items = json.loads(value)
        return [item if isinstance(item, str) else json.dumps(item) for item in items]
    return [value] if value.startswith("{") else value.split()


def words(option: Option, value: str) -> list[str]:
    """One variable as command-line words, or ValueError."""
    if option.action.nargs == 0:
        return _switch(option, value)
    if option.action.nargs == "+":
        return [option.flag, *_items(value)]
    return [f"{option.flag}={value}"]  # joined: the value may begin with a dash


def expected(action: Action) -> str:
    """What an argument takes, in words: its choices, or what its type makes of a sample."""
    if action.nargs == 0:
        return "true or false"
    if action.choices is not None:
        return f"one of {', '.join(str(one) for one in action.choices if one is not None)}"
    samples = {"{}": "JSON", "0.5": "a number", "1": "an integer"}
    return next((told for sample, told in samples.items() if _takes(action, sample)), "a value")


def _takes(action: Action, sample: str) -> bool:
    try:
        return callable(action.type) and not isinstance(action.type(sample), str)
    except (ValueError, TypeError, ArgumentTypeError):
        return False


def _unusable(option: Option, value: str) -> InvalidSetting:
    return invalid(option.variable, value, f"{expected(option.action)} (vLLM's {option.flag})")


def _checked(parser: ArgumentParser, option: Option, value: str) -> list[str]:
    """The words of one variable, once the parser has taken them."""
    value = value.strip()
    if option.action.dest in OURS:
        raise invalid(option.variable, value, f"{OURS[option.action.dest]} in its place")
    if missing(value) and value not in (option.action.choices or ()):
        raise _unusable(option, value)
    try:
        said = words(option, value)
        parser.parse_args(said)
    except (ArgumentError, ValueError, TypeError) as error:
        raise _unusable(option, value) from error
    return said


def engine_arguments(
    parser: ArgumentParser, destinations: Collection[str], variables: Mapping[str, str]
) -> list[str]:
    """Turn environment variables into vLLM's argument list; those it does not know are left out.

    Args:
        parser: vLLM's, made to raise ArgumentError.
        destinations: names of the parsed values that may be set from outside.
        variables: environment variables.

    Raises:
        InvalidSetting: a value that the parser refuses, or how a template writes that it has none.
    """
    known = [one for one in options(parser, destinations) if one.variable in variables]
    return [word for one in known for word in _checked(parser, one, variables[one.variable])]
