"""Standard error of this process and of the engine's, shown as ever and kept for a moment.

vLLM's engine runs in processes of its own: why one of them ends, only their standard error says.
"""

import os
import threading
from contextlib import suppress
from multiprocessing import resource_tracker
from typing import Self

KEPT = 256 * 1024  # bytes; a traceback of each of the engine's processes is a tenth of it
STDERR = 2


def _write(sink: int, text: bytes) -> None:
    while text:
        text = text[os.write(sink, text) :]


class Overheard:
    """While entered, standard error passes through here on its way.

    Processes started meanwhile keep writing here when the block is left: a thread passes on what
    they say until the last of them is gone.
    """

    def __init__(self) -> None:
        self._tail = b""
        # It outlives the engine, and would keep the pipe open, were it started inside.
        resource_tracker.ensure_running()

    def __enter__(self) -> Self:
        self._stderr = os.dup(STDERR)
        source, sink = os.pipe()
        os.dup2(sink, STDERR)
        os.close(sink)
        self._thread = threading.Thread(target=self._pass_on, args=(source,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        os.dup2(self._stderr, STDERR)

    def _pass_on(self, source: int) -> None:
        while piece := os.read(source, 65536):
            self._tail = (self._tail + piece)[-KEPT:]
            with suppress(OSError):  # nobody looks any more; the speakers must not wait for that
                _write(self._stderr, piece)
        os.close(source)
        os.close(self._stderr)

    def text(self) -> str:
        """The end of what was said so far."""
        return self._tail.decode(errors="replace")

    def wait(self, seconds: float) -> None:
        """Wait until everyone who could speak is gone, `seconds` at most."""
        self._thread.join(seconds)
