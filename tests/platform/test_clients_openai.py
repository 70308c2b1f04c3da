"""OpenAI's own Python client, on a worker behind the platform."""

import asyncio
import json
import re
from typing import Literal

import jsonschema
import pytest
from openai import APIError, APIStatusError, AsyncOpenAI, InternalServerError, OpenAI
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.fakes import obedient
from tests.platform.ground import Ground
from tests.serving import serving

pytestmark = pytest.mark.engine

SAY = [{"role": "user", "content": "골 장면을 한 문장으로 말해 주세요."}]
KOREAN = r"[가-힣]{20} [가-힣]{20}"
IN_KOREAN = {"structured_outputs": {"regex": KOREAN}}
SAMPLED = {"seed": 3, "temperature": 1.0, "max_tokens": 40}
SCHEMA = {
    "type": "object",
    "properties": {"name": {"enum": ["서온유", "문새벽"]}, "goals": {"enum": [1, 2]}},
    "required": ["name", "goals"],
    "additionalProperties": False,
}
TOOL = {"type": "function", "function": {"name": "goal", "parameters": SCHEMA}}
JSON = {"type": "json_schema", "json_schema": {"name": "goal", "schema": SCHEMA}}
BROKEN = {"message": "It broke.", "type": "InternalServerError", "param": None, "code": 500}


class Goal(BaseModel):
    """What a caller wants to have back."""

    name: Literal["서온유", "문새벽"]
    goals: Literal[1, 2]


def address(standing):
    """What both clients need to know."""
    return {"base_url": f"{standing.base}/openai/v1", "api_key": standing.key, "max_retries": 0}


@pytest.fixture
def client(standing):
    with OpenAI(**address(standing)) as client:
        yield client


def probe(standing):
    """What the worker says of itself."""
    return standing.runsync({"probe": True})["output"][0]


def jobs_of(standing):
    """How many jobs the platform has had."""
    return len(standing.plane.jobs)


def refusal(call):
    """The error with which a call fails: RunPod has no status but 500 for a job that failed."""
    with pytest.raises(InternalServerError) as caught:
        call()
    assert caught.value.status_code == 500
    assert caught.value.body.keys() == {"message", "type", "param", "code"}
    return caught.value


def test_the_model_is_listed_under_all_its_names(client, standing):
    """The first is the model's own, as the probe has it, and the aliases follow."""
    listed = client.models.list()
    assert [model.id for model in listed.data] == [
        probe(standing)["model"]["id"],
        "commentary",
        "caster",
    ]


def test_an_alias_answers(client):
    """And gives its own name."""
    own = client.models.list().data[0].id
    told = client.chat.completions.create(model="caster", messages=SAY, max_tokens=2)
    assert told.model == own


def test_a_chat_is_answered(client):
    """Text, reason and usage are where the client reads them."""
    told = client.chat.completions.create(
        model="commentary", messages=SAY, extra_body=IN_KOREAN, **SAMPLED | {"max_tokens": 200}
    )
    assert re.fullmatch(KOREAN, told.choices[0].message.content)
    assert told.choices[0].finish_reason == "stop"
    assert told.usage.total_tokens == told.usage.prompt_tokens + told.usage.completion_tokens


def test_a_streamed_chat_is_the_plain_one_and_korean_stays_whole(client):
    """The pieces are the text of the same call unstreamed, and the last chunk has the usage."""
    asked = {
        "model": "commentary",
        "messages": SAY,
        "extra_body": IN_KOREAN,
        **SAMPLED,
        "max_tokens": 200,
    }
    plain = client.chat.completions.create(**asked)
    *chunks, last = client.chat.completions.create(
        **asked, stream=True, stream_options={"include_usage": True}
    )
    pieces = [chunk.choices[0].delta.content or "" for chunk in chunks]
    assert len(pieces) > 2
    assert "".join(pieces) == plain.choices[0].message.content
    assert (last.choices, last.usage.completion_tokens) == ([], plain.usage.completion_tokens)


def test_a_json_schema_is_obeyed(client):
    """The text is JSON, and a validator of schemas finds nothing wrong with it."""
    told = client.chat.completions.create(
        model="commentary", messages=SAY, response_format=JSON, **SAMPLED
    )
    jsonschema.validate(json.loads(told.choices[0].message.content), SCHEMA)


def test_an_answer_is_read_into_a_class(client):
    """The client's own way to a schema: `parse` with a pydantic class."""
    told = client.chat.completions.parse(
        model="commentary", messages=SAY, response_format=Goal, **SAMPLED
    )
    assert isinstance(told.choices[0].message.parsed, Goal)


def test_a_tool_is_called(client):
    """With arguments that its schema admits."""
    told = client.chat.completions.create(
        model="commentary",
        messages=SAY,
        tools=[TOOL],
        tool_choice={"type": "function", "function": {"name": "goal"}},
        **SAMPLED,
    )
    [call] = told.choices[0].message.tool_calls
    assert call.function.name == "goal"
    jsonschema.validate(json.loads(call.function.arguments), SCHEMA)


def test_logprobs_come_with_each_token(client):
    """One entry per token, with as many alternatives as were asked for."""
    told = client.chat.completions.create(
        model="commentary", messages=SAY, logprobs=True, top_logprobs=2, max_tokens=5
    )
    entries = told.choices[0].logprobs.content
    assert len(entries) == told.usage.completion_tokens
    assert all(entry.logprob <= 0 and len(entry.top_logprobs) == 2 for entry in entries)


def test_a_streamed_completion_is_the_plain_one(client):
    """The same seed, the same text."""
    asked = {"model": "commentary", "prompt": "골입니다", **SAMPLED}
    plain = client.completions.create(**asked)
    chunks = list(client.completions.create(**asked, stream=True))
    assert "".join(chunk.choices[0].text for chunk in chunks) == plain.choices[0].text != ""
    assert chunks[-1].choices[0].finish_reason == plain.choices[0].finish_reason


def test_a_response_is_answered_and_streamed(client):
    """The newer API: the deltas are the text of the last event, which says how it ended."""
    asked = {"model": "commentary", "input": "골입니다", "max_output_tokens": 12}
    plain = client.responses.create(**asked)
    assert plain.output_text
    assert plain.usage.output_tokens <= 12
    events = list(client.responses.create(**asked, stream=True))
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert events[0].type == "response.created"
    assert events[-1].type in ("response.completed", "response.incomplete")
    assert "".join(deltas) == events[-1].response.output_text != ""


async def test_async_clients_get_each_their_own(standing):
    """Calls side by side, streamed and not, are not crossed."""
    words = ["골입니다", "선방입니다", "코너킥입니다", "파울입니다"]

    async with AsyncOpenAI(**address(standing)) as client:

        async def told(word):
            asked = {"model": "commentary", "messages": SAY}
            asked["extra_body"] = {"structured_outputs": {"choice": [word]}}
            plain = await client.chat.completions.create(**asked)
            stream = await client.chat.completions.create(**asked, stream=True)
            pieces = [chunk.choices[0].delta.content or "" async for chunk in stream]
            return plain.choices[0].message.content, "".join(pieces)

        assert await asyncio.gather(*map(told, words)) == [(word, word) for word in words]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("asked", "code", "words"),
    [
        ({"model": "nobody"}, 404, "nobody"),
        ({"temperature": -1}, 400, "temperature"),
        ({"messages": [{"role": "user", "content": "골 " * 60_000}]}, 400, "context length"),
    ],
    ids=["unknown model", "bad parameter", "prompt too long"],
)
def test_what_the_engine_refuses_is_told_in_its_words(client, asked, code, words, stream):
    """A failed job is a 500 on RunPod: what went wrong stands in OpenAI's error object inside."""
    asked = {"model": "commentary", "messages": SAY} | asked
    error = refusal(lambda: client.chat.completions.create(**asked, stream=stream))
    assert error.body["code"] == code
    assert words in error.body["message"]
    told = error.response.json()
    assert (told["code"], told["retryable"]) == ("engine_rejected", False)


def test_an_impossible_grammar_is_refused(client):
    """What only the grammar's compiler can tell comes back the same way."""
    asked = {"model": "commentary", "messages": SAY}
    asked["extra_body"] = {"structured_outputs": {"regex": "("}}
    error = refusal(lambda: client.chat.completions.create(**asked))
    assert error.body["code"] == 400
    assert "regex" in error.body["message"]


async def breaking(scope, receive, send):
    """An engine whose every stream breaks off after a word."""
    body = await Request(scope, receive).body()
    asked = json.loads(body) if body else {}
    if scope["path"] == "/v1/models":
        answer = JSONResponse({"data": [{"id": "breaking"}]})
    elif asked.get("stream"):
        word = {"choices": [{"index": 0, "delta": {"content": "골"}}]}
        events = [f"data: {json.dumps(event)}\n\n" for event in (word, {"error": BROKEN})]
        answer = Response("".join(events), media_type="text/event-stream")
    else:  # the warm-up
        message = {"content": obedient(asked)}
        answer = JSONResponse({"choices": [{"message": message, "finish_reason": "stop"}]})
    await answer(scope, receive, send)


def test_a_stream_that_breaks_off_raises_in_the_client(tmp_path):
    """Its status is out by then, so the error is the stream's last event, in OpenAI's form."""
    with serving(breaking) as url, Ground(tmp_path) as ground:
        ground.start(ENGINE_URL=url)
        with OpenAI(**address(ground)) as client:
            stream = client.chat.completions.create(model="breaking", messages=SAY, stream=True)
            assert next(stream).choices[0].delta.content == "골"
            with pytest.raises(APIError) as caught:
                next(stream)
        assert caught.value.body == BROKEN
        assert ground.anomalies == []


def test_a_route_that_is_closed_is_refused_by_the_worker(client):
    """In OpenAI's form as well, with one of the worker's own codes."""
    error = refusal(lambda: client.embeddings.create(model="commentary", input="골"))
    assert error.body["code"] == "invalid_input"
    assert error.body["type"] == "invalid_request_error"
    assert error.body["param"] == "openai_route"


def test_the_client_tries_a_failed_job_again_unless_told_not_to(client, standing):
    """A 500 is tried three times by default, however useless: `max_retries=0` is one job."""
    asked = {"model": "nobody", "messages": SAY}
    for patient, jobs in ((client, 1), (client.with_options(max_retries=2), 3)):
        before = jobs_of(standing)
        refusal(lambda patient=patient: patient.chat.completions.create(**asked))
        assert jobs_of(standing) - before == jobs


def test_a_wrong_key_does_not_reach_the_worker(client, standing):
    """The platform refuses it with a status of its own, and no job is made."""
    before = jobs_of(standing)
    with pytest.raises(APIStatusError) as caught:
        client.with_options(api_key="wrong").models.list()
    assert caught.value.status_code == 401
    assert jobs_of(standing) == before


@pytest.mark.parametrize("api", ["chat", "completions"])
def test_a_stream_that_nobody_reads_any_more_frees_the_engine(client, standing, api):
    """Closed after its first chunk, nothing is generated on."""
    endless = {"model": "commentary", "max_tokens": 20_000, "stream": True}
    endless["extra_body"] = {"ignore_eos": True}
    if api == "chat":
        stream = client.chat.completions.create(**endless, messages=SAY)
    else:
        stream = client.completions.create(**endless, prompt="골")
    next(stream)
    assert probe(standing)["engine"]["requests"] == 1
    stream.close()
    standing.until(lambda: probe(standing)["engine"]["requests"] == 0, timeout=5)
