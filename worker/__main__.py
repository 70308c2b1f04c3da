"""Start the worker: settings, engine, warm-up, then RunPod's job loop or the HTTP service.

`python -m worker` runs `test_input.json` once where the platform is absent, serves the SDK's local
API with `--rp_serve_api`, and takes jobs where the platform says from where. With SERVE_MODE=http
it is a service of its own.
"""

import argparse
import asyncio
import gc
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TypeVar

from worker.callbacks import Callbacks
from worker.capacity import jobs_at_once
from worker.ending import adopt_orphans, end_soon
from worker.engine import Engine
from worker.errors import StartupError, WorkerError
from worker.fitness import Fitness
from worker.handler import Handler
from worker.health import Health
from worker.jobs import Jobs
from worker.metrics import Metrics
from worker.serve.local import read_test_input, serve_locally
from worker.serve.state import Service
from worker.settings import ServeMode, Settings
from worker.warmup import warm_up

log = logging.getLogger("worker")

Kind = TypeVar("Kind", bound=Jobs)


def configure_logging(level: str) -> None:
    """Log to standard error, which leaves standard output to the result.

    Our logger has a handler and a level of its own: libraries below vLLM set the root's.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(levelname)s %(asctime)s %(name)s: %(message)s"))
    log.handlers, log.propagate = [handler], False
    log.setLevel(level)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it would log every request


def start_engine(settings: Settings) -> tuple[Engine, Mapping[str, float]]:
    """The engine that the settings name, ready to be asked, and its start phases in seconds."""
    if settings.engine_url:
        from worker.engine.http import HttpEngine

        return HttpEngine.start(settings), {}
    from worker.engine.vllm_app import VllmEngine  # imports torch: only where it is needed

    engine = VllmEngine.start(settings)
    return engine, engine.phases


def unheard(_phases: Mapping[str, float]) -> None:
    """Nobody asks how long the start took."""


def ready_engine(
    settings: Settings, started: Callable[[Mapping[str, float]], None] = unheard
) -> Engine:
    """The engine, started and warm; its phases in one log line, and told to `started`."""
    if settings.licence_notice:
        log.warning("%s", settings.licence_notice)
    engine, phases = start_engine(settings)
    began = time.perf_counter()
    try:
        script = asyncio.run(warm_up(engine, settings.commentary))
    except BaseException:
        asyncio.run(engine.close())
        raise
    phases = {**phases, "warm-up": time.perf_counter() - began}
    started(phases)
    set_aside()
    told = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in phases.items())
    spoken = sum(line.source.value == "model" for line in script.lines)
    log.info("ready: %s (%s; %d of %d lines)", engine.model, told, spoken, len(script.lines))
    return engine


def set_aside() -> None:
    """Take what start-up has made out of the garbage collector's sight, for as long as it runs.

    It stays anyway. A full collection would walk all of it, the modules of torch and vLLM above
    all, while every job waits; so would the process's end, several times over.
    """
    gc.collect()
    gc.freeze()


def prepare_sdk(environ: MutableMapping[str, str]) -> None:
    """Set what the SDK reads from the environment as it is imported, where nobody has."""
    environ.setdefault("RUNPOD_LOG_LEVEL", "INFO")  # the SDK's DEBUG prints whole inputs
    # vLLM holds the GPU by now, so the SDK's own probes of it can fail; ours prove more.
    environ.setdefault("RUNPOD_SKIP_GPU_CHECK", "true")
    environ.setdefault("RUNPOD_SKIP_AUTO_SYSTEM_CHECKS", "true")


def serve(handler: Handler, settings: Settings) -> None:
    """Take jobs from the platform, or from the SDK's local API, until told to end."""
    prepare_sdk(os.environ)
    from worker.serve.queue import serve

    fitness = Fitness(handler.engine, settings)
    serve(
        handler,
        handler.engine,
        checks=(fitness.model_files, fitness.warm_up),
        stall_s=settings.engine_stall,
        grace_s=settings.shutdown_grace,
        health=Health(settings.health_file),
    )


def arguments(words: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """Our own command line, and the words that are the SDK's."""
    parser = argparse.ArgumentParser(prog="python -m worker", allow_abbrev=False)
    parser.add_argument("--style", help="persona for the local run: CASTER, ANALYST or FRIEND")
    parser.add_argument("--test_input", help="job for the local run, as JSON, not test_input.json")
    return parser.parse_known_args(words)


def run(settings: Settings, words: Sequence[str]) -> None:
    """Start the engine and serve, until the SDK ends the process, or a signal the HTTP service."""
    Health(settings.health_file).begin()
    options, the_sdks = arguments(words)
    sys.argv[1:] = the_sdks
    if settings.serve_mode is ServeMode.HTTP and not options.test_input:
        if options.style:
            raise StartupError("--style is the local run's; with SERVE_MODE=http, requests say it.")
        run_service(settings)
    else:
        run_jobs(settings, options, the_sdks)


def run_service(settings: Settings) -> None:
    """Serve HTTP; the ports answer while the engine loads."""
    from worker.serve.http import HttpService  # imports FastAPI: only where it is used

    metrics, callbacks = Metrics(), Callbacks.of(settings)
    with (
        HttpService(settings, metrics) as service,
        working(Jobs, settings, metrics, callbacks) as jobs,
    ):
        service.serve(jobs)


def run_jobs(settings: Settings, options: argparse.Namespace, the_sdks: Sequence[str]) -> None:
    """Take RunPod's jobs, or run one from a file."""
    takes_jobs = settings.takes_jobs and not options.test_input  # as the SDK has it
    serving = takes_jobs or "--rp_serve_api" in the_sdks
    job = None if serving else read_test_input(options.test_input, options.style)
    metrics, callbacks = Metrics(), Callbacks.of(settings)
    service = Service(settings.max_waiting, metrics.refused)
    with (
        metrics_port(settings, service, metrics),
        working(Handler, settings, metrics, callbacks) as handler,
    ):
        service.ready(handler)
        if job is None:
            serve(handler, settings)
        else:
            serve_locally(handler, job)


@contextmanager
def working(
    kind: type[Kind], settings: Settings, metrics: Metrics, callbacks: Callbacks
) -> Iterator[Kind]:
    """Who answers jobs, on an engine that has been started and ends with the block."""
    engine = ready_engine(settings, metrics.started)
    try:
        concurrency = settings.max_concurrency or jobs_at_once(engine.about())
        log.info("%d jobs generate at once", concurrency)
        jobs = kind(
            *(engine, settings.commentary, concurrency, end_soon),
            callbacks=callbacks,
            observe=metrics.job_ended,
        )
        metrics.watch(jobs.state, engine)
        yield jobs
    finally:
        asyncio.run(engine.close())


def metrics_port(
    settings: Settings, service: Service, metrics: Metrics
) -> AbstractContextManager[object]:
    """The port of the metrics, open within the block, where there is one."""
    if settings.metrics_port is None:
        return nullcontext()
    from worker.serve.http import metrics_doors  # imports FastAPI: only where it is used
    from worker.serve.listening import Listener

    return Listener(*metrics_doors(settings, service, metrics))


def main() -> int:
    """Run the worker; the exit code is 1 where it cannot start, and 128 + n after signal n."""
    configure_logging("INFO")
    # Until the SDK has a handler of its own, and where it has none, leave through every `finally`:
    # the engine's processes would outlive this one otherwise.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    adopt_orphans()
    try:
        settings = Settings.from_env(os.environ)
        log.setLevel(settings.log_level)
        run(settings, sys.argv[1:])
    except WorkerError as error:
        log.critical("%s: %s", error.code, error.message)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0


if __name__ == "__main__":  # vLLM spawns its engine, which imports this file again
    sys.exit(main())
