"""The one place that makes a client of the Docker engine, and knows how its calls fail."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from builder.errors import BuildError

if TYPE_CHECKING:
    from docker import DockerClient  # type: ignore[import-untyped]

ANSWER_S = 30  # for the first answer, in seconds
# How long the engine may be silent afterwards, in seconds: it is while a registry stores a layer
# that has arrived, and for 16 GB of weights some take minutes.
SILENCE_S = 600
USUAL = "unix:///var/run/docker.sock"
# As `docker info` has it: https://docs.docker.com/engine/storage/containerd/
CONTAINERD = "io.containerd.snapshotter"


class EngineError(Exception):
    """How a call of the engine's failed, in its words.

    Attributes:
        answered: False where the connection to it broke.
    """

    def __init__(self, text: str, *, answered: bool = True) -> None:
        super().__init__(text)
        self.answered = answered


def docker_client(silence_s: int = SILENCE_S) -> "DockerClient":
    """A client of the engine that DOCKER_HOST names, else that of the docker command's context.

    Args:
        silence_s: the longest silence of the engine before a call fails, in seconds.

    Raises:
        BuildError: no engine answers, with what to start.
    """
    import docker  # takes 0.3 s: not without need

    try:
        client = docker.from_env(timeout=ANSWER_S)  # it asks the engine for its version
    except docker.errors.DockerException as error:
        raise BuildError(_advice(str(error))) from error
    client.api.timeout = silence_s
    return client


def has_containerd_store(client: "DockerClient") -> bool:
    """Whether the engine keeps images in containerd's store, as a fresh Docker 29 does."""
    with engine_errors("The Docker engine cannot be asked about itself"):
        status = client.info().get("DriverStatus") or []
    return any(str(value).startswith(CONTAINERD) for _, value in status)


@contextmanager
def engine_calls() -> Iterator[None]:
    """Every failure of a call of the engine's becomes an EngineError."""
    import requests
    import urllib3
    from docker import errors

    try:
        yield
    except errors.APIError as error:
        raise EngineError(error.explanation or str(error)) from error
    except errors.DockerException as error:
        raise EngineError(str(error)) from error
    except (requests.RequestException, urllib3.exceptions.HTTPError, errors.StreamParseError) as e:
        raise EngineError(f"no answer from the Docker engine: {e}", answered=False) from e


@contextmanager
def engine_errors(about: str) -> Iterator[None]:
    """Every failure of a call of the engine's becomes a BuildError that says what it was about."""
    try:
        with engine_calls():
            yield
    except EngineError as error:
        raise BuildError(f"{about}: {error}.") from error


def absent(reference: str) -> BuildError:
    """That an image must be built first."""
    return BuildError(
        f"No image {reference} is on this engine: build it by `python -m builder build`."
    )


def _advice(reason: str) -> str:
    if "Permission denied" in reason:
        return (
            "The Docker engine's socket is closed to this user: add the user to the group "
            "`docker` (`sudo usermod -aG docker $USER`) and log in anew."
        )
    return (
        f"No Docker engine answers at {_address()}: start it (`sudo systemctl start docker`, or "
        f"Docker Desktop), or name another in DOCKER_HOST; the SDK says: {reason}"
    )


def _address() -> str:
    """What the SDK has tried."""
    from docker.context import ContextAPI  # type: ignore[import-untyped]

    context = ContextAPI.kwargs_from_context().get("base_url")
    return os.environ.get("DOCKER_HOST") or context or USUAL
