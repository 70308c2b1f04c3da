"""Receivers of callbacks for tests: real servers on loopback, each with faults of its own."""

import asyncio
import hashlib
import hmac
import json
from contextlib import asynccontextmanager

from starlette.requests import Request
from starlette.responses import Response

from worker.callbacks.courier import Courier, Pace
from worker.callbacks.hosts import Allowed
from worker.callbacks.target import target_of

SECRET = b"a secret of the tests"
HERE = Allowed.of(["127.0.0.1"])
BODY = b'{"jobId":"1","status":"DONE"}'
# No test waits for one of these to pass but where it says so.
QUICK = Pace(connect=20, read=20, total=60, pause=0.01, longest=0.05, jitter=0.01)


class Receiver:
    """Writes down what arrives, and gives the answers that it is given in turn, the last for ever.

    An answer is a status, or a status with headers, or None: then it never answers.

    Attributes:
        asked: method, path with query, headers and body of each call.
        left: how many were gone before their answer came.
    """

    def __init__(self, *answers):
        self.answers = list(answers) or [200]
        self.asked = []
        self.left = 0

    async def __call__(self, scope, receive, send):
        request = Request(scope, receive)
        query = f"?{request.url.query}" if request.url.query else ""
        path = f"{scope['raw_path'].decode()}{query}"
        self.asked.append((request.method, path, request.headers, await request.body()))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is None:
            while (await receive())["type"] != "http.disconnect":
                pass
            self.left += 1
            return
        status, headers = answer if isinstance(answer, tuple) else (answer, {})
        await Response(b"no", status, headers)(scope, receive, send)

    @property
    def keys(self):
        """The idempotency keys that have come."""
        return [headers["idempotency-key"] for _, _, headers, _ in self.asked]

    def stamps(self):
        """The timestamps that have come; each call is held against its signature."""
        return [_stamp(headers, body) for _, _, headers, body in self.asked]

    def documents(self):
        """The documents that have come."""
        return [json.loads(body) for *_, body in self.asked]


def _stamp(headers, body):
    stamp = headers["x-timestamp"]
    mac = hmac.new(SECRET, stamp.encode() + b"." + body, hashlib.sha256)
    assert headers["x-signature"] == f"sha256={mac.hexdigest()}"
    return int(stamp)


@asynccontextmanager
async def speaking(*answers, **options):
    """A server that says bytes when it is asked, in turn, and hangs up; its port and a counter.

    `options` are those of `asyncio.start_server`.
    """
    left, asked = list(answers), []

    async def answer(reader, writer):
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(left.pop(0) if len(left) > 1 else left[0])
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, **options)
    async with server:
        yield server.sockets[0].getsockname()[1], asked


def to(url, allowed=HERE):
    """The target that a URL is."""
    return target_of(url, allowed)


def courier(allowed=HERE, pace=QUICK, **more):
    """A courier that does not take its time."""
    return Courier(allowed, SECRET, pace=pace, **more)


def names(**addresses):
    """A resolver that knows these names (`_` stands for a dot), each with its answers in turn."""
    known = {name.replace("_", "."): list(answers) for name, answers in addresses.items()}

    async def resolve(host, port):
        answers = known[host]
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(found, Exception):
            raise found
        return found

    return resolve
