"""Pushing by the real engine to a real registry, through a proxy that counts and breaks."""

import base64
import json
import os
import re
import uuid

import httpx
import pytest

from builder import push as module
from builder.__main__ import main
from builder.docker_client import docker_client, has_containerd_store
from builder.errors import BuildError
from builder.push import push
from tests.image.registry import Fault, FaultProxy, Registry

USER, SECRET = "ann", "pa55-word"
GOOD = {"DOCKER_USERNAME": USER, "DOCKER_PASSWORD": SECRET}
# What an engine pushes: docker's by the classic image store, OCI's by containerd's.
MANIFESTS = (
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
)
BLOBS = "/blobs/uploads/"
DATA = "PATCH|PUT"  # what carries a layer: the classic store sends pieces, containerd's all at once
BIG = 1_000_000


@pytest.fixture(scope="module")
def client():
    client = docker_client()
    yield client
    client.close()


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    with Registry(tmp_path_factory.mktemp("registry"), USER, SECRET) as registry:
        yield registry


@pytest.fixture(scope="module")
def door(registry):
    with FaultProxy(registry.address) as proxy:
        yield proxy


@pytest.fixture
def proxy(door):
    """In front of the registry, with nothing wrong and nothing counted yet."""
    door.heal()
    return door


@pytest.fixture
def image(client, proxy, tmp_path):
    """Makes an image of one layer for each content, under a name of this test's own."""
    reference = f"{proxy.address}/{uuid.uuid4().hex}/worker:1.0.0"
    made = []

    def image(*contents: bytes) -> str:
        lines = ["FROM scratch"]
        for number, content in enumerate(contents):
            (tmp_path / f"f{number}").write_bytes(content)
            lines.append(f"COPY f{number} /")
        (tmp_path / "Dockerfile").write_text("\n".join(lines))
        built, _ = client.images.build(path=str(tmp_path), tag=reference, rm=True)
        made.append(built.id)
        return reference

    yield image
    for name in dict.fromkeys(made):
        client.images.remove(name, force=True)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(module, "WAIT_S", 0.0)


def held(registry, reference):
    """The digest that the registry itself gives for what was pushed through the proxy."""
    name, tag = reference.split("/", 1)[1].rsplit(":", 1)
    answer = httpx.head(
        f"http://{registry.address}/v2/{name}/manifests/{tag}",
        auth=(USER, SECRET),
        headers={"Accept": ", ".join(MANIFESTS)},
    )
    return answer.headers.get("Docker-Content-Digest")


def test_an_image_arrives(client, registry, proxy, image):
    """The registry holds the digest that is returned, and every layer was counted."""
    reference = image(os.urandom(BIG), b"code")
    pushed = push(client, reference, GOOD)
    assert pushed.digest == held(registry, reference)
    assert (pushed.uploaded_layers, pushed.existing_layers) == (2, 0)
    assert proxy.received(part=BLOBS) > BIG


def test_bytes_are_those_that_the_engine_counts(client, proxy, image):
    """The classic store's are of the layer's tar stream, containerd's of what crosses the wire."""
    pushed = push(client, image(bytes(BIG)), GOOD)
    assert proxy.received() < BIG / 50
    if has_containerd_store(client):
        assert pushed.uploaded_bytes <= proxy.received()
    else:
        assert pushed.uploaded_bytes > BIG


def test_a_second_push_uploads_no_layer(client, proxy, image):
    """Neither by the engine's count nor by what the registry received."""
    reference = image(os.urandom(BIG), b"code")
    push(client, reference, GOOD)
    proxy.heal()
    pushed = push(client, reference, GOOD)
    assert (pushed.uploaded_layers, pushed.existing_layers, pushed.uploaded_bytes) == (0, 2, 0)
    assert proxy.received(part=BLOBS) == 0


def test_a_small_change_uploads_the_changed_layer_alone(client, registry, proxy, image):
    """The big layer below it is not sent again; that is what an update costs."""
    weights = os.urandom(BIG)
    push(client, image(weights, b"code"), GOOD)
    proxy.heal()
    reference = image(weights, b"changed code")
    pushed = push(client, reference, GOOD)
    assert (pushed.uploaded_layers, pushed.existing_layers) == (1, 1)
    assert proxy.received() < 10_000
    assert pushed.digest == held(registry, reference)


def test_the_login_of_the_docker_configuration_is_used(client, registry, proxy, image, tmp_path):
    """What `docker login` wrote is enough."""
    auth = base64.b64encode(f"{USER}:{SECRET}".encode()).decode()
    configuration = json.dumps({"auths": {proxy.address: {"auth": auth}}})
    (tmp_path / "config.json").write_text(configuration)
    reference = image(b"code")
    pushed = push(client, reference, {"DOCKER_CONFIG": str(tmp_path)})
    assert pushed.digest == held(registry, reference)


def test_a_wrong_password_raises(client, registry, proxy, image):
    """Naming the registry and where the password was found, and not the password."""
    reference = image(b"code")
    with pytest.raises(BuildError) as raised:
        push(client, reference, GOOD | {"DOCKER_PASSWORD": "wr0ng-word"})
    message = str(raised.value)
    assert message.startswith(f"{proxy.address} refused")
    assert "DOCKER_PASSWORD" in message
    assert "wr0ng-word" not in message
    assert held(registry, reference) is None


def test_no_credentials_raise(client, proxy, image, tmp_path):
    """With how to log in to this registry."""
    with pytest.raises(BuildError, match=f"docker login {proxy.address}"):
        push(client, image(b"code"), {"DOCKER_CONFIG": str(tmp_path)})


def test_an_image_that_is_not_on_the_engine_raises(client, proxy):
    """With how to build it."""
    with pytest.raises(BuildError, match="builder build"):
        push(client, f"{proxy.address}/nobody/nothing:1", GOOD)


def test_an_upload_that_is_refused_in_its_middle_raises(client, registry, proxy, image):
    """As a registry does whose quota is used up."""
    proxy.fail(Fault(DATA, BLOBS, status=403, code="DENIED", times=None))
    reference = image(os.urandom(BIG))
    with pytest.raises(BuildError, match=f"{proxy.address} refused"):
        push(client, reference, GOOD)
    assert held(registry, reference) is None


def test_a_connection_that_always_drops_raises_after_the_last_try(
    client, registry, proxy, image, capsys
):
    """The layers arrive, the manifest never does; there are no more tries than promised."""
    proxy.fail(Fault("PUT", "/manifests/", times=None))
    reference = image(os.urandom(BIG))
    with pytest.raises(BuildError, match="broke off 4 times"):
        push(client, reference, GOOD)
    assert capsys.readouterr().err.count(f" of {module.TRIES} in 0 s") == module.TRIES - 1
    assert held(registry, reference) is None


@pytest.mark.parametrize("status", [None, 500, 503])
def test_a_push_that_broke_off_once_is_tried_again(client, registry, proxy, image, status, capsys):
    """It arrives, what had arrived is not sent again, and our own retry is told.

    Containerd's store may try again by itself, and does not tell.
    """
    proxy.fail(Fault("PUT", "/manifests/", status=status))
    reference = image(os.urandom(BIG))
    pushed = push(client, reference, GOOD)
    assert pushed.digest == held(registry, reference)
    assert pushed.uploaded_layers == 1
    assert BIG < proxy.received(part=BLOBS) < 1.1 * BIG
    assert len(proxy.seen("PUT", "/manifests/")) == 2
    assert has_containerd_store(client) or "try 2 of 4" in capsys.readouterr().err


def test_a_layer_that_broke_off_in_its_middle_arrives(client, registry, proxy, image, capsys):
    """It is sent anew, which is told: by the engine itself, or by our next try."""
    proxy.fail(Fault(DATA, BLOBS, after=BIG // 2))
    reference = image(os.urandom(BIG), b"code")
    pushed = push(client, reference, GOOD)
    assert pushed.digest == held(registry, reference)
    assert proxy.received(part=BLOBS) > 1.5 * BIG
    assert re.search("broke off; the engine is retrying|try 2 of 4", capsys.readouterr().err)


def test_a_check_that_broke_off_is_tried_again_without_a_push(client, registry, proxy, image):
    """The manifest is sent once."""
    proxy.fail(Fault("HEAD", "/manifests/", status=500))
    proxy.fail(Fault("GET", "/manifests/", status=500))
    reference = image(b"code")
    assert push(client, reference, GOOD).digest == held(registry, reference)
    assert len(proxy.seen("PUT", "/manifests/")) == 1


def test_a_registry_that_is_not_there_raises(client, image):
    """After the tries, naming it."""
    reference = f"127.0.0.1:1/{uuid.uuid4().hex}/worker:1"
    assert client.images.get(image(b"code")).tag(reference)
    try:
        with pytest.raises(BuildError, match=r"127\.0\.0\.1:1 broke off 4 times"):
            push(client, reference, GOOD)
    finally:
        client.images.remove(reference)


def test_the_command_says_the_digest_and_what_to_paste(registry, image, monkeypatch, capsys):
    """And no password."""
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    reference = image(b"code")
    assert main(["push", reference]) == 0
    written = capsys.readouterr()
    assert f"RunPod's console: {reference}\n" in written.out
    assert f"{reference}@{held(registry, reference)}\n" in written.out
    assert SECRET not in written.out + written.err
