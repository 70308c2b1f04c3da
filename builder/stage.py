"""Two containers of one image, cut off from every network: a control plane, and the worker.

They share a loopback interface and nothing else. The first runs `builder/control_plane.py` in the
image's own Python and is spoken to by `docker exec`; the second is the image as it is.
"""

import json
import secrets
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from builder.docker_client import engine_errors
from builder.errors import BuildError

if TYPE_CHECKING:
    from docker import DockerClient  # type: ignore[import-untyped]

# What leftovers are found by: docker ps --all --filter label=ai.commentary.smoke
LABEL = "ai.commentary.smoke"
PLANE = Path(__file__).with_name("control_plane.py")
PORT = 8719  # on a loopback that nobody else is on
PLANE_START_S = 60.0
PIECE = 100_000  # characters of one word of a command: Linux takes 128 KiB
PING_MS = 10_000  # RunPod's, as its SDK has it
# Where an image does not say. Source: https://docs.docker.com/reference/dockerfile/#healthcheck
CHECK_INTERVAL_S, CHECK_TIMEOUT_S = 30.0, 30.0

# A proxy of the image's settings is not for this.
ASK = """\
import sys, urllib.request as r
body = "".join(sys.argv[3:]).encode() or None
asked = r.Request(sys.argv[2], body, method=sys.argv[1])
answer = r.build_opener(r.ProxyHandler({})).open(asked, timeout=120)
sys.stdout.buffer.write(answer.read())
"""


@dataclass(frozen=True, slots=True)
class End:
    """How the worker's container ended."""

    exit_code: int
    out_of_memory: bool = False

    def __str__(self) -> str:
        why = ", killed because memory was short" if self.out_of_memory else ""
        return f"exit code {self.exit_code}{why}"


@dataclass(frozen=True, slots=True)
class Memory:
    """The most that the worker held, in bytes, and who says so."""

    peak: int
    source: str


def variables(key: str) -> dict[str, str]:
    """What RunPod sets in a worker's environment, as its SDK 1.12 reads it."""
    base = f"http://127.0.0.1:{PORT}"
    return {
        "RUNPOD_WEBHOOK_GET_JOB": f"{base}/job-take/$ID?gpu=none",
        "RUNPOD_WEBHOOK_POST_OUTPUT": f"{base}/job-done/$RUNPOD_POD_ID/$ID?gpu=none",
        "RUNPOD_WEBHOOK_POST_STREAM": f"{base}/job-stream/$RUNPOD_POD_ID/$ID?gpu=none",
        "RUNPOD_WEBHOOK_PING": f"{base}/ping/$RUNPOD_POD_ID",
        "RUNPOD_PING_INTERVAL": str(PING_MS),
        "RUNPOD_POD_ID": "smoke",
        "RUNPOD_AI_API_KEY": key,
    }


class Stage:
    """The two containers, from `with` to its end, which removes them whatever has happened.

    Attributes:
        key: what the worker shows to the control plane; nobody else knows it.

    Args:
        client: of the Docker engine.
        image: what both are made of.
    """

    def __init__(self, client: "DockerClient", image: str) -> None:
        self.key = secrets.token_urlsafe(24)
        self._client, self._image = client, image
        self._name = secrets.token_hex(6)
        self._memory = Memory(0, "not known")
        self._plane: Any = None
        self._worker: Any = None

    def __enter__(self) -> "Stage":
        try:
            self._start_plane()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Remove what bears our label: what was being made when a Ctrl-C came, too."""
        ours = {"label": f"{LABEL}={self._name}"}
        try:
            with engine_errors(f"The containers labelled {LABEL}={self._name} may be left"):
                for container in self._client.containers.list(all=True, filters=ours):
                    container.remove(force=True, v=True)
        except BuildError as error:
            sys.stderr.write(f"smoke: {error}\n")

    def _create(self, **options: Any) -> Any:
        return self._client.containers.create(
            self._image, labels={LABEL: self._name}, use_config_proxy=False, **options
        )

    def _start_plane(self) -> None:
        with engine_errors("The control plane cannot be started in the image"):
            self._plane = self._create(
                entrypoint=["python3", "-c", PLANE.read_text("utf-8")],
                command=[str(PORT), self.key],
                network_mode="none",
                healthcheck={"test": ["NONE"]},
            )
            self._plane.start()
        end = time.monotonic() + PLANE_START_S
        while self._exec("GET", "wait?seconds=0") is None:
            if time.monotonic() > end or self._state(self._plane)["Status"] != "running":
                said = self._plane.logs(tail=5).decode(errors="replace").strip()
                raise BuildError(f"The control plane does not start in the image: {said}")

    def start_worker(
        self, environment: Mapping[str, str], shm_size: str, gpus: list[Any] | None
    ) -> None:
        """Start the image as it is, as RunPod does, but for the network.

        Args:
            environment: on top of the image's and of `variables`.
            shm_size: of /dev/shm, as in `docker run --shm-size`.
            gpus: the engine's device requests.
        """
        drivers = "; --gpus needs NVIDIA's Container Toolkit on the engine" if gpus else ""
        with engine_errors(f"The worker cannot be started{drivers}"):
            self._worker = self._create(
                environment=variables(self.key) | dict(environment),
                network_mode=f"container:{self._plane.id}",
                shm_size=shm_size,
                device_requests=gpus,
            )
            self._worker.start()

    # The control plane

    def wait(self, **wanted: object) -> dict[str, Any]:
        """The plane's state, as in `Plane.wait`."""
        return dict(self._ask("GET", f"wait?{urlencode(wanted)}"))

    def add(self, name: str, given: Any, count: int = 1, *, late: bool = False) -> list[str]:
        """Queue a job, as in `Plane.add`."""
        document = {"name": name, "given": given, "count": count, "late": late}
        return list(self._ask("POST", "jobs", json.dumps(document)))

    def jobs(self) -> dict[str, Any]:
        """All jobs so far, by id."""
        return {job["id"]: job for job in self._ask("GET", "jobs")}

    def _ask(self, method: str, what: str, body: str = "") -> Any:
        answer = self._exec(method, what, body)
        if answer is None:
            raise BuildError(
                "The control plane no longer answers in its container; this is no fault of the "
                "worker's: try again, with more memory if there is little."
            )
        return json.loads(answer)

    def _exec(self, method: str, what: str, body: str = "") -> bytes | None:
        address = f"http://127.0.0.1:{PORT}/control/{what}"
        pieces = [body[at : at + PIECE] for at in range(0, len(body), PIECE)]
        with engine_errors("The control plane cannot be asked"):
            if self._state(self._plane)["Status"] != "running":
                return None
            done = self._plane.exec_run(
                ["python3", "-c", ASK, method, address, *pieces], demux=True
            )
        return done.output[0] if done.exit_code == 0 else None

    # The worker

    def _state(self, container: Any) -> dict[str, Any]:
        container.reload()
        return dict(container.attrs["State"])

    def ended(self) -> bool:
        """Whether the worker is gone."""
        with engine_errors("The worker cannot be looked at"):
            return self._state(self._worker)["Status"] in ("exited", "dead")

    def health(self) -> str | None:
        """What Docker says of the worker's health; None where the image does not tell it."""
        with engine_errors("The worker cannot be looked at"):
            told = self._state(self._worker).get("Health") or {}
            return told.get("Status")

    def end(self) -> End:
        """How the worker ended, which is gone."""
        with engine_errors("The worker cannot be looked at"):
            state = self._state(self._worker)
            return End(int(state["ExitCode"]), bool(state.get("OOMKilled")))

    def stop(self, timeout_s: int) -> float:
        """`docker stop`; the seconds until the worker was gone."""
        began = time.monotonic()
        with engine_errors("The worker cannot be stopped"):
            self._worker.stop(timeout=timeout_s)
        return time.monotonic() - began

    def log(self, lines: int | None = None) -> str:
        """What the worker has said so far, or the last lines of it."""
        if self._worker is None:
            return ""
        with engine_errors("The worker's log cannot be read"):
            tail = "all" if lines is None else lines
            return str(self._worker.logs(tail=tail).decode(errors="replace"))

    def run(self, *command: str) -> str | None:
        """What a program says in the worker's container; None where it fails or is not there."""
        with engine_errors("The worker's container cannot be asked"):
            done = self._worker.exec_run(list(command))
        return None if done.exit_code else str(done.output.decode(errors="replace"))

    def memory(self) -> Memory:
        """The peak so far: the kernel's own where it keeps one, else that of all calls of this."""
        with engine_errors("The worker's memory cannot be looked at"):
            told = self._worker.stats(stream=False, one_shot=True).get("memory_stats") or {}
        self._memory = max(_peak(told), self._memory, key=lambda memory: memory.peak)
        return self._memory


def _peak(told: Mapping[str, Any]) -> Memory:
    """What the engine tells of memory at one moment.

    Source: https://docs.docker.com/reference/api/engine (ContainerStats): `max_usage` is there with
    cgroups of version 1 alone; files in the page cache that could be dropped at any time are told
    as `inactive_file`.
    """
    if "max_usage" in told:
        return Memory(told["max_usage"], "the kernel's peak, with cached files")
    cached = (told.get("stats") or {}).get("inactive_file", 0)
    return Memory(told.get("usage", 0) - cached, "the most of some samples, without cached files")


def health_wait_s(healthcheck: Mapping[str, Any]) -> float:
    """How long a healthy container may take to count as such: two checks, in seconds."""
    interval = healthcheck.get("Interval", 0) / 1e9 or CHECK_INTERVAL_S
    return 2 * (interval + (healthcheck.get("Timeout", 0) / 1e9 or CHECK_TIMEOUT_S))
