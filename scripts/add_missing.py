"""Install what a lock names and this Python lacks, then bytecode for all that it has.

`python add_missing.py LOCK [--no-bytecode]`, where pip installs system-wide: while an image is
built. A package that is there already keeps its version, whatever the lock says: vLLM's own image
is right about what vLLM needs. The SDK's wish for a newer FastAPI, which only its local API would
use, is not heard for that reason (see requirements/overrides.txt).
"""

import compileall
import os
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from importlib.metadata import distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

# Where pip installs. What the system's own package manager has elsewhere does not count: it may be
# made for the system's own Python, and pip's goes before it.
FOLDERS = tuple(sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}))
PIP = (sys.executable, "-m", "pip", "install", "--no-deps", "--no-compile")
OPTIONS = ("--ignore-installed", "--no-cache-dir", "--disable-pip-version-check")


def installed() -> Mapping[str, str]:
    """The version of every package that pip has installed."""
    found = [one for one in distributions(path=list(FOLDERS)) if one.metadata["Name"]]
    return {canonicalize_name(one.metadata["Name"]): one.version for one in found}


def missing(lock: str, here: Mapping[str, str]) -> list[str]:
    """The lock's requirements for this platform of which there is no version at all."""
    wanted = [Requirement(line) for line in lock.splitlines() if line.strip()]
    applying = [one for one in wanted if one.marker is None or one.marker.evaluate()]
    return [
        f"{one.name}{one.specifier}" for one in applying if canonicalize_name(one.name) not in here
    ]


def add(requirements: Sequence[str]) -> None:
    """Install them and nothing else."""
    if requirements:
        environ = os.environ | {"PIP_BREAK_SYSTEM_PACKAGES": "1", "PIP_ROOT_USER_ACTION": "ignore"}
        subprocess.run([*PIP, *OPTIONS, *requirements], env=environ, check=True)


def check(before: Mapping[str, str], requirements: Sequence[str]) -> None:
    """Nothing that was here has changed, and all that was missing is here."""
    now = installed()
    changed = [name for name, old in before.items() if now.get(name) != old]
    if changed:
        sys.exit(f"add_missing: these were here already and have changed: {', '.join(changed)}")
    lacking = missing("\n".join(requirements), now)
    if lacking:
        sys.exit(f"add_missing: not installed: {', '.join(lacking)}")


def main() -> None:
    """Install, check, compile."""
    before = installed()
    wanted = missing(Path(sys.argv[1]).read_text("utf-8"), before)
    sys.stdout.write(f"add_missing: {len(wanted)} of the lock are missing\n")
    add(wanted)
    check(before, wanted)
    for folder in FOLDERS if "--no-bytecode" not in sys.argv else ():
        # Some packages ship files of another Python's syntax, which nothing imports.
        compileall.compile_dir(folder, quiet=2, workers=0)


if __name__ == "__main__":
    main()
