"""What is wrong with a worker's answers is seen from outside, each thing by its own words."""

import copy

import pytest

from builder import checks
from builder.checks import drain, labelled, probe, script, served_name, stream
from builder.stage import End
from worker.football.vocabulary import Tone

COMMIT, OTHER = "a" * 40, "b" * 40
ACTIONS = [
    {"actionId": 7, "timeSeconds": 12.5},
    {"actionId": "x-1", "timeSeconds": "0013.0"},
    {"actionId": 9.0},
]
KEYS = ("actionId", "timeSeconds", "tone", "description", "source")
LINES = [
    dict(zip(KEYS, line, strict=True))
    for line in (
        ("7", "12.5", "CALM", "하나", "model"),
        ("x-1", "0013.0", "SAD", "둘", "model"),
        ("9", None, "ANGRY", "셋", "fallback"),
    )
]


def answered(*output, **changes):
    """A job that has been answered with these parts."""
    told = {"id": "a-0", "taken": True, "ended": True, "chunks": list(output), "error": None}
    return told | {"output": list(output), "seconds": 1.0} | changes


def lines(**changes):
    """The good lines, with the first one changed."""
    return [LINES[0] | changes, *LINES[1:]]


def test_a_good_script_has_no_problems():
    """Numbers may have any form that is the same number."""
    assert script(answered({"script": LINES}), ACTIONS, fallback_ok=False) == []
    assert (
        script(answered({"script": lines(timeSeconds="12.50")}), ACTIONS, fallback_ok=False) == []
    )


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"actionId": 7}, "line 0 has actionId 7"),
        ({"actionId": "8"}, "line 0 has actionId '8'"),
        ({"actionId": "seven"}, "line 0 has actionId 'seven'"),
        ({"timeSeconds": 12.5}, "line 0 has timeSeconds 12.5"),
        ({"timeSeconds": None}, "line 0 has timeSeconds None"),
        ({"tone": "HAPPY"}, "line 0 has the tone 'HAPPY'"),
        ({"tone": ["CALM"]}, "line 0 has the tone"),
        ({"description": " "}, "line 0 has a description"),
        ({"description": "one\ntwo"}, "line 0 has a description"),
        ({"description": None}, "line 0 has a description"),
    ],
)
def test_a_line_that_is_not_its_actions_is_told(change, told):
    [problem] = script(answered({"script": lines(**change)}), ACTIONS, fallback_ok=False)
    assert problem.startswith(told)


def test_a_text_is_echoed_to_the_letter():
    wrong = copy.deepcopy(LINES)
    wrong[1]["timeSeconds"] = "13.0"
    wrong[2]["actionId"] = "x"
    assert len(script(answered({"script": wrong}), ACTIONS, fallback_ok=False)) == 2


@pytest.mark.parametrize(
    ("sent", "told", "good"),
    [
        ({}, None, True),
        ({}, "12", True),  # from a column that has another name
        ({}, 12, False),
        ({"timeSeconds": None}, None, True),
        ({"timeSeconds": None}, "12", False),
    ],
)
def test_a_time_that_was_not_sent_is_not_made_up(sent, told, good):
    line = LINES[0] | {"timeSeconds": told}
    job = answered({"script": [line]})
    assert (script(job, [{"actionId": 7} | sent], fallback_ok=False) == []) == good


@pytest.mark.parametrize(
    ("job", "told"),
    [
        (answered({"script": LINES[:2]}), "2 lines for 3 actions"),
        (answered({"script": [*LINES[:2], "three"]}), "line 2 is no object"),
        (answered({"script": None}), "no script"),
        (answered(), "0 parts"),
        (answered({"script": LINES}, {}), "2 parts"),
        (answered("text"), "1 parts"),
        (answered(output={"script": LINES}), "no list"),
        (answered(error='{"code": "no"}', output=None), 'the job failed: {"code": "no"}'),
    ],
)
def test_what_is_no_script_is_told(job, told):
    [problem] = script(job, ACTIONS, fallback_ok=False)
    assert told in problem


def test_a_model_that_never_speaks_is_no_success_unless_allowed():
    """One line of the model's own is enough."""
    silent = [line | {"source": "fallback"} for line in LINES]
    [problem] = script(answered({"script": silent}), ACTIONS, fallback_ok=False)
    assert "--fallback-ok" in problem
    assert script(answered({"script": silent}), ACTIONS, fallback_ok=True) == []


def test_many_problems_are_told_in_few_words():
    wrong = [line | {"tone": "X", "description": ""} for line in LINES]
    problems = script(answered({"script": wrong}), ACTIONS, fallback_ok=False)
    assert len(problems) == checks.TOLD + 1
    assert problems[-1] == "and 3 more of such"


def test_a_long_error_is_cut():
    [problem] = script(answered(error="x" * 9999), ACTIONS, fallback_ok=False)
    assert len(problem) < checks.LONGEST + 50


def test_the_tones_are_the_workers():
    assert set(Tone) == checks.TONES


# Streams

CHUNKS = [{"line": line, "index": index} for index, line in enumerate(LINES)]
DONE = {"status": "DONE"}


def test_a_good_stream_has_no_problems_in_any_order():
    assert stream(answered(*CHUNKS[::-1], DONE), ACTIONS, fallback_ok=False) == []


@pytest.mark.parametrize(
    ("job", "told"),
    [
        (answered(*CHUNKS), "does not end"),
        (answered(*CHUNKS, {"status": "HALF"}), "does not end"),
        (answered(*CHUNKS, "text"), "does not end"),
        (answered(), "does not end"),
        (answered(*CHUNKS[:2], DONE), "2 chunks for 2 places"),
        (answered(*CHUNKS[:2], CHUNKS[0], DONE), "3 chunks for 2 places"),
        (answered(*CHUNKS, CHUNKS[0], DONE), "4 chunks for 3 places"),
        (answered(*CHUNKS[:2], {"line": LINES[2]}, DONE), "3 chunks for 2 places"),
        (answered(*CHUNKS[:2], CHUNKS[2] | {"index": 3}, DONE), "3 chunks for 3 places"),
        (answered(*CHUNKS, DONE, chunks=[]), "0 chunks were streamed, but the output has 4"),
        (answered(*CHUNKS, DONE, chunks=[*CHUNKS[::-1], DONE]), "are not those of the output"),
        (answered(*CHUNKS[:2], {"line": LINES[0], "index": 2}, DONE), "line 2 has actionId '7'"),
        (answered(error="no"), "the job failed: no"),
    ],
)
def test_what_is_wrong_with_a_stream_is_told(job, told):
    problems = stream(job, ACTIONS, fallback_ok=False)
    assert told in problems[0]


def test_a_stream_of_a_silent_model_is_no_success():
    silent = [{"line": line | {"source": "fallback"}, "index": at} for at, line in enumerate(LINES)]
    assert stream(answered(*silent, DONE), ACTIONS, fallback_ok=False)


# The model


def models(*names):
    return answered({"object": "list", "data": [{"id": name} for name in names]})


def test_the_model_goes_by_its_name():
    assert served_name(models("alias", "skt/A"), "skt/A") == []


@pytest.mark.parametrize(
    ("job", "name", "told"),
    [
        (models("/model", "x"), "skt/A", "skt/A is served as /model, x"),
        (models(), "skt/A", "skt/A is served as nothing"),
        (answered(), "skt/A", "skt/A is served as nothing"),
        (answered("text"), "skt/A", "skt/A is served as nothing"),
        (models("skt/A"), None, "no MODEL_NAME"),
        (answered(error="no"), "skt/A", "the job failed"),
    ],
)
def test_another_name_is_told(job, name, told):
    [problem] = served_name(job, name)
    assert told in problem


def test_the_label_says_the_name():
    assert labelled("a/b", "a/b") == []
    [problem] = labelled("a/b", None)
    assert problem == "the label ai.commentary.model.name is None, but MODEL_NAME is a/b"


def probed(name="a/b", revision=COMMIT):
    return answered({"model": {"id": name, "revision": revision}})


@pytest.mark.parametrize("said", [COMMIT, "main", None])
def test_the_probe_tells_the_models_commit(said):
    """Which is the image's where that is a commit; a branch says nothing."""
    assert probe(probed(), "a/b", {"MODEL_REVISION": said}) == []


@pytest.mark.parametrize(
    ("job", "told"),
    [
        (probed(name="/model"), "the model is /model, not a/b"),
        (probed(revision=None), "None, which is no commit"),
        (probed(revision="main"), "main, which is no commit"),
        (probed(revision=OTHER), f"is {OTHER}, but the label is {COMMIT}"),
        (answered(), "the model is None"),
        (answered("text"), "the model is None"),
        (answered({"model": "a/b"}), "the model is None"),
        (answered(error="no"), "the job failed"),
    ],
)
def test_another_model_or_commit_is_told(job, told):
    assert told in probe(job, "a/b", {"the label": COMMIT})[0]


# The drain


def job(name, *, taken=True, ended=True, **changes):
    return answered({"script": LINES}, id=name, taken=taken, ended=ended, **changes)


GOOD = [job("a"), job("b"), job("c", taken=False, ended=False)]


def test_what_waits_in_the_queue_is_not_lost():
    assert drain(GOOD, ACTIONS, ["a", "b"], End(0), 30) == []


@pytest.mark.parametrize(
    ("jobs", "at_stop", "end", "told"),
    [
        ([*GOOD, job("d", ended=False, output=None)], ["a", "b"], End(0), "not answered: d"),
        ([*GOOD, job("d", error="no")], ["a", "b"], End(0), "d: the job failed: no"),
        ([*GOOD, job("d", output=[{"script": []}])], ["a", "b"], End(0), "d: 0 lines"),
        (GOOD, ["a", "b"], End(137), "exit code 137, not done after 30 s"),
        (GOOD, ["a", "b"], End(137, out_of_memory=True), "memory was short"),
        (GOOD, ["a", "b"], End(1), "exit code 1, not with 0"),
        (GOOD, ["a"], End(0), "raise --jobs"),
    ],
)  # fmt: skip
def test_what_is_lost_at_a_stop_is_told(jobs, at_stop, end, told):
    [problem] = drain(jobs, ACTIONS, at_stop, end, 30)
    assert told in problem
