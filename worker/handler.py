"""RunPod's job in, our words out, and errors as the platform's wire knows them.

One core, `answers`, and two faces of it: `stream` is the async generator that the SDK runs in
production (its `output` is the list of what it yields), `collect` the coroutine for a local
`test_input.json` run, where the SDK never executes a generator.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any

from worker.errors import EngineDead, WorkerError
from worker.jobs import Jobs, close_with_task
from worker.record import Record
from worker.shapes import Answer

RESULT_LIMIT = 10_000_000  # bytes; what /run takes, and half of what /runsync does


def openai_error(error: WorkerError) -> Mapping[str, Any]:
    """An error as OpenAI's clients read it: the engine's own words where it had some."""
    kind = "invalid_request_error" if error.fault == "caller" else "server_error"
    own = {"message": error.message, "type": kind, "param": error.param, "code": error.code}
    return error.said or own


def error_answer(error: WorkerError, shape: str = "unknown") -> dict[str, str]:
    """An error as RunPod's envelope takes it: one string, itself JSON.

    The SDK would write a dict as a Python repr, and a raised exception with its traceback. What
    is told to an OpenAI client also has OpenAI's `error` object inside, and that of a job with a
    callback what became of it.
    """
    told = error.told()
    if shape == "openai":
        told["error"] = openai_error(error)
    if error.callback:
        told["callback"] = error.callback
    # An input's half characters may be quoted in a message, and nothing could send those.
    text = json.dumps(told, ensure_ascii=False).encode(errors="replace").decode()
    return {"error": text}


def error_event(error: WorkerError) -> str:
    r"""An error as the last event of a stream that has begun.

    The platform only ends such a stream, and half an answer would look whole to its client. The
    engine's own errors (those with `said`) have come through as events of its own.
    """
    return f"data: {json.dumps({'error': openai_error(error)}, ensure_ascii=False)}\n\n"


class Handler(Jobs):
    """Answers RunPod's jobs."""

    async def stream(self, job: Mapping[str, Any]) -> AsyncIterator[Answer]:
        """The production handler: every answer of a job, as it is ready."""
        answers = self.answers(job)
        close_with_task(answers)
        async with aclosing(answers):
            async for answer in answers:
                yield answer

    async def collect(self, job: Mapping[str, Any]) -> Answer | list[Answer]:
        """The local handler: a job's one answer, the chunks of a streamed one, or its error."""
        async with aclosing(self.answers(job)) as answers:
            *chunks, last = [answer async for answer in answers]
        failed = isinstance(last, dict) and "error" in last
        return last if failed or not chunks else [*chunks, last]

    async def answers(self, job: Mapping[str, Any]) -> AsyncGenerator[Answer, None]:
        """What a job comes to; an error is its last answer, never an exception."""
        record, answer = Record(str(job.get("id"))), None
        try:
            made = self.run(record, job.get("input"), limit=RESULT_LIMIT)
            async with aclosing(made) as answers:
                async for answer in answers:
                    yield answer
        except WorkerError as error:
            if isinstance(answer, str) and error.said is None:
                yield error_event(error)
            yield error_answer(error, record.shape)

    async def _unseen(self, error: EngineDead) -> None:
        """Leave the job for the platform to place elsewhere: it is never answered here."""
        self.fail(error)
        await asyncio.Event().wait()
