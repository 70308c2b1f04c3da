import asyncio
import json
import threading

import pytest

from worker.engine import asgi
from worker.errors import EngineError, EngineRejected

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def far_loop():
    """An event loop in a thread of its own, where applications live."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def start(status=200, content_type=b"text/plain"):
    return {
        "type": "http.response.start",
        "status": status,
        "headers": [(b"Content-Type", content_type)],
    }


def piece(body, *, more=False):
    return {"type": "http.response.body", "body": body, "more_body": more}


async def whole(reply):
    return b"".join([part async for part in reply.body])


async def echo(scope, receive, send):
    """Answers with what it was asked."""
    request = await receive()
    told = {key: scope[key] for key in ("method", "path", "query_string")}
    told = {
        key: value.decode() if isinstance(value, bytes) else value for key, value in told.items()
    }
    await send(start(201, b"application/json"))
    await send(piece(json.dumps(told).encode(), more=True))
    await send(piece(request["body"]))


class Endless:
    """Sends until its caller has gone, as a model would."""

    def __init__(self):
        self.gone = threading.Event()

    async def __call__(self, scope, receive, send):
        await receive()
        await send(start())
        talk = asyncio.ensure_future(self.talk(send))
        assert await receive() == {"type": "http.disconnect"}
        talk.cancel()
        self.gone.set()

    async def talk(self, send):
        while True:
            await send(piece(b"more", more=True))
            await asyncio.sleep(0.001)


async def test_an_application_hears_the_request_and_is_heard(far_loop):
    """Method, path, query and body go there; status, type and body come back."""
    async with asgi.call(echo, far_loop, "POST", "/v1/x?a=1", {"이름": "가"}) as reply:
        assert (reply.status, reply.content_type) == (201, "application/json")
        answer = await whole(reply)
    told, asked = answer.split(b"}", 1)
    assert json.loads(told + b"}") == {"method": "POST", "path": "/v1/x", "query_string": "a=1"}
    assert json.loads(asked) == {"이름": "가"}


async def test_a_body_comes_in_the_pieces_it_was_sent_in(far_loop):
    """Nothing is held back until the end, and empty pieces are not handed on."""

    async def spell(scope, receive, send):
        await send(start())
        for letter in (b"a", b"", b"b"):
            await send(piece(letter, more=True))
        await send(piece(b""))

    async with asgi.call(spell, far_loop, "GET", "/") as reply:
        assert [part async for part in reply.body] == [b"a", b"b"]


async def test_a_caller_who_leaves_is_a_client_that_disconnects(far_loop):
    """The application learns of it, or a model would write on for nobody."""
    endless = Endless()
    async with asgi.call(endless, far_loop, "POST", "/", {}) as reply:
        assert await anext(reply.body) == b"more"
    assert await asyncio.to_thread(endless.gone.wait, 10)


async def test_a_caller_who_is_cancelled_has_left(far_loop):
    """Whether before the first word or after it."""
    for first_word in (True, False):
        endless = Endless()
        begun = asyncio.Event()

        async def silent(scope, receive, send, endless=endless):
            await receive()
            await receive()
            endless.gone.set()

        async def ask(application, begun=begun):
            begun.set()
            async with asgi.call(application, far_loop, "POST", "/", {}) as reply:
                await whole(reply)

        task = asyncio.create_task(ask(endless if first_word else silent))
        await begun.wait()
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(endless.gone.wait, 10)


async def test_an_application_that_fails_first_is_an_engine_error(far_loop):
    """With its own exception as the cause."""

    async def broken(scope, receive, send):
        raise RuntimeError("no")

    with pytest.raises(EngineError) as caught:
        async with asgi.call(broken, far_loop, "GET", "/"):
            pass
    assert isinstance(caught.value.__cause__, RuntimeError)


async def test_an_application_that_stops_halfway_is_an_engine_error(far_loop):
    """Half an answer is never taken for a whole one."""

    async def halfway(scope, receive, send):
        await send(start())
        await send(piece(b"half", more=True))

    async with asgi.call(halfway, far_loop, "GET", "/") as reply:
        with pytest.raises(EngineError):
            await whole(reply)


@pytest.mark.parametrize("fault", [ValueError, TypeError, OverflowError])
async def test_a_value_that_is_judged_late_is_the_callers_mistake(far_loop, fault):
    """The engine refuses some values of a streamed request after its answer has begun."""

    async def late(scope, receive, send):
        await send(start())
        raise fault("stop_token_ids must\nbe 0 or more")

    async with asgi.call(late, far_loop, "GET", "/") as reply:
        with pytest.raises(EngineRejected, match="refuses the request: stop_token_ids must be 0"):
            await whole(reply)


def test_callers_of_many_loops_are_answered_side_by_side(far_loop):
    """Each gets its own answer, on its own loop."""
    answers = {}

    async def ask(number):
        async with asgi.call(echo, far_loop, "POST", f"/{number}", {"n": number}) as reply:
            return await whole(reply)

    async def several(number):
        return await asyncio.gather(*(ask(number * 10 + one) for one in range(10)))

    def run(number):
        answers[number] = asyncio.run(several(number))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, told in answers.items():
        assert [json.loads(one.split(b"}", 1)[1])["n"] for one in told] == [
            number * 10 + one for one in range(10)
        ]


def test_an_answer_to_a_loop_that_is_closed_harms_nobody(far_loop):
    """An application outlives a caller whose whole loop has gone, and others are served on."""
    spoken = threading.Event()

    async def late(scope, receive, send):
        await receive()
        await receive()
        await send(start())
        await send(piece(b"to nobody"))
        spoken.set()

    async def give_up():
        task = asyncio.ensure_future(asgi.call(late, far_loop, "GET", "/").__aenter__())
        await asyncio.sleep(0.01)
        task.cancel()

    asyncio.run(give_up())
    assert spoken.wait(10)
