from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.commentary.made import NURI, any_facts, fact
from tests.rows import request_document
from worker.commentary.fallback import line, speakable
from worker.commentary.korean import syllables
from worker.commentary.lines import LETTERS, MIN_SYLLABLES, is_sentence, parse_line
from worker.football.facts import Lane, Person, Team, Third, Zone, facts_of
from worker.football.schema import CommentaryRequest, Persona
from worker.football.vocabulary import WORDS, ActionType, Card, Outcome, Tone

PERSONAS = pytest.mark.parametrize("persona", Persona)
TYPES = pytest.mark.parametrize("type_", ActionType)
VOWELS = 21
# 반말 ends in an open syllable with one of these vowels: 아, 애, 야, 어, 여, 와, 왜, 워.
BANMAL_VOWELS = {0, 1, 2, 4, 6, 9, 10, 14}
# What happens whether or not a provider calls it failed: nobody succeeds at a foul.
MISHAPS = {
    *(ActionType.GOAL, ActionType.OWN_GOAL, ActionType.GOAL_CONCEDED, ActionType.ERROR),
    *(ActionType.DEFLECTION, ActionType.HIT, ActionType.FOUL, ActionType.HANDBALL),
    *(ActionType.FOUL_THROW, ActionType.OFFSIDE, ActionType.OUT, ActionType.PAUSE),
    ActionType.INTERVENTION,
}


def told(persona=Persona.CASTER, **changes):
    """The line for a bare fact with `changes`."""
    return line(fact(**{"start": None, "receiver": None, **changes}), persona)[1]


def is_banmal(text):
    """Whether a sentence ends as an intimate one does, and not as 합쇼체 or 해요체."""
    last = text[-2]
    vowel, final = divmod((ord(last) - ord("가")) % (VOWELS * 28), 28)
    return final == 0 and vowel in BANMAL_VOWELS and not text[:-1].endswith(("다", "요", "죠"))


@PERSONAS
@TYPES
def test_every_action_and_outcome_has_a_sentence_in_the_persona_s_level(type_, persona):
    for outcome, card, again in product(Outcome, [None, *Card], [False, True]):
        text = told(
            persona,
            type=type_,
            word=WORDS[type_],
            outcome=outcome,
            card=card,
            goal_already_told=again,
        )
        assert is_sentence(text, Tone.DEFAULT)
        assert text.endswith("니다.") is (persona is not Persona.FRIEND)
        assert is_banmal(text) is (persona is Persona.FRIEND)


@TYPES
def test_the_actor_is_named(type_):
    for outcome, card in product(Outcome, [None, *Card]):
        text = told(type=type_, word=WORDS[type_], outcome=outcome, card=card)
        assert "백하루" in text or type_ is ActionType.PAUSE


@PERSONAS
@pytest.mark.parametrize("type_", sorted(set(ActionType) - MISHAPS))
def test_a_failure_is_told_as_one(type_, persona):
    text = told(persona, type=type_, word=WORDS[type_], outcome=Outcome.FAILURE)
    assert any(word in text for word in ("않", "못", "실패"))


@PERSONAS
@TYPES
def test_a_goal_is_told_only_of_a_goal(type_, persona):
    goals = {ActionType.GOAL, ActionType.OWN_GOAL, ActionType.GOAL_CONCEDED}
    for outcome in Outcome:
        text = told(persona, type=type_, word=WORDS[type_], outcome=outcome)
        scored = any(phrase in text for phrase in ("골을 넣", "자책골을", "골을 내"))
        shot = type_ in (ActionType.SHOT, ActionType.SHOT_FREEKICK, ActionType.PENALTY)
        disallowed = outcome is Outcome.OFFSIDE
        assert scored is (not disallowed and (type_ in goals or (shot and outcome is Outcome.GOAL)))


@PERSONAS
@pytest.mark.parametrize("type_", [ActionType.GOAL, ActionType.GOAL_CONCEDED])
def test_a_goal_told_already_is_recorded_not_scored_again(type_, persona):
    text = told(persona, type=type_, outcome=Outcome.GOAL, goal_already_told=True)
    assert "기록" in text
    assert "넣" not in text


@PERSONAS
@pytest.mark.parametrize("persona_word", ["경고", "퇴장"])
def test_a_card_is_told_and_why(persona, persona_word):
    card = Card.YELLOW if persona_word == "경고" else Card.RED
    text = told(persona, type=ActionType.HANDBALL, card=card)
    assert f"백하루가 핸드볼 반칙으로 {persona_word}" in text


@pytest.mark.parametrize(
    ("changes", "persona", "expected"),
    [
        ({"receiver": NURI}, "CASTER", "백하루가 윤누리에게 패스를 보냅니다."),
        ({"receiver": NURI}, "FRIEND", "백하루가 윤누리한테 패스를 보내."),
        ({"outcome": Outcome.FAILURE}, "CASTER", "백하루의 패스가 이어지지 않습니다."),
        ({"outcome": Outcome.OFFSIDE}, "FRIEND", "백하루의 패스가 오프사이드에 걸려."),
        (
            {"type": ActionType.RECEIVE, "start": Zone(Third.FINAL, Lane.LEFT)},
            "ANALYST",
            "백하루가 상대 진영 왼쪽에서 공을 받습니다.",
        ),
        (
            {"type": ActionType.SHOT, "outcome": Outcome.ON_TARGET, "tones": (Tone.EXCITED,)},
            "CASTER",
            "백하루의 슛이 골문으로 향합니다!",
        ),
        (
            {"type": ActionType.OFFSIDE, "word": "오프사이드", "tones": (Tone.QUESTION,)},
            "CASTER",
            "백하루의 오프사이드 장면일까요?",
        ),
    ],
)
def test_examples(changes, persona, expected):
    assert told(Persona(persona), **changes) == expected


@pytest.mark.parametrize(
    ("person", "subject"),
    [
        (Person("백하루", "가온"), "백하루가"),
        (Person(None, "가온"), "가온 선수가"),
        (Person("วีระ", "가온"), "가온 선수가"),
        (Person(None, None, None, Team.AWAY), "원정팀 선수가"),
        (Person(None, None), "한 선수가"),
    ],
)
def test_the_subject_is_the_player_else_his_team_else_somebody(person, subject):
    assert told(actor=person) == f"{subject} 패스를 보냅니다."


@given(any_facts, st.sampled_from(Persona))
def test_any_fact_gives_a_line_that_the_grammar_admits(any_fact, persona):
    tone, text = line(any_fact, persona)
    assert tone in any_fact.tones
    assert is_sentence(text, tone)
    assert syllables(text) >= MIN_SYLLABLES


@PERSONAS
@TYPES
def test_places_and_receivers_go_before_the_budget_does(type_, persona):
    """A budget of the name and sixteen syllables is enough for all that a provider can send."""
    for outcome in {Outcome.UNKNOWN, Outcome.SUCCESS, Outcome.FAILURE, Outcome.ON_TARGET}:
        full = fact(type=type_, word=WORDS[type_], outcome=outcome, budget=3 + 16)
        assert syllables(line(full, persona)[1]) <= full.budget


@pytest.mark.parametrize(
    ("budget", "text"),
    [
        (22, "백하루가 중원 왼쪽에서 윤누리에게 패스를 보냅니다."),
        (21, "백하루가 윤누리에게 패스를 보냅니다."),
        (15, "백하루가 패스를 보냅니다."),
        (1, "백하루가 패스를 보냅니다."),
    ],
)
def test_the_place_goes_first_then_the_receiver_and_the_actor_never(budget, text):
    assert line(fact(budget=budget), Persona.CASTER)[1] == text


@PERSONAS
def test_the_lines_of_a_request_are_within_their_budgets(persona):
    for told_fact in facts_of(CommentaryRequest.parse(request_document())):
        tone, text = line(told_fact, persona)
        assert parse_line(f"{LETTERS[tone]}|{text}", told_fact)


@pytest.mark.parametrize(
    ("name", "spoken"),
    [
        ("백하루", "백하루"),
        ("누리 FC", "누리 FC"),
        ("O'Brien-Lee", "O'Brien-Lee"),
        ("José Peña", "Jose Pena"),
        ("백하루 (10)", "백하루"),
        ("누리 & 가온", "누리 가온"),
        ("\u1112\u1161\u1102\u1173\u11af", "하늘"),
        ("岡田", None),
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
