"""Write a small checkpoint with random weights: everything of a real model but its meaning.

It wires everything that a real model wires (loading with `trust_remote_code`, chat form, end of
turn, grammars, prefix cache) on a laptop. What it says means nothing.
"""

import argparse
import hashlib
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from builder import tokenizer, weights
from builder.errors import BuildError

MANIFEST = "mini.json"  # how a checkpoint came to be
IDENTITY = "manifest.json"  # what it is, as every model folder of ours tells a worker
README = """\
# A wiring model

{arch}, {size}, seed {seed}: random weights under a real architecture. Its words mean nothing.
Written by `python -m builder mini`; use a real model to read commentary.
"""


@dataclass(frozen=True, slots=True)
class Mini:
    """Which checkpoint: an architecture and a size of `builder.weights`, a seed of 0 or more."""

    arch: str = "exaone"
    size: str = "tiny"
    seed: int = 0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of `mini`."""
    parser.add_argument("dir", type=Path, metavar="DIR", help="the folder to write")
    parser.add_argument(
        "--arch", choices=weights.ARCHITECTURES, default="exaone", help="default: exaone"
    )
    parser.add_argument(
        "--size",
        choices=weights.SIZES,
        default="tiny",
        help="tiny (3 M parameters, the default) or mid (160 M, for benchmarks)",
    )
    parser.add_argument("--seed", type=_seed, default=0, help="of weights and tokenizer")


def _seed(text: str) -> int:
    seed = int(text)
    if seed < 0:
        raise argparse.ArgumentTypeError("must be 0 or more")
    return seed


def run(options: argparse.Namespace) -> None:
    """Write the checkpoint that the command line names, and say so."""
    told = build(options.dir, Mini(options.arch, options.size, options.seed))
    sys.stdout.write(f"{told}\n")


def build(folder: Path, mini: Mini) -> str:
    """Make `folder` hold `mini` and say how it came to; byte for byte the same each time.

    A folder that holds it already is left alone; an earlier mini checkpoint is replaced. The new
    one is written beside `folder` and moved there whole, so `folder` is never half a checkpoint.

    Raises:
        BuildError: `folder` holds anything else, which is left as it is, or cannot be written.
    """
    if _holds(folder, mini):
        return f"{folder}: {mini.arch} {mini.size} is there already"
    _check_replaceable(folder)
    try:
        with _staging(folder) as staged:
            _write(staged, mini)
            _publish(staged, folder, mini)
    except OSError as error:
        raise BuildError(f"{folder} cannot be written: {error.strerror or error}.") from error
    return f"{folder}: {mini.arch} {mini.size} written"


def _holds(folder: Path, mini: Mini) -> bool:
    manifest = _manifest(folder)
    return bool(manifest) and manifest == _describe(folder, mini, tuple(manifest["files"]))


def _manifest(folder: Path) -> dict[str, Any]:
    """The manifest in `folder`, empty where there is none of ours."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    ours = isinstance(manifest, dict) and isinstance(manifest.get("files"), dict)
    return manifest if ours else {}


def _describe(folder: Path, mini: Mini, names: tuple[str, ...]) -> dict[str, Any]:
    files = {name: _sha256(folder / name) for name in sorted(names)}
    return asdict(mini) | {"recipe": _recipe(), "files": files}


def _identity(folder: Path, mini: Mini) -> dict[str, Any]:
    """Who the model is; its revision is a digest of all its files, as long as a commit's."""
    files = {
        path.name: {"sha256": _sha256(path), "size": path.stat().st_size}
        for path in sorted(folder.iterdir())
    }
    size = "" if mini.size == "tiny" else f"-{mini.size}"
    revision = hashlib.sha256(json.dumps(files).encode()).hexdigest()[:40]
    return {"model": f"mini/{mini.arch}{size}", "revision": revision, "files": files}


def _sha256(path: Path) -> str | None:
    """The file's digest, or None where it is missing."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _recipe() -> str:
    """A digest of the code that decides the bytes: a checkpoint of older code is made anew."""
    here = Path(__file__).parent
    sources = [here / f"{name}.py" for name in ("corpus", "mini", "tokenizer", "weights")]
    digest = hashlib.sha256()
    for path in [*sources, *sorted(file for file in tokenizer.ASSETS.iterdir() if file.is_file())]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _check_replaceable(folder: Path) -> None:
    """Only nothing, an empty folder, or a mini checkpoint with no file of somebody else's."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise BuildError(f"{folder} is a file; name a folder.")
    others = {path.name for path in folder.iterdir()} - {
        MANIFEST,
        *_manifest(folder).get("files", ()),
    }
    if others:
        raise BuildError(
            f"{folder} holds {min(others)!r}, which no mini checkpoint holds; "
            "nothing was changed, name another folder or remove this one."
        )


@contextmanager
def _staging(folder: Path) -> Iterator[Path]:
    """A new folder beside `folder`, gone afterwards unless it was moved there."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as temporary:
        staged = Path(temporary) / "new"
        staged.mkdir()
        yield staged


def _write(folder: Path, mini: Mini) -> None:
    size = weights.SIZES[mini.size]
    special = tokenizer.write(folder, mini.arch, mini.seed)
    _dump(
        folder / "config.json",
        weights.configuration(mini.arch, size, tokenizer.VOCABULARY) | special,
    )
    _dump(folder / "generation_config.json", special)
    (folder / "README.md").write_text(README.format(**asdict(mini)), "utf-8")
    if mini.arch == "exaone":
        shutil.copyfile(
            tokenizer.ASSETS / "configuration_exaone.py", folder / "configuration_exaone.py"
        )
    wanted = weights.tensors(mini.arch, size, tokenizer.VOCABULARY)
    weights.write(folder / "model.safetensors", wanted, mini.seed)
    _dump(folder / IDENTITY, _identity(folder, mini))
    names = tuple(path.name for path in folder.iterdir())
    _dump(folder / MANIFEST, _describe(folder, mini, names))


def _publish(staged: Path, folder: Path, mini: Mini) -> None:
    if folder.exists():
        folder.rename(staged.with_name("old"))  # removed with the staging folder
    try:
        staged.rename(folder)
    except OSError:
        if not _holds(folder, mini):  # else another builder of the same one was first
            raise


def _dump(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", "utf-8")
