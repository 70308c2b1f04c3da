"""RunPod's job in, our words out, and errors as the wire knows them.

One core, `answers`, and two faces of it: `stream` is the async generator that the SDK runs in
production (its `output` is the list of what it yields), `collect` the coroutine for a local
`test_input.json` run, where the SDK never executes a generator.
"""

import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from worker.commentary.pipeline import CommentaryOptions, Line, Script, commentate
from worker.engine import Engine
from worker.errors import WorkerError
from worker.football.schema import CommentaryRequest

log = logging.getLogger(__name__)

Answer = dict[str, Any]


def error_answer(error: WorkerError) -> Answer:
    """An error as RunPod's envelope takes it: one string, itself JSON.

    The SDK would write a dict as a Python repr, and a raised exception with its traceback.
    """
    told = {
        "code": error.code,
        "message": error.message,
        "param": error.param,
        "retryable": error.retryable,
    }
    return {"error": json.dumps(told, ensure_ascii=False)}


def script_line(line: Line, request: CommentaryRequest) -> Answer:
    """A line as clients read it: their four keys first, ours after them."""
    action = request.actions[line.index]
    return {
        "actionId": action.action_id,
        "timeSeconds": action.time_text,
        "tone": line.tone.value,
        "description": line.text,
        "source": line.source.value,
    }


def result(job_id: str, request: CommentaryRequest, script: Script, model: str) -> Answer:
    """The result object of a finished job."""
    usage, timings = script.usage, script.timings
    return {
        "jobId": job_id,
        "gameId": request.game_id,
        "status": "DONE",
        "script": [script_line(line, request) for line in script.lines],
        "model": model,
        "usage": {
            "promptTokens": usage.prompt,
            "cachedTokens": usage.cached,
            "completionTokens": usage.completion,
        },
        "timings": {
            "queueMs": _rounded(timings.queue_ms),
            "firstLineMs": _rounded(timings.first_line_ms),
            "totalMs": _rounded(timings.total_ms),
        },
        "warnings": list(script.warnings),
    }


def _rounded(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 1)


@dataclass(frozen=True)
class Handler:
    """Answers RunPod's jobs with an engine.

    Attributes:
        engine: the model that is asked.
        options: how commentary is made where a request does not say.
        on_fatal: told of an error after which this process must not take another job.
    """

    engine: Engine
    options: CommentaryOptions
    on_fatal: Callable[[WorkerError], None]

    async def stream(self, job: Mapping[str, Any]) -> AsyncIterator[Answer]:
        """The production handler: every answer of a job, as it is ready."""
        async for answer in self.answers(job):
            yield answer

    async def collect(self, job: Mapping[str, Any]) -> Answer:
        """The local handler: a job's one answer."""
        return [answer async for answer in self.answers(job)][-1]

    async def answers(self, job: Mapping[str, Any]) -> AsyncIterator[Answer]:
        """What a job comes to; an error is its last answer, never an exception."""
        job_id = str(job.get("id"))
        try:
            yield await self._commentary(job_id, job.get("input"))
        except WorkerError as error:
            log.warning("job %s failed: %s", job_id, error.code)
            if error.fatal:  # before the yield: the SDK never comes back for more after an error
                self.on_fatal(error)
            yield error_answer(error)
        except Exception:  # the wire must never see a traceback, the log must
            log.exception("job %s failed on a fault of the worker", job_id)
            yield error_answer(WorkerError("The worker failed on this job; its log says why."))

    async def _commentary(self, job_id: str, document: object) -> Answer:
        request = CommentaryRequest.parse(document)
        async with aclosing(commentate(request, self.engine, self.options)) as items:
            async for item in items:
                if isinstance(item, Script):
                    return result(job_id, request, item, self.engine.model)
        raise WorkerError("The commentary ended without a script.")
