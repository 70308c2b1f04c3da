"""A plain, correct line made from a fact alone, for when the model gave none.

`sayings` has the phrasings; here one is chosen, filled with what the fact knows, cut to the budget
and given the ending of the persona. The same fact and variant always give the same line.
"""

from collections.abc import Iterable, Iterator
from operator import itemgetter

from worker.commentary import names, sayings, verbs, words
from worker.commentary.korean import particle, syllables, titled
from worker.commentary.lines import MIN_BRIEF, MIN_SYLLABLES
from worker.commentary.sayings import End, Saying, Sayings
from worker.football.facts import Fact
from worker.football.schema import Persona
from worker.football.vocabulary import KEEPING, ActionType, Outcome, Tone

# What happens without a player, or to a team: no name, no player.
_IMPERSONAL = frozenset(
    {ActionType.OTHER, ActionType.OUT, ActionType.PAUSE, ActionType.GOAL_CONCEDED}
)

_LOUD = frozenset({Tone.EXCITED, Tone.ANGRY, Tone.EMPHASIS})

# What is shortened where the budget is short, first to last; a name is never left out.
_SHORTENED = (
    *("where", "way", "into", "from", "to", "dest", "piece", "by"),
    *("의", "word", "word이"),
)


def line(fact: Fact, persona: Persona, variant: int = 0) -> tuple[Tone, str]:
    """The fact as one sentence within its budget, in 합쇼체, or in 반말 for FRIEND.

    The line grammar admits it. Only a name too long for the budget makes it longer than that. It
    states what happened, so its tone is the likeliest one that asks nothing. A brief fact is told
    in a word or two, the same for all.

    Args:
        fact: what is told.
        persona: who speaks.
        variant: which phrasing, modulo `variants(fact)`; another where this one has no room.
    """
    tone = next(tone for tone in fact.tones if tone is not Tone.QUESTION)
    mark = "!" if tone in _LOUD else "."
    if fact.brief:
        said = _fitting(_words(fact), MIN_BRIEF, fact.budget)
    else:
        texts = _sentences(fact, persona, variant, loud=mark == "!")
        said = _fitting(texts, MIN_SYLLABLES, fact.budget)
    return tone, said + mark


def variants(fact: Fact) -> int:
    """How many phrasings there are for this fact; a brief one has one."""
    return 1 if fact.brief else len(_sayings(fact))


def _fitting(texts: Iterable[str], least: int, most: int) -> str:
    """The first text within the bounds; where none is, the shortest that is not too short."""
    longer: list[tuple[bool, int, str]] = []
    for text in texts:
        length = syllables(text)
        if least <= length <= most:
            return text
        longer.append((length < least, length, text))
    return min(longer, key=itemgetter(0, 1))[2]


def _sentences(fact: Fact, persona: Persona, variant: int, *, loud: bool) -> Iterator[str]:
    """The phrasing asked for, from its fullest to its barest form; then the others likewise."""
    phrasings = _sayings(fact)
    for turn in range(variant, variant + len(phrasings)):
        index = turn % len(phrasings)
        yield from _forms(fact, persona, phrasings[index], index, loud=loud)


def _forms(
    fact: Fact, persona: Persona, saying: Saying, index: int, *, loud: bool
) -> Iterator[str]:
    """One phrasing from its fullest to its barest form, each with its fuller ending first."""
    stem = saying.friend if saying.friend and persona is Persona.FRIEND else saying.stem
    full, bare = _full(fact, persona), _bare(fact)
    for count in range(len(_SHORTENED) + 1):
        said = stem.format_map(full | {slot: bare[slot] for slot in _SHORTENED[:count]})
        yield from _ended(said, saying.end, persona, index, loud=loud)


def _ended(said: str, end: End, persona: Persona, index: int, *, loud: bool) -> Iterator[str]:
    """A sentence with its ending, the fuller one first; the phrasing's number varies the ending."""
    if end is End.IS:
        yield _noun_ended(said, persona)
    elif persona is Persona.FRIEND:
        past = end is not End.NOW or index % 2
        yield verbs.plain_past(said) if past else verbs.plain(said)
    else:
        if end is not End.STATE:
            yield from _of_a_scene(said, persona, index, loud=loud)
        yield verbs.formal(said)


def _noun_ended(said: str, persona: Persona) -> str:
    if persona is not Persona.FRIEND:
        return f"{said}입니다"
    return f"{said}야" if particle(said, "이/가") == f"{said}가" else f"{said}이야"


def _of_a_scene(said: str, persona: Persona, index: int, *, loud: bool) -> Iterator[str]:
    """What two of three phrasings may end in: an analyst shows a scene, a caster marvels at it."""
    if persona is Persona.ANALYST and index % 3:
        yield f"{verbs.attributive(said)} {'모습' if index % 3 == 1 else '장면'}입니다"
    elif persona is Persona.CASTER and loud and index % 3 == 2:
        yield f"{verbs.plain(said)}요"


def _sayings(fact: Fact) -> Sayings:
    if fact.told_by and fact.type in sayings.TOLD:
        return sayings.TOLD_BY_OWN_GOAL if _is_nobodys(fact) else sayings.TOLD[fact.type]
    if fact.card and _actor(fact):
        return sayings.CARDS[fact.card]
    if fact.outcome is Outcome.OFFSIDE:
        return sayings.OFFSIDE
    if fact.type is ActionType.OUT and not _actor(fact):
        return sayings.OUT_BY_NOBODY
    by_outcome = sayings.SAYINGS[fact.type]
    return by_outcome.get(fact.outcome, by_outcome[Outcome.UNKNOWN])


def _is_nobodys(fact: Fact) -> bool:
    """Whether the row credits with a goal somebody who did not score it."""
    return fact.type is ActionType.GOAL and fact.told_by is ActionType.OWN_GOAL


def _full(fact: Fact, persona: Persona) -> dict[str, str]:
    actor, word = _actor(fact), _word(fact)
    dative = "한테" if persona is Persona.FRIEND else "에게"
    subject = f"{particle(actor, '이/가')} " if actor else ""
    return _places(fact, dative) | {
        "이": subject,
        "의": _possessor(actor),
        "에게": f"{actor}{dative} " if actor else "",
        "for": _possessor(names.team(fact.scoring_team, fact.scoring_side)),
        "word": f"{word} ",
        "word이": f"{particle(titled(word, '플레이'), '이/가')} ",
        "by": sayings.CARD_CAUSES.get(fact.type, ""),
    }


def _places(fact: Fact, dative: str) -> dict[str, str]:
    """Where it began, which way and where the ball went, to whom, from which dead ball."""
    into = _spaced(particle(words.zone(fact.end), "으로/로") if fact.end else "")
    to = _receiver(fact, dative)
    piece = words.SET_PIECE[fact.set_piece] if fact.set_piece else ""
    return {
        "where": f"{words.zone(fact.start)}에서 " if fact.start else "",
        "way": _spaced(words.movement(fact.direction, fact.distance)),
        "into": into,
        "to": to,
        "dest": to or into,
        "piece": _spaced(piece),
        "from": f"{piece} 상황에서 " if piece else "",
    }


def _bare(fact: Fact) -> dict[str, str]:
    """The shortened slots at their shortest; 의 follows any sound, so a name needs no noun."""
    actor = fact.actor
    word = "플레이" if fact.type is ActionType.OTHER else _word(fact)
    return dict.fromkeys(_SHORTENED, "") | {
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
    if fact.type in KEEPING:
        return f"{team} 골키퍼" if team else "골키퍼"
    return f"{team or '한'} 선수"


def _possessor(owner: str | None) -> str:
    return f"{owner}의 " if owner else ""


def _receiver(fact: Fact, dative: str) -> str:
    name = names.speakable(fact.receiver.name) if fact.receiver else None
    return f"{titled(name, '선수')}{dative} " if name else ""


def _word(fact: Fact) -> str:
    """The action's word; a card that nobody is known to have got is told by its own."""
    return words.CARD[fact.card] if fact.card else names.speakable(fact.word) or "플레이"


def _spaced(text: str) -> str:
    return f"{text} " if text else ""


def _words(fact: Fact) -> Iterator[str]:
    """Who and what, without a sentence; then with the plainest word, then without the one named."""
    who, what = _named(fact), _brief_word(fact)
    if who:
        yield f"{who}, {what}"
    if who and fact.type is ActionType.OTHER:
        yield f"{who}, {_with_result(fact, '플레이')}"
    yield what


def _named(fact: Fact) -> str | None:
    """Whose word it is: the player's, else his team's; a goal after an own goal is its team's."""
    if fact.type is ActionType.PAUSE:
        return None
    if fact.told_by and _is_nobodys(fact):
        return names.team(fact.scoring_team, fact.scoring_side)
    return names.speakable(fact.actor.name) or names.team(fact.actor.team, fact.actor.side)


def _brief_word(fact: Fact) -> str:
    if fact.told_by and fact.type in sayings.BRIEF_TOLD:
        return sayings.BRIEF_TOLD[fact.type]
    if fact.card:
        return words.CARD[fact.card]
    if fact.type in sayings.BRIEF and fact.outcome is not Outcome.OFFSIDE:
        by_outcome = sayings.BRIEF[fact.type]
        return by_outcome.get(fact.outcome, by_outcome[Outcome.UNKNOWN])
    return _with_result(fact, _word(fact))


def _with_result(fact: Fact, word: str) -> str:
    """A word that says nothing of what came of it, with what must not be left out."""
    if fact.outcome is Outcome.OFFSIDE:
        return f"{word}, 오프사이드"
    return f"{word} 실패" if fact.outcome is Outcome.FAILURE else word
