import json
import os
import re
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from builder import mini as mini_module
from builder.errors import BuildError
from builder.mini import MANIFEST, Mini, build


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def quick(monkeypatch):
    """Building without training and weights, for laws about folders."""

    def write(folder: Path, mini: Mini) -> None:
        (folder / "config.json").write_text(f"{mini}")
        manifest = mini_module._describe(folder, mini, ("config.json",))
        mini_module._dump(folder / MANIFEST, manifest)

    monkeypatch.setattr(mini_module, "_write", write)


def test_the_same_seed_gives_the_same_bytes_in_another_process(checkpoint, arch, tmp_path):
    command = [sys.executable, "-m", "builder", "mini", str(tmp_path / "again"), "--arch", arch]
    subprocess.run(command, check=True, env=os.environ | {"PYTHONHASHSEED": "1"})
    assert contents(tmp_path / "again") == contents(checkpoint)


def test_another_seed_gives_other_weights_and_another_tokenizer(checkpoint, arch, tmp_path):
    build(tmp_path / "other", Mini(arch, seed=1))
    one, other = contents(checkpoint), contents(tmp_path / "other")
    assert one["model.safetensors"] != other["model.safetensors"]
    assert one["tokenizer.json"] != other["tokenizer.json"]
    assert one["config.json"] == other["config.json"]


def test_the_manifest_names_every_other_file_with_its_digest(checkpoint, arch):
    manifest = json.loads((checkpoint / MANIFEST).read_text())
    files = contents(checkpoint)
    del files[MANIFEST]
    assert manifest["files"] == {n: sha256(data).hexdigest() for n, data in files.items()}
    assert (manifest["arch"], manifest["size"], manifest["seed"]) == (arch, "tiny", 0)


def test_a_checkpoint_says_which_model_it_is(checkpoint, arch):
    """By name and revision, with digest and size of its files, for whoever serves or ships it."""
    told = json.loads((checkpoint / "manifest.json").read_text())
    files = contents(checkpoint)
    del files[MANIFEST], files["manifest.json"]
    assert told.keys() == {"model", "revision", "files"}
    assert told["model"] == f"mini/{arch}"
    assert re.fullmatch("[0-9a-f]{40}", told["revision"])
    assert told["files"] == {
        name: {"sha256": sha256(data).hexdigest(), "size": len(data)}
        for name, data in files.items()
    }


def test_another_size_is_another_model_and_another_seed_another_revision(tmp_path):
    """What is called the same is the same, byte for byte."""
    (tmp_path / "config.json").write_text("{}")
    one, mid = (mini_module._identity(tmp_path, Mini(size=size)) for size in ("tiny", "mid"))
    assert (one["model"], mid["model"]) == ("mini/exaone", "mini/exaone-mid")
    (tmp_path / "config.json").write_text("[]")
    assert mini_module._identity(tmp_path, Mini())["revision"] != one["revision"]


def test_the_readme_says_that_the_words_mean_nothing(checkpoint):
    assert "mean nothing" in (checkpoint / "README.md").read_text()


def test_a_checkpoint_that_is_there_is_left_alone(checkpoint, arch):
    before = (checkpoint / "model.safetensors").stat().st_mtime_ns
    assert "already" in build(checkpoint, Mini(arch))
    assert (checkpoint / "model.safetensors").stat().st_mtime_ns == before


def test_an_empty_folder_and_missing_parents_are_filled(quick, tmp_path):
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "empty", tmp_path / "a" / "b"):
        assert "written" in build(folder, Mini())
        assert "already" in build(folder, Mini())


def test_an_earlier_checkpoint_of_other_parameters_is_replaced(quick, tmp_path):
    build(tmp_path / "m", Mini(seed=1))
    assert "written" in build(tmp_path / "m", Mini(seed=2))
    assert json.loads((tmp_path / "m" / MANIFEST).read_text())["seed"] == 2
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_a_checkpoint_of_older_code_is_replaced(quick, tmp_path, monkeypatch):
    build(tmp_path / "m", Mini())
    monkeypatch.setattr(mini_module, "_recipe", lambda: "newer")
    assert "written" in build(tmp_path / "m", Mini())


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_text("{}")])
def test_a_damaged_checkpoint_is_made_anew(quick, tmp_path, damage):
    build(tmp_path / "m", Mini())
    whole = contents(tmp_path / "m")
    damage(tmp_path / "m" / "config.json")
    assert "written" in build(tmp_path / "m", Mini())
    assert contents(tmp_path / "m") == whole


def test_a_folder_with_anything_else_is_an_error_and_stays_as_it_is(quick, tmp_path):
    folder = tmp_path / "m"
    build(folder, Mini(seed=1))
    (folder / "thesis.txt").write_text("mine")
    before = contents(folder)
    with pytest.raises(BuildError, match=r"thesis\.txt.*nothing was changed"):
        build(folder, Mini(seed=2))
    assert contents(folder) == before


@pytest.mark.parametrize("manifest", ["", "[]", '{"files": []}', '{"files": {}}'])
def test_a_manifest_that_is_not_ours_makes_no_folder_ours(quick, tmp_path, manifest):
    (tmp_path / MANIFEST).write_text(manifest)
    (tmp_path / "config.json").write_text("somebody's")
    with pytest.raises(BuildError, match=r"config\.json"):
        build(tmp_path, Mini())


def test_a_file_in_the_place_of_the_folder_is_an_error(quick, tmp_path):
    (tmp_path / "m").write_text("a file")
    with pytest.raises(BuildError, match="is a file"):
        build(tmp_path / "m", Mini())


def test_a_place_that_cannot_be_written_is_an_error_that_names_it(quick, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BuildError, match="file/m cannot be written"):
        build(tmp_path / "file" / "m", Mini())


def test_an_interrupted_build_leaves_no_trace_and_the_old_checkpoint(quick, tmp_path, monkeypatch):
    build(tmp_path / "m", Mini())
    before = contents(tmp_path / "m")

    def interrupted(folder: Path, mini: Mini) -> None:
        (folder / "config.json").write_text("half")
        raise KeyboardInterrupt

    monkeypatch.setattr(mini_module, "_write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        build(tmp_path / "m", Mini(seed=9))
    assert [path.name for path in tmp_path.iterdir()] == ["m"]
    assert contents(tmp_path / "m") == before


def test_two_builders_of_the_same_checkpoint_both_succeed(quick, tmp_path, monkeypatch):
    write = mini_module._write

    def overtaken(folder: Path, mini: Mini) -> None:
        write(folder, mini)
        shutil.copytree(folder, tmp_path / "m")  # the other one was faster
        monkeypatch.setattr(Path, "exists", lambda self: False)  # and came after our look

    monkeypatch.setattr(mini_module, "_write", overtaken)
    assert "written" in build(tmp_path / "m", Mini())
    assert mini_module._holds(tmp_path / "m", Mini())
