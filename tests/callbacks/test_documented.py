"""What README says of callbacks is what they are; its receivers know the worker's from others'."""

import json
import re
import time
from dataclasses import replace
from typing import NamedTuple

import pytest

from tests.callbacks.receivers import SECRET, Receiver, courier, to
from tests.serving import serving
from tests.test_docs import README, example
from worker.callbacks import Outcome, Reason, failed_document
from worker.callbacks.courier import Pace
from worker.callbacks.hosts import Allowed
from worker.callbacks.outcome import body_of
from worker.callbacks.signing import signed_headers
from worker.callbacks.target import read_target
from worker.errors import DeadlineExceeded

SECTION = README.split("\n## Callbacks\n")[1].split("\n## ")[0]
DOCUMENT = {"jobId": "1", "status": "DONE", "script": [{"description": "문새벽의 골!"}]}


def block(language):
    """The section's one block in a language."""
    [found] = re.findall(rf"```{language}\n(.*?)```", SECTION, re.DOTALL)
    return found


class Call(NamedTuple):
    """What a receiver's function is given."""

    secret: bytes
    timestamp: str
    signature: str
    body: bytes


async def received(seconds_ago=0.0):
    """A callback as it arrives, posted by the worker that long ago."""
    receiver = Receiver(200)
    with serving(receiver) as url:
        poster = courier(clock=lambda: time.time() - seconds_ago)
        await poster.post(to(url), "job-1", body_of(DOCUMENT))
    [(_, _, headers, body)] = receiver.asked
    return Call(SECRET, headers["x-timestamp"], headers["x-signature"], body)


async def cases():
    """Calls, and whether a receiver may take them for the worker's."""
    call, old = await received(), await received(seconds_ago=400)
    other = "0" if call.signature[-1] != "0" else "1"
    yield call, True
    yield await received(seconds_ago=200), True
    yield await received(seconds_ago=-200), True  # a clock that is fast
    yield old, False
    yield await received(seconds_ago=-400), False
    yield old._replace(timestamp=call.timestamp), False
    yield call._replace(timestamp=str(int(call.timestamp) - 1)), False
    yield call._replace(body=call.body.replace(b"DONE", b"FAIL")), False
    yield call._replace(body=call.body + b" "), False
    yield call._replace(body=json.dumps(DOCUMENT).encode()), False  # parsed, and written anew
    yield call._replace(secret=b"another"), False
    yield call._replace(signature=call.signature[:-1] + other), False
    yield call._replace(signature=call.signature.removeprefix("sha256=")), False
    yield call._replace(signature=""), False
    yield call._replace(signature="서명"), False
    yield call._replace(timestamp="now"), False
    yield call._replace(timestamp=""), False


@pytest.mark.anyio
async def test_the_python_receiver_takes_the_worker_s_callbacks_and_no_other():
    """README's function, on callbacks that were really posted, and on what was made of them."""
    names = {}
    exec(block("python"), names)  # noqa: S102  # README's own code is what is tested
    told = [(names["is_genuine"](*call), genuine) async for call, genuine in cases()]
    assert [said for said, _ in told] == [genuine for _, genuine in told]


def test_the_example_callback_is_taken():
    """README's `callback`, by a worker that allows its host."""
    target = read_target(example('{"callback": {"url"'), Allowed.of(["hooks.example.com"]))
    assert (target.authority, target.path) == ("hooks.example.com", "/commentary")
    assert target.headers == (("X-Match", "126283"),)


def test_the_example_of_a_failed_job_is_what_is_posted():
    """Key by key."""
    error = DeadlineExceeded("Not finished within 120 s.")
    assert example('{"status": "FAILED"') == failed_document("sync-5f1e-e1", "126283", error)


def test_the_example_of_a_result_is_part_of_a_result():
    """The one that README shows of a job."""
    shown, result = example('{"status": "DONE"'), example('{"jobId"')
    assert {**result, **shown} == {**result, "jobId": shown["jobId"]}


def test_the_example_outcome_is_what_a_job_is_told():
    """Key by key."""
    outcome = Outcome("failed", 7, 503, Reason.STATUS)
    assert example('{"callback": {"status"') == {"callback": outcome.told()}


def test_every_reason_is_explained():
    """And no other."""
    [table] = re.findall(r"\| `reason` .*?\n\n", SECTION, re.DOTALL)
    named = re.findall(r"^\| `(\w+)` \| ", table, re.MULTILINE)[1:]
    assert named == [reason.value for reason in Reason]


def test_the_headers_of_a_callback_are_named():
    """All but those that every POST of JSON has."""
    [table] = re.findall(r"\| header .*?\n\n", SECTION, re.DOTALL)
    ours = signed_headers(b"s", 0, "1", b"").keys() - {"Content-Type", "User-Agent"}
    assert set(re.findall(r"^\| `([\w-]+)` ", table, re.MULTILINE)) == ours


def test_the_times_are_the_pace_s():
    """Seconds for an answer, and in all."""
    told = re.search(r"2xx within (\d+) seconds.*?until (\d+) seconds are over", SECTION, re.DOTALL)
    pace = Pace()
    assert replace(pace, read=float(told[1]), total=float(told[2])) == pace
