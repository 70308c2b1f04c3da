"""Results posted to the back end that asked for them, signed, to hosts that the operator allows.

Importing this is cheap. What posts (`worker.callbacks.courier`, with httpx and stamina) is imported
where callbacks are wanted.
"""

import logging
from collections.abc import Mapping
from functools import cached_property
from traceback import format_tb
from typing import TYPE_CHECKING, Any, Self

from worker.callbacks.hosts import Allowed
from worker.callbacks.outcome import CALLBACK_SECONDS, Outcome, Reason, body_of, failed_document
from worker.callbacks.target import Target, Unusable, read_target, target_of
from worker.errors import InvalidSetting
from worker.settings import PRIVATE, Settings, invalid

if TYPE_CHECKING:
    from worker.callbacks.courier import Courier

__all__ = ["CALLBACK_SECONDS", "Callbacks", "Outcome", "Reason", "Target", "failed_document"]

log = logging.getLogger(__name__)


class Callbacks:
    """Where results go, and the way there.

    Args:
        allowed: the hosts and addresses that they may go to.
        secret: what they are signed with.
        default: where those go whose job names no receiver.
        courier: what `Courier` takes beside: pace, resolve, clock.
    """

    def __init__(
        self, allowed: Allowed, secret: bytes, default: Target | None = None, **courier: Any
    ) -> None:
        self._allowed, self._secret, self._default = allowed, secret, default
        self._how = courier

    @classmethod
    def of(cls, settings: Settings, **courier: Any) -> Self:
        """Those of CALLBACK_URL, CALLBACK_SECRET and CALLBACK_ALLOWED_HOSTS.

        Raises:
            InvalidSetting: they do not fit together.
        """
        allowed = _allowed(settings)
        secret = (settings.callback_secret or "").encode(errors="surrogateescape")
        made = cls(allowed, secret, _default(settings, allowed), **courier)
        if settings.callback_allowed_hosts:
            _ = made._courier  # its imports would make a job wait
        return made

    def default(self) -> Target | None:
        """CALLBACK_URL's."""
        return self._default

    def target(self, document: object) -> Target | None:
        """Where the result of a commentary job goes: to its own `callback`, else to CALLBACK_URL.

        Raises:
            InvalidInput: its `callback` cannot be used; `param` names what of it.
        """
        own = read_target(document, self._allowed) if isinstance(document, dict) else None
        return own or self._default

    async def deliver(
        self,
        target: Target,
        job_id: str,
        document: Mapping[str, Any],
        seconds: float | None = None,
    ) -> Outcome:
        """Post a document, again where that helps; what became of it, whatever happens.

        It takes a minute at most, or `seconds` where they are given and fewer.
        """
        try:
            outcome = await self._courier.post(target, job_id, body_of(document), seconds)
        except Exception as error:  # noqa: BLE001  # a job with a result must not fail on this
            told = f"{type(error).__name__}\n{''.join(format_tb(error.__traceback__))}"
            log.error("job %s: its callback failed on a fault of the worker: %s", job_id, told)  # noqa: TRY400
            return Outcome("failed", 0, None, Reason.INTERNAL)
        _note(outcome, target, job_id)
        return outcome

    @cached_property
    def _courier(self) -> "Courier":
        from worker.callbacks.courier import Courier

        return Courier(self._allowed, self._secret, **self._how)


def _note(outcome: Outcome, target: Target, job_id: str) -> None:
    """One line in the log, which has no more of a URL than its host."""
    if outcome.reason is None:
        log.debug("job %s: callback to %s delivered", job_id, target.host)
        return
    log.warning(
        "job %s: callback to %s failed: %s (attempts %d, last status %s)",
        *(job_id, target.host, outcome.reason.value, outcome.attempts, outcome.status_code),
    )


def _allowed(settings: Settings) -> Allowed:
    if settings.callback_allowed_hosts and not settings.callback_secret:
        raise InvalidSetting(
            "CALLBACK_SECRET: expected what callbacks are signed with, because "
            "CALLBACK_ALLOWED_HOSTS is set."
        )
    try:
        return Allowed.of(settings.callback_allowed_hosts)
    except ValueError as error:
        entry = str(error)
        shown = None if PRIVATE.search(entry) else entry
        expected = "names, `*.example.com`, addresses or networks, with no scheme, port and path"
        raise invalid("CALLBACK_ALLOWED_HOSTS", shown, expected) from None


def _default(settings: Settings, allowed: Allowed) -> Target | None:
    if settings.callback_url is None:
        return None
    try:
        return target_of(settings.callback_url, allowed)
    except Unusable as error:
        raise InvalidSetting(f"CALLBACK_URL {error}.") from None
