"""Download a model, checked and complete, into a folder.

Only what vLLM needs is fetched, all of it at one commit, and all of it is checked. A download that
broke off, however that came, goes on where it was; a folder that holds the model already is checked
and left. A gated model needs a token: in HF_TOKEN, in the file that HF_TOKEN_PATH names, or that of
`hf auth login`.
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
from functools import cached_property, partial
from hashlib import sha256
from pathlib import Path, PurePosixPath
from queue import SimpleQueue
from threading import Event, Thread
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
STREAMS = 4  # files at a time: one stream seldom fills a line
GRACE = 1.0  # s for the others to notice that one has failed, or that Ctrl-C was pressed
PERIOD = 5.0  # s between two lines of progress where there is no terminal
INTERRUPTED = 130  # as a shell has it: 128 + SIGINT

# Where huggingface_hub looks for a token before it looks into a file, in its order.
TOKEN_VARIABLES = ("HF_OIDC_RESOURCE", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
TERMS = (
    "put a token that may read it into HF_TOKEN "
    "(`python -m builder build` hands the same variable over as a build secret)"
)
AGAIN = "What has arrived is kept: the same command goes on from there."

T = TypeVar("T")
Count = Callable[[int], None]
"""Hears of bytes that came; of fewer than none where some must come again."""


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
    parser.add_argument(
        "--copies",
        type=_copies,
        default=1,
        metavar="N",
        help="copies of the model that its disk must have room for at the end, this one included: "
        "2 where a build then copies the folder into a layer (default: 1)",
    )


def _copies(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of copies, 1 or more")
    return int(text)


def run(options: argparse.Namespace) -> None:
    """Download the model that the command line names, and say what is there."""
    try:
        download(options.model, options.dir, options.revision or "main", options.copies)
    except KeyboardInterrupt:
        sys.stderr.write(f"builder: {AGAIN}\n")
        raise


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
        sys.stderr.write("builder: interrupted\n")
        return INTERRUPTED
    return 0


def download(model: str, folder: Path, revision: str = "main", copies: int = 1) -> Manifest:
    """Make `folder` hold `model` as it is at `revision`, and return its manifest.

    The folder has a manifest only when every file in it was checked. A commit that is there already
    is checked without asking the hub.

    Args:
        model: the Hugging Face id, <owner>/<name>.
        folder: empty or not there yet, or one that this function wrote, whole or in part.
        revision: a branch, a tag or a commit of 40 digits.
        copies: how many copies of the model its disk must have room for at the end, the one in
            `folder` included.

    Raises:
        BuildError: the model cannot be had, or `folder` holds something else, which is left as it
            is, or its disk has no room for it.
    """
    _check_id(model)
    held = _held(folder, model)
    with _writing(folder):
        if held and held.revision == revision and _is_whole(folder, held, copies):
            return held
        hub = _Hub(model, revision)
        found = hub.look_up()
        _say(f"{model} at {revision} is commit {found.commit}.")
        if held:
            _check_same(folder, held, found.commit)
        if held and held.revision != revision and _is_whole(folder, held, copies):
            return held
        return _complete(folder, hub, Manifest(model, found.commit, {}, found.licence), copies)


def look_up(model: str, revision: str = "main") -> Pinned:
    """Ask the hub what `revision` of `model` is and whether we may read it, and fetch nothing.

    Raises:
        BuildError: as `download` does: there is no such model, none for vLLM, or none for us.
    """
    _check_id(model)
    hub = _Hub(model, revision)
    found = hub.look_up()
    hub.readable(found.commit)
    return found


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


def _is_whole(folder: Path, held: Manifest, copies: int) -> bool:
    """Whether every file of a finished folder still is what its manifest says; if so, tell."""
    files = [Listed(path, file.size, file.sha256, "") for path, file in held.files.items()]
    good = _checked(folder, files)
    if len(good) == len(files):
        shutil.rmtree(folder / WORK, ignore_errors=True)
        _say(f"{folder}: {held.model} at {held.revision} is there already, {_sum(files)}.")
        _check_room(folder, held.model, files, [], copies)
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


def _complete(folder: Path, hub: "_Hub", manifest: Manifest, copies: int) -> Manifest:
    """Fetch what is missing at the manifest's commit, check it, and leave the manifest behind."""
    files = hub.readable(manifest.revision)
    good = _checked(folder, files)
    missing = [file for file in files if file.path not in good]
    _sweep(folder, missing)
    _check_room(folder, manifest.model, files, missing, copies)
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


def _sweep(folder: Path, missing: Iterable[Listed]) -> None:
    """Remove what stopped downloads left and this one cannot go on from."""
    ours = {folder / WORK / PLAN, *(_part(folder, file) for file in missing)}
    for path in set((folder / WORK).glob("*")) - ours:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _check_room(
    folder: Path, model: str, files: Sequence[Listed], missing: Sequence[Listed], copies: int
) -> None:
    """Before the first byte; what is there in part, or damaged, makes room for itself."""
    whole = sum(file.size for file in files)
    needed = (copies - 1) * whole + sum(
        file.size - max(0, _size(_part(folder, file)), _size(folder / file.path))
        for file in missing
    )
    place = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(place).free
    if needed > free:
        what = model if copies == 1 else f"{copies} copies of {model}, {_gb(whole)} each"
        raise BuildError(
            f"{folder} needs {_gb(needed)} more for {what}, and its disk has {_gb(free)} free; "
            "make room, or name a folder on another disk."
        )


def _part(folder: Path, file: Listed) -> Path:
    """Where a file grows; no other file, and no other bytes, ever go on from there."""
    name = sha256(f"{file.content} {file.path}".encode()).hexdigest()
    return folder / WORK / f"{name}.part"


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
    total = sum(file.size for file in missing)
    work = partial(_fetch_one, folder, hub, commit)
    with Progress("fetching", total, there) as progress, _Streams(work, missing) as streams:
        for size in streams.counts():
            progress.advance(size)


def _fetch_one(folder: Path, hub: "_Hub", commit: str, file: Listed, came: Count) -> None:
    part = _part(folder, file)
    hub.fetch(commit, file, part, came)
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
        """Count `size` more bytes; fewer than none where some must be done again."""
        step = min(self.done + size, self.total) - self.done
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


class _Stopped(Exception):
    """Nobody waits for this file any more."""


class _Streams:
    """Files fetched a few at a time, in threads that tell the one who waits what they count.

    The threads are daemons: a line that is dead holds up neither an error nor Ctrl-C. After the
    `with` block none of them writes another byte.

    Args:
        fetch: has one file come, and tells of bytes before it writes them.
        files: what is to come.
    """

    def __init__(self, fetch: Callable[[Listed, Count], None], files: Sequence[Listed]) -> None:
        self._fetch = fetch
        self._todo = iter(files)  # shared: a list's iterator gives each file to one thread
        self._heard: SimpleQueue[int | BaseException | None] = SimpleQueue()
        self._stop = Event()
        self._threads = [
            Thread(target=self._work, name="fetching", daemon=True)
            for _ in range(min(STREAMS, len(files)))
        ]

    def __enter__(self) -> "_Streams":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        end = time.monotonic() + GRACE
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))

    def counts(self) -> Iterator[int]:
        """What the threads count, until all is there; raises what one of them could not mend."""
        working = len(self._threads)
        while working:
            heard = self._heard.get()
            if isinstance(heard, BaseException):
                raise heard
            if heard is None:
                working -= 1
            else:
                yield heard

    def _work(self) -> None:
        try:
            for file in self._todo:
                self._fetch(file, self._count)
        except BaseException as error:  # noqa: BLE001  # whoever waits raises it
            self._heard.put(error)
        else:
            self._heard.put(None)

    def _count(self, size: int) -> None:
        if self._stop.is_set():
            raise _Stopped
        self._heard.put(size)


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

    def readable(self, commit: str) -> list[Listed]:
        """What is wanted of `commit`, once we know that we may read it: listings may be anyone's.

        Raises:
            BuildError: we may not, or there is nothing that vLLM loads.
        """
        files = wanted(self.listing(commit))
        largest = max(files, key=lambda file: file.size)
        with self._telling():
            _patiently(lambda: self._metadata(commit, largest.path))
        return files

    def fetch(self, commit: str, file: Listed, part: Path, came: Count) -> None:
        """Have `part` grow to the whole file, over dropped connections.

        Plain HTTP, which the hub speaks for every file, also for those that it keeps in xet: its
        own protocol there, and huggingface_hub, begin a file anew when their process was stopped.
        Source: https://github.com/huggingface/huggingface_hub/pull/4228
        """
        part.touch()
        with self._telling(AGAIN):
            _patiently(lambda: self._grow(commit, file, part, came), lambda: max(0, _size(part)))

    def _grow(self, commit: str, file: Listed, part: Path, came: Count) -> None:
        came(0)  # no further try where nobody waits any more
        if _size(part) == file.size:
            return
        # Asked for each try: the storage's address is good for a while only.
        self._append(self._metadata(commit, file.path).location, part, came)
        if _size(part) < file.size:  # with no error: the hub has no more of it
            part.unlink()
            raise _damaged(file.path)

    def _metadata(self, commit: str, path: str) -> Any:
        from huggingface_hub import get_hf_file_metadata, hf_hub_url

        url = hf_hub_url(self.model, path, revision=commit, endpoint=self.endpoint)
        return get_hf_file_metadata(url, token=self.token or False, timeout=TIMEOUT)

    def _append(self, address: str, part: Path, came: Count) -> None:
        """Go on from the bytes that are there."""
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
                    came(-there)
                    into.truncate(0)
                for block in answer.iter_bytes():
                    came(len(block))
                    into.write(block)
                    into.flush()  # or a process that is killed loses what came last

    def _headers(self, address: str) -> dict[str, str]:
        """The token is for the hub alone, never for the storage that it sends us to."""
        plain = {"Accept-Encoding": "identity"}
        ours = self.token and _origin(address) == _origin(self.endpoint)
        return plain | ({"Authorization": f"Bearer {self.token}"} if ours else {})

    @contextmanager
    def _telling(self, advice: str = "Check the address and the network.") -> Iterator[None]:
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
                f"{self._place} cannot be reached: {_reason(error)}. {advice}"
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
            return (
                f"The hub refused the token in {_source()}, as wrong or expired; "
                "put a good one there."
            )
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
    """The token that huggingface_hub finds; None where what it finds is empty."""
    from huggingface_hub import get_token

    strange = f"The token in {_source()} has characters that no token has; copy it again."
    try:
        token = get_token()
    except OSError as error:
        raise BuildError(
            f"The token in {_source()} cannot be read: {error.strerror or 'unknown reason'}; "
            "mend the file, or name another."
        ) from error
    except UnicodeDecodeError:
        raise BuildError(strange) from None  # the error itself holds what was read
    if token and not re.fullmatch(r"[!-~]+", token):
        raise BuildError(strange)
    return token


def _source() -> str:
    """Where the token is from, by its name."""
    from huggingface_hub import constants

    for name in TOKEN_VARIABLES:
        if os.environ.get(name, "").strip():
            return name
    named = os.environ.get("HF_TOKEN_PATH")
    return f"{constants.HF_TOKEN_PATH} ({'HF_TOKEN_PATH' if named else '`hf auth login`'})"


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


def _reason(error: Exception) -> str:
    """One line of the cause, without the addresses that a storage signs."""
    text = str(error).partition("\n")[0].strip().rstrip(".")
    return re.sub(r"https?://\S+", "…", text) or type(error).__name__


def _origin(address: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(address)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


if __name__ == "__main__":
    sys.exit(main())
