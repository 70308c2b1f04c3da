"""What an engine is doing, heard from what goes past the output processor of vLLM's client.

The engine itself is another process: that it is alive says nothing about whether it works. Each of
its steps ends with tokens, or with its own count of requests, and both come by here. Source: vLLM
0.32, `AsyncLLM.add_request`, `abort` and `_run_output_handler`.
"""

from collections.abc import Callable, Iterable
from functools import wraps
from time import perf_counter
from typing import Any

from worker.engine import Load


class Pulse:
    """Listens to one client's output processor; may be asked from any thread.

    Args:
        processor: vLLM's OutputProcessor, each of whose calls is noted and then made.
        counts: whether the engine tells how many requests it holds (not with DISABLE_LOG_STATS);
            where it does not, the client's own count has to do.
    """

    def __init__(self, processor: Any, *, counts: bool) -> None:
        self._processor = processor
        self._counts = counts
        self._moved = perf_counter()
        self._told: tuple[int, float] = (0, 0.0)  # requests, share of the cache in use
        self._given_up: set[str] = set()
        for name, note in (
            ("add_request", self._arrives),
            ("abort_requests", self._is_given_up),
            ("process_outputs", self._produces),
            ("update_scheduler_stats", self._tells),
        ):
            setattr(processor, name, _noted(getattr(processor, name), note))

    def load(self) -> Load:
        """Requests that the engine holds, and the seconds since it last moved any of them on.

        A request that was given up counts until the engine has spoken again: it heard of it before
        that. Those alone make no silence, because it need not speak of what it never began.
        """
        busy, now = self._busy(), perf_counter()
        requests = max(len(self._processor.request_states) + len(self._given_up), self._told[0])
        return Load(requests, max(0.0, now - self._moved) if busy else 0.0)

    def _busy(self) -> bool:
        return bool(self._processor.request_states) or self._told[0] > 0

    def _arrives(self, *_: Any, **__: Any) -> None:
        if not self._busy():  # before it is, so that nobody sees it busy with the old time
            self._moved = perf_counter()

    def _is_given_up(self, request_ids: Iterable[str], *_: Any, **__: Any) -> None:
        if self._counts:
            self._given_up.update(one for one in request_ids if self._processor.has_request(one))

    def _produces(self, outputs: Iterable[Any], *_: Any, **__: Any) -> None:
        if outputs:
            self._moved = perf_counter()

    def _tells(self, stats: Any) -> None:
        """Steps that change nothing are no progress; those of a long prompt fill the cache."""
        self._given_up.clear()
        if stats is None:
            return
        waiting = stats.num_waiting_reqs + stats.num_skipped_waiting_reqs
        told = (stats.num_running_reqs + waiting, stats.kv_cache_usage)
        if told != self._told:
            self._moved = perf_counter()
        self._told = told


def _noted(call: Callable[..., Any], note: Callable[..., None]) -> Callable[..., Any]:
    @wraps(call)
    def noted(*args: Any, **kwargs: Any) -> Any:
        note(*args, **kwargs)
        return call(*args, **kwargs)

    return noted
