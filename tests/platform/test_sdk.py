"""The ground under the unmodified SDK and the clients that people use: to them, the platform."""

import json
import signal
import subprocess
import sys

import pytest

from tests.platform import usage
from tests.platform.__main__ import PORT
from tests.platform.faults import Call
from tests.platform.ground import KEY, Ground
from tests.platform.worker import ROOT

TRIVIAL = (sys.executable, "-m", "tests.platform.trivial")
QUIET = {
    "RUNPOD_SKIP_GPU_CHECK": "true",
    "RUNPOD_SKIP_AUTO_SYSTEM_CHECKS": "true",
    "RUNPOD_LOG_LEVEL": "INFO",
}
SOON = 20.0  # seconds


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    """A platform with one program on the SDK, that is replaced when it dies."""
    with Ground(tmp_path_factory.mktemp("ground"), poll_s=0.5) as ground:
        ground.start(command=TRIVIAL, restart=True, **QUIET)
        yield ground


@pytest.fixture(autouse=True)
def clean(ground):
    """No test may make the SDK do what a correct worker does not, unless it says so."""
    ground.plane.anomalies.clear()
    yield
    assert ground.anomalies == []


def test_jobs_are_taken_streamed_and_answered(ground):
    """Each chunk arrives, and joined they are the output."""
    jobs = [ground.run({"say": [number, "가", None]}) for number in range(8)]
    ended = ground.wait_all(jobs, SOON)
    assert [envelope["output"] for envelope in ended.values()] == [
        [number, "가", None] for number in range(8)
    ]
    assert list(ground.stream(jobs[0])) == [0, "가", None]


def test_an_error_is_a_failed_job(ground):
    """As text, whatever else the handler yields."""
    envelope = ground.runsync({"error": "text"})
    assert (envelope["status"], envelope["error"]) == ("FAILED", "text")


def test_a_cancelled_job_is_stopped_alone(ground):
    """The stop signal reaches the SDK while another job goes on.

    The SDK forgets a signal that comes before it has begun the job: hence the first word.
    """
    stopped = ground.run({"say": ["begun"], "sleep": 60})
    other = ground.run({"say": ["x"], "pause": 1})
    ground.until(lambda: ground.job(stopped).chunks, SOON)
    ground.cancel(stopped)
    ground.until(lambda: f"{stopped} | Job stopped" in ground.workers[-1].log(), SOON)
    assert ground.wait(other, SOON)["output"] == ["x"]
    assert ground.plane.notes == []


def test_a_timed_out_job_is_stopped(ground):
    """So does the execution timeout, in milliseconds."""
    job = ground.run({"sleep": 60}, policy={"executionTimeout": 300})
    assert ground.wait(job, SOON)["status"] == "TIMED_OUT"
    ground.until(lambda: f"{job} | Job stopped" in ground.workers[-1].log(), SOON)


def test_a_held_chunk_can_be_cancelled(ground):
    """The SDK waits in the POST of a chunk until the stop signal breaks it off."""
    with ground.paused():
        job = ground.run({"say": ["a", "b", "c"]})
        gate = ground.hold(Call.STREAM, job, after=1)
    ground.until(lambda: gate.arrived, SOON)
    ground.cancel(job)
    ground.until(lambda: gate.left, SOON)
    assert ground.job(job).chunks == ["a"]


def test_an_invalid_number_is_seen(ground):
    """The SDK sends NaN as it is, which is not JSON: the ground says so, and the job is lost."""
    lost = ground.run({"nan": True}, policy={"executionTimeout": 3000})
    assert ground.wait(lost, SOON)["status"] == "TIMED_OUT"
    kinds = {anomaly.kind for anomaly in ground.anomalies}
    assert kinds == {"job-stream is not JSON", "job-done is not JSON"}
    ground.plane.anomalies.clear()


def test_pings_come(ground):
    """The SDK's second process says that the worker lives."""
    ground.until(lambda: ground.plane.worker(ground.workers[-1].id).pings > 1, SOON)


def test_a_killed_worker_s_jobs_go_to_the_next(ground):
    """kill -9 loses nothing: the jobs in flight are run again by the worker in its place."""
    marker = ground.folder / "marker"
    jobs = [ground.run({"say": ["x"], "sleep": 60, "unless": str(marker)}) for _ in range(3)]
    ground.until(lambda: all(ground.job(job).chunks for job in jobs), SOON)
    marker.touch()
    victim = ground.workers[-1]
    victim.signal(signal.SIGKILL)
    assert victim.wait(SOON) == -signal.SIGKILL
    ended = ground.wait_all(jobs, SOON)
    assert {envelope["status"] for envelope in ended.values()} == {"COMPLETED"}
    assert {envelope["workerId"] for envelope in ended.values()} == {ground.workers[-1].id}
    assert ground.workers[-1] is not victim
    assert [ground.job(job).retries for job in jobs] == [1, 1, 1]


def test_a_crash_is_seen_with_its_code(ground):
    """A job that ends every worker is given up in the end, and the exit codes are told."""
    before = len(ground.workers)
    job = ground.run({"exit": 7})
    assert "died 4 times" in ground.wait(job, 60)["error"]
    assert [worker.wait(SOON) for worker in ground.workers[before - 1 : before + 3]] == [7] * 4
    assert ground.runsync({"say": ["alive"]})["output"] == ["alive"]


@pytest.mark.parametrize("code", usage.examples("", "")["python"], ids=["runpod", "openai"])
def test_the_examples_for_clients_run(ground, code):
    """What README shows of the `runpod` and `openai` clients works against the ground."""
    index = usage.examples("", "")["python"].index(code)
    script = usage.examples(ground.url, KEY)["python"][index]
    command = [sys.executable, "-c", script]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in ("[]", "골이다")


def test_the_example_for_curl_runs(ground):
    """What README shows of curl works against the ground."""
    [script] = usage.examples(ground.url, KEY)["sh"]
    done = subprocess.run(  # noqa: S602 (it is a line for a shell)
        script, shell=True, cwd=ROOT, capture_output=True, timeout=60, check=True
    )
    assert json.loads(done.stdout)["status"] == "COMPLETED"


def test_readme_shows_these_examples():
    """Word for word, with the address of `make platform`."""
    readme = (ROOT / "README.md").read_text("utf-8")
    for language, codes in usage.examples(f"http://127.0.0.1:{PORT}", KEY).items():
        for code in codes:
            assert f"```{language}\n{code}```" in readme
