"""A request's schema says what the parser does, as far as a schema can."""

import json
import re
from copy import deepcopy
from dataclasses import dataclass, fields
from functools import cache

import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from tests.rows import request_document
from worker import examples, schemas
from worker.callbacks.hosts import Allowed
from worker.callbacks.target import read_target
from worker.errors import InvalidInput
from worker.football.schema import Action, CommentaryRequest, Match
from worker.football.vocabulary import fold
from worker.football.wire import Fields, is_missing
from worker.serve.documents import COMPONENTS

SCHEMA = schemas.request_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
ALLOWED = Allowed.of(["hooks.example.com"])
URL = "https://hooks.example.com/done"

# Why the worker may refuse what the schema takes: laws between fields, hosts, and URLs and headers
# of which a schema cannot say enough.
LAWS = re.compile(
    "repeats the id of action|lies at .* off a pitch|which are not metres"
    "|which CALLBACK_ALLOWED_HOSTS does not have"
    "|must be http://host/path|must have a host that|must have no user name|must have no spaces"
    r"|url (is missing|must have at most)"
    "|headers must (have names|have at most|not set|not have|be at most)"
)
# And of numbers that are written as text.
OF_TEXT = re.compile("must be (at least|above|at most|finite|a finite|a whole number)|not be neg")


def taken(document) -> bool:
    return VALIDATOR.is_valid(document)


def refusal(document) -> InvalidInput | None:
    """Why the worker refuses a document, None where it takes it."""
    try:
        CommentaryRequest.parse(document)
        read_target(document, ALLOWED)
    except InvalidInput as error:
        return error
    return None


def stands_at(document, place):
    """What stands at a place as errors name it (`rawData[3].startX`), None where nothing does."""
    for part in re.findall(r"[^.\[\]]+", place or ""):
        key = int(part) if isinstance(document, list) and part.isdigit() else part
        try:
            document = document[key]
        except (LookupError, TypeError):
            return None
    return document


def is_excused(error, document) -> bool:
    """Whether a refusal is one that the schema cannot know of."""
    if LAWS.search(error.message):
        return True
    return bool(OF_TEXT.search(error.message)) and isinstance(stands_at(document, error.param), str)


def definition(name):
    return SCHEMA["$defs"][name]


LEAST = {"rawData": [{"actionId": 1}]}


def within(name, **rest):
    """A document whose object `name` has `rest`, and a key with a value."""
    return lambda key, value: LEAST | {name: {**rest, key: value}}


# Each object of a request: how a document has it, and its schema.
OBJECTS = {
    "request": (lambda key, value: LEAST | {key: value}, SCHEMA),
    "rawData": (
        lambda key, value: {"rawData": [{"actionId": 1, "startX": 50, "startY": 30, key: value}]},
        definition("Action"),
    ),
    "matchInfo": (within("matchInfo"), definition("MatchInfo")),
    "coordinates": (within("coordinates"), definition("Coordinates")),
    "currentScore": (within("currentScore", home=1, away=0), definition("Score")),
    "speech": (within("speech"), definition("Speech")),
    "callback": (within("callback", url=URL), definition("Callback")),
}
PLACES = [(where, key) for where, (_, schema) in OBJECTS.items() for key in schema["properties"]]
WORDS = ("CASTER", "caster", "home_ltr", "Home-LTR", "facts", "true", "FALSE", " false ", "yes")
TIMES = ("00:00:02.6", "0 days 00:00:02.643377", "1:2:3", "2 days", "45:00")
NUMBERS = ("0", "1", "1.0", "0.5", "-1", "+3", "1e2", "1e999", "-1e-9", ".5", "5.", "0x1", "1,5")
SCALARS = (
    *(None, "", "  ", "NaN", "null", "None", "NaT", "nothing", True, False),
    *(
        0,
        1,
        -1,
        2,
        5,
        6,
        20,
        21,
        99,
        100,
        10**17,
        2**63 - 1,
        2**63,
        10**99,
        10**101,
        -(10**99),
        10**400,
    ),
    *(0.5, 1.0, 1.5, 2.0, 2.5, 75.5, 1e17, 1e150, -0.0, 1e-300),
    *("가" * 100, "가" * 101, f" {'가' * 100}\n", "가" * 500, "가" * 501, "가\n나"),
    *(*WORDS, *TIMES, *NUMBERS),
)
NESTED = (
    *([], [1], ["CASTER"], ["CASTER", "FRIEND"], ["CASTER", "CASTER"], ["CASTER", None], ["x"]),
    *(["한 줄"], ["", None], [{"description": "한 줄"}], [{"description": "가" * 501}], [{}], [[]]),
    *({}, {"x": 1}, {"home": 1, "away": "0"}, {"home": 1}, {"home": None, "away": 1}),
    *({"orientation": "auto", "yDown": "true"}, {"orientation": ""}, {"normalised": 2}),
    *({"rate": "1.5"}, {"rate": None}, {"rate": 3}, {"speed": 1}),
    *({"url": URL}, {"url": URL, "headers": {"X-Match": "7"}}, {"url": f" {URL} ", "headers": ""}),
    *({"url": "ftp://x"}, {"url": 7}, {"headers": {"A": "b"}}, {"url": URL, "headers": {"A": 1}}),
    *({"A": "b"}, {"A": None}, {"A": "\x07"}, {"A": ["b"]}),
)
VALUES = (*SCALARS, *NESTED)


def is_other_spelling(value, schema) -> bool:
    """Whether a word is in other letters than its enumeration, or all of an object is missing."""
    words = next((each["enum"] for each in schema.get("anyOf", ()) if "enum" in each), ())
    if isinstance(value, str):
        return value not in words and fold(value.strip()) in map(fold, words)
    return isinstance(value, dict) and all(map(is_missing, value.values()))


@pytest.mark.parametrize(("where", "key"), PLACES)
def test_schema_and_parser_agree_on_every_kind_of_value_everywhere(where, key):
    """What the worker takes the schema takes; the other way round there are a few laws more."""
    make, schema = OBJECTS[where]
    for value in VALUES:
        document = make(key, value)
        error = refusal(document)
        if error is None:
            assert taken(document) or is_other_spelling(value, schema["properties"][key]), value
        elif taken(document):
            assert is_excused(error, document), (value, error.message)


def test_most_refusals_are_the_schema_s_too():
    """The laws that it does not know are the exception."""
    documents = [OBJECTS[where][0](key, value) for where, key in PLACES for value in VALUES]
    refused = [document for document in documents if refusal(document)]
    assert len(refused) > 2000
    assert sum(map(taken, refused)) / len(refused) < 0.05


BOUND = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")


def bounds():
    """Each place that has a bound, with the bound's name and the bound."""
    for where, key in PLACES:
        schema = OBJECTS[where][1]["properties"][key]
        for part in (schema, *schema.get("allOf", ())):
            yield from ((where, key, name, part[name]) for name in BOUND if name in part)


@pytest.mark.parametrize(("where", "key", "bound", "limit"), bounds())
def test_the_schema_s_bounds_are_the_parser_s(where, key, bound, limit):
    """On each bound, and just beyond it, the two say the same."""
    make, schema = OBJECTS[where]
    step = 1 if "Whole" in json.dumps(schema["properties"][key]) else 0.001 * max(1, abs(limit))
    beyond = limit + (step if "axim" in bound else -step)
    for value, inside in ((limit, not bound.startswith("exclusive")), (beyond, False)):
        document = make(key, value)
        assert taken(document) is inside
        assert (refusal(document) is None) is inside


REFUSED = [
    *({"style": "LOUD"}, {"style": 3}, {"style": ["CASTER"]}),
    *({"styles": []}, {"styles": ["CASTER", "CASTER"]}, {"styles": ["LOUD"]}, {"styles": "CASTER"}),
    *({"rawData": []}, {"rawData": None}, {"rawData": "rows"}, {"rawData": {"0": {}}}),
    {"rawData": [{"actionId": number} for number in range(21)]},
    *({"rawData": [None]}, {"rawData": ["row"]}, {"rawData": [{}]}, {"rawData": [{"startX": 1}]}),
    *({"rawData": [{"actionId": value}]} for value in (None, "", " ", "NaN", True, [], "x" * 101)),
    *({"rawData": [{"actionId": 1, "startX": value}]} for value in ("abc", 120.5, -5.1, True, [])),
    *({"rawData": [{"actionId": 1, "endY": value}]} for value in (73.2, "1,5", {})),
    *({"rawData": [{"actionId": 1, "periodId": value}]} for value in (0, 6, 1.5, "first", False)),
    *({"rawData": [{"actionId": 1, "timeSeconds": value}]} for value in (-1, "soon", True, "1:2")),
    *({"rawData": [{"actionId": 1, "teamId": value}]} for value in ([], True)),
    *({"rawData": [{"actionId": 1, "playerNameKo": value}]} for value in ({}, "가" * 101)),
    *({"matchInfo": []}, {"matchInfo": "x"}, {"matchInfo": {"homeTeamId": True}}),
    *({"matchInfo": {"venue": ["x"]}}, {"matchInfo": {"homeTeamNameKo": {}}}),
    *({"coordinates": "home_ltr"}, {"coordinates": {"orientation": "up"}}),
    *({"coordinates": {"orient": "auto"}}, {"coordinates": {"normalised": 2}}),
    *({"currentScore": "1:0"}, {"currentScore": {"home": 1}}, {"currentScore": {}}),
    *({"currentScore": {"home": 1, "away": value}} for value in (100, -1, None, 0.5, "none")),
    *({"fanout": value} for value in (0, 21, 1.5, "many", True)),
    *({"tableForm": "csv"}, {"temperature": 2.1}, {"temperature": -0.1}, {"temperature": "warm"}),
    *({"topP": 0}, {"topP": 1.1}, {"seed": -1}, {"seed": 2**63}, {"seed": 0.5}),
    *({"deadlineSeconds": 0}, {"deadlineSeconds": -1}, {"minSalience": 1.1}, {"minSalience": -1}),
    *({"stream": "yes"}, {"stream": 1}, {"explain": 0}, {"ssml": []}),
    *({"speech": {"rate": 3}}, {"speech": {"rate": 0.4}}, {"speech": {"speed": 1}}, {"speech": 1}),
    *({"previousScript": "x"}, {"previousScript": [3]}, {"previousScript": [["x"]]}),
    *({"previousScript": ["가" * 501]}, {"previousScript": [{"description": ["x"]}]}),
    *({"gameId": []}, {"gameId": True}, {"callback": "x"}, {"callback": {"url": 3}}),
    *({"callback": {"url": "ftp://hooks.example.com"}}, {"callback": {"uri": URL}}),
    *({"callback": {"headers": {"A": "b"}}}, {"callback": {"url": URL, "headers": {"A": 1}}}),
]


@pytest.mark.parametrize("changes", REFUSED, ids=lambda changes: json.dumps(changes)[:60])
def test_what_is_clearly_wrong_both_refuse(changes):
    """A client that checks its request with the schema hears of it before it sends it."""
    document = request_document(**changes)
    assert not taken(document)
    assert refusal(document) is not None


@pytest.mark.parametrize("document", [None, [], "x", 3, {}, {"style": "CASTER"}])
def test_without_rows_there_is_no_request(document):
    """They alone are required."""
    assert not taken(document)
    assert refusal(document) is not None


@pytest.mark.parametrize(
    "document",
    [
        examples.REQUEST,
        request_document(),
        {"rawData": [{"actionId": 1}]},
        {"rawData": [{"actionId": number} for number in range(20)]},
        request_document(database_id=7, rawData=[{"actionId": "a", "id": 5, "note": {"x": []}}]),
    ],
)
def test_what_the_worker_takes_the_schema_takes(document):
    """The feed's own rows, the least and the largest; unknown keys are ignored."""
    assert refusal(document) is None
    assert taken(document)


OWN = {
    "gameId": "7",
    "style": "FRIEND",
    "styles": ["ANALYST", "FRIEND"],
    "matchInfo": {"venue": "가온 종합운동장"},
    "rawData": [{"actionId": 2}],
    "coordinates": {"orientation": "auto"},
    "previousScript": ["첫 줄입니다."],
    "currentScore": {"home": 1, "away": 0},
    "fanout": 5,
    "tableForm": "json",
    "temperature": 0.5,
    "topP": 0.5,
    "seed": 7,
    "deadlineSeconds": 12.5,
    "stream": True,
    "explain": True,
    "ssml": True,
    "speech": {"rate": 1.5},
    "minSalience": 0.3,
}
"""A value for each key of a request that changes what is read."""


def changed(before, after):
    """The fields of a dataclass in which two of its instances differ."""
    names = {field.name for field in fields(before)}
    return {name for name in names if getattr(before, name) != getattr(after, name)}


def filled_by(kind, schema, read):
    """For each key of a schema, the fields of `kind` that some value of it changes."""
    return {
        key: set().union(*(changed(read({}), read({key: value})) for value in ("7", 3, True)
                           if refusal_of(read, {key: value}) is None))
        for key in schema["properties"]
    }  # fmt: skip


def refusal_of(read, given):
    try:
        read(given)
    except InvalidInput as error:
        return error
    return None


def read_action(given):
    row = {"actionId": 1, "startX": 50, "startY": 30} | given
    return Action.read(Fields(row), 0, CommentaryRequest.parse({"rawData": [row]}).coordinates)


def read_match(given):
    return Match.read(Fields(given))


@pytest.mark.parametrize(
    ("kind", "name", "read", "ours"),
    [(Action, "Action", read_action, {"index"}), (Match, "MatchInfo", read_match, set())],
)
def test_every_key_of_an_object_is_read_and_every_field_has_one(kind, name, read, ours):
    """Nothing is in the schema that nobody looks at; nothing is looked at that is not in it."""
    by_key = filled_by(kind, definition(name), read)
    assert [key for key, found in by_key.items() if not found] == []
    assert set().union(*by_key.values()) == {field.name for field in fields(kind)} - ours


def test_every_key_of_a_request_is_read_and_every_field_has_one():
    """All but the callback, which is read where it is posted."""
    assert {*OWN, "callback"} == set(SCHEMA["properties"])
    least = CommentaryRequest.parse({"rawData": [{"actionId": 1}]})
    found = set()
    for key, value in OWN.items():
        document = {"rawData": [{"actionId": 1}], key: value}
        assert taken(document)
        fields_of_key = changed(least, CommentaryRequest.parse(document))
        assert fields_of_key, key
        found |= fields_of_key
    assert found == {field.name for field in fields(CommentaryRequest)}
    assert read_target({"callback": {"url": URL}}, ALLOWED)


def test_a_new_field_is_in_the_schema_or_there_is_none():
    """Of a known type it appears under its name; of any other it must be told how it is spelt."""

    @dataclass
    class Known:
        new_name_ko: str | None = None
        new_number: float | None = None

    @dataclass
    class Unknown:
        new_thing: set[str] | None = None

    found = schemas._properties(Known, {})
    assert found == {
        "newNameKo": {"$ref": "#/$defs/Text"},
        "newNumber": {"$ref": "#/$defs/Number"},
    }
    with pytest.raises(KeyError):
        schemas._properties(Unknown, {})
    with pytest.raises(KeyError, match="Known has no old_name"):
        schemas._properties(Known, {"old_name": {}})


@cache
def documents():
    """Documents that the schema of the OpenAPI document takes, as schemathesis makes them."""
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/" + TITLE}}}}
    operation = {
        "requestBody": body | {"required": True},
        "responses": {"200": {"description": ""}},
    }
    document = {
        "openapi": "3.1.0",
        "info": {"title": "requests", "version": "1"},
        "paths": {"/": {"post": operation}},
        "components": {"schemas": deepcopy(COMPONENTS)},
    }
    [made] = [found.ok() for found in schemathesis.openapi.from_dict(document).get_all_operations()]
    return made.as_strategy().map(lambda case: case.body)


TITLE = SCHEMA["title"]


def canonical_keys():
    return {fold(key) for _, schema in OBJECTS.values() for key in schema["properties"]}


@settings(
    max_examples=60,
    phases=[Phase.generate],  # a failure names the field; to shrink such documents takes minutes
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.data())
def test_what_the_schema_takes_is_taken_or_refused_by_a_law_between_fields(data):
    """Whatever document it is; and where another spelling of a key is in it, by that one's law."""
    document = data.draw(documents())
    assume(taken(document))  # what counts as a space in a pattern differs by a few rare ones
    error = refusal(document)
    if error is None:
        return
    last = re.findall(r"[^.\[\]]+", re.sub(r"\[\d+\]$", "", error.param))[-1]
    own = fold(last) in canonical_keys() and "given twice" not in error.message
    assert is_excused(error, document) or not own, error.message
