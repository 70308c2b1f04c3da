import asyncio
import gc
import json
import threading
import weakref

import pytest

from tests.serving import free_port, serving
from worker.engine import Completion, Delta, Usage
from worker.engine.http import HttpEngine
from worker.errors import (
    EngineError,
    EngineKeyRefused,
    EngineRejected,
    InvalidSetting,
    StartupError,
)
from worker.settings import Settings

KEY = "sk-loopback"
USAGE = {"prompt_tokens": 5, "completion_tokens": 2}
CROWD = 101  # requests: one more than an HTTP client has connections by default
PATIENCE = 60  # seconds; nothing here takes nearly as long


class Server:
    """An OpenAI server on loopback, as small as can be."""

    def __init__(self):
        self.gone = threading.Event()
        self.asked = []
        self.callers = []
        self.waiting = 0
        self.all_here = asyncio.Event()

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            return
        self.callers.append(tuple(scope["client"]))
        body = (await receive())["body"]
        headers = dict(scope["headers"])
        if headers.get(b"authorization") != f"Bearer {KEY}".encode():
            await self.say(send, 401, {"error": {"message": f"not {headers}"}})
        elif scope["path"] == "/v1/models":
            await self.say(send, 200, {"data": [{"id": "org/first"}, {"id": "second"}]})
        else:
            await self.chat(json.loads(body), receive, send)

    async def chat(self, body, receive, send):
        self.asked.append(body)
        kind = body["messages"][0]["content"]
        if kind == "whole":
            choice = {"message": {"content": "끝"}, "finish_reason": "stop"}
            await self.say(send, 200, {"choices": [choice], "usage": USAGE})
        elif kind == "together":
            self.waiting += 1
            if self.waiting == CROWD:
                self.all_here.set()
            await asyncio.wait_for(self.all_here.wait(), PATIENCE)
            choice = {"message": {"content": "끝"}, "finish_reason": "stop"}
            await self.say(send, 200, {"choices": [choice]})
        elif kind == "refused":
            await self.say(send, 400, {"error": {"message": "too long"}})
        elif kind == "streamed":
            await self.begin(send, 200, b"text/event-stream")
            await self.event(send, {"choices": [{"delta": {"content": "골"}}]})
            ending = {"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": USAGE}
            await self.event(send, ending)
            await self.piece(send, b"data: [DONE]\n\n", more=False)
        elif kind == "endless":
            await self.begin(send, 200, b"text/event-stream")
            await self.event(send, {"choices": [{"delta": {"content": "골"}}]})
            while (await receive())["type"] != "http.disconnect":
                pass
            self.gone.set()
        else:
            await self.begin(send, 200, b"text/event-stream")
            raise ConnectionAbortedError

    async def begin(self, send, status, content_type):
        headers = [(b"content-type", content_type)]
        await send({"type": "http.response.start", "status": status, "headers": headers})

    async def piece(self, send, body, *, more):
        await send({"type": "http.response.body", "body": body, "more_body": more})

    async def event(self, send, document):
        await self.piece(send, f"data: {json.dumps(document)}\n\n".encode(), more=True)

    async def say(self, send, status, document):
        await self.begin(send, status, b"application/json")
        await self.piece(send, json.dumps(document).encode(), more=False)


@pytest.fixture(scope="module")
def server():
    return Server()


@pytest.fixture(scope="module")
def url(server):
    with serving(server) as url:
        yield url


@pytest.fixture
async def engine(url):
    engine = HttpEngine(f"{url}/v1", "org/first", KEY)
    yield engine
    await engine.close()


def asking(kind):
    return {"messages": [{"role": "user", "content": kind}]}


@pytest.mark.anyio
class TestAnEngineElsewhere:
    """What a server says over HTTP is what an engine says."""

    async def test_a_chat_is_answered(self, engine):
        """Whole, with its cost."""
        assert await engine.chat(asking("whole")) == Completion("끝", "stop", Usage(5, 0, 2))

    async def test_a_stream_is_answered(self, engine):
        """Piece by piece."""
        deltas = [delta async for delta in engine.stream(asking("streamed"))]
        assert deltas == [Delta("골"), Delta("", "stop", Usage(5, 0, 2))]

    async def test_one_stream_after_the_other_takes_one_connection(self, engine, server):
        """A handshake a line would cost more than the line's first token."""
        server.callers.clear()
        for _ in range(3):
            _ = [delta async for delta in engine.stream(asking("streamed"))]
        assert len(server.callers) == 3
        assert len(set(server.callers)) == 1

    async def test_no_request_waits_for_another(self, engine):
        """However many are under way: each job has a dozen at once."""
        asked = (engine.chat(asking("together")) for _ in range(CROWD))
        assert len(await asyncio.gather(*asked)) == CROWD

    async def test_a_route_that_is_no_address_is_an_engine_error(self, engine):
        """Never an exception of the HTTP library."""
        with pytest.raises(EngineError, match="InvalidURL"):
            async with engine.route("GET", "/v1/\0"):
                pass

    async def test_a_refusal_is_told(self, engine):
        """In the server's words."""
        with pytest.raises(EngineRejected, match="too long"):
            await engine.chat(asking("refused"))

    async def test_any_route_is_answered_as_it_stands(self, engine):
        """A refusal is a Reply, too."""
        async with engine.route("GET", "/v1/models") as reply:
            assert (reply.status, reply.content_type) == (200, "application/json")
            assert json.loads(b"".join([piece async for piece in reply.body]))["data"]
        async with engine.route("POST", "/v1/chat/completions", asking("refused")) as reply:
            assert reply.status == 400

    async def test_a_listener_who_leaves_closes_the_connection(self, engine, server):
        """Which is how a server learns that nobody listens."""
        server.gone.clear()
        stream = engine.stream(asking("endless"))
        assert await anext(stream) == Delta("골")
        await stream.aclose()
        assert await asyncio.to_thread(server.gone.wait, 10)

    async def test_an_answer_that_breaks_off_may_be_tried_again(self, engine):
        """Half a stream is an error that passes."""
        with pytest.raises(EngineError) as caught:
            _ = [delta async for delta in engine.stream(asking("broken"))]
        assert caught.value.retryable
        assert not caught.value.fatal

    async def test_a_server_that_is_not_there_may_come_back(self):
        """Its absence is not the death of this worker."""
        engine = HttpEngine(f"http://127.0.0.1:{free_port()}", "m")
        with pytest.raises(EngineError, match="cannot be reached") as caught:
            await engine.chat(asking("whole"))
        assert caught.value.retryable
        assert not caught.value.fatal
        await engine.close()

    async def test_a_wrong_key_is_told_without_it(self, url):
        """A server may quote the headers it was sent."""
        engine = HttpEngine(url, "m", "sk-wrong")
        with pytest.raises(EngineKeyRefused) as caught:
            await engine.chat(asking("whole"))
        assert "sk-wrong" not in caught.value.message
        await engine.close()


def test_one_engine_serves_every_event_loop(url):
    """Warm-up and jobs run on different loops."""
    engine = HttpEngine(url, "m", KEY)

    async def ask():
        answers = await asyncio.gather(*(engine.chat(asking("whole")) for _ in range(5)))
        await engine.close()
        return {answer.text for answer in answers}

    assert [asyncio.run(ask()) for _ in range(3)] == [{"끝"}] * 3


def test_connections_of_a_loop_that_is_gone_go_too(url):
    """Also where nobody closed them: the next loop lets go of them."""
    engine = HttpEngine(url, "m", KEY)

    async def ask():
        await engine.chat(asking("whole"))
        return weakref.ref(engine._client())

    clients = [asyncio.run(ask()) for _ in range(3)]
    gc.collect()
    assert [client() is None for client in clients] == [True, True, False]


@pytest.mark.parametrize("model", [{}, {"MODEL_NAME": "m"}])
def test_an_address_that_is_none_ends_the_start_with_one_line(model):
    """What the settings let pass and the HTTP library does not."""
    environ = {"ENGINE_URL": "http://a\tb"} | model
    with pytest.raises(InvalidSetting, match=r"ENGINE_URL=.* expected http"):
        HttpEngine.start(Settings.from_env(environ))


@pytest.mark.parametrize("suffix", ["", "/", "/v1", "/v1/"])
def test_the_model_is_the_servers_first_unless_it_is_named(url, suffix):
    """However the address is written."""
    environ = {"ENGINE_URL": url + suffix, "ENGINE_API_KEY": KEY}
    assert HttpEngine.start(Settings.from_env(environ)).model == "org/first"
    named = HttpEngine.start(Settings.from_env(environ | {"MODEL_NAME": "second"}))
    assert named.model == "second"


@pytest.mark.parametrize("key", ["sk-wrong", KEY])
def test_a_server_that_names_no_model_ends_the_start(url, key):
    """The address and the key are what to check; the key itself is not told."""
    address = url if key != KEY else f"http://127.0.0.1:{free_port()}"
    with pytest.raises(StartupError, match="ENGINE_URL") as caught:
        HttpEngine.start(Settings.from_env({"ENGINE_URL": address, "ENGINE_API_KEY": key}))
    assert key not in caught.value.message
