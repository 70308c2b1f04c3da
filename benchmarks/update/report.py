"""What an update cost on each side, as JSON to keep and as README's table."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

FOLDER = Path(__file__).parents[1] / "results"
NAME = "update"
USUAL, OURS = "code first, as usual", "ours"


@dataclass(frozen=True, slots=True)
class Update:
    """One edit of one line on one side, from saving the file to the registry's last answer.

    Attributes:
        build_s, push_s: seconds.
        received: bytes of the request bodies that the registry got.
    """

    side: str
    turn: int
    build_s: float
    push_s: float
    received: int


@dataclass(frozen=True, slots=True)
class Results:
    """A run: where and when, what the first push of each side sent in bytes, every update."""

    machine: dict[str, str]
    first: dict[str, int]
    updates: list[Update]

    def of(self, side: str) -> list[Update]:
        """One side's updates, in order."""
        return [update for update in self.updates if update.side == side]

    def ratios(self, of: Callable[[Update], float]) -> list[float]:
        """How many times less ours took, turn by turn."""
        turns = zip(self.of(USUAL), self.of(OURS), strict=True)
        return [of(usual) / of(ours) for usual, ours in turns]


def _spread(values: list[float], form: str) -> str:
    told = [format(value, form) for value in (median(values), min(values), max(values))]
    return f"{told[0]} ({told[1]}–{told[2]})"


def table(results: Results) -> str:
    """Medians with the lowest and highest of all rounds, and the ratios of the rounds."""
    rows = ["| one line changed in `worker/handler.py` | build, s | push, s | sent, MB |"]
    rows.append("| --- | --- | --- | --- |")
    for side in (USUAL, OURS):
        updates = results.of(side)
        cells = [
            _spread([update.build_s for update in updates], ".1f"),
            _spread([update.push_s for update in updates], ".1f"),
            _spread([update.received / 1e6 for update in updates], ".2f"),
        ]
        rows.append(f"| {side} | {' | '.join(cells)} |")
    less = [
        _spread(results.ratios(lambda update: update.build_s), ".0f"),
        _spread(results.ratios(lambda update: update.push_s), ".0f"),
        _spread(results.ratios(lambda update: update.received), ".0f"),
    ]
    rows.append(f"| times less | {' | '.join(less)} |")
    about = results.machine
    rows.append(
        f"\nMeasured {about['date']} on {about['processor']}, with the mini model (9 MB) on a CPU "
        f"base, to a registry on loopback. The first push, base included, sent "
        f"{max(results.first.values()) / 1e6:.0f} MB."
    )
    return "\n".join(rows)


def read(folder: Path) -> Results:
    """The results that `write` left in `folder`."""
    raw = json.loads((folder / f"{NAME}.json").read_text("utf-8"))
    updates = [Update(**update) for update in raw["updates"]]
    return Results(raw["machine"], raw["first"], updates)


def write(results: Results, folder: Path) -> None:
    """The measurements, under `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    document = json.dumps(asdict(results), indent=2)
    (folder / f"{NAME}.json").write_text(f"{document}\n", "utf-8")
