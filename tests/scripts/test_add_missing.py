"""What an image gets beside vLLM: what is missing, at the lock's versions, and nothing else."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def script():
    path = ROOT / "scripts/add_missing.py"
    specification = importlib.util.spec_from_file_location("add_missing", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_what_is_there_keeps_its_version(script):
    """A package that the base has in any version is not asked for, however its name is written."""
    here = {"fastapi": "0.136.3", "typing-extensions": "4.0"}
    lock = "FastAPI==0.141.0\ntyping_extensions==4.9\nrunpod==1.12.0\n"
    assert script.missing(lock, here) == ["runpod==1.12.0"]


def test_what_is_for_another_platform_is_not_missing(script):
    """The lock is for all platforms; its markers say what this one needs."""
    lock = "a==1 ; sys_platform == 'win32'\nb==2 ; sys_platform != 'win32'\n\n"
    assert script.missing(lock, {}) == ["b==2"]


def test_a_base_that_has_changed_ends_the_build(script, monkeypatch):
    """Another version, or none any more, of what was there: the names are told."""
    monkeypatch.setattr(script, "installed", lambda: {"torch": "2.14.0", "runpod": "1.12.0"})
    with pytest.raises(SystemExit, match="torch, numpy"):
        script.check({"torch": "2.13.0", "numpy": "2.0"}, ["runpod==1.12.0"])


def test_what_did_not_arrive_ends_the_build(script, monkeypatch):
    """Pip's word is not taken for it."""
    monkeypatch.setattr(script, "installed", lambda: {"torch": "2.13.0"})
    with pytest.raises(SystemExit, match=r"runpod==1\.12\.0"):
        script.check({"torch": "2.13.0"}, ["runpod==1.12.0"])


def test_where_all_is_well_nothing_is_said(script, monkeypatch):
    """The base as it was, and all of what was missing."""
    monkeypatch.setattr(script, "installed", lambda: {"torch": "2.13.0", "runpod": "1.12.0"})
    script.check({"torch": "2.13.0"}, ["runpod==1.12.0"])


def test_what_pip_has_installed_is_seen(script):
    """This environment's own packages are found by their canonical names."""
    assert "huggingface-hub" in script.installed()
