"""The load bench as a client of an endpoint, with the real engine behind it."""

import pytest

from benchmarks.load.__main__ import WAYS, main
from benchmarks.load.figures import read

pytestmark = pytest.mark.engine


@pytest.mark.parametrize("door", ["runsync", "stream"])
def test_an_endpoint_is_measured_by_its_address_and_key(
    standing, worker, door, monkeypatch, tmp_path
):
    """All jobs come to their ten lines; the lines of a stream have times of their own."""
    monkeypatch.delenv("API_KEY", raising=False)
    monkeypatch.setenv("RUNPOD_API_KEY", standing.key)
    words = ("--quick", "--url", standing.base, "--door", door)
    assert main([*words, "--out", str(tmp_path)]) == 0
    results = read(tmp_path)
    assert results.sides == [WAYS[door].side]
    assert results.about["service"] == standing.base
    assert results.about["model"] == "mini/exaone"
    for run in results.runs:
        assert (run.done, run.lines) == (len(run.samples), 10 * len(run.samples))
        assert all((sample.first_s is not None) == (door == "stream") for sample in run.samples)
        assert run.usage.prompt > run.usage.completion > 0
    assert standing.key not in "".join(path.read_text("utf-8") for path in tmp_path.iterdir())
    assert standing.anomalies == []
