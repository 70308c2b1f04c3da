"""The lines that the guard is measured with: the fallback voice's, hand-written ones, and lies."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from random import Random
from time import perf_counter

from benchmarks.faithfulness.mutants import Case, mutants
from benchmarks.faithfulness.scenes import BY_NAME, SCENES, Scene, told
from worker.commentary import fallback
from worker.commentary.guard import Context, Kind, Violation, check
from worker.football.schema import Persona

LINES = Path(__file__).parent / "lines"
FALLBACK, TUNED, HELD_OUT = "fallback voice", "hand-written", "hand-written, held out"
# Nobody may look at what is missed of the held-out lines: who does, tunes on them.
FILES = {TUNED: "tuned", HELD_OUT: "held_out"}


def spoken() -> Iterator[Case]:
    """The fallback voice: every phrasing of every scene in every persona."""
    for scene in SCENES:
        fact = told(scene.name)
        for persona in Persona:
            for variant in range(fallback.variants(fact)):
                yield Case(scene, persona, fallback.line(fact, persona, variant)[1], FALLBACK)


def written(origin: str) -> Iterator[Case]:
    """The hand-written correct lines of a file."""
    for scene, persona, text in _rows(f"{FILES[origin]}.tsv"):
        yield Case(BY_NAME[scene], Persona(persona), text, origin)


def lies(origin: str) -> Iterator[Case]:
    """The hand-written lies of a file."""
    for scene, persona, kind, text in _rows(f"{FILES[origin]}_lies.tsv"):
        yield Case(BY_NAME[scene], Persona(persona), text, origin, Kind(kind))


def correct() -> Iterator[Case]:
    """Every correct line."""
    yield from spoken()
    for origin in FILES:
        yield from written(origin)


@cache
def mutated() -> tuple[Case, ...]:
    """The mutants of every correct line, always the same ones."""
    return tuple(lie for case in correct() for lie in mutants(case, Random(_seed(case))))  # noqa: S311


def _seed(case: Case) -> str:
    return f"{case.scene.name} {case.persona} {case.text}"


def judged(case: Case) -> tuple[Violation, ...]:
    """What the guard says of a case."""
    return check(case.text, case.fact, _context(case.scene, case.persona), case.neighbours)


def timed(case: Case) -> tuple[tuple[Violation, ...], float]:
    """What the guard says of a case, and how long it took, in seconds."""
    began = perf_counter()
    violations = judged(case)
    return violations, perf_counter() - began


@cache
def _context(scene: Scene, persona: Persona) -> Context:
    return Context.of(scene.request(), scene.facts(), persona)


def _rows(name: str) -> list[list[str]]:
    lines = (LINES / name).read_text("utf-8").splitlines()
    return [line.split("\t") for line in lines if line and not line.startswith("#")]
