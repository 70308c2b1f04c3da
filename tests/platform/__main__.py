"""`make platform`: the platform on a laptop, with one worker in the foreground.

The worker's settings are this process's environment. PLATFORM_PORT is the port (8100). Ctrl-C lets
the worker finish what it has; a second one does not.
"""

import os
import signal
import sys
import tempfile
import threading
from pathlib import Path

from tests.platform.ground import Ground
from tests.platform.usage import told
from tests.platform.webhooks import PAUSE_S
from tests.platform.worker import WorkerProcess

PORT = 8100
DRAIN_S = 600.0  # seconds: the platform's own limit for a job


def say(text: str) -> None:
    """Tell the person at the terminal."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def port_of(given: str | None) -> int:
    """The port to listen on; SystemExit says what is wrong with PLATFORM_PORT."""
    if given is None:
        return PORT
    if not given.isdecimal() or not 0 < int(given) < 2**16:
        sys.exit(f'PLATFORM_PORT="{given}": expected a port from 1 to 65535.')
    return int(given)


def interruption() -> threading.Event:
    """Set by the first Ctrl-C or SIGTERM; the second ends the process."""
    asked = threading.Event()

    def ask(_number: int, _frame: object) -> None:
        asked.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ask)
    return asked


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


def drain(worker: WorkerProcess) -> None:
    """Let a worker finish what it has."""
    say(f"\n{worker.id} finishes what it has; Ctrl-C again ends it at once.")
    if worker.returncode is None:
        worker.stop(DRAIN_S)


def main() -> int:
    """Serve until Ctrl-C; 1 where the worker cannot start or the port is taken."""
    port, asked = port_of(os.environ.get("PLATFORM_PORT")), interruption()
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            Ground(Path(folder), port=port, poll_s=5.0, webhook_pause_s=PAUSE_S) as ground,
        ):
            worker = keep_a_worker(ground, asked)
            if worker:
                drain(worker)
    except RuntimeError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0 if worker else 1


if __name__ == "__main__":
    sys.exit(main())
