"""One job at a time, and little time for each: the deadline, the gap, and a full worker's end.

The last test ends the worker that all of them share.
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
    chat,
    commentary,
    endless,
    error_of,
    lines_of,
    native_text,
    openai,
    output_of,
    requests,
    saying,
)

pytestmark = pytest.mark.engine

DEADLINE = 3.0  # seconds
LEEWAY = 1.0
TOO_LITTLE = 0.1  # seconds for twenty lines one after the other, some four hundred tokens
FASTER_THAN = 3.0  # jobs a second; the SDK by itself takes one a second when it is full
GRACE = 10.0


@pytest.fixture(scope="module")
def ground(mini_folders, tmp_path_factory):
    """A platform with a worker that runs one job at a time, for a few seconds at most."""
    variables = on_mini(mini_folders, MAX_CONCURRENCY="1", JOB_DEADLINE=f"{DEADLINE:g}")
    with Ground(tmp_path_factory.mktemp("ground")) as ground:
        ground.start(**variables)
        yield ground


@pytest.mark.parametrize(
    "given",
    [
        {"prompt": MARK, **endless()},
        {"prompt": MARK, "stream": True, **endless()},
        chat(MARK, **endless()),
        openai(COMPLETIONS, prompt=MARK, stream=True, **endless()),
    ],
    ids=["native", "native streamed", "openai", "openai streamed"],
)
def test_a_job_past_its_deadline_fails_and_frees_the_engine(ground, given):
    """At JOB_DEADLINE a job fails as retryable, and the engine works for it no longer."""
    job = ground.run(given)
    ground.wait(job)
    ended = ground.job(job)
    error = error_of(ended)
    assert (error["code"], error["retryable"]) == ("deadline_exceeded", True)
    assert DEADLINE <= ended.ended - ended.taken <= DEADLINE + LEEWAY
    ground.until(lambda: requests(ground) == 0, 1.0)
    assert ground.anomalies == []


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
def test_a_commentary_past_its_deadline_has_what_is_ready_and_fallbacks(ground, stream):
    """At deadlineSeconds a commentary comes back whole, and what was not ready is flagged.

    How much is ready by then is a matter of speed; that it is kept, tests/test_handler.py holds.
    """
    job = ground.run(commentary(61, 20, fanout=1, deadlineSeconds=TOO_LITTLE, stream=stream))
    ground.wait(job)
    lines = lines_of(ground.job(job))
    sources = [line["source"] for line in lines]
    assert [line["actionId"] for line in lines] == [str(6100 + place) for place in range(20)]
    assert all(line["description"] for line in lines)
    assert {"fallback"} <= set(sources) <= {"model", "fallback"}
    late = [f"rawData[{place}]" for place in range(20) if sources[place] == "fallback"]
    warnings = output_of(ground.job(job))[-1]["warnings"]
    assert [told for told in warnings if told.endswith("deadline_exceeded")] == [
        f"{place}: deadline_exceeded" for place in late
    ]
    assert ground.job(job).ended - ground.job(job).taken <= TOO_LITTLE + LEEWAY
    ground.until(lambda: requests(ground) == 0, 1.0)


def test_a_commentary_whose_turn_never_comes_is_told_by_fallbacks(ground):
    """A commentary that waits for its turn past its deadline comes back in fallbacks alone."""
    before = ground.run({"prompt": MARK, **endless()})
    waiting = ground.run(commentary(62, 5, deadlineSeconds=1))
    ground.wait(waiting)
    assert not ground.job(before).status.final
    assert {line["source"] for line in lines_of(ground.job(waiting))} == {"fallback"}
    ground.cancel(before)


def test_short_jobs_do_not_wait_for_the_gap_of_the_sdk(ground):
    """Even one at a time, a hundred short jobs come faster than the SDK's one in a second."""
    jobs = [ground.run({"prompt": MARK, **saying("골")}) for _ in range(100)]
    began = time.monotonic()
    ground.wait_all(jobs)
    assert 100 / (time.monotonic() - began) > FASTER_THAN
    assert {native_text(ground.job(job)) for job in jobs} == {"골"}


def test_sigterm_at_a_full_worker_finishes_what_waits_for_its_turn(ground):
    """A worker whose places are all taken finishes them all, and takes no more; exit 0 in time."""
    (worker,) = ground.workers
    some = {"max_tokens": 200, "ignore_eos": True}  # two of these, one by one, within the deadline
    jobs = [ground.run({"prompt": MARK, **some}) for _ in range(6)]
    ground.until(lambda: sum(ground.job(job).taken is not None for job in jobs) == 2)
    began = time.monotonic()
    worker.signal(signal.SIGTERM)
    assert worker.wait() == 0
    assert time.monotonic() - began <= GRACE
    ground.until(lambda: worker.processes() == [], 5.0)
    states = [ground.job(job).status for job in jobs]
    assert states == [Status.COMPLETED] * 2 + [Status.IN_QUEUE] * 4
    assert ground.anomalies == []
    assert MARK not in worker.log()
