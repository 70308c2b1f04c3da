"""The build's command: which client, which words, which secret."""

import argparse
import stat
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from docker.errors import ImageNotFound

from builder import build as module
from builder.build import Client, Plan, add_arguments, build, buildkit, planned, words_of
from builder.download import Pinned
from builder.errors import BuildError

COMMIT = "0123456789" * 4
TOKEN = "hf_verysecretverysecret"


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    """No token and no hub of this machine's."""
    for name in ("HF_TOKEN", "HF_ENDPOINT", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "none"))


@pytest.fixture
def hub(monkeypatch):
    """Every model is there, at one commit."""
    asked = []

    def look_up(model, revision):
        asked.append((model, revision))
        return Pinned(COMMIT, "apache-2.0")

    monkeypatch.setattr("builder.download.look_up", look_up)
    return asked


def options(*words):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(words)


def program(folder: Path, name: str, script: str) -> None:
    """An executable of this name in a folder, for PATH."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_the_model_s_revision_becomes_a_commit(hub):
    """What is built is named by a commit, whatever branch or tag was asked for."""
    plan = planned(options("--model", "a/b", "--revision", "v1"))
    assert hub == [("a/b", "v1")]
    assert plan.arguments["MODEL_NAME"] == "a/b"
    assert plan.arguments["MODEL_REVISION"] == COMMIT
    assert plan.arguments["MODEL_LICENCE"] == "apache-2.0"


def test_without_a_word_the_dockerfile_decides(hub):
    """The default model is the Dockerfile's; base and user are not even named; the tag is ours."""
    plan = planned(options())
    assert hub == [("skt/A.X-4.0-Light", "main")]
    assert plan.arguments.keys().isdisjoint({"BASE_IMAGE", "USER_ID", "BAKE_MODEL"})
    assert plan.tags == (f"football-commentary-worker:{module.project_version()}",)


def test_nothing_is_asked_of_the_hub_where_nothing_is_baked(hub):
    """Without weights, a branch stays a branch: whatever the platform's cache has of it."""
    plan = planned(options("--no-bake"))
    assert hub == []
    assert plan.arguments["BAKE_MODEL"] == "false"
    assert plan.arguments["MODEL_REVISION"] == "main"


def test_every_flag_reaches_docker(hub):
    """Names, base, user, version, caches and network are words of `docker build`."""
    words = words_of(
        planned(
            options(
                *(
                    "--tag",
                    "a:1",
                    "--tag",
                    "b:2",
                    "--base",
                    "cpu:1",
                    "--root",
                    "--version",
                    "9.9.9",
                ),
                *("--cache-from", "c:3", "--inline-cache", "--no-cache", "--network", "host"),
            )
        )
    )
    for pair in (
        ("--tag", "a:1"),
        ("--tag", "b:2"),
        ("--cache-from", "c:3"),
        ("--network", "host"),
    ):
        assert pair in pairwise(words)
    for argument in ("BASE_IMAGE=cpu:1", "USER_ID=0", "VERSION=9.9.9", "BUILDKIT_INLINE_CACHE=1"):
        assert words[words.index(argument) - 1] == "--build-arg"
    assert "--no-cache" in words


def test_another_hub_is_the_build_s_hub_too(hub, monkeypatch):
    """HF_ENDPOINT holds inside the build as it does outside."""
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.example")
    assert planned(options()).arguments["HF_ENDPOINT"] == "https://hub.example"


def test_the_token_is_a_secret_in_a_file_and_nowhere_else(tmp_path, monkeypatch):
    """Docker gets the name of a file that only we can read; the file is gone when the build is."""
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    program(
        tmp_path / "bin",
        "client",
        f'echo "$@" > {tmp_path}/words\n'
        f'path=$(echo "$@" | grep -o "src=[^ ]*" | cut -c5-)\n'
        f'stat -c %a "$path" > {tmp_path}/mode; cp "$path" {tmp_path}/secret\n'
        f'echo "$path" > {tmp_path}/path',
    )
    build(Plan(("a:1",), {}), Client((str(tmp_path / "bin/client"),)))
    assert (tmp_path / "secret").read_text() == TOKEN
    assert int((tmp_path / "mode").read_text(), 8) == stat.S_IRUSR | stat.S_IWUSR
    assert TOKEN not in (tmp_path / "words").read_text()
    assert not Path((tmp_path / "path").read_text().strip()).exists()


def test_without_a_token_there_is_no_secret(tmp_path):
    """A model that anybody may read is built without one."""
    program(tmp_path / "bin", "client", f'echo "$@" > {tmp_path}/words')
    build(Plan(("a:1",), {}), Client((str(tmp_path / "bin/client"),)))
    assert "secret" not in (tmp_path / "words").read_text()


def test_a_build_that_fails_is_an_error(tmp_path):
    """The exit code of docker is told; the reason stands above, where docker wrote it."""
    program(tmp_path / "bin", "client", "exit 7")
    with pytest.raises(BuildError, match="exit code 7"):
        build(Plan(("a:1",), {}), Client((str(tmp_path / "bin/client"),)))


OLD = 'case "$1" in --version) echo "Docker version 20.10.24+x, build 1";; *) exit 1;; esac'
BARE = 'case "$1" in --version) echo "Docker version 28.2.2, build 1";; *) exit 1;; esac'
WITH_BUILDX = (
    'case "$1" in --version) echo "Docker version 28.2.2, build 1";; buildx) exit 0;; esac'
)


@pytest.mark.parametrize(
    ("clients", "chosen", "words"),
    [
        ([WITH_BUILDX], 0, ("buildx", "build", "--load", "--provenance=false")),
        ([OLD], 0, ("build",)),
        ([BARE, OLD], 1, ("build",)),
        ([BARE, WITH_BUILDX], 1, ("buildx", "build", "--load", "--provenance=false")),
    ],
)
def test_the_first_client_that_has_buildkit_builds(tmp_path, monkeypatch, clients, chosen, words):
    """Built in before Docker 23, as buildx since; a newer one without its plugin is passed over."""
    folders = [tmp_path / str(number) for number in range(len(clients))]
    for folder, script in zip(folders, clients, strict=True):
        program(folder, "docker", script)
    monkeypatch.setenv("PATH", ":".join(map(str, [*folders, "/bin"])).replace(":/bin", ""))
    client = buildkit()
    assert client.words == (str(folders[chosen] / "docker"), *words)
    assert dict(client.environment) == ({"DOCKER_BUILDKIT": "1"} if words == ("build",) else {})


@pytest.mark.parametrize("scripts", [[], [BARE]])
def test_without_buildkit_it_is_said_what_to_install(tmp_path, monkeypatch, scripts):
    """No client, or none that can: one sentence with the package."""
    for script in scripts:
        program(tmp_path, "docker", script)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BuildError, match="docker-buildx-plugin"):
        buildkit()


def test_our_own_commit_is_named(tmp_path, monkeypatch):
    """The label has the checkout's commit, and says where it has changes; none outside of git."""
    monkeypatch.setattr(module, "ROOT", tmp_path)
    assert module.revision_of_ours() is None
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "x"]):
        subprocess.run([*git, *words], check=True)
    commit = module.revision_of_ours()
    assert len(commit) == 40
    (tmp_path / "x").write_text("")
    subprocess.run([*git, "add", "x"], check=True)
    assert module.revision_of_ours() == f"{commit}-dirty"


class Engine:
    """A client of an engine that has one image, by its name."""

    def __init__(self, name, digests):
        layers = {"RepoDigests": digests, "RootFS": {"Layers": ["a", "b"]}}
        steps = [{"CreatedBy": "COPY b /", "Size": 2}, {"CreatedBy": "COPY a /", "Size": 1}]
        image = argparse.Namespace(attrs=layers, history=lambda: steps)
        self._images, self.images = {name: image}, self

    def info(self):
        return {"DriverStatus": [["Backing Filesystem", "extfs"]]}

    def get(self, name):
        if name not in self._images:
            raise ImageNotFound(name)
        return self._images[name]

    def list(self, **_):
        return list(self._images.values())


def test_docker_hub_s_own_name_is_left_out_as_the_engine_does():
    """What was pushed as docker.io/you/x has digests of you/x."""
    engine = Engine("docker.io/you/x:1", ["you/x@sha256:1"])
    assert "you/x uploads 0 of 2 layers" in module.told(engine, "docker.io/you/x:1")


def test_an_image_that_another_engine_built_is_said_to_be_there():
    """Client and SDK may follow different settings; the build is not lost, and that is told."""
    with pytest.raises(BuildError, match="DOCKER_HOST"):
        module.told(Engine("you/x:1", []), "you/x:2")
