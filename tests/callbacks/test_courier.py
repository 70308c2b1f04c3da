"""A callback on its way: what its receiver gets, and what is tried again when it goes wrong."""

import asyncio
import itertools
import logging
import socket
import threading
from dataclasses import replace

import httpx
import psutil
import pytest
import stamina

from tests.callbacks.receivers import (
    BODY,
    HERE,
    QUICK,
    SECRET,
    Receiver,
    courier,
    names,
    speaking,
    to,
)
from tests.serving import free_port, serving
from worker.callbacks.courier import Courier, Pace, look_up
from worker.callbacks.hosts import Allowed
from worker.callbacks.outcome import Outcome, Reason
from worker.callbacks.target import read_target

pytestmark = pytest.mark.anyio

ONCE = replace(QUICK, pause=120, longest=120)  # a second attempt would come too late
NAMED = Allowed.of(["receiver.example.com", "127.0.0.1"])


def failed(attempts, reason, status_code=None):
    return Outcome("failed", attempts, status_code, reason)


@pytest.fixture
def pauses(monkeypatch):
    """The seconds that this thread sleeps for, none of which it waits."""
    slept, real, ours = [], asyncio.sleep, threading.get_ident()

    async def sleep(seconds, *rest):
        if threading.get_ident() != ours:  # the receiver's
            return await real(seconds, *rest)
        slept.append(seconds)
        return await real(0, *rest)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    return slept


class TestDelivery:
    """What arrives."""

    async def test_a_receiver_gets_the_document_as_it_stands(self):
        """By POST, at its path and query, signed, with its caller's headers and ours."""
        receiver = Receiver(204)
        with serving(receiver) as url:
            given = {"url": f"{url}/done%20?a=b&c", "headers": {"Authorization": "Bearer x"}}
            target = read_target({"callback": given}, HERE)
            outcome = await courier().post(target, "job-1", BODY)
        assert outcome == Outcome("delivered", 1, 204)
        [(method, path, headers, body)] = receiver.asked
        assert (method, path, body) == ("POST", "/done%20?a=b&c", BODY)
        assert receiver.keys == ["job-1"]
        assert receiver.stamps()
        assert dict(headers) == {
            "host": url.removeprefix("http://"),
            "authorization": "Bearer x",
            "content-type": "application/json",
            "content-length": str(len(BODY)),
            "idempotency-key": "job-1",
            "user-agent": headers["user-agent"],
            "x-timestamp": headers["x-timestamp"],
            "x-signature": headers["x-signature"],
        }

    @pytest.mark.parametrize("status", [200, 201, 202, 204])
    async def test_every_success_is_a_delivery(self, status):
        """Whichever of them the receiver likes."""
        with serving(Receiver(status)) as url:
            assert await courier().post(to(url), "1", BODY) == Outcome("delivered", 1, status)

    async def test_the_answer_s_body_is_nobody_s_business(self):
        """One that does not end, even after its connection, is not waited for."""
        endless = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\nmore"
        async with speaking(endless) as (port, _):
            outcome = await courier().post(to(f"http://127.0.0.1:{port}"), "1", BODY)
        assert outcome == Outcome("delivered", 1, 200)

    async def test_no_proxy_is_asked(self, monkeypatch):
        """It would look the name up by itself, and go where we may not."""
        for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
        with serving(Receiver(200)) as url:
            assert await courier().post(to(url), "1", BODY) == Outcome("delivered", 1, 200)

    async def test_no_connection_is_left_open(self):
        """Neither after a delivery, nor after one that was refused."""
        with serving(Receiver(200, 404)) as url:
            poster = courier()
            await poster.post(to(url), "1", BODY)
            await poster.post(to(url), "2", BODY)
            port = int(url.rpartition(":")[2])
            ours = psutil.Process().net_connections("tcp")
            assert [each for each in ours if each.raddr and each.raddr.port == port] == []

    def test_a_courier_goes_from_loop_to_loop(self):
        """A connection belongs to the loop that opened it, so none is kept."""
        poster = courier()
        with serving(Receiver(200)) as url:
            for _ in range(2):
                outcome = asyncio.run(poster.post(to(url), "1", BODY))
                assert outcome == Outcome("delivered", 1, 200)


class TestRetries:
    """What is tried again, and what is not."""

    @pytest.mark.parametrize("status", [500, 502, 503, 504, 429])
    async def test_what_may_pass_is_tried_again(self, status):
        """With the same key, and signed anew each time."""
        receiver = Receiver(status, status, 200)
        clock = itertools.count(1_700_000_000)
        with serving(receiver) as url:
            outcome = await courier(clock=lambda: next(clock)).post(to(url), "job-1", BODY)
        assert outcome == Outcome("delivered", 3, 200)
        assert receiver.keys == ["job-1"] * 3
        assert receiver.stamps() == [1_700_000_000, 1_700_000_001, 1_700_000_002]
        assert [body for *_, body in receiver.asked] == [BODY] * 3

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 409, 410, 413, 422])
    async def test_what_the_receiver_refuses_is_not(self, status):
        """It will refuse it again."""
        receiver = Receiver(status)
        with serving(receiver) as url:
            assert await courier().post(to(url), "1", BODY) == failed(1, Reason.STATUS, status)
        assert len(receiver.asked) == 1

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    async def test_nobody_follows_a_redirect(self, status):
        """Wherever it leads, which here is a neighbour on loopback."""
        neighbour = Receiver(200)
        with serving(neighbour) as inside:
            receiver = Receiver((status, {"Location": f"{inside}/secrets"}))
            with serving(receiver) as url:
                outcome = await courier().post(to(url), "1", BODY)
        assert outcome == failed(1, Reason.REDIRECT, status)
        assert (len(receiver.asked), neighbour.asked) == (1, [])

    async def test_a_receiver_that_never_answers_is_tried_again(self):
        """Each time as long as the pace says, and left each time."""
        receiver = Receiver(None, None, 200)
        with serving(receiver) as url:
            pace = replace(QUICK, read=0.2)
            outcome = await courier(pace=pace).post(to(url), "job-1", BODY)
        assert outcome == Outcome("delivered", outcome.attempts, 200)
        assert outcome.attempts >= 3
        assert receiver.keys == ["job-1"] * outcome.attempts
        assert receiver.left == 2

    @pytest.mark.parametrize("said", [b"", b"HTTP/1.1 20", b"HTTP/1.1 200 OK\r\nX-Half: ", b"no\n"])
    async def test_a_connection_that_breaks_is_tried_again(self, said):
        """Before the answer, or in its midst, or by one who speaks something else."""
        async with speaking(said, said, b"HTTP/1.1 200 OK\r\n\r\n") as (port, asked):
            outcome = await courier().post(to(f"http://127.0.0.1:{port}"), "1", BODY)
        assert outcome == Outcome("delivered", 3, 200)
        assert len(asked) == 3

    async def test_a_receiver_that_is_not_there_is_tried_until_time_is_over(self):
        """It may be starting."""
        pace = replace(QUICK, total=0.5)
        url = f"http://127.0.0.1:{free_port()}"
        outcome = await courier(pace=pace).post(to(url), "1", BODY)
        assert outcome == failed(outcome.attempts, Reason.UNREACHABLE)
        assert outcome.attempts > 1

    async def test_pauses_grow_up_to_the_longest(self, pauses):
        """Twice as long each time, with a little by chance."""
        with serving(Receiver(*[500] * 6, 200)) as url:
            outcome = await courier(pace=Pace()).post(to(url), "1", BODY)
        assert outcome == Outcome("delivered", 7, 200)
        for pause, least in zip(pauses, (1, 2, 4, 8, 16, 20), strict=True):
            assert least <= pause <= min(least + 1, 20)
        assert len({pause - int(pause) for pause in pauses[:5]}) > 1

    async def test_a_receiver_says_how_long_it_wants_to_be_left_alone(self, pauses):
        """A longer pause than ours is kept to, a shorter one and a date are not."""
        busy = [(503, {"Retry-After": after}) for after in ("7", "0", "Wed, 21 Oct 2026", "-1")]
        with serving(Receiver(*busy, 200)) as url:
            outcome = await courier(pace=Pace(jitter=0)).post(to(url), "1", BODY)
        assert outcome == Outcome("delivered", 5, 200)
        assert pauses == [7, 2, 4, 8]

    async def test_one_that_wants_to_be_left_alone_for_too_long_is(self):
        """Nobody waits for what cannot come."""
        receiver = Receiver((429, {"Retry-After": "61"}))
        with serving(receiver) as url:
            outcome = await courier(pace=Pace()).post(to(url), "1", BODY)
        assert outcome == failed(1, Reason.STATUS, 429)


class TestBounds:
    """How long it may take at most."""

    async def test_an_attempt_under_way_is_cut(self):
        """When time is over, and its receiver is left."""
        receiver = Receiver(None)
        with serving(receiver) as url:
            outcome = await courier(pace=replace(QUICK, total=0.3)).post(to(url), "1", BODY)
        assert outcome == failed(1, Reason.TIMEOUT)
        assert receiver.left == 1

    async def test_a_cut_attempt_leaves_what_the_one_before_it_met(self):
        """That says more than that time was over."""
        with serving(Receiver(500, None)) as url:
            outcome = await courier(pace=replace(QUICK, total=2)).post(to(url), "1", BODY)
        assert outcome == failed(2, Reason.STATUS, 500)

    async def test_a_receiver_that_trickles_is_cut(self):
        """Each byte comes in time, and the answer never does."""

        async def trickle(reader, writer):
            while not writer.is_closing():
                writer.write(b"x")
                await asyncio.sleep(0.01)

        server = await asyncio.start_server(trickle, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            pace = replace(QUICK, total=0.5)
            outcome = await courier(pace=pace).post(to(f"http://127.0.0.1:{port}"), "1", BODY)
        assert outcome == failed(1, Reason.TIMEOUT)

    async def test_a_name_that_takes_too_long_to_look_up_is_tried_again(self):
        """As long as a connection may take."""
        gone = asyncio.Event()

        async def resolve(host, port):
            await gone.wait()

        pace = replace(QUICK, total=0.5, connect=0.05)
        target = to("http://receiver.example.com/", NAMED)
        outcome = await courier(NAMED, pace, resolve=resolve).post(target, "1", BODY)
        assert outcome == failed(outcome.attempts, Reason.UNRESOLVED)
        assert outcome.attempts > 1

    async def test_a_cancelled_job_posts_no_more(self):
        """Whatever it was doing, and it is told so."""
        receiver = Receiver(None)
        with serving(receiver) as url:
            task = asyncio.create_task(courier().post(to(url), "1", BODY))
            while not receiver.asked:  # noqa: ASYNC110  # it is in another thread
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert (len(receiver.asked), receiver.left) == (1, 1)

    def test_a_delivery_takes_a_minute_at_most(self):
        """And a connection and an answer a part of it."""
        pace = Pace()
        assert (pace.connect, pace.read, pace.total) == (5, 10, 60)


class TestAddresses:
    """Where it connects to."""

    async def test_a_name_s_own_address_is_connected_to(self):
        """Which is checked, and not looked up again: nobody else knows this name."""
        receiver = Receiver(200)
        with serving(receiver) as url:
            target = to(url.replace("127.0.0.1", "receiver.example.com"), NAMED)
            resolve = names(receiver_example_com=[["127.0.0.1"]])
            outcome = await courier(NAMED, resolve=resolve).post(target, "1", BODY)
        assert outcome == Outcome("delivered", 1, 200)
        [(_, _, headers, _)] = receiver.asked
        assert headers["host"] == target.authority

    @pytest.mark.parametrize(
        "addresses",
        [
            ["127.0.0.1"],
            ["::1"],
            ["::ffff:127.0.0.1"],
            ["10.0.0.1"],
            ["169.254.169.254"],
            ["fe80::1%1"],
            ["93.184.216.34", "127.0.0.1"],
            ["127.0.0.1", "93.184.216.34"],
        ],
    )
    async def test_a_name_that_leads_inside_is_refused(self, addresses):
        """Though it is allowed itself, and though another address of it may be public."""
        receiver = Receiver(200)
        allowed = Allowed.of(["receiver.example.com"])
        with serving(receiver) as url:
            target = to(url.replace("127.0.0.1", "receiver.example.com"), allowed)
            resolve = names(receiver_example_com=[addresses])
            outcome = await courier(allowed, resolve=resolve).post(target, "1", BODY)
        assert outcome == failed(1, Reason.ADDRESS_REFUSED)
        assert receiver.asked == []

    async def test_a_name_that_changes_its_mind_is_checked_each_time(self):
        """Outside at first, inside the second time: the second attempt is the last."""
        inside = Receiver(200)
        allowed = Allowed.of(["receiver.example.com", "127.0.0.2"])
        with serving(inside) as url:
            port = int(url.rpartition(":")[2])  # where nobody listens at 127.0.0.2
            target = to(f"http://receiver.example.com:{port}/", allowed)
            resolve = names(receiver_example_com=[["127.0.0.2"], ["127.0.0.1"]])
            outcome = await courier(allowed, resolve=resolve).post(target, "1", BODY)
        assert outcome == failed(2, Reason.ADDRESS_REFUSED)
        assert inside.asked == []

    async def test_one_lookup_is_all_that_an_attempt_makes(self):
        """Between the check and the connection nobody is asked again."""
        asked = []

        async def resolve(host, port):
            asked.append((host, port))
            return ["127.0.0.1"]

        with serving(Receiver(500, 200)) as url:
            target = to(url.replace("127.0.0.1", "receiver.example.com"), NAMED)
            outcome = await courier(NAMED, resolve=resolve).post(target, "1", BODY)
        assert outcome.attempts == 2
        assert asked == [("receiver.example.com", target.port)] * 2

    async def test_the_next_address_is_tried_where_one_does_not_answer(self):
        """A name may have several, and one of them be down."""
        receiver = Receiver(200)
        allowed = Allowed.of(["receiver.example.com", "127.0.0.0/8"])
        with serving(receiver) as url:
            target = to(url.replace("127.0.0.1", "receiver.example.com"), allowed)
            resolve = names(receiver_example_com=[["127.0.0.2", "127.0.0.2", "127.0.0.1"]])
            outcome = await courier(allowed, resolve=resolve).post(target, "1", BODY)
        assert outcome == Outcome("delivered", 2, 200)

    async def test_a_name_without_an_address_is_tried_again(self):
        """The server of names may have been away."""
        nowhere = socket.gaierror(socket.EAI_AGAIN, "not now")
        resolve = names(receiver_example_com=[nowhere, [], ["127.0.0.1"]])
        with serving(Receiver(200)) as url:
            target = to(url.replace("127.0.0.1", "receiver.example.com"), NAMED)
            outcome = await courier(NAMED, resolve=resolve).post(target, "1", BODY)
        assert outcome == Outcome("delivered", 3, 200)

    async def test_a_name_that_nobody_knows_says_so(self):
        """In the end."""
        resolve = names(receiver_example_com=[socket.gaierror(socket.EAI_NONAME, "never")])
        target = to("http://receiver.example.com/", NAMED)
        outcome = await courier(NAMED, ONCE, resolve=resolve).post(target, "1", BODY)
        assert outcome == failed(1, Reason.UNRESOLVED)

    async def test_the_system_looks_names_up(self):
        """As every program's."""
        assert set(await look_up("localhost", 80)) <= {"127.0.0.1", "::1"}
        with pytest.raises(socket.gaierror):
            await look_up("nowhere.invalid", 80)

    async def test_this_machine_s_name_is_no_way_inside(self):
        """Real lookup, real receiver: `localhost` in the list does not list its address."""
        receiver = Receiver(200)
        with serving(receiver) as url:
            here = url.replace("127.0.0.1", "localhost")
            named = Allowed.of(["localhost"])
            refused = await courier(named).post(to(here, named), "1", BODY)
            assert (refused, receiver.asked) == (failed(1, Reason.ADDRESS_REFUSED), [])
            listed = Allowed.of(["localhost", "127.0.0.0/8", "::1"])
            taken = await courier(listed).post(to(here, listed), "1", BODY)
        assert taken.status_code == 200


class TestSilence:
    """What is told of it."""

    async def test_nothing_logs_a_url_or_a_header(self, caplog):
        """Whoever logs, at whatever level: theirs may be keys."""
        given = {"headers": {"Authorization": "Bearer s3cr3t"}}
        with caplog.at_level(logging.DEBUG), serving(Receiver(500, 404)) as url:
            given["url"] = f"{url}/s3cr3t?key=s3cr3t"
            target = read_target({"callback": given}, HERE)
            await courier().post(target, "job-1", BODY)
        told = [f"{record.getMessage()} {vars(record)}" for record in caplog.records]
        assert any("job job-1: callback to 127.0.0.1, attempt 2: status (404)" in t for t in told)
        assert [text for text in told if "s3cr3t" in text] == []
        assert [text for text in told if SECRET.decode() in text] == []
        assert not [record for record in caplog.records if record.name.startswith("stamina")]

    def test_stamina_has_nobody_to_tell(self):
        """Its own hooks log what a caller has given."""
        Courier(HERE, SECRET)
        assert stamina.instrumentation.get_on_retry_hooks() == ()

    async def test_a_client_would_have_logged_the_url(self, caplog):
        """Why httpx's transport is used without its client; if this fails, that may be, too."""
        with caplog.at_level(logging.INFO, "httpx"), serving(Receiver(200)) as url:
            async with httpx.AsyncClient(trust_env=False) as client:
                await client.post(f"{url}/s3cr3t")
        assert "s3cr3t" in caplog.text
