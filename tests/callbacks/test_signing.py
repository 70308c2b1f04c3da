"""How a callback is signed."""

import hashlib
import hmac
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker import __version__
from worker.callbacks.signing import signature, signed_headers


def test_the_signature_is_the_one_that_anybody_computes():
    """By `openssl dgst -sha256 -hmac key`, for one."""
    # printf '1700000000.{"a":"가"}' | openssl dgst -sha256 -hmac s3cr3t
    known = "9775a37ce32424f2421c5bdbfb0407ddf1a3c405a6f80757ae1a15660c05a6a8"
    assert signature(b"s3cr3t", 1_700_000_000, '{"a":"가"}'.encode()) == f"sha256={known}"


@given(st.binary(min_size=1), st.integers(0, 2**40), st.binary())
def test_the_signature_is_over_timestamp_and_body(secret, timestamp, body):
    """With a dot between them."""
    mac = hmac.new(secret, str(timestamp).encode() + b"." + body, hashlib.sha256)
    assert signature(secret, timestamp, body) == f"sha256={mac.hexdigest()}"


def test_every_callback_says_what_it_is():
    """JSON, of which job, from when, and from which version."""
    headers = signed_headers(b"s3cr3t", 1_700_000_000, "sync-5f1e-e1", b"{}")
    assert headers == {
        "Content-Type": "application/json",
        "User-Agent": f"football-commentary-worker/{__version__}",
        "Idempotency-Key": "sync-5f1e-e1",
        "X-Timestamp": "1700000000",
        "X-Signature": signature(b"s3cr3t", 1_700_000_000, b"{}"),
    }


@pytest.mark.parametrize(
    ("job_id", "key"),
    [
        ("a b", "a%20b"),
        ("a\r\nHost: evil", "a%0D%0AHost:%20evil"),
        ("경기", "%EA%B2%BD%EA%B8%B0"),
        ("\ud800", "?"),
        ("50%", "50%"),
        ("", ""),
    ],
)
def test_an_id_that_no_header_can_have_is_escaped(job_id, key):
    """Whoever sends jobs may give them ids of their own."""
    assert signed_headers(b"s", 0, job_id, b"")["Idempotency-Key"] == key


@given(st.text())
def test_whatever_the_id_a_header_can_have_it(job_id):
    """In visible ASCII."""
    key = signed_headers(b"s", 0, job_id, b"")["Idempotency-Key"]
    assert set(key) <= set(string.printable) - set(string.whitespace)
