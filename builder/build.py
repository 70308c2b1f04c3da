"""Build the image, with the model baked in.

The model's revision is resolved to a commit first. A token that the hub needs (HF_TOKEN, or that of
`hf auth login`) goes into the build as a secret, which no layer keeps.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from builder.docker_client import docker_client, has_containerd_store
from builder.errors import BuildError
from builder.layers import in_registry, layers_of, size, table

ROOT = Path(__file__).resolve().parent.parent
NAME = "football-commentary-worker"
SECRET = "hf_token"  # noqa: S105  # the secret's id in the Dockerfile
BUILDKIT_APART = 23  # the first client whose BuildKit is a plugin, buildx


@dataclass(frozen=True, slots=True)
class Plan:
    """What is built.

    Attributes:
        tags: the image's names.
        arguments: build arguments; what is not there is as the Dockerfile says.
        flags: more words for `docker build`.
    """

    tags: tuple[str, ...]
    arguments: Mapping[str, str]
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Client:
    """A docker client that has BuildKit: the words before `build`'s own, and its environment."""

    words: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of `build`."""
    word = parser.add_argument
    word("--tag", action="append", metavar="REF", help=f"name of the image; default {NAME}:VERSION")
    word("--model", metavar="ID", help="Hugging Face id; default: the Dockerfile's")
    word("--revision", default="main", help="branch, tag or commit of the model; default: main")
    word("--no-bake", action="store_true", help="without weights: a cached model or a volume's")
    word("--base", metavar="IMAGE", help="base image; default: the Dockerfile's")
    word(
        "--root", action="store_true", help="run as root, for a volume that lets nobody else write"
    )
    word("--version", help="of the image, for its label; default: that of pyproject.toml")
    word("--cache-from", action="append", default=[], metavar="REF", help="image to take layers of")
    word("--inline-cache", action="store_true", help="let the image serve as --cache-from later on")
    word("--no-cache", action="store_true", help="build every layer anew")
    word("--network", metavar="MODE", help="network of the steps, as docker build takes it")


def run(options: argparse.Namespace) -> None:
    """Build what the command line names, and say what it is made of."""
    client = docker_client()
    plan = planned(options)
    build(plan, buildkit())
    sys.stdout.write(f"{told(client, plan.tags[0])}\n")


def planned(options: argparse.Namespace) -> Plan:
    """The build that a command line asks for, its model's revision a commit.

    Raises:
        BuildError: the hub has no such model, or does not give it to us.
    """
    given = {
        "BASE_IMAGE": options.base,
        "VERSION": options.version or project_version(),
        "VCS_REF": revision_of_ours(),
        "HF_ENDPOINT": os.environ.get("HF_ENDPOINT"),
        "USER_ID": "0" if options.root else None,
        "BUILDKIT_INLINE_CACHE": "1" if options.inline_cache else None,
        **model_arguments(options),
    }
    arguments = {name: value for name, value in given.items() if value}
    tags = options.tag or [f"{NAME}:{arguments['VERSION']}"]
    return Plan(tuple(tags), arguments, flags(options))


def model_arguments(options: argparse.Namespace) -> dict[str, str]:
    """What the build is told of the model; a baked one's revision is a commit."""
    name = options.model or default("MODEL_NAME")
    if options.no_bake:
        return {"MODEL_NAME": name, "MODEL_REVISION": options.revision, "BAKE_MODEL": "false"}
    from builder.download import look_up

    model = look_up(name, options.revision)
    sys.stderr.write(f"builder: {name} at {model.commit}\n")
    found = {"MODEL_NAME": name, "MODEL_REVISION": model.commit}
    return found | ({"MODEL_LICENCE": model.licence} if model.licence else {})


def default(argument: str) -> str:
    """What the Dockerfile says of a build argument where nobody does."""
    dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
    found = re.search(rf"^ARG {argument}=(\S+)$", dockerfile, re.MULTILINE)
    if not found:
        raise BuildError(f"The Dockerfile has no default for {argument}.")
    return found[1]


def project_version() -> str:
    """The version that pyproject.toml says."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        return str(tomllib.load(file)["project"]["version"])


def revision_of_ours() -> str | None:
    """The commit of this checkout, with `-dirty` where it has changes; None outside of git."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--abbrev=40", "--dirty", "--match="]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def flags(options: argparse.Namespace) -> tuple[str, ...]:
    """The words of `docker build` that are neither names nor arguments."""
    words = [word for ref in options.cache_from for word in ("--cache-from", ref)]
    words += ["--no-cache"] if options.no_cache else []
    words += ["--network", options.network] if options.network else []
    return tuple(words)


def build(plan: Plan, client: Client, context: Path = ROOT) -> None:
    """Build what is in the folder `context`; the build's own output shows how far it is.

    Raises:
        BuildError: it failed, for the reason that stands in its output.
    """
    with secret_file() as secret:
        command = [*client.words, *words_of(plan), *secret, str(context)]
        done = subprocess.run(command, env={**os.environ, **client.environment}, check=False)
    if done.returncode:
        raise BuildError(f"The build failed with exit code {done.returncode}: see above.")


def words_of(plan: Plan) -> list[str]:
    """A plan as words for `docker build`."""
    tags = [word for tag in plan.tags for word in ("--tag", tag)]
    given = [f"{name}={value}" for name, value in plan.arguments.items()]
    arguments = [word for pair in given for word in ("--build-arg", pair)]
    return [*tags, *arguments, *plan.flags]


@contextmanager
def secret_file() -> Iterator[Sequence[str]]:
    """The hub's token as a build secret, in a file that only we can read and that is gone after."""
    from huggingface_hub import get_token

    token = get_token()
    with tempfile.TemporaryDirectory(prefix="build-secret-") as folder:
        path = Path(folder) / SECRET
        path.touch(mode=0o600)
        path.write_text(token or "", "utf-8")
        yield ["--secret", f"id={SECRET},src={path}"] if token else []


def buildkit() -> Client:
    """The first docker client on PATH that has BuildKit: built in, or as its plugin buildx.

    Raises:
        BuildError: there is none.
    """
    for program in programs("docker"):
        if answers(program, "buildx", "version"):
            # What builds for one platform needs no index around it, which some registries refuse.
            return Client((program, "buildx", "build", "--load", "--provenance=false"))
        if 0 < major_version(program) < BUILDKIT_APART:
            return Client((program, "build"), {"DOCKER_BUILDKIT": "1"})
    raise BuildError(
        "No docker client on PATH has BuildKit: install Docker's plugin for it, the package "
        "docker-buildx of Debian and Ubuntu, or docker-buildx-plugin of Docker's own."
    )


def programs(name: str) -> list[str]:
    """Every program of a name on PATH, in PATH's order."""
    folders = os.environ.get("PATH", "").split(os.pathsep)
    found = [shutil.which(name, path=folder) for folder in folders if folder]
    return [program for program in dict.fromkeys(found) if program]


def answers(*command: str) -> bool:
    """Whether a command can be run and succeeds."""
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def major_version(program: str) -> int:
    """The client's own version, without asking an engine; 0 where it says none."""
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return 0
    found = re.search(r"version (\d+)\.", done.stdout)
    return int(found[1]) if found else 0


def told(client: Any, ref: str) -> str:
    """What an image is made of, and what a push to where it belongs would upload."""
    from docker.errors import ImageNotFound  # type: ignore[import-untyped]

    try:
        image = client.images.get(ref)
    except ImageNotFound as error:
        raise BuildError(
            f"The engine that was asked for {ref} has no such image: the docker client builds on "
            "another one; name the same for both in DOCKER_HOST."
        ) from error
    repository = ref.rpartition(":")[0] if ":" in ref.rpartition("/")[2] else ref
    repository = repository.removeprefix("docker.io/")  # as the engine writes it
    layers = layers_of(image.attrs["RootFS"]["Layers"], image.history())
    total = size(sum(layer.size for layer in layers))
    if has_containerd_store(client):
        return (
            f"{table(layers, None)}\n"
            f"{ref} ({total}): a push to {repository} uploads those of the {len(layers)} layers "
            "that it lacks; which, an engine with containerd's image store does not know."
        )
    known = in_registry(client.images.list(all=True), repository)
    new = [layer for layer in layers if layer.diff_id not in known]
    return (
        f"{table(layers, known)}\n"
        f"{ref} ({total}): a push to {repository} uploads {len(new)} of {len(layers)} layers, "
        f"{size(sum(layer.size for layer in new))} before compression."
    )
