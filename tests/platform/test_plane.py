"""The control plane alone: what becomes of a job, whatever its worker and its client do."""

import asyncio
import time

import pytest

from tests.platform.faults import Call
from tests.platform.jobs import Policy, Status
from tests.platform.plane import KEPT_S, MAX_RETRIES, ControlPlane, ended

pytestmark = pytest.mark.anyio
QUICK = 0.02  # seconds


@pytest.fixture
async def plane():
    return ControlPlane(poll_s=QUICK)


async def taken(plane, worker="w", given="job", **options):
    """A job that a worker has."""
    job = plane.submit(given, **options)
    [again] = await plane.take(worker)
    assert again is job
    return job


def kinds(anomalies):
    return [anomaly.kind for anomaly in anomalies]


async def test_a_job_goes_through_its_states_and_is_answered_once(plane):
    """Sent, taken, done: the envelope says so with both times; a second answer is an anomaly."""
    job = plane.submit({"a": 1})
    assert job.envelope() == {"id": job.id, "status": "IN_QUEUE"}
    assert [one.handout() for one in await plane.take("w")] == [{"id": job.id, "input": {"a": 1}}]
    assert job.envelope() == {
        "delayTime": 0, "id": job.id, "status": "IN_PROGRESS", "workerId": "w"
    }  # fmt: skip
    plane.done("w", job.id, {"output": [1]})
    plane.done("w", job.id, {"output": [2]})
    assert job.envelope() == {
        "delayTime": 0, "executionTime": 0, "id": job.id, "output": [1], "status": "COMPLETED",
        "workerId": "w",
    }  # fmt: skip
    assert kinds(plane.anomalies) == ["done for a job not held"]
    assert plane.health()["jobs"]["completed"] == 1


@pytest.mark.parametrize("nothing", [0, 0.0, "", [], {}, False])
async def test_an_empty_output_is_shown(plane, nothing):
    """Only an output that is absent is left out of the envelope."""
    job = await taken(plane)
    plane.done("w", job.id, {"output": nothing})
    assert job.envelope()["output"] == nothing


async def test_an_error_fails_the_job_and_must_be_text(plane):
    """`error` makes a job FAILED; one that is not text is an anomaly."""
    good, bad = await taken(plane), await taken(plane)
    plane.done("w", good.id, {"error": "text"})
    plane.done("w", bad.id, {"error": {"code": "x"}})
    assert (good.status, good.error, bad.status) == (Status.FAILED, "text", Status.FAILED)
    assert [(one.kind, one.job_id) for one in plane.anomalies] == [("error is not text", bad.id)]


async def test_progress_is_no_result(plane):
    """A result that says IN_PROGRESS is shown and ends nothing; after the end, it is an anomaly."""
    job = await taken(plane)
    plane.done("w", job.id, {"status": "IN_PROGRESS", "output": "half"})
    assert (job.status, job.envelope()["output"]) == (Status.IN_PROGRESS, "half")
    plane.done("w", job.id, {"output": "whole"})
    plane.done("w", job.id, {"status": "IN_PROGRESS", "output": "late"})
    assert job.output == "whole"
    assert kinds(plane.anomalies) == ["progress for a job not held"]


async def test_a_batch_is_at_most_as_large_as_asked_and_in_order(plane):
    """First come, first served; what is left waits for the next."""
    jobs = [plane.submit(number) for number in range(5)]
    assert await plane.take("w", 3) == jobs[:3]
    assert await plane.take("v", 3) == jobs[3:]
    assert await plane.take("w", 3) == []


async def test_a_pending_poll_is_answered_by_the_next_job(plane):
    """A worker that waits gets a job when it comes, and one worker alone gets it."""
    plane.poll_s = 5
    polls = [asyncio.create_task(plane.take(name)) for name in "wv"]
    await asyncio.sleep(QUICK)
    assert [plane.workers[name].polls for name in "wv"] == [1, 1]
    job = plane.submit("job")
    done, waiting = await asyncio.wait(polls, timeout=QUICK)
    assert [poll.result() for poll in done] == [[job]]
    for poll in waiting:
        poll.cancel()


async def test_a_cancelled_job_is_never_handed_out(plane):
    """In the queue, cancelling ends a job at once, and nobody is told to stop."""
    job = plane.submit("job")
    plane.cancel(job)
    assert job.status is Status.CANCELLED
    assert await plane.take("w") == await plane.stops("w") == []


async def test_a_job_under_way_is_cancelled_by_a_stop_signal(plane):
    """Its client sees the end at once, its worker is told once, and a late answer is forgiven."""
    job = await taken(plane)
    plane.cancel(job)
    plane.cancel(job)
    assert await plane.stops("w") == [job.id]
    assert await plane.stops("w") == []
    plane.stream("w", job.id, {"output": "late"})
    plane.done("w", job.id, {"output": "late"})
    assert (job.status, job.output, job.chunks) == (Status.CANCELLED, None, [])
    assert kinds(plane.notes) == ["stream for a job not held", "done for a job not held"]
    assert plane.anomalies == []


async def test_a_job_that_runs_too_long_is_timed_out(plane):
    """At its execution timeout it ends, and its worker is told to stop."""
    job = await taken(plane, policy=Policy(execution_s=QUICK))
    assert await ended(job, 1)
    assert job.status is Status.TIMED_OUT
    assert await plane.stops("w") == [job.id]
    assert plane.health()["jobs"]["failed"] == 1


async def test_the_execution_timeout_begins_when_the_job_is_taken(plane):
    """Waiting in the queue does not count as running."""
    job = plane.submit("job", policy=Policy(execution_s=4 * QUICK))
    await asyncio.sleep(5 * QUICK)
    assert job.status is Status.IN_QUEUE


async def test_a_job_that_nobody_takes_expires(plane):
    """At the end of its time to live it is timed out, and leaves the queue."""
    job = plane.submit("job", policy=Policy(ttl_s=QUICK))
    assert await ended(job, 1)
    assert job.status is Status.TIMED_OUT
    assert await plane.take("w") == []


async def test_the_time_to_live_ends_when_the_job_is_taken(plane):
    """What has been taken does not expire."""
    job = await taken(plane, policy=Policy(ttl_s=QUICK))
    assert not await ended(job, 3 * QUICK)


async def test_the_jobs_of_a_dead_worker_go_to_the_front(plane):
    """In their order, before what waits, without what was streamed; and are counted as retried."""
    lost = [await taken(plane, given=number) for number in (1, 2)]
    waiting = plane.submit(3)
    plane.stream("w", lost[0].id, {"output": "piece"})
    plane.gone("w")
    assert await plane.take("v", 3) == [*lost, waiting]
    assert lost[0].chunks == []
    assert plane.counts["retried"] == 2
    plane.done("v", lost[0].id, {"output": "whole"})
    assert lost[0].envelope()["workerId"] == "v"
    assert plane.anomalies == []


async def test_a_job_that_ends_every_worker_ends_too(plane):
    """After so many retries it fails, for a poisoned job must not go round for ever."""
    job = plane.submit("poison")
    for number in range(MAX_RETRIES + 1):
        await plane.take(f"w{number}")
        plane.gone(f"w{number}")
    assert job.status is Status.FAILED
    assert job.retries == MAX_RETRIES + 1


async def test_an_answer_for_a_job_of_another_is_an_anomaly(plane):
    """A worker may answer for its own jobs alone, and for none that nobody knows."""
    job = await taken(plane)
    plane.done("v", job.id, {"output": 1})
    plane.stream("v", job.id, {"output": 1})
    plane.done("w", "nobody's", {"output": 1})
    assert job.status is Status.IN_PROGRESS
    assert [anomaly.detail for anomaly in plane.anomalies] == [
        "IN_PROGRESS", "IN_PROGRESS", "unknown"
    ]  # fmt: skip


async def test_a_call_for_jobs_after_a_goodbye_is_an_anomaly(plane, monkeypatch):
    """The poll that is pending at the goodbye is none, and may still be given a job."""
    monkeypatch.setattr("tests.platform.plane.GOODBYE_S", 0)
    plane.poll_s = 5
    pending = asyncio.create_task(plane.take("w"))
    await asyncio.sleep(QUICK)
    plane.leaving("w")
    job = plane.submit("job")
    assert await pending == [job]
    assert plane.anomalies == []
    plane.poll_s = QUICK
    await plane.take("w")
    plane.gone("w")
    await plane.take("w")
    assert kinds(plane.anomalies) == ["take after goodbye", "take after death"]


async def test_a_pause_hands_out_nothing(plane):
    """What is sent within a pause is handed out after it, to the poll that waits."""
    plane.faults.paused, plane.poll_s = True, 5
    job = plane.submit("job")
    poll = asyncio.create_task(plane.take("w"))
    await asyncio.sleep(QUICK)
    assert job.status is Status.IN_QUEUE
    plane.faults.paused = False
    plane.resume()
    assert await poll == [job]


async def test_a_purge_empties_the_queue_alone(plane):
    """What has been taken stays with its worker."""
    running = await taken(plane)
    waiting = [plane.submit("job") for _ in range(3)]
    assert plane.purge() == 3
    assert {job.status for job in waiting} == {Status.CANCELLED}
    assert running.status is Status.IN_PROGRESS


async def test_chunks_are_told_once(plane):
    """Each is told in its order, as soon as it is asked for after it came."""
    job = await taken(plane)
    plane.stream("w", job.id, {"output": 1})
    assert job.untold() == [{"output": 1}]
    plane.stream("w", job.id, {"output": 2})
    plane.stream("w", job.id, {"output": 3})
    assert job.untold() == [{"output": 2}, {"output": 3}]
    assert job.untold() == []


@pytest.mark.parametrize("sync", [False, True])
async def test_a_result_is_kept_for_its_time(plane, sync, monkeypatch):
    """Half an hour for /run, a minute for /runsync; a job that runs is always found."""
    job = await taken(plane, sync=sync)
    now = time.monotonic()
    monkeypatch.setattr("tests.platform.plane.time.monotonic", lambda: now + 10_000)
    assert plane.find(job.id) is job
    monkeypatch.undo()
    plane.done("w", job.id, {})
    monkeypatch.setattr("tests.platform.plane.time.monotonic", lambda: now + KEPT_S[sync] - 5)
    assert plane.find(job.id) is job
    monkeypatch.setattr("tests.platform.plane.time.monotonic", lambda: now + KEPT_S[sync] + 5)
    assert plane.find(job.id) is None


async def test_ids_say_how_the_job_came(plane):
    """/runsync's begin with `sync-`, all end with the region."""
    one, other = plane.submit(1), plane.submit(1, sync=True)
    assert other.id.startswith("sync-")
    assert not one.id.startswith("sync-")
    assert one.id.endswith("-e1")
    assert other.id.endswith("-e1")


async def test_workers_are_counted_by_what_they_do(plane):
    """Not yet asking, asking, busy; the dead are not counted."""
    plane.worker("starting")
    await plane.take("idle")
    await taken(plane, "busy")
    await plane.take("dead")
    plane.gone("dead")
    states = plane.health()["workers"]
    assert states == {
        "idle": 1, "initializing": 1, "ready": 2, "running": 1, "throttled": 0, "unhealthy": 0
    }  # fmt: skip


async def test_a_gate_holds_what_it_is_meant_for(plane):
    """Calls of another kind, about another job, before the first `after` and once open pass."""
    gate = plane.faults.hold(Call.STREAM, "job", after=1)
    async with asyncio.timeout(1):
        await plane.faults.suffer(Call.DONE, "job")
        await plane.faults.suffer(Call.STREAM, "other")
        await plane.faults.suffer(Call.STREAM, "job")
    held = asyncio.create_task(plane.faults.suffer(Call.STREAM, "job"))
    await asyncio.sleep(QUICK)
    assert gate.arrived
    assert not held.done()
    gate.open()
    async with asyncio.timeout(1):
        await held
        await plane.faults.suffer(Call.STREAM, "job")


@pytest.mark.parametrize(
    ("policy", "field"),
    [
        ([], "policy must be"),
        ({"ttl": 0}, "policy.ttl"),
        ({"executionTimeout": "5"}, "policy.executionTimeout"),
        ({"executionTimeout": True}, "policy.executionTimeout"),
    ],
)
def test_a_wrong_policy_is_refused_by_name(policy, field):
    """The field that is wrong is named."""
    with pytest.raises(ValueError, match=field):
        Policy.parse(policy)


def test_a_policy_is_in_milliseconds_on_the_wire():
    """And has the platform's values where it says nothing."""
    assert Policy.parse({"executionTimeout": 1500, "ttl": None}) == Policy(execution_s=1.5)
    assert Policy.parse(None) == Policy()
