"""One job from a file, through the SDK, for a person at a laptop to read."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from worker.errors import StartupError
from worker.handler import Handler
from worker.shapes import Answer

TEST_INPUT = Path("test_input.json")


def read_test_input(given: str | None, style: str | None) -> dict[str, Any]:
    """The local job, as given or from the file, in another persona's voice where one is named."""
    place = "--test_input" if given else f"{TEST_INPUT} in the current folder"
    try:
        job = json.loads(given or TEST_INPUT.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StartupError(f"{place} cannot be read: {error}") from error
    if not isinstance(job, dict) or job.get("input") is None:
        raise StartupError(f'{place} must be a job: an object with an "input".')
    if style and isinstance(job["input"], dict):
        job["input"]["style"] = style
    return job


def lines_of(output: Answer | list[Answer]) -> list[Any]:
    """The commentary lines of a result, or of the chunks of a streamed one, as they came."""
    if isinstance(output, list):
        return [chunk["line"] for chunk in output if isinstance(chunk, dict) and "line" in chunk]
    return output.get("script", []) if isinstance(output, dict) else []


def show(output: Answer | list[Answer]) -> None:
    """Write a result for a person to read: its lines, then the whole of it."""
    for line in lines_of(output):
        when = line["timeSeconds"] or ""
        sys.stdout.write(f"{when:>9}  {line['tone']:<8}  {line['description']}\n")
    sys.stdout.write(f"\n{json.dumps(output, ensure_ascii=False, indent=2)}\n")
    sys.stdout.flush()


def serve_locally(handler: Handler, job: dict[str, Any]) -> None:
    """Run one job through the SDK, which ends the process with the job's exit code."""
    os.environ.setdefault("RUNPOD_LOG_LEVEL", "WARN")  # `show` tells the result, once
    import runpod

    async def told(job: Mapping[str, Any]) -> Answer | list[Answer]:
        output = await handler.collect(job)
        show(output)
        return output

    sys.argv += ["--test_input", json.dumps(job)]
    runpod.serverless.start({"handler": told})
