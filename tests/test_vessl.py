"""The run on VESSL is what the image and the settings are, and downloads a model once."""

import json
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
from tests.conftest import modest
from worker.presets import PRESETS
from worker.settings import ServeMode, Settings

ROOT = Path(__file__).resolve().parents[1]
RUN = yaml.safe_load((ROOT / "deploy/vessl/run.yaml").read_text("utf-8"))
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")
MODEL = "mini/exaone"
# Those that a run's YAML may have, and its parts, as far as this one may want them.
# Source: https://docs.vessl.ai/reference/yaml/run-yaml, and the forms of VESSL's SDK 0.1.199
KEYS = {
    *("name", "description", "tags", "resources", "image", "import", "export", "mount", "run"),
    *("env", "ports", "interactive", "service_account_name", "termination_protection"),
}
RESOURCES = {"cluster", "preset", "node_names", "requests", "spot"}
ARTIFACT = re.compile(r"vessl-artifact://[\w-]+/[\w-]+/[\w-]+")  # organization, project, name
# What the hub's client reads itself.
THE_HUBS = {"HF_HOME", "HF_HUB_OFFLINE"}


def image_says(variable):
    """An ENV of the Dockerfile's."""
    [value] = re.findall(rf"\b{variable}=(\S+)", DOCKERFILE)
    return value


def test_it_has_documented_keys_alone():
    """VESSL refuses others, or worse, does not read them."""
    assert RUN.keys() <= KEYS
    assert RUN["resources"].keys() <= RESOURCES
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
    [(place, artifact)] = RUN["import"].items()
    assert ARTIFACT.fullmatch(artifact)
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
    """With the file's own command, how the cache is filled, and what has not been run."""
    [section] = re.findall(r"### On VESSL\n(.*?)\n##", README, re.DOTALL)
    assert "vessl run create -f deploy/vessl/run.yaml" in section
    assert "None of this has been run on VESSL itself" in " ".join(section.split())
    assert f"`SERVE_MODE: {ServeMode.QUEUE}`" in section
    assert RUN["env"]["API_KEYS"]["secret"] in section


@pytest.fixture
def hub(mini_folders):
    with Hub({MODEL: mini_folders["exaone"]}) as hub:
        yield hub


def python(script, home, hub, **variables):
    """What a Python says that has its Hugging Face cache under `home`, and this hub to ask."""
    environ = os.environ | {"HF_HOME": str(home), "HF_ENDPOINT": hub.url} | variables
    done = subprocess.run(
        [sys.executable, *script],
        env=environ,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


def downloaded(home, hub, offline="0"):
    """The folder that the hub's client has a model in, as vLLM asks it."""
    script = f"import huggingface_hub; print(huggingface_hub.snapshot_download('{MODEL}'))"
    return Path(python(["-c", script], home, hub, HF_HUB_OFFLINE=offline).stdout.strip())


def kept(home):
    """An artifact that keeps links."""
    return shutil.copytree(home, home.with_name("kept"), symlinks=True)


def followed(home):
    """One that has what a link leads to, in its place."""
    return shutil.copytree(home, home.with_name("followed"))


def left_out(home):
    """One that has no links at all, as the storage of objects that it may be."""
    copy = shutil.copytree(home, home.with_name("left_out"), symlinks=True)
    for path in sorted(copy.rglob("*")):
        if path.is_symlink():
            path.unlink()
    return copy


@pytest.fixture
def first(tmp_path, hub):
    """The cache that a first run leaves."""
    downloaded(tmp_path / "first", hub)
    assert hub.sent["model.safetensors"] > 0
    hub.sent.clear()
    return tmp_path / "first"


@pytest.mark.parametrize("artifact", [kept, followed, left_out])
def test_a_second_run_downloads_nothing(hub, first, artifact):
    """Whatever VESSL makes of the links that the cache consists of."""
    folder = downloaded(artifact(first), hub)
    assert (folder / "model.safetensors").is_file()
    assert not hub.sent


LOCATE = f"""\
from worker.engine.model_files import cached_commit
from worker.engine.places import locate
print(locate({MODEL!r}, None).path, cached_commit({MODEL!r}, None))
"""


@pytest.mark.parametrize("artifact", [kept, followed])
def test_a_second_run_needs_no_hub_with_hf_hub_offline(hub, first, artifact):
    """The worker leaves the model to the hub's client, which asks nobody for it."""
    cache = artifact(first)
    commit = downloaded(cache, hub).name
    hub.asked.clear()
    told = python(["-c", LOCATE], cache, hub, HF_HUB_OFFLINE="1").stdout
    assert told.split() == ["None", commit]
    assert downloaded(cache, hub, offline="1").name == commit
    assert not hub.asked


@pytest.mark.engine
def test_a_second_worker_tells_its_ten_lines_without_a_download(hub, first):
    """The real one, with vLLM's own ways of asking the hub; it ends by itself, as the first did."""
    done = python(["-m", "worker"], kept(first), hub, HF_HUB_OFFLINE="0", **modest(MODEL))
    [result] = re.findall(r"^\{.*", done.stdout, re.MULTILINE | re.DOTALL)
    assert len(json.loads(result)["script"]) == 10
    assert not hub.sent
    assert hub.asked
