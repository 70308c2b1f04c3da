"""What a trial of an image has come to: for a person, and as JSON."""

from dataclasses import asdict, dataclass, field
from typing import Any

from builder.layers import size


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that an image must be: good where there are no problems and it was not skipped."""

    name: str
    problems: tuple[str, ...] = ()
    note: str = ""
    skipped: bool = False  # not looked at, or not at all of it, for the reason in the note

    @property
    def text(self) -> str:
        """The check in one line."""
        told = "; ".join(self.problems) or self.note
        mark = "✗" if self.problems else "–" if self.skipped else "✓"
        return f"{mark} {self.name}{': ' if told else ''}{told}"


@dataclass(slots=True)
class Report:
    """Checks and measures; what was not come to is None or empty.

    Attributes:
        image: as it was named.
        image_id: its digest in the engine.
        image_bytes: of all its layers, unpacked.
        checks: those that were made or skipped, in order.
        ready_s: seconds from the container's start to the first call for jobs.
        phases: of the start, in seconds, as the worker tells them.
        memory_bytes, memory_source: the worker's peak, and who says so.
        gpus: name and MiB of each GPU in the container.
        job_s: seconds that each job took.
        drain_s: seconds from `docker stop` to the worker's end.
        drain: how many jobs were in flight at the stop, answered and left in the queue.
    """

    image: str
    image_id: str
    image_bytes: int
    checks: list[Check] = field(default_factory=list)
    ready_s: float | None = None
    phases: dict[str, float] = field(default_factory=dict)
    memory_bytes: int | None = None
    memory_source: str | None = None
    gpus: list[dict[str, Any]] = field(default_factory=list)
    job_s: dict[str, float] = field(default_factory=dict)
    drain_s: float | None = None
    drain: dict[str, int] = field(default_factory=dict)

    @property
    def failures(self) -> list[str]:
        """Everything that is wrong, each with the name of its check."""
        return [
            f"{check.name}: {'; '.join(check.problems)}" for check in self.checks if check.problems
        ]

    def document(self) -> dict[str, Any]:
        """All of it, as JSON has it; `ok` where nothing is wrong."""
        return {"ok": not self.failures} | asdict(self)

    def text(self) -> str:
        """All of it in lines."""
        lines = [f"{self.image} ({size(self.image_bytes)}, {self.image_id})"]
        lines += [f"  {check.text}" for check in self.checks]
        return "\n".join([*lines, *(f"  {line}" for line in self._measures())]) + "\n"

    def _measures(self) -> list[str]:
        lines = []
        if self.ready_s is not None:
            lines.append(f"ready after {self.ready_s:.1f} s{_in_brackets(_seconds(self.phases))}")
        if self.job_s:
            lines.append(f"jobs: {_seconds(self.job_s)}")
        if self.memory_bytes:
            lines.append(f"memory: {size(self.memory_bytes)} ({self.memory_source})")
        lines += [
            f"GPU: {gpu['name']}, {gpu['usedMiB']} of {gpu['totalMiB']} MiB" for gpu in self.gpus
        ]
        if self.drain_s is not None:
            told = ", ".join(f"{number} {what}" for what, number in self.drain.items())
            lines.append(f"drain: {self.drain_s:.1f} s{_in_brackets(told)}")
        return lines


def _seconds(told: dict[str, float]) -> str:
    return ", ".join(f"{name} {seconds:.1f} s" for name, seconds in told.items())


def _in_brackets(text: str) -> str:
    return f" ({text})" if text else ""
