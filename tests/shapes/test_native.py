import asyncio
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.shapes.canned import (
    DONE,
    Canned,
    context,
    document,
    event,
    gathered,
    left_open,
    until_it_fails,
)
from worker.engine import About, Usage
from worker.errors import EngineDead, EngineError, EngineRejected, InvalidInput, ResultTooLarge
from worker.shapes import native
from worker.shapes.chunks import json_size
from worker.shapes.native import DEFAULT_MAX_TOKENS, OPTIONS
from worker.shapes.sampling import PARAMETERS

pytestmark = pytest.mark.anyio

CHAT, COMPLETIONS = "/v1/chat/completions", "/v1/completions"
SAY = [{"role": "user", "content": "골"}]
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


def usage(read, written):
    return {"prompt_tokens": read, "completion_tokens": written}


def told(tokens, read, written):
    """The answer as users of RunPod's worker know it."""
    choices = [{"tokens": one} for one in tokens]
    return {"choices": choices, "usage": {"input": read, "output": written}}


def part(text, read, written, index=0, reason=None, *, chat=False):
    """An event of vLLM's that brings a piece of a choice; it counts that choice's tokens."""
    said = {"delta": {"content": text}} if chat else {"text": text}
    choice = {"index": index, "finish_reason": reason, **said}
    return event({"model": "m", "choices": [choice], "usage": usage(read, written)})


def total(read, written):
    """The event of vLLM's that counts all choices' tokens."""
    return event({"choices": [], "usage": usage(read, written)})


def whole(*texts, read=3, written=4, reason="stop"):
    choices = [
        {"index": index, "text": text, "finish_reason": reason} for index, text in enumerate(texts)
    ]
    return document({"model": "m", "choices": choices, "usage": usage(read, written)})


async def asked_for(about=None, **job):
    """The one route and body that a job comes to."""
    engine = Canned(whole("가"), about=about)
    await gathered(native.read({"stream": False} | job), context(engine))
    [(method, path, body)] = engine.asked
    assert method == "POST"
    return path, body


def refusal_of(given_input):
    with pytest.raises(InvalidInput) as caught:
        native.read(given_input)
    return caught.value


async def test_a_prompt_is_completed_as_it_stands():
    """512 tokens, by the model's own name, where nobody says otherwise."""
    path, body = await asked_for(prompt="골")
    assert path == COMPLETIONS
    assert body == {"model": "scripted", "prompt": "골", "max_tokens": 512}


async def test_messages_are_a_chat():
    """Also a prompt that the model's template is wanted around."""
    wanted = (CHAT, {"model": "scripted", "messages": SAY, "max_tokens": 512})
    assert await asked_for(messages=SAY) == wanted
    assert await asked_for(messages=SAY, apply_chat_template=False) == wanted
    assert await asked_for(prompt="골", apply_chat_template=True) == wanted
    assert (await asked_for(prompt="골", apply_chat_template=False))[0] == COMPLETIONS


async def test_the_default_of_tokens_is_never_more_than_the_model_takes():
    """A model of 100 would refuse what nobody asked for; what somebody asked for it may refuse."""
    about = About("scripted", max_model_len=100)
    assert (await asked_for(about, prompt="골"))[1]["max_tokens"] == 100
    assert (await asked_for(about, prompt="골", max_tokens=200))[1]["max_tokens"] == 200
    about = About("scripted", max_model_len=DEFAULT_MAX_TOKENS * 2)
    assert (await asked_for(about, prompt="골"))[1]["max_tokens"] == DEFAULT_MAX_TOKENS


async def test_what_stands_in_sampling_params_goes_first():
    """Beside it, the same name counts where it says nothing there."""
    job = {
        "prompt": "골",
        "temperature": 0.1,
        "max_tokens": 5,
        "sampling_params": {"temperature": 0.9, "top_k": 3, "max_tokens": None},
    }
    _, body = await asked_for(**job)
    assert (body["temperature"], body["max_tokens"], body["top_k"]) == (0.9, 5, 3)


async def test_logprobs_are_asked_for_as_each_route_has_it():
    """A number for completions, a flag and a number for chats."""
    assert (await asked_for(prompt="골", logprobs=2))[1]["logprobs"] == 2
    _, body = await asked_for(messages=SAY, logprobs=2)
    assert (body["logprobs"], body["top_logprobs"]) == (True, 2)


async def test_structured_output_reaches_the_engine():
    """Under any of its names, in sampling_params or beside them."""
    wanted = {"structured_outputs": {"regex": "[가-힣]+"}}
    for given_job in (wanted, {"guided_regex": "[가-힣]+"}):
        for job in (given_job, {"sampling_params": given_job}):
            assert wanted.items() <= (await asked_for(messages=SAY, **job))[1].items()
    fmt = {"response_format": {"type": "json_object"}}
    assert fmt.items() <= (await asked_for(prompt="골", **fmt))[1].items()


async def test_a_model_can_be_named():
    """A LoRA's name, or an alias."""
    assert (await asked_for(prompt="골", model="lora"))[1]["model"] == "lora"


async def test_what_says_nothing_is_as_good_as_left_out():
    """Null is the same as absent."""
    nothing = dict.fromkeys([*OPTIONS, *PARAMETERS])
    assert await asked_for(**nothing | {"prompt": "골"}) == await asked_for(prompt="골")


@pytest.mark.parametrize(
    ("given_input", "param"),
    [
        (5, None),
        ({}, "prompt"),
        ({"prompt": None, "messages": None}, "prompt"),
        ({"prompt": "a", "messages": SAY}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": ["a"]}, "prompt"),
        ({"messages": []}, "messages"),
        ({"messages": "a"}, "messages"),
        ({"messages": [SAY[0], "a"]}, "messages[1]"),
        ({"messages": [{"content": "a"}]}, "messages[0]"),
        ({"messages": [{"role": 1}]}, "messages[0]"),
        ({"prompt": "a", "stream": "true"}, "stream"),
        ({"prompt": "a", "stream": 1}, "stream"),
        ({"prompt": "a", "apply_chat_template": "yes"}, "apply_chat_template"),
        ({"prompt": "a", "sampling_params": [1]}, "sampling_params"),
        ({"prompt": "a", "sampling_params": {"top_k": "5"}}, "sampling_params.top_k"),
        ({"prompt": "a", "sampling_params": {"seed": 2**64}}, "sampling_params.seed"),
        ({"prompt": "a", "guided_json": {"minimum": 2**64}}, "guided_json.minimum"),
        ({"prompt": "a", "sampling_params": {"best_of": 5}}, "sampling_params.best_of"),
        ({"prompt": "a", "temperature": "hot"}, "temperature"),
        ({"prompt": "a", "length_penalty": 1}, "length_penalty"),
        ({"messages": [SAY[0], {"role": "user", "content": 5}]}, "messages[1].content"),
        ({"messages": [{"role": "user", "content": {"text": "a"}}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": True}]}, "messages[0].content"),
        ({"prompt": "a", "max_token": 5}, "max_token"),
        ({"prompt": "a", "format": "xml"}, "format"),
        ({"prompt": "a", "format": ["openai"]}, "format"),
        ({"prompt": "a", "model": 5}, "model"),
        ({"prompt": "a", "max_batch_size": 0}, "max_batch_size"),
        ({"prompt": "a", "min_batch_size": "x"}, "min_batch_size"),
        ({"prompt": "a", "batch_size_growth_factor": 0.5}, "batch_size_growth_factor"),
        ({"prompt": "a", "guided_json": {}, "guided_regex": "a"}, "guided_regex"),
        ({"prompt": "\ud800"}, "prompt"),
        ({"messages": [{"role": "user", "content": "\udfff"}]}, "messages[0].content"),
        ({"prompt": "a", "sampling_params": {"top_p": math.nan}}, "sampling_params.top_p"),
        ({"prompt": "a", "temperature": -math.inf}, "temperature"),
    ],
)
def test_bad_input_is_refused_by_the_name_of_its_field(given_input, param):
    """Before the engine hears of it."""
    assert refusal_of(given_input).param == param


@pytest.mark.parametrize("content", [{"content": None}, {"content": [{"type": "text"}]}, {}])
async def test_a_messages_content_may_be_parts_or_nothing(content):
    """As a message that calls a tool has nothing; what the parts may be the engine judges."""
    messages = [{"role": "assistant", **content}]
    assert (await asked_for(messages=messages))[1]["messages"] == messages


def test_what_is_gone_is_told_at_the_top_too():
    """With what to do instead."""
    assert "n answers" in refusal_of({"prompt": "a", "best_of": 2}).message


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
KNOWN = st.sampled_from([*OPTIONS, *PARAMETERS])


@given(
    JSON
    | st.dictionaries(KNOWN, JSON)
    | st.fixed_dictionaries({"prompt": TEXT, "sampling_params": st.dictionaries(KNOWN, JSON)})
    | st.fixed_dictionaries({"messages": st.lists(st.dictionaries(TEXT, JSON))})
)
async def test_any_json_is_read_or_refused(given_input):
    """Never another exception; what is read can be sent, and what is said can be written."""
    try:
        request = native.read(given_input)
    except InvalidInput as error:
        json.dumps([error.message, error.param], ensure_ascii=False).encode()
    else:
        engine = Canned(document({"choices": []}))
        if not request.stream:
            await gathered(request, context(engine))
        json.dumps(request.body, allow_nan=False).encode()


async def test_a_plain_answer_is_its_tokens_and_its_usage():
    """As users of RunPod's worker know them; the record learns the same."""
    on = context(Canned(whole("골입니다", written=16, read=11)))
    assert await gathered(native.read({"prompt": "골"}), on) == [told([["골입니다"]], 11, 16)]
    record = on.record
    assert (record.model, record.finish, record.usage) == ("m", "stop", Usage(11, 0, 16))


async def test_several_answers_are_several_choices():
    """In the order of their indices, whichever comes first."""
    choices = [
        {"index": 1, "message": {"content": "나"}, "finish_reason": "length"},
        {"index": 0, "message": {"content": None}, "finish_reason": "stop"},
    ]
    on = context(Canned(document({"choices": choices, "usage": usage(1, 2)})))
    request = native.read({"messages": SAY, "n": 2})
    assert await gathered(request, on) == [told([[""], ["나"]], 1, 2)]
    assert on.record.finish == "stop,length"


@pytest.mark.parametrize("chat", [True, False])
async def test_a_stream_is_its_pieces_and_the_totals_so_far(chat):
    """The first at once, the others together; events without text are none."""
    parts = [
        part("", 3, 0, chat=chat),
        part("골", 3, 1, chat=chat),
        part("입니", 3, 2, chat=chat),
        part("다", 3, 4, chat=chat, reason="stop"),
        total(3, 4),
        DONE,
    ]
    engine = Canned(*parts)
    on = context(engine)
    job = {"messages": SAY} if chat else {"prompt": "a"}
    assert await gathered(native.read(job | {"stream": True}), on) == [
        told([["골"]], 3, 1),
        told([["입니", "다"]], 3, 4),
    ]
    assert (on.record.finish, on.record.usage) == ("stop", Usage(3, 0, 4))
    asked = engine.asked[0][2]
    assert asked["stream"] is True
    assert asked["stream_options"] == {"include_usage": True, "continuous_usage_stats": True}


async def test_the_totals_of_a_stream_are_those_of_all_choices():
    """Vllm counts each choice for itself until the end."""
    parts = [part("가", 3, 1, 0), part("나", 3, 1, 1), part("다", 3, 2, 1), total(3, 3), DONE]
    request = native.read({"prompt": "a", "n": 2, "stream": True})
    answers = await gathered(request, context(Canned(*parts)))
    assert answers == [told([["가"], []], 3, 1), told([[], ["나", "다"]], 3, 3)]


async def test_a_stream_without_text_still_says_its_usage():
    """A model may end at once, and its last token may have none."""
    request = native.read({"prompt": "a", "stream": True})
    assert await gathered(request, context(Canned(total(3, 0), DONE))) == [told([[]], 3, 0)]
    parts = [part("가", 3, 1), part("", 3, 2, reason="stop"), total(3, 2), DONE]
    answers = await gathered(request, context(Canned(*parts)))
    assert answers == [told([["가"]], 3, 1), told([[]], 3, 2)]


@given(st.lists(st.tuples(st.integers(0, 2), TEXT)), st.integers(1, 5))
async def test_a_streams_tokens_are_the_whole_text(pieces, most):
    """Of every choice, in chunks of no more pieces than were asked for."""
    parts = [part(text, 1, 1, index) for index, text in pieces]
    job = {"prompt": "a", "n": 3, "stream": True, "max_batch_size": most, "min_batch_size": 1}
    answers = await gathered(native.read(job), context(Canned(b"".join(parts), DONE)))
    for choice in range(3):
        found = [one for answer in answers for one in answer["choices"][choice]["tokens"]]
        assert found == [text for index, text in pieces if index == choice and text]
    assert all(sum(len(one["tokens"]) for one in answer["choices"]) <= most for answer in answers)


async def test_a_large_stream_is_in_chunks_that_the_platform_takes():
    """Each under 1 MB as it travels, whatever the number of choices."""
    parts = [part("가" * 300, 1, 1, index % 128) for index in range(3000)]
    request = native.read({"prompt": "a", "n": 128, "stream": True})
    answers = await gathered(request, context(Canned(b"".join(parts), DONE)))
    assert max(map(json_size, answers)) < 999_000
    assert sum(map(json_size, answers)) > 3000 * 900
    assert len(answers) < 10


@pytest.mark.parametrize("form", ["native", "openai"])
async def test_a_piece_beyond_a_chunk_is_too_large(form):
    """It cannot be cut, and the platform would lose it."""
    request = native.read({"prompt": "a", "stream": True, "format": form})
    engine = Canned(part("가" * 400_000, 1, 1), DONE)
    with pytest.raises(ResultTooLarge):
        await gathered(request, context(engine))
    assert (engine.open, engine.untidy) == (0, 0)


@pytest.mark.parametrize("asked", [{"format": "openai"}, {"use_openai_format": True}])
async def test_the_engines_own_json_can_be_had(asked):
    """Its answer as it is, or one of its chunk objects at a time."""
    request = native.read({"prompt": "a"} | asked)
    answer = whole("가", "나")
    assert await gathered(request, context(Canned(answer))) == [json.loads(answer)]
    parts = [part("가", 1, 1), part("나", 1, 2, reason="stop"), total(1, 2)]
    request = native.read({"prompt": "a", "stream": True} | asked)
    on = context(Canned(*parts, DONE))
    answers = await gathered(request, on)
    assert [event(one) for one in answers] == parts
    assert (on.record.finish, on.record.usage) == ("stop", Usage(1, 0, 2))


@pytest.mark.parametrize("form", ["native", "openai"])
async def test_an_error_inside_a_stream_is_raised(form):
    """After what came before it; the job tells of it in its own way."""
    refusal = {"message": "no", "type": "BadRequestError", "code": 400}
    parts = [part("가", 1, 1), event({"error": refusal}), DONE]
    request = native.read({"prompt": "a", "stream": True, "format": form})
    got, error = await until_it_fails(request, context(Canned(*parts)))
    assert len(got) == 1
    assert (type(error), error.said) == (EngineRejected, refusal)


@pytest.mark.parametrize("stream", [True, False])
async def test_a_refusal_and_a_death_are_the_engines(stream):
    """As on every route."""
    request = native.read({"prompt": "a", "stream": stream})
    refusal = document({"error": {"message": "too long"}})
    _, error = await until_it_fails(request, context(Canned(refusal, status=400)))
    assert type(error) is EngineRejected
    _, error = await until_it_fails(request, context(Canned(refusal, status=500, dead=True)))
    assert type(error) is EngineDead


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"choices": 5},
        {"choices": [5]},
        {"choices": [{"text": 5}]},
        {"choices": [{"text": "a", "index": 1}]},
        {"choices": [{"text": "a", "index": -1}]},
        {"choices": [{"text": "a", "index": "0"}]},
        {"choices": [{"message": 5}]},
    ],
)
@pytest.mark.parametrize("stream", [True, False])
async def test_an_answer_that_is_no_completion_is_an_error(odd, stream):
    """Of the engine's, whatever is wrong with it."""
    parts = [event(odd), DONE] if stream else [document(odd)]
    request = native.read({"prompt": "a", "stream": stream})
    _, error = await until_it_fails(request, context(Canned(*parts)))
    assert type(error) is EngineError


async def test_a_stream_that_breaks_off_is_an_error():
    """What came before is passed on."""
    request = native.read({"prompt": "a", "stream": True})
    got, error = await until_it_fails(request, context(Canned(part("가", 1, 1))))
    assert (got, type(error)) == ([told([["가"]], 1, 1)], EngineError)


@pytest.mark.parametrize("job", [{}, {"stream": True}, {"stream": True, "format": "openai"}])
@pytest.mark.parametrize("parts", [[], [part("가", 1, 1)]])
async def test_whoever_leaves_leaves_the_engine(job, parts):
    """Cancelled while it waits for the first answer or for the next; no task is left behind."""
    engine, before = Canned(*parts, hangs=True), asyncio.all_tasks()
    request = native.read({"prompt": "a"} | job)
    task = asyncio.create_task(gathered(request, context(engine)))
    await asyncio.sleep(0.02)
    assert engine.open == 2
    task.cancel()
    await asyncio.wait([task])
    assert engine.open == 0
    assert asyncio.all_tasks() == before


@pytest.mark.parametrize("form", ["native", "openai"])
async def test_a_stream_that_is_closed_between_two_chunks_leaves_the_engine(form):
    """Also from another task than the one that began it."""
    engine = Canned(part("가", 1, 1), hangs=True)
    request = native.read({"prompt": "a", "stream": True, "format": form})
    answers = request.answers(context(engine))
    await asyncio.create_task(anext(answers))
    await asyncio.create_task(answers.aclose())
    assert engine.open == 0


@pytest.mark.parametrize("job", [{}, {"stream": True}, {"stream": True, "format": "openai"}])
async def test_it_tells_when_all_is_generated(job):
    """Though its answers still wait to be sent."""
    engine = Canned(*([part("가", 1, 1), part("나", 1, 2), DONE] if job else [whole("가")]))
    assert await left_open(native.read({"prompt": "a"} | job), engine) == 0


def test_its_shape_is_native():
    """And it asks the model."""
    request = native.read({"prompt": "a"})
    assert (request.shape, request.generates) == ("native", True)
