"""Who may be named in a line, and in which role.

Names are found first, longest first, and each is replaced by one character that says what its
bearer is to the action. No word of a name is then mistaken for a word of football (a team 누리, a
player 고은골), and a role is a pattern: `<actor>에게` gives the ball to the one who plays it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from worker.commentary.korean import Particle, particle, titled
from worker.commentary.names import speakable
from worker.football.facts import Fact, Team
from worker.football.schema import CommentaryRequest, Match, Persona, Score
from worker.football.vocabulary import PASSES, SHOTS, ActionType

ACTOR, RECEIVER, PARTNER, STRANGER = "\ue000", "\ue001", "\ue002", "\ue003"
OWN, OPPONENT, NOBODYS = "\ue004", "\ue005", "\ue006"
THING = "\ue007"
TEAMS = f"[{OWN}{OPPONENT}{NOBODYS}]"
ANYBODY = "[\ue000-\ue006]"

TITLE = (
    "(?:선수|골키퍼|키퍼|수문장|감독|코치|주장|공격수|수비수|미드필더|윙어|스트라이커|풀백|센터백"
    "|팀)"
)
# What may follow a name within its word. Whatever else does makes the word another one.
_JOSA = (
    "에게서|한테서|에겐|한텐|으로부터|로부터|으로서|로서|으로선|로선|이란|란|대로|밖에|뿐|에게로"
    "|한테로|에게|한테|께서|께|에서|까지|부터|처럼|보다|마저|조차"
    "|이랑|랑|하고|으로|로|이나|나|의|이|가|은|는|을|를|와|과|도|만|에|아|야"
)
_COPULA = (
    "입니다|이었습니다|였습니다|이네요?|네요?|이군요?|군요?|이지만|이지|지|이었어|였어|이었네|였네"
    "|인데|이며|이고|이라는|라는|이라고|라고|이다|다|인|이었|였"
)
_REST = f"(?:님|씨)?(?:{TITLE})?(?:들|진)?(?:{_JOSA}){{0,3}}(?:{_COPULA})?(?![가-힣A-Za-z0-9])"

# One syllable that begins like a name of one (가) may well be a verb (몰고 가네) or a noun.
_VERB_LIKE = (
    f"[가-힣](?!{TITLE}| {TITLE}|[이가은는의](?![가-힣])|에게|한테)"
    f"(?:{_JOSA}|{_COPULA})?(?![가-힣])"
)

_PAIRS: tuple[Particle, ...] = ("이/가", "을/를", "은/는", "과/와", "으로/로")
_PAIR_OF: Mapping[str, Particle] = {each: pair for pair in _PAIRS for each in pair.split("/")}
# The particle is the whole rest of the word, or another one follows it (와의, 로부터, 로서).
_PARTICLE = re.compile(
    f"({ANYBODY})((?: ?{TITLE})?)(이|가|을|를|은|는|과|와|으로|로)"
    "((?:의|도|만|는|부터|써|서)?)(?![가-힣A-Za-z0-9])"
)


@dataclass(frozen=True)
class Context:
    """What a line is checked against, beside its own fact: the request that it belongs to.

    Attributes:
        persona: who speaks.
        facts: of the whole request, in its order.
        teams: every spoken name of a team, with the side that it is, or itself where no side is
            known.
        strangers: the other names of the match sheet (referees).
        things: what bears a name of its own and is neither player nor team (venue, competition).
        score: the running score at the first action, where the request gives one.
    """

    persona: Persona
    facts: tuple[Fact, ...]
    teams: Mapping[str, str]
    strangers: frozenset[str]
    things: frozenset[str]
    score: Score | None = None

    @classmethod
    def of(
        cls, request: CommentaryRequest, facts: Sequence[Fact], persona: Persona | None = None
    ) -> "Context":
        """The context of a request's lines; `persona` is the first of the request's if not said."""
        match = request.match
        teams, shared = _one_each(_teams(request, facts))
        things = _spoken((match.venue, match.competition_name, match.season_name))
        officials = (match.referee, match.assistant_referees, match.fourth_official)
        return cls(
            persona=persona or request.personas[0],
            facts=tuple(facts),
            teams=teams,
            strangers=frozenset(_spoken(_split((*officials, match.var_referees, match.tsg)))),
            things=frozenset((*things, *shared)),
            score=request.current_score,
        )

    @cached_property
    def people(self) -> frozenset[str]:
        """The spoken names of everybody in the request's actions."""
        persons = [fact.actor for fact in self.facts]
        persons += [fact.receiver for fact in self.facts if fact.receiver]
        return frozenset(_spoken(person.name for person in persons))

    @cached_property
    def _names(self) -> "re.Pattern[str]":
        known = {*self.people, *self.teams, *self.strangers, *self.things, *self._labels}
        longest_first = sorted(known, key=lambda name: (-len(name), name))
        either = "|".join(map(re.escape, longest_first)) or r"\Z."
        return re.compile(f"(?<![가-힣A-Za-z0-9])(?!{_VERB_LIKE})({either})(?={_REST})")

    @cached_property
    def _labels(self) -> frozenset[str]:
        """The providers' own words for what no vocabulary knows: said as they stand."""
        return frozenset(_spoken(fact.word for fact in self.facts if fact.type is ActionType.OTHER))

    def partner(self, fact: Fact) -> str | None:
        """Who played the ball that this action takes or stops: the passer, the shooter."""
        earlier = next((each for each in self.facts if each.index == fact.index - 1), None)
        if earlier is None or fact.type not in _PARTNERS:
            return None
        if earlier.type not in _PARTNERS[fact.type] or earlier.actor.name == fact.actor.name:
            return None
        return speakable(earlier.actor.name)

    def read(self, text: str, fact: Fact) -> "Reading":
        """`text` with its names found and their roles in `fact` known."""
        roles = self._roles(fact)
        mentions: list[str] = []

        def masked(found: "re.Match[str]") -> str:
            mentions.append(found[1])
            return roles[found[1]]

        return Reading(text, self._names.sub(masked, text), tuple(mentions), fact, self)

    def _roles(self, fact: Fact) -> dict[str, str]:
        roles = dict.fromkeys(self.things | self._labels, THING)
        roles |= {name: _team_role(key, fact) for name, key in self.teams.items()}
        roles |= dict.fromkeys(self.strangers | self.people, STRANGER)
        cast = ((self.partner(fact), PARTNER), (_name_of_receiver(fact), RECEIVER))
        for name, role in (*cast, (speakable(fact.actor.name), ACTOR)):
            if name:
                roles[name] = role
        return roles


@dataclass(frozen=True)
class Reading:
    """A line whose names are found.

    Attributes:
        text: the line as it stands.
        masked: the line with one role character for each name.
        mentions: the names, in the order in which they come.
        fact, context: what it is about.
    """

    text: str
    masked: str
    mentions: tuple[str, ...]
    fact: Fact
    context: Context

    def original(self, start: int, end: int) -> str:
        """The words that stand in the masked line from `start` to `end`."""
        before = sum(character in _ROLES for character in self.masked[:start])
        names = iter(self.mentions[before:])
        said = self.masked[start:end]
        return "".join(next(names) if each in _ROLES else each for each in said).strip()

    def said(self, found: "re.Match[str]") -> str:
        """The words of a match in the masked line."""
        return self.original(*found.span())

    def mended(self) -> str:
        """The line with the particle after each name that the name's last sound takes."""
        names = iter(self.mentions)
        parts = re.split(f"([{ACTOR}-{THING}])", _PARTICLE.sub(self._with_right, self.masked))
        return "".join(next(names) if part in _ROLES else part for part in parts)

    def wrong_particles(self) -> Iterator["re.Match[str]"]:
        """Where a name has the particle of another sound."""
        return (
            found
            for found in _PARTICLE.finditer(self.masked)
            if self._with_right(found) != found[0]
        )

    def _with_right(self, found: "re.Match[str]") -> str:
        role, title, given, more = found.groups()
        position = sum(character in _ROLES for character in found.string[: found.start()])
        word = title.strip() or self.mentions[position]
        if titled(word, "선수") != word:  # how Hwang sounds its letters do not show
            return found[0]
        right = particle(word, _PAIR_OF[given])[len(word) :]
        return f"{role}{title}{given if '(' in right else right}{more}"


_ROLES = frozenset((ACTOR, RECEIVER, PARTNER, STRANGER, OWN, OPPONENT, NOBODYS, THING))
_BALLS = PASSES | SHOTS
_PARTNERS: Mapping[ActionType, frozenset[ActionType]] = {
    ActionType.RECEIVE: PASSES,
    ActionType.KEEPER_CATCH: SHOTS,
    ActionType.KEEPER_PARRY: SHOTS,
    ActionType.KEEPER_CLAIM: _BALLS,
    **dict.fromkeys(
        (ActionType.BLOCK, ActionType.INTERCEPTION, ActionType.INTERVENTION, ActionType.DEFLECTION),
        _BALLS,
    ),
}
_SIDE_WORDS = {
    Team.HOME: ("홈팀", "홈 팀"),
    Team.AWAY: ("원정팀", "원정 팀"),
}


def _spoken(names: Iterable[str | None]) -> Iterator[str]:
    return (spoken for name in names if (spoken := speakable(name)))


def _split(lists: Iterable[str | None]) -> Iterator[str]:
    return (name for names in lists if names for name in re.split(r"[,/;·]", names))


def _teams(request: CommentaryRequest, facts: Sequence[Fact]) -> Iterator[tuple[str, str]]:
    for action, fact in zip(request.actions, facts, strict=True):
        key = fact.actor.side or fact.actor.team
        for name in _spoken((action.team_name, action.team_name_short, fact.actor.team)):
            yield name, key or name
    for side in Team:
        yield from ((name, side) for name in _spoken(_of_side(request.match, side)))


def _one_each(named: Iterable[tuple[str, str]]) -> tuple[dict[str, str], frozenset[str]]:
    """The teams by name; and the names that two teams share, which tell nobody which it is."""
    keys: dict[str, set[str]] = {}
    for name, key in named:
        keys.setdefault(name, set()).add(key)
    shared = frozenset(name for name, each in keys.items() if len(each) > 1)
    return {name: min(each) for name, each in keys.items() if name not in shared}, shared


def _of_side(match: Match, side: Team) -> tuple[str, ...]:
    return (*match.names(side), *_SIDE_WORDS[side])


def _team_role(key: str, fact: Fact) -> str:
    """Whose team it is; a side without a known actor's side is nobody's."""
    mine = fact.actor.side or fact.actor.team
    if mine is None:
        return NOBODYS
    return OWN if key == mine else OPPONENT


def _name_of_receiver(fact: Fact) -> str | None:
    return speakable(fact.receiver.name) if fact.receiver else None
