"""The jobs of a load: documents as clients send them, and what our pipeline would ask for each."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import aclosing
from dataclasses import replace
from itertools import count
from typing import Any

from benchmarks.own_time import InstantEngine, written
from benchmarks.windows import request
from worker.commentary.pipeline import CommentaryOptions, GuardMode, commentate
from worker.engine import Completion, Delta
from worker.football.facts import facts_of
from worker.football.schema import CommentaryRequest

SEEDS_APART = 1_000  # more than a job has requests, so that no two of them share a seed


class Unsplit(Exception):
    """Several lines are asked for in one request, which the ceiling does not know."""


def documents() -> Iterator[dict[str, Any]]:
    """The `input` of one job after another: no two alike, every run of the bench the same ones."""
    for number in count():
        yield request(number, f"load {number}") | {"seed": number * SEEDS_APART}


class RecordingEngine(InstantEngine):
    """An engine that notes what it is asked and has every answer ready.

    Attributes:
        bodies: chat bodies, in the order of asking.

    Args:
        model: what the bodies call the model.
        lines: what is answered, in order.
    """

    def __init__(self, model: str, lines: list[str]) -> None:
        super().__init__(lines)
        self.model = model
        self.bodies: list[Mapping[str, Any]] = []

    async def chat(self, body: Mapping[str, Any]) -> Completion:
        """The next line."""
        self.bodies.append(body)
        return await super().chat(body)

    def stream(self, body: Mapping[str, Any]) -> AsyncIterator[Delta]:
        """Raises Unsplit: only an answer of several lines is streamed."""
        raise Unsplit("The ceiling is measured with one request for each line: leave FANOUT out.")


async def chat_bodies(
    document: Mapping[str, Any], model: str, options: CommentaryOptions
) -> list[dict[str, Any]]:
    """What our pipeline sends the engine for a job: a chat body for each line.

    Taken from the pipeline itself, so that both sides ask the same. Raises Unsplit.
    """
    asked = CommentaryRequest.parse(document)
    engine = RecordingEngine(model, [written(fact) for fact in facts_of(asked)])
    trusting = replace(options, guard=GuardMode.OFF)  # no line is asked for twice
    async with aclosing(commentate(asked, engine, trusting)) as items:
        async for _ in items:
            pass
    return [{**body, "stream": False} for body in engine.bodies]
