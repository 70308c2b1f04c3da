"""What may be said of a load: rates, percentiles, a fair comparison, and the target."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.load import figures
from benchmarks.load.figures import (
    CEILING,
    TARGET_AT,
    Figures,
    Results,
    Run,
    Sample,
    missed,
    percentile,
)
from benchmarks.sides import UnfairRun
from worker.engine import Usage

OURS = "HTTP service"
SECONDS = st.lists(st.floats(0, 1e4), min_size=1, max_size=50)


def sample(first_s=1.0, script_s=2.0, completion=160, prompt=5000, **sources):
    return Sample(script_s, first_s, sources or {"model": 10}, Usage(prompt, 4000, completion))


def run(side, seconds, *, turn=0, at_once=TARGET_AT, samples=None):
    return Run(side, at_once, turn, seconds, samples or [sample(seconds / 2), sample(seconds / 2)])


def results(*runs):
    return Results({"date": "today"}, list(runs))


@given(SECONDS, st.sampled_from([0.0, 0.5, 0.95, 0.99, 1.0]))
def test_a_percentile_is_numpys(values, share):
    """Between two values it lies on a straight line."""
    assert percentile(values, share) == pytest.approx(np.percentile(values, share * 100))


def test_rates_are_of_the_time_of_all_rounds():
    """A long round weighs more than a short one."""
    both = Figures([run(OURS, 1.0), run(OURS, 3.0, turn=1)])
    assert (both.jobs_a_second, both.lines_a_second) == (1.0, 10.0)


def test_a_failed_job_counts_in_no_time_and_in_the_error_share():
    """It has no lines, its time still counts against the rate, and its kind is kept."""
    failed = Figures([run(OURS, 2.0, samples=[sample(), Sample(failure="timeout")])])
    assert failed.error_share == 0.5
    assert failed.failures == {"timeout": 1}
    assert (failed.first_s, failed.script_s) == ([1.0], [2.0])
    assert (failed.jobs_a_second, failed.lines_a_second) == (0.5, 5.0)


def test_the_fallback_share_is_of_lines():
    """Repaired lines are the model's own; without a line there is no share."""
    told = Figures([run(OURS, 1.0, samples=[sample(model=5, repaired=3, fallback=2)])])
    assert told.fallback_share == 0.2
    assert Figures([run(OURS, 1.0, samples=[Sample(failure="x")])]).fallback_share is None


def test_a_share_is_of_the_ceiling_in_the_same_round():
    """And so are the times of its median time to the first line."""
    made = results(
        *(run(OURS, 2.0), run(CEILING, 1.0)),
        *(run(CEILING, 3.0, turn=1), run(OURS, 3.0, turn=1)),
    ).compare(TARGET_AT, OURS)
    assert made.lines == [0.5, 1.0]
    assert made.first == [2.0, 1.0]


def test_a_round_that_only_one_side_had_is_not_compared():
    """As the last one is where somebody breaks it off."""
    made = results(run(OURS, 2.0), run(CEILING, 1.0), run(OURS, 9.0, turn=1))
    assert made.compare(TARGET_AT, OURS).lines == [0.5]


def test_without_a_ceiling_there_is_nothing_to_compare_and_nothing_to_miss():
    """A service elsewhere is measured alone."""
    alone = results(run(OURS, 1.0))
    assert alone.compare(TARGET_AT, OURS) is None
    assert missed(alone) == []


UNFAIR = {
    "2 jobs failed: timeout": [Sample(failure="timeout")] * 2,
    "tokens were asked with": [sample(prompt=5001), sample()],
    "tokens were written": [sample(completion=170), sample(completion=160)],
}


@pytest.mark.parametrize("why", UNFAIR)
@pytest.mark.parametrize("side", [OURS, CEILING])
def test_sides_that_did_other_work_are_not_compared(why, side):
    """Whichever of the two it was; and a target that cannot be judged is missed."""
    other = CEILING if side == OURS else OURS
    made = results(run(side, 1.0, samples=UNFAIR[why]), run(other, 1.0))
    with pytest.raises(UnfairRun, match=why):
        made.compare(TARGET_AT, OURS)
    [told] = missed(made)
    assert why in told


def test_tokens_may_differ_by_little():
    """The same seed gives other tokens where the engine has computed another batch."""
    near = results(run(OURS, 1.0, samples=[sample(completion=161), sample()]), run(CEILING, 1.0))
    assert near.compare(TARGET_AT, OURS).lines == [1.0]


def test_a_side_that_tells_no_first_line_is_compared_in_lines_alone():
    """As /runsync tells nothing before the end."""
    untold = [sample(first_s=None), sample(first_s=None)]
    made = results(run("/runsync", 1.0, samples=untold), run(CEILING, 1.0))
    assert made.compare(TARGET_AT, "/runsync").first == []
    assert missed(made) == []


@pytest.mark.parametrize(
    ("seconds", "first_s", "lacks"),
    [
        (1.0, 0.5, []),
        (1 / 0.951, 0.5, []),
        (1 / 0.949, 0.5, ["lines a second"]),
        (1.0, 0.549, []),
        (1.0, 0.551, ["first line"]),
        (2.0, 1.0, ["lines a second", "first line"]),
    ],
)
def test_the_target_is_95_percent_of_the_lines_and_a_first_line_within_10_percent(
    seconds, first_s, lacks
):
    """Either may be missed alone."""
    made = results(
        run(OURS, seconds, samples=[sample(first_s), sample(first_s)]), run(CEILING, 1.0)
    )
    told = missed(made)
    assert len(told) == len(lacks)
    assert all(lack in each for lack, each in zip(lacks, told, strict=True))


def test_the_target_is_for_16_jobs_at_once():
    """At any other level nothing is missed."""
    assert missed(results(run(OURS, 9.0, at_once=4), run(CEILING, 1.0, at_once=4))) == []


def test_sides_and_levels_come_as_they_were_measured_and_the_ceiling_last():
    """Whoever had the first turn."""
    made = results(run(CEILING, 1.0, at_once=4), run(OURS, 1.0, at_once=4), run(OURS, 1.0))
    assert (made.sides, made.levels) == ([OURS, CEILING], [4, TARGET_AT])
    assert made.of(TARGET_AT, CEILING) is None


def test_what_was_written_is_read(tmp_path):
    """Results come back as they were."""
    made = Results(
        {"date": "today"}, [run(OURS, 1.5, samples=[sample(), Sample(failure="timeout")])], "half"
    )
    figures.write(made, tmp_path / "new")
    assert figures.read(tmp_path / "new") == made
