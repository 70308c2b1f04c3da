"""An image's whole life: built, proved, pushed, pulled, run, updated, stopped."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
import uuid
from contextlib import suppress

import httpx
import pytest

from tests.image.conftest import LABEL, MINI, MODEL, ROOT, TOKEN
from tests.image.registry import FaultProxy, Registry
from tests.platform.ground import Ground
from tests.platform.jobs import Status
from tests.platform.made import commentary, lines_of
from tests.serving import free_port

USER, PASSWORD = "ann", "pa55-word"
LOGIN = {"DOCKER_USERNAME": USER, "DOCKER_PASSWORD": PASSWORD}
SHM = "1g"  # vLLM's CPU engine needs 160 MB, and Docker gives 64
ENVIRONMENT = dict(word.split("=") for word in MINI if "=" in word)
CACHED = "huggingface-cache/hub"
STOP_S = 60


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    with Registry(tmp_path_factory.mktemp("registry"), USER, PASSWORD) as registry:
        yield registry


@pytest.fixture(scope="module")
def proxy(registry):
    """In front of the registry, counting what comes."""
    with FaultProxy(registry.address) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def reference(proxy, client):
    """What the image is called where it is pushed to."""
    name = f"{proxy.address}/{uuid.uuid4().hex}/worker"
    yield f"{name}:1.0.0"
    for image in client.images.list(name):
        client.images.remove(image.id, force=True)


@pytest.fixture(scope="module")
def pushed(builder, image, client, proxy, reference):
    """The image in the registry; the first push's bytes as the registry counted them."""
    client.images.get(image).tag(reference)
    proxy.heal()
    done = builder.run("push", reference, **LOGIN)
    assert done.returncode == 0, done.stdout
    return proxy.received()


def in_container(image, *words, volumes=(), **variables):
    """A run of the image, without a network: its exit code, and all that it wrote."""
    environment = [f"--env={name}={value}" for name, value in {**ENVIRONMENT, **variables}.items()]
    mounts = [f"--volume={volume}" for volume in volumes]
    command = ["docker", "run", "--rm", "--network=none", f"--shm-size={SHM}", f"--label={LABEL}"]
    return subprocess.run(
        [*command, *environment, *mounts, image, *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def script_of(done):
    """The script of a local run, as it stands in its output."""
    return json.loads("{" + done.stdout.partition("\n\n{")[2])["script"]


def test_a_pulled_image_answers_without_a_network(builder, image, client, reference, pushed):
    """Pushed, forgotten here, pulled with its digest: a container of it tells the ten lines."""
    assert pushed > 100_000_000  # all of it, packed
    built = client.images.get(image).id
    client.images.remove(reference)
    client.images.remove(image, force=True)
    registry = reference.partition("/")[0]
    client.images.pull(reference, auth_config={"username": USER, "password": PASSWORD})
    pulled = client.images.get(reference)
    assert pulled.id == built
    assert registry in pulled.attrs["RepoDigests"][0]
    pulled.tag(image)
    done = in_container(reference)
    assert done.returncode == 0, done.stderr
    rows = json.loads((ROOT / "test_input.json").read_text())["input"]["rawData"]
    assert [line["actionId"] for line in script_of(done)] == [str(row["actionId"]) for row in rows]
    assert re.search(rf"model {MODEL} at [0-9a-f]+\S*: baked into the image", done.stderr)
    assert TOKEN not in done.stdout + done.stderr


def test_an_edit_of_the_handler_uploads_less_than_a_megabyte(
    builder, image, client, proxy, reference, pushed
):
    """The registry receives one small layer and two small documents, as the build said before."""
    handler = builder.checkout / "worker/handler.py"
    handler.write_text(handler.read_text() + "\n# Another edit.\n")
    updated = reference.replace(":1.0.0", ":1.0.1")
    began = time.monotonic()
    told = builder.build("--tag", updated)
    built_s = time.monotonic() - began
    assert built_s < 30  # the promise, as the next one is
    found = re.search(r"a push to \S+ uploads (\d+) of \d+ layers, ([\d.]+ .?B)", told)
    assert found[1] == "1", told
    proxy.heal()
    began = time.monotonic()
    done = builder.run("push", updated, **LOGIN)
    assert done.returncode == 0, done.stdout
    received = proxy.received()
    assert received < 1_000_000
    print(  # noqa: T201  # the README's figures
        f"\nfirst push {pushed / 1e6:.0f} MB; update: build {built_s:.1f} s, "
        f"push {time.monotonic() - began:.1f} s, {received / 1e3:.0f} kB"
    )


def test_a_wrong_password_is_an_error_that_names_the_registry(builder, reference, pushed):
    """The engine reports it in the midst of its answer; the command fails all the same."""
    done = builder.run("push", reference, DOCKER_USERNAME=USER, DOCKER_PASSWORD="not-this-one")
    assert done.returncode == 1
    assert reference.partition("/")[0] in done.stdout
    assert "not-this-one" not in done.stdout


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    """RunPod's side, on this machine's loopback, which the container shares."""
    with Ground(tmp_path_factory.mktemp("ground")) as ground:
        yield ground


def in_docker(image, name, variables):
    """`docker run` in the foreground, given these variables by their names."""
    named = [f"--env={variable}" for variable in variables]
    return [
        *("docker", "run", "--rm", f"--name={name}", "--network=host", f"--shm-size={SHM}"),
        *(f"--label={LABEL}", *named, image),
    ]


def test_docker_stop_under_load_loses_nothing(image, ground):
    """What was handed out is answered before the container is gone, the rest waits for another."""
    name = f"commentary-{uuid.uuid4().hex}"
    theirs = [
        *("RUNPOD_WEBHOOK_GET_JOB", "RUNPOD_WEBHOOK_POST_OUTPUT", "RUNPOD_WEBHOOK_POST_STREAM"),
        *("RUNPOD_WEBHOOK_PING", "RUNPOD_PING_INTERVAL", "RUNPOD_POD_ID", "RUNPOD_AI_API_KEY"),
    ]
    ours = ENVIRONMENT | {"MAX_CONCURRENCY": "4", "GUARD": "off"}
    worker = ground.start(command=in_docker(image, name, [*theirs, *ours]), **ours)
    ground.until(lambda: health(name) == "healthy", 30)
    assert inside(name, "cat", "/proc/1/comm") == "tini"  # hands signals on, buries the dead
    with ground.paused():
        jobs = [ground.run(commentary(number)) for number in range(12)]
    ground.until(lambda: sum(ground.job(job).status is Status.COMPLETED for job in jobs) >= 2)
    ground._leaves(worker)
    subprocess.run(["docker", "stop", f"--time={STOP_S}", name], check=True, capture_output=True)
    assert worker.wait() == 0
    after = [ground.job(job) for job in jobs]
    done = [job for job in after if job.status is Status.COMPLETED]
    assert len(done) >= 2
    assert all(job.status is Status.IN_QUEUE for job in after if job not in done)
    assert all(len(lines_of(job)) == 10 for job in done)
    assert ground.anomalies == []


def test_the_same_image_is_an_http_service(image):
    """SERVE_MODE=http: not ready, ready, a script for whoever has the key, a stop that drains."""
    name, port = f"commentary-{uuid.uuid4().hex}", free_port()
    service = {"SERVE_MODE": "http", "PORT": str(port), "API_KEYS": "key-of-the-test"}
    command = in_docker(image, name, [*ENVIRONMENT, *service])
    environ = os.environ | ENVIRONMENT | service
    root, headers = f"http://127.0.0.1:{port}", {"Authorization": "Bearer key-of-the-test"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(command, env=environ, text=True, **pipes) as process:
        assert statuses(f"{root}/ping", until=200) == [204, 200]
        request = json.loads((ROOT / "test_input.json").read_text())["input"]
        asked = {"json": request, "timeout": 60}
        refused = httpx.post(f"{root}/v1/commentary", **asked)
        answer = httpx.post(f"{root}/v1/commentary", headers=headers, **asked)
        subprocess.run(["docker", "stop", f"--time={STOP_S}", name], check=True)
        said, _ = process.communicate(timeout=STOP_S)
    assert process.returncode == 0, said
    assert refused.status_code == 401
    assert len(answer.json()["script"]) == 10
    assert "key-of-the-test" not in said


def statuses(url, until):
    """The statuses that a URL answers with, each once, up to one that ends the asking."""
    found, end = [], time.monotonic() + 120
    while until not in found and time.monotonic() < end:
        with suppress(httpx.TransportError):  # nothing listens yet
            found.append(httpx.get(url).status_code)
        time.sleep(0.2)
    return list(dict.fromkeys(found))


def inside(name, *words):
    """What a command in a running container says."""
    command = ["docker", "exec", name, *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_a_worker_that_is_stopped_while_it_loads_ends_at_once(image, client):
    """SIGTERM reaches it before it has begun to take jobs, and its engine with it."""
    environment = {**ENVIRONMENT, "RUNPOD_WEBHOOK_GET_JOB": "http://127.0.0.1:1/job-take/$ID"}
    container = client.containers.run(
        image,
        detach=True,
        environment=environment,
        network_mode="none",
        shm_size=SHM,
        labels=[LABEL],
    )
    end = time.monotonic() + 60
    while b"Initializing a V1 LLM engine" not in container.logs() and time.monotonic() < end:
        time.sleep(0.2)
    container.stop(timeout=STOP_S)
    assert container.wait()["StatusCode"] == 128 + signal.SIGTERM
    assert b"ready:" not in container.logs()


def health(name):
    """What Docker says of the container's health."""
    command = ["docker", "inspect", "--format", "{{.State.Health.Status}}", name]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


@pytest.fixture(scope="module")
def empty(builder, client):
    """An image without weights."""
    name = "football-commentary-test/worker:empty"
    builder.build("--tag", name, "--no-bake")
    return name


def test_without_weights_it_says_where_it_looked(empty):
    """No cached model, nothing baked, no volume: one sentence that says what to do."""
    done = in_container(empty)
    assert done.returncode == 1
    [said] = [line for line in done.stderr.splitlines() if "startup_failed" in line]
    for word in ("/runpod-volume", "BAKE_MODEL", "HF_HUB_OFFLINE"):
        assert word in said
    assert "Traceback" not in done.stderr


def test_runpod_s_cached_model_is_taken(empty, model, hub, tmp_path):
    """Where the platform has mounted its cache, the model in it is served, under its own name."""
    commit = hub.commit(MODEL)
    snapshot = tmp_path / CACHED / "models--mini--exaone" / "snapshots" / commit
    shutil.copytree(model, snapshot)
    (snapshot / "manifest.json").unlink()
    (snapshot / "mini.json").unlink()
    subprocess.run(["chmod", "-R", "a+rX", tmp_path], check=True)  # the worker is another user
    job = json.dumps({"input": {"openai_route": "/v1/models", "openai_input": {}}})
    volumes = [f"{tmp_path}:/runpod-volume:ro"]
    done = in_container(empty, "--test_input", job, volumes=volumes)
    assert done.returncode == 0, done.stderr
    assert f'"id": "{MODEL}"' in done.stdout
    assert re.search(rf"model {MODEL} at {commit[:8]}\S*: from RunPod's cache", done.stderr)


def test_the_registry_lets_nobody_in_without_a_password(registry):
    """What the tests above push to does ask for a password."""
    assert httpx.get(f"http://{registry.address}/v2/").status_code == 401
