"""The warm-up: the whole path once, and no start without it."""

import asyncio

import pytest

from tests.fakes import ScriptedEngine, fail, obey, say
from worker.commentary.pipeline import CommentaryOptions, Source
from worker.errors import EngineDead, EngineError, EngineOverloaded, StartupError
from worker.warmup import warm_up

pytestmark = pytest.mark.anyio
OPTIONS = CommentaryOptions()


async def test_the_warm_up_is_a_commentary_under_the_line_grammar():
    """What a job will ask of the engine has been asked once: Korean, facts, grammar."""
    engine = ScriptedEngine()
    script = await warm_up(engine, OPTIONS)
    assert {line.source for line in script.lines} == {Source.MODEL}
    assert all(body["structured_outputs"]["regex"] for body in engine.bodies)
    assert all("번 한 줄" in body["messages"][-1]["content"] for body in engine.bodies)


@pytest.mark.parametrize("error", [EngineOverloaded("Full."), EngineDead("Gone.")])
async def test_an_engine_that_refuses_the_warm_up_does_not_start(error):
    """The start fails with the engine's own reason."""
    with pytest.raises(StartupError, match=error.message):
        await warm_up(ScriptedEngine(lambda _body: fail(error)), OPTIONS)


async def test_an_engine_that_cannot_be_reached_does_not_start():
    """A worker whose every line would be a fallback takes no job."""
    engine = ScriptedEngine(lambda _body: fail(EngineError("No route.")))
    with pytest.raises(StartupError, match="engine_error"):
        await warm_up(engine, OPTIONS)


async def test_an_engine_that_ignores_grammars_does_not_start():
    """Free prose is no line: without structured outputs nothing would ever be spoken."""
    with pytest.raises(StartupError, match="structured outputs"):
        await warm_up(ScriptedEngine(lambda _body: say("Of course! Here you are.")), OPTIONS)


async def test_a_jobs_deadline_is_not_the_warm_ups():
    """A healthy engine that takes its time over the first generation starts all the same."""

    async def slow(body):
        await asyncio.sleep(0.2)
        async for delta in obey(body):
            yield delta

    script = await warm_up(ScriptedEngine(slow), CommentaryOptions(deadline_s=0.01))
    assert {line.source for line in script.lines} == {Source.MODEL}
