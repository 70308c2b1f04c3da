"""The handler: RunPod's job in, our result out, and every error in the wire's one form."""

import asyncio
import gc
import json
import logging
from contextlib import aclosing
from time import perf_counter

import pytest

from tests.fakes import ScriptedEngine, asks_for, fail, hang, obey, unguarded
from tests.rows import request_document, ten_rows
from worker import handler as module
from worker import jobs
from worker.engine import Delta
from worker.errors import EngineDead, EngineOverloaded, EngineRejected, WorkerError
from worker.handler import Handler, error_answer

JOB = {"id": "job-1", "input": request_document()}
PROMPT = {"id": "job-2", "input": {"prompt": "안녕"}}

pytestmark = pytest.mark.anyio


def handler(engine=None, fatal=None, concurrency=8, **options):
    reported = [] if fatal is None else fatal
    made = unguarded(**options)
    return Handler(engine or ScriptedEngine(), made, concurrency, reported.append)


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
    assert set(list(result)[4:]) == {"model", "counts", "usage", "timings", "warnings"}
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
    assert timings["queueMs"] == pytest.approx(1.5, abs=50)
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
    "half a character to echo": (request_document(gameId="1\ud800"), "gameId"),
    "half a character in an id": (with_row(1, actionId="\udfff"), "rawData[1].actionId"),
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
    answers = handler(failing(dead), fatal).answers(JOB)
    await anext(answers)
    assert fatal == [dead]
    await answers.aclose()
    await handler(failing(EngineOverloaded("The queue is full.")), fatal).collect(JOB)
    assert fatal == [dead]


async def test_a_fault_of_ours_is_logged_and_never_shown(caplog):
    """An unexpected exception is answered without its text; the log says what it is, and where."""
    broken = failing(RuntimeError("secret detail"))
    with caplog.at_level(logging.INFO):
        answer = await handler(broken).collect(JOB)
    told = json.loads(answer["error"])
    assert (told["code"], told["retryable"]) == ("internal_error", True)
    assert "RuntimeError" in caplog.text
    assert "fakes.py" in caplog.text
    assert "secret" not in answer["error"] + caplog.text
    with caplog.at_level(logging.DEBUG):
        await handler(broken).collect(JOB)
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


async def settled():
    """Let everything happen that needs no time."""
    for _ in range(50):
        await asyncio.sleep(0)


def error_of(answer):
    return json.loads(answer["error"])


async def test_streamed_lines_and_their_closing_object_are_the_plain_result():
    """Put back in their places, the chunks say what the same job says unstreamed."""
    job = {"id": "job-1", "input": request_document(stream=True, seed=5)}
    *chunks, closing = [answer async for answer in handler().stream(job)]
    plain = await handler().collect({"id": "job-1", "input": request_document(seed=5)})
    assert sorted(chunk["index"] for chunk in chunks) == list(range(10))
    lines = {chunk["index"]: chunk["line"] for chunk in chunks}
    joined = closing | {"script": [lines[index] for index in range(10)]}
    assert joined.keys() == plain.keys()
    for varying in ("timings",):
        assert joined.pop(varying).keys() == plain.pop(varying).keys()
    assert joined == plain


async def test_a_line_leaves_while_others_are_still_being_written():
    """Streaming waits for nobody."""
    engine = ScriptedEngine(lambda body: obey(body) if asks_for(body) == [3] else hang())
    answers = handler(engine).stream({"id": "x", "input": request_document(stream=True)})
    first = await anext(answers)
    assert (first["index"], engine.open) == (3, 9)
    await answers.aclose()
    assert engine.open == 0


async def test_at_its_deadline_a_commentary_is_finished_with_flagged_lines():
    """What is there is kept, what is missing is told from its fact, and `warnings` say which."""
    engine = ScriptedEngine(lambda body: obey(body) if asks_for(body) == [3] else hang())
    result = await handler(engine, deadline_s=0.05).collect(JOB)
    sources = [line["source"] for line in result["script"]]
    assert sources == ["fallback"] * 3 + ["model"] + ["fallback"] * 6
    assert "rawData[0]: deadline_exceeded" in result["warnings"]
    assert engine.open == 0


async def test_at_its_deadline_a_commentary_fails_where_that_is_wanted():
    """With the fallback off, lateness is an error that may be retried, and the engine is free."""
    engine = ScriptedEngine(lambda _body: hang())
    late = handler(engine, deadline_s=0.05, deadline_fallback=False)
    told = error_of(await late.collect(JOB))
    assert (told["code"], told["retryable"]) == ("deadline_exceeded", True)
    assert "0.05 s" in told["message"]
    assert engine.open == 0


async def test_other_jobs_fail_at_the_deadline():
    """Nothing is made up for a prompt: the job fails and its request is ended."""
    engine = ScriptedEngine(route=lambda *_: hang())
    told = error_of(await handler(engine, deadline_s=0.05).collect(PROMPT))
    assert told["code"] == "deadline_exceeded"
    assert engine.open == 0


async def endless(event):
    while True:
        yield Delta(event)
        await asyncio.sleep(0.001)


WORD = 'data: {"choices": [{"index": 0, "text": "골"}]}\n\n'
OPENAI = {"openai_route": "/v1/completions", "openai_input": {"prompt": "a", "stream": True}}


@pytest.mark.parametrize(
    "asked",
    [
        {"prompt": "a", "stream": True},
        {"prompt": "a", "stream": True, "format": "openai"},
        OPENAI,
    ],
    ids=["native", "native as openai", "openai"],
)
async def test_a_stream_ends_at_its_deadline_though_its_last_chunk_is_still_on_its_way(asked):
    """Whoever is busy with a chunk then keeps neither the engine nor the job's turn."""
    engine = ScriptedEngine(route=lambda *_: endless(WORD))
    one = handler(engine, concurrency=1, deadline_s=1.0)
    answers = one.stream({"id": "x", "input": asked})
    async with aclosing(answers):
        await anext(answers)
        assert engine.open == 1
        await asyncio.sleep(1.5)  # nobody asks for the next answer
        assert engine.open == 0
        async with asyncio.timeout(5):
            await one.collect({"id": "y", "input": request_document()})
        *_, last = [answer async for answer in answers]
    assert error_of(last)["code"] == "deadline_exceeded"


async def test_no_more_jobs_generate_at_once_than_there_are_turns():
    """The third of two waits for a place, and has it as soon as there is one."""
    engine = ScriptedEngine(lambda _body: hang())
    two = handler(engine, concurrency=2)
    jobs = [asyncio.create_task(two.collect(JOB)) for _ in range(3)]
    await settled()
    assert engine.open == 20
    assert (two.state.in_flight, two.state.waiting) == (3, 1)
    jobs[0].cancel()
    await settled()
    assert (engine.open, two.state.waiting) == (20, 0)
    for job in jobs[1:]:
        job.cancel()
    await asyncio.gather(*jobs, return_exceptions=True)
    assert (engine.open, two.state.in_flight) == (0, 0)


async def after(seconds, body):
    """What a well-behaved engine answers, a little later."""
    await asyncio.sleep(seconds)
    async for delta in obey(body):
        yield delta


async def test_jobs_have_their_turns_in_order_and_are_told_what_they_waited(caplog):
    """The time until its turn is part of what a job waited; its line in the log has it, too."""
    one = handler(ScriptedEngine(lambda body: after(0.2, body)), concurrency=1)
    with caplog.at_level(logging.INFO, "worker.jobs"):
        results = await asyncio.gather(*[one.collect(JOB) for _ in range(3)])
    told = [result["timings"]["queueMs"] for result in results]
    for waited in (told, [line["waited_ms"] for line in lines_in(caplog)]):
        assert waited[1] >= 190  # unit: milliseconds
        assert waited[2] >= waited[1] + 190


async def test_a_job_that_is_cancelled_while_it_waits_takes_no_turn():
    """Whoever has gone holds no place."""
    engine = ScriptedEngine(lambda _body: hang())
    one = handler(engine, concurrency=1)
    first, waiting = [asyncio.create_task(one.collect(JOB)) for _ in range(2)]
    await settled()
    waiting.cancel()
    first.cancel()
    await asyncio.gather(first, waiting, return_exceptions=True)
    again = asyncio.create_task(one.collect(JOB))
    await settled()
    assert engine.open == 10
    again.cancel()


async def occupied(engine, **options):
    """A handler whose only place is taken and never given back.

    A job in it would end at the same deadline as the next one, perhaps a moment before.
    """
    one = handler(engine, concurrency=1, **options)
    await one._turns.acquire()
    return one


async def test_the_deadline_counts_from_the_taking():
    """A commentary whose turn does not come in time is told from its facts, without the engine."""
    engine = ScriptedEngine()
    one = await occupied(engine, deadline_s=0.1)
    late = await asyncio.wait_for(one.collect(JOB), 10)
    assert {line["source"] for line in late["script"]} == {"fallback"}
    assert engine.bodies == []


async def test_one_that_does_not_keep_its_deadline_is_ended_after_all(monkeypatch):
    """Who says that he ends by himself is given a moment more, and no longer."""
    monkeypatch.setattr(jobs.reading, "read", lambda _document: Unending())
    monkeypatch.setattr(jobs, "LENIENCE_SECONDS", 0.3)
    began = perf_counter()
    answer = await asyncio.wait_for(handler(deadline_s=0.05).collect(JOB), 10)
    assert error_of(answer)["code"] == "deadline_exceeded"
    assert perf_counter() - began >= 0.29


async def test_a_prompt_whose_turn_does_not_come_fails():
    """It is refused as late, and never reaches the engine."""
    engine = ScriptedEngine(route=lambda *_: hang())
    one = await occupied(engine, deadline_s=0.1)
    told = await asyncio.wait_for(one.collect(PROMPT), 10)
    assert error_of(told)["code"] == "deadline_exceeded"
    assert engine.routed == []


async def test_a_job_cannot_have_more_time_than_the_worker_gives():
    """The caller may ask for less, not for more."""
    engine = ScriptedEngine(lambda _body: hang())
    job = {"id": "x", "input": request_document(deadlineSeconds=3600)}
    result = await handler(engine, deadline_s=0.05).collect(job)
    assert {line["source"] for line in result["script"]} == {"fallback"}


async def test_cancelling_while_an_answer_is_posted_frees_the_engine():
    """The SDK cancels its own POST; the generator behind it is closed without a collection."""
    engine = ScriptedEngine(lambda body: obey(body) if asks_for(body) == [3] else hang())
    job = {"id": "x", "input": request_document(stream=True)}
    kept = []

    async def sdk():
        answers = handler(engine).stream(job)
        kept.append(answers)  # as a traceback would
        async for _ in answers:
            await asyncio.Event().wait()

    gc.disable()
    try:
        task = asyncio.create_task(sdk())
        await settled()
        assert engine.open == 9
        task.cancel()
        await settled()
        assert engine.open == 0
    finally:
        gc.enable()


async def slowly(answers, seconds):
    """What a consumer gets that takes its time over each answer, as a POST does."""
    got = []
    async for answer in answers:
        got.append(answer)
        await asyncio.sleep(seconds)
    return got


def plain_reply(*_):
    body = {"choices": [{"index": 0, "text": "가", "finish_reason": "stop"}], "usage": {}}
    return say_all(json.dumps(body))


async def test_a_finished_answer_is_not_late_while_it_is_posted():
    """What has been generated in time is delivered, however slow the platform is."""
    engine = ScriptedEngine(route=plain_reply)
    answers = await slowly(handler(engine, deadline_s=0.2).stream(PROMPT), 0.4)
    assert [answer["choices"] for answer in answers] == [[{"tokens": ["가"]}]]


async def test_streamed_lines_are_not_late_while_they_are_posted():
    """Lines that were ready in time are the model's own, though the last leaves after it."""
    job = {"id": "x", "input": request_document(stream=True)}
    *chunks, closing = await slowly(handler(deadline_s=0.3).stream(job), 0.1)
    assert {chunk["line"]["source"] for chunk in chunks} == {"model"}
    assert closing["warnings"] == []


async def test_a_finished_answer_outlives_the_engine():
    """An engine that dies while an answer is posted has nothing to do with it any more."""
    dying = handler(ScriptedEngine(route=plain_reply))
    answers = dying.stream(PROMPT)
    first = await anext(answers)
    dying.fail(EngineDead("Gone."))
    assert first["choices"]
    assert [answer async for answer in answers] == []
    assert (dying.state.served, dying.state.failed) == (1, 0)


async def test_posting_holds_up_nobody():
    """A job's turn is over when it is generated: the next one generates while it is posted."""
    engine = ScriptedEngine()
    one = handler(engine, concurrency=1)
    first = one.stream(JOB)
    await anext(first)
    result = await asyncio.wait_for(one.collect(JOB), 10)
    assert result["status"] == "DONE"
    await first.aclose()
    assert one.state.in_flight == 0


async def test_a_dead_engine_is_told_by_the_job_that_waits_for_it():
    """Where nobody looks after the engine, too, the worker ends; no turn is lost on the way."""
    fatal = []
    engine = ScriptedEngine()
    engine.dead = True
    one = handler(engine, fatal, concurrency=1)
    waiting = asyncio.create_task(one.collect(JOB))
    await settled()
    assert [error.code for error in fatal] == ["engine_dead"]
    assert not waiting.done()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert (engine.bodies, one._turns.locked()) == ([], False)


async def test_a_fatal_error_fails_what_is_under_way_and_leaves_what_waits():
    """Whoever was begun is answered; whoever was not is left for the platform to place again."""
    fatal = []
    engine = ScriptedEngine(lambda _body: hang())
    one = handler(engine, fatal, concurrency=1)
    begun, waiting = [asyncio.create_task(one.collect(JOB)) for _ in range(2)]
    await settled()
    gone = EngineDead("The engine has died.")
    one.fail(gone)
    one.fail(EngineDead("Again."))
    assert error_of(await begun)["code"] == "engine_dead"
    await settled()
    assert (fatal, waiting.done(), one.state.waiting) == ([gone], False, 1)
    assert (engine.open, len(engine.bodies)) == (0, 10)
    waiting.cancel()


async def test_a_job_whose_turn_comes_because_the_engine_died_waits_for_no_answer_of_it():
    """Those before it failed and made room; it is left for the platform like all that wait."""
    engine = ScriptedEngine()

    async def die(_body):
        await asyncio.sleep(0)
        engine.dead = True
        raise EngineDead("The engine has died.")
        yield

    engine._answer = die
    one = handler(engine, concurrency=1)
    begun, waiting = [asyncio.create_task(one.collect(JOB)) for _ in range(2)]
    assert error_of(await begun)["code"] == "engine_dead"
    await settled()
    assert (waiting.done(), one.state.waiting, len(engine.bodies)) == (False, 1, 10)
    waiting.cancel()


async def test_a_result_that_the_platform_would_refuse_is_an_error(monkeypatch):
    """A clear error is delivered where the result would not be."""
    monkeypatch.setattr(module, "RESULT_LIMIT", 500)
    told = error_of(await handler().collect(JOB))
    assert (told["code"], told["retryable"]) == ("result_too_large", False)


async def test_a_streamed_result_is_measured_as_a_whole(monkeypatch):
    """The platform keeps all chunks as one result."""
    monkeypatch.setattr(module, "RESULT_LIMIT", 500)
    job = {"id": "x", "input": request_document(stream=True)}
    *chunks, last = [answer async for answer in handler().stream(job)]
    assert chunks
    assert error_of(last)["code"] == "result_too_large"


class Said:
    """A request that is answered with what a test gives it."""

    shape, generates, keeps_deadline, deadline_s = "native", False, False, None

    def __init__(self, *given):
        self.given = given

    async def answers(self, _context):
        for one in self.given:
            yield one


class Unending(Said):
    """A request that says it keeps its deadline, and never ends."""

    keeps_deadline = True

    async def answers(self, _context):
        await asyncio.Event().wait()
        yield


async def test_a_result_is_measured_as_the_sdk_sends_it(monkeypatch):
    """The last byte that the platform takes may be used, the next one is refused."""
    said = [{"n": 1}, "공", {"n": 2}]
    body = json.dumps({"output": said}, ensure_ascii=False).encode()
    monkeypatch.setattr(jobs.reading, "read", lambda _document: Said(*said))
    monkeypatch.setattr(module, "RESULT_LIMIT", len(body))
    assert await handler().collect({"id": "x", "input": {}}) == said
    monkeypatch.setattr(module, "RESULT_LIMIT", len(body) - 1)
    told = error_of(await handler().collect({"id": "x", "input": {}}))
    assert told["code"] == "result_too_large"


async def test_an_error_can_always_be_sent():
    """Half a character in a message would leave the job without an answer."""
    answer = error_answer(WorkerError("half \ud800 a character"))
    assert error_of(answer)["message"] == "half ? a character"
    json.dumps(answer, ensure_ascii=False).encode()


def test_openai_clients_read_an_error_of_their_own():
    """Beside our keys stands OpenAI's object: the engine's own, or ours in its form."""
    said = {"message": "No such model.", "type": "NotFoundError", "param": "model", "code": 404}
    told = error_of(error_answer(EngineRejected("No.", said=said), "openai"))
    assert (told["code"], told["error"]) == ("engine_rejected", said)
    own = error_of(error_answer(EngineOverloaded("Full."), "openai"))["error"]
    assert own == {
        "message": "Full.",
        "type": "server_error",
        "param": None,
        "code": "engine_overloaded",
    }
    assert "error" not in error_of(error_answer(EngineOverloaded("Full."), "commentary"))


@pytest.mark.parametrize(
    "document",
    [
        {"openai_route": "/metrics"},
        {"openai_route": "/v1/completions", "openai_input": {"stream": 1}},
        {"openai_input": {}},
    ],
)
async def test_an_openai_job_that_cannot_be_read_is_refused_in_openais_form(document):
    """Whoever called a route reads its error, also where the worker never asked the engine."""
    told = await refused(document)
    assert told["error"]["code"] == told["code"] == "invalid_input"
    assert told["error"]["type"] == "invalid_request_error"


STREAM = {
    "id": "job-3",
    "input": {
        "openai_route": "/v1/chat/completions",
        "openai_input": {"messages": [], "stream": True},
    },
}
EVENT = 'data: {"choices": []}\n\n'


async def test_a_stream_that_is_cut_off_says_so_in_its_last_event():
    """The platform only ends it, and half an answer would look whole to an OpenAI client."""
    engine = ScriptedEngine(route=lambda *_: hang(EVENT))
    first, last, answer = [one async for one in handler(engine, deadline_s=0.2).stream(STREAM)]
    told = json.loads(last.removeprefix("data: "))
    assert (first, told) == (EVENT, {"error": error_of(answer)["error"]})
    assert last.endswith("\n\n")
    assert told["error"]["code"] == "deadline_exceeded"


async def test_what_the_engine_said_of_its_error_is_not_said_twice():
    """Its own event has gone out already."""
    event = f"data: {json.dumps({'error': {'message': 'No.', 'code': 400}})}\n\n"
    engine = ScriptedEngine(route=lambda *_: say_all(EVENT, event))
    *events, answer = [one async for one in handler(engine).stream(STREAM)]
    assert "".join(events) == EVENT + event
    assert error_of(answer)["error"]["message"] == "No."


async def test_a_stream_that_fails_before_its_first_event_is_an_error_only():
    """Nothing was sent, so the platform can still say that the call failed."""
    engine = ScriptedEngine(route=lambda *_: hang())
    answers = [one async for one in handler(engine, deadline_s=0.1).stream(STREAM)]
    assert [error_of(answer)["code"] for answer in answers] == ["deadline_exceeded"]


async def say_all(*texts):
    """Texts, one after the other."""
    for text in texts:
        yield Delta(text)


def lines_in(caplog):
    """The log's lines about jobs, as objects."""
    said = [record.getMessage() for record in caplog.records if record.name == "worker.jobs"]
    return [json.loads(line.removeprefix("job ")) for line in said]


async def test_each_job_has_one_line_in_the_log(caplog):
    """Who, how long, how much and how it ended, as JSON; nothing that was said."""
    with caplog.at_level(logging.INFO, "worker.jobs"):
        await handler().collect(JOB)
    [line] = lines_in(caplog)
    assert {name: line[name] for name in line if not name.endswith("_ms")} == {
        "id": "job-1",
        "shape": "commentary",
        "persona": "CASTER",
        "model": "scripted",
        "repaired": 0,
        "fallback": 0,
        "violations": 0,
        "callback": None,
        "finish": "done",
        "error": None,
        "prompt_tokens": 1000,
        "cached_tokens": 800,
        "completion_tokens": 200,
    }
    assert line["queue_ms"] == 1.5
    assert 0 <= line["waited_ms"] <= line["first_ms"] <= line["total_ms"]


async def test_the_line_of_a_failed_job_has_its_code(caplog):
    """Whatever the job was, the log says what became of it."""
    with caplog.at_level(logging.INFO, "worker.jobs"):
        await refused({"style": "POET"})
        await refused(7)
    assert [(line["shape"], line["finish"], line["error"]) for line in lines_in(caplog)] == [
        ("commentary", "failed", "invalid_input"),
        ("unknown", "failed", "invalid_input"),
    ]


async def test_the_line_of_a_cancelled_job_says_so(caplog):
    """A job that nobody wants any more is no failure."""
    engine = ScriptedEngine(lambda _body: hang())
    with caplog.at_level(logging.INFO, "worker.jobs"):
        task = asyncio.create_task(handler(engine).collect(JOB))
        await settled()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    [line] = lines_in(caplog)
    assert (line["finish"], line["error"]) == ("cancelled", None)


async def test_an_answer_that_nobody_takes_is_a_cancelled_job(caplog):
    """It was generated, and never delivered."""
    one = handler()
    with caplog.at_level(logging.INFO, "worker.jobs"):
        answers = one.stream(JOB)
        await anext(answers)
        await answers.aclose()
    assert lines_in(caplog)[0]["finish"] == "cancelled"
    assert (one.state.served, one.state.failed, one.state.in_flight) == (0, 0, 0)


async def test_the_line_counts_lines_that_were_not_the_models(caplog):
    """Fallbacks are seen in the log."""
    engine = ScriptedEngine(lambda body: obey(body) if asks_for(body) == [3] else hang())
    with caplog.at_level(logging.INFO, "worker.jobs"):
        await handler(engine, deadline_s=0.05).collect(JOB)
    assert lines_in(caplog)[0]["fallback"] == 9


async def test_the_state_counts_what_became_of_jobs():
    """Served and failed add up."""
    counting = handler()
    await counting.collect(JOB)
    await counting.collect({"id": "x", "input": None})
    state = counting.state
    assert (state.served, state.failed, state.in_flight) == (1, 1, 0)


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
