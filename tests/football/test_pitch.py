"""Zones, sides, directions and orientations."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.football import pitch
from worker.football.pitch import (
    Coordinates,
    Direction,
    Distance,
    Lane,
    Orientation,
    Point,
    Sighting,
    Team,
    Third,
    Zone,
)
from worker.football.vocabulary import ActionType

# Quarter metres are exact in binary, so a mirrored point is exactly mirrored.
points = st.builds(lambda x, y: Point(x / 4, y / 4), st.integers(-20, 440), st.integers(-20, 292))
OTHER_SIDE = {Lane.LEFT: Lane.RIGHT, Lane.CENTRE: Lane.CENTRE, Lane.RIGHT: Lane.LEFT}


@pytest.mark.parametrize(
    ("x", "y", "third", "lane"),
    [
        (5, 34, Third.OWN_BOX, Lane.CENTRE),
        (16.5, 54.16, Third.OWN_BOX, Lane.LEFT),
        (16.6, 34, Third.OWN, Lane.CENTRE),
        (5, 60, Third.OWN, Lane.LEFT),
        (34.9, 5, Third.OWN, Lane.RIGHT),
        (35, 34, Third.MIDDLE, Lane.CENTRE),
        (70, 34, Third.MIDDLE, Lane.CENTRE),
        (70.1, 63, Third.FINAL, Lane.LEFT),
        (88.4, 34, Third.FINAL, Lane.CENTRE),
        (88.5, 34, Third.BOX, Lane.CENTRE),
        (104, 54.2, Third.FINAL, Lane.LEFT),
        (100, 20, Third.BOX, Lane.RIGHT),
    ],
)
def test_zones(x, y, third, lane):
    """A left back stands near y = 63; the penalty areas are 16.5 m deep and 40.32 m wide."""
    assert pitch.zone(Point(x, y), attacking=True) == Zone(third, lane)


@given(points)
def test_mirroring_swaps_the_sides_and_nothing_else(point):
    """What is left of the middle line is right of it in the mirror, as far up the pitch."""
    there = Point(point.x, pitch.WIDTH - point.y)
    here, mirrored = (pitch.zone(each, attacking=True) for each in (point, there))
    assert mirrored == Zone(here.third, OTHER_SIDE[here.lane])


@given(points)
def test_who_does_not_attack_has_no_sides(point):
    """A defender is as far up the pitch as an attacker there, and neither left nor right."""
    third = pitch.zone(point, attacking=True).third
    assert pitch.zone(point, attacking=False) == Zone(third, None)


@given(points)
def test_two_half_turns_are_none(point):
    """Turning is its own inverse."""
    once = pitch.turned(point, half_turn=True)
    assert pitch.turned(once, half_turn=True) == point
    assert pitch.turned(point, half_turn=False) == point


@pytest.mark.parametrize(
    ("coordinates", "x", "y", "expected"),
    [
        (Coordinates(), 52.5, 60, Point(52.5, 60)),
        (Coordinates(normalised=True), 0.5, 1.0, Point(52.5, 68)),
        (Coordinates(y_down=True), 52.5, 8, Point(52.5, 60)),
        (Coordinates(normalised=True, y_down=True), 0.5, 0.0, Point(52.5, 68)),
        (Coordinates(), None, 60, None),
        (Coordinates(), 52.5, None, None),
    ],
)
def test_metres(coordinates, x, y, expected):
    """The option says what the numbers mean; half a place is no place."""
    assert pitch.to_metres(x, y, coordinates) == expected


@pytest.mark.parametrize(
    ("end", "direction"),
    [
        (Point(60, 34), Direction.FORWARD),
        (Point(60, 44), Direction.FORWARD),
        (Point(59, 44), Direction.SIDEWAYS),
        (Point(50, 24), Direction.SIDEWAYS),
        (Point(29, 34), Direction.BACKWARD),
        (Point(50.5, 34.5), None),
    ],
)
def test_directions(end, direction):
    """Within 45 degrees of the attack is forward, of the own goal backward, else sideways."""
    assert pitch.direction(Point(50, 34), end) is direction


@pytest.mark.parametrize(
    ("metres", "band"),
    [
        (0.9, None),
        (1, Distance.SHORT),
        (11.9, Distance.SHORT),
        (12, Distance.MEDIUM),
        (29.9, Distance.MEDIUM),
        (30, Distance.LONG),
    ],
)
def test_distance_bands(metres, band):
    """Below a metre nothing moved."""
    assert pitch.distance(Point(10, 10), Point(10, 10 + metres)) is band


@pytest.mark.parametrize(
    ("orientation", "side", "period", "expected"),
    [
        (Orientation.HOME_LTR, Team.HOME, 1, False),
        (Orientation.HOME_LTR, Team.HOME, 2, False),
        (Orientation.HOME_LTR, Team.AWAY, 1, True),
        (Orientation.HOME_LTR, Team.AWAY, None, True),
        (Orientation.HOME_LTR, None, 1, None),
        (Orientation.HOME_LTR, Team.HOME, 5, None),
        (Orientation.ACTING_LTR, Team.AWAY, 2, False),
        (Orientation.ACTING_LTR, None, None, False),
        (Orientation.SWITCHING, Team.HOME, 1, False),
        (Orientation.SWITCHING, Team.HOME, 2, True),
        (Orientation.SWITCHING, Team.AWAY, 2, False),
        (Orientation.SWITCHING, Team.AWAY, 3, True),
        (Orientation.SWITCHING, Team.HOME, 4, True),
        (Orientation.SWITCHING, Team.HOME, None, None),
        (Orientation.SWITCHING, None, 1, None),
    ],
)
def test_half_turns(orientation, side, period, expected):
    """Who attacks where in each orientation; unknown where side or period would decide."""
    assert pitch.half_turn({orientation}, side, period) is expected


def test_disagreeing_orientations_turn_nothing():
    """Where the possible orientations differ, nothing is known."""
    both = {Orientation.HOME_LTR, Orientation.ACTING_LTR}
    assert pitch.half_turn(both, Team.HOME, 1) is False
    assert pitch.half_turn(both, Team.AWAY, 1) is None
    assert pitch.half_turn(frozenset(), Team.HOME, 1) is None


def seen(type_, side, period, x, y=34):
    return Sighting(type_, side, period, Point(x, y))


@pytest.mark.parametrize(
    ("sightings", "expected"),
    [
        ([seen(ActionType.SHOT, Team.AWAY, 1, 15)], {"home_ltr", "switching"}),
        ([seen(ActionType.SHOT, Team.AWAY, 2, 15)], {"home_ltr"}),
        ([seen(ActionType.SHOT, Team.AWAY, 1, 95)], {"acting_ltr"}),
        ([seen(ActionType.KEEPER_CATCH, Team.HOME, 2, 100)], {"switching"}),
        (
            [seen(ActionType.SHOT, Team.HOME, 1, 95), seen(ActionType.GOAL_KICK, Team.AWAY, 1, 5)],
            {"acting_ltr"},
        ),
        ([seen(ActionType.SHOT, Team.HOME, 1, 95)], {"home_ltr", "acting_ltr", "switching"}),
        ([seen(ActionType.SHOT, Team.HOME, 1, 52)], set()),
        ([seen(ActionType.PASS, Team.HOME, 1, 95)], set()),
        ([seen(ActionType.KEEPER_CATCH, Team.HOME, 2, 105, y=68)], set()),
        (
            [seen(ActionType.SHOT, Team.HOME, 1, 95), seen(ActionType.SHOT, Team.HOME, 1, 9)],
            set(),
        ),
        ([seen(ActionType.SHOT, None, 1, 95)], {"home_ltr", "acting_ltr", "switching"}),
        ([], set()),
    ],
)
def test_detection(sightings, expected):
    """Shots and saves near a goal rule orientations out; without them nothing is known."""
    assert pitch.orientations(Orientation.AUTO, sightings) == expected


def test_a_declared_orientation_is_not_detected():
    """Who says how the data lie is believed."""
    away_shot = [seen(ActionType.SHOT, Team.AWAY, 1, 95)]
    assert pitch.orientations(Orientation.HOME_LTR, away_shot) == {"home_ltr"}


@pytest.mark.parametrize(
    ("type_", "x", "y", "expected"),
    [
        (ActionType.KEEPER_CATCH, 4, 34, True),
        (ActionType.KEEPER_CATCH, 100, 34, False),
        (ActionType.KEEPER_CATCH, 105, 68, False),
        (ActionType.GOAL_KICK, 5, 40, True),
        (ActionType.SHOT, 95, 34, True),
        (ActionType.SHOT, 50, 34, True),
        (ActionType.SHOT, 10, 34, False),
        (ActionType.PASS, 10, 34, True),
    ],
)
def test_places_that_the_game_does_not_allow(type_, x, y, expected):
    """Nobody saves at the other end or shoots from his own area; a pass may be anywhere."""
    assert pitch.is_believable(type_, Point(x, y)) is expected
