"""The platform's addresses, for workers and for clients, over one control plane.

Source: for workers, what the SDK calls (`rp_job`, `rp_http`, `rp_ping`); for clients, the SDK's
`endpoint` package and https://docs.runpod.io/serverless/endpoints/send-requests.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.platform.faults import Call
from tests.platform.jobs import Job, Policy
from tests.platform.plane import ControlPlane, ended
from tests.platform.wire import (
    CHUNK_LIMIT,
    RUN_LIMIT,
    RUNSYNC_LIMIT,
    Refused,
    answer_of,
    authorised,
    body_of,
    document_of,
    limit_of,
    parse,
    unless_gone,
)

WAIT_MS = (1000, 90_000, 300_000)  # least, default and most of /runsync?wait=
ANY_METHOD = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]

Endpoint = Callable[[Request], Awaitable[Response]]


class Handout(JSONResponse):
    """Jobs as a worker gets them: whatever JSON a client wrote, `1e400` and half characters too."""

    def render(self, content: Any) -> bytes:
        """JSON in ASCII, as Python reads it back."""
        return json.dumps(content).encode()


class WorkerSide:
    """What the SDK calls."""

    def __init__(self, plane: ControlPlane) -> None:
        self.plane = plane

    def routes(self) -> list[Route]:
        """Take, stop, stream, done and ping."""
        return [
            Route("/job-take/{worker}", self.take),
            Route("/job-take-batch/{worker}", self.take_batch),
            Route("/job-stop/{worker}", self.stop),
            Route("/job-stream/{worker}/{job}", self.stream, methods=["POST"]),
            Route("/job-done/{worker}/{job}", self.done, methods=["POST"]),
            Route("/ping/{worker}", self.ping),
        ]

    async def take(self, request: Request) -> Response:
        """One job, or 204."""
        jobs = await self._taken(request, 1)
        return Handout(jobs[0].handout()) if jobs else Response(status_code=204)

    async def take_batch(self, request: Request) -> Response:
        """Up to `batch_size` jobs, or 204."""
        jobs = await self._taken(request, int(request.query_params["batch_size"]))
        handouts = [job.handout() for job in jobs]
        return Handout(handouts) if handouts else Response(status_code=204)

    async def _taken(self, request: Request, most: int) -> list[Job]:
        await self._suffer(Call.TAKE)
        poll = self.plane.take(request.path_params["worker"], most)
        jobs, there = await unless_gone(request.receive, poll)
        if jobs and not there:
            self.plane.give_back(jobs)
        return jobs if jobs and there else []

    async def stop(self, request: Request) -> Response:
        """The jobs to stop; 204 where there are none."""
        await self._suffer(Call.STOP)
        poll = self.plane.stops(request.path_params["worker"])
        jobs, _ = await unless_gone(request.receive, poll)
        return JSONResponse({"jobsToStop": jobs}) if jobs else Response(status_code=204)

    async def stream(self, request: Request) -> Response:
        """A chunk of a job's output."""
        worker, job, document = await self._posted(request, Call.STREAM)
        self.plane.stream(worker, job, document)
        return JSONResponse({})

    async def done(self, request: Request) -> Response:
        """A job's result."""
        worker, job, document = await self._posted(request, Call.DONE)
        self.plane.done(worker, job, document)
        return JSONResponse({})

    async def ping(self, request: Request) -> Response:
        """A sign of life."""
        self.plane.ping(request.path_params["worker"], request.query_params.get("job_id"))
        return JSONResponse({})

    async def _posted(self, request: Request, call: Call) -> tuple[str, str, dict[str, Any]]:
        """Who posts, about which job, and what; held and refused as a test has ordered."""
        worker, job = request.path_params["worker"], request.path_params["job"]
        document = await self._document(request, call, worker, job)
        _, there = await unless_gone(request.receive, self._suffer(call, job))
        if not there:
            raise Refused(499, "The caller has gone.")
        return worker, job, document

    async def _document(
        self, request: Request, call: Call, worker: str, job: str
    ) -> dict[str, Any]:
        """What a worker posts; a body that the platform would refuse is an anomaly."""
        limit = CHUNK_LIMIT if call is Call.STREAM else limit_of(self.plane.jobs.get(job))
        try:
            document = parse(await body_of(request, limit))
        except Refused as error:
            self.plane.wrong(f"{call} too large", worker, job, str(error))
            raise
        except ValueError as error:
            self.plane.wrong(f"{call} is not JSON", worker, job, str(error))
            raise Refused(400, str(error)) from error
        if not isinstance(document, dict):
            self.plane.wrong(f"{call} is no object", worker, job, repr(document)[:200])
            raise Refused(400, "A JSON object is expected.")
        return document

    async def _suffer(self, call: Call, job: str = "") -> None:
        if status := self.plane.faults.refusal(call):
            raise Refused(status, "Refused, as a test has ordered.")
        await self.plane.faults.suffer(call, job)


class ClientSide:
    """What clients call."""

    def __init__(self, plane: ControlPlane) -> None:
        self.plane = plane

    def routes(self) -> list[Route]:
        """The public API of an endpoint."""
        both = ["GET", "POST"]
        return [
            Route("/run", self.run, methods=["POST"]),
            Route("/runsync", self.runsync, methods=["POST"]),
            Route("/status/{job}", self.status, methods=both),
            Route("/stream/{job}", self.stream, methods=both),
            Route("/cancel/{job}", self.cancel, methods=["POST"]),
            Route("/purge-queue", self.purge, methods=["POST"]),
            Route("/health", self.health),
            Route("/openai/{path:path}", self.openai, methods=ANY_METHOD),
        ]

    async def run(self, request: Request) -> Response:
        """Queue a job."""
        job = self._submit(await document_of(request, RUN_LIMIT), sync=False)
        return JSONResponse(job.envelope())

    async def runsync(self, request: Request) -> Response:
        """Queue a job and wait for it, at most `?wait=` milliseconds."""
        wait_s = _wait_of(request) / 1000
        job = self._submit(await document_of(request, RUNSYNC_LIMIT), sync=True)
        await unless_gone(request.receive, ended(job, wait_s))
        return JSONResponse(job.envelope())

    async def status(self, request: Request) -> Response:
        """Where a job is."""
        return JSONResponse(self._job(request).envelope())

    async def stream(self, request: Request) -> Response:
        """The chunks since the last call; a moment's wait where there are none."""
        job = self._job(request)

        def news() -> bool:
            return job.told < len(job.chunks) or job.status.final

        await unless_gone(request.receive, job.changed.until(news, self.plane.stream_poll_s))
        return JSONResponse({"status": job.status.value, "stream": job.untold()})

    async def cancel(self, request: Request) -> Response:
        """End a job."""
        job = self._job(request)
        self.plane.cancel(job)
        return JSONResponse({"id": job.id, "status": job.status.value})

    async def purge(self, _request: Request) -> Response:
        """Cancel what nobody has taken yet."""
        return JSONResponse({"removed": self.plane.purge(), "status": "completed"})

    async def health(self, _request: Request) -> Response:
        """How many jobs and workers are in which state."""
        return JSONResponse(self.plane.health())

    async def openai(self, request: Request) -> Response:
        """Make any OpenAI call a job, and its output the answer.

        A caller who goes cancels the job: our choice, so that nothing is generated for nobody.
        """
        body = await document_of(request, RUNSYNC_LIMIT) if await request.body() else {}
        route = f"/{request.path_params['path']}"
        given = {"openai_route": route, "openai_input": body}
        job = self.plane.submit(given, sync=True)
        return OpenAIAnswer(self.plane, job, streamed=body.get("stream") is True)

    def _submit(self, document: dict[str, Any], *, sync: bool) -> Job:
        if "input" not in document:
            raise Refused(400, 'The body has no "input".')
        webhook = document.get("webhook")
        if webhook is not None and not isinstance(webhook, str):
            raise Refused(400, "webhook must be an address")
        try:
            policy = Policy.parse(document.get("policy"))
        except ValueError as error:
            raise Refused(400, str(error)) from error
        return self.plane.submit(document["input"], sync=sync, policy=policy, webhook=webhook)

    def _job(self, request: Request) -> Job:
        if job := self.plane.find(request.path_params["job"]):
            return job
        raise Refused(404, "There is no such job, or its result is no longer kept.")


class OpenAIAnswer(Response):
    """The answer of a job to an OpenAI client: its text as it comes, or its output at the end."""

    def __init__(self, plane: ControlPlane, job: Job, *, streamed: bool) -> None:
        super().__init__(media_type="text/event-stream")
        self._plane = plane
        self._job = job
        self._streamed = streamed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer until the end, or until the caller goes."""
        try:
            await unless_gone(receive, self._answer(scope, receive, send))
        finally:
            self._plane.cancel(self._job)  # nothing to cancel where it has ended

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        job = self._job
        await job.changed.until(lambda: job.status.final or self._text_waits())
        if self._text_waits():
            await self._pipe(send)
        else:
            await answer_of(job)(scope, receive, send)

    def _text_waits(self) -> bool:
        return self._streamed and bool(self._job.chunks) and isinstance(self._job.chunks[0], str)

    async def _pipe(self, send: Send) -> None:
        """Send the chunks; where the job fails half-way, what was sent just ends."""
        start = {"type": "http.response.start", "status": 200, "headers": _EVENTS}
        await send(start)
        while fresh := await self._fresh():
            text = "".join(chunk for chunk in fresh if isinstance(chunk, str))
            await send(_piece(text.encode(), more=True))
        await send(_piece(b"", more=False))

    async def _fresh(self) -> list[Any]:
        """The chunks since the last call; none once the job has ended."""
        job = self._job
        await job.changed.until(lambda: job.told < len(job.chunks) or job.status.final)
        return [chunk["output"] for chunk in job.untold()]


_EVENTS = [(b"content-type", b"text/event-stream; charset=utf-8")]


def _piece(body: bytes, *, more: bool) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": more}


def _wait_of(request: Request) -> int:
    """The milliseconds that a /runsync caller will wait, held within the platform's bounds."""
    least, default, most = WAIT_MS
    given = request.query_params.get("wait", str(default))
    if not given.isdecimal():
        raise Refused(400, "wait must be a number of milliseconds")
    return max(least, min(most, int(given)))


class _Key:
    """Lets in who has the key."""

    def __init__(self, app: ASGIApp, key: str | None) -> None:
        self._app = app
        self._key = key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        app = self._app
        if not authorised(headers, self._key):
            app = JSONResponse({"error": "Unauthorized"}, 401)
        await app(scope, receive, send)


async def _refuse(_request: Request, error: Exception) -> Response:
    status = error.status if isinstance(error, Refused) else 500
    return JSONResponse({"error": str(error)}, status)


def application(plane: ControlPlane, endpoint: str = "local", key: str | None = None) -> ASGIApp:
    """The platform with one endpoint, under `/v2/<endpoint>`."""
    routes = [*WorkerSide(plane).routes(), *ClientSide(plane).routes()]
    mount = Mount(f"/v2/{endpoint}", routes=routes)
    return _Key(Starlette(routes=[mount], exception_handlers={Refused: _refuse}), key)
