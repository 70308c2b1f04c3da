"""Teams: the actor's acts; the other one stands against it, or is credited with its own goal."""

import re
from collections.abc import Iterator

from worker.commentary.guard.cast import ACTOR, OPPONENT, OWN, Reading
from worker.commentary.guard.finding import Finding, Ground, Kind, Violation
from worker.commentary.guard.patterns import ways
from worker.commentary.names import speakable
from worker.football.vocabulary import DEFENDING, ActionType, Outcome

_T = ActionType

# What a team's name is followed by where it is the one that is attacked, and that attacks.
_ITS_GOAL = (
    "(?:골문|골망|골대|골네트|문전|수비|최종|뒷공간|배후|페널티|박스|진영|벽|압박|골키퍼|키퍼"
    "|수문장|중원"
    "|선수"
    "|빗장|방패|그물|자물쇠|방어|문을)"
)
_ITS_ATTACK = (
    "(?:공격|패스|슛|슈팅|크로스|역습|공|볼|돌파|전진|침투|선수|코너|프리킥|스로인|흐름|기회|찬스)"
)
_ATTACKED = ways(f"{OPPONENT}의? ?{_ITS_GOAL}")
_ATTACKING = ways(f"{OPPONENT}의? ?{_ITS_ATTACK}")
_ITSELF = ways(
    f"{OWN}의? ?(?:골문|골망|골대|골네트|수비(?!수 ?{ACTOR})"
    f"|(?:골키퍼|키퍼|수문장)(?! ?{ACTOR})(?![에한]))"
)
_ANY = re.compile(OPPONENT)

_CREDITED = "(?:득점|골(?!문|망|대|키퍼|네트|라인)|점수)"
_OPPONENT_S = ways(f"{OPPONENT}(?! ?{ACTOR})[의이가에]?(?: ?[가-힣]{{1,3}})? ?{_CREDITED}")
_OWN_S = ways(f"{OWN}(?! ?{ACTOR})[의이가에]? ?[^.!?]{{0,3}}{_CREDITED}")
_CONCEDED = ways("허용|<내주>|실점|헌납|먹|자책")


def findings(reading: Reading) -> Iterator[Finding]:
    """What a line says of teams."""
    fact, masked = reading.fact, reading.masked
    if fact.outcome is Outcome.GOAL:
        yield from _credit(reading)
    if _attacks(reading):
        for found in _ITSELF.finditer(masked):
            yield Violation(Kind.NAME, reading.said(found), "자기 팀을 상대로 말했다")
    lawful = [found.start() for found in _against(reading).finditer(masked)]
    for found in _ANY.finditer(masked):
        if found.start() not in lawful:
            reason = f"{reading.said(found)}의 행동이 아니다"
            yield Violation(Kind.NAME, reading.said(found), reason)
    if OWN in masked:
        yield Ground("team", fact.actor.team or "")


def _attacks(reading: Reading) -> bool:
    return reading.fact.type not in DEFENDING | {_T.ERROR}


def _against(reading: Reading) -> "re.Pattern[str]":
    """How the other team may be named: as what it is to this action; freely where it scores."""
    fact = reading.fact
    if fact.scoring_side is not None and fact.scoring_side is not fact.actor.side:
        return _ANY
    return _ATTACKED if _attacks(reading) else _ATTACKING


def _credit(reading: Reading) -> Iterator[Finding]:
    """A goal is put down to the side that it counts for."""
    fact = reading.fact
    if fact.scoring_side is None and fact.scoring_team is None:
        return
    conceded = fact.type in (_T.OWN_GOAL, _T.GOAL_CONCEDED)
    wrong = (_OWN_S if conceded else _OPPONENT_S).search(reading.masked)
    if wrong and not _CONCEDED.search(reading.masked, wrong.start()):
        reason = f"{speakable(fact.scoring_team) or '상대'}의 득점이다"
        yield Violation(Kind.OUTCOME, reading.said(wrong), reason)
