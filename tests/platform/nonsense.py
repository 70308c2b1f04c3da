"""Inputs that nobody should send: any JSON at all, and valid jobs with something wrong in them."""

import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.platform.made import CHAT, COMPLETIONS, MARK, chat, commentary, openai

# What JSON's readers in Python make of everything that callers can write: `1e400` is infinite.
NAMELESS = (float("inf"), float("-inf"), float("nan"))
ODD_NUMBERS = st.sampled_from(
    [0, -1, 2**31, 2**63, 2**64, 10**20, 10**400, 1e308, 5e-324, -0.0, 0.1, True, False, *NAMELESS]
)
WORDS = [
    "NaN",
    "null",
    "1e400",
    "../../etc/passwd",
    "http://127.0.0.1/v1/models",
    "{{7*7}}",
    "%s%n",
    "[|endofturn|]",
]
ODD_TEXTS = st.one_of(
    st.text(st.characters(codec=None), max_size=12),  # half characters, too
    st.sampled_from(["", " ", "\x00", "\ud800", "가\udfff", "\u202e", "가" * 5000, MARK, *WORDS]),
)
SCALARS = st.none() | ODD_NUMBERS | ODD_TEXTS
ANY_JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(ODD_TEXTS | st.just("input"), inner, max_size=4)
    ),
    max_leaves=12,
)

KNOWN = (
    "prompt messages sampling_params stream probe openai_route openai_input style matchInfo "
    "rawData gameId apply_chat_template format n logprobs max_tokens temperature guided_json "
    "structured_outputs stop model tools deadlineSeconds seed response_format top_p "
    "max_batch_size fanout error"
)
KEYS = st.sampled_from(KNOWN.split())
OTHER_ROUTES = [
    "/v1/models",
    "/v1/responses",
    "/tokenize",
    "/metrics",
    "/v1/../metrics",
    "http://host/v1/models",
    "/v1/models?x",
    "/sleep",
]
ROUTES = st.sampled_from([CHAT, COMPLETIONS, f"{CHAT}/", "", *OTHER_ROUTES])

SMALL = {"max_tokens": 4}
VALID = [
    commentary(31, 2),
    commentary(32, 1, stream=True, deadlineSeconds=30, previousScript=["앞 줄입니다."]),
    # No seed: with chunked prefill, which the standing worker has, a seeded prompt that is computed
    # in parts ends vLLM 0.32's engine on a CPU (see CPU_DEFAULTS in worker.engine.vllm_app).
    {"prompt": MARK, "sampling_params": {"temperature": 0.5, "stop": ["끝"], **SMALL}},
    {"messages": [{"role": "user", "content": MARK}], "stream": True, "n": 2, **SMALL},
    {"prompt": MARK, "apply_chat_template": True, "format": "openai", "logprobs": 1, **SMALL},
    {"prompt": MARK, "guided_json": {"type": "object", "properties": {}}, **SMALL},
    chat(MARK, temperature=0.1, stream=True, stream_options={"include_usage": True}, **SMALL),
    chat(MARK, tools=[{"type": "function", "function": {"name": "f", "parameters": {}}}], **SMALL),
    chat(MARK, response_format={"type": "json_object"}, **SMALL),
    openai(COMPLETIONS, prompt=[MARK, MARK], echo=True, logprobs=1, **SMALL),
    openai("/v1/responses", input=MARK, max_output_tokens=4),
    openai("/tokenize", messages=[{"role": "user", "content": MARK}]),
    openai("/v1/models"),
    {"probe": True},
]

# What becomes of a value; what is alike passes those who look at kinds alone.
CHANGES = st.sampled_from(["alike"] * 4 + ["replace", "replace", "remove", "add", "nest"])


@st.composite
def mutants(draw: st.DrawFn) -> Any:
    """A valid job in which up to three values are replaced, added or taken away, at any depth.

    In half of them it is one value, so that many are odd and pass all the same.
    """
    document = copy.deepcopy(draw(st.sampled_from(VALID)))
    for _ in range(draw(st.sampled_from([1, 1, 2, 3]))):
        _mutate(draw, document)
    return document


def _places(document: Any) -> Iterator[tuple[Any, Any]]:
    """Everything that a document holds, as its container and the key or index there."""
    if isinstance(document, dict | list):
        for key in list(document) if isinstance(document, dict) else range(len(document)):
            yield document, key
            yield from _places(document[key])


def _mutate(draw: st.DrawFn, document: Any) -> None:
    places = list(_places(document))
    if not places:
        return
    place, key = draw(st.sampled_from(places))
    what = draw(CHANGES)
    if what == "alike":
        place[key] = draw(_like(place[key]))
    elif what == "remove":
        del place[key]
    elif what == "add" and isinstance(place, dict):
        place[draw(KEYS | ODD_TEXTS)] = draw(ANY_JSON)
    elif what == "nest":
        place[key] = [place[key]]
    else:
        place[key] = draw(ANY_JSON)


def _like(value: Any) -> st.SearchStrategy[Any]:
    """Odd values of the same kind, which readers of types let pass."""
    if isinstance(value, bool):
        return st.just(not value)
    if isinstance(value, str):
        return ODD_TEXTS
    if isinstance(value, list):
        return st.sampled_from([value * 2, value[:1], []])
    return st.just({}) if isinstance(value, dict) else ODD_NUMBERS


# Every kind of input, the likeliest mistakes most often.
INPUTS = st.one_of(
    *(mutants() for _ in range(6)),
    st.dictionaries(KEYS, ANY_JSON, max_size=4),
    st.fixed_dictionaries({"openai_route": ROUTES, "openai_input": ANY_JSON}),
    ANY_JSON,
)


def inputs(count: int) -> list[Any]:
    """So many inputs, of one run of hypothesis."""
    found: list[Any] = []

    @settings(
        max_examples=count,
        derandomize=True,  # what vLLM itself stumbles over differs from one nonsense to the next
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        deadline=None,
    )
    @given(INPUTS)
    def collect(document: Any) -> None:
        found.append(document)

    collect()
    return found
