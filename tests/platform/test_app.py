"""The platform's addresses: what a client gets, what a worker may post, and who may call at all."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.platform import wire
from tests.platform.app import WAIT_MS
from tests.platform.faults import Call
from tests.platform.ground import Ground
from tests.platform.jobs import Status
from tests.serving import serving

SOON = 5.0  # seconds; nothing here takes nearly as long


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    with Ground(tmp_path_factory.mktemp("ground"), poll_s=0.1, webhook_pause_s=0.05) as ground:
        yield ground


@pytest.fixture
def ground(everything):
    """The platform with an empty queue and a clean record."""
    everything.call(everything.plane.purge)
    everything.plane.anomalies.clear()
    return everything


def take(ground, most=None, worker="w"):
    """What a worker's call for jobs is answered with."""
    kind = f"job-take-batch/{worker}?batch_size={most}" if most else f"job-take/{worker}?gpu=none"
    return ground.client.get(kind)


def post(ground, call, job, document, worker="w"):
    """A chunk or a result, as the SDK sends it."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return ground.client.post(f"{call}/{worker}/{job}", content=body)


def finish(ground, job, **document):
    assert take(ground).json()["id"] == job
    assert post(ground, Call.DONE, job, document).status_code == 200


@pytest.fixture
def meanwhile():
    """Begins a call on a thread."""
    with ThreadPoolExecutor() as pool:
        yield lambda function, *args, **kwargs: pool.submit(function, *args, **kwargs)


def queued(ground):
    """The id of the job that waits, once there is one."""
    jobs = ground.plane.jobs

    def waiting():
        return [name for name, job in list(jobs.items()) if job.status is Status.IN_QUEUE]

    ground.until(waiting, SOON)
    return waiting()[0]


def test_run_answers_at_once_and_status_follows(ground):
    """GET and POST /status show where the job is, to its end."""
    job = ground.run({"a": 1})
    assert ground.status(job) == {"id": job, "status": "IN_QUEUE"}
    finish(ground, job, output=["x"])
    for method in ("GET", "POST"):
        shown = ground.client.request(method, f"/status/{job}").json()
        assert (shown["status"], shown["output"], shown["workerId"]) == ("COMPLETED", ["x"], "w")


def test_one_job_comes_as_an_object_and_a_batch_as_a_list(ground):
    """As the SDK tells them apart; an empty queue is 204 either way."""
    jobs = [ground.run(number) for number in range(3)]
    assert take(ground).json() == {"id": jobs[0], "input": 0}
    assert [job["id"] for job in take(ground, 5).json()] == jobs[1:]
    assert [take(ground).status_code, take(ground, 5).status_code] == [204, 204]


def test_runsync_waits_for_the_result(ground, meanwhile):
    """The envelope is answered at the end of the job, whose id says how it came."""
    answer = meanwhile(ground.runsync, {"a": 1})
    finish(ground, queued(ground), output=[7])
    envelope = answer.result(SOON)
    assert (envelope["status"], envelope["output"]) == ("COMPLETED", [7])
    assert envelope["id"].startswith("sync-")


def test_runsync_answers_with_an_id_when_it_takes_too_long(ground):
    """After `wait`, at least a second, the job is still there to be asked about."""
    began = time.monotonic()
    envelope = ground.runsync("job", wait_ms=1)
    assert time.monotonic() - began >= WAIT_MS[0] / 1000
    assert envelope["status"] == "IN_QUEUE"
    finish(ground, envelope["id"], output=1)
    assert ground.status(envelope["id"])["output"] == 1


def test_a_stream_gives_each_chunk_once(ground, meanwhile):
    """Chunks come in their order, as they are posted, until the job has ended."""
    job = ground.run("job")
    take(ground)
    assert ground.client.get(f"/stream/{job}").json() == {"status": "IN_PROGRESS", "stream": []}
    chunks = meanwhile(lambda: list(ground.stream(job)))
    for word in "가나다":
        post(ground, Call.STREAM, job, {"output": word})
    post(ground, Call.DONE, job, {"output": list("가나다")})
    assert chunks.result(SOON) == list("가나다")


def test_cancelling_tells_the_worker(ground):
    """The job ends for its client, and job-stop names it, once."""
    job = ground.run("job")
    take(ground)
    assert ground.cancel(job) == {"id": job, "status": "CANCELLED"}
    assert ground.client.get("job-stop/w?gpu=none").json() == {"jobsToStop": [job]}
    assert ground.client.get("job-stop/w?gpu=none").status_code == 204


def test_a_purge_says_how_many(ground):
    """What nobody has taken is removed."""
    jobs = [ground.run("job") for _ in range(2)]
    assert ground.client.post("/purge-queue").json() == {"removed": 2, "status": "completed"}
    assert {ground.status(job)["status"] for job in jobs} == {"CANCELLED"}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b'{"input": NaN}', "NaN is not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[]", "must be a JSON object"),
        (b"{}", 'no "input"'),
        (b'{"input": 1, "webhook": 5}', "webhook"),
        (b'{"input": 1, "policy": {"ttl": -1}}', "policy.ttl"),
    ],
)
@pytest.mark.parametrize("path", ["/run", "/runsync"])
def test_a_body_that_is_wrong_is_refused(ground, path, body, says):
    """400 and a JSON error that says why; no job comes of it."""
    known = len(ground.plane.jobs)
    answer = ground.client.post(path, content=body)
    assert answer.status_code == 400
    assert says in answer.json()["error"]
    assert len(ground.plane.jobs) == known


def test_a_wait_that_is_no_number_is_refused(ground):
    """400 names it."""
    answer = ground.client.post("/runsync?wait=soon", json={"input": 1})
    assert (answer.status_code, "wait" in answer.json()["error"]) == (400, True)


def test_a_job_that_nobody_knows_is_404(ground):
    """Whatever is asked about it."""
    calls = [("GET", "status"), ("GET", "stream"), ("POST", "cancel")]
    answers = [ground.client.request(method, f"/{path}/none") for method, path in calls]
    assert {answer.status_code for answer in answers} == {404}


@pytest.mark.parametrize("path", ["/run", "/runsync", "/openai/v1/completions"])
def test_a_body_over_its_limit_is_refused(ground, path):
    """/run takes 10 MB, the others 20 MB."""
    limit = wire.RUN_LIMIT if path == "/run" else wire.RUNSYNC_LIMIT
    assert ground.client.post(path, content=b" " * (limit + 1)).status_code == 413


def padded(size):
    """A result of exactly so many bytes."""
    frame = len(json.dumps({"output": ""}))
    return {"output": "x" * (size - frame)}


def test_a_result_over_its_limit_is_refused_and_lost(ground):
    """413, an anomaly, and a job that stays in progress; at the limit it is taken."""
    job = ground.run("job")
    take(ground)
    assert post(ground, Call.DONE, job, padded(wire.RUN_LIMIT + 1)).status_code == 413
    assert ground.status(job)["status"] == "IN_PROGRESS"
    assert [anomaly.kind for anomaly in ground.anomalies] == ["job-done too large"]
    assert post(ground, Call.DONE, job, padded(wire.RUN_LIMIT)).status_code == 200


def test_a_chunk_over_its_limit_is_refused(ground):
    """413, and an anomaly; at the limit it is taken."""
    job = ground.run("job")
    take(ground)
    assert post(ground, Call.STREAM, job, padded(wire.CHUNK_LIMIT + 1)).status_code == 413
    assert post(ground, Call.STREAM, job, padded(wire.CHUNK_LIMIT)).status_code == 200
    assert [anomaly.kind for anomaly in ground.anomalies] == ["job-stream too large"]
    assert len(ground.job(job).chunks) == 1


def test_a_runsync_result_may_be_twice_as_large(ground, meanwhile):
    """20 MB, against /run's 10 MB."""
    answer = meanwhile(ground.runsync, "job")
    job = queued(ground)
    take(ground)
    assert post(ground, Call.DONE, job, padded(wire.RUNSYNC_LIMIT)).status_code == 200
    assert answer.result(SOON)["status"] == "COMPLETED"


@pytest.mark.parametrize("body", [b'{"output": NaN}', b'{"output": Infinity}', b"{", b"[]", b""])
def test_a_result_that_is_not_json_is_refused(ground, body):
    """400, an anomaly, and a job that goes on; Python's NaN is not JSON either."""
    job = ground.run("job")
    take(ground)
    assert post(ground, Call.DONE, job, body).status_code == 400
    assert ground.status(job)["status"] == "IN_PROGRESS"
    assert len(ground.anomalies) == 1


def test_only_the_key_opens(ground):
    """401 without it and with another; bare, as the SDK sends it, it opens like after Bearer."""
    words = {None: 401, "Bearer other": 401, ground.key: 200, f"Bearer {ground.key}": 200}
    for word, status in words.items():
        headers = {"Authorization": word} if word else {}
        assert httpx.get(f"{ground.base}/health", headers=headers).status_code == status


def test_calls_are_refused_as_ordered(ground):
    """So many times, with the status of the test's choosing, and no job is lost by it."""
    job = ground.run("job")
    ground.refuse(Call.TAKE, 429, times=2)
    assert [take(ground).status_code for _ in range(3)] == [429, 429, 200]
    assert ground.status(job)["status"] == "IN_PROGRESS"


def test_calls_are_slow_as_ordered(ground):
    """Until it is taken back."""
    ground.slow(Call.STOP, 0.3)
    began = time.monotonic()
    ground.client.get("job-stop/w")
    assert time.monotonic() - began >= 0.3
    ground.slow(Call.STOP, 0)


def test_a_held_result_counts_when_it_is_let_go(ground, meanwhile):
    """Until then the job is in progress."""
    job = ground.run("job")
    take(ground)
    gate = ground.hold(Call.DONE, job)
    posted = meanwhile(post, ground, Call.DONE, job, {"output": 1})
    ground.until(lambda: gate.arrived, SOON)
    assert ground.status(job)["status"] == "IN_PROGRESS"
    gate.open()
    assert posted.result(SOON).status_code == 200
    assert ground.status(job)["output"] == 1


def test_a_held_chunk_whose_sender_hangs_up_does_not_count(ground):
    """It never arrived, as far as anybody can tell."""
    job = ground.run("job")
    take(ground)
    gate = ground.hold(Call.STREAM, job)
    with pytest.raises(httpx.ReadTimeout):
        ground.client.post(f"job-stream/w/{job}", json={"output": 1}, timeout=0.2)
    ground.until(lambda: gate.left, SOON)
    gate.open()
    assert ground.job(job).chunks == []


def test_a_worker_that_hangs_up_leaves_no_job_behind(ground):
    """A poll that its caller has broken off takes nothing out of the queue."""
    ground.plane.poll_s = SOON
    try:
        with pytest.raises(httpx.ReadTimeout):
            ground.client.get("job-take/impatient", timeout=0.1)
        ground.until(lambda: ground.plane.worker("impatient").polls == 0, SOON)
    finally:
        ground.plane.poll_s = 0.1
    job = ground.run("job")
    assert take(ground).json()["id"] == job


def openai_job(ground):
    """The OpenAI job that waits, taken."""
    job = queued(ground)
    return job, take(ground).json()["input"]


def test_an_openai_call_becomes_a_job(ground, meanwhile):
    """Its route and body are the input; a list of one is unwrapped for the caller."""
    answer = meanwhile(ground.client.post, "/openai/v1/chat/completions", json={"model": "m"})
    job, given = openai_job(ground)
    assert given == {"openai_route": "/v1/chat/completions", "openai_input": {"model": "m"}}
    post(ground, Call.DONE, job, {"output": [{"object": "chat.completion"}]})
    assert answer.result(SOON).status_code == 200
    assert answer.result(SOON).json() == {"object": "chat.completion"}


def test_an_openai_call_without_a_body_is_a_job_too(ground, meanwhile):
    """GET has an empty input, and an output that is no list of one comes whole."""
    answer = meanwhile(ground.client.get, "/openai/v1/models")
    job, given = openai_job(ground)
    assert given == {"openai_route": "/v1/models", "openai_input": {}}
    post(ground, Call.DONE, job, {"output": [1, 2]})
    assert answer.result(SOON).json() == [1, 2]


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    ("error", "body"),
    [
        ('{"error": {"code": "x"}}', {"error": {"code": "x"}}),
        ("plain", {"error": "plain"}),
        ("[1]", {"error": "[1]"}),
    ],
)
def test_a_failed_openai_job_is_a_500(ground, meanwhile, error, body, streamed):
    """Its error is the body where that is a JSON object, else it stands in one."""
    call = meanwhile(ground.client.post, "/openai/v1/completions", json={"stream": streamed})
    job, _ = openai_job(ground)
    post(ground, Call.DONE, job, {"error": error})
    answer = call.result(SOON)
    assert (answer.status_code, answer.json()) == (500, body)


def test_an_openai_stream_is_piped_as_it_comes(ground):
    """The first piece is there before the second is posted; the end of the job is the end."""
    with ThreadPoolExecutor() as pool:
        taken = pool.submit(openai_job, ground)
        body = {"stream": True}
        pool.submit(lambda: _feed(ground, taken.result(SOON)[0], "data: 가\n\n"))
        with ground.client.stream("POST", "/openai/v1/completions", json=body) as answer:
            pieces = answer.iter_text()
            assert answer.headers["content-type"].startswith("text/event-stream")
            assert next(pieces) == "data: 가\n\n"
            job, _ = taken.result(SOON)
            post(ground, Call.STREAM, job, {"output": "data: 나\n\n"})
            post(ground, Call.DONE, job, {"error": "half-way"})
            assert "".join(pieces) == "data: 나\n\n"


def _feed(ground, job, text):
    post(ground, Call.STREAM, job, {"output": text})


def test_an_openai_caller_who_goes_cancels_the_job(ground):
    """Whether it waits for the answer or reads a stream, its job is stopped."""
    for stream in (False, True):
        call = threading.Thread(target=_leave, args=(ground, stream))
        call.start()
        job, _ = openai_job(ground)
        if stream:
            _feed(ground, job, "data: 가\n\n")
        ground.until(lambda job=job: ground.job(job).status is Status.CANCELLED, SOON)
        assert ground.client.get("job-stop/w").json() == {"jobsToStop": [job]}
        call.join()


def _leave(ground, stream):
    with pytest.raises(httpx.ReadTimeout):
        ground.client.post("/openai/v1/completions", json={"stream": stream}, timeout=0.5)


class Listener:
    """Back-end that answers deliveries with these statuses, and then with 200."""

    def __init__(self, *statuses):
        self.statuses = list(statuses)
        self.heard = []

    async def __call__(self, _scope, receive, send):
        self.heard.append(json.loads((await receive())["body"]))
        status = self.statuses.pop(0) if self.statuses else 200
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body"})


@pytest.mark.parametrize(
    ("statuses", "met"),
    [([], [200]), ([500, 204], [500, 204, 200]), ([500] * 4, [500] * 3)],
)
def test_a_webhook_is_tried_three_times(ground, statuses, met):
    """The envelope is posted at the job's end, until the answer is 200, at most three times."""
    listener = Listener(*statuses)
    with serving(listener) as url:
        job = ground.run("job", webhook=url)
        finish(ground, job, output=[1])
        ground.until(lambda: ground.job(job).deliveries == met, SOON)
    assert listener.heard == [ground.status(job)] * len(met)


def test_a_webhook_that_nobody_answers_is_noted(ground):
    """An address that cannot be reached says why, three times, and harms nothing."""
    jobs = [ground.run("job", webhook=address) for address in ("http://127.0.0.1:9", "nonsense")]
    for job in jobs:
        finish(ground, job, output=[1])
        ground.until(lambda job=job: len(ground.job(job).deliveries) == 3, SOON)
    assert [ground.job(job).deliveries[0] for job in jobs] == [
        "ConnectError",
        "UnsupportedProtocol",
    ]


def test_a_port_that_is_taken_is_said(ground, tmp_path):
    """A second platform on the same port does not start, and says which."""
    port = int(ground.url.rpartition(":")[2])
    with pytest.raises(RuntimeError, match=str(port)):
        Ground(tmp_path, port=port)
