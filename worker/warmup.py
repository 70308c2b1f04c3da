"""The first commentary of a worker's life, spoken to nobody.

It runs the whole path that a job runs (facts, prompt, line grammar, side-by-side generation), so
that whatever the engine does only once (kernels, grammar masks, caches) is done before a job waits
for it.
"""

from contextlib import aclosing
from dataclasses import replace
from typing import Any

from worker.commentary.pipeline import (
    CommentaryOptions,
    GuardMode,
    Script,
    Source,
    commentate,
)
from worker.engine import Engine
from worker.errors import EngineError, StartupError
from worker.football.schema import CommentaryRequest

WARM_UP_SECONDS = 300.0  # the first generation may compile kernels; a job's deadline is not its

TEAM = {"teamId": "1", "teamNameKoShort": "연습"}
REHEARSAL: dict[str, Any] = {
    "gameId": "warm-up",
    "style": "CASTER",
    "matchInfo": {"homeTeamId": "1", "awayTeamId": "2", "homeTeamNameKoShort": "연습"},
    "rawData": [
        {**TEAM, "actionId": 1, "periodId": 1, "timeSeconds": 0.0, "typeName": "Pass"}
        | {"resultName": "Successful", "playerNameKo": "가나다"}
        | {"startX": 52.5, "startY": 34.0, "endX": 60.0, "endY": 40.0},
        {**TEAM, "actionId": 2, "periodId": 1, "timeSeconds": 1.5, "typeName": "Pass Received"}
        | {"playerNameKo": "라마바", "startX": 60.0, "startY": 40.0},
        {**TEAM, "actionId": 3, "periodId": 1, "timeSeconds": 4.0, "typeName": "Shot"}
        | {"resultName": "On Target", "playerNameKo": "라마바", "startX": 92.0, "startY": 36.0},
    ],
}


async def warm_up(engine: Engine, options: CommentaryOptions) -> Script:
    """Commentate a few invented actions on the engine, to the end.

    Raises:
        StartupError: the engine runs but cannot do what every job will ask of it.
    """
    request = CommentaryRequest.parse(REHEARSAL)
    # What counts here is that the engine writes, not what: a wiring model writes nonsense.
    patient = replace(options, deadline_s=WARM_UP_SECONDS, guard=GuardMode.OFF)
    try:
        async with aclosing(commentate(request, engine, patient)) as items:
            [script] = [item async for item in items if isinstance(item, Script)]
    except EngineError as error:
        raise StartupError(f"The engine failed the warm-up commentary: {error.message}") from error
    if all(line.source is Source.FALLBACK for line in script.lines):
        faults = ", ".join(sorted({warning.rpartition(" ")[2] for warning in script.warnings}))
        raise StartupError(
            f"The engine wrote no line of the warm-up commentary ({faults}): it must be reachable "
            "and support structured outputs by regex."
        )
    return script
