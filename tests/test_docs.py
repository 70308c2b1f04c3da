"""What the documents say is what the code does."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes import ScriptedEngine, unguarded
from tests.rows import request_document, ten_rows
from worker.commentary.guard import Context, Kind, check, review
from worker.commentary.script import Line, Source
from worker.football.facts import facts_of
from worker.football.schema import CommentaryRequest, Persona
from worker.football.vocabulary import Tone
from worker.handler import Handler
from worker.shapes.commentary import explanation
from worker.shapes.openai import ROUTES

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text("utf-8")
DOCUMENTS = ["README.md", "CONTRIBUTING.md"]


def example(beginning: str):
    """README's JSON example that begins like this."""
    blocks = re.findall(r"```json\n(.*?)```", README, re.DOTALL)
    [found] = [block for block in blocks if block.startswith(beginning)]
    return json.loads(found)


def handler():
    return Handler(ScriptedEngine(), unguarded(), 8, print)


def test_the_tables_are_the_code_s():
    """Settings, presets and error codes stand in README as the code has them."""
    command = [sys.executable, ROOT / "scripts/docs.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_example_request_is_taken_and_understood():
    """README's job is a request with a located fact."""
    [fact] = facts_of(CommentaryRequest.parse(example('{"input"')["input"]))
    assert (fact.actor.name, fact.word) == ("문새벽", "패스")
    assert fact.start is not None


@pytest.mark.anyio
async def test_the_example_result_has_a_result_s_keys():
    """README's result has the keys, and the order of keys, of a real one."""
    result = await handler().collect({"id": "1", "input": request_document()})
    shown = example('{"jobId"')
    assert list(shown) == list(result)
    for part in ("usage", "timings"):
        assert list(shown[part]) == list(result[part])
    assert list(shown["script"][0]) == list(result["script"][0])


@pytest.mark.anyio
async def test_the_example_chunk_is_a_streamed_line():
    """README's chunk has the keys of a real one."""
    job = {"id": "1", "input": request_document(stream=True)}
    chunk = await anext(handler().answers(job))
    shown = example('{"line"')
    assert list(shown) == list(chunk)
    assert list(shown["line"]) == list(chunk["line"])


@pytest.mark.anyio
async def test_the_example_log_line_is_a_job_s(caplog):
    """README's log line has the fields of a real one, in their order."""
    with caplog.at_level("INFO", "worker.jobs"):
        await handler().collect({"id": "1", "input": request_document()})
    assert list(example('{"id"')) == list(json.loads(caplog.messages[-1].removeprefix("job ")))


def test_the_example_explanation_is_that_of_the_example_line():
    """README explains its own line, whose first answer had said another place."""
    request = CommentaryRequest.parse(example('{"input"')["input"])
    [fact] = facts_of(request)
    about = Context.of(request, [fact])
    said = example('{"jobId"')["script"][0]["description"]
    wrong = check(said.replace("중원에서", "왼쪽에서"), fact, about)
    line = Line(
        *(fact, Tone.DEFAULT, said, Source.REPAIRED, Persona.CASTER),
        *(wrong, review(said, fact, about)),
    )
    assert explanation(line, request) == example('{"facts"')


def test_the_classes_of_violations_are_all_explained():
    """README's table has each one, and no other."""
    [table] = re.findall(r"\| class \| a line is not.*?\n\n", README, re.DOTALL)
    assert re.findall(r"^\| `(\w+)`", table, re.MULTILINE) == [kind.value for kind in Kind]


def test_the_routes_that_can_be_reached_are_named():
    """README has the allow-list, with its methods."""
    [told] = re.findall(r"Routes: (.*?); no other", README)
    spoken = [part.strip().split(" ") for part in told.split(";")]
    named = {path.strip("`,"): method for method, *paths in spoken for path in paths}
    assert named == {path: route.method for path, route in ROUTES.items()}


@pytest.mark.anyio
async def test_the_example_error_is_what_the_worker_answers():
    """README's error is word for word the answer to a shot from off the pitch."""
    rows = ten_rows()
    rows[3]["startX"] = 120.5
    answer = await handler().collect({"id": "1", "input": request_document(rawData=rows)})
    assert json.loads(answer["error"]) == example('{"code"')


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_target_that_a_document_names_exists(document):
    """`make X` in a document is a target of the Makefile."""
    named = set(re.findall(r"\bmake ([a-z]+(?:-[a-z]+)*)\b", (ROOT / document).read_text("utf-8")))
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert named
    assert named <= targets


def test_the_hooks_before_a_commit_are_targets_too():
    """pre-commit runs what CI runs."""
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    assert re.findall(r"entry: make (\w+)", hooks) == ["lint", "types"]


def test_help_lists_every_target():
    """`make help` leaves nothing out."""
    told = subprocess.run(
        ["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert all(f"make {target} " in told for target in targets)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_that_a_document_names_exists(document):
    """A path in a document leads somewhere."""
    text = (ROOT / document).read_text("utf-8")
    paths = set(re.findall(r"\b(?:worker|builder|tests|scripts|benchmarks)/[\w./-]*\w", text))
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []
