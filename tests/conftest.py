"""What every test may use: one event loop backend, and one real engine per architecture."""

import asyncio
from importlib import import_module

import psutil
import pytest

from builder.mini import Mini, build
from worker.engine.vllm_app import VllmEngine, prepare_environment
from worker.settings import Settings


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


def engine_on(folder, **variables):
    """A real engine on a local checkpoint, gone without a trace when its tests are done."""
    before = set(psutil.Process().children(recursive=True))
    environ = {"MODEL_NAME": str(folder), "TRUST_REMOTE_CODE": "true"} | variables
    engine = VllmEngine.start(Settings.from_env(environ))
    yield engine
    asyncio.run(engine.close())
    left = set(psutil.Process().children(recursive=True)) - before
    assert not [child for child in left if "resource_tracker" not in " ".join(child.cmdline())]


@pytest.fixture(scope="session")
def engine(mini_folders):
    """The real engine on the default architecture, EXAONE's."""
    yield from engine_on(mini_folders["exaone"], SERVED_MODEL_NAME="commentary, caster")


@pytest.fixture(scope="session")
def qwen_engine(mini_folders):
    """The real engine on A.X's architecture."""
    yield from engine_on(mini_folders["qwen2"])


@pytest.fixture(scope="session")
def vllm():
    """VLLM's names as the worker imports them."""
    prepare_environment(Settings())
    return import_module("worker.engine.vllm_names")
