"""Search for secrets in what leaves this machine: an image's layers, history and settings; a log.

The secrets that are known here are searched for by their values, everywhere. What looks like a
token, whosever it is, is searched for in all but the layers, whose packages bring examples of such.
A finding tells the place and whose value it is, never the value.
"""

import base64
import gzip
import importlib
import json
import re
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from builder.errors import BuildError

SHORTEST = 8  # of a secret that is searched for: shorter ones are found everywhere
VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "RUNPOD_API_KEY", "DOCKER_PASSWORD")
USER, PASSWORD = "DOCKER_USERNAME", "DOCKER_PASSWORD"
SECRET_NAME = re.compile(r"(^|_)(TOKEN|KEY|SECRET|PASSWORD|PASSWD|CREDENTIALS?)$", re.IGNORECASE)
# Names of variables that look like a secret's and are none: a public key, in Python's own images.
OPEN_NAMES = frozenset({"GPG_KEY"})
BLOCK = 1 << 20  # bytes that are looked at in one go
SHOWN = 70  # characters of an instruction of the Dockerfile
# A layer's compression, by its first bytes. Sources: RFC 1952, RFC 8878.
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"

# Sources: https://huggingface.co/docs/hub/security-tokens, https://docs.runpod.io/get-started/api-keys,
# https://docs.github.com/authentication (about-authentication-to-github), RFC 7468.
PATTERNS: Mapping[str, re.Pattern[str]] = {
    "a Hugging Face token": re.compile(r"\bhf_[A-Za-z0-9]{30,}\b"),
    "a RunPod API key": re.compile(r"\brpa_[A-Za-z0-9]{30,}\b"),
    "a Docker access token": re.compile(r"\bdckr_[a-z]{3}_[\w-]{20,}"),
    "a GitHub token": re.compile(r"\b(gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{50,})\b"),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
}


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret that is known here, by the name of where it comes from."""

    name: str
    value: bytes = field(repr=False)

    @property
    def text(self) -> str:
        """The value, as a log or a setting holds it."""
        return self.value.decode(errors="surrogateescape")


@dataclass(frozen=True, slots=True)
class Finding:
    """That a secret stands somewhere: whose value, or what it looks like, and where."""

    what: str
    where: str

    def __str__(self) -> str:
        return f"{self.what} in {self.where}"


def known(environ: Mapping[str, str]) -> list[Secret]:
    """What the builder knows, of SHORTEST bytes or more.

    Raises:
        BuildError: a file that is named cannot be read, so that its secret would not be searched
            for.
    """
    values = {name: environ.get(name, "").strip() for name in VARIABLES}
    values |= _token_file(environ)
    if environ.get(USER) and values[PASSWORD]:  # as `docker login` writes them
        pair = f"{environ[USER]}:{values[PASSWORD]}".encode()
        values[f"{PASSWORD} with {USER}"] = base64.b64encode(pair).decode()
    encoded = {name: value.encode(errors="surrogateescape") for name, value in values.items()}
    return [Secret(name, value) for name, value in encoded.items() if len(value) >= SHORTEST]


def _token_file(environ: Mapping[str, str]) -> dict[str, str]:
    """The token that `hf auth login` left, wherever huggingface_hub keeps it."""
    from huggingface_hub import constants

    path = Path(constants.HF_TOKEN_PATH)
    named = bool(environ.get("HF_TOKEN_PATH"))
    try:
        token = path.read_text("utf-8", "surrogateescape").strip()
    except OSError as error:
        if not named:
            return {}
        raise BuildError(
            f"HF_TOKEN_PATH: the file cannot be read ({error.strerror}); correct it or unset it."
        ) from error
    return {"HF_TOKEN_PATH" if named else str(path): token}


def hidden(text: str, secrets: Iterable[Secret]) -> str:
    """A text with a dash in place of each secret, known or by its looks.

    Hide first and cut then: half a secret is not recognised.
    """
    # The longest first: one may begin with another, and its end would be left.
    for secret in sorted(secrets, key=lambda secret: -len(secret.text)):
        text = text.replace(secret.text, "—")
    for pattern in PATTERNS.values():
        text = pattern.sub("—", text)
    return text


def in_text(text: str, where: str, secrets: Iterable[Secret]) -> list[Finding]:
    """What of the secrets stands in a text, and what in it looks like one."""
    whose = [f"the value of {secret.name}" for secret in secrets if secret.text in text]
    looks = [what for what, pattern in PATTERNS.items() if pattern.search(text)]
    return [Finding(what, where) for what in whose or looks]


def in_log(log: str, secrets: Iterable[Secret]) -> list[Finding]:
    """What stands in the worker's log, by its 1-based line."""
    listed = list(secrets)
    return [
        finding
        for number, line in enumerate(log.splitlines(), 1)
        for finding in in_text(line, f"line {number} of the worker's log", listed)
    ]


def in_history(entries: Iterable[Mapping[str, Any]], secrets: Iterable[Secret]) -> list[Finding]:
    """What stands in an image's history, by its 1-based entry, the oldest first."""
    listed = list(secrets)
    return [
        finding
        for number, entry in enumerate(reversed(list(entries)), 1)
        for text in (entry.get("CreatedBy"), entry.get("Comment"))
        for finding in in_text(text or "", f"entry {number} of the history", listed)
    ]


def in_config(attributes: Mapping[str, Any], secrets: Iterable[Secret]) -> list[Finding]:
    """What stands in an image's settings, and variables of a secret's name that hold something."""
    listed = list(secrets)
    found = [
        finding for place, text in _texts(attributes) for finding in in_text(text, place, listed)
    ]
    variables = (attributes.get("Config") or {}).get("Env") or []
    return list(dict.fromkeys([*found, *_by_name(variables, found)]))


def _by_name(variables: Iterable[str], found: Iterable[Finding]) -> Iterator[Finding]:
    places = {finding.where for finding in found}
    for name, _, value in (variable.partition("=") for variable in variables):
        place = f"the environment variable {name}"
        suspect = SECRET_NAME.search(name) and name not in OPEN_NAMES
        if value and suspect and place not in places:
            yield Finding("something that its name calls secret", place)


def _texts(value: Any, place: str = "the settings") -> Iterator[tuple[str, str]]:
    """Every text in a document, and where it stands."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _env(inner) if key == "Env" else _texts(inner, _below(place, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _texts(inner, f"{place}[{index}]")


def _env(variables: Iterable[str] | None) -> Iterator[tuple[str, str]]:
    for variable in variables or ():
        yield f"the environment variable {variable.partition('=')[0]}", variable


def _below(place: str, key: str) -> str:
    return f"the label {key}" if place.endswith("Labels") else f"{place}.{key}"


# Layers


class Reader(Protocol):
    """Something to read once, from its beginning to its end."""

    def read(self, size: int, /) -> bytes:
        """So many bytes or fewer, none at the end."""
        ...


@dataclass(slots=True)
class Layers:
    """What a search of an image's layers came to.

    Attributes:
        findings: where which value stands.
        closed: the layers that could not be read, and why.
        packed: those whose packing this Python does not know.
        searched: how many were read.
    """

    findings: list[Finding] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    packed: list[str] = field(default_factory=list)
    searched: int = 0


def in_layers(
    saved: Iterable[bytes], secrets: Iterable[Secret], moved: Callable[[int], Any]
) -> Layers:
    """Search all that `docker save` writes: layers, compressed or not, and what describes them.

    Args:
        saved: its output, in pieces.
        secrets: what is searched for, by value.
        moved: told of the bytes that have been read, a piece at a time.

    Raises:
        BuildError: it is no output of `docker save`.
    """
    search = _Search(list(secrets))
    try:
        with tarfile.open(fileobj=_Pieces(saved, moved), mode="r|", bufsize=BLOCK) as archive:  # type: ignore[call-overload]
            for member in archive:
                search.seen.add(member.name)  # a link's, too: what is the same is there once
                if member.isfile() and (file := archive.extractfile(member)):
                    search.entry(member.name, file)
                archive.members.clear()  # tarfile would keep them all
    except tarfile.TarError as error:
        raise BuildError(
            f"The engine's copy of the image broke off ({error}); try again."
        ) from error
    return search.result()


class _Pieces:
    """Pieces of bytes, to be read as a file."""

    def __init__(self, pieces: Iterable[bytes], moved: Callable[[int], Any]) -> None:
        self._pieces, self._moved = iter(pieces), moved
        self._rest = b""

    def read(self, size: int) -> bytes:
        """The next bytes, `size` at most."""
        if not self._rest:
            self._rest = next(self._pieces, b"")
            self._moved(len(self._rest))
        data, self._rest = self._rest[:size], self._rest[size:]
        return data


class _Watched:
    """A file whose every byte is searched as it is read, across the borders of what is read."""

    def __init__(self, file: Reader, secrets: Iterable[Secret]) -> None:
        self._file, self._secrets = file, tuple(secrets)
        self._overlap = max((len(secret.value) for secret in self._secrets), default=1) - 1
        self._tail, self._at = b"", 0
        self.found: set[tuple[int, str]] = set()
        """Offsets, and the names of the secrets that begin there."""

    def read(self, size: int) -> bytes:
        """The next bytes, `size` at most."""
        data = self._file.read(size)
        window, start = self._tail + data, self._at - len(self._tail)
        for secret in self._secrets:
            at = window.find(secret.value)
            while at >= 0:
                self.found.add((start + at, secret.name))
                at = window.find(secret.value, at + 1)
        self._at += len(data)
        self._tail = window[-self._overlap :] if self._overlap else b""
        return data


class _Search:
    """What is found in the entries of a saved image, told by layer once their order is known.

    Attributes:
        seen: the names of all entries.
    """

    def __init__(self, secrets: list[Secret]) -> None:
        self.seen: set[str] = set()
        self._secrets = secrets
        self._found: dict[tuple[str, str, str], None] = {}  # entry, file in it, secret's name
        self._closed: dict[str, str] = {}
        self._packed: dict[str, str] = {}
        self._documents: dict[str, Any] = {}

    def entry(self, name: str, file: Any) -> None:
        """Search an entry: a layer, or a document about layers."""
        first = file.peek(4)[:4]
        if first[:1] in (b"{", b"["):
            self._document(name, file.read())
        elif first[:2] == GZIP:
            self._layer(name, gzip.GzipFile(fileobj=file))
        elif first != ZSTD:
            self._layer(name, file)
        elif zstd := _zstd():
            self._layer(name, zstd.ZstdFile(file))
        else:
            self._packed[name] = "not searched: it is packed by zstd; install backports.zstd"

    def _document(self, name: str, data: bytes) -> None:
        for secret in self._secrets:
            if secret.value in data:
                self._found[name, "", secret.name] = None
        try:
            self._documents[name] = json.loads(data)
        except ValueError:  # nothing says that it must be one
            return

    def _layer(self, name: str, file: Reader) -> None:
        watched = _Watched(file, self._secrets)
        try:
            self._files(name, watched)
            while watched.read(BLOCK):  # what follows the end of the archive, or is none
                pass
        except _unpacking_errors() as error:
            self._closed[name] = f"it cannot be unpacked ({error})"
        self._note(name, "", watched, None)

    def _files(self, name: str, watched: _Watched) -> None:
        """Read a layer file by file, so that what is found has a file's name."""
        current = ""
        try:
            with tarfile.open(fileobj=watched, mode="r|", bufsize=BLOCK) as archive:  # type: ignore[call-overload]
                for member in archive:
                    self._note(name, current, watched, member.offset)
                    current = member.name
                    archive.members.clear()
        except tarfile.TarError:
            return  # no archive, or a broken one: it is searched all the same
        self._note(name, current, watched, None)

    def _note(self, layer: str, file: str, watched: _Watched, before: int | None) -> None:
        """What was found before an offset stands in `file`, whose bytes those are."""
        for at, secret in sorted(watched.found):
            if before is None or at < before:
                self._found[layer, file, secret] = None
                watched.found.discard((at, secret))

    def result(self) -> Layers:
        """All findings, by the numbers of their layers."""
        manifest = self._documents.get("manifest.json") or [{}]
        order: list[str] = manifest[0].get("Layers") or []
        if not order:
            raise BuildError("The engine's copy of the image names no layers; try again.")
        places = self._places(order, self._documents.get(manifest[0].get("Config"), {}))
        found = [
            Finding(f"the value of {secret}", self._where(places, entry, file))
            for entry, file, secret in self._found
        ]
        absent = {name: "the engine's copy lacks it" for name in order if name not in self.seen}
        closed, packed = (
            [f"{self._where(places, name, '')}: {why}" for name, why in layers.items()]
            for layers in (self._closed | absent, self._packed)
        )
        unread = self._closed | absent | self._packed
        return Layers(found, closed, packed, sum(name not in unread for name in order))

    def _where(self, places: Mapping[str, str], entry: str, file: str) -> str:
        place = places.get(entry, f"the image's description ({entry})")
        return hidden(f"{place}, file {file}" if file else place, self._secrets)

    def _places(self, order: list[str], configuration: Mapping[str, Any]) -> dict[str, str]:
        """Every layer by its 1-based number and the instruction that made it, as far as known."""
        history = configuration.get("history") or []
        made = [entry.get("created_by", "") for entry in history if not entry.get("empty_layer")]
        if len(made) != len(order):
            made = [""] * len(order)
        return {
            entry: f"layer {number} of {len(order)}{self._made_by(words)}"
            for number, (entry, words) in enumerate(zip(order, made, strict=True), 1)
        }

    def _made_by(self, words: str) -> str:
        text = " ".join(hidden(words, self._secrets).split())
        short = text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
        return f" ({short})" if short else ""


def _zstd() -> Any:
    """Python's zstd, which it has since 3.14, or what brings it to older ones; None without."""
    for name in ("compression.zstd", "backports.zstd"):
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return None


def _unpacking_errors() -> tuple[type[Exception], ...]:
    zstd = _zstd()
    return (OSError, EOFError, *([zstd.ZstdError] if zstd else []))
