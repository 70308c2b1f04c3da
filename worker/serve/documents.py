"""What the service's OpenAPI document says of its routes."""

import json
from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from worker import examples, schemas
from worker.engine.openai import CHAT
from worker.serve.exchange import EVENT_STREAM, event
from worker.serve.state import Service
from worker.shapes import openai
from worker.shapes.probe import jobs as jobs_of

TITLE: Final = "Football commentary worker"
DESCRIPTION: Final = (
    "Football event data in, spoken-style Korean commentary out; and vLLM's OpenAI routes on the "
    "same model. Errors have one form: OpenAI's `error` object, and beside it `code`, `message`, "
    "`param` and `retryable`; what vLLM itself refuses has the `error` object alone."
)
TAGS: Final = [
    {"name": "commentary", "description": "Match actions in, one line for each out."},
    {"name": "OpenAI", "description": "vLLM's own routes, unchanged, for OpenAI's clients."},
    {"name": "operations", "description": "How the worker is."},
]

_JSON: Final = "application/json"
_TEXT: Final = "text/plain"
_SCHEMAS: Final = "#/components/schemas/"
_STRING: Final = {"schema": {"type": "string"}}
_PROMPT: Final = {"type": "string", "minLength": 1}
_TOKEN: Final = {"type": "integer", "minimum": 0, "maximum": 255}


COMPONENTS: dict[str, Any] = {}
"""Schemas that the document has one of, by name; filled as they are referred to."""


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"{_SCHEMAS}{name}"}


def _component(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A reference to one of our schemas, which goes with all that it refers to to COMPONENTS."""
    parts = {**schema["$defs"], schema["title"]: schema}
    for name, part in parts.items():
        own = {key: value for key, value in part.items() if key not in ("$id", "$schema", "$defs")}
        text = json.dumps(own, ensure_ascii=False)
        COMPONENTS[name] = json.loads(text.replace("#/$defs/", _SCHEMAS))
    return _ref(schema["title"])


def _answer(
    what: str, content: Mapping[str, Any] | None = None, headers: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What is answered, with its body and its own headers, where it has any."""
    parts = {"content": content, "headers": headers}
    return {"description": what} | {name: dict(part) for name, part in parts.items() if part}


_OURS: Final = _component(schemas.error_schema())
_VLLMS: Final = {
    "type": "object",
    "description": "An error in vLLM's own words.",
    "properties": {"error": _ref("OpenAIError")},
    "required": ["error"],
    "additionalProperties": False,
}


def _errors(*statuses: int, form: Mapping[str, Any] = _OURS) -> dict[int | str, dict[str, Any]]:
    """The answers that are errors, all of one form."""
    body = {_JSON: {"schema": form}}
    return {status: _answer(_MEANING[status], body, _HEADERS.get(status)) for status in statuses}


_HEADERS: Final[Mapping[int, Mapping[str, Any]]] = {
    401: {
        "WWW-Authenticate": {
            "description": "How to come with a key.",
            "required": True,
            "schema": {"const": "Bearer"},
        }
    },
    503: {
        "Retry-After": {
            "description": "Seconds after which to ask again.",
            "required": True,
            "schema": {"type": "integer", "minimum": 1},
        }
    },
}


_MEANING: Final[Mapping[int, str]] = {
    400: "The request cannot be answered as it stands; `param` names the field.",
    401: "No key of the service came with the request.",
    404: "The engine has no such model.",
    408: "The body has not come in time.",
    413: "The body is larger than the service takes.",
    500: "A fault of the worker's or the engine's.",
    503: "Not now: the model loads, too many requests wait, or the engine is dead. `Retry-After`.",
    504: "Not finished within the deadline.",
}

_JOB_ID: Final = {
    "name": "X-Request-ID",
    "in": "header",
    "description": "The job's id: 1 to 128 letters, digits and `_.:@=+/-`. Any other is replaced.",
    "schema": {"type": "string"},
}
_STREAM_EXAMPLE: Final = (
    event("line", examples.CHUNK) + event("result", examples.CLOSING)
).decode()


def _event(name: str, component: str) -> dict[str, Any]:
    """A server-sent event whose data is JSON: before OpenAPI 3.2, a stream's schema is of these."""
    data = {"type": "string", "contentMediaType": _JSON}
    told = {"event": {"const": name}, "data": data | {"contentSchema": _ref(component)}}
    return {"type": "object", "properties": told, "required": [*told]}


_EVENTS: Final = {
    "schema": {
        "description": "Each event: the lines, and then the rest of the result or an error.",
        "oneOf": [_event("line", "Chunk"), _event("result", "Closing"), _event("error", "Error")],
    },
    "example": _STREAM_EXAMPLE,
}
_COMMENTARY_ANSWERS: Final = _answer(
    "The result; streamed, a line per event and then the rest of the result.",
    {
        _JSON: {"schema": _component(schemas.result_schema()), "example": examples.RESULT},
        EVENT_STREAM: _EVENTS,
    },
)
COMMENTARY: Final[dict[str, Any]] = {
    "tags": ["commentary"],
    "summary": "Commentate up to twenty actions",
    "response_class": Response,
    "responses": {200: _COMMENTARY_ANSWERS, **_errors(400, 401, 408, 413, 500, 503, 504)},
    "openapi_extra": {
        "parameters": [_JOB_ID],
        "requestBody": {
            "required": True,
            "content": {
                _JSON: {
                    "schema": _component(schemas.request_schema()),
                    "example": examples.REQUEST,
                }
            },
        },
    },
}
METRICS: Final[dict[str, Any]] = {
    "tags": ["operations"],
    "summary": "Metrics for Prometheus",
    "response_class": Response,
    "responses": {200: _answer("Prometheus's text format.", {_TEXT: _STRING}), **_errors(401)},
}
PING: Final[dict[str, Any]] = {
    "tags": ["operations"],
    "summary": "Ready or not, for a load balancer",
    "response_class": Response,
    "responses": {
        200: _answer("The worker takes requests."),
        204: _answer("The model is still loading."),
        503: _answer("The worker ends: its engine is dead, or it has been told to."),
    },
}
_HEALTH: Final = {
    _JSON: {
        "schema": {
            "type": "object",
            "properties": {
                "status": {"enum": ["loading", "ready", "draining", "dead"]},
                "concurrency": {"type": ["integer", "null"]},
                "jobs": {"type": ["object", "null"], "additionalProperties": {"type": "integer"}},
            },
            "required": ["status", "concurrency", "jobs"],
            "additionalProperties": False,
        }
    }
}
HEALTH: Final[dict[str, Any]] = {
    "tags": ["operations"],
    "summary": "How the worker is, in JSON",
    "response_class": Response,
    "responses": {
        200: _answer("The worker takes requests.", _HEALTH),
        503: _answer("It loads its model, ends, or its engine is dead.", _HEALTH),
    },
}


def health(service: Service) -> dict[str, Any]:
    """What `/health` answers."""
    jobs = service.jobs
    return {
        "status": service.condition,
        "concurrency": jobs.state.concurrency if jobs else None,
        "jobs": jobs_of(jobs.state) if jobs else None,
    }


_MODEL: Final = {"type": "string", "description": "One of GET /v1/models; its first, if absent."}
_COUNT: Final = {"type": "integer", "minimum": 1, "maximum": 64}
_MESSAGES: Final = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "object",
        "properties": {
            "role": {"enum": ["system", "user", "assistant"]},
            "content": {"type": "string"},
        },
        "required": ["role", "content"],
    },
}
_STREAM: Final = {"type": "boolean"}
_HELLO: Final = "골 장면을 한 문장으로 말해 주세요."
# No more of vLLM's bodies than their core: what else they take is vLLM's to say.
_BODIES: Final[Mapping[str, tuple[str, Mapping[str, Any], tuple[str, ...], Mapping[str, Any]]]] = {
    CHAT: (
        "Chat completion",
        {"model": _MODEL, "messages": _MESSAGES, "max_tokens": _COUNT, "stream": _STREAM},
        ("messages",),
        {"messages": [{"role": "user", "content": _HELLO}], "max_tokens": 64},
    ),
    openai.COMPLETIONS: (
        "Completion",
        {"model": _MODEL, "prompt": _PROMPT, "max_tokens": _COUNT, "stream": _STREAM},
        ("prompt",),
        {"prompt": "골입니다", "max_tokens": 16},
    ),
    openai.RESPONSES: (
        "Response",
        {"model": _MODEL, "input": _PROMPT, "max_output_tokens": _COUNT, "stream": _STREAM},
        ("input",),
        {"input": _HELLO, "max_output_tokens": 64},
    ),
    "/tokenize": (
        "Tokens of a text",
        {"model": _MODEL, "prompt": _PROMPT},
        ("prompt",),
        {"prompt": "골입니다"},
    ),
    "/detokenize": (
        "Text of tokens",
        {"model": _MODEL, "tokens": {"type": "array", "items": _TOKEN}},
        ("tokens",),
        {"tokens": [1, 2, 3]},
    ),
}


def passed_on(path: str) -> dict[str, Any]:
    """What the document says of one of vLLM's routes."""
    event = {"type": "object", "properties": {"data": {"type": "string"}}, "required": ["data"]}
    answers = {_JSON: {"schema": {"type": "object"}}, EVENT_STREAM: {"schema": event}}
    about: dict[str, Any] = {"tags": ["OpenAI"], "response_class": Response}
    if path not in _BODIES:
        told = _answer("The model, under each of its names.", {_JSON: answers[_JSON]})
        return about | {"summary": "Models", "responses": {200: told, **_errors(401, 503)}}
    summary, properties, required, example = _BODIES[path]
    schema = {"type": "object", "properties": properties, "required": list(required)}
    body = {"required": True, "content": {_JSON: {"schema": schema, "example": example}}}
    told = _answer("vLLM's own answer.", answers)
    refusals = _errors(400, 401, 404, 408, 413, 500, 503, form={"anyOf": [_OURS, _VLLMS]})
    return about | {
        "summary": summary,
        "responses": {200: told, **refusals},
        "openapi_extra": {"parameters": [_JOB_ID], "requestBody": body},
    }
