"""The measure of an update: what its table says of its figures, and that both sides are built."""

import re
from pathlib import Path

from benchmarks.update.report import OURS, USUAL, Results, Update, read, table, write

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Results(
    {"date": "today", "processor": "one, 2 cores"},
    {USUAL: 900_000_000, OURS: 100_000_000},
    [
        Update(USUAL, 1, 20.0, 4.0, 30_000_000),
        Update(OURS, 1, 2.0, 0.5, 200_000),
        Update(USUAL, 2, 30.0, 6.0, 30_000_000),
        Update(OURS, 2, 1.0, 0.5, 100_000),
    ],
)


def test_ratios_are_of_the_same_turn():
    """Each turn's usual update over ours of that turn."""
    assert RESULTS.ratios(lambda update: update.build_s) == [10.0, 30.0]


def test_the_table_has_medians_with_their_spread():
    """Of each side and of the ratios; the first push is the one that sent the base."""
    told = table(RESULTS)
    assert "| ours | 1.5 (1.0–2.0) | 0.5 (0.5–0.5) | 0.15 (0.10–0.20) |" in told
    assert "| times less | 20 (10–30) | 10 (8–12) | 225 (150–300) |" in told
    assert "sent 900 MB" in told


def test_what_was_written_is_read(tmp_path):
    """Results come back as they were."""
    write(RESULTS, tmp_path)
    assert read(tmp_path) == RESULTS


def test_the_usual_order_is_code_before_packages_before_model():
    """The side beside ours has the same three parts, the other way round."""
    recipe = (ROOT / "benchmarks/update/Dockerfile").read_text()
    code, packages, model = (
        recipe.index(word) for word in ("COPY . .", "add_missing.py", "builder.download")
    )
    assert code < packages < model
    ours = (ROOT / "Dockerfile").read_text()
    [last] = re.findall(r"^COPY .*worker worker$", ours, re.MULTILINE)
    assert ours.index("COPY --from=weights") < ours.index(last)
