"""Environment variables as vLLM arguments, taken from vLLM's own parser: no list of ours.

`--max-model-len` is MAX_MODEL_LEN. A switch (`--enable-lora`, `--x/--no-x`) takes true or false; an
argument of several values takes them with spaces between, or as a JSON list; what a value may be
(`8k`, JSON, a choice) is the parser's business.
"""

import json
import logging
import re
from argparse import Action, ArgumentError, ArgumentParser, ArgumentTypeError
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from worker.errors import InvalidSetting
from worker.settings import invalid, missing

log = logging.getLogger(__name__)

TRUE = frozenset({"true", "1", "yes"})
FALSE = frozenset({"false", "0", "no"})

# How a JSON list of strings, objects or lists begins; a file pattern, `[ab]*.bin`, does not.
JSON_LIST = re.compile(r"\[\s*[\"{\[]")

# vLLM's words for what our own variables say, with ours. A machine may well have a MODEL or a
# REVISION that is about something else.
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
        try:
            items = json.loads(value)
        except ValueError:
            if JSON_LIST.match(value):
                raise
            return value.split()
        return [item if isinstance(item, str) else json.dumps(item) for item in items]
    return [value] if value.startswith("{") else value.split()


def _harmless(items: list[str]) -> list[str]:
    """The values of a list, or ValueError where the parser would read one of them as a flag."""
    if any(item.startswith("-") for item in items):
        raise ValueError
    return items


def _wants_object(action: Action, value: str) -> bool:
    """Whether only a JSON object will do, by what the type and the default are.

    vLLM's types read any JSON where a mapping is meant, and some keep as text what is none.
    """
    maps = callable(action.type) and _takes(action, "{}") and action.type("{}") == {}
    return maps and (value.startswith("{") or not isinstance(action.default, str))


def words(option: Option, value: str) -> list[str]:
    """One variable as command-line words, or ValueError."""
    if option.action.nargs == 0:
        return _switch(option, value)
    if option.action.nargs == "+":
        return [option.flag, *_harmless(_items(value))]
    if _wants_object(option.action, value) and not isinstance(json.loads(value), dict):
        raise ValueError
    return [f"{option.flag}={value}"]  # joined: the value may begin with a dash


def expected(action: Action) -> str:
    """What an argument takes, in words: its choices, or what its type makes of a sample."""
    if action.nargs == 0:
        return "true or false"
    if action.choices is not None:
        return f"one of {', '.join(str(one) for one in action.choices if one is not None)}"
    if action.nargs == "+":
        return "values with spaces between, or a JSON list of them, none with a dash in front"
    samples = {"{}": "a JSON object", "0.5": "a number", "1": "an integer"}
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
    if missing(value) and value not in (option.action.choices or ()):
        raise _unusable(option, value)
    try:
        said = words(option, value)
        parser.parse_args(said)
    except (ArgumentError, ValueError, TypeError, SystemExit) as error:
        raise _unusable(option, value) from error
    return said


def _ours(option: Option) -> bool:
    """Whether one of our own variables says this; then a warning names it."""
    if place := OURS.get(option.action.dest):
        log.warning("%s is not read: %s is, in its place", option.variable, place)
    return place is not None


def engine_arguments(
    parser: ArgumentParser, destinations: Collection[str], variables: Mapping[str, str]
) -> list[str]:
    """Turn environment variables into vLLM's argument list; those it does not know are left out.

    MODEL and REVISION are left out, too, with a warning.

    Args:
        parser: vLLM's, made to raise ArgumentError.
        destinations: names of the parsed values that may be set from outside.
        variables: environment variables.

    Raises:
        InvalidSetting: a value that the parser refuses, or how a template writes that it has none.
    """
    known = [one for one in options(parser, destinations) if one.variable in variables]
    taken = [one for one in known if not _ours(one)]
    return [word for one in taken for word in _checked(parser, one, variables[one.variable])]
