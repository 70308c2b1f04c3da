"""Download a model, checked and complete, into a folder.

Only what vLLM needs is fetched, all of it at one commit, and all of it is checked. A download that
broke off goes on where it was; a folder that holds the model already is checked and left.
A gated model needs a token, in HF_TOKEN or in the file that HF_TOKEN_PATH names.
"""

import argparse
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar
from urllib.parse import urlsplit

from builder.errors import BuildError
from builder.manifest import MANIFEST, File, Manifest, digests, read, write

PUBLIC = "https://huggingface.co"
# As the worker's `engine/model_files.py` has it, or it would not take the manifest.
MODEL = re.compile(r"\w[\w.-]*/\w[\w.-]*", re.ASCII)

WORK = ".download"  # in the folder until it is finished: what was planned, and files half fetched
PLAN = "plan.json"

# What vLLM reads beside weights, in the model's first folder.
# Source: names of configurations and tokenizers in transformers' *_utils.py and vLLM's tokenizers.
READ_BY_VLLM = (
    "config.json",
    "params.json",
    "*_config.json",
    "tokenizer*.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template*",
    "vocab*",
    "merges.txt",
    "tekken.json",
    "*.model",
    "*.tiktoken",
    "*.jinja",
    "*.py",
)
# What the licence asks to hand on with the weights.
READ_BY_PEOPLE = ("licen[cs]e*", "notice*", "copying*", "readme*", "use_policy*", "*_licen[cs]e*")
# A model's own code and chat templates may lie deeper; weights that vLLM loads do not.
DEEPER = ("*.py", "additional_chat_templates/*.jinja")
COPIES = {"original", "onnx", "openvino", "coreml", "gguf", "flax", "tf", "metal"}
# What vLLM leaves out of the .bin files. Source: vllm/model_executor/model_loader/weight_utils.py
TRAINING = {"training_args.bin", "optimizer.bin", "scheduler.bin"}

TRIES = 5  # in a row that brought no byte
PAUSE = 1.0  # s before the second try, doubled for each further one
TIMEOUT = 30.0  # s without a byte from the hub
BUSY = (408, 429, 500, 502, 503, 504)  # statuses worth another try
PERIOD = 5.0  # s between two lines of progress where there is no terminal
INTERRUPTED = 130  # as a shell has it: 128 + SIGINT

TERMS = (
    "put a token that may read it into HF_TOKEN "
    "(`python -m builder build` hands the same variable over as a build secret)"
)
AGAIN = "What has arrived is kept: the same command goes on from there."

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pinned:
    """What a revision is today: its commit, and the licence that the model's card names."""

    commit: str
    licence: str | None


@dataclass(frozen=True, slots=True)
class Listed:
    """A file as the hub lists it: size in bytes, and SHA-256 (of large files) or id in git."""

    path: str
    size: int
    sha256: str | None
    git: str

    @property
    def content(self) -> str:
        """What identifies the bytes, whatever they are called."""
        return self.sha256 or self.git

    def is_made_of(self, sha256: str, git: str) -> bool:
        """Whether bytes with these two digests are this file's."""
        return self.content == (sha256 if self.sha256 else git)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of `download`."""
    parser.add_argument("model", metavar="MODEL", help="its Hugging Face id, <owner>/<name>")
    parser.add_argument("dir", type=Path, metavar="DIR", help="the folder to write")
    parser.add_argument(
        "--revision", default="main", metavar="REV", help="branch, tag or commit (default: main)"
    )


def run(options: argparse.Namespace) -> None:
    """Download the model that the command line names, and say what is there."""
    download(options.model, options.dir, options.revision or "main")


def main(arguments: Sequence[str] | None = None) -> int:
    """`python3 -m builder.download`: the command where nothing else of the builder is."""
    parser = argparse.ArgumentParser(prog="python -m builder.download", description=__doc__)
    add_arguments(parser)
    try:
        run(parser.parse_args(arguments))
    except BuildError as error:
        sys.stderr.write(f"builder: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write(f"builder: interrupted. {AGAIN}\n")
        return INTERRUPTED
    return 0


def download(model: str, folder: Path, revision: str = "main") -> Manifest:
    """Make `folder` hold `model` as it is at `revision`, and return its manifest.

    The folder has a manifest only when every file in it was checked. A commit that is there already
    is checked without asking the hub.

    Args:
        model: the Hugging Face id, <owner>/<name>.
        folder: empty or not there yet, or one that this function wrote, whole or in part.
        revision: a branch, a tag or a commit of 40 digits.

    Raises:
        BuildError: the model cannot be had, or `folder` holds something else, which is left as it
            is, or has no room for it.
    """
    _check_id(model)
    held = _held(folder, model)
    with _writing(folder):
        if held and held.revision == revision and _is_whole(folder, held):
            return held
        hub = _Hub(model, revision)
        found = hub.look_up()
        _say(f"{model} at {revision} is commit {found.commit}.")
        if held:
            _check_same(folder, held, found.commit)
        if held and held.revision != revision and _is_whole(folder, held):
            return held
        return _complete(folder, hub, Manifest(model, found.commit, {}, found.licence))


def look_up(model: str, revision: str = "main") -> Pinned:
    """Ask the hub what `revision` of `model` is, and fetch nothing.

    Raises:
        BuildError: as `download` does; that a model is gated shows only when files are read.
    """
    _check_id(model)
    return _Hub(model, revision).look_up()


def _check_id(model: str) -> None:
    if not MODEL.fullmatch(model):
        raise BuildError(f"{model!r} is not a Hugging Face id; name <owner>/<name>.")


def _held(folder: Path, model: str) -> Manifest | None:
    """The manifest of a finished folder; a folder of anything else than `model` is refused."""
    if folder.exists() and not folder.is_dir():
        raise BuildError(f"{folder} is a file; name a folder.")
    held = read(folder / MANIFEST)
    begun = held or read(folder / WORK / PLAN)
    if begun and begun.model != model:
        raise BuildError(f"{folder} holds {begun.model}; {_elsewhere(folder)}")
    ours = {*(begun.files if begun else ()), *([MANIFEST] if held else ())}
    if others := set(_contents(folder)) - ours:
        raise BuildError(
            f"{folder} holds {min(others)!r}, which is not of {model}; {_elsewhere(folder)}"
        )
    return held


def _contents(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        name = path.relative_to(folder)
        if name.parts[0] != WORK and (path.is_symlink() or not path.is_dir()):
            yield name.as_posix()


def _elsewhere(folder: Path) -> str:
    return f"nothing was changed, name another folder than {folder.name} or remove it."


def _check_same(folder: Path, held: Manifest, commit: str) -> None:
    if held.revision != commit:
        raise BuildError(
            f"{folder} holds {held.model} at commit {held.revision}, not {commit}; "
            f"{_elsewhere(folder)}"
        )


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BuildError(f"{folder} cannot be written: {error.strerror or error}.") from error


def _is_whole(folder: Path, held: Manifest) -> bool:
    """Whether every file of a finished folder still is what its manifest says, and say so."""
    files = [Listed(path, file.size, file.sha256, "") for path, file in held.files.items()]
    good = _checked(folder, files)
    if len(good) == len(files):
        shutil.rmtree(folder / WORK, ignore_errors=True)
        _say(f"{folder}: {held.model} at {held.revision} is there already, {_sum(files)}.")
        return True
    damaged = sorted(held.files.keys() - good.keys())
    _say(f"{folder}: {', '.join(damaged)} is damaged or missing, and is fetched again.")
    return False


def _checked(folder: Path, files: Iterable[Listed]) -> dict[str, File]:
    """Those of `files` that are in `folder` with the right size and bytes."""
    there = [file for file in files if _size(folder / file.path) == file.size]
    good = {}
    with Progress("checking", sum(file.size for file in there)) as progress:
        for file in there:
            sha256, git = digests(folder / file.path, progress.advance)
            if file.is_made_of(sha256, git):
                good[file.path] = File(sha256, file.size)
    return good


def _size(path: Path) -> int:
    """In bytes; -1 where there is no such file."""
    return path.stat().st_size if path.is_file() else -1


def _complete(folder: Path, hub: "_Hub", manifest: Manifest) -> Manifest:
    """Fetch what is missing at the manifest's commit, check it, and leave the manifest behind."""
    files = wanted(hub.listing(manifest.revision))
    hub.check_access(manifest.revision, max(files, key=lambda file: file.size).path)
    good = _checked(folder, files)
    missing = [file for file in files if file.path not in good]
    _check_room(folder, missing, manifest.model)
    _plan(folder, manifest, files)
    _clear(folder, missing)
    _fetch(folder, hub, manifest.revision, missing)
    good |= _checked(folder, missing)
    _check_all(folder, missing, good)
    return _finish(folder, Manifest(manifest.model, manifest.revision, good, manifest.licence))


def wanted(files: Iterable[Listed]) -> list[Listed]:
    """Those files of a model that vLLM reads or that its licence asks to hand on; no copies.

    Raises:
        BuildError: there are no weights among them that vLLM loads.
    """
    by_path = {file.path: file for file in files if _is_candidate(PurePosixPath(file.path))}
    weights = _weights(by_path)
    if not weights:
        raise BuildError(
            "The model has neither .safetensors nor .bin weights, and vLLM loads no others "
            "from a folder; name a model that has them."
        )
    return [file for path, file in sorted(by_path.items()) if path in weights or _is_text(path)]


def _is_candidate(path: PurePosixPath) -> bool:
    """A path below the model's folder, not hidden, not of a copy in another format."""
    folders = {part.lower() for part in path.parts[:-1]}
    return not (folders & COPIES or "\\" in str(path) or any(p[0] in "./" for p in path.parts))


def _weights(paths: Iterable[str]) -> set[str]:
    """Weights and their index: safetensors, else .bin, never twice the same."""
    tops = {path for path in paths if "/" not in path}
    tensors = _with_index(tops, ".safetensors")
    # Mistral's own format, beside the same weights as everybody has them.
    usual = {path for path in tensors if not path.startswith("consolidated")}
    if any(path.endswith(".safetensors") for path in usual):
        return usual
    return tensors or _with_index(tops, ".bin") - TRAINING


def _with_index(paths: Iterable[str], suffix: str) -> set[str]:
    return {path for path in paths if path.endswith((suffix, f"{suffix}.index.json"))}


def _is_text(path: str) -> bool:
    if "/" in path:
        return any(fnmatchcase(path, pattern) for pattern in DEEPER)
    patterns = [(path, READ_BY_VLLM), (path.lower(), READ_BY_PEOPLE)]
    return any(fnmatchcase(name, pattern) for name, those in patterns for pattern in those)


def _check_room(folder: Path, missing: Sequence[Listed], model: str) -> None:
    """Before the first byte; what is there in part, or damaged, makes room for itself."""
    needed = sum(
        file.size - max(0, _size(_part(folder, file)), _size(folder / file.path))
        for file in missing
    )
    place = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(place).free
    if needed > free:
        raise BuildError(
            f"{folder} needs {_gb(needed)} more for {model}, and its disk has {_gb(free)} free; "
            "make room, or name a folder on another disk."
        )


def _part(folder: Path, file: Listed) -> Path:
    """Where a file grows: named after its bytes, so that no other file ever goes on from there."""
    return folder / WORK / f"{file.content}.part"


def _plan(folder: Path, manifest: Manifest, files: Sequence[Listed]) -> None:
    """Note whose files these will be, so that the next start knows them; an older plan's go."""
    (folder / WORK).mkdir(parents=True, exist_ok=True)
    told = {file.path: File(file.sha256, file.size) for file in files}
    old = read(folder / WORK / PLAN)
    for path in old.files.keys() - told.keys() if old else ():
        (folder / path).unlink(missing_ok=True)
    write(folder / WORK / PLAN, Manifest(manifest.model, manifest.revision, told))


def _clear(folder: Path, missing: Iterable[Listed]) -> None:
    """Remove what is damaged, before good bytes need its room."""
    for file in missing:
        (folder / file.path).unlink(missing_ok=True)
        if _size(_part(folder, file)) > file.size:
            _part(folder, file).unlink()


def _fetch(folder: Path, hub: "_Hub", commit: str, missing: Sequence[Listed]) -> None:
    there = sum(max(0, _size(_part(folder, file))) for file in missing)
    with Progress("fetching", sum(file.size for file in missing), there) as progress:
        for file in missing:
            part = _part(folder, file)
            hub.fetch(commit, file, part, progress)
            (folder / file.path).parent.mkdir(parents=True, exist_ok=True)
            part.replace(folder / file.path)


def _check_all(folder: Path, fetched: Iterable[Listed], good: dict[str, File]) -> None:
    """Remove what came damaged, and name it."""
    bad = [file.path for file in fetched if file.path not in good]
    for path in bad:
        (folder / path).unlink(missing_ok=True)
    if bad:
        raise _damaged(", ".join(bad))


def _damaged(paths: str) -> BuildError:
    return BuildError(
        f"{paths} did not arrive as the hub describes it, and was removed: "
        "the same command fetches it again, and keeps the rest."
    )


def _finish(folder: Path, manifest: Manifest) -> Manifest:
    write(folder / WORK / MANIFEST, manifest)
    (folder / WORK / MANIFEST).replace(folder / MANIFEST)
    shutil.rmtree(folder / WORK)
    size = _sum(manifest.files.values())
    _say(f"{folder}: {manifest.model} at {manifest.revision} written, {size}.")
    return manifest


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()  # `docker build` shows it when it happens


def _sum(files: Iterable[Listed | File]) -> str:
    sizes = [file.size for file in files]
    return f"{len(sizes)} files, {_gb(sum(sizes))}"


def _gb(size: int) -> str:
    return f"{size / 1e9:.2f} GB"


class Progress:
    """Bytes done of `total`, on stderr: a bar on a terminal, else a line every few seconds."""

    def __init__(self, what: str, total: int, done: int = 0) -> None:
        self.what, self.total, self.done = what, total, done
        self._told = time.monotonic()
        self._bar: Any = None

    def __enter__(self) -> "Progress":
        if self.total and sys.stderr.isatty():
            from tqdm import tqdm  # type: ignore[import-untyped]

            self._bar = tqdm(
                desc=self.what, total=self.total, initial=self.done, unit="B", unit_scale=True
            )
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()
        elif self.total and kind is None:
            self._tell()

    def advance(self, size: int) -> None:
        """Count `size` more bytes."""
        self.reach(self.done + size)

    def reach(self, done: int) -> None:
        """Have `done` bytes counted, which are fewer where some must be done again."""
        step = min(done, self.total) - self.done
        self.done += step
        if self._bar is not None:
            self._bar.update(step)
        elif time.monotonic() - self._told >= PERIOD:
            self._tell()

    def _tell(self) -> None:
        self._told = time.monotonic()
        share = f"{_gb(self.done)} of {_gb(self.total)} ({100 * self.done // self.total} %)"
        sys.stderr.write(f"{self.what}: {share}\n")
        sys.stderr.flush()


class _Dropped(Exception):
    """The connection ended before the file did."""


class _Hub:
    """A model on the hub that HF_ENDPOINT names; every error of the hub comes as a BuildError."""

    def __init__(self, model: str, revision: str) -> None:
        self.model, self.revision = model, revision
        self.endpoint = (os.environ.get("HF_ENDPOINT") or PUBLIC).rstrip("/")
        self.token = _token()

    @cached_property
    def api(self) -> Any:
        from huggingface_hub import HfApi

        return HfApi(endpoint=self.endpoint, token=self.token or False)

    def look_up(self) -> Pinned:
        """The revision's commit, and the model's licence."""
        with self._telling():
            info = _patiently(
                lambda: self.api.model_info(self.model, revision=self.revision, timeout=TIMEOUT)
            )
        return Pinned(info.sha, _licence(info.card_data))

    def listing(self, commit: str) -> list[Listed]:
        """Every file at `commit`."""
        with self._telling():
            entries = _patiently(
                lambda: list(self.api.list_repo_tree(self.model, recursive=True, revision=commit))
            )
        return [
            Listed(entry.path, entry.size, entry.lfs.sha256 if entry.lfs else None, entry.blob_id)
            for entry in entries
            if hasattr(entry, "blob_id")  # else it is a folder
        ]

    def check_access(self, commit: str, path: str) -> None:
        """Learn that files may not be read before anything is written: listings may be anyone's."""
        with self._telling():
            _patiently(lambda: self._metadata(commit, path))

    def fetch(self, commit: str, file: Listed, part: Path, progress: Progress) -> None:
        """Have `part` grow to the whole file, over dropped connections."""
        part.touch()
        with self._telling():
            _patiently(
                lambda: self._grow(commit, file, part, progress), lambda: max(0, _size(part))
            )

    def _grow(self, commit: str, file: Listed, part: Path, progress: Progress) -> None:
        if _size(part) == file.size:
            return
        # Asked for each try: the storage's address is good for a while only.
        metadata = self._metadata(commit, file.path)
        if metadata.xet_file_data and _has_xet():
            self._by_xet(commit, file, part, progress)
        else:
            self._by_range(metadata.location, part, progress)
        if _size(part) < file.size:  # with no error: the hub has no more of it
            part.unlink()
            raise _damaged(file.path)

    def _metadata(self, commit: str, path: str) -> Any:
        from huggingface_hub import get_hf_file_metadata, hf_hub_url

        url = hf_hub_url(self.model, path, revision=commit, endpoint=self.endpoint)
        return get_hf_file_metadata(url, token=self.token or False, timeout=TIMEOUT)

    def _by_range(self, address: str, part: Path, progress: Progress) -> None:
        """Plain HTTP, going on from the bytes that are there.

        huggingface_hub itself begins a file anew when its process was stopped.
        Source: https://github.com/huggingface/huggingface_hub/pull/4228
        """
        from huggingface_hub import get_session

        there = _size(part)
        headers = self._headers(address) | ({"Range": f"bytes={there}-"} if there else {})
        with get_session().stream("GET", address, headers=headers, timeout=TIMEOUT) as answer:
            if answer.status_code == 416:
                return  # the file ends before this byte
            if answer.status_code not in (200, 206):
                raise _Dropped(f"the storage answered {answer.status_code}")
            with part.open("ab") as into:
                if there and answer.status_code == 200:  # all of it, whatever was asked for
                    into.truncate(0)
                    progress.advance(-there)
                for block in answer.iter_bytes():
                    into.write(block)
                    progress.advance(len(block))

    def _headers(self, address: str) -> dict[str, str]:
        """The token is for the hub alone, never for the storage that it sends us to."""
        plain = {"Accept-Encoding": "identity"}
        ours = self.token and _origin(address) == _origin(self.endpoint)
        return plain | ({"Authorization": f"Bearer {self.token}"} if ours else {})

    def _by_xet(self, commit: str, file: Listed, part: Path, progress: Progress) -> None:
        """The real hub's own protocol, in parallel; a file that broke off begins anew."""
        from huggingface_hub import hf_hub_download

        before = progress.done - _size(part)
        progress.reach(before)
        try:
            came = hf_hub_download(
                self.model,
                file.path,
                revision=commit,
                local_dir=part.parent / "xet",
                token=self.token or False,
                endpoint=self.endpoint,
                tqdm_class=_forwarding(progress),
            )
        except (OSError, RuntimeError) as error:
            progress.reach(before)
            _raise_if_lasting(error)
            raise _Dropped(_reason(error)) from error
        Path(came).replace(part)
        progress.reach(before + file.size)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Say what went wrong in our words: the library's may hold addresses that are secret."""
        from huggingface_hub import errors

        try:
            yield
        except errors.OfflineModeIsEnabled as error:
            raise BuildError("HF_HUB_OFFLINE forbids a download; unset it.") from error
        except errors.HfHubHTTPError as error:
            raise BuildError(self._refusal(error)) from error
        except _passing() as error:
            raise BuildError(
                f"{self._place} cannot be reached: {_reason(error)}. {AGAIN}"
            ) from error

    def _refusal(self, error: Any) -> str:
        """Why the hub said no, and what to do."""
        from huggingface_hub import errors

        status = error.response.status_code
        if isinstance(error, errors.GatedRepoError):
            return self._gated()
        if isinstance(error, errors.RevisionNotFoundError):
            return f"{self.model} has no branch, tag or commit {self.revision!r}."
        if status == 401 and self.token:
            return "The hub refused the token, as wrong or expired; put a good one into HF_TOKEN."
        if isinstance(error, errors.RepositoryNotFoundError):
            return f"There is no model {self.model} at {self._place}; or it is private: {TERMS}."
        return f"{self._place} answered {status} when asked for {self.model}."

    def _gated(self) -> str:
        page = f"https://huggingface.co/{self.model}"
        if not self.token:
            return f"{self.model} is gated: accept the terms at {page} and {TERMS}."
        return (
            f"{self.model} is gated, and this token's account has not accepted its terms: accept "
            f"them at {page}; a fine-grained token must also be allowed to read gated models."
        )

    @property
    def _place(self) -> str:
        """The hub's address without what may be secret in it, and where it comes from."""
        scheme, _, rest = self.endpoint.rpartition("://")
        address = f"{scheme or 'https'}://{rest.rpartition('@')[2]}"
        return f"{address} (HF_ENDPOINT)" if self.endpoint != PUBLIC else address


def _token() -> str | None:
    from huggingface_hub import get_token

    try:
        token = get_token()
    except OSError as error:
        raise BuildError(
            f"The file of HF_TOKEN_PATH cannot be read: {error.strerror or 'unknown reason'}."
        ) from error
    if token and not re.fullmatch(r"[!-~]+", token):
        raise BuildError("The token in HF_TOKEN has characters that no token has; copy it again.")
    return token


def _licence(card: Any) -> str | None:
    """As the model's card has it: `other` stands for a name of its own."""
    told = card.to_dict() if card else {}
    licence = told.get("license")
    if licence in (None, "other"):
        licence = told.get("license_name") or licence
    return ", ".join(licence) if isinstance(licence, list) else licence


def _patiently(step: Callable[[], T], so_far: Callable[[], int] = lambda: 0) -> T:
    """What `step` returns; tried again when the network fails, a few times without progress."""
    failures, reached = 0, so_far()
    while True:
        try:
            return step()
        except _passing() as error:
            failures = failures + 1 if so_far() <= reached else 0
            reached = so_far()
            if not _may_pass(error) or failures >= TRIES:
                raise
            time.sleep(PAUSE * 2 ** (failures - 1))


def _passing() -> tuple[type[Exception], ...]:
    """What a network does; huggingface_hub 2 went from httpx to httpx2, which has the same tree."""
    from huggingface_hub import errors, get_session

    http = sys.modules[type(get_session()).__module__.partition(".")[0]]
    return (http.TransportError, errors.HfHubHTTPError, _Dropped)


def _may_pass(error: Exception) -> bool:
    """A hub that is busy may answer yet; one that has said no will not."""
    answer = getattr(error, "response", None)
    return answer is None or answer.status_code in BUSY


def _raise_if_lasting(error: Exception) -> None:
    """Of what hf_hub_download raises: the disk's errors have a number, the hub's an answer."""
    if getattr(error, "errno", None) is not None or hasattr(error, "response"):
        raise error


def _reason(error: Exception) -> str:
    """One line of the cause, without the addresses that a storage signs."""
    text = str(error).partition("\n")[0].strip().rstrip(".")
    return re.sub(r"https?://\S+", "…", text) or type(error).__name__


def _origin(address: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(address)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _has_xet() -> bool:
    off = os.environ.get("HF_HUB_DISABLE_XET", "").upper() in {"1", "ON", "YES", "TRUE"}
    return not off and find_spec("hf_xet") is not None


def _forwarding(progress: Progress) -> Any:
    """A bar for huggingface_hub that shows nothing and hands its bytes to `progress`."""

    class Forwarding:
        total = n = 0

        def __init__(self, *_: Any, **__: Any) -> None:
            """Whatever the bar would have looked like."""

        def __enter__(self) -> "Forwarding":
            return self

        def __exit__(self, *_: object) -> None:
            self.close()

        def update(self, size: float = 1) -> None:
            progress.advance(int(size))

        def silence(self, *_: Any, **__: Any) -> None:
            """What is only for the eye, or counts the wire's bytes, of which xet needs fewer."""

        close = refresh = update_transfer = silence
        set_postfix_str = set_transfer_postfix_str = silence

    return Forwarding


if __name__ == "__main__":
    sys.exit(main())
