"""`make load`: its command line, its exit code, and what it leaves."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from benchmarks.load import __main__ as module
from benchmarks.load import figures
from benchmarks.load.__main__ import (
    ASIDE,
    MINI,
    chosen,
    command_line,
    elsewhere,
    environ_of,
    exit_code,
    levels_of,
    main,
)
from benchmarks.load.driving import WARM_UP
from benchmarks.load.figures import CEILING, FOLDER, Results, Sample
from benchmarks.load.jobs import Unsplit
from tests.benchmarks.test_load_doors import LINE, RESULT, stream
from tests.benchmarks.test_load_figures import OURS, run
from tests.serving import free_port, serving
from worker.errors import StartupError

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-m", "benchmarks.load")
PATIENCE = 60.0  # seconds; nothing here takes nearly as long


def service(hangs_after=None, key=None):
    """A service that tells two lines of every job, and hangs after so many of them."""
    taken = []

    async def commentate(request):
        if key and request.headers.get("authorization") != f"Bearer {key}":
            return JSONResponse({"code": "unauthorized"}, 401)
        taken.append(await request.json())
        if hangs_after is not None and len(taken) > hangs_after:
            await request.receive()  # until the client goes
        return stream(("line", LINE), ("line", LINE), ("result", RESULT))

    return serving(Starlette(routes=[Route("/v1/commentary", commentate, methods=["POST"])]))


@pytest.fixture
def quick(tmp_path, monkeypatch):
    """Run the bench on a service; its exit code, and where its results are."""
    for name in (*module.KEYS, "MODEL_NAME"):
        monkeypatch.delenv(name, raising=False)

    def run_on(url, *words):
        return main(["--quick", "--url", url, "--out", str(tmp_path), *words]), tmp_path

    return run_on


def test_a_service_elsewhere_is_measured_alone(quick, capsys):
    """As a table, as JSON and as a chart; a slash at its address's end is none too many."""
    with service() as url:
        code, folder = quick(f"{url}/")
    told = capsys.readouterr()
    results = figures.read(folder)
    assert code == 0
    assert told.out == (folder / "load.md").read_text("utf-8").partition("![")[0]
    assert results.levels == [1, 2]
    assert results.sides == ["HTTP service"]
    assert results.about["service"] == url
    assert results.about["model"] == RESULT["model"]
    assert "<svg" in (folder / "load.svg").read_text("utf-8")
    assert "2 jobs at once, round 1, HTTP service" in told.err


@pytest.mark.parametrize("name", module.KEYS)
def test_the_key_is_the_environments_and_is_nowhere_told(quick, capsys, monkeypatch, name):
    """Neither on the terminal nor in the results."""
    monkeypatch.setenv(name, "very-secret")
    with service(key="very-secret") as url:
        code, folder = quick(url)
    assert code == 0
    told = capsys.readouterr()
    written = "".join(path.read_text("utf-8") for path in folder.iterdir())
    assert "very-secret" not in told.out + told.err + written


def test_without_a_key_a_guarded_service_is_not_measured(quick, capsys):
    """One line says why."""
    with service(key="very-secret") as url:
        code, folder = quick(url)
    assert code == 1
    assert "no job of the warm-up came to its script (HTTP 401 unauthorized)" in (
        capsys.readouterr().err
    )
    assert not list(folder.iterdir())


def test_a_service_that_fails_after_the_warm_up_is_a_failure(quick, capsys):
    """Every job of it is told as one."""
    with service(hangs_after=WARM_UP.jobs) as url:
        code, folder = quick(url, "--timeout", "0.3")
    assert code == 1
    told = {sample.failure for run in figures.read(folder).runs for sample in run.samples}
    assert told == {"timeout"}
    assert "## Failures" in capsys.readouterr().out


def test_a_port_that_nobody_listens_on_is_one_line(quick, capsys):
    """And failure."""
    code, _ = quick(f"http://127.0.0.1:{free_port()}")
    assert code == 1
    assert "cannot connect" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_bench_reports_what_it_has_measured(tmp_path, number):
    """Its exit code is that of an interruption; what had not ended is said, and in no figure."""
    with service(hangs_after=WARM_UP.jobs + 3) as url:
        words = ("--quick", "--rounds", "3", "--jobs", "3", "--url", url, "--out", str(tmp_path))
        process = subprocess.Popen(
            [*COMMAND, *words], cwd=ROOT, stdout=-1, stderr=-1, text=True, bufsize=1
        )
        for line in process.stderr:
            if "round 1" in line:
                break
        process.send_signal(number)
        out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "Broken off, and not counted:" in out
    [only] = figures.read(tmp_path).runs
    assert (only.at_once, only.turn, only.done) == (1, 0, 3)


def test_a_bench_that_is_interrupted_before_anything_is_measured_says_so(monkeypatch, capsys):
    """And writes nothing."""

    def interrupted(_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "measured", interrupted)
    assert main([]) == 130
    assert capsys.readouterr().err == "load: broken off before anything was measured\n"


@pytest.mark.parametrize("error", [StartupError("No room."), Unsplit("No room.")])
def test_a_bench_that_cannot_begin_is_one_line_and_failure(monkeypatch, capsys, error):
    """Whatever is missing."""

    def not_begun(_options):
        raise error

    monkeypatch.setattr(module, "measured", not_begun)
    assert main([]) == 1
    assert capsys.readouterr().err == "load: No room.\n"


@pytest.mark.parametrize(
    ("runs", "broken_off", "code"),
    [
        ([run(OURS, 1.0), run(CEILING, 1.0)], "", 0),
        ([run(OURS, 2.0), run(CEILING, 1.0)], "", 1),
        ([run(OURS, 2.0, at_once=4), run(CEILING, 1.0, at_once=4)], "", 0),
        ([run(OURS, 2.0)], "", 0),
        ([run(OURS, 1.0, samples=[Sample(failure="timeout")])], "", 1),
        ([run(OURS, 2.0), run(CEILING, 1.0)], "round 2", 130),
    ],
)
def test_the_exit_code_says_whether_the_target_was_reached(runs, broken_off, code):
    """Where both sides were measured at its level; and that something works at all."""
    assert exit_code(Results({}, runs, broken_off)) == code


def test_the_whole_bench_is_the_repositorys_and_any_other_run_is_not():
    """Other figures would stand there for those of the whole."""
    assert command_line([]).out == FOLDER
    others = (["--quick"], ["--url", "http://h"], ["--door", "stream"], ["--model", "m"])
    for words in (*others, ["--rounds", "3"], ["--jobs", "9"], ["--at-once", "16"]):
        assert command_line(words).out == ASIDE
    assert command_line(["--quick", "--out", "here"]).out == Path("here")


def test_a_round_has_three_jobs_for_each_at_once_within_bounds():
    """And never fewer than there are at once."""
    assert levels_of(command_line([])) == [(1, 8), (4, 12), (16, 48), (32, 48)]
    assert levels_of(command_line(["--at-once", "100"])) == [(100, 100)]
    assert levels_of(command_line(["--at-once", "2,3", "--jobs", "5"])) == [(2, 5), (3, 5)]
    assert levels_of(command_line(["--quick"])) == [(1, 2), (2, 2)]


@pytest.mark.parametrize(
    "words",
    [
        ["--url", "https://user:secret@host"],
        ["--url", "https://host/v2/1?key=secret"],
        ["--url", "host"],
        ["--at-once", "4,0"],
        ["--at-once", "many"],
        ["--rounds", "0"],
        ["--jobs", "1,2"],
        ["--door", "window"],
        ["--key", "secret"],
    ],
)
def test_an_unusable_command_line_is_refused_and_no_secret_of_an_address_is_shown(capsys, words):
    """A key has no place on it."""
    with pytest.raises(SystemExit) as ended:
        command_line(words)
    assert ended.value.code == 2
    if words[0] == "--url":
        assert "secret" not in capsys.readouterr().err


def test_the_model_is_the_environments_where_it_names_one(monkeypatch):
    """So `make load MODEL_NAME=…` works as it does elsewhere."""
    monkeypatch.delenv("MODEL_NAME", raising=False)
    assert command_line([]).model == MINI
    monkeypatch.setenv("MODEL_NAME", "some/model")
    assert (command_line([]).model, command_line([]).out) == ("some/model", ASIDE)


def test_api_key_goes_before_runpods(monkeypatch):
    """Where both are set."""
    monkeypatch.setenv("RUNPOD_API_KEY", "theirs")
    monkeypatch.setenv("API_KEY", "ours")
    with elsewhere(command_line(["--url", "http://h"])) as scene:
        assert scene.key == "ours"


def test_what_the_environment_sets_is_told_but_no_secret():
    """Figures mean nothing without it."""
    environ = {"MAX_CONCURRENCY": "16", "HF_TOKEN": "secret", "MODEL_NAME": "m", "HOME": "h"}
    assert chosen(environ) == "MAX_CONCURRENCY=16"


def test_an_engine_elsewhere_is_refused(monkeypatch):
    """The two sides would be one engine behind the other."""
    monkeypatch.setenv("ENGINE_URL", "http://127.0.0.1:1")
    with pytest.raises(StartupError, match="ENGINE_URL"):
        environ_of("m")


def test_the_worker_s_own_keys_are_left_out(monkeypatch):
    """Only this machine asks it, and the client has none."""
    monkeypatch.setenv("API_KEYS", "a b")
    assert "API_KEYS" not in environ_of("m")


@pytest.mark.engine
def test_both_sides_do_the_same_work_on_real_engines(mini_folders, tmp_path):
    """The worker and raw vLLM, started, driven by turns and gone: the same tokens in and out.

    The other doors on the real engine: tests/platform/test_clients_load.py.
    """
    words = ("--quick", "--model", str(mini_folders["exaone"]))
    environ = os.environ | {"TRUST_REMOTE_CODE": "true"}
    done = subprocess.run(
        [*COMMAND, *words, "--out", str(tmp_path)],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    results = figures.read(tmp_path)
    [ours] = [side for side in results.sides if side != CEILING]
    for level in (1, 2):
        compared = results.compare(level, ours)  # which raises where they did not
        assert compared.lines
        assert compared.first
    assert "--enable-prompt-tokens-details" in results.about["engine arguments"]
    assert "GUARD=flag" in results.about["settings"]
    assert json.loads((tmp_path / "load.json").read_text())["runs"]
