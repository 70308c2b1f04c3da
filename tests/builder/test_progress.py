"""Progress: a line now and then, or one bar on a terminal."""

import pytest

from builder import progress
from builder.progress import Pace, alive, lines, waiting


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes when it is told to."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_lines_are_a_while_apart(clock):
    """Whatever happens in between; what must be told starts the while anew."""
    pace = Pace()
    assert not pace.is_due()
    clock[0] += progress.LINE_S
    assert pace.is_due()
    assert not pace.is_due()
    clock[0] += progress.LINE_S - 1
    assert pace.is_due(anyway=True)
    clock[0] += 1
    assert not pace.is_due()


def test_words_become_lines_now_and_then(clock, capsys):
    """The first one at once, with the seconds since the beginning."""
    show = lines("it")
    for word in ("one", "two", "three"):
        show(word)
        clock[0] += progress.LINE_S - 1
    assert capsys.readouterr().err == "it: 0 s: one\nit: 28 s: three\n"


def test_on_a_terminal_words_stand_behind_a_clock(monkeypatch, capsys):
    """And are gone when it is over."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with waiting("it") as show:
        show("loading")
    told = capsys.readouterr().err
    assert "it 00:00, loading" in told
    assert "\n" not in told


def test_a_silent_call_is_shown_to_go_on(monkeypatch, capsys):
    """By itself, for as long as it takes, and no longer."""
    monkeypatch.setattr(progress, "BEAT_S", 0.001)
    monkeypatch.setattr(progress, "LINE_S", 0.0)
    told = ""
    with alive("it", "writing"):
        while told.count("\n") < 3:
            told += capsys.readouterr().err
    assert told.startswith("it: 0 s: writing\n")
    capsys.readouterr()
    assert capsys.readouterr().err == ""


def test_a_call_that_fails_is_shown_no_longer():
    """Its error comes through."""
    with pytest.raises(KeyError), alive("it", "writing"):
        raise KeyError
