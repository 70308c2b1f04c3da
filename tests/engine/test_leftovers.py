"""A call that is over leaves nothing at the engine, whenever its caller has gone."""

import asyncio
from types import SimpleNamespace

import pytest

from worker.engine.leftovers import WithoutLeftovers

pytestmark = pytest.mark.anyio


class Client:
    """The part of vLLM's client that is used: requests come and go by its output processor."""

    def __init__(self):
        self.states = {}
        self.aborted = []
        self.output_processor = SimpleNamespace(
            add_request=self.add, has_request=lambda request: request in self.states
        )

    def add(self, request, prompt):
        self.states[request.request_id] = prompt

    async def abort(self, requests, internal):
        assert internal
        self.aborted += requests
        for request in requests:
            del self.states[request]


def asking(client, name, ends):
    """An application that begins a request, and ends it or not."""

    async def application(_scope, _receive, _send):
        async def begin():
            client.output_processor.add_request(SimpleNamespace(request_id=name), "공")

        await asyncio.create_task(begin())  # vLLM's routes work in tasks of their own
        if ends:
            del client.states[name]

    return application


async def test_what_a_call_has_begun_and_not_ended_is_aborted():
    """Once the call is over, and nothing else of it."""
    client = Client()
    client.states["another"] = "골"
    await WithoutLeftovers(asking(client, "mine", ends=False), client)({}, None, None)
    assert (client.aborted, list(client.states)) == (["mine"], ["another"])


async def test_a_call_that_has_ended_its_requests_aborts_nothing():
    """As almost all do."""
    client = Client()
    await WithoutLeftovers(asking(client, "mine", ends=True), client)({}, None, None)
    assert (client.aborted, client.states) == ([], {})


async def test_a_call_that_fails_leaves_nothing_either():
    """Its failure is the caller's to hear of."""
    client = Client()

    async def application(*_):
        await asking(client, "mine", ends=False)(*_)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await WithoutLeftovers(application, client)({}, None, None)
    assert client.aborted == ["mine"]


async def test_calls_side_by_side_do_not_abort_each_other():
    """A call knows its own requests only."""
    client, gate = Client(), asyncio.Event()

    async def application(scope, *_):
        await asking(client, scope["name"], ends=False)(scope, *_)
        if scope["name"] == "slow":
            await gate.wait()

    app = WithoutLeftovers(application, client)
    slow = asyncio.create_task(app({"name": "slow"}, None, None))
    await asyncio.sleep(0.01)
    await asyncio.create_task(app({"name": "fast"}, None, None))
    assert (client.aborted, list(client.states)) == (["fast"], ["slow"])
    gate.set()
    await slow
