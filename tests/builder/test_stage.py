"""A stage whose containers are processes of this machine's: what is asked of them, what is said."""

import contextlib
import socket
import subprocess
import sys
from types import SimpleNamespace

import pytest
import requests

from builder import stage as module
from builder.errors import BuildError
from builder.stage import LABEL, End, Memory, Stage, health_wait_s

IDLE = [sys.executable, "-c", "import sys; sys.stdin.read()"]


class Container:
    """A process on this machine in a container's place; a worker's does nothing until it is left.

    Attributes:
        stats_told: what the engine tells of its memory, one after the other.
    """

    def __init__(self, engine, options):
        self.engine, self.options, self.id = engine, options, "id-of-it"
        self.process, self.extra, self.stats_told = None, {}, []

    def start(self):
        words = [*self.options.get("entrypoint", IDLE), *self.options.get("command", [])]
        words[0] = sys.executable
        self.process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def reload(self):
        if self.engine.broken:
            raise requests.ConnectionError("gone")

    @property
    def attrs(self):
        code = self.process.poll()
        state = {"Status": "running" if code is None else "exited", "ExitCode": code}
        return {"State": state | self.extra}

    def exec_run(self, command, demux=False):
        assert max(map(len, command)) <= module.PIECE
        words = [sys.executable if word == "python3" else word for word in command]
        done = subprocess.run(words, capture_output=True, check=False)
        output = (done.stdout, done.stderr) if demux else done.stdout + done.stderr
        return SimpleNamespace(exit_code=done.returncode, output=output)

    def logs(self, tail):
        self.engine.tails.append(tail)
        return self.process.stdout.read() if self.process.poll() is not None else b"\xff said"

    def stats(self, **_):
        return {"memory_stats": self.stats_told.pop(0)}

    def stop(self, timeout):
        self.engine.tails.append(timeout)
        self.process.communicate()

    def remove(self, *, force, v):
        assert force
        assert v
        self.engine.made.remove(self)
        if self.process:
            self.process.kill()
            self.process.communicate()


class Engine:
    """Makes containers, and fails where tests want it to."""

    def __init__(self):
        self.containers = self
        self.made, self.tails, self.broken, self.refuses = [], [], False, False

    def create(self, image, **options):
        assert image == "image"
        if self.refuses and "entrypoint" not in options:
            raise requests.ConnectionError("no room")
        self.made.append(Container(self, options))
        return self.made[-1]

    def list(self, all, filters):  # noqa: A002  # the SDK's name
        assert all
        if self.broken:
            raise requests.ConnectionError("gone")
        name, _, value = filters["label"].partition("=")
        return [one for one in self.made if one.options["labels"] == {name: value}]


@pytest.fixture(autouse=True)
def port(monkeypatch):
    """A free one: this loopback is not the plane's alone."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr(module, "PORT", server.getsockname()[1])


@pytest.fixture
def engine():
    engine = Engine()
    yield engine
    for container in list(engine.made):
        container.remove(force=True, v=True)


@pytest.fixture
def stage(engine):
    with Stage(engine, "image") as stage:
        stage.start_worker({"A": "1", "RUNPOD_POD_ID": "mine"}, "2g", ["gpu"])
        yield stage


def test_the_two_share_a_loopback_and_have_no_network(engine, stage):
    """The worker is as RunPod would start it, and what the command line adds comes last."""
    plane, worker = (container.options for container in engine.made)
    assert plane["network_mode"] == "none"
    assert worker["network_mode"] == "container:id-of-it"
    assert worker["shm_size"] == "2g"
    assert worker["device_requests"] == ["gpu"]
    assert worker["environment"]["RUNPOD_AI_API_KEY"] == stage.key
    assert worker["environment"]["A"] == "1"
    assert worker["environment"]["RUNPOD_POD_ID"] == "mine"
    assert not plane["use_config_proxy"]
    assert not worker["use_config_proxy"]


def test_the_plane_is_asked_and_answers(stage):
    """Through the image's own Python; a job that is longer than a word of a command arrives."""
    given = {"text": "하" * module.PIECE}
    [name] = stage.add("a", given)
    assert not stage.jobs()[name]["taken"]
    assert stage.wait(seconds=0)["takes"] == 0
    assert not stage.wait(takes=1, seconds=0)["met"]


def test_nothing_is_left_whatever_happens(engine):
    """What bears another label stays."""
    engine.made.append(Container(engine, {"labels": {LABEL: "another's"}}))
    with contextlib.suppress(KeyboardInterrupt), Stage(engine, "image") as stage:
        stage.start_worker({}, "1g", None)
        raise KeyboardInterrupt
    assert [container.options["labels"] for container in engine.made] == [{LABEL: "another's"}]


def test_what_cannot_be_removed_is_told_by_its_label(engine, capsys):
    """And does not hide what the trial came to."""
    with Stage(engine, "image"):
        engine.broken = True
    assert f"labelled {LABEL}=" in capsys.readouterr().err


def test_an_image_whose_python_cannot_run_the_plane_is_told(engine, monkeypatch, tmp_path):
    """In its own words, and nothing is left of it."""
    broken = tmp_path / "plane.py"
    broken.write_text("raise SystemExit('too old')")
    monkeypatch.setattr(module, "PLANE", broken)
    with (
        pytest.raises(BuildError, match="does not start in the image: too old"),
        Stage(engine, "image"),
    ):
        pytest.fail("it started")
    assert engine.made == []


def test_a_plane_that_never_answers_is_not_waited_for_forever(engine, monkeypatch, tmp_path):
    """Its process runs, and says nothing."""
    silent = tmp_path / "plane.py"
    silent.write_text("import time\ntime.sleep(600)")
    monkeypatch.setattr(module, "PLANE", silent)
    monkeypatch.setattr(module, "PLANE_START_S", 0.0)
    with pytest.raises(BuildError, match="does not start"), Stage(engine, "image"):
        pytest.fail("it started")


def test_a_plane_that_is_gone_is_told_apart_from_the_worker(engine, stage):
    """It shares the machine's memory with the worker, and may be what was killed."""
    engine.made[0].process.kill()
    engine.made[0].process.wait()
    with pytest.raises(BuildError, match="control plane no longer answers"):
        stage.jobs()


@pytest.mark.parametrize("gpus", [None, ["gpu"]])
def test_a_worker_that_cannot_be_started_is_told(engine, gpus):
    """With what a GPU needs, where there was to be one."""
    engine.refuses = True
    with Stage(engine, "image") as stage:
        with pytest.raises(BuildError, match=r"cannot be started.*no room") as raised:
            stage.start_worker({}, "1g", gpus)
        assert stage.log() == ""
    assert ("--gpus needs" in str(raised.value)) == bool(gpus)


# The worker


def test_an_end_is_told_with_its_reason(engine, stage):
    """As `docker inspect` has it."""
    assert not stage.ended()
    assert stage.stop(30) >= 0
    assert stage.ended()
    assert stage.end() == End(0)
    engine.made[1].extra = {"OOMKilled": True}
    assert str(stage.end()) == "exit code 0, killed because memory was short"
    assert engine.tails == [30]


@pytest.mark.parametrize(
    ("told", "status"), [({"Health": {"Status": "healthy"}}, "healthy"), ({}, None)]
)
def test_health_is_what_docker_says(engine, stage, told, status):
    """None for an image that does not tell it."""
    engine.made[1].extra = told
    assert stage.health() == status


def test_a_check_of_health_has_time_for_two():
    """Docker's own times hold where the image has none."""
    assert health_wait_s({"Interval": 15e9, "Timeout": 10e9}) == 50
    assert health_wait_s({"Test": ["CMD", "true"]}) == 120


def test_the_log_is_read_whatever_bytes_are_in_it(engine, stage):
    """All of it, or its last lines."""
    assert stage.log() == stage.log(lines=1) == "\ufffd said"
    assert engine.tails == ["all", 1]


def test_a_program_in_the_worker_says_something_or_is_not_there(stage):
    """Its exit code says which."""
    assert stage.run("python3", "-c", "print('x')") == "x\n"
    assert stage.run("python3", "-c", "raise SystemExit(1)") is None


def test_the_kernel_s_peak_of_memory_is_taken_where_there_is_one(engine, stage):
    """It knows of what was held between two looks."""
    engine.made[1].stats_told = [{"max_usage": 900, "usage": 100}]
    assert stage.memory() == Memory(900, "the kernel's peak, with cached files")


def test_else_the_most_of_some_samples_is(engine, stage):
    """Without files that could be dropped at any time; an engine may tell nothing."""
    used = {"usage": 500, "stats": {"inactive_file": 200}}
    engine.made[1].stats_told = [used, {"usage": 100}, {}, None]
    assert {stage.memory().peak for _ in range(4)} == {300}


@pytest.mark.parametrize(
    "look",
    ["ended", "health", "end", lambda stage: stage.wait(seconds=0)],
    ids=["ended", "health", "end", "wait"],
)
def test_an_engine_that_goes_away_is_told(engine, stage, look):
    """As what we were about to do."""
    engine.broken = True
    with pytest.raises(BuildError, match=r"cannot be .*no answer from the Docker engine: gone"):
        look(stage) if callable(look) else getattr(stage, look)()
    engine.broken = False


def test_the_key_is_new_every_time():
    """Nobody else knows it."""
    assert len({Stage(Engine(), "image").key for _ in range(3)}) == 3
