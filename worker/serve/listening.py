"""Listening on ports, for applications that answer from a thread of their own.

The main thread loads the engine meanwhile, and takes the signals.
"""

import asyncio
import logging
import socket
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from concurrent.futures import Future
from contextlib import ExitStack
from math import ceil
from typing import Any, NamedTuple, Self

import uvicorn

from worker.errors import InvalidSetting
from worker.jobs import place_of

log = logging.getLogger(__name__)

ANYWHERE, THIS_MACHINE = "0.0.0.0", "127.0.0.1"  # noqa: S104  # what a container is reached by
BACKLOG = 2048  # connections that wait to be accepted; the kernel may allow fewer
# Seconds for which an idle connection is kept: longer than the minute for which proxies and clients
# do, so that it is they who close it, and none sends a request into a closing one.
KEEP_ALIVE_SECONDS = 75

Application = Callable[..., Awaitable[None]]


class Door(NamedTuple):
    """A port, the setting that names it, who answers there, and seconds for its last answers."""

    setting: str
    host: str
    port: int
    application: Application
    drain_s: float


def bound(door: Door) -> socket.socket:
    """A socket that has the door's port, or InvalidSetting."""
    # By its protocol, too: asyncio sets TCP_NODELAY on no other, and answers would wait for 40 ms.
    taken = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((door.host, door.port))
        taken.listen(BACKLOG)  # two that only have the port would not meet
    except OSError as error:
        taken.close()
        raise InvalidSetting(
            f"{door.setting}={door.port}: cannot be listened on ({error.strerror}); "
            "another program, or another of these settings, may have it."
        ) from error
    return taken


class _Server(uvicorn.Server):
    """A server whose end is its owner's business; signals are the main thread's."""

    def __init__(self, door: Door) -> None:
        super().__init__(
            uvicorn.Config(
                door.application,
                lifespan="off",
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
                backlog=BACKLOG,
                ws="none",
                proxy_headers=False,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                # A client that does not send or read on must not hold up the end for ever.
                timeout_graceful_shutdown=ceil(door.drain_s),
            )
        )


class Listener:
    """Some doors, open from when this is made until `close`; a context manager.

    Attributes:
        failure: what ended it before its time; None where nothing did.

    Args:
        doors: their ports; one that cannot be had raises InvalidSetting, and none is open then. The
            first is the one whose requests count: the others answer as long as it does.
        on_end: called on the listener's thread when it has ended, for whatever reason.
    """

    def __init__(self, *doors: Door, on_end: Callable[[], None] = lambda: None) -> None:
        with ExitStack() as sockets:
            pairs = [(_Server(door), sockets.enter_context(bound(door))) for door in doors]
            sockets.pop_all()
        self._servers = tuple(server for server, _ in pairs)
        self._sockets = tuple(taken for _, taken in pairs)
        self._on_end = on_end
        self.failure: Exception | None = None
        self._running: asyncio.AbstractEventLoop | None = None
        self._began = threading.Event()
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)
        self._thread.start()
        self._began.wait()

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=self._servers[0].config.get_loop_factory()) as runner:
                self._running = runner.get_loop()
                runner.run(self._serve())
        except Exception as error:  # noqa: BLE001  # whoever waits for the listener must know
            log.critical("the listener has ended: %s", place_of(error))
            self.failure = error
        finally:
            self._began.set()
            self._on_end()

    async def _serve(self) -> None:
        self._began.set()
        serving = [
            asyncio.create_task(server.serve([taken]))
            for server, taken in zip(self._servers, self._sockets, strict=True)
        ]
        first, *others = serving
        first.add_done_callback(lambda _: self._close(self._servers[1:]))
        for other in others:  # none ends before the first but by a fault
            other.add_done_callback(lambda _: self._close(self._servers))
        await asyncio.gather(*serving)

    def _close(self, servers: Iterable[_Server]) -> None:
        for server in servers:
            server.should_exit = True

    @property
    def busy(self) -> bool:
        """Whether an answer of the first door's is still on its way."""
        return bool(self._servers[0].server_state.tasks)

    def start(self, work: Coroutine[Any, Any, None]) -> Future[None]:
        """Run `work` on the loop that answers."""
        if self._running is None:
            raise RuntimeError("the listener has not begun")
        return asyncio.run_coroutine_threadsafe(work, self._running)

    def close(self) -> None:
        """Take no more connections; returns when all is answered, or the time for that is over."""
        self._close(self._servers[:1])
        self._thread.join()

    def hurry(self) -> None:
        """Wait for no answers any more."""
        for server in self._servers:
            server.force_exit = True

    def __enter__(self) -> Self:
        """Nothing more than this."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()
