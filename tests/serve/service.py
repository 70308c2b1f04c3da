"""The HTTP service on loopback, for the time of a test."""

import json
import threading
import time
from contextlib import contextmanager

import httpx

from tests.fakes import ScriptedEngine, unguarded
from tests.serving import free_port
from worker.callbacks import Callbacks
from worker.jobs import Jobs
from worker.metrics import Metrics
from worker.serve.http import HttpService
from worker.settings import ServeMode, Settings

PATIENCE = 30.0  # seconds; nothing here takes nearly as long


class Serving:
    """A service with its client.

    Attributes:
        fatal: the errors that end the process.
        ended: set where it would have ended.
    """

    def __init__(self, settings, engine, **options):
        self.settings, self.metrics, self.fatal = settings, Metrics(), []
        self.ended = threading.Event()
        self.service = HttpService(settings, self.metrics, self.ended.set)
        self.url = f"http://127.0.0.1:{settings.port}"
        self.client = httpx.Client(base_url=self.url, timeout=PATIENCE)
        concurrency = settings.max_concurrency or 8
        self.jobs = Jobs(
            *(engine, unguarded(**options), concurrency, self.fatal.append),
            callbacks=Callbacks.of(settings),
            observe=self.metrics.job_ended,
        )

    def begin(self):
        """Take requests, and note what would end the process."""
        self.metrics.watch(self.jobs.state, self.jobs.engine)
        self.service.begin(self.jobs)
        die = self.jobs.on_fatal
        self.jobs.on_fatal = lambda error: (self.fatal.append(error), die(error))

    def post(self, document, path="/v1/commentary", **headers):
        return self.client.post(path, json=document, headers=headers)

    def counted(self, name):
        """What the worker's own metrics say of one series."""
        lines = self.metrics.exposition().decode().splitlines()
        [found] = [line for line in lines if line.startswith(f"{name} ")]
        return float(found.rpartition(" ")[2])


@contextmanager
def http_service(engine=None, *, begun=True, options=None, **variables):
    """A service of an engine, its settings changed by fields of Settings."""
    fields = {"port": free_port(), "serve_mode": ServeMode.HTTP, "shutdown_grace": 0.0}
    settings = Settings(**(fields | variables))
    made = Serving(settings, engine or ScriptedEngine(), **(options or {}))
    with made.client, made.service:
        if begun:
            made.begin()
        yield made


def events(answer):
    """The server-sent events of an answer, as (name, data); comments are left out."""
    found = []
    for text in answer.text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in text.splitlines() if line[0] != ":")
        if fields:
            found.append((fields["event"], json.loads(fields["data"])))
    return found


def until(condition, patience=PATIENCE):
    """Wait for what is true soon."""
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)
