"""What the measure of the guard came to: counts, a table to read, and what was missed."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.faithfulness.cases import FALLBACK, HELD_OUT, TUNED
from benchmarks.faithfulness.mutants import Case
from worker.commentary.guard import Kind, Violation

FOLDER = Path(__file__).resolve().parent.parent / "results"
NAME = "faithfulness"
ORIGINS = (FALLBACK, TUNED, HELD_OUT)
# To reach: of the mutants of each class, of all correct lines, and of those of each origin alone.
RECALL_FROM, PASSED_FROM, EACH_PASSED_FROM = 0.98, 0.99, 0.98


@dataclass(slots=True)
class Tally:
    """How many cases there were, and how many of them were judged rightly."""

    right: int = 0
    cases: int = 0

    def count(self, *, right: bool) -> None:
        """One more case."""
        self.cases += 1
        self.right += right

    @property
    def share(self) -> float:
        """The share judged rightly, 0 to 1; of nothing, all."""
        return self.right / self.cases if self.cases else 1.0


Counts = dict[str, Tally]


@dataclass(slots=True)
class Measured:
    """A whole measurement.

    Attributes:
        passed: correct lines that passed, by origin.
        caught: mutants that were caught, by origin and class; `*` is all origins.
        lies: hand-written lies that were caught, by origin and class.
        microseconds: what the guard costs a line (median).
        misses: what was judged wrongly, of what may be looked at.
    """

    passed: Counts = field(default_factory=dict)
    caught: dict[str, Counts] = field(default_factory=dict)
    lies: dict[str, Counts] = field(default_factory=dict)
    microseconds: float = 0.0
    misses: list[str] = field(default_factory=list)

    @property
    def reached(self) -> bool:
        """Whether every class of mutants and the correct lines are where they must be."""
        recalls = (tally.share for counts in self.caught.values() for tally in counts.values())
        origins = min(tally.share for tally in self.passed.values())
        passed = min(recalls) >= RECALL_FROM and self.all_passed.share >= PASSED_FROM
        return passed and origins >= EACH_PASSED_FROM

    @property
    def all_passed(self) -> Tally:
        """The correct lines of all origins."""
        tallies = self.passed.values()
        return Tally(sum(each.right for each in tallies), sum(each.cases for each in tallies))


def tallied(
    judgements: Iterable[tuple[Case, Sequence[Violation]]], into: Measured, *, lies: bool
) -> None:
    """Count judgements: a correct line passes, a mutant is caught by its own class.

    A hand-written lie is caught by any: what is an event and what an outcome, people see otherwise.
    """
    for case, violations in judgements:
        kinds = {violation.kind for violation in violations}
        right = bool(kinds) if lies else case.kind in kinds if case.kind else not kinds
        for counts, key in _places(case, into, lies=lies):
            counts.setdefault(key, Tally()).count(right=right)
        if not right and case.origin != HELD_OUT:
            into.misses.append(_told(case, violations))


def _places(case: Case, into: Measured, *, lies: bool) -> Iterator[tuple[Counts, str]]:
    if case.kind is None:
        yield into.passed, case.origin
        return
    table = into.lies if lies else into.caught
    yield table.setdefault(case.origin, {}), case.kind.value
    yield table.setdefault("*", {}), case.kind.value


def _told(case: Case, violations: Sequence[Violation]) -> str:
    said = "; ".join(f"{each.kind.value}: {each.text} ({each.reason})" for each in violations)
    wanted = case.kind.value if case.kind else "correct"
    return f"{wanted} | {case.scene.name} | {case.persona.value} | {case.text} | {said or 'passed'}"


def table(measured: Measured) -> str:
    """The figures as Markdown: precision, then recall class by class."""
    passed = [(name, _share(measured.passed.get(name, Tally()))) for name in ORIGINS]
    passed.append(("all", _share(measured.all_passed)))
    kinds = [kind.value for kind in Kind]
    head = ("class", *(f"mutants of: {name}" for name in ORIGINS), "lies", "lies, held out")
    rows = [(kind, *_cells(measured, kind)) for kind in kinds]
    return (
        f"{_rows([('correct lines', 'passed'), *passed])}\n\n{_rows([head, *rows])}\n\n"
        f"The guard costs {measured.microseconds:.0f} µs a line (median)."
    )


def _cells(measured: Measured, kind: str) -> Iterator[str]:
    for name in ORIGINS:
        yield _share(measured.caught.get(name, {}).get(kind, Tally()))
    for name in (TUNED, HELD_OUT):
        yield _share(measured.lies.get(name, {}).get(kind, Tally()))


def _share(tally: Tally) -> str:
    return f"{tally.share:.1%} of {tally.cases}" if tally.cases else ""


def _rows(rows: Sequence[Sequence[str]]) -> str:
    head, *body = rows
    lines = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def missed(measured: Measured) -> str:
    """What was judged wrongly, by class; of the held-out lines nothing is shown."""
    by_class = Counter(miss.partition(" |")[0] for miss in measured.misses)
    counts = ", ".join(f"{name} {count}" for name, count in by_class.most_common())
    return "\n".join([f"Missed (held-out lines not shown): {counts or 'none'}", *measured.misses])


def write(measured: Measured, folder: Path) -> None:
    """The figures and the misses, under `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    text = f"# The guard, measured\n\n{table(measured)}\n\n{missed(measured)}\n"
    (folder / f"{NAME}.md").write_text(text, "utf-8")
    raw = json.dumps(asdict(measured), ensure_ascii=False, indent=2)
    (folder / f"{NAME}.json").write_text(f"{raw}\n", "utf-8")


def read(folder: Path) -> Measured:
    """The measurement that `write` left in `folder`."""
    raw = json.loads((folder / f"{NAME}.json").read_text("utf-8"))
    return Measured(
        passed=_tallies(raw["passed"]),
        caught={origin: _tallies(counts) for origin, counts in raw["caught"].items()},
        lies={origin: _tallies(counts) for origin, counts in raw["lies"].items()},
        microseconds=raw["microseconds"],
        misses=raw["misses"],
    )


def _tallies(raw: dict[str, dict[str, int]]) -> Counts:
    return {name: Tally(**tally) for name, tally in raw.items()}
