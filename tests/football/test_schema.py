"""Requests in every spelling that callers use, and the errors of those that cannot be used."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rows import HOME_ID, match_info, request_document, row, ten_rows
from worker.errors import InvalidInput
from worker.football.pitch import Coordinates, Orientation, Team
from worker.football.schema import CommentaryRequest, Match, Persona, Score, TableForm


def parse(**changes):
    return CommentaryRequest.parse(request_document(**changes))


def with_row(index=3, /, **changes):
    """The ten rows with one of them changed."""
    rows = ten_rows()
    rows[index] |= changes
    return rows


def refused(document):
    with pytest.raises(InvalidInput) as error:
        CommentaryRequest.parse(document)
    return error.value


def refusal(**changes):
    return refused(request_document(**changes))


def test_the_example_is_the_rows_of_the_tests():
    """What `make run` shows a newcomer is what the tests are about."""
    example = Path(__file__).parents[2] / "test_input.json"
    assert json.loads(example.read_text(encoding="utf-8")) == {"input": request_document()}


def test_a_request_as_the_back_end_sends_it():
    """Every part of the wire contract arrives under its own word."""
    request = parse()
    assert (request.game_id, request.personas) == ("990001", (Persona.CASTER,))
    assert request.match.names(Team.HOME) == ("가온", "가온 유나이티드", "Gaon United")
    assert request.match.names(Team.AWAY) == ("누리", "누리 FC", "Nuri FC")
    assert (request.match.venue, request.match.weather) == ("가온 종합운동장", "맑음")
    shot = request.actions[8]
    assert (shot.index, shot.action_id, shot.time_text) == (8, "2338", "1860.241")
    assert (shot.period_id, shot.type_name, shot.result_name) == (1, "Shot", "Goal")
    assert (shot.player_id, shot.player_name, shot.position_name) == ("700109", "강누림", "CF")
    assert (shot.team_id, shot.team_name_short) == (str(HOME_ID), "가온")
    assert (shot.start_x, shot.start_y, shot.end_x, shot.end_y) == (96.1, 35.6, 105.0, 33.1)


def test_the_least_request():
    """One action with an id is enough; all else has a default."""
    request = CommentaryRequest.parse({"rawData": [{"actionId": 1}]})
    assert request.personas == (Persona.CASTER,)
    assert request.match == Match()
    assert request.coordinates == Coordinates()
    assert (request.game_id, request.current_score, request.previous_script) == (None, None, ())
    assert (request.fanout, request.table, request.temperature, request.top_p) == (None,) * 4
    assert (request.seed, request.deadline_s) == (None, None)
    assert (request.explain, request.ssml, request.stream) == (False, False, False)
    assert (request.speech_rate, request.min_salience) == (1.0, 0.0)
    assert (request.actions[0].time_seconds, request.actions[0].time_text) == (None, None)


def test_own_values_of_a_job():
    """A job may set what the worker otherwise defaults."""
    request = parse(
        style="friend",
        coordinates={"orientation": "auto", "normalised": False, "yDown": "true"},
        currentScore={"home": 1, "away": "0"},
        fanout=5,
        tableForm="coordinates",
        temperature=0,
        topP="0.5",
        seed=7,
        deadlineSeconds=12.5,
        explain=True,
        ssml="true",
        speech={"rate": "1.5"},
        minSalience=0.3,
    )
    assert request.personas == (Persona.FRIEND,)
    assert (request.explain, request.ssml) == (True, True)
    assert (request.speech_rate, request.min_salience) == (1.5, 0.3)
    assert request.coordinates == Coordinates(Orientation.AUTO, normalised=False, y_down=True)
    assert (request.current_score, request.table) == (Score(1, 0), TableForm.COORDINATES)
    assert (request.fanout, request.seed) == (5, 7)
    assert (request.temperature, request.top_p, request.deadline_s) == (0.0, 0.5, 12.5)


def test_previous_lines_may_be_text_or_script_lines():
    """A script can be sent back as it came; empty lines are no lines."""
    lines = [" 첫 줄입니다. ", {"tone": "DEFAULT", "description": "둘째\n줄입니다."}, None, ""]
    assert parse(previousScript=lines).previous_script == ("첫 줄입니다.", "둘째 줄입니다.")


@pytest.mark.parametrize("document", [None, [], "x", 3, math.nan])
def test_a_request_is_an_object(document):
    """Anything else is refused in one sentence."""
    assert refused(document).message.startswith("The request must be an object")


@pytest.mark.parametrize(
    ("raw_data", "words"),
    [
        ([], "rawData must hold 1 to 20 actions, but holds none"),
        (None, "rawData must hold 1 to 20 actions, but holds none"),
        ([{"actionId": n} for n in range(21)], "rawData must hold 1 to 20 actions, not 21"),
        ("rows", 'rawData must be a list, not "rows"'),
        ({"0": {}}, "rawData must be a list, not an object"),
    ],
)
def test_a_request_holds_one_to_twenty_actions(raw_data, words):
    """No actions, too many or no list: the field is named."""
    error = refusal(rawData=raw_data)
    assert error.message == f"{words}."
    assert error.param == "rawData"


def test_twenty_actions_are_welcome():
    """The limit itself is allowed."""
    request = parse(rawData=[{"actionId": n} for n in range(20)])
    assert len(request.actions) == 20


@pytest.mark.parametrize("bad", [None, 3, "row", []])
def test_a_row_is_an_object(bad):
    """One bad row fails the job with that row named; it does not vanish."""
    assert refusal(rawData=[*ten_rows(), bad]).param == "rawData[10]"


@pytest.mark.parametrize(
    ("changes", "param", "words"),
    [
        ({"startX": "abc"}, "startX", 'must be a number, not "abc"'),
        ({"startX": True}, "startX", "must be a number, not true"),
        ({"endY": math.inf}, "endY", "must be a finite number"),
        ({"startX": 110.5}, "startX", "lies at 110.5 m, more than 5 m off a pitch of 105 m"),
        ({"endX": -5.1}, "endX", "lies at -5.1 m"),
        ({"startY": 73.2}, "startY", "lies at 73.2 m, more than 5 m off a pitch of 68 m"),
        ({"endX": None, "dx": 90}, "dx", "lies at 148.9 m"),
        ({"timeSeconds": -1}, "timeSeconds", "must not be negative, not -1"),
        ({"periodId": 6}, "periodId", "must be a whole number from 1 to 5, not 6"),
        ({"periodId": 1.5}, "periodId", "must be a whole number"),
        ({"actionId": None}, "actionId", "is missing"),
        ({"actionId": 2330}, "actionId", "repeats the id of action 0, 2330"),
        ({"actionId": "2330.0"}, "actionId", "repeats the id of action 0, 2330.0"),
        ({"playerNameKo": ["하도율"]}, "playerNameKo", "must be text, not a list"),
        ({"playerNameKo": True}, "playerNameKo", "must be text, not true"),
        ({"teamNameKo": "가" * 101}, "teamNameKo", "must have at most 100 characters"),
        ({"dx": "x"}, "dx", "must be a number"),
    ],
)
def test_a_bad_value_is_named_with_its_row(changes, param, words):
    """The error says where, what is expected and what came."""
    error = refusal(rawData=with_row(**changes))
    assert error.param == f"rawData[3].{param}"
    assert error.message.startswith(f"rawData[3].{param} {words}")
    assert not error.retryable


def test_errors_spell_keys_as_the_caller_does():
    """Whoever writes snake_case reads snake_case."""
    error = refused({"raw_data": [{"action_id": 1, "start_x": "abc"}]})
    assert error.param == "raw_data[0].start_x"


@pytest.mark.parametrize(
    ("changes", "param", "words"),
    [
        ({"style": "POET"}, "style", 'must be CASTER, ANALYST or FRIEND, not "POET"'),
        ({"style": 3}, "style", "must be CASTER, ANALYST or FRIEND, not 3"),
        ({"matchInfo": [1]}, "matchInfo", "must be an object, not a list"),
        ({"tableForm": "xml"}, "tableForm", "must be facts, coordinates or json"),
        ({"fanout": 0}, "fanout", "must be a whole number from 1 to 20, not 0"),
        ({"fanout": 21}, "fanout", "must be a whole number from 1 to 20"),
        ({"temperature": 2.1}, "temperature", "must be at most 2, not 2.1"),
        ({"temperature": -1}, "temperature", "must be at least 0, not -1"),
        ({"topP": 0}, "topP", "must be above 0, not 0"),
        ({"topP": 1.01}, "topP", "must be at most 1"),
        ({"seed": -1}, "seed", "must be a whole number from 0"),
        ({"seed": 2**63}, "seed", "must be a whole number from 0"),
        ({"deadlineSeconds": 0}, "deadlineSeconds", "must be above 0"),
        ({"currentScore": {"home": 1}}, "currentScore", "must give both home and away"),
        ({"currentScore": {"home": 1, "away": -1}}, "currentScore.away", "must be a whole"),
        ({"coordinates": {"orientation": "up"}}, "coordinates.orientation", "must be home_ltr"),
        ({"coordinates": {"normalised": 1}}, "coordinates.normalised", "must be true or false"),
        ({"coordinates": "auto"}, "coordinates", "must be an object"),
        (
            {"coordinates": {"orientaton": "auto"}},
            "coordinates.orientaton",
            "is not known; there are orientation, normalised, yDown",
        ),
        ({"previousScript": "x"}, "previousScript", "must be a list"),
        ({"previousScript": ["a", 3]}, "previousScript[1]", "must be a line of text"),
        ({"previousScript": [{"description": []}]}, "previousScript[0].description", "must be"),
        ({"previousScript": ["가" * 501]}, "previousScript[0]", "must have at most 500"),
    ],
)
def test_a_bad_option_is_named(changes, param, words):
    """Every option says what it takes."""
    error = refusal(**changes)
    assert error.param == param
    assert error.message.startswith(f"{param} {words}")


def test_every_spelling_of_an_option_is_known():
    """Of the words and of their letters."""
    options = {"ORIENTATION": "auto", "Normalized": False, "y_down": True, "else": None}
    assert parse(coordinates=options).coordinates == Coordinates(Orientation.AUTO, y_down=True)


def test_match_names_must_be_names():
    """A name is spoken, so it must be text; a number counts as text."""
    assert refusal(matchInfo={"homeTeamNameKo": ["가온"]}).param == "matchInfo.homeTeamNameKo"
    assert parse(matchInfo={"seasonName": 2031}).match.season_name == "2031"


def test_fields_that_nobody_uses_never_fail_a_job():
    """An audience of "abc", a list of referees, a broken score: all the same to us."""
    odd = {"audienceNum": "abc", "referee": ["a", "b"], "homeScore": {}, "homeRank": True}
    match = parse(matchInfo=match_info() | odd).match
    assert (match.audience_num, match.referee, match.home_score) == ("abc", None, None)


HUGE = pytest.param(10**5000, id="5001 digits")


@pytest.mark.parametrize("value", [True, ["a"], {"celsius": 18}, HUGE])
def test_only_what_is_told_of_a_match_must_be_text(value):
    """Whatever else the match sheet holds, in any shape, no field of it fails a job."""
    told = {"venue", "weather", "competitionName", "seasonName", "homeTeamId", "awayTeamId"}
    told |= {key for key in match_info() if "TeamName" in key}
    parse(matchInfo=match_info() | dict.fromkeys(match_info().keys() - told, value))
    for key in told:
        assert refusal(matchInfo=match_info() | {key: value}).param == f"matchInfo.{key}"


def test_no_unit_is_guessed():
    """Fractions of a pitch read as metres would put everybody beside one corner flag."""
    rows = [{"actionId": n, "x": n / 10, "y": 0.5} for n in range(3)]
    error = refusal(rawData=rows)
    assert error.param == "rawData"
    assert error.message.endswith("are not metres: set coordinates.normalised to true.")
    parse(rawData=rows, coordinates={"normalised": True})
    assert "rawData[0].startX" in refusal(coordinates={"normalised": True}).message


@pytest.mark.parametrize(
    ("given_end", "expected"),
    [
        ({"endX": 20.0, "dx": 3}, 20.0),
        ({"end_coordinates_x": 21}, 21.0),
        ({"dx": 3.5}, 13.5),
        ({}, 10.0),
    ],
)
def test_where_a_movement_ends(given_end, expected):
    """The end is the end given, else start plus difference, else the start."""
    request = CommentaryRequest.parse({"rawData": [{"actionId": 1, "startX": 10} | given_end]})
    assert request.actions[0].end_x == expected


def test_spadl_rows():
    """SPADL's columns and numbers are read; a number beyond its table stays a label."""
    spadl = {
        "game_id": 1,
        "original_event_id": "b1a2",
        "action_id": 12,
        "period_id": 2,
        "time_seconds": 61.0,
        "team_id": 5,
        "player_id": 9.0,
        "start_x": 90,
        "start_y": 30,
        "end_x": 105,
        "end_y": 34,
        "type_id": 11,
        "result_id": 1,
        "bodypart_id": 0,
    }
    document = {"rawData": [spadl, spadl | {"action_id": 13, "type_id": 99, "result_id": "?"}]}
    shot, unknown = CommentaryRequest.parse(document).actions
    assert (shot.action_id, shot.type_name, shot.result_name) == ("12", "shot", "success")
    assert (shot.time_text, shot.player_id) == ("61.0", "9")
    assert (unknown.type_name, unknown.result_name) == ("99", "?")


def test_kloppy_rows():
    """A row of kloppy's data frame, as its CSV writes it, is read."""
    kloppy = {
        "event_id": "88001",
        "event_type": "PASS",
        "period_id": "1",
        "timestamp": "0 days 00:14:59.058283",
        "end_timestamp": "",
        "team_id": "31",
        "player_id": "7964.0",
        "coordinates_x": "0.5",
        "coordinates_y": "0.25",
        "end_coordinates_x": "0.75",
        "end_coordinates_y": "0.25",
        "receiver_player_id": "88",
        "is_counter_attack": "False",
        "pass_type": "CROSS",
        "result": "COMPLETE",
        "success": "True",
        "set_piece_type": "",
    }
    options = {"normalised": True, "y_down": True, "orientation": "acting_ltr"}
    action = CommentaryRequest.parse({"rawData": [kloppy], "coordinates": options}).actions[0]
    assert (action.action_id, action.time_text, action.player_id) == ("88001", "899.058283", "7964")
    assert (action.type_name, action.pass_type, action.result_name) == ("PASS", "CROSS", "COMPLETE")
    assert (action.start_x, action.end_x, action.receiver_id) == (0.5, 0.75, "88")


@pytest.mark.parametrize("success", [True, "True"])
def test_success_stands_in_for_a_missing_result(success):
    """The flag of kloppy is read only where there is no result."""
    rows = [{"actionId": 1, "success": success}, {"actionId": 2, "success": True, "result": "LOST"}]
    actions = CommentaryRequest.parse({"rawData": rows}).actions
    assert [action.result_name for action in actions] == ["True", "LOST"]


def test_text_in_a_row_is_one_line():
    """A name cannot bring its own line breaks."""
    rows = [
        row(1, 0.0, "하도율", "Pass", None, (1, 1), (2, 2)) | {"playerNameKo": "하\n도율\u200b"}
    ]
    assert parse(rawData=rows).actions[0].player_name == "하 도율"


KEYS = st.sampled_from(
    [
        *("rawData", "raw_data", "style", "matchInfo", "coordinates", "currentScore", "stream"),
        *("previousScript", "fanout", "tableForm", "topP", "seed", "gameId", "orientation"),
        *("actionId", "event_id", "periodId", "timestamp", "x", "start_x", "dx", "endX", "y"),
        *("typeName", "type_id", "result", "success", "playerNameKo", "teamId", "homeTeamNameKo"),
        *("description", "home", "away", "normalised"),
    ]
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None), max_size=8)
    | st.sampled_from(["CASTER", "auto", "Goal", "NaN", "0 days 00:00:01", "12.5", 10**400])
)
JSON = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(), inner, max_size=6)
    ),
    max_leaves=25,
)


def answers(document):
    """Whether a document makes a request or is refused in one sentence."""
    try:
        return isinstance(CommentaryRequest.parse(document), CommentaryRequest)
    except InvalidInput as error:
        return error.message.endswith(".") and "\n" not in error.message


@given(JSON)
def test_any_json_makes_a_request_or_is_refused(document):
    """No document whatsoever raises anything but InvalidInput."""
    assert answers(document)


@given(st.dictionaries(KEYS, JSON), st.integers(0, 9))
def test_any_row_makes_a_request_or_is_refused(changes, index):
    """Nor does any change to a good request's row or to the request itself."""
    rows = ten_rows()
    rows[index] = rows[index] | changes
    assert answers(request_document(rawData=rows))
    assert answers(request_document(**changes))


@pytest.mark.parametrize("given", [["FRIEND", "caster"], ["friend"]])
def test_styles_are_personas_in_their_order(given):
    """They go before `style`, which clients send in any case."""
    request = parse(styles=given, style="ANALYST")
    assert request.personas == tuple(Persona(name.upper()) for name in given)


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"styles": []}, "styles"),
        ({"styles": ["CASTER", "caster"]}, "styles"),
        ({"styles": "CASTER"}, "styles"),
        ({"styles": ["CASTER", None]}, "styles"),
        ({"styles": ["CASTER", "POET"]}, "styles[1]"),
        ({"styles": [7]}, "styles[0]"),
        ({"speech": {"rate": 0.4}}, "speech.rate"),
        ({"speech": {"rate": 2.1}}, "speech.rate"),
        ({"speech": {"speed": 1}}, "speech.speed"),
        ({"speech": 1.5}, "speech"),
        ({"minSalience": 1.1}, "minSalience"),
        ({"minSalience": -0.1}, "minSalience"),
        ({"min_salience": "much"}, "min_salience"),
        ({"explain": "maybe"}, "explain"),
        ({"ssml": 1}, "ssml"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(changes, param):
    """One sentence that names the field as it was spelt."""
    with pytest.raises(InvalidInput) as refused:
        parse(**changes)
    assert refused.value.param == param


@pytest.mark.parametrize("key", ["shirtNumber", "jersey_number", "back-number"])
def test_a_shirt_number_has_several_names(key):
    """A number on somebody's back, from 1 to 99; what is none costs nobody the job."""
    rows = [{"actionId": 1, key: "10"}]
    assert parse(rawData=rows).actions[0].shirt_number == 10
    for useless in (0, 100, 9.5, -1, "abc", "", None, [7], "10000000000"):
        assert parse(rawData=[{"actionId": 1, key: useless}]).actions[0].shirt_number is None
