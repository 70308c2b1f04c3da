"""Which shape an input has: one of four, and a mistake that says which there are."""

import pytest

from tests.rows import request_document
from worker.errors import InvalidInput
from worker.shapes.reading import ALL, read, shape_of

MEANT = {
    "commentary": request_document(),
    "native": {"prompt": "안녕", "sampling_params": {"max_tokens": 5}},
    "openai": {"openai_route": "/v1/models"},
    "probe": {"probe": True},
}


@pytest.mark.parametrize("shape", MEANT)
def test_each_shape_is_recognised(shape):
    """An input's own keys say what it is."""
    assert read(MEANT[shape]).shape == shape


@pytest.mark.parametrize(
    ("document", "shape"),
    [
        *((document, shape) for shape, document in MEANT.items()),
        ({"style": 7}, "commentary"),
        ({"prompt": 7}, "native"),
        ({"openai_route": 7}, "openai"),
        ({"probe": 7}, "probe"),
        ({"prompt": "안녕", "style": "CASTER"}, None),
        ({}, None),
        (7, None),
    ],
)
def test_a_shape_is_known_before_it_is_read(document, shape):
    """Also of an input that is wrong; nonsense and what is two things at once have none."""
    assert shape_of(document) == shape


@pytest.mark.parametrize("key", ["raw_data", "RAWDATA", "match_info", "game-id", "style"])
def test_a_commentary_request_is_recognised_by_any_of_its_keys(key):
    """Its mistakes are then told as its own, whatever is missing."""
    with pytest.raises(InvalidInput) as error:
        read({key: None})
    assert error.value.param == "rawData"


def test_messages_are_recognised():
    """A prompt may also be a conversation."""
    assert read({"messages": [{"role": "user", "content": "안녕"}]}).shape == "native"


@pytest.mark.parametrize(
    "document", [{}, {"text": "안녕"}, None, [], "prompt", 7, True, [{"probe": True}]]
)
def test_anything_else_is_told_which_shapes_there_are(document):
    """All four are named."""
    with pytest.raises(InvalidInput) as error:
        read(document)
    assert error.value.param == "input"
    assert ALL in error.value.message
    for key in ("rawData", "prompt", "messages", "openai_route", "probe"):
        assert key in ALL


def test_an_input_inside_the_input_is_told():
    """Whoever wraps a job twice reads what is wrong with it."""
    for wrapped in MEANT.values():
        with pytest.raises(InvalidInput, match="there is an input inside the input") as error:
            read({"input": wrapped})
        assert error.value.param == "input"
        assert ALL in error.value.message
    with pytest.raises(InvalidInput) as error:
        read({"input": "안녕"})
    assert "inside" not in error.value.message


@pytest.mark.parametrize(
    "document",
    [
        {"prompt": "안녕", "openai_route": "/v1/models"},
        {"probe": True, "messages": []},
        request_document(prompt="안녕"),
    ],
)
def test_an_input_that_could_be_two_things_is_refused(document):
    """Nobody guesses which was meant; both are named."""
    with pytest.raises(InvalidInput, match=" and ") as error:
        read(document)
    assert error.value.param == "input"


def test_an_input_of_openai_s_without_its_route_is_missing_its_route():
    """Half a call is told what the other half is."""
    with pytest.raises(InvalidInput) as error:
        read({"openai_input": {}})
    assert error.value.param == "openai_route"
