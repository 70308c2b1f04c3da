"""Jobs are read whatever is in them: nobody's input costs another job its answer."""

import json

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


def depth_of(value):
    depth = 1
    while isinstance(value, list | dict) and value:
        depth, value = depth + 1, next(iter(value if isinstance(value, list) else value.values()))
    return depth


@pytest.mark.parametrize("levels", [501, 5_000, 100_000])
def test_what_lies_too_deep_is_nothing(levels):
    """Where Python's reader gives up at a thousand levels, the rest of the answer is kept."""
    document = decoded(f'[{nested(levels)}, {{"a": {nested(levels)}, "b": "]]["}}, 7]')
    assert depth_of(document) == (DEEPEST + 1 if levels > 1000 else levels + 1)
    assert (document[1]["b"], document[2]) == ("]][", 7)


def test_brackets_in_texts_are_no_levels():
    """Nor are escaped quotation marks the end of one."""
    text = json.dumps(["[" * 3000, '"[' * 3000, "\\" * 3001, {"]": nested(2)}])
    assert decoded(f"[{text}, {nested(5000)}]")[0] == json.loads(text)


@pytest.mark.parametrize("text", ["[", nested(5000)[:-1], f"{nested(5000)}]", '["', "]" * 9])
def test_what_is_no_json_stays_none(text):
    """Cutting off depths makes no document of what is none."""
    with pytest.raises((ValueError, RecursionError)):
        decoded(text)


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
