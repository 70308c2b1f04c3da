"""Lines as the model writes them: the grammar that decoding obeys, and the reader of what came.

One line is a tone letter, a bar and a sentence: `E|김하늘이 골을 넣습니다!`. Lines of one answer
are separated by a newline and nothing follows the last, so that only the end of the answer can.
The letters, the alphabet and the length are all in the grammar: a tone that the action cannot
have, another script, a line too long to be spoken in time cannot be decoded at all.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from worker.commentary.korean import UNIT, syllables
from worker.football.facts import Fact
from worker.football.vocabulary import Tone

MIN_SYLLABLES = 6
"""Shorter than this is no sentence that names somebody and what he does."""

MIN_BRIEF = 2
"""What is told in a word or two has one of two syllables, at least."""

TONES = {
    "D": Tone.DEFAULT,
    "E": Tone.EXCITED,
    "A": Tone.ANGRY,
    "S": Tone.SAD,
    "C": Tone.CALM,
    "Q": Tone.QUESTION,
    "M": Tone.EMPHASIS,
}
"""Tone letters, as personas/base.txt explains them. EMPHASIS is M because E is taken."""

LETTERS = {tone: letter for letter, tone in TONES.items()}

# Between two units at most one mark and one space: two disjoint steps, so that a text has one
# reading and the automaton stays as long as the budget, not its square.
_GAP = "[,.!?:%~'-]? ?"
_END = "[.!?]"
_QUESTION_END = r"\?"
PHRASE = f"{UNIT}(?:{_GAP}{UNIT})*"
"""What a line can hold up to its closing mark, as a regex."""

_TEXT = re.compile(f"{PHRASE}{_END}")


@dataclass(frozen=True, slots=True)
class ParsedLine:
    """A line that obeys the grammar of its fact; `index` is the fact's."""

    index: int
    tone: Tone
    text: str


def grammar(facts: Sequence[Fact], minimum: int = MIN_SYLLABLES) -> str:
    r"""A regex for one line per fact, joined by `\n`; valid for `re` and for llguidance.

    Args:
        facts: in the order in which the lines are to come.
        minimum: syllables that a line must have; a smaller budget goes before it.
    """
    return r"\n".join(_line_pattern(fact, minimum) for fact in facts)


def text_pattern(minimum: int, maximum: int, end: str = _END) -> str:
    """A regex for a sentence of `minimum` to `maximum` syllables with its closing mark."""
    return f"{UNIT}(?:{_GAP}{UNIT}){{{minimum - 1},{maximum - 1}}}{end}"


def _line_pattern(fact: Fact, minimum: int) -> str:
    shortest = _shortest(fact, minimum)
    plain = "".join(LETTERS[tone] for tone in fact.tones if tone is not Tone.QUESTION)
    ways = [rf"[{plain}]\|{text_pattern(shortest, fact.budget)}"] if plain else []
    if Tone.QUESTION in fact.tones:
        ways.append(rf"Q\|{text_pattern(shortest, fact.budget, _QUESTION_END)}")
    return f"(?:{'|'.join(ways)})"


def _shortest(fact: Fact, minimum: int) -> int:
    return min(MIN_BRIEF if fact.brief else minimum, fact.budget)


def parse_line(line: str, fact: Fact, minimum: int = MIN_SYLLABLES) -> ParsedLine | None:
    """`line` if the grammar of `fact` admits it, else None."""
    letter, bar, text = line.partition("|")
    tone = TONES.get(letter)
    if not bar or tone not in fact.tones or not is_sentence(text, tone):
        return None
    if not _shortest(fact, minimum) <= syllables(text) <= fact.budget:
        return None
    return ParsedLine(fact.index, tone, text)


def is_sentence(text: str, tone: Tone) -> bool:
    """Whether `text` has only what the grammar's alphabet has and ends as its tone must."""
    ends_well = tone is not Tone.QUESTION or text.endswith("?")
    return ends_well and _TEXT.fullmatch(text) is not None


class Reader:
    """Reads an answer piece by piece and hands out its lines as they finish.

    A line counts only if all lines before it obeyed the grammar: after a bad one nobody knows
    which action the next is about. The last line is finished only by the end of the answer.
    """

    def __init__(self, facts: Sequence[Fact], minimum: int = MIN_SYLLABLES) -> None:
        self._facts = list(facts)
        self._minimum = minimum
        self._rest = ""

    def feed(self, piece: str) -> list[ParsedLine]:
        """The lines that `piece` finishes; never the last one of the answer."""
        *finished, self._rest = (self._rest + piece).split("\n", max(len(self._facts) - 1, 0))
        return self._accept(finished)

    def end(self) -> list[ParsedLine]:
        """The line that the end of the answer finishes. Only for an answer that was not cut off."""
        return self._accept([self._rest]) if self._facts else []

    def _accept(self, finished: list[str]) -> list[ParsedLine]:
        accepted = []
        for line in finished:
            parsed = parse_line(line, self._facts[0], self._minimum)
            if parsed is None:
                self._facts.clear()
                break
            accepted.append(parsed)
            del self._facts[0]
        return accepted


def parse(text: str, facts: Sequence[Fact], minimum: int = MIN_SYLLABLES) -> list[ParsedLine]:
    """The lines of a whole answer that count: those of the first facts, up to the first bad one."""
    reader = Reader(facts, minimum)
    return reader.feed(text) + reader.end()
