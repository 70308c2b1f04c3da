"""How a line is said: for the ear of somebody who cannot see, in Korean, in time, and once."""

import re
from collections.abc import Collection, Iterator

from worker.commentary.guard.cast import Reading
from worker.commentary.guard.finding import Finding, Kind, Violation
from worker.commentary.korean import syllables

# Pointing words as whole words; what only begins like one (그리고, 이번, 여기다) is another word.
_WORD = "(?<![가-힣A-Za-z0-9\ue000-\ue007])"
_END = "(?![가-힣])"
_JOSA = (
    "(?:에서는|에서도|에서|서는|서도|서|에는|에도|에|로는|로|으로|까지|부터|만|도|은|는|이|가|을|를"
    "|의|와|과"
    "|입니다|이네요?|네요?|야|이야|요|군요)?"
)
_PLACES = "(?:바로 )?(?:여기저기|이쪽저쪽|여기|저기|거기|요기|조기|[이그저요]쪽|[이그저]곳)"
_THINGS = "(?:[이그저]것|[이그저]거|[이그저]놈|[이그저]분)(?:들)?"
_SHORT = "여긴|저긴|거긴|이게|저게|그게|이걸|저걸|그걸|이건|저건|그건|요거|요걸|얘|쟤|걔"
_WAYS = "이렇게|저렇게|그렇게|요렇게|이런(?![,!])|저런(?![,!])|그런|이리|저리|이리로|저리로|그리로"
# 이 순간 and 그 틈에 point to a time that the listener shares.
_TIMES = "(?:순간|사이|때|뒤|후|틈|직후|와중|대신|동안|중|전[ 에]|찰나|무렵|다음|어느|때문)"
_POINTING = re.compile(
    f"{_WORD}(?:(?:{_PLACES}|{_THINGS}|{_SHORT}|{_WAYS}|[이그저](?:녀석|친구|선수|사람|공))"
    f"{_JOSA}{_END}|[이그저] (?!{_TIMES}))"
)

_FOREIGN = re.compile("[^가-힣A-Za-z0-9 ,.!?:%~'-]+")
_LATIN = re.compile("[A-Za-z]+")
_SAID_IN_LATIN = frozenset({"VAR", "PK"})  # as a Korean commentator says them

ECHO_FROM = 0.75
"""From this share of common pairs of syllables on, two lines are nearly the same sentence."""


def findings(reading: Reading, neighbours: Collection[str]) -> Iterator[Finding]:
    """What is wrong with the manner of a line."""
    yield from _pointing(reading)
    yield from _script(reading)
    yield from _particles(reading)
    yield from _length(reading)
    yield from _echo(reading, neighbours)


def _pointing(reading: Reading) -> Iterator[Finding]:
    for found in _POINTING.finditer(reading.masked):
        reason = "보지 못하는 사람은 가리키는 말을 알 수 없다"
        yield Violation(Kind.DEMONSTRATIVE, reading.said(found), reason)


def _script(reading: Reading) -> Iterator[Finding]:
    foreign = _FOREIGN.search(reading.text)
    if foreign:
        yield Violation(Kind.SCRIPT, foreign[0], "한글이 아닌 글자가 있다")
    for found in _LATIN.finditer(reading.masked):
        if found[0] not in _SAID_IN_LATIN:
            yield Violation(Kind.SCRIPT, found[0], "자료에 없는 외국어가 있다")


def _particles(reading: Reading) -> Iterator[Finding]:
    for found in reading.wrong_particles():
        yield Violation(Kind.PARTICLE, reading.said(found), "이름 뒤의 조사가 틀렸다")


def _length(reading: Reading) -> Iterator[Finding]:
    said, budget = syllables(reading.text), reading.fact.budget
    if said > budget:
        yield Violation(Kind.LENGTH, reading.text, f"{budget}음절을 넘는다")


def _echo(reading: Reading, neighbours: Collection[str]) -> Iterator[Finding]:
    if any(is_echo(reading.text, each) for each in neighbours):
        yield Violation(Kind.ECHO, reading.text, "옆줄과 거의 같은 문장이다")


def is_echo(one: str, other: str) -> bool:
    """Whether two lines are nearly the same sentence: alike in most pairs of syllables (Dice)."""
    pairs, others = _pairs(one), _pairs(other)
    if not pairs or not others:
        return False
    return 2 * len(pairs & others) >= ECHO_FROM * (len(pairs) + len(others))


def _pairs(text: str) -> set[str]:
    letters = "".join(character for character in text if character.isalnum())
    return {letters[place : place + 2] for place in range(len(letters) - 1)}
