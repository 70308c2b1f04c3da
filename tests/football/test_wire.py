"""Reading JSON objects as callers write them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.errors import InvalidInput
from worker.football.pitch import Orientation
from worker.football.wire import Fields, canonical_id, clean, is_missing

# Beyond what Python itself turns into text.
HUGE = pytest.param(10**5000, id="5001 digits")


@pytest.mark.parametrize("key", ["startX", "start_x", "START_X", "start-x", "Start X", "startx"])
def test_a_key_is_found_under_every_spelling(key):
    """Case, underscores, hyphens and spaces do not tell keys apart."""
    assert Fields({key: 12.5}).number("startX") == 12.5


@pytest.mark.parametrize(
    "value", [None, "", " \t", math.nan, "NaN", "nan", "null", "None", "NaT", " NaN "]
)
def test_every_way_to_write_nothing_is_nothing(value):
    """A missing value is None to every reader, however it is written."""
    fields = Fields({"a": value})
    assert is_missing(value)
    readers = (fields.text, fields.number, fields.echo, fields.identifier, fields.flag)
    assert [read("a") for read in readers] == [None] * 5
    assert fields.seconds("a") == (None, None)


def test_the_first_given_name_wins():
    """Aliases are tried in order, and a missing value does not hide the next one."""
    fields = Fields({"a": None, "b": 2, "c": 3})
    assert fields.number("a", "b", "c") == 2


def test_one_field_given_twice_must_agree():
    """Two spellings of one key with different values are an error: neither is the true one."""
    with pytest.raises(InvalidInput, match=r"startX is given twice .* start_x") as error:
        Fields({"startX": 1, "start_x": 2}, "rawData[3]").number("startX")
    assert error.value.param == "rawData[3].startX"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        (1, "1"),
        (5, "5.0"),
        (1850.867, " 1850.8670"),
        (None, 5),
        (5, "NaN"),
        (True, "true"),
        ("Goal Kick", "goal_kick"),
        ("하도율", " 하도율\n"),
    ],
)
def test_one_meaning_may_be_written_twice(one, other):
    """A number and its text, a value and nothing, two spellings of a name: no contradiction."""
    for first, second in ((one, other), (other, one)):
        _, value = Fields({"aB": first, "a_b": second}).value("aB")
        assert value == (second if is_missing(first) else first)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (5, "5.5"),
        (5, "five"),
        (1, True),
        (2**63 - 1, str(2**63 - 2)),
        ("하도율", "강누림"),
        ([1], [1]),
        ({}, "x"),
        pytest.param(10**5000, 5, id="5001 digits"),
    ],
)
def test_two_meanings_are_refused(one, other):
    """Whatever really differs is refused, and so is what has no one meaning to compare."""
    for first, second in ((one, other), (other, one)):
        with pytest.raises(InvalidInput, match="aB is given twice with different values"):
            Fields({"aB": first, "a_b": second}).value("aB")


@pytest.mark.parametrize("read", [Fields.echo, Fields.identifier])
def test_ids_given_twice_are_compared_as_ids(read):
    """A number and its text are one id; a zero before it or a hyphen within makes another."""
    assert read(Fields({"aB": 5, "a_b": "5.0"}), "aB") == "5"
    for one, other in ((12, "0012"), ("a-1", "a1"), ([], [])):
        with pytest.raises(InvalidInput, match="aB is given twice"):
            read(Fields({"aB": one, "a_b": other}), "aB")


@pytest.mark.parametrize(
    ("value", "expected"),
    [(7, 7.0), (7.5, 7.5), ("356625.0", 356625.0), (" -1.5e1 ", -15.0), (".5", 0.5)],
)
def test_numbers_may_be_strings(value, expected):
    """A number and its text are one."""
    assert Fields({"a": value}).number("a") == expected


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (True, "must be a number, not true"),
        ("abc", 'must be a number, not "abc"'),
        ("1_000", "must be a number"),
        ("１２", "must be a number"),
        ([1], "must be a number, not a list"),
        ({}, "must be a number, not an object"),
        (math.inf, "must be a finite number"),
        ("1e999", "must be a finite number"),
        pytest.param(10**400, "must be a finite number", id="401 digits"),
    ],
)
def test_what_is_no_number_says_so(value, words):
    """An unusable number names its field and shows the value."""
    with pytest.raises(InvalidInput, match=rf"^rawData\[3\]\.start_x {words}") as error:
        Fields({"start_x": value}, "rawData[3]").number("startX")
    assert error.value.param == "rawData[3].start_x"


def test_a_shown_value_stays_short_and_on_one_line():
    """An error never repeats a whole document."""
    with pytest.raises(InvalidInput) as error:
        Fields({"a": "x\n" * 5000}).number("a")
    assert len(error.value.message) < 100
    assert "\n" not in error.value.message


@pytest.mark.parametrize(("value", "expected"), [(2, 2), ("2", 2), ("2.0", 2), (2.0, 2)])
def test_whole_numbers(value, expected):
    """A whole number may come as a float or as text, as data frames write it."""
    assert Fields({"a": value}).whole("a", low=1, high=5) == expected


@pytest.mark.parametrize("value", [0, 6, 1.5, "1.5", "x", True, [], HUGE])
def test_other_numbers_are_not_whole(value):
    """Out of range, broken or of another kind: an error that says the range."""
    with pytest.raises(InvalidInput, match="a must be a whole number from 1 to 5, not"):
        Fields({"a": value}).whole("a", low=1, high=5)


def test_large_seeds_keep_every_digit():
    """A 63-bit number does not pass through a float."""
    assert Fields({"a": str(2**63 - 1)}).whole("a", low=0, high=2**63 - 1) == 2**63 - 1


@pytest.mark.parametrize(
    ("value", "seconds", "echo"),
    [
        (1850.867, 1850.867, "1850.867"),
        (1850, 1850.0, "1850"),
        (" 1850.8670 ", 1850.867, "1850.8670"),
        ("0 days 00:00:02.643377", 2.643377, "2.643377"),
        ("0 days 00:40:37.442672", 2437.442672, "2437.442672"),
        ("00:00:02.643", 2.643, "2.643"),
        ("1 day 00:00:01", 86401.0, "86401.0"),
    ],
)
def test_times_and_their_echo(value, seconds, echo):
    """A time goes back as it came; a time span goes back as seconds."""
    assert Fields({"t": value}).seconds("t") == (seconds, echo)


@pytest.mark.parametrize("value", [-0.5, "-3", "-1 days +23:59:58", "soon"])
def test_negative_times_are_refused(value):
    """No action happens before its period, and no word is a time."""
    with pytest.raises(InvalidInput, match=r"^t must"):
        Fields({"t": value}).seconds("t")


@pytest.mark.parametrize("value", [2330, 2330.0, "2330", " 2330 ", "2330.0"])
def test_ids_compare_in_one_form(value):
    """A data frame that turned an id into a float has not changed it."""
    assert Fields({"id": value}).identifier("id") == "2330"


@pytest.mark.parametrize(
    ("value", "echo"), [(2330, "2330"), (2330.0, "2330"), (" 2330.0 ", "2330.0"), ("a-1", "a-1")]
)
def test_ids_are_echoed_as_sent(value, echo):
    """A string goes back as it came, a number in its shortest form."""
    assert Fields({"id": value}).echo("id") == echo


def test_ids_that_are_words_stay_as_they_are():
    """Only digits followed by a zero fraction are a number in disguise."""
    assert [canonical_id(x) for x in ("p1.0", "1.5", "0012")] == ["p1.0", "1.5", "0012"]


@pytest.mark.parametrize("value", [True, [], {"a": 1}, HUGE])
def test_text_is_text_or_a_number(value):
    """Nothing else has a spoken form."""
    with pytest.raises(InvalidInput, match="a must be text, not"):
        Fields({"a": value}).text("a")


def test_long_text_is_refused_and_never_cut():
    """A cut name would be a wrong name."""
    assert Fields({"a": "가" * 100}).text("a") == "가" * 100
    with pytest.raises(InvalidInput, match="a must have at most 100 characters, not 101"):
        Fields({"a": "가" * 101}).text("a")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (" 하도율\n", "하도율"),
        ("하\u200b도율", "하도율"),
        ("하\r\n\t도율", "하 도율"),
        ("하\u2028도\u0085율", "하 도 율"),
        ("\u202e하도율", "하도율"),
        ("\u1112\u1161\u1103\u1169", "하도"),  # letters apart, as macOS writes them
        ("\ud800하", "하"),
    ],
)
def test_text_becomes_one_visible_line(raw, expected):
    """Line breaks become one space, invisible characters vanish, syllables are composed."""
    assert clean(raw) == expected


@given(st.text())
def test_clean_text_is_clean_for_any_text(text):
    """The result is one printable, encodable, settled line."""
    once = clean(text)
    assert clean(once) == once
    assert once.splitlines() in ([], [once])
    assert once.encode().decode() == once


@pytest.mark.parametrize(
    ("value", "expected"), [(True, True), (False, False), ("True", True), (" false ", False)]
)
def test_flags(value, expected):
    """A flag may be text."""
    assert Fields({"a": value}).flag("a") is expected


@pytest.mark.parametrize("value", [1, 0, "yes", []])
def test_flags_are_nothing_else(value):
    """Numbers and other words are no flag."""
    with pytest.raises(InvalidInput, match="a must be true or false, not"):
        Fields({"a": value}).flag("a")


def test_choices_are_listed_in_the_error():
    """Whoever misspells a choice is told all of them."""
    assert Fields({"a": "Home-LTR"}).choice("a", Orientation) is Orientation.HOME_LTR
    expected = 'a must be home_ltr, acting_ltr, switching or auto, not "left"'
    with pytest.raises(InvalidInput, match=expected):
        Fields({"a": "left"}).choice("a", Orientation)


def test_nested_objects_know_their_place():
    """A field in an object in a list is named by its whole path, as the caller spelt it."""
    inner = Fields({"Coords": {"Y Down": 3}}, "x[0]").fields("coords")
    with pytest.raises(InvalidInput) as error:
        inner.flag("yDown")
    assert error.value.param == "x[0].Coords.Y Down"
    with pytest.raises(InvalidInput, match="a must be an object, not a list"):
        Fields({"a": []}).fields("a")
    with pytest.raises(InvalidInput, match="a must be a list, not an object"):
        Fields({"a": {}}).items("a")


def test_a_key_that_is_not_known_is_named_with_those_that_are():
    """As it was written, on one short line; aliases are taken and not told; null is nothing."""
    Fields({"Y Down": 1, "Z": 2, "w": None}, "a").require_known(["yDown"], aliases=["z"])
    for key, told in (("u", "u"), ("u\n" * 90, "u " * 19 + "u"), ("\ud800", "")):
        with pytest.raises(InvalidInput) as caught:
            Fields({"yDown": 1, key: 2}, "a").require_known(["yDown", "x"], aliases=["z"])
        assert caught.value.param == f"a.{told}"
        assert caught.value.message == f"a.{told} is not known; there are yDown, x."


def test_loose_fields_are_never_an_error():
    """What nothing depends on cannot fail a job."""
    fields = Fields({"a": [1], "b": 3.0, "c": " x\ny ", "d": "가" * 300})
    assert [fields.loose(name) for name in "abcde"] == [None, "3", "x y", "가" * 300, None]
