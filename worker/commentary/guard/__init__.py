"""A line against its facts: every violation has a name, and so has everything that holds.

The guard knows nothing of how a line was made. It reads who is named and in which role, what is
said to have happened, what came of it, where, and how the sentence is spoken; and holds each
against the fact. It is a filter of what may be heard, not a judge of style: what it cannot read it
lets pass, and `python -m benchmarks.faithfulness` measures how often that is a lie.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TypeVar

from worker.commentary.guard import (
    claims,
    figures,
    goals,
    invented,
    level,
    manner,
    places,
    results,
    roles,
    teams,
)
from worker.commentary.guard.cast import Context
from worker.commentary.guard.finding import Finding, Ground, Kind, Violation
from worker.football.facts import Fact

FindingT = TypeVar("FindingT", Violation, Ground)

__all__ = ["Context", "Ground", "Kind", "Review", "Violation", "check", "mend", "review"]


@dataclass(frozen=True, slots=True)
class Review:
    """A line's violations, and what it says that its fact supports."""

    violations: tuple[Violation, ...]
    grounds: tuple[Ground, ...]

    @property
    def faithfulness(self) -> float:
        """The share of what the line says that its fact supports, 0 to 1.

        Its manner (length, register, particles) is not part of it. A line that says nothing that
        can be checked is faithful.
        """
        wrong = sum(violation.kind in _OF_TRUTH for violation in self.violations)
        said = wrong + len(self.grounds)
        return 1.0 if said == 0 else round(len(self.grounds) / said, 2)


_OF_TRUTH = frozenset({Kind.NAME, Kind.EVENT, Kind.OUTCOME, Kind.PLACE, Kind.SCORE, Kind.NUMBERS})


def check(
    line: str, fact: Fact, context: Context, neighbours: Collection[str] = ()
) -> tuple[Violation, ...]:
    """Everything that is wrong with a line; nothing for one that may be heard.

    Args:
        line: the sentence, without tone letter.
        fact: what it is about.
        context: the request that it belongs to.
        neighbours: the lines beside it, which it must not repeat.
    """
    return review(line, fact, context, neighbours).violations


def review(line: str, fact: Fact, context: Context, neighbours: Collection[str] = ()) -> Review:
    """A line's violations and grounds; the arguments are those of `check`."""
    reading = context.read(line, fact)
    found = [
        *roles.findings(reading),
        *teams.findings(reading),
        *invented.findings(reading),
        *claims.findings(reading),
        *goals.findings(reading),
        *results.findings(reading),
        *places.findings(reading),
        *figures.findings(reading),
        *level.findings(reading),
        *manner.findings(reading, neighbours),
    ]
    violations = dict.fromkeys(each for each in found if isinstance(each, Violation))
    grounds = dict.fromkeys(each for each in found if isinstance(each, Ground))
    return Review(_outermost(violations), _outermost(grounds))


def _outermost(findings: Iterable[FindingT]) -> tuple[FindingT, ...]:
    """The findings whose words no other one of the same class or field has, and more."""
    every = list(findings)
    return tuple(one for one in every if not any(_within(one, other) for other in every))


def _within(one: Finding, other: Finding) -> bool:
    return one[0] == other[0] and one.text != other.text and one.text in other.text


def mend(line: str, fact: Fact, context: Context) -> str:
    """The line with the right particle after every name of the data's; nothing else changes."""
    return context.read(line, fact).mended()
