"""`make platform`: the platform on a laptop, with one worker in the foreground.

The worker's settings are this process's environment. PLATFORM_PORT is the port (8100). Ctrl-C lets
the worker finish what it has; a second one does not. SIGTERM and SIGHUP are as good as Ctrl-C.
"""

import os
import signal
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

from tests.platform.ground import Ground
from tests.platform.usage import told
from tests.platform.webhooks import PAUSE_S
from tests.platform.worker import WorkerProcess

PORT = 8100
DRAIN_S = 600.0  # seconds: the platform's own limit for a job


def say(text: str) -> None:
    """Tell the person at the terminal, which may be gone."""
    with suppress(OSError):
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


def port_of(given: str | None) -> int:
    """The port to listen on; SystemExit says what is wrong with PLATFORM_PORT."""
    if given is None:
        return PORT
    if not given.isdecimal() or not 0 < int(given) < 2**16:
        sys.exit(f'PLATFORM_PORT="{given}": expected a port from 1 to 65535.')
    return int(given)


class Interruption:
    """What Ctrl-C, SIGTERM and SIGHUP have asked for since it was made.

    They raise nothing: wherever this process stands, it ends its worker before itself.

    Attributes:
        asked: set by the first.
        urgent: set by the second.
        number: of the last one.
    """

    def __init__(self) -> None:
        self.asked, self.urgent = threading.Event(), threading.Event()
        self.number = 0
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) != signal.SIG_IGN:  # nohup's wish is kept
                signal.signal(number, self._ask)

    def _ask(self, number: int, _frame: object) -> None:
        self.number = number
        (self.urgent if self.asked.is_set() else self.asked).set()


def keep_a_worker(ground: Ground, asked: threading.Event) -> WorkerProcess | None:
    """The worker that lives when the person has had enough; None where one could not start.

    One that dies is replaced, unless it never asked for a job: the next would fare no better.
    """
    worker, ready = ground.start(ready=False, shown=True), False
    while not asked.wait(0.2):
        if not ready and ground.takes(worker):
            ready = True
            say(told(ground.url, ground.key))
        if worker.returncode is None:
            continue
        say(f"{worker.id} has ended with {worker.returncode}.")
        if not ready:
            return None
        worker, ready = ground.start(ready=False, shown=True), False
    return worker


def drain(worker: WorkerProcess, urgent: threading.Event) -> bool:
    """Let a worker finish what it has, and whether it had the time."""
    say(f"\n{worker.id} finishes what it has; Ctrl-C again ends it at once.")
    if worker.returncode is None:
        worker.signal(signal.SIGTERM)
    end = time.monotonic() + DRAIN_S
    while worker.returncode is None and time.monotonic() < end:
        if urgent.wait(0.1):
            return False
    return worker.returncode is not None


def main() -> int:
    """Serve until Ctrl-C; 1 where the worker cannot start or the port is taken.

    A second one while the worker finishes ends it, with the exit code of a death by that signal.
    """
    port, interruption = port_of(os.environ.get("PLATFORM_PORT")), Interruption()
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            Ground(Path(folder), port=port, poll_s=5.0, webhook_pause_s=PAUSE_S) as ground,
        ):
            worker = keep_a_worker(ground, interruption.asked)
            if worker and not drain(worker, interruption.urgent):
                return 128 + interruption.number
    except RuntimeError as error:
        say(str(error))
        return 1
    return 0 if worker else 1


if __name__ == "__main__":
    sys.exit(main())
