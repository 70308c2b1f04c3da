"""The jobs of a load, and what goes to the ceiling for each."""

from itertools import islice

import pytest

from benchmarks.load.jobs import SEEDS_APART, Unsplit, chat_bodies, documents
from benchmarks.windows import ROWS
from tests.fakes import ScriptedEngine
from worker.commentary.pipeline import CommentaryOptions, GuardMode
from worker.football.schema import MAX_ACTIONS
from worker.handler import Handler


def test_every_run_of_the_bench_has_the_same_jobs_and_no_two_are_alike():
    """Ten rows each; no prompt of one is in the engine's cache from another."""
    some = list(islice(documents(), 50))
    assert some == list(islice(documents(), 50))
    assert len({document["gameId"] for document in some}) == len(some)
    assert {len(document["rawData"]) for document in some} == {ROWS}


def test_no_two_requests_share_a_seed():
    """A job has fewer requests than lie between its seed and the next one's."""
    one, other = islice(documents(), 2)
    assert other["seed"] - one["seed"] == SEEDS_APART > 2 * MAX_ACTIONS


@pytest.mark.anyio
async def test_the_ceiling_is_sent_what_our_worker_sends_its_engine():
    """Messages, grammar, sampling, seed and token limit, word for word and in the same order."""
    engine, document = ScriptedEngine(), next(documents())
    options = CommentaryOptions(guard=GuardMode.FLAG, temperature=0.3)
    answer = await Handler(engine, options, 1, print).collect({"id": "1", "input": document})
    assert answer["status"] == "DONE"
    bodies = await chat_bodies(document, engine.model, options)
    assert bodies == [{**body, "stream": False} for body in engine.bodies]
    assert len(bodies) == ROWS
    keys = {"messages", "structured_outputs", "temperature", "top_p", "max_tokens", "seed"}
    assert all(keys <= set(body) for body in bodies)


@pytest.mark.anyio
async def test_lines_that_share_a_request_have_no_ceiling():
    """Its first line would come with the last of them."""
    with pytest.raises(Unsplit, match="FANOUT"):
        await chat_bodies(next(documents()), "m", CommentaryOptions(fanout=5))
