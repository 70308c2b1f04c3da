"""What was measured, and what may be said of it: rates, percentiles, and whether it is fair."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from math import ceil, floor
from pathlib import Path
from statistics import median

from benchmarks.sides import UnfairRun
from worker.engine import Usage

FOLDER = Path(__file__).parents[1] / "results"
NAME = "load"
CEILING = "raw vllm serve"
# What is to be reached: at so many jobs at once, so much of the ceiling's lines a second, and so
# many times its median time to the first line at most.
TARGET_AT, LEAST_LINES, MOST_FIRST = 16, 0.95, 1.10
# Tokens of the two sides may differ by this share: the same seed gives the same tokens only where
# the engine has computed the same batch, and which requests share one is a matter of moments.
TOLERANCE = 0.02
DIGITS = 4  # of seconds, in the file


@dataclass(frozen=True, slots=True)
class Sample:
    """One job as its client saw it.

    Attributes:
        script_s: seconds from sending it to its last line; None where it failed.
        first_s: to its first line; None also where nobody told it before the end.
        sources: its lines, by where they come from.
        usage: its tokens.
        failure: how it failed, or None.
    """

    script_s: float | None = None
    first_s: float | None = None
    sources: dict[str, int] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """All jobs of one round on one side, `at_once` of them under way at any time.

    Attributes:
        seconds: from sending the first until the last had ended.
    """

    side: str
    at_once: int
    turn: int
    seconds: float
    samples: list[Sample]

    @property
    def done(self) -> int:
        """Jobs that came to their script."""
        return sum(sample.failure is None for sample in self.samples)

    @property
    def lines(self) -> int:
        """Lines of those jobs."""
        return sum(sum(sample.sources.values()) for sample in self.samples)

    @property
    def usage(self) -> Usage:
        """Tokens of those jobs."""
        return sum((sample.usage for sample in self.samples), Usage())


@dataclass(frozen=True, slots=True)
class Figures:
    """One side at one level: everything of all its rounds together."""

    runs: Sequence[Run]

    @property
    def samples(self) -> list[Sample]:
        """Every job, failed ones included."""
        return [sample for run in self.runs for sample in run.samples]

    @property
    def jobs_a_second(self) -> float:
        """Jobs that came to their script, over the time of all rounds."""
        return self._rate(lambda run: run.done)

    @property
    def lines_a_second(self) -> float:
        """Lines of those jobs, likewise."""
        return self._rate(lambda run: run.lines)

    def _rate(self, amount: Callable[[Run], int]) -> float:
        return sum(amount(run) for run in self.runs) / sum(run.seconds for run in self.runs)

    @property
    def first_s(self) -> list[float]:
        """Seconds to the first line, of every job that was told one before its end."""
        return [sample.first_s for sample in self.samples if sample.first_s is not None]

    @property
    def script_s(self) -> list[float]:
        """Seconds to the script, of every job that came to it."""
        return [sample.script_s for sample in self.samples if sample.script_s is not None]

    @property
    def failures(self) -> Counter[str]:
        """Failed jobs, by how they failed."""
        return Counter(sample.failure for sample in self.samples if sample.failure is not None)

    @property
    def error_share(self) -> float:
        """Failed jobs of all jobs."""
        return self.failures.total() / len(self.samples)

    @property
    def fallback_share(self) -> float | None:
        """Fallback lines of all lines; None without a line."""
        lines = sum(run.lines for run in self.runs)
        fallback = sum(sample.sources.get("fallback", 0) for sample in self.samples)
        return fallback / lines if lines else None

    @property
    def usage(self) -> Usage:
        """All tokens."""
        return sum((run.usage for run in self.runs), Usage())


@dataclass(frozen=True, slots=True)
class Comparison:
    """A side beside the ceiling at one level, round by round: what ails the machine, ails both.

    Attributes:
        lines: its lines a second as shares of the ceiling's.
        first: its median times to the first line over the ceiling's; none where it tells none.
    """

    lines: list[float]
    first: list[float]


@dataclass(frozen=True, slots=True)
class Results:
    """A whole run of the bench.

    Attributes:
        about: where and when.
        runs: every run that came to its end.
        broken_off: what was under way as somebody broke it off; empty where nobody did.
    """

    about: dict[str, str]
    runs: list[Run]
    broken_off: str = ""

    @property
    def sides(self) -> list[str]:
        """The sides, the ceiling last."""
        return sorted({run.side for run in self.runs}, key=lambda side: (side == CEILING, side))

    @property
    def levels(self) -> list[int]:
        """How many jobs there were at once, in the order in which that was measured."""
        return list(dict.fromkeys(run.at_once for run in self.runs))

    def of(self, at_once: int, side: str) -> Figures | None:
        """One side at one level; None where it was not measured there."""
        runs = [run for run in self.runs if (run.at_once, run.side) == (at_once, side)]
        return Figures(runs) if runs else None

    def compare(self, at_once: int, side: str) -> Comparison | None:
        """A side beside the ceiling, in the rounds that both have; None where there are none.

        Raises UnfairRun where the two did not do the same work.
        """
        ours, raw = self._common(at_once, side)
        if not ours.runs:
            return None
        require_fairness(ours, raw)
        rounds = [
            (Figures([one]), Figures([other]))
            for one, other in zip(ours.runs, raw.runs, strict=True)
        ]
        lines = [one.lines_a_second / other.lines_a_second for one, other in rounds]
        told = [(one.first_s, other.first_s) for one, other in rounds if one.first_s]
        return Comparison(lines, [median(one) / median(other) for one, other in told])

    def _common(self, at_once: int, side: str) -> tuple[Figures, Figures]:
        """The rounds of a level in which both a side and the ceiling had their turn."""
        by_side = {
            name: {run.turn: run for run in self.runs if (run.at_once, run.side) == (at_once, name)}
            for name in (side, CEILING)
        }
        turns = [turn for turn in by_side[side] if turn in by_side[CEILING]]
        ours, raw = (Figures([by_side[name][turn] for turn in turns]) for name in (side, CEILING))
        return ours, raw


def require_fairness(ours: Figures, raw: Figures) -> None:
    """Raises UnfairRun unless both sides came to all of their scripts with the same work."""
    for failures in (ours.failures, raw.failures):
        if failures:
            raise UnfairRun(f"{failures.total()} jobs failed: {', '.join(sorted(failures))}")
    mine, theirs = ours.usage, raw.usage
    if mine.prompt != theirs.prompt:
        raise UnfairRun(f"{mine.prompt} tokens were asked with, and {theirs.prompt} of the ceiling")
    if abs(mine.completion / theirs.completion - 1) > TOLERANCE:
        raise UnfairRun(f"{mine.completion} tokens were written, and {theirs.completion} by raw")


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of the values lie, between two of them on a straight line.

    As numpy and PostgreSQL's `percentile_cont` have it: of n values in order, the one at the place
    `share * (n - 1)`, counted from 0.
    """
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low, high = ordered[floor(place)], ordered[ceil(place)]
    return low + (high - low) * (place - floor(place))


def missed(results: Results) -> list[str]:
    """What of the target was not reached, in words; nothing where it was not put to the test."""
    told = []
    for side in [side for side in results.sides if side != CEILING]:
        try:
            comparison = results.compare(TARGET_AT, side)
        except UnfairRun as error:
            told.append(f"{side} cannot be compared at {TARGET_AT} jobs at once: {error}")
            continue
        told += shortfalls(side, comparison) if comparison else []
    return told


def shortfalls(side: str, comparison: Comparison) -> list[str]:
    """What one side lacks."""
    told, lines = [], median(comparison.lines)
    if lines < LEAST_LINES:
        told.append(
            f"{side}: {lines:.1%} of the ceiling's lines a second, {LEAST_LINES:.0%} to reach"
        )
    if comparison.first and (first := median(comparison.first)) > MOST_FIRST:
        told.append(
            f"{side}: {first:.2f} times the ceiling's median time to the first line, "
            f"{MOST_FIRST:.2f} at most"
        )
    return told


def write(results: Results, folder: Path) -> None:
    """The measurements, under `folder`: a run on each line."""
    folder.mkdir(parents=True, exist_ok=True)
    about = json.dumps(results.about, indent=2)
    runs = ",\n".join(json.dumps(_rounded(asdict(run))) for run in results.runs)
    broken_off = json.dumps(results.broken_off)
    text = f'{{"about": {about},\n"broken_off": {broken_off},\n"runs": [\n{runs}\n]}}\n'
    (folder / f"{NAME}.json").write_text(text, "utf-8")


def _rounded(value: object) -> object:
    """A document whose seconds have DIGITS digits."""
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_rounded(each) for each in value]
    return round(value, DIGITS) if isinstance(value, float) else value


def read(folder: Path) -> Results:
    """The results that `write` left in `folder`."""
    raw = json.loads((folder / f"{NAME}.json").read_text("utf-8"))
    runs = [
        Run(**{**run, "samples": [_sample(sample) for sample in run["samples"]]})
        for run in raw["runs"]
    ]
    return Results(raw["about"], runs, raw["broken_off"])


def _sample(raw: dict[str, object]) -> Sample:
    return Sample(**{**raw, "usage": Usage(**raw["usage"])})  # type: ignore[arg-type]
