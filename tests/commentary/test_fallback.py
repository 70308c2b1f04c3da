from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.commentary.made import NURI, any_facts, fact
from tests.rows import request_document
from worker.commentary.fallback import line
from worker.commentary.korean import syllables
from worker.commentary.lines import LETTERS, MIN_SYLLABLES, is_sentence, parse_line
from worker.football import delivery
from worker.football.facts import Lane, Person, Team, Third, Zone, facts_of
from worker.football.schema import CommentaryRequest, Persona
from worker.football.vocabulary import PASSES, WORDS, ActionType, Card, Meaning, Outcome, Tone

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


def told(persona=Persona.CASTER, **changes):
    """The line for a bare fact with `changes`."""
    type_ = changes.get("type", _T.PASS)
    bare = {"word": WORDS[type_], "start": None, "receiver": None, "budget": 45}
    return line(fact(**bare | changes), persona)[1]


def is_banmal(text):
    """Whether a sentence tells as a friend does: …네, …어, …야; a bare 차 or 막아 commands."""
    return text[-2] in "네어야" and not text[:-1].endswith(("다", "요", "죠"))


@PERSONAS
@TYPES
def test_every_action_and_outcome_has_a_sentence_in_the_persona_s_level(type_, persona):
    for outcome, card, told_by in product(Outcome, [None, *Card], [None, _T.SHOT, _T.OWN_GOAL]):
        for actor in PEOPLE:
            text = told(
                persona, type=type_, outcome=outcome, card=card, told_by=told_by, actor=actor
            )
            assert is_sentence(text, Tone.DEFAULT)
            assert text.endswith("니다.") is (persona is not Persona.FRIEND)
            assert is_banmal(text) is (persona is Persona.FRIEND)


@TYPES
def test_the_actor_is_named(type_):
    for outcome, card in product(Outcome, [None, *Card]):
        text = told(type=type_, outcome=outcome, card=card)
        assert "백하루" in text or type_ is _T.PAUSE


@PERSONAS
@pytest.mark.parametrize("type_", sorted(set(ActionType) - MISHAPS))
def test_a_failure_is_told_as_one(type_, persona):
    text = told(persona, type=type_, outcome=_O.FAILURE)
    assert any(word in text for word in ("않", "못", "실패", "놓"))


@PERSONAS
@TYPES
def test_a_goal_is_told_only_of_a_goal(type_, persona):
    for outcome in Outcome:
        text = told(persona, type=type_, outcome=outcome)
        scored = any(phrase in text for phrase in ("골을 넣", "자책골을", "골을 허용"))
        goal = type_ in (_T.GOAL, _T.OWN_GOAL, _T.GOAL_CONCEDED)
        shot = type_ in (_T.SHOT, _T.SHOT_FREEKICK, _T.PENALTY) and outcome is _O.GOAL
        assert scored is (outcome is not _O.OFFSIDE and (goal or shot))


@PERSONAS
@pytest.mark.parametrize("type_", [_T.GOAL, _T.GOAL_CONCEDED])
def test_a_goal_told_already_is_recorded_not_scored_again(type_, persona):
    text = told(persona, type=type_, outcome=_O.GOAL, told_by=_T.SHOT)
    assert "백하루의" in text
    assert "기록" in text
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
    (_T.SHOT, _O.GOAL, "백하루가 슛으로 골을 넣습니다.", "백하루가 슛으로 골을 넣네."),
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
    (_T.OWN_GOAL, _O.GOAL, "백하루가 자책골을 기록합니다.", "백하루가 자책골을 넣었어."),
    (_T.GOAL, _O.GOAL, "백하루가 골을 넣습니다.", "백하루가 골을 넣네."),
    (_T.GOAL_CONCEDED, _O.GOAL, "백하루가 골을 허용합니다.", "백하루가 골을 허용했어."),
    (_T.OUT, _O.UNKNOWN, "백하루가 건드린 공이 나갑니다.", "백하루가 건드린 공이 나갔어."),
    # The offside player himself, and the pass that reached one.
    (_T.OFFSIDE, _O.UNKNOWN, "백하루가 오프사이드에 걸립니다.", "백하루가 오프사이드에 걸렸어."),
    (_T.PASS, _O.OFFSIDE, "백하루의 패스가 오프사이드입니다.", "백하루의 패스가 오프사이드야."),
    # The foul's actor is the offender.
    (_T.FOUL, _O.UNKNOWN, "백하루가 반칙을 범합니다.", "백하루가 반칙을 저질렀어."),
    (
        _T.HANDBALL,
        _O.FAILURE,
        "백하루가 핸드볼 반칙을 범합니다.",
        "백하루가 핸드볼 반칙을 저질렀어.",
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
        assert "박스" not in told(type=_T.PENALTY, outcome=outcome, start=box)


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
        (1, "백하루가 패스를 보냅니다."),
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
