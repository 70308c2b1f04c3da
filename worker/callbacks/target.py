"""Where a callback goes, as a job or CALLBACK_URL says it. Pure.

URLs and headers may hold keys: no error repeats them, and nothing logs more than the host.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import SplitResult, urlsplit

from worker.callbacks.hosts import Address, Allowed, Host, canonical
from worker.football.wire import Fields, is_missing

_PORTS: Final = {"http": 80, "https": 443}
_URL_LIMIT: Final = 2048  # characters; our choice, below what any server takes
_HEADERS_LIMIT: Final = 20  # our choice, like the next
_HEADERS_SIZE: Final = 4096  # characters of names and values; servers take 8 KB of all headers
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
_VALUE: Final = re.compile(r"[\x20-\x7e]*")  # a tab is allowed, too, and nobody needs it
# Ours, and those that say how a message travels (RFC 9110, 7.6.1 and 6.6.1).
_TAKEN: Final = (
    *("Host", "Content-Length", "Content-Type", "Content-Encoding", "User-Agent"),
    *("X-Signature", "X-Timestamp", "Idempotency-Key"),
    *("Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization"),
    *("TE", "Trailer", "Transfer-Encoding", "Upgrade", "Expect"),
)
_SPELT: Final = {name.lower(): name for name in _TAKEN}


class Unusable(ValueError):
    """What is wrong with a URL or with headers: a sentence without its subject and full stop."""


@dataclass(frozen=True, slots=True)
class Target:
    """A receiver: everything that its caller chose.

    Attributes:
        scheme: `http` or `https`.
        host: a name in its canonical form, or an address.
        port: as the URL has it, or its scheme's own.
        path: with its query, as given; begins with a slash.
        headers: what goes along beside ours.
    """

    scheme: str
    host: Host
    port: int
    path: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @property
    def authority(self) -> str:
        """What the Host header says: the port only where it is not the scheme's own."""
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{_written(self.host)}{port}"

    def at(self, address: Address) -> str:
        """The URL with the address that was checked in the host's place."""
        return f"{self.scheme}://{_written(address)}:{self.port}{self.path}"


def _written(host: Host) -> str:
    return f"[{host}]" if ":" in str(host) else str(host)


def target_of(url: str, allowed: Allowed) -> Target:
    """The target that a URL is. Raises Unusable."""
    if len(url) > _URL_LIMIT:
        raise Unusable(f"must have at most {_URL_LIMIT} characters, not {len(url)}")
    # A parser drops or bends such characters, each another way: none may see them.
    if not url.isprintable() or " " in url or "\\" in url:
        raise Unusable("must have no spaces, backslashes and control characters in it")
    parts, port = _split(url)
    host = _host(parts)
    if not allowed.has(host):
        raise Unusable(f"names {host}, which CALLBACK_ALLOWED_HOSTS does not have")
    query = f"?{parts.query}" if parts.query else ""
    return Target(parts.scheme, host, port, f"{parts.path or '/'}{query}")


def _split(url: str) -> tuple[SplitResult, int]:
    """A URL's parts and its port; a fragment is nobody's but a browser's."""
    try:
        parts = urlsplit(url)
        port = _PORTS[parts.scheme] if parts.port is None else parts.port
    except (ValueError, KeyError):
        port = 0
    if not port:
        raise Unusable("must be http://host/path or https://host/path")
    if "@" in parts.netloc:
        raise Unusable("must have no user name and no password in it: send an Authorization header")
    return parts, port


def _host(parts: SplitResult) -> Host:
    try:
        return canonical(parts.hostname or "")
    except ValueError:
        raise Unusable("must have a host that is a name, or an address as usually spelt") from None


def headers_of(document: object) -> tuple[tuple[str, str], ...]:
    """The headers that a caller sends along; missing values are none. Raises Unusable."""
    if not isinstance(document, Mapping):
        raise Unusable("must be an object of names and texts")
    headers = tuple(_checked(document))
    if len(headers) > _HEADERS_LIMIT:
        raise Unusable(f"must be at most {_HEADERS_LIMIT}, not {len(headers)}")
    if sum(len(name) + len(value) for name, value in headers) > _HEADERS_SIZE:
        raise Unusable(f"must have at most {_HEADERS_SIZE} characters in all")
    if len({name.lower() for name, _ in headers}) < len(headers):
        raise Unusable("must not have a name twice")
    return headers


def _checked(document: Mapping[object, object]) -> Iterator[tuple[str, str]]:
    for name, value in document.items():
        if is_missing(value):
            continue
        if not isinstance(name, str) or not _TOKEN.fullmatch(name):
            raise Unusable("must have names of HTTP headers")
        if name.lower() in _SPELT:
            raise Unusable(f"must not set {_SPELT[name.lower()]}")
        if not isinstance(value, str) or not _VALUE.fullmatch(value):
            raise Unusable("must have texts of visible ASCII characters as values")
        yield name, value.strip()


def read_target(document: Mapping[object, object], allowed: Allowed) -> Target | None:
    """The target of a job's own `callback`, or None. Raises InvalidInput.

    One that has neither URL nor headers counts as missing, as everywhere on the wire.
    """
    job = Fields(document)
    _, callback = job.value("callback")
    if callback is None:
        return None
    if not isinstance(callback, dict):
        raise job.error("callback", "must be an object with url and headers")
    given = Fields(callback, job.spelt("callback"))
    given.require_known(("url", "headers"))
    return _target(given, allowed)


def _target(given: Fields, allowed: Allowed) -> Target | None:
    (_, url), (_, headers) = given.value("url"), given.value("headers")
    if url is None and headers is None:
        return None
    try:
        target = _of_text(url, allowed)
    except Unusable as error:
        raise given.error("url", str(error)) from None
    try:
        return replace(target, headers=() if headers is None else headers_of(headers))
    except Unusable as error:
        raise given.error("headers", str(error)) from None


def _of_text(url: object, allowed: Allowed) -> Target:
    if not isinstance(url, str):
        raise Unusable("is missing" if url is None else "must be text")
    return target_of(url.strip(), allowed)
