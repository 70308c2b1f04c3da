"""The JSON Schemas in `schemas/`: the code's own, and true of everything that is answered."""

import importlib.util
import json
import re
from copy import deepcopy
from itertools import product
from pathlib import Path

import jsonschema
import pytest
from referencing import Registry, Resource

from tests.callbacks.receivers import QUICK, SECRET, Receiver
from tests.fakes import ScriptedEngine, asks_for, fail, once, say
from tests.rows import request_document
from tests.serve.service import events, http_service
from tests.serving import serving
from tests.shapes.canned import context, gathered
from tests.test_layering import HEAVY, modules_after
from worker import errors, examples, schemas
from worker.callbacks import Callbacks, Outcome, Reason, failed_document
from worker.callbacks.hosts import Allowed
from worker.commentary.pipeline import GuardMode
from worker.errors import EngineRejected, WorkerError
from worker.football.schema import Persona
from worker.handler import Handler, error_answer
from worker.serve.exchange import error_body
from worker.shapes import commentary, told

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text("utf-8")
MADE = {name: make() for name, make in schemas.PUBLISHED.items()}
REGISTRY = Registry().with_resources(
    (schema["$id"], Resource.from_contents(schema)) for schema in MADE.values()
)


def validator(name, definition=None):
    """What holds documents against a schema of ours, or against a definition in it."""
    fragment = f"#/$defs/{definition}" if definition else ""
    schema = {"$ref": f"{MADE[name]['$id']}{fragment}"}
    return jsonschema.Draft202012Validator(schema, registry=REGISTRY)


RESULT, CALLBACK, ERROR = validator("result"), validator("callback"), validator("error")
CHUNK, CLOSING = validator("result", "Chunk"), validator("result", "Closing")
FAILURE = validator("error", "Failure")


@pytest.fixture(scope="module")
def script():
    specification = importlib.util.spec_from_file_location("schemas_script", SCRIPT)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


SCRIPT = ROOT / "scripts/schemas.py"


class TestFolder:
    """What `scripts/schemas.py` writes, and what it says of it."""

    def test_the_folder_is_the_code_s(self, script, capsys):
        """`make docs` has been run since the models were changed."""
        assert script.main(["--check"]) == 0, capsys.readouterr().err
        assert len(list(script.FOLDER.iterdir())) == len(MADE)

    def test_what_it_writes_it_finds_true(self, script, tmp_path):
        """One file for each schema, as JSON."""
        folder = tmp_path / "schemas"
        assert script.main([], folder) == 0
        assert script.main(["--check"], folder) == 0
        for name, schema in MADE.items():
            assert json.loads((folder / f"{name}.schema.json").read_text("utf-8")) == schema

    @pytest.mark.parametrize(
        ("name", "text"),
        [("result.schema.json", "{}"), ("result.schema.json", None), ("old.schema.json", "{}")],
    )
    def test_what_is_not_true_is_named(self, script, tmp_path, capsys, name, text):
        """A file that says something else, is missing, or is nobody's; nothing is written."""
        script.main([], tmp_path)
        path = tmp_path / name
        path.unlink(missing_ok=True)
        if text:
            path.write_text(text)
        assert script.main(["--check"], tmp_path) == 1
        assert f"schemas: {name} out of date" in capsys.readouterr().err
        assert path.exists() == (text is not None)


def parts(schema):
    """A schema and every schema in it."""
    if isinstance(schema, list):
        for each in schema:
            yield from parts(each)
    elif isinstance(schema, dict):
        yield schema
        for key, each in schema.items():
            if key not in ("examples", "enum"):
                yield from parts(each)


class TestDocuments:
    """What every published schema has."""

    @pytest.mark.parametrize("name", MADE)
    def test_it_is_a_schema_of_the_draft_that_it_names(self, name):
        """With an id of its own and a title."""
        schema = MADE[name]
        assert (
            schema["$schema"] == schemas.DRAFT == jsonschema.Draft202012Validator.META_SCHEMA["$id"]
        )
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["$id"] == f"urn:football-commentary-worker:{name}"
        assert schema["title"]
        assert len({each["title"] for each in MADE.values()}) == len(MADE)

    @pytest.mark.parametrize("name", MADE)
    def test_every_property_says_what_it_is(self, name):
        """In itself, or where it refers to."""
        undescribed = [
            key
            for part in parts(MADE[name])
            if isinstance(part.get("properties"), dict)
            for key, each in part["properties"].items()
            if not {"description", "$ref", "anyOf"} & set(each)
        ]
        assert undescribed == []
        assert all("description" in each for each in MADE[name]["$defs"].values())

    @pytest.mark.parametrize("name", MADE)
    def test_every_reference_leads_somewhere_and_nothing_is_left_over(self, name):
        """But for what a streamed job has, and RunPod's errors, which stand beside."""
        definitions = MADE[name]["$defs"]
        named = {
            part["$ref"].removeprefix("#/$defs/")
            for part in parts(MADE[name])
            if isinstance(part.get("$ref"), str)
        }
        beside = {"result": {"Chunk", "Closing"}, "error": {"Failure"}}.get(name, set())
        assert named | beside == set(definitions)

    @pytest.mark.parametrize("name", MADE)
    def test_its_examples_are_what_it_describes(self, name):
        """Those that a person is shown."""
        shown = MADE[name]["examples"]
        assert shown
        for example in shown:
            validator(name).validate(example)

    def test_the_answers_have_no_key_that_is_not_named(self):
        """An object of theirs is closed, or has keys that are words of ours."""
        for name in ("result", "callback", "error"):
            for part in parts(MADE[name]):
                if part.get("type") == "object":
                    assert part.get("additionalProperties") is False or "propertyNames" in part

    def test_making_one_spoils_no_other(self):
        """Whoever gets one may change it."""
        spoilt = schemas.request_schema()
        spoilt["$defs"].clear()
        spoilt["properties"]["style"].clear()
        spoilt["examples"][0]["rawData"].clear()
        assert schemas.request_schema() == MADE["request"]

    def test_they_are_made_without_a_door_or_an_engine(self):
        """A script can write them on any machine."""
        assert modules_after("import worker.schemas").isdisjoint([*HEAVY, "httpx"])


def kind_of(block):
    """What a JSON example of README is: its schema, and the document; None for a log line."""
    if "input" in block:
        return validator("request"), block["input"]
    if "line" in block:
        return CHUNK, block
    if "facts" in block:
        return validator("result", "ScriptLine"), examples.CHUNK["line"] | block
    if "jobId" in block:
        # What a callback brings is shown without the keys that the result above it has shown.
        rest = examples.RESULT if block["status"] == "DONE" else {}
        return (RESULT if "usage" in block else CALLBACK), rest | block
    if "retryable" in block:
        return FAILURE, block
    if list(block) == ["callback"]:
        name = ("request", "Callback") if "url" in block["callback"] else ("result", "Delivery")
        return validator(*name), block["callback"]
    return None


def test_every_example_of_readme_is_what_its_schema_describes():
    """Requests, results, lines, callbacks and errors."""
    blocks = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", README, re.DOTALL)]
    found = [kind for kind in map(kind_of, blocks) if kind]
    assert len(found) >= 5
    for schema, document in found:
        schema.validate(document)


def test_the_job_of_test_input_is_a_request():
    """What `make run` shows a newcomer."""
    document = json.loads((ROOT / "test_input.json").read_text("utf-8"))
    validator("request").validate(document["input"])


def test_the_example_request_has_rows_of_the_feed():
    """Three of those that everybody runs, about the same match."""
    document = json.loads((ROOT / "test_input.json").read_text("utf-8"))["input"]
    assert document | {"rawData": []} == examples.REQUEST | {"rawData": []}
    rows = examples.REQUEST["rawData"]
    first = document["rawData"].index(rows[0])
    assert document["rawData"][first : first + len(rows)] == rows


def speaking(*lines, tones="DEE"):
    """An engine that says a line about each action."""

    def answer(body):
        [index] = asks_for(body)
        return say(f"{tones[index]}|{lines[index]}")

    return ScriptedEngine(answer)


ELSEWHERE = {"jobId": "", "model": "", "usage": {}, "timings": {}}
"""What of a result is not the request's doing."""


def of_example(document):
    return document | ELSEWHERE


async def test_the_example_result_is_what_the_worker_makes_of_the_example_request():
    """By a model that says these lines, every one of which the guard lets pass."""
    said = [line["description"] for line in examples.RESULT["script"]]
    on = context(speaking(*said), guard=GuardMode.REPAIR)
    [result] = await gathered(commentary.read(examples.REQUEST), on)
    assert of_example(result) == of_example(examples.RESULT)
    assert list(result) == list(examples.RESULT)
    on = context(speaking(*said), guard=GuardMode.REPAIR)
    *chunks, last = await gathered(commentary.read(examples.REQUEST | {"stream": True}), on)
    assert examples.CHUNK in chunks
    assert of_example(last) == of_example(examples.CLOSING)


def test_the_example_errors_are_what_the_worker_answers():
    """As RunPod's text, over HTTP and in a callback; a callback's outcome as it is told."""
    error = errors.InvalidInput(examples.FAILURE["message"], examples.FAILURE["param"])
    assert json.loads(error_answer(error)["error"]) == examples.FAILURE
    assert error_body(error) == examples.HTTP_FAILURE
    posted = examples.POSTED_FAILURE
    assert failed_document(posted["jobId"], posted["gameId"], error) == posted
    assert Outcome("delivered", 1, 200).told() == examples.DELIVERY


ENGINES = {
    "good": ScriptedEngine,
    "again": lambda: ScriptedEngine(once(lambda _: say(""))),
    "none": lambda: ScriptedEngine(lambda _: fail(errors.EngineError("no"))),
}
WANTED = [
    dict(zip(("styles", "ssml", "explain"), values, strict=True))
    for values in product((None, ["CASTER"], list(Persona)), (False, True), (False, True))
]


@pytest.mark.parametrize("guard", GuardMode)
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("wanted", WANTED)
async def test_whatever_is_asked_for_the_answers_are_what_the_schemas_describe(
    wanted, engine, guard
):
    """Plain and streamed, whatever the engine does, with whatever the guard finds."""
    on = context(ENGINES[engine](), guard=guard)
    [result] = await gathered(commentary.read(request_document(**wanted)), on)
    RESULT.validate(result)
    CALLBACK.validate(result)
    on = context(ENGINES[engine](), guard=guard)
    *chunks, last = await gathered(commentary.read(request_document(**wanted, stream=True)), on)
    for chunk in chunks:
        CHUNK.validate(chunk)
    CLOSING.validate(last)
    assert not RESULT.is_valid(last)


async def test_a_request_without_a_game_or_times_has_answers_of_the_schemas_too():
    """Both are null then."""
    [result] = await gathered(
        commentary.read({"rawData": [{"actionId": 1}]}), context(ScriptedEngine())
    )
    assert (result["gameId"], result["script"][0]["timeSeconds"]) == (None, None)
    RESULT.validate(result)


def line():
    return deepcopy(examples.CHUNK["line"])


WRONG = [
    *(examples.RESULT | {"script": script} for script in (None, [], [{}], "", [line() | {"x": 1}])),
    *(
        examples.RESULT | {"script": [line() | change]}
        for change in (
            *({"tone": "HAPPY"}, {"tone": None}, {"source": "human"}, {"description": " "}),
            *({"actionId": 2336}, {"timeSeconds": 1856.18}, {"facts": [{"field": "actor"}]}),
            *({"violations": [{"kind": "odd", "text": "", "reason": ""}]}, {"seconds": -1}),
        )
    ),
    *(examples.RESULT | {"status": status} for status in ("FAILED", "PENDING", None, 1)),
    *({k: v for k, v in examples.RESULT.items() if k != key} for key in examples.RESULT),
    examples.RESULT | {"more": 1},
    examples.RESULT | {"counts": {"model": 1, "repaired": 0, "fallback": 0}},
    examples.RESULT | {"counts": examples.RESULT["counts"] | {"violations": {"odd": 1}}},
    examples.RESULT | {"scripts": {"POET": [line()]}},
    examples.RESULT | {"callback": {"status": "delivered"}},
    examples.RESULT | {"callback": examples.DELIVERY | {"reason": "odd"}},
    examples.RESULT | {"callback": None},
]


@pytest.mark.parametrize("document", WRONG)
def test_what_is_no_result_the_schema_refuses(document):
    """A receiver that trusts it gets nothing else."""
    assert not RESULT.is_valid(document)


FAILED = examples.POSTED_FAILURE


@pytest.mark.parametrize(
    "document",
    [
        *(FAILED | {"script": script} for script in (None, [line()], "")),
        *(FAILED | {"status": status} for status in ("DONE", "PENDING", None)),
        *({k: v for k, v in FAILED.items() if k != key} for key in FAILED),
        *(FAILED | {"errorCode": "odd"}, FAILED | {"errorMessage": None}, FAILED | {"more": 1}),
        examples.RESULT | {"callback": examples.DELIVERY},
        {},
    ],
)
def test_what_no_callback_brings_its_schema_refuses(document):
    """`script` is a list, always; and nothing is known yet of what becomes of the callback."""
    assert not CALLBACK.is_valid(document)


KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, WorkerError)
]
SAID = {"message": "too long", "type": "BadRequestError", "param": "messages", "code": 400}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("said", [None, SAID])
@pytest.mark.parametrize("reason", [None, *Reason])
def test_every_failure_is_what_the_schemas_describe(kind, said, reason):
    """Over RunPod, over HTTP and in a callback; with its outcome and the engine's words."""
    error = kind("It has failed.", "rawData[3].startX", said)
    for game in ("126283", None):
        CALLBACK.validate(failed_document("7", game, error))
    outcome = Outcome("failed" if reason else "delivered", 7, None if reason else 200, reason)
    for callback in (None, outcome.told()):
        error.callback = callback
        ERROR.validate(error_body(error))
        for shape in ("commentary", "openai", "unknown"):
            FAILURE.validate(json.loads(error_answer(error, shape)["error"]))


def test_a_body_without_openai_s_object_is_no_error_of_the_service_s():
    """Its clients look for that one alone."""
    assert not ERROR.is_valid(examples.FAILURE)
    assert FAILURE.is_valid(examples.FAILURE)
    assert not FAILURE.is_valid(examples.FAILURE | {"code": "odd"})
    assert not FAILURE.is_valid(examples.FAILURE | {"retryable": "no"})


def test_the_codes_are_those_of_the_whole_tree():
    """Each once."""
    codes = MADE["error"]["$defs"]["Failure"]["properties"]["code"]["enum"]
    assert sorted(codes) == sorted({kind.code for kind in KINDS})
    assert codes == told._CODES


async def answers_of(job, receiver, engine=None):
    """What a job with a callback to this machine answers, and what is posted."""
    with serving(receiver) as url:
        callbacks = Callbacks(Allowed.of(["127.0.0.1"]), SECRET, pace=QUICK)
        made = Handler(
            *(engine or ScriptedEngine(), context(ScriptedEngine()).options, 8, print),
            callbacks=callbacks,
        )
        document = request_document(**job, callback={"url": url})
        validator("request").validate(document)
        return await made.collect({"id": "job-1", "input": document})


@pytest.mark.parametrize("status", [200, 404])
@pytest.mark.parametrize("wanted", [{}, {"styles": ["CASTER", "FRIEND"], "ssml": True}])
async def test_a_real_callback_brings_what_its_schema_describes(status, wanted):
    """Also of a streamed job; and the job's own answer says what became of it."""
    receiver = Receiver(status)
    RESULT.validate(result := await answers_of(wanted, receiver))
    *chunks, last = await answers_of(wanted | {"stream": True}, receiver)
    CLOSING.validate(last)
    assert result["callback"] == last["callback"]
    assert result["callback"]["statusCode"] == status
    plain, streamed = receiver.documents()
    for posted in (plain, streamed):
        CALLBACK.validate(posted)
        RESULT.validate(posted)
    assert len(chunks) == len(streamed["script"]) * len(wanted.get("styles", [""]))


async def test_a_real_callback_of_a_failed_job_brings_what_its_schema_describes():
    """Every key that a receiver requires."""
    receiver = Receiver()
    engine = ScriptedEngine(lambda _: fail(EngineRejected("too long")))
    answer = await answers_of({}, receiver, engine)
    FAILURE.validate(failure := json.loads(answer["error"]))
    assert failure["callback"]["status"] == "delivered"
    [posted] = receiver.documents()
    CALLBACK.validate(posted)
    assert (posted["status"], posted["errorCode"]) == ("FAILED", "engine_rejected")


def test_what_the_http_service_answers_is_what_the_schemas_describe():
    """A result, a stream of it, and errors of a request, of a path and of a method."""
    with http_service() as service:
        RESULT.validate(service.post(examples.REQUEST).json())
        *lines, last = events(service.post(examples.REQUEST | {"stream": True}))
        for name, data in lines:
            assert name == "line"
            CHUNK.validate(data)
        CLOSING.validate(last[1])
        wrong = service.post({"rawData": []})
        nowhere = service.client.get("/nowhere")
        no_method = service.client.get("/v1/commentary")
        for answer, status in ((wrong, 400), (nowhere, 404), (no_method, 405)):
            assert answer.status_code == status
            ERROR.validate(answer.json())
