"""A result on its way to its receiver: looked up, checked, signed, posted, and posted again.

Here alone are httpx and stamina known; `worker.callbacks` imports this where callbacks are wanted.
What is posted to is the very address that was checked: nobody looks the name up a second time
(https://en.wikipedia.org/wiki/DNS_rebinding), and each attempt looks it up and checks it anew.
httpx's transport is used without its client, which logs the URL of every request, follows what the
environment says of proxies, and adds headers of its own.
"""

import asyncio
import logging
import re
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from ipaddress import ip_address
from typing import Final

import httpx
import stamina

from worker.callbacks.hosts import Address, Allowed
from worker.callbacks.outcome import CALLBACK_SECONDS, Outcome, Reason
from worker.callbacks.signing import signed_headers
from worker.callbacks.target import Target

log = logging.getLogger(__name__)

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a name, for a port. Raises OSError where there is none."""

_SECONDS: Final = re.compile(r"[0-9]{1,6}")


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a receiver is waited for. All in seconds, all our choice but the total.

    Attributes:
        connect: for a connection, and for the lookup before it.
        read: for the answer, as long as nothing of it comes.
        total: for all attempts and the pauses between them.
        pause: before the second attempt; each further pause is twice as long.
        longest: the longest pause.
        jitter: what is added to a pause by chance, at most.
    """

    connect: float = 5.0
    read: float = 10.0
    total: float = CALLBACK_SECONDS
    pause: float = 1.0
    longest: float = 20.0
    jitter: float = 1.0


class Failure(Exception):
    """An attempt that has failed.

    Args:
        reason: why.
        status_code: what the receiver answered with, if it did.
        passing: whether another attempt may succeed.
        after: seconds that the receiver wants to be left alone.
    """

    def __init__(
        self,
        reason: Reason,
        status_code: int | None = None,
        *,
        passing: bool = False,
        after: float = 0.0,
    ) -> None:
        super().__init__(reason.value)
        self.reason, self.status_code = reason, status_code
        self.passing, self.after = passing, after


@dataclass(slots=True)
class Course:
    """How one delivery has gone so far.

    Attributes:
        end: when it is over, by the event loop's clock.
        attempts: how many have begun.
        least: seconds until the next one, at least, if this one fails.
        failure: of the last one that came to an end.
    """

    end: float
    attempts: int = 0
    least: float = 0.0
    failure: Failure = field(default_factory=lambda: Failure(Reason.TIMEOUT))

    def again(self, error: Exception) -> bool | float:
        """Stamina's question whether to try again, and after how many seconds if not its own."""
        if not isinstance(error, Failure) or not error.passing:
            return False
        pause = max(self.least, error.after)
        if pause >= self.end - asyncio.get_running_loop().time():
            return False  # it would end in the pause: whoever waits for the job waits for nothing
        return pause if error.after > self.least else True

    def failed(self) -> Outcome:
        """What has become of it, if nothing else comes."""
        return Outcome("failed", self.attempts, self.failure.status_code, self.failure.reason)


async def look_up(host: str, port: int) -> list[str]:
    """The addresses of a name, as the system knows them, in the order in which it would try."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


class Courier:
    """Posts documents; safe to call from any event loop.

    Args:
        allowed: the addresses that it may connect to.
        secret: what it signs with.
        pace: how long it waits.
        resolve: what looks names up.
        clock: Unix seconds.
    """

    def __init__(
        self,
        allowed: Allowed,
        secret: bytes,
        *,
        pace: Pace | None = None,
        resolve: Resolve = look_up,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._allowed, self._secret, self._pace = allowed, secret, pace or Pace()
        self._resolve, self._clock = resolve, clock
        self._trust = httpx.create_ssl_context()  # SSL_CERT_FILE, or the usual authorities
        stamina.instrumentation.set_on_retry_hooks(())  # it would log what we log better

    async def post(
        self, target: Target, job_id: str, body: bytes, seconds: float | None = None
    ) -> Outcome:
        """Post a body until the receiver has it, there is no sense in it, or time is over."""
        total = min(self._pace.total, self._pace.total if seconds is None else seconds)
        course = Course(asyncio.get_running_loop().time() + total)
        try:
            async with asyncio.timeout_at(course.end):
                return await self._post(target, job_id, body, course)
        except (Failure, TimeoutError):
            return course.failed()

    async def _post(self, target: Target, job_id: str, body: bytes, course: Course) -> Outcome:
        async for attempt in self._attempts(course):
            with attempt:
                course.attempts, course.least = attempt.num, attempt.next_wait
                status_code = await self._try(target, job_id, body, course)
        return Outcome("delivered", course.attempts, status_code)

    def _attempts(self, course: Course) -> AsyncIterator[stamina.Attempt]:
        return aiter(
            stamina.retry_context(
                on=course.again,
                attempts=None,
                timeout=self._pace.total,
                wait_initial=self._pace.pause,
                wait_max=self._pace.longest,
                wait_jitter=self._pace.jitter,
            )
        )

    async def _try(self, target: Target, job_id: str, body: bytes, course: Course) -> int:
        try:
            address = await self._address(target, course.attempts)
            headers = signed_headers(self._secret, int(self._clock()), job_id, body)
            async with self._answer(target, address, headers, body) as answer:
                return _accepted(answer)
        except Failure as error:
            log.debug(
                "job %s: callback to %s, attempt %d: %s (%s)",
                *(job_id, target.host, course.attempts, error.reason.value, error.status_code),
            )
            course.failure = error
            raise

    async def _address(self, target: Target, attempt: int) -> Address:
        """The address to connect to: another one in each attempt, if the name has several.

        All of them must be admitted. A name that leads inside as well as outside is a mistake or
        an attack, and either way it would be chance which one it came to.
        """
        if not isinstance(target.host, str):
            addresses = [target.host]
        else:
            addresses = await self._look_up(target.host, target.port)
        if not all(map(self._allowed.admits, addresses)):
            raise Failure(Reason.ADDRESS_REFUSED)
        return addresses[(attempt - 1) % len(addresses)]

    async def _look_up(self, host: str, port: int) -> list[Address]:
        try:
            async with asyncio.timeout(self._pace.connect):
                found = [ip_address(each) for each in await self._resolve(host, port)]
        except OSError as error:  # TimeoutError is one
            raise Failure(Reason.UNRESOLVED, passing=True) from error
        if not found:
            raise Failure(Reason.UNRESOLVED, passing=True)
        return list(dict.fromkeys(found))

    @asynccontextmanager
    async def _answer(
        self, target: Target, address: Address, ours: Mapping[str, str], body: bytes
    ) -> AsyncIterator[httpx.Response]:
        """The receiver's answer, up to its body: nobody reads that. Raises Failure."""
        request = httpx.Request(
            "POST",
            target.at(address),
            headers=[("Host", target.authority), *target.headers, *ours.items()],
            content=body,
            extensions={"timeout": self._timeouts(), **_server_name(target)},
        )
        try:
            async with httpx.AsyncHTTPTransport(verify=self._trust) as transport:
                answer = await transport.handle_async_request(request)
                try:
                    yield answer
                finally:
                    await answer.aclose()
        except httpx.TimeoutException as error:
            raise Failure(Reason.TIMEOUT, passing=True) from error
        except (httpx.TransportError, ssl.SSLError) as error:
            raise _broken(error) from error

    def _timeouts(self) -> Mapping[str, float | None]:
        pace = self._pace
        return httpx.Timeout(pace.read, connect=pace.connect).as_dict()


def _server_name(target: Target) -> Mapping[str, str]:
    """The name that the receiver's certificate must have, where the URL has one and no address."""
    return {"sni_hostname": target.host} if isinstance(target.host, str) else {}


def _accepted(answer: httpx.Response) -> int:
    """The status of an answer that is a success. Raises Failure about any other."""
    status = answer.status_code
    if answer.is_success:
        return status
    if answer.is_redirect:
        raise Failure(Reason.REDIRECT, status)
    passing = answer.is_server_error or status == HTTPStatus.TOO_MANY_REQUESTS
    after = answer.headers.get("Retry-After", "").strip()
    seconds = float(after) if _SECONDS.fullmatch(after) else 0.0  # a date is passed over
    raise Failure(Reason.STATUS, status, passing=passing, after=seconds)


def _broken(error: Exception) -> Failure:
    """A connection that failed; one to a wrong certificate fails again."""
    if any(isinstance(each, ssl.SSLCertVerificationError) for each in _causes(error)):
        return Failure(Reason.CERTIFICATE)
    return Failure(Reason.UNREACHABLE, passing=True)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
