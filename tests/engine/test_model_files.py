import json

import pytest

from builder.mini import Mini, build
from worker.engine.model_files import Identity, cached_commit, identify
from worker.errors import StartupError

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def manifest(folder, document):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "manifest.json").write_text(json.dumps(document))


def configuration(folder, document):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(document))


def snapshot(tmp_path, name="models--skt--A.X-4.0-Light"):
    folder = tmp_path / "hub" / name / "snapshots" / COMMIT
    configuration(folder, {"_name_or_path": "some/base"})
    return folder


def test_a_manifest_goes_before_every_other_sign(tmp_path):
    """Whoever wrote it beside the weights knew what they are."""
    folder = snapshot(tmp_path)
    manifest(folder, {"model": "org/name", "revision": "v1", "files": {}})
    assert identify(folder) == Identity("org/name", "v1")


def test_a_snapshot_in_the_cache_is_named_by_its_folders(tmp_path):
    """So it is through a link to it; an id of one part has no owner."""
    folder = snapshot(tmp_path)
    assert identify(folder) == Identity("skt/A.X-4.0-Light", COMMIT)
    (tmp_path / "link").symlink_to(folder)
    assert identify(tmp_path / "link") == Identity("skt/A.X-4.0-Light", COMMIT)
    assert identify(snapshot(tmp_path, "models--gpt2")) == Identity("gpt2", COMMIT)


def test_a_configuration_names_the_id_it_was_saved_from(tmp_path):
    """But no commit: the files may have been changed since."""
    folder = tmp_path / "m"
    configuration(folder, {"_name_or_path": "LGAI-EXAONE/EXAONE-3.5-7.8B-Instruct"})
    assert identify(folder) == Identity("LGAI-EXAONE/EXAONE-3.5-7.8B-Instruct")


@pytest.mark.parametrize(
    "document",
    [{}, [], None, {"_name_or_path": 3}]
    + [
        {"_name_or_path": one}
        for one in ("", "/data/ax", "./a/b", "../a", "a/b/c", "~/ax", "a b/c")
    ],
)
def test_a_configuration_that_names_no_id_is_passed_over(tmp_path, document):
    """A path of the machine that trained it says nothing; then the folder's name has to do."""
    configuration(tmp_path / "my-model", document)
    assert identify(tmp_path / "my-model") == Identity("my-model")


def test_without_any_sign_a_folder_is_called_by_its_name(tmp_path, monkeypatch):
    """However its path ends; not even a configuration that can be read is needed."""
    folder = tmp_path / "my-model"
    folder.mkdir()
    (folder / "config.json").write_text("{")
    monkeypatch.chdir(folder)
    for path in (folder, folder / ".", folder / ".." / "my-model", type(folder)(".")):
        assert identify(path) == Identity("my-model")


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({}, '"model"'),
        ({"model": None, "revision": "v1"}, '"model"'),
        ({"model": 7, "revision": "v1"}, '"model"'),
        ({"model": "/models/ax", "revision": "v1"}, '"model"'),
        ({"model": "org/name"}, '"revision"'),
        ({"model": "org/name", "revision": 3}, '"revision"'),
        ({"model": "org/name", "revision": " "}, '"revision"'),
        ([], "JSON object"),
    ],
)
def test_a_manifest_of_the_wrong_form_ends_the_start(tmp_path, document, field):
    """Its file and its field are named: a wrong name would be served."""
    manifest(tmp_path, document)
    with pytest.raises(StartupError) as caught:
        identify(tmp_path)
    assert f"{tmp_path}/manifest.json" in caught.value.message
    assert field in caught.value.message


@pytest.mark.parametrize("content", [b"{", b"", b"\xff\xfe"])
def test_a_manifest_that_is_no_json_ends_the_start(tmp_path, content):
    """The file is named."""
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(StartupError, match=r"manifest\.json cannot be read as JSON"):
        identify(tmp_path)


def test_a_folder_that_is_not_there_is_no_error(tmp_path):
    """Whoever loads it says so."""
    assert identify(tmp_path / "nowhere") == Identity("nowhere")
    (tmp_path / "file").touch()
    assert identify(tmp_path / "file") == Identity("file")


def test_a_mini_checkpoint_says_who_it_is(tmp_path):
    """By architecture, and by a revision that another seed changes."""
    for arch in ("exaone", "qwen2"):
        build(tmp_path / arch, Mini(arch))
        assert identify(tmp_path / arch).model == f"mini/{arch}"
    build(tmp_path / "other", Mini("qwen2", seed=1))
    one, other = identify(tmp_path / "qwen2"), identify(tmp_path / "other")
    assert one.model == other.model
    assert one.revision != other.revision


def test_the_cache_tells_the_commit_of_a_branch_and_of_a_tag(tmp_path, monkeypatch):
    """The one whose files were loaded; None where it holds nothing of the model."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    repository = snapshot(tmp_path).parents[1]
    (repository / "refs").mkdir()
    for name in ("main", "v2"):
        (repository / "refs" / name).write_text(COMMIT)
    for revision in (None, "main", "v2", COMMIT):
        assert cached_commit("skt/A.X-4.0-Light", revision) == COMMIT
    assert cached_commit("skt/A.X-4.0-Light", "v3") is None
    assert cached_commit("org/other", None) is None
