"""The watchdog: an engine that is gone or stuck is noticed, a working one is left alone."""

import asyncio

import pytest

from tests.fakes import ScriptedEngine
from worker import watchdog
from worker.engine import Load
from worker.watchdog import fault_of

pytestmark = pytest.mark.anyio


class Silent(ScriptedEngine):
    """An engine that has said nothing for so many seconds."""

    silent_s = 0.0

    def load(self):
        return Load(requests=1, silent_s=self.silent_s)


@pytest.fixture(autouse=True)
def often(monkeypatch):
    monkeypatch.setattr(watchdog, "LOOK_SECONDS", 0.001)


async def fault_within(engine, stall_s, seconds=2.0):
    try:
        return await asyncio.wait_for(fault_of(engine, stall_s), seconds)
    except TimeoutError:
        return None


async def test_a_dead_engine_is_noticed():
    """Its death is told as what it is, fatal."""
    engine = Silent()
    engine.dead = True
    error = await fault_within(engine, 60.0)
    assert (error.code, error.fatal, error.message) == (
        "engine_dead",
        True,
        "The engine has died.",
    )


async def test_a_silent_engine_is_noticed():
    """One that holds requests and produces nothing counts as dead, and the log says why."""
    engine = Silent()
    engine.silent_s = 61.0
    error = await fault_within(engine, 60.0)
    assert error.message == "The engine has produced nothing for 61 s."


@pytest.mark.parametrize(("silent_s", "stall_s"), [(59.0, 60.0), (0.0, 60.0), (9999.0, 0.0)])
async def test_a_working_engine_is_left_alone(silent_s, stall_s):
    """Slow is not stuck, idle is not stuck, and 0 turns the watching off."""
    engine = Silent()
    engine.silent_s = silent_s
    assert await fault_within(engine, stall_s, 0.05) is None
