"""What a commentary job answers with: the objects of the wire, their keys in the order they leave.

The code that makes an answer is held to these types, and `worker.schemas` makes the published JSON
Schemas of them: a key that is new in the one is new in the other.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from worker.callbacks.outcome import Reason
from worker.commentary.guard import Kind
from worker.commentary.script import Source
from worker.errors import WorkerError
from worker.football.schema import Persona
from worker.football.vocabulary import Tone


def _told(description: str, **more: Any) -> Any:
    return Field(description=description, **more)


def _one_of(words: type[StrEnum], description: str) -> Any:
    """The values of an enumeration as they leave: plain text."""
    return _told(description, json_schema_extra={"enum": [word.value for word in words]})


def _by(words: type[StrEnum], description: str) -> Any:
    """An object whose keys are the values of an enumeration."""
    names = {"enum": [word.value for word in words]}
    return _told(description, json_schema_extra={"propertyNames": names})


_Count = Annotated[int, _told("how many", ge=0)]
_Ms = Annotated[float, _told("milliseconds", ge=0)]


class Supported(TypedDict):
    """One thing that a line says and its fact supports."""

    field: Annotated[str, _told("the fact's field")]
    text: Annotated[str, _told("the line's words")]


class Violated(TypedDict):
    """One thing that was wrong with the model's first answer."""

    kind: Annotated[str, _one_of(Kind, "the class of what was wrong")]
    text: Annotated[str, _told("the offending words")]
    reason: Annotated[str, _told("why, as a Korean clause")]


_Facts = Annotated[list[Supported], _told("what of its fact the words rest on")]
_Violations = Annotated[list[Violated], _told("what was wrong with the model's first answer")]
_Faithfulness = Annotated[
    float | None, _told("the share of what the line says that its fact supports", ge=0, le=1)
]
_Seconds = Annotated[float, _told("how long it takes to speak", ge=0)]


class Explanation(TypedDict):
    """What a line rests on; of a job with `explain`."""

    facts: _Facts
    violations: _Violations
    faithfulness: _Faithfulness
    seconds: _Seconds


class ScriptLine(TypedDict):
    """What is said of one action; the last four keys are those of a job with `explain`."""

    actionId: Annotated[str, _told("the action's, as text")]
    timeSeconds: Annotated[str | None, _told("the action's, as text")]
    tone: Annotated[str, _one_of(Tone, "how the voice says it")]
    description: Annotated[str, _told("the line itself, in Korean", pattern=r"\S")]
    source: Annotated[str, _one_of(Source, "the model's own, repaired, or made from its fact")]
    ssml: NotRequired[Annotated[str, _told("the line with its prosody; of a job with `ssml`")]]
    facts: NotRequired[_Facts]
    violations: NotRequired[_Violations]
    faithfulness: NotRequired[_Faithfulness]
    seconds: NotRequired[_Seconds]


class Chunk(TypedDict):
    """A line of a streamed job, as soon as it is finished."""

    line: Annotated[ScriptLine, _told("the line")]
    index: Annotated[int, _told("the line's place in its script, from 0", ge=0)]
    style: NotRequired[Annotated[str, _one_of(Persona, "who speaks; of a job with `styles`")]]


class Counts(TypedDict):
    """How many lines come from where, and what was found in the model's answers."""

    model: _Count
    repaired: _Count
    fallback: _Count
    violations: Annotated[dict[str, _Count], _by(Kind, "what the guard found, by class")]


class Tokens(TypedDict):
    """What the engine computed, in tokens."""

    promptTokens: _Count
    cachedTokens: Annotated[int, _told("those of the prompt that were computed before", ge=0)]
    completionTokens: _Count


class Times(TypedDict):
    """Milliseconds from when the worker took the job."""

    queueMs: Annotated[_Ms | None, _told("the wait for a turn, wherever it was")]
    firstLineMs: _Ms
    totalMs: _Ms


class Delivery(TypedDict):
    """What became of a job's callback."""

    status: Annotated[Literal["delivered", "failed"], _told("whether the receiver has it")]
    attempts: Annotated[int, _told("how often it was tried", ge=0)]
    statusCode: Annotated[int | None, _told("of the receiver's last answer, if it gave one")]
    reason: Annotated[str, _one_of(Reason, "why it failed")] | None


_Delivery = Annotated[Delivery, _told("of a job that has a callback")]
_JobId = Annotated[str, _told("the job's own id, the same however often it is told")]


class Head(TypedDict):
    """What a result begins with."""

    jobId: _JobId
    gameId: Annotated[str | None, _told("the request's, null where it has none")]
    status: Annotated[Literal["DONE"], _told("that it is done")]


class Scripts(TypedDict):
    """The lines of a job, in the order of its actions."""

    script: Annotated[list[ScriptLine], _told("one line per action", min_length=1)]
    scripts: NotRequired[
        Annotated[
            dict[str, Annotated[list[ScriptLine], Field(min_length=1)]],
            _by(Persona, "the script of each style; of a job with several `styles`"),
        ]
    ]


class Spoken(TypedDict):
    """The scripts as SSML."""

    ssml: NotRequired[Annotated[str, _told("the whole script; of a job with `ssml`")]]
    ssmls: NotRequired[
        Annotated[dict[str, str], _by(Persona, "that of each style; of a job with several")]
    ]


class Tail(Spoken):
    """What a result ends with."""

    model: Annotated[str, _told("who wrote it")]
    counts: Annotated[Counts, _told("lines by where they come from, and what the guard found")]
    usage: Annotated[Tokens, _told("what the engine computed")]
    timings: Annotated[Times, _told("how long it took")]
    warnings: Annotated[list[str], _told("each a row and what went wrong there")]


class Posted(Head, Scripts, Tail):
    """What a callback brings of a job that is done, streamed or not."""


class Result(Posted):
    """The result of a finished commentary job."""

    callback: NotRequired[_Delivery]


class Ended(Head, Tail):
    """A result without the lines that have left already."""


class Closing(Ended):
    """The last chunk of a streamed job: its result, without its scripts."""

    callback: NotRequired[_Delivery]


def _codes(kind: type[WorkerError]) -> Iterator[str]:
    """The codes of the tree of failures, in the order of its source."""
    if kind.__module__ == WorkerError.__module__:
        yield kind.code
        for below in kind.__subclasses__():
            yield from _codes(below)


_CODES = list(dict.fromkeys(_codes(WorkerError)))
_Code = Annotated[str, _told("what to program against", json_schema_extra={"enum": _CODES})]
_HTTPS_OWN = ["not_found", "method_not_allowed"]  # of a path or a method that is not there
_HttpCode = Annotated[
    str, _told("what to program against", json_schema_extra={"enum": [*_CODES, *_HTTPS_OWN]})
]
_Message = Annotated[str, _told("what is wrong, in one sentence")]
_Param = Annotated[str | None, _told("the field it is about, as the caller spelt it")]
_Retryable = Annotated[bool, _told("whether the same may succeed later")]


class PostedFailure(TypedDict):
    """What a callback brings of a job that has failed."""

    jobId: _JobId
    gameId: Annotated[str | None, _told("the request's, null where it could not be read")]
    status: Annotated[Literal["FAILED"], _told("that it has failed")]
    errorCode: _Code
    errorMessage: _Message
    script: Annotated[list[Any], _told("empty, and never null", max_length=0)]


class OpenAIError(TypedDict):
    """An error as OpenAI's clients read it; the engine's own words where it had some."""

    message: Annotated[str, _told("what is wrong")]
    type: Annotated[str, _told("the kind of error")]
    param: Annotated[str | None, _told("what of the request it is about")]
    code: Annotated[str | int | None, _told("the code, or vLLM's status where the engine refused")]


_OpenAIError = Annotated[OpenAIError, _told("the same for OpenAI's clients")]


class Failure(TypedDict):
    """Why a job failed, as the text in RunPod's `error` has it."""

    code: _Code
    message: _Message
    param: _Param
    retryable: _Retryable
    error: NotRequired[_OpenAIError]
    callback: NotRequired[_Delivery]


class HttpFailure(TypedDict):
    """Why a request to the HTTP service failed."""

    error: _OpenAIError
    code: _HttpCode
    message: _Message
    param: _Param
    retryable: _Retryable
    callback: NotRequired[_Delivery]
