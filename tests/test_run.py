"""What a newcomer types, on the real engine and through the real SDK."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.serving import serving
from tests.test_main import Loopback
from worker.commentary.guard import Context, check
from worker.football.facts import facts_of
from worker.football.schema import CommentaryRequest

ROOT = Path(__file__).resolve().parents[1]
LINE = re.compile(r"^ *([\d.]+)  ([A-Z]+) +(.+[.!?])$")

pytestmark = pytest.mark.engine


def make(*words, **variables):
    """`make run` as a person types it; its output and its exit code."""
    outer = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")  # of the `make test` that runs this test
    environ = {name: value for name, value in os.environ.items() if name not in outer}
    return subprocess.run(
        ["make", "run", *words],
        cwd=ROOT,
        env=environ | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_make_run_prints_ten_lines_and_then_the_result():
    """Ten actions give ten lines to read and one result, in the persona that was asked for."""
    done = make("STYLE=FRIEND")
    assert done.returncode == 0, done.stderr
    told, _, rest = done.stdout.partition("\n\n{")
    result = json.loads("{" + rest)
    lines = [LINE.match(line).groups() for line in told.splitlines()[-10:]]
    script = result["script"]
    assert lines == [(row["timeSeconds"], row["tone"], row["description"]) for row in script]
    document = json.loads((ROOT / "test_input.json").read_text())["input"]
    assert [row["actionId"] for row in script] == [
        str(row["actionId"]) for row in document["rawData"]
    ]
    # The default model speaks nonsense: what is told instead is true, and says that it is not its.
    request = CommentaryRequest.parse(document | {"style": "FRIEND"})
    facts = facts_of(request)
    about = Context.of(request, facts)
    for row, fact in zip(script, facts, strict=True):
        assert check(row["description"], fact, about) == ()
    assert result["counts"]["fallback"] >= 8
    assert result["counts"]["violations"]["name"] >= 8
    assert result["usage"]["cachedTokens"] > 0
    [ready] = [line for line in done.stderr.splitlines() if "ready:" in line]
    assert all(phase in ready for phase in ("import", "load", "compile", "warm-up"))


def test_a_failed_job_is_a_failed_make():
    """The exit code of `make run` is the job's, with an engine elsewhere, too."""
    with serving(Loopback()) as url:
        done = make("STYLE=POET", f"ENGINE_URL={url}")
    assert done.returncode != 0
    assert "invalid_input" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
