"""What every test may use: one event loop backend, and one real engine per architecture."""

import asyncio
import json
import os
from importlib import import_module

import psutil
import pytest
from hypothesis import settings

from builder.mini import Mini, build
from tests.adapters import write_adapter
from worker.engine.vllm_app import CPU_DEFAULTS, VllmEngine, prepare_environment
from worker.settings import Settings

# How long an example takes says nothing about a law, and CI must not find what it cannot repeat.
settings.register_profile("laptop", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "laptop")


def pytest_terminal_summary(terminalreporter):
    """A skipped test is a failure in CI: there everything can be had."""
    if os.environ.get("CI") and terminalreporter.stats.get("skipped"):
        terminalreporter.section("skipped tests are failures in CI")


def pytest_sessionfinish(session, exitstatus):
    """See pytest_terminal_summary."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter.stats.get("skipped") and exitstatus == 0:
        session.exitstatus = 1


@pytest.fixture(scope="session")
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="session")
def mini_folders(tmp_path_factory):
    """A tiny checkpoint of each architecture, by its name."""
    folder = tmp_path_factory.mktemp("models")
    for arch in ("exaone", "qwen2"):
        build(folder / arch, Mini(arch))
    return {arch: folder / arch for arch in ("exaone", "qwen2")}


def modest(folder):
    """Variables of an engine on a tiny checkpoint: a part of the memory, on whichever device."""
    return {"MODEL_NAME": str(folder), "TRUST_REMOTE_CODE": "true"} | CPU_DEFAULTS


def engine_on(folder, **variables):
    """A real engine on a local checkpoint, gone without a trace when its tests are done."""
    before = set(psutil.Process().children(recursive=True))
    engine = VllmEngine.start(Settings.from_env(modest(folder) | variables))
    yield engine
    asyncio.run(engine.close())
    left = set(psutil.Process().children(recursive=True)) - before
    assert not [child for child in left if lives(child)]


def lives(process):
    """Whether a process still does anything; Python's resource tracker ends a moment later."""
    try:
        return "resource_tracker" not in " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):  # dead, and not waited for yet
        return False


@pytest.fixture(scope="session")
def engine(mini_folders, tmp_path_factory):
    """The real engine on the default architecture, EXAONE's; torch finds no compiler."""
    started = engine_on(
        mini_folders["exaone"],
        SERVED_MODEL_NAME="commentary, caster",
        TOOL_CALL_PARSER="hermes",
        ENABLE_AUTO_TOOL_CHOICE="true",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CXX", "no-compiler")
        patch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path_factory.mktemp("compiled")))
        engine = next(started)
    yield engine
    yield from started


@pytest.fixture(scope="session")
def adapters(mini_folders, tmp_path_factory):
    """LoRA adapters of the small Qwen2, as LORA_MODULES names them: `silent` changes nothing."""
    folder = tmp_path_factory.mktemp("adapters")
    for name, size in (("radio", 1.0), ("silent", 0.0)):
        write_adapter(folder / name, mini_folders["qwen2"], size)
    return [{"name": name, "path": str(folder / name)} for name in ("radio", "silent")]


@pytest.fixture(scope="session")
def qwen_engine(mini_folders, adapters):
    """The real engine on A.X's architecture, with adapters."""
    yield from engine_on(
        mini_folders["qwen2"], ENABLE_LORA="true", LORA_MODULES=json.dumps(adapters)
    )


@pytest.fixture(scope="session")
def vllm():
    """VLLM's names as the worker imports them."""
    prepare_environment(Settings())
    return import_module("worker.engine.vllm_names")
