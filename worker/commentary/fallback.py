"""A plain, correct line made from a fact alone, for when the model gave none.

One table says what each action looks like, in a stem that both speech levels share and the two
endings. A saying without an entry for the outcome at hand falls back to the one that claims least.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from worker.commentary import words
from worker.commentary.korean import UNIT, particle, syllables
from worker.commentary.lines import is_sentence
from worker.football.facts import Fact, Person
from worker.football.schema import Persona
from worker.football.vocabulary import ActionType, Card, Outcome, Tone


class _Saying(NamedTuple):
    """A sentence without its mark: stem with slots, 합쇼체 ending, 반말 ending.

    Slots: {이} the actor as subject, {의} as possessor, {word} the action's word, {word이} the same
    as subject; and details that may be empty: {where}, {to} (the receiver), {by} (why a card).
    """

    stem: str
    formal: str
    plain: str


_Sayings = dict[Outcome, _Saying]


def _kick(noun: str, done: str, done_plain: str) -> _Sayings:
    """A dead ball or a cross: played, played to somebody, or lost. `noun` ends in a consonant."""
    return {
        Outcome.UNKNOWN: _Saying(f"{{이}} {noun}을 ", done, done_plain),
        Outcome.SUCCESS: _Saying(f"{{이}} {{to}}{noun}을 ", "연결합니다", "연결해"),
        Outcome.FAILURE: _Saying(f"{{의}} {noun}이 ", "이어지지 않습니다", "이어지지 않아"),
    }


def _shot(noun: str, done: str, done_plain: str) -> _Sayings:
    """A shot of some kind. On target is no goal, and blocked is not saved."""
    return {
        Outcome.UNKNOWN: _Saying(f"{{이}} {{where}}{noun}을 ", done, done_plain),
        Outcome.GOAL: _Saying(f"{{이}} {{where}}{noun}으로 골을 ", "넣습니다", "넣어"),
        Outcome.ON_TARGET: _Saying(f"{{의}} {noun}이 골문으로 ", "향합니다", "향해"),
        Outcome.OFF_TARGET: _Saying(f"{{의}} {noun}이 골문을 ", "벗어납니다", "벗어나"),
        Outcome.BLOCKED: _Saying(f"{{의}} {noun}이 수비에 ", "막힙니다", "막혀"),
        Outcome.LOW_QUALITY: _Saying(f"{{이}} 약한 {noun}을 ", done, done_plain),
        Outcome.KEEPER_RUSH_OUT: _Saying(f"{{이}} 나온 골키퍼 앞에서 {noun}을 ", done, done_plain),
        Outcome.FAILURE: _Saying(f"{{의}} {noun}이 골로 ", "이어지지 않습니다", "이어지지 않아"),
    }


def _always(stem: str, formal: str, plain: str) -> _Sayings:
    """What is the same whatever a provider gives as its result (SPADL calls a foul a `fail`)."""
    return dict.fromkeys((Outcome.UNKNOWN, Outcome.FAILURE), _Saying(stem, formal, plain))


def _done(stem: str, formal: str, plain: str, undone: str) -> _Sayings:
    """What the action's own word says was done; `undone` is its verb before 못하다."""
    return {
        Outcome.UNKNOWN: _Saying(stem, formal, plain),
        Outcome.FAILURE: _Saying(f"{stem}{undone} ", "못합니다", "못해"),
    }


_OFFSIDE = _Saying("{의} {word이} 오프사이드에 ", "걸립니다", "걸려")
_ASKED = _Saying("{의} {word} ", "장면일까요", "장면일까")

_SAYINGS: dict[ActionType, _Sayings] = {
    ActionType.PASS: {
        Outcome.UNKNOWN: _Saying("{이} {where}{to}패스를 ", "시도합니다", "시도해"),
        Outcome.SUCCESS: _Saying("{이} {where}{to}패스를 ", "보냅니다", "보내"),
        Outcome.FAILURE: _Saying("{의} 패스가 ", "이어지지 않습니다", "이어지지 않아"),
    },
    ActionType.CROSS: {
        Outcome.UNKNOWN: _Saying("{이} {where}크로스를 ", "올립니다", "올려"),
        Outcome.SUCCESS: _Saying("{이} {where}{to}크로스를 ", "연결합니다", "연결해"),
        Outcome.FAILURE: _Saying("{의} 크로스가 ", "이어지지 않습니다", "이어지지 않아"),
    },
    ActionType.THROW_IN: _kick("스로인", "던집니다", "던져"),
    ActionType.FREEKICK_PASS: _kick("프리킥", "찹니다", "차"),
    ActionType.CORNER: _kick("코너킥", "찹니다", "차"),
    ActionType.GOAL_KICK: _kick("골킥", "찹니다", "차"),
    ActionType.RECEIVE: _done("{이} {where}공을 ", "받습니다", "받아", "받지"),
    ActionType.CARRY: _done("{이} {where}공을 ", "몰고 갑니다", "몰고 가", "몰고 가지"),
    ActionType.TAKE_ON: {
        Outcome.UNKNOWN: _Saying("{이} {where}돌파를 ", "시도합니다", "시도해"),
        Outcome.SUCCESS: _Saying("{이} {where}상대를 ", "제칩니다", "제쳐"),
        Outcome.FAILURE: _Saying("{의} 돌파가 ", "통하지 않습니다", "통하지 않아"),
    },
    ActionType.SHOT: _shot("슛", "때립니다", "때려"),
    ActionType.SHOT_FREEKICK: _shot("프리킥 슛", "때립니다", "때려"),
    ActionType.PENALTY: _shot("페널티킥", "찹니다", "차"),
    ActionType.GOAL: _always("{이} 골을 ", "넣습니다", "넣어"),
    ActionType.OWN_GOAL: _always("{이} 자책골을 ", "기록합니다", "기록해"),
    ActionType.GOAL_CONCEDED: _always("{이} 골을 ", "내줍니다", "내줘"),
    ActionType.TACKLE: {
        Outcome.UNKNOWN: _Saying("{이} {where}태클을 ", "시도합니다", "시도해"),
        Outcome.SUCCESS: _Saying("{이} {where}태클에 ", "성공합니다", "성공해"),
        Outcome.FAILURE: _Saying("{의} 태클이 ", "통하지 않습니다", "통하지 않아"),
    },
    ActionType.DUEL: {
        Outcome.UNKNOWN: _Saying("{이} {where}공을 두고 ", "다툽니다", "다퉈"),
        Outcome.SUCCESS: _Saying("{이} {where}경합을 ", "이겨 냅니다", "이겨 내"),
        Outcome.FAILURE: _Saying("{이} {where}경합을 이기지 ", "못합니다", "못해"),
    },
    ActionType.INTERCEPTION: _done("{이} {where}공을 ", "가로챕니다", "가로채", "가로채지"),
    # A touch that wins no possession, whether it is called failed or not.
    ActionType.INTERVENTION: _always("{이} {where}공을 ", "건드립니다", "건드려"),
    ActionType.RECOVERY: _done("{이} {where}흐른 공을 ", "따냅니다", "따내", "따내지"),
    ActionType.CLEARANCE: _done("{이} {where}공을 ", "걷어 냅니다", "걷어 내", "걷어 내지"),
    ActionType.BLOCK: _done("{이} {where}상대 공을 ", "막아 냅니다", "막아 내", "막아 내지"),
    # A save; only the feed's Catch says that it was held as well.
    ActionType.KEEPER_CATCH: {
        **_done("{이} {where}공을 ", "막아 냅니다", "막아 내", "막아 내지"),
        Outcome.SUCCESS: _Saying("{이} {where}공을 ", "잡아 냅니다", "잡아 내"),
    },
    ActionType.KEEPER_PARRY: _done("{이} {where}공을 ", "쳐 냅니다", "쳐 내", "쳐 내지"),
    ActionType.KEEPER_CLAIM: _done("{이} {where}높은 공을 ", "처리합니다", "처리해", "처리하지"),
    ActionType.KEEPER_SWEEP: _done("{이} 나와서 수비를 ", "돕습니다", "도와", "돕지"),
    ActionType.ERROR: _always("{이} {where}실수를 ", "합니다", "해"),
    ActionType.DEFLECTION: _always("{의} 몸에 맞고 공이 ", "꺾입니다", "꺾여"),
    ActionType.HIT: _always("공이 {의} 몸에 ", "맞습니다", "맞아"),
    ActionType.FOUL: _always("{이} {where}반칙을 ", "범합니다", "저질러"),
    ActionType.HANDBALL: _always("{이} 핸드볼 반칙을 ", "범합니다", "저질러"),
    ActionType.FOUL_THROW: _always("{이} 스로인 반칙을 ", "범합니다", "저질러"),
    ActionType.OFFSIDE: _always("{이} 오프사이드에 ", "걸립니다", "걸려"),
    ActionType.OUT: _always("{이} 건드린 공이 ", "나갑니다", "나가"),
    ActionType.PAUSE: _always("경기가 잠시 ", "멈춥니다", "멈춰"),
    ActionType.OTHER: {
        Outcome.UNKNOWN: _Saying("{의} {word} ", "장면입니다", "장면이야"),
        Outcome.FAILURE: _Saying("{의} {word이} ", "실패로 끝납니다", "실패로 끝나"),
    },
}

# The goal that the row before has told: recorded, not scored once more.
_TOLD = {
    ActionType.GOAL: _Saying("{의} 득점으로 ", "기록됩니다", "기록돼"),
    ActionType.GOAL_CONCEDED: _Saying("{의} 실점으로 ", "기록됩니다", "기록돼"),
}

_CARDS = {
    Card.YELLOW: _Saying("{이} {by}경고를 ", "받습니다", "받아"),
    Card.SECOND_YELLOW: _Saying("{이} {by}두 번째 경고를 받고 ", "퇴장당합니다", "퇴장당해"),
    Card.RED: _Saying("{이} {by}", "퇴장당합니다", "퇴장당해"),
}

_CARD_CAUSES = {
    ActionType.FOUL: "반칙으로 ",
    ActionType.HANDBALL: "핸드볼 반칙으로 ",
    ActionType.FOUL_THROW: "스로인 반칙으로 ",
}

_LOUD = frozenset({Tone.EXCITED, Tone.ANGRY, Tone.EMPHASIS})

# What is left out first where the budget is short; the actor and what he does never are.
_SHORTER = ((), ("where",), ("where", "to"), ("where", "to", "by"))


def line(fact: Fact, persona: Persona) -> tuple[Tone, str]:
    """The fact as one sentence within its budget, in 합쇼체, or in 반말 for FRIEND.

    The line grammar admits it. Only a name too long for the budget makes it longer than that.
    """
    tone = next((tone for tone in fact.tones if tone is not Tone.QUESTION), Tone.QUESTION)
    sentences = list(_sentences(fact, tone, persona))
    fitting = (text for text in sentences if syllables(text) <= fact.budget)
    return tone, next(fitting, sentences[-1])


def _sentences(fact: Fact, tone: Tone, persona: Persona) -> Iterator[str]:
    """The same sentence from its fullest to its barest form."""
    saying = _ASKED if tone is Tone.QUESTION else _saying(fact)
    template = saying.stem + (saying.plain if persona is Persona.FRIEND else saying.formal)
    slots, details = _slots(fact), _details(fact, persona)
    for left_out in _SHORTER:
        kept = {name: "" if name in left_out else text for name, text in details.items()}
        yield template.format_map(slots | kept) + _mark(tone)


def _saying(fact: Fact) -> _Saying:
    if fact.goal_already_told and fact.type in _TOLD:
        return _TOLD[fact.type]
    if fact.card:
        return _CARDS[fact.card]
    sayings = _SAYINGS[fact.type]
    if fact.outcome is Outcome.OFFSIDE:
        return _OFFSIDE
    return sayings.get(fact.outcome, sayings[Outcome.UNKNOWN])


def _slots(fact: Fact) -> dict[str, str]:
    actor = _actor(fact.actor)
    word = speakable(fact.word) or "플레이"
    return {
        "이": particle(actor, "이/가"),
        "의": f"{actor}의",
        "word": word,
        "word이": particle(word, "이/가"),
    }


def _details(fact: Fact, persona: Persona) -> dict[str, str]:
    receiver = speakable(fact.receiver.name) if fact.receiver else None
    to = "한테" if persona is Persona.FRIEND else "에게"
    return {
        "where": f"{words.zone(fact.start)}에서 " if fact.start else "",
        "to": f"{receiver}{to} " if receiver else "",
        "by": _CARD_CAUSES.get(fact.type, ""),
    }


def _actor(person: Person) -> str:
    """The player; else somebody of the team; else somebody."""
    side = f"{words.SIDE[person.side]}팀" if person.side else "한"
    return speakable(person.name) or f"{speakable(person.team) or side} 선수"


def _mark(tone: Tone) -> str:
    if tone is Tone.QUESTION:
        return "?"
    return "!" if tone in _LOUD else "."


def speakable(name: str | None) -> str | None:
    """`name` as a line may hold it; None if nothing is left of it or it is in another script.

    Accents go (José is Jose), so does what stands in brackets; other marks that the grammar lacks
    become spaces.
    """
    if name is None:
        return None
    decomposed = unicodedata.normalize("NFKD", name)
    bare = "".join(mark for mark in decomposed if not unicodedata.combining(mark))
    text = re.sub(r"\s*\([^)]*\)", "", unicodedata.normalize("NFC", bare))
    if is_sentence(f"{text}.", Tone.DEFAULT):
        return text
    if any(character.isalpha() for character in re.sub(UNIT, "", text)):
        return None
    return " ".join(re.findall(f"{UNIT}+", text)) or None
