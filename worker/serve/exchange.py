"""One HTTP request and its answer: body, events, error, and the client's leaving."""

import asyncio
import json
import logging
import re
from collections.abc import AsyncGenerator, Awaitable, Mapping
from contextlib import aclosing, suppress
from typing import Any, Final, TypeVar
from uuid import uuid4

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from worker.errors import BodyTimeout, BodyTooLarge, InvalidInput, WorkerError
from worker.handler import openai_error
from worker.jobs import place_of
from worker.record import Record

log = logging.getLogger(__name__)

Result = TypeVar("Result")

EVENT_STREAM: Final = "text/event-stream"
# A request id that may stand in a log and in a header; any other is replaced.
JOB_ID: Final = re.compile(r"[\w.:@=+/-]{1,128}", re.ASCII)
# For proxies that end a connection on which nothing moves.
KEEP_ALIVE_SECONDS: Final = 15.0
KEEP_ALIVE: Final = b": waiting\n\n"
BODY_SECONDS: Final = 60.0  # for a request's whole body
SEND_SECONDS: Final = 30.0  # for a piece of a stream: who reads nothing for longer has gone
# What some readers of lines take for the end of one, and JSON need not have as it is.
LINE_ENDS: Final = {ord(mark): f"\\u{ord(mark):04x}" for mark in "\u0085\u2028\u2029"}
# So that no proxy keeps a line back until it has more of them.
UNBUFFERED: Final[Mapping[str, str]] = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
RETRY_AFTER: Final[Mapping[str, str]] = {"not_serving": "5", "engine_dead": "5"}  # else a second


def accepts_events(request: Request) -> bool:
    """Whether a client names server-sent events among what it accepts."""
    accepted = request.headers.get("accept", "").lower().split(",")
    kinds = [[part.strip() for part in each.split(";")] for each in accepted]
    refusals = {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return any(kind == EVENT_STREAM and refusals.isdisjoint(rest) for kind, *rest in kinds)


def job_id_of(request: Request) -> str:
    """The client's X-Request-ID, or a new one."""
    given = request.headers.get("x-request-id", "")
    return given if JOB_ID.fullmatch(given) else f"http-{uuid4().hex}"


def job_of(request: Request, shape: str) -> Record:
    """The record of the job that a request becomes: from here on it is counted as one."""
    request.state.job = record = Record(job_id_of(request), shape)
    return record


async def body_of(request: Request, limit: int) -> dict[str, Any]:
    """The JSON object in a request's body.

    Raises:
        BodyTooLarge: it has more than `limit` bytes, read or announced.
        BodyTimeout: it has not come within BODY_SECONDS.
        InvalidInput: it is no JSON object.
    """
    try:
        async with asyncio.timeout(BODY_SECONDS):
            body = await _read(request, limit)
    except TimeoutError as error:
        raise BodyTimeout(f"The body has not come within {BODY_SECONDS:g} s.") from error
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidInput("The body must be JSON, in UTF-8.") from error
    if not isinstance(document, dict):
        raise InvalidInput("The body must be a JSON object.")
    return document


async def _read(request: Request, limit: int) -> bytes:
    announced = request.headers.get("content-length", "0")
    if announced.isdigit() and int(announced) > limit:
        raise _too_large(limit)
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > limit:
            raise _too_large(limit)
    return bytes(body)


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"The body has more than {limit} bytes.")


def error_body(error: WorkerError) -> dict[str, Any]:
    """An error as HTTP's callers read it: ours, and OpenAI's `error` object for its clients."""
    callback = {"callback": error.callback} if error.callback else {}
    return {"error": openai_error(error), **error.told(), **callback}


def error_response(error: WorkerError) -> JSONResponse:
    """An error with its status; a client is told when to come back, or how to sign in."""
    headers = {}
    if error.status == 503:
        headers["Retry-After"] = RETRY_AFTER.get(error.code, "1")
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, BodyTooLarge | BodyTimeout):
        headers["Connection"] = "close"  # what is left of the body is not read
    return Json(error_body(error), error.status, headers)


class Json(JSONResponse):
    """JSON as people read it; an input's half characters may be quoted, and have no bytes."""

    def render(self, content: Any) -> bytes:
        """The bytes of `content`, which holds no NaN."""
        return json.dumps(content, ensure_ascii=False, allow_nan=False).encode(errors="replace")


def event(name: str, data: Mapping[str, Any]) -> bytes:
    """A server-sent event whose data is one line of JSON."""
    written = json.dumps(data, ensure_ascii=False, allow_nan=False).translate(LINE_ENDS)
    return f"event: {name}\ndata: {written}\n\n".encode(errors="replace")


async def unless_gone(receive: Receive, work: Awaitable[Result]) -> Result:
    """What `work` comes to; it is cancelled when the client goes, and ClientDisconnect raised.

    The request's body must have been read: what comes after it is the client's leaving.
    """
    task = asyncio.ensure_future(work)
    gone = asyncio.create_task(_gone(receive))
    try:
        await asyncio.wait([task, gone], return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientDisconnect
        return task.result()
    finally:
        gone.cancel()
        task.cancel()
        await asyncio.wait([task, gone])


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class Streamed(Response):
    """Pieces as they come; their source is closed as soon as the client goes, wherever it stands.

    Starlette's own would cancel the source again at each of its last awaits.
    """

    def __init__(
        self, source: AsyncGenerator[bytes, None], media_type: str, status: int = 200
    ) -> None:
        super().__init__(status_code=status, headers=UNBUFFERED, media_type=media_type)
        del self.headers["content-length"]
        self._source = source

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it all, as far as somebody listens."""
        with suppress(ClientDisconnect, TimeoutError):
            await unless_gone(receive, self._send(send))

    async def _send(self, send: Send) -> None:
        async with aclosing(self._source):
            start = {"status": self.status_code, "headers": self.raw_headers}
            await send({"type": "http.response.start", **start})
            async for piece in self._source:
                async with asyncio.timeout(SEND_SECONDS):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})


async def kept_alive(source: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """The same events, and a comment wherever none comes for KEEP_ALIVE_SECONDS."""
    async with aclosing(source):
        while True:
            following = asyncio.ensure_future(anext(source, None))
            try:
                while not (await asyncio.wait([following], timeout=KEEP_ALIVE_SECONDS))[0]:
                    yield KEEP_ALIVE
                piece = following.result()
            finally:
                following.cancel()
                await asyncio.wait([following])
            if piece is None:
                return
            yield piece


class Sheltered:
    """An application whose unforeseen faults are errors of the one form, too.

    What they say may be a caller's data: the log has where they come from, and no more. And
    whatever is answered to a job has its id, which is also in the log.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, whatever happens; an answer that has begun breaks off."""
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            job = scope.get("state", {}).get("job")
            if job is not None and message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-request-id", job.id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except Exception as error:  # noqa: BLE001  # the server would log what it says
            log.error("a request failed on a fault of the worker: %s", place_of(error))  # noqa: TRY400
            own = WorkerError("The worker failed on this request; its log says why.")
            if not begun:
                await error_response(own)(scope, receive, send)


def nobody_left() -> Response:
    """What is answered where nobody listens any more; nginx has a status for it."""
    return Response(status_code=499)
