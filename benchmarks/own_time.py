"""What our own code costs a job: everything but the engine, which answers at once."""

from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from statistics import median
from time import perf_counter
from typing import Any

from benchmarks.windows import request as window
from worker.commentary.lines import LETTERS
from worker.commentary.pipeline import CommentaryOptions, GuardMode
from worker.engine import Completion, Delta, Reply, Usage
from worker.errors import WorkerError
from worker.football.facts import Fact, facts_of
from worker.football.schema import CommentaryRequest
from worker.football.vocabulary import Tone
from worker.handler import Handler


class InstantEngine:
    """An engine that has every answer ready and takes no time; it answers in the order of asking.

    Args:
        lines: what the model would write for each action, in order.
    """

    model = "instant"
    dead = False

    def __init__(self, lines: list[str]) -> None:
        self._lines = deque(lines)

    async def chat(self, body: Mapping[str, Any]) -> Completion:
        """The next lines: as many as the grammar asks for."""
        return Completion(self._next(body), "stop", Usage())

    async def stream(self, body: Mapping[str, Any]) -> AsyncIterator[Delta]:
        """The same, character by character, as a model's tokens come."""
        for character in self._next(body):
            yield Delta(character)
        yield Delta("", "stop", Usage())

    def route(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> AbstractAsyncContextManager[Reply]:
        """No route is ever asked for here."""
        raise NotImplementedError(path)

    async def close(self) -> None:
        """Nothing is held."""

    def _next(self, body: Mapping[str, Any]) -> str:
        count = body["structured_outputs"]["regex"].count(r"\n") + 1
        return "\n".join(self._lines.popleft() for _ in range(count))


def written(fact: Fact) -> str:
    """A line for `fact` as its grammar admits it, as long as its budget."""
    tone = fact.tones[0]
    return f"{LETTERS[tone]}|{'가' * fact.budget}{'?' if tone is Tone.QUESTION else '.'}"


async def own_ms(fanout: int, jobs: int) -> float:
    """Median milliseconds from a job's document to its result object, all of it our own code."""
    return median([await _job_ms(fanout, number) for number in range(jobs)])


async def _job_ms(fanout: int, number: int) -> float:
    document = window(number, f"own {number}")
    facts = facts_of(CommentaryRequest.parse(document))
    engine = InstantEngine([written(fact) for fact in facts])
    # The guard looks at every line, and takes this nonsense as it is.
    options = CommentaryOptions(fanout=fanout, guard=GuardMode.FLAG)
    handler = Handler(engine, options, 1, _never)
    began = perf_counter()
    answer = await handler.collect({"id": str(number), "input": document})
    took = (perf_counter() - began) * 1000
    if any(line["source"] != "model" for line in answer["script"]):
        raise WorkerError(f"The instant engine's lines were not taken: {answer['warnings']}")
    return took


def _never(error: WorkerError) -> None:
    raise error
