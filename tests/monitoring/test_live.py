"""A working worker under the eyes of a real Prometheus: series arrive, and alerts fire."""

import re
import signal
from contextlib import ExitStack, contextmanager

import httpx
import pytest

from tests.monitoring import promql
from tests.monitoring.ground import PATIENCE, EngineElsewhere, prometheus, until
from tests.platform.worker import platform_variables
from tests.rows import request_document
from tests.serving import free_port, serving
from tests.test_main import Loopback, worker
from worker.metrics import Metrics

KEY = "key-of-the-back-end"
LINES = "sum(commentary_lines_total)"
STYLES = ["CASTER", "ANALYST", "FRIEND"]  # of one job: thirty lines


class Watched:
    """A worker in HTTP mode, the engine it asks, and the Prometheus that watches it.

    Attributes:
        engine: what answers the worker.
        prometheus: what scrapes it.
        process: the worker's.
    """

    def __init__(self, engine, server, process, url, engine_ends):
        self.engine, self.prometheus, self.process = engine, server, process
        self.end_engine = engine_ends
        self._client = httpx.Client(base_url=url, timeout=PATIENCE)

    def commentary(self, key=KEY, **document):
        """Ask for a script, and wait for it."""
        headers = {"Authorization": f"Bearer {key}"}
        body = request_document(**document)
        return self._client.post("/v1/commentary", json=body, headers=headers)

    def sixty_lines(self):
        """More than an alert wants to have seen before it speaks."""
        before = until(lambda: self.prometheus.query(LINES))[0][1]
        for _ in range(2):
            assert self.commentary(styles=STYLES).status_code == 200
        self.prometheus.settles(LINES, before + 60)

    def is_ready(self):
        """Whether it has been seen with turns to give."""
        assert self.process.poll() is None
        return self.prometheus.value("commentary_job_slots")


@pytest.fixture
def watched(tmp_path):
    """A working worker that is watched; nothing is judged by its words, only by their grammar."""
    engine, port, metrics_port = EngineElsewhere(), free_port(), free_port()
    variables = {
        "SERVE_MODE": "http",
        "PORT": str(port),
        "METRICS_PORT": str(metrics_port),
        "API_KEYS": KEY,
        "GUARD": "off",
    }
    with (
        ExitStack() as elsewhere,
        prometheus(tmp_path, f"127.0.0.1:{metrics_port}") as server,
    ):
        url = elsewhere.enter_context(serving(engine))
        with worker(url, **variables) as process:
            address = f"http://127.0.0.1:{port}"
            made = Watched(engine, server, process, address, elsewhere.close)
            until(made.is_ready)
            yield made


def test_what_the_worker_does_arrives(watched):
    """Every series of ours and of the engine's; the counts are those of what was asked."""
    server = watched.prometheus
    until(lambda: server.query(LINES))
    for _ in range(3):
        assert watched.commentary().status_code == 200
    assert watched.commentary(style="POET").status_code == 400
    assert watched.commentary(key="another").status_code == 401
    for expression, value in {
        'commentary_jobs_total{outcome="done",shape="commentary"}': 3,
        'commentary_jobs_total{outcome="failed",shape="commentary"}': 1,
        'commentary_job_failures_total{code="invalid_input",shape="commentary"}': 1,
        'commentary_http_refusals_total{status="401"}': 1,
        "sum(commentary_http_refusals_total)": 1,
        'commentary_lines_total{source="model"}': 30,
        'commentary_tokens_total{kind="cached",shape="commentary"}': 80 * 30,
        "commentary_script_seconds_count": 3,
        "round(1000 * commentary_engine_queue_seconds_sum, 0.1)": 3 * 12.5,
        "commentary_engine_up": 1,
        'commentary_worker_info{model="loopback"}': 1,
        'up{job="commentary"}': 1,
    }.items():
        server.settles(expression, value)
    for name in promql.series(Metrics().exposition().decode()) | {"vllm:num_requests_running"}:
        assert until(lambda name=name: server.query(name)), name


def test_the_dashboard_shows_something(watched):
    """Each of its queries comes to a figure on a worker that works, with the labels it is named
    by.
    """
    watched.sixty_lines()
    for title, target in promql.targets():
        query = promql.plain(target["expr"])
        if promql.names(query) == {"ALERTS"}:
            watched.prometheus.query(query)
            continue
        found = until(lambda query=query: watched.prometheus.query(query))
        for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
            assert label in found[0][0], (title, label)


def test_broken_lines_are_told_of_and_good_ones_are_not(watched):
    """The engine begins to break the grammar of its lines: the fallback's share is an alert."""
    watched.sixty_lines()
    assert "CommentaryFallbackShare" not in watched.prometheus.firing()
    watched.engine.spoilt = True
    watched.sixty_lines()
    until(lambda: "CommentaryFallbackShare" in watched.prometheus.firing())
    alert = watched.prometheus.firing()["CommentaryFallbackShare"]
    assert re.match(
        r"[\d.]+% of the lines of 127.0.0.1:\d+ are fallback", alert["annotations"]["summary"]
    )


def test_an_engine_that_goes_away_is_told_of(watched):
    """Another machine's is; the worker lives on, and says so."""
    watched.end_engine()
    until(lambda: "CommentaryEngineDead" in watched.prometheus.firing())
    watched.prometheus.settles('up{job="commentary"} - on(instance) commentary_engine_up', 1)


def test_a_worker_that_goes_away_is_told_of(watched):
    """By nobody but Prometheus."""
    watched.process.kill()
    until(lambda: "CommentaryWorkerDown" in watched.prometheus.firing())


@contextmanager
def queue_worker(platform, url, metrics_port):
    """A worker that has answered its jobs; killed, it would leave the SDK's own process behind."""
    variables = platform_variables(url, "pod", "key") | {"METRICS_PORT": str(metrics_port)}
    with worker(url, GUARD="off", **variables) as process:
        try:
            until(lambda: platform.done or process.poll() is not None)
            assert process.poll() is None
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=PATIENCE)


def test_a_worker_of_the_queue_is_watched_too(tmp_path):
    """METRICS_PORT tells of RunPod's jobs, without a key."""
    port = free_port()
    platform = Loopback({"id": "good", "input": request_document()})
    with (
        serving(platform) as url,
        prometheus(tmp_path, f"127.0.0.1:{port}") as server,
        queue_worker(platform, url, port),
    ):
        server.settles('commentary_jobs_total{outcome="done",shape="commentary"}', 1)
        server.settles('commentary_lines_total{source="model"}', 10)
