"""What an operator's Prometheus is told of a worker: its own series, and after them its engine's.

The names follow https://prometheus.io/docs/practices/naming/: base units, `_total` for what only
rises. What a label may say is known beforehand and stands at 0 from the first scrape on, so that
`rate` sees the first rise, and nothing that a caller sends makes a series of its own.
"""

import asyncio
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import Metric

import worker
from worker.commentary.guard import Kind
from worker.commentary.script import Source
from worker.engine import Engine, Reply
from worker.errors import EngineError, StartupError, WorkerError
from worker.record import CANCELLED, FAILED, UNKNOWN, Record
from worker.shapes.commentary import Commentary
from worker.shapes.reading import SHAPES
from worker.state import WorkerState

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
"""Of what `scraped` and `Metrics.exposition` give: every Prometheus reads it."""

ENGINE_SECONDS = 5.0  # for the engine's own series; a scrape has ten by default
PREFIX = "commentary_"
DONE, OTHER = "done", "other"

JOB_SHAPES: Final = (*(shape.name for shape in SHAPES), UNKNOWN)
OUTCOMES: Final = (DONE, FAILED, CANCELLED)
TOKENS: Final = ("prompt", "cached", "completion")
CALLBACKS: Final = ("delivered", "failed")
STATUSES: Final = ("400", "401", "403", "404", "405", "413", "415", "422", "429", "503", OTHER)

# Upper bounds in seconds, our choice: from a first line on a large card to a job's own deadline.
LINE_BUCKETS: Final = (0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 7.5, 10, 15, 20, 30, 60, 120)
WAIT_BUCKETS: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30, 60, 120)

# A line of the text format. Anything else would have Prometheus drop the whole scrape, ours too.
LINE: Final = re.compile(
    r"[ \t]*(#.*|"
    r"[a-zA-Z_:][\w:]*[ \t]*(\{.*\})?[ \t]+[+-]?([\d.]+(e[+-]?\d+)?|inf|nan)([ \t]+-?\d+)?[ \t]*)?",
    re.ASCII | re.IGNORECASE,
)
OF_OURS: Final = re.compile(rf"(# (HELP|TYPE) )?{PREFIX}")


def _kinds(kind: type[WorkerError]) -> Iterator[type[WorkerError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _kinds(below)


FAULTS: Final[Mapping[str, str]] = {kind.code: kind.fault for kind in _kinds(WorkerError)}
"""Whose fault each error is, by its code."""

# A start that fails takes no jobs, so these say nothing while there are none.
OF_JOBS: Final = frozenset(FAULTS) - {kind.code for kind in _kinds(StartupError)}


class _Registry(CollectorRegistry):
    """A registry without the time at which each series was made, which doubles their number."""

    def collect(self) -> Iterator[Metric]:
        for family in super().collect():
            made = f"{family.name}_created"
            family.samples = [sample for sample in family.samples if sample.name != made]
            yield family


class Metrics:
    """The series of one worker; may be written to and read from any thread.

    Each has a registry of its own: several can live in one process, and none meets vLLM's, which
    are in the default one.
    """

    def __init__(self) -> None:
        self._registry = _Registry()
        self._reached = True
        self._make_counters()
        self._make_histograms()
        self._make_gauges()

    def _counter(self, name: str, what: str, known: Mapping[str, Sequence[str]]) -> Counter:
        """A counter that stands at 0 for whatever its labels can say."""
        counter = Counter(PREFIX + name, what, tuple(known), registry=self._registry)
        for values in product(*known.values()):
            counter.labels(*values)
        return counter

    def _make_counters(self) -> None:
        shapes = {"shape": JOB_SHAPES}
        self._jobs = self._counter(
            "jobs", "Jobs that have ended, whatever became of them.", shapes | {"outcome": OUTCOMES}
        )
        self._failures = Counter(
            f"{PREFIX}job_failures",
            "Jobs that failed, by the error's code and whose fault that is.",
            ("shape", "code", "fault"),
            registry=self._registry,
        )
        for shape, code in product(JOB_SHAPES, sorted(OF_JOBS)):
            self._failures.labels(shape, code, FAULTS[code])
        self._tokens = self._counter(
            "tokens",
            "Tokens of jobs. Those of the prompt include the cached ones, which cost no computing.",
            shapes | {"kind": TOKENS},
        )
        self._lines = self._counter(
            "lines", "Lines of commentary, by where they come from.", {"source": list(Source)}
        )
        self._violations = self._counter(
            "violations", "What the guard found in the model's answers.", {"class": list(Kind)}
        )
        self._callbacks = self._counter(
            "callbacks", "Results posted to a back end.", {"outcome": CALLBACKS}
        )
        self._refusals = self._counter(
            "http_refusals", "HTTP requests that never became a job.", {"status": STATUSES}
        )

    def _histogram(self, name: str, what: str, buckets: Sequence[float]) -> Histogram:
        return Histogram(f"{PREFIX}{name}_seconds", what, buckets=buckets, registry=self._registry)

    def _make_histograms(self) -> None:
        self._first_line = self._histogram(
            "first_line", "From taking a commentary job to its first line.", LINE_BUCKETS
        )
        self._script = self._histogram(
            "script", "From taking a commentary job to its whole script.", LINE_BUCKETS
        )
        self._waits = self._histogram(
            "turn_wait", "For which a job waited for its turn to generate.", WAIT_BUCKETS
        )
        self._queues = self._histogram(
            "engine_queue",
            "The longest that one of a job's requests waited in the engine's queue.",
            WAIT_BUCKETS,
        )

    def _gauge(self, name: str, what: str, labels: Sequence[str] = ()) -> Gauge:
        return Gauge(PREFIX + name, what, labels, registry=self._registry)

    def _make_gauges(self) -> None:
        self._in_flight = self._gauge("jobs_in_flight", "Jobs taken and not yet answered.")
        self._waiting = self._gauge("jobs_waiting", "Jobs in flight that wait for their turn.")
        self._slots = self._gauge("job_slots", "Jobs that generate at once; 0 before there are.")
        self._up = self._gauge(
            "engine_up", "Whether the engine is there: 0 before, and where it is dead or silent."
        )
        self._silent = self._gauge(
            "engine_silent_seconds", "For which the engine has held requests and produced nothing."
        )
        self._phases = self._gauge(
            "start_phase_seconds", "What each phase of the start took.", ("phase",)
        )
        self._info = self._gauge(
            "worker_info", "What the worker is.", ("model", "revision", "version")
        )
        began = self._gauge("worker_start_time_seconds", "When it was started, in Unix time.")
        began.set(time.time())

    def job_ended(self, record: Record) -> None:
        """Count a job that has ended, whatever became of it."""
        shape = record.shape if record.shape in JOB_SHAPES else UNKNOWN
        outcome = record.finish if record.finish in OUTCOMES else DONE  # the model's own reasons
        self._jobs.labels(shape, outcome).inc()
        if outcome == FAILED:
            code = record.error or ""
            code = code if code in FAULTS else WorkerError.code
            self._failures.labels(shape, code, FAULTS[code]).inc()
        for kind in TOKENS:
            self._tokens.labels(shape, kind).inc(getattr(record.usage, kind))
        if record.callback in CALLBACKS:
            self._callbacks.labels(record.callback).inc()
        _observe(self._waits, record.waited_ms)
        _observe(self._queues, record.queue_ms)
        if shape == Commentary.shape:
            self._commentary_ended(record)

    def _commentary_ended(self, record: Record) -> None:
        _observe(self._first_line, record.first_line_ms)
        _observe(self._script, record.script_ms)
        for source in Source:
            self._lines.labels(source).inc(record.sources.get(source, 0))
        for kind in Kind:
            self._violations.labels(kind).inc(record.kinds.get(kind, 0))

    def refused(self, status: int) -> None:
        """Count an HTTP request that was refused before it became a job."""
        self._refusals.labels(str(status) if str(status) in STATUSES else OTHER).inc()

    def started(self, phases: Mapping[str, float]) -> None:
        """Tell what each phase of the start took, in seconds."""
        for name, seconds in phases.items():
            self._phases.labels(name).set(seconds)

    def watch(self, state: WorkerState, engine: Engine) -> None:
        """Read these two whenever somebody scrapes, from now on."""
        about = engine.about()
        self._info.labels(about.model, about.revision or "", worker.__version__).set(1)
        self._in_flight.set_function(lambda: state.in_flight)
        self._waiting.set_function(lambda: state.waiting)
        self._slots.set_function(lambda: state.concurrency)
        self._up.set_function(lambda: self._reached and not engine.dead)
        self._silent.set_function(lambda: engine.load().silent_s)

    def reached(self, *, engine: bool) -> None:
        """Note whether the engine answered when its own series were asked for."""
        self._reached = engine

    def exposition(self) -> bytes:
        """The worker's own series, in Prometheus's text format."""
        return generate_latest(self._registry)


def _observe(histogram: Histogram, milliseconds: float | None) -> None:
    if milliseconds is not None:
        histogram.observe(milliseconds / 1000)


async def scraped(metrics: Metrics, engine: Engine | None) -> bytes:
    """The worker's series and then its engine's; no family of metrics is defined twice.

    The worker's alone where the engine is not there yet (None), is dead, cannot be reached in
    ENGINE_SECONDS, or answers with something else.
    """
    theirs = b""
    if engine is not None:
        try:
            async with asyncio.timeout(ENGINE_SECONDS), engine.route("GET", "/metrics") as reply:
                theirs = admissible(await _text(reply))
        except (EngineError, TimeoutError):
            metrics.reached(engine=False)
        else:
            metrics.reached(engine=True)
    return metrics.exposition() + theirs


async def _text(reply: Reply) -> bytes:
    """The body of a reply that has the text format; nothing of any other."""
    if reply.status != 200 or not reply.content_type.startswith("text/plain"):
        return b""
    return b"".join([piece async for piece in reply.body])


def admissible(text: bytes) -> bytes:
    """An engine's series, but for those named as ours (it may be such a worker itself).

    Nothing where a line is not of the text format.
    """
    try:
        lines = text.decode().removesuffix("\n").split("\n")
    except UnicodeDecodeError:
        return b""
    if not all(LINE.fullmatch(line) for line in lines):
        return b""
    kept = "".join(f"{line}\n" for line in lines if line and not OF_OURS.match(line))
    return kept.encode()
