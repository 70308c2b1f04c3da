"""Gives up what a call has left behind at the engine when it is over.

A caller may go while vLLM hands its request to the engine: `AsyncLLM.generate` of vLLM 0.32, when
it is cancelled inside `add_request`, does not know yet that there is something to abort. The engine
would write the answer to its end, for nobody.
"""

from collections.abc import MutableMapping
from contextvars import ContextVar
from functools import wraps
from typing import Any

from worker.engine.asgi import Application, Receive, Send

_begun: ContextVar[set[str]] = ContextVar("begun")


class WithoutLeftovers:
    """An ASGI application over one of vLLM's, whose calls leave no request at the engine.

    Args:
        application: vLLM's.
        client: the AsyncLLM behind it, whose output processor hears of each request first.
    """

    def __init__(self, application: Application, client: Any) -> None:
        self._application, self._client = application, client
        processor = client.output_processor
        processor.add_request = _noting(processor.add_request)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer, then abort what the call has begun and not ended."""
        begun: set[str] = set()
        _begun.set(begun)  # for this call's task and all that it starts, and nobody else
        try:
            await self._application(scope, receive, send)
        finally:
            processor = self._client.output_processor
            if left := [request for request in begun if processor.has_request(request)]:
                await self._client.abort(left, internal=True)


def _noting(add_request: Any) -> Any:
    @wraps(add_request)
    def noted(request: Any, *args: Any, **kwargs: Any) -> Any:
        if (begun := _begun.get(None)) is not None:
            begun.add(request.request_id)
        return add_request(request, *args, **kwargs)

    return noted
