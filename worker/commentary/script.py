"""What a commentary is asked for with and what it comes to: options, lines, script."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType

from worker.commentary.guard import Ground, Review, Violation
from worker.commentary.lines import MIN_SYLLABLES
from worker.engine import Usage
from worker.football.facts import Fact
from worker.football.schema import CommentaryRequest, Persona, TableForm
from worker.football.vocabulary import Tone


class Source(StrEnum):
    """Where a line comes from.

    The model's first answer; the model's with its particles mended, or its second answer; or the
    fact alone.
    """

    MODEL = "model"
    REPAIRED = "repaired"
    FALLBACK = "fallback"


class GuardMode(StrEnum):
    """What is done with the violations of a line: nothing, or they are told, or they are mended."""

    OFF = "off"
    FLAG = "flag"
    REPAIR = "repair"


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
        minimum: syllables that a line must have, but for one that is told in a word or two.
        guard: what is done with a line that its fact does not support.
    """

    fanout: int | None = None
    table: TableForm = TableForm.FACTS
    temperature: float = 0.7
    top_p: float = 0.9
    seed: int | None = None
    deadline_s: float = 120.0
    deadline_fallback: bool = True
    minimum: int = MIN_SYLLABLES
    guard: GuardMode = GuardMode.REPAIR

    def overridden_by(self, request: CommentaryRequest) -> "CommentaryOptions":
        """These options with what the request sets; a deadline can only become shorter."""
        names = ("fanout", "table", "temperature", "top_p", "seed")
        given = {name: getattr(request, name) for name in names}
        chosen = {name: value for name, value in given.items() if value is not None}
        deadline_s = min(self.deadline_s, request.deadline_s or self.deadline_s)
        return replace(self, **chosen, deadline_s=deadline_s)


@dataclass(frozen=True, slots=True)
class Line:
    """One finished line of a script.

    Attributes:
        fact: what it tells; its index is the line's place in the script.
        tone, text: as spoken.
        source: where it comes from.
        persona: who speaks it.
        first: what was wrong with the model's first answer; empty for a good one, and for none.
        review: what the guard found in the line as it stands; None where nobody looked.
    """

    fact: Fact
    tone: Tone
    text: str
    source: Source
    persona: Persona
    first: tuple[Violation, ...] = ()
    review: Review | None = None

    @property
    def index(self) -> int:
        """Its action's 0-based place in the request."""
        return self.fact.index

    @property
    def grounds(self) -> tuple[Ground, ...]:
        """What it says that its fact supports."""
        return self.review.grounds if self.review else ()


@dataclass(frozen=True, slots=True)
class Timings:
    """Milliseconds since the job was taken; `queue_ms` the longest wait of one of its requests."""

    queue_ms: float | None
    first_line_ms: float
    total_ms: float


@dataclass(frozen=True, slots=True)
class Script:
    """The closing item: one line per action in input order and persona, and what it took.

    Attributes:
        lines: of the first persona.
        scripts: the lines of each persona, in the request's order.
        usage, timings: what it took.
        warnings: each names a row and what went wrong there (`rawData[3]: truncated`), never a
            message of the engine's.
        violations: how often the guard found each class, in all the answers of the model's.
    """

    scripts: Mapping[Persona, tuple[Line, ...]]
    usage: Usage
    timings: Timings
    warnings: tuple[str, ...]
    violations: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def lines(self) -> tuple[Line, ...]:
        """Those of the first persona."""
        return next(iter(self.scripts.values()))

    @property
    def sources(self) -> Mapping[Source, int]:
        """How many lines of all personas come from where."""
        counted = Counter(line.source for lines in self.scripts.values() for line in lines)
        return {source: counted[source] for source in Source}
