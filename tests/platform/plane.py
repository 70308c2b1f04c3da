"""The platform's side of every job: queue, workers, clocks; no HTTP.

It lives on one event loop. What design/runpod.md does not settle is marked "our choice".
"""

import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tests.platform.faults import Faults
from tests.platform.jobs import Job, Policy, Pulse, Status

KEPT_S = {False: 1800.0, True: 60.0}  # how long a result can be read: /run, /runsync
MAX_RETRIES = 3  # our choice: a job that ends every worker must end, too
GOODBYE_S = 1.0  # a signal needs a moment to reach the loop that asks for jobs


@dataclass(slots=True, eq=False)
class Worker:
    """One worker, from its start to its death.

    Attributes:
        polls: calls for jobs that wait for an answer at this moment.
        takes, pings: calls so far.
        reported: the jobs that its last ping named, as sent.
        left: when it was told to leave, monotonic; None before.
        gone: whether its process is dead.
        refresh: whether it asked to be restarted (`stopPod`).
    """

    id: str
    stops: list[str] = field(default_factory=list)
    changed: Pulse = field(default_factory=Pulse)
    polls: int = 0
    takes: int = 0
    pings: int = 0
    reported: str | None = None
    left: float | None = None
    gone: bool = False
    refresh: bool = False


@dataclass(frozen=True, slots=True)
class Anomaly:
    """Something that no correct worker does (or, among the notes, that is worth knowing)."""

    kind: str
    worker_id: str | None = None
    job_id: str | None = None
    detail: str = ""


class ControlPlane:
    """Jobs in, results out, and a record of everything that a worker did wrong.

    Attributes:
        jobs: every job ever sent, by id.
        workers: every worker ever heard of, by id.
        anomalies: what no correct worker does.
        notes: what a correct worker may do and a test may want to know: an answer that comes
            after its job was cancelled or timed out.
        counts: jobs by their end, and `retried`.
        faults: what shall go wrong.
        on_end: called with each job when it ends.

    Args:
        poll_s: how long a worker's poll is held while there is nothing to say, in seconds.
        stream_poll_s: the same for a client's /stream.
    """

    def __init__(self, *, poll_s: float = 5.0, stream_poll_s: float = 1.0) -> None:
        self.poll_s = poll_s
        self.stream_poll_s = stream_poll_s
        self.jobs: dict[str, Job] = {}
        self.workers: dict[str, Worker] = {}
        self.anomalies: list[Anomaly] = []
        self.notes: list[Anomaly] = []
        self.counts: Counter[str] = Counter()
        self.faults = Faults()
        self.on_end: Callable[[Job], None] = lambda _job: None
        self._queue: deque[Job] = deque()
        self._queue_changed = Pulse()

    # Clients

    def submit(
        self,
        given: Any,
        *,
        sync: bool = False,
        policy: Policy | None = None,
        webhook: str | None = None,
    ) -> Job:
        """Put a job into the queue."""
        name = f"{'sync-' if sync else ''}{uuid.uuid4()}-e1"
        job = Job(name, given, sync, policy or Policy(), webhook)
        self.jobs[job.id] = job
        self._queue.append(job)
        self._await_worker(job)
        return job

    def find(self, job_id: str) -> Job | None:
        """The job that a client may still ask about."""
        job = self.jobs.get(job_id)
        if job and job.ended and time.monotonic() - job.ended > KEPT_S[job.sync]:
            return None
        return job

    def cancel(self, job: Job) -> None:
        """End a job: at once for its client, and by a stop signal for the worker that has it."""
        self._stop(job, Status.CANCELLED)

    def purge(self) -> int:
        """Cancel what nobody has taken yet; how many jobs these were."""
        waiting = list(self._queue)
        for job in waiting:
            self.cancel(job)
        return len(waiting)

    def resume(self) -> None:
        """Hand out jobs again, after a pause."""
        self._queue_changed.beat()

    def health(self) -> dict[str, dict[str, int]]:
        """How many jobs and workers are in which state."""
        states = Counter(job.status for job in self.jobs.values())
        jobs = {
            "completed": self.counts["COMPLETED"],
            "failed": self.counts["FAILED"] + self.counts["TIMED_OUT"],
            "inProgress": states[Status.IN_PROGRESS],
            "inQueue": states[Status.IN_QUEUE],
            "retried": self.counts["retried"],
        }
        return {"jobs": jobs, "workers": self._workers_by_state()}

    def _workers_by_state(self) -> dict[str, int]:
        alive = [worker for worker in self.workers.values() if not worker.gone]
        ready = [worker for worker in alive if worker.takes]
        busy = {job.worker_id for job in self.jobs.values() if job.status is Status.IN_PROGRESS}
        running = sum(worker.id in busy for worker in ready)
        return {
            "idle": len(ready) - running,
            "initializing": len(alive) - len(ready),
            "ready": len(ready),
            "running": running,
            "throttled": 0,
            "unhealthy": 0,
        }

    # Workers

    def worker(self, worker_id: str) -> Worker:
        """The worker of this name, known from now on."""
        return self.workers.setdefault(worker_id, Worker(worker_id))

    async def take(self, worker_id: str, most: int = 1) -> list[Job]:
        """Up to so many jobs for a worker, waited for as long as a poll is held."""
        worker = self.worker(worker_id)
        self._check_taker(worker)
        worker.takes += 1
        worker.polls += 1
        try:
            await self._queue_changed.until(lambda: self._has_for(worker), self.poll_s)
        finally:
            worker.polls -= 1
        return self._hand_out(worker, most) if self._has_for(worker) else []

    def give_back(self, jobs: list[Job]) -> None:
        """Queue again, in front, what could not be handed over: its taker had hung up."""
        for job in reversed(jobs):
            if job.status is Status.IN_PROGRESS:
                self._requeue(job)

    async def stops(self, worker_id: str) -> list[str]:
        """The jobs that a worker shall stop, waited for as long as a poll is held."""
        worker = self.worker(worker_id)
        await worker.changed.until(lambda: bool(worker.stops) or worker.gone, self.poll_s)
        told, worker.stops = worker.stops, []
        return told

    def stream(self, worker_id: str, job_id: str, document: Any) -> None:
        """Keep a chunk of a job; a client that asks for its stream gets it next."""
        if job := self._held(worker_id, job_id, "stream"):
            job.chunks.append(document.get("output"))
            job.changed.beat()

    def done(self, worker_id: str, job_id: str, document: Mapping[str, Any]) -> None:
        """Take a job's result, or word of its progress, which is a result that says so."""
        progress = document.get("status") == Status.IN_PROGRESS
        job = self._held(worker_id, job_id, "progress" if progress else "done")
        if job is None:
            return
        if progress:
            job.output = document.get("output")
            job.changed.beat()
            return
        self.worker(worker_id).refresh |= bool(document.get("stopPod"))
        self._accept(job, document.get("output"), document.get("error"))

    def ping(self, worker_id: str, job_ids: str | None) -> None:
        """Note that a worker lives, and which jobs it says it has."""
        worker = self.worker(worker_id)
        worker.pings += 1
        worker.reported = job_ids

    def leaving(self, worker_id: str) -> None:
        """Note that a worker was told to leave: calls for jobs from now on are anomalies.

        The poll that is pending may still be answered with a job, as the platform's may.
        """
        self.worker(worker_id).left = time.monotonic()

    def gone(self, worker_id: str) -> None:
        """Note that a worker is dead: what it had goes back to the front of the queue."""
        worker = self.worker(worker_id)
        worker.gone = True
        held = [job for job in self.jobs.values() if _holds(worker_id, job)]
        for job in reversed(held):
            self._retry(job)
        worker.changed.beat()
        self._queue_changed.beat()

    def wrong(self, kind: str, worker_id: str, job_id: str | None = None, detail: str = "") -> None:
        """Note what no correct worker does."""
        self.anomalies.append(Anomaly(kind, worker_id, job_id, detail))

    # Inside

    def _check_taker(self, worker: Worker) -> None:
        if worker.gone:
            self.wrong("take after death", worker.id)
        elif worker.left is not None and time.monotonic() - worker.left > GOODBYE_S:
            self.wrong("take after goodbye", worker.id)

    def _has_for(self, worker: Worker) -> bool:
        return bool(self._queue) and not self.faults.paused and not worker.gone

    def _hand_out(self, worker: Worker, most: int) -> list[Job]:
        jobs = [self._queue.popleft() for _ in range(min(most, len(self._queue)))]
        for job in jobs:
            job.status, job.worker_id, job.taken = Status.IN_PROGRESS, worker.id, time.monotonic()
            job.schedule(job.policy.execution_s, partial(self._stop, job, Status.TIMED_OUT))
            job.changed.beat()
        return jobs

    def _held(self, worker_id: str, job_id: str, call: str) -> Job | None:
        """The job, if this worker has it; if not, that is noted."""
        job = self.jobs.get(job_id)
        if job and _holds(worker_id, job):
            return job
        status = job.status if job else "unknown"
        said = Anomaly(f"{call} for a job not held", worker_id, job_id, status)
        stopped = job and job.worker_id == worker_id
        if stopped and status in (Status.CANCELLED, Status.TIMED_OUT):
            self.notes.append(said)
        else:
            self.anomalies.append(said)
        return None

    def _accept(self, job: Job, output: Any, error: Any) -> None:
        if error and not isinstance(error, str):
            self.wrong("error is not text", str(job.worker_id), job.id, repr(error))
        job.output, job.error = output, error or None
        self._end(job, Status.FAILED if error else Status.COMPLETED)

    def _stop(self, job: Job, status: Status) -> None:
        """End a job from outside, in the queue or at its worker."""
        if job.status.final:
            return
        if job.status is Status.IN_PROGRESS:
            worker = self.worker(str(job.worker_id))
            worker.stops.append(job.id)
            worker.changed.beat()
        else:
            self._queue.remove(job)
        job.output = None
        self._end(job, status)

    def _end(self, job: Job, status: Status) -> None:
        job.unschedule()
        job.status, job.ended = status, time.monotonic()
        self.counts[status.value] += 1
        job.changed.beat()
        self.on_end(job)

    def _retry(self, job: Job) -> None:
        """Give a job whose worker died to another, unless it has ended enough of them."""
        job.retries += 1
        self.counts["retried"] += 1
        if job.retries > MAX_RETRIES:
            job.error = f"The job's worker died {job.retries} times."
            self._end(job, Status.FAILED)
        else:
            self._requeue(job)

    def _requeue(self, job: Job) -> None:
        """Back to the front, as if it had never been taken; what it streamed is forgotten."""
        job.status, job.worker_id, job.taken = Status.IN_QUEUE, None, None
        job.chunks, job.told, job.output = [], 0, None
        self._queue.appendleft(job)
        self._await_worker(job)

    def _await_worker(self, job: Job) -> None:
        left = job.queued + job.policy.ttl_s - time.monotonic()
        job.schedule(left, partial(self._stop, job, Status.TIMED_OUT))
        job.changed.beat()
        self._queue_changed.beat()


def _holds(worker_id: str, job: Job) -> bool:
    return job.status is Status.IN_PROGRESS and job.worker_id == worker_id


async def ended(job: Job, seconds: float | None = None) -> bool:
    """Whether a job ends within so many seconds."""
    return await job.changed.until(lambda: job.status.final, seconds)
