"""The native and the OpenAI shape on the real engine."""

import asyncio
import json
import re
from contextlib import aclosing

import pytest

from tests.shapes.canned import context, gathered
from worker.errors import EngineRejected
from worker.shapes import native, openai

pytestmark = [pytest.mark.engine, pytest.mark.anyio]

KOREAN = r"[가-힣]{20} [가-힣]{20}"
SCHEMA = {
    "type": "object",
    "properties": {"name": {"enum": ["손흥민", "이강인"]}, "goals": {"enum": [1, 2]}},
    "required": ["name", "goals"],
    "additionalProperties": False,
}
SAY = [{"role": "user", "content": "골 장면을 한 문장으로 말해 주세요."}]
TOOL = {
    "type": "function",
    "function": {"name": "goal", "parameters": SCHEMA},
}


async def ask_openai(engine, path, body=None):
    """What a job with `openai_route` yields, and what is noted of it."""
    on = context(engine)
    job = {"openai_route": path, "openai_input": body}
    return await gathered(openai.read(job), on), on.record


async def ask(engine, **job):
    """What a job with a prompt or messages yields, and what is noted of it."""
    on = context(engine)
    return await gathered(native.read(job), on), on.record


def data_of(text):
    """What the events of a stream's text say; the text is whole events and nothing else."""
    assert text.endswith("\n\n")
    found = [
        line[6:] for one in text.split("\n\n") for line in one.split("\n") if line[:6] == "data: "
    ]
    return [one if one == "[DONE]" else json.loads(one) for one in found]


def joined_text(answers, choice=0):
    """The text of one choice of all chunks."""
    return "".join("".join(one["choices"][choice]["tokens"]) for one in answers)


async def is_idle(engine, *, tries=100):
    """Whether the engine holds no request, or soon does not; `tries` are 10 ms apart."""
    for _ in range(tries):
        if not engine._client.output_processor.has_unfinished_requests():
            return True
        await asyncio.sleep(0.01)
    return False


async def test_models_are_listed_under_all_their_names(engine):
    """The model's own and its aliases, in vLLM's own words."""
    [listed], record = await ask_openai(engine, "/v1/models")
    assert [model["id"] for model in listed["data"]] == [engine.model, "commentary", "caster"]
    assert record.finish == "done"


async def test_a_prompt_is_tokenized(engine):
    """The tokens and how many the model may take."""
    [told], _ = await ask_openai(engine, "/tokenize", {"prompt": "골입니다!"})
    assert told["count"] == len(told["tokens"]) > 0
    assert told["max_model_len"] > 0


@pytest.mark.parametrize("model", [None, "commentary"])
async def test_a_chat_is_vllms_whole_answer(engine, model):
    """Under any of its names; the record learns model, tokens and end."""
    named = {"model": model} if model else {}
    body = {"messages": SAY, "max_tokens": 8, "ignore_eos": True} | named
    [told], record = await ask_openai(engine, "/v1/chat/completions", body)
    assert told["object"] == "chat.completion"
    assert told["model"] == record.model == engine.model
    assert record.usage.completion == told["usage"]["completion_tokens"] == 8
    assert record.usage.prompt == told["usage"]["prompt_tokens"]
    assert record.finish == "length"
    assert record.queue_ms is not None


async def test_a_streamed_chat_is_vllms_own_events(engine):
    """Whole events up to [DONE]; the pieces are the text, and Korean is never cut."""
    body = {
        "messages": SAY,
        "stream": True,
        "structured_outputs": {"regex": KOREAN},
        "max_tokens": 200,
        "stream_options": {"include_usage": True},
    }
    texts, record = await ask_openai(engine, "/v1/chat/completions", body)
    events = [data for text in texts for data in data_of(text)]
    assert events[-1] == "[DONE]"
    choices = [one["choices"][0] for one in events[:-1] if one["choices"]]
    assert re.fullmatch(KOREAN, "".join(one["delta"].get("content") or "" for one in choices))
    assert record.finish == choices[-1]["finish_reason"] == "stop"
    assert record.usage.completion == events[-2]["usage"]["completion_tokens"] > 0
    assert len(texts) < len(events)


@pytest.mark.parametrize(
    "options", [None, {"include_usage": False}, {"continuous_usage_stats": True}]
)
@pytest.mark.parametrize(
    ("path", "asking"),
    [("/v1/chat/completions", {"messages": SAY}), ("/v1/completions", {"prompt": "골"})],
)
async def test_tokens_are_noted_though_the_client_does_not_ask(engine, path, asking, options):
    """The stream is the one that vLLM gives to such a client: nothing about usage in it."""
    body = asking | {"max_tokens": 5, "ignore_eos": True, "stream": True}
    texts, record = await ask_openai(engine, path, body | {"stream_options": options})
    *events, last = [data for text in texts for data in data_of(text)]
    assert last == "[DONE]"
    assert all(one["choices"] and one.get("usage") is None for one in events)
    assert record.usage.completion == 5
    assert record.usage.prompt > 0
    assert record.queue_ms is not None


async def test_a_client_that_counts_on_as_it_goes_may(engine):
    """Each event has its tokens so far, and the last one has nothing else."""
    options = {"include_usage": True, "continuous_usage_stats": True}
    body = {"messages": SAY, "max_tokens": 5, "ignore_eos": True, "stream": True}
    asked = body | {"stream_options": options}
    texts, record = await ask_openai(engine, "/v1/chat/completions", asked)
    *events, _ = [data for text in texts for data in data_of(text)]
    counted = [one["usage"]["completion_tokens"] for one in events]
    assert counted == sorted(counted)
    assert counted[-1] == record.usage.completion == 5
    assert events[-1]["choices"] == []


NAMED = {"type": "function", "function": {"name": "goal"}}


async def test_a_named_tool_is_called_as_its_schema_has_it(engine):
    """Tools pass through, and so does the call."""
    body = {"messages": SAY, "tools": [TOOL], "tool_choice": NAMED, "max_tokens": 60}
    [told], _ = await ask_openai(engine, "/v1/chat/completions", body)
    [call] = told["choices"][0]["message"]["tool_calls"]
    assert call["function"]["name"] == "goal"
    assert json.loads(call["function"]["arguments"])["name"] in ("손흥민", "이강인")


async def test_a_tool_call_is_streamed(engine):
    """Its arguments come in pieces, whole when joined."""
    body = {"messages": SAY, "tools": [TOOL], "tool_choice": NAMED, "stream": True}
    texts, record = await ask_openai(engine, "/v1/chat/completions", body | {"max_tokens": 60})
    deltas = [
        one["choices"][0]["delta"]
        for text in texts
        for one in data_of(text)
        if one != "[DONE]" and one["choices"]
    ]
    calls = [call["function"] for one in deltas for call in one.get("tool_calls") or ()]
    arguments = "".join(call.get("arguments") or "" for call in calls)
    assert json.loads(arguments).keys() == {"name", "goals"}
    assert record.finish in ("stop", "tool_calls")


@pytest.mark.parametrize("choice", ["auto", "required", "none"])
async def test_tools_are_taken_whatever_the_choice(engine, choice):
    """Cut off after five tokens, which is no call yet."""
    body = {"messages": SAY, "tools": [TOOL], "tool_choice": choice, "max_tokens": 5}
    [told], _ = await ask_openai(engine, "/v1/chat/completions", body)
    assert told["choices"][0]["message"]["role"] == "assistant"


async def test_a_response_format_is_kept_to(engine):
    """A JSON schema, as OpenAI's clients send it."""
    wanted = {"type": "json_schema", "json_schema": {"name": "goal", "schema": SCHEMA}}
    body = {"messages": SAY, "response_format": wanted, "max_tokens": 60}
    [told], _ = await ask_openai(engine, "/v1/chat/completions", body)
    assert json.loads(told["choices"][0]["message"]["content"]).keys() == {"name", "goals"}


async def test_logprobs_pass_through(engine):
    """One for every token, with as many rivals as asked for."""
    body = {"messages": SAY, "logprobs": True, "top_logprobs": 2, "max_tokens": 3}
    [told], _ = await ask_openai(engine, "/v1/chat/completions", body)
    found = told["choices"][0]["logprobs"]["content"]
    assert len(found) == told["usage"]["completion_tokens"]
    assert all(len(one["top_logprobs"]) == 2 for one in found)


@pytest.mark.parametrize("stream", [True, False])
async def test_completions_pass_through(engine, stream):
    """A prompt as it stands, streamed or not."""
    body = {"prompt": "골", "max_tokens": 5, "ignore_eos": True, "stream": stream}
    answers, record = await ask_openai(engine, "/v1/completions", body)
    told = data_of("".join(answers))[0] if stream else answers[0]
    assert told["object"] == "text_completion"
    assert record.finish == "length"


async def test_responses_pass_through(engine):
    """The newer route, whose usage and end have other names."""
    body = {"input": "골 장면을 말해 주세요.", "max_output_tokens": 6}
    [told], record = await ask_openai(engine, "/v1/responses", body)
    assert told["object"] == "response"
    assert record.finish == told["status"]
    assert record.usage.completion == told["usage"]["output_tokens"] > 0
    assert record.usage.prompt == told["usage"]["input_tokens"] > 0


async def test_streamed_responses_keep_the_names_of_their_events(engine):
    """They end with response.completed, not with [DONE]."""
    body = {"input": "골 장면을 말해 주세요.", "max_output_tokens": 6, "stream": True}
    texts, record = await ask_openai(engine, "/v1/responses", body)
    events = "".join(texts).removesuffix("\n\n").split("\n\n")
    names = [one.split("\n")[0] for one in events]
    assert names[0] == "event: response.created"
    assert names[-1] == "event: response.completed"
    assert all(f"event: {data_of(one + chr(10) * 2)[0]['type']}" in one for one in events)
    assert record.finish in ("completed", "incomplete")
    assert record.usage.completion > 0


@pytest.mark.parametrize(
    ("path", "body", "about"),
    [
        ("/v1/chat/completions", {"messages": SAY, "temperature": -1}, "temperature"),
        ("/v1/chat/completions", {"messages": {}}, "messages"),
        ("/v1/chat/completions", {"messages": SAY, "model": "nobody"}, "nobody"),
        ("/v1/completions", {"prompt": "골 " * 100_000}, "context"),
        ("/v1/responses", {"input": "골", "previous_response_id": "resp_1"}, "resp_1"),
        ("/tokenize", {}, "prompt"),
    ],
)
async def test_what_vllm_refuses_is_refused_in_its_words(engine, path, body, about):
    """Its error object is kept for clients who know its form."""
    with pytest.raises(EngineRejected) as caught:
        await ask_openai(engine, path, body)
    assert about in caught.value.said["message"]
    assert caught.value.said["type"]
    assert caught.value.said["code"] in (400, 404)
    assert caught.value.param == caught.value.said["param"]


async def test_jobs_that_give_the_same_request_id_do_not_meet(engine):
    """Each gets its own answer, and the end of one is not the end of the other."""
    body = {"messages": SAY, "request_id": "same", "max_tokens": 40, "ignore_eos": True}
    on = context(engine)
    job = {"openai_route": "/v1/chat/completions", "openai_input": body | {"stream": True}}
    other = asyncio.create_task(ask_openai(engine, "/v1/chat/completions", body))
    async with aclosing(openai.read(job).answers(on)) as left:
        await anext(left)
    [told], _ = await other
    assert told["usage"]["completion_tokens"] == 40


def endless(job, *, stream):
    """The request of a job that would take minutes."""
    more = {"max_tokens": 4000, "ignore_eos": True}
    if "openai_route" in job:
        return openai.read(job | {"openai_input": job["openai_input"] | more | {"stream": stream}})
    return native.read(
        job | {"sampling_params": job.get("sampling_params", {}) | more, "stream": stream}
    )


ENDLESS = [
    {"openai_route": "/v1/chat/completions", "openai_input": {"messages": SAY}},
    {"messages": SAY},
    {"messages": SAY, "format": "openai"},
    {"prompt": "골", "sampling_params": {"n": 2}},
]


@pytest.mark.parametrize("job", ENDLESS)
async def test_a_stream_that_is_closed_frees_the_engine(engine, job):
    """Between two chunks, also from another task than the one that began it."""
    before = asyncio.all_tasks()
    answers = endless(job, stream=True).answers(context(engine))
    await asyncio.create_task(anext(answers))
    assert not await is_idle(engine, tries=1)
    await asyncio.create_task(answers.aclose())
    assert await is_idle(engine)
    assert asyncio.all_tasks() == before


@pytest.mark.parametrize("job", ENDLESS)
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("after", [0, 0.4])
async def test_whoever_is_cancelled_frees_the_engine(engine, job, stream, after):
    """Before the first token or in the middle, nothing is generated on; `after` is in seconds."""
    before = asyncio.all_tasks()
    listening = asyncio.create_task(gathered(endless(job, stream=stream), context(engine)))
    await asyncio.sleep(after)
    if after:
        assert not await is_idle(engine, tries=1)
    listening.cancel()
    await asyncio.wait([listening])
    assert listening.cancelled()
    assert await is_idle(engine)
    assert asyncio.all_tasks() == before


async def test_a_prompt_is_gone_on_from(engine):
    """Tokens and usage as users of RunPod's worker know them."""
    params = {"max_tokens": 7, "ignore_eos": True}
    [told], record = await ask(engine, prompt="골입니다", sampling_params=params)
    [tokenized], _ = await ask_openai(engine, "/tokenize", {"prompt": "골입니다"})
    assert told.keys() == {"choices", "usage"}
    assert told["usage"] == {"input": tokenized["count"], "output": 7}
    assert [len(one["tokens"]) for one in told["choices"]] == [1]
    assert (record.model, record.finish) == (engine.model, "length")


@pytest.mark.parametrize("ask_for", [{"messages": SAY}, {"prompt": "골"}])
async def test_the_pieces_of_a_stream_are_the_plain_answer(engine, ask_for):
    """With the same seed, all chunks' tokens are the text, and the last totals are its usage."""
    params = {"max_tokens": 60, "seed": 3, "temperature": 1.0, "ignore_eos": True}
    [plain], _ = await ask(engine, **ask_for, sampling_params=params)
    chunks, record = await ask(engine, **ask_for, sampling_params=params, stream=True)
    assert joined_text(chunks) == joined_text([plain]) != ""
    assert chunks[-1]["usage"] == plain["usage"] == {"input": record.usage.prompt, "output": 60}
    totals = [one["usage"]["output"] for one in chunks]
    assert totals == sorted(totals)
    assert all(piece for one in chunks for piece in one["choices"][0]["tokens"])


async def test_a_prompt_with_the_template_is_what_a_user_said(engine):
    """The same tokens as the message, and more than the bare prompt."""
    params = {"max_tokens": 1}
    text = SAY[0]["content"]
    [bare], _ = await ask(engine, prompt=text, sampling_params=params)
    [said], _ = await ask(engine, prompt=text, apply_chat_template=True, sampling_params=params)
    [message], _ = await ask(engine, messages=SAY, sampling_params=params)
    assert said["usage"]["input"] == message["usage"]["input"] > bare["usage"]["input"]


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("stream", [True, False])
async def test_several_answers_are_several_choices(engine, n, stream):
    """Each with its own pieces; tokens are those of all."""
    params = {"n": n, "max_tokens": 9, "ignore_eos": True, "seed": 1}
    answers, _ = await ask(engine, prompt="골", sampling_params=params, stream=stream)
    assert all(len(one["choices"]) == n for one in answers)
    assert all(joined_text(answers, choice) for choice in range(n))
    assert answers[-1]["usage"]["output"] == 9 * n


@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize("name", ["guided_regex", "structured_outputs"])
async def test_a_regex_is_kept_to(engine, name, inside):
    """Under the older name too, and wherever it stands."""
    given = {name: {"regex": KOREAN} if name == "structured_outputs" else KOREAN}
    job = {"sampling_params": given} if inside else given
    chunks, _ = await ask(engine, messages=SAY, stream=True, **job)
    assert re.fullmatch(KOREAN, joined_text(chunks))


@pytest.mark.parametrize(
    "given",
    [
        {"guided_json": SCHEMA},
        {"guided_json": json.dumps(SCHEMA)},
        {"structured_outputs": {"json": SCHEMA}},
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "g", "schema": SCHEMA},
            }
        },
    ],
)
@pytest.mark.parametrize("ask_for", [{"messages": SAY}, {"prompt": "골"}])
async def test_a_schema_is_kept_to(engine, ask_for, given):
    """On either route, in any of its spellings."""
    [told], _ = await ask(engine, **ask_for, sampling_params=given)
    assert json.loads(joined_text([told])).keys() == {"name", "goals"}


async def test_a_choice_and_a_grammar_are_kept_to(engine):
    """The other older names."""
    [told], _ = await ask(engine, prompt="골", guided_choice=["손흥민", "이강인"])
    assert joined_text([told]) in ("손흥민", "이강인")
    grammar = 'start: "골!" | "선방!"'
    [told], _ = await ask(engine, prompt="골", guided_grammar=grammar)
    assert joined_text([told]) in ("골!", "선방!")


async def test_512_tokens_are_written_where_nobody_says(engine):
    """Not 16, as vLLM would."""
    [told], _ = await ask(engine, prompt="골", ignore_eos=True)
    assert told["usage"]["output"] == 512


@pytest.mark.parametrize("ask_for", [{"messages": SAY}, {"prompt": "골"}])
async def test_the_engines_own_json_can_be_had(engine, ask_for):
    """Its answer, or one of its chunk objects at a time, logprobs included."""
    job = ask_for | {"format": "openai", "sampling_params": {"max_tokens": 4, "logprobs": 1}}
    [told], _ = await ask(engine, **job)
    kind = "chat.completion" if "messages" in ask_for else "text_completion"
    assert told["object"] == kind
    assert told["choices"][0]["logprobs"]
    chunks, _ = await ask(engine, **job, stream=True)
    assert all(one["object"].startswith(kind) for one in chunks)
    assert chunks[-1]["usage"]["completion_tokens"] == 4


@pytest.mark.parametrize(
    "job",
    [
        {"prompt": "골", "sampling_params": {"temperature": -1}},
        {"prompt": "골", "sampling_params": {"top_p": 7}},
        {"prompt": "골", "structured_outputs": {}},
        {"prompt": "골", "guided_regex": "("},
        {"prompt": "골", "max_tokens": -5},
        {"prompt": "골", "logit_bias": {"x": 1}},
        {"prompt": "골", "allowed_token_ids": [10**9]},
        {"prompt": "골 " * 100_000},
        {"messages": [{"role": "user"}, {"role": "user", "content": [5]}]},
        {"messages": [{"role": "assistant", "content": None, "tool_calls": 5}]},
        {"prompt": "골", "model": "nobody"},
    ],
)
@pytest.mark.parametrize("stream", [True, False])
async def test_what_only_vllm_can_judge_it_judges(engine, job, stream):
    """A range, a length, a grammar: refused in its words, and the engine lives on."""
    with pytest.raises(EngineRejected) as caught:
        await ask(engine, **job, stream=stream)
    assert caught.value.said["message"]
    assert not engine.dead
