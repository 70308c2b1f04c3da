"""RunPod's REST API v2 on loopback: what is documented of endpoints and GPUs, and faults on call.

The fields, types, enumerations and bounds are those of https://api.runpod.io/v2/openapi.json as of
18 August 2026 (CreateEndpointRequest, UpdateEndpointRequest, Endpoint, ErrorResponse), and so are
the rules that stand in its descriptions: what a PATCH leaves and what it replaces, which fields
exclude each other. An endpoint's name is not unique.
"""

import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jsonschema

# GpuType.id, GpuType.pool; https://docs.runpod.io/references/gpu-types
CATALOGUE = {
    "NVIDIA L4": "AMPERE_24",
    "NVIDIA RTX A5000": "AMPERE_24",
    "NVIDIA GeForce RTX 3090": "AMPERE_24",
    "NVIDIA GeForce RTX 3090 Ti": None,
    "NVIDIA GeForce RTX 4090": "ADA_24",
    "NVIDIA A40": "AMPERE_48",
    "NVIDIA RTX A6000": "AMPERE_48",
}


def schema(fields: dict[str, Any], *required: str, **more: Any) -> dict[str, Any]:
    """An object of these fields alone."""
    alone = {"type": "object", "properties": fields, "additionalProperties": False}
    return alone | {"required": list(required)} | more


def texts(pattern: str = "", **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "string", "pattern": pattern}} | more


def whole(low: int, high: int = 2**31) -> dict[str, Any]:
    return {"type": "integer", "minimum": low, "maximum": high}


TEXT, NAME = {"type": "string"}, {"type": "string", "minLength": 1}
VERSION = r"^\d+\.\d+$"
GPU = {
    "pools": texts(minItems=1),
    "excludedTypes": texts(r"^\s*[^-\s]", uniqueItems=True),
    "count": whole(1),
    "allowedCudaVersions": texts(VERSION),
}
NEW_GPU = schema(GPU | {"minCudaVersion": {"type": "string", "pattern": VERSION}}, "pools")
CHANGED_GPU = schema(
    GPU | {"minCudaVersion": {"type": "string", "pattern": f"^$|{VERSION}"}},
    dependentRequired={"excludedTypes": ["pools"]},
)
CPU = schema({"id": NAME, "vcpuCount": whole(2)}, "id", "vcpuCount")
DELAY = schema(
    {"type": {"enum": ["QUEUE_DELAY"]}, "queueDelay": {"type": "number", "minimum": 0.5}},
    *("type", "queueDelay"),
)
COUNT = schema(
    {"type": {"enum": ["REQUEST_COUNT"]}, "requestCount": whole(1)}, "type", "requestCount"
)
ENDPOINT = {
    "args": TEXT,
    "disk": whole(1),
    "env": {"type": "object", "additionalProperties": TEXT},
    "image": TEXT,
    "ports": texts(),
    "registry": {"type": ["string", "null"]},
    "name": NAME,
    "scaling": {"oneOf": [DELAY, COUNT]},
    "cpu": {"type": "array", "minItems": 1, "uniqueItems": True, "items": CPU},
    "dataCenterIds": texts(),
    "flashboot": {"enum": ["OFF", "FLASHBOOT", "PRIORITY_FLASHBOOT"]},
    "networkVolumes": texts(),
    "templateId": TEXT,
    "timeout": {"type": "integer"},
    "workers": schema({"min": whole(0), "max": whole(0), "idleTimeout": whole(1, 3600)}),
}
TYPE = {"type": {"enum": ["QUEUE", "LOAD_BALANCER"]}}
SCHEMAS = {
    # With a templateId the image may be left out; none is served here.
    "POST": schema(
        ENDPOINT | TYPE | {"gpu": NEW_GPU, "templateId": NAME},
        *("name", "type", "scaling", "image"),
    ),
    "PATCH": schema(ENDPOINT | {"gpu": CHANGED_GPU}),
}
# What a POST that leaves it out gets.
ANY_GPU = {"count": 1, "allowedCudaVersions": [], "minCudaVersion": None}
DEFAULTS = {
    "args": "",
    "disk": 20,
    "ports": [],
    "env": {},
    "registry": None,
    "workers": {"min": 0, "max": 3, "idleTimeout": 10},
    "dataCenterIds": [],
    "networkVolumes": [],
    "timeout": 300_000,
    "flashboot": "OFF",
    "createdAt": "2026-11-24T12:00:00Z",
}


@dataclass(frozen=True)
class Request:
    """One that arrived: its path with the query, its body where it has one."""

    method: str
    path: str
    body: Any = None


@dataclass
class Fault:
    """What becomes of the next `times` requests of a method to a path that begins so.

    Attributes:
        status: the answer's, or None: the connection is closed instead.
        body: the answer's, as it stands.
        late: whether what was asked for is done all the same.
    """

    method: str
    path: str
    status: int | None = None
    body: str = ""
    late: bool = False
    times: int = 1


class Refused(Exception):
    """An answer that is not a success: a status, a title, a detail, and single errors."""


@dataclass
class RunPodApi:
    """An account's endpoints, RunPod's GPUs, and what was asked of them.

    Attributes:
        url: the address, like `https://api.runpod.io/v2`.
        pools: every GPU type's serverless pool, or None.
        held: fields that this account may not have otherwise, silently.
    """

    key: str
    url: str = ""
    endpoints: list[dict[str, Any]] = field(default_factory=list)
    pools: dict[str, str | None] = field(default_factory=lambda: dict(CATALOGUE))
    requests: list[Request] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    held: dict[str, Any] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def writes(self) -> list[Request]:
        return [request for request in self.requests if request.method != "GET"]

    def fail(self, method: str, path: str, status: int | None = None, body="", **fault) -> None:
        self.faults.append(Fault(method, path, status, body, **fault))

    def fault(self, request: Request) -> Fault | None:
        """The one that strikes this request, used up by it."""
        for fault in self.faults:
            hit = fault.method == request.method and request.path.startswith(fault.path)
            if hit and fault.times:
                fault.times -= 1
                return fault
        return None

    def add(self, name: str, **fields: Any) -> dict[str, Any]:
        """An endpoint that is there already, with fields that nobody asked for."""
        id_ = f"{len(self.endpoints)}m7x2k9q"
        gpu = ANY_GPU | {"pools": ["ADA_24"]}
        scaling = {"type": "QUEUE_DELAY", "queueDelay": 4}
        made = {"id": id_, "name": name, "type": "QUEUE", "gpu": gpu, "scaling": scaling}
        self.endpoints.append(json.loads(json.dumps(DEFAULTS | made | fields)))
        return self.endpoints[-1]

    def answer(self, request: Request, authorization: str | None) -> tuple[int, Any]:
        """What the API says; raises Refused."""
        if authorization != f"Bearer {self.key}":
            raise Refused(401, "Unauthorized", "invalid bearer token")
        route = re.fullmatch(r"/(serverless|catalog/gpus)(?:/([\w-]+))?", request.path)
        if route is None:
            raise Refused(404, "Not Found", "no such path")
        if request.method == "GET" and route[2] is None:
            return 200, self.listed(route[1])
        self.check(request.body, request.method)
        return (200, self.changed(route[2], request.body)) if route[2] else self.made(request.body)

    def listed(self, kind: str) -> dict[str, Any]:
        if kind == "serverless":
            return {"endpoints": [shown(endpoint) for endpoint in self.endpoints]}
        return {"gpus": [{"id": id_, "pool": pool} for id_, pool in self.pools.items()]}

    def check(self, body: Any, method: str) -> None:
        validator = jsonschema.Draft202012Validator(SCHEMAS[method])
        errors = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(body)]
        if errors:
            raise Refused(422, "Unprocessable Entity", "Request validation failed.", errors)

    def made(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if "gpu" not in body or "cpu" in body:  # one of the two; CPUs are not served here
            raise Refused(400, "Bad Request", "specify exactly one of gpu and cpu")
        new = DEFAULTS | {"workers": {"min": 0, "max": 3}} | body
        new["gpu"] = ANY_GPU | new["gpu"]
        if scales_on_delay(new):
            new["workers"] = DEFAULTS["workers"] | new["workers"]
        self.rule(new, body)
        return 201, shown(self.add(**self.allowed(new)))

    def changed(self, id_: str, body: dict[str, Any]) -> dict[str, Any]:
        for endpoint in self.endpoints:
            if endpoint["id"] == id_:
                new = patched(endpoint, body)
                self.rule(new, body)
                endpoint.update(self.allowed(new))
                return shown(endpoint)
        raise Refused(404, "Not Found", f"no endpoint {id_}")

    def rule(self, new: dict[str, Any], body: dict[str, Any]) -> None:
        """What the descriptions say of fields together; raises Refused."""
        gpu = new["gpu"]
        chosen = {id_ for id_, pool in self.pools.items() if pool in gpu["pools"]}
        excluded = {name.strip() for name in gpu.get("excludedTypes", ())}
        idle = "idleTimeout" in body.get("workers", {})
        for wrong, why in (
            (gpu.get("allowedCudaVersions") and gpu.get("minCudaVersion"), "both CUDA constraints"),
            (excluded - chosen, "excludedTypes: not in one of the pools"),
            (not chosen - excluded, "gpu: no type is left"),
            (idle and not scales_on_delay(new), "workers.idleTimeout: not with requestCount"),
        ):
            if wrong:
                raise Refused(400, "Bad Request", why)

    def allowed(self, new: dict[str, Any]) -> dict[str, Any]:
        """An account's limit is applied without an error."""
        for name, value in self.held.items():
            new[name] = new[name] | value if isinstance(value, dict) else value
        return new


def patched(endpoint: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    """Fields that a PATCH names are changed; with its pools, a selection of GPUs is replaced."""
    new = endpoint | body
    if "workers" in body:
        new["workers"] = endpoint["workers"] | body["workers"]
    if "gpu" in body:
        replaced = "excludedTypes" if "pools" in body["gpu"] else ""
        kept = {name: value for name, value in endpoint["gpu"].items() if name != replaced}
        new["gpu"] = kept | body["gpu"]
    return new


def scales_on_delay(endpoint: dict[str, Any]) -> bool:
    return endpoint["scaling"]["type"] == "QUEUE_DELAY"


def shown(endpoint: dict[str, Any]) -> dict[str, Any]:
    """As it is answered: without an idle timeout where that does not apply."""
    if scales_on_delay(endpoint) or endpoint["type"] != "QUEUE":
        return endpoint
    workers = {name: endpoint["workers"][name] for name in ("min", "max")}
    return endpoint | {"workers": workers}


@contextmanager
def runpod_api(key: str) -> Iterator[RunPodApi]:
    """The API on a free port of loopback, for the time of a test."""
    api = RunPodApi(key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(api))
    api.url = f"http://127.0.0.1:{server.server_port}/v2"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(api: RunPodApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with api.lock:
                self.answer()

        do_POST = do_PATCH = do_GET  # noqa: N815  # the names that the base class looks for

        def answer(self) -> None:
            request = Request(self.command, self.path.removeprefix("/v2"), self.read())
            api.requests.append(request)
            fault = api.fault(request)
            if fault is None or fault.late:
                status, body = self.done(request)
            if fault is None:
                self.send(status, body)
            elif fault.status is None:
                self.connection.shutdown(socket.SHUT_RDWR)
            else:
                self.send(fault.status, fault.body)

        def done(self, request: Request) -> tuple[int, str]:
            try:
                status, answer = api.answer(request, self.headers["Authorization"])
            except Refused as refused:
                status, title, detail, *errors = refused.args
                answer = {"title": title, "status": status, "detail": detail}
                answer |= {"errors": errors[0]} if errors else {}
            return status, json.dumps(answer)

        def read(self) -> Any:
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            return json.loads(raw) if raw else None

        def send(self, status: int, body: str) -> None:
            kind = "application/json" if status < 400 else "application/problem+json"
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Nothing: a test says itself what went wrong."""

    return Handler
