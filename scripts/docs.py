"""Write into README.md what the code knows: settings, presets, error codes, measured speed.

Each table stands between `<!-- name -->` and `<!-- /name -->`. With `--check` nothing is written,
and the exit code says whether README is true.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import report  # noqa: E402  (the line above makes it importable)
from benchmarks.faithfulness import report as trust  # noqa: E402
from benchmarks.load import figures as loads  # noqa: E402
from benchmarks.load import report as load_report  # noqa: E402
from benchmarks.update import report as updates  # noqa: E402
from worker import errors, settings  # noqa: E402
from worker.presets import PRESETS  # noqa: E402


def failures(kind: type[errors.WorkerError]) -> Iterator[type[errors.WorkerError]]:
    """An exception and all below it, each code once, in the order of the source."""
    if "code" in vars(kind):
        yield kind
    for below in kind.__subclasses__():
        yield from failures(below)


def meaning(kind: type[errors.WorkerError]) -> str:
    """What an error means: the first sentence of its docstring, told of no code."""
    return (kind.__doc__ or "").strip().splitlines()[0].replace("|", "\\|")


def errors_table() -> str:
    """The codes that a job or a start can fail with."""
    rows = [
        f"| `{kind.code}` | {meaning(kind)} | {'yes' if kind.retryable else 'no'} | {kind.fault} "
        f"| {kind.status} |"
        for kind in failures(errors.WorkerError)
    ]
    head = ["| code | meaning | retryable | whose fault | over HTTP |", "|---|---|---|---|---|"]
    return "\n".join([*head, *rows])


def presets_table() -> str:
    """The presets, each with its model and its other engine arguments."""
    rows = []
    for name, variables in PRESETS.items():
        others = [f"`{key}={value}`" for key, value in variables.items() if key != "MODEL_NAME"]
        rows.append(f"| `{name}` | `{variables['MODEL_NAME']}` | {' '.join(others)} |")
    return "\n".join(["| preset | model | engine arguments |", "|---|---|---|", *rows])


def speed() -> str:
    """What the committed benchmark measured."""
    return report.summary(report.read(report.FOLDER))


def faithfulness() -> str:
    """What the committed measure of the guard came to."""
    return trust.table(trust.read(trust.FOLDER))


def update() -> str:
    """What the committed measure of a one-line change came to."""
    return updates.table(updates.read(updates.FOLDER))


def load() -> str:
    """What the committed load came to."""
    return load_report.summary(loads.read(loads.FOLDER))


TABLES = {
    "settings": settings.settings_table,
    "errors": errors_table,
    "presets": presets_table,
    "speed": speed,
    "faithfulness": faithfulness,
    "update": update,
    "load": load,
}


def written(readme: str) -> str:
    """README with every table as the code has it."""
    for name, table in TABLES.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        if begin not in readme or end not in readme:
            sys.exit(f"docs: README.md has no place for the {name} table")
        before, _, rest = readme.partition(begin)
        readme = f"{before}{begin}{table()}\n{end}{rest.partition(end)[2]}"
    return readme


def main() -> None:
    """Write README.md, or only say whether it is true."""
    path = ROOT / "README.md"
    readme = path.read_text("utf-8")
    true = written(readme)
    if "--check" in sys.argv[1:]:
        sys.exit("docs: README.md is out of date, `make docs` writes it" if true != readme else 0)
    path.write_text(true, "utf-8")


if __name__ == "__main__":
    main()
