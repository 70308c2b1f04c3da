"""Every way in which a job or the worker can fail, as one tree of exceptions.

`code` is what a caller programs against, `retryable` says whether the same job may succeed later,
`fault` whose mistake it is (the caller's, the operator's who set the worker up, or the worker's),
`fatal` says that the worker itself is finished and the process must end with a non-zero code so
that the platform tries elsewhere, `status` is what it is over HTTP. `worker.handler` and
`worker.serve.http` are the only places that write them to the wire.
"""

from collections.abc import Mapping
from typing import Any, ClassVar


class WorkerError(Exception):
    """A fault of the worker's own, whose log says more.

    Every other failure is a kind of it.

    Args:
        message: one sentence for the caller; never a traceback, a token or a path of this machine.
        param: the request's field it is about, as the caller spelt its place
            (`rawData[3].startX`), or None.
        said: the error object that the engine answered with, in OpenAI's form, or None.

    Attributes:
        callback: what became of the callback that told of this failure; None where there was none.
    """

    code: ClassVar[str] = "internal_error"
    retryable: ClassVar[bool] = True
    fault: ClassVar[str] = "worker"
    fatal: ClassVar[bool] = False
    status: ClassVar[int] = 500

    def __init__(
        self, message: str, param: str | None = None, said: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.said = said
        self.callback: Mapping[str, Any] | None = None

    def told(self) -> dict[str, Any]:
        """What a caller reads of it, as JSON."""
        return {
            "code": self.code,
            "message": self.message,
            "param": self.param,
            "retryable": self.retryable,
        }


class InvalidInput(WorkerError):
    """The caller's mistake: the same job will fail again."""

    code = "invalid_input"
    retryable = False
    fault = "caller"
    status = 400


class ResultTooLarge(WorkerError):
    """The answer is larger than the platform takes; it would have been lost."""

    code = "result_too_large"
    retryable = False
    fault = "caller"
    status = 400


class Unauthorized(WorkerError):
    """Over HTTP: no key of API_KEYS came with the request."""

    code = "unauthorized"
    retryable = False
    fault = "caller"
    status = 401


class BodyTooLarge(WorkerError):
    """Over HTTP: the request's body is larger than MAX_BODY_BYTES."""

    code = "body_too_large"
    retryable = False
    fault = "caller"
    status = 413


class BodyTimeout(WorkerError):
    """Over HTTP: the request's body has not come within a minute."""

    code = "body_timeout"
    fault = "caller"
    status = 408


class Busy(WorkerError):
    """Over HTTP: MAX_WAITING requests wait already; the same one may succeed in a moment."""

    code = "busy"
    status = 503


class NotServing(WorkerError):
    """Over HTTP: the worker still loads its model."""

    code = "not_serving"
    status = 503


class EngineError(WorkerError):
    """The engine failed this request and lives on."""

    code = "engine_error"


class EngineRejected(EngineError):
    """The engine refused the request as it stands (prompt too long, bad parameter)."""

    code = "engine_rejected"
    retryable = False
    fault = "caller"
    status = 400


class EngineOverloaded(EngineError):
    """The engine's queue is full; the same job may succeed in a moment."""

    code = "engine_overloaded"
    status = 503


class EngineKeyRefused(EngineError):
    """The engine elsewhere refuses the worker's own key (ENGINE_API_KEY)."""

    code = "engine_key_refused"
    fault = "operator"


class DeadlineExceeded(WorkerError):
    """The job ran past its own deadline, in seconds, set below the platform's."""

    code = "deadline_exceeded"
    status = 504


class EngineDead(EngineError):
    """The engine is gone and will not come back in this process."""

    code = "engine_dead"
    fatal = True
    status = 503


class StartupError(WorkerError):
    """The worker cannot start: the cause, and what to change."""

    code = "startup_failed"
    retryable = False
    fault = "operator"
    fatal = True
    status = 503


class InvalidSetting(StartupError):
    """One environment variable has an unusable value: names it, the value and what is expected."""

    code = "invalid_setting"
