"""The HTTP service: answers from its start on, takes requests once the engine is there, drains."""

import asyncio
import logging
import signal
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Self

from worker.callbacks import CALLBACK_SECONDS
from worker.ending import END_SECONDS, LAST_WORDS_SECONDS, end_now, end_within
from worker.errors import WorkerError
from worker.health import DRAINING, READY, Health
from worker.jobs import LENIENCE_SECONDS, Jobs, place_of
from worker.metrics import Metrics
from worker.serve import api
from worker.serve.listening import ANYWHERE, THIS_MACHINE, Door, Listener
from worker.serve.state import DEAD, Service
from worker.settings import Settings
from worker.watchdog import fault_of

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.05  # between two looks whether the last answers have left
# Beyond a job's deadline: what it gets to end by itself, and what its callback may take.
BEYOND_SECONDS = LENIENCE_SECONDS + CALLBACK_SECONDS
SCRAPE_SECONDS = 5.0  # for the last answers that are no job's


def doors(settings: Settings, service: Service, metrics: Metrics) -> list[Door]:
    """The ports of the service; without a key, it is there for this machine alone."""
    host = ANYWHERE if settings.api_keys else THIS_MACHINE
    app = api.application(service, metrics, settings.api_keys, settings.max_body_bytes)
    drain_s = settings.job_deadline + BEYOND_SECONDS
    found = [Door("PORT", host, settings.port, app, drain_s)]
    if settings.port_health not in (None, settings.port):
        health = api.health_application(service)
        port = settings.port_health or 0
        found.append(Door("PORT_HEALTH", host, port, health, SCRAPE_SECONDS))
    return found + metrics_doors(settings, service, metrics)


def metrics_doors(settings: Settings, service: Service, metrics: Metrics) -> list[Door]:
    """The port of the metrics, where there is one."""
    if settings.metrics_port is None:
        return []
    app = api.metrics_application(service, metrics)
    return [Door("METRICS_PORT", ANYWHERE, settings.metrics_port, app, SCRAPE_SECONDS)]


class HttpService:
    """The service from its start to its end; a context manager, whose end closes its ports.

    Args:
        settings: the worker's.
        metrics: what it counts in.
        end: ends the process at once, with its children, as a failure.

    Raises:
        InvalidSetting: a port cannot be had.
    """

    def __init__(
        self, settings: Settings, metrics: Metrics, end: Callable[[], None] = end_now
    ) -> None:
        self._settings, self._end = settings, end
        self._service = Service(settings.max_waiting, metrics.refused)
        self._health = Health(settings.health_file)
        self._leaving: SimpleQueue[None] = SimpleQueue()  # its put may interrupt its get
        self._told = False
        found = doors(settings, self._service, metrics)
        self._listener = Listener(*found, on_end=lambda: self._leaving.put(None))
        for door in found:
            log.info("listening on %s:%d (%s)", door.host, door.port, door.setting)
        if not settings.api_keys:
            log.warning("API_KEYS is not set: the service is there for this machine alone")

    def begin(self, jobs: Jobs) -> None:
        """Take requests from now on; a dead or stuck engine ends the process, as a failure."""
        jobs.on_fatal = self._die
        self._service.ready(jobs)
        self._health.state(READY)
        self._listener.start(self._look_after(jobs)).add_done_callback(self._looked)

    def serve(self, jobs: Jobs) -> None:
        """Take requests until SIGTERM or SIGINT; returns when all are answered.

        Raises WorkerError where the ports are no longer listened on by then.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._told_to_leave)
        if self._listener.failure is None:
            self.begin(jobs)
            self._leaving.get()
        if self._listener.failure is not None:
            raise WorkerError("The ports are no longer listened on; the log says why.")
        self.leave(jobs)

    def leave(self, jobs: Jobs) -> None:
        """Say that the end has come, take requests for a moment still, and finish all of them."""
        grace_s, in_flight = self._settings.shutdown_grace, jobs.state.in_flight
        log.info("leaving: requests are taken for %g s still, %d are under way", grace_s, in_flight)
        self._health.state(DRAINING)
        self._service.leave()
        with suppress(Empty):  # who sends the requests needs that long to hear of it, by /ping
            self._leaving.get(timeout=grace_s)
        self._listener.close()
        if self._service.state == DEAD:  # the engine has died meanwhile
            self._end()

    def _told_to_leave(self, _number: int, _frame: object) -> None:
        """Leave; told twice, at once."""
        if self._told:
            self._listener.hurry()
        self._told = True
        self._leaving.put(None)

    async def _look_after(self, jobs: Jobs) -> None:
        """Say now and then that all is well, until the engine fails."""
        async with asyncio.TaskGroup() as group:
            beating = group.create_task(self._health.beat(lambda: not jobs.engine.dead))
            jobs.fail(await fault_of(jobs.engine, self._settings.engine_stall))
            beating.cancel()

    def _looked(self, looking: Future[None]) -> None:
        """Without somebody to look after its engine a worker cannot be relied on."""
        if not looking.cancelled() and (error := looking.exception()):
            log.critical("a fault of the worker's own: %s", place_of(error))
            self._die(WorkerError("It is at fault itself."))

    def _die(self, error: WorkerError) -> None:
        """Take no more, let the answers leave, and end with a failure."""
        log.critical("%s: the worker ends: %s", error.code, error.message)
        self._service.state = DEAD
        end_within(END_SECONDS, self._end)
        self._listener.start(self._last_words())

    async def _last_words(self) -> None:
        jobs = self._service.jobs
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS_SECONDS):
                while (jobs and jobs.state.in_flight) or self._listener.busy:  # noqa: ASYNC110
                    await asyncio.sleep(LOOK_SECONDS)  # counts have no event
        left = jobs.state.in_flight if jobs else 0
        log.critical("%d requests have had no answer", left)
        self._end()

    def __enter__(self) -> Self:
        """It listens already."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the ports."""
        self._listener.close()
