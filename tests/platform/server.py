"""A control plane and its server, on a thread and an event loop of their own."""

import asyncio
import socket
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import uvicorn

from tests.platform.app import application
from tests.platform.plane import ControlPlane
from tests.platform.webhooks import PAUSE_S, Webhooks
from tests.serving import KEEP_ALIVE_S

T = TypeVar("T")
START_S = 10.0


class PlatformServer:
    """The platform on a loopback port, from `start` to `stop`.

    Attributes:
        url: `http://127.0.0.1:<port>`.
        base: the endpoint's address, `<url>/v2/<endpoint>`.
        plane: to be read from any thread, and changed by `call` alone.

    Args:
        port: 0 is any that is free; RuntimeError where it is taken.
        poll_s, stream_poll_s: see ControlPlane.
        webhook_pause_s: between the tries of a webhook, in seconds.
    """

    plane: ControlPlane

    def __init__(
        self,
        *,
        key: str | None,
        port: int = 0,
        endpoint: str = "local",
        webhook_pause_s: float = PAUSE_S,
        **polls: float,
    ) -> None:
        self._key = key
        self._endpoint = endpoint
        self._polls = polls
        self._webhook_pause_s = webhook_pause_s
        self._socket = _listen(port)
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.base = f"{self.url}/v2/{endpoint}"

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.plane = ControlPlane(**self._polls)
        self.plane.on_end = Webhooks(self._webhook_pause_s).deliver
        app = application(self.plane, self._endpoint, self._key)
        config = uvicorn.Config(
            app,
            log_level="critical",
            lifespan="off",
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._ready.set()
        await self._server.serve(sockets=[self._socket])

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()
        self._ready.wait(START_S)

    def stop(self) -> None:
        """Listen no more; calls under way are broken off."""
        self._server.should_exit = True
        self._thread.join()

    def call(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """What `function` gives on the plane's loop, from another thread."""

        async def there() -> T:
            return function(*args, **kwargs)

        return asyncio.run_coroutine_threadsafe(there(), self._loop).result(START_S)


def _listen(port: int) -> socket.socket:
    # asyncio sends at once (TCP_NODELAY) only where the protocol is named; else every answer waits
    # some 40 ms for the client's delayed acknowledgement of its headers.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        raise RuntimeError(f"Port {port} of this machine cannot be used: {error}.") from error
    listener.listen(1024)
    return listener
