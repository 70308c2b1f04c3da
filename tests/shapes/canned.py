"""An engine whose answers are written down, and jobs to put to it."""

import asyncio
import json
from contextlib import aclosing, asynccontextmanager, nullcontext
from itertools import pairwise

from tests.fakes import ScriptedEngine, unguarded
from worker.engine import About, Reply
from worker.errors import EngineError
from worker.record import Record
from worker.shapes import Context
from worker.state import WorkerState


class Canned(ScriptedEngine):
    """Answers every route with the same pieces; an exception among them is raised there.

    Attributes:
        asked: what was asked: method, path and body.
        open: how many answers are under way.
        untidy: how many were left with their body still open.
    """

    def __init__(self, *parts, status=200, dead=False, hangs=False, about=None):
        super().__init__()
        self.parts, self.status, self.dead, self.hangs = parts, status, dead, hangs
        self.asked = []
        self.untidy = 0
        self._about = about or About(self.model)

    def about(self):
        return self._about

    @asynccontextmanager
    async def route(self, method, path, body=None):
        json.dumps(body)
        self.asked.append((method, path, body))
        self.open += 1
        pieces = self._body()
        try:
            yield Reply(self.status, "application/json", pieces)
        finally:
            self.open -= 1
            self.untidy += pieces.ag_frame is not None

    async def _body(self):
        self.open += 1
        try:
            for part in self.parts:
                await asyncio.sleep(0)
                if isinstance(part, Exception):
                    raise part
                yield part
            if self.hangs:
                await asyncio.Event().wait()
        finally:
            self.open -= 1


def context(engine, generated=lambda: None, **options):
    """What a job on `engine` is answered with; `options` are the commentary's."""
    return Context(
        "job",
        engine,
        unguarded(**options),
        Record("job"),
        WorkerState(1),
        generated=generated,
        in_time=nullcontext,
    )


async def left_open(request, engine):
    """How many answers are under way when a request tells that all is generated.

    By then the first of its answers has come, and nobody asks for the next.
    """
    told = asyncio.get_running_loop().create_future()
    on = context(engine, generated=lambda: told.set_result(engine.open))
    async with asyncio.timeout(5), aclosing(request.answers(on)) as answers:
        await anext(answers)
        return await told


async def gathered(request, on):
    """All that a request yields in the context `on`."""
    async with aclosing(request.answers(on)) as answers:
        return [answer async for answer in answers]


async def until_it_fails(request, on):
    """What a request yields before it fails, and the error."""
    got = []
    try:
        async with aclosing(request.answers(on)) as answers:
            async for answer in answers:
                got.append(answer)
    except EngineError as error:
        return got, error
    raise AssertionError("it did not fail")


def document(value):
    return json.dumps(value, ensure_ascii=False).encode()


def event(value):
    return b"data: " + (value if isinstance(value, bytes) else document(value)) + b"\n\n"


DONE = event(b"[DONE]")


def cut(text, places):
    """`text` in pieces, cut at these places."""
    edges = [0, *sorted(place % (len(text) + 1) for place in places), len(text)]
    return [text[start:end] for start, end in pairwise(edges)]
