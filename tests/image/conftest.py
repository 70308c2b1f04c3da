"""One image for all these tests, built by `python -m builder build` from a hub with a gate."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from builder.docker_client import docker_client
from builder.mini import Mini, build
from tests.builder.hub import Hub
from tests.image.base import base_image

ROOT = Path(__file__).resolve().parents[2]
MODEL = "mini/exaone"  # as the hub has it, and as the image must serve it
TOKEN = "hf_" + "imagetestsecret" * 3
REFERENCE = "football-commentary-test/worker:1.0.0"
# The mini model brings its configuration as code, as EXAONE does; a preset would say so.
MINI = ("--env", "TRUST_REMOTE_CODE=true", "--env", "GPU_MEMORY_UTILIZATION=0.3")
LABEL = "football-commentary-test"


def pytest_collection_modifyitems(items):
    """In the order of a deployment: what is cheap and broken shows before what is dear."""
    order = ["test_build", "test_push", "test_smoke", "test_image"]
    items.sort(key=lambda item: order.index(item.module.__name__.rpartition(".")[2]))


@pytest.fixture(scope="session")
def client():
    """The engine's client; of what the session made, only the base and the cache are kept."""
    client = docker_client()
    yield client
    for container in client.containers.list(all=True, filters={"label": LABEL}):
        container.remove(force=True)
    ours = {"label": f"ai.commentary.model.name={MODEL}"}
    for image in client.images.list(filters=ours):
        client.images.remove(image.id, force=True)
    client.close()


@pytest.fixture(scope="session")
def base(client):
    """The stand-in for vLLM's CUDA image; the engine keeps it from run to run."""
    return base_image()


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """The tiny checkpoint, as a hub would give it out."""
    folder = tmp_path_factory.mktemp("hub") / "exaone"
    build(folder, Mini())
    return folder


@pytest.fixture(scope="session")
def hub(model):
    """A hub on loopback that gives out the mini model to those with a token only."""
    with Hub({MODEL: model}, token=TOKEN) as hub:
        yield hub


@pytest.fixture(scope="session")
def checkout(tmp_path_factory):
    """A copy of this checkout, to be edited: at a commit of its own, closed to other users."""
    folder = tmp_path_factory.mktemp("checkout") / "worker"
    unwanted = (".git", ".venv", ".tools", ".cache", ".*_cache", ".hypothesis", "__pycache__")
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*unwanted))
    subprocess.run(["chmod", "-R", "go=", folder], check=True)  # as under a umask of 077
    git = ["git", "-C", folder, "-c", "user.name=test", "-c", "user.email=test@example.org"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    commit = ["commit", "--quiet", "--allow-empty", "--message", "As it was copied"]
    subprocess.run([*git, *commit], check=True)
    return folder


class Builder:
    """`python -m builder` in a checkout, as a person types it.

    Args:
        checkout: the folder with the Dockerfile.
        base: the base image.
        hub: where models come from.
    """

    def __init__(self, checkout: Path, base: str, hub: Hub) -> None:
        self.checkout, self.base, self.hub = checkout, base, hub
        self.environ = {**os.environ, "HF_ENDPOINT": hub.url, "PYTHONPATH": str(checkout)}
        # Not what this machine is logged in with.
        self.environ["HF_TOKEN_PATH"] = os.devnull

    def run(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """A command's exit code, and what it said, standard error at the end of it."""
        done = subprocess.run(
            [sys.executable, "-m", "builder", *words],
            cwd=self.checkout,
            env=self.environ | variables,
            capture_output=True,
            text=True,
            check=False,
        )
        done.stdout += done.stderr
        return done

    def build(self, *words: str, **variables: str) -> str:
        """What a build said that has to succeed."""
        done = self.run("build", *self.words, *words, **{"HF_TOKEN": TOKEN} | variables)
        assert done.returncode == 0, done.stdout
        return done.stdout

    @property
    def words(self) -> tuple[str, ...]:
        """What is particular here: the mini model, the CPU base, a hub on loopback."""
        return ("--model", MODEL, "--base", self.base, "--network", "host")


@pytest.fixture(scope="session")
def builder(checkout, base, hub):
    """The builder in a checkout of its own."""
    return Builder(checkout, base, hub)


@pytest.fixture(scope="session")
def image(builder, client):
    """The image, built once."""
    builder.build("--tag", REFERENCE)
    return REFERENCE
