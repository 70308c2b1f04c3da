"""An engine that dies or hangs takes its worker with it, and no job is lost by that."""

import signal
import time

import pytest

from tests.platform.conftest import on_mini
from tests.platform.ground import Ground
from tests.platform.jobs import Status
from tests.platform.made import COMPLETIONS, MARK, chat, commentary, error_of, openai, output_of

pytestmark = pytest.mark.engine

WITHIN = 5.0  # seconds from the engine's death to the worker's, as the promise has it
STALL = 4.0  # seconds of silence that are too many
AT_ONCE, HELD = 4, 5


@pytest.fixture(scope="module")
def ground(mini_folders, tmp_path_factory):
    """A platform that replaces a worker that dies."""
    variables = on_mini(mini_folders, MAX_CONCURRENCY=str(AT_ONCE), ENGINE_STALL=str(STALL))
    with Ground(tmp_path_factory.mktemp("ground")) as ground:
        ground.start(restart=True, **variables)
        yield ground


def under_load(ground):
    """Jobs of a few seconds, of all shapes, more than the worker holds; all its places are busy."""
    long = {"max_tokens": 2500, "ignore_eos": True}
    jobs = [
        ground.run(given)
        for given in (
            {"prompt": MARK, **long},
            {"prompt": MARK, "stream": True, **long},
            chat(MARK, **long),
            openai(COMPLETIONS, prompt=MARK, stream=True, **long),
            {"prompt": MARK, **long},
            commentary(81),
            commentary(82, stream=True),
            {"prompt": MARK, "max_tokens": 4},
        )
    ]
    ground.until(lambda: all(ground.job(jobs[streamed]).chunks for streamed in (1, 3)))
    ground.until(lambda: _count(ground, jobs, Status.IN_PROGRESS) == HELD)
    return jobs


def _count(ground, jobs, status):
    return sum(ground.job(job).status is status for job in jobs)


def assert_ended_well(ground, worker, jobs, began):
    """The worker failed in time, answered for what it ran, left the rest and nothing else."""
    assert worker.wait(30) == 1
    assert time.monotonic() - began <= WITHIN
    ground.until(lambda: worker.processes() == [], began + WITHIN - time.monotonic())
    assert MARK not in worker.log()
    for job in jobs[:AT_ONCE]:
        error = error_of(ground.job(job))
        assert (error["code"], error["retryable"]) == ("engine_dead", True)
    for job in jobs[AT_ONCE:]:
        assert ground.job(job).status is Status.IN_QUEUE
    assert ground.job(jobs[AT_ONCE]).retries == 1  # it waited for its turn
    assert [ground.job(job).retries for job in jobs[HELD:]] == [0, 0, 0]
    assert ground.anomalies == []


def assert_replaced(ground, worker, jobs):
    """Another worker has taken the place of this one and finishes what it left."""
    ground.until(lambda: ground.workers[-1] is not worker)
    ground.wait_ready(ground.workers[-1])
    ground.wait_all(jobs[AT_ONCE:], 60)
    for job in jobs[AT_ONCE:]:
        output_of(ground.job(job))
        assert ground.job(job).worker_id == ground.workers[-1].id


def test_a_killed_engine_ends_its_worker_and_loses_no_job(ground):
    """Kill the engine under load: each job is answered or queued again, exit code 1 within 5 s."""
    worker = ground.workers[-1]
    jobs = under_load(ground)
    taken = ground.takes(worker)
    began = time.monotonic()
    worker.engine_processes()[0].kill()
    assert_ended_well(ground, worker, jobs, began)
    assert ground.takes(worker) == taken
    assert_replaced(ground, worker, jobs)


def test_a_stuck_engine_ends_its_worker_and_loses_no_job(ground):
    """Stop the engine under load: after ENGINE_STALL seconds all is as if it had been killed."""
    worker = ground.workers[-1]
    jobs = under_load(ground)
    taken = ground.takes(worker)
    for process in worker.engine_processes():
        process.send_signal(signal.SIGSTOP)
    assert_ended_well(ground, worker, jobs, time.monotonic() + STALL)
    assert ground.takes(worker) == taken
    assert f"produced nothing for {STALL:.0f} s" in worker.log()
    assert_replaced(ground, worker, jobs)


def test_an_idle_worker_whose_engine_dies_ends_as_well(ground):
    """Without a job that would notice, a dead engine ends the worker within 5 s all the same."""
    worker = ground.workers[-1]
    ground.until(lambda: ground.polling(worker))
    ground.call(ground.plane.leaving, worker.id)  # so that none takes its place, nor it another job
    began = time.monotonic()
    worker.engine_processes()[0].kill()
    assert worker.wait(30) == 1
    assert time.monotonic() - began <= WITHIN
    ground.until(lambda: worker.processes() == [], began + WITHIN - time.monotonic())
    assert MARK not in worker.log()
    assert ground.anomalies == []
