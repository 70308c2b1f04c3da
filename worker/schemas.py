"""The JSON Schemas of the wire, draft 2020-12: what a commentary may ask for, and what comes back.

A request's is made of the dataclasses that it is read into, with what the wire has for their
fields; the answers' of the types in `worker.shapes.told`. So what is new in the code is new in the
schemas, or they cannot be made. `scripts/schemas.py` writes them into `schemas/`.

The request's schema is of the canonical spelling, which is camelCase: of that it refuses nothing
that the worker takes. The worker knows more laws: those between fields, and the bounds of a number
that is written as text.
"""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import fields
from enum import StrEnum
from typing import Any, Final, get_type_hints

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from worker import examples
from worker.football.pitch import LENGTH, MARGIN, WIDTH, Coordinates, Orientation
from worker.football.schema import (
    MAX_ACTIONS,
    Action,
    CommentaryRequest,
    Match,
    Persona,
    Score,
    TableForm,
)
from worker.football.wire import TEXT_LIMIT
from worker.shapes import told

Schema = dict[str, Any]

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
NAMESPACE: Final = "urn:football-commentary-worker"
_HERE: Final = "#/$defs/"
_LINE_LIMIT: Final = 500  # characters of a line told before
_URL_LIMIT: Final = 2048  # characters of a callback's address

# What counts as absent, and what a number and a time may look like, when they are text.
_NOTHING: Final = "nan|NaN|null|None|NaT"
_NUMBER: Final = r"[+-]?([0-9]{1,40}\.?[0-9]{0,40}|\.[0-9]{1,40})([eE][+-]?[0-9]{1,4})?"
_WHOLE: Final = r"[+-]?[0-9]{1,30}(\.0*)?"
_SPAN: Final = r"([0-9]{1,4} days? )?[0-9]{1,2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?"
_FLAG: Final = "[Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]"


def _or_nothing(*patterns: str) -> str:
    """A pattern of text that is one of these, or says nothing; with any spaces around it."""
    return rf"^\s*({'|'.join([*patterns, _NOTHING])})?\s*$"


def _up_to(limit: int) -> str:
    """A pattern of text with at most so many characters but for the spaces around it."""
    return rf"^\s*(\S([\s\S]{{0,{limit - 2}}}\S)?)?\s*$"


def _digits(limit: int) -> Schema:
    """Bounds of a number that is text of at most so many characters; none is beyond 1e300."""
    if limit > 300:
        return {"minimum": -1e300, "maximum": 1e300}
    return {"minimum": -(10.0 ** (limit - 1)), "exclusiveMaximum": 10.0**limit}


def _text(limit: int, description: str) -> Schema:
    return {
        "description": description,
        "type": ["string", "number", "null"],
        "pattern": _up_to(limit),
        **_digits(limit),
    }


def _ref(name: str, description: str | None = None, **more: Any) -> Schema:
    about = {} if description is None else {"description": description}
    return {"$ref": f"{_HERE}{name}", **about, **more}


def _or_missing(schema: Schema, description: str) -> Schema:
    return {"description": description, "anyOf": [schema, _ref("Missing")]}


def _choice(words: type[StrEnum], description: str) -> Schema:
    return _or_missing({"enum": [word.value for word in words]}, description)


SCALARS: Final[Mapping[str, Schema]] = {
    "Missing": {
        "description": "nothing: null, or text that is blank or a data frame's word for it",
        "type": ["string", "null"],
        "pattern": _or_nothing(),
    },
    "Text": _text(TEXT_LIMIT, f"text of at most {TEXT_LIMIT} characters, or a number; or nothing"),
    "Id": _text(TEXT_LIMIT, "an id, as text or as a number; or nothing"),
    "Number": {
        "description": "a number, also as text, for which its bounds hold, too; or nothing",
        "type": ["number", "string", "null"],
        "pattern": _or_nothing(_NUMBER),
        "exclusiveMinimum": -1e300,
        "exclusiveMaximum": 1e300,
    },
    "Whole": {
        "description": "a whole number, also as text, for which its bounds hold, too; or nothing",
        "type": ["integer", "string", "null"],
        "pattern": _or_nothing(_WHOLE),
    },
    "Flag": {
        "description": "true or false, also as text; or nothing, which is false",
        "type": ["boolean", "string", "null"],
        "pattern": _or_nothing(_FLAG),
    },
    "Loose": {"description": "anything; what is neither text nor a number is not looked at"},
}
"""Values as they stand on the wire: nearly everything may be absent, numbers may be text."""

# What fills a field where its table does not say: by its type, under its own name in camelCase.
_BY_TYPE: Final[Mapping[Any, str]] = {
    str | None: "Text",
    int | None: "Whole",
    float | None: "Number",
    bool: "Flag",
}

Wire = Mapping[str, Mapping[str, Schema]]
"""For each field of a dataclass that differs: the keys that fill it, each with its schema."""


def camel(name: str) -> str:
    """A field's name as the wire spells it."""
    first, *others = name.split("_")
    return first + "".join(part.title() for part in others)


def _properties(kind: type, wire: Wire, scalars: Mapping[Any, str] = _BY_TYPE) -> Schema:
    """The keys that fill a dataclass, in its order. Raises KeyError about a field of no known type.

    Args:
        kind: the dataclass.
        wire: what its table says.
        scalars: for the fields that it does not name.
    """
    unknown = wire.keys() - {field.name for field in fields(kind)}
    if unknown:
        raise KeyError(f"{kind.__name__} has no {', '.join(sorted(unknown))}")
    hints = get_type_hints(kind)
    found: Schema = {}
    for field in fields(kind):
        keys = wire.get(field.name)
        found |= {camel(field.name): _ref(scalars[hints[field.name]])} if keys is None else keys
    return found


def _object(properties: Schema, description: str, **more: Any) -> Schema:
    return {"type": "object", "description": description, "properties": properties, **more}


def _id(key: str, description: str) -> Mapping[str, Schema]:
    return {key: _ref("Id", description)}


_SPOKEN: Final = (
    *("home_team_name", "home_team_name_ko", "home_team_name_ko_short"),
    *("away_team_name", "away_team_name_ko", "away_team_name_ko_short"),
    *("venue", "competition_name", "season_name", "weather"),
)
_FINAL: Final = "the final score, which is never told"
_MATCH: Final[Wire] = {
    "home_team_id": _id("homeTeamId", "which side is home: as `teamId` of the rows"),
    "away_team_id": _id("awayTeamId", "which side is away: as `teamId` of the rows"),
    **{name: {camel(name): _ref("Text", "may be told")} for name in _SPOKEN},
    "home_score": {"homeScore": _ref("Loose", _FINAL)},
    "away_score": {"awayScore": _ref("Loose", _FINAL)},
}


def _match() -> Schema:
    about = "What is known of the game; all optional. Ids or names of the teams say who is home."
    return _object(_properties(Match, _MATCH, {str | None: "Loose"}), about)


def _place(axis: str, extent: float, what: str) -> Mapping[str, Schema]:
    about = f"{what}, in metres of {extent:g}, or a fraction with `coordinates.normalised`"
    return {axis: _ref("Number", about, minimum=-MARGIN, maximum=extent + MARGIN)}


_ACTION: Final[Wire] = {
    "index": {},
    "action_id": {
        "actionId": {
            "description": "distinct in its request; echoed",
            "allOf": [_ref("Id"), {"not": _ref("Missing")}],
        }
    },
    "period_id": {
        "periodId": _ref(
            "Whole",
            "1 and 2 the halves, 3 and 4 extra time, 5 the shoot-out",
            minimum=1,
            maximum=5,
        )
    },
    "time_seconds": {
        "timeSeconds": {
            "description": "seconds since the period began, or a time span as text; echoed",
            "type": ["number", "string", "null"],
            "pattern": _or_nothing(_NUMBER, _SPAN),
            "minimum": 0,
            "exclusiveMaximum": 1e300,
        }
    },
    "time_text": {},
    "team_id": _id("teamId", "whose action it is: one of the match's two"),
    "player_id": _id("playerId", "who acts"),
    "type_name": {"typeName": _ref("Text", "what happened, in the provider's word")},
    "type_name_ko": {"typeNameKo": _ref("Text", "the same in Korean, told of an unknown type")},
    "result_name": {
        "resultName": {
            "description": "what came of it, in the provider's word, or whether it succeeded",
            "anyOf": [_ref("Text"), {"type": "boolean"}],
        }
    },
    "start_x": _place("startX", LENGTH, "along the pitch"),
    "start_y": _place("startY", WIDTH, "across the pitch"),
    "end_x": _place("endX", LENGTH, "along the pitch"),
    "end_y": _place("endY", WIDTH, "across the pitch"),
    "dx": {"dx": _ref("Number", "from start to end along the pitch; not looked at beside endX")},
    "dy": {"dy": _ref("Number", "from start to end across the pitch; not looked at beside endY")},
    "player_name": {"playerNameKo": _ref("Text", "who acts, as it is told")},
    "team_name": {"teamNameKo": _ref("Text", "whose action it is")},
    "team_name_short": {"teamNameKoShort": _ref("Text", "the same in short, as it is told")},
    "position_name": {"positionName": _ref("Text", "where the player stands in this game")},
    "main_position": {"mainPosition": _ref("Text", "where the player stands as a rule")},
    "receiver_id": _id("receiverPlayerId", "who got the ball"),
    "receiver_name": {"receiverName": _ref("Text", "who got the ball")},
    "receiver": _id("receiver", "who got the ball, as an id or a name"),
    "shirt_number": {"shirtNumber": _ref("Loose", "on the player's back; may be told")},
}


def _action() -> Schema:
    about = "One action of the match, as its provider wrote the row."
    return _object(_properties(Action, _ACTION), about, required=["actionId"])


_COORDINATES: Final[Wire] = {
    "orientation": {
        "orientation": _choice(
            Orientation,
            "which way the teams attack: home_ltr, home towards x = 105 all match long, the "
            "default; acting_ltr, whoever acts; switching, ends change at half-time; auto, what "
            "the rows themselves support",
        )
    },
    "normalised": {"normalised": _ref("Flag", "0 to 1 along each axis, not metres")},
    "y_down": {"yDown": _ref("Flag", "y grows from the top touchline to the bottom one")},
}


def _coordinates() -> Schema:
    about = "How the rows' numbers are meant."
    return _object(_properties(Coordinates, _COORDINATES), about, additionalProperties=False)


def _score() -> Schema:
    one = {
        "allOf": [_ref("Whole", minimum=0, maximum=99), {"not": _ref("Missing")}],
        "description": "goals",
    }
    sides = {field.name: {field.name: one} for field in fields(Score)}
    about = "The running score at the first action."
    return _object(_properties(Score, sides), about, required=[*sides])


def _speech() -> Schema:
    rate = _ref("Number", "times seven syllables a second", minimum=0.5, maximum=2)
    return _object({"rate": rate}, "How fast the voice speaks.", additionalProperties=False)


def _callback() -> Schema:
    """Whose hosts are allowed is the worker's own setting: CALLBACK_ALLOWED_HOSTS."""
    url = {
        "type": "string",
        "format": "iri",
        "pattern": rf"^\s*[Hh][Tt][Tt][Pp][Ss]?://\S{{1,{_URL_LIMIT}}}\s*$",
    }
    value = {"type": ["string", "null"], "pattern": r"^([\x20-\x7e]*|\s*)$"}
    headers = {"type": "object", "additionalProperties": value}
    return _object(
        {
            "url": _or_missing(url, "http or https, of a host that the worker allows"),
            "headers": _or_missing(headers, "sent along, but for those that are the worker's own"),
        },
        "Where the result is posted to when it is ready.",
        additionalProperties=False,
        dependentRequired={"headers": ["url"]},
    )


def _told_before() -> Schema:
    line = _text(_LINE_LIMIT, f"at most {_LINE_LIMIT} characters")
    of_script = _object({"description": line}, "a line of an earlier script")
    text = {"type": ["string", "null"], "pattern": _up_to(_LINE_LIMIT)}
    return {"type": "array", "items": {"anyOf": [text, of_script]}}


def _optional(key: str, name: str) -> Mapping[str, Schema]:
    """A key that has an object of ours, or nothing."""
    return {key: {"anyOf": [_ref(name), _ref("Missing")]}}


_REQUEST: Final[Wire] = {
    "game_id": _id("gameId", "echoed"),
    "personas": {
        "style": _choice(Persona, "who speaks; CASTER where nothing is said"),
        "styles": _or_missing(
            {
                "type": "array",
                "minItems": 1,
                "uniqueItems": True,
                "items": {"enum": [persona.value for persona in Persona]},
            },
            "a script for each of several; goes before style",
        ),
    },
    "match": _optional("matchInfo", "MatchInfo"),
    "actions": {
        "rawData": {
            "description": f"1 to {MAX_ACTIONS} consecutive actions; ten are normal",
            "type": "array",
            "minItems": 1,
            "maxItems": MAX_ACTIONS,
            "items": _ref("Action"),
        }
    },
    "coordinates": _optional("coordinates", "Coordinates"),
    "previous_script": {
        "previousScript": _or_missing(
            _told_before(), "what was told before, as texts or as lines of an earlier script"
        )
    },
    "current_score": _optional("currentScore", "Score"),
    "fanout": {
        "fanout": _ref(
            "Whole",
            "into how many requests to the engine the job is split",
            minimum=1,
            maximum=MAX_ACTIONS,
        )
    },
    "table": {"tableForm": _choice(TableForm, "how the prompt shows the actions")},
    "temperature": {"temperature": _ref("Number", "of sampling", minimum=0, maximum=2)},
    "top_p": {"topP": _ref("Number", "nucleus sampling", exclusiveMinimum=0, maximum=1)},
    "seed": {"seed": _ref("Whole", "makes the script reproducible", minimum=0, maximum=2**63 - 1)},
    "deadline_s": {
        "deadlineSeconds": _ref(
            "Number", "that the job may take; only less than the worker's own", exclusiveMinimum=0
        )
    },
    "stream": {"stream": _ref("Flag", "each line leaves as soon as it is finished")},
    "explain": {"explain": _ref("Flag", "each line also with what it rests on")},
    "ssml": {"ssml": _ref("Flag", "each line also as SSML")},
    "speech_rate": _optional("speech", "Speech"),
    "min_salience": {
        "minSalience": _ref(
            "Number",
            "what matters less is told in a word or two; 0 tells all in full",
            minimum=0,
            maximum=1,
        )
    },
    "callback": _optional("callback", "Callback"),
}


def _request() -> Schema:
    """A request's own keys; its callback is read beside it, by `worker.callbacks`."""
    own = {name: keys for name, keys in _REQUEST.items() if name != "callback"}
    return _object(
        _properties(CommentaryRequest, own) | dict(_REQUEST["callback"]),
        "One commentary job: match actions in, one line for each out. Unknown keys are ignored. "
        "This is the canonical spelling; the worker also takes others: snake_case, other letters, "
        "and the columns of SPADL and kloppy.",
        required=["rawData"],
    )


_OBJECTS: Final[Mapping[str, Callable[[], Schema]]] = {
    "MatchInfo": _match,
    "Action": _action,
    "Coordinates": _coordinates,
    "Score": _score,
    "Speech": _speech,
    "Callback": _callback,
}


class _Plain(GenerateJsonSchema):
    """Pydantic's schemas without a title for each field, which would say its name again."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Never."""
        return False


def _of(kind: Any) -> Schema:
    """The schema of a type of `worker.shapes.told`; no object has a key that is not named."""
    schema: Schema = {"$defs": {}} | TypeAdapter(kind).json_schema(schema_generator=_Plain)
    for part in (schema, *schema["$defs"].values()):
        part["additionalProperties"] = False
    return schema


def _published(name: str, title: str, schema: Schema, *shown: Any, **beside: Schema) -> Schema:
    """A schema as a document of its own.

    Args:
        name: which one it is.
        title: its name for a person, and in OpenAPI's components.
        schema: what it says.
        shown: examples.
        beside: definitions that nothing in it refers to, by name.
    """
    head = {"$schema": DRAFT, "$id": f"{NAMESPACE}:{name}", "title": title}
    body = {key: value for key, value in schema.items() if key not in (*head, "$defs")}
    definitions = _definitions(schema, **beside)
    return deepcopy({**head, **body, "examples": list(shown), "$defs": definitions})


def _definitions(schema: Schema, **beside: Schema) -> Schema:
    """All definitions of a schema and of those beside it, which are definitions themselves."""
    found = dict(schema["$defs"])
    for name, part in beside.items():
        found |= part["$defs"]
        found[name] = {key: value for key, value in part.items() if key != "$defs"}
    return dict(sorted(found.items()))


def request_schema() -> Schema:
    """What a commentary job's input is, and the body of a request to the HTTP service."""
    definitions = dict(SCALARS) | {name: make() for name, make in _OBJECTS.items()}
    whole = _request() | {"$defs": definitions}
    return _published("request", "CommentaryRequest", whole, examples.REQUEST)


def result_schema() -> Schema:
    """What comes of a job; beside it are `Chunk` and `Closing`, which come of a streamed one."""
    shown = (examples.RESULT, examples.RESULT | {"callback": examples.DELIVERY})
    streamed = {"Chunk": _of(told.Chunk), "Closing": _of(told.Closing)}
    return _published("result", "CommentaryResult", _of(told.Result), *shown, **streamed)


def callback_schema() -> Schema:
    """What a receiver gets: the result of a job, or that it has failed."""
    done, failed = _of(told.Posted), _of(told.PostedFailure)
    whole = {
        "description": "What a callback brings: the result of a job, streamed or not, or that it "
        "has failed.",
        "oneOf": [_ref("Done"), _ref("Failed")],
        "$defs": _definitions(done, Done=done, Failed=failed),
    }
    shown = (examples.RESULT, examples.POSTED_FAILURE)
    return _published("callback", "CommentaryCallback", whole, *shown)


def error_schema() -> Schema:
    """The body of an error of the HTTP service; beside it `Failure`, in the text of RunPod's."""
    beside = {"Failure": _of(told.Failure)}
    return _published("error", "Error", _of(told.HttpFailure), examples.HTTP_FAILURE, **beside)


PUBLISHED: Final[Mapping[str, Callable[[], Schema]]] = {
    "request": request_schema,
    "result": result_schema,
    "callback": callback_schema,
    "error": error_schema,
}
"""What stands in `schemas/`, each as <name>.schema.json."""
