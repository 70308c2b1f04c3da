"""The worker as an HTTP service in a process of its own: start, load, signals, death, metrics."""

import json
import signal
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest

from tests.platform.conftest import on_mini
from tests.platform.made import commentary
from tests.platform.worker import WorkerProcess, platform_variables
from tests.rows import request_document
from tests.serve.service import events, until
from tests.serve.test_http import opened
from tests.serving import free_port, serving
from tests.test_main import Loopback, refused
from worker.health import read

COMMENTARY, CHAT, COMPLETIONS = "/v1/commentary", "/v1/chat/completions", "/v1/completions"
LONG = commentary(7, 20, fanout=1)  # keeps an engine busy for some seconds
START = 180.0  # seconds that a real engine may take to be there
GRACE = "3"  # seconds for which requests are taken after SIGTERM
KEY = "a-key-of-the-back-end"


class Slow(Loopback):
    """An OpenAI server that tells its model, and answers, no sooner than its test lets it.

    Attributes:
        url: its address.
        called: whether it has been asked for its model.
        known: whether it tells it.
        open: whether it answers chats.
    """

    def __init__(self, url, *jobs, known):
        super().__init__(*jobs)
        self.url = url
        self.called, self.known, self.open = (threading.Event() for _ in range(3))
        self.open.set()
        if known:
            self.known.set()

    async def answer(self, path, body):
        if path == "/v1/models":
            self.called.set()
            await opened(self.known)
        if path == CHAT:
            await opened(self.open)
        return await super().answer(path, body)


@contextmanager
def slow(*jobs, known=True):
    """Such a server, which lets everybody go at its end."""
    engine = Slow(None, *jobs, known=known)
    with serving(engine) as engine.url:
        try:
            yield engine
        finally:
            engine.known.set()
            engine.open.set()


class Service:
    """A worker that serves HTTP, as a process; a context manager, whose end is its end.

    Attributes:
        url: its address.
        worker: the process.
        client: knows its address, and its key where it has one.
    """

    def __init__(self, folder, **variables):
        port, key = free_port(), variables.get("API_KEYS")
        self.health_file = folder / "health"
        given = {"SERVE_MODE": "http", "PORT": str(port), "HEALTH_FILE": str(self.health_file)}
        self.url = f"http://127.0.0.1:{port}"
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.client = httpx.Client(base_url=self.url, timeout=START, headers=headers)
        self.worker = WorkerProcess("service", given | variables, path=folder / "log")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()
        self.worker.kill()

    def ping(self, port=None):
        """What /ping says; None where nobody answers."""
        try:
            return httpx.get(
                f"http://127.0.0.1:{port}/ping" if port else f"{self.url}/ping"
            ).status_code
        except httpx.TransportError:
            return None

    def until_ping(self, *statuses, patience=START):
        """Wait until /ping says one of these, or the worker has ended."""
        until(lambda: self.ping() in statuses or self.worker.returncode is not None, patience)
        assert self.ping() in statuses, self.worker.tail()

    def at_work(self, requests):
        """Wait until so many requests are under way."""
        until(lambda: self.client.get("/health").json()["jobs"]["inFlight"] == requests)

    def says(self):
        """What `python -m worker.health` would say of it."""
        return read({"HEALTH_FILE": str(self.health_file)})


def test_its_port_answers_before_its_engine_is_there(tmp_path):
    """204 while the model loads and 503 for whoever wants an answer; then 200, and answers."""
    health, metrics = free_port(), free_port()
    ports = {"PORT_HEALTH": str(health), "METRICS_PORT": str(metrics)}
    with (
        slow(known=False) as engine,
        Service(tmp_path, ENGINE_URL=engine.url, **ports) as service,
    ):
        service.until_ping(204)
        early = service.client.post(COMMENTARY, json=request_document())
        assert service.ping(health) == 204
        assert service.health_file.read_text() == "loading\n"
        assert "commentary_engine_up 0.0" in httpx.get(f"http://127.0.0.1:{metrics}/metrics").text
        engine.known.set()
        service.until_ping(200)
        told = service.client.post(COMMENTARY, json=request_document())
        assert service.ping(health) == 200
        assert service.says() == "ready"
        series = httpx.get(f"http://127.0.0.1:{metrics}/metrics").text
    assert (early.status_code, early.json()["code"]) == (503, "not_serving")
    assert len(told.json()["script"]) == 10
    assert 'commentary_jobs_total{outcome="done",shape="commentary"} 1.0' in series
    assert 'commentary_http_refusals_total{status="503"} 1.0' in series


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_under_load_loses_no_request(tmp_path, number):
    """Whoever is there is answered to the end, and whoever comes at once, too; exit code 0.

    A load balancer hears of the end by /ping, Docker by the file.
    """
    asked = [request_document(), request_document(stream=True)] * 3
    with (
        ThreadPoolExecutor(len(asked) + 1) as clients,
        slow() as engine,
        Service(tmp_path, ENGINE_URL=engine.url, SHUTDOWN_GRACE=GRACE) as service,
    ):
        service.until_ping(200)
        engine.open.clear()

        def ask(document):
            return clients.submit(service.client.post, COMMENTARY, json=document)

        answers = [ask(document) for document in asked]
        service.at_work(len(asked))
        service.worker.signal(number)
        service.until_ping(503)
        assert service.says() == "draining"
        answers.append(ask(request_document()))
        service.at_work(len(asked) + 1)
        until(lambda: service.ping() is None)  # it takes nobody any more
        engine.open.set()
        answers = [answer.result() for answer in answers]
        assert service.worker.wait() == 0
        assert service.worker.processes() == []
        assert "Traceback" not in service.worker.log()
    assert {answer.status_code for answer in answers} == {200}
    assert [events(answer)[-1][0] for answer in answers[1:-1:2]] == ["result"] * 3
    assert [len(answer.json()["script"]) for answer in (*answers[:-1:2], answers[-1])] == [10] * 4


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_while_it_loads_ends_it_at_once(tmp_path, number, code):
    """Nobody waits for an engine that nobody wants any more; the exit code says which signal."""
    with slow(known=False) as engine, Service(tmp_path, ENGINE_URL=engine.url) as service:
        service.until_ping(204)
        assert engine.called.wait(START)
        service.worker.signal(number)
        assert service.worker.wait() == code
        assert "Traceback" not in service.worker.log()


@pytest.fixture
def taken():
    """A port that somebody else listens on."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


@pytest.mark.parametrize("setting", ["PORT", "PORT_HEALTH", "METRICS_PORT"])
def test_a_port_that_is_taken_ends_the_start_with_one_line(taken, setting):
    """It names the setting, and the engine has not been started for nothing."""
    ports = {"PORT": str(free_port()), setting: str(taken)}
    line, everything = refused(SERVE_MODE="http", **ports)
    assert everything.strip() == line
    assert f"{setting}={taken}: cannot be listened on" in line


def test_a_metrics_port_that_is_taken_ends_the_start_of_the_queue_s_worker_too(taken):
    """With one line, as for the service."""
    line, everything = refused(METRICS_PORT=str(taken), RUNPOD_WEBHOOK_GET_JOB="http://127.0.0.1:9")
    assert everything.strip() == line
    assert f"METRICS_PORT={taken}: cannot be listened on" in line


HOOK = "https://hooks.example.com/commentary?token=of-the-receiver"


@pytest.mark.parametrize("mode", ["queue", "http"])
@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"CALLBACK_URL": HOOK}, "CALLBACK_URL"),
        ({"CALLBACK_URL": HOOK, "CALLBACK_SECRET": "a-secret"}, "CALLBACK_URL"),
        ({"CALLBACK_ALLOWED_HOSTS": "hooks.example.com"}, "CALLBACK_SECRET"),
        ({"CALLBACK_ALLOWED_HOSTS": "https://a b", "CALLBACK_SECRET": "a-secret"}, "CALLBACK_ALL"),
    ],
)
def test_callbacks_that_could_not_leave_end_the_start_with_one_line(mode, variables, named):
    """Better now than with the first result; the line has no secret of theirs."""
    jobs = {"RUNPOD_WEBHOOK_GET_JOB": "http://127.0.0.1:9"}
    line, everything = refused(SERVE_MODE=mode, PORT=str(free_port()), **jobs, **variables)
    assert everything.strip() == line
    assert f"invalid_setting: {named}" in line
    assert not any(secret in line for secret in ("of-the-receiver", "a-secret"))


def test_the_queue_s_worker_has_metrics_too(tmp_path):
    """METRICS_PORT answers while the engine loads and while jobs are done, without a key."""
    job, port = {"id": "one", "input": request_document()}, free_port()
    address = f"http://127.0.0.1:{port}/metrics"

    def metrics():
        try:
            return httpx.get(address).text
        except httpx.TransportError:
            return ""

    with slow(job, known=False) as engine:
        variables = platform_variables(engine.url, "pod", "key-of-the-platform")
        given = variables | {"ENGINE_URL": engine.url, "METRICS_PORT": str(port)}
        worker = WorkerProcess("queue", given, path=tmp_path / "log")
        try:
            until(lambda: "commentary_engine_up 0.0" in metrics())
            engine.known.set()
            done = 'commentary_jobs_total{outcome="done",shape="commentary"} 1.0'
            until(lambda: "one" in engine.done and done in metrics(), START)
            assert "commentary_engine_up 1.0" in metrics()
            assert worker.stop() == 0
        finally:
            worker.kill()


def test_the_log_has_one_line_for_each_job_and_no_more_than_that_of_a_request(tmp_path):
    """Neither who asked nor what for; and no key."""
    with (
        slow() as engine,
        Service(tmp_path, ENGINE_URL=engine.url, API_KEYS=KEY, LOG_LEVEL="DEBUG") as service,
    ):
        service.until_ping(200)
        before = service.worker.log()
        service.client.get("/nowhere?with=secret-words")
        service.client.post(COMMENTARY, json=request_document(), headers={"X-Request-ID": "one"})
        until(lambda: "job {" in service.worker.log())
        said = service.worker.log().removeprefix(before)
        assert service.worker.stop() == 0
    [line] = [line for line in said.splitlines() if "job {" in line]
    assert json.loads(line.partition("job ")[2])["id"] == "one"
    assert "HTTP/1.1" not in said
    assert not any(private in said for private in ("서온유", "secret-words", "127.0.0.1", KEY))


@pytest.mark.engine
class TestOnVllm:
    """With vLLM in the worker, whose processes must end with it."""

    def test_a_killed_engine_ends_the_service(self, mini_folders, tmp_path):
        """All who wait are told; then nobody is there, the exit code is 1, and nothing is left.

        Before that it has loaded, been ready, and answered.
        """
        documents = [LONG, LONG | {"stream": True}, request_document()]
        endless = {"prompt": "골", "max_tokens": 20_000, "ignore_eos": True}
        asked = [(COMMENTARY, document) for document in documents]
        asked += [(COMPLETIONS, endless), (COMPLETIONS, endless | {"stream": True})]
        with (
            ThreadPoolExecutor(len(asked)) as clients,
            Service(tmp_path, **on_mini(mini_folders, MAX_CONCURRENCY="1")) as service,
        ):
            service.until_ping(204)
            service.until_ping(200)
            service.worker.give_way()
            told = service.client.post(COMMENTARY, json=request_document())
            assert [line["source"] for line in told.json()["script"]] == ["model"] * 10
            answers = [
                clients.submit(service.client.post, path, json=document) for path, document in asked
            ]
            service.at_work(len(asked))
            service.worker.engine_processes()[0].kill()
            assert service.worker.wait() == 1
            assert service.ping() is None
            until(lambda: service.worker.processes() == [])
        *told, streamed = (answer.result() for answer in answers)
        assert {(each.status_code, each.json()["code"]) for each in told} == {(503, "engine_dead")}
        assert '"error"' in streamed.text

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_a_signal_while_it_loads_leaves_no_process(self, mini_folders, tmp_path, number):
        """The exit code says which signal it was."""
        with Service(tmp_path, **on_mini(mini_folders)) as service:
            service.until_ping(204)
            until(service.worker.engine_processes, START)
            service.worker.signal(number)
            assert service.worker.wait() == 128 + number
            until(lambda: service.worker.processes() == [])
            assert "Traceback" not in service.worker.log()
