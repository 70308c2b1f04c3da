"""Write the JSON Schemas of the wire into `schemas/`, one file each, as the code has them.

With `--check` nothing is written, and the exit code says whether the folder is true.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from worker.schemas import PUBLISHED  # noqa: E402  (the line above makes it importable)

FOLDER = ROOT / "schemas"


def written() -> Mapping[str, str]:
    """The text of each file, by its name."""
    return {
        f"{name}.schema.json": json.dumps(make(), ensure_ascii=False, indent=2) + "\n"
        for name, make in PUBLISHED.items()
    }


def false(folder: Path, files: Mapping[str, str]) -> list[str]:
    """The names in a folder that are out of date, missing, or nobody's."""
    there = {path.name: path.read_text("utf-8") for path in sorted(folder.glob("*"))}
    return sorted(name for name in {*there, *files} if there.get(name) != files.get(name))


def main(words: list[str], folder: Path = FOLDER) -> int:
    """Write the files, or only say which are not true; the exit code."""
    files = written()
    if "--check" in words:
        wrong = false(folder, files)
        if wrong:
            sys.stderr.write(
                f"schemas: {', '.join(wrong)} out of date in schemas/, `make docs` writes it\n"
            )
        return 1 if wrong else 0
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
