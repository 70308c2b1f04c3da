"""A hub on this machine that speaks Hugging Face's protocol, as far as a download needs it.

Two servers, as there: the hub itself, and a storage at another address, to which it sends for large
files with a signed address. Models come from folders; faults can be planted, and everything that
was asked and sent is on record. `python -m tests.builder.hub FOLDER MODEL` serves one by hand.

Source: https://github.com/huggingface/huggingface_hub, file_download.py and utils/_http.py for what
is read of an answer; its issues for the statuses and headers of refusals.
"""

import argparse
import hashlib
import json
import os
import re
import socket
import sys
import threading
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, quote, unquote, urlsplit

# As .gitattributes of a model has it.
LARGE = {".safetensors", ".bin", ".pt", ".pth", ".h5", ".msgpack", ".onnx", ".gguf", ".model"}
BLOCK = 1 << 16  # bytes sent at a time
FRONT_MATTER = re.compile(r"\A---\n(.*?)\n---\n", re.DOTALL)


@dataclass(frozen=True)
class Entry:
    """A file of a commit: its bytes, and what the hub tells of them."""

    path: str
    data: bytes

    @property
    def size(self) -> int:
        return len(self.data)

    @cached_property
    def git(self) -> str:
        return hashlib.sha1(b"blob %d\0" % self.size + self.data, usedforsecurity=False).hexdigest()

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def is_large(self) -> bool:
        return Path(self.path).suffix in LARGE

    def listed(self) -> dict:
        told = {"type": "file", "path": self.path, "size": self.size, "oid": self.git}
        if self.is_large:
            told["lfs"] = {"oid": self.sha256, "size": self.size, "pointerSize": 134}
        return told


@dataclass
class Repository:
    """A model: its commits, and the names of some of them."""

    commits: dict[str, dict[str, Entry]] = field(default_factory=dict)
    references: dict[str, str] = field(default_factory=dict)

    def publish(self, folder: Path, reference: str) -> str:
        entries = {
            name: Entry(name, path.read_bytes())
            for path in sorted(folder.rglob("*"))
            if path.is_file()
            for name in [path.relative_to(folder).as_posix()]
        }
        told = json.dumps([entry.listed() for entry in entries.values()])
        commit = hashlib.sha1(told.encode(), usedforsecurity=False).hexdigest()
        self.commits[commit] = entries
        self.references[reference] = commit
        return commit

    def commit(self, revision: str) -> str | None:
        found = self.references.get(revision, revision)
        return found if found in self.commits else None


@dataclass(frozen=True)
class Asked:
    """A request as it came: to the `hub` or to the `storage`."""

    server: str
    method: str
    path: str
    authorization: str | None
    range: str | None


@dataclass(frozen=True)
class Fault:
    """What goes wrong with a body the next time that it is sent."""

    after: int | None = None  # bytes sent, and then the connection ends
    stall: bool = False  # instead, nothing more comes
    to: int | None = None  # bytes, and it ends as if it had to
    corrupt: bool = False
    status: int | None = None  # instead of it


class Hub:
    """Serves `models` (folders by id) until the `with` block ends.

    Args:
        models: what is at `main`; `publish` adds further revisions.
        token: what a request must carry to read a model's files; None: they are anybody's.
        outsiders: tokens of accounts that exist, and have not accepted a model's terms.
        host: "0.0.0.0" to be reached from a container; then compose its address from `port`.
    """

    def __init__(
        self,
        models: Mapping[str, Path],
        token: str | None = None,
        *,
        outsiders: frozenset[str] = frozenset(),
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.token, self.outsiders = token, outsiders
        self.repositories: dict[str, Repository] = {}
        self.asked: list[Asked] = []
        self.sent: Counter[str] = Counter()
        self.faults: defaultdict[str, list[Fault]] = defaultdict(list)
        self.with_xet = (
            False  # whether large files are announced as kept in xet, as on the real hub
        )
        self.ignores_range = False
        self.busy = 0  # how many requests more are answered 503
        self.stalled = threading.Event()
        self.released = threading.Event()
        self.goes_on = False  # whether a stalled body is sent to its end when it is released
        self._servers = [
            _Server((host, port), partial(_HubHandler, self)),
            _Server((host, 0), partial(_StorageHandler, self)),
        ]
        for model, folder in models.items():
            self.publish(model, folder)

    @property
    def port(self) -> int:
        return self._servers[0].server_address[1]

    @property
    def storage_port(self) -> int:
        return self._servers[1].server_address[1]

    @property
    def url(self) -> str:
        """For HF_ENDPOINT, from this machine."""
        return f"http://127.0.0.1:{self.port}"

    def publish(self, model: str, folder: Path, reference: str = "main") -> str:
        """Have `folder`, as it is now, at `reference`; the commit that it makes."""
        return self.repositories.setdefault(model, Repository()).publish(folder, reference)

    def commit(self, model: str, revision: str = "main") -> str:
        return self.repositories[model].references[revision]

    def drop(self, path: str, *after: int) -> None:
        """Cut the connection when so many bytes of a body were sent, once for each number."""
        self.faults[path] += [Fault(after=number) for number in after]

    def stall(self, path: str, after: int) -> None:
        """Send no more when `after` bytes of a body were sent, and set `stalled`."""
        self.faults[path].append(Fault(after=after, stall=True))

    def release(self, *, goes_on: bool) -> None:
        """End a stall: the rest of the body comes, or the connection ends."""
        self.goes_on = goes_on
        self.released.set()

    def corrupt(self, path: str) -> None:
        """Send a body with one wrong bit."""
        self.faults[path].append(Fault(corrupt=True))

    def shorten(self, path: str, to: int, times: int = 1) -> None:
        """Send a body that ends early as if it had to."""
        self.faults[path] += [Fault(to=to)] * times

    def refuse(self, path: str, status: int, times: int = 1) -> None:
        """Answer with `status` instead of a body."""
        self.faults[path] += [Fault(status=status)] * times

    def fault(self, path: str) -> Fault:
        """The fault that this answer has."""
        return self.faults[path].pop(0) if self.faults[path] else Fault()

    def asked_of(self, server: str) -> list[Asked]:
        return [asked for asked in self.asked if asked.server == server]

    def signature(self, sha256: str) -> str:
        return hashlib.sha256(f"{id(self)} {sha256}".encode()).hexdigest()

    def __enter__(self) -> Self:
        for server in self._servers:
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        for server in self._servers:
            server.shutdown()
            server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_: object) -> None:
        """A client that went away is part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    """Answers, and bodies with their faults."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes, and must not wait
    name = ""

    def __init__(self, hub: Hub, *arguments) -> None:
        self.hub = hub
        super().__init__(*arguments)

    def log_message(self, *_: object) -> None:
        """Nothing: `Hub.asked` has it."""

    def record(self) -> None:
        headers = self.headers
        self.hub.asked.append(
            Asked(self.name, self.command, self.path, headers["Authorization"], headers["Range"])
        )

    def answer(self, status: int, headers: Mapping[str, object], body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in {"Content-Length": len(body), **headers}.items():
            self.send_header(name, str(value))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def answer_json(self, document: object) -> None:
        self.answer(200, {"Content-Type": "application/json"}, json.dumps(document).encode())

    def refuse(self, status: int, code: str | None, message: str) -> None:
        told = {"X-Error-Message": message} | ({"X-Error-Code": code} if code else {})
        self.answer(status, told, json.dumps({"error": message}).encode())

    def send_file(self, entry: Entry, headers: Mapping[str, object]) -> None:
        fault = self.hub.fault(entry.path)
        if fault.status:
            return self.refuse(fault.status, None, "As planned")
        data, start = entry.data, self.start(entry.size)
        if fault.corrupt:
            data = data[:-1] + bytes([data[-1] ^ 1])
        data = data[: fault.to]
        if start >= len(data) > 0:
            return self.answer(416, {"Content-Range": f"bytes */{len(data)}"})
        told = {"Content-Length": len(data) - start, "Accept-Ranges": "bytes", **headers}
        if start:
            told["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        self.answer(206 if start else 200, told)
        return self.send_body(entry.path, data[start:], fault)

    def start(self, size: int) -> int:
        found = re.fullmatch(r"bytes=(\d+)-", self.headers["Range"] or "")
        return int(found[1]) if found and size and not self.hub.ignores_range else 0

    def send_body(self, path: str, data: bytes, fault: Fault) -> None:
        stop = len(data) if fault.after is None else min(fault.after, len(data))
        self.send_bytes(path, data[:stop])
        if fault.stall:
            self.hub.stalled.set()
            self.hub.released.wait()
            if self.hub.goes_on:
                return self.send_bytes(path, data[stop:])
        if stop < len(data):
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        return None

    def send_bytes(self, path: str, data: bytes) -> None:
        for at in range(0, len(data), BLOCK):
            block = data[at : at + BLOCK]
            self.wfile.write(block)
            self.hub.sent[path] += len(block)


class _HubHandler(_Handler):
    """The API, and the addresses of files."""

    name = "hub"

    def do_GET(self) -> None:
        self.record()
        if self.hub.busy > 0:
            self.hub.busy -= 1
            return self.refuse(503, None, "Busy")
        if not self.may_be_asked():
            return self.refuse(401, None, "Invalid credentials in Authorization header")
        parts = [unquote(part) for part in urlsplit(self.path).path.split("/")[1:]]
        match parts:
            case ["api", "models", owner, name]:
                return self.model(f"{owner}/{name}", "main", self.tell_model)
            case ["api", "models", owner, name, "revision", revision]:
                return self.model(f"{owner}/{name}", revision, self.tell_model)
            case ["api", "models", owner, name, "tree", revision]:
                return self.model(f"{owner}/{name}", revision, self.tell_tree)
            case [owner, name, "resolve", revision, *path] if path:
                resolve = partial(self.resolve, "/".join(path))
                return self.model(f"{owner}/{name}", revision, resolve)
        return self.refuse(404, None, "Not found")

    def do_HEAD(self) -> None:
        self.do_GET()

    @property
    def token(self) -> str | None:
        return (self.headers["Authorization"] or "").removeprefix("Bearer ") or None

    def may_be_asked(self) -> bool:
        known = {None, self.hub.token, *self.hub.outsiders}
        return self.hub.token is None or self.token in known

    def model(self, model: str, revision: str, tell) -> None:
        repository = self.hub.repositories.get(model)
        if repository is None and self.token is None:
            return self.refuse(401, "RepoNotFound", "Invalid username or password.")
        if repository is None:
            return self.refuse(404, "RepoNotFound", "Repository not found")
        commit = repository.commit(revision)
        if commit is None:
            return self.refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return tell(model, commit, repository.commits[commit])

    def tell_model(self, model: str, commit: str, entries: Mapping[str, Entry]) -> None:
        self.answer_json(
            {
                "id": model,
                "modelId": model,
                "sha": commit,
                "private": False,
                "gated": "auto" if self.hub.token else False,
                "tags": [],
                "cardData": _card(entries),
                "siblings": [{"rfilename": path} for path in entries],
            }
        )

    def tell_tree(self, _model: str, _commit: str, entries: Mapping[str, Entry]) -> None:
        folders = {str(Path(path).parent) for path in entries} - {"."}
        told = [{"type": "directory", "path": path, "size": 0, "oid": "0" * 40} for path in folders]
        self.answer_json([*told, *(entry.listed() for entry in entries.values())])

    def resolve(self, path: str, model: str, commit: str, entries: Mapping[str, Entry]) -> None:
        if self.hub.token and self.token != self.hub.token:
            return self.refuse_gated(model)
        entry = entries.get(path)
        if entry is None:
            return self.refuse(404, "EntryNotFound", "Entry not found")
        told = {"X-Repo-Commit": commit, "Accept-Ranges": "bytes", "ETag": f'"{entry.git}"'}
        if entry.is_large:
            return self.send_to_storage(entry, told)
        if self.command == "HEAD":
            return self.answer(200, {**told, "Content-Length": entry.size})
        return self.send_file(entry, told)

    def refuse_gated(self, model: str) -> None:
        said = f"Access to model {model} is restricted"
        if self.token is None:
            return self.refuse(401, "GatedRepo", f"{said}. Please log in.")
        return self.refuse(403, "GatedRepo", f"{said} and you are not in the authorized list.")

    def send_to_storage(self, entry: Entry, told: dict) -> None:
        host = (self.headers["Host"] or "127.0.0.1").rpartition(":")[0] or "127.0.0.1"
        signed = f"path={quote(entry.path)}&signature={self.hub.signature(entry.sha256)}"
        address = f"http://{host}:{self.hub.storage_port}/{entry.sha256}?{signed}"
        told |= {"Location": address, "X-Linked-Size": entry.size}
        told |= {"X-Linked-Etag": f'"{entry.sha256}"'}
        if self.hub.with_xet:
            told |= {"X-Xet-Hash": entry.sha256, "Link": f'<{self.hub.url}/xet>; rel="xet-auth"'}
        self.answer(302, told)


class _StorageHandler(_Handler):
    """Bytes, to whoever has a signed address and brings nothing else."""

    name = "storage"

    def do_GET(self) -> None:
        self.record()
        parts = urlsplit(self.path)
        sha256, signed = parts.path[1:], parse_qs(parts.query)
        if signed.get("signature") != [self.hub.signature(sha256)]:
            return self.refuse(403, None, "SignatureDoesNotMatch")
        for repository in self.hub.repositories.values():
            for entries in repository.commits.values():
                entry = entries.get(signed["path"][0])
                if entry and entry.sha256 == sha256:
                    return self.send_file(entry, {"ETag": f'"{sha256}"'})
        return self.refuse(404, None, "NoSuchKey")


def _card(entries: Mapping[str, Entry]) -> dict[str, str]:
    """The plain pairs of the model card's front matter."""
    text = entries["README.md"].data.decode() if "README.md" in entries else ""
    found = FRONT_MATTER.match(text)
    lines = found[1].splitlines() if found else []
    return dict(line.split(": ", 1) for line in lines if ": " in line)


def main() -> None:
    """Serve one model until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("model")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--token-env", metavar="NAME", help="gated: the variable of its token")
    options = parser.parse_args()
    token = os.environ[options.token_env] if options.token_env else None
    models = {options.model: options.folder}
    with Hub(models, token, host=options.host, port=options.port) as hub:
        sys.stdout.write(f"{hub.url}\n")
        sys.stdout.flush()
        threading.Event().wait()


if __name__ == "__main__":
    main()
