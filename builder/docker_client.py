"""The one place that makes a client of the Docker engine."""

import os
from typing import TYPE_CHECKING

from builder.errors import BuildError

if TYPE_CHECKING:
    from docker import DockerClient  # type: ignore[import-untyped]

ANSWER_S = 30  # for the first answer, in seconds
# How long the engine may be silent afterwards, in seconds: it is while a registry stores a layer
# that has arrived, and for 16 GB of weights some take minutes.
SILENCE_S = 600
USUAL = "unix:///var/run/docker.sock"


def docker_client(silence_s: int = SILENCE_S) -> "DockerClient":
    """A client of the engine that DOCKER_HOST names, else of the one on its usual socket.

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


def _advice(reason: str) -> str:
    if "Permission denied" in reason:
        return (
            "The Docker engine's socket is closed to this user: add the user to the group "
            "`docker` (`sudo usermod -aG docker $USER`) and log in anew."
        )
    address = os.environ.get("DOCKER_HOST") or USUAL
    return (
        f"No Docker engine answers at {address}: start it (`sudo systemctl start docker`, or "
        f"Docker Desktop), or name another in DOCKER_HOST; the SDK says: {reason}"
    )
