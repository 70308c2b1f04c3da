"""The engine's client: who is asked, how long, and what is said where nobody answers."""

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest
import requests
import urllib3
from docker import errors

from builder.__main__ import main
from builder.docker_client import (
    EngineError,
    docker_client,
    engine_calls,
    engine_errors,
    has_containerd_store,
)
from builder.errors import BuildError


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        """Answers what a client asks first; nothing else before the test is over."""
        if not self.path.endswith("/version"):
            self.server.over.wait()
            return
        body = json.dumps({"ApiVersion": "1.44"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Keep quiet."""


@pytest.fixture
def silent_engine(monkeypatch):
    """An engine on loopback that says its version, and then no more."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads, server.over = True, threading.Event()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{server.server_address[1]}")
    yield
    server.over.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def context(monkeypatch, tmp_path):
    """What `docker context use` leaves; the address of its engine, which is off."""
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    (tmp_path / "config.json").write_text(json.dumps({"currentContext": "desk"}))
    folder = tmp_path / "contexts/meta" / hashlib.sha256(b"desk").hexdigest()
    folder.mkdir(parents=True)
    host = f"unix://{tmp_path}/desktop.sock"
    endpoints = {"docker": {"Host": host, "SkipTLSVerify": False}}
    meta = {"Name": "desk", "Metadata": {}, "Endpoints": endpoints}
    (folder / "meta.json").write_text(json.dumps(meta))
    return host


def test_an_engine_may_be_silent_for_so_long_and_no_longer(silent_engine):
    """The first answer has a limit of its own; the one that is asked for holds afterwards."""
    client = docker_client(silence_s=0.05)
    with (
        pytest.raises(
            BuildError, match=r"About it: no answer from the Docker engine: .*read timeout=0.05"
        ),
        engine_errors("About it"),
    ):
        client.info()
    client.close()


@pytest.mark.parametrize("host", ["unix:///none/docker.sock", "tcp://127.0.0.1:1", "carrier://x"])
def test_an_engine_that_does_not_answer_is_to_be_started(host, monkeypatch, capsys):
    """Whether it is off, elsewhere or misspelt, its address is told."""
    monkeypatch.setenv("DOCKER_HOST", host)
    assert main(["push", "user/worker:1"]) == 1
    told = capsys.readouterr().err
    assert f"answers at {host}: start it" in told


def test_without_docker_host_the_context_s_engine_is_told(context):
    """The SDK has asked that one, as the docker command would."""
    with pytest.raises(BuildError, match=f"answers at {context}: start it"):
        docker_client()


def test_a_socket_that_is_closed_to_the_user_says_which_group(monkeypatch):
    """The engine runs; starting it would not help."""

    def closed(**_):
        raise errors.DockerException("PermissionError(13, 'Permission denied')")

    monkeypatch.setattr("docker.from_env", closed)
    with pytest.raises(BuildError, match="group `docker`"):
        docker_client()


def refusal():
    response = requests.Response()
    response.status_code = 409
    return errors.APIError("409 for http+docker://", response=response, explanation="in use")


@pytest.mark.parametrize(
    ("error", "text", "answered"),
    [
        (refusal(), "in use", True),
        (errors.InvalidVersion("too old"), "too old", True),
        (requests.ConnectionError("gone"), "gone", False),
        (urllib3.exceptions.ProtocolError("broken"), "broken", False),
        (errors.StreamParseError("half a word"), "half a word", False),
    ],
)
def test_every_failure_of_a_call_is_one_kind_of_error(error, text, answered):
    """In the engine's words, and whether it said them."""
    with pytest.raises(EngineError, match=text) as raised, engine_calls():
        raise error
    assert raised.value.answered == answered
    with pytest.raises(BuildError, match=f"^The call: .*{text}.$"), engine_errors("The call"):
        raise error


@pytest.mark.parametrize(
    ("status", "known"),
    [
        ([["driver-type", "io.containerd.snapshotter.v1"]], True),
        ([["Backing Filesystem", "extfs"], ["Supports d_type", "true"]], False),
        (None, False),
    ],
)
def test_the_engine_says_which_image_store_it_has(status, known):
    """As `docker info` shows it."""
    assert has_containerd_store(SimpleNamespace(info=lambda: {"DriverStatus": status})) == known
