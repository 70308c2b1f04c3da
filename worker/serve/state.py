"""How an HTTP service is at this moment, and what it may take."""

from collections.abc import Callable
from dataclasses import dataclass, field

from worker.engine import Engine
from worker.errors import Busy, EngineDead, NotServing
from worker.health import DRAINING, LOADING, READY
from worker.jobs import Jobs

DEAD = "dead"


@dataclass(slots=True)
class Service:
    """What the routes of a service share; belongs to one event loop once it is ready.

    Attributes:
        max_waiting: requests that may wait for their turn.
        refused: told of the status of each request that has not become a job.
        state: LOADING, READY, DRAINING or DEAD.
        jobs: who answers; None while the engine loads.
    """

    max_waiting: int
    refused: Callable[[int], None]
    state: str = LOADING
    jobs: Jobs | None = field(default=None)

    @property
    def engine(self) -> Engine | None:
        """The engine, once it is there."""
        return self.jobs.engine if self.jobs else None

    @property
    def condition(self) -> str:
        """The state, as it is also when nobody has noticed yet that the engine is dead."""
        return DEAD if self.engine and self.engine.dead else self.state

    def ready(self, jobs: Jobs) -> None:
        """Take requests from now on."""
        self.state, self.jobs = READY, jobs

    def leave(self) -> None:
        """Say that the end has come, while requests are taken still."""
        if self.state != DEAD:
            self.state = DRAINING

    def admit(self, *, generates: bool = True) -> Jobs:
        """Who answers one more request, or NotServing, EngineDead or Busy.

        Args:
            generates: whether it will wait for its turn.
        """
        if self.jobs is None:
            raise NotServing("The worker loads its model; ask again in a moment.")
        if self.condition == DEAD:
            raise EngineDead("The engine has died.")
        if generates and self.jobs.crowd >= self.jobs.state.concurrency + self.max_waiting:
            raise Busy(f"{self.max_waiting} requests wait for their turn; ask again in a moment.")
        return self.jobs
