"""Posting a job's answers one by one, as the SDK does for each; but not what would be refused.

The platform takes chunks of 1 MB and results of 10 MB or more. A plain answer is a single chunk to
the SDK: between the two limits its POST could only fail, three times with a pause each, before the
result is sent that has it all.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import Any

from worker.shapes.chunks import CHUNK_LIMIT, json_size

Post = Callable[[Any, Mapping[str, Any], Any], Awaitable[None]]


def within_limit(post: Post) -> Post:
    """The SDK's `stream_result`, for answers up to CHUNK_LIMIT; larger ones wait for the result."""

    @wraps(post)
    async def posted(session: Any, chunk: Mapping[str, Any], job: Any) -> None:
        if json_size(chunk["output"]) <= CHUNK_LIMIT:
            await post(session, chunk, job)

    return posted
