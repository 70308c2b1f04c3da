import asyncio

import pytest

from benchmarks import handler
from benchmarks.handler import Case, measure
from benchmarks.own_time import InstantEngine
from benchmarks.report import TODAY
from benchmarks.sides import Outcome
from worker.engine import Usage
from worker.errors import StartupError
from worker.settings import Settings

SIDES = (TODAY, "ours, fan-out 1", "ours, fan-out 5", "ours, fan-out 10")


class Side:
    """Counts the jobs that are under way at the same time, and keeps their documents."""

    def __init__(self):
        self.running = self.most = 0
        self.documents = []

    async def __call__(self, document, engine):
        self.documents.append(document)
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(0)
        self.running -= 1
        return Outcome(0.5, 1.0, Usage(100, 10, 5), 20)


@pytest.fixture
def sides(monkeypatch):
    sides = {name: Side() for name in SIDES}
    monkeypatch.setattr(handler, "SIDES", sides)
    return sides


@pytest.mark.anyio
async def test_every_side_takes_its_turn_in_every_round_and_the_warm_up_does_not_count(sides):
    runs = await measure(InstantEngine([]), [Case("a", 1, 2), Case("b", 3, 1)])
    turns = [(run.case, run.turn, run.side) for run in runs]
    assert turns == [
        (case, turn, side) for case, turn in (("a", 0), ("a", 1), ("b", 0)) for side in SIDES
    ]


@pytest.mark.anyio
async def test_todays_handler_takes_one_job_at_a_time_and_ours_takes_all(sides):
    await measure(InstantEngine([]), [Case("a", 4, 1)])
    assert sides[TODAY].most == 1
    assert {sides[side].most for side in SIDES[1:]} == {4}


@pytest.mark.anyio
async def test_no_two_jobs_of_a_run_share_a_game_or_a_name(sides):
    await measure(InstantEngine([]), [Case("a", 2, 2), Case("b", 2, 1, goal=True)])
    documents = [document for side in sides.values() for document in side.documents]
    assert len({document["gameId"] for document in documents}) == len(documents)


@pytest.mark.anyio
async def test_tokens_and_syllables_are_summed_over_the_jobs(sides):
    run = (await measure(InstantEngine([]), [Case("a", 4, 1)]))[0]
    assert (run.usage, run.syllables, run.jobs) == (Usage(400, 40, 20), 80, 4)
    assert len(run.first_line_s) == 4


def test_the_engine_arguments_are_those_of_the_environment_over_the_workers():
    words = handler.engine_arguments(Settings.from_env({"MODEL_NAME": "m", "MAX_MODEL_LEN": "4k"}))
    assert "--max-model-len=4k" in words
    assert "guidance" in words


def test_an_engine_elsewhere_keeps_its_arguments_to_itself():
    settings = Settings.from_env({"ENGINE_URL": "http://127.0.0.1:1", "MAX_MODEL_LEN": "4k"})
    assert "ENGINE_URL" in handler.engine_arguments(settings)


def test_an_engine_that_does_not_start_is_one_line_and_failure(monkeypatch, capsys):
    def no_engine(model, cases):
        raise StartupError("No such model.")

    monkeypatch.setattr(handler, "bench", no_engine)
    assert handler.main(["--model", "m"]) == 1
    assert capsys.readouterr().err == "benchmarks: No such model.\n"
