"""`make platform`, as a person sees it: ready, usable, gone with Ctrl-C, plain about faults."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress

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


async def silent(scope, receive, send):
    """An OpenAI server that says its model's name, and nothing else until it is left alone."""
    if scope["path"] == "/v1/models":
        await model(scope, receive, send)
    while (await receive())["type"] != "http.disconnect":
        pass


@contextmanager
def busy_platform():
    """A platform whose one worker has a job that will not end soon, and that worker's process.

    The warm-up needs a model that answers: `silent` becomes one when the worker is there.
    """
    port, answering = free_port(), [model]

    async def changing(scope, receive, send):
        await answering[0](scope, receive, send)

    with (
        serving(changing) as url,
        platform(ENGINE_URL=url, PLATFORM_PORT=str(port)) as process,
        httpx.Client(base_url=f"http://127.0.0.1:{port}/v2/local", timeout=SOON) as client,
    ):
        client.headers["Authorization"] = f"Bearer {KEY}"
        read_until(process, "chunk.choices[0]")
        answering[0] = silent
        job = client.post("/run", json={"input": {"prompt": "골"}}).json()["id"]
        end = time.monotonic() + SOON
        while client.get(f"/status/{job}").json()["status"] != "IN_PROGRESS":
            assert time.monotonic() < end
            time.sleep(0.05)
        [worker] = psutil.Process(process.pid).children()
        yield process, worker


def is_gone(worker):
    """Whether a process ends soon, its zombie not counted."""
    with suppress(psutil.NoSuchProcess):
        end = time.monotonic() + SOON
        while worker.status() != psutil.STATUS_ZOMBIE:
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
    return True


def test_a_terminal_that_is_closed_is_as_good_as_ctrl_c():
    """The worker finishes what it has and is gone, and so is the platform."""
    with (
        serving(model) as url,
        platform(ENGINE_URL=url, PLATFORM_PORT=str(free_port())) as process,
    ):
        read_until(process, "chunk.choices[0]")
        [worker] = psutil.Process(process.pid).children()
        process.stdout.close()  # nobody is there any more to be told anything
        process.send_signal(signal.SIGHUP)
        assert process.wait(SOON) == 0
        assert is_gone(worker)


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_second_signal_ends_it_at_once_with_its_worker(second):
    """Also one that comes at the heels of the first, and a worker in the middle of a job."""
    with busy_platform() as (process, worker):
        process.send_signal(signal.SIGTERM)
        if second is signal.SIGTERM:  # two that nobody has seen yet are one
            read_until(process, "finishes what it has")
        process.send_signal(second)
        assert process.wait(SOON) in (128 + second, 128 + signal.SIGTERM)  # seen in any order
        assert is_gone(worker)


@pytest.mark.skipif(sys.platform != "linux", reason="no other system ends a dead parent's children")
def test_a_platform_that_is_killed_takes_its_worker_along():
    """Nobody is left who would ask it to end."""
    with busy_platform() as (process, worker):
        process.kill()
        process.wait(SOON)
        assert is_gone(worker)


def test_a_hang_up_that_is_to_be_ignored_is_ignored(monkeypatch):
    """As under nohup; the others are heard."""
    heard = {}
    monkeypatch.setattr(signal, "signal", heard.__setitem__)
    monkeypatch.setattr(signal, "getsignal", lambda number: signal.Handlers(number == 1))
    interruption = foreground.Interruption()
    assert heard.keys() == {signal.SIGINT, signal.SIGTERM}
    assert not interruption.asked.is_set()


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
