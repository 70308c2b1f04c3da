"""Many jobs at once: all answered, each once, each with its own."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.platform.conftest import AT_ONCE
from tests.platform.made import mixed, requests

pytestmark = pytest.mark.engine

GROWTH = 0.03  # of memory, over JOBS jobs
JOBS = 2000


def answered(ground, made, timeout=300.0):
    """Send jobs from as many clients as there are places, each when one has come back; the jobs."""

    def ask(one):
        job = ground.run(one.input)
        ground.wait(job, timeout)
        return ground.job(job)

    with ThreadPoolExecutor(AT_ONCE) as clients:
        return list(clients.map(ask, made))


@pytest.fixture(scope="module")
def five_hundred(standing):
    """500 jobs of all shapes, and what became of each."""
    made = mixed(500)
    return list(zip(made, answered(standing, made), strict=True))


def test_five_hundred_mixed_jobs_are_each_answered_once_and_with_their_own(
    standing, worker, five_hundred
):
    """Of 500 jobs of all shapes at 32 at once, none is lost, none answered twice, none crossed."""
    for one, job in five_hundred:
        one.check(job)
    assert {job.retries for _, job in five_hundred} == {0}
    assert standing.anomalies == []
    standing.until(lambda: requests(standing) == 0, 1.0)


def test_memory_stays_flat(standing, worker, five_hundred):
    """Over 2,000 jobs after those 500, neither the worker nor its engine's core grows by 3 %.

    Left out is the process that runs the model: on a CPU it takes the memory of the KV cache page
    by page as blocks are first written, a gigabyte in all, and keeps what each shape of batch
    needs.
    """
    engine = worker.engine_processes()[0]
    before = worker.memory(), engine.memory_full_info().uss
    for one, job in zip(made := mixed(JOBS, 2000), answered(standing, made), strict=True):
        one.check(job)
    after = worker.memory(), engine.memory_full_info().uss
    grown = [now / then - 1 for then, now in zip(before, after, strict=True)]
    assert max(grown) < GROWTH, (before, after)
