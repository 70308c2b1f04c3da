"""RunPod's control plane in small, for one worker and its jobs: what `builder smoke` runs.

It runs inside the image that is tried, as `python3 -c` with this file's text: the standard library
alone, whatever Python the image has. Workers call /job-take/… and so on, as in RunPod's SDK 1.12;
whoever conducts the trial calls /control/….
"""

import json
import select
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NoReturn
from urllib.parse import parse_qs, urlsplit

POLL_S = 5.0  # how long a worker's poll is held while there is nothing to say
LOOK_S = 0.05  # between two looks whether a caller who waits is still there
# From the mark to the late jobs: SIGTERM has arrived by then, and a poll may be pending yet.
LATE_S = 1.0
STREAM = "job-stream"


class Job:
    """One job; times are monotonic seconds, None before."""

    def __init__(self, name: str, given: Any) -> None:
        self.id, self.input = name, given
        self.taken: float | None = None
        self.ended: float | None = None
        self.chunks: list[Any] = []
        self.output: Any = None
        self.error: Any = None

    @property
    def in_flight(self) -> bool:
        """Whether it has been handed out and not been answered."""
        return self.taken is not None and self.ended is None

    def told(self) -> dict[str, Any]:
        """All of it but its input; `seconds` from being handed out to its answer."""
        both = self.taken is not None and self.ended is not None
        return {
            "id": self.id,
            "taken": self.taken is not None,
            "ended": self.ended is not None,
            "seconds": self.ended - self.taken if both else None,  # type: ignore[operator]
            "chunks": self.chunks,
            "output": self.output,
            "error": self.error,
        }


class Plane:
    """The queue and what has become of its jobs. Every method may be called by any thread.

    Attributes:
        takes, pings: calls of the worker's so far.
        wrong: what no correct worker does, in words.
        at_stop: the ids of the jobs that were in flight when the worker was about to be stopped.
    """

    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}
        self.takes = self.pings = 0
        self.wrong: list[str] = []
        self.at_stop: list[str] | None = None
        self._queue: deque[Job] = deque()
        self._late: list[Job] = []
        self._changed = threading.Condition()

    def add(self, name: str, given: Any, count: int = 1, *, late: bool = False) -> list[str]:
        """Queue an input so many times at once, or `late`, LATE_S after the mark; the jobs' ids."""
        with self._changed:
            jobs = [Job(f"{name}-{len(self.jobs) + nth}", given) for nth in range(count)]
            self.jobs |= {job.id: job for job in jobs}
            (self._late if late else self._queue).extend(jobs)
            self._changed.notify_all()
            return [job.id for job in jobs]

    def _queue_late(self) -> None:
        with self._changed:
            self._queue.extend(self._late)
            self._late.clear()
            self._changed.notify_all()

    def take(self, most: int, gone: Callable[[], bool]) -> list[dict[str, Any]]:
        """Up to so many jobs, waited for as long as a poll is held and its caller is there.

        Nothing is handed to a caller who has hung up: it would count as lost.
        """
        with self._changed:
            self.takes += 1
            self._changed.notify_all()
            if not self._until(lambda: bool(self._queue), POLL_S, gone) or gone():
                return []
            jobs = [self._queue.popleft() for _ in range(min(most, len(self._queue)))]
            for job in jobs:
                job.taken = time.monotonic()
            self._changed.notify_all()
            return [{"id": job.id, "input": job.input} for job in jobs]

    def give_back(self, ids: list[str]) -> None:
        """Queue again, in front, what could not be handed over."""
        with self._changed:
            for job in (self.jobs[name] for name in reversed(ids)):
                job.taken = None
                self._queue.appendleft(job)

    def posted(self, call: str, name: str, document: Any) -> None:
        """Keep a chunk or the answer of a job, if it is the worker's to give."""
        with self._changed:
            job = self.jobs.get(name)
            if not isinstance(document, dict) or job is None or not job.in_flight:
                self.wrong.append(f"{call} of {name}, which was not in flight, or is no object")
            elif call == STREAM:
                job.chunks.append(document.get("output"))
            elif document.get("status") != "IN_PROGRESS":  # else it is word of its progress
                job.output, job.error = document.get("output"), document.get("error")
                job.ended = time.monotonic()
            self._changed.notify_all()

    def ping(self) -> None:
        """Count a sign of life."""
        with self._changed:
            self.pings += 1

    def blame(self, text: str) -> None:
        """Note what no correct worker does."""
        with self._changed:
            self.wrong.append(text)

    def wait(self, wanted: dict[str, str]) -> dict[str, Any]:
        """The state, as soon as it is as wanted, or after `seconds`.

        Args:
            wanted: `takes`, at least so many; `ended`, this job or, where there is a comma, each of
                these; `in_flight`, at least so many jobs, or no job to be had at all. With `mark`
                those in flight are noted in the same moment as the ones `at_stop`.
        """
        with self._changed:
            met = self._until(lambda: self._is(wanted), float(wanted.get("seconds", 0)))
            if met and "mark" in wanted:
                self.at_stop = [job.id for job in self.jobs.values() if job.in_flight]
                timer = threading.Timer(LATE_S, self._queue_late)
                timer.daemon = True
                timer.start()
            return self._state() | {"met": met}

    def full(self) -> list[dict[str, Any]]:
        """All that is known of all jobs."""
        with self._changed:
            return [job.told() for job in self.jobs.values()]

    def _until(
        self, condition: Callable[[], bool], seconds: float, gone: Callable[[], bool] | None = None
    ) -> bool:
        end = time.monotonic() + seconds
        while not condition():
            left = end - time.monotonic()
            if left <= 0 or (gone and gone()):
                return False
            self._changed.wait(min(left, LOOK_S) if gone else left)
        return True

    def _is(self, wanted: dict[str, str]) -> bool:
        flying = sum(job.in_flight for job in self.jobs.values())
        idle = not flying and not self._queue
        ended = filter(None, wanted.get("ended", "").split(","))
        return (
            self.takes >= int(wanted.get("takes", 0))
            and all(self.jobs[name].ended is not None for name in ended)
            and (flying >= int(wanted.get("in_flight", 0)) or idle)
        )

    def _state(self) -> dict[str, Any]:
        return {
            "takes": self.takes,
            "pings": self.pings,
            "wrong": self.wrong,
            "atStop": self.at_stop,
        }


class Server(ThreadingHTTPServer):
    """The plane on a port of loopback; `key` is what the worker has to show."""

    daemon_threads = True

    def __init__(self, port: int, key: str) -> None:
        self.plane, self.key = Plane(), key
        super().__init__(("127.0.0.1", port), Handler)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        """Polls, pings, and questions of the conductor's."""
        parts, plane = urlsplit(self.path), self.server.plane
        call, what, *_ = [*parts.path.strip("/").split("/"), ""]
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if call == "control":
            self._reply(plane.full() if what == "jobs" else plane.wait(query))
        elif not self._is_known():
            self._reply({}, 401)
        elif call.startswith("job-take"):
            self._hand_out(int(query.get("batch_size", 0)))
        elif call == "job-stop":
            self._hold()
        else:
            plane.ping()
            self._reply({})

    def do_POST(self) -> None:
        """Chunks, answers, and jobs from the conductor."""
        call, *_, what = urlsplit(self.path).path.strip("/").split("/")
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if call == "control":
            self._reply(self.server.plane.add(**json.loads(body)))
        elif not self._is_known():
            self._reply({}, 401)
        else:
            self.server.plane.posted(call, what, _parsed(body))
            self._reply({})

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base's name
        """Keep quiet."""

    def _is_known(self) -> bool:
        """Whether the worker has shown its key, bare, as the SDK sends it."""
        if self.headers.get("Authorization") == self.server.key:
            return True
        self.server.plane.blame(f"{self.command} {urlsplit(self.path).path} without its key")
        return False

    def _hand_out(self, batch: int) -> None:
        """A list of up to so many jobs, or without a number one job."""
        jobs = self.server.plane.take(batch or 1, self._is_gone)
        try:
            self._reply((jobs if batch else jobs[0]) if jobs else None)
        except OSError:
            self.server.plane.give_back([job["id"] for job in jobs])
            self.close_connection = True

    def _hold(self) -> None:
        """A poll for jobs to stop; there are none, ever."""
        end = time.monotonic() + POLL_S
        while time.monotonic() < end and not self._is_gone():
            time.sleep(LOOK_S)
        self._reply(None)

    def _is_gone(self) -> bool:
        """Whether the caller has hung up: a poll sends nothing while it waits, but its end."""
        readable, _, _ = select.select([self.connection], [], [], 0)
        try:
            return bool(readable) and not self.connection.recv(1, socket.MSG_PEEK)
        except OSError:
            return True

    def _reply(self, document: Any, status: int = 200) -> None:
        """A document, or with None "no content"."""
        if document is None:
            self.send_response(204)
            self.end_headers()
            return
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _parsed(body: bytes) -> Any:
    """The document in a body; None where it is not JSON to the letter (NaN is not)."""
    try:
        return json.loads(body, parse_constant=_refuse)
    except ValueError:
        return None


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)


if __name__ == "__main__":
    Server(int(sys.argv[1]), sys.argv[2]).serve_forever()
