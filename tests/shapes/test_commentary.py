from contextlib import aclosing

import pytest

from tests.fakes import ScriptedEngine, once, say
from tests.rows import request_document
from tests.shapes.canned import context, gathered
from worker.shapes import commentary

pytestmark = pytest.mark.anyio


async def test_the_record_tells_how_many_lines_took_a_second_try():
    """They are the model's, repaired, in the answer, and no fallback in the log."""
    on = context(ScriptedEngine(once(lambda _: say(""))))
    [result] = await gathered(commentary.read(request_document()), on)
    assert {line["source"] for line in result["script"]} == {"repaired"}
    assert (on.record.repaired, on.record.fallback) == (10, 0)


async def test_a_record_of_good_lines_has_none_repaired():
    """Nothing was asked for twice."""
    on = context(ScriptedEngine())
    await gathered(commentary.read(request_document()), on)
    assert on.record.repaired == 0


@pytest.mark.parametrize("stream", [True, False])
async def test_it_tells_that_all_is_generated_before_the_result(stream):
    """The result may wait for the platform; by then the engine is free."""
    engine, told = ScriptedEngine(), []
    on = context(engine, generated=lambda: told.append(engine.open))
    request = commentary.read(request_document(stream=stream))
    async with aclosing(request.answers(on)) as answers:
        answer = await anext(answers)
        while "line" in answer:
            assert told == []
            answer = await anext(answers)
    assert told == [0]
