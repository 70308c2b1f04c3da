"""The local run: a job from a file or a word, and its result for a person to read."""

import pytest

from worker.errors import StartupError
from worker.serve.local import read_test_input, show


def test_lines_without_a_time_can_be_read_too(capsys):
    """A row without a time is normal input, and so is its line."""
    line = {"actionId": "1", "timeSeconds": None, "tone": "DEFAULT", "description": "멈춥니다."}
    show({"script": [line]})
    assert "DEFAULT   멈춥니다." in capsys.readouterr().out


def test_the_lines_of_a_streamed_job_are_shown_as_they_came(capsys):
    """The chunks are one result, and what else stands among them is shown as it is."""
    line = {"actionId": "1", "timeSeconds": "2.5", "tone": "CALM", "description": "멈춥니다."}
    show([{"line": line, "index": 0}, {"status": "DONE"}])
    out = capsys.readouterr().out
    assert "2.5  CALM      멈춥니다." in out
    assert '"status": "DONE"' in out


@pytest.mark.parametrize("output", ["data: {}\n\n", ["data: {}\n\n", "data: [DONE]\n\n"]])
def test_output_without_lines_is_shown_whole(capsys, output):
    """A stream of OpenAI's is text."""
    show(output)
    assert "data: {}" in capsys.readouterr().out


def test_a_test_input_that_is_missing_is_named(tmp_path, monkeypatch):
    """A local run in the wrong folder says what it looked for."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StartupError, match=r"test_input\.json"):
        read_test_input(None, None)


@pytest.mark.parametrize("job", ["[]", '{"input": null}', "{", '"text"'])
def test_a_test_input_that_is_no_job_is_refused_before_the_engine_starts(job):
    """A start of half a minute is not spent on a job that cannot be run."""
    with pytest.raises(StartupError, match="--test_input"):
        read_test_input(job, None)
