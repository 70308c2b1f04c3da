"""The end of a worker that cannot go on: with a failure, so that the platform tries elsewhere."""

import logging
import multiprocessing
import os
import threading

from worker.errors import WorkerError

log = logging.getLogger(__name__)

LAST_WORDS_SECONDS = 2.0  # for the answers in flight to leave


def kill_children() -> None:
    """End the engine's processes and the SDK's ping at once.

    Nothing is waited for: a stuck engine heeds no other signal, and the ping would go on telling
    the platform that all is well.
    """
    for child in multiprocessing.active_children():
        child.kill()


def end_now() -> None:
    """End this process and its children at once, as a failure."""
    kill_children()
    logging.shutdown()
    os._exit(1)


def end_soon(error: WorkerError) -> None:
    """End the process with an error, once the answers in flight had time to leave."""
    log.critical("%s: the worker ends: %s", error.code, error.message)
    timer = threading.Timer(LAST_WORDS_SECONDS, end_now)
    timer.daemon = True
    timer.start()
