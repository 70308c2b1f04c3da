"""Real servers on loopback, for the time of a test."""

import socket
import threading
from contextlib import contextmanager

import uvicorn

# Seconds, longer than any client keeps an idle connection: else one might be closed just as a call
# goes out.
KEEP_ALIVE_S = 75


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


async def whole_body(receive):
    """The body of a request, as an ASGI application is handed it."""
    body, more = b"", True
    while more:
        event = await receive()
        body += event.get("body", b"")
        more = event.get("more_body", False)
    return body


@contextmanager
def serving(application):
    config = uvicorn.Config(
        *(application, "127.0.0.1", free_port()),
        log_level="critical",
        lifespan="off",
        timeout_keep_alive=KEEP_ALIVE_S,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            thread.join(0.01)
        yield f"http://127.0.0.1:{config.port}"
    finally:
        server.should_exit = True
        thread.join()
