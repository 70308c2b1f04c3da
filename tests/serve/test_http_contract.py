"""The OpenAPI document is what the service does, whatever is sent to it."""

import asyncio
import json
import re
from collections import Counter
from copy import deepcopy
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

from tests.fakes import ScriptedEngine, fail, hang
from tests.rows import request_document
from tests.serve.service import http_service
from tests.test_docs import README
from worker import examples
from worker.engine import Reply
from worker.errors import EngineOverloaded
from worker.metrics import Metrics
from worker.serve import api, exchange
from worker.serve.state import Service

KEY = "a-key-of-the-back-end"
SIGNED = {"Authorization": f"Bearer {KEY}"}
COMMENTARY, CHAT = "/v1/commentary", "/v1/chat/completions"
SERIES = '# TYPE vllm:num_requests_running gauge\nvllm:num_requests_running{engine="0"} 0.0\n'

SECTION = README.split("\n## The HTTP service\n")[1].split("\n## ")[0]
RAW = api.application(Service(1, print), Metrics(), (KEY,), 1).openapi()
DOCUMENT = schemathesis.openapi.from_dict(deepcopy(RAW))
OURS = DOCUMENT.include(tag=["commentary", "operations"])

load_all_checks()
# All of schemathesis's checks are made but this one: the worker has laws that no schema can tell
# (ids are distinct, a number that is text has bounds, too), so it may refuse what its schema does
# not. How much it takes of that is a test of its own below.
TOO_STRICT = CHECKS.get_one("positive_data_acceptance")


def scripted():
    """An engine that obeys, and has series of its own."""
    asked = {"/metrics": ("text/plain; version=0.0.4; charset=utf-8", SERIES)}

    def route(_method, path, _body):
        content_type, text = asked.get(path, ("application/json", "{}"))
        return Reply(200, content_type, encoded(text))

    return ScriptedEngine(route=route)


async def encoded(text):
    """A body that comes in one piece."""
    yield text.encode()


@pytest.fixture(scope="module")
def service():
    """The service that is tried; it lives through all of it."""
    with http_service(scripted(), api_keys=(KEY,)) as service:
        yield service


def conforms(case, service, but=(TOO_STRICT,)):
    """Send a case, and hold the answer against the document in all ways but these."""
    answer = case.call(service.url, headers=SIGNED)
    case.validate_response(
        answer,
        headers=SIGNED,
        excluded_checks=but,
        transport_kwargs={"base_url": service.url},
    )
    return answer


def schema_of(name):
    """A validator of one of the document's own schemas."""
    whole = {"$ref": f"#/components/schemas/{name}", "components": RAW["components"]}
    return Draft202012Validator(whole)


def test_the_document_is_the_one_that_is_served(service):
    """What is held against the service below is what its clients read."""
    assert service.client.get("/openapi.json").json() == json.loads(json.dumps(RAW))


def test_the_document_is_openapi():
    """As OpenAPI 3.1 has it, and each schema in it as JSON Schema has it."""
    DOCUMENT.validate()
    for name, schema in RAW["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        assert schema_of(name).is_valid({"nothing": "of ours"}) in (True, False)  # all is found


@OURS.parametrize()
@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_is_sent_the_document_says_what_comes_back(case, service):
    """Status, content type, headers and body are the document's, and no fault is the service's.

    What the schema does not admit is refused, a method that is not there has its 405, and without a
    key, or with a wrong one, nothing that wants one is answered.
    """
    conforms(case, service)


def events(text):
    """The server-sent events of a text, as (name, data): its lines end at line feeds alone."""
    found = []
    for block in text.removesuffix("\n\n").split("\n\n"):
        name, data = block.split("\n")
        found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


def put_together(text):
    """The result that a stream's events are parts of; each of them is as the document says."""
    *lines, (name, closing) = events(text)
    assert {each for each, _ in lines} | {name} == {"line", "result"}
    schema_of("Closing").validate(closing)
    scripts = {}
    for _, chunk in lines:
        schema_of("Chunk").validate(chunk)
        scripts.setdefault(chunk.get("style"), {})[chunk["index"]] = chunk["line"]
    told = {style: [line for _, line in sorted(found.items())] for style, found in scripts.items()}
    return closing | ({"script": told[None]} if None in told else {"scripts": told})


def without_chance(result, but=()):
    """A result but for what differs from one run to the next."""
    result = {key: result[key] for key in result if key not in ("jobId", "timings", *but)}
    return result | {"warnings": sorted(result["warnings"])}


def assert_same(whole, streamed, but=()):
    """Both ways to be answered tell the same, but for some keys."""
    first, second = without_chance(whole, but), without_chance(put_together(streamed.text), but)
    if "scripts" in first:
        assert first.pop("script") == next(iter(first["scripts"].values()))
    assert first == second


def test_most_of_what_the_schema_admits_is_answered_and_a_stream_tells_the_same(service):
    """A request of the schema's is told, or refused for a mistake of its own; so is its stream."""
    statuses = Counter()

    @given(case=DOCUMENT[COMMENTARY]["POST"].as_strategy(generation_mode=GenerationMode.POSITIVE))
    @settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
    def told(case):
        request = {key: case.body[key] for key in case.body if key != "stream"}
        whole = service.post(request, **SIGNED)
        streamed = service.post(request | {"stream": True}, **SIGNED)
        statuses[whole.status_code] += 1
        assert whole.status_code == streamed.status_code
        if whole.status_code == 200:
            assert_same(whole.json(), streamed)

    told()
    assert statuses.keys() <= {200, 400}
    assert statuses[200] > statuses[400]


class Condition(NamedTuple):
    """What is asked of a service in some state, and how it is answered."""

    path: str
    status: int
    body: Any = None
    engine: Any = scripted
    key: str = KEY
    service: Any = MappingProxyType({})
    dead: bool = False
    stalls: bool = False


LATE = {"options": {"deadline_s": 0.1, "deadline_fallback": False}}
LOADING = {"begun": False}
ROWS = request_document()
CONDITIONS = {
    "a result": Condition(COMMENTARY, 200, ROWS),
    "a stream": Condition(COMMENTARY, 200, ROWS | {"stream": True}),
    "a mistake": Condition(COMMENTARY, 400, ROWS | {"rawData": []}),
    "a wrong key": Condition(COMMENTARY, 401, ROWS, key="another"),
    "a body that does not come": Condition(COMMENTARY, 408, ROWS, stalls=True),
    "a large body": Condition(COMMENTARY, 413, ROWS, service={"max_body_bytes": 1000}),
    "a fault": Condition(
        COMMENTARY, 500, ROWS, lambda: ScriptedEngine(lambda _: fail(RuntimeError("no")))
    ),
    "loading": Condition(COMMENTARY, 503, ROWS, service=LOADING),
    "a dead engine": Condition(COMMENTARY, 503, ROWS, dead=True),
    "a full engine": Condition(
        COMMENTARY, 503, ROWS, lambda: ScriptedEngine(lambda _: fail(EngineOverloaded("full")))
    ),
    "lateness": Condition(
        COMMENTARY, 504, ROWS, lambda: ScriptedEngine(lambda _: hang()), service=LATE
    ),
    "ready": Condition("/ping", 200),
    "not yet": Condition("/ping", 204, service=LOADING),
    "never again": Condition("/ping", 503, dead=True),
    "how it is": Condition("/health", 200),
    "how it is while loading": Condition("/health", 503, service=LOADING),
    "how it is when dead": Condition("/health", 503, dead=True),
    "metrics": Condition("/metrics", 200),
    "metrics while loading": Condition("/metrics", 200, service=LOADING),
    "metrics of a dead engine": Condition("/metrics", 200, dead=True),
    "metrics without a key": Condition("/metrics", 401, key="another"),
}


@pytest.mark.parametrize("name", CONDITIONS)
def test_each_status_is_as_the_document_has_it(name, monkeypatch):
    """In every state of the service, body, type and headers of the answer are documented."""
    condition = CONDITIONS[name]
    if condition.stalls:  # a client cannot be made to
        monkeypatch.setattr(exchange, "_read", lambda *_: asyncio.Event().wait())
        monkeypatch.setattr(exchange, "BODY_SECONDS", 0.05)
    engine = condition.engine()
    [operation] = DOCUMENT[condition.path].values()
    body = {} if condition.body is None else {"body": condition.body}
    with http_service(engine, api_keys=(KEY,), **condition.service) as service:
        engine.dead = condition.dead
        case = operation.Case(**body)
        answer = case.call(service.url, headers={"Authorization": f"Bearer {condition.key}"})
    case.validate_response(answer, excluded_checks=[CHECKS.get_one(name) for name in OFF])
    assert answer.status_code == condition.status


OFF = (
    "not_a_server_error",  # those that are meant
    "ignored_auth",  # it would ask again, and nobody is there any more
)


def test_each_status_of_the_document_is_brought_about():
    """None is promised that never comes."""
    wanted = {(each.path, each.status) for each in CONDITIONS.values()}
    promised = {
        (path, int(status))
        for path in dict.fromkeys(each.path for each in CONDITIONS.values())
        for about in RAW["paths"][path].values()
        for status in about["responses"]
    }
    assert promised == wanted
    assert {operation.path for operation in of(OURS)} == {path for path, _ in wanted}


def of(document):
    """The operations of a document."""
    return [result.ok() for result in document.get_all_operations()]


def test_its_examples_are_what_its_schemas_admit():
    """Request, result and stream, as a reader of /docs sees them."""
    about = RAW["paths"][COMMENTARY]["post"]
    asked = about["requestBody"]["content"]["application/json"]["example"]
    told = about["responses"]["200"]["content"]
    schema_of("CommentaryRequest").validate(asked)
    schema_of("CommentaryResult").validate(told["application/json"]["example"])
    schema_of("Error").validate(examples.HTTP_FAILURE)
    put_together(told["text/event-stream"]["example"])


def test_its_example_is_answered_with_what_its_example_shows(service):
    """Ids, times and keys of the result are those of the request beside it."""
    about = RAW["paths"][COMMENTARY]["post"]
    asked = about["requestBody"]["content"]["application/json"]["example"]
    shown = about["responses"]["200"]["content"]["application/json"]["example"]
    told = service.post(asked, **SIGNED).json()
    assert list(told) == list(shown)
    for mine, example in zip(told["script"], shown["script"], strict=True):
        assert list(mine) == list(example)
        assert (mine["actionId"], mine["timeSeconds"]) == (
            example["actionId"],
            example["timeSeconds"],
        )


@pytest.mark.parametrize(
    "operation", of(DOCUMENT.include(tag="OpenAI")), ids=lambda each: each.path
)
def test_the_examples_of_the_openai_routes_reach_the_engine_as_they_stand(operation, service):
    """The service has nothing against them; what the engine says is tested on a real one."""
    asked = example_of(operation.path)
    answer = service.client.request(operation.method, operation.path, json=asked, headers=SIGNED)
    assert answer.status_code == 200
    assert service.jobs.engine.routed[-1] == (operation.method.upper(), operation.path, asked)


def example_of(path):
    """The example of a path's request, None where it has no body."""
    [about] = RAW["paths"][path].values()
    if "requestBody" not in about:
        return None
    return about["requestBody"]["content"]["application/json"]["example"]


def shown(language, having=""):
    """README's one block about the service in a language that has these words."""
    blocks = re.findall(rf"```{language}\n(.*?)```", SECTION, re.DOTALL)
    [found] = [block for block in blocks if having in block]
    return found


def test_readme_has_the_routes_of_the_document():
    """All of them by their methods, those beside that FastAPI makes, and which want no key."""
    rows = re.findall(r"^\| ((?:GET|POST) .*?) \| (.*) \|$", SECTION, re.MULTILINE)
    named, open_to_all = set(), set()
    for routes, what in rows:
        for method, paths in re.findall(r"(GET|POST) ([^;]+)", routes):
            found = {(method, path) for path in re.findall(r"`(/[^`]+)`", paths)}
            named |= found
            open_to_all |= found if "never a key" in what else set()
    routes = {
        (method.upper(), path): about
        for path, methods in RAW["paths"].items()
        for method, about in methods.items()
    }
    beside = {("GET", "/docs"), ("GET", "/openapi.json")}
    assert named == routes.keys() | beside
    assert open_to_all == {name for name in routes if "security" not in routes[name]} | beside


def test_readme_shows_what_events_look_like(service):
    """Names, and keys in their order, are those of a real stream."""
    told = service.post(request_document(stream=True), **SIGNED)
    first, *_, last = events(told.text)
    assert [(name, list(data)) for name, data in events(f"{shown('text')}\n")] == [
        (name, list(data)) for name, data in (first, last)
    ]
