"""A load as a document to read, as README's table, and as a chart."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.load import figures
from benchmarks.load.figures import (
    CEILING,
    LEAST_LINES,
    MOST_FIRST,
    NAME,
    TARGET_AT,
    TOLERANCE,
    Comparison,
    Figures,
    Results,
    missed,
    percentile,
)
from benchmarks.report import panels, save
from benchmarks.sides import UnfairRun

SHARES = (0.50, 0.95, 0.99)
COLOURS = ("#4292c6", "#8c8c8c")
NOTHING = "–"


def markdown(results: Results) -> str:
    """The results as a document: what came of it, where and when, both sides, each side, how."""
    parts = ["# Load", headline(results), _about(results), _comparisons(results)]
    parts += [_side(results, side) for side in results.sides]
    parts += [_failures(results), _reading(results)]
    return "\n\n".join(part for part in parts if part) + "\n"


def headline(results: Results) -> str:
    """Whether the target was reached, and what is missing where somebody broke it off."""
    told = [f"Broken off, and not counted: {results.broken_off}."] if results.broken_off else []
    told += [f"Target missed: {shortfall}." for shortfall in missed(results)]
    told += [_reached(side, comparison) for side, comparison in _compared(results, TARGET_AT)]
    return "\n\n".join(told)


def _compared(results: Results, at_once: int) -> list[tuple[str, Comparison]]:
    """The sides that can be compared with the ceiling at a level."""
    found = []
    for side in results.sides:
        with suppress(UnfairRun):  # which `missed` tells
            comparison = None if side == CEILING else results.compare(at_once, side)
            found += [(side, comparison)] if comparison else []
    return found


def _reached(side: str, comparison: Comparison) -> str:
    first = comparison.first
    times = f", {median(first):.2f} times its median time to the first line" if first else ""
    return (
        f"{TARGET_AT} jobs at once, {side}: {median(comparison.lines):.1%} of the lines a second "
        f"of {CEILING}{times}."
    )


def _about(results: Results) -> str:
    return "\n".join(f"- {name}: {value}" for name, value in results.about.items())


def _comparisons(results: Results) -> str:
    """Every side beside the ceiling."""
    sides = [side for side in results.sides if side != CEILING]
    if CEILING not in results.sides or not sides:
        return ""
    return "\n\n".join(f"## {side} beside {CEILING}\n\n{beside(results, side)}" for side in sides)


def beside(results: Results, side: str) -> str:
    """One side beside the ceiling, a row for each level."""
    head = (
        "jobs at once", "lines/s", "the ceiling's", "share of it",
        "first line, s (p50)", "the ceiling's", "times it",
    )  # fmt: skip
    return _table([head, *(_beside_row(results, at_once, side) for at_once in results.levels)])


def _beside_row(results: Results, at_once: int, side: str) -> tuple[str, ...]:
    ours, raw = results.of(at_once, side), results.of(at_once, CEILING)
    share, times = _ratios(results, at_once, side)
    return (
        str(at_once), _lines(ours), _lines(raw), share, _first(ours), _first(raw), times,
    )  # fmt: skip


def _ratios(results: Results, at_once: int, side: str) -> tuple[str, str]:
    try:
        comparison = results.compare(at_once, side)
    except UnfairRun as error:
        return f"not compared: {error}", NOTHING
    if comparison is None:
        return NOTHING, NOTHING
    return _spread(comparison.lines, ".1%"), _spread(comparison.first, ".2f")


def _spread(values: Sequence[float], form: str) -> str:
    """The median, and the least and the most where there are several; a dash for none."""
    if len(values) < 2:
        return "".join(format(value, form) for value in values) or NOTHING
    middle, least, most = (format(each(values), form) for each in (median, min, max))
    return f"{middle} ({least}–{most})"


def _lines(one: Figures | None) -> str:
    return f"{one.lines_a_second:.2f}" if one else NOTHING


def _first(one: Figures | None) -> str:
    return f"{median(one.first_s):.2f}" if one and one.first_s else NOTHING


def _side(results: Results, side: str) -> str:
    head = (
        "jobs at once", "jobs", "jobs/s", "lines/s",
        "first line, s: p50", "p95", "p99", "script, s: p50", "p95", "p99",
        "errors", "fallback lines", "tokens written",
    )  # fmt: skip
    rows = [_side_row(at_once, results.of(at_once, side)) for at_once in results.levels]
    return f"## {side}\n\n{_table([head, *(row for row in rows if row)])}"


def _side_row(at_once: int, one: Figures | None) -> tuple[str, ...]:
    if one is None:
        return ()
    fallback = one.fallback_share
    return (
        str(at_once),
        str(len(one.samples)),
        f"{one.jobs_a_second:.2f}",
        f"{one.lines_a_second:.2f}",
        *_percentiles(one.first_s),
        *_percentiles(one.script_s),
        f"{one.error_share:.1%}",
        NOTHING if fallback is None else f"{fallback:.1%}",
        str(one.usage.completion),
    )


def _percentiles(values: Sequence[float]) -> list[str]:
    return [f"{percentile(values, share):.2f}" if values else NOTHING for share in SHARES]


def _failures(results: Results) -> str:
    """Each kind of failure, by side and level; nothing where there was none."""
    rows = [
        (side, str(at_once), kind or NOTHING, str(number))
        for side in results.sides
        for at_once in results.levels
        if (one := results.of(at_once, side))
        for kind, number in one.failures.most_common()
    ]
    if not rows:
        return ""
    return f"## Failures\n\n{_table([('side', 'jobs at once', 'how', 'jobs'), *rows])}"


def _table(rows: Iterable[Sequence[str]]) -> str:
    head, *body = rows
    lines = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _reading(results: Results) -> str:
    told = (
        "## How to read it\n\n"
        "So many jobs are under way at any time: as soon as one ends, the next is sent. Times are "
        "the client's, from sending a job; percentiles lie on a straight line between the two "
        "values around them. A failed job has no times and no lines: it counts as an error, and "
        "the time that it took counts against the rates."
    )
    return told + (_reading_beside() if CEILING in results.sides else "")


def _reading_beside() -> str:
    return (
        f" {CEILING} runs beside the worker on the same model with the same engine arguments: it "
        "is loaded before the first job, and idle in the other's turn. Both are sent the same "
        "jobs, round by round, in an order that turns round. What goes to the ceiling are the "
        "chat bodies that the worker's own pipeline makes of a job, with their seeds, all of a "
        "job's at once; its first line is the first of these answers, its script all of them. "
        "The guard flags and asks for nothing twice (`GUARD=flag`), as random weights write "
        "nonsense. Shares, and times the ceiling's time, are those of one round: median "
        "(least–most). A level is compared only where no job failed, both sides were asked with "
        f"the same number of tokens, and they wrote as many within {TOLERANCE:.0%}. To reach, at "
        f"{TARGET_AT} jobs at once: {LEAST_LINES:.0%} of the ceiling's lines a second, and "
        f"{MOST_FIRST:.2f} times its median time to the first line at most."
    )


def summary(results: Results) -> str:
    """What README tells: what came of it, where and when, and a row for each level."""
    about, [side] = results.about, [side for side in results.sides if side != CEILING]
    place = f"Measured {about['date']} on {about['processor']}, model {about['model']}."
    return f"{headline(results)} {place}\n\n{beside(results, side)}"


def write(results: Results, folder: Path) -> None:
    """The document, the measurements and the chart, under `folder`."""
    figures.write(results, folder)
    chart = f"![lines a second and seconds of each side]({NAME}.svg)\n"
    (folder / f"{NAME}.md").write_text(f"{markdown(results)}\n{chart}", "utf-8")
    draw(results, folder / f"{NAME}.svg")


def draw(results: Results, path: Path) -> None:
    """Three panels: lines a second, seconds to the first line and to the script."""
    figure, (rate, first, script) = panels(NAME)
    _bars(rate, results, "Lines a second", lambda one: [one.lines_a_second])
    _bars(first, results, "Seconds to the first line", lambda one: _drawn(one.first_s))
    _bars(script, results, "Seconds to the script", lambda one: _drawn(one.script_s))
    figure.legend(*rate.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    figure.supxlabel("jobs at once; bars are medians, lines reach to the 95th percentile")
    save(figure, path)


def _drawn(values: Sequence[float]) -> list[float]:
    """The median, and the 95th percentile."""
    return [percentile(values, share) for share in SHARES[:2]] if values else [0.0]


def _bars(
    axes: Any, results: Results, title: str, heights: Callable[[Figures], list[float]]
) -> None:
    """For each level a bar for each side, with its value, and a line up to a second one."""
    axes.set_title(title)
    width = 0.8 / len(results.sides)
    for number, side in enumerate(results.sides):
        shown = [(level, results.of(at_once, side)) for level, at_once in enumerate(results.levels)]
        drawn = [(level, heights(one)) for level, one in shown if one]
        places = [level + (number - (len(results.sides) - 1) / 2) * width for level, _ in drawn]
        low = [values[0] for _, values in drawn]
        reach = [values[-1] - values[0] for _, values in drawn]
        colour = COLOURS[1 if side == CEILING else 0]
        bars = axes.bar(places, low, width * 0.92, color=colour, label=side)
        if any(reach):
            axes.errorbar(places, low, [[0] * len(low), reach], fmt="none", ecolor="#444444")
        axes.bar_label(bars, fmt="{:.2f}", fontsize=8, padding=2)
    axes.set_xticks(range(len(results.levels)), [str(at_once) for at_once in results.levels])
    axes.tick_params(axis="x", length=0)
    axes.margins(y=0.1)
