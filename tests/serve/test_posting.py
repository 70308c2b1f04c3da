"""Chunks that the platform takes are posted, and no others."""

import inspect

import pytest
from runpod.serverless.modules import rp_job

from tests.platform.wire import CHUNK_LIMIT
from worker.serve.posting import within_limit

pytestmark = pytest.mark.anyio


async def posted(*outputs):
    """What is posted of these answers of one job."""
    sent = []

    async def post(session, chunk, job):
        assert (session, job) == ("session", {"id": "a"})
        sent.append(chunk["output"])

    for output in outputs:
        await within_limit(post)("session", {"output": output}, {"id": "a"})
    return sent


async def test_an_answer_within_the_limit_is_posted_at_once():
    """Objects and texts go as the SDK would send them."""
    assert await posted({"n": 1}, "공") == [{"n": 1}, "공"]


async def test_an_answer_that_the_platform_would_refuse_is_not_posted():
    """It is in the result that follows; what is measured are bytes, as they are sent."""
    assert await posted("가" * (CHUNK_LIMIT // 3), "나") == ["나"]
    assert await posted({"text": "가" * (CHUNK_LIMIT // 3 - 1000)}) != []


def test_the_sdk_posts_by_that_name():
    """Its job handling calls `stream_result` of its own module, with these three."""
    assert list(inspect.signature(rp_job.stream_result).parameters) == [
        "session",
        "job_data",
        "job",
    ]
    assert "stream_result" in rp_job.handle_job.__code__.co_names
