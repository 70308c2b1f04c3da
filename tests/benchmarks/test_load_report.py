"""A load as people read it."""

import pytest

from benchmarks.load import figures, report
from benchmarks.load.figures import CEILING, FOLDER, NAME, Results, Sample
from tests.benchmarks.test_load_figures import OURS, run, sample


@pytest.fixture
def results():
    return Results(
        {"date": "2031-05-10", "processor": "a processor, 2 cores", "model": "a model"},
        [
            *(run(OURS, 4.0, at_once=1), run(CEILING, 2.0, at_once=1)),
            *(run(OURS, 2.0), run(CEILING, 2.0)),
            *(run(CEILING, 2.0, turn=1), run(OURS, 2.5, turn=1)),
        ],
    )


def row(text, *cells):
    """The one row of a document that begins with these cells."""
    [found] = [line for line in text.splitlines() if line.startswith(f"| {' | '.join(cells)} |")]
    return found


def test_the_document_begins_with_what_came_of_the_target(results):
    """A target that is missed is said before anything else."""
    lines, first = report.markdown(results).split("\n\n")[1:3]
    beginning = "Target missed: HTTP service: "
    assert lines == f"{beginning}90.0% of the ceiling's lines a second, 95% to reach."
    times = "1.12 times the ceiling's median time to the first line, 1.10 at most."
    assert first == f"{beginning}{times}"


def test_shares_are_medians_of_the_rounds_with_their_spread(results):
    """Beside the figures of both."""
    told = report.beside(results, OURS)
    assert row(told, "1", "5.00", "10.00", "50.0%", "2.00", "1.00", "2.00")
    assert "| 90.0% (80.0%–100.0%) |" in row(told, "16")
    assert "| 1.12 (1.00–1.25) |" in row(told, "16")


def test_each_side_has_its_rates_percentiles_and_shares():
    """The first line's, then the script's."""
    samples = [sample(first_s=n / 10, script_s=float(n)) for n in range(1, 101)]
    samples[0] = sample(0.1, 1.0, model=5, fallback=5)
    told = report.markdown(Results({}, [run(OURS, 10.0, samples=samples)]))
    cells = row(told, "16", "100", "10.00", "100.00").split(" | ")
    assert cells[4:10] == ["5.05", "9.50", "9.90", "50.50", "95.05", "99.01"]
    assert cells[10:12] == ["0.0%", "0.5%"]


def test_failures_are_told_by_kind():
    """With side and level; and they are in the error share."""
    samples = [Sample(failure="timeout")] * 2 + [Sample(failure="HTTP 503 busy"), sample()]
    told = report.markdown(Results({}, [run(OURS, 1.0, samples=samples)]))
    assert row(told, OURS, "16", "timeout", "2")
    assert row(told, OURS, "16", "HTTP 503 busy", "1")
    assert "| 75.0% |" in row(told, "16", "4")


def test_without_failures_there_is_no_table_of_them(results):
    """Nor is there a comparison without a ceiling."""
    alone = Results({}, [run(OURS, 1.0)])
    assert "## Failures" not in report.markdown(results)
    assert CEILING not in report.markdown(alone)


def test_a_level_where_every_job_failed_has_no_times():
    """But a row all the same."""
    told = report.markdown(Results({}, [run(OURS, 1.0, samples=[Sample(failure="timeout")])]))
    assert row(told, "16", "1", "0.00", "0.00", *["–"] * 6, "100.0%", "–")


def test_sides_that_cannot_be_compared_say_why():
    """In the row of the level, and before all where it is the target's."""
    made = Results({}, [run(OURS, 1.0, samples=[Sample(failure="timeout")]), run(CEILING, 1.0)])
    why = "1 jobs failed: timeout"
    assert f"not compared: {why}" in row(report.beside(made, OURS), "16")
    assert why in report.headline(made)


def test_what_was_broken_off_is_said(results):
    """A run that did not come to its end is in no figure."""
    broken = Results(results.about, results.runs[:2], "round 2 of something")
    assert report.headline(broken) == "Broken off, and not counted: round 2 of something."


def test_the_document_says_where_and_when(results):
    """As results are nothing without it."""
    told = report.markdown(results)
    assert "- date: 2031-05-10" in told
    assert "- processor: a processor, 2 cores" in told


def test_document_measurements_and_chart_are_written(results, tmp_path):
    """All three, in a folder that need not be there."""
    report.write(results, tmp_path / "new")
    assert figures.read(tmp_path / "new") == results
    written = (tmp_path / "new" / f"{NAME}.md").read_text("utf-8")
    assert written.startswith(report.markdown(results))
    assert "<svg" in (tmp_path / "new" / f"{NAME}.svg").read_text("utf-8")


def test_a_load_of_one_side_with_failures_is_drawn(tmp_path):
    """Where nothing is to be seen, too."""
    failed = run(OURS, 1.0, samples=[Sample(failure="timeout")])
    report.write(Results({}, [failed]), tmp_path)
    assert "<svg" in (tmp_path / f"{NAME}.svg").read_text("utf-8")


def test_the_summary_says_what_when_and_where(results):
    """What README tells."""
    told = report.summary(results)
    assert "90.0%" in told
    assert "Measured 2031-05-10 on a processor, 2 cores, model a model." in told
    assert row(told, "1", "5.00", "10.00", "50.0%")


def test_the_committed_document_is_that_of_the_committed_measurements():
    """Nobody has written into it by hand."""
    committed = figures.read(FOLDER)
    written = (FOLDER / f"{NAME}.md").read_text("utf-8")
    assert written.startswith(report.markdown(committed))
