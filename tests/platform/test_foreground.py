"""`make platform`, as a person sees it: ready, usable, gone with Ctrl-C, plain about faults."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import httpx
import psutil
import pytest

from tests.fakes import obedient
from tests.platform import __main__ as foreground
from tests.platform.ground import KEY
from tests.platform.worker import ROOT
from tests.rows import request_document
from tests.serving import free_port, serving

SOON = 60.0  # seconds


async def model(scope, receive, send):
    """An OpenAI server that does as it is told."""
    body = (await receive()).get("body")
    answer = {"data": [{"id": "elsewhere"}]}
    if scope["path"] == "/v1/chat/completions":
        message = {"content": obedient(json.loads(body))}
        answer = {"choices": [{"message": message, "finish_reason": "stop"}]}
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(answer).encode()})


@contextmanager
def platform(**variables):
    """`python -m tests.platform` with these variables, and nothing of it left after the block."""
    command = [sys.executable, "-m", "tests.platform"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | variables, **pipes) as process:
        try:
            yield process
        finally:
            if process.poll() is None:  # a test has failed: its own way out would take too long
                for left in [*psutil.Process(process.pid).children(recursive=True), process]:
                    left.kill()


def read_until(process, word):
    """What it says, up to this word."""
    said = ""
    while word not in said:
        line = process.stdout.readline()
        assert line, said
        said += line
    return said


def test_a_person_can_use_it_and_leave():
    """Ready is told with the address; a job is answered; a dead worker is replaced; Ctrl-C is 0."""
    port = free_port()
    base = f"http://127.0.0.1:{port}/v2/local"
    with (
        serving(model) as url,
        platform(ENGINE_URL=url, PLATFORM_PORT=str(port)) as process,
    ):
        assert f"{base}/openai/v1" in read_until(process, "chunk.choices[0]")
        psutil.Process(process.pid).children()[0].kill()
        read_until(process, "worker-1 has ended with -9.")
        document = {"input": request_document()}
        headers = {"Authorization": f"Bearer {KEY}"}
        answer = httpx.post(f"{base}/runsync", json=document, headers=headers, timeout=SOON)
        assert (answer.json()["status"], answer.json()["workerId"]) == ("COMPLETED", "worker-2")
        process.send_signal(signal.SIGINT)
        assert process.wait(SOON) == 0


def test_a_worker_that_cannot_start_ends_it():
    """Its cause is the last thing said but one, and the exit code is 1."""
    with platform(FANOUT="abc", PLATFORM_PORT=str(free_port())) as process:
        assert 'FANOUT="abc"' in read_until(process, "worker-1 has ended with 1.")
        assert process.wait(SOON) == 1


@pytest.mark.parametrize("port", ["", "abc", "0", "65536", "-1"])
def test_an_unusable_port_is_named(port):
    """The variable, its value and what is expected."""
    with pytest.raises(SystemExit, match=f'PLATFORM_PORT="{port}": expected a port'):
        foreground.port_of(port)


def test_a_taken_port_is_said():
    """In one line, with exit code 1."""
    with serving(model) as url:
        port = url.rpartition(":")[2]
        with platform(PLATFORM_PORT=port) as process:
            out, _ = process.communicate(timeout=SOON)
    assert process.returncode == 1
    assert out.startswith(f"Port {port} of this machine cannot be used")
    assert out.count("\n") == 1


def test_the_port_is_8100_unless_said():
    """As README has it."""
    assert foreground.port_of(None) == 8100
    assert foreground.port_of("9000") == 9000
