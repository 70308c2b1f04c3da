"""What the worker carries under load, beside raw `vllm serve` (`make load`).

Without --url, everything is started on loopback: the worker, behind --door, and raw `vllm serve`
with the same model and engine arguments; what the environment sets goes to both. With --url, the
service or endpoint there is measured alone; its key is API_KEY or RUNPOD_API_KEY of the
environment. Ctrl-C ends it and reports what has been measured.
"""

import argparse
import asyncio
import os
import platform
import shlex
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import Field, fields
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.load import report, servers
from benchmarks.load.doors import Door, Raw, RunStream, RunSync, Service
from benchmarks.load.driving import Driver, Level, NothingWorks
from benchmarks.load.figures import CEILING, FOLDER, Results, missed
from benchmarks.load.jobs import Unsplit
from benchmarks.report import machine
from builder.__main__ import main as builder
from worker.errors import StartupError
from worker.settings import URL, Settings

AT_ONCE = (1, 4, 16, 32)
QUICK = (1, 2)
ROUNDS = 3
# Jobs of a round: so many for each of those at once, within bounds, lest a round take no time or
# all of it.
EACH, LEAST_JOBS, MOST_JOBS = 3, 8, 48
TIMEOUT_S = 300.0
MINI = ".cache/mini-mid"
ASIDE = Path(".cache/load")  # for logs, and for results that are not the repository's
KEYS = ("API_KEY", "RUNPOD_API_KEY")


class Way(NamedTuple):
    """What a door of the command line is called, how jobs go through it, and who stands behind."""

    side: str
    door: Callable[[str], Door]
    server: Callable[[Mapping[str, str], Path], servers.Server]


WAYS: Mapping[str, Way] = {
    "http": Way("HTTP service", Service, servers.service),
    "runsync": Way("/runsync", RunSync, servers.platform),
    "stream": Way("/run and /stream", RunStream, servers.platform),
}


class Scene(NamedTuple):
    """What is driven.

    Attributes:
        doors: by the names of their sides.
        key: what opens them, or None.
        arguments: the engine's, of both sides.
        settings: the worker's, as the environment has them.
    """

    doors: Mapping[str, Door]
    key: str | None
    arguments: str = ""
    settings: str = ""


@contextmanager
def on_loopback(options: argparse.Namespace) -> Iterator[Scene]:
    """The worker and raw vLLM, from when both are ready until both have ended."""
    way, environ = WAYS[options.door], environ_of(options.model)
    engine = servers.engine_of(environ)
    commentary = Settings.from_env(environ).commentary
    ASIDE.mkdir(parents=True, exist_ok=True)
    ours = way.server(environ, ASIDE / "ours.log")
    raw = servers.raw(engine, ASIDE / "raw.log")
    with servers.running([ours, raw]):
        doors = {way.side: way.door(ours.url), CEILING: Raw(raw.url, engine.name, commentary)}
        settings = chosen({**environ, **servers.UNREPEATED})
        yield Scene(doors, ours.key, shlex.join(engine.words), settings)


def environ_of(model: str) -> dict[str, str]:
    """The environment of both; the mini model, whose code is ours, is written where it lacks.

    Raises StartupError where the worker would ask an engine elsewhere.
    """
    if os.environ.get("ENGINE_URL"):
        raise StartupError("ENGINE_URL: here each side has its own engine; --url is for others.")
    environ = {**os.environ, "MODEL_NAME": model}
    environ.pop("API_KEYS", None)  # without one, the service is there for this machine alone
    if model == MINI:
        with redirect_stdout(sys.stderr):  # standard output is the table's
            failed = builder(["mini", "--size", "mid", MINI])
        if failed:
            raise StartupError(f"The mini model cannot be written to {MINI}.")
        environ.setdefault("TRUST_REMOTE_CODE", "true")
    return environ


def chosen(environ: Mapping[str, str]) -> str:
    """What an environment sets of the worker's own variables, secrets and the model left out."""
    told = {spec.metadata["variable"]: spec.metadata["kind"] for spec in variables()}
    named = [name for name, kind in told.items() if name in environ and not kind.secret]
    return " ".join(f"{name}={environ[name]}" for name in named if name != "MODEL_NAME")


def variables() -> Iterator["Field[Any]"]:
    """The fields of Settings that are a variable each."""
    return (spec for spec in fields(Settings) if "variable" in spec.metadata)


@contextmanager
def elsewhere(options: argparse.Namespace) -> Iterator[Scene]:
    """A service or an endpoint that is there already."""
    way = WAYS[options.door]
    key = next((os.environ[name] for name in KEYS if os.environ.get(name)), None)
    yield Scene({way.side: way.door(options.url)}, key)


def measured(options: argparse.Namespace) -> Results:
    """Drive, and tell what has been measured by the end or by Ctrl-C.

    Raises StartupError, NothingWorks, Unsplit, and KeyboardInterrupt before the first run's end.
    """
    driver, broken_off = Driver(options.timeout), ""
    with (elsewhere if options.url else on_loopback)(options) as scene:
        try:
            asyncio.run(driver.measure(scene.doors, levels_of(options), options.rounds, scene.key))
        except KeyboardInterrupt:
            if not driver.runs:
                raise
            broken_off = driver.under_way or "the rounds after the last one"
    if options.url:
        about = about_elsewhere(options.url, driver.model)
    else:
        about = machine(options.model, scene.arguments) | {"settings": scene.settings}
    return Results(about | {"command": command()}, driver.runs, broken_off)


def levels_of(options: argparse.Namespace) -> list[Level]:
    """How many jobs at once, and how many in a round."""
    return [
        Level(
            at_once, options.jobs or max(at_once, min(MOST_JOBS, max(LEAST_JOBS, EACH * at_once)))
        )
        for at_once in options.at_once
    ]


def about_elsewhere(url: str, model: str) -> dict[str, str]:
    """What is known of a service that somebody else has started."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "service": url,
        "model": model,
        "client": f"python {platform.python_version()}, aiohttp {version('aiohttp')}",
    }


def command() -> str:
    """The command line; no key is ever in it."""
    return shlex.join(("python", "-m", "benchmarks.load", *sys.argv[1:]))


def address(text: str) -> str:
    """An URL as an option has it."""
    try:
        return str(URL.read(text)).rstrip("/")
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected {URL.expected}") from None


def numbers(text: str) -> tuple[int, ...]:
    """Whole numbers above 0 with commas between them."""
    found = tuple(int(word) for word in text.split(","))
    if min(found) < 1:
        raise ValueError
    return found


def whole(text: str) -> int:
    """A whole number above 0."""
    [found] = numbers(text)
    return found


def command_line(words: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.load", description=__doc__, allow_abbrev=False
    )
    add = parser.add_argument
    add("--door", choices=WAYS, default="http", help="how jobs are sent; default: http")
    add("--url", type=address, help="a service, or an endpoint up to its id: https://…/v2/<id>")
    add(
        "--model",
        default=os.environ.get("MODEL_NAME") or MINI,
        help="folder or Hugging Face id, where both are started here; default: the mini model",
    )
    add("--at-once", type=numbers, help="jobs under way at any time; default: 1,4,16,32")
    add("--jobs", type=whole, help="jobs of a round; default: 3 for each at once, 8 to 48")
    add("--rounds", type=whole, help=f"rounds of each level; default: {ROUNDS}")
    add(
        "--timeout", type=float, default=TIMEOUT_S, help="seconds that a job may take; default: 300"
    )
    add("--quick", action="store_true", help="one round of little: does it run?")
    add("--out", type=Path, help=f"folder of the results; default: {ASIDE}, or the repository's")
    return completed(parser.parse_args(words))


def completed(options: argparse.Namespace) -> argparse.Namespace:
    """The options with the defaults that depend on others.

    The repository keeps the results of the whole bench; any other run's would say something else.
    """
    chosen = (options.url, options.at_once, options.jobs, options.rounds, options.quick)
    whole_bench = not any(chosen) and (options.door, options.model) == ("http", MINI)
    options.out = options.out or (FOLDER if whole_bench else ASIDE)
    options.at_once = options.at_once or (QUICK if options.quick else AT_ONCE)
    options.rounds = options.rounds or (1 if options.quick else ROUNDS)
    options.jobs = options.jobs or (max(QUICK) if options.quick else None)
    return options


def main(words: Sequence[str] | None = None) -> int:
    """Run the bench.

    The exit code is 1 where nothing can be measured, where no job came to its script, and where the
    target is missed; 130 where somebody broke it off.
    """
    options = command_line(words)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # its servers must not outlive it
    try:
        results = measured(options)
    except (StartupError, NothingWorks, Unsplit) as error:
        print(f"load: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("load: broken off before anything was measured", file=sys.stderr)
        return 128 + signal.SIGINT
    print(report.markdown(results))
    report.write(results, options.out)
    print(f"load: written to {options.out}", file=sys.stderr)
    return exit_code(results)


def exit_code(results: Results) -> int:
    """What a run comes to, for a script."""
    if results.broken_off:
        return 128 + signal.SIGINT
    return int(bool(missed(results)) or not any(run.done for run in results.runs))


if __name__ == "__main__":  # vLLM's parser is asked in a process that imports this file again
    sys.exit(main())
