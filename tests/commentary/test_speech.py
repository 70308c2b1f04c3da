"""Lines for the ear: seconds, and SSML that any voice can read."""

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.commentary.made import fact
from worker.commentary.script import Line, Source
from worker.commentary.speech import (
    LONGEST_BREAK,
    PROSODY,
    SHORTEST_BREAK,
    script_ssml,
    seconds,
    ssml,
)
from worker.football.schema import Persona
from worker.football.vocabulary import Tone


def spoken(text="골입니다!", tone=Tone.DEFAULT, **changes):
    return Line(fact(**changes), tone, text, Source.MODEL, Persona.CASTER)


# The wire contract's table of tones.
CONTRACT = [
    (Tone.EXCITED, "fast", "+3st"),
    (Tone.ANGRY, "fast", "+1st"),
    (Tone.SAD, "slow", "-2st"),
    (Tone.CALM, "slow", "-1st"),
    (Tone.QUESTION, "medium", "+1st"),
    (Tone.EMPHASIS, "medium", "+2st"),
]


@pytest.mark.parametrize(("tone", "rate", "pitch"), CONTRACT)
def test_each_tone_has_the_prosody_of_the_contract(tone, rate, pitch):
    document = ET.fromstring(ssml(spoken(tone=tone), 1.0))
    prosody = document.find("prosody")
    assert (prosody.get("rate"), prosody.get("pitch")) == (rate, pitch)
    assert prosody.text == "골입니다!"


def test_an_ordinary_line_has_none():
    assert ssml(spoken(), 1.0).startswith("<speak>골입니다!<break")
    assert set(PROSODY) == set(Tone) - {Tone.DEFAULT}


@pytest.mark.parametrize(("tone", "expected"), [(Tone.DEFAULT, "150%"), (Tone.EXCITED, "172%")])
def test_a_speed_of_the_caller_s_is_multiplied_in(tone, expected):
    prosody = ET.fromstring(ssml(spoken(tone=tone), 1.5)).find("prosody")
    assert prosody.get("rate") == expected


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"])))
def test_whatever_a_line_says_is_escaped(text):
    document = ET.fromstring(ssml(spoken(text, Tone.SAD), 1.0))
    assert "".join(document.itertext()) == text


@given(st.none() | st.floats(0.01, 1000), st.sampled_from(Tone))
def test_the_break_is_what_is_left_until_the_next_action(gap, tone):
    """At least a breath, at most a second; a breath where nobody knows."""
    line = spoken(tone=tone, gap=gap)
    time = int(ET.fromstring(ssml(line, 1.0)).find("break").get("time").removesuffix("ms")) / 1000
    left = SHORTEST_BREAK if gap is None else gap - seconds(line.text, tone, 1.0)
    assert time == pytest.approx(min(max(left, SHORTEST_BREAK), LONGEST_BREAK), abs=0.001)


def test_a_script_is_one_document_with_breaks_between_its_lines_only():
    lines = [spoken("가 < 나", Tone.SAD), spoken("골!"), spoken("끝.")]
    document = ET.fromstring(script_ssml(lines, 1.0))
    assert [child.tag for child in document] == ["prosody", "break", "break"]
    assert "".join(document.itertext()) == "가 < 나골!끝."
    assert list(document)[-1].tail == "끝."


@pytest.mark.parametrize(
    ("tone", "rate", "expected"),
    [
        (Tone.DEFAULT, 1.0, 1.0),  # seven syllables
        (Tone.DEFAULT, 2.0, 0.5),
        (Tone.EXCITED, 1.0, 0.87),
        (Tone.SAD, 1.0, 1.15),
    ],
)
def test_seconds_are_syllables_at_the_voice_s_speed(tone, rate, expected):
    assert seconds("가나다, 라마바사!", tone, rate) == pytest.approx(expected, abs=0.005)
