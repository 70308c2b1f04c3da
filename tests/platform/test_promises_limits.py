"""Results beyond what the platform takes, and starts that fail: both say so."""

from contextlib import ExitStack

import pytest

from tests.platform.conftest import on_mini
from tests.platform.ground import Ground
from tests.platform.jobs import Status
from tests.platform.made import (
    COMPLETIONS,
    MARK,
    error_of,
    openai,
    requests,
)
from tests.platform.wire import CHUNK_LIMIT, RUN_LIMIT

pytestmark = pytest.mark.engine

# Echoed 480 times, a prompt of 25 kB makes a result of 12 MB. A longer one, echoed less often,
# would be read for longer than that takes: attention grows with the square of a prompt.
PARAGRAPH = f"{MARK} 공이 옆으로 흐릅니다. "
PROMPTS = 4


def echoed(size, choices, **body):
    """A completion whose answer has about so many bytes, by choices of equal length."""
    prompts = [PARAGRAPH * (size // choices // len(PARAGRAPH.encode()))] * PROMPTS
    each = {"n": choices // PROMPTS, "echo": True, "max_tokens": 1}
    return openai(COMPLETIONS, prompt=prompts, **each, **body)


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
def test_a_result_over_the_limit_is_told_instead_of_lost(standing, worker, stream):
    """A result that the platform would refuse becomes `result_too_large`, which the caller sees."""
    job = standing.run(echoed(RUN_LIMIT * 6 // 5, 480, stream=stream))
    standing.wait(job)
    error = error_of(standing.job(job))
    assert (error["code"], error["retryable"]) == ("result_too_large", False)
    standing.until(lambda: requests(standing) == 0, 1.0)
    assert standing.anomalies == []


def test_a_result_of_some_megabytes_comes_whole(standing, worker):
    """Between the limit of a chunk and that of a result, an answer comes, in the result alone."""
    given = echoed(CHUNK_LIMIT * 4, 160)
    job = standing.run(given)
    standing.wait(job)
    ended = standing.job(job)
    assert ended.status is Status.COMPLETED
    assert ended.chunks == []
    (document,) = ended.output
    texts = [choice["text"] for choice in document["choices"]]
    assert len(texts) == 160
    assert all(text.startswith(given["openai_input"]["prompt"][0]) for text in texts)
    assert standing.anomalies == []


BROKEN = {
    "no such folder": lambda _folder: {"MODEL_NAME": "/nowhere/at/all"},
    "impossible length": lambda _folder: {"MAX_MODEL_LEN": "9000000"},
    "truncated weights": lambda folder: {"MODEL_NAME": str(folder)},
    "unknown argument's value": lambda _folder: {"MAX_NUM_SEQS": "many"},
}
CAUSE = {
    "no such folder": "no model in the folder",
    "impossible length": "MAX_MODEL_LEN=9000000",
    "truncated weights": "incomplete metadata",
    "unknown argument's value": 'MAX_NUM_SEQS="many"',
}


@pytest.fixture(scope="module")
def truncated(mini_folders, tmp_path_factory):
    """A checkpoint whose weights were cut off in a download."""
    folder = tmp_path_factory.mktemp("truncated")
    for file in mini_folders["exaone"].iterdir():
        whole = file.read_bytes()
        cut = file.suffix == ".safetensors"
        (folder / file.name).write_bytes(whole[: len(whole) // 2] if cut else whole)
    return folder


@pytest.fixture(scope="module")
def failing(mini_folders, truncated, tmp_path_factory):
    """For each case a platform with a job, and a worker that starts there; all at the same time."""
    with ExitStack() as grounds:
        started = {}
        for case, broken in BROKEN.items():
            ground = grounds.enter_context(Ground(tmp_path_factory.mktemp("ground")))
            job = ground.run({"probe": True})
            worker = ground.start(ready=False, **on_mini(mini_folders) | broken(truncated))
            started[case] = ground, worker, job
        yield started


@pytest.mark.parametrize("case", BROKEN)
def test_a_start_that_fails_says_why_and_takes_no_job(failing, case):
    """A worker that cannot start exits non-zero with its cause in the last line, and no job."""
    ground, worker, job = failing[case]
    assert worker.wait(120) == 1
    last = worker.log().splitlines()[-1]
    assert CAUSE[case] in last
    assert last.startswith("CRITICAL")
    assert ground.takes(worker) == 0
    assert ground.job(job).status == "IN_QUEUE"
    ground.until(lambda: worker.processes() == [], 5.0)
