import asyncio
import json
from contextlib import aclosing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.errors import ResultTooLarge
from worker.shapes.chunks import CHUNK_LIMIT, JOIN_SECONDS, joined, json_size

pytestmark = pytest.mark.anyio

LATE = 5.0  # seconds: what takes this long hangs


async def source_of(items, pauses=(), fault=None):
    for index, item in enumerate(items):
        if pauses and (pause := pauses[index % len(pauses)]) is not None:
            await asyncio.sleep(pause)
        yield item
    if fault:
        raise fault


@st.composite
def streams(draw):
    """Items, the pauses before them, what a chunk may hold, and how slow the consumer is."""
    pause = st.sampled_from([None, 0, 0, 0.001, 0.003])
    return {
        "items": draw(st.lists(st.text(max_size=12), max_size=30)),
        "pauses": draw(st.lists(pause, min_size=1, max_size=5)),
        "limit": draw(st.integers(80, 160)),
        "most": draw(st.integers(1, 9)),
        "seconds": draw(st.sampled_from([0.0, 0.002])),
        "busy": draw(st.sampled_from([None, 0, 0.002])),
        "fault": draw(st.sampled_from([None, ValueError("the source's own")])),
    }


async def gathered(items, pauses, fault, busy, **bounds):
    chunks, caught = [], None
    try:
        async with aclosing(joined(source_of(items, pauses, fault), **bounds)) as found:
            async for chunk in found:
                chunks.append(chunk)
                if busy is not None:
                    await asyncio.sleep(busy)
    except ValueError as error:
        caught = error
    return chunks, caught


@given(streams())
async def test_nothing_is_lost_or_reordered_and_limits_hold(stream):
    """Whatever the cut; what the source raises comes after all that it yielded."""
    before = asyncio.all_tasks()
    chunks, caught = await gathered(**{"size": json_size} | stream)
    assert [item for chunk in chunks for item in chunk] == stream["items"]
    assert all(chunk for chunk in chunks)
    assert all(len(chunk) <= stream["most"] for chunk in chunks)
    assert all(sum(map(json_size, chunk)) <= stream["limit"] for chunk in chunks)
    assert caught is stream["fault"]
    assert asyncio.all_tasks() == before


async def test_the_first_item_comes_at_once_and_the_next_together():
    """Nobody waits for the first word."""
    paused = source_of("abcde", pauses=[None, 0.001, 0.001, 0.001, 0.001])
    async with asyncio.timeout(LATE):
        chunks = [chunk async for chunk in joined(paused, seconds=1e6)]
    assert chunks == [["a"], ["b", "c", "d", "e"]]


async def test_a_chunk_waits_no_longer_than_it_should():
    """A source that says no more does not hold back what it said."""

    async def stalled():
        yield "a"
        yield "b"
        await asyncio.Event().wait()

    async with aclosing(joined(stalled())) as chunks:
        async with asyncio.timeout(LATE):
            got = await anext(chunks)
            while got != ["a", "b"]:
                got += await anext(chunks)


async def test_the_source_is_read_on_while_the_consumer_is_busy(monkeypatch):
    """What came meanwhile has waited already, and goes at once and together."""
    read = []

    async def noted():
        for item in range(20):
            read.append(item)
            yield item
            await asyncio.sleep(0)
        await asyncio.Event().wait()

    loop, seconds = asyncio.get_running_loop(), 1e6
    now = loop.time
    async with aclosing(joined(noted(), seconds=seconds)) as chunks:
        assert await anext(chunks) == [0]
        await asyncio.sleep(0.05)
        assert read == list(range(20))
        monkeypatch.setattr(loop, "time", lambda: now() + seconds)
        async with asyncio.timeout(LATE):
            assert await anext(chunks) == list(range(1, 20))


async def test_a_chunk_that_is_full_does_not_wait():
    """By size or by number."""

    async def endless():
        while True:
            yield "abcd"
            await asyncio.sleep(0)

    for bounds in ({"limit": 12}, {"most": 2}):
        async with aclosing(joined(endless(), seconds=1e6, **bounds)) as chunks:
            async with asyncio.timeout(LATE):
                await anext(chunks)
                assert await anext(chunks) == ["abcd", "abcd"]


async def test_one_item_that_is_too_large_is_an_error():
    """After what came before it."""
    chunks = joined(source_of(["a", "b" * 10]), limit=11)
    assert await anext(chunks) == ["a"]
    with pytest.raises(ResultTooLarge, match="takes 12 bytes"):
        await anext(chunks)


@pytest.mark.parametrize("where", ["between chunks", "waiting"])
@pytest.mark.parametrize("how", ["close", "cancel"])
async def test_whoever_leaves_closes_the_source(where, how):
    """At whichever await it stands, and no task is left behind."""
    closed, before = asyncio.Event(), asyncio.all_tasks()

    async def source():
        try:
            yield "a"
            if where == "waiting":
                await asyncio.Event().wait()
            while True:
                yield "b"
                await asyncio.sleep(0)
        finally:
            await asyncio.sleep(0.01)
            closed.set()

    async def listen(*, on):
        async with aclosing(joined(source(), seconds=1e6)) as chunks:
            await anext(chunks)
            if on:
                await anext(chunks)

    if how == "close":
        await listen(on=False)
    else:
        task = asyncio.create_task(listen(on=True))
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
    assert closed.is_set()
    assert asyncio.all_tasks() == before


async def test_the_end_of_a_source_that_is_read_is_not_waited_for():
    """A deadline that has come by then would cut off an answer that is complete."""
    chunks = joined(source_of("ab"), seconds=1e6)
    assert await anext(chunks) == ["a", "b"]
    with pytest.raises(StopAsyncIteration):
        anext(chunks).send(None)


def test_a_full_chunk_is_under_a_megabyte_as_it_travels():
    """With the SDK's envelope around it, Korean counted by its bytes."""
    text = "가" * ((CHUNK_LIMIT - 2) // 3)
    assert json_size(text) <= CHUNK_LIMIT
    assert len(json.dumps({"output": text}, ensure_ascii=False).encode()) < 1_000_000
    assert JOIN_SECONDS == 0.05
