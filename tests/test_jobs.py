"""A job's callback: posted before the job is answered, whatever it comes to, once."""

import asyncio
import json
import threading
from contextlib import aclosing, contextmanager
from dataclasses import replace

import pytest

from tests.callbacks.receivers import QUICK, SECRET, Receiver
from tests.fakes import ScriptedEngine, fail, hang, unguarded
from tests.rows import request_document
from tests.serve.service import events, http_service
from tests.serving import serving
from worker.callbacks import Callbacks
from worker.errors import EngineDead, EngineOverloaded
from worker.handler import Handler
from worker.settings import Settings

pytestmark = pytest.mark.anyio

ALLOWED = {"callback_allowed_hosts": ("127.0.0.1",), "callback_secret": SECRET.decode()}


@contextmanager
def receiving(*answers):
    """A receiver, and its address."""
    receiver = Receiver(*answers)
    with serving(receiver) as url:
        yield receiver, f"{url}/results"


def handler(engine=None, fatal=None, default=None, observe=lambda _record: None, **options):
    settings = Settings(**ALLOWED, callback_url=default)
    return Handler(
        *(engine or ScriptedEngine(), unguarded(**options), 8),
        (fatal if fatal is not None else []).append,
        callbacks=Callbacks.of(settings, pace=QUICK),
        observe=observe,
    )


def job(url=None, **changes):
    callback = {"callback": {"url": url}} if url else {}
    return {"id": "job-1", "input": request_document(**callback, **changes)}


DELIVERED = {"status": "delivered", "attempts": 1, "statusCode": 200, "reason": None}
FAILED_KEYS = ["jobId", "gameId", "status", "errorCode", "errorMessage", "script"]


async def test_the_result_is_posted_and_the_answer_says_so():
    """What is posted is the result; the answer is the same with what became of that."""
    with receiving() as (receiver, url):
        result = await handler().collect(job(url))
    assert result.pop("callback") == DELIVERED
    assert receiver.documents() == [result]
    assert receiver.keys == ["job-1"]
    assert receiver.stamps()


async def test_of_a_streamed_job_the_whole_result_is_posted():
    """Its receiver hears of one result, with its script."""
    with receiving() as (receiver, url):
        *chunks, closing = await handler().collect(job(url, stream=True))
    [posted] = receiver.documents()
    assert posted["script"] == [
        chunk["line"] for chunk in sorted(chunks, key=lambda chunk: chunk["index"])
    ]
    assert closing.pop("callback") == DELIVERED
    assert {key: posted[key] for key in closing} == closing


async def test_where_a_job_names_nobody_callback_url_is_told():
    """The operator's own receiver gets what nobody else does."""
    with receiving() as (receiver, url):
        result = await handler(default=url).collect(job())
    assert result["callback"] == DELIVERED
    assert len(receiver.asked) == 1


async def test_without_a_callback_nothing_is_said_of_one():
    """Neither the answer nor the log's line."""
    seen = []
    result = await handler(observe=seen.append).collect(job())
    assert "callback" not in result
    assert [record.callback for record in seen] == [None]


async def test_a_job_that_failed_is_posted_as_failed():
    """Every key that the receiver requires, and the error says what became of it."""
    engine = ScriptedEngine(lambda _body: fail(EngineOverloaded("full")))
    with receiving() as (receiver, url):
        answer = await handler(engine).collect(job(url))
    error = json.loads(answer["error"])
    [posted] = receiver.documents()
    assert list(posted) == FAILED_KEYS
    assert (posted["status"], posted["script"]) == ("FAILED", [])
    assert (posted["errorCode"], posted["errorMessage"]) == (error["code"], error["message"])
    assert error["callback"] == DELIVERED


@pytest.mark.parametrize("changes", [{"style": "POET"}, {"rawData": None}, {"matchInfo": 7}])
async def test_a_job_that_cannot_be_read_is_posted_as_failed(changes):
    """Its callback and its game are read apart from the rest."""
    with receiving() as (receiver, url):
        await handler().collect(job(url, **changes))
    [posted] = receiver.documents()
    assert (posted["errorCode"], posted["gameId"]) == ("invalid_input", "990001")


async def test_a_callback_that_cannot_be_used_fails_the_job_and_callback_url_hears_of_it():
    """Nothing is generated for nobody."""
    engine = ScriptedEngine()
    with receiving() as (receiver, url):
        answer = await handler(engine, default=url).collect(job("http://elsewhere.example/"))
    error = json.loads(answer["error"])
    assert (error["code"], error["param"]) == ("invalid_input", "callback.url")
    assert [posted["errorCode"] for posted in receiver.documents()] == ["invalid_input"]
    assert engine.bodies == []


async def test_a_delivery_that_fails_does_not_fail_the_job():
    """The answer is there, and says what the receiver said."""
    seen = []
    with receiving(404) as (receiver, url):
        result = await handler(observe=seen.append).collect(job(url))
    assert result["status"] == "DONE"
    assert result["callback"] == {
        "status": "failed",
        "attempts": 1,
        "statusCode": 404,
        "reason": "status",
    }
    assert [(record.finish, record.callback) for record in seen] == [("done", "failed")]
    assert len(receiver.asked) == 1


async def test_a_delivery_holds_up_no_other_job():
    """The turn is over by then: with one place, a second job is answered meanwhile."""
    settings = Settings(**ALLOWED)
    one = Handler(
        *(ScriptedEngine(), unguarded(), 1, print),
        callbacks=Callbacks.of(settings, pace=replace(QUICK, total=0.5)),
    )
    with receiving(None) as (receiver, url):
        first = asyncio.create_task(one.collect(job(url)))
        while not receiver.asked:  # noqa: ASYNC110  # of another thread's
            await asyncio.sleep(0.01)
        assert (await one.collect(job()))["status"] == "DONE"
        assert not first.done()
        await first


async def test_a_job_that_is_cancelled_posts_nothing():
    """Whoever cancels knows."""
    engine = ScriptedEngine(lambda _body: hang())
    with receiving() as (receiver, url):
        task = asyncio.create_task(handler(engine).collect(job(url)))
        while not engine.open:  # noqa: ASYNC110  # a count has no event
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
    assert receiver.asked == []


async def test_a_result_that_is_there_reaches_its_receiver_though_its_caller_goes():
    """The engine is free by then; the job is over, and counted, when the receiver has answered."""
    gate, seen = threading.Event(), []
    receiver = Receiver(200)

    async def slow(scope, receive, send):
        while not gate.is_set():  # noqa: ASYNC110  # of another thread's
            await asyncio.sleep(0.01)
        await receiver(scope, receive, send)

    with serving(slow) as url:
        task = asyncio.create_task(handler(observe=seen.append).collect(job(url)))
        await asyncio.sleep(0.3)
        task.cancel()
        await asyncio.sleep(0.1)
        assert not seen
        gate.set()
        await asyncio.wait([task])
    assert [posted["status"] for posted in receiver.documents()] == ["DONE"]
    assert [(record.finish, record.callback) for record in seen] == [("cancelled", "delivered")]


async def test_a_dying_worker_does_not_wait_for_a_receiver():
    """The answers have two seconds to leave, and a receiver that takes its own time has one."""
    engine = ScriptedEngine(lambda _body: fail(EngineDead("gone")))
    with receiving(None) as (_, url):
        answer = await asyncio.wait_for(handler(engine).collect(job(url)), 20)
    error = json.loads(answer["error"])
    assert (error["code"], error["callback"]["reason"]) == ("engine_dead", "timeout")


async def test_of_a_dead_engine_the_receiver_hears():
    """The worker is told first: its end has begun while the callback is on its way."""
    fatal, engine = [], ScriptedEngine(lambda _body: fail(EngineDead("gone")))
    with receiving() as (receiver, url):
        await handler(engine, fatal).collect(job(url))
    assert [posted["errorCode"] for posted in receiver.documents()] == ["engine_dead"]
    assert [error.code for error in fatal] == ["engine_dead"]


async def test_other_shapes_have_no_callback():
    """CALLBACK_URL is told of commentaries; a prompt's answer is nobody's script."""

    def route(*_):
        raise EngineOverloaded("full")

    with receiving() as (receiver, url):
        made = handler(ScriptedEngine(route=route), default=url)
        for document in ({"prompt": "안녕"}, {"probe": True}, {"nothing": 1}):
            async with aclosing(made.answers({"id": "1", "input": document})) as answers:
                assert [answer async for answer in answers]
    assert receiver.asked == []


async def test_over_http_a_callback_works_the_same():
    """As JSON, in the last event of a stream, and in an error."""
    with receiving() as (receiver, url), http_service(**ALLOWED) as service:
        call = asyncio.to_thread
        plain = await call(service.post, request_document(callback={"url": url}))
        stream = request_document(callback={"url": url}, stream=True)
        streamed = await call(service.post, stream)
        wrong = request_document(callback={"url": url}, style="POET")
        failed = await call(service.post, wrong)
    assert plain.json()["callback"] == DELIVERED
    assert events(streamed)[-1][1]["callback"] == DELIVERED
    assert failed.json()["callback"] == DELIVERED
    statuses = [posted["status"] for posted in receiver.documents()]
    assert statuses == ["DONE", "DONE", "FAILED"]
    assert receiver.keys[0] == plain.json()["jobId"]
