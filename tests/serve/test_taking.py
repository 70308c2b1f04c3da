"""Jobs are read whatever is in them: nobody's input costs another job its answer."""

import json
import sys

import aiohttp
import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from tests.serving import serving
from worker.serve.taking import DEEPEST, DIGITS, Lenient, decoded

pytestmark = pytest.mark.anyio


def nested(levels):
    return "[" * levels + "]" * levels


def test_ordinary_jobs_are_read_as_ever():
    """Whole numbers stay whole, and everything is what Python's reader makes of it."""
    text = (
        '{"id": "a", "input": {"n": 12345678901234567890, "f": 1.5, "t": "가", "l": [null, true]}}'
    )
    assert decoded(text) == json.loads(text)


def test_a_job_may_be_as_deep_as_the_platform_passes_on():
    """Ten thousand levels are read, where Python alone gives up at a thousand."""
    with pytest.raises(RecursionError):
        json.loads(nested(10_000))
    assert DEEPEST > 10_000
    depth, value = 1, decoded(nested(10_000))
    while value:
        depth, value = depth + 1, value[0]
    assert depth == 10_000


def test_the_recursion_limit_is_as_before():
    """What is allowed for reading holds for nothing else, also where reading fails."""
    before = sys.getrecursionlimit()
    decoded(nested(2000))
    with pytest.raises(ValueError, match="Expecting"):
        decoded("[")
    assert sys.getrecursionlimit() == before


def test_a_number_without_end_is_infinite():
    """Digits that no float could hold make no error, and cost no time."""
    assert decoded(f"[{'9' * 1_000_000}, -{'9' * 5000}]") == [float("inf"), float("-inf")]
    assert decoded("9" * (DIGITS - 100)) == int("9" * (DIGITS - 100))


async def test_a_session_reads_its_answers_so():
    """The SDK's own call for jobs, given such a session, gets what it would have dropped."""
    text = f'[{{"id": "a", "input": {nested(5000)}}}, {{"id": "b", "input": {"9" * 5000}}}]'

    async def jobs(_request):
        return Response(text, media_type="application/json")

    with serving(Starlette(routes=[Route("/jobs", jobs)])) as url:
        async with aiohttp.ClientSession() as session, Lenient(session).get(f"{url}/jobs") as got:
            assert [job["id"] for job in await got.json()] == ["a", "b"]
