"""What a job can ask for: its input, read into one of four shapes before the engine hears of it.

Each shape is a module with `read(document)`, which raises InvalidInput or gives a `Request`.
"""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from worker.commentary.pipeline import CommentaryOptions
from worker.engine import Engine
from worker.record import Record

Answer = Mapping[str, Any] | str
"""One thing that a job yields: a JSON object, or the text of a stream."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a request is answered with.

    Attributes:
        job_id: the platform's.
        engine: the model that is asked.
        options: how commentary is made where a request does not say; its deadline is this job's.
        record: what the log will say; a shape notes there what it learns.
    """

    job_id: str
    engine: Engine
    options: CommentaryOptions
    record: Record


class Request(Protocol):
    """A job's input, read and found to be in order.

    Attributes:
        shape: its name in the log.
        generates: whether it asks the model, and so waits for its turn.
    """

    @property
    def shape(self) -> str: ...  # noqa: D102

    @property
    def generates(self) -> bool: ...  # noqa: D102

    def answers(self, context: Context) -> AsyncGenerator[Answer, None]:
        """Everything that the job yields, as it is ready.

        One answer for a plain job, one per chunk for a streamed one. Closing it ends all
        generation. Raises WorkerError.
        """
        ...
