"""Callbacks by https: the address is the one that was checked, the name is still the receiver's."""

import ssl
from dataclasses import replace

import pytest

from tests.callbacks.certificates import Authority
from tests.callbacks.receivers import BODY, QUICK, Receiver, courier, names, speaking, to
from tests.serving import serving
from worker.callbacks.hosts import Allowed
from worker.callbacks.outcome import Outcome, Reason

pytestmark = pytest.mark.anyio

NAME = "receiver.example.com"
ALLOWED = Allowed.of([NAME, "127.0.0.1"])
TAKEN = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


@pytest.fixture
def trusted(authority, monkeypatch):
    """An authority that this machine trusts."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    return authority


def serving_as(certificate, seen=None):
    """The other side of TLS with this certificate; `seen` learns which name was asked for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    if seen is not None:
        context.sni_callback = lambda _socket, name, _context: seen.append(name)
    return speaking(TAKEN, ssl=context)


async def posted(port, host=NAME, pace=QUICK):
    poster = courier(ALLOWED, pace, resolve=names(receiver_example_com=[["127.0.0.1"]]))
    return await poster.post(to(f"https://{host}:{port}/", ALLOWED), "1", BODY)


async def test_a_receiver_proves_its_name(trusted):
    """It is asked for it, and told it in the Host header, though the address is connected to."""
    seen = []
    async with serving_as(trusted.certificate(NAME), seen) as (port, asked):
        assert await posted(port) == Outcome("delivered", 1, 200)
    assert seen == [NAME]
    assert f"Host: {NAME}:{port}\r\n".encode() in asked[0]


async def test_a_receiver_without_a_name_proves_its_address(trusted):
    """Where the URL has no other."""
    async with serving_as(trusted.certificate("127.0.0.1")) as (port, _):
        assert await posted(port, "127.0.0.1") == Outcome("delivered", 1, 200)


@pytest.mark.parametrize("name", ["other.example.com", "127.0.0.1", "example.com"])
async def test_another_name_s_certificate_is_refused(trusted, name):
    """The address's own, too: the caller has named a name. Nothing is sent, once is enough."""
    async with serving_as(trusted.certificate(name)) as (port, asked):
        assert await posted(port) == Outcome("failed", 1, None, Reason.CERTIFICATE)
    assert asked == []


async def test_a_certificate_that_has_expired_is_refused(trusted):
    """Yesterday."""
    async with serving_as(trusted.certificate(NAME, days=-1)) as (port, asked):
        assert await posted(port) == Outcome("failed", 1, None, Reason.CERTIFICATE)
    assert asked == []


async def test_a_certificate_by_an_authority_that_nobody_knows_is_refused(authority):
    """The right name is not enough."""
    async with serving_as(authority.certificate(NAME)) as (port, asked):
        assert await posted(port) == Outcome("failed", 1, None, Reason.CERTIFICATE)
    assert asked == []


async def test_a_receiver_that_speaks_no_tls_is_unreachable():
    """And may be tried again: it is not the one that was meant, which may be starting."""
    receiver = Receiver(200)
    with serving(receiver) as url:
        port = int(url.rpartition(":")[2])
        outcome = await posted(port, pace=replace(QUICK, total=0.5))
    assert outcome == Outcome("failed", outcome.attempts, None, Reason.UNREACHABLE)
    assert outcome.attempts > 1
    assert receiver.asked == []
