"""Who a model is, read off the files it is made of: its Hugging Face id and its revision.

A model in a folder is the same model: callers ask for it by its id wherever it lies, and where it
lies is nobody's business.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from worker.errors import StartupError

MANIFEST = "manifest.json"
"""The file that the image builder writes beside the weights."""

# Source: https://huggingface.co/docs/huggingface_hub/guides/manage-cache
CACHED = re.compile(r"/models--(?P<id>[^/]+)/snapshots/(?P<commit>[^/]+)$")
HUB_ID = re.compile(r"\w[\w.-]*/\w[\w.-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Identity:
    """A model's Hugging Face id, and the commit of its files where they say it."""

    model: str
    revision: str | None = None


def identify(folder: Path) -> Identity:
    """The model in `folder`: as its manifest says, else as the place and configuration tell.

    In this order: the manifest; the names of folders in Hugging Face's cache; the id that
    `config.json` was saved from; the folder's own name. Raises StartupError about a manifest that
    cannot be used, naming the file and the field.
    """
    place = folder.resolve()
    return (
        _by_manifest(folder / MANIFEST)
        or _by_cache(place)
        or _by_configuration(folder / "config.json")
        or Identity(place.name)
    )


def _by_manifest(path: Path) -> Identity | None:
    try:
        manifest = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise StartupError(f"{path} cannot be read as JSON: {error}.") from error
    if not isinstance(manifest, dict):
        raise StartupError(f"{path} must be a JSON object.")
    return Identity(_hub_id(path, manifest.get("model")), _commit(path, manifest.get("revision")))


def _hub_id(path: Path, value: Any) -> str:
    if not isinstance(value, str) or not HUB_ID.fullmatch(value):
        raise StartupError(f'{path}: "model" must be a Hugging Face id, <owner>/<name>.')
    return value


def _commit(path: Path, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise StartupError(f'{path}: "revision" must be a commit, as text.')
    return value


def _by_cache(folder: Path) -> Identity | None:
    """A snapshot in Hugging Face's cache, whose folder names have `--` where the id has `/`."""
    found = CACHED.search(folder.as_posix())
    return Identity(found["id"].replace("--", "/", 1), found["commit"]) if found else None


def _by_configuration(path: Path) -> Identity | None:
    """What transformers noted as the model's origin; a folder of another machine's is no id."""
    try:
        origin = json.loads(path.read_text("utf-8"))["_name_or_path"]
    except (OSError, ValueError, KeyError, TypeError):  # whoever loads it says what is wrong
        return None
    return Identity(origin) if isinstance(origin, str) and HUB_ID.fullmatch(origin) else None


def cached_commit(model: str, revision: str | None) -> str | None:
    """The commit that Hugging Face's cache holds of `model` at `revision`, None if it does not."""
    from huggingface_hub import try_to_load_from_cache  # takes a second: not without need

    found = try_to_load_from_cache(model, "config.json", revision=revision)
    return Path(found).parent.name if isinstance(found, str) else None
