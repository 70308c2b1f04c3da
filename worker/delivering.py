"""One job's callback: where it goes, and what became of it."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from worker.callbacks import Callbacks, Target, failed_document
from worker.ending import LAST_WORDS_SECONDS
from worker.errors import InvalidInput, WorkerError
from worker.football.wire import Fields
from worker.record import Record
from worker.shapes.commentary import Commentary

# For the callback of a job that fails with its worker: half of what the answers have to leave in.
DYING_SECONDS: Final = LAST_WORDS_SECONDS / 2


def game_id_of(document: object) -> str | None:
    """The game that a job is about, also where nothing else of it can be read."""
    try:
        return Fields(document).echo("gameId") if isinstance(document, dict) else None
    except InvalidInput:
        return None


class Delivering:
    """The callback of one job, if it is a commentary that has one; posted once.

    Args:
        callbacks: who posts; None posts nothing.
        record: of the job, which learns what became of it.
    """

    def __init__(self, callbacks: Callbacks | None, record: Record) -> None:
        self._callbacks, self._record = callbacks, record
        self._target: Target | None = None

    @property
    def wanted(self) -> bool:
        """Whether anybody is to be told."""
        return self._target is not None

    def aim(self, document: object) -> None:
        """Find out where to, or InvalidInput: then CALLBACK_URL hears of that, if there is one."""
        if self._callbacks is None or self._record.shape != Commentary.shape:
            return
        self._target = self._callbacks.default()
        self._target = self._callbacks.target(document)

    async def result(
        self, document: Mapping[str, Any], seconds: float | None = None
    ) -> Mapping[str, Any] | None:
        """Post a result; what became of it, None where nobody was to be told.

        Whoever asked for the job may go meanwhile: the receiver hears of it all the same, and the
        job is over only then.
        """
        if self._callbacks is None or self._target is None:
            return None
        target, self._target = self._target, None
        delivered = self._callbacks.deliver(target, self._record.id, document, seconds)
        delivery = asyncio.create_task(delivered)
        try:
            outcome = await asyncio.shield(delivery)
        except asyncio.CancelledError:
            await asyncio.wait([delivery])
            self._record.callback = delivery.result().status
            raise
        self._record.callback = outcome.status
        return outcome.told()

    async def failure(self, document: object, error: WorkerError) -> Mapping[str, Any] | None:
        """Post that the job has failed; what became of that.

        A worker that ends with the error has no time for a receiver that takes its own.
        """
        told = failed_document(self._record.id, game_id_of(document), error)
        return await self.result(told, DYING_SECONDS if error.fatal else None)
