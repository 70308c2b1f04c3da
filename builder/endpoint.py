"""Print or set up the RunPod endpoint that runs the image.

Alone, it says what to fill in on RunPod's console. `--dry-run` shows the requests that `--apply`
would send; with RUNPOD_API_KEY in the environment it looks up what exists first, and changes
nothing. `--apply` creates the template and the endpoint, or brings those of the same name up to
date: variables, a volume or a registry login that were set elsewhere and are not named here stay.

A secret is given by its name alone (`--env HF_TOKEN` takes the value of that variable here) or as
a RunPod secret (`--env 'HF_TOKEN={{ RUNPOD_SECRET_hf_token }}'`), which no template shows.
"""

import argparse
import os
import re
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from builder.errors import BuildError
from builder.rest import HIDDEN, ID, KEY, KEYS_PAGE, Api, Rehearsal, connected

ADDRESS = "RUNPOD_REST_URL"  # another address of the REST API, for tests
REST = "https://rest.runpod.io/v1"  # https://docs.runpod.io/api-reference/overview
JOBS = "https://api.runpod.ai/v2"  # https://docs.runpod.io/serverless/endpoints/overview
LOOPBACK = ("127.0.0.1", "::1", "localhost")  # where a key may go without TLS

# Templates that an endpoint uses are listed only when asked for, and ours is one from its first
# day on: https://docs.runpod.io/api-reference/templates/GET/templates
TEMPLATES = "/templates?includeEndpointBoundTemplates=true"
ENDPOINTS = "/endpoints"
FLASHBOOT = "-fb"  # RunPod marks FlashBoot at the end of an endpoint's name: "name -fb"

# A worker is given up after 7 minutes of start-up otherwise, and the first one on a host may load
# 15 GB from a volume: https://docs.runpod.io/serverless/development/optimization
INIT_TIMEOUT_S = 800
# A broadcast asks every ten seconds or so, and is still for up to a minute (a substitution, a
# replay). The default of 5 s would end the worker between two bursts; a start, which is billed as
# well, takes as long as this whole minute.
IDLE_TIMEOUT_S = 60
EXECUTION_TIMEOUT_S = 600  # RunPod's default, well above a job's own deadline
JOB_DEADLINE_S = 120.0  # the worker's own
EXECUTION_RANGE_S = (
    5,
    7 * 24 * 3600,
)  # docs.runpod.io/serverless/endpoints/endpoint-configurations
IDLE_RANGE_S = (
    1,
    3600,
)  # EndpointCreateInput.idleTimeout of https://rest.runpod.io/v1/openapi.json
LONGEST_NAME = 191  # EndpointCreateInput.name, in characters
DISK_GB = 60  # as .runpod/hub.json has it: room for a model in the cache beside the image's
CUDA = "13.0"  # of the torch that our vLLM is built for; a host's driver must be as new
CUDA_VERSIONS = (
    *("13.0", "12.9", "12.8", "12.7", "12.6", "12.5", "12.4", "12.3", "12.2", "12.1", "12.0"),
    "11.8",
)

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
SECRET_NAME = re.compile(r"(^|_)(TOKEN|KEY|SECRET|PASSWORD|PASSWD|CREDENTIALS?)$", re.IGNORECASE)
RUNPOD_SECRET = re.compile(r"\{\{ ?RUNPOD_SECRET_\w+ ?\}\}")
IMAGE = re.compile(r"[a-z0-9][\w.\-/:@]*")


@dataclass(frozen=True, slots=True)
class Card:
    """A GPU that we have presets for; the first is taken where none is named.

    Attributes:
        gpu_type: RunPod's id, of EndpointCreateInput.gpuTypeIds.
        jobs: how many jobs one worker generates at once: MAX_NUM_SEQS of the card's presets over
            the dozen requests of a job. One more waits, so it is worth a second worker.
        presets: the worker's for this card, and the model of each.
    """

    gpu_type: str
    memory_gb: int
    jobs: int
    presets: Mapping[str, str]


AX = "skt/A.X-4.0-Light"
EXAONE = "LGAI-EXAONE/EXAONE-3.5-7.8B-Instruct"
EXAONE_AWQ = f"{EXAONE}-AWQ"
CARDS = {
    "l4": Card("NVIDIA L4", 24, 5, {"ax-l4": AX, "exaone-l4": EXAONE, "exaone-awq-l4": EXAONE_AWQ}),
    "a40": Card(
        "NVIDIA A40", 48, 10, {"ax-a40": AX, "exaone-a40": EXAONE, "exaone-awq-a40": EXAONE_AWQ}
    ),
}
PRESETS = tuple(preset for card in CARDS.values() for preset in card.presets)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """An endpoint as it shall be; durations in seconds.

    Attributes:
        env: the variables of the container.
        secrets: the names among them whose values nobody may see.
    """

    name: str
    image: str
    card: Card
    env: Mapping[str, str]
    secrets: frozenset[str]
    workers_min: int
    workers_max: int
    idle_timeout: int
    execution_timeout: int
    disk_gb: int
    min_cuda: str
    volume: str | None
    registry_auth: str | None

    @property
    def open_names(self) -> frozenset[str]:
        """The variables whose values may be shown; any other may hold somebody's secret."""
        return frozenset(self.env) - self.secrets

    def template(self, kept: Mapping[str, str]) -> dict[str, Any]:
        """TemplateUpdateInput, where `kept` is what its variables are now."""
        body = {
            "imageName": self.image,
            "containerDiskInGb": self.disk_gb,
            "env": {**kept, **self.env},
        }
        return body | (
            {"containerRegistryAuthId": self.registry_auth} if self.registry_auth else {}
        )

    def new_template(self) -> dict[str, Any]:
        """TemplateCreateInput; a serverless template has no disk volume of its own."""
        return {"name": self.name, "isServerless": True, "volumeInGb": 0} | self.template({})

    def endpoint(self, template: str) -> dict[str, Any]:
        """EndpointUpdateInput, for the template of that id."""
        body = {
            "templateId": template,
            "gpuTypeIds": [self.card.gpu_type],
            "gpuCount": 1,
            "minCudaVersion": self.min_cuda,
            "workersMin": self.workers_min,
            "workersMax": self.workers_max,
            "idleTimeout": self.idle_timeout,
            "executionTimeoutMs": self.execution_timeout * 1000,
            "flashboot": True,
            "scalerType": "REQUEST_COUNT",
            "scalerValue": self.card.jobs,
        }
        return body | ({"networkVolumeId": self.volume} if self.volume else {})

    def new_endpoint(self, template: str) -> dict[str, Any]:
        """EndpointCreateInput, for the template of that id."""
        return {"name": self.name, "computeType": "GPU"} | self.endpoint(template)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of `endpoint`."""
    parser.add_argument("image", metavar="IMAGE", help="as `push` printed it: a version or digest")
    parser.add_argument("--gpu", type=str.lower, choices=CARDS, required=True)
    parser.add_argument("--name", help="of endpoint and template; default: the image's and --gpu")
    parser.add_argument(
        "--preset",
        choices=PRESETS,
        help="with its model; default: the card alone, for the image's model",
    )
    parser.add_argument(
        "--env",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="or KEY alone: its value here",
    )
    parser.add_argument("--volume", metavar="ID", help="a network volume; ties to its data centre")
    parser.add_argument("--registry-auth", metavar="ID", help="RunPod's login for a private image")
    _add_numbers(parser)
    parser.add_argument("--min-cuda", choices=CUDA_VERSIONS, default=CUDA, metavar="VERSION")
    parser.add_argument("--dry-run", action="store_true", help="show the requests, change nothing")
    parser.add_argument("--apply", action="store_true", help=f"create or update; needs {KEY}")


def _add_numbers(parser: argparse.ArgumentParser) -> None:
    for flag, default, (low, high), meaning in (
        ("--min", 0, (0, 1000), "workers that always run, and are always billed"),
        ("--max", 2, (0, 1000), "workers at most"),
        ("--idle-timeout", IDLE_TIMEOUT_S, IDLE_RANGE_S, "seconds that a worker waits, billed"),
        ("--execution-timeout", EXECUTION_TIMEOUT_S, EXECUTION_RANGE_S, "seconds of a job"),
        ("--disk", DISK_GB, (1, 10_000), "GB of the container"),
    ):
        kind = _whole(low, high)
        told = f"{meaning}; default: {default}"
        parser.add_argument(flag, type=kind, default=default, metavar="N", help=told)


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        number = int(text) if re.fullmatch(r"\d{1,9}", text) else -1
        if not low <= number <= high:
            raise argparse.ArgumentTypeError(f"must be a whole number from {low} to {high}")
        return number

    return read


def run(options: argparse.Namespace) -> None:
    """Print the endpoint, show its requests, or set it up, as the command line says."""
    plan = read(options, os.environ)
    if options.dry_run:
        told: Iterable[str] = _dry_run(plan, os.environ)
    elif options.apply:
        told = _apply(plan, os.environ)
    else:
        told = _describe(plan)
    for line in told:
        sys.stdout.write(f"{line}\n")


def read(options: argparse.Namespace, environ: Mapping[str, str]) -> Plan:
    """The endpoint that a command line names.

    Raises:
        BuildError: about the first option that cannot be, by its name.
    """
    if not IMAGE.fullmatch(options.image):
        raise BuildError(f"IMAGE: {options.image!r} is no image; paste the line that push printed.")
    if options.min > options.max:
        raise BuildError(f"--min {options.min} is above --max {options.max}; raise --max.")
    env, secrets = _variables(options, environ)
    _check_deadline(options.execution_timeout, env)
    return Plan(
        name=_name(options),
        image=options.image,
        card=CARDS[options.gpu],
        env=env,
        secrets=secrets,
        workers_min=options.min,
        workers_max=options.max,
        idle_timeout=options.idle_timeout,
        execution_timeout=options.execution_timeout,
        disk_gb=options.disk,
        min_cuda=options.min_cuda,
        volume=_id("--volume", options.volume),
        registry_auth=_id("--registry-auth", options.registry_auth),
    )


def _name(options: argparse.Namespace) -> str:
    """The name that finds the endpoint again, without RunPod's own mark at its end."""
    repository = options.image.partition("@")[0].rpartition("/")[2].partition(":")[0]
    given = f"{repository}-{options.gpu}" if options.name is None else options.name
    name = _plain(given)
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise BuildError(
            f"--name must be 1 to {LONGEST_NAME} printable characters; choose another."
        )
    return name


def _id(flag: str, value: str | None) -> str | None:
    if value is not None and not ID.fullmatch(value):
        raise BuildError(f"{flag} must be an id (letters and digits); copy it from the console.")
    return value


def _variables(
    options: argparse.Namespace, environ: Mapping[str, str]
) -> tuple[dict[str, str], frozenset[str]]:
    """The container's variables, and the names of those that were taken from here."""
    env = {**_preset(options), "RUNPOD_INIT_TIMEOUT": str(INIT_TIMEOUT_S)}
    secrets: set[str] = set()
    for given in options.env:
        name, told, value = given.partition("=")
        _check_name(name)
        env[name] = _told(name, value) if told else _taken(name, environ)
        (secrets.discard if told else secrets.add)(name)
    return env, frozenset(secrets)


def _preset(options: argparse.Namespace) -> dict[str, str]:
    """A preset that was named brings its model; otherwise it is the image's own that is served."""
    presets = CARDS[options.gpu].presets
    if options.preset is None:
        return {"PRESET": next(iter(presets))}
    if options.preset not in presets:
        raise BuildError(
            f"--preset {options.preset} is not for --gpu {options.gpu}; choose "
            f"{', '.join(presets)}."
        )
    return {"PRESET": options.preset, "MODEL_NAME": presets[options.preset]}


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise BuildError("--env takes KEY=VALUE, or KEY alone; KEY is letters, digits and _.")
    if name == "PRESET":
        raise BuildError("--env PRESET: use --preset, which is checked against --gpu.")


def _told(name: str, value: str) -> str:
    if SECRET_NAME.search(name) and not RUNPOD_SECRET.fullmatch(value):
        raise BuildError(
            f"--env {name}: a secret does not belong on a command line; export {name} and give "
            f"--env {name} alone, or make a RunPod secret and give {_as_secret(name)}."
        )
    return value


def _taken(name: str, environ: Mapping[str, str]) -> str:
    if not environ.get(name):
        raise BuildError(
            f"--env {name}: {name} is not in the environment; export it, or give {name}=VALUE."
        )
    return environ[name]


def _as_secret(name: str) -> str:
    return f"--env '{name}={{{{ RUNPOD_SECRET_{name.lower()} }}}}'"


def _check_deadline(execution_timeout: int, env: Mapping[str, str]) -> None:
    """A job that the platform ends first costs the worker, and tells the caller nothing."""
    try:
        deadline = float(env.get("JOB_DEADLINE", JOB_DEADLINE_S))
    except ValueError:
        raise BuildError("--env JOB_DEADLINE must be a number of seconds.") from None
    if not execution_timeout > deadline:
        raise BuildError(
            f"--execution-timeout {execution_timeout} must be longer than the worker's own "
            f"JOB_DEADLINE, {deadline:g} s; raise it, or lower --env JOB_DEADLINE=SECONDS."
        )


def _describe(plan: Plan) -> Iterator[str]:
    """The endpoint in the words of RunPod's console."""
    yield "RunPod console: Serverless > New Endpoint > Docker"
    for label, value in _settings(plan):
        yield f"  {label:<22}{value}"
    yield "  Environment variables"
    for name in sorted(plan.env):
        yield f"    {name}={plan.env[name] if name in plan.open_names else HIDDEN}"
    yield from _advice(plan)
    yield f"Nothing was sent. --dry-run shows the requests; --apply sends them, with {KEY} set."


def _settings(plan: Plan) -> tuple[tuple[str, object], ...]:
    return (
        ("Container image", plan.image),
        ("Registry credentials", plan.registry_auth or "none"),
        ("Container disk", f"{plan.disk_gb} GB"),
        ("Endpoint name", plan.name),
        ("Endpoint type", "Queue"),
        ("GPU", f"{plan.card.gpu_type} ({plan.card.memory_gb} GB), 1 per worker"),
        ("Active workers", plan.workers_min),
        ("Max workers", plan.workers_max),
        ("Idle timeout", f"{plan.idle_timeout} s"),
        ("Execution timeout", f"{plan.execution_timeout} s"),
        ("FlashBoot", "on"),
        ("Auto-scaling type", f"Request count, {plan.card.jobs}"),
        ("CUDA version", f"{plan.min_cuda} and newer"),
        ("Network volume", plan.volume or "none"),
    )


def _advice(plan: Plan) -> Iterator[str]:
    reference = plan.image.rpartition("/")[2]
    if reference.endswith(":latest") or not re.search("[:@]", reference):
        yield "Note: workers keep the image they have; name a version, so that an update arrives."
    for name in sorted(plan.secrets):
        if SECRET_NAME.search(name):
            yield f"Note: whoever may read the template reads {name}; safer: {_as_secret(name)}"


def _apply(plan: Plan, environ: Mapping[str, str]) -> Iterator[str]:
    key = _key(environ)
    if key is None:
        raise BuildError(
            f"--apply needs {KEY} in the environment: make a key that may write, at {KEYS_PAGE}, "
            "and export it."
        )
    with connected(_address(environ), key, plan.open_names) as api:
        yield from _set_up(plan, api)


def _dry_run(plan: Plan, environ: Mapping[str, str]) -> Iterator[str]:
    key, address = _key(environ), _address(environ)
    with connected(address, key, plan.open_names) if key else nullcontext() as looked_up:
        rehearsal = Rehearsal(address, plan.open_names, looked_up)
        list(_set_up(plan, rehearsal))
    yield from rehearsal.told
    yield from _advice(plan)
    if not key:
        yield f"Without {KEY} nothing was looked up: this is what creates, where none is there."
    yield "Nothing was changed. " + (
        "--apply sends these." if rehearsal.writes else "--apply need not."
    )


def _key(environ: Mapping[str, str]) -> str | None:
    key = environ.get(KEY, "").strip()
    if key and not re.fullmatch(r"[!-~]+", key):
        raise BuildError(f"{KEY} holds characters that no key has; copy it from {KEYS_PAGE} again.")
    return key or None


def _address(environ: Mapping[str, str]) -> str:
    address = environ.get(ADDRESS, "").strip().rstrip("/") or REST
    try:
        parts = urlsplit(address)
        safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
        if not (safe and parts.hostname and parts.port != 0):  # no number is a ValueError, too
            raise ValueError  # noqa: TRY301  # as urlsplit has it
    except ValueError:
        raise BuildError(
            f"{ADDRESS} must be https://HOST/…, because the key is sent there; correct or unset it."
        ) from None
    return address


def _set_up(plan: Plan, api: Api) -> Iterator[str]:
    """Make template and endpoint what the plan says, and tell each step.

    Both are looked up before anything is written, so what is ambiguous is left as it is.
    """
    template = _found_template(api.read(TEMPLATES), plan.name)
    endpoint = _found_endpoint(api.read(ENDPOINTS), plan.name)
    kept = dict((template or {}).get("env") or {})
    body = plan.template(kept)
    template_id, told = yield from _upsert(api, template, "/templates", plan.new_template(), body)
    yield from _told_of_template(plan, template_id, told, kept)
    new, body = plan.new_endpoint(template_id), plan.endpoint(template_id)
    endpoint_id, told = yield from _upsert(api, endpoint, ENDPOINTS, new, body)
    yield f"endpoint {plan.name}: {told} ({endpoint_id})"
    yield from _advice(plan)
    yield from _address_of(endpoint_id)


def _told_of_template(
    plan: Plan, template_id: str, told: str, kept: Mapping[str, str]
) -> Iterator[str]:
    yield f"template {plan.name}: {told} ({template_id})"
    others = sorted(kept.keys() - plan.env.keys())
    if others:
        yield f"  kept as they are: {', '.join(others)}; what is not wanted, remove in the console"
    if told == "unchanged" and "@" not in plan.image:
        yield "  workers keep their image: if it was pushed anew, push it under a new version"


def _address_of(endpoint: str) -> Iterator[str]:
    address = f"{JOBS}/{endpoint}/runsync"
    yield f"id: {endpoint}"
    yield f"address: {address}"
    yield (
        f'curl -s {address} -H "Authorization: Bearer ${KEY}" '
        '-H "Content-Type: application/json" -d @test_input.json'
    )


def _found_template(templates: Iterable[Mapping[str, Any]], name: str) -> dict[str, Any] | None:
    found = _only([item for item in templates if item.get("name") == name], "templates", name)
    if found and not found.get("isServerless", True):
        raise BuildError(f"The template {name} is a Pod's and stays as it is; choose --name.")
    return found


def _found_endpoint(endpoints: Iterable[Mapping[str, Any]], name: str) -> dict[str, Any] | None:
    """The endpoint of that name, its FlashBoot read from the name where nothing else tells."""
    named = [item for item in endpoints if _plain(str(item.get("name", ""))) == name]
    found = _only(named, "endpoints", name)
    return found and {"flashboot": str(found["name"]).endswith(FLASHBOOT)} | found


def _plain(name: str) -> str:
    return name.strip().removesuffix(FLASHBOOT).rstrip()


def _only(named: list[Mapping[str, Any]], kind: str, name: str) -> dict[str, Any] | None:
    if len(named) > 1:
        ids = ", ".join(str(item.get("id")) for item in named)
        raise BuildError(
            f"There are {len(named)} {kind} named {name} ({ids}); nothing was changed, rename or "
            "delete all but one in the console, or choose --name."
        )
    return dict(named[0]) if named else None


def _upsert(
    api: Api, found: Mapping[str, Any] | None, path: str, new: dict[str, Any], body: dict[str, Any]
) -> Generator[str, None, tuple[str, str]]:
    """Create, change, or leave what is as it should be: a changed template restarts workers."""
    if found is None:
        answer = api.write("POST", path, new)
        yield from _ignored(body, answer)
        return str(answer["id"]), "created"
    if all(found.get(field) == value for field, value in body.items()):
        return str(found["id"]), "unchanged"
    answer = api.write("PATCH", f"{path}/{found['id']}", body)
    yield from _ignored(body, answer)
    return str(found["id"]), "updated"


def _ignored(body: Mapping[str, Any], answer: Mapping[str, Any]) -> Iterator[str]:
    """RunPod leaves out, without an error, what an account or a kind of endpoint cannot have."""
    for field, wanted in body.items():
        if field != "env" and answer.get(field, wanted) != wanted:
            yield f"  RunPod made {field} {answer[field]!r}, not {wanted!r}: see the console"
