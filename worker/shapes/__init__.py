"""What a job can ask for: its input, read into one of four shapes before the engine hears of it.

Each shape is a module with `read(document)`, which gives a `Request` or raises InvalidInput;
`worker.shapes.reading` chooses among them.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from worker.commentary.pipeline import CommentaryOptions
from worker.engine import Engine
from worker.record import Record
from worker.state import WorkerState

Answer = Mapping[str, Any] | str
"""One thing that a job yields: a JSON object, or the text of a stream."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a request is answered with.

    Attributes:
        job_id: the platform's.
        engine: the model that is asked.
        options: how commentary is made where a request does not say.
        record: what the log will say; a shape notes there what it learns.
        worker: what this worker has done so far.
        generated: to be called when the engine has nothing more to do for the job, though its
            answers may still wait to be sent: its turn is over, and so is its deadline.
        in_time: for a task that generates while nobody waits for it: what is done within ends at
            the job's deadline with DeadlineExceeded, and with the fatal error where there is one.
        deliver: posts a result to whoever the job names, and says what became of that; None where
            nobody is to be told.
    """

    job_id: str
    engine: Engine
    options: CommentaryOptions
    record: Record
    worker: WorkerState
    generated: Callable[[], None]
    in_time: Callable[[], AbstractAsyncContextManager[None]]
    deliver: Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any] | None]] | None = None


class Request(Protocol):
    """A job's input, read and found to be in order."""

    @property
    def shape(self) -> str:
        """Its name in the log."""
        ...

    @property
    def generates(self) -> bool:
        """Whether it asks the model, and so waits for its turn."""
        ...

    @property
    def keeps_deadline(self) -> bool:
        """Whether it ends at its deadline by itself, with something better than an error."""
        ...

    @property
    def deadline_s(self) -> float | None:
        """Seconds that the caller gives it; None is as long as the worker does."""
        ...

    def answers(self, context: Context) -> AsyncGenerator[Answer, None]:
        """Everything that the job yields, as it is ready.

        One answer for a plain job, one per chunk for a streamed one. Closing it ends all
        generation. Raises WorkerError.
        """
        ...
