"""Ours against the handler that people write today (`make bench`).

One engine, one model, one run. Every case is measured in rounds, and in each round every side
takes its turn, so that whatever else the machine does meets all of them. See `benchmarks.sides`
for why the comparison is fair, and `benchmarks.windows` for the data.
"""

import argparse
import asyncio
import logging
import os
import shlex
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from tqdm import tqdm  # type: ignore[import-untyped]

from benchmarks import report
from benchmarks.own_time import own_ms
from benchmarks.report import Run
from benchmarks.sides import Ours, Outcome, today
from benchmarks.windows import request
from worker.__main__ import ready_engine
from worker.engine import Engine, Usage, arguments
from worker.errors import StartupError
from worker.settings import Settings

Side = Callable[[Mapping[str, Any], Engine], Awaitable[Outcome]]

SIDES: Mapping[str, Side] = {report.TODAY: today} | {
    f"ours, fan-out {n}": Ours(n) for n in (1, 5, 10)
}
OWN_TIME_JOBS = 200


@dataclass(frozen=True, slots=True)
class Case:
    """So many jobs at once, measured in so many rounds; with `goal`, of windows with a goal."""

    name: str
    jobs: int
    rounds: int
    goal: bool = False


CASES = (
    Case("1 job", 1, 5),
    Case("1 job, with a goal", 1, 3, goal=True),
    Case("4 jobs at once", 4, 2),
    Case("16 jobs at once", 16, 1),
)
QUICK = (Case("1 job", 1, 1), Case("2 jobs at once", 2, 1))


async def measure(engine: Engine, cases: Sequence[Case]) -> list[Run]:
    """Every side in every round of every case, after one round that does not count."""
    runs = []
    for case, turn, side in tqdm(list(_turns(cases)), desc="runs", unit=" run"):
        run = await _run(engine, case, turn, side)
        if turn >= 0:
            tqdm.write(report.line(run), file=sys.stderr)
            runs.append(run)
    return runs


def _turns(cases: Sequence[Case]) -> Iterator[tuple[Case, int, str]]:
    warm_up = Case("warm-up", 1, 1)
    yield from ((warm_up, -1, side) for side in SIDES)
    for case in cases:
        for turn in range(case.rounds):
            yield from ((case, turn, side) for side in SIDES)


async def _run(engine: Engine, case: Case, turn: int, side: str) -> Run:
    """All jobs of a case on one side: one after another for today's handler, at once for ours."""
    jobs = [_document(case, turn, side, job) for job in range(case.jobs)]
    began = perf_counter()
    at_once = 1 if side == report.TODAY else case.jobs
    gate = asyncio.Semaphore(at_once)
    ends = await asyncio.gather(*(_job(SIDES[side], job, engine, gate, began) for job in jobs))
    return Run(
        case=case.name,
        side=side,
        turn=turn,
        jobs=case.jobs,
        seconds=perf_counter() - began,
        first_line_s=[first_line_s for first_line_s, _ in ends],
        usage=sum((outcome.usage for _, outcome in ends), Usage()),
        syllables=sum(outcome.syllables for _, outcome in ends),
    )


async def _job(
    side: Side, document: Mapping[str, Any], engine: Engine, gate: asyncio.Semaphore, began: float
) -> tuple[float, Outcome]:
    """One job; its first line counts from `began`, when all jobs were there."""
    async with gate:
        waited = perf_counter() - began
        outcome = await side(document, engine)
    return waited + outcome.first_line_s, outcome


def _document(case: Case, turn: int, side: str, job: int) -> dict[str, Any]:
    """The same shape for every side, an identity for each: no prompt is sent twice."""
    return request(100 * turn + job, f"{case.name} {turn} {side} {job}", goal=case.goal)


async def measure_own_time() -> dict[str, float]:
    """Milliseconds of our own code a job, by fan-out."""
    sides = {name: side for name, side in SIDES.items() if isinstance(side, Ours)}
    return {name: await own_ms(side.fanout, OWN_TIME_JOBS) for name, side in sides.items()}


def bench(model: str, cases: Sequence[Case]) -> report.Results:
    """Start the engine, measure, stop it."""
    settings = Settings.from_env({**os.environ, "MODEL_NAME": model})
    own = asyncio.run(measure_own_time())
    engine = ready_engine(settings)
    try:
        runs = asyncio.run(measure(engine, cases))
    finally:
        asyncio.run(engine.close())
    return report.Results(report.machine(model, engine_arguments(settings)), own, runs)


def engine_arguments(settings: Settings) -> str:
    """The vLLM arguments that both sides ran under, as words of a command line."""
    if settings.engine_url:
        return "those of the server at ENGINE_URL"
    from worker.engine import vllm_app, vllm_names  # vLLM is imported by now

    parser, takers = vllm_app.argument_parser(vllm_names), vllm_app.destinations(vllm_names)
    variables = vllm_app.variables_of(vllm_names, settings)
    return shlex.join(arguments.engine_arguments(parser, takers, variables))


def command_line(words: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.handler", description=__doc__)
    parser.add_argument("--model", required=True, help="folder or Hugging Face id")
    parser.add_argument("--quick", action="store_true", help="one round of little: does it run?")
    parser.add_argument("--out", type=Path, help="folder for the results (default: none if quick)")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    """Run the benchmark; the exit code is 1 where the engine does not start."""
    options = command_line(words)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    try:
        results = bench(options.model, QUICK if options.quick else CASES)
    except StartupError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    print(report.markdown(results))
    out = options.out or (None if options.quick else report.FOLDER)
    if out:
        report.write(results, out)
    return 0


if __name__ == "__main__":  # vLLM spawns its engine, which imports this file again
    sys.exit(main())
