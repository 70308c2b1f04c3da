"""The ways a job can take, as a client sees them: our HTTP service, RunPod's two, and raw vLLM.

What a way does with a job before it is sent (`prepare`) costs it no time: the client shares the
machine with what it measures. The client is aiohttp: on the machine that the results are of, one
request of 160 side by side cost it 0.2 ms, and httpx 2 ms of ten side by side.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Protocol

import aiohttp

from benchmarks.load.jobs import chat_bodies
from worker.commentary.pipeline import CommentaryOptions
from worker.engine import Usage
from worker.engine.openai import CHAT, completion_of, lines
from worker.errors import EngineError

POLL_S = 0.1  # between two looks at a job that has nothing new
WAIT_MS = 300_000  # the most that /runsync waits; https://docs.runpod.io/serverless/endpoints
UNFINISHED = frozenset({"IN_QUEUE", "IN_PROGRESS"})
SOURCES = ("model", "repaired", "fallback")
TOKENS = ("prompt", "cached", "completion")
UNREADABLE = "unreadable answer"


class Failed(Exception):
    """A job that did not come to its script; `kind` says how, in words that can be counted."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Told:
    """What a job came to.

    Attributes:
        first_at: `perf_counter()` as its first line was there; None where only the end is told.
        sources: how many lines come from where.
        usage: its tokens.
        model: who wrote.
    """

    first_at: float | None
    sources: Mapping[str, int]
    usage: Usage
    model: str = ""


class Door(Protocol):
    """A way that jobs are sent; safe to use for many at once."""

    async def prepare(self, document: Mapping[str, Any]) -> Any:
        """What `send` takes, made ahead."""
        ...

    async def send(self, session: aiohttp.ClientSession, prepared: Any) -> Told:
        """A job to its end. Raises Failed, and whatever aiohttp raises."""
        ...


@dataclass(frozen=True, slots=True)
class Service:
    """POST /v1/commentary, its lines as server-sent events.

    Args:
        url: of the service.
    """

    url: str

    async def prepare(self, document: Mapping[str, Any]) -> bytes:
        """The body."""
        return json.dumps({**document, "stream": True}).encode()

    async def send(self, session: aiohttp.ClientSession, prepared: bytes) -> Told:
        """Read the events to the last one."""
        lines = Lines()
        async with posted(session, f"{self.url}/v1/commentary", prepared) as answer:
            await require(answer)
            async for name, data in events(answer.content.iter_any()):
                if name == "line":
                    lines.came()
                elif name == "error":
                    raise Failed(code_of(document_of(data)) or name)
                elif name == "result":
                    return told_of(document_of(data), lines.first_at, lines.number)
        raise Failed("broken off")


@dataclass(frozen=True, slots=True)
class RunSync:
    """RunPod's /runsync, which tells nothing before the end: the first line comes with the last.

    Args:
        url: of the endpoint.
    """

    url: str

    async def prepare(self, document: Mapping[str, Any]) -> bytes:
        """The body."""
        return json.dumps({"input": document}).encode()

    async def send(self, session: aiohttp.ClientSession, prepared: bytes) -> Told:
        """Wait for the envelope."""
        async with posted(session, f"{self.url}/runsync?wait={WAIT_MS}", prepared) as answer:
            envelope = await answered(answer)
        while envelope.get("status") in UNFINISHED:
            await asyncio.sleep(POLL_S)
            envelope = await got(session, f"{self.url}/status/{envelope.get('id')}")
        if envelope.get("status") != "COMPLETED":
            raise Failed(reason(envelope))
        with readable():
            [result] = envelope["output"]
            require_success(result)
            return told_of(result, None, len(result["script"]))


@dataclass(frozen=True, slots=True)
class RunStream:
    """RunPod's /run with `stream`, and /stream until the end.

    Args:
        url: of the endpoint.
    """

    url: str

    async def prepare(self, document: Mapping[str, Any]) -> bytes:
        """The body."""
        return json.dumps({"input": {**document, "stream": True}}).encode()

    async def send(self, session: aiohttp.ClientSession, prepared: bytes) -> Told:
        """Ask for chunks until there are no more."""
        async with posted(session, f"{self.url}/run", prepared) as answer:
            job = (await answered(answer)).get("id")
        lines = Lines()
        async for chunk in self._chunks(session, f"{self.url}/stream/{job}"):
            require_success(chunk)
            if "line" not in chunk:
                return told_of(chunk, lines.first_at, lines.number)
            lines.came()
        raise Failed(reason(await got(session, f"{self.url}/status/{job}")))

    async def _chunks(
        self, session: aiohttp.ClientSession, address: str
    ) -> AsyncIterator[Mapping[str, Any]]:
        """The chunks as they come; a moment's pause where there are none."""
        unfinished = True
        while unfinished:
            answer = await got(session, address)
            with readable():
                chunks = [chunk["output"] for chunk in answer["stream"]]
                unfinished = bool(chunks) or answer["status"] in UNFINISHED
            for chunk in chunks:
                yield chunk
            await asyncio.sleep(0 if chunks else POLL_S)


@dataclass(frozen=True, slots=True)
class Raw:
    """Raw vLLM: the chat bodies that our pipeline would send, all of a job's side by side.

    Its first line is its first finished answer, and its script all of them.

    Args:
        url: of the server.
        model: what it calls its model.
        options: how our pipeline would ask.
    """

    url: str
    model: str
    options: CommentaryOptions

    async def prepare(self, document: Mapping[str, Any]) -> list[bytes]:
        """The bodies."""
        bodies = await chat_bodies(document, self.model, self.options)
        return [json.dumps(body).encode() for body in bodies]

    async def send(self, session: aiohttp.ClientSession, prepared: Sequence[bytes]) -> Told:
        """Ask for all of them; one that fails fails the job."""
        tasks = [asyncio.create_task(self._ask(session, body)) for body in prepared]
        try:
            answers = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
        usage = sum((usage for _, usage in answers), Usage())
        return Told(min(at for at, _ in answers), {"model": len(answers)}, usage, self.model)

    async def _ask(self, session: aiohttp.ClientSession, body: bytes) -> tuple[float, Usage]:
        async with posted(session, f"{self.url}{CHAT}", body) as answer:
            document = await answered(answer)
        try:
            completion = completion_of(document)
        except EngineError as error:
            raise Failed(UNREADABLE) from error
        if completion.finish_reason != "stop":
            raise Failed(f"finish reason {completion.finish_reason}")
        return perf_counter(), completion.usage


@dataclass(slots=True)
class Lines:
    """How many lines have come, and `perf_counter()` as the first one did."""

    number: int = 0
    first_at: float | None = None

    def came(self) -> None:
        """Count one."""
        self.number += 1
        if self.first_at is None:
            self.first_at = perf_counter()


def posted(session: aiohttp.ClientSession, address: str, body: bytes) -> Any:
    """A POST, which goes nowhere else: a redirect is an answer like any other."""
    return session.post(address, data=body, allow_redirects=False)


@contextmanager
def readable() -> Iterator[None]:
    """Raises Failed where a document has not the shape that is read of it in this block."""
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise Failed(UNREADABLE) from error


async def events(body: AsyncIterator[bytes]) -> AsyncIterator[tuple[str, bytes]]:
    """Server-sent events as name and data; one that has no data is none.

    Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
    """
    name, data = "message", list[bytes]()
    async for line in lines(body):
        if line.startswith(b"event:"):
            name = line[6:].strip().decode()
        elif line.startswith(b"data:"):
            data.append(line[5:].removeprefix(b" "))
        elif not line:
            if data:
                yield name, b"\n".join(data)
            name, data = "message", []


def document_of(text: bytes) -> dict[str, Any]:
    """A JSON object. Raises Failed."""
    with readable():
        document = json.loads(text)
    if not isinstance(document, dict):
        raise Failed(UNREADABLE)
    return document


async def require(answer: aiohttp.ClientResponse) -> None:
    """Raises Failed with status and code where the answer is not the one that was hoped for."""
    if answer.status == 200:
        return
    try:
        code = code_of(document_of(await answer.read()))
    except Failed:
        code = ""
    raise Failed(f"HTTP {answer.status} {code}".strip())


async def answered(answer: aiohttp.ClientResponse) -> dict[str, Any]:
    """The JSON object of a successful answer. Raises Failed."""
    await require(answer)
    return document_of(await answer.read())


async def got(session: aiohttp.ClientSession, address: str) -> dict[str, Any]:
    """What a GET answers. Raises Failed."""
    async with session.get(address, allow_redirects=False) as answer:
        return await answered(answer)


def code_of(document: Mapping[str, Any]) -> str:
    """The code of an error, ours or OpenAI's; empty where it has none."""
    error = document.get("error")
    within = error.get("code") if isinstance(error, dict) else None
    return str(document.get("code") or within or "")


def reason(envelope: Mapping[str, Any]) -> str:
    """How RunPod says that a job has failed: the worker's code, else the status."""
    try:
        return code_of(json.loads(envelope["error"])) or str(envelope["status"])
    except (KeyError, TypeError, ValueError, AttributeError):
        return str(envelope.get("status", UNREADABLE))


def require_success(output: Mapping[str, Any]) -> None:
    """Raises Failed where an output is an error: RunPod's local API completes such a job."""
    if "error" in output:
        raise Failed(reason({"status": "FAILED", **output}))


def told_of(result: Mapping[str, Any], first_at: float | None, told: int) -> Told:
    """What a result object says, once it has every line that it counts. Raises Failed."""
    with readable():
        sources = {source: int(result["counts"][source]) for source in SOURCES}
        tokens = Usage(*(int(result["usage"][f"{name}Tokens"]) for name in TOKENS))
        model = str(result["model"])
    if sum(sources.values()) != told:
        raise Failed(f"{told} of {sum(sources.values())} lines")
    return Told(first_at, sources, tokens, model)
