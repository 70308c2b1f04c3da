"""What may be said of an action, and what may not."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rows import AWAY_ID, HOME_ID, match_info, request_document, row, ten_rows
from worker.football.facts import (
    Direction,
    Distance,
    Fact,
    Lane,
    Person,
    Team,
    Third,
    Zone,
    facts_of,
)
from worker.football.schema import CommentaryRequest
from worker.football.vocabulary import (
    DEFENDING,
    GOALS,
    ActionType,
    Card,
    Outcome,
    SetPiece,
    Tone,
)

OK = "Successful"
SIDES = {Lane.LEFT: Lane.RIGHT, Lane.CENTRE: Lane.CENTRE, Lane.RIGHT: Lane.LEFT, None: None}


def told(rows, **changes):
    return facts_of(CommentaryRequest.parse(request_document(rawData=rows, **changes)))


def one(name="하도율", type_name="Pass", result=None, start=(60, 34), end=(70, 34), **columns):
    """A single row; 하도율 and 강누림 play for the home team, 서온유 for the away team."""
    return row(1, 10.0, name, type_name, result, start, end) | columns


def window(*rows):
    """Rows one second apart with ids of their own."""
    return [each | {"actionId": n, "timeSeconds": float(n)} for n, each in enumerate(rows)]


def test_the_ten_rows_of_the_example():
    """An attack down the left, told from the passer's eyes, ends in one goal."""
    facts = told(ten_rows())
    assert [fact.index for fact in facts] == list(range(10))
    assert [fact.type for fact in facts] == [
        *(ActionType.PASS, ActionType.INTERCEPTION, ActionType.PASS, ActionType.RECEIVE),
        *(ActionType.CARRY, ActionType.PASS, ActionType.RECEIVE, ActionType.CROSS),
        *(ActionType.SHOT, ActionType.GOAL),
    ]
    assert [fact.actor.name for fact in facts][:3] == ["서온유", "문새벽", "문새벽"]
    assert {fact.minute for fact in facts} == {30, 31}
    assert [fact.told_by for fact in facts] == [None] * 9 + [ActionType.SHOT]


def test_a_whole_fact():
    """Everything that one pass tells, and nothing that it does not."""
    assert told(ten_rows())[5] == Fact(
        index=5,
        type=ActionType.PASS,
        word="패스",
        actor=Person("백가람", "가온", "CM", Team.HOME),
        receiver=Person("하도율", "가온", "LW", Team.HOME),
        outcome=Outcome.SUCCESS,
        card=None,
        set_piece=None,
        start=Zone(Third.MIDDLE, Lane.CENTRE),
        end=Zone(Third.FINAL, Lane.LEFT),
        direction=Direction.FORWARD,
        distance=Distance.MEDIUM,
        scoring_side=None,
        scoring_team=None,
        told_by=None,
        period=1,
        minute=30,
        salience=0.2,
        tones=(Tone.DEFAULT,),
        budget=20,
    )


def test_a_row_with_nothing_in_it_is_a_fact_with_nothing_in_it():
    """Where the row is silent the fact is, too."""
    (fact,) = facts_of(CommentaryRequest.parse({"rawData": [{"actionId": 1}]}))
    assert (fact.type, fact.word, fact.outcome) == (ActionType.OTHER, "플레이", Outcome.UNKNOWN)
    assert fact.actor == Person(None, None)
    assert (fact.start, fact.end, fact.direction, fact.distance) == (None,) * 4
    assert (fact.receiver, fact.card, fact.set_piece, fact.period, fact.minute) == (None,) * 5
    assert fact.tones == (Tone.DEFAULT,)


# Geometry


def test_the_away_team_attacks_the_other_way():
    """An away shot at x = 20 is in the home team's area, in both halves."""
    for period in (1, 2):
        (fact,) = told([one("서온유", "Shot", "On Target", (12, 40), (0, 36), periodId=period)])
        assert fact.start == Zone(Third.BOX, Lane.CENTRE)


def test_left_and_right_are_the_attackers():
    """At y = 60 it is left for the home team and right for the away team."""
    home, away = told(window(one(start=(60, 60)), one("서온유", start=(60, 60))))
    assert (home.start.lane, away.start.lane) == (Lane.LEFT, Lane.RIGHT)


@pytest.mark.parametrize("type_", sorted(DEFENDING - GOALS))
def test_who_does_not_attack_has_no_left_and_right(type_):
    """A ball lost on the left is not won on the right: only attackers have sides."""
    names = {"out": "Out", "keeper_catch": "Catch", "keeper_parry": "Parry"}
    names |= {"keeper_claim": "Aerial Clearance", "keeper_sweep": "Defensive Line Support"}
    names |= {"handball": "Handball_Foul"}
    (fact,) = told([one(type_name=names.get(type_, type_), start=(10, 50), end=(30, 60))])
    assert (fact.type, fact.start) == (type_, Zone(Third.OWN_BOX, None))
    assert fact.end in (None, Zone(Third.OWN, None))


def test_attackers_have_left_and_right():
    """Passes, carries and shots are told with their sides, errors and offsides, too."""
    for type_name in ("Pass", "Carry", "Take-On", "Shot", "Pass Received", "Error", "Offside"):
        (fact,) = told([one(type_name=type_name, start=(75, 60))])
        assert fact.start == Zone(Third.FINAL, Lane.LEFT)


def test_a_goal_row_lies_on_the_goal_line_and_is_told_without_a_place():
    """A shot from afar stays one: its goal row does not move the scorer into the box."""
    scored = {"start": (105, 34), "end": (105, 34)}
    shot, goal, conceded, own = told(
        window(
            one(type_name="Shot", result="Goal", start=(74, 34), end=(105, 34)),
            one(type_name="Goal", **scored),
            one("서온유", "Goal Conceded", **scored),
            one("서온유", "Own Goal", **scored),
        )
    )
    assert shot.start == Zone(Third.FINAL, Lane.CENTRE)
    assert [fact.start for fact in (goal, conceded, own)] == [None] * 3


def test_a_take_on_moves_the_ball():
    """Where a dribbler gets to is told as a carry's end is."""
    (fact,) = told([one(type_name="Take-On", start=(60, 34), end=(75, 34))])
    assert fact.end == Zone(Third.FINAL, Lane.CENTRE)
    assert (fact.direction, fact.distance) == (Direction.FORWARD, Distance.MEDIUM)


def test_a_back_pass_goes_back():
    """Backwards is towards one's own goal, for either team."""
    rows = window(
        one(start=(60, 34), end=(39, 36)),
        one("서온유", start=(60, 34), end=(39, 36)),
        one(start=(60, 34), end=(61, 60)),
    )
    assert [fact.direction for fact in told(rows)] == [
        *(Direction.BACKWARD, Direction.FORWARD, Direction.SIDEWAYS),
    ]


@pytest.mark.parametrize(
    ("orientation", "period", "third"),
    [
        ("home_ltr", 1, Third.BOX),
        ("home_ltr", 2, Third.BOX),
        ("acting_ltr", 2, Third.BOX),
        ("switching", 1, Third.BOX),
        ("switching", 2, Third.OWN_BOX),
        ("auto", 2, None),
    ],
)
def test_orientations(orientation, period, third):
    """The option says where the home team attacks; a lone pass gives no evidence."""
    (fact,) = told([one(start=(95, 34), periodId=period)], coordinates={"orientation": orientation})
    assert (fact.start.third if fact.start else None) == third


def test_auto_takes_the_evidence_of_the_whole_window():
    """One away shot at the right end tells that the acting team always attacks there."""
    rows = window(one("서온유", "Shot", None, (95, 34)), one("서온유", start=(60, 60)))
    auto = told(rows, coordinates={"orientation": "auto"})
    assert auto == told(rows, coordinates={"orientation": "acting_ltr"})
    assert auto[1].start.lane is Lane.LEFT


def test_auto_with_contradictions_tells_no_places():
    """Shots by one team at both ends in one half fit no orientation."""
    shots = window(one(type_name="Shot", start=(95, 34)), one(type_name="Shot", start=(9, 34)))
    assert [f.start for f in told(shots, coordinates={"orientation": "auto"})] == [None, None]


NAMELESS = {"teamId": None, "teamNameKo": None, "teamNameKoShort": None}


@pytest.mark.parametrize(
    ("columns", "match", "side"),
    [
        ({"teamId": AWAY_ID}, match_info(), None),  # the names still say home
        ({"teamId": None}, match_info(), Team.HOME),
        ({"teamId": 9}, match_info(), Team.HOME),
        ({"teamId": f"{HOME_ID}.0"}, match_info(), Team.HOME),
        ({"teamNameKo": None, "teamNameKoShort": None}, match_info(), Team.HOME),
        (NAMELESS | {"teamNameKo": "Gaon-United"}, match_info(), Team.HOME),
        (NAMELESS, match_info(), None),
        ({}, {}, None),
        ({"teamNameKo": None}, {"homeTeamId": HOME_ID, "awayTeamId": HOME_ID}, None),
    ],
)
def test_which_side_a_row_is_of(columns, match, side):
    """Id and names decide; where they are silent or disagree, side and places are unknown."""
    (fact,) = told([one(**columns)], matchInfo=match)
    assert fact.actor.side == side
    assert (fact.start is None) == (side is None)
    assert fact.distance is Distance.SHORT


def test_an_unknown_side_still_has_places_when_everybody_attacks_right():
    """`acting_ltr` needs no home team."""
    (fact,) = told([one()], matchInfo={}, coordinates={"orientation": "acting_ltr"})
    assert (fact.start.third, fact.direction) == (Third.MIDDLE, Direction.FORWARD)


def test_normalised_and_y_down_coordinates():
    """The top left corner of kloppy is the left touchline of a team attacking right."""
    options = {"normalised": True, "yDown": True, "orientation": "acting_ltr"}
    (fact,) = told([one(start=(0.9, 0.02), end=(0.95, 0.4))], coordinates=options)
    assert (fact.start, fact.end) == (
        Zone(Third.FINAL, Lane.LEFT),
        Zone(Third.BOX, Lane.CENTRE),
    )


def test_impossible_places_are_not_told():
    """A save at the other end has no place and no direction, but is told."""
    (fact,) = told([one(type_name="Catch", start=(103, 34))])
    assert (fact.type, fact.start) == (ActionType.KEEPER_CATCH, None)


@pytest.mark.parametrize("type_name", ["Tackle", "Shot", "Pass Received", "Foul"])
def test_what_moves_no_ball_has_no_end(type_name):
    """Where a shot went is its outcome; a tackle stays where it is."""
    (fact,) = told([one(type_name=type_name)])
    assert (fact.end, fact.direction, fact.distance) == (None, None, None)


def test_a_pass_without_an_end_is_not_told_to_end_where_it_began():
    """A missing end is no end."""
    (fact,) = told([one(endX=None, endY=None, dx=None, dy=None)])
    assert (fact.start, fact.end, fact.distance) == (Zone(Third.MIDDLE, Lane.CENTRE), None, None)


coordinates = st.builds(
    lambda x, y, z, w: {"startX": x / 4, "startY": y / 4, "endX": z / 4, "endY": w / 4},
    *(st.integers(0, 420), st.integers(0, 272), st.integers(0, 420), st.integers(0, 272)),
)
moved_rows = st.lists(coordinates, min_size=10, max_size=10).map(
    lambda places: [
        {**given_row, **place, "dx": None, "dy": None}
        for given_row, place in zip(ten_rows(), places, strict=True)
    ]
)
declared = st.sampled_from(["home_ltr", "acting_ltr", "switching", "auto"])


@given(moved_rows, declared)
def test_mirroring_the_pitch_swaps_left_and_right_and_nothing_else(rows, orientation):
    """Changing y to 68 - y changes lanes only."""
    options = {"orientation": orientation}
    mirrored = [each | {"startY": 68 - each["startY"], "endY": 68 - each["endY"]} for each in rows]
    assert told(mirrored, coordinates=options) == tuple(
        replace(fact, start=_swapped(fact.start), end=_swapped(fact.end))
        for fact in told(rows, coordinates=options)
    )


def _swapped(zone):
    return zone and Zone(zone.third, SIDES[zone.lane])


@given(moved_rows, st.sampled_from(["home_ltr", "switching"]), st.integers(1, 4))
def test_rotating_the_pitch_and_swapping_the_teams_changes_no_place(rows, orientation, period):
    """Half a turn with home and away exchanged is the same game."""
    options = {"orientation": orientation}
    rows = [each | {"periodId": period} for each in rows]
    rotated = [
        each
        | {"startX": 105 - each["startX"], "endX": 105 - each["endX"]}
        | {"startY": 68 - each["startY"], "endY": 68 - each["endY"]}
        for each in rows
    ]
    info = {"homeTeamId": HOME_ID, "awayTeamId": AWAY_ID}
    swapped = {"homeTeamId": AWAY_ID, "awayTeamId": HOME_ID}
    assert [
        (f.start, f.end, f.direction, f.distance)
        for f in told(rotated, coordinates=options, matchInfo=swapped)
    ] == [
        (f.start, f.end, f.direction, f.distance)
        for f in told(rows, coordinates=options, matchInfo=info)
    ]


# Receivers


def received(name="강누림", type_name="Pass Received"):
    return one(name, type_name, None, (70, 34), (70, 34))


@pytest.mark.parametrize(
    ("rows", "receiver"),
    [
        ([one(result=OK), received()], "강누림"),
        ([one(), received(type_name="Ball Received")], "강누림"),
        ([one(type_name="Cross", result=OK), received(type_name="Cross Received")], "강누림"),
        ([one(type_name="Throw-In", result=OK), received()], "강누림"),
        ([one(result="Unsuccessful"), received()], None),
        ([one(result="offside"), received()], None),
        ([one(result=OK), received("서온유")], None),
        ([one(result=OK), received("하도율")], None),
        ([one(result=OK), received() | {"teamId": None, "teamNameKoShort": "누리"}], None),
        ([one(result=OK), received() | {"playerNameKo": None}], None),
        ([one(result=OK), one("강누림", "Carry")], None),
        ([one(result=OK)], None),
        ([one(type_name="Carry"), received()], None),
        ([one(type_name="Shot"), received()], None),
    ],
)
def test_the_row_after_a_pass_names_its_receiver(rows, receiver):
    """Only a receive of the same team, directly after a pass that did not fail; never invented."""
    fact = told(window(*rows))[0]
    assert (fact.receiver and fact.receiver.name) == receiver
    assert told(window(*rows))[-1].receiver is None


@pytest.mark.parametrize(
    ("columns", "receiver"),
    [
        ({"receiverName": "새로운"}, Person("새로운", None)),
        ({"receiver_name": "강누림"}, Person("강누림", "가온", "CF", Team.HOME)),
        ({"receiver_player_id": "700109"}, Person("강누림", "가온", "CF", Team.HOME)),
        ({"relative_player_id": 700109.0}, Person("강누림", "가온", "CF", Team.HOME)),
        ({"receiver_player_id": "55"}, None),
        ({"receiver_player_id": 700211}, None),  # of the other team
        ({"receiver_player_id": 700211, "receiverName": "서온유"}, None),
        ({"receiver_player_id": "55", "receiverName": "새로운"}, Person("새로운", None)),
        ({"receiver": "새로운"}, Person("새로운", None)),
        ({"receiver": " 강누림"}, Person("강누림", "가온", "CF", Team.HOME)),
        ({"receiver": "700109.0"}, Person("강누림", "가온", "CF", Team.HOME)),
        ({"receiver": 700109}, Person("강누림", "가온", "CF", Team.HOME)),
        ({"receiver": 700211}, None),  # of the other team
        ({"receiver": 700999}, None),  # of nobody here, and no name
        ({"receiver": "p-55"}, None),
        (
            {"receiver": "700109", "receiverName": "새로운"},
            Person("강누림", "가온", "CF", Team.HOME),
        ),
    ],
)
def test_the_receiver_column_decides_alone(columns, receiver):
    """A named column beats the next row; an id needs a row that names it."""
    rows = window(
        one(result=OK, **columns), received("백가람"), one("강누림", "Carry"), one("서온유")
    )
    assert told(rows)[0].receiver == receiver


def test_an_id_is_enough_where_teams_are_unknown():
    """The same id is the same player; only a known other team makes him an opponent."""
    rows = window(one(result=OK, receiver=700109), one("강누림", "Carry"))
    nameless = [each | NAMELESS for each in rows]
    assert told(nameless)[0].receiver == Person("강누림", None, "CF")


def test_a_shirt_number_of_both_teams_is_the_team_mates():
    """Where ids repeat across teams the opponent's is passed over."""
    rows = window(
        one(result=OK, receiver=9), one("서온유", playerId=9), one("강누림", "Carry", playerId=9)
    )
    assert told(rows)[0].receiver.name == "강누림"


# Goals, cards, set pieces


def test_a_shot_and_its_goal_row_are_one_goal():
    """The goal row repeats the shot; the side that scored is known from both."""
    shot, goal = told(window(one(type_name="Shot", result="Goal"), one(type_name="Goal")))
    assert (shot.outcome, shot.told_by) == (Outcome.GOAL, None)
    assert (goal.outcome, goal.told_by) == (Outcome.GOAL, ActionType.SHOT)
    for fact in (shot, goal):
        assert (fact.scoring_side, fact.scoring_team) == (Team.HOME, "가온")


@pytest.mark.parametrize(
    ("rows", "teller"),
    [
        ([one(type_name="Goal")], None),
        ([one(type_name="Shot", result="On Target"), one(type_name="Goal")], None),
        ([one(type_name="Shot", result="Goal"), one("강누림", "Goal")], None),
        ([one(type_name="Shot", result="Goal"), one("서온유", "Goal")], None),
        ([one(type_name="Shot", result="Goal"), one(), one(type_name="Goal")], None),
        ([one(type_name="Penalty Kick", result="Goal"), one(type_name="Goal")], "penalty"),
        ([one(type_name="Shot", result="Goal"), one("서온유", "Goal Conceded")], "shot"),
        ([one(type_name="Shot", result="Goal"), one("강누림", "Goal Conceded")], None),
        ([one(type_name="Goal"), one("서온유", "Goal Conceded")], "goal"),
        ([one(type_name="Own Goal"), one("강누림", "Goal Conceded")], "own_goal"),
        ([one(type_name="Own Goal"), one("서온유", "Goal")], "own_goal"),
        ([one(type_name="Own Goal"), one("강누림", "Goal")], None),
        (
            [
                one(type_name="Shot", result="Goal"),
                one(type_name="Goal"),
                one("서온유", "Goal Conceded"),
            ],
            "shot",
        ),
        (
            [
                one(type_name="Shot", result="Goal"),
                one("서온유", "Goal Conceded"),
                one(type_name="Goal"),
            ],
            "shot",
        ),
        (
            [
                one(type_name="Own Goal"),
                one("서온유", "Goal"),
                one("강누림", "Goal Conceded"),
            ],
            "own_goal",
        ),
    ],
)
def test_when_a_goal_has_been_told(rows, teller):
    """Only the same goal, in the rows directly before, by the same team and player; first first."""
    assert told(window(*rows))[-1].told_by == teller


def test_a_goal_row_after_an_own_goal_is_the_same_goal():
    """The row credits a player of the other team, who did not score: both say for whom it is."""
    own, credited = told(window(one(type_name="Own Goal"), one("서온유", "Goal")))
    assert (own.told_by, credited.told_by) == (None, ActionType.OWN_GOAL)
    assert (own.actor.name, credited.actor.name) == ("하도율", "서온유")
    assert (own.scoring_side, own.scoring_team) == (Team.AWAY, "누리")
    assert (credited.scoring_side, credited.scoring_team) == (Team.AWAY, "누리")


@pytest.mark.parametrize("name", ["Own Goal", "Goal Conceded"])
def test_a_goal_against_oneself_counts_for_the_others(name):
    """The row names the defender; the opponent scores and is named by the match sheet."""
    (fact,) = told([one(type_name=name)])
    assert fact.actor.name == "하도율"
    assert (fact.scoring_side, fact.scoring_team) == (Team.AWAY, "누리")
    assert fact.tones == (Tone.SAD, Tone.EMPHASIS)


def test_the_scorers_name_may_stand_in_another_row():
    """Without names in the match sheet the other team's own rows name it."""
    ids = {"homeTeamId": HOME_ID, "awayTeamId": AWAY_ID}
    fact = told(window(one("서온유"), one(type_name="Own Goal")), matchInfo=ids)[1]
    assert (fact.scoring_side, fact.scoring_team) == (Team.AWAY, "누리")


def test_an_own_goal_of_an_unknown_side_names_no_scorer():
    """Who scored is not guessed."""
    (fact,) = told([one(type_name="Own Goal")], matchInfo={})
    assert (fact.scoring_side, fact.scoring_team) == (None, None)


def test_what_is_no_goal_has_no_scorer():
    """A shot on target scores nothing."""
    (fact,) = told([one(type_name="Shot", result="On Target")])
    assert (fact.scoring_side, fact.scoring_team) == (None, None)


def test_cards_and_set_pieces_reach_the_fact():
    """The offender gets the card; a corner is a dead ball."""
    foul, corner = told(
        window(one(type_name="Foul", result="Direct_Red_Card"), one(type_name="Pass_Corner"))
    )
    assert (foul.card, foul.actor.name) == (Card.RED, "하도율")
    assert corner.set_piece is SetPiece.CORNER


@given(st.text() | st.integers(0, 99), st.text() | st.integers(0, 99))
def test_final_scores_never_reach_a_fact(home, away):
    """Whatever the final score, the facts are the same: there is nothing to spoil."""
    scores = match_info() | {"homeScore": home, "awayScore": away}
    assert told(ten_rows(), matchInfo=scores) == told(ten_rows())


# Names and time


def test_the_match_sheet_names_a_team_that_the_row_does_not():
    """A row with an id only is told with the name of its side."""
    (fact,) = told([one(teamNameKo=None, teamNameKoShort=None)])
    assert fact.actor.team == "가온"


def test_the_rows_own_name_of_a_team_wins_over_the_match_sheets():
    """What the row calls the team is what its listeners call it."""
    (fact,) = told([one(teamNameKo=None, teamNameKoShort="푸른 가온")])
    assert (fact.actor.team, fact.actor.side) == ("푸른 가온", Team.HOME)


@pytest.mark.parametrize(
    ("period", "seconds", "minute"),
    [
        (1, 0, 0),
        (1, 1850.9, 30),
        (2, 0, 45),
        (2, 2999, 94),
        (3, 60, 91),
        (4, 0, 105),
        (5, 60, None),
        (None, 60, None),
        (1, None, None),
        (1, 1_850_867, None),
    ],
)
def test_minutes(period, seconds, minute):
    """Time restarts in every period; a shoot-out has none, and milliseconds are no seconds."""
    (fact,) = told([one() | {"periodId": period, "timeSeconds": seconds}])
    assert (fact.period, fact.minute) == (period, minute)


@pytest.mark.parametrize("later", [10.0, 9.0, None])
def test_time_that_stands_still_or_runs_back_says_nothing(later):
    """Such a gap gives the budget of an action whose next one is unknown."""
    pair = [one(), one() | {"actionId": 2, "timeSeconds": later}]
    assert told(pair)[0].budget == told(pair[:1])[0].budget
    hurried = [one(), one() | {"actionId": 2, "timeSeconds": 10.5}]
    assert told(hurried)[0].budget < told(pair)[0].budget


def test_the_next_period_is_no_next_action():
    """The clock starts anew, so a later time in another period is no gap."""
    pair = [one(), one() | {"actionId": 2, "periodId": 2, "timeSeconds": 10.5}]
    assert told(pair)[0].budget == told(pair[:1])[0].budget


# Spellings

ALIASES = {
    "actionId": ["action_id", "event_id", "originalEventId"],
    "periodId": ["period_id", "period"],
    "timeSeconds": ["time_seconds", "timestamp", "eventSec"],
    "startX": ["start_x", "x", "coordinates_x"],
    "startY": ["start_y", "y", "coordinates_y"],
    "endX": ["end_x", "end_coordinates_x"],
    "endY": ["end_y", "endCoordinatesY"],
    "typeName": ["type_name", "event_type"],
    "resultName": ["result_name", "result", "outcome"],
    "playerNameKo": ["player_name_ko", "player_name"],
    "teamNameKo": ["team_name_ko", "team_name"],
}
NOTHING = st.sampled_from([None, "", "  ", math.nan, "NaN", "null", "None"])


@st.composite
def respelt_rows(draw):
    """The ten rows, each key and value in a spelling of its own, some given twice."""
    return [_respelt(draw, given_row) for given_row in ten_rows()]


def _respelt(draw, given_row):
    spelt = {"id": draw(st.integers()), "unheardOf": draw(st.text())}
    for key, value in given_row.items():
        name = draw(st.sampled_from([key, *ALIASES.get(key, [])]))
        spelt[draw(STYLES)(name)] = _respelt_value(draw, key, value)
        if draw(st.booleans()):
            again = draw(NOTHING) if draw(st.booleans()) else _respelt_value(draw, key, value)
            spelt.setdefault(draw(STYLES)(name), again)
    return spelt


def _respelt_value(draw, key, value):
    if value is None:
        return draw(NOTHING)
    if key == "typeName":
        return draw(st.sampled_from([value, value.upper(), value.replace(" ", "_").lower()]))
    if isinstance(value, str):
        return draw(st.sampled_from([value, f" {value}\n"]))
    return draw(st.sampled_from([value, float(value), str(value), f" {float(value)!r} "]))


def _snake(key):
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in key)


def _kebab(key):
    return _snake(key).replace("_", "-")


def _spaced(key):
    return _snake(key).replace("_", " ").title()


STYLES = st.sampled_from([str, str.upper, _snake, _kebab, _spaced])


@given(respelt_rows())
def test_any_mixture_of_spellings_gives_the_same_facts(rows):
    """How a row is written does not change what happened."""
    assert told(rows) == told(ten_rows())


def test_spadl_and_kloppy_tell_the_same_pass_as_the_feed():
    """Three vocabularies, one action."""
    names = {"player_name": "하도율", "team_id": HOME_ID}
    spadl = {"action_id": 1, "period_id": 1, "time_seconds": 10.0, "type_id": 1, "result_id": 1}
    spadl |= {"start_x": 90.0, "start_y": 60.0, "end_x": 97.5, "end_y": 34.0}
    kloppy = {"event_id": "e", "period_id": 1, "timestamp": "0 days 00:00:10", "event_type": "PASS"}
    kloppy |= {"pass_type": "CROSS", "result": "COMPLETE", "success": True}
    kloppy |= {"coordinates_x": 90 / 105, "coordinates_y": 1 - 60 / 68}
    kloppy |= {"end_coordinates_x": 97.5 / 105, "end_coordinates_y": 0.5}
    feed = one(type_name="Cross", result=OK, start=(90, 60), end=(97.5, 34))
    (of_feed,) = told([feed | {"positionName": None, "mainPosition": None}])
    assert of_feed.end == Zone(Third.BOX, Lane.CENTRE)
    assert told([spadl | names]) == (of_feed,)
    options = {"normalised": True, "yDown": True}
    assert told([kloppy | names], coordinates=options) == (of_feed,)
