import math
from importlib import import_module

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.errors import InvalidInput
from worker.shapes.sampling import (
    CHOICE_LIMIT,
    GONE,
    GUIDED,
    PARAMETERS,
    SAMPLING,
    checked,
    constrained,
    is_whole,
)

ADMITTED = {
    "true or false": True,
    "a number": 0.5,
    "a whole number of at most 64 bits": 5,
    "a list of whole numbers of at most 64 bits": [1, 2],
    "text": "가",
    "a list of texts": ["가"],
    "an object": {"a": 1},
    "a JSON schema, as an object or as text": {"type": "object"},
    f"a whole number from 1 to {CHOICE_LIMIT}": 2,
    "text or a list of texts": "가",
    "an object of numbers by token id": {"5": -1.5},
}
NEVER = [[None], [[]], {"a": "b"}]


def refusal_of(**given_values):
    with pytest.raises(InvalidInput) as caught:
        checked(given_values, "sampling_params")
    return caught.value


def test_the_parameters_are_those_that_vllm_takes_on_both_routes(vllm):
    """No more, which would be ignored, and no fewer, which would be missed."""
    taken = set(import_module("vllm.sampling_params").SamplingParams.__struct_fields__)
    for name, request in (("chat_completion", "Chat"), ("completion", "")):
        module = import_module(f"vllm.entrypoints.openai.{name}.protocol")
        taken &= set(getattr(module, f"{request}CompletionRequest").model_fields)
    assert SAMPLING.keys() == taken


def test_the_names_of_structured_output_are_those_that_vllm_has(vllm):
    """The older ones lead to fields that exist, and vLLM itself would ignore each."""
    protocol = import_module("vllm.entrypoints.serve.engine.protocol")
    fields = import_module("vllm.sampling_params").StructuredOutputsParams.__dataclass_fields__
    assert GUIDED.keys() <= protocol._REMOVED_GUIDED_FIELDS
    assert {name for name, _ in GUIDED.values()} <= fields.keys()


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_parameter_is_of_its_kind(name):
    """What is not is refused by its place, and null says nothing."""
    good = ADMITTED[PARAMETERS[name].expected]
    assert checked({name: good}) == {name: good}
    assert checked({name: None}) == {}
    for bad in NEVER:
        if not PARAMETERS[name].admits(bad):
            error = refusal_of(**{name: bad})
            assert error.param == f"sampling_params.{name}"
            assert PARAMETERS[name].expected in error.message
    assert sum(not PARAMETERS[name].admits(bad) for bad in NEVER) >= 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", "0.5"),
        ("temperature", True),
        ("top_k", 1.5),
        ("top_k", 2**63),
        ("seed", -(2**63)),
        ("max_tokens", True),
        ("n", 0),
        ("n", CHOICE_LIMIT + 1),
        ("n", "2"),
        ("stop", [1]),
        ("logit_bias", [1]),
        ("logit_bias", {"1": "2"}),
        ("guided_json", 5),
        ("guided_choice", "a"),
        ("ignore_eos", 1),
    ],
)
def test_a_near_miss_is_refused(name, value):
    """Nothing is converted in silence."""
    assert refusal_of(**{name: value}).param == f"sampling_params.{name}"


@pytest.mark.parametrize(
    "name", ["early_stopping", "topk", "max_completion_tokens", "guided_decoding"]
)
def test_a_name_that_is_none_is_refused(name):
    """It would change nothing, and nobody would know."""
    error = refusal_of(**{name: 1})
    assert error.param == f"sampling_params.{name}"
    assert "top_k" in error.message


@pytest.mark.parametrize(
    ("name", "way"),
    [("best_of", "n answers"), ("use_beam_search", "openai_route"), ("length_penalty", "openai_r")],
)
def test_what_runpods_own_worker_took_is_refused_with_a_way_out(name, way):
    """Not with a list of everything else."""
    error = refusal_of(**{name: 1})
    assert error.param == f"sampling_params.{name}"
    assert way in error.message
    assert "top_k" not in error.message


def test_what_is_gone_is_as_it_is_said_to_be(vllm):
    """Beam search is a matter of both OpenAI routes, and nobody has best_of."""
    for name, request in (("chat_completion", "Chat"), ("completion", "")):
        module = import_module(f"vllm.entrypoints.openai.{name}.protocol")
        fields = getattr(module, f"{request}CompletionRequest").model_fields
        assert fields.keys() & GONE == {"use_beam_search", "length_penalty"}


@given(st.integers() | st.floats() | st.booleans() | st.text())
def test_a_whole_number_is_one_that_has_no_fraction_and_fits(value):
    """20.0 is one, true is none."""
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    fits = numeric and math.isfinite(value) and value == int(value) and abs(value) < 2**63
    assert is_whole(value) is bool(fits)


@pytest.mark.parametrize(("name", "inner"), [(name, inner) for name, (inner, _) in GUIDED.items()])
def test_an_older_name_of_structured_output_is_todays(name, inner):
    """The rest stays as it is."""
    assert constrained({name: "x", "top_k": 1}) == {"structured_outputs": {inner: "x"}, "top_k": 1}


def test_two_structures_at_once_are_refused():
    """Nobody guesses which one is meant."""
    with pytest.raises(InvalidInput, match="guided_regex cannot be used together") as caught:
        constrained({"guided_regex": "a", "response_format": {"type": "json_object"}})
    assert caught.value.param == "guided_regex"
