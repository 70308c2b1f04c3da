"""Providers' names and what they mean."""

import re

import pytest

from worker.football.schema import Action
from worker.football.vocabulary import (
    SPADL_RESULTS,
    SPADL_TYPES,
    TYPES,
    WORDS,
    ActionType,
    Card,
    Outcome,
    SetPiece,
    fold,
    meaning_of,
)


def meaning(type_name, result_name=None, **columns):
    return meaning_of(
        Action(index=0, action_id="1", type_name=type_name, result_name=result_name, **columns)
    )


FEED = {
    "Pass": "pass",
    "Pass Received": "receive",
    "Ball Received": "receive",
    "Cross Received": "receive",
    "Carry": "carry",
    "Recovery": "recovery",
    "Interception": "interception",
    "Out": "out",
    "Duel": "duel",
    "Clearance": "clearance",
    "Tackle": "tackle",
    "Intervention": "intervention",
    "Throw-In": "throw_in",
    "Block": "block",
    "Cross": "cross",
    "Shot": "shot",
    "Pass_Freekick": "freekick_pass",
    "Foul": "foul",
    "Goal Kick": "goal_kick",
    "Error": "error",
    "Pass_Corner": "corner",
    "Take-On": "take_on",
    "Catch": "keeper_catch",
    "Parry": "keeper_parry",
    "Aerial Clearance": "keeper_claim",
    "Hit": "hit",
    "Offside": "offside",
    "Goal": "goal",
    "Pause": "pause",
    "Defensive Line Support": "keeper_sweep",
    "Handball_Foul": "handball",
    "Own Goal": "own_goal",
    "Shot_Freekick": "shot_freekick",
    "Penalty Kick": "penalty",
    "Deflection": "deflection",
    "Foul_Throw": "foul_throw",
    "Shot_Corner": "shot",
    "Goal Conceded": "goal_conceded",
}
SPADL = dict(
    zip(
        SPADL_TYPES[:23],
        (
            *("pass", "cross", "throw_in", "freekick_pass", "freekick_pass", "corner", "corner"),
            *("take_on", "foul", "tackle", "interception", "shot", "penalty", "shot_freekick"),
            *("keeper_catch", "keeper_claim", "keeper_parry", "recovery", "clearance", "error"),
            *("pause", "carry", "goal_kick"),
        ),
        strict=True,
    )
)


@pytest.mark.parametrize(("name", "canonical"), [*FEED.items(), *SPADL.items()])
def test_every_name_of_the_feed_and_of_spadl(name, canonical):
    """Each delivered type name has its canonical type and a Korean word, in any spelling."""
    for spelling in (name, name.upper(), name.replace(" ", "_"), name.replace("_", "-")):
        assert meaning(spelling).type == canonical
    assert re.fullmatch("[가-힣 ]+", meaning(name).word)


@pytest.mark.parametrize(
    ("row", "canonical"),
    [
        ({"type_name": "PASS", "pass_type": "SIMPLE_PASS"}, "pass"),
        ({"type_name": "PASS", "pass_type": "CROSS"}, "cross"),
        ({"type_name": "PASS", "set_piece_type": "THROW_IN"}, "throw_in"),
        ({"type_name": "PASS", "set_piece_type": "FREE_KICK"}, "freekick_pass"),
        ({"type_name": "PASS", "set_piece_type": "CORNER_KICK", "pass_type": "CROSS"}, "corner"),
        ({"type_name": "PASS", "set_piece_type": "GOAL_KICK"}, "goal_kick"),
        ({"type_name": "PASS", "set_piece_type": "KICK_OFF"}, "pass"),
        ({"type_name": "GENERIC:Ball Receipt*"}, "receive"),
        ({"type_name": "CARRY"}, "carry"),
        ({"type_name": "TAKE_ON"}, "take_on"),
        ({"type_name": "SHOT"}, "shot"),
        ({"type_name": "SHOT", "set_piece_type": "FREE_KICK"}, "shot_freekick"),
        ({"type_name": "SHOT", "set_piece_type": "PENALTY"}, "penalty"),
        ({"type_name": "SHOT", "set_piece_type": "CORNER_KICK"}, "shot"),
        ({"type_name": "SHOT", "result_name": "OWN_GOAL"}, "own_goal"),
        ({"type_name": "DUEL", "duel_type": "GROUND"}, "duel"),
        ({"type_name": "DUEL", "duel_type": "SLIDING_TACKLE"}, "tackle"),
        ({"type_name": "INTERCEPTION", "result_name": "SUCCESS"}, "interception"),
        ({"type_name": "INTERCEPTION", "result_name": "LOST"}, "intervention"),
        ({"type_name": "INTERCEPTION", "result_name": "OUT"}, "intervention"),
        ({"type_name": "RECOVERY"}, "recovery"),
        ({"type_name": "CLEARANCE"}, "clearance"),
        ({"type_name": "GENERIC:Block"}, "block"),
        ({"type_name": "GOALKEEPER", "goalkeeper_type": "SAVE"}, "keeper_catch"),
        ({"type_name": "GOALKEEPER", "goalkeeper_type": "PUNCH"}, "keeper_parry"),
        ({"type_name": "GOALKEEPER", "goalkeeper_type": "CLAIM"}, "keeper_claim"),
        ({"type_name": "GOALKEEPER", "goalkeeper_type": "SMOTHER"}, "keeper_sweep"),
        ({"type_name": "GOALKEEPER", "goalkeeper_type": "PICK_UP"}, "recovery"),
        ({"type_name": "GOALKEEPER", "goalkeeper_type": "REFLEX"}, "other"),
        ({"type_name": "GOALKEEPER"}, "other"),
        ({"type_name": "MISCONTROL"}, "error"),
        ({"type_name": "FOUL_COMMITTED"}, "foul"),
        ({"type_name": "BALL_OUT"}, "out"),
        ({"type_name": "bad_touch", "result_name": "owngoal"}, "own_goal"),
    ],
)
def test_qualifiers_and_results_settle_the_type(row, canonical):
    """SPADL and kloppy tell some types in a second column."""
    assert meaning(**row).type == canonical


def test_every_type_has_a_korean_word_of_its_own():
    """No two types sound alike, and none is missing."""
    assert set(WORDS) == set(ActionType)
    assert len(set(WORDS.values())) == len(WORDS)


def test_every_type_but_other_has_a_name():
    """A canonical type that no provider can reach would be dead."""
    reachable = set(TYPES.values()) | {ActionType.OTHER}
    assert reachable == set(ActionType)


def test_unknown_types_keep_their_label():
    """A name that nobody knows is told as it stands: in Korean if the row has that."""
    assert meaning("Bicycle Kick").type is ActionType.OTHER
    assert meaning("Bicycle Kick").word == "Bicycle Kick"
    assert meaning("Bicycle Kick", type_name_ko="오버헤드킥").word == "오버헤드킥"
    assert meaning(None, type_name_ko="오버헤드킥").word == "오버헤드킥"
    assert meaning(None).word == meaning("GENERIC:generic").word == "플레이"


def test_known_types_ignore_the_rows_own_word():
    """One word for one type, whatever the row calls it."""
    assert meaning("Pass", type_name_ko="슛").word == "패스"


@pytest.mark.parametrize(
    ("type_name", "result", "outcome"),
    [
        ("Pass", "Successful", "success"),
        ("Pass", "Unsuccessful", "failure"),
        ("Pass", None, "unknown"),
        ("pass", "offside", "offside"),
        ("PASS", "INCOMPLETE", "failure"),
        ("PASS", "OUT", "failure"),
        ("PASS", "True", "success"),
        ("Shot", "On Target", "on_target"),
        ("Shot", "Off Target", "off_target"),
        ("Shot", "Blocked", "blocked"),
        ("Shot", "Goal", "goal"),
        ("Shot", "Low Quality Shot", "low_quality"),
        ("Shot", "Keeper Rush-Out", "keeper_rush_out"),
        ("Shot", None, "unknown"),
        ("SHOT", "SAVED", "on_target"),
        ("SHOT", "POST", "post"),
        ("PASS", "POST", "unknown"),
        ("shot", "success", "goal"),
        ("shot", "fail", "failure"),
        ("shot_penalty", "success", "goal"),
        ("DUEL", "WON", "success"),
        ("DUEL", "LOST", "failure"),
        ("DUEL", "NEUTRAL", "unknown"),
        ("Goal", None, "goal"),
        ("Own Goal", None, "goal"),
        ("Catch", None, "success"),
        ("keeper_save", "success", "unknown"),
        ("Parry", None, "unknown"),
        ("Interception", None, "unknown"),
        ("Pass Received", None, "success"),
        ("GENERIC:Ball Receipt*", "INCOMPLETE", "failure"),
        ("foul", "success", "unknown"),
        ("INTERCEPTION", "SUCCESS", "success"),
        ("INTERCEPTION", "LOST", "unknown"),
    ],
)
def test_outcomes(type_name, result, outcome):
    """On target is no goal, blocked is not saved, and a save is held only if the data say so."""
    assert meaning(type_name, result).outcome == outcome


@pytest.mark.parametrize(
    ("type_name", "result"),
    [
        ("Pass", "Goal"),
        ("Pass", "Blocked"),
        ("Pass", "Yellow_Card"),
        ("Shot", "Successful"),
        ("Shot", "True"),
        ("Shot", "Offside"),
        ("Tackle", "On Target"),
        ("Foul", "Goal"),
        ("Pass", "Splendid"),
        ("Catch", "Splendid"),
    ],
)
def test_contradictions_and_unknown_results_say_nothing(type_name, result):
    """A result that its type cannot have keeps the type and loses the outcome."""
    told = meaning(type_name, result)
    assert told.type is TYPES[fold(type_name)]
    assert (told.outcome, told.card) == (Outcome.UNKNOWN, None)


@pytest.mark.parametrize(
    ("row", "card"),
    [
        ({"type_name": "Foul", "result_name": "Yellow_Card"}, Card.YELLOW),
        ({"type_name": "Foul", "result_name": "Second_Yellow_Card"}, Card.SECOND_YELLOW),
        ({"type_name": "Handball_Foul", "result_name": "Direct_Red_Card"}, Card.RED),
        ({"type_name": "foul", "result_name": "red_card"}, Card.RED),
        ({"type_name": "FOUL_COMMITTED", "card_type": "FIRST_YELLOW"}, Card.YELLOW),
        ({"type_name": "CARD", "card_type": "SECOND_YELLOW"}, Card.SECOND_YELLOW),
        ({"type_name": "yellow_card"}, Card.YELLOW),
        ({"type_name": "Foul"}, None),
        ({"type_name": "PASS", "card_type": "RED"}, None),
    ],
)
def test_cards(row, card):
    """A card is shown for a foul or as a row of its own, never for a pass."""
    assert meaning(**row).card is card


@pytest.mark.parametrize(
    ("row", "set_piece"),
    [
        ({"type_name": "Pass_Corner"}, SetPiece.CORNER),
        ({"type_name": "Shot_Corner"}, SetPiece.CORNER),
        ({"type_name": "Pass_Freekick"}, SetPiece.FREE_KICK),
        ({"type_name": "Shot_Freekick"}, SetPiece.FREE_KICK),
        ({"type_name": "Penalty Kick"}, SetPiece.PENALTY),
        ({"type_name": "Throw-In"}, SetPiece.THROW_IN),
        ({"type_name": "goalkick"}, SetPiece.GOAL_KICK),
        ({"type_name": "PASS", "set_piece_type": "KICK_OFF"}, SetPiece.KICK_OFF),
        ({"type_name": "SHOT", "set_piece_type": "CORNER_KICK"}, SetPiece.CORNER),
        ({"type_name": "Pass"}, None),
    ],
)
def test_set_pieces(row, set_piece):
    """The dead ball is known from the type or from kloppy's column."""
    assert meaning(**row).set_piece is set_piece


def test_spadl_numbers():
    """SPADL numbers its types 0 to 22 and its results 0 to 5; Atomic SPADL adds ten types."""
    assert (SPADL_TYPES[0], SPADL_TYPES[11], SPADL_TYPES[22]) == ("pass", "shot", "goalkick")
    assert (SPADL_TYPES[23], SPADL_TYPES[27], len(SPADL_TYPES)) == ("receival", "goal", 33)
    assert (SPADL_RESULTS[0], SPADL_RESULTS[3], len(SPADL_RESULTS)) == ("fail", "owngoal", 6)
