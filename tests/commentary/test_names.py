import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.commentary.lines import is_sentence
from worker.commentary.names import speakable, team
from worker.football.facts import Team
from worker.football.vocabulary import Tone


@pytest.mark.parametrize(
    ("name", "spoken"),
    [
        ("백하루", "백하루"),
        ("누리 FC", "누리 FC"),
        ("O'Brien-Lee", "O'Brien-Lee"),
        ("O’Neill Jr.", "O'Neill Jr"),
        ("José Peña", "Jose Pena"),
        ("Søren Łuk Đani Strauß Æva Œd", "Soren Luk Dani Strauss Aeva Oed"),
        ("백하루 (10)", "백하루"),
        ("백하루（주장）", "백하루"),
        ("[C] 백하루", "백하루"),
        ("누리 & 가온", "누리 가온"),
        ("백\u200b하루", "백하루"),
        ("\u1112\u1161\u1102\u1173\u11af", "하늘"),
        ("岡田", None),
        ("วีระ", None),
        ("백하루 岡田", None),
        ("(10)", None),
        ("…", None),
        ("", None),
        (None, None),
    ],
)
def test_a_name_is_spoken_as_the_grammar_can_write_it(name, spoken):
    assert speakable(name) == spoken


@given(st.text())
def test_a_speakable_name_can_stand_in_a_line(name):
    spoken = speakable(name)
    assert spoken is None or is_sentence(f"{spoken}.", Tone.DEFAULT)


@given(st.text())
def test_what_is_speakable_is_not_changed_again(name):
    assert speakable(speakable(name)) == speakable(name)


@pytest.mark.parametrize(
    ("name", "side", "spoken"),
    [
        ("가온", Team.HOME, "가온"),
        ("岡田", Team.HOME, "홈팀"),
        (None, Team.AWAY, "원정팀"),
        (None, None, None),
    ],
)
def test_a_team_is_its_name_else_its_side(name, side, spoken):
    assert team(name, side) == spoken
