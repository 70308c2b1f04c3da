import json
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.engine import Completion, Delta, Reply, Usage
from worker.engine.openai import COMPLAINT_LENGTH, OpenAIEngine, events
from worker.errors import (
    EngineDead,
    EngineError,
    EngineKeyRefused,
    EngineOverloaded,
    EngineRejected,
)

pytestmark = pytest.mark.anyio

USAGE = {"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 8}}
ANSWER = {
    "choices": [{"message": {"content": "골입니다!"}, "finish_reason": "stop"}],
    "usage": USAGE,
    "metrics": {"queue_time_ms": 1.5},
}


async def pieces(parts):
    for part in parts:
        yield part


class Canned(OpenAIEngine):
    """An engine whose every answer is one and the same."""

    model = "canned"

    def __init__(self, *parts, status=200, dead=False):
        self.parts, self.status, self.gone = parts, status, dead
        self.asked = []
        self.open = 0

    @property
    def dead(self):
        return self.gone

    @asynccontextmanager
    async def route(self, method, path, body=None):
        self.asked.append((method, path, body))
        self.open += 1
        try:
            yield Reply(self.status, "application/json", pieces(self.parts))
        finally:
            self.open -= 1

    async def close(self):
        """Nothing to release."""


def document(value):
    return json.dumps(value, ensure_ascii=False).encode()


def sse(*values):
    return b"".join(b"data: " + document(value) + b"\n\n" for value in values) + b"data: [DONE]\n\n"


def chunk(text=None, finish=None, **more):
    return {"choices": [{"delta": {"content": text}, "finish_reason": finish}]} | more


async def test_a_chat_is_its_text_its_end_and_its_cost():
    """One POST without streaming; cached tokens and queue time are read where they are told."""
    engine = Canned(document(ANSWER))
    completion = await engine.chat({"messages": [], "stream": True})
    assert completion == Completion("골입니다!", "stop", Usage(9, 8, 4), 1.5)
    assert engine.asked == [("POST", "/v1/chat/completions", {"messages": [], "stream": False})]


async def test_a_server_that_tells_little_is_understood():
    """No usage, no metrics and no text are nothing, not an error."""
    bare = {"choices": [{"message": {"content": None}, "finish_reason": "length"}], "usage": None}
    assert await Canned(document(bare)).chat({}) == Completion("", "length", Usage(), None)


async def test_a_stream_is_its_pieces_and_then_its_end():
    """Text as it comes; the last delta carries why it ended and what it cost."""
    body = sse(
        chunk(""),
        chunk("골"),
        chunk("!", "stop"),
        {"choices": [], "usage": USAGE} | {"metrics": {"queue_time_ms": 2}},
    )
    engine = Canned(body)
    deltas = [delta async for delta in engine.stream({"model": "m"})]
    assert deltas == [Delta("골"), Delta("!"), Delta("", "stop", Usage(9, 8, 4), 2)]
    [(_, _, asked)] = engine.asked
    assert asked == {"model": "m", "stream": True, "stream_options": {"include_usage": True}}


@st.composite
def cut_streams(draw):
    """Texts, and a stream that tells them in pieces that end anywhere."""
    texts = draw(st.lists(st.text(min_size=1), max_size=4))
    end = draw(st.sampled_from([b"\n", b"\r\n"])) * 2
    told = [b": hello", *(b"data: " + document(text) for text in texts), b"data: [DONE]"]
    whole = b"".join(event + end for event in told)
    cuts = sorted(draw(st.sets(st.integers(0, len(whole)), max_size=8)))
    return texts, [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]


@given(cut_streams())
async def test_however_a_stream_is_cut_its_events_are_the_same(stream):
    """Pieces may end inside a line, inside a line end, inside a character."""
    texts, parts = stream
    assert [json.loads(event) async for event in events(pieces(parts))] == texts


async def test_data_on_several_lines_is_one_event():
    """As the standard has it; other fields are left out."""
    body = pieces([b"event: x\ndata: a\ndata:b\nid: 1\n\n"])
    assert [event async for event in events(body)] == [b"a\nb"]


async def test_a_stream_is_read_to_the_end_of_its_body():
    """A transport keeps a connection only when nothing is left in it."""
    told = []

    async def body():
        for piece in (sse(chunk("a", "stop")), b": bye\n\n", b"data: late\n\n"):
            yield piece
        told.append("end")

    assert len([event async for event in events(body())]) == 1
    assert told == ["end"]


async def test_leaving_a_stream_leaves_its_route():
    """A listener who has heard enough stops the generation."""
    engine = Canned(sse(chunk("a"), chunk("b"), chunk("c", "stop")))
    stream = engine.stream({})
    assert await anext(stream) == Delta("a")
    assert engine.open == 1
    await stream.aclose()
    assert engine.open == 0


@pytest.mark.parametrize(
    ("status", "error", "retryable"),
    [
        (400, EngineRejected, False),
        (404, EngineRejected, False),
        (422, EngineRejected, False),
        (429, EngineOverloaded, True),
        (503, EngineOverloaded, True),
        (500, EngineError, True),
        (502, EngineError, True),
    ],
)
async def test_a_status_is_an_error_that_says_whether_to_try_again(status, error, retryable):
    """For a whole answer, for a stream, and for an error inside a stream alike."""
    told = {"error": {"message": "too long", "code": status}}
    for engine in (Canned(document(told), status=status), Canned(sse(chunk("a"), told))):
        with pytest.raises(error, match="too long") as caught:
            _ = [delta async for delta in engine.stream({})]
        assert type(caught.value) is error
        assert caught.value.retryable is retryable
    with pytest.raises(error, match="too long"):
        await Canned(document(told), status=status).chat({})


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_key_is_not_repeated(status):
    """A server may quote the key it refuses."""
    told = {"error": {"message": "Incorrect API key provided: sk-abc"}}
    with pytest.raises(EngineKeyRefused, match="ENGINE_API_KEY") as caught:
        await Canned(document(told), status=status).chat({})
    assert "sk-abc" not in caught.value.message


async def test_a_refused_key_is_the_operators_mistake():
    """Whoever asked may ask again when it is mended; his request was in order."""
    with pytest.raises(EngineKeyRefused) as caught:
        await Canned(document({}), status=401).chat({})
    assert (caught.value.retryable, caught.value.fault, caught.value.said) == (
        True,
        "operator",
        None,
    )


@pytest.mark.parametrize(
    ("param", "named"),
    [("temperature", "temperature"), ("", None), (None, None), (5, None), (["a"], None)],
)
async def test_a_refusal_names_the_field_that_the_engine_names(param, named):
    """In its own word for it, where that is text."""
    told = {"error": {"message": "too hot", "param": param}}
    with pytest.raises(EngineRejected) as caught:
        await Canned(document(told), status=400).chat({})
    assert caught.value.param == named


@pytest.mark.parametrize("status", [500, 503, 400])
async def test_whatever_a_dead_engine_says_it_is_dead(status):
    """The worker must end; nothing is to be tried again here."""
    with pytest.raises(EngineDead) as caught:
        await Canned(document({"error": "x"}), status=status, dead=True).chat({})
    assert caught.value.fatal


async def test_an_error_inside_a_stream_of_a_dead_engine_is_its_death():
    """A stream had begun with 200 when its engine died."""
    told = {"error": {"message": "EngineCore encountered an issue", "code": 500}}
    with pytest.raises(EngineDead):
        _ = [delta async for delta in Canned(sse(chunk("a"), told), dead=True).stream({})]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b'"text"',
        b"{}",
        b'{"choices": []}',
        b'{"choices": [{"message": 1}]}',
    ],
)
async def test_an_answer_that_cannot_be_read_is_an_engine_error(body):
    """Never a KeyError of ours, never an empty text by guess."""
    with pytest.raises(EngineError):
        await Canned(body).chat({})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        sse(chunk("half")),
        b"data: not json\n\n",
        b"data: []\n\n",
        b'data: {"choices": 1}\n\n',
        b'data: {"choices": [1]}\n\n',
    ],
)
async def test_a_stream_that_ends_before_its_answer_is_an_engine_error(body):
    """A broken line is known as broken."""
    with pytest.raises(EngineError):
        _ = [delta async for delta in Canned(body).stream({})]


@given(st.text())
async def test_a_complaint_is_one_short_line(text):
    """However long a server explains itself, whatever it puts into its answer."""
    for told in (
        document({"error": {"message": text}}),
        document({"detail": text}),
        text.encode(errors="replace"),
    ):
        with pytest.raises(EngineRejected) as caught:
            await Canned(told, status=400).chat({})
        assert len(caught.value.message) <= COMPLAINT_LENGTH + 40
        assert "\n" not in caught.value.message
