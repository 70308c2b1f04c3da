"""How a line is said: for the ear of somebody who cannot see, in its persona's own level of speech."""

import re
from collections.abc import Collection, Iterator

from worker.commentary.guard.cast import Reading
from worker.commentary.guard.finding import Finding, Kind, Violation
from worker.commentary.korean import syllables
from worker.football.schema import Persona

# Pointing words as whole words; what only begins like one (그리고, 이번, 여기다) is another word.
_WORD = "(?<![가-힣A-Za-z0-9\ue000-\ue007])"
_END = "(?![가-힣])"
_JOSA = "(?:에서는|에서도|에서|에는|에도|에|로는|로|으로|까지|부터|만|도|은|는|이|가|을|를|의|와|과|입니다|이네요?|네요?|야|이야|요|군요)?"
_POINTING = re.compile(
    f"{_WORD}(?:"
    f"(?:(?:바로 )?(?:여기|저기|거기|요기|조기)|[이그저요]쪽|이쪽저쪽|[이그저]곳|여기저기|[이그저]것|[이그저]거|[이그저]놈)(?:들)?{_JOSA}{_END}"
    f"|(?:여긴|저긴|거긴|이게|저게|그게|이걸|저걸|그걸|이건|저건|그건|요거|요걸|여기서|저기서|거기서|이리로|저리로|그리로"
    f"|이렇게|저렇게|그렇게|요렇게|이런(?![,!])|저런(?![,!])|그런|이리|저리|얘|쟤|걔){_JOSA}{_END}"
    f"|[이그저]분{_JOSA}{_END}|[이그저] (?!순간|사이|때|뒤|후|틈|직후|와중|대신|동안|중|전[ 에]|찰나|무렵|다음|어느|때문)"
    f"|[이그저](?:녀석|친구|선수|사람|공){_JOSA}{_END})"
)

_SENTENCE = re.compile("[^.!?]+[.!?]+")

# 합쇼체 ends in ㅂ니다, ㅂ니까 or 십시오; 아니다 and 다니다 only look like it.
_WITH_B = "".join(
    chr(code) for code in range(ord("가"), ord("힣") + 1) if (code - 0xAC00) % 28 == 17
)
_FORMAL = re.compile(f"[{_WITH_B}](?:니다|니까|시오|디다)$")
_CASTER = re.compile("(?:네요|군요)$")
_POLITE = re.compile("(?:요|죠|지요)$")
_TENSE = "".join(
    chr(code) for code in range(ord("가"), ord("힣") + 1) if (code - 0xAC00) % 28 == 20
)

# 반말 as it ends a sentence. Where one syllable could end a noun as well (상대, 공세), the noun is
# named in `_NOUNS`.
_PLAIN = re.compile(
    f"(?:[가-힣]다|[{_TENSE}](?:어|네|지|군|음|는데|거든|잖아|더라|냐|니|는걸|구나|나|을까|으면)"
    "|네|야|이야|거야|군|구나|구만|는데|은데|거든|잖아|더라|다니|[가-힣]다|냐|는걸|은걸|지|까|자|래|대|라|아|어|여"
    "|해|돼|와|워|봐|줘|쳐|려|져|켜|펴|겨|껴|내|개|채|새|깨|배|매|재|째|쏴|놔|둬|꿔|춰|줴|붜"
    "|(?:^|[ 가-힣])(?:나가|들어가|올라가|내려가|달려가|몰고 가|끌고 가|가져가|빗나가|넘어가|지나가|빠져나가|파고들어|건너가|따라가|치고 가)"
    "|(?:공을?|볼을?|킥을?|슛을?|세게|멀리|뻥|직접) 차|차|따|쏴|서|나서|막아서|돌아서|일어서|꺼|떠|써|커|타|사|싸|짜|까)$"
)
_NOUNS = re.compile(
    "(?:골대|상대|공세|수세|기세|자세|반대|기대|시대|무대|지대|절대|그대|최대|중대|부대|배|매|새|깨|쇄도|차이|순서|문전서|안에서|에서|진영서"
    "|대|개|지역|하나|위치|아|여지|저지|수비라|상태라|거리라|한지|나|까|가지|재|(?<![고 ])가|타|사)$"
)
_VERBISH_NOUN_LIKE = re.compile(
    "(?:나와|올라와|들어와|내려와|달려와|따라와|나가|들어가|올라가|내려가|달려가|넘어가|지나가|빗나가|몰고 가|끌고 가|고 가|어 가|아 가|려 가"
    "|저지해|내|냐|잖아|놓아|받아|막아|잡아|쏘아|찾아|좋아|않아|맞아|쫓아|뽑아|닿아|날아|돌아|몰아|올라|달라|몰라|아니야|보내|건네|걷어 내|쳐 내"
    "|잡아 내|받아 내|끊어 내|막아 내|제쳐|벗어나|나가네|높지|아니지|맞지|하지|되지|크지|많지|이지|[ㅆ]지|인가|는가|나 봐|아까워|대단해)$"
)
# What leaves a sentence open: particles, connectives, what belongs to a noun that never comes.
_OPEN = re.compile(
    "(?:[은는이가을를의도만]|에|에서|에게|한테|으로|(?<!올라)로|와|과|하고|까지|부터|처럼|보다"
    "|[고며면]|면서|지만|다가|려고|도록|자마자|듯이?|(?<!막아)(?<!맞)(?<!나)(?<!돌아)(?<!일어)(?<!앞)서|므로|니까|길래|느라"
    "|[던른한된린간운쁜진선]|적인|게|히|않|못|안|더|또|및|다시|바로)$"
)

# What may be shouted after a whole sentence.
_EXCLAIMED = re.compile("(?:골|슛|선방|세이브|아웃|반칙|파울|경고|퇴장|득점|자책골|오프사이드)!$")

_FOREIGN = re.compile("[^가-힣A-Za-z0-9 ,.!?:%~'-]+")
_LATIN = re.compile("[A-Za-z]+")
_SAID_IN_LATIN = frozenset({"VAR", "PK"})  # as a Korean commentator says them

ECHO_FROM = 0.75
"""From this share of common pairs of syllables on, two lines are nearly the same sentence."""


def findings(reading: Reading, neighbours: Collection[str]) -> Iterator[Finding]:
    """What is wrong with the manner of a line."""
    yield from _pointing(reading)
    yield from _level(reading)
    yield from _script(reading)
    yield from _particles(reading)
    yield from _length(reading)
    yield from _echo(reading, neighbours)


def _pointing(reading: Reading) -> Iterator[Finding]:
    for found in _POINTING.finditer(reading.masked):
        reason = "보지 못하는 사람은 가리키는 말을 알 수 없다"
        yield Violation(Kind.DEMONSTRATIVE, reading.said(found), reason)


def _level(reading: Reading) -> Iterator[Finding]:
    """Sentence by sentence the persona's level; the last one is finished.

    An exclamation before it may be a bare noun (골!). A brief line may be one altogether.
    """
    *before, last = [found[0] for found in _SENTENCE.finditer(reading.masked)] or [""]
    for sentence in before:
        if _is_other_level(sentence, reading.context.persona, bare=True):
            yield _wrong_level(reading, sentence)
    ended = last.rstrip(" .!?")
    if reading.fact.brief:
        if _is_other_level(last, reading.context.persona, bare=True):
            yield _wrong_level(reading, last)
        return
    if _is_other_level(last, reading.context.persona, bare=False):
        yield _wrong_level(reading, last)
    exclaimed = before and _EXCLAIMED.search(last)
    if not exclaimed and not (_is_finished(ended, reading.context.persona) or _is_whole(ended)):
        yield Violation(Kind.CUT, _shown(reading, last), "끝맺은 문장이 아니다")


def _wrong_level(reading: Reading, sentence: str) -> Violation:
    friend = reading.context.persona is Persona.FRIEND
    reason = "반말로 끝나지 않는다" if friend else "합쇼체로 끝나지 않는다"
    return Violation(Kind.REGISTER, _shown(reading, sentence), reason)


def _shown(reading: Reading, sentence: str) -> str:
    start = reading.masked.rfind(sentence) if sentence else 0
    return reading.original(start, start + len(sentence))


def _is_other_level(sentence: str, persona: Persona, *, bare: bool) -> bool:
    """Whether a sentence ends in another level of speech; `bare` lets nouns stand."""
    ended = sentence.rstrip(" .!?")
    formal = _FORMAL.search(ended) is not None
    polite = _POLITE.search(ended) is not None
    if persona is Persona.FRIEND:
        return formal or polite
    if formal or (persona is Persona.CASTER and _CASTER.search(ended)):
        return False
    if polite:
        return True
    return _is_surely_plain(ended) if bare else _is_plain(ended)


def _is_finished(ended: str, persona: Persona) -> bool:
    """Whether a sentence that is in its level, or in none, has come to its end."""
    if persona is Persona.FRIEND:
        return _is_plain(ended)
    return _FORMAL.search(ended) is not None or _CASTER.search(ended) is not None


def _is_whole(ended: str) -> bool:
    """Whether a sentence has come to its end in some level of speech, the wrong one too.

    반말 that is a bare verb (받아) may as well be broken off (받아 냅니다): that is not enough.
    """
    return any(each.search(ended) for each in (_FORMAL, _POLITE, _SURELY))


def _is_plain(ended: str) -> bool:
    """Whether a sentence ends as 반말 does, and not as a noun or in the middle."""
    if _VERBISH_NOUN_LIKE.search(ended) or _is_surely_plain(ended):
        return True
    if _OPEN.search(ended) or _NOUNS.search(ended):
        return False
    return _PLAIN.search(ended) is not None


_SURELY = re.compile(
    f"(?:[가-힣]다|[{_TENSE}](?:어|네|지|군|는데|거든|잖아|더라|냐|구나)|[가-힣](?:이야|거야|네|구나|잖아|거든|더라)|[^ ]해|[^ ]돼|아니야)$"
)


def _is_surely_plain(ended: str) -> bool:
    """Whether nothing but 반말 ends like that; a noun before an exclamation mark does not."""
    return _SURELY.search(ended) is not None


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
