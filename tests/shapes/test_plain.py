import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.errors import InvalidInput
from worker.shapes.plain import COUNT_LIMIT, DEPTH_LIMIT, LARGEST, SMALLEST, require_plain

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
WHOLE = st.integers(SMALLEST, LARGEST)
SCALAR = st.none() | st.booleans() | WHOLE | TEXT | st.floats(allow_nan=False, allow_infinity=False)
PLAIN = st.recursive(
    SCALAR, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=20
)
FAULTY = [
    "\ud800",
    "a\udfff",
    math.nan,
    math.inf,
    -math.inf,
    LARGEST + 1,
    SMALLEST - 1,
    b"a",
    {1},
    (1,),
]
FAULTY += [{"\ud800": 1}, {1: 1}]


def nested(depth):
    document = []
    for _ in range(depth - 1):
        document = [document]
    return document


@given(PLAIN)
def test_what_json_can_say_is_plain(document):
    """And every encoder can then write it."""
    require_plain(document)
    json.dumps(document, ensure_ascii=False, allow_nan=False).encode()


@pytest.mark.parametrize("faulty", FAULTY)
def test_what_nobody_can_write_is_named_by_its_place(faulty):
    """As the caller would write the place."""
    with pytest.raises(InvalidInput) as caught:
        require_plain({"a": 1, "b": [0, {"c": faulty}]}, "openai_input")
    assert caught.value.param == "openai_input.b[1].c"
    assert caught.value.message.startswith("openai_input.b[1].c ")
    with pytest.raises(InvalidInput) as caught:
        require_plain({"b": faulty})
    assert caught.value.param == "b"


@given(PLAIN, st.sampled_from(FAULTY))
def test_an_error_can_itself_be_written(document, faulty):
    """Whatever the keys on the way: none with half a character is repeated."""
    with pytest.raises(InvalidInput) as caught:
        require_plain([{"\ud800": document}, {"a": {"\udfff": faulty}}, document, faulty])
    assert json.dumps([caught.value.message, caught.value.param], ensure_ascii=False).encode()


def test_the_first_fault_is_named():
    """In the order in which a person would read."""
    with pytest.raises(InvalidInput) as caught:
        require_plain({"a": {"b": "\ud800"}, "c": "\ud800", "d": [math.nan]})
    assert caught.value.param == "a.b"


def test_depth_has_a_limit_that_the_error_says():
    """However deep it goes, nothing overflows."""
    require_plain(nested(DEPTH_LIMIT))
    for depth in (DEPTH_LIMIT + 1, 1_000_000):
        with pytest.raises(InvalidInput, match=f"{DEPTH_LIMIT} levels"):
            require_plain(nested(depth))


def test_a_document_that_is_itself_faulty_is_the_input():
    """There is no field to name."""
    with pytest.raises(InvalidInput, match="The input") as caught:
        require_plain(math.nan)
    assert caught.value.param is None


def test_a_long_key_is_not_repeated_whole():
    """An error stays short."""
    with pytest.raises(InvalidInput) as caught:
        require_plain({"k" * 10_000: math.nan})
    assert len(caught.value.message) < 100


@pytest.mark.parametrize(
    "document",
    [[0] * (COUNT_LIMIT + 1), {"a": [[0]] * (COUNT_LIMIT // 2 + 1)}, [{}] * (COUNT_LIMIT + 1)],
)
def test_a_document_of_too_many_values_is_refused(document):
    """Walking it would hold up every other job; a full context of token ids is walked."""
    with pytest.raises(InvalidInput, match=f"more than {COUNT_LIMIT} values"):
        require_plain(document)
    require_plain([0] * (COUNT_LIMIT - 1))
