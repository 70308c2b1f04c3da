"""Push the image to a registry, and see that it arrived.

Credentials: DOCKER_USERNAME and DOCKER_PASSWORD, for the registry that REF names, else what `docker
login` left for it. Layers that the registry has are not sent again, so after an interruption the
same command goes on.
"""

import argparse
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tqdm import tqdm  # type: ignore[import-untyped]

from builder.docker_client import EngineError, absent, docker_client, engine_calls
from builder.errors import BuildError
from builder.layers import size
from builder.progress import Pace, tell

if TYPE_CHECKING:
    from docker import DockerClient  # type: ignore[import-untyped]
    from stamina.instrumentation import RetryDetails

T = TypeVar("T")

TRIES = 4
WAIT_S, WAIT_GROWTH = 2.0, 3.0  # pauses between tries, in seconds: 2, 6, 18
USER, PASSWORD = "DOCKER_USERNAME", "DOCKER_PASSWORD"
HUB = "docker.io"

# What engines 20.10 to 29 say; they pass a registry's words on, and give no code.
# https://github.com/distribution/distribution/blob/main/registry/api/errcode/register.go
REFUSED = re.compile(
    r"denied|unauthorized|forbidden|authentication required|no basic auth|incorrect username"
    r"|authorization failed|insufficient_scope",
    re.IGNORECASE,
)
ABSENT = re.compile(r"does not exist locally|tag does not exist|no such image", re.IGNORECASE)
DROPPED = re.compile(
    r"\bEOF\b|connection (reset|refused|broken)|broken pipe|closed network connection|time(d )?out"
    r"|no route to host|network is unreachable|no such host|failure in name resolution"
    r"|server misbehaving|unexpected (HTTP )?status\b.*: 5\d\d|HTTP 5\d\d"
    r"|blob upload (unknown|invalid)|service unavailable|bad gateway|internal server error",
    re.IGNORECASE,
)
EXISTS = re.compile(r"(Layer )?already exists$|Mounted from ", re.IGNORECASE)
# A layer begins anew: by our next try (classic store, containerd's), by the engine's own.
AGAIN = ("Preparing", "Waiting", "Retrying")
# The last word on a push, whichever store the engine has; the classic one's alone says it as `aux`,
# too. Sources: moby's distribution/push_v2.go and daemon/containerd/image_push.go.
DIGEST = re.compile(r"\S+: digest: (sha256:[0-9a-f]{64}) size: \d+")
# Upload addresses carry the registry's own state in their query.
QUERY = re.compile(r"\?[^\s\"']*")
LONGEST = 300  # characters of somebody else's message: some registries answer a page of HTML


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push came to.

    Attributes:
        reference: what was pushed, with its tag.
        digest: of the manifest, as the engine reported and the registry confirmed it.
        uploaded_layers, existing_layers: sent by this push; found in the registry.
        uploaded_bytes: sent, repeats included as far as the engine tells of them. The classic
            store counts a layer's tar stream before it is compressed, so that fewer bytes cross
            the wire; containerd's counts them compressed, and leaves out layers that take no tenth
            of a second.
    """

    reference: str
    digest: str
    uploaded_layers: int
    existing_layers: int
    uploaded_bytes: int


@dataclass(frozen=True, slots=True)
class Credentials:
    """For one registry, in the SDK's words, and where they were found (None: nowhere)."""

    auth: dict[str, Any] = field(repr=False)
    source: str | None


@dataclass(frozen=True, slots=True)
class Target:
    """A reference, taken apart."""

    registry: str
    repository: str  # with the registry, unless it is Docker Hub
    tag: str

    @property
    def reference(self) -> str:
        """As the engine and RunPod's console take it."""
        return f"{self.repository}:{self.tag}"

    @property
    def complete(self) -> str:
        """With its registry, Docker Hub's too."""
        prefix = f"{HUB}/" if self.registry == HUB else ""
        return prefix + self.reference.removeprefix(prefix)


@dataclass(slots=True)
class Layers:
    """What the engine said of the layers, over all tries of one push."""

    existing: set[str] = field(default_factory=set)
    arrived: set[str] = field(default_factory=set)
    positions: dict[str, int] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    sent: int = 0

    def note(self, event: Mapping[str, Any]) -> None:
        """Take in one event of the engine's stream."""
        layer, status = event.get("id"), event.get("status", "")
        if not layer:
            return
        if status == "Pushing":
            self._move(layer, event.get("progressDetail", {}))
        elif status == "Pushed":  # all of it, though the engine may not have told of its end
            self._move(layer, {"current": self.sizes.get(layer, 0)})
            self.arrived.add(layer)
        elif EXISTS.match(status):
            self._find(layer)
        elif layer in self.positions and status.startswith(AGAIN):
            self.positions[layer] = 0

    def _find(self, layer: str) -> None:
        if layer in self.positions:  # an earlier try brought it there
            self.arrived.add(layer)
            self.positions[layer] = self.sizes[layer]
        else:
            self.existing.add(layer)

    def _move(self, layer: str, detail: Mapping[str, int]) -> None:
        position, before = detail.get("current", 0), self.positions.get(layer, 0)
        self.sent += position - before if position >= before else position  # else it began anew
        self.positions[layer] = position
        # The engine's total leaves out the tar's own headers, so that positions pass it.
        self.sizes[layer] = max(detail.get("total", 0), position, self.sizes.get(layer, 0))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of `push`."""
    parser.add_argument(
        "references",
        metavar="REF",
        nargs="+",
        help="what to push, such as user/football-commentary:1.0.0; without a tag it is :latest. "
        f"{USER} and {PASSWORD} are sent to the registry that it names",
    )


def run(options: argparse.Namespace) -> None:
    """Push every REF, and say what to enter in RunPod's console."""
    targets = [parse(reference) for reference in options.references]
    if os.environ.get(USER) and len({target.registry for target in targets}) > 1:
        raise BuildError(f"{USER} is for one registry: push to each of them by a command.")
    client = docker_client()
    for target in targets:
        sys.stdout.write(summary(push(client, target.reference), target))


def summary(pushed: Pushed, target: Target) -> str:
    """What a person wants to know after a push, in lines."""
    count = f" ({size(pushed.uploaded_bytes)} by the engine's count)" * bool(pushed.uploaded_bytes)
    return (
        f"{pushed.reference} is in {target.registry} as {pushed.digest}\n"
        f"  layers: {pushed.uploaded_layers} uploaded{count}, {pushed.existing_layers} there "
        "already\n"
        f"  container image, for RunPod's console: {pushed.reference}\n"
        f"  the same, whatever is pushed to this tag later: {target.complete}@{pushed.digest}\n"
    )


def push(client: "DockerClient", reference: str, environ: Mapping[str, str] = os.environ) -> Pushed:
    """Push `reference`, and return only when the registry holds what was pushed.

    Args:
        client: of the engine that has the image.
        reference: `user/name:tag`, or `registry/name:tag`; without a tag it is `:latest`.
        environ: where credentials, or the folder that holds them, are named.

    Raises:
        BuildError: the registry refuses, the image is not there, the connection broke off
            `TRIES` times, or the registry holds something else.
    """
    target = parse(reference)
    credentials = find_credentials(target.registry, environ)
    with _explained(target, credentials), closing(_Progress(target.reference)) as progress:
        digest = _retrying(lambda: _send(client, target, credentials, progress))
        held = _retrying(lambda: _held(client, target, credentials))
    if held != digest:
        raise BuildError(
            f"{target.registry} holds {held} as {target.reference}, but {digest} was pushed: "
            "somebody else may have pushed to this tag; push again."
        )
    layers = progress.layers
    return Pushed(target.reference, digest, len(layers.arrived), len(layers.existing), layers.sent)


def parse(reference: str) -> Target:
    """Take `reference` apart; BuildError for one that cannot be pushed to."""
    from docker import auth, errors, utils

    if "@" in reference:
        raise BuildError(f"REF {reference!r} has a digest: name a tag, as in user/name:1.0.0.")
    try:
        registry, name = auth.resolve_repository_name(reference)
    except (errors.InvalidRepository, IndexError) as error:
        raise BuildError(f"REF {reference!r} is no image's name: {error}.") from error
    if registry == HUB and "/" not in name:
        raise BuildError(
            f"REF {reference!r} names no place of yours: put your Docker Hub user name before "
            f"it, as in user/{reference}."
        )
    repository, tag = utils.parse_repository_tag(reference)
    return Target(registry, repository, tag or "latest")


def find_credentials(registry: str, environ: Mapping[str, str]) -> Credentials:
    """The credentials for `registry`: from the environment, else from Docker's configuration.

    Raises:
        BuildError: one of the two variables is missing, or the configuration cannot be used.
    """
    user, password = environ.get(USER), environ.get(PASSWORD)
    if bool(user) != bool(password):
        given, missing = (USER, PASSWORD) if user else (PASSWORD, USER)
        raise BuildError(f"{given} is set and {missing} is not: set both, or neither.")
    if user:
        return Credentials({"username": user, "password": password}, f"{USER} and {PASSWORD}")
    folder = environ.get("DOCKER_CONFIG")
    return _configured(registry, (Path(folder) if folder else Path.home() / ".docker"))


def _configured(registry: str, folder: Path) -> Credentials:
    """What `docker login` left in `folder`, or in the helper that `config.json` there names."""
    from docker import auth, credentials, errors

    path = folder / "config.json"
    try:
        configuration = auth.AuthConfig.load_config(None, _settings(path))
        found = configuration.resolve_authconfig(registry)
        helper = configuration.get_credential_store(registry)
    except (OSError, ValueError, errors.DockerException, credentials.StoreError) as error:
        raise BuildError(f"{path}: no credentials for {registry} can be read: {error}.") from error
    source = f"{path} (credential helper {helper!r})" if helper else str(path)
    return Credentials(found or {}, source if found else None)


def _settings(path: Path) -> dict[str, Any]:
    settings = json.loads(path.read_text("utf-8")) if path.exists() else {}
    if not isinstance(settings, dict):
        raise ValueError("it must be a JSON object")  # noqa: TRY004 - as of text that is no JSON
    # Given nothing, the SDK would look for a file elsewhere.
    return settings or {"auths": {}}


def _send(
    client: "DockerClient", target: Target, credentials: Credentials, show: "_Progress"
) -> str:
    """One try; the digest that the engine reports."""
    digest = None
    with engine_calls():
        for event in client.api.push(
            target.repository, target.tag, stream=True, decode=True, auth_config=credentials.auth
        ):
            if "error" in event or "errorDetail" in event:
                raise EngineError(_reported(event))
            show.event(event)
            if found := DIGEST.fullmatch(event.get("status", "")):
                digest = found[1]
    if not digest:
        raise EngineError("the engine ended without a digest", answered=False)
    return digest


def _reported(event: Mapping[str, Any]) -> str:
    text: str = event.get("errorDetail", {}).get("message") or event.get("error") or "no reason"
    return text


def _held(client: "DockerClient", target: Target, credentials: Credentials) -> str:
    """The digest that the registry itself has under the tag."""
    with engine_calls():
        data = client.images.get_registry_data(target.reference, auth_config=credentials.auth)
        return str(data.id)


def _retrying(action: Callable[[], T]) -> T:
    """What `action` gives, after up to `TRIES` tries with growing pauses, each told of."""
    import stamina

    hooks = stamina.instrumentation.get_on_retry_hooks()
    stamina.instrumentation.set_on_retry_hooks([_tell_retry])
    try:
        return stamina.RetryingCaller(
            TRIES, None, WAIT_S, WAIT_S * WAIT_GROWTH**TRIES, 0, WAIT_GROWTH
        )(_is_passing, action)
    finally:
        stamina.instrumentation.set_on_retry_hooks(hooks)


def _is_passing(error: Exception) -> bool:
    """Whether another try may do."""
    if not isinstance(error, EngineError):
        return False
    text = str(error)
    dropped = DROPPED.search(text) or not error.answered
    return bool(dropped) and not REFUSED.search(text) and not ABSENT.search(text)


def _tell_retry(details: "RetryDetails") -> None:
    number, pause = details.retry_num + 1, details.wait_for
    tell(f"push: {_clean(details.caused_by)}; try {number} of {TRIES} in {pause:.0f} s")


@contextmanager
def _explained(target: Target, credentials: Credentials) -> Iterator[None]:
    """What a person has to do about an EngineError, as a BuildError."""
    try:
        yield
    except EngineError as error:
        if ABSENT.search(str(error)):
            raise absent(target.reference) from error
        raise BuildError(_explanation(error, target, credentials)) from error


def _explanation(error: EngineError, target: Target, credentials: Credentials) -> str:
    text = _clean(error)
    if REFUSED.search(text):
        return (
            f"{target.registry} refused {target.reference} ({text}): {_remedy(target, credentials)}"
        )
    if _is_passing(error):
        return (
            f"The push of {target.reference} to {target.registry} broke off {TRIES} times "
            f"({text}): run it again; layers that arrived are not sent again."
        )
    return f"{target.reference} was not pushed to {target.registry}: {text}."


def _remedy(target: Target, credentials: Credentials) -> str:
    if not credentials.source:
        return (
            f"no credentials for it were found; `docker login {target.registry}`, or set {USER} "
            f"and {PASSWORD}."
        )
    return (
        f"the credentials are from {credentials.source}; check the user, the password or access "
        f"token, and that they may write to {target.repository}."
    )


def _clean(error: BaseException) -> str:
    """Somebody else's message, on one short line and without the queries of addresses.

    What is too long loses its middle: Go's errors say what was tried first, and why not last.
    """
    text = " ".join(QUERY.sub("", str(error)).split()).rstrip(".")
    half = LONGEST // 2
    return text if len(text) <= LONGEST else f"{text[:half]}…{text[-half:]}"


class _Progress:
    """One bar over the bytes of all layers, or lines where standard error is no terminal."""

    def __init__(self, reference: str) -> None:
        self.layers = Layers()
        self._retried: set[str] = set()
        self._pace = Pace()
        self._lines = not sys.stderr.isatty()
        self._bar = tqdm(total=0, desc=reference, unit="B", unit_scale=True, disable=self._lines)

    def event(self, event: Mapping[str, Any]) -> None:
        """Show what has become of the layers."""
        self.layers.note(event)
        self._tell_retry(event)
        if self._lines:
            self._line(event)
        else:
            self._move()

    def close(self) -> None:
        """Leave the bar as it is."""
        self._bar.close()

    def _move(self) -> None:
        self._bar.total = sum(self.layers.sizes.values())
        self._bar.set_postfix_str(f"{len(self.layers.existing)} layers exist", refresh=False)
        self._bar.update(sum(self.layers.positions.values()) - self._bar.n)

    def _line(self, event: Mapping[str, Any]) -> None:
        if self._pace.is_due(anyway=event.get("status") == "Pushed"):
            tell(self.told())

    def told(self) -> str:
        """Where the push is, in a line."""
        layers = self.layers
        sent, total = sum(layers.positions.values()), sum(layers.sizes.values())
        return (
            f"push: {size(sent)} of {size(total)} in {len(layers.arrived)} of "
            f"{len(layers.sizes)} layers; {len(layers.existing)} exist"
        )

    def _tell_retry(self, event: Mapping[str, Any]) -> None:
        """The engine tries a layer again by itself, and counts the seconds down."""
        layer, status = event.get("id", ""), event.get("status", "")
        if not status.startswith("Retrying"):
            self._retried.discard(layer)
        elif layer not in self._retried:
            self._retried.add(layer)
            tell(f"push: layer {layer} broke off; the engine is {status[0].lower()}{status[1:]}")
