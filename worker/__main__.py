"""Start the worker: settings, engine, warm-up, then RunPod's job loop. The only import of runpod.

`python -m worker` runs `test_input.json` once where the platform is absent, serves the SDK's local
API with `--rp_serve_api`, and takes jobs where the platform says from where.
"""

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from worker.engine import Engine
from worker.errors import StartupError, WorkerError
from worker.handler import Answer, Handler
from worker.settings import Settings
from worker.warmup import warm_up

log = logging.getLogger("worker")

TEST_INPUT = Path("test_input.json")
LAST_WORDS_SECONDS = 2.0  # time to post the answers of a dying worker


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


def ready_engine(settings: Settings) -> Engine:
    """The engine, started and warm; its phases in one log line."""
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
    told = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in phases.items())
    spoken = sum(line.source.value == "model" for line in script.lines)
    log.info("ready: %s (%s; %d of %d lines)", engine.model, told, spoken, len(script.lines))
    return engine


def end_soon(error: WorkerError) -> None:
    """End the process with an error, once the answers in flight had time to leave."""
    log.critical("the worker ends: %s", error.message)
    timer = threading.Timer(LAST_WORDS_SECONDS, os._exit, [1])
    timer.daemon = True
    timer.start()


def read_test_input(given: str | None, style: str | None) -> dict[str, Any]:
    """The local job, as given or from the file, in another persona's voice where one is named."""
    place = "--test_input" if given else f"{TEST_INPUT} in the current folder"
    try:
        job = json.loads(given or TEST_INPUT.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StartupError(f"{place} cannot be read: {error}") from error
    if not isinstance(job, dict) or job.get("input") is None:
        raise StartupError(f'{place} must be a job: an object with an "input".')
    if style and isinstance(job["input"], dict):
        job["input"]["style"] = style
    return job


def show(answer: Answer) -> None:
    """Write a result for a person to read: its lines, then the whole of it."""
    for line in answer.get("script", []):
        when = line["timeSeconds"] or ""
        sys.stdout.write(f"{when:>9}  {line['tone']:<8}  {line['description']}\n")
    sys.stdout.write(f"\n{json.dumps(answer, ensure_ascii=False, indent=2)}\n")
    sys.stdout.flush()


def serve_locally(handler: Handler, job: dict[str, Any]) -> None:
    """Run one job through the SDK, which ends the process with the job's exit code."""
    os.environ.setdefault("RUNPOD_LOG_LEVEL", "WARN")  # `show` tells the result, once
    import runpod

    async def told(job: Mapping[str, Any]) -> Answer:
        answer = await handler.collect(job)
        show(answer)
        return answer

    sys.argv += ["--test_input", json.dumps(job)]
    runpod.serverless.start({"handler": told})


def serve(handler: Handler, settings: Settings) -> None:
    """Take jobs from the platform, or from the SDK's local API, until told to end."""
    os.environ.setdefault("RUNPOD_LOG_LEVEL", "INFO")  # the SDK's DEBUG prints whole inputs
    # vLLM holds the GPU by now, so the SDK's own probes of it can fail; the warm-up proved more.
    os.environ.setdefault("RUNPOD_SKIP_GPU_CHECK", "true")
    os.environ.setdefault("RUNPOD_SKIP_AUTO_SYSTEM_CHECKS", "true")
    import runpod

    runpod.serverless.start(
        {
            "handler": handler.stream,
            "return_aggregate_stream": True,
            "concurrency_modifier": lambda _current: settings.max_concurrency,
        }
    )


def arguments(words: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """Our own command line, and the words that are the SDK's."""
    parser = argparse.ArgumentParser(prog="python -m worker", allow_abbrev=False)
    parser.add_argument("--style", help="persona for the local run: CASTER, ANALYST or FRIEND")
    parser.add_argument("--test_input", help=f"job for the local run, as JSON, not {TEST_INPUT}")
    return parser.parse_known_args(words)


def run(settings: Settings, words: Sequence[str]) -> None:
    """Start the engine and serve, until the SDK ends the process."""
    options, the_sdks = arguments(words)
    sys.argv[1:] = the_sdks
    takes_jobs = settings.takes_jobs and not options.test_input  # as the SDK has it
    serving = takes_jobs or "--rp_serve_api" in the_sdks
    job = None if serving else read_test_input(options.test_input, options.style)
    engine = ready_engine(settings)
    handler = Handler(engine, settings.commentary, end_soon)
    try:
        if job is None:
            serve(handler, settings)
        else:
            serve_locally(handler, job)
    finally:
        asyncio.run(engine.close())


def main() -> int:
    """Run the worker; the exit code is 1 where it cannot start, and 128 + n after signal n."""
    configure_logging("INFO")
    # Until the SDK has a handler of its own, and where it has none, leave through every `finally`:
    # the engine's processes would outlive this one otherwise.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    try:
        settings = Settings.from_env(os.environ)
        log.setLevel(settings.log_level)
        run(settings, sys.argv[1:])
    except StartupError as error:
        log.critical("%s: %s", error.code, error.message)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0


if __name__ == "__main__":  # vLLM spawns its engine, which imports this file again
    sys.exit(main())
