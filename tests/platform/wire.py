"""Bodies and limits: what may pass between a client, the platform and a worker."""

import asyncio
import json
import secrets
from collections.abc import Coroutine, Mapping
from typing import Any, NoReturn, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive

from tests.platform.jobs import Job, Status

T = TypeVar("T")

# Bytes; https://docs.runpod.io/serverless/endpoints/send-requests. The smaller reading of "MB".
RUN_LIMIT = 10_000_000
RUNSYNC_LIMIT = 20_000_000
CHUNK_LIMIT = 1_000_000


class Refused(Exception):
    """A call that is not taken: its HTTP status, and what to say."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def limit_of(job: Job | None) -> int:
    """How large a job's result may be, in bytes."""
    return RUNSYNC_LIMIT if job and job.sync else RUN_LIMIT


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def parse(body: bytes) -> Any:
    """The document in a body; ValueError where it is not JSON to the letter (NaN is not)."""
    try:
        return json.loads(body, parse_constant=_constant)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


async def body_of(request: Request, limit: int) -> bytes:
    """A request's body, unless it is too large."""
    body = await request.body()
    if len(body) > limit:
        raise Refused(413, f"The body has {len(body)} bytes; {limit} are the limit.")
    return body


async def document_of(request: Request, limit: int) -> dict[str, Any]:
    """The JSON object in a client's body."""
    try:
        document = parse(await body_of(request, limit))
    except ValueError as error:
        raise Refused(400, f"The body is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise Refused(400, "The body must be a JSON object.")
    return document


def authorised(headers: Mapping[str, str], key: str | None) -> bool:
    """Whether a call has the key: bare, as the SDK sends it, or after "Bearer", as clients do."""
    given = headers.get("authorization", "").removeprefix("Bearer ")
    return key is None or secrets.compare_digest(given.encode(), key.encode())


async def disconnected(receive: Receive) -> None:
    """Wait until the caller has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def unless_gone(receive: Receive, work: Coroutine[Any, Any, T]) -> tuple[T | None, bool]:
    """What `work` gives, and whether the caller is still there; if not, `work` is cancelled.

    Both can come true at once: a caller may go while `work` ends.
    """
    task, watch = asyncio.ensure_future(work), asyncio.ensure_future(disconnected(receive))
    try:
        await asyncio.wait({task, watch}, return_when=asyncio.FIRST_COMPLETED)
        there = not watch.done()
        return (task.result() if task.done() else None), there
    finally:
        await _drop(task, watch)


async def _drop(*tasks: asyncio.Future[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


def answer_of(job: Job) -> JSONResponse:
    """What an OpenAI client gets of a job that has ended: 200 whatever it holds, or 500."""
    if job.status is not Status.COMPLETED:
        return JSONResponse(_error_of(job), 500)
    output = job.output
    alone = isinstance(output, list) and len(output) == 1
    return JSONResponse(output[0] if alone else output)


def _error_of(job: Job) -> dict[str, Any]:
    """A failed job's error, as it is where that is a JSON object already."""
    text = str(job.error or f"The job ended as {job.status}.")
    try:
        error = parse(text.encode())
    except ValueError:
        error = None
    return error if isinstance(error, dict) else {"error": text}
