"""Where the platform has put the model: which place counts, and what is said of the others."""

import json
import logging
import shutil
from dataclasses import fields
from pathlib import Path

import pytest
from huggingface_hub import constants

from builder import download
from builder.mini import Mini, build
from worker.engine.places import INDEX, PLACES, Located, Places, asked_of, lack_of, locate
from worker.errors import StartupError

MODEL = "skt/A.X-4.0-Light"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
OTHER = "fedcba9876543210fedcba9876543210fedcba98"
NEITHER = "a" * 40
CACHED, BAKED = "from RunPod's cache", "baked into the image"
VOLUME, HUB = "from the network volume", "from the Hugging Face cache or hub"
ELSEWHERE = Located(None, None, HUB)


@pytest.fixture
def places(tmp_path, monkeypatch):
    """A machine whose places are empty, where nothing is offline."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "own"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    return Places(tmp_path / "hub", tmp_path / "model", tmp_path / "volume")


@pytest.fixture
def offline(monkeypatch, places):
    """The same machine where HF_HUB_OFFLINE is set."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return places


def write(folder, *names):
    """A model of one file of weights, and more files by name."""
    folder.mkdir(parents=True)
    for name in ("config.json", "model.safetensors", *names):
        (folder / name).write_text("{}")
    return folder


def declare(folder, model=MODEL, revision=COMMIT, **sizes):
    """The builder's manifest beside the weights."""
    files = {name: {"sha256": "", "size": size} for name, size in sizes.items()}
    document = {"model": model, "revision": revision, "files": files}
    (folder / "manifest.json").write_text(json.dumps(document))
    return folder


def snapshot(hub, commit=COMMIT, model=MODEL, refs=()):
    """A model in a cache, its files links to blobs, as huggingface_hub has them."""
    home = hub / f"models--{model.replace('/', '--')}"
    blobs = write(home / "blobs" / commit)
    folder = home / "snapshots" / commit
    folder.mkdir(parents=True)
    for blob in blobs.iterdir():
        (folder / blob.name).symlink_to(Path("../../blobs") / commit / blob.name)
    for name in refs:
        (home / "refs" / name).parent.mkdir(parents=True, exist_ok=True)
        (home / "refs" / name).write_text(commit)
    return folder


def volume(places, model=MODEL):
    return places.volume / model


@pytest.fixture(autouse=True)
def told_of(caplog):
    """What is logged is seen, whatever level vLLM's libraries have left the root's logger at."""
    caplog.set_level(logging.INFO)


def warned(caplog):
    """The warnings so far, each on one line."""
    told = [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]
    assert not [one for one in told if "\n" in one]
    return told


def test_the_first_of_the_places_is_taken(places):
    """RunPod's cache, then the image, then the volume, then wherever huggingface_hub finds it."""
    declare(write(volume(places)))
    declare(write(places.baked))
    cached = snapshot(places.cache)
    assert locate(MODEL, None, places) == Located(cached, COMMIT, CACHED)
    shutil.rmtree(places.cache)
    assert locate(MODEL, None, places) == Located(places.baked, COMMIT, BAKED)
    shutil.rmtree(places.baked)
    assert locate(MODEL, None, places) == Located(volume(places), COMMIT, VOLUME)
    shutil.rmtree(places.volume)
    assert locate(MODEL, None, places) == ELSEWHERE


def test_the_place_that_was_taken_is_said_in_one_line(places, caplog):
    """With the model as it is spelt, the commit in short, and the folder."""
    caplog.set_level(logging.INFO)
    locate(MODEL, "v2", places)
    write(volume(places))
    locate(MODEL, None, places)
    cached = snapshot(places.cache)
    locate("SKT/a.x-4.0-light", COMMIT, places)
    assert [one.getMessage() for one in caplog.records] == [
        f"model {MODEL} at v2: {HUB}",
        f"model {MODEL} at no known commit: {VOLUME} ({volume(places)})",
        f"model SKT/a.x-4.0-light at 01234567…: {CACHED} ({cached})",
    ]


def test_letters_are_as_little_to_it_as_to_the_hub(places):
    """In whichever RunPod, the image or the volume spell an id; the same spelling goes before."""
    small = MODEL.lower()
    folder = declare(write(volume(places, small)))
    assert locate(MODEL, None, places).path == folder
    declare(write(places.baked), model=MODEL.upper())
    assert locate(MODEL, None, places).path == places.baked
    cached = snapshot(places.cache, model=small)
    assert locate(MODEL, None, places).path == cached
    same = snapshot(places.cache, OTHER)
    assert locate(MODEL, None, places).path == same
    assert locate(small, None, places).path == cached


def test_a_model_without_an_owner_is_found_too(places):
    """The hub's first ones have none."""
    folder = write(places.volume / "gpt2")
    assert locate("gpt2", None, places).path == folder
    assert locate("gpt2", None, places).commit is None
    cached = snapshot(places.cache, model="gpt2")
    assert locate("gpt2", None, places).path == cached


class TestRevisions:
    """Which of a cache's commits is meant."""

    def test_a_commit_is_itself(self, places):
        """Whatever else is there, and whatever a branch is at; in either case of its digits."""
        wanted = snapshot(places.cache)
        snapshot(places.cache, OTHER, refs=["main"])
        assert locate(MODEL, COMMIT, places) == Located(wanted, COMMIT, CACHED)
        assert locate(MODEL, COMMIT.upper(), places) == Located(wanted, COMMIT, CACHED)

    @pytest.mark.parametrize("name", ["main", "v2", "refs/pr/1"])
    def test_a_branch_or_a_tag_is_what_the_cache_says(self, places, name):
        """By its refs."""
        snapshot(places.cache, OTHER, refs=["other"])
        wanted = snapshot(places.cache, refs=[name])
        assert locate(MODEL, name, places) == Located(wanted, COMMIT, CACHED)

    def test_without_one_it_is_the_main_branch(self, places):
        """However many commits are there."""
        snapshot(places.cache, OTHER)
        wanted = snapshot(places.cache, refs=["main"])
        assert locate(MODEL, None, places) == Located(wanted, COMMIT, CACHED)

    @pytest.mark.parametrize("asked", [None, "main"])
    def test_without_refs_it_is_the_only_commit(self, places, asked):
        """RunPod's cache may have come without them."""
        wanted = snapshot(places.cache)
        assert locate(MODEL, asked, places) == Located(wanted, COMMIT, CACHED)

    def test_of_several_without_refs_it_is_none(self, places, caplog):
        """They are told, and what to set."""
        snapshot(places.cache)
        snapshot(places.cache, OTHER)
        assert locate(MODEL, None, places) == ELSEWHERE
        [told] = warned(caplog)
        assert f"it has commit {COMMIT}, {OTHER}" in told
        assert "set MODEL_REVISION to one" in told

    def test_a_tag_that_the_cache_does_not_know_is_none(self, places, caplog):
        """The only commit there need not be the tag's."""
        snapshot(places.cache, refs=["main"])
        assert locate(MODEL, "v2", places) == ELSEWHERE
        assert "does not say which v2 is" in warned(caplog)[0]

    def test_a_branch_whose_commit_is_not_there_is_none(self, places, caplog):
        """Its download was broken off."""
        home = snapshot(places.cache).parents[1]
        (home / "refs").mkdir()
        (home / "refs" / "main").write_text(OTHER)
        assert locate(MODEL, None, places) == ELSEWHERE
        assert f"it has commit {COMMIT}, and its main is {OTHER}." in warned(caplog)[0]

    def test_what_a_ref_says_leads_out_of_no_cache(self, places):
        """Only what is there can be meant."""
        home = snapshot(places.cache).parents[1]
        (home / "refs").mkdir()
        (home / "refs" / "main").write_text(f"../../../{places.baked.name}")
        write(places.baked)
        assert locate(MODEL, None, places) == ELSEWHERE

    def test_another_commit_counts_nowhere(self, places, caplog):
        """Of each place it is told which commit is there, and which was asked for."""
        snapshot(places.cache)
        declare(write(places.baked))
        declare(write(volume(places)))
        assert locate(MODEL, NEITHER, places) == ELSEWHERE
        told = warned(caplog)
        assert len(told) == 3
        for place, one in zip((CACHED, BAKED, VOLUME), told, strict=True):
            assert place in one
            assert f"commit {COMMIT}, and MODEL_REVISION asks for {NEITHER}" in one

    def test_the_next_place_with_the_commit_is_taken(self, places):
        """An old cache does not keep a newer image from serving."""
        snapshot(places.cache, OTHER, refs=["main"])
        declare(write(places.baked))
        assert locate(MODEL, COMMIT.upper(), places) == Located(places.baked, COMMIT, BAKED)

    @pytest.mark.parametrize("asked", [None, "main", "v2"])
    def test_a_folder_of_the_builders_is_at_the_commit_of_its_manifest(self, places, asked):
        """Whoever wrote it asked the hub for the branch."""
        declare(write(places.baked))
        assert locate(MODEL, asked, places) == Located(places.baked, COMMIT, BAKED)

    def test_a_folder_that_says_no_commit_is_believed(self, places):
        """A hand copied it there for this model; so with a manifest that has a tag only."""
        write(volume(places))
        assert locate(MODEL, COMMIT, places) == Located(volume(places), None, VOLUME)
        declare(write(places.baked), revision="v1")
        assert locate(MODEL, COMMIT, places) == Located(places.baked, "v1", BAKED)


class TestWhole:
    """A place counts with all of its files only."""

    def test_an_incomplete_place_is_passed_over(self, places, caplog):
        """Each with a warning that names the folder and what is not in it."""
        (snapshot(places.cache) / "config.json").unlink()
        declare(write(places.baked))
        (places.baked / "model.safetensors").unlink()
        volume(places).mkdir(parents=True)
        assert locate(MODEL, None, places) == ELSEWHERE
        cached, baked, on_volume = warned(caplog)
        assert cached.endswith(f"{COMMIT} has no config.json.")
        assert baked.endswith(f"{places.baked} has no weights.")
        assert on_volume.endswith(f"{volume(places)} has no config.json.")

    def test_what_an_index_names_has_to_be_there(self, tmp_path):
        """Every file of it, with something in it."""
        folder = write(tmp_path / "m", "a.safetensors", "b.safetensors")
        index = {"weight_map": {"one": "a.safetensors", "two": "b.safetensors"}}
        (folder / INDEX).write_text(json.dumps(index))
        assert lack_of(folder) is None
        (folder / "b.safetensors").write_text("")
        assert lack_of(folder) == "has no b.safetensors"
        (folder / "a.safetensors").unlink()
        assert lack_of(folder) == "has no a.safetensors"
        assert lack_of(folder, weights=False) is None

    @pytest.mark.parametrize("text", ["{", "[]", "{}", '{"weight_map": []}', "\xff"])
    def test_an_index_that_names_nothing_is_unusable(self, tmp_path, text):
        """Nobody knows what is whole then."""
        folder = write(tmp_path / "m")
        (folder / INDEX).write_bytes(text.encode("latin-1"))
        assert lack_of(folder) == f"has no usable {INDEX}"

    def test_weights_are_files_with_something_in_them(self, tmp_path):
        """Of any kind that vLLM reads."""
        folder = write(tmp_path / "m")
        (folder / "model.safetensors").write_text("")
        assert lack_of(folder) == "has no weights"
        (folder / "pytorch_model.bin").write_text("x")
        assert lack_of(folder) is None

    def test_a_link_to_nothing_spoils_a_place(self, places, caplog):
        """Somebody has cleaned the cache up."""
        folder = snapshot(places.cache)
        (folder / "tokenizer.json").symlink_to("../../blobs/gone")
        assert locate(MODEL, None, places) == ELSEWHERE
        assert warned(caplog)[0].endswith(f"{COMMIT} has a link to nothing, tokenizer.json.")

    @pytest.mark.parametrize("size", [1, 3, None])
    def test_a_file_of_another_size_than_its_manifest_says_spoils_a_place(
        self, places, caplog, size
    ):
        """A copy to the volume that broke off; `{}` is of two bytes."""
        folder = declare(write(volume(places)), **{"model.safetensors": 2})
        assert locate(MODEL, None, places).path == folder
        (folder / "model.safetensors").unlink()
        if size:
            (folder / "model.safetensors").write_text("x" * size)
        assert locate(MODEL, None, places) == ELSEWHERE
        assert "model.safetensors is not the file of 2 bytes" in warned(caplog)[0]

    def test_a_download_that_is_not_finished_is_passed_over(self, places, caplog):
        """However whole it looks: what the builder works in is gone when all is there."""
        folder = write(volume(places))
        (folder / download.WORK).mkdir()
        assert locate(MODEL, None, places) == ELSEWHERE
        assert "is a download that is not finished" in warned(caplog)[0]
        declare(folder)
        assert locate(MODEL, None, places).path == folder

    def test_what_the_builder_writes_is_whole(self, places):
        """Its manifest and its files are read as it meant them."""
        build(places.baked, Mini("qwen2"))
        found = locate("mini/qwen2", None, places)
        assert (found.path, len(found.commit)) == (places.baked, 40)


class TestOthers:
    """What is there and is not the model."""

    @pytest.mark.parametrize("where", ["baked", "volume"])
    def test_another_model_does_not_count(self, places, caplog, where):
        """Whatever its folder is called; it is named."""
        folder = places.baked if where == "baked" else volume(places)
        declare(write(folder), model="org/other")
        assert locate(MODEL, None, places) == ELSEWHERE
        assert warned(caplog)[0].endswith(f"{folder} holds org/other.")

    def test_a_folder_in_the_image_without_a_manifest_is_nobodys(self, places, caplog):
        """It may hold anything."""
        write(places.baked)
        assert locate(MODEL, None, places) == ELSEWHERE
        assert not warned(caplog)

    def test_a_manifest_that_cannot_be_read_ends_no_start(self, places, caplog):
        """The next place may do."""
        (write(places.baked) / "manifest.json").write_text("{")
        folder = declare(write(volume(places)))
        assert locate(MODEL, None, places).path == folder
        assert "manifest.json cannot be read as JSON" in warned(caplog)[0]

    def test_a_place_that_cannot_be_read_ends_no_start(self, places, caplog):
        """A volume may be of another form than we know, or refuse this user."""
        home = snapshot(places.cache).parents[1]
        shutil.rmtree(home / "snapshots")
        (home / "snapshots").touch()
        declare(write(places.baked))
        assert locate(MODEL, None, places).path == places.baked
        assert str(home / "snapshots") in warned(caplog)[0]

    @pytest.mark.parametrize("name", ["s3://bucket/model", "org/model:Q4_K_M", "a/b/c", "../model"])
    def test_what_is_no_id_is_left_to_vllm(self, offline, name):
        """It has more to load from than the hub."""
        write(offline.volume / "a/b/c")
        assert locate(name, None, offline) == ELSEWHERE


class TestOffline:
    """Nothing may be downloaded."""

    def test_what_is_nowhere_ends_the_start_at_once(self, offline):
        """In one sentence: where was looked, and what can be done."""
        with pytest.raises(StartupError) as caught:
            locate(MODEL, COMMIT, offline)
        told = caught.value.message
        assert told.startswith(f"{MODEL} at {COMMIT} is in no place of this machine's")
        for place in (*(getattr(offline, one.name) for one in fields(offline)), volume(offline)):
            assert str(place) in told
        assert constants.HF_HUB_CACHE in told
        for remedy in ("BAKE_MODEL", "cached model", "python -m builder download", "HF_TOKEN"):
            assert remedy in told
        assert "HF_HUB_OFFLINE=0" in told
        assert "\n" not in told

    def test_what_is_here_needs_no_hub(self, offline):
        """The image starts without a network."""
        declare(write(offline.baked))
        assert locate(MODEL, COMMIT, offline).path == offline.baked

    @pytest.mark.parametrize(
        ("asked", "is_there"),
        [(None, True), ("main", True), (COMMIT, True), ("v2", False), (OTHER, False)],
    )
    def test_what_huggingface_hub_has_is_its_to_find(self, offline, asked, is_there):
        """At the commit that was asked for, and by its own rules."""
        snapshot(Path(constants.HF_HUB_CACHE), refs=["main"])
        if is_there:
            assert locate(MODEL, asked, offline) == ELSEWHERE
        else:
            with pytest.raises(StartupError, match="HF_HUB_OFFLINE"):
                locate(MODEL, asked, offline)


def test_the_places_are_the_platforms():
    """What is baked lies where no volume hides it."""
    assert PLACES.cache.as_posix() == "/runpod-volume/huggingface-cache/hub"
    assert not PLACES.baked.is_relative_to("/runpod-volume")
    assert PLACES.volume.is_relative_to("/runpod-volume")


@pytest.mark.parametrize(
    ("model", "revision", "asked"),
    [
        ("LGAI-EXAONE/EXAONE-3.5-7.8B-Instruct", COMMIT, None),  # the image's, for its own model
        ("LGAI-EXAONE/EXAONE-3.5-7.8B-Instruct", OTHER, OTHER),
        ("LGAI-EXAONE/EXAONE-3.5-7.8B-Instruct", "main", "main"),
        (MODEL, COMMIT, COMMIT),
        (MODEL.lower(), COMMIT, COMMIT),
        (MODEL, None, None),
    ],
)
def test_the_image_s_own_commit_is_not_asked_of_another_model(places, model, revision, asked):
    """MODEL_NAME alone is enough to have another model than the image's own."""
    declare(write(places.baked))
    assert asked_of(model, revision, places) == asked


def test_without_a_baked_model_a_commit_is_asked_of_any(places):
    """Nothing, or a manifest that cannot be read: what was asked for holds."""
    assert asked_of("a/b", COMMIT, places) == COMMIT
    (write(places.baked) / "manifest.json").write_text("{")
    assert asked_of("a/b", COMMIT, places) == COMMIT
