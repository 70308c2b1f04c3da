"""Engines for tests: one that does what its test says, and what there is to say."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from worker.commentary.pipeline import CommentaryOptions, GuardMode
from worker.engine import About, Completion, Delta, Load, Reply, Usage

Body = Mapping[str, Any]
Answer = Callable[[Body], AsyncIterator[Delta]]
Route = Callable[[str, str, Body | None], "Reply | AsyncIterator[Delta]"]

USAGE = Usage(prompt=100, cached=80, completion=20)


def unguarded(**options: Any) -> CommentaryOptions:
    """Options under which an engine's nonsense counts as its lines, where words do not matter."""
    return CommentaryOptions(**{"guard": GuardMode.OFF, **options})


class ScriptedEngine:
    """An engine whose answers are written by a test.

    Attributes:
        bodies: what was asked, in order.
        routed: method, path and body of what was asked by route.
        open: how many answers are under way; 0 once every caller has stopped listening.
    """

    model = "scripted"
    dead = False

    def __init__(self, answer: Answer | None = None, route: Route | None = None) -> None:
        self.bodies: list[Body] = []
        self.routed: list[tuple[str, str, Body | None]] = []
        self.open = 0
        self._answer = answer or obey
        self._route = route

    async def chat(self, body: Body) -> Completion:
        deltas = [delta async for delta in self.stream(body)]
        text = "".join(delta.text for delta in deltas)
        last = deltas[-1] if deltas else Delta("")
        return Completion(text, last.finish_reason, last.usage or Usage(), last.queue_ms)

    async def stream(self, body: Body) -> AsyncIterator[Delta]:
        self.bodies.append(body)
        self.open += 1
        try:
            async for delta in self._answer(body):
                yield delta
        finally:
            self.open -= 1

    def about(self) -> About:
        return About(self.model)

    def load(self) -> Load:
        return Load(requests=self.open)

    @asynccontextmanager
    async def route(self, method: str, path: str, body: Body | None = None):
        """What `route` of the test streams as text, with status 200, or a Reply of its own."""
        self.routed.append((method, path, body))
        self.open += 1
        try:
            answer = self._route(method, path, body)
            yield answer if isinstance(answer, Reply) else Reply(200, "", bytes_of(answer))
        finally:
            self.open -= 1

    async def close(self) -> None:
        """Nothing to release."""


async def bytes_of(deltas: AsyncIterator[Delta]) -> AsyncIterator[bytes]:
    """The texts of an answer, as a body has them."""
    async for delta in deltas:
        yield delta.text.encode()


def obedient(body: Body) -> str:
    """The longest answer that the body's grammar admits, with the first tone of each line."""
    lines = re.split(r"\\n", body["structured_outputs"]["regex"])
    letters = [re.search(r"\[?([A-Z])", line).group(1) for line in lines]
    lengths = [int(re.search(r"\{\d+,(\d+)\}", line).group(1)) + 1 for line in lines]
    return "\n".join(
        f"{letter}|{'가' * length}?" for letter, length in zip(letters, lengths, strict=True)
    )


def asks_for(body: Body) -> list[int]:
    """The 0-based indices of the lines that a body asks for."""
    tail = body["messages"][-1]["content"].rpartition("\n")[2]
    return [int(number) - 1 for number in re.findall(r"(\d+)번", tail)]


async def say(text: str, finish_reason: str | None = "stop") -> AsyncIterator[Delta]:
    """`text` in pieces of three characters, as a stream brings it."""
    for start in range(0, len(text), 3):
        await asyncio.sleep(0)
        yield Delta(text[start : start + 3])
    yield Delta("", finish_reason, USAGE, 1.5)


async def fail(error: Exception) -> AsyncIterator[Delta]:
    """Nothing but `error`."""
    raise error
    yield


async def hang(text: str = "") -> AsyncIterator[Delta]:
    """`text`, and then no end."""
    yield Delta(text)
    await asyncio.Event().wait()


def obey(body: Body) -> AsyncIterator[Delta]:
    """What a well-behaved engine answers."""
    return say(obedient(body))


def once(bad: Answer) -> Answer:
    """Misbehaves the first time that each line is asked for, and obeys afterwards."""
    asked: set[int] = set()

    def answer(body: Body) -> AsyncIterator[Delta]:
        again = asked.issuperset(asks_for(body))
        asked.update(asks_for(body))
        return obey(body) if again else bad(body)

    return answer
