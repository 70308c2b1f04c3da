"""Arrows point inward: the pure rooms know nothing of the platform, the engine or their callers."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ["runpod", "vllm", "torch", "transformers", "fastapi", "uvicorn", "stamina"]


def modules_after(statement: str) -> set[str]:
    """The modules a fresh interpreter holds after one statement."""
    script = f"{statement}\nimport sys\nprint(' '.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("room", ["worker.football.facts", "worker.football.schema"])
def test_football_knows_nobody(room):
    """What happened is known without how it is said, and without any engine."""
    modules = modules_after(f"import {room}")
    outer = ["worker.commentary", "worker.engine", "worker.handler", "worker.settings", *HEAVY]
    assert modules.isdisjoint(outer)


@pytest.mark.parametrize("room", ["worker.commentary.pipeline", "worker.commentary.fallback"])
def test_commentary_knows_only_football_and_the_engine_protocol(room):
    """How it is said is known without the platform and without any one engine."""
    modules = modules_after(f"import {room}")
    outer = ["worker.handler", "worker.settings", "worker.engine.vllm_app", "worker.engine.http"]
    assert modules.isdisjoint([*outer, *HEAVY, "httpx"])


def test_the_handler_knows_neither_the_sdk_nor_vllm():
    """Jobs and errors are told apart without the platform's SDK."""
    assert modules_after("import worker.handler").isdisjoint([*HEAVY, "httpx"])


@pytest.mark.parametrize("room", ["worker.jobs", "worker.metrics", "worker.callbacks"])
def test_what_both_doors_share_knows_neither(room):
    """Jobs, what is counted of them and where their results go are known without a door."""
    doors = ["worker.handler", "worker.serve.queue", "worker.serve.http", "worker.serve.api"]
    assert modules_after(f"import {room}").isdisjoint([*doors, *HEAVY, "httpx"])


def test_the_http_service_knows_neither_the_sdk_nor_vllm():
    """It runs where there is no RunPod."""
    outer = ["runpod", "vllm", "torch", "transformers"]
    assert modules_after("import worker.serve.http").isdisjoint(outer)


def test_only_the_rooms_that_serve_import_the_sdk():
    """The platform's SDK is known in one place."""
    root = Path(__file__).resolve().parents[1] / "worker"
    users = [
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        if re.search(r"^\s*(import|from) runpod", path.read_text("utf-8"), re.MULTILINE)
    ]
    assert sorted(users) == ["serve/local.py", "serve/queue.py"]


def test_settings_are_read_without_the_engine():
    """Reading the environment costs no import of vLLM."""
    assert modules_after("import worker.settings").isdisjoint(HEAVY)


def test_the_entry_point_imports_the_sdk_and_vllm_only_where_they_are_used():
    """A start that fails on its settings fails at once."""
    assert modules_after("import worker.__main__").isdisjoint(HEAVY)


def test_worker_and_builder_never_import_each_other():
    """They share files, never code."""
    worker = modules_after("import worker.__main__")
    builder = modules_after("import builder.__main__")
    assert not [name for name in worker if name.split(".")[0] == "builder"]
    assert not [name for name in builder if name.split(".")[0] == "worker"]
