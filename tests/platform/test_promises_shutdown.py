"""Concurrency by the KV cache, a queue on the platform, and a SIGTERM that loses nothing.

The test of SIGTERM under load ends the worker that those before it share; the last has its own.
"""

import signal
import time

import pytest

from tests.platform.conftest import on_mini
from tests.platform.ground import Ground
from tests.platform.jobs import Status
from tests.platform.made import (
    COMPLETIONS,
    MARK,
    commentary,
    lines_of,
    mixed,
    native_text,
    openai,
    openai_text,
    output_of,
    probe,
)
from worker.capacity import jobs_at_once
from worker.engine import About
from worker.serve.queue import held

pytestmark = pytest.mark.engine

GRACE = 10.0  # seconds that a container has between SIGTERM and SIGKILL


@pytest.fixture(scope="module")
def idle(mini_folders, tmp_path_factory):
    """A platform with polls of a minute, and a worker that gets nothing to do."""
    with Ground(tmp_path_factory.mktemp("ground"), poll_s=60.0) as ground:
        ground.start(ready=False, **on_mini(mini_folders))
        yield ground


@pytest.fixture(scope="module")
def ground(idle, mini_folders, tmp_path_factory):
    """A platform with long polls, and a worker that works out for itself how much it can do.

    It loads beside the idle one, which is needed later: so both are there sooner.
    """
    with Ground(tmp_path_factory.mktemp("ground"), poll_s=5.0) as ground:
        ground.start(**on_mini(mini_folders))
        yield ground


@pytest.fixture(scope="module")
def concurrency(ground):
    """How many jobs the worker says that it runs at once."""
    return probe(ground)["concurrency"]


def test_concurrency_is_what_the_engine_has_room_for(ground, concurrency):
    """Unless it is set, the number of jobs at once follows from the KV cache and MAX_MODEL_LEN."""
    engine = probe(ground)["engine"]
    about = About(
        "",
        kv_cache_tokens=engine["kvCacheTokens"],
        max_model_len=engine["maxModelLen"],
        max_num_seqs=engine["maxNumSeqs"],
    )
    assert concurrency == jobs_at_once(about) > 1


def test_a_burst_waits_in_the_queue_of_the_platform(ground, concurrency):
    """Of 200 jobs at once, the worker never has more than it can soon run; the others wait."""
    made = mixed(200, 5000)
    most = 0
    with ground.paused():
        jobs = [ground.run(one.input) for one in made]
    while not all(ground.job(job).status.final for job in jobs):
        health = ground.health()["jobs"]
        most = max(most, health["inProgress"])
        time.sleep(0.002)
    assert concurrency < most <= held(concurrency)
    for one, job in zip(made, jobs, strict=True):
        one.check(ground.job(job))


def test_sigterm_under_load_loses_nothing(ground, concurrency):
    """SIGTERM: what runs and what the pending poll brings is finished, the rest is left; exit 0."""
    (worker,) = ground.workers
    long = {"max_tokens": 200, "ignore_eos": True}
    running = [
        ground.run({"prompt": MARK, **long}),
        ground.run({"prompt": MARK, "stream": True, **long}),
        ground.run(openai(COMPLETIONS, prompt=MARK, stream=True, **long)),
        ground.run(commentary(91, 20, stream=True)),
    ]
    ground.until(lambda: all(ground.job(job).status is Status.IN_PROGRESS for job in running))
    ground.until(lambda: ground.polling(worker))
    assert not any(ground.job(job).status.final for job in running)
    began = time.monotonic()
    worker.signal(signal.SIGTERM)
    late = ground.run({"prompt": MARK, "sampling_params": {"max_tokens": 200, "ignore_eos": True}})
    ground.until(lambda: ground.job(late).status is Status.IN_PROGRESS)
    left = [ground.run({"prompt": MARK, "max_tokens": 4}) for _ in range(3)]
    assert worker.wait() == 0
    assert time.monotonic() - began <= GRACE
    ground.until(lambda: worker.processes() == [], 5.0)
    assert native_text(ground.job(running[0]))
    assert native_text(ground.job(running[1]))
    assert openai_text(ground.job(running[2]))
    assert len(lines_of(ground.job(running[3]))) == 20
    assert output_of(ground.job(late))[0]["usage"]["output"] == 200
    assert all(ground.job(job).status is Status.IN_QUEUE for job in left)
    assert ground.anomalies == []


def test_an_idle_worker_ends_in_time_though_its_poll_goes_on(idle):
    """SIGTERM with nothing to do: a poll that would last a minute is let go of; exit 0 in time."""
    (worker,) = idle.workers
    idle.wait_ready(worker)
    idle.until(lambda: idle.polling(worker))
    assert worker.engine_processes()
    began = time.monotonic()
    assert worker.stop() == 0
    assert time.monotonic() - began <= GRACE
    idle.until(lambda: worker.processes() == [], 5.0)
    assert idle.anomalies == []
