"""The server behind `ENGINE_URL`, asked over HTTP: any that speaks OpenAI.

Commentary also needs vLLM's structured outputs; the warm-up finds out. The server is not ours, so
its silence is never the death of this worker: each failure to reach it is a retryable EngineError.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx

from worker.engine import Reply
from worker.engine.openai import OpenAIEngine
from worker.errors import EngineError, StartupError
from worker.settings import URL, Settings, invalid

# Seconds. An unstreamed answer sends nothing until it is complete, so silence may be long; what
# bounds a job is its own deadline.
TIMEOUT = httpx.Timeout(connect=10.0, read=300.0, write=30.0, pool=None)
# A request has a connection of its own, as many as there are: httpx would let the 101st wait.
LIMITS = httpx.Limits(max_connections=None)


def root_of(url: str) -> str:
    """The server's root, whether or not its address was given with the API's `/v1`."""
    return url.rstrip("/").removesuffix("/v1")


def headers_of(key: str | None) -> dict[str, str]:
    """The headers of every request."""
    return {"content-type": "application/json"} | (
        {"authorization": f"Bearer {key}"} if key else {}
    )


def first_model(url: str, headers: Mapping[str, str]) -> str:
    """The model that a server names first, or StartupError."""
    address = f"{root_of(url)}/v1/models"
    try:
        answer = httpx.get(address, headers=headers, timeout=TIMEOUT.connect)
        name: str = answer.raise_for_status().json()["data"][0]["id"]
    except (httpx.HTTPError, ValueError, LookupError, TypeError) as error:
        raise StartupError(
            f"ENGINE_URL: {address} does not say which model it serves ({type(error).__name__}); "
            "check the address and ENGINE_API_KEY, or set MODEL_NAME."
        ) from error
    return name


class HttpEngine(OpenAIEngine):
    """An engine on the other side of HTTP; safe to call from any event loop.

    Args:
        url: the server's address, with or without `/v1`.
        model: the name its model is served under.
        key: what it wants as Bearer token, or None.
    """

    def __init__(self, url: str, model: str, key: str | None = None) -> None:
        self._root = root_of(url)
        self._model = model
        self._headers = headers_of(key)
        # A connection belongs to the loop that opened it.
        self._clients: dict[asyncio.AbstractEventLoop, httpx.AsyncClient] = {}

    @classmethod
    def start(cls, settings: Settings) -> "HttpEngine":
        """The engine at ENGINE_URL; without MODEL_NAME, the first model it serves."""
        url, key = settings.engine_url or "", settings.engine_api_key
        try:
            httpx.URL(url)
        except httpx.InvalidURL as error:
            raise invalid("ENGINE_URL", url, URL.expected) from error
        return cls(url, settings.model_name or first_model(url, headers_of(key)), key)

    @property
    def model(self) -> str:
        """The name the model is served under."""
        return self._model

    def _client(self) -> httpx.AsyncClient:
        loop = asyncio.get_running_loop()
        if loop not in self._clients:
            self._forget_closed_loops()
            self._clients[loop] = httpx.AsyncClient(
                base_url=self._root, headers=self._headers, timeout=TIMEOUT, limits=LIMITS
            )
        return self._clients[loop]

    def _forget_closed_loops(self) -> None:
        """Let go of clients that nobody can close any more; their sockets go with them."""
        for loop in [loop for loop in self._clients if loop.is_closed()]:
            del self._clients[loop]

    @asynccontextmanager
    async def route(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> AsyncIterator[Reply]:
        """Any route, answered as it stands; leaving the block closes the connection."""
        content = None if body is None else json.dumps(body)
        try:
            async with self._client().stream(method, path, content=content) as answer:
                content_type = answer.headers.get("content-type", "")
                yield Reply(answer.status_code, content_type, answer.aiter_bytes())
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise EngineError(f"The engine cannot be reached ({type(error).__name__}).") from error

    async def close(self) -> None:
        """Close the connections that this loop opened."""
        if client := self._clients.pop(asyncio.get_running_loop(), None):
            await client.aclose()
