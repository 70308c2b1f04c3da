"""Where the platform has put the model: an id's files, before anything is downloaded.

In this order: RunPod's cached model, the model baked into the image, the network volume. A place
counts if it holds the commit that was asked for, whole; why one does not is logged. What none of
them has, huggingface_hub finds in its own cache or downloads.
"""

import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from worker.engine.model_files import MANIFEST, identify
from worker.errors import StartupError

log = logging.getLogger(__name__)

COMMIT = re.compile(r"[0-9a-f]{40}", re.IGNORECASE)
HUB_NAME = re.compile(r"(\w[\w.-]*/)?\w[\w.-]*", re.ASCII)  # the hub's first models have no owner
DEFAULT_BRANCH = "main"  # huggingface_hub.constants.DEFAULT_REVISION
INDEX = "model.safetensors.index.json"
WEIGHTS = ("*.safetensors", "*.bin", "*.pt", "*.gguf")
UNFINISHED = ".download"  # of `python -m builder download`, in the folder until all of it is there
SHOWN_DIGITS = 8  # of a commit


@dataclass(frozen=True, slots=True)
class Places:
    """The folders of a platform that may hold models.

    Attributes:
        cache: in the layout of Hugging Face's cache.
        baked: one model and its manifest.
        volume: a folder for each model, <owner>/<name>.
    """

    cache: Path
    baked: Path
    volume: Path


# Source: https://docs.runpod.io/serverless/endpoints/model-caching for the cache; the others are
# ours. A volume on /runpod-volume hides all that an image has there: nothing is baked under it.
PLACES = Places(
    cache=Path("/runpod-volume/huggingface-cache/hub"),
    baked=Path("/model"),
    volume=Path("/runpod-volume/models"),
)


@dataclass(frozen=True, slots=True)
class Located:
    """Where a model's files are.

    Attributes:
        path: their folder, or None where huggingface_hub has to know.
        commit: theirs, or None where nobody says it.
        place: what that is, in words.
    """

    path: Path | None
    commit: str | None
    place: str


class _Copy(NamedTuple):
    """A folder that should hold the model, and the commit of it, where somebody says that."""

    folder: Path
    commit: str | None


class _PassedOver(Exception):
    """Why a place that has the model does not count, in words."""


def locate(model: str, revision: str | None, places: Places = PLACES) -> Located:
    """The first place that holds `model` at `revision`, whole; one log line says which it is.

    Args:
        model: an id. What cannot be one of the hub's is left to vLLM, unlooked for.
        revision: a commit, and no other will do; a branch or a tag, of which only a cache can tell
            the commit; or None for the main branch.
        places: the platform's.

    Raises:
        StartupError: no place has it, and huggingface_hub must stay offline.
    """
    elsewhere = Located(None, None, "from the Hugging Face cache or hub")
    if not HUB_NAME.fullmatch(model):
        return elsewhere
    found = next(_found(model, revision, places), elsewhere)
    if found is elsewhere:
        _check_reach(model, revision, places)
    at = _short(found.commit or "no known commit" if found.path else revision or DEFAULT_BRANCH)
    folder = f" ({found.path})" if found.path else ""
    log.info("model %s at %s: %s%s", model, at, found.place, folder)
    return found


def asked_of(model: str, revision: str | None, places: Places = PLACES) -> str | None:
    """The revision that is asked of `model`: none, where it is that of another one in the image.

    An image names the commit of its own model in MODEL_REVISION. Whoever asks for another model has
    named that one alone, and no commit is two models'.
    """
    try:
        baked = identify(places.baked) if _is_commit(revision) else None
    except StartupError:  # about a manifest, which is told where the folder is looked at
        return revision
    if baked is None or baked.revision != revision or baked.model.lower() == model.lower():
        return revision
    log.info(
        "MODEL_REVISION is a commit of the image's %s, and not asked of %s", baked.model, model
    )
    return None


def _found(model: str, revision: str | None, places: Places) -> Iterator[Located]:
    """Where the model is, in order; where it is and does not count, a warning says why."""
    looked: tuple[tuple[str, Callable[[str, str | None, Path], _Copy | None], Path], ...] = (
        ("from RunPod's cache", _cached, places.cache),
        ("baked into the image", _baked, places.baked),
        ("from the network volume", _on_volume, places.volume),
    )
    for place, find, folder in looked:
        try:
            if copy := find(model, revision, folder):
                _check(copy, revision)
                yield Located(*copy, place)
        except (_PassedOver, StartupError, OSError) as reason:
            log.warning("model %s %s: passed over: %s", model, place, reason)


def _check(copy: _Copy, revision: str | None) -> None:
    """Raise _PassedOver about a copy of another commit, or one that is not whole."""
    both = {(revision or "").lower(), (copy.commit or "").lower()}
    if len(both) > 1 and all(map(_is_commit, both)):
        raise _PassedOver(f"it is commit {copy.commit}, and MODEL_REVISION asks for {revision}.")
    if fault := lack_of(copy.folder) or _damage(copy.folder):
        raise _PassedOver(f"{copy.folder} {fault}.")


def _cached(model: str, revision: str | None, hub: Path) -> _Copy | None:
    """A snapshot in a cache. RunPod's may spell the id in small letters, and come without refs."""
    home = _entry(hub, _folder_of(model))
    if home is None:
        return None
    snapshots = home / "snapshots"
    held = sorted(path.name for path in snapshots.iterdir()) if snapshots.exists() else []
    commit = _choose(held, revision, home)
    return _Copy(snapshots / commit, commit)


def _choose(held: list[str], revision: str | None, home: Path) -> str:
    """The commit to take of those that a cache holds, or _PassedOver."""
    name = revision or DEFAULT_BRANCH
    wanted = name.lower() if _is_commit(name) else _ref(home, name)
    if wanted in held:
        return wanted
    if wanted is None and name == DEFAULT_BRANCH and len(held) == 1:
        return held[0]
    has = f"it has {'commit ' + ', '.join(held) if held else 'no commit'}"
    if wanted is None:
        raise _PassedOver(f"{has}, and does not say which {name} is: set MODEL_REVISION to one.")
    asks = "MODEL_REVISION asks for" if wanted == name.lower() else f"its {name} is"
    raise _PassedOver(f"{has}, and {asks} {wanted}.")


def _ref(home: Path, name: str) -> str | None:
    """The commit that a cache knows a branch or a tag by."""
    file = home / "refs" / name
    return file.read_text("utf-8", "replace").strip() if file.is_file() else None


def _baked(model: str, _revision: str | None, folder: Path) -> _Copy | None:
    """The image's model, if its manifest says that it is this one."""
    return _declared(model, folder) if (folder / MANIFEST).is_file() else None


def _on_volume(model: str, _revision: str | None, folder: Path) -> _Copy | None:
    """The model's folder on the volume; somebody may have copied one there without a manifest."""
    home: Path | None = folder
    for part in model.split("/"):
        home = _entry(home, part) if home else None
    if home and (home / MANIFEST).is_file():
        return _declared(model, home)
    if home and (home / UNFINISHED).exists():
        raise _PassedOver(f"{home} is a download that is not finished: begin it again.")
    return _Copy(home, None) if home else None


def _declared(model: str, folder: Path) -> _Copy:
    """A folder of the builder's, if it holds what its manifest says, and that is the model."""
    identity = identify(folder)
    if identity.model.lower() != model.lower():
        raise _PassedOver(f"{folder} holds {identity.model}.")
    for name, size in _sizes(folder / MANIFEST).items():
        file = folder / name
        if not file.is_file() or file.stat().st_size != size:
            raise _PassedOver(f"{file} is not the file of {size} bytes that its {MANIFEST} names.")
    return _Copy(folder, identity.revision)


def _sizes(manifest: Path) -> Mapping[str, Any]:
    """Bytes of each file, as far as a manifest tells them."""
    files = json.loads(manifest.read_text("utf-8")).get("files")
    told = files.items() if isinstance(files, dict) else ()
    return {name: file["size"] for name, file in told if isinstance(file, dict) and "size" in file}


def lack_of(folder: Path, *, weights: bool = True) -> str | None:
    """What a folder lacks of a model that can be loaded, as `has no …`; None if it is whole.

    Args:
        folder: of the files.
        weights: whether it must have those, each that its index names or any.
    """
    if not (folder / "config.json").is_file():
        return "has no config.json"
    return _lack_of_weights(folder) if weights else None


def _lack_of_weights(folder: Path) -> str | None:
    try:
        named = json.loads((folder / INDEX).read_text("utf-8"))["weight_map"].values()
    except FileNotFoundError:
        named = ()
    except (ValueError, LookupError, TypeError, AttributeError):
        return f"has no usable {INDEX}"
    absent = sorted(name for name in set(map(str, named)) if not _is_filled(folder / name))
    if absent:
        return f"has no {absent[0]}"
    any_kind = (file for kind in WEIGHTS for file in folder.glob(kind))
    return None if any(map(_is_filled, any_kind)) else "has no weights"


def _is_filled(file: Path) -> bool:
    return file.is_file() and file.stat().st_size > 0


def _damage(folder: Path) -> str | None:
    """A link whose file is gone, as a fault in words; None without one."""
    links = (path for path in sorted(folder.rglob("*")) if path.is_symlink())
    dangling = next((path for path in links if not path.exists()), None)
    return f"has a link to nothing, {dangling.relative_to(folder)}" if dangling else None


def _check_reach(model: str, revision: str | None, places: Places) -> None:
    """Raise StartupError where huggingface_hub may not ask the hub, and has not the model either.

    Whether it may, and where its cache is, it has read from the environment itself.
    """
    from huggingface_hub import constants  # 20 ms; imports little

    home = Path(constants.HF_HUB_CACHE) / _folder_of(model)
    name = revision or DEFAULT_BRANCH
    if constants.HF_HUB_OFFLINE and not (home / "snapshots" / (_ref(home, name) or name)).is_dir():
        raise StartupError(
            f"{model} at {name} is in no place of this machine's, neither in RunPod's cache "
            f"({places.cache}) nor in the image ({places.baked}), on the network volume "
            f"({places.volume / model}) or in Hugging Face's cache ({constants.HF_HUB_CACHE}), and "
            "HF_HUB_OFFLINE forbids to download it: choose it as the endpoint's cached model, bake "
            "it into the image (BAKE_MODEL), write it to the volume with `python -m builder "
            "download`, or set HF_HUB_OFFLINE=0 to download it at the start, and for a gated "
            "model HF_TOKEN."
        )


def _entry(folder: Path, name: str) -> Path | None:
    """A folder's entry by its name, in any letters if it is not there in these: as the hub does."""
    if (folder / name).exists():
        return folder / name
    entries = sorted(folder.iterdir()) if folder.is_dir() else []
    return next((entry for entry in entries if entry.name.lower() == name.lower()), None)


def _folder_of(model: str) -> str:
    """What Hugging Face's cache calls a model's folder.

    Source: https://huggingface.co/docs/huggingface_hub/guides/manage-cache
    """
    return f"models--{model.replace('/', '--')}"


def _is_commit(revision: str | None) -> bool:
    return bool(revision and COMMIT.fullmatch(revision))


def _short(revision: str) -> str:
    return f"{revision[:SHOWN_DIGITS]}…" if _is_commit(revision) else revision
