"""A trial of an image, on a stage without containers; tests/image/test_smoke.py has some."""

import json
import logging
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests

from builder import checks, control_plane, progress, secrets, smoke
from builder.__main__ import main
from builder.control_plane import Plane
from builder.errors import BuildError
from builder.smoke import device_requests, gpus_of, last_words, phase_of, phases_of, read_job
from builder.stage import End, Memory
from tests.builder.test_secrets import archive, saved
from worker import __main__ as worker_main

COMMIT, OTHER = "a" * 40, "b" * 40
NAME = "owner/model"
TOKEN = "hf_" + "tokenOfNobody" * 3
READY = (
    "INFO 2031-01-01 00:00:01,000 worker: ready: owner/model (import 4.5 s, load 15.6 s, "
    "warm-up 0.2 s; 2 of 3 lines)\n"
)
HEALTHCHECK = {"Test": ["CMD", "true"], "Interval": 1_000_000, "Timeout": 1_000_000}


class Play:
    """A stage whose worker does at once what it is made to, by attributes that tests set."""

    def __init__(self):
        self.key = "key-of-this-trial"
        self.plane, self.held, self.asked = Plane(), [], {}
        self.said, self.code, self.out_of_memory = READY, None, False
        self.starts, self.dies_of, self.loses = True, "", 0
        self.uid, self.gpu, self.tone, self.source = "10001\n", None, "CALM", "model"
        self.served, self.commit, self.state = NAME, COMMIT, "healthy"
        self.closed, self.error = False, None

    def __call__(self, _client, image):
        self.asked["image"] = image
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.closed = True

    def start_worker(self, environment, shm_size, gpus):
        self.asked |= {"env": environment, "shm": shm_size, "gpus": gpus}

    def wait(self, **wanted):
        if self.starts and self.code is None:
            self.work()
        return self.plane.wait({name: str(value) for name, value in wanted.items()})

    def work(self):
        for job in self.plane.take(100, lambda: False):
            if self.dies_of and job["id"].startswith(self.dies_of):
                self.code = 1
            elif job["id"].startswith("drain"):
                self.held.append(job)
            else:
                self.answer(job)

    def answer(self, job):
        if self.error and "rawData" in job["input"]:
            self.plane.posted("job-done", job["id"], {"error": self.error})
            return
        *chunks, _ = output = list(self.output(job["input"]))
        for chunk in output if chunks else ():
            self.plane.posted("job-stream", job["id"], {"output": chunk})
        self.plane.posted("job-done", job["id"], {"output": output})

    def output(self, given):
        if "probe" in given:
            yield {"model": {"id": self.served, "revision": self.commit}}
        elif "openai_route" in given:
            yield {"data": [{"id": self.served}]}
        else:
            lines = [self.line(row) for row in given["rawData"]]
            if given["stream"]:
                yield from ({"line": line, "index": at} for at, line in enumerate(lines))
            yield {"status": "DONE"} | ({} if given["stream"] else {"script": lines})

    def line(self, row):
        told = {"actionId": str(row["actionId"]), "timeSeconds": str(row["timeSeconds"])}
        return told | {"tone": self.tone, "description": "하나", "source": self.source}

    def stop(self, _timeout):
        for job in self.held[self.loses :]:
            self.answer(job)
        self.code = self.code or 0
        return 1.5

    def add(self, name, given, count=1, *, late=False):
        return self.plane.add(name, given, count, late=late)

    def jobs(self):
        return {job["id"]: job for job in self.plane.full()}

    def ended(self):
        return self.code is not None

    def end(self):
        return End(self.code, self.out_of_memory)

    def health(self):
        return self.state

    def log(self, lines=None):
        return self.said

    def run(self, *command):
        return self.uid if command[0] == "id" else self.gpu

    def memory(self):
        return Memory(3_000_000_000, "the kernel")


class Engine:
    """An engine with one image, whose settings and layers tests may change."""

    def __init__(self):
        env = [f"MODEL_NAME={NAME}", f"MODEL_REVISION={COMMIT}"]
        labels = {smoke.NAME_LABEL: NAME, smoke.REVISION_LABEL: COMMIT}
        self.config = {"Env": env, "Labels": labels, "Healthcheck": HEALTHCHECK, "User": "10001"}
        self.entries = [{"CreatedBy": "COPY worker worker", "Size": 2_750_000_000}]
        self.layer = archive({"file": b"nothing"})
        self.images, self.saves, self.silence_s = self, 0, 0
        self.write = lambda: None

    def get(self, reference):
        from docker import errors

        if reference not in ("worker:1", "sha256:1"):
            raise errors.ImageNotFound("none")
        return SimpleNamespace(
            attrs={"Id": "sha256:1", "Size": 9_000_000_000, "Config": self.config},
            history=lambda: self.entries,
            save=self.save,
        )

    def save(self, chunk_size):
        self.saves += 1
        self.write()
        data = saved(self.layer, config=json.dumps({"config": self.config}))
        return (data[at : at + chunk_size] for at in range(0, len(data), chunk_size))


@pytest.fixture
def play(monkeypatch):
    play = Play()
    monkeypatch.setattr(smoke, "Stage", play)
    monkeypatch.setattr(smoke, "LOOK_S", 0.01)
    monkeypatch.setattr(smoke, "JOB_S", 0.05)
    monkeypatch.setattr(control_plane, "POLL_S", 0.0)
    for name in (*secrets.VARIABLES, "HF_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", "/nowhere/token")
    return play


@pytest.fixture
def engine(monkeypatch):
    engine = Engine()

    def docker_client(silence_s):
        engine.silence_s = silence_s
        return engine

    monkeypatch.setattr(smoke, "docker_client", docker_client)
    return engine


@pytest.fixture
def trial(play, engine, capsys, tmp_path):
    """Runs the command; its exit code, output, errors and JSON report."""

    def trial(*words):
        path = tmp_path / "report.json"
        code = main(["smoke", "worker:1", "--json", str(path), "--start-timeout", "2", *words])
        out, err = capsys.readouterr()
        report = json.loads(path.read_text()) if path.exists() else None
        return SimpleNamespace(code=code, out=out, err=err, report=report)

    return trial


def failed(trial):
    """The checks that found a problem, by name."""
    return [check["name"] for check in trial.report["checks"] if check["problems"]]


def skipped(trial):
    """The checks that were not made, by name."""
    return [check["name"] for check in trial.report["checks"] if check["skipped"]]


# A trial


def test_a_good_image_passes_and_is_measured(trial, play):
    done = trial()
    assert done.code == 0
    assert failed(done) == []
    assert [check["name"] for check in done.report["checks"]] == [
        *("start", "user", "script", "stream", "served name", "probe", "health", "drain"),
        *("platform", "no secret in the log", "no secret in settings", "no secret in the history"),
        "no secret in layers",
    ]
    assert done.report["ok"]
    assert done.report["phases"] == {"import": 4.5, "load": 15.6, "warm-up": 0.2}
    assert done.report["drain"] == {"in flight": 8, "answered": 8, "left in the queue": 1}
    assert done.report["drain_s"] == 1.5
    assert done.report["memory_bytes"] == 3_000_000_000
    assert done.report["image_bytes"] == 2_750_000_000
    assert set(done.report["job_s"]) == {"script", "stream", "models", "probe"}
    assert play.closed


def test_the_report_on_standard_output_says_the_same(trial):
    out = trial().out
    assert out.startswith("worker:1 (2.75 GB, sha256:1)\n  ✓ start")
    assert "(import 4.5 s, load 15.6 s, warm-up 0.2 s)" in out
    assert "memory: 3 GB (the kernel)" in out
    assert "drain: 1.5 s (8 in flight, 8 answered, 1 left in the queue)" in out
    assert "  – no secret in layers: not searched: no secret is known here\n" in out


def test_the_worker_gets_what_the_command_line_says(trial, play, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    trial("--env", "A=1=2", "--env", "HF_TOKEN", "--shm-size", "2g", "--gpus", "2", "--jobs", "3")
    [gpus] = play.asked["gpus"]
    assert play.asked["env"] == {"A": "1=2", "HF_TOKEN": TOKEN}
    assert play.asked["shm"] == "2g"
    assert gpus["Count"] == 2
    assert len(play.held) == 3


def test_all_that_is_wrong_is_told_together(trial, play, engine):
    play.tone, play.served, play.loses, play.state = "HAPPY", "/model", 1, "unhealthy"
    engine.entries.append({"CreatedBy": f"RUN T={TOKEN}", "Size": 0})
    done = trial()
    assert done.code == 1
    assert failed(done) == [
        *("script", "stream", "served name", "probe", "health", "drain"),
        "no secret in the history",
    ]
    for name in failed(done):
        assert f"✗ {name}: " in done.out
        assert f"{name}: " in done.err.splitlines()[-1]
    assert done.err.splitlines()[-1].startswith("builder: worker:1 is not fit to be pushed: ")
    assert not done.report["ok"]


def test_a_script_of_fallback_alone_needs_leave(trial, play):
    play.source = "fallback"
    assert failed(trial()) == ["script", "stream"]


def test_a_script_of_fallback_alone_passes_with_leave(trial, play):
    play.source = "fallback"
    assert trial("--fallback-ok").code == 0


# The start


def test_a_worker_that_ends_at_its_start_is_told_in_its_own_words(trial, play):
    """And the search for secrets is made all the same."""
    play.starts, play.code = False, 1
    play.said = "INFO a b worker: one\nCRITICAL d t worker: startup_failed: no model\ntrace\n"
    done = trial()
    [problem] = done.report["checks"][0]["problems"]
    assert problem == "it ended with exit code 1 at start: startup_failed: no model"
    assert failed(done) == ["worker"]
    assert "no secret in settings" in done.out
    assert play.closed


def test_a_worker_that_takes_no_job_is_not_waited_for_forever(trial, play, monkeypatch):
    play.starts = False
    clock = iter(range(0, 100_000, 60))
    monkeypatch.setattr(smoke.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(play, "wait", lambda **_: {"met": False})
    done = trial("--start-timeout", "60")
    assert "start is not over after 60 s" in done.err
    assert "--start-timeout" in done.err


def test_containers_that_cannot_be_made_are_told_with_the_rest(trial, play, monkeypatch):
    def refuse():
        raise BuildError("no room")

    monkeypatch.setattr(Play, "__enter__", lambda _: refuse())
    done = trial()
    assert failed_at(done, "containers") == "no room"
    assert "✓ no secret in the history" in done.out


def test_a_secret_in_the_workers_last_words_is_not_told(trial, play, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    play.starts, play.code, play.said = False, 1, f"CRITICAL d t worker: no: {TOKEN}\n"
    done = trial()
    assert TOKEN not in done.out + done.err + json.dumps(done.report)
    assert failed(done) == ["worker", "no secret in the log"]


@pytest.mark.parametrize("shift", [1, len(TOKEN) // 2, len(TOKEN) - 1])
def test_no_part_of_a_secret_is_told_where_words_are_cut(trial, play, monkeypatch, shift):
    """In last words, in the error of a job, and in a word on how far the start is."""
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr(progress, "LINE_S", 0.0)
    # Colours inside, as where a terminal marks what it knows.
    spoken = TOKEN[:5] + "\x1b[36m" + TOKEN[5:]
    play.said = "x" * (smoke.PHASE_WIDTH - shift) + spoken + "\n"
    played, waits = play.wait, iter([{"met": False}])
    monkeypatch.setattr(play, "wait", lambda **wanted: next(waits, None) or played(**wanted))
    play.error = "x" * (checks.LONGEST - shift) + TOKEN
    first = trial()
    assert f"{'x' * 10}—" in first.err
    assert failed(first) == ["script", "stream", "drain", "no secret in the log"]
    play.__init__()
    play.starts, play.code = False, 1
    play.said = "CRITICAL d t worker: " + "x" * (checks.LONGEST - shift) + spoken
    second = trial()
    assert failed(second) == ["worker", "no secret in the log"]
    for done in (first, second):
        said = done.out + done.err + json.dumps(done.report)
        assert not [at for at in range(len(TOKEN) - 3) if TOKEN[at : at + 4] in said]


# The jobs


@pytest.mark.parametrize("name", ["script", "stream", "models", "probe"])
def test_a_worker_that_ends_with_a_job_is_told(trial, play, name):
    play.dies_of, play.said, play.out_of_memory = name, "last line\n", True
    problem = failed_at(trial(), "worker")
    expected = f"it ended with exit code 1, killed because memory was short at {name}: last line"
    assert problem == expected


def test_a_worker_that_ends_at_once_when_it_is_full_has_lost_its_jobs(trial, play):
    play.dies_of = "drain"
    done = trial()
    assert failed(done) == ["drain"]
    assert done.report["drain"] == {"in flight": 8, "answered": 0, "left in the queue": 1}


def failed_at(done, name):
    [check] = [check for check in done.report["checks"] if check["name"] == name]
    [problem] = check["problems"]
    return problem


def test_a_job_that_is_never_answered_is_not_waited_for_forever(trial, play):
    play.output = None
    play.answer = lambda _job: None
    assert failed_at(trial(), "worker").startswith("script is not over after")


def test_a_call_that_is_none_of_the_platforms_is_told(trial, play):
    play.plane.blame("GET /nonsense without its key")
    play.plane.blame("GET /nonsense without its key")
    assert failed_at(trial(), "platform") == "GET /nonsense without its key"


# Name, revision, user, health


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"Labels": {smoke.NAME_LABEL: "x/y", smoke.REVISION_LABEL: COMMIT}}, ["served name"]),
        ({"Labels": None}, ["served name"]),
        ({"Labels": {smoke.NAME_LABEL: NAME, smoke.REVISION_LABEL: OTHER}}, ["probe"]),
        ({"Labels": {smoke.NAME_LABEL: NAME, smoke.REVISION_LABEL: "main"}}, []),
        ({"Env": [f"MODEL_NAME={NAME}", f"MODEL_REVISION={OTHER}"]}, ["probe"]),
        ({"Env": [f"MODEL_NAME={NAME}"]}, []),
        ({"Env": ["MODEL_NAME=x/y"]}, ["served name", "probe"]),
        ({"Env": None}, ["served name", "probe"]),
    ],
)
def test_the_image_says_which_model_it_has(trial, engine, change, wrong):
    engine.config |= change
    assert failed(trial()) == wrong


@pytest.mark.parametrize(
    ("revision", "wrong"), [([], []), (["--env", f"MODEL_REVISION={COMMIT}"], ["probe"])]
)
def test_another_model_may_be_tried_in_it(trial, play, revision, wrong):
    """What the image says of its own revision is no matter then."""
    play.served, play.commit = "x/y", OTHER
    assert failed(trial("--env", "MODEL_NAME=x/y", *revision)) == wrong


@pytest.mark.parametrize(
    ("uid", "user"), [("0\n", "10001"), (None, ""), (None, "root"), (None, "0:0")]
)
def test_root_needs_leave(trial, play, engine, uid, user):
    play.uid, engine.config["User"] = uid, user
    assert failed(trial()) == ["user"]
    play.__init__()
    play.uid = uid
    assert trial("--root-ok").code == 0


@pytest.mark.parametrize("healthcheck", [{"Test": ["NONE"]}, {"Test": []}, {}, None])
def test_an_image_needs_a_health_command(trial, engine, play, healthcheck):
    """What has none says of no worker that it is not well."""
    engine.config["Healthcheck"], play.state = healthcheck, None
    done = trial()
    assert failed(done) == ["health"]
    assert "the image has no HEALTHCHECK" in done.err


# Secrets


def test_a_secret_is_found_wherever_it_stands(trial, play, engine, monkeypatch):
    monkeypatch.setenv("RUNPOD_API_KEY", "key-of-runpod")
    play.said += "x key-of-runpod\n"
    engine.config["Cmd"] = ["key-of-runpod"]
    engine.entries.append({"CreatedBy": "key-of-runpod", "Size": 0})
    engine.layer = archive({"a/b": b"key-of-runpod"})
    done = trial()
    what = "the value of RUNPOD_API_KEY in"
    assert failed_at(done, "no secret in the log") == f"{what} line 2 of the worker's log"
    assert failed_at(done, "no secret in settings") == f"{what} the settings.Config.Cmd[0]"
    assert failed_at(done, "no secret in the history") == f"{what} entry 1 of the history"
    assert failed_at(done, "no secret in layers") == f"{what} layer 1 of 1 (COPY 0 /), file a/b"
    assert "key-of-runpod" not in done.out + done.err + json.dumps(done.report)


def test_layers_are_searched_where_a_secret_is_known(trial, engine, monkeypatch):
    unknown = trial()
    assert skipped(unknown) == ["no secret in layers"]
    assert unknown.code == engine.saves == 0
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    done = trial()
    assert "✓ no secret in layers: 1 layers searched for HF_TOKEN" in done.out
    assert skipped(done) == []
    assert engine.saves == 1


def test_an_engine_has_an_hour_to_write_an_image_out(trial, engine, monkeypatch):
    """The classic store says nothing before all of it is on its disk; that it goes on is shown."""
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    done = trial()
    assert engine.silence_s == 3600
    assert "smoke: layers: 0 s: the engine writes the image out\n" in done.err


def test_layers_that_the_engine_does_not_hand_out_are_no_success(trial, engine, monkeypatch):
    """What else was found out is told all the same."""
    monkeypatch.setenv("HF_TOKEN", TOKEN)

    def refuse():
        raise requests.ReadTimeout("Read timed out")

    engine.write = refuse
    done = trial()
    assert done.code == 1
    assert failed(done) == ["no secret in layers"]
    assert "layers cannot be read: no answer from the Docker engine: Read timed out" in done.out
    assert done.report["ready_s"] is not None


def test_layers_that_break_off_are_no_success(trial, engine, monkeypatch):
    """As an engine's that is stopped meanwhile."""
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    engine.layer = b"1" * 10_000
    monkeypatch.setattr("tests.builder.test_smoke.saved", lambda *_, **__: b"1" * 700)
    assert "broke off" in failed_at(trial(), "no secret in layers")


def test_the_workers_own_key_must_not_be_in_its_log(trial, play):
    play.said += f"Authorization: {play.key}\n"
    assert "the key that RunPod gives a worker" in failed_at(trial(), "no secret in the log")


def test_a_layer_that_cannot_be_searched_is_no_success(trial, engine, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    engine.layer = b"\x1f\x8b rest"
    assert "cannot be unpacked" in failed_at(trial(), "no secret in layers")


def test_a_layer_packed_in_a_way_unknown_here_is_told_and_no_fault_of_the_image(
    trial, engine, monkeypatch
):
    """Nor does it count as searched."""
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr(secrets, "_zstd", lambda: None)
    engine.layer = b"\x28\xb5\x2f\xfd rest"
    done = trial()
    assert done.code == 0
    assert skipped(done) == ["no secret in layers"]
    assert "– no secret in layers: 0 layers searched for HF_TOKEN; layer 1 of 1" in done.out
    assert "install backports.zstd" in done.out


def test_many_places_are_told_in_few_words(trial, engine, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    engine.layer = archive({str(number): TOKEN.encode() for number in range(30)})
    [check] = [check for check in trial().report["checks"] if check["problems"]]
    assert len(check["problems"]) == smoke.FINDINGS + 1
    assert check["problems"][-1] == "and in 20 more places"


# The command line


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--env", "A B=1"], "--env takes KEY=VALUE"),
        (["--env", "=1"], "--env takes KEY=VALUE"),
        (["--env", "NOT_THERE"], "--env NOT_THERE: it is not in the environment"),
        (["--env", f"HF_TOKEN={TOKEN}"], "--env HF_TOKEN: a secret does not belong"),
        (["--gpus", "some"], "--gpus some"),
        (["--shm-size", "lots"], "--shm-size lots"),
        (["--job", "/nowhere"], "--job /nowhere"),
        (["--json", "/nowhere/r.json"], "--json /nowhere/r.json"),
    ],
)
def test_an_option_that_cannot_be_is_told_before_anything_starts(trial, play, words, told):
    done = trial(*words)
    assert done.code == 1
    assert told in done.err
    assert TOKEN not in done.err
    assert play.asked == {}


@pytest.mark.parametrize("words", [["--jobs", "1"], ["--stop-timeout", "0"], ["--jobs", "x"]])
def test_a_number_that_cannot_be_is_a_usage_error(words):
    with pytest.raises(SystemExit) as exit_:
        main(["smoke", "worker:1", *words])
    assert exit_.value.code == 2


def test_an_image_that_is_not_there_is_told(play, engine, capsys):
    assert main(["smoke", "another:1"]) == 1
    assert "No image another:1 is on this engine" in capsys.readouterr().err


@pytest.mark.parametrize(
    "document",
    ["{", "[]", "{}", {"input": []}, {"input": {"rawData": []}}, {"input": {"rawData": ["a"]}}],
)
def test_a_file_that_holds_no_job_is_told(tmp_path, document):
    path = tmp_path / "job.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    with pytest.raises(BuildError, match="--job"):
        read_job(path)


def test_a_job_too_large_for_a_command_is_told(tmp_path):
    path = tmp_path / "job.json"
    path.write_text(json.dumps({"input": {"rawData": [{"a": "x" * smoke.LARGEST_JOB}]}}))
    with pytest.raises(BuildError, match="too large"):
        read_job(path)


@pytest.mark.parametrize(
    ("gpus", "count", "ids"),
    [("all", -1, None), ("2", 2, None), ("device=0,3", None, ["0", "3"])],
)
def test_gpus_are_asked_for_as_docker_run_does(gpus, count, ids):
    [request] = device_requests(gpus)
    assert request["Count"] == (count or 0)
    assert request["DeviceIDs"] == (ids or [])
    assert request["Capabilities"] == [["gpu"]]
    assert device_requests(None) is None


# The worker's words


@pytest.fixture
def worker_log():
    """The worker's logger, afterwards as it was: it is the whole test run's."""
    log = logging.getLogger("worker")
    before = log.handlers, log.propagate, log.level
    yield log
    log.handlers, log.propagate = before[:2]
    log.setLevel(before[2])


def test_what_the_worker_logs_is_what_is_read(worker_log):
    """Its last words and its phases, by its own handler and in its own form."""
    worker_main.configure_logging("INFO")
    [handler] = worker_log.handlers
    record = logging.LogRecord("worker", logging.CRITICAL, "", 0, "%s: %s", ("a", "b c"), None)
    assert last_words(f"x\n{handler.format(record)}\ny\n") == "a: b c"
    source = re.search(r'"(ready: .*)"', Path(worker_main.__file__).read_text("utf-8"))[1]
    ready = source % ("m", "import 1.0 s, warm-up 2.5 s", 1, 2)
    assert phases_of(f"INFO d t worker: {ready}\n") == {"import": 1.0, "warm-up": 2.5}
    assert phases_of("INFO d t worker: not yet\n") == {}


@pytest.mark.parametrize(
    ("log", "words"), [("a\nb\n\n", "b"), ("", "it said nothing"), (" \n", "it said nothing")]
)
def test_a_worker_without_last_words_has_said_something_else(log, words):
    assert last_words(log) == words


def test_a_phase_is_the_end_of_the_log_on_one_short_line():
    assert phase_of("a\nLoading  weights:   0%\rLoading  weights: 50%\n") == "Loading weights: 50%"
    assert len(phase_of("x" * 500)) == smoke.PHASE_WIDTH


def test_gpus_are_read_off_nvidia_smi():
    told = "NVIDIA L4, 20113, 23034\nNVIDIA A40, 1, 2\nno devices\n"
    assert gpus_of(told) == [
        {"name": "NVIDIA L4", "usedMiB": "20113", "totalMiB": "23034"},
        {"name": "NVIDIA A40", "usedMiB": "1", "totalMiB": "2"},
    ]


def test_gpu_memory_is_told(trial, play):
    play.gpu = "NVIDIA L4, 20113, 23034\n"
    assert "GPU: NVIDIA L4, 20113 of 23034 MiB" in trial().out
