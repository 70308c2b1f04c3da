"""What vLLM is asked to look at while an image is built."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from worker.presets import PRESETS

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts/inspect_model.py"


@pytest.fixture(scope="module")
def script():
    specification = importlib.util.spec_from_file_location("inspect_model", SCRIPT)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_a_model_s_own_classes_are_looked_at(script, tmp_path):
    """Those that its configuration names."""
    (tmp_path / "config.json").write_text('{"architectures": ["LlamaForCausalLM"]}')
    assert script.architectures(tmp_path) == ["LlamaForCausalLM"]


@pytest.mark.parametrize("configuration", [None, "{}"])
def test_without_a_model_those_of_the_presets_are(script, tmp_path, configuration):
    """An image without weights will load one of them, as far as anybody knows."""
    if configuration:
        (tmp_path / "config.json").write_text(configuration)
    assert script.architectures(tmp_path) == list(script.OURS)
    families = {"ExaoneForCausalLM": "EXAONE-3.5", "Qwen2ForCausalLM": "A.X-4.0"}
    models = {variables["MODEL_NAME"] for variables in PRESETS.values()} - {".cache/mini"}
    assert all(any(family in model for family in families.values()) for model in models)
    assert set(families) == set(script.OURS)


def test_what_vllm_saw_is_kept_for_the_starts(mini_folders, tmp_path):
    """The real vLLM writes the class's description where a start looks for it."""
    command = [sys.executable, SCRIPT, mini_folders["exaone"]]
    environ = {"PATH": "", "VLLM_CACHE_ROOT": str(tmp_path), "HOME": str(tmp_path)}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    assert "inspect_model: ExaoneForCausalLM: looked at" in done.stdout
    [kept] = (tmp_path / "modelinfos").glob("*ExaoneForCausalLM.json")
    assert json.loads(kept.read_text())["modelinfo"]["is_text_generation_model"]


def test_what_vllm_does_not_know_is_no_failure(tmp_path):
    """The start will say what is wrong with such a model; the build goes on."""
    (tmp_path / "config.json").write_text('{"architectures": ["NobodysModel"]}')
    environ = {"PATH": "", "VLLM_CACHE_ROOT": str(tmp_path), "HOME": str(tmp_path)}
    command = [sys.executable, SCRIPT, tmp_path]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    assert "NobodysModel: vLLM has no class" in done.stdout


def test_a_class_that_cannot_be_imported_is_no_failure(script, monkeypatch):
    """Without a GPU's libraries, say: it is told, and left to the first start."""
    from vllm.model_executor.models.registry import ModelRegistry

    class Broken:
        def inspect_model_cls(self):
            raise OSError("libcuda.so.1")

    monkeypatch.setitem(ModelRegistry.models, "Broken", Broken())
    assert script.inspect("Broken") == "Broken: cannot be looked at here: libcuda.so.1"
