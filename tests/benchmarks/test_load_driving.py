"""The load: how many jobs are under way, on whose turn, and what is noted of each."""

import asyncio
import socket
from contextlib import suppress
from time import perf_counter

import pytest

from benchmarks.load.doors import Failed, Service, Told
from benchmarks.load.driving import WARM_UP, Driver, Level, NothingWorks, told
from tests.serving import free_port, serving
from worker.engine import Usage

pytestmark = pytest.mark.anyio

PATIENCE = 30.0  # seconds; nothing here takes nearly as long


class Door:
    """Counts the jobs under way; `answer` says what becomes of the next one."""

    def __init__(self, answer=None):
        self.sent, self.running, self.most, self.least = [], 0, 0, None
        self._answer = answer

    async def prepare(self, document):
        return document

    async def send(self, session, prepared):
        self.sent.append(prepared["gameId"])
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(0)
            if self._answer:
                await self._answer(len(self.sent))
        finally:
            self.running -= 1
        return Told(perf_counter(), {"model": 10}, Usage(100, 10, 50), "a model")


def doors(**answers):
    return {name: Door(answer) for name, answer in answers.items()}


async def driven(made, *levels, rounds=1, timeout_s=PATIENCE):
    driver = Driver(timeout_s)
    await driver.measure(made, [Level(*level) for level in levels], rounds, None)
    return driver


async def test_every_side_has_its_turn_in_every_round_and_the_first_one_changes():
    """The warm-up is none of the runs."""
    driver = await driven(doors(ours=None, raw=None), (1, 2), (3, 5), rounds=2)
    turns = [(run.at_once, run.turn, run.side) for run in driver.runs]
    assert turns == [
        *((1, 0, "ours"), (1, 0, "raw"), (1, 1, "raw"), (1, 1, "ours")),
        *((3, 0, "ours"), (3, 0, "raw"), (3, 1, "raw"), (3, 1, "ours")),
    ]


async def test_as_many_jobs_are_under_way_as_the_level_says_and_each_is_sent_once():
    """A level with more at once than the warm-up has."""
    made = doors(ours=None)
    driver = await driven(made, (9, 30))
    assert made["ours"].most == 9 > WARM_UP.at_once
    assert len(driver.runs[0].samples) == 30
    assert len(set(made["ours"].sent)) == 30 + WARM_UP.jobs


async def test_the_next_job_is_sent_as_soon_as_one_ends():
    """It does not wait for the others of its batch: the slow one is overtaken by all."""
    gate = asyncio.Event()

    async def answer(number):
        if number == WARM_UP.jobs + 1:
            await gate.wait()
        if number == WARM_UP.jobs + 6:
            gate.set()

    driver = await driven(doors(ours=answer), (2, 6))
    assert driver.runs[0].done == 6


async def test_both_sides_of_a_round_are_sent_the_same_jobs_and_no_round_those_of_another():
    """So that neither engine has a prompt in its cache that the other has not."""
    made = doors(ours=None, raw=None)
    await driven(made, (1, 3), (2, 4), rounds=2)
    ours, raw = made["ours"].sent, made["raw"].sent
    assert ours[: WARM_UP.jobs + 3] == raw[: WARM_UP.jobs + 3]
    assert sorted(ours) == sorted(raw)
    assert len(set(ours)) == len(ours)


async def test_a_job_that_ends_is_noted_with_times_lines_and_tokens():
    """Its first line is no later than its script."""
    driver = await driven(doors(ours=None), (1, 1))
    [run] = driver.runs
    [sample] = run.samples
    assert 0 < sample.first_s <= sample.script_s <= run.seconds
    assert (sample.sources, sample.usage) == ({"model": 10}, Usage(100, 10, 50))
    assert (driver.model, driver.under_way) == ("a model", "")


async def test_a_failed_job_is_noted_by_its_kind_and_the_others_go_on():
    """None is left out."""

    async def answer(number):
        if number == WARM_UP.jobs + 2:
            raise Failed("engine_dead")

    driver = await driven(doors(ours=answer), (2, 4))
    assert sorted(str(sample.failure) for sample in driver.runs[0].samples) == [
        *["None"] * 3, "engine_dead",
    ]  # fmt: skip
    assert "1 jobs failed" in told(driver.runs[0])


async def test_a_job_that_takes_too_long_is_a_timeout():
    """And nobody waits for it any more."""

    async def answer(number):
        if number > WARM_UP.jobs:
            await asyncio.Event().wait()

    made = doors(ours=answer)
    driver = await driven(made, (1, 2), timeout_s=0.2)
    assert [sample.failure for sample in driver.runs[0].samples] == ["timeout"] * 2
    assert made["ours"].running == 0


async def test_where_nothing_works_nothing_is_measured():
    """The warm-up says why."""

    async def answer(_number):
        raise Failed("HTTP 401")

    with pytest.raises(NothingWorks, match=r"ours: no job .*HTTP 401"):
        await driven(doors(ours=answer), (1, 1))


async def test_a_port_that_nobody_listens_on_cannot_be_connected_to():
    """As it is called where failures are counted."""
    with pytest.raises(NothingWorks, match="cannot connect"):
        await driven({"ours": Service(f"http://127.0.0.1:{free_port()}")}, (1, 1))


async def test_a_connection_that_breaks_is_lost():
    """Before the answer, and in the middle of it."""

    async def breaking(_scope, _receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"event: line\n", "more_body": True})
        raise ConnectionError

    with serving(breaking) as url, pytest.raises(NothingWorks, match="connection lost"):
        await driven({"ours": Service(url)}, (1, 1))
    with socket.create_server(("127.0.0.1", 0)) as server:
        hanging_up = asyncio.create_task(asyncio.to_thread(hang_up, server))
        port = server.getsockname()[1]
        with pytest.raises(NothingWorks, match="connection lost"):
            await driven({"ours": Service(f"http://127.0.0.1:{port}")}, (1, 1))
        server.shutdown(socket.SHUT_RDWR)
        await hanging_up


def hang_up(server):
    """Take connections and close each one as its request comes."""
    with suppress(OSError):
        while True:
            connection, _ = server.accept()
            connection.recv(1)
            connection.close()


async def test_what_is_broken_off_leaves_what_was_measured():
    """And says how far the run had come that did not end."""
    reached = asyncio.Event()

    async def answer(number):
        if number == WARM_UP.jobs + 2 + 2:
            reached.set()
            await asyncio.Event().wait()

    made = doors(ours=answer)
    driver = Driver(PATIENCE)
    task = asyncio.create_task(driver.measure(made, [Level(1, 2)], 2, None))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [run.turn for run in driver.runs] == [0]
    assert driver.under_way == "1 jobs at once, round 2, ours, of whose 2 jobs 1 had ended"
    assert made["ours"].running == 0


async def test_a_key_is_sent_as_bearer_token_and_without_one_nothing_is():
    """To every address that is asked."""
    seen = []

    async def application(scope, _receive, send):
        seen.append(dict(scope["headers"]).get(b"authorization"))
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    with serving(application) as url:
        for key in ("a key", None):
            with pytest.raises(NothingWorks, match="HTTP 404"):
                await Driver(PATIENCE).measure({"ours": Service(url)}, [Level(1, 1)], 1, key)
    assert seen == [b"Bearer a key"] * WARM_UP.jobs + [None] * WARM_UP.jobs
