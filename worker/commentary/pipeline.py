"""A request as a script: its lines generated side by side, checked, asked for again, never missing.

The model writes lines and nothing else; which action a line is about, its order and its place in
the script are code's business. So whatever the engine does, there is one line per action. Each line
is held against its fact before it leaves: its particles are mended by code, what else is wrong with
it is told to the model once, and then the fact alone speaks.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from functools import partial
from itertools import pairwise
from time import perf_counter
from typing import Any, NamedTuple

from worker.commentary.guard import Violation
from worker.commentary.judging import Judge
from worker.commentary.lines import ParsedLine, Reader, grammar
from worker.commentary.prompt import Prompt
from worker.commentary.script import (
    CommentaryOptions,
    GuardMode,
    Line,
    Script,
    Source,
    Timings,
)
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
from worker.football.schema import MAX_ACTIONS, CommentaryRequest, Persona

__all__ = [
    "CommentaryOptions",
    "GuardMode",
    "Line",
    "Script",
    "Source",
    "Timings",
    "commentate",
    "split",
]

_TRIES = 2

# These say that the whole job cannot be done now; of a line's second try they cost that line only.
_REFUSALS = (EngineRejected, EngineOverloaded, EngineKeyRefused)

# No line that the grammar admits is ever cut off, even with a token for each byte: three bytes a
# syllable, a mark and a space after it; letter, bar, closing mark and newline or end besides.
_TOKENS_PER_SYLLABLE, _TOKENS_PER_LINE = 5, 4

_SEED_BOUND = 2**63


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


class _Group(NamedTuple):
    """Consecutive actions that one persona tells in one answer; `attempt` is 0-based."""

    persona: Persona
    facts: Sequence[Fact]
    attempt: int = 0


# A line of a persona's script: who speaks it and its action's place.
_Place = tuple[Persona, int]


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
        self._request = request
        self._facts = facts_of(request)
        self._prompt = Prompt(request, self._facts, options.table)
        self._judge = Judge(request, self._facts, options)
        self._lines: dict[_Place, Line] = {}  # in the order in which they finished
        self._refused: dict[_Place, tuple[Violation, ...]] = {}  # by the guard, at the first try
        self._waiting: dict[_Place, Callable[[], None]] = {}  # by the place they wait for
        self._told = 0
        self._usage = Usage()
        self._queue_ms: list[float] = []
        self._first_line_ms = 0.0
        self._warnings: list[str] = []
        self._violations: Counter[str] = Counter()
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
        for persona in self._request.personas:
            for facts in split(self._facts, self._options.fanout or len(self._facts)):
                self._ask(_Group(persona, facts))

    @property
    def unfinished(self) -> bool:
        """Whether something still runs, or is still to be told."""
        wanted = len(self._facts) * len(self._request.personas)
        return bool(self.running) or self._told < wanted

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
        scripts = {
            persona: tuple(self._lines[persona, fact.index] for fact in self._facts)
            for persona in self._request.personas
        }
        queue_ms = max(self._queue_ms, default=None)
        timings = Timings(queue_ms, self._first_line_ms, self._elapsed_ms())
        warnings = tuple(self._warnings)
        return Script(scripts, self._usage, timings, warnings, dict(self._violations))

    def _ask(self, group: _Group) -> None:
        task = asyncio.create_task(self._write(group))
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
        """Tell what is there, and the rest from its facts alone."""
        await self.stop()
        places = [(who, fact.index) for who in self._request.personas for fact in self._facts]
        for place in places:
            self._let_go(place)
        missing = [place for place in places if place not in self._lines]
        if missing and not self._options.deadline_fallback:
            raise DeadlineExceeded(f"Not finished within {self._options.deadline_s:g} s.")
        for persona, index in missing:
            self._fall_back(persona, self._facts[index], DeadlineExceeded.code)

    async def _write(self, group: _Group) -> None:
        """Ask for the lines of `group`; each one that does not come is asked for again, alone."""
        came: set[int] = set()
        fault = await self._generate(group, came)
        for fact in group.facts:
            if fact.index not in came:
                self._again(group, fact, fault)

    def _again(self, group: _Group, fact: Fact, fault: str) -> None:
        """Ask once more for a line that did not come or may not be told; else the fact speaks."""
        if group.attempt + 1 < _TRIES and not self._late:
            self._warn(group.persona, fact, fault)
            self._ask(_Group(group.persona, [fact], group.attempt + 1))
        elif not self._late or self._options.deadline_fallback:
            tell = partial(self._fall_back, group.persona, fact, fault)
            self._in_turn((group.persona, fact.index), tell)

    async def _generate(self, group: _Group, came: set[int]) -> str:
        """Take the lines that come; what ails those that do not come at all."""
        try:
            finish_reason = await self._read(group, came)
        except EngineError as error:
            first = group.attempt == 0
            if isinstance(error, EngineDead) or (first and isinstance(error, _REFUSALS)):
                raise
            return error.code
        return "malformed" if finish_reason == "stop" else "truncated"

    async def _read(self, group: _Group, came: set[int]) -> str | None:
        reader, finish_reason = Reader(group.facts, self._options.minimum), None
        async for delta in self._answer(group):
            self._take(reader.feed(delta.text), group, came)
            self._account(delta)
            finish_reason = delta.finish_reason or finish_reason
        if finish_reason == "stop":
            self._take(reader.end(), group, came)
        return finish_reason

    async def _answer(self, group: _Group) -> AsyncIterator[Delta]:
        """The engine's answer; in one piece for one line, which nobody hears before its end."""
        body = self._body(group)
        if len(group.facts) == 1:
            whole = await self._engine.chat(body)
            yield Delta(whole.text, whole.finish_reason, whole.usage, whole.queue_ms)
            return
        async for delta in self._engine.stream(body):
            yield delta

    def _body(self, group: _Group) -> dict[str, Any]:
        options, first = self._options, group.facts[0]
        refused = self._refused.get((group.persona, first.index), ()) if group.attempt else ()
        body = {
            "model": self._engine.model,
            "messages": self._prompt.messages(group.facts, group.persona, refused),
            "structured_outputs": {"regex": grammar(group.facts, options.minimum)},
            "temperature": options.temperature,
            "top_p": options.top_p,
            "max_tokens": _max_tokens(group.facts),
        }
        if options.seed is None:
            return body
        voice = self._request.personas.index(group.persona)
        place = _TRIES * (voice * MAX_ACTIONS + first.index) + group.attempt
        return body | {"seed": (options.seed + place) % _SEED_BOUND}

    def _take(self, parsed: Iterable[ParsedLine], group: _Group, came: set[int]) -> None:
        for written in parsed:
            came.add(written.index)
            place = (group.persona, written.index)
            self._in_turn(place, partial(self._settle, written, group))

    def _settle(self, written: ParsedLine, group: _Group) -> None:
        """Tell a line that may be told, and ask again for one that may not."""
        fact, place = self._facts[written.index], (group.persona, written.index)
        first = self._refused.get(place, ()) if group.attempt else None
        beside = self._beside(place)
        verdict = self._judge.of_model(written, fact, group.persona, beside, first)
        self._violations.update(violation.kind.value for violation in verdict.violations)
        if verdict.line is None:
            if group.attempt == 0:
                self._refused[place] = verdict.violations
            self._again(group, fact, _told(verdict.violations))
            return
        if verdict.violations and verdict.line.source is Source.MODEL:
            self._warn(group.persona, fact, _told(verdict.violations))
        self._add(verdict.line)

    def _in_turn(self, place: _Place, tell: Callable[[], None]) -> None:
        """Tell a line after the one before it, where the two could echo each other.

        Which of two is the echo must not depend on which is finished first: the same seed gives the
        same script. Lines about actions of different types wait for nobody.
        """
        before = self._before(place)
        if before is None or before in self._lines or self._late:
            tell()
        else:
            self._waiting[before] = tell

    def _let_go(self, place: _Place) -> None:
        """Tell the line that waits for `place`."""
        tell = self._waiting.pop(place, None)
        if tell:
            tell()

    def _before(self, place: _Place) -> _Place | None:
        """The place before, if the actions of both are of one type."""
        persona, index = place
        alike = index and self._facts[index - 1].type is self._facts[index].type
        return (persona, index - 1) if alike else None

    def _beside(self, place: _Place) -> tuple[str, ...]:
        """What a line must not echo: the one before it, also where that is an earlier script's."""
        before = self._before(place)
        if before in self._lines:
            return (self._lines[before].text,)
        return self._request.previous_script[-1:] if place[1] == 0 else ()

    def _fall_back(self, persona: Persona, fact: Fact, fault: str) -> None:
        place = (persona, fact.index)
        self._warn(persona, fact, fault)
        first = self._refused.get(place, ())
        self._add(self._judge.fallback(fact, persona, self._beside(place), first))

    def _add(self, line: Line) -> None:
        if not self._lines:
            self._first_line_ms = self._elapsed_ms()
        place = (line.persona, line.index)
        self._lines[place] = line
        self._changed.set()
        self._let_go(place)

    def _account(self, delta: Delta) -> None:
        self._usage += delta.usage or Usage()
        if delta.queue_ms is not None:
            self._queue_ms.append(delta.queue_ms)

    def _warn(self, persona: Persona, fact: Fact, fault: str) -> None:
        """Name the row; and who told it, where more than one does."""
        who = f" ({persona})" if len(self._request.personas) > 1 else ""
        self._warnings.append(f"rawData[{fact.index}]{who}: {fault}")

    def _elapsed_ms(self) -> float:
        return (perf_counter() - self._began) * 1000


def _told(violations: Iterable[Violation]) -> str:
    """The classes of violations, as a warning has them."""
    return f"guard ({', '.join(dict.fromkeys(each.kind.value for each in violations))})"


def _max_tokens(facts: Sequence[Fact]) -> int:
    return sum(_TOKENS_PER_SYLLABLE * fact.budget + _TOKENS_PER_LINE for fact in facts)
