"""The handler: RunPod's job in, our result out, and every error in the wire's one form."""

import json
import logging

import pytest

from tests.fakes import ScriptedEngine, fail
from tests.rows import request_document, ten_rows
from worker.commentary.pipeline import CommentaryOptions
from worker.errors import EngineDead, EngineOverloaded, EngineRejected
from worker.handler import Handler

JOB = {"id": "job-1", "input": request_document()}

pytestmark = pytest.mark.anyio


def handler(engine=None, fatal=None):
    reported = [] if fatal is None else fatal
    return Handler(engine or ScriptedEngine(), CommentaryOptions(), reported.append)


def failing(error):
    return ScriptedEngine(lambda _body: fail(error))


async def refused(document):
    """The error that a document gets, as a caller decodes it."""
    answer = await handler().collect({"id": "job-1", "input": document})
    assert list(answer) == ["error"]
    return json.loads(answer["error"])


def with_row(index, **changes):
    rows = ten_rows()
    rows[index] |= changes
    return request_document(rawData=rows)


async def test_a_result_has_the_keys_that_clients_read_first():
    """The contract's keys come first and in order; ours come after them."""
    result = await handler().collect(JOB)
    assert list(result)[:4] == ["jobId", "gameId", "status", "script"]
    assert set(list(result)[4:]) == {"model", "usage", "timings", "warnings"}
    for line in result["script"]:
        assert list(line) == ["actionId", "timeSeconds", "tone", "description", "source"]


async def test_the_script_echoes_ids_and_times_as_strings_in_input_order():
    """Ids and times are the input's own, written by code."""
    result = await handler().collect(JOB)
    assert [line["actionId"] for line in result["script"]] == [str(n) for n in range(2330, 2340)]
    assert result["script"][0]["timeSeconds"] == "1850.867"
    assert (result["jobId"], result["gameId"], result["status"]) == ("job-1", "990001", "DONE")


async def test_usage_and_timings_say_what_the_job_took():
    """Tokens are summed over the job's requests; times are in milliseconds."""
    result = await handler().collect(JOB)
    assert result["usage"] == {
        "promptTokens": 1000,
        "cachedTokens": 800,
        "completionTokens": 200,
    }
    timings = result["timings"]
    assert timings["queueMs"] == 1.5
    assert 0 < timings["firstLineMs"] <= timings["totalMs"]
    assert result["model"] == "scripted"


async def test_a_result_is_json():
    """What goes to the SDK can be written as strict JSON."""
    result = await handler().collect(JOB)
    assert json.loads(json.dumps(result, allow_nan=False)) == result


async def test_both_faces_give_the_same_answer():
    """The production generator yields what the local coroutine returns."""
    [streamed] = [answer async for answer in handler().stream(JOB)]
    collected = await handler().collect(JOB)
    assert streamed["script"] == collected["script"]


BAD = {
    "no rawData": (request_document(rawData=None), "rawData"),
    "an empty rawData": (request_document(rawData=[]), "rawData"),
    "too many actions": (
        request_document(rawData=[{**row, "actionId": n} for n, row in enumerate(ten_rows() * 3)]),
        "rawData",
    ),
    "a repeated action id": (with_row(4, actionId=2330), "rawData[4].actionId"),
    "an unknown style": (request_document(style="POET"), "style"),
    "a place off the pitch": (with_row(3, startX=110.5), "rawData[3].startX"),
    "a negative time": (with_row(2, timeSeconds=-1), "rawData[2].timeSeconds"),
    "a row that is no object": (request_document(rawData=[*ten_rows(), 7]), "rawData[10]"),
    "a word for a number": (with_row(6, endY="left"), "rawData[6].endY"),
}


@pytest.mark.parametrize("case", BAD)
async def test_bad_input_names_its_field(case):
    """Each mistake is `invalid_input`, not retryable, with the field in `param` and the message."""
    document, param = BAD[case]
    error = await refused(document)
    assert (error["code"], error["param"], error["retryable"]) == ("invalid_input", param, False)
    assert param in error["message"]
    assert "\n" not in error["message"]


@pytest.mark.parametrize("document", [None, [], "text", 7, True])
async def test_a_document_that_is_no_object_is_refused(document):
    """Whatever stands in `input`, the caller gets a coded error."""
    assert (await refused(document))["code"] == "invalid_input"


async def test_bad_input_never_reaches_the_engine():
    """A refused job costs no generation."""
    engine = ScriptedEngine()
    await handler(engine).collect({"id": "x", "input": request_document(style="POET")})
    assert engine.bodies == []


@pytest.mark.parametrize(
    ("error", "code", "retryable"),
    [
        (EngineRejected("The prompt is too long."), "engine_rejected", False),
        (EngineOverloaded("The queue is full."), "engine_overloaded", True),
        (EngineDead("The engine is gone."), "engine_dead", True),
    ],
)
async def test_an_engine_failure_keeps_its_code(error, code, retryable):
    """What the engine refuses or cannot do is told with its own code."""
    answer = await handler(failing(error)).collect(JOB)
    told = json.loads(answer["error"])
    assert (told["code"], told["retryable"]) == (code, retryable)
    assert told["message"] == error.message


async def test_only_a_dead_engine_ends_the_worker():
    """A fatal error is reported once, before its answer; a passing one is not reported."""
    fatal = []
    dead = EngineDead("The engine is gone.")
    answers = handler(failing(dead), fatal).stream(JOB)
    await anext(answers)
    assert fatal == [dead]
    await answers.aclose()
    await handler(failing(EngineOverloaded("The queue is full.")), fatal).collect(JOB)
    assert fatal == [dead]


async def test_a_fault_of_ours_is_logged_and_never_shown(caplog):
    """An unexpected exception is answered without its text; the log has the traceback."""
    with caplog.at_level(logging.ERROR):
        answer = await handler(failing(RuntimeError("secret detail"))).collect(JOB)
    told = json.loads(answer["error"])
    assert (told["code"], told["retryable"]) == ("internal_error", True)
    assert "secret" not in answer["error"]
    assert "secret detail" in caplog.text


async def test_a_jobs_data_never_reaches_the_log(caplog):
    """At INFO the log names jobs, not players."""
    with caplog.at_level(logging.INFO):
        await handler().collect(JOB)
        await refused(with_row(6, endY="강누림"))
    assert not any(name in caplog.text for name in ("서온유", "강누림", "가온"))


async def test_the_sdk_posts_a_plain_job_as_a_list_of_one_object(monkeypatch):
    """In production the unmodified SDK sends `output` as a list with our result in it."""
    sent = await posted(monkeypatch, JOB)
    assert [sorted(sent), len(sent["output"])] == [["output"], 1]
    assert len(sent["output"][0]["script"]) == 10


async def test_the_sdk_posts_a_failed_job_as_one_json_string(monkeypatch):
    """In production a refused job is FAILED with an error that decodes."""
    sent = await posted(monkeypatch, {"id": "job-2", "input": {"style": "POET"}})
    assert list(sent) == ["error"]
    assert json.loads(sent["error"])["code"] == "invalid_input"


async def posted(monkeypatch, job):
    """What the SDK's own production code would send for a job."""
    from runpod.serverless.modules import rp_job

    sent = []

    async def send_result(_session, result, _job, is_stream=False):
        sent.append(result)

    async def stream_result(_session, _result, _job):
        return None

    monkeypatch.setattr(rp_job, "send_result", send_result)
    monkeypatch.setattr(rp_job, "stream_result", stream_result)
    config = {"handler": handler().stream, "return_aggregate_stream": True, "rp_args": {}}
    await rp_job.handle_job(None, config, job)
    [result] = sent
    return result
