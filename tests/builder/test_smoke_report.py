"""A report: what was found, what was not looked at, and whether all is well."""

import pytest

from builder.smoke_report import Check, Report


@pytest.mark.parametrize(
    ("check", "line"),
    [
        (Check("a"), "✓ a"),
        (Check("a", (), "so"), "✓ a: so"),
        (Check("a", (), "not here", skipped=True), "– a: not here"),
        (Check("a", ("one", "two"), "so"), "✗ a: one; two"),
        (Check("a", ("one",), "not there", skipped=True), "✗ a: one"),
    ],
)
def test_a_check_is_a_line_with_a_mark(check, line):
    """Good, wrong, or not made: what is wrong is wrong though not all was looked at."""
    assert check.text == line


def test_what_was_not_checked_is_neither_wrong_nor_right():
    """It does not stop a push; the document says that it was skipped."""
    report = Report("worker:1", "sha256:1", 5, [Check("a"), Check("b", (), "no", skipped=True)])
    assert report.failures == []
    assert report.document()["ok"]
    assert [check["skipped"] for check in report.document()["checks"]] == [False, True]


def test_all_that_is_wrong_is_a_failure_by_its_check():
    """With all of its problems."""
    report = Report("worker:1", "sha256:1", 5, [Check("a", ("x", "y")), Check("b")])
    assert report.failures == ["a: x; y"]
    assert not report.document()["ok"]


def test_what_was_not_come_to_is_not_told():
    """A worker that did not start has no measures."""
    assert Report("worker:1", "sha256:1", 2_000).text() == "worker:1 (2 kB, sha256:1)\n"


def test_measures_are_lines_for_a_person():
    """Times in seconds, bytes in Docker's units."""
    report = Report("worker:1", "sha256:1", 5, ready_s=61.25, phases={"load": 60.0})
    report.job_s, report.drain_s, report.drain = {"script": 2.0}, 1.5, {"answered": 8}
    report.memory_bytes, report.memory_source = 3_000_000_000, "the kernel"
    report.gpus = [{"name": "NVIDIA L4", "usedMiB": "1", "totalMiB": "2"}]
    assert report.text().splitlines()[1:] == [
        "  ready after 61.2 s (load 60.0 s)",
        "  jobs: script 2.0 s",
        "  memory: 3 GB (the kernel)",
        "  GPU: NVIDIA L4, 1 of 2 MiB",
        "  drain: 1.5 s (8 answered)",
    ]
