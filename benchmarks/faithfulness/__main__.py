"""How often the guard is right (`make faithfulness`), and how true a real model's lines are.

Without a model: the guard on correct lines (precision) and on lies made of them (recall, class by
class). With `--model` or `--engine-url`: the three table forms of the prompt on that model, judged
by the same guard, so that whoever has a GPU can see whether words beat coordinates.
"""

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import median

from tqdm import tqdm  # type: ignore[import-untyped]

from benchmarks.faithfulness import cases, forms, report
from benchmarks.faithfulness.mutants import Case
from benchmarks.faithfulness.report import Measured
from worker.commentary.guard import Violation
from worker.errors import StartupError
from worker.settings import Settings

AT_A_TIME = (
    500  # cases that a process is handed at once: one by one, sending costs more than judging
)


def measured() -> Measured:
    """The guard on every case there is, judged by as many processes as there are processors."""
    result, times = Measured(), []
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as judges:

        def verdicts(
            given: Sequence[Case], what: str
        ) -> Iterator[tuple[Case, Sequence[Violation]]]:
            found = judges.map(cases.timed, given, chunksize=AT_A_TIME)
            for case, (violations, took) in zip(tqdm(given, what, leave=False), found, strict=True):
                times.append(took)
                yield case, violations

        report.tallied(verdicts(tuple(cases.correct()), "correct lines"), result, lies=False)
        report.tallied(verdicts(cases.mutated(), "mutants"), result, lies=False)
        for origin in cases.FILES:
            report.tallied(verdicts(tuple(cases.lies(origin)), "lies"), result, lies=True)
    result.microseconds = median(times) * 1e6
    return result


def command_line(words: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faithfulness", description=__doc__)
    parser.add_argument("--model", help="folder or Hugging Face id: compare the table forms on it")
    parser.add_argument("--engine-url", help="a vLLM server elsewhere, for the same")
    parser.add_argument("--jobs", type=int, default=20, help="jobs of ten rows for each table form")
    parser.add_argument("--out", type=Path, help="folder for the results")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    """Measure; the exit code is 1 where a figure is not reached, or the engine does not start."""
    options = command_line(words)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    if options.model or options.engine_url:
        return compare(options)
    result = measured()
    print(report.table(result), report.missed(result), sep="\n\n")
    if options.out:
        report.write(result, options.out)
    return 0 if result.reached else 1


def compare(options: argparse.Namespace) -> int:
    """The three table forms on one engine."""
    named = {"MODEL_NAME": options.model, "ENGINE_URL": options.engine_url}
    given = {name: value for name, value in named.items() if value}
    try:
        told = asyncio.run(forms.compare(Settings.from_env({**os.environ, **given}), options.jobs))
    except StartupError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    print(told)
    return 0


if __name__ == "__main__":  # vLLM spawns its engine, which imports this file again
    sys.exit(main())
