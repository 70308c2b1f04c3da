"""How a job goes through each door: on our real service, on the real platform, and against fakes.

The fakes are real servers on loopback, too, which answer as no service of ours would.
"""

import asyncio
import json
import sys
import threading
from contextlib import asynccontextmanager
from itertools import islice
from time import perf_counter

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from benchmarks.load import doors
from benchmarks.load.doors import (
    UNREADABLE,
    Failed,
    Raw,
    RunStream,
    RunSync,
    Service,
    events,
)
from benchmarks.load.driving import client
from benchmarks.load.jobs import documents
from benchmarks.windows import ROWS
from tests.fakes import USAGE, ScriptedEngine, fail, obedient
from tests.platform.faults import Call
from tests.platform.ground import Ground
from tests.serve.service import http_service
from tests.serving import serving
from worker.commentary.pipeline import CommentaryOptions
from worker.engine import Usage
from worker.errors import EngineOverloaded

pytestmark = pytest.mark.anyio

DOCUMENT = next(documents())
RESULT = {
    "status": "DONE",
    "model": "a model",
    "counts": {"model": 1, "repaired": 1, "fallback": 0, "violations": {}},
    "usage": {"promptTokens": 10, "cachedTokens": 4, "completionTokens": 5},
}
LINE = {"line": {"description": "가."}, "index": 0}
SCRIPT = {**RESULT, "script": [LINE["line"]] * 2}
ERROR = {"error": json.dumps({"code": "engine_overloaded", "retryable": True})}


async def sent(door, document=DOCUMENT, key=None):
    """What a job comes to, and when it was sent."""
    prepared = await door.prepare(document)
    async with client(key) as session:
        began = perf_counter()
        return await door.send(session, prepared), began


async def failure(door, document=DOCUMENT, key=None):
    """How a job fails."""
    with pytest.raises(Failed) as caught:
        await sent(door, document, key)
    return caught.value.kind


@pytest.fixture
def first_line(monkeypatch):
    """Set as soon as a door has noted that its first line is there."""
    there = asyncio.Event()

    def now():
        there.set()
        return perf_counter()

    monkeypatch.setattr(doors, "perf_counter", now)
    return there


async def sent_before(there, first_line, door, document=DOCUMENT, key=None):
    """A job whose end waits for `there`, which is set once its first line has come; and when."""
    job = asyncio.create_task(sent(door, document, key))
    await first_line.wait()
    opened = perf_counter()
    there()
    told, _ = await job
    return told, opened


def answering(*answers):
    """A server that gives these answers, whatever it is asked, and the last one for ever."""
    left = list(answers)

    async def answer(_request):
        return left.pop(0) if len(left) > 1 else left[0]

    return serving(Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])]))


def stream(*told):
    """Server-sent events out of names and documents."""
    text = "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in told)
    return Response(text, media_type="text/event-stream")


class TestService:
    """POST /v1/commentary."""

    async def test_a_job_on_our_real_service_tells_lines_sources_and_tokens(self):
        """Its first line comes before its end."""
        with http_service() as service:
            told, began = await sent(Service(service.url))
        assert told.sources == {"model": ROWS, "repaired": 0, "fallback": 0}
        assert told.usage == Usage(*(ROWS * n for n in (USAGE.prompt, USAGE.cached, 20)))
        assert told.model == "scripted"
        assert began < told.first_at < perf_counter()

    async def test_the_first_line_counts_from_when_it_comes(self, first_line):
        """And not from when the others do."""
        there, line = threading.Event(), stream(("line", LINE)).body

        async def slow(_scope, _receive, send):
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": line, "more_body": True})
            await asyncio.to_thread(there.wait)
            rest = line + stream(("result", RESULT)).body
            await send({"type": "http.response.body", "body": rest})

        with serving(slow) as url:
            told, opened = await sent_before(there.set, first_line, Service(url))
        assert told.first_at < opened

    async def test_an_error_of_our_real_service_is_called_by_status_and_code(self):
        """As it stands in the answer, for a job that fails before its first line."""
        with http_service(api_keys=("right",)) as service:
            assert await failure(Service(service.url), key="wrong") == "HTTP 401 unauthorized"
            told, _ = await sent(Service(service.url), key="right")
        assert told.sources["model"] == ROWS

    async def test_an_engine_that_refuses_is_a_failure(self):
        """With the worker's own code."""
        engine = ScriptedEngine(lambda _body: fail(EngineOverloaded("Full.")))
        with http_service(engine) as service:
            kind = await failure(Service(service.url))
        assert kind == "HTTP 503 engine_overloaded"

    @pytest.mark.parametrize(
        ("answer", "kind"),
        [
            (stream(("line", LINE), ("error", {"code": "engine_dead"})), "engine_dead"),
            (stream(("line", LINE), ("error", {})), "error"),
            (stream(("line", LINE)), "broken off"),
            (stream(("line", LINE), ("result", RESULT)), "1 of 2 lines"),
            (stream(("result", {"counts": {}})), UNREADABLE),
            (stream(("result", [])), UNREADABLE),
            (Response("no events at all"), "broken off"),
            (RedirectResponse("/elsewhere"), "HTTP 307"),
            (Response("<html>", 502), "HTTP 502"),
            (JSONResponse({"error": {"code": "busy"}}, 503), "HTTP 503 busy"),
        ],
    )
    async def test_whatever_is_no_script_is_a_failure(self, answer, kind):
        """Each by what it is called in the table of failures."""
        with answering(answer) as url:
            assert await failure(Service(url)) == kind


class TestEvents:
    """Server-sent events, in pieces that end anywhere."""

    @pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
    async def test_names_and_data_come_whole(self, size):
        """Comments are left out; an event without data is none; several data lines are one."""
        text = ": waiting\n\nevent: line\ndata: 골\n\nevent: none\n\ndata: a\r\ndata:b\r\n\r\n"
        raw = text.encode()

        async def pieces():
            for start in range(0, len(raw), size):
                yield raw[start : start + size]

        told = [event async for event in events(pieces())]
        assert told == [("line", "골".encode()), ("message", b"a\nb")]


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    """The platform, and a worker on RunPod's SDK that says what its job says."""
    with Ground(tmp_path_factory.mktemp("ground")) as made:
        made.start(command=(sys.executable, "-m", "tests.platform.trivial"))
        yield made


class TestRunSync:
    """RunPod's /runsync."""

    async def test_a_result_tells_everything_but_when_its_first_line_was_there(self, ground):
        """It comes in one piece."""
        told, _ = await sent(RunSync(ground.base), {"say": [SCRIPT]}, ground.key)
        assert told.first_at is None
        assert told.sources == {"model": 1, "repaired": 1, "fallback": 0}
        assert told.usage == Usage(10, 4, 5)

    @pytest.mark.parametrize(
        ("document", "kind"),
        [
            (ERROR, "engine_overloaded"),
            ({"error": "plain words"}, "FAILED"),
            ({"say": [{**SCRIPT, "script": []}]}, "0 of 2 lines"),
            ({"say": []}, UNREADABLE),
            ({"say": ["no object"]}, UNREADABLE),
        ],
    )
    async def test_whatever_is_no_script_is_a_failure(self, ground, document, kind):
        """Also of a job that the platform calls COMPLETED."""
        assert await failure(RunSync(ground.base), document, ground.key) == kind

    async def test_a_key_that_is_not_the_platforms_is_a_failure(self, ground):
        """By its status."""
        assert await failure(RunSync(ground.base), {}, "wrong") == "HTTP 401"

    async def test_a_job_that_is_not_done_when_the_wait_is_over_is_asked_for(self):
        """As often as it takes."""
        envelopes = ("IN_QUEUE", "IN_PROGRESS", "COMPLETED")
        answers = [
            JSONResponse({"id": "1", "status": status, "output": [SCRIPT]}) for status in envelopes
        ]
        with answering(*answers) as url:
            told, _ = await sent(RunSync(url))
        assert told.usage == Usage(10, 4, 5)

    async def test_a_job_that_was_cancelled_is_a_failure(self):
        """By its status."""
        with answering(JSONResponse({"id": "1", "status": "CANCELLED"})) as url:
            assert await failure(RunSync(url)) == "CANCELLED"

    async def test_an_error_in_the_output_of_the_sdks_local_api_is_a_failure(self):
        """Which completes a job that has failed."""
        envelope = {"id": "1", "status": "COMPLETED", "output": [ERROR]}
        with answering(JSONResponse(envelope)) as url:
            assert await failure(RunSync(url)) == "engine_overloaded"


class TestRunStream:
    """RunPod's /run and /stream."""

    async def test_lines_come_as_they_are_told(self, ground, first_line):
        """The first one before the second one is there."""
        gate, document = ground.hold(Call.STREAM, after=1), {"say": [LINE, LINE, RESULT]}
        door = RunStream(ground.base)
        told, opened = await sent_before(gate.open, first_line, door, document, ground.key)
        assert told.sources == {"model": 1, "repaired": 1, "fallback": 0}
        assert told.first_at < opened

    @pytest.mark.parametrize(
        ("document", "kind"),
        [
            (ERROR, "engine_overloaded"),
            ({"say": [LINE], **ERROR}, "engine_overloaded"),
            ({"say": [LINE, RESULT]}, "1 of 2 lines"),
            ({"say": [LINE]}, "COMPLETED"),
            ({"say": [LINE, ERROR]}, "engine_overloaded"),
        ],
    )
    async def test_whatever_is_no_script_is_a_failure(self, ground, document, kind):
        """However many lines had come; a job without a result by the status that it ended with."""
        assert await failure(RunStream(ground.base), document, ground.key) == kind

    async def test_a_stream_in_another_shape_is_a_failure(self):
        """As of a server that is no RunPod."""
        with answering(JSONResponse({"id": "1"}), JSONResponse({"stream": [{}]})) as url:
            assert await failure(RunStream(url)) == UNREADABLE


class Vllm:
    """A chat server that obeys the grammar, and answers when all of a job's requests are there."""

    def __init__(self, **changes):
        self.bodies, self.changes = [], changes
        self.open = self.most = 0
        self.all_there = asyncio.Event()

    async def answer(self, request):
        body = await request.json()
        self.bodies.append(body)
        self.open += 1
        self.most = max(self.most, self.open)
        if len(self.bodies) == ROWS:
            self.all_there.set()
        await self.all_there.wait()
        self.open -= 1
        return JSONResponse(self.completion(body), self.changes.get("status", 200))

    def completion(self, body):
        choice = {"message": {"content": obedient(body)}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 7, "completion_tokens": 3}
        return {"choices": [choice | self.changes], "usage": usage}

    @asynccontextmanager
    async def door(self):
        routes = [Route("/v1/chat/completions", self.answer, methods=["POST"])]
        with serving(Starlette(routes=routes)) as url:
            yield Raw(url, "a model", CommentaryOptions())


class TestRaw:
    """Raw vLLM."""

    async def test_all_requests_of_a_job_are_side_by_side(self):
        """None waits for another; what comes of them is one job's."""
        vllm = Vllm()
        async with vllm.door() as door:
            told, began = await sent(door)
        assert vllm.most == ROWS
        assert {body["model"] for body in vllm.bodies} == {"a model"}
        assert told.sources == {"model": ROWS}
        assert told.usage == Usage(7 * ROWS, 0, 3 * ROWS)
        assert began < told.first_at < perf_counter()

    async def test_the_first_line_is_the_first_finished_answer(self, first_line):
        """While the others go on."""
        there, numbers = threading.Event(), list(range(ROWS))

        async def answer(request):
            body = await request.json()
            if numbers.pop():
                await asyncio.to_thread(there.wait)
            return JSONResponse(Vllm().completion(body))

        routes = [Route("/v1/chat/completions", answer, methods=["POST"])]
        with serving(Starlette(routes=routes)) as url:
            door = Raw(url, "m", CommentaryOptions())
            told, opened = await sent_before(there.set, first_line, door)
        assert told.first_at < opened

    @pytest.mark.parametrize(
        ("changes", "kind"),
        [
            ({"finish_reason": "length"}, "finish reason length"),
            ({"message": None}, UNREADABLE),
            ({"status": 400}, "HTTP 400"),
        ],
    )
    async def test_one_answer_that_is_no_line_fails_the_job(self, changes, kind):
        """As a line that is cut off would be asked for again by ours."""
        async with Vllm(**changes).door() as door:
            assert await failure(door) == kind


async def test_what_is_prepared_is_not_made_as_it_is_sent():
    """The client shares the machine with what it measures."""
    document = dict(list(islice(documents(), 3))[-1])
    for door in (Service("u"), RunSync("u"), RunStream("u"), Raw("u", "m", CommentaryOptions())):
        prepared = await door.prepare(document)
        parts = prepared if isinstance(prepared, list) else [prepared]
        assert all(isinstance(part, bytes) for part in parts)
