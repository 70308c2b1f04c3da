"""Reading the jobs that the platform hands out, whatever their callers have written.

Python's own reader gives up on what is JSON all the same: a number of more than 4,300 digits, lists
in lists a thousand levels deep. The SDK then drops everything that came in the same answer, so one
caller's nonsense would cost the jobs of others. What is read here is refused later, by name.
"""

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

# Levels; a reader in Go, as platforms are written in, takes ten thousand.
# Source: https://pkg.go.dev/encoding/json, maxNestingDepth
DEEPEST = 12_000
DIGITS = 400  # beyond these a number has no float


def decoded(text: str) -> Any:
    """Any JSON document. A whole number of more than DIGITS digits is infinite, as 1e400 is."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, DEEPEST))
    try:
        return json.loads(text, parse_int=_whole)
    finally:
        sys.setrecursionlimit(limit)


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) <= DIGITS else float(digits)


class Lenient:
    """A session of the SDK's whose answers are read with `decoded`."""

    def __init__(self, session: Any) -> None:
        self._session = session

    @asynccontextmanager
    async def get(self, url: str) -> AsyncIterator[Any]:
        """The answer to a GET."""
        async with self._session.get(url) as response:
            response.json = partial(response.json, loads=decoded)
            yield response
