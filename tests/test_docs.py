"""What the documents say is what the code does."""

import argparse
import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from builder.__main__ import COMMANDS
from builder.__main__ import main as builder
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


# What others say, word for word as they were seen to, or as they are cited in the shared sources.
THEIRS = (
    "Insufficient space in /dev/shm",
    "Free memory on device",
    "No available memory for the cache blocks",
    "unsatisfied condition: cuda>=13.0",
)


def literals(folder: str) -> str:
    """The text of all strings of our sources, adjacent ones joined, without what is filled in."""
    found = []
    for path in sorted((ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = [part for part in node.values if isinstance(part, ast.Constant)]
                found.append("\0".join(str(part.value) for part in parts))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return "\n".join(found)


def test_the_messages_of_the_troubleshooting_table_are_said_by_somebody():
    """Each message is in our code, or one of those that others say."""
    [table] = re.findall(r"\| message \| what to do \|\n\|---\|---\|\n(.*?)\n\n", README, re.DOTALL)
    said = literals("builder") + literals("worker")
    rows = [row.split("|")[1] for row in table.splitlines()]
    messages = [message for row in rows for message in re.findall(r"`([^`]+)`", row)]
    assert len(messages) > 10
    for message in messages:
        pieces = [piece.strip(" .") for piece in message.split("…") if len(piece.strip(" .")) > 3]
        theirs = any(text in message for text in THEIRS)
        assert theirs or (pieces and all(piece in said for piece in pieces)), message


def test_every_command_and_flag_of_the_builder_in_readme_exists():
    """Each `python -m builder X` is a command, and each flag beside it one of its own."""
    commands = set(re.findall(r"python -m builder (\w+)", README)) | {"build"}
    assert commands <= set(COMMANDS)
    flags = {
        flag
        for module in COMMANDS.values()
        for flag in parser_of(module)._option_string_actions
        if flag.startswith("--")
    }
    [section] = re.findall(r"## Deployment\n(.*?)\n## ", README, re.DOTALL)
    foreign = {"--shm-size"}  # docker's own
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", section)) <= flags | foreign


def parser_of(module) -> argparse.ArgumentParser:
    """A command's own parser."""
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    return parser


def test_the_endpoint_s_table_is_what_the_builder_sets_up(capsys):
    """Workers, times, scaling and disk stand in README as `builder endpoint` has them."""
    for card, column in (("l4", 2), ("a40", 3)):
        assert builder(["endpoint", "you/x:1", "--gpu", card]) == 0
        told = capsys.readouterr().out
        rows = re.findall(r"^\| ([\w ,]+) \| ([^|]+) \| ([^|]+) \|", README, re.MULTILINE)
        row = {cells[0]: cells[column - 1] for cells in rows}
        most = re.search(r"Max workers +(\d+)", told)[1]
        assert row["workers"].strip() == f"0 to {most}"
        assert row["idle timeout"].strip() == re.search(r"Idle timeout +(.*)", told)[1]
        scaling = re.search(r"Request count, (\d+)", told)[1]
        assert f"per {scaling}" in row["scaling"]
        assert row["execution timeout"].strip() == re.search(r"Execution timeout +(.*)", told)[1]
        assert row["container disk"].strip() == re.search(r"Container disk +(.*)", told)[1]
        assert f"`{re.search(r'PRESET=(.*)', told)[1]}`" in row["preset"]
