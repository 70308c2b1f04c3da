import json
from dataclasses import asdict

import pytest

from benchmarks import report
from benchmarks.report import TODAY, Results, Run
from worker.engine import Usage

OURS = "ours, fan-out 10"


def run(side, turn, seconds, usage):
    return Run("1 job", side, turn, 1, seconds, [seconds / 2], usage, 180)


@pytest.fixture
def results():
    return Results(
        machine={"date": "2031-05-10", "processor": "a processor, 2 cores"},
        own_ms={OURS: 1.5},
        runs=[
            run(TODAY, 0, 10.0, Usage(2700, 200, 600)),
            run(OURS, 0, 1.0, Usage(5000, 4500, 150)),
            run(TODAY, 1, 12.0, Usage(2700, 200, 600)),
            run(OURS, 1, 0.8, Usage(5000, 4500, 150)),
        ],
    )


def test_a_ratio_is_of_the_two_sides_in_the_same_round(results):
    assert results.ratios("1 job", OURS) == [10.0, 15.0]


def test_computed_tokens_are_those_that_no_cache_had(results):
    assert report.per_job(results.of("1 job", OURS), "computed") == 500
    assert report.per_job(results.of("1 job", TODAY), "computed") == 2500


def test_the_table_says_medians_spreads_and_shares(results):
    rows = report.markdown(results).splitlines()
    today, ours = (next(row for row in rows if f"| {side} |" in row) for side in (TODAY, OURS))
    assert "| 11.00 (10.00–12.00) |" in today
    assert "| 0.90 (0.80–1.00) | 12.50 (10.00–15.00) |" in ours
    assert "| 500 | 20% | 150 | 25% |" in ours


def test_the_document_begins_with_what_came_of_it(results):
    headline = report.markdown(results).splitlines()[2]
    assert "12.5 times sooner" in headline
    assert "20% of the prompt tokens computed, 25% of the completion tokens" in headline
    assert "1.5 ms" in headline


def test_the_document_says_where_and_when(results):
    text = report.markdown(results)
    assert "2031-05-10" in text
    assert "a processor, 2 cores" in text


def test_table_measurements_and_chart_are_written(results, tmp_path):
    report.write(results, tmp_path / "new")
    assert json.loads((tmp_path / "new" / "handler.json").read_text()) == asdict(results)
    assert (tmp_path / "new" / "handler.md").read_text().startswith(report.markdown(results))
    assert "<svg" in (tmp_path / "new" / "handler.svg").read_text()


def test_the_committed_table_is_that_of_the_committed_measurements():
    committed = report.read(report.FOLDER)
    assert (report.FOLDER / "handler.md").read_text().startswith(report.markdown(committed))


def test_the_summary_says_what_when_and_where(results):
    results.machine["model"] = "a model"
    told = report.summary(results)
    assert "12.5 times sooner" in told
    assert "2031-05-10 on a processor, 2 cores, model a model" in told
    assert "| 1 job | 11.00 (10.00–12.00) | 0.90 (0.80–1.00) | 12.50 (10.00–15.00) |" in told
