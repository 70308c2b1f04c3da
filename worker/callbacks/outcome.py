"""What is posted of a job that has failed, and what became of a callback. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Literal

from worker.errors import WorkerError

CALLBACK_SECONDS: Final = 60.0  # for a delivery: all attempts, and the pauses between them


class Reason(StrEnum):
    """Why a callback was not delivered."""

    STATUS = "status"
    """The receiver answered with a status that is no success; `statusCode` has it."""
    REDIRECT = "redirect"
    """It pointed elsewhere, and nobody follows."""
    TIMEOUT = "timeout"
    """It did not answer in time."""
    UNREACHABLE = "unreachable"
    """There was no connection, or it broke before the answer."""
    UNRESOLVED = "unresolved"
    """Its name has no address."""
    ADDRESS_REFUSED = "address_refused"
    """Its name leads to an address that is not public and not in CALLBACK_ALLOWED_HOSTS."""
    CERTIFICATE = "certificate"
    """Its certificate is not its own, has expired, or was given by nobody we know."""
    INTERNAL = "internal"
    """A fault of the worker's own, whose log says more."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a callback.

    Attributes:
        status: whether the receiver has it; where it has failed, it may have arrived all the same.
        attempts: how often it was tried.
        status_code: the receiver's last answer; None where it gave none.
        reason: why it failed; None where it did not.
    """

    status: Literal["delivered", "failed"]
    attempts: int
    status_code: int | None = None
    reason: Reason | None = None

    def told(self) -> dict[str, Any]:
        """As it stands under `callback` in the job's own output."""
        return {
            "status": self.status,
            "attempts": self.attempts,
            "statusCode": self.status_code,
            "reason": None if self.reason is None else self.reason.value,
        }


def failed_document(job_id: str, game_id: str | None, error: WorkerError) -> dict[str, Any]:
    """The result of a job that has none: every key that a receiver requires, `script` no null."""
    return {
        "jobId": job_id,
        "gameId": game_id,
        "status": "FAILED",
        "errorCode": error.code,
        "errorMessage": error.message,
        "script": [],
    }


def body_of(document: Mapping[str, Any]) -> bytes:
    """A document as it is posted: UTF-8, with `?` for half characters, which nothing could send.

    Raises:
        ValueError, TypeError: it is not JSON.
    """
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode(errors="replace")
