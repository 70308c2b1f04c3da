"""A cancelled job leaves the engine within a second, wherever it stands, and disturbs nobody."""

import time

import pytest

from tests.platform.faults import Call
from tests.platform.made import (
    COMPLETIONS,
    MARK,
    chat,
    commentary,
    endless,
    native_text,
    openai,
    probe,
    requests,
)

pytestmark = pytest.mark.engine

WITHIN = 1.0  # seconds, as the promise has it

# What the model is made to say beside the jobs that are cancelled: alone it could say nothing else.
STEADY = "가나다라"
TOKENS = 500  # a second and more: many times what any of those needs to be gone
COMPANION = {
    "prompt": f"{MARK} 중계",
    "sampling_params": {
        "structured_outputs": {"regex": f"({STEADY})+"},
        "min_tokens": TOKENS,
        "max_tokens": TOKENS,
    },
}

DECODING = {
    "native plain": {"prompt": MARK, **endless()},
    "native streamed": {"prompt": MARK, "stream": True, **endless()},
    "native chat, several choices": {
        "messages": [{"role": "user", "content": MARK}],
        "stream": True,
        "n": 3,
        **endless(),
    },
    "openai plain": chat(MARK, **endless()),
    "openai streamed": openai(COMPLETIONS, prompt=MARK, stream=True, **endless()),
    "commentary plain": commentary(71, 20, fanout=1),
    "commentary streamed": commentary(72, 20, fanout=1, stream=True),
    "commentary side by side": commentary(73, 20),
}
STREAMED = {name: given for name, given in DECODING.items() if given.get("stream")} | {
    "openai streamed": DECODING["openai streamed"]
}
LONG = f"{MARK} 공이 " * 5000  # some thirty thousand tokens: seconds of reading
PREFILL = {
    "native plain": {"prompt": LONG, "max_tokens": 2000},
    "native streamed": {"prompt": LONG, "max_tokens": 2000, "stream": True},
    "openai chat": chat(LONG, max_tokens=2000),
    "openai streamed": openai(COMPLETIONS, prompt=LONG, max_tokens=2000, stream=True),
}


def let_go_of(ground, job, beside=None):
    """Cancel a job; how long the engine then held more than the one beside it, which goes on."""
    told = time.monotonic()
    assert ground.cancel(job)["status"] == "CANCELLED"
    ground.until(lambda: requests(ground) <= (beside is not None), 10.0)
    took = time.monotonic() - told
    assert beside is None or not ground.job(beside).status.final
    return took


@pytest.fixture
def companion(standing, worker):
    """A job that runs beside the others, and comes to its own end."""
    job = standing.run(COMPANION)
    standing.until(lambda: requests(standing) == 1)
    yield job
    standing.wait(job)
    text = native_text(standing.job(job))
    assert len(text) > TOKENS // 2
    assert (STEADY * len(text)).startswith(text)
    assert standing.anomalies == []
    assert probe(standing)["jobs"]["inFlight"] == 1  # which is the probe: no place is lost


@pytest.mark.parametrize("given", DECODING.values(), ids=DECODING)
def test_a_job_cancelled_while_the_model_writes_leaves_the_engine(standing, companion, given):
    """Cancelled during decoding, a job is out of the engine within 1 s; another one goes on."""
    job = standing.run(given)
    standing.until(lambda: requests(standing) > 1)
    assert let_go_of(standing, job, companion) <= WITHIN


@pytest.mark.parametrize("given", PREFILL.values(), ids=PREFILL)
def test_a_job_cancelled_while_the_model_reads_leaves_the_engine(standing, companion, given):
    """Cancelled during the prefill of a long prompt, a job is out of the engine within 1 s."""
    job = standing.run(given)
    standing.until(lambda: requests(standing) > 1)
    assert let_go_of(standing, job, companion) <= WITHIN
    assert standing.job(job).chunks == []


@pytest.mark.parametrize("given", STREAMED.values(), ids=STREAMED)
def test_a_job_cancelled_while_a_chunk_is_posted_leaves_the_engine(standing, companion, given):
    """Cancelled in the middle of the POST of a chunk, a job is out of the engine within 1 s."""
    with standing.paused():
        job = standing.run(given)
        gate = standing.hold(Call.STREAM, job, after=1)
    standing.until(lambda: gate.arrived)
    assert requests(standing) > 1
    assert let_go_of(standing, job, companion) <= WITHIN
    standing.until(lambda: gate.left)
    gate.open()


@pytest.mark.parametrize("call", [Call.STREAM, Call.DONE])
def test_a_plain_job_cancelled_while_its_answer_is_posted_gives_its_place_back(
    standing, companion, call
):
    """A plain job that is cancelled in the POST of its answer ends, and holds nothing."""
    with standing.paused():
        job = standing.run({"prompt": MARK, "max_tokens": 4})
        gate = standing.hold(call, job)
    standing.until(lambda: gate.arrived)
    assert let_go_of(standing, job, companion) <= WITHIN
    standing.until(lambda: gate.left)
    gate.open()


def test_a_job_cancelled_as_soon_as_it_is_taken_is_not_run(standing, worker):
    """A stop signal that comes before the job has begun is heeded all the same."""
    for _ in range(10):
        job = standing.run({"prompt": MARK, **endless()})
        standing.until(lambda job=job: standing.job(job).taken, pause=0.0)
        assert let_go_of(standing, job) <= WITHIN
    assert probe(standing)["jobs"]["inFlight"] == 1


def test_jobs_cancelled_by_the_dozen_free_all_their_places(standing, worker):
    """Of many jobs cancelled at once, running and waiting, nothing is left to hold a place."""
    jobs = [standing.run({"prompt": MARK, "stream": True, **endless()}) for _ in range(60)]
    standing.until(lambda: standing.health()["jobs"]["inProgress"] >= 33)
    for job in jobs:
        standing.cancel(job)
    told = time.monotonic()
    standing.until(lambda: requests(standing) == 0, 10.0)
    assert time.monotonic() - told <= WITHIN
    assert probe(standing)["jobs"]["inFlight"] == 1
    assert standing.anomalies == []
