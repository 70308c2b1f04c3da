"""A program on the unmodified SDK that does what its jobs say; it proves the ground itself."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import runpod

MODELS = {"object": "list", "data": [{"id": "trivial", "object": "model", "created": 0}]}


async def handler(job: dict[str, Any]) -> AsyncIterator[Any]:
    """Answer an OpenAI job, or do what the input says."""
    asked = job["input"]
    for answer in openai(asked):
        yield answer
    for word in asked.get("say", []):
        yield word
        await asyncio.sleep(asked.get("pause", 0))
    if asked.get("nan"):
        yield float("nan")
    await asyncio.sleep(seconds(asked))
    if code := asked.get("exit"):
        os._exit(code)
    if error := asked.get("error"):
        yield {"error": error}


def seconds(asked: dict[str, Any]) -> float:
    """How long to sleep: not at all where the file named by `unless` exists."""
    there = Path(asked.get("unless", "")).is_file()
    return 0.0 if there else float(asked.get("sleep", 0))


def openai(asked: dict[str, Any]) -> list[Any]:
    """A list of models; a stream of one word, a chunk for each of its letters."""
    if asked.get("openai_route") == "/v1/models":
        return [MODELS]
    if asked.get("openai_route") != "/v1/chat/completions":
        return []
    events = [{"choices": [{"index": 0, "delta": {"content": letter}}]} for letter in "골이다"]
    return [f"data: {json.dumps(event)}\n\n" for event in events] + ["data: [DONE]\n\n"]


if __name__ == "__main__":
    runpod.serverless.start(
        {
            "handler": handler,
            "return_aggregate_stream": True,
            "concurrency_modifier": lambda _current: int(os.environ.get("CONCURRENCY", "4")),
        }
    )
