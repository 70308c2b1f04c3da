"""What becomes of a line that the model wrote: it is told, mended, refused or replaced."""

import zlib
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from worker.commentary import fallback, guard
from worker.commentary.guard import Context, Review, Violation
from worker.commentary.guard.manner import is_echo
from worker.commentary.lines import ParsedLine
from worker.commentary.script import CommentaryOptions, GuardMode, Line, Source
from worker.football.facts import Fact
from worker.football.schema import CommentaryRequest, Persona


class Verdict(NamedTuple):
    """A judged line: itself where it may be told, and what was found wrong with the model's."""

    line: Line | None
    violations: tuple[Violation, ...]


class Judge:
    """Holds the lines of one request against its facts, as the options want it.

    Args:
        request: whose lines they are.
        facts: all of it.
        options: the guard's mode, and the seed of the fallback's phrasings.
    """

    def __init__(
        self, request: CommentaryRequest, facts: Sequence[Fact], options: CommentaryOptions
    ) -> None:
        self._mode = options.guard
        self._facts = tuple(facts)
        self._voices = {persona: place for place, persona in enumerate(Persona)}
        self._looks = options.guard is not GuardMode.OFF or request.explain
        self._contexts: Mapping[Persona, Context] = {
            persona: Context.of(request, facts, persona) for persona in request.personas
        }
        ids = "|".join(action.action_id for action in request.actions)
        self._turn = zlib.crc32(ids.encode()) if options.seed is None else options.seed

    def of_model(
        self,
        parsed: ParsedLine,
        fact: Fact,
        persona: Persona,
        neighbours: Collection[str],
        first: tuple[Violation, ...] | None,
    ) -> Verdict:
        """What the model wrote, as far as it may be told; its particles are mended by code.

        Args:
            parsed: the line, in its grammar.
            fact: what it is about.
            persona: who speaks.
            neighbours: the lines beside it that are there already.
            first: what was wrong with the first answer, where this is the second.
        """
        review = self._review(parsed.text, fact, persona, neighbours)
        found = review.violations if review else ()
        source = Source.MODEL if first is None else Source.REPAIRED
        text, told = parsed.text, review
        if found and self._mode is GuardMode.REPAIR:
            text = guard.mend(parsed.text, fact, self._contexts[persona])
            told = self._review(text, fact, persona, neighbours)
            if told and told.violations:
                return Verdict(None, found)
            source = Source.REPAIRED
        first = found if first is None else first
        line = Line(fact, parsed.tone, text, source, persona, first, told)
        return Verdict(line, () if self._mode is GuardMode.OFF else found)

    def fallback(
        self,
        fact: Fact,
        persona: Persona,
        neighbours: Collection[str],
        first: tuple[Violation, ...],
    ) -> Line:
        """The fact alone, in a phrasing that the lines beside it do not have."""
        first_turn = self._turn + self._voices[persona] + self._told_before(fact)
        turns = range(first_turn, first_turn + fallback.variants(fact))
        phrasings = [fallback.line(fact, persona, turn) for turn in turns]
        fresh = (each for each in phrasings if not any(is_echo(each[1], n) for n in neighbours))
        tone, text = next(fresh, phrasings[0])
        review = self._review(text, fact, persona, neighbours)
        return Line(fact, tone, text, Source.FALLBACK, persona, first, review)

    def _told_before(self, fact: Fact) -> int:
        """How many actions of this type come before: each is told otherwise than the last one."""
        return sum(each.type is fact.type for each in self._facts[: fact.index])

    def _review(
        self, text: str, fact: Fact, persona: Persona, neighbours: Collection[str]
    ) -> Review | None:
        if not self._looks:
            return None
        return guard.review(text, fact, self._contexts[persona], neighbours)
