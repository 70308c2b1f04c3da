"""Lies made of correct lines: one class of violation at a time, each false of its action for sure.

What is false is decided here from the scene's types and results alone, with nothing of the guard's:
a checker that helps to make its own exam passes it.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random

from benchmarks.faithfulness.scenes import SQUADS, Scene, facts, told
from worker.commentary.guard import Kind
from worker.commentary.korean import particle, syllables
from worker.football.facts import Direction, Distance, Fact, Lane, Third
from worker.football.schema import Persona
from worker.football.vocabulary import GOALS, PASSES, SHOTS, ActionType, Outcome

_T, _O = ActionType, Outcome


@dataclass(frozen=True, slots=True)
class Case:
    """A line to judge.

    Attributes:
        scene: what happened.
        persona: who speaks.
        text: the line.
        origin: where it comes from.
        kind: what is wrong with it; None for a correct one.
        neighbours: the lines beside it.
    """

    scene: Scene
    persona: Persona
    text: str
    origin: str
    kind: Kind | None = None
    neighbours: tuple[str, ...] = field(default=())

    @property
    def fact(self) -> Fact:
        """What it tells."""
        return told(self.scene.name)


def mutants(case: Case, chance: Random) -> Iterator[Case]:
    """Every lie that can be made of a correct line: at most a few for each class."""
    for kind, make in _MAKERS.items():
        texts = {text for text in make(case, chance) if text != case.text}
        for text in sorted(texts):
            yield Case(case.scene, case.persona, text, case.origin, kind)
    yield Case(case.scene, case.persona, case.text, case.origin, Kind.ECHO, (_nearly(case.text),))


def _nearly(text: str) -> str:
    """The same sentence, but for one syllable and its mark."""
    return re.sub("[.!?]$", ".", re.sub("공을|를", "볼을", text, count=1)) or text


# Sentences by themselves, in each persona's level of speech.
def _level(case: Case, formal: str, plain: str) -> str:
    return plain if case.persona is Persona.FRIEND else formal


def _before(case: Case, formal: str, plain: str) -> str:
    return f"{_level(case, formal, plain)} {case.text}"


def _after(case: Case, formal: str, plain: str) -> str:
    return f"{case.text} {_level(case, formal, plain)}"


def _insert(case: Case, words: str) -> str:
    """`words` after the first word of the line."""
    first, space, rest = case.text.partition(" ")
    return f"{first} {words} {rest}" if space else f"{words} {first}"


_INVENTED = ("김민준", "박도현", "이서진", "최강호", "정우빈")


def _names(case: Case, chance: Random) -> Iterator[str]:
    fact = case.fact
    actor, receiver = fact.actor.name, fact.receiver and fact.receiver.name
    others = sorted({*SQUADS} - {actor, receiver} - _in_scene(case))
    if actor and actor in case.text:
        for name in (chance.choice(others), chance.choice(_INVENTED)):
            yield _renamed(case.text, actor, name)
        yield _renamed(case.text, actor, f"{chance.choice(_INVENTED)} 선수")
    if receiver and receiver in case.text:
        yield _renamed(case.text, receiver, chance.choice(others))
        yield _renamed(case.text, receiver, chance.choice(_INVENTED))
        if actor and actor in case.text:
            swapped = _renamed(_renamed(case.text, actor, "갑을병"), receiver, actor)
            yield _renamed(swapped, "갑을병", receiver)
    yield _insert(case, f"{particle(chance.choice((*others, *_INVENTED)), '과/와')} 함께")
    if actor and fact.actor.team and fact.actor.team not in case.text and fact.type not in GOALS:
        yield case.text.replace(actor, f"{_rival(fact)} {actor}", 1)
    if actor and fact.actor.position not in ("GK", None):
        yield case.text.replace(actor, f"골키퍼 {actor}", 1)


def _in_scene(case: Case) -> set[str | None]:
    return {row.player for row in case.scene.rows}


def _rival(fact: Fact) -> str:
    return "누리" if fact.actor.team == "가온" else "가온"


_PAIRS = ("이/가", "을/를", "은/는", "과/와", "으로/로")


def _renamed(text: str, name: str, other: str) -> str:
    """`other` for `name`, with the particles that it takes."""
    for pair in _PAIRS:
        for given in pair.split("/"):
            right = particle(other, pair)  # type: ignore[arg-type]
            text = re.sub(f"{name}{given}(?![가-힣])", right, text)
    return text.replace(name, other)


# What happened in a type, in words that must not be taken for a lie.
_TRUE_OF = {
    "goal": frozenset({_T.GOAL, _T.OWN_GOAL, _T.GOAL_CONCEDED}),
    "shot": SHOTS | GOALS | {_T.KEEPER_CATCH, _T.KEEPER_PARRY, _T.BLOCK},
    "save": frozenset({_T.KEEPER_CATCH, _T.KEEPER_PARRY}),
    "card": frozenset(),
    "corner": frozenset({_T.CORNER}),
    "offside": frozenset({_T.OFFSIDE}),
    "foul": frozenset({_T.FOUL, _T.HANDBALL, _T.FOUL_THROW}),
    "penalty": frozenset({_T.PENALTY}),
    "tackle": frozenset({_T.TACKLE}),
    "freekick": frozenset({_T.FREEKICK_PASS, _T.SHOT_FREEKICK}),
    "post": SHOTS,  # of a shot it is an outcome
    "error": frozenset({_T.ERROR}),
    "pass": PASSES | {_T.RECEIVE, _T.INTERCEPTION, _T.INTERVENTION, _T.BLOCK, _T.OFFSIDE},
}
_LIES = {
    "goal": (
        ("골입니다!", "골이야!"),
        ("골망을 흔듭니다!", "골망을 흔들었어!"),
        ("득점에 성공합니다!", "득점했어!"),
    ),
    "shot": (
        ("강력한 슛을 때립니다!", "강력한 슛을 때렸어!"),
        ("슈팅까지 가져갑니다!", "슈팅까지 날렸네!"),
    ),
    "save": (
        ("골키퍼 선방입니다!", "골키퍼 선방이야!"),
        ("슈퍼 세이브입니다!", "세이브가 나왔어!"),
    ),
    "card": (
        ("경고를 받습니다!", "경고를 받았어!"),
        ("레드카드가 나옵니다!", "레드카드 나왔어!"),
        ("퇴장당합니다!", "퇴장이야!"),
    ),
    "corner": (("코너킥이 주어집니다.", "코너킥이 주어졌어."), ("코너킥입니다!", "코너킥이네!")),
    "offside": (("오프사이드입니다.", "오프사이드야."),),
    "foul": (("반칙이 선언됩니다.", "반칙이 나왔네."), ("파울입니다!", "파울이야!")),
    "penalty": (("페널티킥을 얻어 냅니다!", "페널티킥이야!"),),
    "tackle": (("깊은 태클이 들어갑니다!", "태클이 들어왔어!"),),
    "freekick": (("프리킥이 선언됩니다.", "프리킥이네."),),
    "post": (("골대를 맞고 나옵니다!", "골대를 맞았어!"),),
    "error": (("치명적인 실수입니다!", "완전 실수야!"),),
    "pass": (("절묘한 패스를 찔러 줍니다!", "패스를 찔러 줬어!"),),
}


def _is_false(lie: str, case: Case) -> bool:
    fact = case.fact
    if fact.type in _TRUE_OF[lie]:
        return False
    near = set(_near_types(case))
    return not (
        (lie == "goal" and fact.outcome is _O.GOAL)
        or (lie in ("card", "foul") and fact.card is not None)
        or (lie == "post" and fact.outcome is _O.POST)
        or (lie == "offside" and fact.outcome is _O.OFFSIDE)
        or (lie == "error" and fact.outcome is _O.FAILURE)
        or (lie == "corner" and (fact.set_piece is not None or _T.CORNER in near))
        or (lie == "pass" and fact.type in (_T.RECOVERY, _T.DEFLECTION, _T.HIT, _T.CLEARANCE))
        or (lie == "shot" and near & SHOTS)
        or fact.type is _T.OTHER
    )


def _near_types(case: Case) -> Iterator[ActionType]:
    return (fact.type for fact in facts(case.scene.name) if fact.index < case.fact.index)


_TURNED = (
    ("패스", "슛"),
    ("크로스", "슛"),
    ("슛", "패스"),
    ("슈팅", "크로스"),
    ("막아", "선방으로 막아"),
)


def _events(case: Case, chance: Random) -> Iterator[str]:
    false = sorted(lie for lie in _LIES if _is_false(lie, case))
    for lie in chance.sample(false, min(3, len(false))):
        formal, plain = chance.choice(_LIES[lie])
        yield chance.choice((_before, _after))(case, formal, plain)
    for word, other in _TURNED:
        turned = {
            "슛": "shot",
            "슈팅": "shot",
            "패스": "pass",
            "크로스": "pass",
            "선방으로 막아": "save",
        }
        if word in case.text and _is_false(turned[other], case):
            yield _swapped_noun(case.text, word, other)
            break


def _swapped_noun(text: str, word: str, other: str) -> str:
    for pair in _PAIRS:
        for given in pair.split("/"):
            right = particle(other, pair)  # type: ignore[arg-type]
            text = re.sub(f"{word}{given}(?![가-힣])", right, text)
    return text.replace(word, other)


_SUCCEEDED = {
    "pass": (
        ("정확히 연결됩니다!", "정확히 연결됐어!"),
        ("동료에게 이어집니다.", "동료한테 이어졌어."),
    ),
    "take_on": (
        ("수비를 제쳐 냅니다!", "수비를 제쳤어!"),
        ("돌파에 성공합니다!", "돌파에 성공했네!"),
    ),
    "tackle": (("공을 빼앗아 냅니다!", "공을 뺏었어!"), ("태클에 성공합니다.", "태클 성공이야.")),
    "duel": (("경합을 이겨 냅니다!", "경합을 이겼어!"),),
    "receive": (("안정적으로 받아 냅니다.", "안정적으로 받았어."),),
    "claim": (("안정적으로 처리합니다.", "안정적으로 처리했어."),),
}
_FAILED = {
    "pass": (
        ("하지만 연결되지 않습니다.", "근데 연결되지 않았어."),
        ("상대에게 끊깁니다.", "상대한테 끊겼어."),
    ),
    "take_on": (("하지만 막힙니다.", "근데 막혔어."), ("공을 빼앗깁니다.", "공을 빼앗겼어.")),
    "tackle": (("하지만 실패합니다.", "근데 실패했어."),),
    "duel": (("경합에서 밀립니다.", "경합에서 밀렸어."),),
    "receive": (("하지만 놓칩니다.", "근데 놓쳤어."),),
    "claim": (("하지만 놓칩니다.", "근데 놓쳤어."),),
}
_FAMILIES = {
    **dict.fromkeys(PASSES, "pass"),
    _T.TAKE_ON: "take_on",
    _T.TACKLE: "tackle",
    _T.DUEL: "duel",
    _T.RECEIVE: "receive",
    _T.KEEPER_CLAIM: "claim",
}
_SHOT_ENDS = {
    _O.OFF_TARGET: ("슛이 골문을 벗어납니다.", "슛이 빗나갔어."),
    _O.BLOCKED: ("슛이 수비에 막힙니다.", "슛이 수비에 막혔어."),
    _O.POST: ("골대를 강타합니다!", "골대를 때렸어!"),
    _O.LOW_QUALITY: ("약한 슛에 그칩니다.", "힘없는 슛이야."),
}
_SAVES = {
    _O.SUCCESS: ("공을 쳐 냅니다!", "공을 쳐 냈어!"),
    _O.UNKNOWN: ("공을 품에 안습니다.", "공을 품에 안았어."),
}


def _outcomes(case: Case, chance: Random) -> Iterator[str]:
    fact = case.fact
    family = _FAMILIES.get(fact.type)
    if family:
        failed = fact.outcome in (_O.FAILURE, _O.OFFSIDE)
        sentences = (_SUCCEEDED if failed else _FAILED)[family]
        yield _after(case, *chance.choice(sentences))
    elif fact.type in SHOTS:
        false = [end for end in _SHOT_ENDS if end is not fact.outcome]
        if fact.outcome is _O.FAILURE:
            false = [end for end in false if end is not _O.OFF_TARGET]
        yield _after(case, *_SHOT_ENDS[chance.choice(false)])
    elif fact.type in (_T.KEEPER_CATCH, _T.KEEPER_PARRY):
        held = fact.outcome is _O.SUCCESS
        yield _after(case, *_SAVES[_O.SUCCESS if held else _O.UNKNOWN])
    elif fact.type in GOALS:
        yield from _false_goals(case)
    elif fact.type is _T.INTERVENTION:
        yield _after(case, "공을 따냅니다!", "공을 따냈어!")


def _false_goals(case: Case) -> Iterator[str]:
    """A goal told twice, put down to the wrong side, or denied."""
    fact = case.fact
    name = fact.actor.name or ""
    loser = "누리" if fact.scoring_team == "가온" else "가온"
    yield _after(case, f"{loser}의 득점입니다!", f"{loser}의 득점이야!")
    if fact.told_by:
        subject = particle(name, "이/가")
        yield _level(case, f"{subject} 골망을 흔듭니다!", f"{subject} 골망을 흔들었어!")
    elif fact.type is _T.GOAL:
        yield _after(case, "하지만 골문을 벗어납니다.", "근데 골문을 벗어났어.")
    elif fact.type is _T.OWN_GOAL:
        subject = particle(name, "이/가")
        yield _level(case, f"{subject} 골을 넣습니다!", f"{subject} 골을 넣었어!")


_OPPOSITES = (
    ("왼쪽", "오른쪽"),
    ("왼편", "오른편"),
    ("좌측", "우측"),
    ("앞으로", "뒤로"),
    ("전방으로", "후방으로"),
    ("길게", "짧게"),
    ("자기 진영", "상대 진영"),
    ("자기 페널티 박스", "상대 페널티 박스"),
    ("중원", "상대 페널티 박스 안"),
    ("옆으로", "앞으로"),
)
_WORD = "(?<![가-힣]){}"


def _places(case: Case, chance: Random) -> Iterator[str]:
    fact, found = case.fact, False
    for one, other in _OPPOSITES:
        for said, instead in ((one, other), (other, one)):
            if re.search(_WORD.format(said), case.text) and not found:
                found = True
                yield re.sub(_WORD.format(said), instead, case.text, count=1)
    false = [words for words, holds in _FALSE_PLACES if not holds(fact)]
    for words in chance.sample(false, min(2, len(false))):
        yield _insert(case, words)


def _lanes(fact: Fact) -> set[Lane | None]:
    return {zone.lane for zone in (fact.start, fact.end) if zone}


def _thirds(fact: Fact) -> set[Third]:
    return {zone.third for zone in (fact.start, fact.end) if zone}


_FALSE_PLACES: tuple[tuple[str, Callable[[Fact], bool]], ...] = (
    ("왼쪽에서", lambda fact: Lane.LEFT in _lanes(fact)),
    ("오른쪽에서", lambda fact: Lane.RIGHT in _lanes(fact)),
    ("오른쪽 측면에서", lambda fact: Lane.RIGHT in _lanes(fact)),
    ("상대 페널티 박스 안에서", lambda fact: Third.BOX in _thirds(fact)),
    ("자기 진영에서", lambda fact: bool({Third.OWN, Third.OWN_BOX} & _thirds(fact))),
    ("상대 진영에서", lambda fact: bool({Third.FINAL, Third.BOX} & _thirds(fact))),
    ("중원에서", lambda fact: Third.MIDDLE in _thirds(fact)),
    ("뒤로", lambda fact: fact.direction is Direction.BACKWARD),
    ("옆으로", lambda fact: fact.direction is Direction.SIDEWAYS),
    ("앞으로", lambda fact: fact.direction is Direction.FORWARD or fact.type not in PASSES),
    ("길게", lambda fact: fact.distance is Distance.LONG or fact.type not in PASSES),
    ("짧게", lambda fact: fact.distance is Distance.SHORT or fact.type not in PASSES),
)

_SCORES = (
    ("점수는 2대 0입니다.", "지금 2대 0이야."),
    ("3대1이 됩니다.", "3대1이 됐어."),
    ("스코어는 일 대 영입니다.", "일 대 영이야."),
    ("가온이 앞서 나갑니다.", "가온이 앞서 가네."),
    ("승리에 다가섭니다.", "승리가 눈앞이야."),
    ("극적인 동점골입니다!", "동점골이야!"),
    ("귀중한 선제골입니다!", "선제골이네!"),
    ("역전에 성공합니다!", "역전이야!"),
)
_NUMBERS = (
    "30미터",
    "이십 미터 밖에서",
    "80퍼센트 확률로",
    "오 초 만에",
    "10초 만에",
    "시속 100킬로로",
    "두 명 사이로",
)
_POINTING = ("여기서", "저쪽으로", "이쪽에서", "저기서", "거기로", "그쪽으로", "이 선수,", "이렇게")
_FOREIGN = ("goal", "球", "ゴール", "ฟุตบอล", "shoot", "гол", "⚽")


def _scores(case: Case, chance: Random) -> Iterator[str]:
    for formal, plain in chance.sample(_SCORES, 2):
        yield _after(case, formal, plain)


def _inserted(words: tuple[str, ...]) -> Callable[[Case, Random], Iterator[str]]:
    def make(case: Case, chance: Random) -> Iterator[str]:
        for each in chance.sample(words, 2):
            yield _insert(case, each)

    return make


def _registers(case: Case, chance: Random) -> Iterator[str]:
    """The last sentence in another level of speech, or one before it."""
    yield _before(
        case, chance.choice(("좋네!", "정말 좋아요!")), chance.choice(("좋습니다!", "좋아요!"))
    )
    mark = case.text[-1]
    spoken = case.text[:-1]
    if case.persona is Persona.FRIEND:
        yield f"{_formal(spoken)}{mark}"
        yield f"{_polite(spoken)}{mark}"
        return
    stem = _stem(spoken)
    if stem:
        yield f"{stem}네{mark}"
        yield f"{stem}는데요{mark}"


def _stem(spoken: str) -> str | None:
    """What stands before 습니다 or ㅂ니다 in the present."""
    if spoken.endswith("입니다"):
        return f"{spoken[:-3]}이"
    if spoken.endswith("습니다"):
        return spoken[:-3]
    found = re.search("(.)니다$", spoken)
    if found and (ord(found[1]) - 0xAC00) % 28 == 17:
        return f"{spoken[:-3]}{chr(ord(found[1]) - 17)}"
    return None


def _formal(spoken: str) -> str:
    if spoken.endswith("네"):
        last = spoken[-2]
        open_ = (ord(last) - 0xAC00) % 28 == 0
        return f"{spoken[:-2]}{chr(ord(last) + 17)}니다" if open_ else f"{spoken[:-1]}습니다"
    if spoken.endswith("이야"):
        return f"{spoken[:-2]}입니다"
    if spoken.endswith("야"):
        return f"{spoken[:-1]}입니다"
    if (ord(spoken[-2]) - 0xAC00) % 28 == 20 and spoken[-1] in "어다네지":
        return f"{spoken[:-1]}습니다"
    return f"{spoken}입니다"


def _polite(spoken: str) -> str:
    return f"{spoken[:-1]}에요" if spoken.endswith("야") else f"{spoken}요"


def _scripts(case: Case, chance: Random) -> Iterator[str]:
    yield _insert(case, chance.choice(_FOREIGN))


_WRONG = {
    "이": "가",
    "가": "이",
    "을": "를",
    "를": "을",
    "은": "는",
    "는": "은",
    "과": "와",
    "와": "과",
}


def _particles(case: Case, chance: Random) -> Iterator[str]:
    names = [case.fact.actor.name, case.fact.receiver and case.fact.receiver.name]
    for name in filter(None, names):
        found = re.search(f"{name}([{''.join(_WRONG)}])(?![가-힣])", case.text)
        if found:
            yield f"{case.text[: found.start(1)]}{_WRONG[found[1]]}{case.text[found.end(1) :]}"
            return


_PADDING = ("차분하게", "침착하게", "빠르게", "재치 있게", "날렵하게", "영리하게")


def _lengths(case: Case, chance: Random) -> Iterator[str]:
    text = case.text
    while syllables(text) <= case.fact.budget:
        text = _insert(Case(case.scene, case.persona, text, case.origin), chance.choice(_PADDING))
    yield text


def _cuts(case: Case, chance: Random) -> Iterator[str]:
    """The last word gone, or broken off: a sentence that never comes to its verb."""
    *words, last = case.text[:-1].split(" ")
    if words and re.search("(?<!나)(?<!와)[을를이가은는에서로의]$", words[-1]):
        yield f"{' '.join(words)}."
    if len(last) >= 3 and case.persona is not Persona.FRIEND:
        yield f"{' '.join([*words, last[: len(last) // 2]])}."


_MAKERS: dict[Kind, Callable[[Case, Random], Iterator[str]]] = {
    Kind.NAME: _names,
    Kind.EVENT: _events,
    Kind.OUTCOME: _outcomes,
    Kind.PLACE: _places,
    Kind.SCORE: _scores,
    Kind.NUMBERS: _inserted(_NUMBERS),
    Kind.DEMONSTRATIVE: _inserted(_POINTING),
    Kind.REGISTER: _registers,
    Kind.SCRIPT: _scripts,
    Kind.PARTICLE: _particles,
    Kind.LENGTH: _lengths,
    Kind.CUT: _cuts,
}
