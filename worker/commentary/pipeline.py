"""A request as a script: its lines generated side by side, checked, asked for again, never missing.

The model writes lines and nothing else; which action a line is about, its order and its place in
the script are code's business. So whatever the engine does, there is one line per action.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise
from time import perf_counter
from typing import Any

from worker.commentary import fallback
from worker.commentary.lines import MIN_SYLLABLES, ParsedLine, Reader, grammar
from worker.commentary.prompt import Prompt
from worker.engine import Delta, Engine, Usage
from worker.errors import (
    DeadlineExceeded,
    EngineDead,
    EngineError,
    EngineKeyRefused,
    EngineOverloaded,
    EngineRejected,
)
from worker.football.facts import Fact, facts_of
from worker.football.schema import CommentaryRequest, TableForm
from worker.football.vocabulary import Tone

_TRIES = 2

# These say that the whole job cannot be done now; of a line's second try they cost that line only.
_REFUSALS = (EngineRejected, EngineOverloaded, EngineKeyRefused)

# No line that the grammar admits is ever cut off, even with a token for each byte: three bytes a
# syllable, a mark and a space after it; letter, bar, closing mark and newline or end besides.
_TOKENS_PER_SYLLABLE, _TOKENS_PER_LINE = 5, 4

_SEED_BOUND = 2**63


class Source(StrEnum):
    """Where a line comes from: the model, or the fact alone."""

    MODEL = "model"
    FALLBACK = "fallback"


@dataclass(frozen=True, slots=True)
class CommentaryOptions:
    """How lines are generated; what a request says itself goes before.

    Attributes:
        fanout: into how many side-by-side requests the actions are split; None is one per action.
        table: how the prompt shows the actions.
        temperature, top_p: sampling, as in the OpenAI API.
        seed: makes the same request give the same script, as far as the engine can; or None.
        deadline_s: seconds after which no line is waited for.
        deadline_fallback: whether what is not there by then becomes fallback, or fails the job.
        minimum: syllables that a line must have.
    """

    fanout: int | None = None
    table: TableForm = TableForm.FACTS
    temperature: float = 0.7
    top_p: float = 0.9
    seed: int | None = None
    deadline_s: float = 120.0
    deadline_fallback: bool = True
    minimum: int = MIN_SYLLABLES

    def overridden_by(self, request: CommentaryRequest) -> "CommentaryOptions":
        """These options with what the request sets; a deadline can only become shorter."""
        names = ("fanout", "table", "temperature", "top_p", "seed")
        given = {name: getattr(request, name) for name in names}
        chosen = {name: value for name, value in given.items() if value is not None}
        deadline_s = min(self.deadline_s, request.deadline_s or self.deadline_s)
        return replace(self, **chosen, deadline_s=deadline_s)


@dataclass(frozen=True, slots=True)
class Line:
    """One finished line of the script; `index` is its action's 0-based place in the request."""

    index: int
    tone: Tone
    text: str
    source: Source


@dataclass(frozen=True, slots=True)
class Timings:
    """Milliseconds since the job was taken; `queue_ms` the longest wait of one of its requests."""

    queue_ms: float | None
    first_line_ms: float
    total_ms: float


@dataclass(frozen=True, slots=True)
class Script:
    """The closing item: one line per action in input order, and what it took.

    `warnings` name a row and what went wrong there (`rawData[3]: truncated`), never a message of
    the engine's. `repaired` counts the model's lines that came on a second try.
    """

    lines: tuple[Line, ...]
    usage: Usage
    timings: Timings
    warnings: tuple[str, ...]
    repaired: int


async def commentate(
    request: CommentaryRequest,
    engine: Engine,
    defaults: CommentaryOptions,
    taken: float | None = None,
) -> AsyncGenerator[Line | Script, None]:
    """Each `Line` as it finishes, in any order, then one `Script` that has them all.

    Leaving early ends all generation. Raises EngineDead, and of a first try EngineRejected,
    EngineOverloaded and EngineKeyRefused; every other failure of the engine costs a line its try,
    no more. Raises DeadlineExceeded only where the options want no fallback.

    Args:
        request: what to tell.
        engine: who writes.
        defaults: how, where the request does not say.
        taken: `perf_counter()` when the job was taken, from which its deadline and its times
            count; None is now.
    """
    job = _Job(request, engine, defaults.overridden_by(request), taken)
    try:
        job.start()
        while job.unfinished:
            for line in await job.next_lines():
                yield line
    finally:
        await job.stop()
    yield job.script()


def split(facts: Sequence[Fact], groups: int) -> list[Sequence[Fact]]:
    """`facts` in at most `groups` contiguous runs whose lengths differ by one at most."""
    groups = min(groups, len(facts))
    bounds = [len(facts) * part // groups for part in range(groups + 1)]
    return [facts[start:end] for start, end in pairwise(bounds)]


class _Job:
    """The tasks of one request and what they have brought so far; belongs to one event loop."""

    def __init__(
        self,
        request: CommentaryRequest,
        engine: Engine,
        options: CommentaryOptions,
        taken: float | None,
    ) -> None:
        now = perf_counter()
        self._began = now if taken is None else taken
        left = options.deadline_s - (now - self._began)
        self._deadline = asyncio.get_running_loop().time() + left
        self._engine, self._options = engine, options
        self._persona = request.persona
        self._facts = facts_of(request)
        self._prompt = Prompt(request, self._facts, options.table)
        self._lines: dict[int, Line] = {}  # in the order in which they finished
        self._told = 0
        self._usage = Usage()
        self._queue_ms: list[float] = []
        self._first_line_ms = 0.0
        self._warnings: list[str] = []
        self._repaired = 0
        self._changed = asyncio.Event()
        self._late = False
        self._timer: asyncio.TimerHandle | None = None
        self.running: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Ask for every line, in as many side-by-side requests as the fan-out says.

        Past its deadline, a job asks for nothing. A timer ends what runs at the deadline, whether
        somebody waits for lines then or is still busy with the last one.
        """
        loop = asyncio.get_running_loop()
        if loop.time() >= self._deadline:
            self._end_late()
            return
        self._timer = loop.call_at(self._deadline, self._end_late)
        for group in split(self._facts, self._options.fanout or len(self._facts)):
            self._ask(group, attempt=0)

    @property
    def unfinished(self) -> bool:
        """Whether something still runs, or is still to be told."""
        return bool(self.running) or self._told < len(self._facts)

    async def next_lines(self) -> list[Line]:
        """Wait until something happens; the lines that are new since the last call."""
        await self._changed.wait()
        self._changed.clear()
        self._collect()
        if self._late:
            await self._give_up()
        new = list(self._lines.values())[self._told :]
        self._told += len(new)
        return new

    async def stop(self) -> None:
        """End whatever still runs; nothing is left behind."""
        if self._timer:
            self._timer.cancel()
        for task in self.running:
            task.cancel()
        await asyncio.gather(*self.running, return_exceptions=True)
        self.running.clear()

    def script(self) -> Script:
        """The whole, once nothing runs any more."""
        lines = tuple(self._lines[fact.index] for fact in self._facts)
        queue_ms = max(self._queue_ms, default=None)
        timings = Timings(queue_ms, self._first_line_ms, self._elapsed_ms())
        return Script(lines, self._usage, timings, tuple(self._warnings), self._repaired)

    def _ask(self, group: Sequence[Fact], attempt: int) -> None:
        task = asyncio.create_task(self._write(group, attempt))
        task.add_done_callback(lambda _: self._changed.set())
        self.running.add(task)

    def _collect(self) -> None:
        for task in [task for task in self.running if task.done()]:
            self.running.discard(task)
            if not task.cancelled():
                task.result()

    def _end_late(self) -> None:
        self._late = True
        for task in self.running:
            task.cancel()
        self._changed.set()

    async def _give_up(self) -> None:
        await self.stop()
        missing = [fact for fact in self._facts if fact.index not in self._lines]
        if missing and not self._options.deadline_fallback:
            raise DeadlineExceeded(f"Not finished within {self._options.deadline_s:g} s.")
        for fact in missing:
            self._fall_back(fact, DeadlineExceeded.code)

    async def _write(self, group: Sequence[Fact], attempt: int) -> None:
        """Ask for the lines of `group`; each one that does not come is asked for again, alone."""
        fault = await self._generate(group, attempt)
        for fact in group:
            if fact.index in self._lines:
                continue
            if attempt + 1 < _TRIES:
                self._warn(fact, fault)
                self._ask([fact], attempt + 1)
            else:
                self._fall_back(fact, fault)

    async def _generate(self, group: Sequence[Fact], attempt: int) -> str:
        """Take the lines that come; what ails those that do not."""
        try:
            finish_reason = await self._read(group, attempt)
        except EngineError as error:
            if isinstance(error, EngineDead) or (attempt == 0 and isinstance(error, _REFUSALS)):
                raise
            return error.code
        return "malformed" if finish_reason == "stop" else "truncated"

    async def _read(self, group: Sequence[Fact], attempt: int) -> str | None:
        reader, finish_reason = Reader(group, self._options.minimum), None
        async for delta in self._answer(group, self._body(group, attempt)):
            self._take(reader.feed(delta.text), attempt)
            self._account(delta)
            finish_reason = delta.finish_reason or finish_reason
        if finish_reason == "stop":
            self._take(reader.end(), attempt)
        return finish_reason

    async def _answer(self, group: Sequence[Fact], body: Mapping[str, Any]) -> AsyncIterator[Delta]:
        """The engine's answer; in one piece for one line, which nobody hears before its end."""
        if len(group) == 1:
            whole = await self._engine.chat(body)
            yield Delta(whole.text, whole.finish_reason, whole.usage, whole.queue_ms)
            return
        async for delta in self._engine.stream(body):
            yield delta

    def _body(self, group: Sequence[Fact], attempt: int) -> dict[str, Any]:
        options = self._options
        body = {
            "model": self._engine.model,
            "messages": self._prompt.messages(group),
            "structured_outputs": {"regex": grammar(group, options.minimum)},
            "temperature": options.temperature,
            "top_p": options.top_p,
            "max_tokens": _max_tokens(group),
        }
        if options.seed is None:
            return body
        return body | {"seed": (options.seed + _TRIES * group[0].index + attempt) % _SEED_BOUND}

    def _take(self, parsed: Iterable[ParsedLine], attempt: int) -> None:
        for line in parsed:
            self._repaired += attempt > 0
            self._add(Line(line.index, line.tone, line.text, Source.MODEL))

    def _fall_back(self, fact: Fact, fault: str) -> None:
        self._warn(fact, fault)
        self._add(Line(fact.index, *fallback.line(fact, self._persona), Source.FALLBACK))

    def _add(self, line: Line) -> None:
        if not self._lines:
            self._first_line_ms = self._elapsed_ms()
        self._lines[line.index] = line
        self._changed.set()

    def _account(self, delta: Delta) -> None:
        self._usage += delta.usage or Usage()
        if delta.queue_ms is not None:
            self._queue_ms.append(delta.queue_ms)

    def _warn(self, fact: Fact, fault: str) -> None:
        self._warnings.append(f"rawData[{fact.index}]: {fault}")

    def _elapsed_ms(self) -> float:
        return (perf_counter() - self._began) * 1000


def _max_tokens(group: Sequence[Fact]) -> int:
    return sum(_TOKENS_PER_SYLLABLE * fact.budget + _TOKENS_PER_LINE for fact in group)
