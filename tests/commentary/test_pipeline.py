import asyncio
import re
from contextlib import aclosing

import pytest

from tests.fakes import ScriptedEngine, asks_for, fail, hang, obedient, obey, once, say, unguarded
from tests.rows import request_document
from worker.commentary.lines import LETTERS
from worker.commentary.pipeline import (
    Line,
    Script,
    Source,
    commentate,
    split,
)
from worker.engine import Delta, Usage
from worker.errors import (
    DeadlineExceeded,
    EngineDead,
    EngineError,
    EngineKeyRefused,
    EngineOverloaded,
    EngineRejected,
)
from worker.football.facts import facts_of
from worker.football.schema import CommentaryRequest, TableForm

pytestmark = pytest.mark.anyio

REQUEST = CommentaryRequest.parse(request_document())
FACTS = facts_of(REQUEST)
FANOUTS = pytest.mark.parametrize("fanout", [1, 3, 10])


async def run(engine, request=REQUEST, **options):
    """All that a job yields: its lines as they came, and its script."""
    *lines, script = [item async for item in commentate(request, engine, unguarded(**options))]
    assert isinstance(script, Script)
    assert all(isinstance(line, Line) for line in lines)
    return lines, script


def left_behind():
    """Tasks of the pipeline's that still run."""
    return [task for task in asyncio.all_tasks() if "_Job" in repr(task)]


def sources(script):
    return [line.source for line in script.lines]


def longest_line(fact):
    return f"{LETTERS[fact.tones[0]]}|{', '.join('가' * fact.budget)}?"


def check_complete(lines, script):
    assert [line.index for line in script.lines] == list(range(len(FACTS)))
    assert sorted(lines, key=lambda line: line.index) == list(script.lines)
    for line, fact in zip(script.lines, FACTS, strict=True):
        assert line.tone in fact.tones


@FANOUTS
async def test_an_obedient_engine_writes_every_line(fanout):
    engine = ScriptedEngine()
    lines, script = await run(engine, fanout=fanout)
    check_complete(lines, script)
    assert set(sources(script)) == {Source.MODEL}
    assert script.warnings == ()
    assert len(engine.bodies) == fanout


async def test_by_default_every_action_has_a_request_of_its_own():
    engine = ScriptedEngine()
    await run(engine)
    assert sorted(asks_for(body) for body in engine.bodies) == [[i] for i in range(10)]


@pytest.mark.parametrize("groups", range(1, 25))
def test_groups_are_contiguous_and_even(groups):
    parts = split(FACTS, groups)
    assert [fact for part in parts for fact in part] == list(FACTS)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert len(parts) == min(groups, len(FACTS))


def truncated(body):
    return say(obedient(body)[:-1], finish_reason="length")


def cut_on_the_mark(body):
    return say(obedient(body), finish_reason="length")


def broken_off(body):
    return say(obedient(body), finish_reason=None)


def empty(_):
    return say("")


def one_line_more(body):
    return say(obedient(body) + "\nD|가가가가가가가가가.")


def talkative(body):
    return say("네, 알겠습니다!\n" + obedient(body))


def json_instead(_):
    return say('[{"tone": "DEFAULT", "text": "슛!"}]')


def thai(body):
    return say(obedient(body).replace("가", "ก"))


def chinese_inside(body):
    return say(obedient(body).replace("가가", "가球", 1))


def failing(_):
    return fail(EngineError("A detail that must stay inside."))


FAULTS = [
    truncated,
    cut_on_the_mark,
    broken_off,
    empty,
    one_line_more,
    talkative,
    json_instead,
    thai,
    chinese_inside,
    failing,
]


@FANOUTS
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_bad_line_is_asked_for_once_more_alone(fault, fanout):
    engine = ScriptedEngine(once(fault))
    lines, script = await run(engine, fanout=fanout)
    check_complete(lines, script)
    again = engine.bodies[fanout:]
    mended = {index for body in again for index in asks_for(body)}
    assert {line.index for line in script.lines if line.source is Source.REPAIRED} == mended
    assert Source.FALLBACK not in sources(script)
    assert again
    assert all(len(asks_for(body)) == 1 for body in again)
    assert len(script.warnings) == len(again)
    assert script.sources[Source.REPAIRED] == len(again)


async def test_only_lines_that_came_on_a_second_try_are_repaired():
    """Neither the first tries nor the fallback count."""

    def answer(body):
        return empty(body) if asks_for(body) == [3] else once_bad(body)

    def bad_fifth(body):
        return empty(body) if asks_for(body) == [5] else obey(body)

    once_bad = once(bad_fifth)
    _, script = await run(ScriptedEngine(answer))
    assert [line.index for line in script.lines if line.source is Source.FALLBACK] == [3]
    assert script.sources[Source.REPAIRED] == 1
    _, script = await run(ScriptedEngine())
    assert script.sources[Source.REPAIRED] == 0


@FANOUTS
@pytest.mark.parametrize("fault", [truncated, empty, json_instead, thai, failing])
async def test_a_line_that_is_bad_twice_becomes_the_fallback(fault, fanout):
    stubborn = len(FACTS) - 1

    def answer(body):
        return fault(body) if asks_for(body) == [stubborn] else once_bad(body)

    once_bad = once(fault)
    engine = ScriptedEngine(answer)
    lines, script = await run(engine, fanout=fanout)
    check_complete(lines, script)
    assert [line.index for line in script.lines if line.source is Source.FALLBACK] == [stubborn]
    assert sum(asks_for(body) == [stubborn] for body in engine.bodies) <= 2


@FANOUTS
@pytest.mark.parametrize("fault", [truncated, empty, one_line_more, talkative, failing])
async def test_an_engine_that_never_behaves_still_leaves_a_whole_script(fault, fanout):
    def always(body):
        return fault(body)

    lines, script = await run(ScriptedEngine(always), fanout=fanout)
    check_complete(lines, script)
    assert script.lines[-1].source is Source.FALLBACK


async def test_too_few_lines_of_a_group_leave_the_rest_to_be_asked_again():
    def short(body):
        return say(obedient(body).rpartition("\n")[0]) if len(asks_for(body)) > 1 else obey(body)

    engine = ScriptedEngine(short)
    lines, script = await run(engine, fanout=2)
    check_complete(lines, script)
    assert [asks_for(body) for body in engine.bodies[2:]] == [[4], [9]]


async def test_no_line_after_a_bad_one_of_its_group_is_trusted():
    def second_line_bad(body):
        first, _, *rest = obedient(body).split("\n")
        return say("\n".join([first, "D|球", *rest]))

    engine = ScriptedEngine(lambda b: second_line_bad(b) if len(asks_for(b)) > 1 else obey(b))
    _, script = await run(engine, fanout=1)
    assert sorted(asks_for(body) for body in engine.bodies[1:]) == [[i] for i in range(1, 10)]
    assert sources(script) == [Source.MODEL] + [Source.REPAIRED] * 9


async def test_warnings_name_the_row_and_never_the_engine_s_message():
    def bad_third(body):
        return failing(body) if asks_for(body) == [2] else obey(body)

    _, script = await run(ScriptedEngine(bad_third))
    assert script.warnings == ("rawData[2]: engine_error", "rawData[2]: engine_error")


@FANOUTS
@pytest.mark.parametrize("error", [EngineRejected, EngineOverloaded, EngineKeyRefused, EngineDead])
async def test_what_a_second_try_cannot_mend_ends_the_job(error, fanout):
    last = len(FACTS) - 1
    engine = ScriptedEngine(lambda body: fail(error("Gone.")) if last in asks_for(body) else hang())
    with pytest.raises(error):
        await run(engine, fanout=fanout)
    assert engine.open == 0
    assert not left_behind()


@pytest.mark.parametrize("error", [EngineRejected, EngineOverloaded])
async def test_a_refused_second_try_costs_its_line_and_not_the_job(error):
    asked = []

    def empty_then_refused(body):
        again = asks_for(body) in asked
        asked.append(asks_for(body))
        if asks_for(body) != [3]:
            return obey(body)
        return fail(error("No.")) if again else say("")

    lines, script = await run(ScriptedEngine(empty_then_refused))
    check_complete(lines, script)
    assert [line.index for line in script.lines if line.source is Source.FALLBACK] == [3]
    assert script.warnings == ("rawData[3]: malformed", f"rawData[3]: {error.code}")


async def test_by_default_each_action_is_asked_for_alone_with_the_contracts_sampling():
    engine = ScriptedEngine()
    await run(engine)
    assert sorted(asks_for(body) for body in engine.bodies) == [[i] for i in range(10)]
    assert {(body["temperature"], body["top_p"]) for body in engine.bodies} == {(0.7, 0.9)}
    assert not any("seed" in body for body in engine.bodies)


@FANOUTS
async def test_at_the_deadline_what_is_missing_becomes_the_fallback(fanout):
    engine = ScriptedEngine(lambda body: obey(body) if 0 in asks_for(body) else hang())
    lines, script = await run(engine, fanout=fanout, deadline_s=0.5)
    check_complete(lines, script)
    told = [0, *range(1, 10 // fanout)]
    assert [line.index for line in script.lines if line.source is Source.MODEL] == told
    assert set(script.warnings) == {
        f"rawData[{i}]: deadline_exceeded" for i in range(10) if i not in told
    }
    assert engine.open == 0


async def test_lines_finished_before_the_deadline_stay_even_if_their_answer_does_not_end():
    def first_three(body):
        return hang("\n".join([*obedient(body).split("\n")[:3], ""]))

    lines, script = await run(ScriptedEngine(first_three), fanout=1, deadline_s=0.5)
    check_complete(lines, script)
    assert sources(script) == [Source.MODEL] * 3 + [Source.FALLBACK] * 7


async def steady(body):
    """A line every 50 ms, one after the other."""
    for line in obedient(body).split("\n"):
        yield Delta(f"{line}\n")
        await asyncio.sleep(0.05)
    yield Delta("", "stop")


async def slowly(engine, busy, **options):
    """What a job yields to somebody who is busy for `busy` seconds with its first line."""
    items = []
    async with aclosing(commentate(REQUEST, engine, unguarded(**options))) as made:
        async for item in made:
            if not items:
                await asyncio.sleep(busy)
                assert engine.open == 0
            items.append(item)
    return items


async def test_the_deadline_holds_though_nobody_waits_for_a_line_then():
    """Whoever is busy with a line, delivering it, does not keep the engine busy with the next."""
    *lines, script = await slowly(ScriptedEngine(steady), 0.4, fanout=1, deadline_s=0.2)
    check_complete(lines, script)
    ready = sources(script).count(Source.MODEL)
    assert 1 <= ready <= 4
    assert sources(script) == [Source.MODEL] * ready + [Source.FALLBACK] * (10 - ready)
    assert script.warnings == tuple(f"rawData[{i}]: deadline_exceeded" for i in range(ready, 10))


async def test_without_fallback_what_is_late_fails_and_what_is_ready_does_not():
    """A script that was whole by its deadline is no failure, however late it is asked for."""
    with pytest.raises(DeadlineExceeded):
        await slowly(ScriptedEngine(steady), 0.4, fanout=1, deadline_s=0.2, deadline_fallback=False)
    *lines, script = await slowly(ScriptedEngine(), 0.4, deadline_s=0.3, deadline_fallback=False)
    check_complete(lines, script)
    assert set(sources(script)) == {Source.MODEL}


async def test_a_line_is_yielded_while_others_are_still_being_written():
    engine = ScriptedEngine(lambda body: obey(body) if 7 in asks_for(body) else hang())
    async with aclosing(commentate(REQUEST, engine, unguarded())) as items:
        assert (await anext(items)).index == 7


async def test_a_group_s_lines_are_yielded_while_its_answer_goes_on():
    engine = ScriptedEngine(lambda body: hang("\n".join([*obedient(body).split("\n")[:2], ""])))
    async with aclosing(commentate(REQUEST, engine, unguarded(fanout=1))) as items:
        assert [(await anext(items)).index, (await anext(items)).index] == [0, 1]


@FANOUTS
async def test_leaving_early_ends_all_generation(fanout):
    engine = ScriptedEngine(lambda body: obey(body) if 0 in asks_for(body) else hang())
    if fanout == 1:
        engine = ScriptedEngine(lambda body: hang(obedient(body)))
    async with aclosing(commentate(REQUEST, engine, unguarded(fanout=fanout))) as items:
        await anext(items)
    assert engine.open == 0
    assert not left_behind()


@FANOUTS
async def test_cancelling_the_job_ends_all_generation(fanout):
    all_asked = asyncio.Event()

    def answer(_):
        if engine.open == fanout:
            all_asked.set()
        return hang()

    engine = ScriptedEngine(answer)
    job = asyncio.create_task(run(engine, fanout=fanout))
    await all_asked.wait()
    assert len(left_behind()) == fanout
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    assert engine.open == 0
    assert not left_behind()


@pytest.mark.parametrize("table", TableForm)
async def test_the_requests_of_a_job_differ_in_their_tails_only(table):
    engine = ScriptedEngine()
    await run(engine, table=table)
    systems = {body["messages"][0]["content"] for body in engine.bodies}
    heads = {body["messages"][1]["content"].rpartition("\n")[0] for body in engine.bodies}
    assert len(systems) == len(heads) == 1


@FANOUTS
async def test_a_body_s_grammar_admits_the_lines_it_asks_for_and_no_others(fanout):
    engine = ScriptedEngine()
    await run(engine, fanout=fanout)
    for body in engine.bodies:
        wanted = [FACTS[index] for index in asks_for(body)]
        parts = re.split(r"\\n", body["structured_outputs"]["regex"])
        for part, fact in zip(parts, wanted, strict=True):
            assert set(re.findall(r"\{\d+,(\d+)\}", part)) == {str(fact.budget - 1)}
            assert ("Q" in part) is ("QUESTION" in fact.tones)


async def test_options_reach_the_engine_and_the_request_s_own_go_before():
    document = request_document(fanout=5, temperature=0.1, seed=7)
    engine = ScriptedEngine()
    await run(engine, CommentaryRequest.parse(document), fanout=2, temperature=0.9, top_p=0.5)
    assert len(engine.bodies) == 5
    for body in engine.bodies:
        assert (body["temperature"], body["top_p"], body["model"]) == (0.1, 0.5, "scripted")


@FANOUTS
async def test_no_line_that_the_grammar_admits_is_cut_off(fanout):
    """Even by a tokenizer that has a token for each byte only."""
    engine = ScriptedEngine()
    await run(engine, fanout=fanout)
    for body in engine.bodies:
        longest = "\n".join(longest_line(FACTS[index]) for index in asks_for(body))
        assert re.fullmatch(body["structured_outputs"]["regex"], longest)
        assert body["max_tokens"] > len(longest.encode())  # one more ends the answer


@pytest.mark.parametrize(("asked", "granted"), [(None, 60), (5, 5), (60, 60), (600, 60)])
async def test_a_request_may_shorten_the_deadline_and_never_lengthen_it(asked, granted):
    request = CommentaryRequest.parse(request_document(deadlineSeconds=asked))
    assert unguarded(deadline_s=60).overridden_by(request).deadline_s == granted


async def test_the_same_seed_gives_the_same_bodies():
    first, second = ScriptedEngine(once(empty)), ScriptedEngine(once(empty))
    await run(first, seed=11)
    await run(second, seed=11)
    assert first.bodies == second.bodies


async def test_every_request_and_every_try_has_a_seed_of_its_own():
    engine = ScriptedEngine(once(empty))
    await run(engine, seed=2**63 - 1)
    seeds = [body["seed"] for body in engine.bodies]
    assert len(set(seeds)) == len(seeds) == 20
    assert all(0 <= seed < 2**63 for seed in seeds)


async def test_without_a_seed_none_is_sent():
    engine = ScriptedEngine()
    await run(engine)
    assert all("seed" not in body for body in engine.bodies)


@FANOUTS
async def test_usage_and_queue_time_are_those_of_all_requests(fanout):
    _, script = await run(ScriptedEngine(), fanout=fanout)
    assert script.usage == Usage(100 * fanout, 80 * fanout, 20 * fanout)
    assert script.timings.queue_ms == 1.5
    assert 0 < script.timings.first_line_ms <= script.timings.total_ms


async def test_an_engine_that_tells_no_queue_time_leaves_it_out():
    _, script = await run(ScriptedEngine(lambda _: fail(EngineError("No."))))
    assert script.timings.queue_ms is None


async def test_a_minimum_above_the_budget_fixes_the_length():
    _, script = await run(ScriptedEngine(), minimum=99)
    assert [line.text.count("가") for line in script.lines] == [fact.budget for fact in FACTS]
