"""The wire contract: what an answer must be before it may leave."""

from copy import deepcopy

import pytest

from tests.rows import request_document, ten_rows
from worker.commentary.contract import LINE, Contract
from worker.errors import WorkerError
from worker.football.schema import CommentaryRequest
from worker.football.vocabulary import Tone


def contract(**changes):
    """The contract of job `7`."""
    return Contract(CommentaryRequest.parse(request_document(**changes)), "7")


def line(index, **changes):
    """A line about the row at `index`, with one of our own keys after the contract's."""
    row = ten_rows()[index]
    return {
        "actionId": str(row["actionId"]),
        "timeSeconds": str(row["timeSeconds"]),
        "tone": "DEFAULT",
        "description": "문새벽이 패스합니다.",
        "source": "model",
    } | changes


def script():
    return [line(index) for index in range(10)]


def result(**changes):
    """A whole result of ten lines."""
    whole = {"jobId": "7", "gameId": "990001", "status": "DONE", "script": script()}
    return whole | {"warnings": []} | changes


def chunk(index, **changes):
    return {"line": line(index), "index": index} | changes


def breach(check, answer):
    """The place and the law that an answer breaks, as its error tells them."""
    with pytest.raises(WorkerError) as caught:
        check(answer)
    assert type(caught.value) is WorkerError  # internal_error: nobody's fault but ours
    beginning, _, told = caught.value.message.partition(": ")
    assert beginning == "The answer breaks its contract"
    return told


def test_a_good_result_may_leave():
    """It is left alone, whatever of ours is in it."""
    good = result()
    before = deepcopy(good)
    contract().check_result(good)
    assert good == before


@pytest.mark.parametrize("tone", Tone)
def test_every_tone_of_the_wire_is_one(tone):
    """All seven, as plain words."""
    contract().check_result(result(script=[line(at, tone=tone.value) for at in range(10)]))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"jobId": "8"}, "jobId must be the job's."),
        ({"jobId": None}, "jobId must be the job's."),
        ({"gameId": "990002"}, "gameId must be the request's."),
        ({"gameId": 990001}, "gameId must be the request's."),
        ({"status": "FAILED"}, "status must be DONE."),
        ({"status": None}, "status must be DONE."),
        ({"script": None}, "script must be a list of 10 lines."),
        ({"script": []}, "script must be a list of 10 lines."),
        ({"script": script()[:9]}, "script must be a list of 10 lines."),
        ({"script": [*script(), line(9)]}, "script must be a list of 10 lines."),
        ({"script": "0123456789"}, "script must be a list of 10 lines."),
    ],
)
def test_a_result_that_is_not_the_job_s_may_not_leave(changes, told):
    """What is broken is named, with what it must be."""
    assert breach(contract().check_result, result(**changes)) == told


@pytest.mark.parametrize("key", ["jobId", "gameId", "status", "script"])
def test_a_result_lacks_no_key(key):
    """A missing one is as wrong as a wrong one."""
    lacking = result()
    del lacking[key]
    assert breach(contract().check_result, lacking).startswith(f"{key} must be ")


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"actionId": 2333}, "actionId"),
        ({"actionId": "2334"}, "actionId"),
        ({"actionId": None}, "actionId"),
        ({"timeSeconds": 1853.41}, "timeSeconds"),
        ({"timeSeconds": "1853.410"}, "timeSeconds"),
        ({"timeSeconds": None}, "timeSeconds"),
        ({"tone": "HAPPY"}, "tone"),
        ({"tone": "default"}, "tone"),
        ({"tone": None}, "tone"),
        ({"tone": ["DEFAULT"]}, "tone"),
        ({"description": ""}, "description"),
        ({"description": "  "}, "description"),
        ({"description": None}, "description"),
        ({"description": ["패스합니다."]}, "description"),
        ({"description": "패스합니다.\n"}, "description"),
        ({"description": "패스합니다.\r받습니다."}, "description"),
        ({"description": "패스합니다.\u2028받습니다."}, "description"),
    ],
)
def test_a_line_that_clients_would_refuse_may_not_leave(changes, place):
    """In a script and alone; its place and its law are told, what stands there is not."""
    lines = script()
    lines[3] = line(3, **changes)
    assert (
        breach(contract().check_result, result(script=lines)) == f"script[3].{place} {LINE[place]}."
    )
    told = breach(contract(stream=True).check_chunk, chunk(3, line=lines[3]))
    assert told == f"line.{place} {LINE[place]}."


def test_lines_stand_in_the_order_of_their_actions():
    """Also where all of them are there."""
    lines = script()
    lines[4], lines[5] = lines[5], lines[4]
    assert breach(contract().check_result, result(script=lines)).startswith("script[4].actionId ")


@pytest.mark.parametrize(
    "broken",
    [
        None,
        "패스합니다.",
        {key: value for key, value in line(0).items() if key != "tone"},
        {"source": "model"} | line(0),
        dict(reversed(line(0).items())),
    ],
)
def test_a_line_begins_with_the_four_keys_in_their_order(broken):
    """What is ours comes after them."""
    lines = [broken, *script()[1:]]
    told = "must begin with actionId, timeSeconds, tone, description."
    assert breach(contract().check_result, result(script=lines)) == f"script[0] {told}"


def test_what_was_not_sent_is_echoed_as_null():
    """A row without a time and a request without a game."""
    rows = ten_rows()
    del rows[0]["timeSeconds"]
    lines = [line(0, timeSeconds=None), *script()[1:]]
    lacking = contract(rawData=rows, gameId=None)
    lacking.check_result(result(script=lines, gameId=None))
    assert breach(lacking.check_result, result(gameId=None)).startswith("script[0].timeSeconds ")


STYLES = ["FRIEND", "CASTER"]


def test_every_style_has_a_whole_script():
    """Each is held to the contract; which one is broken is told."""
    scripts = {style: script() for style in STYLES}
    contract(styles=STYLES).check_result(result(scripts=scripts))
    scripts["CASTER"][2]["tone"] = "HAPPY"
    told = breach(contract(styles=STYLES).check_result, result(scripts=scripts))
    assert told.startswith("scripts.CASTER[2].tone ")


@pytest.mark.parametrize(
    "scripts",
    [None, [], {}, {"FRIEND": script()}, {"CASTER": script(), "FRIEND": script()}],
)
def test_no_style_s_script_is_missing(scripts):
    """All that were asked for, in their order."""
    told = breach(contract(styles=STYLES).check_result, result(scripts=scripts))
    assert told == "scripts must hold FRIEND, CASTER, in this order."


def streamed(made, order, **changes):
    for index in order:
        made.check_chunk(chunk(index, **changes))


LAST = {key: value for key, value in result().items() if key != "script"}


def test_streamed_lines_may_come_in_any_order():
    """Once all of them have come, the result may."""
    made = contract(stream=True)
    streamed(made, [9, 0, 8, 1, 7, 2, 6, 3, 5, 4])
    made.check_result(LAST)


def test_no_streamed_line_comes_twice():
    """Not even the same one."""
    made = contract(stream=True)
    streamed(made, [0, 1])
    assert breach(made.check_chunk, chunk(0)) == "index must come once, and 0 comes again."


@pytest.mark.parametrize("missing", [0, 4, 9])
def test_no_streamed_line_is_missing(missing):
    """A result says that all is done."""
    made = contract(stream=True)
    streamed(made, [index for index in range(10) if index != missing])
    assert breach(made.check_result, LAST) == "line must come 10 times, not 9."


@pytest.mark.parametrize("index", [-1, 10, None, "0", 0.0, False])
def test_a_streamed_line_s_place_is_one_of_the_script(index):
    """A whole number, 0-based."""
    told = breach(contract(stream=True).check_chunk, chunk(0) | {"index": index})
    assert told == "index must be a whole number from 0 to 9."


def test_streamed_lines_of_several_styles_are_told_apart():
    """The same place once for each of them."""
    made = contract(stream=True, styles=STYLES)
    for style in STYLES:
        streamed(made, range(10), style=style)
    made.check_result(LAST)
    assert breach(made.check_chunk, chunk(0, style="FRIEND")).startswith("index must come once")


@pytest.mark.parametrize("changes", [{}, {"style": "ANALYST"}, {"style": None}])
def test_a_streamed_line_of_several_styles_says_whose_it_is(changes):
    """One of those that were asked for."""
    made = contract(stream=True, styles=STYLES)
    assert breach(made.check_chunk, chunk(0, **changes)) == "style must be one of FRIEND, CASTER."
