"""The HTTP service's routes: commentary, vLLM's OpenAI routes, and how the worker is."""

import hmac
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import Depends, FastAPI, Request
from fastapi.responses import Response
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

import worker
from worker import metrics as series
from worker.engine import Reply
from worker.errors import InvalidInput, Unauthorized, WorkerError
from worker.football.vocabulary import fold
from worker.health import LOADING, READY
from worker.jobs import at_end_of_task, close_with_task
from worker.metrics import Metrics
from worker.serve import documents
from worker.serve.exchange import (
    EVENT_STREAM,
    Json,
    Sheltered,
    Streamed,
    accepts_events,
    body_of,
    error_body,
    error_response,
    event,
    job_of,
    kept_alive,
    nobody_left,
    unless_gone,
)
from worker.serve.relay import pieces_of, relayed, to_its_end
from worker.serve.state import Service
from worker.shapes import Answer, commentary, openai
from worker.shapes.openai import ROUTES
from worker.shapes.plain import require_plain

# vLLM's routes that are passed on, by path; it has some thirty more, administrative ones too.
PASSED_ON: Final[Mapping[str, str]] = {path: route.method for path, route in ROUTES.items()} | {
    "/detokenize": "POST"
}
PING: Final[Mapping[str, int]] = {LOADING: 204, READY: 200}  # in any other condition 503


class Api(FastAPI):
    """An application whose document has our own schemas, too."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document."""
        document = super().openapi()
        components: dict[str, Any] = document.setdefault("components", {})
        components["schemas"] = components.get("schemas", {}) | documents.COMPONENTS
        return document


def application(service: Service, metrics: Metrics, keys: Sequence[str], limit: int) -> FastAPI:
    """The whole service.

    Args:
        service: its state, and who answers.
        metrics: what `/metrics` tells.
        keys: any of which opens it; without one it is open.
        limit: bytes of a request's body.
    """
    app = Api(
        title=documents.TITLE,
        version=worker.__version__,
        description=documents.DESCRIPTION,
        openapi_tags=documents.TAGS,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        redirect_slashes=False,
    )
    app.add_middleware(Sheltered)
    guard = [Depends(guarded_by(keys))]
    _add_operations(app, service, metrics, guard)
    _add_commentary(app, service, limit, guard)
    for path, method in PASSED_ON.items():
        _add_passed_on(app, service, limit, guard, path, method)
    _add_errors(app, service)
    return app


def health_application(service: Service) -> FastAPI:
    """`/ping` alone, for a load balancer that asks on a port of its own."""
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    _add_ping(app, service)
    return app


def metrics_application(service: Service, metrics: Metrics) -> FastAPI:
    """`/metrics` alone, for whoever reaches its port."""
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    _add_metrics(app, service, metrics, [])
    return app


BEARER: Final = HTTPBearer(auto_error=False)  # for the document; what came is read below


def guarded_by(keys: Sequence[str]) -> Callable[[Request, Any], Awaitable[None]]:
    """Raises Unauthorized about a request that comes without one of the keys, if there are any."""
    known = [key.encode() for key in keys]

    async def guard(request: Request, _: Annotated[Any, Depends(BEARER)]) -> None:
        # All of them, so that the time it takes does not tell which one was nearly right.
        opens = [hmac.compare_digest(_key_of(request), key) for key in known]
        if known and not any(opens):
            raise Unauthorized("A key of this service must come as `Authorization: Bearer <key>`.")

    return guard


def _key_of(request: Request) -> bytes:
    """The bytes of a request's key as they came: Starlette reads headers as Latin-1."""
    header = request.headers.get("authorization", "").encode("latin-1")
    scheme, _, key = header.partition(b" ")
    return key.strip(b" ") if scheme.lower() == b"bearer" else b""


def _add_errors(app: FastAPI, service: Service) -> None:
    """Every error in one form; those are counted that came before there was a job to count."""

    @app.exception_handler(WorkerError)
    async def refused(request: Request, error: WorkerError) -> Response:
        if not hasattr(request.state, "job"):
            service.refused(error.status)
        return error_response(error)

    @app.exception_handler(HTTPException)
    async def not_there(_request: Request, error: HTTPException) -> Response:
        service.refused(error.status_code)
        phrase = HTTPStatus(error.status_code).phrase
        told = InvalidInput(f"{phrase}: /docs has what there is.")
        body = error_body(told) | {"code": phrase.lower().replace(" ", "_")}
        body["error"] = {**body["error"], "code": body["code"]}
        return Json(body, error.status_code, error.headers)

    @app.exception_handler(ClientDisconnect)
    async def gone(_request: Request, _error: ClientDisconnect) -> Response:
        return nobody_left()


def _add_ping(app: FastAPI, service: Service) -> None:
    @app.get("/ping", **documents.PING)
    async def ping() -> Response:
        """How the worker is, by the status alone, as RunPod's load balancer asks."""
        return Response(status_code=PING.get(service.condition, 503))


def _add_metrics(app: FastAPI, service: Service, metrics: Metrics, guard: Sequence[Any]) -> None:
    @app.get("/metrics", dependencies=guard, **documents.METRICS)
    async def metrics_now() -> Response:
        """Prometheus's text: the worker's own series and vLLM's."""
        text = await series.scraped(metrics, service.engine)
        return Response(text, headers={"Content-Type": series.CONTENT_TYPE})


def _add_operations(app: FastAPI, service: Service, metrics: Metrics, guard: Sequence[Any]) -> None:
    _add_ping(app, service)
    _add_metrics(app, service, metrics, guard)

    @app.get("/health", **documents.HEALTH)
    async def health() -> Response:
        """How the worker is, and what it is doing; 200 while it takes requests."""
        status = 200 if service.condition == READY else 503
        return Json(documents.health(service), status)


def _add_commentary(app: FastAPI, service: Service, limit: int, guard: Sequence[Any]) -> None:
    @app.post("/v1/commentary", dependencies=guard, **documents.COMMENTARY)
    async def commentate(request: Request) -> Response:
        """Match actions in, one line of commentary for each out.

        With `"stream": true`, or where the client accepts `text/event-stream`, each line leaves as
        it is finished (`event: line`), and the rest of the result after the last one
        (`event: result`); an error that comes later than the first line is an `event: error`.
        """
        service.admit()
        document = await body_of(request, limit)
        jobs = service.admit()  # the body may have been long in coming
        turn = jobs.turn()  # at once, so that those who come at the same time are counted, too
        at_end_of_task(turn.end)
        if accepts_events(request):
            document = {key: document[key] for key in document if fold(key) != "stream"}
            document["stream"] = True
        record = job_of(request, commentary.Commentary.shape)
        answers = jobs.run(record, document, reader=commentary.read, turn=turn)
        close_with_task(answers)
        first = await unless_gone(request.receive, _next_of(answers))
        if "line" not in first:
            return Json(first)
        return Streamed(kept_alive(_events(first, answers)), EVENT_STREAM)


async def _next_of(answers: AsyncGenerator[Answer, None]) -> Mapping[str, Any]:
    """The first answer of a commentary; of an unstreamed one it is the last, and ends the job."""
    first = await anext(answers)
    if not isinstance(first, Mapping):
        raise TypeError(type(first).__name__)
    if "line" not in first:
        await anext(answers, None)  # closed at its answer, it would count as cancelled
    return first


async def _events(
    first: Mapping[str, Any], answers: AsyncGenerator[Answer, None]
) -> AsyncGenerator[bytes, None]:
    """A streamed commentary as server-sent events."""
    async with aclosing(answers):
        yield event("line", first)
        try:
            async for answer in answers:
                if isinstance(answer, Mapping):
                    yield event("line" if "line" in answer else "result", answer)
        except WorkerError as error:
            yield event("error", error_body(error))


def _add_passed_on(
    app: FastAPI, service: Service, limit: int, guard: Sequence[Any], path: str, method: str
) -> None:
    """One of vLLM's routes: its answer as it stands, whole or in the events it comes in."""

    async def passed_on(request: Request) -> Response:
        jobs = service.admit(generates=False)
        body = await body_of(request, limit) if method == "POST" else None
        if body is not None:
            require_plain(body)
            openai.require_answerable(path, body)
        answer = relayed(jobs, job_of(request, openai.OpenAI.shape), method, path, body)
        close_with_task(answer)
        reply = await unless_gone(request.receive, anext(answer))
        if not isinstance(reply, Reply):
            raise TypeError(type(reply).__name__)
        if reply.content_type.startswith(EVENT_STREAM):
            return Streamed(to_its_end(answer), reply.content_type, reply.status)
        whole = await unless_gone(request.receive, pieces_of(answer))
        headers = {"Content-Type": reply.content_type}
        if reply.status == 503:
            headers["Retry-After"] = "1"
        return Response(whole, reply.status, headers)

    app.add_api_route(
        path, passed_on, methods=[method], dependencies=guard, **documents.passed_on(path)
    )
