"""The HTTP service: answers from its start on, takes requests once the engine is there, drains."""

import asyncio
import logging
import signal
import threading
import time
from contextlib import suppress
from typing import Self

from worker.ending import end_now
from worker.errors import WorkerError
from worker.health import DRAINING, READY, Health
from worker.jobs import Jobs
from worker.metrics import Metrics
from worker.serve import api
from worker.serve.listening import ANYWHERE, THIS_MACHINE, Door, Listener
from worker.serve.state import DEAD, Service
from worker.settings import Settings
from worker.watchdog import fault_of

log = logging.getLogger(__name__)

LAST_WORDS_SECONDS = 2.0  # for the answers of a dying worker to leave
END_SECONDS = 4.0  # and for all the rest, should even this loop be stuck
LOOK_SECONDS = 0.05  # between two looks whether they have left


def doors(settings: Settings, service: Service, metrics: Metrics) -> list[Door]:
    """The ports of the service; without a key, it is there for this machine alone."""
    host = ANYWHERE if settings.api_keys else THIS_MACHINE
    app = api.application(service, metrics, settings.api_keys, settings.max_body_bytes)
    found = [Door("PORT", host, settings.port, app)]
    if settings.port_health not in (None, settings.port):
        health = api.health_application(service)
        found.append(Door("PORT_HEALTH", ANYWHERE, settings.port_health or 0, health))
    return found + metrics_doors(settings, service, metrics)


def metrics_doors(settings: Settings, service: Service, metrics: Metrics) -> list[Door]:
    """The port of the metrics, where there is one."""
    if settings.metrics_port is None:
        return []
    app = api.metrics_application(service, metrics)
    return [Door("METRICS_PORT", ANYWHERE, settings.metrics_port, app)]


class HttpService:
    """The service from its start to its end; a context manager, whose end closes its ports.

    Args:
        settings: the worker's.
        metrics: what it counts in.

    Raises:
        InvalidSetting: a port cannot be had.
    """

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._settings = settings
        self._service = Service(settings.max_waiting, metrics.refused)
        self._health = Health(settings.health_file)
        self._leaving = threading.Event()
        found = doors(settings, self._service, metrics)
        self._listener = Listener(*found, on_end=self._leaving.set)
        for door in found:
            log.info("listening on %s:%d (%s)", door.host, door.port, door.setting)
        if not settings.api_keys:
            log.warning("API_KEYS is not set: the service is there for this machine alone")

    def begin(self, jobs: Jobs) -> None:
        """Take requests from now on; a dead or stuck engine ends the process, as a failure."""
        jobs.on_fatal = self._die
        self._service.ready(jobs)
        self._health.state(READY)
        self._listener.start(self._look_after(jobs))

    def serve(self, jobs: Jobs) -> None:
        """Take requests until SIGTERM or SIGINT; returns when all are answered."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._told_to_leave)
        self.begin(jobs)
        self._leaving.wait()
        self.leave(jobs)

    def leave(self, jobs: Jobs) -> None:
        """Say that the end has come, take requests for a moment still, and finish all of them."""
        grace_s, in_flight = self._settings.shutdown_grace, jobs.state.in_flight
        log.info("leaving: requests are taken for %g s still, %d are under way", grace_s, in_flight)
        self._health.state(DRAINING)
        self._service.leave()
        time.sleep(grace_s)  # who sends the requests needs that long to hear of it, by /ping
        self._listener.close()

    def _told_to_leave(self, _number: int, _frame: object) -> None:
        self._leaving.set()

    async def _look_after(self, jobs: Jobs) -> None:
        """Say now and then that all is well, until the engine fails."""
        beating = asyncio.create_task(self._health.beat(lambda: not jobs.engine.dead))
        jobs.fail(await fault_of(jobs.engine, self._settings.engine_stall))
        beating.cancel()

    def _die(self, error: WorkerError) -> None:
        """Take no more, let the answers leave, and end with a failure."""
        log.critical("%s: the worker ends: %s", error.code, error.message)
        self._service.state = DEAD
        backstop = threading.Timer(END_SECONDS, end_now)
        backstop.daemon = True
        backstop.start()
        self._listener.start(self._last_words())

    async def _last_words(self) -> None:
        jobs = self._service.jobs
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS_SECONDS):
                while jobs and jobs.state.in_flight:  # noqa: ASYNC110  # a count has no event
                    await asyncio.sleep(LOOK_SECONDS)
                await asyncio.sleep(LOOK_SECONDS)  # for the last bytes, and a last /ping
        end_now()

    def __enter__(self) -> Self:
        """It listens already."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the ports."""
        self._listener.close()
