"""A real registry on loopback, and a proxy in front of it that counts and breaks uploads."""

import http.client
import json
import re
import shutil
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import bcrypt

PROGRAM = "docker-registry"
START_S = 30.0
STOP_S = 10.0
# Source: https://distribution.github.io/distribution/about/configuration/
CONFIGURATION = """\
version: 0.1
log: {{level: info, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: {folder}/storage}}
http: {{addr: "127.0.0.1:0", secret: loopback}}
auth:
  htpasswd: {{realm: test, path: {folder}/htpasswd}}
"""
LISTENING = re.compile(r"listening on (127\.0\.0\.1:\d+)")


class Registry:
    """Debian's `docker-registry` with one account, from `with` to its end.

    The engine takes every registry on 127.0.0.0/8 by plain HTTP, so that none of its settings
    has to change.

    Attributes:
        address: `127.0.0.1:<port>`, the first part of a reference.

    Args:
        folder: where the registry keeps its images and its log; made where it is missing.
        user, password: the only ones that it takes.
    """

    address: str

    def __init__(self, folder: Path, user: str, password: str) -> None:
        self._folder = folder
        self._account = (user, password)

    def __enter__(self) -> "Registry":
        self._configure()
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [_program(), "serve", str(self._folder / "config.yml")],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            self.address = self._wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _configure(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "config.yml").write_text(CONFIGURATION.format(folder=self._folder))
        user, password = self._account
        # Four rounds, the fewest: the registry checks the password anew for every request.
        hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()
        (self._folder / "htpasswd").write_text(f"{user}:{hashed}\n")

    def _wait(self) -> str:
        """The address, as soon as the registry says it; it picks a free port itself."""
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and self._process.poll() is None:
            if found := LISTENING.search(self._log()):
                return found[1]
            time.sleep(0.02)
        raise RuntimeError(f"{PROGRAM} did not start; it said:\n{self._log()}")

    def _log(self) -> str:
        return (self._folder / "log").read_text()


def _program() -> str:
    found = shutil.which(PROGRAM)
    if not found:
        raise RuntimeError(f"{PROGRAM} is missing: `apt-get install docker-registry`.")
    return found


@dataclass(frozen=True, slots=True)
class Request:
    """One request that came through; `received` is the bytes of its body, as on the wire."""

    method: str
    path: str
    received: int


@dataclass(slots=True)
class Fault:
    """What befalls the next `times` requests (None: all) of `method` whose path has `part`.

    Attributes:
        method: one, or several with a bar between them: engines differ.
        status: the answer, instead of the registry's; None drops the connection by a reset.
        code: the registry's own word in that answer.
        after: of the body, in bytes, that come before the drop; shorter bodies go unharmed.
    """

    method: str
    part: str
    status: int | None = None
    code: str = "UNKNOWN"
    after: int = 0
    times: int | None = 1

    def befalls(self, method: str, path: str, received: int) -> bool:
        """Whether it befalls this request, after `received` bytes of its body."""
        reached = received == 0 if self.status else received >= self.after
        return (
            self.times != 0 and method in self.method.split("|") and self.part in path and reached
        )


class FaultProxy:
    """An HTTP proxy on loopback in front of a registry, from `with` to its end.

    Attributes:
        address: `127.0.0.1:<port>`, to be pushed to instead of the registry's own.
        requests: what came through so far, in the order in which it ended.

    Args:
        registry: the address behind it.
    """

    def __init__(self, registry: str) -> None:
        self.requests: list[Request] = []
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"proxy": self, "registry": registry})
        self._server = _Server(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self.address = f"127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "FaultProxy":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def fail(self, fault: Fault) -> None:
        """Let `fault` befall the requests from now on."""
        with self._lock:
            self._faults.append(fault)

    def heal(self) -> None:
        """From now on nothing goes wrong, and nothing has been counted."""
        with self._lock:
            self._faults.clear()
            self.requests.clear()

    def received(self, method: str = "", part: str = "") -> int:
        """Bytes of the bodies of requests of `method` whose path has `part`, of all by default."""
        return sum(request.received for request in self.seen(method, part))

    def seen(self, method: str = "", part: str = "") -> list[Request]:
        """The requests of `method` whose path has `part`."""
        with self._lock:
            return [
                request
                for request in self.requests
                if request.method.startswith(method) and part in request.path
            ]

    def count(self, request: Request) -> None:
        """Note a request, complete or broken."""
        with self._lock:
            self.requests.append(request)

    def fate(self, method: str, path: str, received: int) -> Fault | None:
        """The fault that befalls this request after `received` bytes of it, used up by one."""
        with self._lock:
            for fault in self._faults:
                if fault.befalls(method, path, received):
                    fault.times = fault.times and fault.times - 1
                    return fault
        return None


class _Server(ThreadingHTTPServer):
    daemon_threads = True  # the engine keeps its connections open; nobody waits for them

    def handle_error(self, *_: Any) -> None:
        """A broken connection is what this proxy is for."""


class _DropError(Exception):
    """The fault's place in the body is reached."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # To an attempt at TLS, too: by the word HTTP containerd knows that it has to do without.
    default_request_version = "HTTP/1.1"
    proxy: FaultProxy
    registry: str

    def _relay(self) -> None:
        self._received = 0
        try:
            self._answer(self._fate())
        except _DropError:
            self._reset()
        finally:
            self.proxy.count(Request(self.command, self._path(), self._received))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _relay  # noqa: N815

    def _path(self) -> str:
        return self.path.split("?")[0]

    def _fate(self) -> Fault | None:
        """What is to be answered instead of the registry's; raises _DropError to end it all."""
        fault = self.proxy.fate(self.command, self._path(), self._received)
        if fault and not fault.status:
            raise _DropError
        return fault

    def _answer(self, fault: Fault | None) -> None:
        if fault and fault.status:
            for _ in self._body():
                pass
            self._refuse(fault.status, fault.code)
            return
        upstream = http.client.HTTPConnection(self.registry)
        try:
            self._send(upstream)
            self._give_back(upstream.getresponse())
        finally:
            upstream.close()

    def _refuse(self, status: int, code: str) -> None:
        errors = [{"code": code, "message": code.lower()}]
        body = json.dumps({"errors": errors}).encode()
        self.send_response_only(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _send(self, upstream: http.client.HTTPConnection) -> None:
        upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            upstream.putheader(name, value)
        upstream.endheaders(self._body(), encode_chunked=self._chunked())

    def _give_back(self, response: http.client.HTTPResponse) -> None:
        self.send_response_only(response.status)
        for name, value in response.getheaders():
            if name.lower() not in ("transfer-encoding", "connection"):
                self.send_header(name, value)
        if response.length is None and self.command != "HEAD":
            self.send_header("Connection", "close")  # which ends the body, and sets our own flag
        self.end_headers()
        shutil.copyfileobj(response, self.wfile)

    def _chunked(self) -> bool:
        return self.headers.get("Transfer-Encoding", "").lower() == "chunked"

    def _body(self) -> Iterator[bytes]:
        """The body, counted, up to where the fault is."""
        for piece in self._chunks() if self._chunked() else self._plain():
            self._received += len(piece)
            self._fate()
            yield piece

    def _plain(self) -> Iterator[bytes]:
        left = int(self.headers.get("Content-Length", 0))
        while left and (piece := self.rfile.read(min(left, 1 << 16))):
            left -= len(piece)
            yield piece

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():  # trailers, up to the empty line
            pass

    def _reset(self) -> None:
        """Close by RST rather than FIN, as a connection that broke ends."""
        linger = struct.pack("ii", 1, 0)  # on, for no time: man 7 socket
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """The engine's attempts at TLS would fill the output."""
