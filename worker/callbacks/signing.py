"""How a callback is signed, so that its receiver knows whose it is, and of when. Pure."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from worker import __version__

USER_AGENT: Final = f"football-commentary-worker/{__version__}"
# What an id may have as it stands in a header: visible ASCII. The percent sign stays, too: an id
# that somebody has escaped already is not escaped again.
_VISIBLE: Final = "".join(map(chr, range(0x21, 0x7F)))


def signature(secret: bytes, timestamp: int, body: bytes) -> str:
    """HMAC-SHA256 of `<timestamp>.<body>`, as the header has it; `timestamp` in Unix seconds."""
    mac = hmac.new(secret, b"%d." % timestamp + body, hashlib.sha256)
    return f"sha256={mac.hexdigest()}"


def signed_headers(secret: bytes, timestamp: int, job_id: str, body: bytes) -> Mapping[str, str]:
    """The headers that every callback has; a receiver that has seen the key has the result."""
    return {
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        "Idempotency-Key": quote(job_id, safe=_VISIBLE, errors="replace"),
        "X-Timestamp": str(timestamp),
        "X-Signature": signature(secret, timestamp, body),
    }
