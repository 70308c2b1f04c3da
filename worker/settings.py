"""What the environment says, read once. The only reader of it.

Variables that are not named here and that vLLM has an argument for go to vLLM
(`worker.engine.arguments`).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

from worker.commentary.script import CommentaryOptions, GuardMode
from worker.engine.model_files import identify
from worker.errors import InvalidSetting
from worker.football.schema import TableForm
from worker.presets import OF_THE_MODEL, PRESETS

SHOWN_LENGTH = 80  # characters of an unusable value that its error shows
TAKES_JOBS = "RUNPOD_WEBHOOK_GET_JOB"  # set by the platform: where a worker takes its jobs from
PRIVATE = re.compile(r"[@?#]")  # what may stand beside a password or a key in an address
MODEL_CHOICES = ("MODEL_NAME", "PRESET", "ENGINE_URL")  # with none of them, the mini model
# An id, a folder, a cache's folder; our own mini models are called after the architecture only.
EXAONE_NAME = re.compile(r"(^|/|--)EXAONE-(\d|Deep)", re.IGNORECASE)
LICENCE_NOTICE = (
    "{model} is under the EXAONE AI Model License Agreement 1.1 - NC: it and what it writes may be "
    "used for research only, never commercially."
)


class Kind(NamedTuple):
    """What a variable may hold: in words, as a reader that raises ValueError, and as a form has it.

    Attributes:
        expected: in words.
        read: the value that a text stands for.
        low, high: the bounds that may themselves be taken; None where there is none.
        choices: the words, where it is one of a few.
        secret: whether its value may be shown to nobody.
    """

    expected: str
    read: Callable[[str], Any]
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    secret: bool = False


def missing(value: str) -> bool:
    """Whether a value is how a template or a script writes that it has none."""
    return value.strip().lower() in {"", "none", "null"}


def invalid(variable: str, value: str | None, expected: str) -> InvalidSetting:
    """The one-line error about a variable; `value` is None where it must not be shown."""
    if value is None:
        return InvalidSetting(f"{variable}: expected {expected}.")
    shown = value if len(value) <= SHOWN_LENGTH else f"{value[:SHOWN_LENGTH]}…"
    quoted = shown.encode("unicode_escape").decode().replace('"', '\\"')
    return InvalidSetting(f'{variable}="{quoted}": expected {expected}.')


def is_path(model: str) -> bool:
    """Whether a model's name is a folder's; any other is a Hugging Face id."""
    return model.startswith((".", "/", "~"))


def _within(number: float, low: float, high: float) -> bool:
    return low <= number <= high  # false for NaN, too


def whole(low: int, high: int | None = None) -> Kind:
    """An integer in a range, bounds included."""

    def read(value: str) -> int:
        number = int(value)
        if not _within(number, low, float("inf") if high is None else high):
            raise ValueError
        return number

    expected = f"an integer from {low} {'up' if high is None else f'to {high}'}"
    return Kind(expected, read, low, high)


def number(low: float, high: float, *, above: bool = False) -> Kind:
    """A number in a range, bounds included; with `above`, the lower one is not."""

    def read(value: str) -> float:
        amount = float(value)
        if not _within(amount, low, high) or (above and amount == low):
            raise ValueError
        return amount

    expected = f"a number {'above' if above else 'from'} {low:g}, {high:g} at most"
    return Kind(expected, read, None if above else low, high)


def choice(values: Mapping[str, Any]) -> Kind:
    """One of a few words, in any case."""

    def read(value: str) -> Any:
        folded = {name.lower(): chosen for name, chosen in values.items()}
        if value.lower() not in folded:
            raise ValueError
        return folded[value.lower()]

    return Kind(f"one of {', '.join(values)}", read, choices=tuple(values))


def _words(value: str) -> tuple[str, ...]:
    names = tuple(re.split(r"[\s,]+", value.strip(" ,")))
    if not all(names):
        raise ValueError
    return names


def _url(value: str) -> str:
    parts = urlsplit(value)
    usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    if not usable or PRIVATE.search(value):
        raise ValueError
    return value


def _address(value: str) -> str:
    """Any address of the web, also one with a query; who it leads to is judged elsewhere."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
        raise ValueError
    return value


class ServeMode(StrEnum):
    """Where a worker's work comes from: RunPod's job queue, or its own HTTP service."""

    QUEUE = "queue"
    HTTP = "http"


COMMENTARY = CommentaryOptions()
TRUTH = MappingProxyType(
    {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
)

TEXT = Kind("a name", str)
FILE = Kind("a file's path", Path)
SECRET = Kind("a token, or no such variable", str, secret=True)
SECRETS = Kind("keys with commas or spaces between them", _words, secret=True)
SWITCH = Kind("true or false", lambda value: TRUTH[value.lower()])
NAMES = Kind("names with commas or spaces between them", _words)
PORT = whole(1, 65535)
ADDRESS = Kind("http://host/path or https://host/path", _address, secret=True)
URL = Kind("http://host:port or https://host, without user name, query or fragment", _url)


def variable(name: str, kind: Kind, what: str, default: Any = None) -> Any:
    """A field of Settings that an environment variable fills."""
    about = {"variable": name, "kind": kind, "what": what}
    return field(default=default, repr=not kind.secret, metadata=about)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The worker's configuration.

    Attributes:
        engine_variables: the rest of the environment, for vLLM's arguments; never shown.
        takes_jobs: whether the platform has said where to take jobs from.
    """

    preset: str | None = variable(
        "PRESET",
        choice({name: name for name in PRESETS}),
        f"engine arguments for a model on a card: {', '.join(PRESETS)}; other variables go before",
    )
    model_name: str | None = variable(
        "MODEL_NAME",
        TEXT,
        "Hugging Face id or local folder of the model; without it, the image's or the preset's",
    )
    model_revision: str | None = variable(
        "MODEL_REVISION", TEXT, "branch, tag or commit of the model"
    )
    served_model_names: tuple[str, ...] = variable(
        "SERVED_MODEL_NAME",
        NAMES,
        "more names to serve the model under, beside MODEL_NAME",
        (),
    )
    hf_token: str | None = variable("HF_TOKEN", SECRET, "Hugging Face token, for gated models")
    engine_url: str | None = variable(
        "ENGINE_URL", URL, "a vLLM server elsewhere, in place of vLLM in this process"
    )
    engine_api_key: str | None = variable("ENGINE_API_KEY", SECRET, "key for ENGINE_URL")
    max_concurrency: int | None = variable(
        "MAX_CONCURRENCY",
        whole(1),
        "jobs that generate at once; without it, what the KV cache and the engine's queue hold",
    )
    fanout: int | None = variable(
        "FANOUT",
        whole(1, 20),
        "side-by-side requests that a job is split into; without it, one per action",
    )
    table: TableForm = variable(  # noqa: RUF009  # an enum member is immutable
        "TABLE_FORM",
        choice({form.value: form for form in TableForm}),
        "how the prompt shows the actions: facts, coordinates or json",
        COMMENTARY.table,
    )
    temperature: float = variable(
        "TEMPERATURE", number(0, 2), "sampling temperature", COMMENTARY.temperature
    )
    top_p: float = variable("TOP_P", number(0, 1, above=True), "nucleus sampling", COMMENTARY.top_p)
    job_deadline: float = variable(
        "JOB_DEADLINE",
        number(0, 86400, above=True),
        "seconds that a job may take, from when it is taken; below the platform's own timeout",
        COMMENTARY.deadline_s,
    )
    deadline_fallback: bool = variable(
        "DEADLINE_FALLBACK",
        SWITCH,
        "at its deadline a commentary is finished with flagged fallback lines; false: it fails",
        COMMENTARY.deadline_fallback,
    )
    guard: GuardMode = variable(  # noqa: RUF009  # an enum member is immutable
        "GUARD",
        choice({mode.value: mode for mode in GuardMode}),
        "what is done with a line that its fact does not support: repair (mended, asked for once "
        "more, replaced), flag (told as it is, with a warning) or off",
        COMMENTARY.guard,
    )
    engine_stall: float = variable(
        "ENGINE_STALL",
        number(0, 86400),
        "seconds of an engine's silence over its requests after which the worker ends; 0: never",
        60.0,
    )
    shutdown_grace: float = variable(
        "SHUTDOWN_GRACE",
        number(0, 86400),
        "seconds after SIGTERM for which the pending poll may still bring a job, and the HTTP "
        "service takes requests",
        3.0,
    )
    health_file: Path | None = variable(  # noqa: RUF009  # a path is immutable
        "HEALTH_FILE",
        FILE,
        "file that the worker says its state in, for `python -m worker.health`; without it, none",
    )
    serve_mode: ServeMode = variable(  # noqa: RUF009  # an enum member is immutable
        "SERVE_MODE",
        choice({mode.value: mode for mode in ServeMode}),
        "where work comes from: queue (RunPod's jobs) or http (a service on PORT)",
        ServeMode.QUEUE,
    )
    port: int = variable("PORT", PORT, "port of the HTTP service", 8000)
    port_health: int | None = variable(
        "PORT_HEALTH", PORT, "port that answers /ping besides, where a load balancer asks another"
    )
    api_keys: tuple[str, ...] = variable(
        "API_KEYS",
        SECRETS,
        "keys, any of which opens the HTTP service; without one, it serves this machine alone",
        (),
    )
    max_waiting: int = variable(
        "MAX_WAITING",
        whole(0),
        "requests of the HTTP service that may wait for their turn; one more is answered with 503",
        64,
    )
    max_body_bytes: int = variable(
        "MAX_BODY_BYTES", whole(1), "bytes of a request to the HTTP service", 10_000_000
    )
    metrics_port: int | None = variable(
        "METRICS_PORT", PORT, "port that answers /metrics, to whoever reaches it and without a key"
    )
    callback_url: str | None = variable(
        "CALLBACK_URL", ADDRESS, "where results are posted, where a job names no `callback` itself"
    )
    callback_secret: str | None = variable(
        "CALLBACK_SECRET", SECRET, "what callbacks are signed with; none leaves without"
    )
    callback_allowed_hosts: tuple[str, ...] = variable(
        "CALLBACK_ALLOWED_HOSTS",
        NAMES,
        "hosts that callbacks may go to: names, `*.example.com`, addresses, `10.0.0.0/8`; "
        "an address of a private network must be listed itself, whatever its name",
        (),
    )
    log_level: str = variable(
        "LOG_LEVEL",
        choice({level: level for level in ("DEBUG", "INFO", "WARNING", "ERROR")}),
        "what the worker logs: DEBUG, INFO, WARNING or ERROR",
        "INFO",
    )
    engine_variables: Mapping[str, str] = field(
        default_factory=lambda: MappingProxyType({}), repr=False
    )
    takes_jobs: bool = False

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        """Read the settings, or raise InvalidSetting about the first unusable one.

        A preset's variables stand behind those of `environ`; with no model chosen at all, the
        preset is `mini`.
        """
        if environ.keys().isdisjoint(MODEL_CHOICES):
            environ = {"PRESET": "mini", **environ}
        environ = {**_preset(environ), **environ}
        ours = {spec.metadata["variable"]: spec for spec in _variables()}
        values = {
            spec.name: _read(spec, environ[name]) for name, spec in ours.items() if name in environ
        }
        rest = {name: value for name, value in environ.items() if name not in ours}
        return cls(
            **values, engine_variables=MappingProxyType(rest), takes_jobs=TAKES_JOBS in environ
        )

    @property
    def commentary(self) -> CommentaryOptions:
        """How commentary is made where a request does not say."""
        return CommentaryOptions(
            fanout=self.fanout,
            table=self.table,
            temperature=self.temperature,
            top_p=self.top_p,
            deadline_s=self.job_deadline,
            deadline_fallback=self.deadline_fallback,
            guard=self.guard,
        )

    @property
    def licence_notice(self) -> str | None:
        """What the chosen model's licence forbids, where it forbids what a worker is for.

        A folder's name may say nothing: what is in it does, and the preset that it is run with.
        """
        model = self.model_name or ""
        names = [model]
        if is_path(model):
            names += [identify(Path(model).expanduser()).model]
            names += [PRESETS[self.preset]["MODEL_NAME"]] if self.preset else []
        restricted = any(EXAONE_NAME.search(name) for name in names)
        return LICENCE_NOTICE.format(model=model) if restricted else None


def _variables() -> Iterator["Field[Any]"]:
    return (spec for spec in fields(Settings) if "variable" in spec.metadata)


def _read(spec: "Field[Any]", value: str) -> Any:
    about = spec.metadata
    kind: Kind = about["kind"]
    try:
        return kind.read(_present(value))
    except (ValueError, KeyError):
        private = PRIVATE.search(value) or (kind.secret and not missing(value))
        shown = None if private else value
        raise invalid(about["variable"], shown, kind.expected) from None


def _present(value: str) -> str:
    if missing(value):
        raise ValueError
    return value.strip()


def _preset(environ: Mapping[str, str]) -> Mapping[str, str]:
    """The variables of the chosen preset, those about its own model with that model only."""
    spec = next(spec for spec in _variables() if spec.name == "preset")
    name = spec.metadata["variable"]
    preset = PRESETS[_read(spec, environ[name])] if name in environ else {}
    if environ.get("MODEL_NAME", "").strip() in ("", preset.get("MODEL_NAME")):
        return preset
    return {name: value for name, value in preset.items() if name not in OF_THE_MODEL}


def _default(spec: "Field[Any]") -> str:
    if spec.default is MISSING or spec.default in (None, ()):
        return ""
    shown = f"{spec.default:g}" if isinstance(spec.default, float) else str(spec.default)
    return f"`{shown.lower() if isinstance(spec.default, bool) else shown}`"


def settings_table() -> str:
    """Every variable of ours as a Markdown table: name, default, meaning. README carries it."""
    rows = [
        f"| `{spec.metadata['variable']}` | {_default(spec)} | {spec.metadata['what']} |"
        for spec in _variables()
    ]
    return "\n".join(["| variable | default | what |", "|---|---|---|", *rows])
