"""Progress on standard error: a bar where it is a terminal, else a line now and then."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm  # type: ignore[import-untyped]

LINE_S = 15.0  # between two lines where there is no terminal, in seconds
BEAT_S = 2.0  # between two signs of life, in seconds


def tell(text: str) -> None:
    """A line on standard error, above the bar if there is one."""
    tqdm.write(text, file=sys.stderr)


class Pace:
    """When a line is due: LINE_S after the one before it, the first one `at_once` or as late."""

    def __init__(self, *, at_once: bool = False) -> None:
        self.began = time.monotonic()
        self._next = self.began + (0 if at_once else LINE_S)

    def is_due(self, *, anyway: bool = False) -> bool:
        """Whether to write a line now; if so, the next one is later."""
        now = time.monotonic()
        due = anyway or now >= self._next
        if due:
            self._next = now + LINE_S
        return due


@contextmanager
def waiting(what: str) -> Iterator[Callable[[str], None]]:
    """Show how long something takes, and the last word of it, while the block goes on."""
    if not sys.stderr.isatty():
        yield lines(what)
        return
    form = "{desc} {elapsed}{postfix}"
    with tqdm(desc=what, bar_format=form, leave=False, file=sys.stderr) as bar:
        yield bar.set_postfix_str


def lines(what: str) -> Callable[[str], None]:
    """Takes words on how far something is, and writes one of them now and then."""
    pace = Pace(at_once=True)

    def show(word: str) -> None:
        if pace.is_due():
            tell(f"{what}: {time.monotonic() - pace.began:.0f} s: {word}")

    return show


@contextmanager
def alive(what: str, word: str) -> Iterator[None]:
    """Show that something goes on whose block is one silent call."""
    over = threading.Event()
    with waiting(what) as show:

        def beat() -> None:
            show(word)
            while not over.wait(BEAT_S):
                show(word)

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
