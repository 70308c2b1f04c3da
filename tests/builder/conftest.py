from pathlib import Path

import pytest

from builder.mini import Mini, build


@pytest.fixture(scope="session", params=["exaone", "qwen2"])
def arch(request):
    return request.param


@pytest.fixture(scope="session")
def checkpoint(arch, tmp_path_factory) -> Path:
    """A tiny checkpoint of each architecture; read it, do not change it."""
    folder = tmp_path_factory.mktemp("mini") / arch
    build(folder, Mini(arch))
    return folder
