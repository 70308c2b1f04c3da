"""Tell Docker's HEALTHCHECK how this container's worker is, by the file that HEALTH_FILE names.

`python -m worker.health` says one word and exits with 0 while the worker takes jobs or finishes its
last ones, and with 1 otherwise, for a reason that it tells on standard error. The file is the
worker's: its state as a word, written anew every few seconds by the event loop that takes the jobs,
so that its age tells of a loop that is stuck.
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from worker.errors import StartupError

VARIABLE = "HEALTH_FILE"
LOADING, READY, DRAINING = STATES = ("loading", "ready", "draining")
BEAT_SECONDS = 3.0  # between two signs of life
FRESH_SECONDS = 15.0  # for which one of them counts: several beats, in a loop with much to do


class Unhealthy(Exception):
    """Why a worker does not count as healthy, in one sentence."""


class Health:
    """The worker's side of the file; it may be made more than once for the same one.

    Args:
        path: the file, or None: then nothing is written.
    """

    def __init__(self, path: Path | None) -> None:
        self._path, self._state = path, LOADING
        self._writing = threading.Lock()  # one file is written beside, by whichever thread

    def begin(self) -> None:
        """Say that the worker is loading, or StartupError where the file cannot be written."""
        try:
            self._write()
        except (OSError, ValueError) as error:  # ValueError: `/` is no file's name
            raise StartupError(
                f"{VARIABLE}={self._path} cannot be written ({error}): name a file in a folder "
                "that exists and that this user may write to."
            ) from error

    def state(self, state: str) -> None:
        """Say another of STATES. One that cannot be written is left to grow old instead."""
        self._state = state
        self._say()

    async def beat(self, alive: Callable[[], bool]) -> None:
        """Say the state again and again from this event loop, while `alive` says so."""
        import asyncio  # half of what `python -m worker.health` would take

        while alive():
            self._say()
            await asyncio.sleep(BEAT_SECONDS)

    def _say(self) -> None:
        with suppress(OSError):
            self._write()

    def _write(self) -> None:
        """Replace the file as a whole: its reader comes at any time."""
        if self._path is None:
            return
        beside = self._path.with_name(f".{self._path.name}.new")
        with self._writing:
            try:
                beside.write_text(f"{self._state}\n", "utf-8")
                beside.replace(self._path)
            except OSError:
                beside.unlink(missing_ok=True)
                raise


def read(environ: Mapping[str, str]) -> str:
    """The state of a worker that is healthy, or Unhealthy."""
    name = environ.get(VARIABLE, "").strip()
    if not name:
        raise Unhealthy(f"{VARIABLE} is not set, so no worker says how it is.")
    path = Path(name)
    try:
        age = time.time() - path.stat().st_mtime
        state = path.read_text("utf-8", "replace").strip()
    except OSError as error:
        raise Unhealthy(f"{path} cannot be read: {error.strerror}; is there a worker?") from error
    return _healthy(path, state, age)


def _healthy(path: Path, state: str, age: float) -> str:
    if state not in STATES:
        raise Unhealthy(f"{path} holds none of the words {', '.join(STATES)}.")
    if state == LOADING:
        raise Unhealthy("The worker is loading its model, and takes no jobs yet.")
    if age > FRESH_SECONDS:
        raise Unhealthy(f"The worker was {state} {age:.0f} s ago: since then it is stuck or gone.")
    return state


def main(environ: Mapping[str, str] = os.environ) -> int:
    """Tell the state; the exit code is 0 for a healthy worker and 1 for any other."""
    try:
        sys.stdout.write(f"{read(environ)}\n")
    except Unhealthy as reason:
        sys.stderr.write(f"{reason}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
