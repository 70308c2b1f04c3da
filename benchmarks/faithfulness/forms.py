"""The three table forms of the prompt on a real model: how many of its first answers are true."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from statistics import mean

from tqdm import tqdm  # type: ignore[import-untyped]

from benchmarks.windows import request as window
from worker.__main__ import start_engine
from worker.commentary.pipeline import (
    CommentaryOptions,
    GuardMode,
    Line,
    Script,
    Source,
    commentate,
)
from worker.engine import Engine
from worker.football.schema import CommentaryRequest, Persona, TableForm
from worker.settings import Settings


@dataclass(slots=True)
class Form:
    """What one table form came to.

    Attributes:
        lines: how many were asked for.
        malformed: first answers that were none: nothing came, or not in the line's grammar.
        true: first answers without a violation; faithfulness: of those that came.
        violations: of the first answers, by class.
    """

    lines: int = 0
    malformed: int = 0
    true: int = 0
    faithfulness: list[float] = field(default_factory=list)
    violations: Counter[str] = field(default_factory=Counter)
    prompt_tokens: int = 0

    def add(self, script: Script) -> None:
        """Count a script whose lines were only flagged."""
        self.prompt_tokens += script.usage.prompt
        for line in script.lines:
            self._count(line)

    def _count(self, line: Line) -> None:
        self.lines += 1
        if line.source is not Source.MODEL or line.review is None:
            self.malformed += 1
            return
        self.true += not line.review.violations
        self.faithfulness.append(line.review.faithfulness)
        self.violations.update(each.kind.value for each in line.review.violations)


async def compare(settings: Settings, jobs: int) -> str:
    """The forms side by side, as Markdown; names the model.

    Every form is given the same jobs with the same seeds, and only the first answers count: they
    are flagged, and what is none of the model's first ones is malformed. Raises StartupError.
    """
    engine, _ = start_engine(settings)
    try:
        options = replace(settings.commentary, guard=GuardMode.FLAG)
        forms = {form: await _measured(engine, options, form, jobs) for form in TableForm}
    finally:
        await engine.close()
    return told(engine.model, forms)


async def _measured(engine: Engine, options: CommentaryOptions, form: TableForm, jobs: int) -> Form:
    result = Form()
    personas = tuple(Persona)
    for number in tqdm(range(jobs), f"table form {form}", leave=False):
        style = personas[number % len(personas)]
        document = window(number, f"form {number}", goal=number % 4 == 0)
        request = CommentaryRequest.parse({**document, "style": style, "seed": number})
        async with aclosing(commentate(request, engine, replace(options, table=form))) as items:
            [script] = [item async for item in items if isinstance(item, Script)]
        result.add(script)
    return result


def told(model: str, forms: Mapping[TableForm, Form]) -> str:
    """The comparison as Markdown."""
    head = (
        "table form",
        "lines",
        "malformed",
        "true as they came",
        "faithfulness",
        "prompt tokens",
        "violations",
    )
    rows = [head, ("---",) * len(head), *(_row(form, each) for form, each in forms.items())]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in rows)
    return f"Model: {model}\n\n{table}"


def _row(name: TableForm, form: Form) -> Sequence[str]:
    violations = ", ".join(f"{kind} {count}" for kind, count in form.violations.most_common())
    return (
        name.value,
        str(form.lines),
        str(form.malformed),
        f"{form.true / form.lines:.1%}",
        f"{mean(form.faithfulness or [0.0]):.2f}",
        str(form.prompt_tokens),
        violations or "none",
    )
