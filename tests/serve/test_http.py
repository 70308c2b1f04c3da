"""The HTTP service: commentary as JSON or in events, errors with a status, keys, limits, end."""

import asyncio
import json
import logging
import socket
import threading
import time

import httpx
import psutil
import pytest

from tests.fakes import ScriptedEngine, asks_for, fail, hang, obey
from tests.rows import request_document, ten_rows
from tests.serve.service import PATIENCE, events, http_service, until
from tests.serving import free_port
from worker.engine import Load, Reply
from worker.errors import (
    DeadlineExceeded,
    EngineDead,
    EngineError,
    EngineOverloaded,
    EngineRejected,
    InvalidSetting,
    WorkerError,
)
from worker.metrics import Metrics
from worker.serve import api, exchange
from worker.serve.http import HttpService
from worker.serve.state import DEAD
from worker.settings import Settings

KEY = "a-key-of-the-back-end"
CHAT = "/v1/chat/completions"
MESSAGES = {"messages": [{"role": "user", "content": "골!"}]}


def failing(error):
    return ScriptedEngine(lambda _body: fail(error))


async def opened(gate: threading.Event):
    """Wait for a gate of another thread's."""
    while not gate.is_set():  # noqa: ASYNC110  # of another thread's
        await asyncio.sleep(0.01)


def gated(gate: threading.Event):
    """An engine that answers once the gate is open."""

    async def answer(body):
        await opened(gate)
        async for delta in obey(body):
            yield delta

    return ScriptedEngine(answer)


def test_a_commentary_is_answered_with_its_result():
    """The body is the request, the answer the result object, and nothing is around either."""
    with http_service() as service:
        answer = service.post(request_document())
    result = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert list(result)[:4] == ["jobId", "gameId", "status", "script"]
    assert [line["actionId"] for line in result["script"]] == [str(n) for n in range(2330, 2340)]


@pytest.mark.parametrize("stream", [False, True])
def test_a_commentary_that_is_answered_counts_as_done(stream, caplog):
    """In the metrics, in what /health tells, and in the log."""
    with caplog.at_level(logging.INFO, "worker.jobs"), http_service() as service:
        service.post(request_document(stream=stream))
        done = 'commentary_jobs_total{outcome="done",shape="commentary"}'
        until(lambda: service.counted(done) == 1)
        assert service.client.get("/health").json()["jobs"]["served"] == 1
    assert '"finish": "done"' in caplog.messages[-1]


def test_the_client_may_name_the_job():
    """X-Request-ID is the job's id; one that could not stand in a log is replaced."""
    with http_service() as service:
        named = service.post(request_document(), **{"X-Request-ID": "match-7/batch:3"})
        odd = service.post(request_document(), **{"X-Request-ID": "a b\tc"})
    assert named.json()["jobId"] == "match-7/batch:3"
    assert odd.json()["jobId"].startswith("http-")


@pytest.mark.parametrize(
    ("document", "headers"),
    [
        (request_document(stream=True), {}),
        (request_document(), {"Accept": "text/event-stream"}),
        (request_document(Stream="false"), {"Accept": "text/event-stream, */*;q=0.1"}),
    ],
)
def test_lines_leave_as_events_where_they_are_wanted_so(document, headers):
    """Ten events with a line each, then the rest of the result: together the plain result."""
    with http_service() as service:
        answer = service.post(document, **headers)
    assert answer.headers["content-type"].partition(";")[0] == "text/event-stream"
    *lines, (name, closing) = events(answer)
    assert {each for each, _ in lines} == {"line"}
    assert sorted(chunk["index"] for _, chunk in lines) == list(range(10))
    assert (name, closing["status"]) == ("result", "DONE")
    assert "script" not in closing


def test_the_first_line_does_not_wait_for_the_last():
    """An event is on its way as soon as its line is finished."""
    gate = threading.Event()

    async def answer(body):
        last = "10번" in body["messages"][-1]["content"].rpartition("\n")[2]
        if last:
            await opened(gate)
        async for delta in obey(body):
            yield delta

    with http_service(ScriptedEngine(answer)) as service:
        asked = service.client.stream("POST", "/v1/commentary", json=request_document(stream=True))
        with asked as response:
            texts = response.iter_text()
            first = next(texts)
            assert first.startswith("event: line\n")
            gate.set()
            assert "event: result" in "".join(texts)


BROKEN = {
    "no JSON": (b"{", 400, "invalid_input"),
    "no object": (b"[1]", 400, "invalid_input"),
    "no text": (b"\xff\xfe", 400, "invalid_input"),
    "too deep": (b"[" * 100_000, 400, "invalid_input"),
    "nothing": (b"", 400, "invalid_input"),
}


@pytest.mark.parametrize("case", BROKEN)
@pytest.mark.parametrize("path", ["/v1/commentary", CHAT])
def test_a_body_that_is_no_json_object_is_refused(case, path):
    """Whatever is sent, the answer is an error in the one form."""
    body, status, code = BROKEN[case]
    with http_service() as service:
        answer = service.client.post(path, content=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_bad_input_names_its_field():
    """The caller's mistake is a 400 in our form and in OpenAI's, at once also where it streams."""
    rows = ten_rows()
    rows[3]["startX"] = 120.5
    with http_service() as service:
        answer = service.post(request_document(rawData=rows, stream=True))
    body = answer.json()
    assert answer.status_code == 400
    assert list(body) == ["error", "code", "message", "param", "retryable"]
    assert (body["param"], body["retryable"]) == ("rawData[3].startX", False)
    assert body["error"] == {
        "message": body["message"],
        "type": "invalid_request_error",
        "param": "rawData[3].startX",
        "code": "invalid_input",
    }


def test_only_a_commentary_is_taken_as_one():
    """The other shapes have doors of their own."""
    with http_service() as service:
        answers = [service.post({"probe": True}), service.post({"prompt": "안녕"})]
    assert [answer.json()["code"] for answer in answers] == ["invalid_input"] * 2


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (EngineRejected("no"), 400),
        (EngineOverloaded("full"), 503),
        (RuntimeError("secret detail"), 500),
    ],
)
def test_each_failure_has_its_status(error, status):
    """The table of errors is the table of statuses; nothing of ours is shown."""
    with http_service(failing(error)) as service:
        answer = service.post(request_document())
    assert answer.status_code == status
    assert "secret" not in answer.text
    assert ("retry-after" in answer.headers) == (status == 503)


def test_lateness_is_a_504():
    """A job that ends at its deadline with an error says so by its status."""
    with http_service(
        ScriptedEngine(lambda _body: hang()),
        options={"deadline_s": 0.2, "deadline_fallback": False},
    ) as service:
        answer = service.post(request_document())
    assert (answer.status_code, answer.json()["code"]) == (504, DeadlineExceeded.code)


def test_an_error_after_the_first_line_is_an_event():
    """A stream that has begun cannot change its status: its last event tells."""

    def answer(body):
        last = "10번" in body["messages"][-1]["content"].rpartition("\n")[2]
        return hang() if last else obey(body)

    options = {"deadline_s": 0.5, "deadline_fallback": False}
    with http_service(ScriptedEngine(answer), options=options) as service:
        *lines, (name, told) = events(service.post(request_document(stream=True)))
    assert len(lines) == 9
    assert (name, told["code"]) == ("error", DeadlineExceeded.code)


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("path", ["/v1/commentary", CHAT])
def test_a_body_beyond_the_limit_is_refused(announced, path):
    """By what it announces, or by what comes; it is not held in memory."""
    body = b'{"a": "' + b"x" * 5000 + b'"}'
    content = body if announced else iter([body])
    with http_service(max_body_bytes=1000) as service:
        answer = service.client.post(path, content=content)
        assert answer.status_code == 413
        assert answer.json()["code"] == "body_too_large"
        assert service.counted('commentary_http_refusals_total{status="413"}') == 1


def test_a_request_counts_as_refused_or_as_a_job():
    """Never as both: a mistake in a commentary fails a job, one before it refuses a request."""
    with http_service() as service:
        service.post(request_document(style="POET"))
        refused = 'commentary_http_refusals_total{status="400"}'
        assert service.counted(refused) == 0
        service.client.post("/v1/commentary", content=b"{")
        assert service.counted(refused) == 1


def test_what_is_not_there_is_said_in_the_same_form():
    """Neither a wrong path nor a wrong method has a form of its own."""
    with http_service() as service:
        nowhere, wrong = service.client.get("/nowhere"), service.client.get("/v1/commentary")
    assert (nowhere.status_code, nowhere.json()["code"]) == (404, "not_found")
    assert (wrong.status_code, wrong.json()["code"]) == (405, "method_not_allowed")
    assert wrong.headers["allow"] == "POST"


@pytest.mark.parametrize(
    "path", ["/v1/load_lora_adapter", "/sleep", "/server_info", "/collective_rpc", "/invocations"]
)
def test_the_engines_other_routes_cannot_be_reached(path):
    """vLLM has some thirty; administrative ones among them."""
    engine = ScriptedEngine()
    with http_service(engine) as service:
        assert service.client.post(path, json={}).status_code == 404
    assert engine.routed == []


GUARDED = [
    ("POST", "/v1/commentary"),
    ("POST", CHAT),
    ("GET", "/v1/models"),
    ("GET", "/metrics"),
]


@pytest.mark.parametrize(("method", "path"), GUARDED)
@pytest.mark.parametrize(
    "header", [None, "Bearer wrong", f"Basic {KEY}", f"Bearer {KEY}x", "Bearer", "Bearer ключ"]
)
def test_nothing_is_answered_without_a_key(method, path, header):
    """No key, a wrong one or another scheme is a 401 that says what is wanted."""
    headers = {"Authorization": header.encode()} if header else {}
    engine = ScriptedEngine()
    with http_service(engine, api_keys=("other", KEY)) as service:
        answer = service.client.request(method, path, headers=headers, content=b"{")
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert engine.bodies == engine.routed == []


def test_any_of_the_keys_opens():
    """Each client may have one of its own."""
    with http_service(api_keys=("other", KEY)) as service:
        for key in ("other", KEY):
            answer = service.post(request_document(), Authorization=f"Bearer {key}")
            assert answer.status_code == 200


def test_how_the_worker_is_needs_no_key():
    """A load balancer has none, and the documents hold no secret."""
    with http_service(api_keys=(KEY,)) as service:
        for path in ("/ping", "/health", "/docs", "/openapi.json"):
            assert service.client.get(path).status_code == 200


def test_without_a_key_only_this_machine_is_served(caplog):
    """Nobody else can connect, and the log says why."""
    with caplog.at_level(logging.WARNING), http_service() as service:
        own = socket_host(service.settings.port)
    assert own == "127.0.0.1"
    assert "API_KEYS is not set" in caplog.text


def test_with_a_key_everybody_is_served():
    """A container is reached from outside."""
    with http_service(api_keys=(KEY,)) as service:
        assert socket_host(service.settings.port) == "0.0.0.0"


def socket_host(port):
    """The address that this process listens on, on a port."""
    listening = [
        each.laddr
        for each in psutil.Process().net_connections("tcp4")
        if each.status == psutil.CONN_LISTEN
    ]
    [host] = [address.ip for address in listening if address.port == port]
    return host


def test_a_port_that_is_taken_stops_the_start():
    """The setting is named, whichever port it is."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        for settings in (Settings(port=port), Settings(port=free_port(), port_health=port)):
            with pytest.raises(InvalidSetting, match=rf"^PORT(_HEALTH)?={port}: cannot be"):
                HttpService(settings, Metrics())


def test_ping_is_what_runpods_load_balancer_asks():
    """204 while the model loads, 200 when it is there, 503 when the engine is dead."""
    engine = ScriptedEngine()
    with http_service(engine, begun=False, port_health=free_port()) as service:
        asked = [f"{service.url}/ping", f"http://127.0.0.1:{service.settings.port_health}/ping"]

        def answers():
            return [httpx.get(url).status_code for url in asked]

        assert answers() == [204, 204]
        service.begin()
        assert answers() == [200, 200]
        engine.dead = True
        assert answers() == [503, 503]


def test_nothing_else_is_answered_on_the_health_port():
    """It is open to whoever asks."""
    with http_service(port_health=free_port()) as service:
        root = f"http://127.0.0.1:{service.settings.port_health}"
        answers = [httpx.get(f"{root}{path}") for path in ("/health", "/metrics", "/docs")]
    assert {answer.status_code for answer in answers} == {404}


def test_while_the_model_loads_requests_are_told_to_come_back():
    """503 with Retry-After, for each route that needs the engine."""
    with http_service(begun=False) as service:
        answers = [service.post(request_document()), service.post(MESSAGES, CHAT)]
        assert service.client.get("/health").status_code == 503
        assert service.client.get("/health").json()["status"] == "loading"
        assert "commentary_engine_up" in service.client.get("/metrics").text
    assert {answer.json()["code"] for answer in answers} == {"not_serving"}
    assert {answer.status_code for answer in answers} == {503}
    assert all(answer.headers["retry-after"] == "5" for answer in answers)


def in_thread(call):
    """A call on a thread of its own, and what it comes to."""
    got = []
    thread = threading.Thread(target=lambda: got.append(call()))
    thread.start()
    return thread, got


def test_beyond_those_that_may_wait_requests_are_told_to_come_back():
    """One generates, one waits, the third is a 503 with Retry-After; the first two are answered."""
    gate = threading.Event()
    with http_service(gated(gate), max_concurrency=1, max_waiting=1) as service:
        asked = [in_thread(lambda: service.post(request_document())) for _ in range(2)]
        until(lambda: service.jobs.state.waiting == 1)
        third = service.post(request_document())
        gate.set()
        for thread, _ in asked:
            thread.join()
        assert service.counted('commentary_http_refusals_total{status="503"}') == 1
    assert (third.status_code, third.json()["code"]) == (503, "busy")
    assert third.headers["retry-after"] == "1"
    assert [got[0].status_code for _, got in asked] == [200, 200]


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_goes_frees_the_engine(stream):
    """All generation ends, whether the first line was there or not."""

    def answer(body):
        return obey(body) if stream and asks_for(body) == [0] else hang()

    engine = ScriptedEngine(answer)
    with http_service(engine) as service:
        asked = service.client.stream(
            "POST", "/v1/commentary", json=request_document(stream=stream)
        )
        if stream:
            with asked as response:
                texts = response.iter_text()  # held: a reader that is dropped hangs up
                next(texts)
                until(lambda: engine.open)
                assert service.jobs.state.in_flight
        else:
            with pytest.raises(httpx.ReadTimeout):
                service.client.post("/v1/commentary", json=request_document(), timeout=0.5)
        until(lambda: not engine.open and not service.jobs.state.in_flight)
        cancelled = 'commentary_jobs_total{outcome="cancelled",shape="commentary"}'
        until(lambda: service.counted(cancelled) == 1)


async def spoken(*pieces):
    for piece in pieces:
        await asyncio.sleep(0)
        yield piece.encode()


def replying(status, content_type, *pieces):
    return ScriptedEngine(route=lambda *_: Reply(status, content_type, spoken(*pieces)))


def test_an_openai_route_is_passed_on_as_it_stands():
    """The body goes to the engine and its answer comes back, both unchanged."""
    engine = replying(200, "application/json", '{"id": "1", ', '"choices": []}')
    with http_service(engine) as service:
        answer = service.post(MESSAGES | {"seed": 7}, CHAT)
        models = service.client.get("/v1/models")
    assert answer.text == models.text == '{"id": "1", "choices": []}'
    assert engine.routed == [
        ("POST", CHAT, MESSAGES | {"seed": 7}),
        ("GET", "/v1/models", None),
    ]


def test_an_openai_stream_is_passed_on_piece_by_piece():
    """Its bytes are the engine's."""
    pieces = ("data: {}\n\n", ": a comment\n\n", "data: [DONE]\n\n")
    with http_service(replying(200, "text/event-stream; charset=utf-8", *pieces)) as service:
        answer = service.post(MESSAGES | {"stream": True}, CHAT)
    assert answer.text == "".join(pieces)
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"


def test_the_engines_own_refusal_is_passed_on():
    """Status and words are vLLM's; the job counts as failed."""
    said = '{"error": {"message": "no such model", "code": 404}}'
    with http_service(replying(404, "application/json", said)) as service:
        answer = service.post(MESSAGES, CHAT)
        assert (answer.status_code, answer.text) == (404, said)
        assert service.counted('commentary_jobs_total{outcome="failed",shape="openai"}') == 1


def test_the_engines_full_queue_says_when_to_come_back():
    """vLLM's 503 has no Retry-After of its own."""
    with http_service(replying(503, "application/json", "{}")) as service:
        assert service.post(MESSAGES, CHAT).headers["retry-after"] == "1"


BREAKING = {
    "a whole answer": ("application/json", 500),
    "a stream": ("text/event-stream", 200),
}


@pytest.mark.parametrize("case", BREAKING)
def test_an_answer_of_the_engines_that_breaks_off_is_no_whole_one(case):
    """An error has its status; in a stream that has begun, an event of its own."""
    content_type, status = BREAKING[case]

    async def body():
        yield b"data: {}\n\n"
        raise EngineError("The engine's answer broke off.")

    engine = ScriptedEngine(route=lambda *_: Reply(200, content_type, body()))
    with http_service(engine) as service:
        answer = service.post(MESSAGES, CHAT)
    assert answer.status_code == status
    assert json.loads(answer.text.rpartition("data: ")[2])["error"]["code"] == "engine_error"


def test_an_engine_that_cannot_be_reached_is_an_error():
    """As for any job."""

    def unreachable(*_):
        raise EngineError("The engine cannot be reached.")

    with http_service(ScriptedEngine(route=unreachable)) as service:
        answer = service.post(MESSAGES, CHAT)
    assert (answer.status_code, answer.json()["code"]) == (500, "engine_error")


@pytest.mark.parametrize("content_type", ["application/json", "text/event-stream"])
def test_a_client_of_an_openai_route_that_goes_frees_the_engine(content_type):
    """The engine's route is left, which ends the generation."""

    async def body():
        yield b"data: {}\n\n"
        await asyncio.Event().wait()

    engine = ScriptedEngine(route=lambda *_: Reply(200, content_type, body()))
    with http_service(engine) as service:
        with pytest.raises(httpx.ReadTimeout):
            service.client.post(CHAT, json=MESSAGES, timeout=0.5)
        until(lambda: not engine.open and not service.jobs.state.in_flight)


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        (CHAT, MESSAGES | {"stream": "yes"}, "stream"),
        (CHAT, MESSAGES | {"structured_outputs": 7}, "structured_outputs"),
        ("/v1/responses", {"input": "a", "background": True}, "background"),
        (CHAT, MESSAGES | {"temperature": float("nan")}, "temperature"),
        (CHAT, MESSAGES | {"tools": [{}], "tool_choice": {}}, "tools[0].function.name"),
    ],
)
def test_what_the_engine_would_fail_on_is_refused(path, body, param):
    """The field is named as the caller wrote it."""
    engine = ScriptedEngine()
    with http_service(engine) as service:
        answer = service.client.post(path, content=json.dumps(body))
    assert (answer.status_code, answer.json()["param"]) == (400, param)
    assert engine.routed == []


def test_a_dead_engine_fails_what_is_under_way():
    """Those that generate and those that wait are answered with 503, and so is whoever comes."""
    gate = threading.Event()
    engine = gated(gate)
    with http_service(engine, max_concurrency=1) as service:
        asked = [in_thread(lambda: service.post(request_document())) for _ in range(2)]
        until(lambda: service.jobs.state.waiting == 1)
        engine.dead = True
        until(lambda: service.fatal)
        for thread, _ in asked:
            thread.join()
        asked.append((None, [service.post(request_document())]))
    assert {got[0].status_code for _, got in asked} == {503}
    assert {got[0].json()["code"] for _, got in asked} == {EngineDead.code}
    assert [type(error) for error in service.fatal] == [EngineDead]


def test_the_end_answers_what_is_under_way_and_takes_nothing_more():
    """While it leaves, /ping says so; a stream is told to its end; then nobody can connect."""
    gate = threading.Event()
    with http_service(gated(gate), shutdown_grace=0.3) as service:
        thread, got = in_thread(lambda: service.post(request_document(stream=True)))
        until(lambda: service.jobs.state.in_flight)
        leaving = threading.Thread(target=lambda: service.service.leave(service.jobs))
        leaving.start()
        until(lambda: service.client.get("/ping").status_code == 503)
        gate.set()
        leaving.join()
        thread.join()
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{service.url}/ping")
    assert events(got[0])[-1][0] == "result"


def test_a_comment_keeps_a_quiet_stream_alive(monkeypatch):
    """Between two lines that are far apart, proxies see something move."""
    monkeypatch.setattr(exchange, "KEEP_ALIVE_SECONDS", 0.05)

    async def answer(body):
        last = "10번" in body["messages"][-1]["content"].rpartition("\n")[2]
        if last:
            await asyncio.sleep(0.4)
        async for delta in obey(body):
            yield delta

    with http_service(ScriptedEngine(answer)) as service:
        answer = service.post(request_document(stream=True))
    assert ": waiting\n\n" in answer.text
    assert len(events(answer)) == 11


def test_the_log_has_neither_data_nor_keys(caplog):
    """One line for each job, as for those of the queue."""
    with caplog.at_level(logging.DEBUG), http_service(api_keys=(KEY,)) as service:
        service.post(request_document(), Authorization=f"Bearer {KEY}")
    assert not any(private in caplog.text for private in ("서온유", "가온", KEY))
    jobs = [each for each in caplog.records if each.name == "worker.jobs"]
    assert len(jobs) == 1


def test_the_state_of_a_dead_worker_stays():
    """A signal that comes while it dies does not make it look alive."""
    with http_service() as service:
        service.service._service.state = DEAD
        service.service._service.leave()
        assert service.client.get("/health").json()["status"] == "dead"


def test_every_error_of_the_table_has_a_status():
    """No code is without one that HTTP knows as an error."""

    def below(kind):
        yield kind
        for each in kind.__subclasses__():
            yield from below(each)

    statuses = {kind.code: kind.status for kind in below(WorkerError)}
    assert all(400 <= status < 600 for status in statuses.values())
    caller = {kind.code for kind in below(WorkerError) if kind.fault == "caller"}
    assert all((statuses[code] < 500) == (code in caller) for code in statuses)


def raw(service, path="/v1/commentary", body=b"{}", length=None):
    """A connection on which a request has been sent, or the beginning of one."""
    connection = socket.create_connection(("127.0.0.1", service.settings.port), timeout=PATIENCE)
    announced = len(body) if length is None else length
    head = f"POST {path} HTTP/1.1\r\nHost: here\r\nContent-Length: {announced}\r\n\r\n"
    connection.sendall(head.encode() + body)
    return connection


def status_of(connection):
    """The status of the answer that comes."""
    return int(connection.recv(4096).split(b" ")[1])


def test_of_a_burst_no_more_are_admitted_than_may_wait():
    """Those who come in the same instant are counted before they have begun to wait."""
    gate = threading.Event()
    body = json.dumps(request_document()).encode()
    with http_service(gated(gate), max_concurrency=1, max_waiting=2) as service:
        asked = [raw(service, body=body) for _ in range(30)]
        until(lambda: service.jobs.crowd == 3)
        busy = 'commentary_http_refusals_total{status="503"}'
        until(lambda: service.counted(busy) == 27)
        gate.set()
        statuses = [status_of(connection) for connection in asked]
    assert sorted(statuses) == [200] * 3 + [503] * 27


def test_a_place_is_given_back_whatever_becomes_of_the_request():
    """A client that goes, a mistake and an answer each leave the room that they took."""
    gate = threading.Event()
    with http_service(gated(gate), max_concurrency=1, max_waiting=0) as service:
        gone = raw(service, body=json.dumps(request_document()).encode())
        until(lambda: service.jobs.crowd == 1)
        gone.close()
        until(lambda: service.jobs.crowd == 0)
        gate.set()
        for document, status in ((request_document(style="POET"), 400), (request_document(), 200)):
            assert service.post(document).status_code == status
            until(lambda: service.jobs.crowd == 0)


def test_a_body_that_does_not_come_is_given_up(monkeypatch):
    """It holds a connection, not a worker."""
    monkeypatch.setattr(exchange, "BODY_SECONDS", 0.2)
    with http_service() as service:
        answer = raw(service, body=b"{", length=100).recv(4096)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code": "body_timeout"' in answer


def test_a_client_that_reads_nothing_gives_its_turn_back(monkeypatch):
    """Who stops to read a stream has gone."""
    monkeypatch.setattr(exchange, "SEND_SECONDS", 0.2)

    async def endless():
        while True:
            yield b"data: " + b"x" * 100_000 + b"\n\n"

    engine = ScriptedEngine(route=lambda *_: Reply(200, "text/event-stream", endless()))
    with http_service(engine) as service:
        asked = raw(service, CHAT, json.dumps(MESSAGES).encode())
        until(lambda: engine.open)
        until(lambda: not engine.open and not service.jobs.state.in_flight)
        asked.close()


def test_the_end_waits_for_nobody_who_sends_no_more(monkeypatch):
    """A body that never comes holds up the end no longer than the answers that are owed."""
    with http_service(job_deadline=0.1) as service:
        for server in service.service._listener._servers:
            server.config.timeout_graceful_shutdown = 1
        half = raw(service, body=b"{", length=100)
        leaving, _ = in_thread(lambda: service.service.leave(service.jobs))
        leaving.join(PATIENCE)
        assert not leaving.is_alive()
        half.close()


def test_told_to_leave_twice_it_waits_for_nobody():
    """Whoever sends a second signal means it."""
    with http_service(gated(threading.Event()), shutdown_grace=60.0) as service:
        asked = raw(service, body=json.dumps(request_document()).encode())
        until(lambda: service.jobs.state.in_flight)
        leaving, _ = in_thread(lambda: service.service.leave(service.jobs))
        for _ in range(2):
            service.service._told_to_leave(15, None)
        leaving.join(PATIENCE)
        assert not leaving.is_alive()
        asked.close()


def test_the_last_answers_hold_the_other_doors_open():
    """While a request is finished, a load balancer and Prometheus are answered still."""
    gate, ports = threading.Event(), {"port_health": free_port(), "metrics_port": free_port()}
    engine = gated(gate)
    engine._route = lambda *_: Reply(200, "text/plain", spoken(""))  # its metrics
    with http_service(engine, **ports) as service:
        thread, got = in_thread(lambda: service.post(request_document()))
        until(lambda: service.jobs.state.in_flight)
        leaving, _ = in_thread(lambda: service.service.leave(service.jobs))
        until(lambda: unreachable(service.url))
        ping = httpx.get(f"http://127.0.0.1:{ports['port_health']}/ping")
        metrics = httpx.get(f"http://127.0.0.1:{ports['metrics_port']}/metrics")
        gate.set()
        for each in (thread, leaving):
            each.join()
    assert (ping.status_code, metrics.status_code) == (503, 200)
    assert got[0].status_code == 200


def unreachable(url):
    """Whether nobody listens there."""
    try:
        httpx.get(f"{url}/ping")
    except httpx.TransportError:
        return True
    return False


class Unlooked(ScriptedEngine):
    """An engine that cannot be looked after."""

    def load(self):
        raise RuntimeError("secret detail")


def test_a_worker_that_cannot_look_after_its_engine_ends(caplog):
    """It would go on looking ready."""
    with http_service(Unlooked()) as service:
        assert service.ended.wait(PATIENCE)
        assert service.client.get("/ping").status_code == 503
    assert "a fault of the worker's own: " in caplog.text
    assert "secret" not in caplog.text


def test_a_dead_engine_ends_the_worker_when_its_answers_have_left():
    """The process ends as a failure."""
    engine = ScriptedEngine()
    with http_service(engine) as service:
        assert not service.ended.is_set()
        engine.dead = True
        assert service.ended.wait(PATIENCE)


def test_an_engine_that_dies_during_the_last_answers_is_a_failure_still():
    """Also where the ports are closed before its end has begun."""
    engine = ScriptedEngine(lambda _body: hang())
    with http_service(engine) as service:
        thread, got = in_thread(lambda: service.post(request_document()))
        until(lambda: service.jobs.state.in_flight)
        leaving, _ = in_thread(lambda: service.service.leave(service.jobs))
        engine.dead = True
        for each in (thread, leaving):
            each.join()
        assert service.ended.is_set()
    assert got[0].status_code == 503


def test_ports_that_are_no_longer_listened_on_are_a_failure(monkeypatch):
    """The process must not end as if it had been told to."""
    service = HttpService(Settings(port=free_port()), Metrics())
    monkeypatch.setattr(service._listener._servers[0], "on_tick", lambda _counter: fail_at_once())
    service._listener._thread.join(PATIENCE)
    with pytest.raises(WorkerError, match="no longer listened on"):
        service.serve(None)


async def fail_at_once():
    raise RuntimeError("a bug")


@pytest.mark.parametrize(
    "ports",
    [
        {"metrics_port": "port"},
        {"port_health": "other", "metrics_port": "other"},
    ],
)
def test_two_settings_with_one_port_stop_the_start(ports):
    """One of the two would be deaf."""
    numbers = {"port": free_port(), "other": free_port()}
    settings = Settings(
        port=numbers["port"], **{name: numbers[which] for name, which in ports.items()}
    )
    with pytest.raises(InvalidSetting, match="another of these settings"):
        HttpService(settings, Metrics())


@pytest.mark.parametrize("status", [401, 403])
def test_what_the_engine_says_of_the_workers_own_key_is_told_to_nobody(status):
    """It may quote it, and the client's own key is another."""
    said = '{"error": {"message": "Incorrect API key provided: sk-secret"}}'
    with http_service(replying(status, "application/json", said)) as service:
        answer = service.post(MESSAGES, CHAT)
    assert (answer.status_code, answer.json()["code"]) == (500, "engine_key_refused")
    assert "sk-secret" not in answer.text


class Stuck(ScriptedEngine):
    """An engine that holds requests and says nothing, once it is told to be stuck."""

    stuck = False

    def load(self):
        return Load(requests=1, silent_s=100.0 if self.stuck else 0.0)


@pytest.mark.parametrize("begun", [False, True])
def test_at_a_stall_openais_clients_are_told(begun):
    """Before their answer has begun with a status, after that with an event."""

    async def body():
        if begun:
            yield b"data: {}\n\n"
        await asyncio.Event().wait()
        yield b""

    engine = Stuck(route=lambda *_: Reply(200, "text/event-stream", body()))
    with http_service(engine) as service:
        thread, got = in_thread(lambda: service.post(MESSAGES, CHAT))
        until(lambda: engine.open)
        time.sleep(0.1)
        engine.stuck = True
        thread.join()
    assert json.loads(got[0].text.rpartition("data: ")[2])["error"]["code"] == "engine_dead"


def test_an_answer_of_a_dead_engines_is_its_death():
    """VLLM puts it as a fault of its own; the same one is retryable elsewhere."""
    engine = replying(500, "application/json", "{}")
    with http_service(engine) as service:
        reply = engine._route

        def dying(*asked):
            engine.dead = True
            return reply(*asked)

        engine._route = dying
        answer = service.post(MESSAGES, CHAT)
    assert (answer.status_code, answer.json()["code"]) == (503, "engine_dead")


def test_an_engines_error_in_events_keeps_its_status():
    """A stream that is an error from its beginning."""
    with http_service(replying(400, "text/event-stream", "data: {}\n\n")) as service:
        assert service.post(MESSAGES, CHAT).status_code == 400


COUNTED = '{"usage": {"prompt_tokens": 9, "completion_tokens": 5}, "choices": []}'


@pytest.mark.parametrize(
    ("content_type", "pieces"),
    [
        ("application/json", (COUNTED[:20], COUNTED[20:])),
        ("text/event-stream", ("data: {}\n\n", f"data: {COUNTED}\n\ndata: [DONE]\n\n")),
    ],
)
def test_the_tokens_of_openais_routes_are_counted(content_type, pieces):
    """As far as the answer tells them."""
    with http_service(replying(200, content_type, *pieces)) as service:
        service.post(MESSAGES, CHAT)
        read = 'commentary_tokens_total{kind="prompt",shape="openai"}'
        until(lambda: service.counted(read) == 9)
        assert service.counted('commentary_tokens_total{kind="completion",shape="openai"}') == 5


def test_a_stream_that_ends_with_the_engines_error_is_a_failed_job():
    """Its status was good, and its client has read the error."""
    said = 'data: {"error": {"message": "gone", "code": 500}}\n\n'
    with http_service(replying(200, "text/event-stream", "data: {}\n\n", said)) as service:
        assert said in service.post(MESSAGES, CHAT).text
        failed = 'commentary_jobs_total{outcome="failed",shape="openai"}'
        until(lambda: service.counted(failed) == 1)


def test_a_key_may_have_any_letter():
    """It is compared byte by byte."""
    with http_service(api_keys=("열쇠",)) as service:
        header = {"Authorization": "Bearer 열쇠".encode()}
        answer = service.client.post("/v1/commentary", headers=header, json=request_document())
    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/ping/", "/v1/commentary/", "/docs/oauth2-redirect"])
def test_no_path_is_there_that_is_not_named(path):
    """Nobody is sent on."""
    with http_service() as service:
        answer = service.client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_an_unforeseen_fault_is_an_error_like_any_other(monkeypatch, caplog):
    """In a job and before there is one; what it says may be a caller's data, and stays here."""
    said = "secret detail"

    def broken(*_):
        raise RuntimeError(said)

    monkeypatch.setattr(api.documents, "health", broken)
    with http_service(ScriptedEngine(route=broken)) as service:
        answers = [service.post(MESSAGES, CHAT), service.client.get("/health")]
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
        assert "secret" not in answer.text + caplog.text


def test_what_is_answered_to_a_job_has_its_id():
    """In the form that the log has it, also where it failed."""
    named = {"X-Request-ID": "one"}
    with http_service(replying(200, "application/json", "{}")) as service:
        answers = [
            service.post(request_document(), **named),
            service.post(request_document(stream=True), **named),
            service.post(request_document(style="POET"), **named),
            service.post(MESSAGES, CHAT, **named),
        ]
        without = service.client.get("/health", headers=named)
    assert {answer.headers["x-request-id"] for answer in answers} == {"one"}
    assert "x-request-id" not in without.headers


@pytest.mark.parametrize(
    ("accept", "streams"),
    [
        ("text/event-stream;q=0, application/json", False),
        ("application/json, Text/Event-Stream; q=0.5", True),
        ("application/json", False),
        ("*/*", False),
        ("text/event-streams", False),
    ],
)
def test_events_are_for_those_who_accept_them(accept, streams):
    """By name, in any case, and not with a weight of nothing."""
    with http_service() as service:
        answer = service.post(request_document(), Accept=accept)
    assert answer.headers["content-type"].startswith("text/event-stream") is streams


def test_no_reader_of_lines_cuts_an_event():
    """What Unicode has as ends of lines leaves as JSON writes it."""
    written = exchange.event("line", {"a": "1\u20282\u20293\u00854"})
    assert len(written.decode().rstrip().splitlines()) == 2
    assert json.loads(written.decode().partition("data: ")[2])["a"] == "1\u20282\u20293\u00854"
