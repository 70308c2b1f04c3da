import asyncio
import json
from contextlib import aclosing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.shapes.canned import (
    DONE,
    Canned,
    context,
    cut,
    document,
    event,
    gathered,
    left_open,
    until_it_fails,
)
from worker.engine import Usage
from worker.errors import (
    EngineDead,
    EngineError,
    EngineKeyRefused,
    EngineOverloaded,
    EngineRejected,
    InvalidInput,
    ResultTooLarge,
)
from worker.shapes import openai
from worker.shapes.chunks import CHUNK_LIMIT, json_size
from worker.shapes.openai import ROUTES

pytestmark = pytest.mark.anyio

CHAT = "/v1/chat/completions"
REFUSAL = {"message": "too long", "type": "BadRequestError", "param": "prompt", "code": 400}
USAGE = {"prompt_tokens": 5, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}}


def job(path=CHAT, **body):
    return {"openai_route": path, "openai_input": body}


def streamed(path=CHAT, **body):
    return openai.read(job(path, stream=True, **body))


def refusal_of(given):
    with pytest.raises(InvalidInput) as caught:
        openai.read(given)
    return caught.value


@pytest.mark.parametrize("path", ROUTES)
def test_the_routes_are_these(path):
    """Each by its exact path and one method; only what makes the model write waits for its turn."""
    request = openai.read({"openai_route": path} | ({} if path == "/v1/models" else job(path)))
    assert request.shape == "openai"
    assert request.path == path
    assert request.generates is (path not in ("/v1/models", "/tokenize"))
    assert (request.body is None) is (path == "/v1/models")


@pytest.mark.parametrize(
    "path",
    [
        None,
        "",
        5,
        [CHAT],
        "/",
        "/health",
        "/metrics",
        "/detokenize",
        "/v1/load_lora_adapter",
        "/v1/messages",
        "v1/models",
        "/v1/models/",
        "/v1/models?a=1",
        "/v1/models#a",
        "//v1/models",
        "/v1/../v1/models",
        "/v1/x/../models",
        "/%761/models",
        "/v1/models\n",
        "/V1/models",
        "http://host/v1/models",
        "//host/v1/models",
        "/v1/responses/resp_1/cancel",
        "\ud800",
    ],
)
def test_nothing_else_can_be_reached(path):
    """No host, no way round, no administrative route; the error says what there is."""
    error = refusal_of({"openai_route": path, "openai_input": {}})
    assert error.param == "openai_route"
    if path != "\ud800":
        assert all(known in error.message for known in ROUTES)


@given(st.text(max_size=40))
def test_a_path_is_a_route_only_if_it_is_written_as_one(path):
    """Whatever else it is, it is refused."""
    if path not in ROUTES:
        refusal_of({"openai_route": path, "openai_input": {}})


@pytest.mark.parametrize(
    ("given", "param"),
    [
        (5, None),
        ({"openai_route": CHAT}, "openai_input"),
        ({"openai_route": CHAT, "openai_input": [1]}, "openai_input"),
        ({"openai_route": "/v1/models", "openai_input": {"a": 1}}, "openai_input"),
        (job(stream="true"), "openai_input.stream"),
        (job(stream=1), "openai_input.stream"),
        (job(structured_outputs=[]), "openai_input.structured_outputs"),
        (job("/v1/responses", background=True), "openai_input.background"),
        (job("/v1/responses", background="yes"), "openai_input.background"),
        (job(messages=[{"content": "\ud800"}]), "openai_input.messages[0].content"),
        (job(temperature=float("nan")), "openai_input.temperature"),
        (job(temperature=float("inf")), "openai_input.temperature"),
    ],
)
def test_bad_input_is_refused_by_the_name_of_its_field(given, param):
    """Before the engine hears of it."""
    assert refusal_of(given).param == param


def test_only_responses_have_a_background():
    """Elsewhere the word means nothing, and vLLM ignores it."""
    assert openai.read(job(background=True)).body == {"background": True}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("\ud800"),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=10,
    ),
    st.sampled_from([*ROUTES, "/other"]),
)
def test_any_json_is_read_or_refused(body, path):
    """Never another exception."""
    for given_input in (body, {"openai_route": path, "openai_input": body}, {"openai_route": body}):
        try:
            openai.read(given_input)
        except InvalidInput as error:
            json.dumps([error.message, error.param], ensure_ascii=False).encode()


async def test_an_answer_is_passed_on_whole():
    """Asked with the model's own name where none is given; the record learns what it says."""
    told = {
        "model": "m",
        "choices": [
            {"index": 1, "finish_reason": "length"},
            {"index": 0, "finish_reason": "stop", "message": {"content": "가", "x": [1]}},
        ],
        "usage": USAGE,
        "metrics": {"queue_time_ms": 1.5},
    }
    engine = Canned(*cut(document(told), [3, 40]))
    on = context(engine)
    request = openai.read(job(messages=[], temperature=0.5))
    assert await gathered(request, on) == [told]
    assert engine.asked == [
        ("POST", CHAT, {"model": "scripted", "messages": [], "temperature": 0.5})
    ]
    record = on.record
    assert (record.model, record.usage, record.queue_ms) == ("m", Usage(5, 4, 2), 1.5)
    assert record.finish == "stop,length"


async def test_a_model_that_is_named_is_asked_for():
    """A LoRA's name, or an alias."""
    engine = Canned(document({}))
    await gathered(openai.read(job(model="lora")), context(engine))
    assert engine.asked[0][2] == {"model": "lora"}


async def test_models_are_asked_for_without_a_body():
    """With GET, whatever RunPod puts in its place."""
    for body in ({}, {"openai_input": None}, {"openai_input": {}}):
        engine = Canned(document({"data": []}))
        on = context(engine)
        request = openai.read({"openai_route": "/v1/models"} | body)
        assert await gathered(request, on) == [{"data": []}]
        assert engine.asked == [("GET", "/v1/models", None)]
        assert on.record.finish == "done"


async def test_tokens_are_never_streamed():
    """Nothing is generated there, whatever the body says."""
    request = openai.read(job("/tokenize", stream=True))
    assert await gathered(request, context(Canned(document({"count": 1})))) == [{"count": 1}]


@pytest.mark.parametrize("odd", [{}, {"usage": 5}, {"choices": 3}, {"choices": [None, {}]}])
async def test_an_odd_answer_is_passed_on_and_teaches_nothing(odd):
    """It is the client's to judge."""
    assert await gathered(openai.read(job()), context(Canned(document(odd)))) == [odd]


@st.composite
def cut_streams(draw):
    """Events, and the pieces that their bytes arrive in."""
    texts = draw(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=9)))
    found = [
        event({"choices": [{"index": 0, "delta": {"content": text}}]}).decode() for text in texts
    ]
    if draw(st.booleans()):
        found = [f"event: x\nid: 1\n{one}" for one in found] + [": nothing yet\n\n"]
    whole = "".join([*found, DONE.decode()])
    end = draw(st.sampled_from(["\n", "\r\n"]))
    pieces = cut(whole.replace("\n", end).encode(), draw(st.lists(st.integers(0, 999))))
    return whole, pieces


@given(cut_streams())
async def test_a_stream_is_whole_events_however_it_is_cut(stream):
    """Nothing lost, no character cut, `event:` lines and [DONE] as they are."""
    whole, pieces = stream
    texts = await gathered(streamed(), context(Canned(*pieces)))
    assert "".join(texts) == whole
    assert all(text.endswith("\n\n") for text in texts)


async def test_a_stream_that_is_no_unicode_is_still_text():
    """A server elsewhere may send anything; nothing else could be POSTed."""
    texts = await gathered(streamed(), context(Canned(event(b"\xff"), DONE)))
    assert "".join(texts) == "data: \ufffd\n\ndata: [DONE]\n\n"


async def test_a_streams_events_teach_the_record():
    """Model, usage and the reason for the end, in whichever event they stand."""
    parts = [
        event({"model": "m", "choices": [{"index": 0, "finish_reason": None}]}),
        event({"choices": [{"index": 0, "finish_reason": "stop"}]}),
        event({"choices": [], "usage": USAGE}),
        DONE,
    ]
    on = context(Canned(*parts))
    await gathered(streamed(), on)
    assert (on.record.model, on.record.finish, on.record.usage) == ("m", "stop", Usage(5, 4, 2))


@pytest.mark.parametrize("path", [CHAT, "/v1/completions"])
@pytest.mark.parametrize(
    "options",
    [
        None,
        {},
        {"include_usage": None},
        {"include_usage": False, "other": 1},
        {"continuous_usage_stats": True},
    ],
)
async def test_a_streams_tokens_are_noted_though_its_client_does_not_ask(path, options):
    """The engine is asked for them; what it says is not passed on, and the rest is as it was."""
    parts = [event({"choices": [{"index": 0}]}), event({"choices": [], "usage": USAGE}), DONE]
    engine = Canned(*parts)
    on = context(engine)
    texts = await gathered(streamed(path, stream_options=options), on)
    assert "".join(texts) == (parts[0] + DONE).decode()
    assert on.record.usage == Usage(5, 4, 2)
    asked = engine.asked[0][2]["stream_options"]
    assert asked.pop("include_usage") is True
    assert not asked.pop("continuous_usage_stats", False)  # vLLM gives none to who wants no usage
    assert asked == {name: value for name, value in (options or {}).items() if name == "other"}


@pytest.mark.parametrize(
    "options",
    [
        {"include_usage": True},
        {"include_usage": True, "continuous_usage_stats": True},
        {"include_usage": "true"},
        "all",
        [],
    ],
)
async def test_a_client_that_asks_for_tokens_gets_what_it_asked_for(options):
    """As it wrote it, and whatever comes; what is no object the engine refuses."""
    parts = [event({"choices": [{"index": 0}]}), event({"choices": [], "usage": USAGE}), DONE]
    engine = Canned(*parts)
    texts = await gathered(streamed(stream_options=options), context(engine))
    assert "".join(texts) == b"".join(parts).decode()
    assert engine.asked[0][2]["stream_options"] == options


async def test_an_event_without_choices_or_usage_is_passed_on():
    """Only what was asked for on our own account is kept back."""
    parts = [event({"choices": []}), event({"choices": [], "usage": None}), event({"a": 1}), DONE]
    texts = await gathered(streamed(), context(Canned(*parts)))
    assert "".join(texts) == b"".join(parts).decode()


async def test_responses_are_asked_as_they_stand():
    """They tell their usage anyway."""
    end = event({"type": "response.completed", "response": {}})
    engine = Canned(end)
    await gathered(streamed("/v1/responses"), context(engine))
    assert engine.asked[0][2] == {"model": "scripted", "stream": True}


@pytest.mark.parametrize("stream", [True, False])
async def test_it_tells_when_all_is_generated(stream):
    """Though its answers still wait to be sent."""
    engine = Canned(*([event({}), event({}), DONE] if stream else [document({})]))
    assert await left_open(openai.read(job(stream=stream)), engine) == 0


async def test_it_tells_of_the_end_of_a_stream_that_failed():
    """The engine is free, whoever still reads what came before."""
    engine = Canned(event({}), event({}), event({"error": REFUSAL}))
    assert await left_open(streamed(), engine) == 0


@pytest.mark.parametrize("last", ["completed", "failed", "incomplete"])
async def test_responses_end_in_their_own_way(last):
    """With the event that holds the whole response."""
    usage = {"input_tokens": 7, "output_tokens": 3, "input_tokens_details": {"cached_tokens": 1}}
    response = {"object": "response", "status": last, "model": "m", "usage": usage}
    end = event({"type": f"response.{last}", "response": response})
    on = context(Canned(event({"type": "response.created"}), end))
    texts = await gathered(streamed("/v1/responses"), on)
    assert texts[-1].endswith(end.decode())
    assert (on.record.finish, on.record.usage) == (last, Usage(7, 1, 3))


async def test_a_large_stream_is_in_chunks_that_the_platform_takes():
    """Each under 1 MB as it travels; together they are the stream."""
    events = [event({"text": "가" * 50_000}) for _ in range(20)]
    texts = await gathered(streamed(), context(Canned(b"".join(events), DONE)))
    assert "".join(texts) == b"".join([*events, DONE]).decode()
    assert max(map(json_size, texts)) < CHUNK_LIMIT
    assert len(texts) < len(events)


async def test_an_event_beyond_a_chunk_is_too_large():
    """It cannot be cut, and the platform would lose it."""
    engine = Canned(event({"text": "가" * 400_000}), DONE)
    with pytest.raises(ResultTooLarge):
        await gathered(streamed(), context(engine))
    assert (engine.open, engine.untidy) == (0, 0)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, EngineRejected), (404, EngineRejected), (429, EngineOverloaded), (500, EngineError)],
)
@pytest.mark.parametrize("stream", [True, False])
async def test_a_refusal_says_what_the_engine_said(status, kind, stream):
    """As its status has it, with the error object for clients who know its form."""
    engine = Canned(document({"error": REFUSAL}), status=status)
    got, error = await until_it_fails(openai.read(job(stream=stream)), context(engine))
    assert (got, type(error), error.said) == ([], kind, REFUSAL)
    assert error.param == (REFUSAL["param"] if kind is EngineRejected else None)
    assert "too long" in error.message


async def test_an_answer_that_failed_inside_fails_the_job():
    """A response that failed has status 200; passed on, the SDK would write it as a repr."""
    failed = {"object": "response", "status": "failed", "error": REFUSAL}
    _, error = await until_it_fails(
        openai.read(job("/v1/responses", input="x")), context(Canned(document(failed)))
    )
    assert (type(error), error.said) == (EngineRejected, REFUSAL)


async def test_an_answer_whose_error_is_null_is_a_good_one():
    """So a response that succeeded says it."""
    done = {"object": "response", "status": "completed", "error": None}
    got = await gathered(
        openai.read(job("/v1/responses", input="x")), context(Canned(document(done)))
    )
    assert got == [done]


async def test_a_refusal_that_is_no_json_is_one_all_the_same():
    """A proxy's words; there is no error object then."""
    for body in (b"Bad Gateway", b'{"detail": "no"}', b"[1]"):
        _, error = await until_it_fails(streamed(), context(Canned(body, status=502)))
        assert (type(error), error.said) == (EngineError, None)


async def test_a_refused_key_is_not_repeated():
    """The engine's answer may quote it."""
    engine = Canned(document({"error": {"message": "bad key sk-1"}}), status=401)
    _, error = await until_it_fails(streamed(), context(engine))
    assert (type(error), error.said) == (EngineKeyRefused, None)
    assert "sk-1" not in error.message


@pytest.mark.parametrize(
    "told",
    [
        {"error": REFUSAL},
        {**REFUSAL, "type": "error"},
        {"error": "too long"},
        {"error": {"code": 400, "detail": "too long"}},
        {"error": ["too long"]},
    ],
)
async def test_an_error_inside_a_stream_is_passed_on_and_then_raised(told):
    """Its client reads it, and the job fails."""
    parts = [event({"choices": []}), event(told), DONE]
    on = context(Canned(*parts))
    got, error = await until_it_fails(streamed(), on)
    assert "".join(got) == b"".join(parts[:2]).decode()
    assert "too long" in error.message
    assert on.record.finish == "cancelled"
    assert error.said.keys() >= {"message", "type", "param", "code"}
    assert "too long" in error.said["message"]
    if "message" in told.get("error", told):
        assert type(error) is EngineRejected
        assert error.said["message"] == "too long"


@pytest.mark.parametrize("told", [REFUSAL, "EngineCore died"])
async def test_a_death_that_was_passed_on_is_known_as_said(told):
    """Nobody says it a second time in the same stream."""
    engine = Canned(event({}), event({"error": told}), DONE, dead=True)
    got, error = await until_it_fails(streamed(), context(engine))
    assert "".join(got) == (event({}) + event({"error": told})).decode()
    assert type(error) is EngineDead
    assert error.said == (REFUSAL if told == REFUSAL else error.said)
    assert error.said["message"]


async def test_a_key_that_was_refused_inside_a_stream_is_not_said_again():
    """Its client has read what the server wrote; the job's error is of our own words."""
    told = {"error": {"message": "bad key sk-1", "code": 401}}
    _, error = await until_it_fails(streamed(), context(Canned(event(told), DONE)))
    assert type(error) is EngineKeyRefused
    assert "sk-1" not in error.said["message"]


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [event({})],
        [event({}), b"data: [DO"],
        [event({}), b"data: [DONE]"],
        [event({}), EngineError("broken")],
    ],
)
async def test_a_stream_that_breaks_off_is_an_error(parts):
    """Half an answer is never taken for a whole one; what came is passed on."""
    engine = Canned(*parts)
    got, error = await until_it_fails(streamed(), context(engine))
    assert "".join(got) == ("data: {}\n\n" if parts else "")
    assert type(error) is EngineError
    assert engine.open == 0


@pytest.mark.parametrize(
    ("stream", "parts", "status"),
    [
        (False, [document({"error": REFUSAL})], 500),
        (True, [document({"error": REFUSAL})], 500),
        (True, [event({"error": REFUSAL})], 200),
        (True, [event({})], 200),
    ],
)
async def test_a_dead_engines_every_answer_is_its_death(stream, parts, status):
    """However it shows: a refusal, an error inside a stream, a stream that breaks off."""
    engine = Canned(*parts, status=status, dead=True)
    _, error = await until_it_fails(openai.read(job(stream=stream)), context(engine))
    assert type(error) is EngineDead


@pytest.mark.parametrize("parts", [[], [event({})]])
@pytest.mark.parametrize("stream", [True, False])
async def test_whoever_leaves_leaves_the_engine(parts, stream):
    """Cancelled while it waits for the first answer or for the next; no task is left behind."""
    engine, before = Canned(*parts, hangs=True), asyncio.all_tasks()

    async def listen():
        await gathered(openai.read(job(stream=stream)), context(engine))

    task = asyncio.create_task(listen())
    await asyncio.sleep(0.02)
    assert engine.open == 2
    task.cancel()
    await asyncio.wait([task])
    assert engine.open == 0
    assert asyncio.all_tasks() == before


async def test_a_stream_that_is_closed_between_two_chunks_leaves_the_engine():
    """Also from another task than the one that began it."""
    engine = Canned(event({}), hangs=True)
    answers = streamed().answers(context(engine))
    assert await asyncio.create_task(anext(answers)) == "data: {}\n\n"
    await asyncio.create_task(answers.aclose())
    assert engine.open == 0


async def test_the_first_event_does_not_wait_for_the_second():
    """Somebody is listening."""
    engine = Canned(event({}), hangs=True)
    async with asyncio.timeout(5), aclosing(streamed().answers(context(engine))) as answers:
        assert await anext(answers) == "data: {}\n\n"
