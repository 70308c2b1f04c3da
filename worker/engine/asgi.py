"""Call an ASGI application on another event loop, as a web server would but for the socket.

Ready-made in-process clients hold a whole answer back until it is complete, and never tell the
application that the caller has gone, so a model would go on generating for nobody.
Source: ASGI specification, HTTP connection scope, https://asgi.readthedocs.io/en/latest/specs/www.html
"""

import asyncio
import concurrent.futures
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from worker.engine import Reply
from worker.engine.openai import shortened
from worker.errors import EngineError, EngineRejected

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

# From 2.4 on, Starlette no longer listens for the disconnect while it streams; it waits for a
# failing send instead, which never comes without a socket.
SPEC_VERSION = "2.3"

# What vLLM answers with status 400 where its answer has not begun; some values of a streamed
# request it judges only afterwards.
REFUSALS = (ValueError, TypeError, OverflowError)


def scope_of(method: str, path: str) -> dict[str, Any]:
    """The connection scope of a JSON request; `path` may carry a query string."""
    path, _, query = path.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": SPEC_VERSION},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", b"worker"), (b"content-type", b"application/json")],
        "client": None,
        "server": None,
    }


def content_type_of(message: Message) -> str:
    """The content type that an answer's first message announces, empty where it announces none."""
    headers = {bytes(name).lower(): bytes(value) for name, value in message.get("headers", ())}
    return headers.get(b"content-type", b"").decode("latin-1")


class _Exchange:
    """One request and its answer, between the application's loop and the caller's.

    The inbox has no bound: an answer is bounded by its own token limit, and an application that
    had to wait for a slow caller would hold the engine's other answers back.
    """

    def __init__(self, body: bytes, application_loop: asyncio.AbstractEventLoop) -> None:
        self._request: Message | None = {"type": "http.request", "body": body, "more_body": False}
        self._application_loop = application_loop
        self._caller_loop = asyncio.get_running_loop()
        self._inbox: asyncio.Queue[Message | None] = asyncio.Queue()
        self._left = asyncio.Event()
        self._fault: BaseException | None = None

    async def receive(self) -> Message:
        """On the application's loop: the request, then nothing until the caller leaves."""
        if request := self._request:
            self._request = None
            return request
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """On the application's loop: hand a piece of the answer to the caller."""
        self._deliver(message)

    def ended(self, call: concurrent.futures.Future[None]) -> None:
        """On the application's loop: nothing more will come."""
        self._fault = None if call.cancelled() else call.exception()
        self._deliver(None)

    def _deliver(self, message: Message | None) -> None:
        with suppress(RuntimeError):  # the caller's loop is closed: nobody is left to be told
            self._caller_loop.call_soon_threadsafe(self._inbox.put_nowait, message)

    def leave(self) -> None:
        """On the caller's loop: listen no longer."""
        with suppress(RuntimeError):  # the application's loop is closed: it has stopped already
            self._application_loop.call_soon_threadsafe(self._left.set)

    async def next(self) -> Message:
        """On the caller's loop: the next message, or EngineError where none will come."""
        message = await self._inbox.get()
        if message is not None:
            return message
        if isinstance(self._fault, REFUSALS):
            why = shortened(str(self._fault))
            raise EngineRejected(f"The engine refuses the request: {why}") from self._fault
        raise EngineError("The engine's answer broke off.") from self._fault

    async def body(self) -> AsyncIterator[bytes]:
        """On the caller's loop: the answer's body, in the pieces it came in."""
        more = True
        while more:
            message = await self.next()
            more = message.get("more_body", False)
            if piece := message.get("body", b""):
                yield piece


@asynccontextmanager
async def call(
    application: Application,
    loop: asyncio.AbstractEventLoop,
    method: str,
    path: str,
    body: Mapping[str, Any] | None = None,
) -> AsyncIterator[Reply]:
    """Ask `application`, which lives on `loop`; leaving the block, however, disconnects.

    Call it from any loop but `loop`. Raises EngineError where the answer breaks off.
    """
    exchange = _Exchange(b"" if body is None else json.dumps(body).encode(), loop)

    async def answer() -> None:
        await application(scope_of(method, path), exchange.receive, exchange.send)

    asyncio.run_coroutine_threadsafe(answer(), loop).add_done_callback(exchange.ended)
    try:
        start = await exchange.next()
        yield Reply(start["status"], content_type_of(start), exchange.body())
    finally:
        exchange.leave()
