"""What happened: one table of what a line may claim, by the action's canonical type and result.

A claim is a set of ways in which commentators say that something happened. It holds for the actions
whose type and result say so; where it stands in a line about another one, the line lies. What is
denied (골이 되지 않습니다) or only intended (제치려 합니다) is not claimed.
"""

from collections.abc import Callable, Collection, Iterator
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from worker.commentary.guard import goals
from worker.commentary.guard.cast import ACTOR, Context, Reading
from worker.commentary.guard.finding import Finding, Ground, Kind, Violation
from worker.commentary.guard.patterns import real, ways
from worker.football.facts import Fact
from worker.football.vocabulary import (
    KEEPING,
    PASSES,
    SHOTS,
    ActionType,
    Card,
    Outcome,
    SetPiece,
)

if TYPE_CHECKING:
    import re

_T, _O = ActionType, Outcome
Holds = Callable[[Fact, Context], bool]

_FOULS = frozenset({_T.FOUL, _T.HANDBALL, _T.FOUL_THROW})
# A ball that was played a moment ago may be spoken of: the cross that is met, the shot saved.
_MOMENT = 3  # unit: actions


class Claim(NamedTuple):
    """One thing that a line can say happened.

    Attributes:
        kind: the class of the violation where it does not hold.
        pattern: the ways to say it.
        holds: whether the action is such.
        reason: what a model is told where it does not.
        field: the field of the fact that supports it where it holds.
        named: whether to name it is to claim it: a pass that does not arrive was still a pass.
    """

    kind: Kind
    pattern: "re.Pattern[str]"
    holds: Holds
    reason: str
    field: str
    named: bool = False


def findings(reading: Reading) -> Iterator[Finding]:
    """What a line says happened, as far as its action is such, and where it is not."""
    for claim in _CLAIMS:
        search = claim.pattern.search if claim.named else partial(real, claim.pattern)
        found = search(reading.masked)
        if found is None:
            continue
        if claim.holds(reading.fact, reading.context):
            yield Ground(claim.field, reading.said(found))
        else:
            yield Violation(claim.kind, reading.said(found), claim.reason)


def _is(*types: ActionType) -> Holds:
    return lambda fact, _: fact.type in types


def _in(types: Collection[ActionType]) -> Holds:
    return lambda fact, _: fact.type in types


def _came_to(*outcomes: Outcome) -> Holds:
    return lambda fact, _: fact.outcome in outcomes


def _any(*ways_: Holds) -> Holds:
    return lambda fact, context: any(way(fact, context) for way in ways_)


def _all(*ways_: Holds) -> Holds:
    return lambda fact, context: all(way(fact, context) for way in ways_)


def _not(way: Holds) -> Holds:
    return lambda fact, context: not way(fact, context)


def _after(*types: ActionType) -> Holds:
    """Whether one of the last actions was such."""
    return lambda fact, context: any(each.type in types for each in _last(fact, context))


def _from(piece: SetPiece) -> Holds:
    """Whether the action is such a dead ball, or follows one."""
    return lambda fact, context: any(
        each.set_piece is piece for each in (fact, *_last(fact, context))
    )


def _last(fact: Fact, context: Context) -> list[Fact]:
    return [each for each in context.facts if 0 < fact.index - each.index <= _MOMENT]


def _carded(*cards: Card) -> Holds:
    return lambda fact, _: fact.card in cards


def _word(*parts: str) -> Holds:
    """Whether the provider's own word for an action says it."""
    return lambda fact, _: fact.type is _T.OTHER and any(part in fact.word for part in parts)


def _never(fact: Fact, context: Context) -> bool:
    """What no row of any provider's says."""
    return False


def _event(pattern: "re.Pattern[str]", holds: Holds, reason: str, field: str = "type") -> Claim:
    return Claim(Kind.EVENT, pattern, holds, reason, field)


def _noun(pattern: "re.Pattern[str]", holds: Holds, reason: str, field: str = "type") -> Claim:
    return Claim(Kind.EVENT, pattern, holds, reason, field, named=True)


def _outcome(pattern: "re.Pattern[str]", holds: Holds, reason: str) -> Claim:
    return Claim(Kind.OUTCOME, pattern, holds, reason, "outcome")


_NO_CARD = _carded(None)  # type: ignore[arg-type]
_SHOT = _in(SHOTS)
_NOT_SHOT = _not(_SHOT)
_SHOOTS = _any(_SHOT, _is(_T.GOAL))
_GOAL = _came_to(_O.GOAL)
_CONCEDES = _is(_T.OWN_GOAL, _T.GOAL_CONCEDED)
_KEEPS = _in(KEEPING)
_KEEPER = _any(_KEEPS, lambda fact, _: fact.actor.position == "GK")

_BALL = "(?:공|볼)"
_PLAYED = "(?:패스|크로스|스로인|프리킥|코너킥|골킥|킥)"
_SEND = (
    "(?:<보내>|<건네>(?!받)|<찌르>|연결|<넘기>(?!받)|<뿌리>|<띄우>|배달|배급|전달|전개|<내주>"
    "|이어 ?<주>|<돌리>"
    "|밀어 ?<주>|깔아|시도|투입|찍어)"
)

_WOODWORK = ways(
    "골포스트|크로스바|골대[를을에]? ?(?:강타|맞|<때리>|<두드리>|튕)|골대 ?(?:불운|강타)|골대(?:입"
    "|야|네)"
)

_CLAIMS = (
    # Goals.
    _event(goals.WORDS, _GOAL, "골이 난 행동이 아니다", "outcome"),
    _outcome(goals.WORDS, _any(_NOT_SHOT, _came_to(_O.GOAL, _O.UNKNOWN)), "골이 되지 않았다"),
    _outcome(
        ways(
            "(?:공|슛|슈팅|볼|킥)[이은]? ?[^.!?]{0,8}<들어가>|<빨려 들어가>|(?:집어|밀어|차) ?넣",
            "[이가] ?넣[었습네]|<꽂히>|[이가] ?<성공하>|<해결하>|맞고 ?<들어가>",
        ),
        _any(_NOT_SHOT, _GOAL),
        "골이 되지 않았다",
    ),
    _outcome(goals.SCORING, _any(_not(_GOAL), _not(_CONCEDES)), "이 선수가 넣은 골이 아니다"),
    _event(
        ways("자책|자살골"),
        _any(_is(_T.OWN_GOAL), lambda fact, _: fact.told_by is _T.OWN_GOAL),
        "자책골이 아니다",
        "outcome",
    ),
    _event(goals.CONCEDING, _GOAL, "골이 난 행동이 아니다", "outcome"),
    _outcome(goals.CONCEDING, _any(_not(_GOAL), _CONCEDES), "골을 내준 행동이 아니다"),
    # Shots.
    _event(
        ways(
            "(?:슛|슈팅|중거리포|대포알)[을를]? ?(?:<때리>|<날리>|<쏘>|<감행하>|퍼[부붓]|뿜"
            "|<작렬하>|시도|<이어 가>|연결)",
            "(?:슛|슈팅)[을를]? ?(?:<가져가>|<선보이>|<차>(?!단)|합|했|해|하네|<마무리하>)",
            "(?:^|[ ,!])슛[!,]|슛(?:입|이야|이네|까지|으로|,)|직접 (?:<노리>|<때리>|겨[누냥])",
            "골문을 ?(?:<노리>|<겨누>|겨냥|<두드리>|위협|조준|정조준)|골을 노|강슛",
            "쏘아(?! ?올)|쐈|쏩니|쏴|방아쇠|골문[을으][로]? ?(?:향해|향[하합했](?![던는]))",
        ),
        _SHOOTS,
        "슛을 한 행동이 아니다",
    ),
    _event(
        ways("<때리>"),
        _any(
            _SHOOTS,
            _is(_T.GOAL_KICK, _T.FREEKICK_PASS, _T.CORNER, _T.CLEARANCE, _T.HIT, _T.DEFLECTION),
        ),
        "슛을 한 행동이 아니다",
    ),
    _noun(
        ways("슛|슈팅"),
        _any(
            _SHOOTS,
            _is(_T.KEEPER_CATCH, _T.KEEPER_PARRY),
            _all(_after(*SHOTS), _not(_in(PASSES | {_T.CARRY, _T.TAKE_ON}))),
        ),
        "슛이 아니다",
    ),
    _outcome(
        ways(
            "<빗나가>|<빗겨 가>|<비껴가>|(?<!압박을 )(?<!수비를 )(?<!마크를 )<벗어나>|외면|허공"
            "|골대를 ?넘|골문을 ?(?:넘|<지나>)|옆그물"
            "|관중석",
            "하늘(?:로|을|높이)|뜹니다|<떠오르>|떴",
        ),
        _any(_NOT_SHOT, _came_to(_O.OFF_TARGET)),
        "골문을 벗어난 슛이 아니다",
    ),
    _outcome(
        ways(
            "유효 ?(?:슛|슈팅)|골문 안쪽",
            "골문(?: 안| 안쪽)?(?:으로|을) ?(?:정확|향[하합했한](?!던)|<날아가>|<날아들>|<파고들>)",
        ),
        _any(_NOT_SHOT, _came_to(_O.ON_TARGET, _O.GOAL)),
        "골문으로 향한 슛인지 자료에 없다",
    ),
    _outcome(
        ways("<약하>|힘없|힘이 ?(?:없|부족|빠|약|실리지)|빗맞|위력이? ?(?:없|부족|약)|밋밋"),
        _any(_NOT_SHOT, _came_to(_O.LOW_QUALITY)),
        "약한 슛이라는 말은 자료에 없다",
    ),
    _outcome(
        ways("강력한|강슛|대포알|벼락|통렬|위력적|강하게|강한"),
        _not(_came_to(_O.LOW_QUALITY)),
        "약한 슛이다",
    ),
    _event(_WOODWORK, _SHOT, "골대를 맞힌 슛이 아니다", "outcome"),
    _outcome(_WOODWORK, _any(_NOT_SHOT, _came_to(_O.POST)), "골대를 맞힌 슛이 아니다"),
    _event(
        ways(
            "(?:골키퍼|키퍼|수문장)[가이]? ?(?:[가-힣]+ )?(?:<나오>|<나서>|뛰쳐|비운|전진|달려)",
            "빈 ?(?:골문|골대)",
        ),
        _any(_came_to(_O.KEEPER_RUSH_OUT), _KEEPS),
        "골키퍼가 나왔다는 말은 자료에 없다",
        "outcome",
    ),
    # Goalkeepers.
    _event(
        ways("선방|세이브"),
        _all(_is(_T.KEEPER_CATCH, _T.KEEPER_PARRY), _not(_came_to(_O.FAILURE))),
        "골키퍼의 선방이 아니다",
    ),
    _event(
        ways(
            "(?:골키퍼|키퍼|수문장)(?:에게|한테|에|의|가|이)? ?(?:[가-힣]+ )?"
            "(?:막(?!아 ?[서섭선섰])|<걸리>|잡|쳐 ?<내>|손에|품|정면)"
        ),
        _KEEPS,
        "골키퍼가 막았다는 말은 자료에 없다",
    ),
    _event(
        ways("펀칭|캐칭|품에 ?(?:안|넣)|움켜|끌어안|두 손|양손|손끝"),
        _KEEPER,
        "골키퍼의 행동이 아니다",
    ),
    _outcome(
        ways(
            "잡(?:아(?! ?보)|습|았|는|네|은)|낚아|품에|움켜|끌어안|안아 ?<내>|캐칭|붙잡|받아 ?<내>",
        ),
        _any(
            _not(_KEEPS),
            _is(_T.KEEPER_CLAIM, _T.KEEPER_SWEEP),
            _all(_is(_T.KEEPER_CATCH), _came_to(_O.SUCCESS)),
        ),
        "공을 잡았다는 말은 자료에 없다",
    ),
    _outcome(
        ways("펀칭|쳐 ?<내>|쳐서"), _not(_is(_T.KEEPER_CATCH)), "공을 쳐 냈다는 말은 자료에 없다"
    ),
    # Cards.
    _event(
        ways("(?<!교체 )(?<!비장의 )카드|경고(?!등)|퇴장"),
        _not(_NO_CARD),
        "카드가 나오지 않았다",
        "card",
    ),
    _event(
        ways("퇴장|레드|빨간|두 번째 ?(?:경고|옐로)|누적"),
        _any(_NO_CARD, _carded(Card.RED, Card.SECOND_YELLOW)),
        "경고 한 장뿐이다",
        "card",
    ),
    _event(
        ways("경고|옐로|노란|누적"),
        _any(_NO_CARD, _carded(Card.YELLOW, Card.SECOND_YELLOW)),
        "바로 퇴장이다",
        "card",
    ),
    _event(
        ways("다이렉트|곧바로 퇴장|바로 퇴장|곧장 퇴장"),
        _any(_NO_CARD, _carded(Card.RED)),
        "경고 누적으로 퇴장이다",
        "card",
    ),
    # Dead balls.
    _noun(ways("코너 ?킥|코너에서"), _from(SetPiece.CORNER), "코너킥이 아니다", "set_piece"),
    _noun(ways("프리 ?킥"), _from(SetPiece.FREE_KICK), "프리킥이 아니다", "set_piece"),
    _noun(
        ways("페널티 ?킥|(?<![A-Z])PK|승부차기"),
        _any(_from(SetPiece.PENALTY), lambda fact, _: fact.period == 5),
        "페널티킥이 아니다",
        "set_piece",
    ),
    _noun(
        ways(f"스로인|{_BALL}[을를]? ?<던지>"),
        _any(_from(SetPiece.THROW_IN), _is(_T.FOUL_THROW)),
        "스로인이 아니다",
        "set_piece",
    ),
    _noun(ways("골 ?킥"), _from(SetPiece.GOAL_KICK), "골킥이 아니다", "set_piece"),
    _noun(ways("킥오프"), _from(SetPiece.KICK_OFF), "킥오프가 아니다", "set_piece"),
    # Passes.
    _noun(
        ways("크로스(?!바)|센터링"),
        _any(
            _is(_T.CROSS, _T.CORNER, _T.FREEKICK_PASS),
            _all(_after(_T.CROSS), _not(_in(PASSES))),
            _all(_after(_T.CORNER), _not(_in(PASSES | SHOTS))),
        ),
        "크로스가 아니다",
    ),
    _event(
        ways(f"패스[를]? ?{_SEND}|패스(?:합|했|해|하네|한다|하는)"),
        _in(PASSES),
        "패스를 한 행동이 아니다",
    ),
    _noun(ways(f"{ACTOR}의 ?(?:[가-힣]+ )?패스"), _in(PASSES), "패스를 한 행동이 아니다"),
    _noun(
        ways("패스"),
        _any(
            _in(PASSES),
            _is(
                *(_T.RECEIVE, _T.INTERCEPTION, _T.INTERVENTION, _T.BLOCK, _T.OFFSIDE),
                *(_T.RECOVERY, _T.DEFLECTION, _T.HIT, _T.CLEARANCE),
            ),
            _all(_is(_T.TACKLE, _T.DUEL, _T.KEEPER_SWEEP, _T.KEEPER_CLAIM), _after(*PASSES)),
        ),
        "패스가 아니다",
    ),
    _event(
        ways(
            f"{_BALL}[을를]? ?(?:<보내>|<건네>(?!받)|찔러|<넘기>(?!받)|<내주>|(?:연결|배달"
            f"|전달)(?!받))"
        ),
        _any(_in(PASSES), _is(_T.CLEARANCE, _T.OWN_GOAL)),
        "공을 건넨 행동이 아니다",
    ),
    _event(
        ways(
            f"(?:{_PLAYED}|{_BALL})[을를]? ?(?:이어|건네|넘겨|잘 )?"
            "받(?:습|았|네|는|고|아(?! ?[치쳐]))"
        ),
        _any(
            _is(_T.RECEIVE, _T.OFFSIDE),
            _in(PASSES - {_T.GOAL_KICK}),
            _all(_in(SHOTS | {_T.CARRY, _T.TAKE_ON}), _after(_T.RECEIVE)),
        ),
        "공을 받은 행동이 아니다",
    ),
    # On the ball.
    _event(
        ways(
            "드리블|몰고|(?<!휘)몰아(?! ?[치칩쳤붙])|운반|(?<!이)끌고",
            "치고 ?(?:<나가>|올라|들어|<달리>)",
        ),
        _is(_T.CARRY, _T.TAKE_ON),
        "공을 몰고 간 행동이 아니다",
    ),
    _noun(ways("돌파(?!구)"), _is(_T.CARRY, _T.TAKE_ON), "돌파가 아니다"),
    _event(
        ways("<제치>|<따돌리>|벗겨|(?<!열어)(?<!열어 )<젖히>"),
        _is(_T.TAKE_ON),
        "상대를 제친 행동이 아니다",
    ),
    # Defending.
    _noun(ways("태클"), _is(_T.TACKLE), "태클이 아니다"),
    _noun(ways("경합|몸싸움"), _any(_is(_T.DUEL), _after(_T.DUEL)), "경합이 아니다"),
    _noun(
        ways("공중볼|하이볼"),
        _in(PASSES | {_T.KEEPER_CLAIM, _T.DUEL, _T.CLEARANCE}),
        "공중볼이라는 말은 자료에 없다",
    ),
    _event(
        ways(
            "(?:빼앗|뺏)(?:습|았|아(?! ?보)|네|었)|<탈취하>|<강탈하>",
            f"{_BALL}[을를]? ?(?:완전히 )?(?:<따내>|<빼앗아>|차지|획득|되찾|탈취)",
        ),
        _any(
            _is(_T.TACKLE, _T.DUEL, _T.INTERCEPTION, _T.INTERVENTION, _T.RECOVERY, _T.RECEIVE),
            _KEEPER,
        ),
        "공을 따낸 행동이 아니다",
    ),
    _event(
        ways("<가로채>|인터셉트|<낚아채>"),
        _any(_is(_T.INTERCEPTION, _T.INTERVENTION), _KEEPS),
        "가로챈 행동이 아니다",
    ),
    _outcome(
        ways(
            "<가로채>|인터셉트|<낚아채>|소유권|공격권|(?:빼앗|뺏)(?:습|았|아(?! ?보)|네|었)",
            f"{_BALL}[을를]? ?(?:완전히 )?(?:<따내>|빼앗|뺏|차지|획득|되찾|소유|확보|탈취)",
        ),
        _not(_is(_T.INTERVENTION, _T.DEFLECTION, _T.HIT, _T.BLOCK)),
        "공을 따낸 것은 아니다",
    ),
    _event(
        ways("끊(?:[어었습네는]|겠)|커트"),
        _is(
            *(_T.INTERCEPTION, _T.INTERVENTION, _T.BLOCK, _T.TACKLE, _T.CLEARANCE, _T.DUEL),
            *(_T.RECOVERY, *KEEPING),
        ),
        "끊어 낸 행동이 아니다",
    ),
    _event(
        ways(
            "(?<!앞을 )막(?:아(?! ?[서섭선섰])|았|습|네|는(?! ?(?:데|사이))|고)|<저지하>|차단(?:합"
            "|했|해|하)"
            "|블로킹|블록|육탄"
        ),
        _any(
            _is(
                *(_T.BLOCK, _T.TACKLE, _T.INTERCEPTION, _T.INTERVENTION, _T.CLEARANCE),
                *(_T.DEFLECTION, _T.DUEL, *KEEPING),
            ),
            _came_to(_O.BLOCKED),
        ),
        "막은 행동이 아니다",
    ),
    _outcome(
        ways(
            "<막히>|가로막|블로킹|블록|육탄",
            "수비(?:수|벽|진)?(?:의|에|에게|한테)? ?(?:[가-힣]{1,3} ?)?(?:<걸리>|맞)",
        ),
        _any(_NOT_SHOT, _came_to(_O.BLOCKED)),
        "수비에 막힌 슛이 아니다",
    ),
    _event(
        ways("걷어(?! ?[차찹찼])|걷[는었습]|클리어"),
        _any(_is(_T.CLEARANCE, _T.BLOCK), _KEEPS),
        "걷어 낸 행동이 아니다",
    ),
    _event(ways("오프사이드"), _any(_is(_T.OFFSIDE), _came_to(_O.OFFSIDE)), "오프사이드가 아니다"),
    _event(ways("반칙|파울"), _any(_in(_FOULS), _not(_NO_CARD)), "반칙이 아니다"),
    _event(
        ways("핸드볼|손에 ?(?:맞|닿|걸)|손으로"), _any(_is(_T.HANDBALL), _KEEPS), "핸드볼이 아니다"
    ),
    _event(
        ways(
            "아웃(?:<되>|입|이|!)",
            "(?:(?<!수비 )(?<!최종 )(?<!하프 )(?<!하프)라인|옆줄|엔드라인|경기장|그라운드"
            "|피치)[을를]? ?(?:밖|<벗어나>|넘"
            "|<나가>)",
            f"{_BALL}[이은]? ?(?:그대로 |결국 )?(?:(?:라인 )?밖으로 )?(?:<나가>|흘러 ?나|굴러 ?나"
            f"|<벗어나>)",
            "(?<!골대 )(?<!골문 )(?<!박스 )(?<!지역 )(?<!진영 )밖으로 ?(?:나|흘|굴|향|흐|빠"
            "|<보내>)",
        ),
        _any(
            _is(_T.OUT, _T.THROW_IN, _T.FOUL_THROW),
            _all(_SHOT, _came_to(_O.OFF_TARGET)),
        ),
        "공이 나간 행동이 아니다",
    ),
    _event(
        ways("실수(?! ?없)|실책|범실|미스(?!터|매치)"),
        _any(_is(_T.ERROR), _all(_in(PASSES | KEEPING), _came_to(_O.FAILURE))),
        "실수라는 말은 자료에 없다",
    ),
    _event(ways("굴절|<꺾이>"), _is(_T.DEFLECTION), "굴절된 행동이 아니다"),
    _noun(
        ways("휘슬|호각|주심|심판|부심|깃발"),
        _any(
            _in(_FOULS | {_T.OFFSIDE, _T.PAUSE, _T.PENALTY, _T.OTHER}),
            _came_to(_O.OFFSIDE, _O.GOAL),
            _not(_NO_CARD),
        ),
        "심판이 끼어든 행동이 아니다",
    ),
    # What no row can say.
    _noun(ways("관중|팬들|환호|함성|열광"), _never, "관중의 모습은 자료에 없다"),
    _event(
        ways(
            "왼발|오른발|헤더|헤딩|(?:머리|가슴|무릎|이마|뒤꿈치)(?:로|으로)|발리|바이시클|오버헤드"
            "|힐킥|칩슛|원터치|논스톱"
        ),
        _never,
        "어느 부위로 했는지는 자료에 없다",
    ),
    _event(ways("교체|투입<되>"), _word("교체"), "선수 교체가 아니다"),
    _event(ways("VAR|비디오|판독"), _word("VAR", "판독"), "비디오 판독은 자료에 없다"),
    _event(ways("부상|<쓰러지>|들것|치료"), _word("부상", "치료"), "부상은 자료에 없다"),
    _event(ways("어시스트|도움(?!닫)"), _is(_T.KEEPER_SWEEP), "도움은 자료에 없다"),
    _event(
        ways(
            "(?:경기|전반|후반|전반전|후반전)[이가은는]? ?(?:종료|끝)|종료 ?휘슬|하프 ?타임"
            "|추가 ?시간"
        ),
        _never,
        "경기가 끝났다는 말은 자료에 없다",
    ),
)
