"""The health of a worker: its file, and the command that Docker asks."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.platform.worker import platform_variables
from tests.serving import serving
from tests.test_layering import HEAVY, modules_after
from tests.test_main import PATIENCE, Loopback, refused, until, worker
from worker import health as module
from worker.errors import StartupError
from worker.health import BEAT_SECONDS, FRESH_SECONDS, STATES, Health, Unhealthy, main, read

ROOT = Path(__file__).resolve().parents[1]
LONG_AGO = 1_000_000_000.0  # seconds since 1970


@pytest.fixture
def file(tmp_path):
    return tmp_path / "health"


def age(file):
    """Let nobody have written for long."""
    os.utime(file, (LONG_AGO, LONG_AGO))


def is_aged(file):
    return file.stat().st_mtime == LONG_AGO


def command(**environ):
    """`python -m worker.health`: its exit code and what it says."""
    environ = {"PATH": os.environ["PATH"], **environ}
    done = subprocess.run(
        [sys.executable, "-m", "worker.health"],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


class TestFile:
    """What the worker writes."""

    def test_it_begins_by_loading(self, file):
        """Whatever a worker before it has left."""
        file.write_text("ready\n")
        Health(file).begin()
        assert file.read_text() == "loading\n"

    @pytest.mark.parametrize("state", STATES)
    def test_a_state_is_a_word(self, file, state):
        """And nothing is left beside it."""
        Health(file).state(state)
        assert file.read_text() == f"{state}\n"
        assert list(file.parent.iterdir()) == [file]

    def test_a_reader_never_sees_half_of_it(self, file):
        """The file is replaced: who has the old one open reads the old word to its end."""
        Health(file).begin()
        with file.open() as old:
            Health(file).state("ready")
            assert old.read() == "loading\n"

    @pytest.mark.parametrize("name", ["nowhere/health", "", "/"])
    def test_one_that_cannot_be_written_ends_the_start(self, tmp_path, name):
        """In one sentence that names the variable: no folder, a folder, no name at all."""
        (tmp_path / "here").mkdir()
        with pytest.raises(StartupError, match=r"HEALTH_FILE=.* cannot be written") as caught:
            Health(tmp_path / "here" / name).begin()
        assert "\n" not in caught.value.message
        assert list(tmp_path.iterdir()) == [tmp_path / "here"]

    def test_without_one_nothing_is_written(self, tmp_path, monkeypatch):
        """Nobody asked."""
        monkeypatch.chdir(tmp_path)
        Health(None).begin()
        Health(None).state("ready")
        assert not list(tmp_path.iterdir())

    def test_one_that_cannot_be_written_any_more_ends_no_worker(self, file):
        """It grows old instead, which says the same."""
        health = Health(file.parent / "gone" / "health")
        health.state("ready")
        with pytest.raises(Unhealthy):
            read({"HEALTH_FILE": str(file)})


@pytest.mark.anyio
class TestBeat:
    """What a loop does to show that it turns."""

    @pytest.fixture
    def beating(self, file, monkeypatch):
        """A task that beats as fast as the loop turns."""
        monkeypatch.setattr(module, "BEAT_SECONDS", 0.0)
        health = Health(file)
        health.state("ready")

        def beating(alive=lambda: True):
            return health, asyncio.create_task(health.beat(alive))

        return beating

    async def until(self, condition):
        async with asyncio.timeout(5):
            while not condition():  # noqa: ASYNC110  # a file has no event
                await asyncio.sleep(0)

    async def test_a_loop_that_turns_keeps_the_file_young(self, file, beating):
        """Again and again, with the state that was said last; one that was deleted comes back."""
        health, task = beating()
        for state in ("ready", "draining"):
            health.state(state)
            age(file)
            await self.until(lambda: not is_aged(file))
            assert file.read_text() == f"{state}\n"
        file.unlink()
        await self.until(file.exists)
        task.cancel()

    async def test_a_loop_that_is_stuck_does_not(self, file, beating):
        """No thread beats for it."""
        _, task = beating()
        await asyncio.sleep(0.01)
        age(file)
        time.sleep(0.05)  # noqa: ASYNC251  # stuck
        assert is_aged(file)
        task.cancel()

    async def test_nobody_beats_for_a_dead_engine(self, file, beating):
        """It ends by itself, and touches nothing more."""
        age(file)
        async with asyncio.timeout(5):
            await beating(lambda: False)[1]
        assert is_aged(file)


class TestCommand:
    """What Docker is told."""

    @pytest.mark.parametrize("state", ["ready", "draining"])
    def test_a_worker_with_jobs_to_do_is_healthy(self, file, state):
        """One word, and 0."""
        Health(file).state(state)
        assert command(HEALTH_FILE=f" {file} ") == (0, f"{state}\n", "")

    def test_a_worker_that_loads_is_not_healthy_yet(self, file):
        """One sentence on standard error, and 1."""
        Health(file).begin()
        code, out, err = command(HEALTH_FILE=str(file))
        assert (code, out) == (1, "")
        assert err == "The worker is loading its model, and takes no jobs yet.\n"

    @pytest.mark.parametrize("state", ["ready", "draining"])
    def test_a_worker_that_is_stuck_or_gone_is_not_healthy(self, file, capsys, state):
        """Its last word is old."""
        Health(file).state(state)
        age(file)
        assert main({"HEALTH_FILE": str(file)}) == 1
        assert f"was {state}" in capsys.readouterr().err

    @pytest.mark.parametrize("text", [b"", b"well\n", b"\xff"])
    def test_a_file_of_somebody_elses_is_no_health(self, file, capsys, text):
        """It is named."""
        file.write_bytes(text)
        assert main({"HEALTH_FILE": str(file)}) == 1
        assert f"{file} holds none of the words" in capsys.readouterr().err

    @pytest.mark.parametrize("name", ["missing", "."])
    def test_a_file_that_cannot_be_read_is_no_health(self, tmp_path, capsys, name):
        """It is named, with the reason."""
        assert main({"HEALTH_FILE": str(tmp_path / name)}) == 1
        assert "cannot be read: " in capsys.readouterr().err

    @pytest.mark.parametrize("environ", [{}, {"HEALTH_FILE": ""}])
    def test_a_worker_that_was_not_asked_says_nothing(self, environ):
        """The variable to set is named."""
        code, out, err = command(**environ)
        assert (code, out) == (1, "")
        assert err.startswith("HEALTH_FILE is not set")
        assert err.count("\n") == 1


def test_a_worker_says_at_once_that_it_loads(file):
    """Before it has an engine, which here it never gets."""
    file.write_text("ready\n")
    line, _ = refused(HEALTH_FILE=str(file))
    assert "ENGINE_URL" in line
    assert file.read_text() == "loading\n"


def test_a_worker_that_cannot_say_how_it_is_does_not_start(tmp_path):
    """With one line, before anything else is tried."""
    line, everything = refused(HEALTH_FILE=str(tmp_path / "nowhere" / "health"))
    assert everything.strip() == line
    assert "startup_failed: HEALTH_FILE=" in line


def test_a_real_worker_is_healthy_while_it_turns(file):
    """It takes jobs, is frozen, goes on, and ends: the command says so each time."""
    platform = Loopback()
    with serving(platform) as url:
        variables = platform_variables(url, "pod", "key") | {"HEALTH_FILE": str(file)}
        with worker(url, **variables) as process:
            until(lambda: command(HEALTH_FILE=str(file)) == (0, "ready\n", ""))
            process.send_signal(signal.SIGSTOP)
            until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_STOPPED)
            age(file)
            assert command(HEALTH_FILE=str(file))[0] == 1
            process.send_signal(signal.SIGCONT)
            until(lambda: command(HEALTH_FILE=str(file)) == (0, "ready\n", ""))
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert file.read_text() == "draining\n"


def test_a_beat_may_be_late():
    """By several beats, before a worker counts as stuck."""
    assert 3 * BEAT_SECONDS <= FRESH_SECONDS


def test_the_command_imports_next_to_nothing():
    """Docker starts it again and again beside the engine."""
    heavy = {*HEAVY, "asyncio", "logging", "pydantic", "worker.settings", "worker.engine"}
    assert modules_after("import worker.health").isdisjoint(heavy)
