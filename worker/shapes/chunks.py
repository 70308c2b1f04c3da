"""Joining a stream's pieces into chunks: few enough to POST each, and soon enough.

The SDK POSTs a chunk and waits for the answer before it asks for the next; the platform refuses
chunks over 1 MB.
"""

import asyncio
import json
import sys
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext, suppress
from typing import Final, Generic, TypeVar

from worker.errors import ResultTooLarge

Item = TypeVar("Item")

JOIN_SECONDS: Final = 0.05
# Bytes; the platform takes 1 MB and the SDK puts an envelope of a few bytes around each chunk.
# Source: https://docs.runpod.io/serverless/endpoints/send-requests
CHUNK_LIMIT: Final = 999_000


def json_size(value: object) -> int:
    """Bytes of a value as the SDK writes it: JSON in UTF-8, nothing escaped that need not be."""
    return len(json.dumps(value, ensure_ascii=False).encode())


async def joined(
    source: AsyncGenerator[Item, None],
    size: Callable[[Item], int] = json_size,
    *,
    seconds: float = JOIN_SECONDS,
    limit: int = CHUNK_LIMIT,
    most: int = sys.maxsize,
    within: Callable[[], AbstractAsyncContextManager[None]] = nullcontext,
) -> AsyncGenerator[list[Item], None]:
    """Yield all that `source` yields, in order: the first item at once, then what comes together.

    A chunk waits `seconds` from the arrival of its first item, and holds at most `limit` of `size`
    and `most` items. `source` is read on in a task of its own while the consumer is busy, all of it
    `within` that context, and is closed, at whichever await it stands, as soon as the chunks are
    closed or cancelled. What either raises comes after all that was yielded before.

    Raises:
        ResultTooLarge: one item alone is beyond `limit`.
    """
    reader = _Reader(source, size, limit, most, within)
    try:
        patience = 0.0
        while await reader.has_some():
            await reader.wait_for_more(patience)
            yield reader.take()
            patience = seconds
    finally:
        await reader.stop()


class _Reader(Generic[Item]):
    """Reads a source on, whatever its consumer does meanwhile.

    What waits has no bound but the source's own: an answer is bounded by its token limit.
    """

    def __init__(
        self,
        source: AsyncGenerator[Item, None],
        size: Callable[[Item], int],
        limit: int,
        most: int,
        within: Callable[[], AbstractAsyncContextManager[None]],
    ) -> None:
        self._size, self._limit, self._most = size, limit, most
        self._within = within
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[float, int, Item]] = deque()  # arrival, size, item
        self._total = 0
        self._stirred = asyncio.Event()
        self._task = asyncio.create_task(self._read(source))
        self._task.add_done_callback(lambda _: self._stirred.set())

    async def _read(self, source: AsyncGenerator[Item, None]) -> None:
        async with self._within(), aclosing(source):
            async for item in source:
                self._admit(item)

    def _admit(self, item: Item) -> None:
        size = self._size(item)
        if size > self._limit:
            raise ResultTooLarge(
                f"A part of the answer takes {size} bytes; one chunk may have {self._limit}."
            )
        self._waiting.append((self._loop.time(), size, item))
        self._total += size
        self._stirred.set()

    async def has_some(self) -> bool:
        """Wait for an item; False, or what the source raised, once there will be none."""
        while not self._waiting:
            if self._task.done():
                self._task.result()
                return False
            await self._news()
        return True

    async def wait_for_more(self, seconds: float) -> None:
        """Wait until the oldest item has waited for `seconds`, or a chunk is full, or all is read.

        An item that waited for its consumer has waited already.
        """
        if not seconds:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self._waiting[0][0] + seconds):
                while not self._full() and not self._task.done():
                    await self._news()

    def _full(self) -> bool:
        return self._total >= self._limit or len(self._waiting) >= self._most

    async def _news(self) -> None:
        self._stirred.clear()
        await self._stirred.wait()

    def take(self) -> list[Item]:
        """The oldest items that fit into one chunk, at least one."""
        taken: list[Item] = []
        room = self._limit
        while self._waiting and len(taken) < self._most and self._waiting[0][1] <= room:
            _, size, item = self._waiting.popleft()
            taken.append(item)
            room -= size
            self._total -= size
        return taken

    async def stop(self) -> None:
        """End the reading, and with it the source.

        Nothing is waited for where all is read: a deadline would cut off what is finished.
        """
        if not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task])
        if not self._task.cancelled():
            self._task.exception()  # asked for, so that nobody is told that nobody asked
