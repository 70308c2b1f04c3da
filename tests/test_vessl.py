"""The run on VESSL is what the image and the settings are, and downloads a model once."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from tests.builder.hub import Hub
from worker.presets import PRESETS
from worker.settings import ServeMode, Settings

ROOT = Path(__file__).resolve().parents[1]
RUN = yaml.safe_load((ROOT / "deploy/vessl/run.yaml").read_text("utf-8"))
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")
MODEL = "mini/exaone"
# Those of a run's YAML that are documented, as far as this one may want them.
# Source: https://docs.vessl.ai/reference/yaml/run-yaml
KEYS = {
    *("name", "description", "tags", "resources", "image", "import", "export", "run", "ports"),
    *("env", "interactive", "service_account", "termination_protection"),
}
# What the hub's client reads itself.
THE_HUBS = {"HF_HOME", "HF_HUB_OFFLINE"}


def image_says(variable):
    """An ENV of the Dockerfile's."""
    [value] = re.findall(rf"\b{variable}=(\S+)", DOCKERFILE)
    return value


def test_it_has_documented_keys_alone():
    """VESSL refuses others, or worse, does not read them."""
    assert RUN.keys() <= KEYS
    assert all(step.keys() <= {"command", "workdir"} for step in RUN["run"])
    assert all(port.keys() == {"name", "type", "port"} for port in RUN["ports"])


def test_its_variables_are_settings():
    """And the settings can be read; secrets come from VESSL, never from the file."""
    ours = {spec.metadata.get("variable") for spec in fields(Settings)}
    assert RUN["env"].keys() <= ours | THE_HUBS
    assert set(RUN["env"]["API_KEYS"]) == {"secret"}
    plain = {name: value for name, value in RUN["env"].items() if isinstance(value, str)}
    assert plain.keys() == RUN["env"].keys() - {"API_KEYS"}
    settings = Settings.from_env(plain | {"API_KEYS": "a-key"})
    assert settings.serve_mode is ServeMode.HTTP
    assert settings.port == RUN["ports"][0]["port"]
    assert settings.preset in PRESETS


def test_the_cache_is_where_the_image_has_it():
    """What is kept at the end is what comes back, at the place that the hub's client looks in."""
    assert RUN["import"] == RUN["export"]
    [place] = RUN["import"]
    assert place == RUN["env"]["HF_HOME"] == image_says("HF_HOME")
    assert image_says("HF_HUB_OFFLINE") == "1"
    assert RUN["env"]["HF_HUB_OFFLINE"] == "0"


def test_it_starts_what_the_image_starts():
    """A command takes the entry point's place, in the image's own folder."""
    [step] = RUN["run"]
    [entry] = re.findall(r"^ENTRYPOINT \[(.*)\]", DOCKERFILE, re.MULTILINE)
    words = re.findall(r'"([^"]+)"', entry)
    assert step["command"].replace(" -s", "").split() == ["exec", *words]
    assert f"WORKDIR {step['workdir']}\n" in DOCKERFILE


def test_readme_says_how_it_is_started():
    """With the file's own command, and what has not been run."""
    [section] = re.findall(r"### On VESSL\n(.*?)\n##", README, re.DOTALL)
    assert "vessl run create -f deploy/vessl/run.yaml" in section
    assert "has not been run" in " ".join(section.split())
    assert RUN["env"]["API_KEYS"]["secret"] in section


@pytest.fixture
def hub(mini_folders):
    with Hub({MODEL: mini_folders["exaone"]}) as hub:
        yield hub


def downloaded(home, hub):
    """The folder that the hub's client has a model in, as vLLM asks it."""
    script = f"import huggingface_hub; print(huggingface_hub.snapshot_download('{MODEL}'))"
    environ = os.environ | {"HF_HOME": str(home), "HF_ENDPOINT": hub.url, "HF_HUB_OFFLINE": "0"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=True
    )
    return Path(done.stdout.strip())


@pytest.mark.parametrize("symlinks", [True, False])
def test_a_second_run_downloads_nothing(hub, tmp_path, symlinks):
    """The cache that comes back serves, also where the storage keeps no links."""
    downloaded(tmp_path / "first", hub)
    assert hub.sent["model.safetensors"] > 0
    hub.sent.clear()
    shutil.copytree(tmp_path / "first", tmp_path / "second", symlinks=symlinks)
    folder = downloaded(tmp_path / "second", hub)
    assert (folder / "model.safetensors").is_file()
    assert not hub.sent
