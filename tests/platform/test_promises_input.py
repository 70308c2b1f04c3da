"""Nonsense is answered like anything else: with a result, or with a coded error."""

import json
import sys
from collections import Counter

import pytest

from tests.platform.jobs import Status
from tests.platform.made import MARK, error_of, native_text, output_of, probe, requests, saying
from tests.platform.nonsense import inputs
from worker import errors

pytestmark = pytest.mark.engine

BODIES = 2000
ANSWERED = 300  # of them, at least: odd, and yet such as the engine has to do with
CODES = {
    kind.code
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, errors.WorkerError)
}
WORKERS_OWN = {"internal_error", "engine_dead", "engine_error", "startup_failed"}


def submitted(ground, given):
    """A job of an input that no client's encoder would write; the platform passes all JSON on."""
    return ground.call(ground.plane.submit, given).id


def ending_of(job):
    """What became of a job: `result`, which is JSON, or the code of an error of its caller's."""
    assert "Traceback" not in f"{job.error} {job.output}"
    if job.status is Status.FAILED:
        error = error_of(job)
        assert error["code"] in CODES - WORKERS_OWN, (error, job.input)
        return error["code"]
    json.dumps(output_of(job), allow_nan=False)
    return "result"


def assert_unheard(ground, worker, jobs):
    """Those of the jobs that are `invalid_input` had no turn, and the engine heard of none."""
    told = (line.partition("worker.jobs: job ")[2] for line in worker.log().splitlines())
    noted = {line["id"]: line for line in map(json.loads, filter(None, told))}
    refused = [job for job in jobs if ending_of(ground.job(job)) == "invalid_input"]
    assert refused
    for line in map(noted.__getitem__, refused):
        assert (line["waited_ms"], line["queue_ms"], line["model"]) == (None, None, None), line
        assert (line["prompt_tokens"], line["completion_tokens"]) == (0, 0), line


@pytest.fixture
def lenient():
    """Python's own limits on JSON lifted here, on the platform's side: a platform has others."""
    digits, depth = sys.get_int_max_str_digits(), sys.getrecursionlimit()
    sys.set_int_max_str_digits(0)
    sys.setrecursionlimit(50_000)
    yield
    sys.set_int_max_str_digits(digits)
    sys.setrecursionlimit(depth)


def test_two_thousand_bodies_of_nonsense_are_each_answered(standing, worker, lenient):
    """Each of 2,000 generated inputs ends with a result or a coded error, none in a traceback.

    What is `invalid_input` is so before the engine has heard of it.
    """
    given = inputs(BODIES)
    jobs = [submitted(standing, document) for document in given]
    standing.until(lambda: all(standing.job(job).status.final for job in jobs), 240)
    endings = Counter(map(ending_of, map(standing.job, jobs)))
    assert endings["result"] >= ANSWERED, endings
    assert_unheard(standing, worker, jobs)
    assert standing.anomalies == []
    assert "Traceback" not in worker.log()
    assert MARK not in worker.log()
    standing.until(lambda: requests(standing) == 0, 1.0)
    assert probe(standing)["jobs"]["inFlight"] == 1


POISON = {
    "deep": [],
    "deep where a prompt should be": [],
    "a number of five thousand digits": 10**5000,
    "infinite": float("inf"),
    "no number": float("nan"),
    "half a character": "\ud800",
    "nothing": None,
}
for _ in range(5000):
    POISON["deep"] = [POISON["deep"]]
POISON["deep where a prompt should be"] = {"prompt": POISON["deep"]}


@pytest.mark.parametrize("name", POISON)
def test_no_input_costs_another_job_its_answer(standing, worker, lenient, name):
    """Whatever one job holds, it is refused, and those that are taken with it are answered."""
    with standing.paused():
        poison = submitted(standing, POISON[name])
        others = [standing.run({"prompt": MARK, **saying("골")}) for _ in range(3)]
        nested = submitted(standing, {"prompt": MARK, "sampling_params": {"stop": POISON[name]}})
    standing.until(lambda: all(standing.job(job).status.final for job in (poison, *others)), 20)
    standing.until(lambda: standing.job(nested).status.final, 20)
    assert error_of(standing.job(poison))["code"] == "invalid_input"
    assert {native_text(standing.job(job)) for job in others} == {"골"}
    assert standing.anomalies == []


def test_what_is_refused_never_reaches_the_engine(standing, worker):
    """The engine hears nothing of an input that the worker can tell to be wrong."""
    bad = [
        {"prompt": 1},
        {"prompt": MARK, "temperature": "hot"},
        {"prompt": MARK, "messages": []},
        {"prompt": MARK, "odd": 1},
        {"openai_route": "/metrics", "openai_input": {}},
        {"openai_route": "/v1/chat/completions", "openai_input": "text"},
        {"rawData": []},
        {"style": "LOUD", "rawData": [{"actionId": 1}]},
        [],
        {},
    ]
    jobs = [standing.run(document) for document in bad]
    standing.wait_all(jobs)
    assert {ending_of(standing.job(job)) for job in jobs} == {"invalid_input"}
    assert_unheard(standing, worker, jobs)
