"""The job loop: it takes what there is room for, and loses nothing at its end."""

import asyncio
import signal

import pytest

from tests.fakes import ScriptedEngine, unguarded
from worker import health as health_of_workers
from worker.errors import EngineDead
from worker.handler import Handler
from worker.health import Health
from worker.serve import queue
from worker.serve.queue import JobLoop, held

pytestmark = pytest.mark.anyio

CALLERS = "what a caller wrote"


class Ground:
    """A platform that hands out what a test puts there, and jobs that end when a test says so."""

    def __init__(self, monkeypatch, concurrency=4, grace_s=5.0, engine=None, health=None):
        self.jobs = asyncio.Queue()
        self.wanted = []
        self.polls = 0
        self.running = {}
        self.handled = []
        self.ended = []
        monkeypatch.setattr(queue, "get_job", self.get_job)
        self.handler = Handler(engine or ScriptedEngine(), unguarded(), concurrency, lambda _: None)
        beyond = 2 * held(concurrency) + 1
        config = {"handler": None, "concurrency_modifier": lambda _: beyond}
        self.loop = JobLoop(
            config,
            handler=self.handler,
            engine=self.handler.engine,
            stall_s=0.0,
            grace_s=grace_s,
            health=Health(health),
            end=lambda: self.ended.append(True),
        )
        self.loop.job_progress.clear()
        self.loop.jobs_handler = self.handle
        self.loop.stop_signals_fetcher = self.no_signals

    async def get_job(self, _session, wanted):
        self.wanted.append(wanted)
        self.polls += 1
        try:
            return [{"id": name, "input": {}} for name in await self.jobs.get()]
        finally:
            self.polls -= 1

    async def get_anything(self, _session, wanted):
        self.wanted.append(wanted)
        return await self.jobs.get()

    async def no_signals(self, _session):
        await asyncio.Event().wait()

    async def handle(self, _session, _config, job):
        self.handled.append(job["id"])
        self.running[job["id"]] = asyncio.Event()
        try:
            await self.running[job["id"]].wait()
        finally:
            del self.running[job["id"]]

    async def until(self, condition):
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110  # a test may look
                await asyncio.sleep(0.01)


@pytest.fixture
def exits(monkeypatch):
    """`sys.exit` of the loop, noted: it would end the test's own loop."""
    codes = []
    monkeypatch.setattr(queue.sys, "exit", codes.append)
    return codes


@pytest.fixture
async def begun():
    """Starts a ground's loop, and cancels it at the end of the test."""
    grounds, tasks = [], []

    def begin(ground):
        grounds.append(ground)
        tasks.append(asyncio.create_task(ground.loop.run()))
        return ground

    yield begin
    tasks += [task for ground in grounds for task in ground.loop._tasks]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_it_asks_for_as_many_jobs_as_it_has_room_for(monkeypatch, begun):
    """The first poll asks for all that may be held, the next for what is left."""
    ground = begun(Ground(monkeypatch, concurrency=4))
    await ground.until(lambda: ground.polls)
    ground.jobs.put_nowait(["a", "b"])
    await ground.until(lambda: len(ground.wanted) == 2)
    assert ground.wanted == [5, 3]


async def test_a_job_begins_as_soon_as_it_is_taken(monkeypatch, begun):
    """Nobody waits for the SDK to look for it: no time passes, only turns of the loop."""
    ground = begun(Ground(monkeypatch))
    await ground.until(lambda: ground.polls)
    ground.jobs.put_nowait(["a", "b"])
    for _ in range(20):
        await asyncio.sleep(0)
    assert sorted(ground.running) == ["a", "b"]


async def test_a_burst_beyond_the_room_stays_with_the_platform(monkeypatch, begun):
    """A full worker polls no more, and again as soon as one of its jobs has ended."""
    ground = begun(Ground(monkeypatch, concurrency=4))
    ground.jobs.put_nowait(["a", "b", "c", "d", "e"])
    await ground.until(lambda: len(ground.running) == 5)
    await asyncio.sleep(0.2)
    assert (ground.wanted, ground.polls) == ([5], 0)
    ground.running["c"].set()
    await ground.until(lambda: ground.polls)
    assert ground.wanted == [5, 1]


async def test_a_job_is_stopped_before_its_first_step(monkeypatch, begun):
    """A stop signal that is as fast as the job ends it, and its place is free again."""
    ground = begun(Ground(monkeypatch))
    await ground.until(lambda: ground.polls)
    ground.jobs.put_nowait(["a", "b"])
    while not ground.loop.job_progress.get("a"):  # noqa: ASYNC110  # turn by turn
        await asyncio.sleep(0)
    assert await ground.loop.stop_job("a")
    await ground.until(lambda: ground.loop._in_hand() == 1)
    assert list(ground.running) == ["b"]


async def test_a_job_is_stopped_while_it_runs(monkeypatch, begun):
    """A stop signal ends one job, and no other."""
    ground = begun(Ground(monkeypatch))
    ground.jobs.put_nowait(["a", "b"])
    await ground.until(lambda: len(ground.running) == 2)
    assert await ground.loop.stop_job("a")
    assert not await ground.loop.stop_job("c")
    await ground.until(lambda: ground.loop._in_hand() == 1)
    assert list(ground.running) == ["b"]


async def test_a_job_to_stop_is_heard_of_at_once(monkeypatch):
    """A poll that had none is followed by the next, not by a second of deafness."""
    told = [[], [], ["a"]]

    async def signals(_session):
        return told.pop(0)

    monkeypatch.setattr(queue, "get_stop_signals", signals)
    loop = Ground(monkeypatch).loop
    async with asyncio.timeout(1):
        assert await loop._stops(None) == ["a"]


async def test_a_platform_that_holds_no_poll_is_not_asked_without_pause(monkeypatch):
    """Some polls a second are enough."""
    asked = []

    async def signals(_session):
        asked.append(None)
        return []

    monkeypatch.setattr(queue, "get_stop_signals", signals)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(Ground(monkeypatch).loop._stops(None), 0.5)
    assert len(asked) <= 4


async def test_a_signal_ends_an_idle_worker_once_its_poll_is_over(monkeypatch, begun, exits):
    """Nothing is in hand and nothing can come any more: exit 0, and no further poll."""
    ground = begun(Ground(monkeypatch))
    await ground.until(lambda: ground.polls)
    ground.loop.handle_shutdown(signal.SIGTERM, None)
    await asyncio.sleep(0.1)
    assert exits == []
    ground.jobs.put_nowait([])
    await ground.until(lambda: exits)
    assert (exits, len(ground.wanted)) == ([0], 1)


async def test_a_job_that_the_pending_poll_brings_after_the_signal_is_run(
    monkeypatch, begun, exits
):
    """It was handed out, so nobody else will do it; the worker ends when it is done."""
    ground = begun(Ground(monkeypatch))
    await ground.until(lambda: ground.polls)
    ground.loop.handle_shutdown(signal.SIGTERM, None)
    ground.jobs.put_nowait(["late"])
    await ground.until(lambda: "late" in ground.running)
    await asyncio.sleep(0.1)
    assert exits == []
    ground.running["late"].set()
    await ground.until(lambda: exits)
    assert (exits, len(ground.wanted)) == ([0], 1)


async def test_jobs_in_hand_are_finished_though_the_poll_is_given_up(monkeypatch, begun, exits):
    """A poll that outlasts the grace is left; the jobs are not."""
    ground = begun(Ground(monkeypatch, grace_s=0.1))
    ground.jobs.put_nowait(["a"])
    await ground.until(lambda: ground.running and ground.polls)
    ground.loop.handle_shutdown(signal.SIGTERM, None)
    await ground.until(lambda: not ground.polls)
    await asyncio.sleep(0.1)
    assert exits == []
    ground.running["a"].set()
    await ground.until(lambda: exits)
    assert exits == [0]


async def test_a_second_signal_changes_nothing(monkeypatch, begun, exits):
    """An impatient platform does not make it end twice."""
    ground = begun(Ground(monkeypatch, grace_s=0.05))
    await ground.until(lambda: ground.polls)
    ground.loop.handle_shutdown(signal.SIGTERM, None)
    ground.loop.handle_shutdown(signal.SIGINT, None)
    await ground.until(lambda: exits)
    assert exits == [0]


async def test_a_signal_before_the_first_poll_takes_no_job(monkeypatch):
    """Between the SDK's start and its loop, too, a signal ends the worker."""
    ground = Ground(monkeypatch)
    ground.loop.handle_shutdown(signal.SIGTERM, None)
    assert not ground.loop.is_alive()


async def test_a_dead_engine_ends_the_worker_with_its_answers_sent(monkeypatch, begun):
    """No job is taken after, the poll is dropped, and the end waits for jobs in hand."""
    engine = ScriptedEngine()
    ground = begun(Ground(monkeypatch, engine=engine))
    ground.jobs.put_nowait(["a"])
    await ground.until(lambda: ground.running and ground.polls)
    engine.dead = True
    await ground.until(lambda: not ground.polls)
    assert ground.ended == []
    ground.running["a"].set()
    await ground.until(lambda: ground.ended)
    assert len(ground.wanted) == 2


async def test_a_dying_worker_waits_for_no_answer_for_ever(monkeypatch, begun):
    """What cannot be answered in time is left for the platform."""
    monkeypatch.setattr(queue, "LAST_WORDS_SECONDS", 0.05)
    ground = begun(Ground(monkeypatch))
    ground.jobs.put_nowait(["a"])
    await ground.until(lambda: ground.running)
    ground.handler.fail(EngineDead("Gone."))
    await ground.until(lambda: ground.ended)


async def test_the_end_comes_though_the_loop_is_stuck(monkeypatch, begun):
    """A thread of its own ends the process where this loop no longer turns."""
    monkeypatch.setattr(queue, "LAST_WORDS_SECONDS", 60.0)
    monkeypatch.setattr(queue, "END_SECONDS", 0.05)
    ground = begun(Ground(monkeypatch))
    ground.jobs.put_nowait(["a"])
    await ground.until(lambda: ground.running)
    ground.handler.fail(EngineDead("Gone."))
    await ground.until(lambda: ground.ended)
    assert ground.running


async def test_a_stop_that_overtakes_its_job_stops_it(monkeypatch, begun):
    """The word comes while the poll that hands the job out is still being answered."""
    ground = begun(Ground(monkeypatch))
    await ground.until(lambda: ground.polls)
    assert not await ground.loop.stop_job("late")
    ground.jobs.put_nowait(["late", "wanted"])
    await ground.until(lambda: "wanted" in ground.running)
    await ground.until(lambda: ground.loop._in_hand() == 1)
    assert list(ground.running) == ["wanted"]


async def test_a_job_that_is_tried_again_is_not_stopped(monkeypatch, begun):
    """A stop is about the job that was under way then; the same id may come again later."""
    monkeypatch.setattr(queue, "OVERTAKING_SECONDS", 0.01)
    ground = begun(Ground(monkeypatch))
    await ground.until(lambda: ground.polls)
    await ground.loop.stop_job("again")
    await asyncio.sleep(0.05)
    ground.jobs.put_nowait(["again"])
    await ground.until(lambda: "again" in ground.running)
    await asyncio.sleep(0.05)
    assert list(ground.running) == ["again"]


async def test_a_poll_whose_answer_has_begun_is_not_given_up(monkeypatch, begun, exits):
    """Its jobs have been handed out, so they are waited for and run, whatever the grace."""
    ground = begun(Ground(monkeypatch, grace_s=0.05))
    await ground.until(lambda: ground.polls)
    ground.loop._taking.answered = True
    ground.loop.handle_shutdown(signal.SIGTERM, None)
    await asyncio.sleep(0.2)
    ground.jobs.put_nowait(["a"])
    await ground.until(lambda: ground.running)
    ground.running["a"].set()
    await ground.until(lambda: exits)
    assert (exits, ground.handled) == ([0], ["a"])


async def test_an_answer_that_never_ends_is_not_waited_for(monkeypatch, begun, exits):
    """A platform that stops in the middle keeps nobody from ending."""
    monkeypatch.setattr(queue, "ANSWER_SECONDS", 0.05)
    ground = begun(Ground(monkeypatch, grace_s=0.05))
    await ground.until(lambda: ground.polls)
    ground.loop._taking.answered = True
    ground.loop.handle_shutdown(signal.SIGTERM, None)
    await ground.until(lambda: exits)
    assert ground.polls == 0


async def test_a_poll_that_nobody_answers_is_begun_again(monkeypatch, begun):
    """As the SDK has it."""
    monkeypatch.setattr(queue, "POLL_SECONDS", 0.05)
    ground = begun(Ground(monkeypatch))
    await ground.until(lambda: len(ground.wanted) > 1)
    assert ground.polls <= 1


async def test_what_is_no_job_costs_no_job(monkeypatch, begun, caplog):
    """An entry without an id, or one that is here already, is left out and told."""
    ground = begun(Ground(monkeypatch))
    monkeypatch.setattr(queue, "get_job", ground.get_anything)
    good = {"id": "a", "input": {}}
    ground.jobs.put_nowait([7, {"input": {}}, {"id": 5}, good, good])
    await ground.until(lambda: ground.running)
    ground.jobs.put_nowait([good, {"id": "b", "input": {}}])
    await ground.until(lambda: "b" in ground.running)
    assert ground.handled == ["a", "b"]
    assert caplog.text.count("no id or is here already") == 5


async def test_a_job_that_the_sdk_fails_to_answer_is_told(monkeypatch, begun, caplog):
    """Its place is free again, and the log names it."""
    ground = begun(Ground(monkeypatch))

    async def broken(*_):
        raise OSError(CALLERS)

    ground.loop.jobs_handler = broken
    ground.jobs.put_nowait(["a"])
    await ground.until(lambda: "job a was not answered: OSError" in caplog.text)
    assert ground.loop._in_hand() == 0
    assert CALLERS not in caplog.text


async def test_a_worker_that_cannot_look_after_its_engine_ends(monkeypatch, begun):
    """A fault of our own is no reason to go on blindly."""

    async def broken(*_):
        raise RuntimeError(CALLERS)

    monkeypatch.setattr(queue, "fault_of", broken)
    ground = begun(Ground(monkeypatch))
    await ground.until(lambda: ground.ended)


def test_a_dead_worker_is_gone_within_five_seconds():
    """The answers leave first, and the platform need not lose patience."""
    assert 0 < queue.LAST_WORDS_SECONDS < queue.END_SECONDS < 5


async def test_a_failing_poll_is_the_sdk_s_to_handle(monkeypatch, begun):
    """An error of the platform neither ends the loop nor costs it its place."""
    ground = Ground(monkeypatch)
    calls = []

    async def refuse(_session, _wanted):
        calls.append(None)
        if len(calls) == 1:
            raise ConnectionError("refused")
        await asyncio.Event().wait()

    monkeypatch.setattr(queue, "get_job", refuse)
    begun(ground)
    await ground.until(lambda: len(calls) == 2)


async def test_it_says_that_it_takes_jobs(monkeypatch, begun, tmp_path, exits):
    """From its beginning on until it is told to end; then that it finishes the last ones."""
    health = tmp_path / "health"
    ground = Ground(monkeypatch, grace_s=0.05, health=health)
    ground.loop._health.begin()
    assert health.read_text() == "loading\n"
    begun(ground)
    ground.jobs.put_nowait(["a"])
    await ground.until(lambda: ground.running)
    assert health.read_text() == "ready\n"
    ground.loop.handle_shutdown(signal.SIGTERM, None)
    await ground.until(lambda: not ground.polls)
    assert health.read_text() == "draining\n"
    ground.running["a"].set()
    await ground.until(lambda: exits)


async def test_its_turning_keeps_its_health_fresh(monkeypatch, begun, tmp_path):
    """Until the engine is dead."""
    monkeypatch.setattr(health_of_workers, "BEAT_SECONDS", 0.001)
    health, engine = tmp_path / "health", ScriptedEngine()
    ground = begun(Ground(monkeypatch, engine=engine, health=health))
    await ground.until(health.exists)
    health.unlink()
    await ground.until(health.exists)
    engine.dead = True
    await asyncio.sleep(0.02)
    health.unlink()
    await ground.until(lambda: ground.ended)
    assert not health.exists()


@pytest.mark.parametrize(("concurrency", "jobs"), [(1, 2), (4, 5), (8, 10), (32, 40)])
def test_a_few_more_are_held_than_run(concurrency, jobs):
    """The next job is here when one ends, and a burst is not."""
    assert held(concurrency) == jobs
