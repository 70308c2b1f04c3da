"""Trials in real containers: of the image, and of stand-ins for it that have one fault each."""

import io
import json
import subprocess
import sys
import tarfile
import time
import uuid
from pathlib import Path
from types import SimpleNamespace

import pytest

from builder.__main__ import main
from builder.errors import BuildError
from builder.secrets import Layers, Secret, in_layers
from builder.stage import LABEL, Stage
from tests.image.conftest import MINI, MODEL, TOKEN

STAND_IN = Path(__file__).with_name("stand_in.py")
COMMIT = "c" * 40
PLANTED = "planted-by-a-test-" + uuid.uuid4().hex
RECIPE = f"""\
COPY stand_in.py /
ENV MODEL_NAME={MODEL} MODEL_REVISION={COMMIT}
LABEL ai.commentary.model.name={MODEL} ai.commentary.model.revision={COMMIT}
HEALTHCHECK --interval=1s --timeout=1s CMD true
USER 10001
ENTRYPOINT ["python3", "/stand_in.py"]
"""


@pytest.fixture(scope="module")
def make(client):
    """Makes an image of lines of a Dockerfile and files; they are gone with the module's tests."""
    made = []

    def make(lines, **files):
        context = io.BytesIO()
        texts = {"Dockerfile": lines.encode(), "stand_in.py": STAND_IN.read_bytes(), **files}
        with tarfile.open(fileobj=context, mode="w") as tar:
            for name, data in texts.items():
                member = tarfile.TarInfo(name)
                member.size, member.mode = len(data), 0o644
                tar.addfile(member, io.BytesIO(data))
        context.seek(0)
        name = f"football-commentary-test/stand-in:{uuid.uuid4().hex[:12]}"
        client.images.build(fileobj=context, custom_context=True, tag=name, rm=True)
        made.append(name)
        return name

    yield make
    for name in reversed(made):
        client.images.remove(name, force=True)


@pytest.fixture(scope="module")
def stand_in(make, base):
    return make(f"FROM {base}\n{RECIPE}")


@pytest.fixture(autouse=True)
def stranger(monkeypatch):
    """Nothing of this machine's own is searched for: layers of gigabytes would be, every time."""
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "RUNPOD_API_KEY", "DOCKER_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("HF_TOKEN_PATH", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", "/nowhere/token")


@pytest.fixture
def trial(capsys, tmp_path, client):
    """Runs the command; what it said, and its report. No container may be left."""

    def trial(image, *words):
        path = tmp_path / "report.json"
        code = main(["smoke", image, "--json", str(path), *words])
        out, err = capsys.readouterr()
        report = json.loads(path.read_text())
        wrong = {check["name"]: "; ".join(check["problems"]) for check in report["checks"]}
        return SimpleNamespace(
            code=code,
            out=out,
            err=err,
            report=report,
            wrong={name: told for name, told in wrong.items() if told},
        )

    yield trial
    assert not client.containers.list(all=True, filters={"label": LABEL})


def behaving(how):
    return ("--env", f"STAND_IN={how}")


def test_the_image_passes(image, trial, monkeypatch):
    """With the very token that it was built by, in all of its layers."""
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    done = trial(image, *MINI, "--fallback-ok", "--stop-timeout", "60")
    assert done.code == 0, done.err
    assert done.wrong == {}
    assert f"✓ served name: {MODEL}" in done.out
    assert "layers searched for HF_TOKEN" in done.out
    assert set(done.report["phases"]) >= {"import", "load", "warm-up"}
    assert done.report["memory_bytes"] > 500_000_000
    assert done.report["drain"]["in flight"] >= 2
    assert TOKEN not in done.out + done.err


def test_an_image_that_cannot_start_is_told_in_its_own_words(image, trial):
    done = trial(image, *MINI, "--env", "MODEL_NAME=/nowhere")
    assert done.code == 1
    assert "startup_failed: There is no model in the folder /nowhere" in done.wrong["worker"]


def test_a_stand_in_without_faults_passes(stand_in, trial):
    done = trial(stand_in, *behaving("well"))
    assert done.wrong == {}
    assert done.report["drain"]["answered"] >= 3


@pytest.mark.parametrize(
    ("how", "words", "wrong", "told"),
    [
        ("not at all", (), "worker", "exit code 1 at start: startup_failed: no model"),
        ("idly", ("--start-timeout", "2"), "worker", "start is not over after 2 s"),
        ("by its path", (), "served name", f"{MODEL} is served as /model"),
        ("losing jobs", (), "drain", "handed out and not answered"),
        ("deaf", ("--stop-timeout", "2"), "drain", "exit code 137, not done after 2 s"),
        ("showing its key", (), "no secret in the log", "line 1 of the worker's log"),
    ],
)
def test_a_fault_is_found(stand_in, trial, how, words, wrong, told):
    """And no other with it."""
    done = trial(stand_in, *behaving(how), *words)
    assert done.code == 1
    assert list(done.wrong) == [wrong]
    assert told in done.wrong[wrong]


def test_faults_are_told_together(make, stand_in, trial, monkeypatch):
    """Root, another label, tokens in a variable and in the history, a health that fails."""
    monkeypatch.setenv("RUNPOD_API_KEY", PLANTED)
    monkeypatch.setattr("builder.smoke._searched", lambda *_: Layers())
    lines = f"""\
FROM {stand_in}
USER root
ARG key={PLANTED}
ENV KEPT={PLANTED}
LABEL ai.commentary.model.name=another/model
HEALTHCHECK --interval=1s --timeout=1s CMD false
"""
    done = trial(make(lines), *behaving("in a wrong tone"))
    assert list(done.wrong) == [
        *("user", "script", "stream", "served name", "health", "drain"),
        *("no secret in settings", "no secret in the history"),
    ]
    assert "the environment variable KEPT" in done.wrong["no secret in settings"]
    assert PLANTED not in done.out + done.err + json.dumps(done.report)


def test_an_image_without_a_health_command_is_not_fit(make, stand_in, trial):
    done = trial(make(f"FROM {stand_in}\nHEALTHCHECK NONE\n"))
    assert list(done.wrong) == ["health"]
    assert "the image has no HEALTHCHECK" in done.out


def test_an_image_without_python_is_told(make, trial):
    done = trial(make("FROM scratch\nCOPY stand_in.py /\nCMD true\n"))
    assert "control plane cannot be started in the image" in done.wrong["containers"]


def test_a_secret_in_a_layer_of_a_real_image_is_found(make, client):
    """Also one that a later layer has hidden."""
    name = make(
        "FROM scratch\nCOPY a /kept/\nCOPY b /etc/token\nCOPY a /etc/token\n",
        a=b"nothing",
        b=f"token={PLANTED}\n".encode(),
    )
    saved = client.images.get(name).save()
    found = in_layers(saved, [Secret("HF_TOKEN", PLANTED.encode())], lambda _count: None)
    [finding] = found.findings
    assert finding.where.startswith("layer 2 of 3 (")
    assert finding.where.endswith("file etc/token")
    assert not found.closed


def test_no_container_is_left_after_an_interruption(stand_in, client):
    """As Ctrl-C has it, while the worker is waited for."""
    command = [sys.executable, "-m", "builder", "smoke", stand_in, *behaving("idly")]
    trial = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    while trial.poll() is None and len(client.containers.list(filters={"label": LABEL})) < 2:
        time.sleep(0.1)
    trial.send_signal(2)
    out, _ = trial.communicate()
    assert trial.returncode == 130, out
    assert not client.containers.list(all=True, filters={"label": LABEL})


def test_the_two_containers_reach_each_other_and_nobody_else(stand_in, client):
    """Their only interface is the loopback."""
    with Stage(client, stand_in) as stage:
        stage.start_worker({"STAND_IN": "idly"}, "1g", None)
        code = "import socket; print([name for _, name in socket.if_nameindex()])"
        assert stage.run("python3", "-c", code) == "['lo']\n"
        assert "1.0G" in stage.run("df", "-h", "/dev/shm")
        assert stage.run("no-such-program") is None
    with pytest.raises(BuildError):
        stage.run("true")
