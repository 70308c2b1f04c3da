"""The proving ground as a test uses it: a platform, workers, and a client, none of them async."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from tests.platform.faults import Call, Gate
from tests.platform.jobs import Job, Status
from tests.platform.plane import Anomaly, ControlPlane
from tests.platform.server import PlatformServer
from tests.platform.worker import COMMAND, ROOT, WorkerProcess, platform_variables

KEY = "key-of-the-platform"
START_S = 180.0  # seconds that a worker may take to ask for its first job
PATIENCE_S = 60.0


class Ground:
    """A platform on loopback for the time of a `with` block; workers are started into it.

    Attributes:
        url, base: the platform's address, and the endpoint's.
        key: what clients and workers must show.
        client: an httpx client for the endpoint: `ground.client.post("/run", json=…)`.
        workers: every worker that was started, in order.
        folder: where their logs are.

    Args:
        poll_s: how long a worker's poll is held, in seconds; a worker that drains waits for it.
        port: 0 is any that is free; RuntimeError where it is taken.
        webhook_pause_s: between the tries of a webhook, in seconds.
    """

    def __init__(
        self,
        folder: Path,
        *,
        poll_s: float = 1.0,
        webhook_pause_s: float = 0.2,
        key: str = KEY,
        port: int = 0,
    ) -> None:
        self.folder = folder
        self.key = key
        self._server = PlatformServer(
            key=key, port=port, webhook_pause_s=webhook_pause_s, poll_s=poll_s
        )
        self.url, self.base = self._server.url, self._server.base
        headers = {"Authorization": f"Bearer {key}"}
        limits = httpx.Limits(max_connections=None)
        self.client = httpx.Client(
            base_url=self.base, headers=headers, timeout=400, limits=limits, trust_env=False
        )
        self.workers: list[WorkerProcess] = []
        self._closing, self._starting = False, threading.Lock()

    def __enter__(self) -> "Ground":
        self._server.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        with self._starting:  # from here on, nobody takes a dead one's place
            self._closing = True
        with ExitStack() as endings:  # all of them, even if one goes wrong
            endings.callback(self._server.stop)
            endings.callback(self.client.close)
            for worker in self.workers:
                endings.callback(worker.kill)

    # The platform

    @property
    def plane(self) -> ControlPlane:
        """The platform's state: read it as you like, change it by `call`."""
        return self._server.plane

    @property
    def anomalies(self) -> list[Anomaly]:
        """What no correct worker does; a promise ends with `assert ground.anomalies == []`."""
        return list(self.plane.anomalies)

    def call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """What `function` gives on the plane's loop."""
        return self._server.call(function, *args, **kwargs)

    def hold(self, call: Call, job_id: str | None = None, after: int = 0) -> Gate:
        """Hold calls of a kind about a job (or any), the first `after` excepted, until opened."""
        gate: Gate = self.call(self.plane.faults.hold, call, job_id, after)
        return gate

    def refuse(self, call: Call, status: int, times: int = 1) -> None:
        """Answer the next so many calls of a kind with an HTTP status."""
        self.call(self.plane.faults.refuse, call, status, times)

    def slow(self, call: Call, seconds: float) -> None:
        """Answer calls of a kind so much later, from now on; 0 ends it."""
        self.call(self.plane.faults.delay.__setitem__, call, seconds)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Hand out nothing within the block: time to learn ids, to set gates, to fill the queue."""
        self.plane.faults.paused = True
        try:
            yield
        finally:
            self.plane.faults.paused = False
            self.call(self.plane.resume)

    def until(
        self, condition: Callable[[], Any], timeout: float = PATIENCE_S, pause: float = 0.01
    ) -> None:
        """Wait for what is true soon; AssertionError, with the workers' last words, if not."""
        end = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < end, f"not within {timeout} s; {self._last_words()}"
            time.sleep(pause)

    def _last_words(self) -> str:
        said = [f"{worker.id}:\n{worker.tail()}" for worker in self.workers]
        return "\n".join([str(self.plane.health()), *said])

    # Workers

    def start(
        self,
        *,
        ready: bool = True,
        restart: bool = False,
        command: Sequence[str] = COMMAND,
        cwd: Path = ROOT,
        shown: bool = False,
        **variables: str,
    ) -> WorkerProcess:
        """A worker with these environment variables, waited for until it asks for a job.

        Args:
            ready: False returns at once.
            restart: whether another takes its place, under another id, when it dies.
            command: another program in place of `python -m worker`.
            cwd: the folder that it is started in.
            shown: its log goes to the terminal, not to a file.
            **variables: its environment, on top of this process's and the platform's.
        """

        def launch() -> WorkerProcess:
            again = launch if restart else None
            return self._launch(command, cwd, variables, shown=shown, again=again)

        worker = launch()
        if ready:
            self.wait_ready(worker)
        return worker

    def _launch(
        self,
        command: Sequence[str],
        cwd: Path,
        variables: Mapping[str, str],
        *,
        shown: bool,
        again: Callable[[], WorkerProcess] | None,
    ) -> WorkerProcess:
        worker_id = f"worker-{len(self.workers) + 1}"
        self.call(self.plane.worker, worker_id)
        worker = WorkerProcess(
            worker_id,
            platform_variables(self.base, worker_id, self.key) | dict(variables),
            path=None if shown else self.folder / f"{worker_id}.log",
            command=command,
            cwd=cwd,
            on_exit=partial(self._died, again),
            on_goodbye=self._leaves,
        )
        self.workers.append(worker)
        return worker

    def wait_ready(self, worker: WorkerProcess, timeout: float = START_S) -> None:
        """Wait until a worker asks for a job; AssertionError if it dies or takes too long."""
        self.until(lambda: self.takes(worker) or worker.returncode is not None, timeout)
        assert self.takes(worker), f"{worker.id} ended with {worker.returncode}:\n{worker.tail()}"
        worker.give_way()

    def takes(self, worker: WorkerProcess) -> int:
        """How often a worker has asked for jobs."""
        return self.plane.worker(worker.id).takes

    def polling(self, worker: WorkerProcess) -> bool:
        """Whether a call for jobs waits at the platform now: the next job answers it."""
        return self.plane.worker(worker.id).polls > 0

    def _leaves(self, worker: WorkerProcess) -> None:
        self.call(self.plane.leaving, worker.id)

    def _died(self, again: Callable[[], WorkerProcess] | None, worker: WorkerProcess) -> None:
        self.call(self.plane.gone, worker.id)
        with self._starting:
            if again and not self._closing and self.plane.worker(worker.id).left is None:
                again()

    # Clients

    def run(self, given: Any, **options: Any) -> str:
        """The id of a new job; options: `webhook`, `policy` (as the wire has them)."""
        return str(self._posted("/run", {"input": given, **options})["id"])

    def runsync(self, given: Any, wait_ms: int = 300_000, **options: Any) -> dict[str, Any]:
        """A new job's envelope at its end, or as it is after `wait_ms`."""
        return self._posted("/runsync", {"input": given, **options}, wait=wait_ms)

    def status(self, job_id: str) -> dict[str, Any]:
        """A job's envelope."""
        return self._got(f"/status/{job_id}")

    def job(self, job_id: str) -> Job:
        """A job as the platform has it, chunks and deliveries included."""
        return self.plane.jobs[job_id]

    def wait(self, job_id: str, timeout: float = PATIENCE_S) -> dict[str, Any]:
        """A job's envelope, once it has ended."""
        self.until(lambda: self.job(job_id).status.final, timeout)
        return self.status(job_id)

    def wait_all(
        self, job_ids: Iterable[str], timeout: float = PATIENCE_S
    ) -> dict[str, dict[str, Any]]:
        """The envelopes of jobs by id, once all have ended."""
        end = time.monotonic() + timeout
        return {job_id: self.wait(job_id, end - time.monotonic()) for job_id in job_ids}

    def stream(self, job_id: str, timeout: float = PATIENCE_S) -> Iterator[Any]:
        """A job's chunks as /stream gives them, until it has ended."""
        end, final = time.monotonic() + timeout, False
        while not final:
            assert time.monotonic() < end, f"not within {timeout} s; {self._last_words()}"
            answer = self._got(f"/stream/{job_id}")
            yield from (chunk["output"] for chunk in answer["stream"])
            final = Status(answer["status"]).final and not answer["stream"]

    def cancel(self, job_id: str) -> dict[str, Any]:
        """What /cancel answers."""
        return self._posted(f"/cancel/{job_id}")

    def health(self) -> dict[str, Any]:
        """What /health answers."""
        return self._got("/health")

    def _posted(
        self, path: str, document: Mapping[str, Any] | None = None, **query: int
    ) -> dict[str, Any]:
        answer: dict[str, Any] = (
            self.client.post(path, json=document, params=query).raise_for_status().json()
        )
        return answer

    def _got(self, path: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.client.get(path).raise_for_status().json()
        return answer
