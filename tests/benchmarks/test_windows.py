from itertools import pairwise

import pytest

from benchmarks.windows import ROWS, request
from tests.rows import ten_rows
from worker.football.facts import facts_of
from worker.football.schema import CommentaryRequest

SHAPES = range(30)


def rows(shape, identity, **options):
    return request(shape, identity, **options)["rawData"]


@pytest.mark.parametrize("goal", [False, True])
def test_every_window_is_a_request_of_ten_rows_with_every_field(goal):
    for shape in SHAPES:
        document = request(shape, "x", goal=goal)
        assert len(CommentaryRequest.parse(document).actions) == ROWS
        assert {frozenset(row) for row in document["rawData"]} == {frozenset(ten_rows()[0])}


def test_the_same_shape_and_identity_are_the_same_request():
    assert request(3, "x") == request(3, "x")


def test_a_shape_decides_what_happens():
    for shape in SHAPES:
        one, other = rows(shape, "one"), rows(shape, "other")
        for column in ("typeName", "resultName", "positionName"):
            assert [row[column] for row in one] == [row[column] for row in other]
        gaps = [[b["timeSeconds"] - a["timeSeconds"] for a, b in pairwise(r)] for r in (one, other)]
        assert gaps[0] == pytest.approx(gaps[1], abs=0.002)


def test_an_identity_decides_who_and_where_and_when():
    for shape in SHAPES:
        one, other = rows(shape, "one"), rows(shape, "other")
        for column in ("gameId", "timeSeconds", "playerId", "playerNameKo", "teamNameKo"):
            assert not {row[column] for row in one} & {row[column] for row in other}


def test_both_sides_of_a_comparison_have_as_much_to_say():
    said = [
        [sum(f.budget for f in facts_of(CommentaryRequest.parse(request(s, i)))) for s in SHAPES]
        for i in ("one", "other")
    ]
    assert sum(said[0]) == pytest.approx(sum(said[1]), rel=0.01)


def test_times_and_ids_never_go_back():
    for shape in SHAPES:
        for before, after in pairwise(rows(shape, "x")):
            assert after["actionId"] == before["actionId"] + 1
            assert after["timeSeconds"] >= before["timeSeconds"]


def test_a_pass_that_arrives_is_received_by_a_team_mate():
    for before, after in pairwise(row for shape in SHAPES for row in rows(shape, "x")):
        if after["typeName"] == "Pass Received" and before["gameId"] == after["gameId"]:
            assert before["typeName"] == "Pass"
            assert before["teamId"] == after["teamId"]
            assert before["playerId"] != after["playerId"]


def test_a_window_with_a_goal_ends_with_one():
    last = rows(1, "x", goal=True)[-3:]
    assert [(row["typeName"], row["resultName"]) for row in last] == [
        ("Cross", "Successful"),
        ("Shot", "Goal"),
        ("Goal", None),
    ]
