from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.commentary.made import NURI, any_facts, fact
from tests.rows import request_document
from worker.commentary import sayings, words
from worker.commentary.fallback import line, variants
from worker.commentary.korean import syllables
from worker.commentary.lines import LETTERS, MIN_BRIEF, MIN_SYLLABLES, is_sentence, parse_line
from worker.football import delivery
from worker.football.facts import Direction, Distance, Lane, Person, Team, Third, Zone, facts_of
from worker.football.schema import CommentaryRequest, Persona
from worker.football.vocabulary import (
    GOALS,
    PASSES,
    SHOTS,
    WORDS,
    ActionType,
    Card,
    Meaning,
    Outcome,
    SetPiece,
    Tone,
)

_T, _O = ActionType, Outcome
PERSONAS = pytest.mark.parametrize("persona", Persona)
TYPES = pytest.mark.parametrize("type_", ActionType)
# What happens whether or not a provider calls it failed: nobody succeeds at a foul.
MISHAPS = {
    *(
        _T.GOAL,
        _T.OWN_GOAL,
        _T.GOAL_CONCEDED,
        _T.ERROR,
        _T.DEFLECTION,
        _T.HIT,
        _T.FOUL,
        _T.HANDBALL,
    ),
    *(_T.FOUL_THROW, _T.OFFSIDE, _T.OUT, _T.PAUSE, _T.INTERVENTION),
}
NOBODY = Person(None, None)
PEOPLE = [
    Person("백하루", "가온"),
    Person("Hwang", "가온"),
    Person("HWANG In-beom", "가온"),
    Person(None, "가온"),
    Person(None, "가온 유나이티드"),
    Person(None, None, None, Team.AWAY),
    NOBODY,
]


# The twelve most frequent types, and what else comes several times in a row or matters most.
FREQUENT = {
    *(_T.PASS, _T.RECEIVE, _T.CARRY, _T.RECOVERY, _T.INTERCEPTION, _T.OUT, _T.DUEL, _T.CLEARANCE),
    *(_T.TACKLE, _T.INTERVENTION, _T.THROW_IN, _T.BLOCK, _T.CROSS, _T.SHOT, _T.TAKE_ON),
    *(_T.KEEPER_CATCH, _T.KEEPER_PARRY, _T.FOUL),
}
FAILED = ("않", "못", "실패", "놓", "밀")


def bare(**changes):
    """A fact with room for its line that knows neither places nor a receiver, with `changes`."""
    nothing = {"start": None, "end": None, "direction": None, "distance": None, "receiver": None}
    word = WORDS[changes.get("type", _T.PASS)]
    return fact(**{"word": word, "budget": 45} | nothing | changes)


def told(persona=Persona.CASTER, variant=0, **changes):
    """The line for a bare fact with `changes`."""
    return line(bare(**changes), persona, variant)[1]


def all_told(persona=Persona.CASTER, **changes):
    """The line of every variant for a bare fact with `changes`."""
    made = bare(**changes)
    return [line(made, persona, variant)[1] for variant in range(variants(made))]


def is_banmal(text):
    """Whether a sentence tells as a friend does: …네, …어, …야; a bare 차 or 막아 commands."""
    return text[-2] in "네어야" and not text[:-1].endswith(("다", "요", "죠"))


@PERSONAS
@TYPES
def test_every_action_and_outcome_has_a_sentence_in_the_persona_s_level(type_, persona):
    for outcome, card, told_by in product(Outcome, [None, *Card], [None, _T.SHOT, _T.OWN_GOAL]):
        for actor in PEOPLE:
            made = {"type": type_, "outcome": outcome, "card": card, "told_by": told_by}
            for text in all_told(persona, **made, actor=actor):
                assert is_sentence(text, Tone.DEFAULT)
                assert text.endswith("니다.") is (persona is not Persona.FRIEND)
                assert is_banmal(text) is (persona is Persona.FRIEND)


@TYPES
def test_the_actor_is_named(type_):
    for outcome, card in product(Outcome, [None, *Card]):
        for text in all_told(type=type_, outcome=outcome, card=card):
            assert "백하루" in text or type_ is _T.PAUSE


@PERSONAS
@pytest.mark.parametrize("type_", sorted(set(ActionType) - MISHAPS))
def test_a_failure_is_told_as_one(type_, persona):
    for text in all_told(persona, type=type_, outcome=_O.FAILURE):
        assert any(word in text for word in FAILED)


@PERSONAS
@pytest.mark.parametrize("type_", sorted(set(ActionType) - MISHAPS))
@pytest.mark.parametrize("outcome", [_O.SUCCESS, _O.UNKNOWN])
def test_no_failure_is_told_of_what_did_not_fail(outcome, type_, persona):
    for text in all_told(persona, type=type_, outcome=outcome):
        assert not any(word in text for word in ("않", "못", "실패", "놓치", "놓쳤", "밀리"))


@PERSONAS
@pytest.mark.parametrize("type_", sorted({*PASSES, _T.TAKE_ON, _T.TACKLE, _T.DUEL, *SHOTS}))
def test_no_success_is_told_where_the_data_say_nothing(type_, persona):
    for text in all_told(persona, type=type_, outcome=_O.UNKNOWN):
        claims = ("성공", "연결", "이어", "이깁", "이겨", "통하", "통합", "제칩", "제쳤", "따내")
        assert not any(word in text for word in claims)


# Ways to say that a ball went in, none of which a line may use of another.
SCORING = ("골을 넣", "골망", "골입", "골이야", "득점", "골문 안", "성공시킵", "성공시켰", "실점")
SCORING += ("자책골", "골을 허용", "골을 내주", "골로 기록", "성공시키는")


@PERSONAS
@TYPES
def test_a_goal_is_told_only_of_a_goal(type_, persona):
    for outcome in set(Outcome) - {_O.OFFSIDE}:
        goal = type_ in GOALS or (type_ in SHOTS and outcome is _O.GOAL)
        for text in all_told(persona, type=type_, outcome=outcome):
            scored = any(phrase in text.replace("태클을 성공", "") for phrase in SCORING)
            assert scored is goal


@PERSONAS
@pytest.mark.parametrize("type_", [_T.GOAL, _T.GOAL_CONCEDED])
def test_a_goal_told_already_is_recorded_not_scored_again(type_, persona):
    for text in all_told(persona, type=type_, outcome=_O.GOAL, told_by=_T.SHOT):
        assert text.startswith("백하루")
        assert any(word in text for word in ("기록", "이름", "남"))
        assert not any(word in text for word in ("넣", "골망", "성공", "허용", "내주"))


@PERSONAS
def test_an_own_goal_is_scored_by_nobody_for_himself(persona):
    for text in all_told(persona, type=_T.OWN_GOAL, outcome=_O.GOAL):
        assert "자책골" in text
        assert "넣" not in text


@pytest.mark.parametrize(
    ("scoring", "formal", "plain"),
    [
        (("가온", Team.HOME), "가온의 득점으로 기록됩니다.", "가온의 득점으로 기록됐어."),
        ((None, Team.AWAY), "원정팀의 득점으로 기록됩니다.", "원정팀의 득점으로 기록됐어."),
        ((None, None), "득점으로 기록됩니다.", "득점으로 기록됐어."),
    ],
)
def test_after_an_own_goal_the_goal_is_its_team_s_and_nobody_s(scoring, formal, plain):
    team, side = scoring
    goal = {"type": _T.GOAL, "outcome": _O.GOAL, "told_by": _T.OWN_GOAL}
    goal |= {"scoring_team": team, "scoring_side": side}
    assert told(**goal) == formal
    assert told(Persona.FRIEND, **goal) == plain


def test_after_an_own_goal_the_goal_conceded_is_still_who_conceded_it_s():
    conceded = {"type": _T.GOAL_CONCEDED, "told_by": _T.OWN_GOAL, "scoring_team": "누리"}
    assert told(**conceded) == "백하루의 실점으로 기록됩니다."
    assert told(**conceded, actor=Person(None, "가온")) == "가온의 실점으로 기록됩니다."


MEANT = [
    # On target is no goal, blocked is not saved; the woodwork is neither wide nor on target.
    (_T.SHOT, _O.ON_TARGET, "백하루의 슛이 골문으로 향합니다.", "백하루의 슛이 골문으로 향하네."),
    (_T.SHOT, _O.OFF_TARGET, "백하루의 슛이 골문을 벗어납니다.", "백하루의 슛이 골문을 벗어났어."),
    (_T.SHOT, _O.POST, "백하루의 슛이 골대에 맞습니다.", "백하루의 슛이 골대에 맞았어."),
    (_T.SHOT, _O.BLOCKED, "백하루의 슛이 수비에 막힙니다.", "백하루의 슛이 수비에 막혔어."),
    (_T.SHOT, _O.LOW_QUALITY, "백하루가 약한 슛을 때립니다.", "백하루가 약한 슛을 때리네."),
    (
        *(_T.SHOT, _O.KEEPER_RUSH_OUT),
        "골키퍼가 나온 상황에서 백하루가 슛을 때립니다.",
        "골키퍼가 나온 상황에서 백하루가 슛을 때리네.",
    ),
    (_T.SHOT, _O.GOAL, "백하루가 슛으로 골을 넣습니다.", "백하루가 슛으로 골을 넣었어."),
    (_T.SHOT, _O.UNKNOWN, "백하루가 슛을 때립니다.", "백하루가 슛을 때리네."),
    # Interception and recovery win the ball, the intervention only touches it.
    (_T.INTERCEPTION, _O.UNKNOWN, "백하루가 공을 가로챕니다.", "백하루가 공을 가로채네."),
    (_T.INTERVENTION, _O.UNKNOWN, "백하루가 공을 건드립니다.", "백하루가 공을 건드리네."),
    (_T.INTERVENTION, _O.FAILURE, "백하루가 공을 건드립니다.", "백하루가 공을 건드리네."),
    (_T.RECOVERY, _O.UNKNOWN, "백하루가 흐른 공을 따냅니다.", "백하루가 흐른 공을 따내네."),
    # The block stops an opponent's ball; the goalkeeper's four ways differ.
    (_T.BLOCK, _O.UNKNOWN, "백하루가 상대 공을 막아 냅니다.", "백하루가 상대 공을 막아 내네."),
    (_T.KEEPER_CATCH, _O.SUCCESS, "백하루가 공을 잡아 냅니다.", "백하루가 공을 잡아 내네."),
    (_T.KEEPER_CATCH, _O.UNKNOWN, "백하루가 공을 막아 냅니다.", "백하루가 공을 막아 내네."),
    (_T.KEEPER_PARRY, _O.UNKNOWN, "백하루가 공을 쳐 냅니다.", "백하루가 공을 쳐 내네."),
    (_T.KEEPER_CLAIM, _O.SUCCESS, "백하루가 높은 공을 처리합니다.", "백하루가 높은 공을 처리하네."),
    (_T.KEEPER_CLAIM, _O.FAILURE, "백하루가 높은 공을 놓칩니다.", "백하루가 높은 공을 놓쳤어."),
    (_T.KEEPER_SWEEP, _O.UNKNOWN, "백하루가 나와서 수비합니다.", "백하루가 나와서 수비하네."),
    # Struck by the ball is unintended, an error is one's own.
    (_T.HIT, _O.UNKNOWN, "공이 백하루의 몸에 맞습니다.", "공이 백하루의 몸에 맞았어."),
    (
        *(_T.DEFLECTION, _O.UNKNOWN),
        "백하루의 몸에 맞고 공이 꺾입니다.",
        "백하루의 몸에 맞고 공이 꺾이네.",
    ),
    (_T.ERROR, _O.UNKNOWN, "백하루가 실수를 합니다.", "백하루가 실수를 하네."),
    # The own goal's actor scored it against his team; out names the last toucher.
    (_T.OWN_GOAL, _O.GOAL, "백하루가 자책골을 기록합니다.", "백하루가 자책골을 기록했어."),
    (_T.GOAL, _O.GOAL, "백하루가 골을 넣습니다.", "백하루가 골을 넣었어."),
    (_T.GOAL_CONCEDED, _O.GOAL, "백하루가 골을 허용합니다.", "백하루가 골을 허용했어."),
    (_T.OUT, _O.UNKNOWN, "백하루가 건드린 공이 나갑니다.", "백하루가 건드린 공이 나갔어."),
    # The offside player himself, and the pass that reached one.
    (_T.OFFSIDE, _O.UNKNOWN, "백하루가 오프사이드에 걸립니다.", "백하루가 오프사이드에 걸렸어."),
    (_T.PASS, _O.OFFSIDE, "백하루의 패스가 오프사이드입니다.", "백하루의 패스가 오프사이드야."),
    # The foul's actor is the offender.
    (_T.FOUL, _O.UNKNOWN, "백하루가 반칙을 범합니다.", "백하루가 반칙을 했어."),
    (
        _T.HANDBALL,
        _O.FAILURE,
        "백하루가 핸드볼 반칙을 범합니다.",
        "백하루가 핸드볼 반칙을 했어.",
    ),
    # Played, played to somebody, lost.
    (_T.PASS, _O.UNKNOWN, "백하루가 패스를 시도합니다.", "백하루가 패스를 시도하네."),
    (_T.PASS, _O.SUCCESS, "백하루가 패스를 보냅니다.", "백하루가 패스를 보내네."),
    (_T.PASS, _O.FAILURE, "백하루의 패스가 이어지지 않습니다.", "백하루의 패스가 이어지지 않았어."),
    (_T.CORNER, _O.UNKNOWN, "백하루가 코너킥을 찹니다.", "백하루가 코너킥을 차네."),
    (_T.DUEL, _O.SUCCESS, "백하루가 경합을 이겨 냅니다.", "백하루가 경합을 이겨 냈어."),
    (_T.TAKE_ON, _O.FAILURE, "백하루의 돌파가 통하지 않습니다.", "백하루의 돌파가 통하지 않았어."),
    (_T.PAUSE, _O.UNKNOWN, "경기가 잠시 멈춥니다.", "경기가 잠시 멈췄어."),
]


@pytest.mark.parametrize(("type_", "outcome", "formal", "plain"), MEANT)
def test_a_line_says_what_the_provider_s_word_means_and_no_more(type_, outcome, formal, plain):
    assert told(type=type_, outcome=outcome) == formal
    assert told(Persona.ANALYST, type=type_, outcome=outcome) == formal
    assert told(Persona.FRIEND, type=type_, outcome=outcome) == plain


@pytest.mark.parametrize(
    ("card", "formal", "plain"),
    [
        (Card.YELLOW, "경고를 받습니다.", "경고를 받았어."),
        (
            Card.SECOND_YELLOW,
            "두 번째 경고를 받고 퇴장당합니다.",
            "두 번째 경고를 받고 퇴장당했어.",
        ),
        (Card.RED, "퇴장당합니다.", "퇴장당했어."),
    ],
)
@pytest.mark.parametrize(
    ("type_", "cause"),
    [
        (_T.FOUL, "반칙으로 "),
        (_T.HANDBALL, "핸드볼 반칙으로 "),
        (_T.FOUL_THROW, "스로인 반칙으로 "),
        (_T.OTHER, ""),
    ],
)
def test_a_card_is_told_with_its_colour_and_why(type_, cause, card, formal, plain):
    assert told(type=type_, card=card) == f"백하루가 {cause}{formal}"
    assert told(Persona.FRIEND, type=type_, card=card) == f"백하루가 {cause}{plain}"


def test_a_receiver_and_a_place_are_told():
    place = Zone(Third.FINAL, Lane.LEFT)
    full = {"receiver": NURI, "start": place}
    assert told(**full) == "백하루가 상대 진영 왼쪽에서 윤누리에게 패스를 보냅니다."
    assert told(Persona.FRIEND, receiver=NURI) == "백하루가 윤누리한테 패스를 보내네."
    assert told(type=_T.TACKLE, start=Zone(Third.OWN, None)) == (
        "백하루가 자기 진영에서 태클에 성공합니다."
    )


def test_a_penalty_needs_no_place():
    box = Zone(Third.BOX, Lane.CENTRE)
    for outcome in Outcome:
        for text in all_told(type=_T.PENALTY, outcome=outcome, start=box):
            assert "박스" not in text


@pytest.mark.parametrize(
    ("person", "subject"),
    [
        (Person("백하루", "가온"), "백하루가"),
        (Person("Hwang", "가온"), "Hwang 선수가"),
        (Person("HWANG", "가온"), "HWANG 선수가"),
        (Person("José Peña", "가온"), "Jose Pena 선수가"),
        (Person("백하루 KR", "가온"), "백하루 KR이"),
        (Person("선수 10", "가온"), "선수 10이"),
        (Person(None, "가온"), "가온 선수가"),
        (Person("วีระ", "가온"), "가온 선수가"),
        (Person(None, "岡田", None, Team.HOME), "홈팀 선수가"),
        (Person(None, None, None, Team.AWAY), "원정팀 선수가"),
        (NOBODY, "한 선수가"),
    ],
)
def test_the_subject_is_the_player_else_his_team_else_somebody(person, subject):
    assert told(actor=person) == f"{subject} 패스를 보냅니다."


def test_a_latin_receiver_has_his_noun_too():
    assert told(receiver=Person("Silva", "가온")) == "백하루가 Silva 선수에게 패스를 보냅니다."


@pytest.mark.parametrize(
    ("type_", "of_a_team", "of_nobody"),
    [
        (_T.OTHER, "가온의 플레이 장면입니다.", "플레이 장면입니다."),
        (_T.OUT, "가온이 건드린 공이 나갑니다.", "공이 밖으로 나갑니다."),
        (_T.PAUSE, "경기가 잠시 멈춥니다.", "경기가 잠시 멈춥니다."),
        (_T.GOAL_CONCEDED, "가온이 골을 허용합니다.", "골을 허용합니다."),
        (_T.KEEPER_PARRY, "가온 골키퍼가 공을 쳐 냅니다.", "골키퍼가 공을 쳐 냅니다."),
        (_T.FOUL, "가온 선수가 반칙을 범합니다.", "한 선수가 반칙을 범합니다."),
    ],
)
def test_a_player_is_spoken_of_only_where_there_must_have_been_one(type_, of_a_team, of_nobody):
    assert told(type=type_, actor=Person(None, "가온")) == of_a_team
    assert told(type=type_, actor=NOBODY) == of_nobody


@pytest.mark.parametrize(
    ("card", "text"),
    [
        (Card.YELLOW, "경고 장면입니다."),
        (Card.SECOND_YELLOW, "경고 누적 퇴장 장면입니다."),
        (Card.RED, "퇴장 장면입니다."),
    ],
)
def test_a_card_of_nobody_s_is_told_as_a_card(card, text):
    assert told(type=_T.OTHER, word="카드", card=card, actor=NOBODY) == text


def test_a_latin_team_has_a_noun_too():
    conceded = {"type": _T.GOAL_CONCEDED, "actor": Person(None, "Gaon")}
    assert told(**conceded) == "Gaon 팀이 골을 허용합니다."


@pytest.mark.parametrize(
    ("label", "budget", "outcome", "text"),
    [
        ("압박", 20, _O.UNKNOWN, "백하루의 압박 장면입니다."),
        ("압박", 20, _O.FAILURE, "백하루의 압박이 실패로 끝납니다."),
        ("Through", 40, _O.FAILURE, "백하루의 Through 플레이가 실패로 끝납니다."),
        ("シュート", 20, _O.UNKNOWN, "백하루의 플레이 장면입니다."),
        ("아주 길고 긴 상표 이름", 16, _O.UNKNOWN, "백하루의 플레이 장면입니다."),
        ("아주 길고 긴 상표 이름", 16, _O.FAILURE, "백하루의 플레이가 실패로 끝납니다."),
    ],
)
def test_a_label_that_cannot_be_said_in_time_is_a_play(label, budget, outcome, text):
    assert told(type=_T.OTHER, word=label, budget=budget, outcome=outcome) == text


def test_a_label_too_short_for_a_sentence_is_a_play_too():
    assert told(Persona.FRIEND, type=_T.OTHER, word="킥", actor=NOBODY) == "플레이 장면이야."


@pytest.mark.parametrize("tone", sorted(set(Tone) - {Tone.QUESTION}))
def test_a_loud_tone_has_an_exclamation_mark(tone):
    loud = tone in {Tone.EXCITED, Tone.ANGRY, Tone.EMPHASIS}
    for tones in [(tone,), (Tone.QUESTION, tone)]:
        spoken, text = line(fact(tones=tones), Persona.CASTER)
        assert spoken is tone
        assert text.endswith("!" if loud else ".")


@TYPES
def test_every_action_can_be_stated(type_):
    """The plain line asks nothing, so no action may have questions only."""
    for outcome, card in product(Outcome, [None, *Card]):
        meaning = Meaning(type_, WORDS[type_], outcome, card, None)
        assert set(delivery.tones(meaning, (None, None))) - {Tone.QUESTION}


@given(any_facts, st.sampled_from(Persona))
def test_any_fact_gives_a_line_that_the_grammar_admits(any_fact, persona):
    tone, text = line(any_fact, persona)
    assert tone in any_fact.tones
    assert is_sentence(text, tone)
    assert syllables(text) >= MIN_SYLLABLES


@PERSONAS
@TYPES
def test_places_and_receivers_go_before_the_budget_does(type_, persona):
    """Whoever acted, the shortest budget that his action can have is enough for its line."""
    outcomes = set(Outcome) if type_ in PASSES else set(Outcome) - {_O.OFFSIDE}
    for outcome, card, actor in product(outcomes, [None, *Card], PEOPLE):
        meaning = Meaning(type_, WORDS[type_], outcome, card, None)
        salience = delivery.salience(meaning, (None, None), told=False)
        names = tuple(name for name in [actor.name or actor.team] if name)
        budget = delivery.budget(salience, 0.1, names)
        made = {"outcome": outcome, "card": card, "actor": actor, "budget": budget}
        _, text = line(fact(type=type_, word=WORDS[type_], **made), persona)
        assert syllables(text) <= budget


@pytest.mark.parametrize(
    ("budget", "text"),
    [
        (22, "백하루가 중원 왼쪽에서 윤누리에게 패스를 보냅니다."),
        (21, "백하루가 윤누리에게 패스를 보냅니다."),
        (15, "백하루가 패스를 보냅니다."),
        (1, "백하루가 공을 건넵니다."),
    ],
)
def test_the_place_goes_first_then_the_receiver_and_the_actor_never(budget, text):
    assert line(fact(budget=budget), Persona.CASTER)[1] == text


@pytest.mark.parametrize(
    ("actor", "full", "short"),
    [
        (Person("Hwang", "가온"), "Hwang 선수의", "Hwang의"),
        (Person(None, "가온"), "가온 선수의", "가온의"),
    ],
)
def test_a_possessor_s_noun_goes_where_the_budget_is_short(actor, full, short):
    failed = {"outcome": _O.FAILURE, "actor": actor}
    assert told(**failed) == f"{full} 패스가 이어지지 않습니다."
    room = syllables(told(**failed)) - 1
    assert told(**failed, budget=room) == f"{short} 패스가 이어지지 않습니다."


@PERSONAS
def test_the_lines_of_a_request_are_within_their_budgets(persona):
    for told_fact in facts_of(CommentaryRequest.parse(request_document())):
        tone, text = line(told_fact, persona)
        assert parse_line(f"{LETTERS[tone]}|{text}", told_fact)


def outcomes_of(type_):
    """The outcomes that a type has phrasings of its own for."""
    return sayings.SAYINGS[type_]


@TYPES
def test_there_are_four_phrasings_for_what_comes_often_and_two_for_the_rest(type_):
    for outcome in outcomes_of(type_):
        assert variants(bare(type=type_, outcome=outcome)) >= (4 if type_ in FREQUENT else 2)


@pytest.mark.parametrize(
    "changes",
    [
        *({"type": _T.FOUL, "card": card} for card in Card),
        *({"type": type_, "outcome": _O.OFFSIDE} for type_ in PASSES),
        *({"type": _T.GOAL, "told_by": told_by} for told_by in (_T.SHOT, _T.OWN_GOAL)),
        {"type": _T.GOAL_CONCEDED, "told_by": _T.SHOT},
    ],
)
def test_cards_offsides_and_told_goals_have_two_phrasings_at_least(changes):
    assert variants(bare(**changes)) >= 2
    assert len(set(all_told(**changes))) == variants(bare(**changes))


@PERSONAS
@TYPES
def test_variants_differ_where_there_is_room(type_, persona):
    """Whoever acted, and whether or not the fact knows any place."""
    place = {"start": Zone(Third.FINAL, Lane.LEFT), "end": Zone(Third.BOX, Lane.CENTRE)}
    for outcome, actor, places in product(outcomes_of(type_), PEOPLE, [{}, place]):
        texts = all_told(persona, type=type_, outcome=outcome, actor=actor, **places)
        assert len(set(texts)) == len(texts)


@PERSONAS
@pytest.mark.parametrize("type_", sorted(FREQUENT))
def test_ten_in_a_row_do_not_sound_like_a_machine(type_, persona):
    """Even where all are pressed for time: neighbours differ, and none comes more than thrice."""
    for outcome in outcomes_of(type_):
        meaning = Meaning(type_, WORDS[type_], outcome, None, None)
        value = delivery.salience(meaning, (None, None), told=False)
        pressed = bare(type=type_, outcome=outcome, budget=delivery.budget(value, 0.1, ("백하루",)))
        texts = [line(pressed, persona, variant)[1] for variant in range(10)]
        assert all(one != other for one, other in pairwise(texts))
        assert max(map(texts.count, texts)) <= 3


@PERSONAS
@TYPES
def test_a_variant_is_always_the_same_and_comes_round(type_, persona):
    made = bare(type=type_)
    count = variants(made)
    for variant in range(count):
        assert line(made, persona, variant) == line(made, persona, variant + count)


def test_an_analyst_shows_scenes_and_a_caster_marvels():
    """Both now and then, so that neither becomes a habit."""
    shot = {"type": _T.SHOT, "outcome": _O.OFF_TARGET, "tones": (Tone.EXCITED,)}
    assert all_told(Persona.ANALYST, **shot) == [
        "백하루의 슛이 골문을 벗어납니다!",
        "백하루가 때린 슛이 빗나가는 모습입니다!",
        "백하루의 슛이 골문을 외면하는 장면입니다!",
        "백하루의 슛이 골문 밖으로 나갑니다!",
    ]
    assert all_told(Persona.CASTER, **shot)[2] == "백하루의 슛이 골문을 외면하네요!"
    assert all_told(Persona.FRIEND, **shot)[2] == "백하루의 슛이 골문을 외면했어!"


def test_an_analyst_s_ending_goes_before_anything_that_he_says():
    long = {"variant": 1, "type": _T.TACKLE, "start": Zone(Third.OWN, None)}
    assert told(Persona.ANALYST, **long) == "백하루가 자기 진영에서 태클을 성공시키는 모습입니다."
    assert told(Persona.ANALYST, **long, budget=19) == "백하루가 자기 진영에서 태클을 성공시킵니다."


@PERSONAS
@TYPES
def test_places_are_those_of_the_fact_and_only_those(type_, persona):
    """Where it began is …에서, where it went …으로; what the fact lacks is not said."""
    where, into = Zone(Third.OWN, Lane.LEFT), Zone(Third.MIDDLE, Lane.RIGHT)
    for outcome in outcomes_of(type_):
        for text in all_told(persona, type=type_, outcome=outcome, start=where, end=into):
            assert text.count("왼쪽") == text.count("자기 진영 왼쪽에서 ")
            assert text.count("오른쪽") == text.count("중원 오른쪽으로 ")
        for text in all_told(persona, type=type_, outcome=outcome):
            assert not any(word in text for word in ("진영", "중원", "박스", "왼쪽", "오른쪽"))
            assert not any(word in text for word in ("앞으로", "뒤로", "옆으로", "길게", "짧게"))


@pytest.mark.parametrize(
    ("type_", "variant", "changes", "text"),
    [
        (
            *(_T.PASS, 1),
            {"direction": Direction.BACKWARD, "distance": Distance.SHORT, "receiver": NURI},
            "백하루가 윤누리에게 뒤로 짧게 패스를 연결합니다.",
        ),
        (
            *(_T.PASS, 2),
            {"end": Zone(Third.BOX, Lane.CENTRE)},
            "백하루의 패스가 상대 페널티 박스 안으로 이어집니다.",
        ),
        (_T.PASS, 2, {"receiver": NURI}, "백하루의 패스가 윤누리에게 이어집니다."),
        (
            *(_T.CARRY, 1),
            {"direction": Direction.FORWARD, "distance": Distance.LONG},
            "백하루가 앞으로 길게 드리블합니다.",
        ),
        (
            *(_T.CARRY, 2),
            {"end": Zone(Third.FINAL, Lane.RIGHT)},
            "백하루가 상대 진영 오른쪽으로 공을 끌고 갑니다.",
        ),
    ],
)
def test_the_way_and_the_end_are_told_where_they_are_known(type_, variant, changes, text):
    assert told(variant=variant, type=type_, **changes) == text


@PERSONAS
@pytest.mark.parametrize("piece", SetPiece)
@pytest.mark.parametrize("type_", [_T.PASS, _T.CROSS, _T.SHOT])
def test_a_dead_ball_is_told_in_some_phrasing(type_, piece, persona):
    for outcome in outcomes_of(type_):
        texts = all_told(persona, type=type_, outcome=outcome, set_piece=piece)
        assert any(words.SET_PIECE[piece] in text for text in texts)
        plain = all_told(persona, type=type_, outcome=outcome)
        assert not any(name in text for text in plain for name in words.SET_PIECE.values())


def test_a_kick_off_is_told_as_one():
    assert told(set_piece=SetPiece.KICK_OFF) == "백하루가 킥오프 패스를 보냅니다."
    corner = {"type": _T.SHOT, "outcome": _O.OFF_TARGET, "set_piece": SetPiece.CORNER}
    assert told(variant=2, **corner) == "코너킥 상황에서 백하루의 슛이 골문을 외면합니다."


def briefly(**changes):
    """The word or two for a bare fact with `changes`, in the budget of such."""
    made = bare(**changes)
    names = tuple(name for name in [made.actor.name or made.actor.team] if name)
    made = bare(**changes | {"brief": True, "budget": delivery.brief_budget(names)})
    return line(made, Persona.CASTER)[1]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "백하루, 패스."),
        ({"outcome": _O.FAILURE}, "백하루, 패스 실패."),
        ({"outcome": _O.OFFSIDE}, "백하루, 패스, 오프사이드."),
        ({"type": _T.INTERCEPTION, "outcome": _O.UNKNOWN}, "백하루, 가로채기."),
        ({"type": _T.TAKE_ON, "outcome": _O.UNKNOWN}, "백하루, 돌파 시도."),
        ({"type": _T.SHOT, "outcome": _O.OFF_TARGET}, "백하루, 슛 빗나감."),
        ({"type": _T.SHOT, "outcome": _O.BLOCKED}, "백하루, 수비에 막힌 슛."),
        ({"type": _T.KEEPER_CATCH, "outcome": _O.UNKNOWN}, "백하루, 선방."),
        ({"type": _T.FOUL, "card": Card.YELLOW}, "백하루, 경고."),
        ({"type": _T.GOAL, "told_by": _T.SHOT}, "백하루, 득점 공식 기록."),
        (
            {"type": _T.GOAL, "told_by": _T.OWN_GOAL, "scoring_team": "누리"},
            "누리, 득점 공식 기록.",
        ),
        ({"type": _T.PAUSE}, "경기 중단."),
        ({"type": _T.SHOT, "outcome": _O.UNKNOWN, "actor": NOBODY}, "슛 시도."),
        ({"actor": Person(None, "가온")}, "가온, 패스."),
        ({"type": _T.OTHER, "word": "아주 길고 긴 상표 이름"}, "백하루, 플레이."),
    ],
)
def test_a_brief_line_is_who_and_what_and_what_must_not_mislead(changes, text):
    assert briefly(**changes) == text


@TYPES
def test_a_brief_line_is_the_same_for_all_and_fits(type_):
    outcomes = set(Outcome) if type_ in PASSES else set(Outcome) - {_O.OFFSIDE}
    for outcome, card, told_by, actor in product(
        outcomes, [None, *Card], [None, _T.SHOT, _T.OWN_GOAL], PEOPLE
    ):
        made = {"type": type_, "outcome": outcome, "card": card, "told_by": told_by}
        names = tuple(name for name in [actor.name or actor.team] if name)
        budget = delivery.brief_budget(names)
        brief = bare(**made, actor=actor, brief=True, budget=budget)
        said = {line(brief, persona, variant) for persona in Persona for variant in range(3)}
        assert len(said) == variants(brief) == 1
        text = said.pop()[1]
        assert is_sentence(text, Tone.DEFAULT)
        assert MIN_BRIEF <= syllables(text) <= budget


@PERSONAS
@given(any_facts, st.integers(0, 20))
def test_any_variant_of_any_fact_is_a_line_that_the_grammar_admits(persona, any_fact, variant):
    tone, text = line(any_fact, persona, variant)
    assert is_sentence(text, tone)
    assert syllables(text) >= MIN_SYLLABLES
