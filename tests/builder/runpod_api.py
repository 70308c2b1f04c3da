"""RunPod's REST API on loopback: what is documented of templates and endpoints, and faults on call.

The fields, types, enumerations and bounds are those of https://rest.runpod.io/v1/openapi.json as of
July 2026 (EndpointCreateInput, EndpointUpdateInput, TemplateCreateInput, TemplateUpdateInput). The
API's own habits are kept: an endpoint with FlashBoot is listed as "name -fb", a template's name is
unique and an endpoint's is not, a template in use is listed only when asked for.
"""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jsonschema

TEXT, TEXTS, SWITCH = (
    {"type": "string"},
    {"type": "array", "items": {"type": "string"}},
    {"type": "boolean"},
)
GPUS = (
    "NVIDIA A100 80GB PCIe",
    "NVIDIA A100-SXM4-80GB",
    "NVIDIA A30",
    "NVIDIA A40",
    "NVIDIA B200",
    "NVIDIA GeForce RTX 3090",
    "NVIDIA GeForce RTX 4090",
    "NVIDIA GeForce RTX 5090",
    "NVIDIA H100 80GB HBM3",
    "NVIDIA H100 NVL",
    "NVIDIA H100 PCIe",
    "NVIDIA H200",
    "NVIDIA L4",
    "NVIDIA L40",
    "NVIDIA L40S",
    "NVIDIA RTX 2000 Ada Generation",
    "NVIDIA RTX 4000 Ada Generation",
    "NVIDIA RTX 6000 Ada Generation",
    "NVIDIA RTX A4000",
    "NVIDIA RTX A4500",
    "NVIDIA RTX A5000",
    "NVIDIA RTX A6000",
)
CUDA = {"enum": ["11.8", *(f"12.{minor}" for minor in range(10)), "13.0"]}


def whole(low: int | None = None, high: int | None = None) -> dict[str, Any]:
    bounds = {"minimum": low, "maximum": high}
    return {"type": "integer"} | {
        name: bound for name, bound in bounds.items() if bound is not None
    }


def schema(fields: dict[str, Any], required: tuple[str, ...] = ()) -> dict[str, Any]:
    """An object of these fields alone."""
    return {
        "type": "object",
        "properties": fields,
        "required": list(required),
        "additionalProperties": False,
    }


TEMPLATE = {
    "containerDiskInGb": whole(),
    "containerRegistryAuthId": TEXT,
    "dockerEntrypoint": TEXTS,
    "dockerStartCmd": TEXTS,
    "env": {"type": "object", "additionalProperties": TEXT},
    "imageName": TEXT,
    "isPublic": SWITCH,
    "name": TEXT,
    "ports": TEXTS,
    "readme": TEXT,
    "volumeInGb": whole(),
    "volumeMountPath": TEXT,
}
NEW_TEMPLATE = TEMPLATE | {
    "category": {"enum": ["NVIDIA", "AMD", "CPU"]},
    "isServerless": SWITCH,
}
ENDPOINT = {
    "allowedCudaVersions": {"type": "array", "items": CUDA},
    "cpuFlavorIds": {"type": "array", "items": {"enum": ["cpu3c", "cpu3g", "cpu5c", "cpu5g"]}},
    "dataCenterIds": TEXTS,
    "executionTimeoutMs": whole(),
    "flashboot": SWITCH,
    "gpuCount": whole(1),
    "gpuTypeIds": {"type": "array", "items": {"enum": list(GPUS)}},
    "idleTimeout": whole(1, 3600),
    "minCudaVersion": CUDA,
    "name": TEXT | {"maxLength": 191},
    "networkVolumeId": TEXT,
    "networkVolumeIds": TEXTS,
    "scalerType": {"enum": ["QUEUE_DELAY", "REQUEST_COUNT"]},
    "scalerValue": whole(1),
    "templateId": TEXT,
    "vcpuCount": whole(),
    "workersMax": whole(0),
    "workersMin": whole(0),
}
NEW_ENDPOINT = ENDPOINT | {"computeType": {"enum": ["GPU", "CPU"]}}
SCHEMAS = {
    ("POST", "templates"): schema(NEW_TEMPLATE, ("name", "imageName")),
    ("PATCH", "templates"): schema(TEMPLATE),
    ("POST", "endpoints"): schema(NEW_ENDPOINT, ("templateId",)),
    ("PATCH", "endpoints"): schema(ENDPOINT),
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
    """An answer that is not a success: a status, and a message."""


@dataclass
class RunPodApi:
    """An account's templates and endpoints, and what was asked of them.

    Attributes:
        url: the address, like `https://rest.runpod.io/v1`.
        held: fields that this account may not have otherwise, silently.
    """

    key: str
    url: str = ""
    templates: list[dict[str, Any]] = field(default_factory=list)
    endpoints: list[dict[str, Any]] = field(default_factory=list)
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

    def answer(self, request: Request, authorization: str | None) -> Any:
        """What the API says; raises Refused."""
        if authorization != f"Bearer {self.key}":
            raise Refused(401, "Unauthorized")
        parts = urlsplit(request.path)
        kind, _, id_ = parts.path.removeprefix("/").partition("/")
        if kind not in ("templates", "endpoints"):
            raise Refused(404, "no such path")
        if request.method == "GET":
            return self.listed(kind, parse_qs(parts.query))
        self.check(request, kind)
        return self.patched(kind, id_, request.body) if id_ else self.made(kind, request.body)

    def check(self, request: Request, kind: str) -> None:
        try:
            jsonschema.validate(request.body, SCHEMAS[request.method, kind])
        except jsonschema.ValidationError as error:
            raise Refused(400, f"{error.json_path}: {error.message}") from None
        template = request.body.get("templateId") if kind == "endpoints" else None
        if template is not None and not any(item["id"] == template for item in self.templates):
            raise Refused(400, f"no template {template}")

    def listed(self, kind: str, query: dict[str, list[str]]) -> list[dict[str, Any]]:
        bound = {endpoint["templateId"] for endpoint in self.endpoints}
        if kind == "endpoints" or query.get("includeEndpointBoundTemplates") == ["true"]:
            bound = set()
        return [item for item in getattr(self, kind) if item["id"] not in bound]

    def made(self, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        items = getattr(self, kind)
        if kind == "templates" and any(item["name"] == body["name"] for item in items):
            raise Refused(400, "Template name must be unique.")
        items.append({"id": f"{kind[:2]}{len(items)}abc"} | self.shown(body))
        return items[-1]

    def patched(self, kind: str, id_: str, body: dict[str, Any]) -> dict[str, Any]:
        for item in getattr(self, kind):
            if item["id"] == id_:
                item.update(self.shown({"name": item["name"]} | body))
                return item
        raise Refused(404, f"no {id_}")

    def shown(self, body: dict[str, Any]) -> dict[str, Any]:
        """A thing as it is answered: FlashBoot stands in the name alone."""
        shown = body | {name: value for name, value in self.held.items() if name in body}
        if shown.pop("flashboot", False) and not shown["name"].endswith(" -fb"):
            shown["name"] += " -fb"
        return shown


@contextmanager
def runpod_api(key: str) -> Iterator[RunPodApi]:
    """The API on a free port of loopback, for the time of a test."""
    api = RunPodApi(key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(api))
    api.url = f"http://127.0.0.1:{server.server_port}/v1"
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
            request = Request(self.command, self.path.removeprefix("/v1"), self.read())
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
                return 200, json.dumps(api.answer(request, self.headers["Authorization"]))
            except Refused as refused:
                status, message = refused.args
                return status, json.dumps({"message": message})

        def read(self) -> Any:
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            return json.loads(raw) if raw else None

        def send(self, status: int, body: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Nothing: a test says itself what went wrong."""

    return Handler
