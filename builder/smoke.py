"""Prove that a built image does its work, without a network.

The image is started as RunPod starts it, but between it and the world there is nothing: a control
plane of ours, in a second container on the same loopback, gives it jobs and is given the answers.
Checked: the script of a job, plain and streamed; the probe; the name that the model is served
under; that `docker stop` under load loses no job; that it does not run as root; its health command;
and that no secret that is known here (HF_TOKEN, what `hf auth login` left, RUNPOD_API_KEY,
DOCKER_PASSWORD) stands in its layers, its history, its settings or its log.
"""

import argparse
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm  # type: ignore[import-untyped]

from builder import checks
from builder.docker_client import absent, docker_client, engine_errors
from builder.errors import BuildError
from builder.layers import size
from builder.progress import alive, lines, tell, waiting
from builder.secrets import (
    BLOCK,
    SECRET_NAME,
    Layers,
    Secret,
    hidden,
    in_config,
    in_history,
    in_layers,
    in_log,
    known,
)
from builder.smoke_report import Check, Report
from builder.stage import Stage, health_wait_s

if TYPE_CHECKING:
    from docker import DockerClient  # type: ignore[import-untyped]

JOB_FILE = Path("test_input.json")
# RunPod's own limit for a job, in seconds; https://docs.runpod.io/serverless/endpoints/send-requests
JOB_S = 600.0
# Of the engine, in seconds: the classic store writes all of an image to a disk before it hands out
# its first byte, and 40 GB take a slow disk (20 MB/s) half an hour.
SILENCE_S = 3600
LARGEST_JOB = 1_000_000  # characters as JSON in ASCII: it becomes words of a command
LOOK_S = 2.0  # between two looks at the worker
PHASE_WIDTH = 60  # characters of the worker's last line
FINDINGS = 10  # places of secrets that are told one by one
NAME_LABEL, REVISION_LABEL = "ai.commentary.model.name", "ai.commentary.model.revision"
PROBE: Mapping[str, Any] = {"probe": True}
MODELS: Mapping[str, Any] = {"openai_route": "/v1/models", "openai_input": {}}
VARIABLE = re.compile(r"[A-Za-z_]\w*", re.ASCII)
ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
# What worker/__main__.py logs; tests hold them together.
CRITICAL = re.compile(r"^CRITICAL \S+ \S+ \S+ (.*)$", re.MULTILINE)
READY = re.compile(r" ready: \S+ \((.*); \d+ of \d+ lines\)")
PHASE = re.compile(r"([^,]+?) (\d+\.\d) s(?:, )?")
NVIDIA_SMI = (
    *("nvidia-smi", "--query-gpu=name,memory.used,memory.total"),
    "--format=csv,noheader,nounits",
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is tried, and how; times in seconds.

    Attributes:
        image: a reference on the engine.
        job: the input of a commentary job.
        env: variables of the worker's, on top of the image's.
        secrets: those of them whose values must not be told.
        gpus: as in `docker run --gpus`; None for none.
        shm_size: as in `docker run --shm-size`.
        jobs: how many there are at once when the worker is stopped.
        stop_timeout: after which a stopped worker is killed.
        start_timeout: for the first call for jobs.
        fallback_ok, root_ok: what is let pass.
    """

    image: str
    job: Mapping[str, Any]
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: Sequence[Secret] = ()
    gpus: str | None = None
    shm_size: str = "1g"
    jobs: int = 8
    stop_timeout: int = 30
    start_timeout: int = 900
    fallback_ok: bool = False
    root_ok: bool = False

    @property
    def actions(self) -> list[Mapping[str, Any]]:
        """The job's, one a line."""
        return list(self.job["rawData"])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of `smoke`."""
    parser.add_argument("image", metavar="IMAGE", help="what `build` has tagged")
    parser.add_argument(
        "--env",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="for the worker, as on RunPod; or KEY alone: its value here",
    )
    parser.add_argument("--gpus", help='as for `docker run`: "all", a number, or device=0,1')
    parser.add_argument(
        "--shm-size", default="1g", metavar="SIZE", help="of /dev/shm; default %(default)s"
    )
    parser.add_argument(
        "--job",
        type=Path,
        default=JOB_FILE,
        metavar="FILE",
        help="a commentary job; default %(default)s",
    )
    _add_numbers(parser)
    parser.add_argument(
        "--fallback-ok", action="store_true", help="for a model that never speaks, as the mini one"
    )
    parser.add_argument("--root-ok", action="store_true", help="for an image with USER_ID=0")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the report as JSON, too")


def _add_numbers(parser: argparse.ArgumentParser) -> None:
    numbers = {
        "--jobs": (8, checks.IN_FLIGHT, "at once, when the worker is told to stop"),
        "--stop-timeout": (30, 1, "seconds after which a stopped worker is killed"),
        "--start-timeout": (900, 1, "seconds for a start"),
    }
    for flag, (default, least, about) in numbers.items():
        parser.add_argument(
            flag,
            type=_at_least(least),
            default=default,
            metavar="N",
            help=f"{about}; default %(default)s",
        )


def _at_least(least: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        value = int(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"must be {least} or more")
        return value

    return number


def run(options: argparse.Namespace) -> None:
    """Try IMAGE and report on standard output; BuildError where anything is wrong with it."""
    plan = read(options, os.environ)
    if options.json and not options.json.absolute().parent.is_dir():
        raise BuildError(f"--json {options.json}: there is no such folder; make it first.")
    report = smoke(docker_client(SILENCE_S), plan, os.environ)
    sys.stdout.write(report.text())
    if options.json:
        text = json.dumps(report.document(), ensure_ascii=False, indent=2)
        options.json.write_text(f"{text}\n", "utf-8")
    if report.failures:
        raise BuildError(f"{plan.image} is not fit to be pushed: {'; '.join(report.failures)}")


def read(options: argparse.Namespace, environ: Mapping[str, str]) -> Plan:
    """The trial that a command line names.

    Raises:
        BuildError: about the first option that cannot be, by its name.
    """
    env = dict(_variable(given, environ) for given in options.env)
    secret = [Secret(name, env[name].encode()) for name in env if SECRET_NAME.search(name)]
    _check_size(options.shm_size)
    return Plan(
        image=options.image,
        job=read_job(options.job),
        env=env,
        secrets=[given for given in secret if given.value],
        gpus=options.gpus,
        shm_size=options.shm_size,
        jobs=options.jobs,
        stop_timeout=options.stop_timeout,
        start_timeout=options.start_timeout,
        fallback_ok=options.fallback_ok,
        root_ok=options.root_ok,
    )


def _variable(given: str, environ: Mapping[str, str]) -> tuple[str, str]:
    name, told, value = given.partition("=")
    if not VARIABLE.fullmatch(name):
        raise BuildError("--env takes KEY=VALUE, or KEY alone; KEY is letters, digits and _.")
    if not told and name not in environ:
        raise BuildError(f"--env {name}: it is not in the environment; export it, or give =VALUE.")
    if told and SECRET_NAME.search(name):
        raise BuildError(
            f"--env {name}: a secret does not belong on a command line; export {name} and give "
            f"--env {name} alone."
        )
    return name, value if told else environ[name]


def _check_size(text: str) -> None:
    from docker import errors, utils

    try:
        utils.parse_bytes(text)
    except errors.DockerException as error:
        raise BuildError(f"--shm-size {text}: give a number and a unit, such as 1g.") from error


def read_job(path: Path) -> Mapping[str, Any]:
    """The input in a file like test_input.json; BuildError where it is no commentary job."""
    try:
        document = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise BuildError(f"--job {path}: it cannot be read as JSON: {error}.") from error
    given = document.get("input") if isinstance(document, dict) else None
    rows = given.get("rawData") if isinstance(given, dict) else None
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise BuildError(
            f"--job {path}: input.rawData must be a list of actions, as in test_input.json."
        )
    if len(json.dumps(given)) > LARGEST_JOB:
        raise BuildError(f"--job {path}: it is too large for this; name one with fewer actions.")
    return dict(given or {})


@dataclass(frozen=True, slots=True)
class Image:
    """An image, as the engine describes it."""

    attributes: Mapping[str, Any]
    history: Sequence[Mapping[str, Any]]

    @property
    def config(self) -> Mapping[str, Any]:
        """Its settings."""
        return self.attributes.get("Config") or {}

    @property
    def env(self) -> dict[str, str]:
        """Its variables."""
        pairs = (variable.partition("=") for variable in self.config.get("Env") or ())
        return {name: value for name, _, value in pairs}

    @property
    def labels(self) -> Mapping[str, str]:
        """Its labels."""
        return self.config.get("Labels") or {}

    @property
    def size(self) -> int:
        """Bytes of its layers, unpacked; an engine's own sum may count them packed, too."""
        return sum(step["Size"] for step in self.history)


def find(client: "DockerClient", reference: str) -> Image:
    """The image of that name on the engine, or BuildError."""
    from docker import errors

    with engine_errors(f"IMAGE {reference}"):
        try:
            image = client.images.get(reference)
        except errors.ImageNotFound as error:
            raise absent(reference) from error
        return Image(image.attrs, image.history())


def smoke(client: "DockerClient", plan: Plan, environ: Mapping[str, str]) -> Report:
    """Try an image; what is wrong with it is in the report.

    Args:
        client: of the engine that has it.
        plan: what to do.
        environ: where secrets are known from.

    Raises:
        BuildError: there is no such image, or the trial itself cannot be made.
    """
    secrets = [*known(environ), *plan.secrets]
    gpus = device_requests(plan.gpus)
    image = find(client, plan.image)
    report = Report(plan.image, image.attributes["Id"], image.size)
    try:
        with Stage(client, image.attributes["Id"]) as stage:
            Conductor(stage, plan, image, report, secrets).attempt(gpus)
    except BuildError as error:  # tell the rest, too: secrets are no matter of the start
        _note(report, secrets, Check("containers", (str(error),)))
    _search(client, image, secrets, report)
    return report


def device_requests(gpus: str | None) -> list[Any] | None:
    """What `docker run --gpus` would ask the engine for."""
    from docker.types import DeviceRequest  # type: ignore[import-untyped]

    if gpus is None:
        return None
    wanted: dict[str, Any] = {"capabilities": [["gpu"]]}
    kind, _, names = gpus.partition("=")
    if kind == "device" and names:
        wanted["device_ids"] = names.split(",")
    elif gpus == "all" or gpus.isdecimal():
        wanted["count"] = -1 if gpus == "all" else int(gpus)
    else:
        raise BuildError(f'--gpus {gpus}: give "all", a number, or device=0,1.')
    return [DeviceRequest(**wanted)]


class Conductor:
    """A trial of a running worker: its start, its jobs, its end."""

    def __init__(
        self, stage: Stage, plan: Plan, image: Image, report: Report, secrets: Sequence[Secret]
    ) -> None:
        self._stage, self._plan, self._image = stage, plan, image
        self._report, self._secrets = report, secrets

    def attempt(self, gpus: list[Any] | None) -> None:
        """All of it; a worker that ends of itself or does nothing is a failed check of its own."""
        try:
            self._conduct(gpus)
        except BuildError as error:
            self._check("worker", [str(error)])
        if log := plain(self._stage.log()):
            self._report.phases = phases_of(log)
            own = Secret("the key that RunPod gives a worker", self._stage.key.encode())
            self._check("no secret in the log", _told(in_log(log, [*self._secrets, own])))

    def _check(self, name: str, problems: Sequence[str], note: str = "") -> None:
        _note(self._report, self._secrets, Check(name, tuple(problems), note))

    def _conduct(self, gpus: list[Any] | None) -> None:
        """All of it; BuildError where the worker ends of itself or does nothing."""
        self._start(gpus)
        self._user()
        self._jobs()
        self._health()
        self._measure()
        self._drain()
        wrong = list(dict.fromkeys(self._stage.wait(seconds=0)["wrong"]))
        self._check("platform", wrong, "nothing but RunPod's own calls")

    def _start(self, gpus: list[Any] | None) -> None:
        plan, began = self._plan, time.monotonic()
        self._stage.start_worker(plan.env, plan.shm_size, gpus)
        advice = "see `docker run`, or raise --start-timeout"
        self._await("start", {"takes": 1}, plan.start_timeout, advice)
        self._report.ready_s = time.monotonic() - began
        self._check("start", [], "it takes jobs, without a network")

    def _await(
        self, what: str, wanted: Mapping[str, Any], seconds: float, advice: str
    ) -> dict[str, Any]:
        """The plane's state when it is as wanted; BuildError where that does not come."""
        end = time.monotonic() + seconds
        with waiting(f"smoke: {what}") as show:
            while not (state := self._stage.wait(**wanted, seconds=LOOK_S))["met"]:
                if self._stage.ended():
                    said = checks.shortened(last_words(self._log()))
                    raise BuildError(f"it ended with {self._stage.end()} at {what}: {said}")
                if time.monotonic() > end:
                    raise BuildError(f"{what} is not over after {seconds:.0f} s ({advice})")
                self._sample()
                show(phase_of(self._log(last=1)))
        return state

    def _log(self, last: int | None = None) -> str:
        """The worker's log without colours and secrets: what is cut of it later is no secret's."""
        return hidden(plain(self._stage.log(last)), self._secrets)

    def _all_jobs(self) -> dict[str, Any]:
        """All jobs by id, their errors without secrets: checks cut what is long."""
        jobs = self._stage.jobs()
        for job in jobs.values():
            job["error"] = job["error"] and hidden(str(job["error"]), self._secrets)
        return jobs

    def _sample(self) -> None:
        memory = self._stage.memory()
        if memory.peak:
            self._report.memory_bytes, self._report.memory_source = memory.peak, memory.source

    def _user(self) -> None:
        told = self._stage.run("id", "-u") or self._image.config.get("User") or "root"
        uid = told.strip().partition(":")[0]
        is_root = uid in ("0", "root")
        wrong = ["it runs as root: build it with USER_ID, or give --root-ok"] if is_root else []
        self._check("user", [] if self._plan.root_ok else wrong, f"it runs as user {uid}")

    def _jobs(self) -> None:
        """One after the other, so that each has its own time."""
        plan, name = self._plan, self._name()
        actions, ok = plan.actions, plan.fallback_ok
        job = self._answered("script", {**plan.job, "stream": False})
        count = f"{len(actions)} lines for {len(actions)} actions"
        self._check("script", checks.script(job, actions, fallback_ok=ok), count)
        job = self._answered("stream", {**plan.job, "stream": True})
        self._check("stream", checks.stream(job, actions, fallback_ok=ok), count)
        job = self._answered("models", MODELS)
        self._check("served name", checks.served_name(job, name) + self._labelled(), str(name))
        job = self._answered("probe", PROBE)
        self._check("probe", checks.probe(job, name, self._revisions()), _commit_of(job))

    def _answered(self, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
        [job] = self._stage.add(name, given)
        self._await(name, {"ended": job}, JOB_S, "RunPod would end the job, too")
        told: dict[str, Any] = self._all_jobs()[job]
        self._report.job_s[name] = told["seconds"]
        return told

    def _name(self) -> str | None:
        return self._plan.env.get("MODEL_NAME") or self._image.env.get("MODEL_NAME")

    def _labelled(self) -> list[str]:
        """Whether the label is right, also for an image that is tried with another model."""
        return checks.labelled(
            self._image.env.get("MODEL_NAME"), self._image.labels.get(NAME_LABEL)
        )

    def _revisions(self) -> dict[str, str | None]:
        if "MODEL_NAME" in self._plan.env:  # the image's are another model's
            return {"MODEL_REVISION": self._plan.env.get("MODEL_REVISION")}
        both = self._image.env | dict(self._plan.env)
        label = self._image.labels.get(REVISION_LABEL)
        return {"MODEL_REVISION": both.get("MODEL_REVISION"), f"the label {REVISION_LABEL}": label}

    def _health(self) -> None:
        healthcheck = self._image.config.get("Healthcheck")
        if not healthcheck or healthcheck.get("Test") in (None, [], ["NONE"]):
            self._check("health", ["the image has no HEALTHCHECK, as our Dockerfile has one"])
            return
        end = time.monotonic() + health_wait_s(healthcheck)
        with waiting("smoke: health") as show:
            while (status := self._stage.health()) != "healthy" and time.monotonic() < end:
                show(str(status))
                time.sleep(LOOK_S / 2)
        wrong = [] if status == "healthy" else [f"Docker calls it {status}, though it works"]
        self._check("health", wrong, "Docker calls it healthy")

    def _measure(self) -> None:
        self._sample()
        self._report.gpus = gpus_of(self._stage.run(*NVIDIA_SMI) or "")

    def _drain(self) -> None:
        """Stop the worker when it has jobs; one more comes while it leaves."""
        plan, stage = self._plan, self._stage
        ids = stage.add("drain", {**plan.job, "stream": False}, plan.jobs)
        ids += stage.add("late", {**plan.job, "stream": False}, late=True)
        wanted = {"in_flight": checks.IN_FLIGHT, "mark": 1}
        state = self._await("drain", wanted, JOB_S, "it takes no two jobs at once")
        tell(f"smoke: drain: docker stop, {len(state['atStop'])} jobs in flight")
        self._report.drain_s = stage.stop(plan.stop_timeout)
        everything = self._all_jobs()
        jobs = [everything[name] for name in ids]
        self._report.drain = {
            "in flight": len(state["atStop"]),
            "answered": sum(job["ended"] for job in jobs),
            "left in the queue": sum(not job["taken"] for job in jobs),
        }
        problems = checks.drain(jobs, plan.actions, state["atStop"], stage.end(), plan.stop_timeout)
        self._check("drain", problems, "docker stop under load lost nothing")


def _note(report: Report, secrets: Sequence[Secret], check: Check) -> None:
    """Note a check, its texts without any secret, and tell of it at once."""
    problems = tuple(hidden(problem, secrets) for problem in check.problems)
    report.checks.append(replace(check, problems=problems, note=hidden(check.note, secrets)))
    tell(f"smoke: {report.checks[-1].text}")


def plain(log: str) -> str:
    """A log without colours."""
    return ANSI.sub("", log)


def phases_of(log: str) -> dict[str, float]:
    """The phases of a start in seconds, as the worker tells them when it is ready."""
    found = READY.search(log)
    return {name: float(seconds) for name, seconds in PHASE.findall(found[1])} if found else {}


def last_words(log: str) -> str:
    """Why a worker ended: its last CRITICAL line, else the last of all."""
    found = CRITICAL.findall(log)
    said = [line for line in log.splitlines() if line.strip()]
    return str(found[-1]) if found else (said or ["it said nothing"])[-1]


def phase_of(log: str) -> str:
    """The end of a log as a word on how far the start is."""
    last = re.split(r"[\r\n]+", log.strip())[-1]
    return " ".join(last.split())[:PHASE_WIDTH]


def gpus_of(told: str) -> list[dict[str, Any]]:
    """The GPUs that nvidia-smi tells of, in lines of name, used and total MiB."""
    rows = [line.rsplit(", ", 2) for line in told.splitlines() if line.count(", ") >= 2]
    return [{"name": name, "usedMiB": used, "totalMiB": total} for name, used, total in rows]


def _commit_of(job: Mapping[str, Any]) -> str:
    try:
        return str(job["output"][0]["model"]["revision"])
    except (LookupError, TypeError):
        return ""


def _search(
    client: "DockerClient", image: Image, secrets: Sequence[Secret], report: Report
) -> None:
    """Look for secrets in the image; in its layers, for those that are known here."""
    settings = in_config(image.attributes, secrets)
    history = in_history(image.history, secrets)
    known_already = {finding.what for finding in [*settings, *history]}
    for check in (
        Check("no secret in settings", tuple(_told(settings))),
        Check("no secret in the history", tuple(_told(history))),
    ):
        _note(report, secrets, check)
    _note(report, secrets, _in_layers(client, image, secrets, known_already))


def _in_layers(
    client: "DockerClient", image: Image, secrets: Sequence[Secret], known_already: set[str]
) -> Check:
    name = "no secret in layers"
    if not secrets:
        return Check(name, note="not searched: no secret is known here", skipped=True)
    try:
        found = _searched(client, image, secrets)
    except BuildError as error:  # what the worker did is told all the same
        return Check(name, (str(error),))
    # What describes the image repeats its settings and its history.
    fresh = [
        finding
        for finding in found.findings
        if finding.where.startswith("layer ") or finding.what not in known_already
    ]
    names = ", ".join(secret.name for secret in secrets)
    note = "; ".join([f"{found.searched} layers searched for {names}", *found.packed])
    return Check(name, (*_told(fresh), *found.closed), note, skipped=bool(found.packed))


def _searched(client: "DockerClient", image: Image, secrets: Sequence[Secret]) -> Layers:
    """What all of the image's layers have of the secrets."""
    with engine_errors("The image's layers cannot be read"):
        with alive("smoke: layers", "the engine writes the image out"):
            saved = client.images.get(image.attributes["Id"]).save(chunk_size=BLOCK)
        with _bytes_bar(image.size) as moved:
            return in_layers(saved, secrets, moved)


def _told(findings: Sequence[Any]) -> list[str]:
    more = len(findings) - FINDINGS
    return [*map(str, findings[:FINDINGS]), *([f"and in {more} more places"] if more > 0 else [])]


@contextmanager
def _bytes_bar(total: int) -> Iterator[Callable[[int], None]]:
    """Show how many bytes of the image have been searched."""
    done = 0
    show = lines("smoke: layers")
    with tqdm(
        total=total,
        desc="smoke: layers",
        unit="B",
        unit_scale=True,
        disable=not sys.stderr.isatty(),
        leave=False,
    ) as bar:

        def moved(count: int) -> None:
            nonlocal done
            done += count
            bar.update(count)
            if bar.disable:
                show(f"{size(done)} of {size(total)}")

        yield moved
