"""What is noted of a job while it runs, for the one line that the log has of it."""

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from time import perf_counter
from typing import Any

from worker.engine import Usage

log = logging.getLogger("worker.jobs")

CANCELLED, FAILED = "cancelled", "failed"  # how a job finishes that has no answer
UNKNOWN = "unknown"  # the shape of a job that cannot be told
UNLOGGED = ("began", "first_line_ms", "kinds", "script_ms", "sources")


@dataclass(slots=True)
class Record:
    """The log line of one job: who and how long and how much, never what was said.

    Attributes:
        id: the platform's.
        shape: what was asked for, `unknown` where nobody can tell.
        persona, model: who spoke, and by which model.
        waited_ms: from taking the job to its turn.
        queue_ms: the longest that one of its requests waited in the engine's queue.
        first_ms: from taking the job to its first answer.
        usage: tokens.
        repaired: lines of the model's that came on a second try, or with particles mended.
        fallback: lines that are not the model's own.
        violations: what the guard found in the model's answers.
        sources: lines by where they come from; not in the log, which has those of interest.
        kinds: violations by class; not in the log.
        first_line_ms, script_ms: from taking the job to its first line, told or not, and to its
            script; not in the log, which has `first_ms` and `total_ms`.
        callback: what became of the job's callback, None where there was none.
        finish: how the answer ended: the model's own reasons, `done`, `failed` or `cancelled`.
        error: the code of what failed it.
    """

    id: str
    shape: str = UNKNOWN
    persona: str | None = None
    model: str | None = None
    waited_ms: float | None = None
    queue_ms: float | None = None
    first_ms: float | None = None
    usage: Usage = field(default_factory=Usage)
    repaired: int = 0
    fallback: int = 0
    violations: int = 0
    sources: Mapping[str, int] = field(default_factory=dict)
    kinds: Mapping[str, int] = field(default_factory=dict)
    first_line_ms: float | None = None
    script_ms: float | None = None
    callback: str | None = None
    finish: str = CANCELLED
    error: str | None = None
    began: float = field(default_factory=perf_counter)

    @property
    def elapsed_ms(self) -> float:
        """Milliseconds since the job was taken."""
        return (perf_counter() - self.began) * 1000

    def fields(self) -> Mapping[str, Any]:
        """What the line says."""
        said = asdict(self)
        tokens = said.pop("usage")
        for name in UNLOGGED:
            del said[name]
        said["total_ms"] = self.elapsed_ms
        rounded = {
            name: round(value, 1) if isinstance(value, float) else value
            for name, value in said.items()
        }
        return rounded | {f"{name}_tokens": count for name, count in tokens.items()}

    def write(self) -> None:
        """Log the line, as one JSON object."""
        log.info("job %s", json.dumps(self.fields(), ensure_ascii=False))
