"""What a worker has done since it started, for whoever asks how it is."""

from dataclasses import dataclass, field
from time import perf_counter


@dataclass(slots=True)
class WorkerState:
    """Counts of one worker's life; belongs to one event loop.

    Attributes:
        concurrency: jobs that generate at once.
        started: `perf_counter()` at its start.
        served, failed: jobs answered with a result, and with an error.
        in_flight: jobs taken and not yet answered, `waiting` those of them that wait for a turn.
    """

    concurrency: int
    started: float = field(default_factory=perf_counter)
    served: int = 0
    failed: int = 0
    in_flight: int = 0
    waiting: int = 0
