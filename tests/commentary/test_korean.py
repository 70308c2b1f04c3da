import re
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.commentary.korean import Particle, particle, syllables, titled


@pytest.mark.parametrize(
    ("word", "pair", "expected"),
    [
        ("백하루", "이/가", "백하루가"),
        ("한가람", "이/가", "한가람이"),
        ("가온", "을/를", "가온을"),
        ("누리", "은/는", "누리는"),
        ("가온", "과/와", "가온과"),
        ("누리", "과/와", "누리와"),
        ("누리", "으로/로", "누리로"),
        ("가온", "으로/로", "가온으로"),
        ("하늘", "으로/로", "하늘로"),
        ("하늘", "이/가", "하늘이"),
        ("새벽", "아/야", "새벽아"),
        ("하루", "아/야", "하루야"),
    ],
)
def test_a_particle_follows_the_last_syllable(word, pair, expected):
    assert particle(word, pair) == expected


@pytest.mark.parametrize(
    ("word", "pair", "expected"),
    [
        ("누리 FC", "이/가", "누리 FC가"),
        ("KPL", "을/를", "KPL을"),
        ("VIP", "은/는", "VIP는"),
        ("ATM", "과/와", "ATM과"),
        ("Gaon", "이/가", "Gaon이"),
        ("HR", "으로/로", "HR로"),
        ("U10", "이/가", "U10이"),
        ("U19", "이/가", "U19가"),
        ("U17", "이/가", "U17이"),
        ("U18", "을/를", "U18을"),
        ("U22", "은/는", "U22는"),
        ("번호 1", "으로/로", "번호 1로"),
        ("번호 3", "으로/로", "번호 3으로"),
        ("번호 7", "으로/로", "번호 7로"),
    ],
)
def test_digits_and_letters_are_read_by_their_korean_names(word, pair, expected):
    assert particle(word, pair) == expected


@pytest.mark.parametrize(("digit", "name"), enumerate("영일이삼사오육칠팔구"))
@pytest.mark.parametrize("pair", get_args(Particle))
def test_a_digit_takes_the_particle_of_its_name(digit, name, pair):
    assert particle(str(digit), pair)[1:] == particle(name, pair)[1:]


LETTERS = (
    *("A에이", "B비", "C씨", "D디", "E이", "F에프", "G지", "H에이치", "I아이"),
    *("J제이", "K케이", "L엘", "M엠", "N엔", "O오", "P피", "Q큐", "R알"),
    *("S에스", "T티", "U유", "V브이", "W더블유", "X엑스", "Y와이", "Z제트"),
)


@pytest.mark.parametrize("spelt", LETTERS)
@pytest.mark.parametrize("pair", get_args(Particle))
def test_a_letter_takes_the_particle_of_its_name(spelt, pair):
    letter, name = spelt[0], spelt[1:]
    for sign in (letter, letter.lower()):
        assert particle(sign, pair)[1:] == particle(name, pair)[len(name) :]


@pytest.mark.parametrize(
    ("word", "expected"),
    [("백하루(10)", "백하루(10)가"), ("한가람 (GK)", "한가람 (GK)이"), ("(10)", "(10)이")],
)
def test_what_stands_in_closing_brackets_is_silent_unless_it_is_all_there_is(word, expected):
    assert particle(word, "이/가") == expected


def test_a_word_without_a_sound_takes_both_particles():
    assert particle("…", "을/를") == "…을(를)"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Hwang", "Hwang 선수"),
        ("HWANG", "HWANG 선수"),
        ("누리 McA", "누리 McA 선수"),
        ("누리 FC", "누리 FC"),
        ("KPL", "KPL"),
        ("Hwang 10", "Hwang 10"),
        ("백하루", "백하루"),
    ],
)
def test_a_latin_word_has_a_noun_for_the_particle_to_follow(name, expected):
    assert titled(name, "선수") == expected


@given(st.text(), st.sampled_from(get_args(Particle)))
def test_a_particle_only_adds_to_the_word(word, pair):
    ending = particle(word, pair).removeprefix(word)
    assert ending in {*pair.split("/"), "{}({})".format(*pair.split("/"))}


@pytest.mark.parametrize(
    ("text", "count"),
    [("", 0), ("골!", 1), ("백하루가 찹니다.", 7), ("FC 90분", 5), ("ㅋㅋ ไทย 漢字", 0)],
)
def test_syllables_are_hangul_latin_letters_and_digits(text, count):
    assert syllables(text) == count


@given(st.text(), st.text())
def test_syllables_add_up(one, other):
    assert syllables(one + other) == syllables(one) + syllables(other)


@given(st.from_regex(r"[가-힣]{0,50}", fullmatch=True))
def test_every_hangul_syllable_counts_one(text):
    assert syllables(re.sub("$", " .", text)) == len(text)
