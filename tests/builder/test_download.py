"""Downloads, by the real huggingface_hub from a hub on this machine."""

import hashlib
import json
import os
import pty
import re
import resource
import shutil
import signal
import subprocess
import sys
import termios
import threading
import time
from collections import Counter
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from huggingface_hub import constants

from builder import download as module
from builder.download import Listed, Pinned, download, look_up, main, wanted
from builder.errors import BuildError
from builder.mini import Mini, build
from tests.builder.hub import Hub
from worker.engine.model_files import Identity, identify

ROOT = Path(__file__).resolve().parents[2]
MODEL = "owner/model-7B"
TOKEN = "hf_kept_secret"
WEIGHTS = "model.safetensors"
CARD = "---\nlicense: other\nlicense_name: model-licence-1.2\n---\n# A model\n"
# What a folder of the hub holds beside what vLLM reads.
PLANTED = (
    ".gitattributes",
    "flax_model.msgpack",
    "image/figure.png",
    "model.gguf",
    "onnx/config.json",
    "onnx/model.onnx",
    "original/consolidated.00.pth",
    "original/tokenizer.model",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
    "pytorch_model.pt",
    "rust_model.ot",
    "tf_model.h5",
    "trainer_state.json",
    "training_args.bin",
)
NEEDED = {
    "LICENSE",
    "NOTICE.txt",
    "README.md",
    "chat_template.jinja",
    "config.json",
    "configuration_exaone.py",
    "generation_config.json",
    WEIGHTS,
    "parts/modeling.py",
    "tokenizer.json",
    "tokenizer_config.json",
}


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> Path:
    """A whole model as a hub has it; read it, do not change it."""
    folder = tmp_path_factory.mktemp("published") / "model"
    build(folder, Mini())
    for name in (*PLANTED, "LICENSE", "NOTICE.txt", "chat_template.jinja", "parts/modeling.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(f"{name} of the model")
    (folder / "README.md").write_text(CARD)
    return folder


@pytest.fixture
def small(tmp_path) -> Path:
    """A model of a few bytes, to change."""
    folder = tmp_path / "small"
    folder.mkdir()
    for name in ("config.json", WEIGHTS, "old.py"):
        (folder / name).write_text(f"{name} 1")
    return folder


@pytest.fixture
def hub(published):
    with Hub({MODEL: published}) as running:
        yield running


@pytest.fixture
def gated(published):
    with Hub({MODEL: published}, TOKEN, outsiders=frozenset({"hf_outsider"})) as running:
        yield running


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    """No setting of this machine, and no waiting between tries."""
    for name in [name for name in os.environ if name.startswith(("HF_", "HUGGING_FACE"))]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(module, "PAUSE", 0)


@pytest.fixture
def use(monkeypatch):
    """`use(hub)`, and `use(hub, token)`: what the environment says."""

    def use(hub, token=None):
        monkeypatch.setenv("HF_ENDPOINT", hub if isinstance(hub, str) else hub.url)
        if token:
            monkeypatch.setenv("HF_TOKEN", token)

    return use


@pytest.fixture
def keep(monkeypatch, tmp_path):
    """`keep(content)`: a file with a token, by the variable that names it, or where a login is."""

    def keep(content, *, by_variable=True):
        path = tmp_path / "kept"
        path.write_bytes(content)
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(path))
        if by_variable:
            monkeypatch.setenv("HF_TOKEN_PATH", str(path))
        return path

    return keep


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "models" / "it"


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def refusal(*arguments) -> str:
    with pytest.raises(BuildError) as raised:
        download(*arguments)
    assert TOKEN not in str(raised.value)
    assert "\n" not in str(raised.value)
    return str(raised.value)


# ---- What is fetched


def test_only_what_vllm_needs_is_fetched_and_nothing_else_is_left(hub, use, folder, published):
    """No second format, no picture, no training state, no cache; the licence comes along."""
    use(hub)
    download(MODEL, folder)
    got = contents(folder)
    assert got.keys() == NEEDED | {"manifest.json"}
    assert all(got[name] == (published / name).read_bytes() for name in NEEDED)
    assert [path.name for path in folder.rglob(".*")] == []
    assert not any(hub.sent[name] for name in PLANTED)


def test_the_manifest_says_who_the_model_is_and_what_its_files_are(hub, use, folder, published):
    """Model, commit, the card's licence, and each file's digest and size; no time, no place."""
    use(hub)
    download(MODEL, folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    files = {
        name: {
            "sha256": hashlib.sha256((published / name).read_bytes()).hexdigest(),
            "size": (published / name).stat().st_size,
        }
        for name in sorted(NEEDED)
    }
    assert manifest == {
        "model": MODEL,
        "revision": hub.commit(MODEL),
        "licence": "model-licence-1.2",
        "files": files,
    }
    assert list(manifest["files"]) == sorted(NEEDED)


def test_the_worker_knows_the_model_by_its_manifest(hub, use, folder):
    """What the builder writes is what the worker reads."""
    use(hub)
    download(MODEL, folder)
    assert identify(folder) == Identity(MODEL, hub.commit(MODEL))


def test_the_same_commit_makes_the_same_bytes(hub, use, folder, tmp_path):
    """Two folders of one commit cannot be told apart."""
    use(hub)
    download(MODEL, folder)
    download(MODEL, tmp_path / "again")
    assert contents(folder) == contents(tmp_path / "again")


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        ("---\nlicense: apache-2.0\n---\n", "apache-2.0"),
        ("---\nlicense: other\n---\n", "other"),
        ("---\nlanguage: ko\n---\n", None),
        ("No card data", None),
    ],
)
def test_the_licence_is_the_cards(use, small, folder, card, licence):
    """The hub's word on the licence is recorded where it gives one."""
    (small / "README.md").write_text(card)
    with Hub({MODEL: small}) as hub:
        use(hub)
        download(MODEL, folder)
    assert json.loads((folder / "manifest.json").read_text()).get("licence") == licence


def test_bin_weights_are_taken_where_there_are_no_others(use, small, folder):
    """A model without safetensors comes with its .bin files and their index, no training state."""
    (small / WEIGHTS).unlink()
    for name in ("pytorch_model-1.bin", "pytorch_model.bin.index.json", "optimizer.bin", "m.pth"):
        (small / name).write_text(name)
    with Hub({MODEL: small}) as hub:
        use(hub)
        download(MODEL, folder)
    assert contents(folder).keys() == {
        "config.json",
        "manifest.json",
        "old.py",
        "pytorch_model-1.bin",
        "pytorch_model.bin.index.json",
    }


def test_a_model_without_weights_for_vllm_is_refused(use, small, folder):
    """Of a repository of GGUF files nothing is fetched: vLLM would not load it."""
    (small / WEIGHTS).rename(small / "model.gguf")
    with Hub({MODEL: small}) as hub:
        use(hub)
        assert ".safetensors" in refusal(MODEL, folder)
    assert not folder.exists()


@pytest.mark.parametrize(
    ("listed", "taken"),
    [
        ("a.safetensors b.safetensors model.safetensors.index.json", ...),
        ("model.safetensors consolidated.safetensors", "model.safetensors"),
        ("consolidated.safetensors params.json tekken.json", ...),
        ("model.safetensors fp16/model.safetensors", "model.safetensors"),
        ("model.safetensors LICENSE license.md LICENCE USE_POLICY.md NOTICE", ...),
        ("model.safetensors vocab.json merges.txt spiece.model qwen.tiktoken", ...),
        ("model.safetensors code/deep/a.py additional_chat_templates/tool.jinja", ...),
        ("model.safetensors ../a.py /a.py a/../../b.py .hidden/a.py a\\b.py", "model.safetensors"),
        ("model.safetensors manifest.json mini.json", "model.safetensors"),
        ("model.safetensors original/model.py ONNX/run.py", "model.safetensors"),
    ],
)
def test_files_are_chosen_by_what_they_are(listed, taken):
    """Weights once, everything of a tokenizer, own code, licences; no path out of the folder."""
    files = [Listed(path, 1, None, path) for path in listed.split()]
    chosen = {file.path for file in wanted(files)}
    assert chosen == set((listed if taken is ... else taken).split())


# ---- At which commit


@pytest.mark.parametrize("reference", ["main", "v1.0", "refs/pr/1"])
def test_a_name_is_resolved_first_and_all_is_fetched_at_its_commit(
    use, small, folder, capsys, reference
):
    """After the first question, every request names the commit, which is printed and recorded."""
    with Hub({MODEL: small}) as hub:
        commit = hub.publish(MODEL, small, reference)
        use(hub)
        download(MODEL, folder, reference)
    first, *others = hub.asked_of("hub")
    assert "/revision/" in first.path
    assert all(f"/{commit}" in asked.path for asked in others)
    assert f"{MODEL} at {reference} is commit {commit}.\n" in capsys.readouterr().out
    assert json.loads((folder / "manifest.json").read_text())["revision"] == commit


def test_a_commit_is_fetched_after_main_has_moved_on(use, small, folder):
    """A pinned build gets today what it got then."""
    with Hub({MODEL: small}) as hub:
        commit = hub.commit(MODEL)
        (small / WEIGHTS).write_text("other weights")
        hub.publish(MODEL, small)
        use(hub)
        assert download(MODEL, folder, commit).revision == commit
    assert (folder / WEIGHTS).read_text() == f"{WEIGHTS} 1"


def test_a_revision_can_be_looked_up_without_a_download(hub, use):
    """A build pins the commit, and labels the image with the licence, before it begins."""
    use(hub)
    assert look_up(MODEL) == Pinned(hub.commit(MODEL), "model-licence-1.2")
    assert not hub.sent


def test_a_look_up_fails_as_a_download_does(hub, use):
    """With one sentence."""
    use(hub)
    with pytest.raises(BuildError, match="no branch, tag or commit 'v9'"):
        look_up(MODEL, "v9")
    with pytest.raises(BuildError, match="is not a Hugging Face id"):
        look_up("model")


@pytest.mark.parametrize(
    ("token", "said"), [(None, "is gated: accept the terms"), ("hf_outsider", "has not accepted")]
)
def test_a_look_up_finds_that_a_model_is_gated(gated, use, token, said):
    """What a model is may be anyone's to know; a build learns first whether it may be read."""
    use(gated, token)
    with pytest.raises(BuildError, match=said):
        look_up(MODEL)
    use(gated, TOKEN)
    assert look_up(MODEL).commit == gated.commit(MODEL)
    assert not gated.sent


def test_a_look_up_finds_that_there_is_nothing_for_vllm(use, small):
    """A build need not begin, either."""
    (small / WEIGHTS).rename(small / "model.gguf")
    with Hub({MODEL: small}) as hub:
        use(hub)
        with pytest.raises(BuildError, match=r"\.safetensors"):
            look_up(MODEL)


# ---- Checked


@pytest.mark.parametrize("name", [WEIGHTS, "config.json"])
def test_damage_on_the_way_is_an_error_that_names_the_file(hub, use, folder, name):
    """Large files are held against the hub's SHA-256, small ones against their id in git."""
    use(hub)
    hub.corrupt(name)
    assert refusal(MODEL, folder).startswith(f"{name} did not arrive as the hub describes it")
    assert not (folder / name).exists()
    assert not (folder / "manifest.json").exists()
    before = Counter(hub.sent)
    download(MODEL, folder)
    assert set(hub.sent - before) == {name}
    assert contents(folder).keys() == NEEDED | {"manifest.json"}


@pytest.mark.parametrize("name", [WEIGHTS, "config.json"])
@pytest.mark.parametrize("times", [1, 2])
def test_a_file_of_another_size_is_an_error_that_names_it(hub, use, folder, name, times):
    """Fewer bytes than the hub lists are no whole file, however politely they end."""
    use(hub)
    hub.shorten(name, 100, times)
    assert refusal(MODEL, folder).startswith(f"{name} did not arrive as the hub describes it")
    hub.faults.clear()
    download(MODEL, folder)
    assert bodies(hub, name)[-1].range is None  # nothing is kept of what cannot be right
    assert contents(folder).keys() == NEEDED | {"manifest.json"}


def test_a_file_that_ends_before_the_place_to_go_on_from_is_an_error(hub, use, folder):
    """The hub has no more of it: it is not asked on and on, and the next run begins anew."""
    use(hub)
    hub.drop(WEIGHTS, 100)
    hub.shorten(WEIGHTS, 100)
    assert refusal(MODEL, folder).startswith(f"{WEIGHTS} did not arrive as the hub describes it")
    download(MODEL, folder)
    assert [asked.range for asked in bodies(hub, WEIGHTS)] == [None, "bytes=100-", None]


def test_a_half_file_that_is_too_long_is_begun_anew(hub, use, folder):
    """It cannot be the beginning of what is wanted."""
    use(hub)
    hub.drop(WEIGHTS, 100, *[0] * module.TRIES)
    refusal(MODEL, folder)
    (part,) = folder.rglob("*.part")
    with part.open("ab") as file:
        file.truncate(10_000_000)
    download(MODEL, folder)
    assert bodies(hub, WEIGHTS)[-1].range is None


def test_a_finished_folder_is_checked_and_left(hub, use, folder, capsys):
    """A second download asks for the commit alone, and changes nothing."""
    use(hub)
    download(MODEL, folder)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    hub.asked.clear()
    download(MODEL, folder)
    assert len(hub.asked) == 1
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    assert "is there already" in capsys.readouterr().out


def test_a_finished_folder_at_a_named_commit_needs_no_hub(hub, use, folder):
    """A commit cannot change, so that what is there can be checked offline."""
    use(hub)
    manifest = download(MODEL, folder)
    use("http://127.0.0.1:9")
    assert download(MODEL, folder, manifest.revision) == manifest


@pytest.mark.parametrize("by_commit", [False, True])
@pytest.mark.parametrize("name", [WEIGHTS, "config.json"])
def test_a_damaged_file_is_fetched_again_alone(hub, use, folder, name, by_commit):
    """One bit that turned on the disk is found and mended."""
    use(hub)
    download(MODEL, folder)
    good = contents(folder)
    (folder / name).write_bytes(good[name][:-1] + bytes([good[name][-1] ^ 1]))
    hub.sent.clear()
    download(MODEL, folder, hub.commit(MODEL) if by_commit else "main")
    assert hub.sent == {name: len(good[name])}
    assert contents(folder) == good


def test_a_missing_file_is_fetched_again_alone(hub, use, folder):
    """A file that somebody removed comes back."""
    use(hub)
    download(MODEL, folder)
    good = contents(folder)
    (folder / "LICENSE").unlink()
    hub.sent.clear()
    download(MODEL, folder)
    assert hub.sent == {"LICENSE": len(good["LICENSE"])}
    assert contents(folder) == good


# ---- Interrupted


@pytest.mark.parametrize("name", [WEIGHTS, "tokenizer.json"])
def test_a_dropped_connection_goes_on_within_the_run(hub, use, folder, name, published):
    """Three drops later every byte was sent once, and the file is right."""
    use(hub)
    hub.drop(name, 100_000, 100_000, 100_000)
    download(MODEL, folder)
    ranges = [asked.range for asked in bodies(hub, name)]
    assert ranges == [None, "bytes=100000-", "bytes=200000-", "bytes=300000-"]
    assert hub.sent[name] == (published / name).stat().st_size
    assert (folder / name).read_bytes() == (published / name).read_bytes()


def test_a_line_that_stays_dead_is_an_error_and_the_next_run_goes_on(hub, use, folder, published):
    """What came is kept: over both runs every byte was sent once."""
    use(hub)
    hub.drop(WEIGHTS, 1_000_000, *[0] * module.TRIES)
    assert "the same command goes on from there" in refusal(MODEL, folder)
    assert len(bodies(hub, WEIGHTS)) == 1 + module.TRIES
    download(MODEL, folder)
    assert bodies(hub, WEIGHTS)[-1].range == "bytes=1000000-"
    assert hub.sent[WEIGHTS] == (published / WEIGHTS).stat().st_size


@pytest.mark.parametrize("command", ["builder", "builder.download"])
@pytest.mark.parametrize(("how", "code"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)])
def test_a_download_that_was_stopped_goes_on(hub, use, folder, published, how, code, command):
    """Killed or interrupted in the middle of a file: the next run sends the rest and no more.

    It ends before the line that stalls would have: Ctrl-C is told, with what to do, once.
    """
    use(hub)
    hub.stall(WEIGHTS, 1_000_000)
    with start(MODEL, folder, command=command) as process:
        assert hub.stalled.wait(60)
        until(lambda: stands_alone(folder, 1_000_000))
        process.send_signal(how)
        _, said = process.communicate(timeout=module.TIMEOUT / 2)
    assert process.returncode == code
    if how == signal.SIGINT:
        assert said.endswith(f"builder: {module.AGAIN}\nbuilder: interrupted\n")
        assert said.count("builder: ") == 2
        assert "Traceback" not in said
    download(MODEL, folder)
    assert bodies(hub, WEIGHTS)[-1].range == "bytes=1000000-"
    assert hub.sent == {name: (published / name).stat().st_size for name in NEEDED}
    assert contents(folder).keys() == NEEDED | {"manifest.json"}


def stands_alone(folder: Path, size: int) -> bool:
    """Whether all but the weights is there, and of them so many bytes.

    Until then, what is half fetched may go as it is looked at.
    """
    files = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    there = {path.as_posix() for path in files if path.parts[0] != module.WORK}
    if there != NEEDED - {WEIGHTS}:
        return False
    return [path.stat().st_size for path in folder.rglob("*.part")] == [size]


@pytest.mark.parametrize("goes_on", [False, True])
def test_a_failure_ends_what_is_on_its_way(hub, use, folder, monkeypatch, goes_on):
    """A dead line is not waited for; it is not tried again, and grows no more if it comes to life.

    Whoever gets the error may start anew at once, and nobody else writes.
    """
    use(hub)
    monkeypatch.setattr(module, "GRACE", 0)
    monkeypatch.setattr(module, "_fetch_one", partial(failing, module._fetch_one))
    hub.stall(WEIGHTS, 1_000_000)
    assert refusal(MODEL, folder) == "No."
    hub.release(goes_on=goes_on)
    for thread in [thread for thread in threading.enumerate() if thread.name == "fetching"]:
        thread.join(60)
    assert 1_000_000 in half_sizes(folder)
    assert len(bodies(hub, WEIGHTS)) == 1


def half_sizes(folder):
    """The bytes of every half file; one may be finished, and gone, while this looks at it."""
    sizes = []
    for path in folder.rglob("*.part"):
        with suppress(FileNotFoundError):
            sizes.append(path.stat().st_size)
    return sizes


def failing(fetch_one, folder, hub, commit, file, came):
    """Fetch a file, all but one, which fails while the weights' line is dead."""
    if file.path == "tokenizer.json":
        until(lambda: 1_000_000 in half_sizes(folder))
        raise BuildError("No.")
    fetch_one(folder, hub, commit, file, came)


def test_files_of_the_same_bytes_do_not_meet(use, small, folder):
    """Each grows by itself, whichever comes first."""
    names = [f"{name}.py" for name in "abcdefgh"]
    for name in names:
        (small / name).write_bytes(b"same" * 100_000)
    with Hub({MODEL: small}) as hub:
        use(hub)
        for name in names:
            hub.drop(name, 100_000)
        download(MODEL, folder)
        assert hub.sent["a.py"] == hub.sent["h.py"] == 400_000
    assert contents(folder).keys() >= set(names)


def test_what_a_stopped_download_left_and_nobody_needs_goes_first(hub, use, folder):
    """Half a file that is of another commit, say, takes room that is counted."""
    use(hub)
    hub.drop(WEIGHTS, 1_000_000, *[0] * module.TRIES)
    refusal(MODEL, folder)
    (folder / module.WORK / "old").mkdir()
    for name in ("of-another-commit.part", "old/xet.incomplete"):
        (folder / module.WORK / name).write_bytes(b"x")
    hub.drop(WEIGHTS, *[0] * (module.TRIES + 1))
    refusal(MODEL, folder)
    assert 1_000_000 in [part.stat().st_size for part in folder.rglob("*.part")]
    left = {path.name for path in (folder / module.WORK).iterdir()}
    assert not left & {"of-another-commit.part", "old"}


def test_a_disk_that_fills_up_is_an_error(hub, use, folder):
    """What the system says is said once, and is not tried again as a dropped connection is."""
    use(hub)
    limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
    with start(MODEL, folder, preexec_fn=limit) as process:
        _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert said.endswith(f"builder: {folder} cannot be written: File too large.\n")
    assert len(bodies(hub, WEIGHTS)) == 1


def test_a_storage_that_knows_no_ranges_sends_all_of_it_again(
    hub, use, folder, published, monkeypatch, capsys
):
    """Bytes that were not asked for are not taken for those that were; progress has them once."""
    use(hub)
    monkeypatch.setattr(module, "PERIOD", 0)
    hub.ignores_range = True
    hub.drop(WEIGHTS, 1_000_000)
    download(MODEL, folder)
    assert hub.sent[WEIGHTS] == 1_000_000 + (published / WEIGHTS).stat().st_size
    assert (folder / WEIGHTS).read_bytes() == (published / WEIGHTS).read_bytes()
    told = [line for line in capsys.readouterr().err.splitlines() if "(100 %)" in line]
    assert len([line for line in told if line.startswith("fetching")]) == 2  # last byte, and end


def test_a_busy_hub_is_asked_again(hub, use, folder):
    """Neither a busy hub nor a storage whose signed address ran out ends a download."""
    use(hub)
    hub.busy = 2
    hub.refuse(WEIGHTS, 403)
    hub.refuse("config.json", 503)
    download(MODEL, folder)
    assert contents(folder).keys() == NEEDED | {"manifest.json"}


def test_a_hub_that_stays_busy_is_an_error(hub, use, folder):
    """It is named, with what it answered."""
    use(hub)
    hub.busy = 1000
    assert refusal(MODEL, folder) == (
        f"{hub.url} (HF_ENDPOINT) answered 503 when asked for {MODEL}."
    )


def test_a_broken_off_download_goes_over_to_where_main_is_now(use, small, folder):
    """What both commits have stays, what only the older one had goes."""
    (small / "z.py").write_text("z")
    with Hub({MODEL: small}) as hub:
        use(hub)
        hub.corrupt("z.py")
        refusal(MODEL, folder)
        (small / "old.py").rename(small / "new.py")
        commit = hub.publish(MODEL, small)
        hub.sent.clear()
        download(MODEL, folder)
    assert contents(folder).keys() == {"config.json", "manifest.json", "new.py", WEIGHTS, "z.py"}
    assert json.loads((folder / "manifest.json").read_text())["revision"] == commit
    assert set(hub.sent) == {"new.py", "z.py"}


# ---- Folders of others


def test_a_folder_with_somebodys_file_is_refused(hub, use, folder):
    """It is named, the hub is not asked, and nothing is changed."""
    (folder / "mine").mkdir(parents=True)
    (folder / "mine/notes.txt").write_text("mine")
    use(hub)
    assert "'mine/notes.txt'" in refusal(MODEL, folder)
    assert contents(folder) == {"mine/notes.txt": b"mine"}
    assert hub.asked == []


def test_a_file_that_joined_a_finished_model_is_refused(hub, use, folder):
    """The manifest speaks for all of a folder, or for none of it."""
    use(hub)
    download(MODEL, folder)
    (folder / "extra.py").write_text("extra")
    before = contents(folder)
    assert "'extra.py'" in refusal(MODEL, folder)
    assert contents(folder) == before


def test_a_folder_with_another_model_is_refused(use, small, folder):
    """Finished or begun, it is named and left."""
    with Hub({MODEL: small, "other/model": small}) as hub:
        use(hub)
        download(MODEL, folder)
        before = contents(folder)
        assert f"holds {MODEL};" in refusal("other/model", folder)
        assert contents(folder) == before


def test_a_folder_with_another_model_begun_is_refused(use, small, folder):
    """A broken-off download of another model is left for its own command."""
    with Hub({MODEL: small, "other/model": small}) as hub:
        use(hub)
        hub.corrupt(WEIGHTS)
        refusal(MODEL, folder)
        before = contents(folder)
        assert f"holds {MODEL};" in refusal("other/model", folder)
        assert contents(folder) == before


def test_a_folder_with_another_commit_is_refused(use, small, folder):
    """A finished folder is never made another one; both commits are named."""
    with Hub({MODEL: small}) as hub:
        use(hub)
        first = download(MODEL, folder).revision
        (small / "config.json").write_text("new")
        second = hub.publish(MODEL, small)
        before = contents(folder)
        assert f"at commit {first}, not {second};" in refusal(MODEL, folder)
        assert f"at commit {first}, not {second};" in refusal(MODEL, folder, second)
        assert contents(folder) == before


def test_a_file_is_no_folder(hub, use, folder):
    """A file of that name is left."""
    folder.parent.mkdir()
    folder.write_text("mine")
    use(hub)
    assert refusal(MODEL, folder) == f"{folder} is a file; name a folder."
    assert folder.read_text() == "mine"


def test_a_folder_that_cannot_be_written_is_an_error(hub, use, folder):
    """The system's own words, and no traceback."""
    folder.parent.mkdir()
    folder.write_text("mine")
    use(hub)
    assert refusal(MODEL, folder / "in") == f"{folder / 'in'} cannot be written: Not a directory."


def test_a_disk_that_is_too_small_is_told_before_the_first_byte(hub, use, folder, monkeypatch):
    """Both sizes are named, and nothing is written."""
    use(hub)
    usage = shutil.disk_usage("/")._replace(free=1_230_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert "needs 0.01 GB more" in (said := refusal(MODEL, folder))
    assert "0.00 GB free" in said
    assert not hub.sent
    assert not folder.exists()


def test_what_is_there_needs_no_room(hub, use, folder, monkeypatch, published):
    """The rest of a broken-off download fits where all of it would not."""
    use(hub)
    hub.drop(WEIGHTS, 6_000_000, *[0] * module.TRIES)
    refusal(MODEL, folder)
    there = sum(len(data) for name, data in contents(folder).items() if name in NEEDED)
    there += sum(path.stat().st_size for path in folder.rglob("*.part"))
    rest = sum((published / name).stat().st_size for name in NEEDED) - there
    usage = shutil.disk_usage("/")._replace(free=rest - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert "free" in refusal(MODEL, folder)
    usage = usage._replace(free=rest)
    download(MODEL, folder)


@pytest.mark.parametrize("there", [False, True])
def test_copies_that_come_later_need_room_now(
    hub, use, folder, monkeypatch, published, there, capsys
):
    """`--copies 2`: a layer made of the folder would find the disk full, hours later."""
    use(hub)
    size = sum((published / name).stat().st_size for name in NEEDED)
    needed = size if there else 2 * size
    if there:
        download(MODEL, folder)
        hub.sent.clear()
    usage = shutil.disk_usage("/")._replace(free=needed - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert main([MODEL, str(folder), "--copies", "2"]) == 1
    said = capsys.readouterr().err
    assert f"needs {needed / 1e9:.2f} GB more for 2 copies of {MODEL}, {size / 1e9:.2f} GB" in said
    assert f"{(needed - 1) / 1e9:.2f} GB free" in said
    assert not hub.sent
    usage = usage._replace(free=needed)
    assert main([MODEL, str(folder), "--copies", "2"]) == 0


@pytest.mark.parametrize("copies", ["0", "-1", "1.5", "two"])
def test_fewer_copies_than_one_is_a_usage_error(folder, copies, capsys):
    """It is shown."""
    with pytest.raises(SystemExit) as raised:
        main([MODEL, str(folder), "--copies", copies])
    assert raised.value.code == 2
    assert f"'{copies}' is not a number of copies" in capsys.readouterr().err


# ---- Refusals of the hub


def test_a_gated_model_without_a_token_says_what_to_accept_and_where_the_token_goes(
    gated, use, folder
):
    """The page, the variable, and that a build hands it over; nothing is written."""
    use(gated)
    said = refusal(MODEL, folder)
    assert f"https://huggingface.co/{MODEL}" in said
    assert "HF_TOKEN" in said
    assert "build secret" in said
    assert not folder.exists()


def test_a_token_whose_account_has_not_accepted_the_terms_is_told_so(gated, use, folder):
    """A token alone does not open a gated model."""
    use(gated, "hf_outsider")
    said = refusal(MODEL, folder)
    assert "has not accepted its terms" in said
    assert f"https://huggingface.co/{MODEL}" in said
    assert "hf_outsider" not in said


@pytest.mark.parametrize("variable", ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"])
def test_a_token_that_the_hub_refuses_is_told_so(gated, use, folder, monkeypatch, variable):
    """By the variable that it is in; it is not shown."""
    use(gated)
    monkeypatch.setenv(variable, "hf_expired")
    said = refusal(MODEL, folder)
    assert said == (
        f"The hub refused the token in {variable}, as wrong or expired; put a good one there."
    )


@pytest.mark.parametrize(
    ("by_variable", "name"), [(True, "HF_TOKEN_PATH"), (False, "`hf auth login`")]
)
def test_a_refused_token_of_a_file_is_told_by_the_file(gated, use, folder, keep, by_variable, name):
    """Nobody is sent to a variable that is not set."""
    use(gated)
    path = keep(b"hf_expired", by_variable=by_variable)
    assert f"refused the token in {path} ({name})," in refusal(MODEL, folder)


@pytest.mark.parametrize("token", ["hf_two words", "hf_é", "hf_\x07"])
def test_a_token_that_is_none_is_not_sent_and_not_shown(gated, use, folder, token):
    """What no header can carry would come back in a library's error."""
    use(gated, token)
    said = refusal(MODEL, folder)
    assert said == "The token in HF_TOKEN has characters that no token has; copy it again."
    assert gated.asked == []


def test_a_file_that_holds_no_text_is_no_token(gated, use, folder, keep):
    """Nothing of it is shown, not even in the error's cause."""
    use(gated)
    path = keep(b"hf_\xff\xfe")
    with pytest.raises(BuildError) as raised:
        download(MODEL, folder)
    assert str(raised.value).startswith(f"The token in {path} (HF_TOKEN_PATH) has characters")
    assert raised.value.__suppress_context__
    assert gated.asked == []


@pytest.mark.parametrize("token", [None, TOKEN])
def test_a_model_that_is_not_there_is_told_so(gated, use, folder, token):
    """With a token and without, which the hub answers differently."""
    use(gated, token)
    assert f"There is no model owner/absent at {gated.url}" in refusal("owner/absent", folder)


def test_a_revision_that_is_not_there_is_told_so(hub, use, folder):
    """Both names are in the message."""
    use(hub)
    assert refusal(MODEL, folder, "v9") == f"{MODEL} has no branch, tag or commit 'v9'."


def test_a_hub_that_cannot_be_reached_is_named(use, folder):
    """With the variable that chose it, without the password in it."""
    use("http://user:password@127.0.0.1:9")
    said = refusal(MODEL, folder)
    assert said.startswith("http://127.0.0.1:9 (HF_ENDPOINT) cannot be reached: ")
    assert "password" not in said


def test_an_endpoint_that_is_no_address_is_told_so(use, folder):
    """A forgotten `http://` is found by its message."""
    use("hub.local")
    assert "(HF_ENDPOINT) cannot be reached" in refusal(MODEL, folder)


def test_an_empty_endpoint_is_the_public_hub(use):
    """As a build argument that nobody set."""
    use("")
    assert module._Hub(MODEL, "main").endpoint == "https://huggingface.co"


def test_offline_mode_is_named(hub, use, folder, monkeypatch):
    """The image's own variable must not read as a broken network."""
    use(hub)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert refusal(MODEL, folder) == "HF_HUB_OFFLINE forbids a download; unset it."


@pytest.mark.parametrize(
    "model", ["model", "/models/it", "a/b/c", "https://huggingface.co/a/b", ""]
)
def test_what_is_no_id_is_refused(folder, model):
    """Before anybody is asked."""
    assert "is not a Hugging Face id" in refusal(model, folder)


# ---- The token


def test_a_gated_model_is_read_with_the_token_which_only_the_hub_gets(gated, use, folder):
    """The storage has a signed address, and never sees who asks."""
    use(gated, TOKEN)
    download(MODEL, folder)
    assert {asked.authorization for asked in gated.asked_of("hub")} == {f"Bearer {TOKEN}"}
    assert {asked.authorization for asked in gated.asked_of("storage")} == {None}
    assert not any(TOKEN.encode() in data for data in contents(folder).values())


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_the_token_may_lie_in_a_file(gated, use, folder, tmp_path, monkeypatch, ending):
    """As a build secret does; its newline is nobody's concern."""
    use(gated)
    secret = tmp_path / "secret"
    secret.write_text(f"{TOKEN}{ending}")
    monkeypatch.setenv("HF_TOKEN_PATH", str(secret))
    with start(MODEL, folder) as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert TOKEN not in out + err
    assert contents(folder).keys() == NEEDED | {"manifest.json"}


def test_a_secret_that_is_absent_is_no_token(hub, use, folder, tmp_path, monkeypatch):
    """A build without a secret downloads a model that needs none."""
    use(hub)
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "absent"))
    with start(MODEL, folder) as process:
        process.communicate(timeout=60)
    assert process.returncode == 0


@pytest.mark.parametrize("content", [b"", b"\n", b" \r\n"])
@pytest.mark.parametrize("variable", [None, "", " "])
def test_an_empty_secret_is_no_token(gated, use, folder, keep, monkeypatch, content, variable):
    """A CI's secret that nobody set arrives as nothing, in a variable or in a file."""
    use(gated)
    keep(content)
    if variable is not None:
        monkeypatch.setenv("HF_TOKEN", variable)
    assert f"{MODEL} is gated: accept the terms" in refusal(MODEL, folder)
    assert {asked.authorization for asked in gated.asked} == {None}


@pytest.mark.parametrize(
    ("by_variable", "name"), [(True, "HF_TOKEN_PATH"), (False, "`hf auth login`")]
)
def test_a_secret_that_cannot_be_read_is_an_error(
    hub, use, folder, tmp_path, monkeypatch, by_variable, name
):
    """It is named, and whose it is."""
    use(hub)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path))
    if by_variable:
        monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path))
    assert refusal(MODEL, folder) == (
        f"The token in {tmp_path} ({name}) cannot be read: Is a directory; "
        "mend the file, or name another."
    )


# ---- xet


@pytest.mark.parametrize("library", ["there", "absent", "switched off"])
def test_a_hub_that_announces_xet_is_read_by_plain_ranges(hub, use, folder, library, monkeypatch):
    """As the real one does for large files: the same requests, whatever of hf_xet is there."""
    use(hub)
    hub.with_xet = True
    if library == "absent":
        monkeypatch.setitem(sys.modules, "hf_xet", None)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", library == "switched off")
    hub.drop(WEIGHTS, 1_000_000, *[0] * module.TRIES)
    refusal(MODEL, folder)
    download(MODEL, folder)
    ranges = [None, *["bytes=1000000-"] * (module.TRIES + 1)]
    assert [asked.range for asked in bodies(hub, WEIGHTS)] == ranges
    assert not [asked for asked in hub.asked if "xet" in asked.path]
    assert contents(folder).keys() == NEEDED | {"manifest.json"}


def test_a_killed_download_of_xet_goes_on(hub, use, folder, published):
    """What huggingface_hub begins anew, and by a name that it never finds again."""
    use(hub)
    hub.with_xet = True
    hub.stall(WEIGHTS, 1_000_000)
    with start(MODEL, folder) as process:
        assert hub.stalled.wait(60)
        until(lambda: stands_alone(folder, 1_000_000))
        process.kill()
    download(MODEL, folder)
    assert bodies(hub, WEIGHTS)[-1].range == "bytes=1000000-"
    assert hub.sent == {name: (published / name).stat().st_size for name in NEEDED}


# ---- The command


def test_without_a_terminal_progress_comes_in_lines(hub, use, folder, monkeypatch, capsys):
    """`docker build --progress=plain` shows how far it is, without a bar's control characters."""
    use(hub)
    monkeypatch.setattr(module, "PERIOD", 0)
    download(MODEL, folder)
    lines = capsys.readouterr().err.splitlines()
    shape = re.compile(r"(fetching|checking): \d\.\d\d GB of 0\.01 GB \((\d+) %\)")
    told = [shape.fullmatch(line).groups() for line in lines]
    for step in ("fetching", "checking"):
        shares = [int(share) for name, share in told if name == step]
        assert shares == sorted(shares)
        assert shares[-1] == 100
        assert len(set(shares)) > 5


def test_on_a_terminal_progress_is_a_bar(hub, use, folder):
    """A person sees one line that grows."""
    use(hub)
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    with start(MODEL, folder, stderr=theirs) as process:
        process.communicate(timeout=60)
    os.close(theirs)
    seen = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert "fetching: 100%" in seen


def test_the_command_stands_on_four_files_and_huggingface_hub(hub, use, folder, tmp_path):
    """As in the image's weights stage, where nothing else of the builder is copied."""
    use(hub)
    (tmp_path / "builder").mkdir()
    for name in ("__init__", "errors", "manifest", "download"):
        shutil.copy(ROOT / "builder" / f"{name}.py", tmp_path / "builder")
    with start(MODEL, folder, place=tmp_path) as process:
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert out.splitlines() == [
        f"{MODEL} at main is commit {hub.commit(MODEL)}.",
        f"{folder}: {MODEL} at {hub.commit(MODEL)} written, 11 files, 0.01 GB.",
    ]


def test_the_command_loads_nothing_heavy_and_does_without_xet_and_stamina(hub, use, folder):
    """A module that is absent from a base image, or takes seconds to load, is not asked for."""
    use(hub)
    code = """if True:
        import sys
        sys.modules |= dict.fromkeys(["hf_xet", "stamina", "docker"])
        from builder.download import main
        code = main(sys.argv[1:])
        heavy = {"torch", "transformers", "vllm", "runpod", "worker", "numpy"} & set(sys.modules)
        sys.exit(code or len(heavy))
    """
    hub.with_xet = True
    subprocess.run([sys.executable, "-c", code, MODEL, folder], cwd=ROOT, check=True)


def test_what_cannot_be_had_is_one_line_and_failure(gated, use, folder, capsys):
    """`python3 -m builder.download` fails as `python -m builder` does."""
    use(gated)
    assert main([MODEL, str(folder)]) == 1
    written = capsys.readouterr().err
    assert written.startswith(f"builder: {MODEL} is gated")
    assert written.count("\n") == 1


def bodies(hub, name: str) -> list:
    """The requests for a file's bytes, which come from the storage if it is large."""
    return [
        asked
        for asked in hub.asked
        if asked.method == "GET" and (f"path={name}&" in asked.path or asked.path.endswith(name))
        if asked.server == "storage" or "path=" not in asked.path
    ]


def start(model: str, folder: Path, place: Path = ROOT, command="builder.download", **options):
    """The command in a process of its own."""
    words = ["builder", "download"] if command == "builder" else [command]
    return subprocess.Popen(
        [sys.executable, "-m", *words, model, folder],
        cwd=place,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options},
    )


def until(met) -> None:
    """Wait for another process; a test that waits in vain fails."""
    for _ in range(6000):
        if met():
            return
        time.sleep(0.01)
    raise AssertionError
