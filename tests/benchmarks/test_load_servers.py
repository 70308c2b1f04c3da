"""What a load is driven against: started, waited for, and gone at the end."""

import os
import shlex
import sys

import pytest

from benchmarks.handler import engine_arguments
from benchmarks.load.servers import Server, engine_of, running
from tests.platform.worker import WorkerProcess
from tests.serving import free_port
from worker.errors import StartupError
from worker.settings import Settings

SERVES = (sys.executable, "-m", "http.server", "--bind", "127.0.0.1")
FAILS = (sys.executable, "-c", "import sys; sys.exit('no room')")


def server(tmp_path, command=None, name="a server", ready="/", **variables):
    port = free_port()
    process = WorkerProcess(
        "server",
        variables,
        path=tmp_path / f"{name}.log",
        command=command or (*SERVES, str(port)),
        cwd=tmp_path,
    )
    return Server(name, f"http://127.0.0.1:{port}", ready, process)


def test_servers_run_from_when_they_answer_until_the_block_ends(tmp_path):
    """All of them, with whatever they have started."""
    servers = [server(tmp_path, name=name) for name in ("one", "other")]
    with running(servers):
        assert [one.process.returncode for one in servers] == [None, None]
    assert all(one.process.returncode is not None for one in servers)
    assert not any(one.process.processes() for one in servers)


def test_a_server_that_does_not_start_says_its_last_words_and_takes_the_others_along(tmp_path):
    """Nothing is left behind."""
    servers = [server(tmp_path, name="good"), server(tmp_path, FAILS, name="bad")]
    with pytest.raises(StartupError, match=r"bad does not start:\nno room"), running(servers):
        pytest.fail("it is not there")
    assert all(one.process.returncode is not None for one in servers)


def test_a_server_that_answers_otherwise_is_not_there(tmp_path):
    """Until it ends; here by itself."""
    stops = "import http.server as h; s = h.HTTPServer(('127.0.0.1', {port}), "
    stops += "h.SimpleHTTPRequestHandler); [s.handle_request() for _ in range(3)]"
    port = free_port()
    process = WorkerProcess(
        "s",
        {},
        path=tmp_path / "s.log",
        command=(sys.executable, "-c", stops.format(port=port)),
        cwd=tmp_path,
    )
    absent = Server("s", f"http://127.0.0.1:{port}", "/absent", process)
    with pytest.raises(StartupError, match=r"(?s)does not start.*404"), running([absent]):
        pytest.fail("it is not there")


@pytest.fixture(scope="module")
def engine(mini_folders):
    """Of an environment that sets an argument of the engine's, and a key of a template's."""
    environ = {
        **os.environ,
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
    assert "VLLM_API_KEY" not in made.environ
