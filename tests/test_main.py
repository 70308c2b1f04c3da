"""The worker as a process: it starts, serves, fails and ends as its callers can rely on."""

import asyncio
import gc
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.fakes import ScriptedEngine, fail, obedient
from tests.rows import request_document, ten_rows
from tests.serving import free_port, serving, whole_body
from worker import __main__ as main
from worker.commentary.prompt import voice
from worker.errors import EngineDead
from worker.football.schema import Persona

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 60.0  # seconds; nothing here takes nearly as long


class Loopback:
    """RunPod's job queue and an OpenAI server that obeys grammars, on one address."""

    def __init__(self, *jobs):
        self.jobs = list(jobs)
        self.done = {}
        self.asked = []

    async def __call__(self, scope, receive, send):
        body = await whole_body(receive)
        status, answer = await self.answer(scope["path"], body)
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})

    async def answer(self, path, body):
        kind = path.split("/")[1]
        if kind.startswith("job-take"):
            return await self.take(kind)
        if kind == "job-done":
            self.done[path.split("/")[-1]] = json.loads(body)
        if path == "/v1/models":
            return 200, {"data": [{"id": "loopback"}]}
        if path == "/v1/chat/completions":
            self.asked.append(json.loads(body))
            message = {"content": obedient(self.asked[-1])}
            return 200, {"choices": [{"message": message, "finish_reason": "stop"}]}
        await asyncio.sleep(0.2 if kind == "job-stop" else 0)
        return 200, {}

    async def take(self, kind):
        if not self.jobs:
            await asyncio.sleep(0.2)
            return 204, None
        job = self.jobs.pop(0)
        return 200, [job] if kind == "job-take-batch" else job


@contextmanager
def worker(url, *words, **variables):
    """`python -m worker` against an engine elsewhere, ended with the block."""
    environ = os.environ | {"ENGINE_URL": url} | variables
    command = [sys.executable, "-m", "worker", *words]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen(command, cwd=ROOT, env=environ, text=True, **pipes)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def until(condition):
    """Wait for what is true soon."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def refused(**variables):
    """The last log line of a worker that cannot start, and everything that it wrote."""
    with worker("http://127.0.0.1:9", **variables) as process:
        out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    return err.splitlines()[-1], out + err


def test_an_unusable_setting_ends_the_start_with_one_line():
    """The variable, its value and what is expected stand in the only line."""
    line, everything = refused(FANOUT="abc")
    assert everything.strip() == line
    assert 'FANOUT="abc": expected an integer from 1 to 20.' in line


def test_an_engine_that_is_not_there_ends_the_start():
    """A worker without an engine takes no job and says which address it tried."""
    line, everything = refused()
    assert "startup_failed" in line
    assert "Traceback" not in everything


def test_the_platform_gets_each_answer_once_and_the_worker_drains():
    """In production the unmodified SDK takes jobs, posts lists and errors, and ends on SIGTERM."""
    good, bad = (
        {"id": "good", "input": request_document()},
        {"id": "bad", "input": request_document(style="POET")},
    )
    platform = Loopback(good, bad)
    with serving(platform) as url:
        variables = {
            "RUNPOD_WEBHOOK_GET_JOB": f"{url}/job-take/$ID?gpu=none",
            "RUNPOD_WEBHOOK_POST_OUTPUT": f"{url}/job-done/$RUNPOD_POD_ID/$ID?gpu=none",
            "RUNPOD_WEBHOOK_POST_STREAM": f"{url}/job-stream/$RUNPOD_POD_ID/$ID?gpu=none",
            "RUNPOD_WEBHOOK_PING": f"{url}/ping/$RUNPOD_POD_ID",
            "RUNPOD_POD_ID": "pod",
            "RUNPOD_AI_API_KEY": "key-of-the-platform",
        }
        with worker(url, **variables) as process:
            until(lambda: len(platform.done) == 2 or process.poll() is not None)
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    [result] = platform.done["good"]["output"]
    assert [line["actionId"] for line in result["script"]] == [str(n) for n in range(2330, 2340)]
    assert json.loads(platform.done["bad"]["error"])["code"] == "invalid_input"
    assert not any(private in out + err for private in ("서온유", "key-of-the-platform"))


def test_the_sdks_local_api_answers():
    """`--rp_serve_api` serves /runsync with the FastAPI version that vLLM allows."""
    port = free_port()
    with serving(Loopback()) as url, worker(url, "--rp_serve_api", f"--rp_api_port={port}"):
        address = f"http://localhost:{port}/runsync"
        answer = None

        def answered():
            nonlocal answer
            try:
                answer = httpx.post(address, json={"input": request_document()}, timeout=PATIENCE)
            except httpx.TransportError:
                return False
            return True

        until(answered)
    [result] = answer.json()["output"]
    assert len(result["script"]) == 10


def test_a_persona_can_be_chosen_for_the_local_run():
    """`--style` has the same actions told by somebody else, and an unknown one refused."""
    told = {}
    for style in ("CASTER", "FRIEND", "POET"):
        server = Loopback()
        with serving(server) as url, worker(url, "--style", style) as process:
            out, err = process.communicate(timeout=PATIENCE)
        told[style] = process.returncode, server.asked[-1]["messages"][1]["content"]
        assert "Traceback" not in out + err
    for persona in (Persona.CASTER, Persona.FRIEND):
        assert told[persona][0] == 0
        assert voice(persona) in told[persona][1]
    assert told["POET"][0] == 1
    assert "HTTP Request" not in err  # the engine's calls are no news
    assert "invalid_input" in out


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_the_engine_too(number, code):
    """Where the SDK does not drain, a signal leaves through the door: the engine is closed."""
    script = (
        "import sys, tests.fakes, worker.__main__ as main\n"
        "class Engine(tests.fakes.ScriptedEngine):\n"
        "    async def close(self): print('closed', flush=True)\n"
        "def serve(*_): print('serving', flush=True); import time; time.sleep(60)\n"
        "main.ready_engine, main.serve = lambda *_: Engine(), serve\n"
        "sys.exit(main.main())"
    )
    command = [sys.executable, "-c", script, "--rp_serve_api"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, text=True, **pipes) as process:
        assert process.stdout.readline() == "serving\n"
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (code, "closed\n")
    assert "Traceback" not in err


def test_a_restricted_models_licence_is_logged():
    """Whoever chooses EXAONE reads what its licence forbids."""
    with serving(Loopback()) as url, worker(url, PRESET="exaone-l4") as process:
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert "research only" in err


class Closing(ScriptedEngine):
    """Says whether it was closed."""

    closed = False

    async def close(self):
        self.closed = True


def test_an_engine_that_fails_its_warm_up_is_closed(monkeypatch):
    """No engine is left running behind a worker that does not start."""
    engine = Closing(lambda _body: fail(EngineDead("Gone.")))
    monkeypatch.setattr(main, "start_engine", lambda _settings: (engine, {}))
    with pytest.raises(main.StartupError, match="Gone"):
        main.ready_engine(main.Settings())
    assert engine.closed


def test_a_fatal_error_of_a_job_ends_the_worker(monkeypatch):
    """The handler that serves is the one that ends the process when the engine dies."""
    served = []
    monkeypatch.setattr(main, "ready_engine", lambda *_: ScriptedEngine())
    monkeypatch.setattr(main, "serve", lambda handler, *_: served.append(handler))
    monkeypatch.setattr(sys, "argv", ["worker"])
    main.run(main.Settings(takes_jobs=True), [])
    assert [handler.on_fatal for handler in served] == [main.end_soon]


def test_a_persona_on_the_command_line_is_the_local_run_s():
    """A service would not heed it, and says so."""
    with pytest.raises(main.StartupError, match="--style"):
        main.run(main.Settings(serve_mode=main.ServeMode.HTTP), ["--style", "FRIEND"])


@pytest.mark.parametrize(("setting", "jobs"), [(None, 8), (3, 3)])
def test_concurrency_is_the_setting_s_or_the_engine_s(monkeypatch, setting, jobs):
    """MAX_CONCURRENCY goes before what the engine could hold."""
    served = []
    monkeypatch.setattr(main, "ready_engine", lambda *_: ScriptedEngine())
    monkeypatch.setattr(main, "serve", lambda handler, *_: served.append(handler))
    main.run(main.Settings(takes_jobs=True, max_concurrency=setting), [])
    assert [handler.state.concurrency for handler in served] == [jobs]


def test_the_sdk_is_told_what_it_needs(monkeypatch):
    """It runs our generator in our loop, checks what we check, and keeps its own checks to itself.

    It never finds itself full, and posts no answer that the platform would refuse.
    """
    import runpod
    from runpod.serverless.modules import rp_job, rp_scale

    from worker.serve.queue import held

    told, checks = [], []
    monkeypatch.setattr(runpod.serverless, "start", told.append)
    monkeypatch.setattr(runpod.serverless, "register_fitness_check", checks.append)
    for module, name in ((rp_scale, "JobScaler"), (rp_job, "stream_result")):
        monkeypatch.setattr(module, name, getattr(module, name))  # put back what serving replaces
    for name in ("RUNPOD_LOG_LEVEL", "RUNPOD_SKIP_GPU_CHECK", "RUNPOD_SKIP_AUTO_SYSTEM_CHECKS"):
        monkeypatch.setenv(name, "x")
        monkeypatch.delenv(name)
    the_sdks = rp_job.stream_result
    settings, engine = main.Settings(engine_stall=11.0, shutdown_grace=7.0), ScriptedEngine()
    handler = main.Handler(engine, settings.commentary, 3, main.end_soon)
    main.serve(handler, settings)
    [config] = told
    assert config["handler"] == handler.stream
    assert config["return_aggregate_stream"]
    assert config["concurrency_modifier"](1) > 2 * held(3)  # it counts what it queues twice
    assert [check.__name__ for check in checks] == ["model_files", "warm_up"]
    assert os.environ["RUNPOD_LOG_LEVEL"] == "INFO"
    assert os.environ["RUNPOD_SKIP_GPU_CHECK"] == "true"
    assert os.environ["RUNPOD_SKIP_AUTO_SYSTEM_CHECKS"] == "true"
    assert rp_job.stream_result.__wrapped__ is the_sdks
    loop = rp_scale.JobScaler(config)
    assert isinstance(loop, rp_scale.JobScaler.func)
    assert (loop._stall_s, loop._grace_s) == (11.0, 7.0)
    assert handler.on_fatal == loop._die


def test_the_sdks_own_argument_for_a_job_is_honoured():
    """`--test_input` runs the job it gives, told by whom `--style` names."""
    server, job = Loopback(), {"input": request_document(rawData=ten_rows()[:1])}
    words = ("--test_input", json.dumps(job), "--style", "FRIEND", "--rp_log_level", "ERROR")
    with serving(server) as url, worker(url, *words) as process:
        out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert out.count('"actionId"') == 1
    assert voice(Persona.FRIEND) in server.asked[-1]["messages"][1]["content"]


def test_what_start_up_made_is_not_walked_by_the_garbage_collector_any_more(monkeypatch):
    """A full collection would stop every job for a third of a second, and the end for two."""
    monkeypatch.setattr(main, "start_engine", lambda _settings: (ScriptedEngine(), {}))
    before = gc.get_freeze_count()
    try:
        main.ready_engine(main.Settings.from_env({}))
        assert gc.get_freeze_count() > before
        assert len(gc.get_objects()) < gc.get_freeze_count() / 100
    finally:
        gc.unfreeze()
