"""RunPod's own Python client and the SDK's local API, on a worker with the real engine."""

import json
import signal
import sys

import httpx
import pytest
import runpod

from tests.platform.worker import WorkerProcess
from tests.rows import request_document, ten_rows
from tests.serving import free_port

pytestmark = pytest.mark.engine

SHORT = request_document(rawData=ten_rows()[:3], seed=7)
BAD = request_document(style="POET")
ENDLESS = {"prompt": "골", "sampling_params": {"max_tokens": 20_000, "ignore_eos": True}}
SAY = [{"role": "user", "content": "골 장면을 한 문장으로 말해 주세요."}]
FEW = {"max_tokens": 5, "ignore_eos": True}
MORE = {"max_tokens": 200, "ignore_eos": True}  # too many for one chunk
SHAPES = {
    "commentary": SHORT,
    "commentary, streamed": SHORT | {"stream": True},
    "native": {"prompt": "골", "sampling_params": FEW},
    "native, streamed": {"messages": SAY, "sampling_params": MORE, "stream": True},
    "openai": {"openai_route": "/v1/chat/completions", "openai_input": {"messages": SAY} | FEW},
    "openai, streamed": {
        "openai_route": "/v1/completions",
        "openai_input": {"prompt": "골", "stream": True} | MORE,
    },
    "probe": {"probe": True},
}
REFUSED = {
    "commentary": BAD,
    "native": {"prompt": "골", "sampling_params": {"temperature": -1}, "stream": True},
    "openai": {"openai_route": "/metrics", "openai_input": {}},
    "none": {"probes": True},
}


@pytest.fixture
def client(standing, monkeypatch):
    """RunPod's client, with our platform for theirs."""
    monkeypatch.setattr(runpod, "endpoint_url_base", f"{standing.url}/v2")
    return runpod.Endpoint("local", api_key=standing.key)


def requests_of(standing):
    """How many requests the engine holds."""
    return standing.runsync({"probe": True})["output"][0]["engine"]["requests"]


def whole(chunks):
    """The result that the chunks of a streamed commentary make."""
    *lines, closing = chunks
    script = [chunk["line"] for chunk in sorted(lines, key=lambda chunk: chunk["index"])]
    return closing | {"script": script}


def scripted(result):
    """What is the same of two runs of one job."""
    return {key: result[key] for key in ("gameId", "status", "script", "model")}


def test_a_commentary_is_run_in_one_call(client):
    """`run_sync` gives the platform's output: a list with the one result."""
    [result] = client.run_sync({"input": SHORT})
    assert [line["actionId"] for line in result["script"]] == ["2330", "2331", "2332"]
    assert result["status"] == "DONE"


def test_a_commentary_is_sent_and_asked_for(client):
    """`run`, then `status` and `output`, with the same script as in one call."""
    job = client.run(SHORT)
    [result] = job.output(timeout=60)
    assert job.status() == "COMPLETED"
    assert result["jobId"] == job.job_id
    assert scripted(result) == scripted(client.run_sync(SHORT)[0])


def test_a_streamed_commentary_is_the_plain_one(client):
    """Each line is a chunk; put back in their places they are the plain result's script."""
    job = client.run(SHORT | {"stream": True})
    chunks = list(job.stream())
    assert len(chunks) == 4
    assert chunks == job.output()
    assert scripted(whole(chunks)) == scripted(client.run_sync(SHORT)[0])


def test_a_failed_job_is_told_by_its_status(client, standing):
    """The client shows no error, so `/status` is where back ends read it: one string of JSON."""
    assert client.run_sync({"input": BAD}) is None
    job = client.run(BAD)
    assert job.output(timeout=60) is None
    assert job.status() == "FAILED"
    error = json.loads(standing.status(job.job_id)["error"])
    assert error.keys() == {"code", "message", "param", "retryable"}
    assert (error["code"], error["param"], error["retryable"]) == ("invalid_input", "style", False)


def test_a_cancelled_job_leaves_the_engine(client, standing):
    """`cancel` ends what is being generated."""
    job = client.run(ENDLESS)
    standing.until(lambda: requests_of(standing) == 1)
    assert job.cancel()["status"] == "CANCELLED"
    standing.until(lambda: requests_of(standing) == 0, timeout=5)
    assert job.status() == "CANCELLED"


def test_health_counts(client):
    """One worker is there, and what it has done is counted."""
    before = client.health()
    client.run_sync({"input": {"probe": True}})
    after = client.health()
    assert after["jobs"]["completed"] == before["jobs"]["completed"] + 1
    assert sum(after["workers"][state] for state in ("idle", "running", "ready")) >= 1


# The SDK's own ways to run a worker without a platform. Its engine is the standing worker's.


@pytest.fixture
def start(standing, tmp_path):
    """Starts `python -m worker` with these words, on the standing worker's engine."""
    started = []

    def start(*words):
        variables = {"ENGINE_URL": f"{standing.base}/openai/v1", "ENGINE_API_KEY": standing.key}
        command = (sys.executable, "-m", "worker", *words)
        worker = WorkerProcess("local", variables, path=tmp_path / "log", command=command)
        started.append(worker)
        return worker

    yield start
    for worker in started:
        worker.kill()


@pytest.fixture
def local(start, standing):
    """The SDK's local API, as an httpx client."""
    port = free_port()
    worker = start("--rp_serve_api", f"--rp_api_port={port}")

    def answers():
        try:
            return client.get("/").status_code == 200
        except httpx.TransportError:
            assert worker.returncode is None, worker.tail()
            return False

    with httpx.Client(base_url=f"http://localhost:{port}", timeout=60, trust_env=False) as client:
        standing.until(answers)
        yield client
    worker.stop()
    assert "Traceback" not in worker.log()


def test_the_local_api_runs_and_streams(local):
    """/runsync, /run with /status and /run with /stream give one and the same commentary."""
    [at_once] = local.post("/runsync", json={"input": SHORT}).json()["output"]
    sent = local.post("/run", json={"input": SHORT}).json()["id"]
    asked = local.post(f"/status/{sent}").json()
    assert asked["status"] == "COMPLETED"
    sent = local.post("/run", json={"input": SHORT | {"stream": True}}).json()["id"]
    streamed = local.post(f"/stream/{sent}").json()
    assert streamed["status"] == "COMPLETED"
    results = [at_once, *asked["output"], whole([one["output"] for one in streamed["stream"]])]
    assert len(results[0]["script"]) == 3
    assert scripted(results[0]) == scripted(results[1]) == scripted(results[2])
    # The SDK's quirk, which README tells: a generator's failure is an output there.
    failed = local.post("/runsync", json={"input": BAD}).json()
    assert failed["status"] == "COMPLETED"
    assert json.loads(failed["output"][0]["error"])["code"] == "invalid_input"


def test_a_signal_ends_the_local_api(start, standing):
    """SIGTERM is enough, and nothing is left of it."""
    port = free_port()
    worker = start("--rp_serve_api", f"--rp_api_port={port}")
    standing.until(lambda: "Uvicorn running" in worker.log() or worker.returncode is not None)
    worker.signal(signal.SIGTERM)
    worker.wait(30)
    assert worker.processes() == []
    assert "Traceback" not in worker.log()


@pytest.mark.parametrize("shape", SHAPES)
def test_the_local_run_takes_every_shape(start, shape):
    """`--test_input` runs each, streamed or not, shows it, and ends with 0."""
    worker = start("--test_input", json.dumps({"input": SHAPES[shape]}))
    assert worker.wait() == 0, worker.tail()
    shown = worker.log()
    assert "Traceback" not in shown
    assert "async_generator" not in shown
    result = json.loads(shown[min(at for at in map(shown.find, ("\n{\n", "\n[\n")) if at >= 0) :])
    assert isinstance(result, list) == ("streamed" in shape)
    assert result


@pytest.mark.parametrize("shape", REFUSED)
def test_the_local_run_fails_with_its_job(start, shape):
    """A job that is refused ends it with 1, and no traceback."""
    worker = start("--test_input", json.dumps({"input": REFUSED[shape]}))
    assert worker.wait() == 1
    assert "Traceback" not in worker.log()
    assert "retryable" in worker.log()
