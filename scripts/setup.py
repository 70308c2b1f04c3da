"""Set up `.venv` from the lock that fits this machine, or do nothing when it already stands.

Needs Python 3.11 or newer with pip, and nothing else: uv itself is installed into `.tools`.
A machine with an NVIDIA driver gets `requirements.txt` (the GPU image's lock), any other one
`requirements-cpu.txt`; `--accelerator none` is for one that builds and pushes images and runs no
model: `requirements/builder.txt`. PyTorch's CPU wheel is taken from a folder that pip's
`find-links` names, where one holds it, and from PyTorch's own index otherwise. Of pip's settings
`find-links`, `index-url` and `cert` are followed.
"""

import argparse
import ast
import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UV_VERSION = "0.13.8"
MINIMUM_PYTHON = (3, 11)
# Not the environment that is about to be replaced, should it be the active one.
PYTHON = getattr(sys, "_base_executable", sys.executable)
LOCKS = {
    "cpu": "requirements-cpu.txt",
    "gpu": "requirements.txt",
    "none": "requirements/builder.txt",
}


def accelerator() -> str:
    """`gpu` where NVIDIA's driver answers, else `cpu`."""
    try:
        subprocess.run(["nvidia-smi", "-L"], check=True, capture_output=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return "cpu"
    return "gpu"


def pip_settings(listing: str) -> dict[str, str]:
    """What `pip config list` prints, by option name; the environment's word wins, as in pip."""
    found: dict[str, str] = {}
    for section in (r"global", r"install", r":env:"):
        for name, value in re.findall(rf"^{section}\.([\w-]+)=(.+)$", listing, re.MULTILINE):
            found[name] = str(ast.literal_eval(value))
    return found


def torch_pin(lock: str) -> str:
    """The version of torch that the lock names for Linux: `2.13.0+cpu`; empty where it has none."""
    versions = re.findall(r"^torch==(\S+)", lock, re.MULTILINE)
    return max(versions, key=len, default="")


def holds_torch(folder: Path, version: str, python: tuple[int, int]) -> bool:
    """Whether the folder has torch's wheel of this version for this Python."""
    tag = f"cp{python[0]}{python[1]}"
    return any(folder.glob(f"torch-{version}-{tag}-*.whl"))


def source_arguments(
    kind: str, pip: Mapping[str, str], torch: str, python: tuple[int, int]
) -> list[str]:
    """Where uv takes packages from, as its arguments, following what pip's settings say."""
    links = pip.get("find-links", "").split()
    if kind == "gpu":  # a version without a label matches a local CPU build, too
        links = [link for link in links if not any(Path(link).glob("torch-*+cpu-*.whl"))]
    arguments = [word for link in links for word in ("--find-links", link)]
    local = any(holds_torch(Path(link), torch, python) for link in links if Path(link).is_dir())
    if kind == "cpu" and not local:
        arguments += ["--torch-backend", "cpu"]
    return arguments


def source_environment(pip: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for uv: what pip's settings say of index and certificates, unless it does.

    An index's address may hold a password, which an argument would show to everybody.
    """
    named = {"SSL_CERT_FILE": pip.get("cert"), "UV_DEFAULT_INDEX": pip.get("index-url")}
    return {name: value for name, value in named.items() if value} | dict(environ)


def stamp(kind: str, lock: str) -> str:
    """What an environment made from this lock is known by."""
    return f"{kind} {hashlib.sha256(lock.encode()).hexdigest()}\n"


def run(command: Iterable[str | Path], environ: Mapping[str, str] | None = None) -> None:
    """Run a command and show what it prints; its failure ends the set-up with its exit code."""
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=ROOT, env=environ, check=False)
    if done.returncode:
        sys.exit(f"setup: `{' '.join(words[:4])} …` failed with exit code {done.returncode}")


def uv(tools: Path) -> Path:
    """The pinned uv, installed by pip into `tools` unless it is there."""
    program = tools / "bin" / "uv"
    if not list(tools.glob(f"uv-{UV_VERSION}.dist-info")):
        print(f"setup: installing uv {UV_VERSION} into {tools.name}", flush=True)
        pip = [PYTHON, "-m", "pip", "install", "--quiet", "--root-user-action=ignore"]
        run([*pip, "--upgrade", "--target", tools, f"uv=={UV_VERSION}"])
    return program


def pip_listing() -> str:
    """What pip's configuration says, files and environment together."""
    command = [PYTHON, "-m", "pip", "config", "list"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"setup: {PYTHON} has no pip that works: {done.stderr.strip()}")
    return done.stdout


def install(kind: str, lock: str) -> None:
    """Make `.venv` hold exactly what the lock says."""
    program, python = uv(ROOT / ".tools"), ROOT / ".venv" / "bin" / "python"
    pip = pip_settings(pip_listing())
    sources = source_arguments(kind, pip, torch_pin(lock), sys.version_info[:2])
    environ = source_environment(pip, os.environ)
    print(f"setup: installing {LOCKS[kind]} into .venv (first time: some minutes)", flush=True)
    run([program, "venv", "--quiet", "--clear", "--python", PYTHON, ROOT / ".venv"])
    # Without bytecode, vLLM takes three times as long to import, in each of its processes.
    sync = [program, "pip", "sync", "--compile-bytecode", "--python", python]
    run([*sync, *sources, LOCKS[kind]], environ)
    if kind == "gpu":  # the CPU lock holds the development tools already
        tools = ["--group", "dev", "--constraint", LOCKS["gpu"]]
        run([program, "pip", "install", "--python", python, *sources, *tools], environ)


def main() -> None:
    """Set up what is missing for this machine."""
    if sys.version_info < MINIMUM_PYTHON:
        sys.exit("setup: Python 3.11 or newer is needed; name one with `make PYTHON=python3.12 …`")
    parser = argparse.ArgumentParser(description="Set up .venv from the lock of this machine.")
    parser.add_argument("--accelerator", choices=sorted(LOCKS), default=None)
    kind = parser.parse_args().accelerator or accelerator()
    lock = (ROOT / LOCKS[kind]).read_text()
    mark = ROOT / ".venv" / "installed"
    if mark.is_file() and mark.read_text() == stamp(kind, lock):
        return
    install(kind, lock)
    mark.write_text(stamp(kind, lock))


if __name__ == "__main__":
    main()
