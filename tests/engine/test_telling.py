import json
from argparse import Namespace
from dataclasses import dataclass
from enum import Enum
from importlib.metadata import version
from pathlib import Path

import pytest

from worker.engine import telling
from worker.engine.telling import installed, told


class Colour(Enum):
    RED = "red"


@dataclass
class Nested:
    name: str
    path: str
    api_key: str | None = None


def shown(name="option", token=None, **values):
    given = values or {}
    return told(Namespace(**given), Namespace(), token)


def test_only_what_differs_from_the_defaults_and_the_basics_are_told():
    """What nobody asked for is no news; which model it is always is."""
    usual = {"dtype": "auto", "port": 8000, "seed": 0}
    parsed = Namespace(**usual | {"seed": 3, "model": "org/name"})
    assert told(parsed, Namespace(**usual), None) == {
        "dtype": "auto",
        "model": "org/name",
        "seed": 3,
    }


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Colour.RED, "red"),
        ((1, 2.5, True, None), [1, 2.5, True, None]),
        (float("inf"), "inf"),
        ({1: {"a": "b"}}, {"1": {"a": "b"}}),
        (Nested("radio", "/models/radio"), {"name": "radio", "path": "radio", "api_key": None}),
        (Path("/a/b"), "b"),
        (b"x", "b'x'"),
    ],
)
def test_every_value_is_one_of_jsons(value, expected):
    """Whatever the parser made of it."""
    document = shown(option=value)
    assert document == {"option": expected}
    assert json.loads(json.dumps(document, allow_nan=False)) == document


@pytest.mark.parametrize("name", ["hf_token", "api_key", "PASSWORD", "some_secret", "ssl_keyfile"])
def test_what_a_name_calls_a_secret_is_masked(name):
    """At any depth, and whole where it is more than a text."""
    document = shown(**{name: "x1y2", "option": [{name: ["x1y2"]}, Nested("n", "p", "x1y2")]})
    assert document[name] == "***"
    assert "x1y2" not in json.dumps(document)


def test_a_count_of_tokens_is_no_secret_and_a_tokenizer_is_none():
    """Nor is a switch, nor that there is no secret."""
    plain = {
        "max_num_batched_tokens": 2048,
        "long_prefill_token_threshold": 4,
        "tokenizer_mode": "auto",
        "enable_prompt_tokens_details": True,
    }
    assert shown(**plain) == plain
    assert shown(option={"api_key": None}) == {"option": {"api_key": None}}
    assert shown(hf_token="x")["hf_token"] == "***"


def test_the_hugging_face_token_is_masked_wherever_it_stands():
    """Also in the middle of a text whose name says nothing."""
    assert shown(token="hf_x", option={"a": ["--auth hf_x now"]}) == {
        "option": {"a": ["--auth *** now"]}
    }


def test_a_password_in_an_address_is_masked():
    """The address stays."""
    document = shown(option="redis://me:pw@host:1/0")
    assert document == {"option": "redis://***@host:1/0"}


@pytest.mark.parametrize("place", ["/models/ax/radio", "~/radio", "./radio", "../x/radio"])
def test_a_path_is_told_as_its_last_part(place):
    """Where things lie on this machine is nobody's business."""
    assert shown(option=place) == {"option": "radio"}


def test_a_long_text_is_cut():
    """A chat template is no argument to be read in a list."""
    assert len(shown(option="가" * 5000)["option"]) == telling.SHOWN_LENGTH


def test_versions_are_those_installed_under_either_name():
    """Nothing heavy is imported for them; what is not there is left out."""
    assert installed("no-such-thing", "httpx") == version("httpx")
    assert installed("no-such-thing") is None
    told = telling.versions()
    assert {"python", "vllm", "torch", "transformers"} == told.keys()
    assert told["vllm"] == "0.32.0"
