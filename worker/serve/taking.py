"""Reading the jobs that the platform hands out, whatever their callers have written.

Python's own reader gives up on what is JSON all the same: a number of more than 4,300 digits, lists
in lists a thousand levels deep. The SDK then drops everything that came in the same answer, so one
caller's nonsense would cost the jobs of others. What is read here is refused later, by name.
"""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

# Levels that are kept: far more than any shape takes, far fewer than Python's reader gives up at.
DEEPEST = 500
DIGITS = 400  # beyond these a number has no float
_MARKS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[][{}]', re.DOTALL)


def decoded(text: str) -> Any:
    """Any JSON document, with null for whatever lies deeper than DEEPEST.

    A whole number of more than DIGITS digits is infinite, as 1e400 is.
    """
    try:
        return json.loads(text, parse_int=_whole)
    except RecursionError:
        return json.loads(_cut(text), parse_int=_whole)


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) <= DIGITS else float(digits)


def _cut(text: str) -> str:
    """The document without its depths. What is no JSON stays none."""
    kept, depth, start = [], 0, 0
    for mark in _MARKS.finditer(text):
        if mark[0] in "[{":
            depth += 1
            if depth == DEEPEST + 1:
                kept += [text[start : mark.start()], "null"]
        elif mark[0] in "]}":
            if depth == DEEPEST + 1:
                start = mark.end()
            depth -= 1
    return "".join([*kept, text[start:]]) if depth <= DEEPEST else text


class Lenient:
    """A session of the SDK's whose answers are read with `decoded`.

    Attributes:
        answered: whether an answer has begun; what it brings has been handed out.
    """

    def __init__(self, session: Any) -> None:
        self._session = session
        self.answered = False

    @asynccontextmanager
    async def get(self, url: str) -> AsyncIterator[Any]:
        """The answer to a GET."""
        async with self._session.get(url) as response:
            self.answered = True
            response.json = partial(response.json, loads=decoded)
            yield response
