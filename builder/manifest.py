"""Whose weights a folder holds: model, commit and licence, each file with its digest and size."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

MANIFEST = "manifest.json"
"""Beside the weights; the worker takes the model's name and revision from it."""

BLOCK = 1 << 20  # bytes read at a time


@dataclass(frozen=True, slots=True)
class File:
    """A file's digest and its size in bytes; the digest is None where nobody has told it yet."""

    sha256: str | None
    size: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """A model at one commit; `files` by their path in the folder, with `/` between its parts."""

    model: str
    revision: str
    files: Mapping[str, File]
    licence: str | None = None


def read(path: Path) -> Manifest | None:
    """The manifest that `path` holds, None where there is none that could be ours."""
    try:
        document = json.loads(path.read_text("utf-8"))
        files = {name: File(**file) for name, file in document["files"].items()}
        return Manifest(document["model"], document["revision"], files, document.get("licence"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def write(path: Path, manifest: Manifest) -> None:
    """Put `manifest` into `path`, whole or not at all; byte for byte the same each time."""
    told: dict[str, Any] = {"model": manifest.model, "revision": manifest.revision}
    if manifest.licence:
        told["licence"] = manifest.licence
    told["files"] = {name: asdict(file) for name, file in sorted(manifest.files.items())}
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.write_text(json.dumps(told, ensure_ascii=False, indent=2) + "\n", "utf-8")
    unfinished.replace(path)


def digests(path: Path, read_on: Callable[[int], None]) -> tuple[str, str]:
    """The SHA-256 of a file and the id that git gives it; `read_on` hears of each block's bytes.

    Source: https://git-scm.com/book/en/v2/Git-Internals-Git-Objects
    """
    sha256 = hashlib.sha256()
    git = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            sha256.update(block)
            git.update(block)
            read_on(len(block))
    return sha256.hexdigest(), git.hexdigest()
