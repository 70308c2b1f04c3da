"""Secrets are found wherever they stand, told by place and name, and never by value."""

import base64
import gzip
import io
import json
import os
import subprocess
import sys
import tarfile

import pytest
from backports import zstd

from builder import secrets as module
from builder.errors import BuildError
from builder.secrets import (
    Secret,
    hidden,
    in_config,
    in_history,
    in_layers,
    in_log,
    in_text,
    known,
)

VALUE = "s3cret-of-ours"
OURS = Secret("HF_TOKEN", VALUE.encode())
STRANGE = "hf_" + "A1b2C3d4" * 4


def told(findings):
    return [str(finding) for finding in findings]


# What is known


@pytest.fixture(autouse=True)
def login(monkeypatch, tmp_path):
    """Where huggingface_hub keeps its login: a file of this test's, which is not there yet."""
    path = tmp_path / "login"
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(path))
    return path


def test_every_secret_of_the_environment_is_known_by_its_name():
    environ = {
        "HF_TOKEN": "token-of-hf",
        "HUGGING_FACE_HUB_TOKEN": "older-name",
        "RUNPOD_API_KEY": "key-of-runpod",
        "DOCKER_PASSWORD": "pass word",
    }
    found = {secret.name: secret.text for secret in known(environ)}
    assert found == environ


def test_a_login_is_known_and_named_as_a_person_knows_it(login):
    """By its variable where that says where it is, else by its path."""
    login.write_text(f"{VALUE}\n")
    assert known({"HF_TOKEN_PATH": str(login)}) == [Secret("HF_TOKEN_PATH", VALUE.encode())]
    assert known({}) == [Secret(str(login), VALUE.encode())]


@pytest.mark.parametrize(
    ("variable", "below"),
    [("XDG_CACHE_HOME", "huggingface/token"), ("HF_HOME", "token"), ("HF_TOKEN_PATH", "")],
)
def test_the_login_is_where_huggingface_hub_keeps_it(variable, below, tmp_path):
    """Whichever of its variables says where."""
    path = tmp_path / "cache" / below
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(VALUE)
    code = "import os; from builder.secrets import known; print(known(os.environ)[0].text)"
    environ = {"PATH": os.environ["PATH"], variable: str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{VALUE}\n"


def test_a_login_that_cannot_be_read_is_an_error_only_where_it_is_named(login):
    """A secret that is silently not searched for would count as absent."""
    assert known({}) == []
    with pytest.raises(BuildError, match="HF_TOKEN_PATH"):
        known({"HF_TOKEN_PATH": str(login)})


def test_what_is_short_is_not_searched_for():
    """Seven letters stand in any image by chance."""
    assert known({"HF_TOKEN": "1234567", "DOCKER_PASSWORD": ""}) == []
    assert known({"HF_TOKEN": " 12345678\n"}) == [Secret("HF_TOKEN", b"12345678")]


def test_a_registry_login_is_known_as_docker_writes_it():
    found = known({"DOCKER_USERNAME": "ann", "DOCKER_PASSWORD": VALUE})
    assert base64.b64encode(f"ann:{VALUE}".encode()) in [secret.value for secret in found]


def test_a_secret_does_not_show_its_value():
    assert VALUE not in repr(OURS)


# Texts


@pytest.mark.parametrize(
    "token",
    [
        STRANGE,
        "rpa_" + "X" * 40,
        "dckr_pat_" + "a-b_" * 6,
        "ghp_" + "z" * 36,
        "github_pat_" + "1" * 60,
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----",
    ],
)
def test_what_looks_like_a_token_is_found_whosever_it_is(token):
    [finding] = in_text(f"x={token};", "here", [])
    assert finding.where == "here"
    assert token not in str(finding)
    assert hidden(f"x={token};", []) == "x=—;"


@pytest.mark.parametrize(
    "text", ["hf_transfer", "hf_hub_download_with_a_long_name_indeed", "rpa_1", "PUBLIC KEY-----"]
)
def test_a_name_that_begins_like_a_token_is_none(text):
    assert in_text(text, "here", []) == []


def test_a_known_secret_is_told_by_its_name_alone():
    [finding] = in_text(f"a {VALUE} b", "here", [OURS])
    assert str(finding) == "the value of HF_TOKEN in here"
    assert hidden(f"a {VALUE} b", [OURS]) == "a — b"


@pytest.mark.parametrize("order", [1, -1])
def test_nothing_is_left_of_a_secret_that_begins_with_another(order):
    """Whichever of them is known first."""
    longer = Secret("RUNPOD_API_KEY", f"{VALUE}-and-more".encode())
    assert hidden(f"a {VALUE}-and-more b", [OURS, longer][::order]) == "a — b"


def test_a_log_tells_the_line():
    found = in_log(f"one\ntwo {VALUE}\n{STRANGE}", [OURS])
    assert told(found) == [
        "the value of HF_TOKEN in line 2 of the worker's log",
        "a Hugging Face token in line 3 of the worker's log",
    ]


def test_the_history_tells_the_entry_from_the_oldest():
    entries = [  # the latest first, as the engine has them
        {"CreatedBy": "CMD []", "Comment": None},
        {"CreatedBy": f"RUN |1 T={VALUE} make", "Comment": "buildkit"},
        {"CreatedBy": "FROM scratch", "Comment": f"of {STRANGE}"},
    ]
    assert told(in_history(entries, [OURS])) == [
        "a Hugging Face token in entry 1 of the history",
        "the value of HF_TOKEN in entry 2 of the history",
    ]


# Settings


@pytest.mark.parametrize(
    ("config", "place"),
    [
        ({"Env": ["A=1", f"B=x{VALUE}"]}, "the environment variable B"),
        ({"Labels": {"a.b": VALUE}}, "the label a.b"),
        ({"Cmd": ["run", f"--key={VALUE}"]}, "the settings.Config.Cmd[1]"),
        ({"Healthcheck": {"Test": ["CMD", VALUE]}}, "the settings.Config.Healthcheck.Test[1]"),
    ],
)
def test_settings_tell_the_place(config, place):
    found = in_config({"Config": config}, [OURS])
    assert told(found) == [f"the value of HF_TOKEN in {place}"]


def test_a_variable_of_a_secrets_name_must_be_empty():
    """A secret that is baked in need not be one that is known here."""
    env = ["HF_TOKEN=x", "RUNPOD_API_KEY=", "GPG_KEY=1", "TOKENIZERS_PARALLELISM=true", "X_KEY=1"]
    found = in_config({"Config": {"Env": env}}, [])
    assert [finding.where for finding in found] == [
        "the environment variable HF_TOKEN",
        "the environment variable X_KEY",
    ]


def test_a_place_is_told_once():
    """Engines keep the settings twice, and a variable's name may tell what its value does."""
    config = {"Env": [f"HF_TOKEN={VALUE}"]}
    found = in_config({"Config": config, "ContainerConfig": config}, [OURS])
    assert told(found) == ["the value of HF_TOKEN in the environment variable HF_TOKEN"]


def test_empty_settings_hold_nothing():
    assert in_config({"Config": None, "ContainerConfig": {"Env": None, "Labels": None}}, []) == []


# Layers


def archive(files):
    """A tar archive of these files."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return out.getvalue()


def saved(*layers, history=None, **others):
    """What `docker save` writes of an image of these layers, the lowest first."""
    names = [f"blobs/{number}" for number in range(len(layers))]
    made = history or [{"created_by": f"COPY {number} /"} for number in range(len(layers))]
    manifest = [{"Config": "config.json", "Layers": names}]
    return archive(
        dict(zip(names, layers, strict=True))
        | {"config.json": json.dumps({"history": made}).encode()}
        | {name: data.encode() for name, data in others.items()}
        | {"manifest.json": json.dumps(manifest).encode()}
    )


def search(data, size=1000, secrets=(OURS,)):
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    return in_layers(pieces, secrets, lambda _count: None)


PLAIN = archive({"a.txt": b"nothing", "b/c.txt": b"more nothing"})
BAD = archive(
    {"a.txt": b"nothing", "b/c.txt": b"x" * 5000 + VALUE.encode() + b"y", "d.txt": b"nothing"}
)


@pytest.mark.parametrize(
    "pack", [bytes, gzip.compress, zstd.compress], ids=["plain", "gzip", "zstd"]
)
def test_a_layer_tells_its_number_its_step_and_the_file(pack):
    found = search(saved(pack(PLAIN), pack(BAD), pack(PLAIN)))
    place = "layer 2 of 3 (COPY 1 /), file b/c.txt"
    assert told(found.findings) == [f"the value of HF_TOKEN in {place}"]
    assert found.searched == 3
    assert not found.closed
    assert not found.packed


@pytest.mark.parametrize("pack", [gzip.compress, zstd.compress], ids=["gzip", "zstd"])
def test_a_layer_in_several_pieces_is_read_to_its_end(pack):
    """As lazily pulled layers are packed."""
    packed = pack(BAD[:2000]) + pack(BAD[2000:])
    assert len(search(saved(packed)).findings) == 1


@pytest.mark.parametrize("block", [16, 17, 64, 1 << 20])
def test_a_secret_is_found_across_the_borders_of_what_is_read(monkeypatch, block):
    """Wherever it begins."""
    monkeypatch.setattr(module, "BLOCK", block)
    for shift in range(40):
        layer = archive({"f": b"x" * shift + VALUE.encode() + b"x" * 50})
        assert len(search(saved(layer), size=13).findings) == 1


def test_a_file_is_told_once_and_every_file_is_told():
    layer = archive({"a": VALUE.encode() * 3, "b": VALUE.encode(), "c": b"nothing"})
    where = [finding.where for finding in search(saved(layer)).findings]
    assert [place.rpartition(" ")[2] for place in where] == ["a", "b"]


def test_a_name_of_a_file_is_searched_and_not_told():
    found = search(saved(archive({f"etc/{VALUE}": b""}), PLAIN))
    assert told(found.findings) == ["the value of HF_TOKEN in layer 1 of 2 (COPY 0 /), file etc/—"]


def test_a_step_is_told_without_a_secret():
    history = [{"created_by": f"RUN T={VALUE} make"}, {"created_by": "ENV", "empty_layer": True}]
    found = told(search(saved(BAD, history=history)).findings)
    assert "the value of HF_TOKEN in layer 1 of 1 (RUN T=— make), file b/c.txt" in found
    assert not [text for text in found if VALUE in text]


def test_a_history_that_does_not_fit_the_layers_names_no_steps():
    found = search(saved(BAD, PLAIN, history=[{"created_by": "one"}]))
    assert told(found.findings) == ["the value of HF_TOKEN in layer 1 of 2, file b/c.txt"]


def test_what_describes_the_image_is_searched():
    found = search(saved(PLAIN, index=json.dumps({"env": VALUE}), odd="{" + VALUE))
    assert told(found.findings) == [
        "the value of HF_TOKEN in the image's description (index)",
        "the value of HF_TOKEN in the image's description (odd)",
    ]


@pytest.mark.parametrize(
    "layer",
    [b"no archive: " + VALUE.encode(), BAD[:6600], PLAIN + VALUE.encode()],
    ids=["none", "cut", "behind"],
)
def test_a_layer_that_is_no_whole_archive_is_searched_all_the_same(layer, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 8)
    [finding] = search(saved(layer)).findings
    assert finding.where.startswith("layer 1 of 1")


@pytest.mark.parametrize(
    ("layer", "why"),
    [
        (b"\x28\xb5\x2f\xfd rest", "cannot be unpacked"),
        (zstd.compress(BAD)[:60], "cannot be unpacked"),
        (gzip.compress(BAD)[:60], "cannot be unpacked"),
    ],
)
def test_a_layer_that_cannot_be_read_is_told(layer, why):
    found = search(saved(layer, PLAIN))
    [closed] = found.closed
    assert closed.startswith("layer 1 of 2")
    assert why in closed
    assert found.searched == 1


def test_without_zstd_its_layers_are_told_apart(monkeypatch):
    """They are no fault of the image's; the others are searched."""
    monkeypatch.setattr(module.importlib, "import_module", no_module)
    found = search(saved(zstd.compress(PLAIN), gzip.compress(BAD)))
    [packed] = found.packed
    assert packed.startswith("layer 1 of 2 (COPY 0 /): not searched")
    assert not found.closed
    assert len(found.findings) == found.searched == 1


def no_module(name):
    raise ImportError(name)


def test_every_secret_is_searched_for():
    other = Secret("RUNPOD_API_KEY", b"another-one")
    layer = archive({"f": b"another-one " + VALUE.encode()})
    found = search(saved(layer), secrets=(OURS, other)).findings
    assert {finding.what for finding in found} == {
        "the value of HF_TOKEN",
        "the value of RUNPOD_API_KEY",
    }


def test_all_bytes_are_told_as_they_are_read():
    data, moved = saved(PLAIN, BAD), []
    in_layers([data[:700], data[700:]], [OURS], moved.append)
    assert sum(moved) == len(data)


def test_a_copy_that_names_no_layers_is_an_error():
    """An engine's answer that ends before its time must not count as clean."""
    with pytest.raises(BuildError, match="no layers"):
        search(archive({"blobs/0": BAD}))


def test_a_layer_that_the_copy_lacks_is_told_and_one_that_is_linked_is_there():
    """Engines write layers that are the same but once."""
    found = search(linked("blobs/0"))
    assert not found.closed
    assert found.searched == 2
    [closed] = search(linked("blobs/9")).closed
    assert closed == "layer 2 of 2: the engine's copy lacks it"


def linked(name):
    """A saved image whose second layer is a link under this name."""
    out = io.BytesIO()
    layers = ["blobs/1", "blobs/0"]
    manifest = json.dumps([{"Config": "c", "Layers": layers}]).encode()
    with tarfile.open(fileobj=out, mode="w") as tar:
        link = tarfile.TarInfo(name)
        link.type, link.linkname = tarfile.SYMTYPE, "1"
        tar.addfile(link)
        for entry, data in (("blobs/1", PLAIN), ("manifest.json", manifest)):
            member = tarfile.TarInfo(entry)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return out.getvalue()


def test_a_copy_that_breaks_off_is_an_error():
    with pytest.raises(BuildError, match="broke off"):
        search(saved(BAD)[:3000])
