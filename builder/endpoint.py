"""Print or set up the RunPod endpoint that runs the image.

Alone, it says what to fill in on RunPod's console. `--dry-run` shows the requests that `--apply`
would send; with RUNPOD_API_KEY in the environment it looks up what exists first, and changes
nothing. `--apply` creates the endpoint, or brings the one of the same name up to date: variables, a
volume or a registry login that were set elsewhere and are not named here stay.

It scales on the count of requests. RunPod takes no idle timeout beside that, so `--idle-timeout`
scales on the delay in the queue instead.

A secret is given by its name alone (`--env HF_TOKEN` takes the value of that variable here) or as
a RunPod secret (`--env 'HF_TOKEN={{ RUNPOD_SECRET_hf_token }}'`), which no endpoint shows.
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
from builder.rest import HIDDEN, ID, KEY, KEYS_PAGE, WORDS, Api, Rehearsal, connected
from builder.secrets import SECRET_NAME

ADDRESS = "RUNPOD_REST_URL"  # another address of the REST API, for tests
REST = "https://api.runpod.io/v2"  # https://docs.runpod.io/api-reference-v2/overview
JOBS = "https://api.runpod.ai/v2"  # https://docs.runpod.io/serverless/endpoints/overview
LOOPBACK = ("127.0.0.1", "::1", "localhost")  # where a key may go without TLS

ENDPOINTS = "/serverless"
GPUS = "/catalog/gpus"
QUEUE = "QUEUE"
DETAIL = "  "  # begins a line about the one before it
CONTAINER = ("image", "disk", "env", "registry")  # a change of one makes a new release
FLASHBOOT = "-fb"  # how RunPod's older APIs mark FlashBoot, at the end of a name: "name -fb"

# A worker is given up after 7 minutes of start-up otherwise, and the first one on a host may load
# 15 GB from a volume: https://docs.runpod.io/serverless/development/optimization
INIT_TIMEOUT_S = 800
# Rejected for a queue that scales on the count of requests: EndpointWorkers.idleTimeout of
# https://api.runpod.io/v2/openapi.json, where its bounds stand as well.
IDLE_RANGE_S = (1, 3600)
QUEUE_DELAY_S = 4  # RunPod's default: docs.runpod.io/serverless/endpoints/endpoint-configurations
EXECUTION_TIMEOUT_S = 600  # RunPod's default, well above a job's own deadline
JOB_DEADLINE_S = 120.0  # the worker's own
EXECUTION_RANGE_S = (
    5,
    7 * 24 * 3600,
)  # docs.runpod.io/serverless/endpoints/endpoint-configurations
LONGEST_NAME = 191  # characters; the bound of version 1's EndpointCreateInput, version 2 names none
DISK_GB = 60  # as .runpod/hub.json has it: room for a model in the cache beside the image's
CUDA = "13.0"  # of the torch that our vLLM is built for; a host's driver must be as new
CUDA_VERSIONS = (
    *("13.0", "12.9", "12.8", "12.7", "12.6", "12.5", "12.4", "12.3", "12.2", "12.1", "12.0"),
    "11.8",
)

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
RUNPOD_SECRET = re.compile(r"\{\{ ?RUNPOD_SECRET_\w+ ?\}\}")
IMAGE = re.compile(r"[a-z0-9][\w.\-/:@]*")


@dataclass(frozen=True, slots=True)
class Pool:
    """What a worker's GPU is chosen from: RunPod takes no type by itself, but a pool without some.

    Attributes:
        id: of the pool.
        others: the types in it that are not wanted.
    """

    id: str
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """A GPU that we have presets for; the first is taken where none is named.

    Attributes:
        gpu_type: RunPod's id of it.
        pool: the serverless pool that holds it, and the other types in it, as documented:
            https://docs.runpod.io/references/gpu-types. What is applied is the catalogue's.
        jobs: how many jobs one worker generates at once: MAX_NUM_SEQS of the card's presets over
            the dozen requests of a job. One more waits, so it is worth a second worker.
        presets: the worker's for this card, and the model of each.
    """

    gpu_type: str
    pool: "Pool"
    memory_gb: int
    jobs: int
    presets: Mapping[str, str]


AX = "skt/A.X-4.0-Light"
EXAONE = "LGAI-EXAONE/EXAONE-3.5-7.8B-Instruct"
EXAONE_AWQ = f"{EXAONE}-AWQ"
CARDS = {
    "l4": Card(
        gpu_type="NVIDIA L4",
        pool=Pool("AMPERE_24", ("NVIDIA GeForce RTX 3090", "NVIDIA RTX A5000")),
        memory_gb=24,
        jobs=5,
        presets={"ax-l4": AX, "exaone-l4": EXAONE, "exaone-awq-l4": EXAONE_AWQ},
    ),
    "a40": Card(
        gpu_type="NVIDIA A40",
        pool=Pool("AMPERE_48", ("NVIDIA RTX A6000",)),
        memory_gb=48,
        jobs=10,
        presets={"ax-a40": AX, "exaone-a40": EXAONE, "exaone-awq-a40": EXAONE_AWQ},
    ),
}
MODELS = {preset: model for card in CARDS.values() for preset, model in card.presets.items()}
PRESETS = tuple(MODELS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """An endpoint as it shall be; durations in seconds.

    Attributes:
        env: the variables of the container.
        secrets: the names among them whose values nobody may see.
        idle_timeout: with it the endpoint scales on the queue's delay, without it on requests.
    """

    name: str
    image: str
    card: Card
    env: Mapping[str, str]
    secrets: frozenset[str]
    workers_min: int
    workers_max: int
    idle_timeout: int | None
    execution_timeout: int
    disk_gb: int
    min_cuda: str
    volume: str | None
    registry_auth: str | None

    @property
    def open_names(self) -> frozenset[str]:
        """The variables whose values may be shown; any other may hold somebody's secret."""
        return frozenset(self.env) - self.secrets

    def hidden(self, standing: Mapping[str, str]) -> frozenset[str]:
        """The values that nobody may see, where `standing` are the variables that are there."""
        shown = {self.env[name] for name in self.open_names}
        return frozenset({*standing.values(), *self.env.values()} - shown)

    def wanted(self, pool: Pool, kept: Mapping[str, str]) -> dict[str, Any]:
        """UpdateEndpointRequest, where `kept` are variables that are there and stay."""
        body = {
            "image": self.image,
            "disk": self.disk_gb,
            "env": {**kept, **self.env},
            "gpu": self._gpu(pool),
            "workers": self._workers(),
            "scaling": self._scaling(),
            "timeout": self.execution_timeout * 1000,  # in milliseconds
            "flashboot": "FLASHBOOT",
        }
        registry = {"registry": self.registry_auth} if self.registry_auth else {}
        return body | registry | ({"networkVolumes": [self.volume]} if self.volume else {})

    def new(self, pool: Pool) -> dict[str, Any]:
        """CreateEndpointRequest."""
        return {"name": self.name, "type": QUEUE} | self.wanted(pool, {})

    def _gpu(self, pool: Pool) -> dict[str, Any]:
        return {
            "pools": [pool.id],
            "excludedTypes": list(pool.others),
            "count": 1,
            "allowedCudaVersions": [],  # a set that was there before would contradict a lowest one
            "minCudaVersion": self.min_cuda,
        }

    def _workers(self) -> dict[str, int]:
        workers = {"min": self.workers_min, "max": self.workers_max}
        return workers | ({"idleTimeout": self.idle_timeout} if self.idle_timeout else {})

    def _scaling(self) -> dict[str, Any]:
        if self.idle_timeout:
            return {"type": "QUEUE_DELAY", "queueDelay": QUEUE_DELAY_S}
        return {"type": "REQUEST_COUNT", "requestCount": self.card.jobs}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of `endpoint`."""
    parser.add_argument("image", metavar="IMAGE", help="as `push` printed it: a version or digest")
    parser.add_argument("--gpu", type=str.lower, choices=CARDS, required=True)
    parser.add_argument("--name", help="of the endpoint; default: the image's and --gpu")
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
        (
            "--idle-timeout",
            None,
            IDLE_RANGE_S,
            "seconds that a worker waits, billed; scales on the queue's delay",
        ),
        ("--execution-timeout", EXECUTION_TIMEOUT_S, EXECUTION_RANGE_S, "seconds of a job"),
        ("--disk", DISK_GB, (1, 10_000), "GB of the container"),
    ):
        told = meaning if default is None else f"{meaning}; default: {default}"
        parser.add_argument(flag, type=_whole(low, high), default=default, metavar="N", help=told)


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
    card, pool = plan.card, plan.card.pool
    return (
        ("Container image", plan.image),
        ("Registry credentials", plan.registry_auth or "none"),
        ("Container disk", f"{plan.disk_gb} GB"),
        ("Endpoint name", plan.name),
        ("Endpoint type", "Queue"),
        ("GPU", f"{card.gpu_type} ({card.memory_gb} GB), 1 per worker"),
        ("GPU pool", f"{pool.id} without {', '.join(pool.others)}"),
        ("Active workers", plan.workers_min),
        ("Max workers", plan.workers_max),
        ("Auto-scaling type", _scaling(plan)),
        ("Idle timeout", f"{plan.idle_timeout} s" if plan.idle_timeout else "does not apply"),
        ("Execution timeout", f"{plan.execution_timeout} s"),
        ("FlashBoot", "on"),
        ("CUDA version", f"{plan.min_cuda} and newer"),
        ("Network volume", plan.volume or "none"),
    )


def _scaling(plan: Plan) -> str:
    return (
        f"Queue delay, {QUEUE_DELAY_S} s"
        if plan.idle_timeout
        else f"Request count, {plan.card.jobs}"
    )


def _advice(plan: Plan) -> Iterator[str]:
    yield _about_idling(plan)
    reference = plan.image.rpartition("/")[2]
    if reference.endswith(":latest") or not re.search("[:@]", reference):
        yield "Note: workers keep the image they have; name a version, so that an update arrives."
    for name in sorted(plan.secrets):
        if SECRET_NAME.search(name):
            yield f"Note: whoever may read the endpoint reads {name}; safer: {_as_secret(name)}"


def _about_idling(plan: Plan) -> str:
    """Why it is either the count of requests or an idle timeout, and how to have the other."""
    if plan.idle_timeout:
        return (
            "Note: it scales on the queue's delay, as RunPod's API takes no idle timeout with the "
            "count of requests; without --idle-timeout it is that count."
        )
    return (
        "Note: it scales on the count of requests, with which RunPod's API takes no idle timeout; "
        "--idle-timeout SECONDS keeps workers for so long, and scales on the queue's delay."
    )


def _apply(plan: Plan, environ: Mapping[str, str]) -> Iterator[str]:
    key = _key(environ)
    if key is None:
        raise BuildError(
            f"--apply needs {KEY} in the environment: make a key that may write, at {KEYS_PAGE}, "
            "and export it."
        )
    with connected(_address(environ), key) as api:
        yield from _set_up(plan, api)


def _dry_run(plan: Plan, environ: Mapping[str, str]) -> Iterator[str]:
    key, address = _key(environ), _address(environ)
    with connected(address, key) if key else nullcontext() as looked_up:
        rehearsal = Rehearsal(address, plan.open_names, looked_up)
        steps = list(_set_up(plan, rehearsal))
    yield from rehearsal.told
    yield from (step for step in steps if step.startswith(DETAIL))  # of what would be done
    yield from _advice(plan)
    if not key:
        yield (
            f"Without {KEY} nothing was looked up: this is what creates, where none is there, and "
            "with the GPU pool as it is documented."
        )
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
    """Make the endpoint what the plan says, and tell each step.

    What is there is looked up before anything is written, so what is ambiguous is left as it is.
    """
    found = _found(api.read(ENDPOINTS, "endpoints"), plan.name)
    pool = _pool(api.read(GPUS, "gpus", WORDS), plan.card)
    id_ = yield from (_updated(plan, api, pool, found) if found else _created(plan, api, pool))
    yield from _advice(plan)
    yield from _address_of(id_)


def _created(plan: Plan, api: Api, pool: Pool) -> Generator[str, None, str]:
    body = plan.new(pool)
    answer = api.write("POST", ENDPOINTS, body, plan.hidden({}))
    yield f"endpoint {plan.name}: created ({answer['id']})"
    yield from _made_otherwise(body, answer)
    return str(answer["id"])


def _updated(
    plan: Plan, api: Api, pool: Pool, found: Mapping[str, Any]
) -> Generator[str, None, str]:
    """Change only what is not as it should be: a new release replaces the workers."""
    id_, standing = str(found["id"]), dict(found.get("env") or {})
    dropped = _outlived(standing, plan.env)
    kept = {name: standing[name] for name in standing if name not in dropped}
    wanted = plan.wanted(pool, kept)
    fields = {path.partition(".")[0] for path, _, _ in _differences(wanted, found)}
    body = {field: wanted[field] for field in wanted if field in fields}
    if body:
        answer = api.write("PATCH", f"{ENDPOINTS}/{id_}", body, plan.hidden(standing))
        yield f"endpoint {plan.name}: updated ({id_}): {', '.join(body)}"
        yield from _made_otherwise(body, answer)
    else:
        yield f"endpoint {plan.name}: unchanged ({id_})"
    yield from _told_of_variables(dropped, kept.keys() - plan.env.keys(), standing)
    yield from _told_of_workers(plan, body)
    return id_


def _outlived(standing: Mapping[str, str], env: Mapping[str, str]) -> frozenset[str]:
    """What an earlier preset brought, where the one of now brings another model or none."""
    brought = MODELS.get(standing.get("PRESET", ""))
    model = standing.get("MODEL_NAME")
    if model is None or model != brought or model == env.get("MODEL_NAME"):
        return frozenset()
    return frozenset({"MODEL_NAME", "MODEL_REVISION"}) & (standing.keys() - env.keys())


def _told_of_variables(
    dropped: Iterable[str], kept: Iterable[str], standing: Mapping[str, str]
) -> Iterator[str]:
    if gone := sorted(dropped):
        yield f"{DETAIL}removed with the preset {standing['PRESET']}: {', '.join(gone)}"
    if others := sorted(kept):
        names = ", ".join(others)
        yield f"{DETAIL}kept as they are: {names}; what is not wanted, remove in the console"


def _told_of_workers(plan: Plan, body: Mapping[str, Any]) -> Iterator[str]:
    if not body.keys().isdisjoint(CONTAINER):
        yield f"{DETAIL}workers that run now keep what they have until they are replaced"
    elif "@" not in plan.image:
        yield f"{DETAIL}workers keep their image: what was pushed anew must be a new version"


def _address_of(endpoint: str) -> Iterator[str]:
    address = f"{JOBS}/{endpoint}/runsync"
    yield f"id: {endpoint}"
    yield f"address: {address}"
    yield (
        f'curl -s {address} -H "Authorization: Bearer ${KEY}" '
        '-H "Content-Type: application/json" -d @test_input.json'
    )


def _pool(gpus: Iterable[Mapping[str, Any]], card: Card) -> Pool:
    """The pool with the card, as the catalogue has it; as documented, where none was looked up."""
    pools = {str(gpu["id"]): gpu.get("pool") for gpu in gpus}
    if not pools:
        return card.pool
    pool = pools.get(card.gpu_type)
    if not pool:
        raise BuildError(
            f"--gpu: RunPod offers no {card.gpu_type} to serverless endpoints now; nothing was "
            "changed, choose another."
        )
    others = (type_ for type_ in pools if pools[type_] == pool and type_ != card.gpu_type)
    return Pool(str(pool), tuple(sorted(others)))


def _found(endpoints: Iterable[Mapping[str, Any]], name: str) -> dict[str, Any] | None:
    """The endpoint of that name, whose kind cannot be changed later."""
    named = [item for item in endpoints if _plain(str(item.get("name", ""))) == name]
    if len(named) > 1:
        ids = ", ".join(str(item["id"]) for item in named)
        raise BuildError(
            f"There are {len(named)} endpoints named {name} ({ids}); nothing was changed, rename "
            "or delete all but one in the console, or choose --name."
        )
    if named and (named[0].get("type", QUEUE) != QUEUE or named[0].get("cpu")):
        raise BuildError(
            f"The endpoint {name} ({named[0]['id']}) has no queue, or no GPU, and stays as it is; "
            "choose --name."
        )
    return dict(named[0]) if named else None


def _plain(name: str) -> str:
    return name.strip().removesuffix(FLASHBOOT).rstrip()


def _differences(
    wanted: Mapping[str, Any], standing: Mapping[str, Any], within: str = ""
) -> Iterator[tuple[str, Any, Any]]:
    """Where what stands is not what is wanted: the dotted field, what stands, what is wanted."""
    for field, value in wanted.items():
        stands = standing.get(field)
        if field != "env" and isinstance(value, Mapping) and isinstance(stands, Mapping):
            yield from _differences(value, stands, f"{within}{field}.")
        elif _comparable(stands) != _comparable(value):
            yield f"{within}{field}", stands, value


def _comparable(value: Any) -> Any:
    """Lists are sets here, and an empty one may be left out."""
    return sorted(value) if isinstance(value, list) else [] if value is None else value


def _made_otherwise(body: Mapping[str, Any], answer: Mapping[str, Any]) -> Iterator[str]:
    """RunPod leaves out, without an error, what an account or a kind of endpoint cannot have."""
    for field, made, wanted in _differences(body, answer):
        if made is not None and field != "env":
            yield f"{DETAIL}RunPod made {field} {made!r}, not {wanted!r}: see the console"
