"""Jobs for the promises, each recognisable: what is asked, and what must come back of it.

A tiny model with random weights says nothing that could be checked, so most jobs force its words
by a grammar: each then has a text of its own, whatever else the engine is doing.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

from tests.platform.ground import Ground
from tests.platform.jobs import Job, Status
from tests.rows import request_document, ten_rows

MARK = "비공개표식"  # stands in all data that no log may have
CHAT, COMPLETIONS = "/v1/chat/completions", "/v1/completions"

Input = dict[str, Any]
Check = Callable[[Job], None]


@dataclass(frozen=True, slots=True)
class Made:
    """A job's input, and a check of the job when it has ended."""

    input: Any
    check: Check


# Inputs


def openai(path: str, **body: Any) -> Input:
    """A call to an OpenAI route; with no body at all, as for a GET."""
    return {"openai_route": path, "openai_input": body} if body else {"openai_route": path}


def chat(text: str, **body: Any) -> Input:
    """A chat of one message over the OpenAI route."""
    return openai(CHAT, messages=[{"role": "user", "content": text}], **body)


def saying(text: str) -> Input:
    """Sampling parameters under which the model can say nothing but `text`."""
    return {"structured_outputs": {"choice": [text]}, "max_tokens": 200}


def endless(tokens: int = 20_000) -> Input:
    """Sampling parameters under which the model goes on and on; 20,000 tokens take over 20 s."""
    return {"max_tokens": tokens, "ignore_eos": True}


def commentary(number: int, rows: int = 10, **changes: Any) -> Input:
    """A commentary request whose ids are `number`'s alone."""
    source = islice(cycle(ten_rows()), rows)
    numbered = [
        row | {"actionId": number * 100 + place, "playerNameKo": f"{MARK}{number}"}
        for place, row in enumerate(source)
    ]
    return request_document(gameId=f"game-{number}", rawData=numbered, **changes)


# What came back


def error_of(job: Job) -> Input:
    """A failed job's error: exactly the fields that callers program against, or more."""
    assert job.status is Status.FAILED, job.envelope()
    error: Input = json.loads(job.error)
    assert set(error) - {"error"} == {"code", "message", "param", "retryable"}
    assert isinstance(error["code"], str)
    assert isinstance(error["message"], str)
    assert isinstance(error["retryable"], bool)
    return error


def output_of(job: Job) -> list[Any]:
    """A completed job's output, which is what it streamed."""
    assert job.status is Status.COMPLETED, job.envelope()
    assert job.output == job.chunks
    output: list[Any] = job.output
    return output


def native_text(job: Job) -> str:
    """The text of a native answer, plain or in chunks."""
    return "".join("".join(chunk["choices"][0]["tokens"]) for chunk in output_of(job))


def openai_text(job: Job) -> str:
    """The text of an OpenAI answer, whole or in events."""
    return "".join(_said(choice) for document in documents(job) for choice in document["choices"])


def documents(job: Job) -> Iterator[Input]:
    """The JSON objects of an OpenAI answer: itself, or those of its events."""
    output = output_of(job)
    if isinstance(output[0], dict):
        yield from output
        return
    *events, done, rest = "".join(output).split("\n\n")
    assert (done, rest) == ("data: [DONE]", "")
    for event in events:
        yield json.loads(event.removeprefix("data: "))


def _said(choice: Input) -> str:
    if "text" in choice:
        return str(choice["text"])
    return str((choice.get("message") or choice["delta"]).get("content") or "")


def lines_of(job: Job) -> list[Input]:
    """The lines of a commentary, plain or streamed, in the order of its rows."""
    *chunks, last = output_of(job)
    if not chunks:
        return list(last["script"])
    placed = {chunk["index"]: chunk["line"] for chunk in chunks}
    assert sorted(placed) == list(range(len(chunks)))
    return [placed[index] for index in range(len(chunks))]


# Mixed load


def _commentary(number: int, *, stream: bool) -> Made:
    rows = 1 + number % 12

    def check(job: Job) -> None:
        lines = lines_of(job)
        assert [line["actionId"] for line in lines] == [str(number * 100 + n) for n in range(rows)]
        assert {line["source"] for line in lines} == {"model"}
        assert (job.output[-1]["gameId"], job.output[-1]["jobId"]) == (f"game-{number}", job.id)

    return Made(commentary(number, rows, stream=stream), check)


def _native(number: int, *, stream: bool, messages: bool) -> Made:
    told = f"{MARK} {number}번 공"
    asked = {"messages": [{"role": "user", "content": told}]} if messages else {"prompt": told}

    def check(job: Job) -> None:
        assert native_text(job) == f"{number}번 골"

    return Made({**asked, "stream": stream, "sampling_params": saying(f"{number}번 골")}, check)


def _openai(number: int, *, stream: bool, path: str) -> Made:
    body = {"stream": stream} | saying(f"{number}번 슛")
    told = f"{MARK} {number}번 공"
    asked = chat(told, **body) if path == CHAT else openai(path, prompt=told, **body)

    def check(job: Job) -> None:
        assert openai_text(job) == f"{number}번 슛"

    return Made(asked, check)


def _models(_number: int) -> Made:
    def check(job: Job) -> None:
        assert output_of(job)[0]["data"][0]["id"] == "mini/exaone"

    return Made(openai("/v1/models"), check)


def _tokenize(number: int) -> Made:
    def check(job: Job) -> None:
        assert "".join(output_of(job)[0]["token_strs"]).endswith(f"#{number}")

    return Made(openai("/tokenize", prompt=f"{MARK}#{number}", return_token_strs=True), check)


def _probe(_number: int) -> Made:
    def check(job: Job) -> None:
        assert output_of(job)[0]["model"]["id"] == "mini/exaone"

    return Made({"probe": True}, check)


def _refused(number: int) -> Made:
    def check(job: Job) -> None:
        error = error_of(job)
        assert (error["code"], error["param"]) == ("invalid_input", f"odd{number}")

    return Made({"prompt": MARK, f"odd{number}": number}, check)


KINDS: tuple[Callable[[int], Made], ...] = (
    lambda number: _commentary(number, stream=False),
    lambda number: _native(number, stream=True, messages=False),
    lambda number: _openai(number, stream=False, path=CHAT),
    _tokenize,
    lambda number: _commentary(number, stream=True),
    lambda number: _openai(number, stream=True, path=COMPLETIONS),
    lambda number: _native(number, stream=False, messages=True),
    _refused,
    lambda number: _openai(number, stream=True, path=CHAT),
    _models,
    lambda number: _native(number, stream=False, messages=False),
    lambda number: _openai(number, stream=False, path=COMPLETIONS),
    lambda number: _native(number, stream=True, messages=True),
    _probe,
)


def mixed(count: int, first: int = 0) -> list[Made]:
    """So many jobs of all shapes, plain and streamed, the n-th recognisable as the n-th."""
    return [KINDS[n % len(KINDS)](n) for n in range(first, first + count)]


# The engine behind


def probe(ground: Ground) -> Input:
    """What the worker says of itself; it needs room for one more job there."""
    envelope = ground.runsync({"probe": True})
    told: Input = envelope["output"][0]
    return told


def requests(ground: Ground) -> int:
    """Requests that the engine holds."""
    return int(probe(ground)["engine"]["requests"])
