"""What a load is driven against: started, waited for, and gone at the end."""

import asyncio
import os
import shlex
import signal
import sys
import threading
from contextlib import contextmanager

import httpx
import psutil
import pytest

from benchmarks.handler import engine_arguments
from benchmarks.load.servers import Process, Server, engine_of, platform, running
from tests.conftest import lives
from tests.platform.ground import Ground
from tests.rows import request_document
from tests.serve.service import until
from tests.serving import free_port, serving
from tests.test_main import Loopback
from worker.errors import StartupError
from worker.settings import Settings

SERVES = (sys.executable, "-m", "http.server", "--bind", "127.0.0.1")
FAILS = (sys.executable, "-c", "import sys; sys.exit('no room')")


# Two processes: one that ends on SIGTERM and one, below it, that heeds nothing.
LEAVES = """
import signal, subprocess, sys, time
deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
print(subprocess.Popen([sys.executable, "-c", deaf]).pid, flush=True)
time.sleep(600)
"""


def server(tmp_path, command=None, name="a server"):
    """One that serves an empty folder, unless a command says otherwise."""
    port = free_port()
    serves = (*SERVES, str(port), "--directory", str(tmp_path))
    process = Process(command or serves, {}, tmp_path / f"{name}.log")
    return Server(name, f"http://127.0.0.1:{port}", "/", process)


def test_servers_run_from_when_they_answer_until_the_block_ends(tmp_path):
    """All of them."""
    servers = [server(tmp_path, name=name) for name in ("one", "other")]
    with running(servers):
        assert [one.process.returncode for one in servers] == [None, None]
        assert all(httpx.get(one.url).status_code == 200 for one in servers)
    assert all(one.process.returncode == -signal.SIGTERM for one in servers)


def test_a_server_that_does_not_start_says_its_last_words_and_takes_the_others_along(tmp_path):
    """Nothing is left behind."""
    servers = [server(tmp_path, name="good"), server(tmp_path, FAILS, name="bad")]
    with pytest.raises(StartupError, match=r"bad does not start:\nno room"), running(servers):
        pytest.fail("it is not there")
    assert all(one.process.returncode is not None for one in servers)


def test_a_server_that_answers_but_is_not_ready_is_waited_for(tmp_path):
    """Here until it ends by itself, after three answers."""
    port = free_port()
    answers = (
        "import http.server as h; s = h.HTTPServer(('127.0.0.1', int(__import__('sys').argv[1])"
    )
    answers += "), h.SimpleHTTPRequestHandler); [s.handle_request() for _ in range(3)]"
    process = Process((sys.executable, "-c", answers, str(port)), {}, tmp_path / "log")
    absent = Server("s", f"http://127.0.0.1:{port}", "/absent", process)
    with pytest.raises(StartupError, match=r"(?s)does not start.*404"), running([absent]):
        pytest.fail("it is not there")


def test_whoever_a_server_leaves_behind_is_ended_too(tmp_path):
    """Though it heeds no SIGTERM."""
    process = Process((sys.executable, "-c", LEAVES), {}, tmp_path / "log")
    until(lambda: process.tail().isdecimal())
    left = psutil.Process(int(process.tail()))
    process.end()
    until(lambda: not lives(left))


def test_a_platform_is_ready_when_its_worker_is(tmp_path):
    """It answers before that."""
    with Ground(tmp_path) as ground:
        process = Process(
            (sys.executable, "-c", "import time; time.sleep(600)"), {}, tmp_path / "l"
        )
        with closing_process(process):
            waiting = Server("the platform", ground.base, "/health", process, ground.key)
            asked = threading.Thread(target=lambda: asyncio.run(waiting.wait()))
            asked.start()
            asked.join(1)
            assert asked.is_alive()
            ground.start(command=(sys.executable, "-m", "tests.platform.trivial"))
            asked.join(30)
            assert not asked.is_alive()


def test_the_platform_that_is_started_runs_jobs(tmp_path):
    """With our worker behind it, which asks an engine elsewhere here."""
    with serving(Loopback()) as url:
        started = platform({"ENGINE_URL": url}, tmp_path / "log")
        with running([started]):
            headers = {"Authorization": f"Bearer {started.key}"}
            job = {"input": request_document()}
            answer = httpx.post(f"{started.url}/runsync", json=job, headers=headers, timeout=60)
        assert started.process.returncode is not None
    done = answer.json()
    assert done["status"] == "COMPLETED"
    [result] = done["output"]
    assert len(result["script"]) == 10


@contextmanager
def closing_process(process):
    try:
        yield
    finally:
        process.end()


@pytest.fixture(scope="module")
def engine(mini_folders):
    """Of an environment that sets an argument of the engine's, and a key of a template's."""
    environ = {
        **{name: value for name, value in os.environ.items() if name != "TORCHDYNAMO_DISABLE"},
        "MODEL_NAME": str(mini_folders["exaone"]),
        "MAX_MODEL_LEN": "4k",
        "VLLM_API_KEY": "locks everybody out",
    }
    return environ, engine_of(environ)


@pytest.mark.engine
def test_raw_vllm_has_the_very_arguments_that_the_worker_has(engine):
    """Word for word, our defaults and the environment's."""
    environ, made = engine
    assert "--max-model-len=4k" in made.words
    assert list(made.words) == shlex.split(engine_arguments(Settings.from_env(environ)))


@pytest.mark.engine
def test_raw_vllm_has_the_workers_model_under_its_name_and_its_environment(engine, mini_folders):
    """Its KV cache is as large, and no key stands before it."""
    _, made = engine
    assert made.path == str(mini_folders["exaone"])
    assert made.name != made.path
    assert made.environ["VLLM_CPU_KVCACHE_SPACE"] == "1"
    assert made.environ.get("TORCHDYNAMO_DISABLE") == (
        "1" if "--enforce-eager" in made.words else None
    )
    assert "VLLM_API_KEY" not in made.environ
