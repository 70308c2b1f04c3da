"""A plain, correct line made from a fact alone, for when the model gave none.

One table says what each action looks like, in a stem that both speech levels share and the two
endings. A saying without an entry for the outcome at hand falls back to the one that claims least.
"""

from collections.abc import Iterator
from typing import NamedTuple

from worker.commentary import names, words
from worker.commentary.korean import particle, syllables, titled
from worker.commentary.lines import MIN_SYLLABLES
from worker.football.facts import Fact
from worker.football.schema import Persona
from worker.football.vocabulary import ActionType, Card, Outcome, Tone


class _Saying(NamedTuple):
    """A sentence without its mark: stem with slots, 합쇼체 ending, 반말 ending.

    The 반말 tells a match as a friend does (차네, 막혔어, 장면이야): the bare 차, 막아 of a verb is
    what one shouts at a player.

    Slots, each with the space that follows it: {이} the actor as subject, {의} as possessor;
    {touched} the ball that he touched; {for} the team that a goal counts for; {word} the action's
    word, {word이} the same as subject; {where}, {to} (the receiver), {by} (why a card). All but
    {word} may be empty.
    """

    stem: str
    formal: str
    plain: str


_Sayings = dict[Outcome, _Saying]


def _kick(noun: str, done: str, done_plain: str) -> _Sayings:
    """A dead ball: played, played to somebody, or lost. `noun` ends in a consonant."""
    return {
        Outcome.UNKNOWN: _Saying(f"{{이}}{noun}을 ", done, done_plain),
        Outcome.SUCCESS: _Saying(f"{{이}}{{to}}{noun}을 ", "연결합니다", "연결하네"),
        Outcome.FAILURE: _Saying(f"{{의}}{noun}이 ", "이어지지 않습니다", "이어지지 않았어"),
    }


def _shot(noun: str, done: str, done_plain: str, where: str = "{where}") -> _Sayings:
    """A shot of some kind. On target is no goal, and blocked is not saved."""
    return {
        Outcome.UNKNOWN: _Saying(f"{{이}}{where}{noun}을 ", done, done_plain),
        Outcome.GOAL: _Saying(f"{{이}}{where}{noun}으로 골을 ", "넣습니다", "넣네"),
        Outcome.ON_TARGET: _Saying(f"{{의}}{noun}이 골문으로 ", "향합니다", "향하네"),
        Outcome.OFF_TARGET: _Saying(f"{{의}}{noun}이 골문을 ", "벗어납니다", "벗어났어"),
        Outcome.POST: _Saying(f"{{의}}{noun}이 골대에 ", "맞습니다", "맞았어"),
        Outcome.BLOCKED: _Saying(f"{{의}}{noun}이 수비에 ", "막힙니다", "막혔어"),
        Outcome.LOW_QUALITY: _Saying(f"{{이}}약한 {noun}을 ", done, done_plain),
        Outcome.KEEPER_RUSH_OUT: _Saying(
            f"골키퍼가 나온 상황에서 {{이}}{noun}을 ", done, done_plain
        ),
        Outcome.FAILURE: _Saying(f"{{의}}{noun}이 골로 ", "이어지지 않습니다", "이어지지 않았어"),
    }


def _always(stem: str, formal: str, plain: str) -> _Sayings:
    """What is the same whatever a provider gives as its result (SPADL calls a foul a `fail`)."""
    return {Outcome.UNKNOWN: _Saying(stem, formal, plain)}


def _done(stem: str, formal: str, plain: str, undone: str) -> _Sayings:
    """What the action's own word says was done; `undone` is its verb before 못하다."""
    return {
        Outcome.UNKNOWN: _Saying(stem, formal, plain),
        Outcome.FAILURE: _Saying(f"{stem}{undone} ", "못합니다", "못했어"),
    }


_OFFSIDE = _Saying("{의}{word이}", "오프사이드입니다", "오프사이드야")

_SAYINGS: dict[ActionType, _Sayings] = {
    ActionType.PASS: {
        Outcome.UNKNOWN: _Saying("{이}{where}{to}패스를 ", "시도합니다", "시도하네"),
        Outcome.SUCCESS: _Saying("{이}{where}{to}패스를 ", "보냅니다", "보내네"),
        Outcome.FAILURE: _Saying("{의}패스가 ", "이어지지 않습니다", "이어지지 않았어"),
    },
    ActionType.CROSS: {
        Outcome.UNKNOWN: _Saying("{이}{where}크로스를 ", "올립니다", "올리네"),
        Outcome.SUCCESS: _Saying("{이}{where}{to}크로스를 ", "연결합니다", "연결하네"),
        Outcome.FAILURE: _Saying("{의}크로스가 ", "이어지지 않습니다", "이어지지 않았어"),
    },
    ActionType.THROW_IN: _kick("스로인", "던집니다", "던지네"),
    ActionType.FREEKICK_PASS: _kick("프리킥", "찹니다", "차네"),
    ActionType.CORNER: _kick("코너킥", "찹니다", "차네"),
    ActionType.GOAL_KICK: _kick("골킥", "찹니다", "차네"),
    ActionType.RECEIVE: _done("{이}{where}공을 ", "받습니다", "받네", "받지"),
    ActionType.CARRY: _done("{이}{where}공을 ", "몰고 갑니다", "몰고 가네", "몰고 가지"),
    ActionType.TAKE_ON: {
        Outcome.UNKNOWN: _Saying("{이}{where}돌파를 ", "시도합니다", "시도하네"),
        Outcome.SUCCESS: _Saying("{이}{where}상대를 ", "제칩니다", "제치네"),
        Outcome.FAILURE: _Saying("{의}돌파가 ", "통하지 않습니다", "통하지 않았어"),
    },
    ActionType.SHOT: _shot("슛", "때립니다", "때리네"),
    ActionType.SHOT_FREEKICK: _shot("프리킥 슛", "때립니다", "때리네"),
    # Everybody knows where a penalty is taken from.
    ActionType.PENALTY: _shot("페널티킥", "찹니다", "차네", where=""),
    ActionType.GOAL: _always("{이}골을 ", "넣습니다", "넣네"),
    ActionType.OWN_GOAL: _always("{이}자책골을 ", "기록합니다", "넣었어"),
    ActionType.GOAL_CONCEDED: _always("{이}골을 ", "허용합니다", "허용했어"),
    ActionType.TACKLE: {
        Outcome.UNKNOWN: _Saying("{이}{where}태클을 ", "시도합니다", "시도하네"),
        Outcome.SUCCESS: _Saying("{이}{where}태클에 ", "성공합니다", "성공하네"),
        Outcome.FAILURE: _Saying("{의}태클이 ", "통하지 않습니다", "통하지 않았어"),
    },
    ActionType.DUEL: {
        Outcome.UNKNOWN: _Saying("{이}{where}공을 두고 ", "다툽니다", "다투네"),
        Outcome.SUCCESS: _Saying("{이}{where}경합을 ", "이겨 냅니다", "이겨 냈어"),
        Outcome.FAILURE: _Saying("{이}{where}경합을 이기지 ", "못합니다", "못했어"),
    },
    ActionType.INTERCEPTION: _done("{이}{where}공을 ", "가로챕니다", "가로채네", "가로채지"),
    # A touch that wins no possession, whether it is called failed or not.
    ActionType.INTERVENTION: _always("{이}{where}공을 ", "건드립니다", "건드리네"),
    ActionType.RECOVERY: {
        Outcome.UNKNOWN: _Saying("{이}{where}흐른 공을 ", "따냅니다", "따내네"),
        Outcome.FAILURE: _Saying("{이}{where}공을 따내지 ", "못합니다", "못했어"),
    },
    ActionType.CLEARANCE: _done("{이}{where}공을 ", "걷어 냅니다", "걷어 내네", "걷어 내지"),
    ActionType.BLOCK: _done("{이}{where}상대 공을 ", "막아 냅니다", "막아 내네", "막지"),
    # A save; only the feed's Catch says that it was held as well.
    ActionType.KEEPER_CATCH: {
        **_done("{이}{where}공을 ", "막아 냅니다", "막아 내네", "막아 내지"),
        Outcome.SUCCESS: _Saying("{이}{where}공을 ", "잡아 냅니다", "잡아 내네"),
    },
    ActionType.KEEPER_PARRY: _done("{이}{where}공을 ", "쳐 냅니다", "쳐 내네", "쳐 내지"),
    ActionType.KEEPER_CLAIM: {
        Outcome.UNKNOWN: _Saying("{이}{where}높은 공을 ", "처리합니다", "처리하네"),
        Outcome.FAILURE: _Saying("{이}{where}높은 공을 ", "놓칩니다", "놓쳤어"),
    },
    ActionType.KEEPER_SWEEP: {
        Outcome.UNKNOWN: _Saying("{이}나와서 ", "수비합니다", "수비하네"),
        Outcome.FAILURE: _Saying("{이}수비를 돕지 ", "못합니다", "못했어"),
    },
    ActionType.ERROR: _always("{이}{where}실수를 ", "합니다", "하네"),
    ActionType.DEFLECTION: _always("{의}몸에 맞고 공이 ", "꺾입니다", "꺾이네"),
    ActionType.HIT: _always("공이 {의}몸에 ", "맞습니다", "맞았어"),
    ActionType.FOUL: _always("{이}{where}반칙을 ", "범합니다", "저질렀어"),
    ActionType.HANDBALL: _always("{이}핸드볼 반칙을 ", "범합니다", "저질렀어"),
    ActionType.FOUL_THROW: _always("{이}스로인 반칙을 ", "범합니다", "저질렀어"),
    ActionType.OFFSIDE: _always("{이}오프사이드에 ", "걸립니다", "걸렸어"),
    ActionType.OUT: _always("{touched}", "나갑니다", "나갔어"),
    ActionType.PAUSE: _always("경기가 잠시 ", "멈춥니다", "멈췄어"),
    ActionType.OTHER: {
        Outcome.UNKNOWN: _Saying("{의}{word}", "장면입니다", "장면이야"),
        Outcome.FAILURE: _Saying("{의}{word이}실패로 ", "끝납니다", "끝났어"),
    },
}

# The goal that an earlier row has told: recorded, not scored once more.
_TOLD = {
    ActionType.GOAL: _Saying("{의}득점으로 ", "기록됩니다", "기록됐어"),
    ActionType.GOAL_CONCEDED: _Saying("{의}실점으로 ", "기록됩니다", "기록됐어"),
}
# After an own goal the row credits somebody who did not score.
_TOLD_BY_OWN_GOAL = _Saying("{for}득점으로 ", "기록됩니다", "기록됐어")

_CARDS = {
    Card.YELLOW: _Saying("{이}{by}경고를 ", "받습니다", "받았어"),
    Card.SECOND_YELLOW: _Saying("{이}{by}두 번째 경고를 받고 ", "퇴장당합니다", "퇴장당했어"),
    Card.RED: _Saying("{이}{by}", "퇴장당합니다", "퇴장당했어"),
}

_CARD_CAUSES = {
    ActionType.FOUL: "반칙으로 ",
    ActionType.HANDBALL: "핸드볼 반칙으로 ",
    ActionType.FOUL_THROW: "스로인 반칙으로 ",
}

_GOALKEEPING = frozenset(
    {
        *(ActionType.KEEPER_CATCH, ActionType.KEEPER_PARRY),
        *(ActionType.KEEPER_CLAIM, ActionType.KEEPER_SWEEP),
    }
)
# What happens without a player, or to a team: no name, no player.
_IMPERSONAL = frozenset(
    {ActionType.OTHER, ActionType.OUT, ActionType.PAUSE, ActionType.GOAL_CONCEDED}
)

_LOUD = frozenset({Tone.EXCITED, Tone.ANGRY, Tone.EMPHASIS})

# What is shortened where the budget is short, first to last; a name is never left out.
_SHORTENED = ("where", "to", "by", "의", "word", "word이")


def line(fact: Fact, persona: Persona) -> tuple[Tone, str]:
    """The fact as one sentence within its budget, in 합쇼체, or in 반말 for FRIEND.

    The line grammar admits it. Only a name too long for the budget makes it longer than that. It
    states what happened, so its tone is the likeliest one that asks nothing.
    """
    tone = next(tone for tone in fact.tones if tone is not Tone.QUESTION)
    sentences = list(_sentences(fact, persona, "!" if tone in _LOUD else "."))
    fitting = (text for text in sentences if MIN_SYLLABLES <= syllables(text) <= fact.budget)
    return tone, next(fitting, min(sentences, key=syllables))


def _sentences(fact: Fact, persona: Persona, mark: str) -> Iterator[str]:
    """The same sentence from its fullest to its barest form."""
    saying = _saying(fact)
    template = saying.stem + (saying.plain if persona is Persona.FRIEND else saying.formal) + mark
    full, bare = _full(fact, persona), _bare(fact)
    for count in range(len(_SHORTENED) + 1):
        yield template.format_map(full | {slot: bare[slot] for slot in _SHORTENED[:count]})


def _saying(fact: Fact) -> _Saying:
    if fact.told_by and fact.type in _TOLD:
        return _told(fact)
    if fact.card and _actor(fact):
        return _CARDS[fact.card]
    if fact.outcome is Outcome.OFFSIDE:
        return _OFFSIDE
    sayings = _SAYINGS[fact.type]
    return sayings.get(fact.outcome, sayings[Outcome.UNKNOWN])


def _told(fact: Fact) -> _Saying:
    if fact.type is ActionType.GOAL and fact.told_by is ActionType.OWN_GOAL:
        return _TOLD_BY_OWN_GOAL
    return _TOLD[fact.type]


def _full(fact: Fact, persona: Persona) -> dict[str, str]:
    actor, word = _actor(fact), _word(fact)
    subject = f"{particle(actor, '이/가')} " if actor else ""
    return {
        "이": subject,
        "의": _possessor(actor),
        "touched": f"{subject}건드린 공이 " if actor else "공이 밖으로 ",
        "for": _possessor(names.team(fact.scoring_team, fact.scoring_side)),
        "word": f"{word} ",
        "word이": f"{particle(titled(word, '플레이'), '이/가')} ",
        "where": f"{words.zone(fact.start)}에서 " if fact.start else "",
        "to": _receiver(fact, "한테" if persona is Persona.FRIEND else "에게"),
        "by": _CARD_CAUSES.get(fact.type, ""),
    }


def _bare(fact: Fact) -> dict[str, str]:
    """The shortened slots at their shortest; 의 follows any sound, so a name needs no noun."""
    actor = fact.actor
    word = "플레이" if fact.type is ActionType.OTHER else _word(fact)
    return {
        "where": "",
        "to": "",
        "by": "",
        "의": _possessor(names.speakable(actor.name) or names.speakable(actor.team)),
        "word": f"{word} ",
        "word이": f"{particle(word, '이/가')} ",
    }


def _actor(fact: Fact) -> str:
    """The player; else one of the team's, else any, where a player must have acted."""
    name = names.speakable(fact.actor.name)
    team = names.team(fact.actor.team, fact.actor.side)
    if name:
        return titled(name, "선수")
    if fact.type in _IMPERSONAL:
        return titled(team, "팀") if team else ""
    if fact.type in _GOALKEEPING:
        return f"{team} 골키퍼" if team else "골키퍼"
    return f"{team or '한'} 선수"


def _possessor(owner: str | None) -> str:
    return f"{owner}의 " if owner else ""


def _receiver(fact: Fact, to: str) -> str:
    name = names.speakable(fact.receiver.name) if fact.receiver else None
    return f"{titled(name, '선수')}{to} " if name else ""


def _word(fact: Fact) -> str:
    """The action's word; a card that nobody is known to have got is told by its own."""
    return words.CARD[fact.card] if fact.card else names.speakable(fact.word) or "플레이"
