import re

import llguidance
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.commentary.made import fact, graded_facts, tones
from worker.commentary.korean import syllables
from worker.commentary.lines import (
    LETTERS,
    MIN_SYLLABLES,
    TONES,
    ParsedLine,
    Reader,
    grammar,
    parse,
    text_pattern,
)
from worker.football.vocabulary import Tone

GOOD = "D|백하루가 앞으로 길게 차요."
DEFAULT, QUESTION = (Tone.DEFAULT,), (Tone.QUESTION,)

lists_of_facts = st.lists(st.tuples(tones, st.integers(1, 12)), min_size=1, max_size=2).map(
    lambda given: [fact(index=i, tones=t, budget=budget) for i, (t, budget) in enumerate(given)]
)


# Hypothesis builds the alphabet of 11,172 syllables anew for each regex it is given.
few = settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow], deadline=None)


def accepts(pattern, text):
    """Whether llguidance, vLLM's guidance backend, would let `text` be decoded to its end."""
    tokenizer = llguidance.LLTokenizer("byte")
    matcher = llguidance.LLMatcher(tokenizer, llguidance.grammar_from("regex", pattern))
    assert not matcher.get_error()
    return matcher.consume_tokens(tokenizer.tokenize_str(text)) and matcher.is_accepting()


@few
@given(st.data(), lists_of_facts)
def test_what_the_grammar_admits_parses_back_to_the_same_tones_and_texts(data, facts):
    answer = data.draw(st.from_regex(grammar(facts), fullmatch=True))
    lines = parse(answer, facts)
    assert "\n".join(f"{LETTERS[line.tone]}|{line.text}" for line in lines) == answer
    assert [line.index for line in lines] == list(range(len(facts)))


@given(st.data(), graded_facts)
def test_what_parses_is_admitted_by_the_grammar(data, any_fact):
    loose = rf"[DEASCQM]\|{text_pattern(1, 50)}"
    answer = data.draw(st.from_regex(loose, fullmatch=True) | st.text())
    assert bool(parse(answer, [any_fact])) == bool(re.fullmatch(grammar([any_fact]), answer))


@few
@given(st.data(), lists_of_facts)
def test_the_engine_s_grammar_backend_reads_the_regex_as_python_does(data, facts):
    answer = data.draw(st.from_regex(grammar(facts), fullmatch=True))
    assert accepts(grammar(facts), answer)
    assert not accepts(grammar(facts), f"{answer}\n")
    assert not accepts(grammar(facts), answer[:-1])


@few
@given(graded_facts, st.data())
def test_a_line_has_only_its_action_s_tones_and_length(any_fact, data):
    answer = data.draw(st.from_regex(grammar([any_fact]), fullmatch=True))
    [line] = parse(answer, [any_fact])
    assert line.tone in any_fact.tones
    assert min(MIN_SYLLABLES, any_fact.budget) <= syllables(line.text) <= any_fact.budget


@pytest.mark.parametrize("minimum", [1, 6, 12, 99])
def test_the_minimum_gives_way_to_the_budget(minimum):
    short = fact(budget=12, tones=DEFAULT)
    assert re.fullmatch(grammar([short], minimum), "D|가나다라마바사아자차카타.")


@pytest.mark.parametrize(
    "foreign",
    [*"ส骨ゴЖéㅋ⚽Ａ|<[{", *"\u200b\u202e\u2028\x85\x00\x1b\t\n"],
)
@pytest.mark.parametrize("place", [0, 2, 5, 9])
def test_a_character_outside_the_alphabet_never_parses(foreign, place):
    line = GOOD[2:]
    assert parse(GOOD, [fact()])
    assert not parse(f"D|{line[:place]}{foreign}{line[place:]}", [fact()])


@given(st.text(), st.integers(0, 20))
def test_whatever_parses_is_hangul_ascii_letters_digits_and_ordinary_marks(inserted, place):
    answer = GOOD[:place] + inserted + GOOD[place:]
    for line in parse(answer, [fact(budget=45)]):
        assert re.fullmatch(r"[가-힣A-Za-z0-9 ,.!?:%~'-]+", line.text)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "D",
        "D|",
        "백하루가 앞으로 길게 차요.",
        "E|백하루가 앞으로 길게 차요.",  # a tone that the action cannot have
        "d|백하루가 앞으로 길게 차요.",
        "D |백하루가 앞으로 길게 차요.",
        "D| 백하루가 앞으로 길게 차요.",
        "D|백하루가 앞으로 길게 차요",  # no closing mark
        "D|백하루가  앞으로 길게 차요.",
        "D|" + "가" * 21 + ".",
        "D|하루 슛.",
        GOOD + "\n",
        GOOD + "\n" + GOOD,
        "네, 알겠습니다!\n" + GOOD,
    ],
)
def test_anything_else_is_no_line(answer):
    assert not parse(answer, [fact(tones=DEFAULT, budget=20)], minimum=7)


@pytest.mark.parametrize("mark", [".", "!", "?"])
def test_a_question_ends_in_a_question_mark(mark):
    asked = [fact(tones=QUESTION)]
    answer = f"Q|백하루가 앞서 있었나요{mark}"
    assert bool(parse(answer, asked)) is (mark == "?")
    assert accepts(grammar(asked), answer) is (mark == "?")


def test_every_tone_has_its_letter():
    assert sorted(TONES.values()) == sorted(Tone)


@few
@given(st.data(), lists_of_facts)
def test_an_answer_in_pieces_reads_as_the_whole(data, facts):
    answer = data.draw(st.from_regex(grammar(facts), fullmatch=True))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(answer)), max_size=6)))
    reader, lines = Reader(facts), []
    for start, end in zip([0, *cuts], [*cuts, len(answer)], strict=True):
        lines += reader.feed(answer[start:end])
    assert lines + reader.end() == parse(answer, facts)


def test_a_line_is_out_as_soon_as_its_newline_is_in():
    reader = Reader([fact(index=0), fact(index=1)])
    assert reader.feed(GOOD) == []
    assert reader.feed("\nD|백") == [ParsedLine(0, Tone.DEFAULT, GOOD[2:])]


def test_the_last_line_waits_for_the_end_of_the_answer():
    reader = Reader([fact()])
    assert reader.feed(GOOD) == []
    assert reader.end() == [ParsedLine(0, Tone.DEFAULT, GOOD[2:])]


def test_after_a_bad_line_no_line_counts():
    facts = [fact(index=i) for i in range(3)]
    assert [line.index for line in parse(f"{GOOD}\n???\n{GOOD}", facts)] == [0]


def test_too_few_lines_are_those_of_the_first_actions():
    facts = [fact(index=i) for i in range(3)]
    assert [line.index for line in parse(f"{GOOD}\n{GOOD}", facts)] == [0, 1]


def test_the_longest_grammar_stays_within_the_limits_of_the_backend():
    """Ten lines of 45 syllables under every tone: the automaton grows with the text, no faster."""
    facts = [fact(index=i, tones=tuple(Tone), budget=45) for i in range(10)]
    longest = "\n".join("D|" + ", ".join("가" * 45) + "." for _ in facts)
    assert accepts(grammar(facts), longest)
