"""What the worker is told of callbacks by its operator and its callers, and what it tells them."""

import asyncio
import json
import logging
import subprocess
import sys

import pytest

from tests.callbacks.receivers import QUICK, SECRET, Receiver, names
from tests.serving import serving
from tests.test_layering import HEAVY, modules_after
from worker.callbacks import Callbacks, Outcome, Reason, failed_document
from worker.callbacks.outcome import body_of
from worker.errors import DeadlineExceeded, InvalidInput, InvalidSetting
from worker.settings import Settings

URL = "https://hooks.example.com/done?key=s3cr3t"
RESULT = {"jobId": "1", "gameId": None, "status": "DONE", "script": [{"description": "골!"}]}


def settings(**variables):
    given = {"CALLBACK_SECRET": SECRET.decode(), "CALLBACK_ALLOWED_HOSTS": "hooks.example.com"}
    named = {f"CALLBACK_{name}": value for name, value in variables.items()}
    return Settings.from_env({k: v for k, v in (given | named).items() if v is not None})


def here(**courier):
    """Callbacks to this machine."""
    return Callbacks.of(settings(ALLOWED_HOSTS="127.0.0.1"), **{"pace": QUICK, **courier})


class TestSettings:
    """What of them fits together."""

    def test_with_nothing_set_nothing_is_posted(self):
        """And a job that names a receiver is told whose variable is missing."""
        callbacks = Callbacks.of(Settings.from_env({}))
        assert callbacks.default() is None
        assert callbacks.target({}) is None
        with pytest.raises(InvalidInput, match="CALLBACK_ALLOWED_HOSTS") as caught:
            callbacks.target({"callback": {"url": URL}})
        assert caught.value.param == "callback.url"

    def test_a_secret_alone_allows_nobody(self):
        """It is no list of hosts."""
        callbacks = Callbacks.of(settings(ALLOWED_HOSTS=None))
        with pytest.raises(InvalidInput, match="CALLBACK_ALLOWED_HOSTS"):
            callbacks.target({"callback": {"url": URL}})

    def test_callbacks_without_a_secret_end_the_start(self):
        """Nobody could know whose they are."""
        with pytest.raises(InvalidSetting, match=r"^CALLBACK_SECRET: expected"):
            Callbacks.of(settings(SECRET=None))

    @pytest.mark.parametrize("hosts", [None, "other.example.com", "*.hooks.example.com"])
    def test_a_default_that_is_not_allowed_ends_the_start(self, hosts):
        """Not its first job. Its host is named, and no more of it."""
        with pytest.raises(InvalidSetting, match=r"^CALLBACK_URL names hooks\.example\.com") as no:
            Callbacks.of(settings(URL=URL, ALLOWED_HOSTS=hosts))
        assert "CALLBACK_ALLOWED_HOSTS" in no.value.message
        assert "s3cr3t" not in no.value.message

    @pytest.mark.parametrize(
        "url", ["https://me:s3cr3t@hooks.example.com/", "http://0x7f.1/s3cr3t"]
    )
    def test_a_default_that_no_job_could_name_ends_the_start(self, url):
        """What a caller may not, its operator may not."""
        with pytest.raises(InvalidSetting, match=r"^CALLBACK_URL must have") as caught:
            Callbacks.of(settings(URL=url))
        assert "s3cr3t" not in caught.value.message

    def test_an_entry_that_cannot_be_read_ends_the_start(self):
        """It is shown."""
        with pytest.raises(InvalidSetting, match=r'CALLBACK_ALLOWED_HOSTS="http://b:80": expected'):
            Callbacks.of(settings(ALLOWED_HOSTS="a.example.com, http://b:80"))

    def test_an_entry_that_may_hold_a_password_is_not_shown(self):
        """Somebody has put an address there."""
        with pytest.raises(InvalidSetting, match=r"^CALLBACK_ALLOWED_HOSTS: expected") as caught:
            Callbacks.of(settings(ALLOWED_HOSTS="https://me:s3cr3t@hooks.example.com"))
        assert "s3cr3t" not in caught.value.message

    def test_everything_may_be_listed(self):
        """Names, their parents, addresses and networks, with commas or spaces."""
        entries = "hooks.example.com,*.example.org 10.0.0.0/8, ::1"
        callbacks = Callbacks.of(settings(ALLOWED_HOSTS=entries, URL="http://[::1]:8000/done"))
        assert callbacks.default().authority == "[::1]:8000"
        for host in ("hooks.example.com", "a.example.org", "10.1.2.3"):
            assert callbacks.target({"callback": {"url": f"https://{host}"}}).authority == host


class TestTarget:
    """Whose receiver it is."""

    @pytest.fixture
    def callbacks(self):
        return Callbacks.of(settings(URL="https://hooks.example.com/default"))

    @pytest.mark.parametrize(
        "document",
        [{}, {"callback": None}, {"callback": ""}, {"callback": {"url": None}}, None, [], "text"],
    )
    def test_a_job_without_one_has_the_operator_s(self, callbacks, document):
        """Whatever else it is."""
        assert callbacks.target(document) == callbacks.default()
        assert callbacks.default().path == "/default"

    def test_a_job_s_own_goes_before(self, callbacks):
        """With its headers."""
        given = {"url": URL, "headers": {"X-Match": "126283"}}
        target = callbacks.target({"callback": given})
        assert (target.path, target.headers) == ("/done?key=s3cr3t", (("X-Match", "126283"),))

    def test_a_wrong_one_is_no_reason_to_take_the_operator_s(self, callbacks):
        """Its caller would wait for ever."""
        with pytest.raises(InvalidInput):
            callbacks.target({"callback": {"url": "https://evil.net/"}})


@pytest.mark.anyio
class TestDeliver:
    """What becomes of a document."""

    async def test_a_document_arrives_and_its_job_knows(self, caplog):
        """Signed, once."""
        receiver = Receiver(200)
        with serving(receiver) as url, caplog.at_level(logging.INFO):
            callbacks = here()
            target = callbacks.target({"callback": {"url": f"{url}/done"}})
            outcome = await callbacks.deliver(target, "job-1", RESULT)
        assert receiver.documents() == [RESULT]
        assert receiver.keys == ["job-1"]
        assert receiver.stamps()
        assert outcome.told() == {
            "status": "delivered",
            "attempts": 1,
            "statusCode": 200,
            "reason": None,
        }
        assert caplog.messages == []

    async def test_what_failed_is_told_and_logged(self, caplog):
        """In one line, with no more of the URL than its host."""
        with serving(Receiver(500, 403)) as url, caplog.at_level(logging.INFO):
            callbacks = here()
            target = callbacks.target({"callback": {"url": f"{url}/s3cr3t"}})
            outcome = await callbacks.deliver(target, "job-1", RESULT)
        assert outcome.told() == {
            "status": "failed",
            "attempts": 2,
            "statusCode": 403,
            "reason": "status",
        }
        assert caplog.messages == [
            "job job-1: callback to 127.0.0.1 failed: status (attempts 2, last status 403)"
        ]

    async def test_a_fault_of_ours_fails_no_job(self, caplog):
        """It is logged with its place, and without what it says."""
        key = "s3cr3t"

        async def resolve(host, port):
            raise LookupError(key)

        allowed = settings(ALLOWED_HOSTS="hooks.example.com")
        callbacks = Callbacks.of(allowed, pace=QUICK, resolve=resolve)
        target = callbacks.target({"callback": {"url": URL}})
        outcome = await callbacks.deliver(target, "job-1", RESULT)
        assert outcome == Outcome("failed", 0, None, Reason.INTERNAL)
        [message] = caplog.messages
        assert message.startswith("job job-1: its callback failed on a fault of the worker: Look")
        assert "courier.py" in message
        assert "s3cr3t" not in message

    async def test_a_document_that_is_no_json_fails_no_job(self):
        """Nobody is bothered with it."""
        receiver = Receiver(200)
        with serving(receiver) as url:
            callbacks = here()
            target = callbacks.target({"callback": {"url": url}})
            for wrong in (float("nan"), object()):
                outcome = await callbacks.deliver(target, "1", {"wrong": wrong})
                assert outcome.reason is Reason.INTERNAL
        assert receiver.asked == []

    async def test_a_document_arrives_as_its_own_letters(self):
        """UTF-8, not escapes; half a character, which nothing could send, as a question mark."""
        receiver = Receiver(200)
        with serving(receiver) as url:
            callbacks = here()
            target = callbacks.target({"callback": {"url": url}})
            outcome = await callbacks.deliver(target, "\ud800", {"a": "골\ud83d!😀"})
        assert outcome.status == "delivered"
        [(*_, body)] = receiver.asked
        assert body == '{"a":"골?!😀"}'.encode()

    async def test_a_cancelled_job_s_delivery_is_cancelled(self):
        """The only thing that comes out of it."""
        receiver = Receiver(None)
        with serving(receiver) as url:
            callbacks = here()
            target = callbacks.target({"callback": {"url": url}})
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await callbacks.deliver(target, "1", RESULT)

    async def test_several_are_on_their_way_at_once(self):
        """Each with its own retries."""
        receiver = Receiver(500, 500, 500, 200)
        with serving(receiver) as url:
            callbacks = here()
            target = callbacks.target({"callback": {"url": url}})
            jobs = [callbacks.deliver(target, str(number), RESULT) for number in range(8)]
            outcomes = await asyncio.gather(*jobs)
        assert {outcome.status for outcome in outcomes} == {"delivered"}
        assert sum(outcome.attempts for outcome in outcomes) == 11
        assert set(receiver.keys) == set(map(str, range(8)))

    async def test_a_name_may_lead_to_what_is_listed(self):
        """The whole way: settings, name, listed address."""
        receiver = Receiver(200)
        with serving(receiver) as url:
            named = url.replace("127.0.0.1", "back-end.internal")
            listed = settings(ALLOWED_HOSTS="*.internal 127.0.0.0/8", URL=named)
            resolve = names(**{"back-end_internal": [["127.0.0.1"]]})
            callbacks = Callbacks.of(listed, resolve=resolve)
            outcome = await callbacks.deliver(callbacks.default(), "1", RESULT)
        assert outcome == Outcome("delivered", 1, 200)


class TestDocuments:
    """What is posted."""

    def test_a_failed_job_has_every_key_that_a_receiver_requires(self):
        """In this form, `script` no null."""
        error = DeadlineExceeded("Not finished within 120 s.")
        assert failed_document("job-1", "126283", error) == {
            "jobId": "job-1",
            "gameId": "126283",
            "status": "FAILED",
            "errorCode": "deadline_exceeded",
            "errorMessage": "Not finished within 120 s.",
            "script": [],
        }

    def test_a_game_may_be_unknown(self):
        """Null, as in a result."""
        assert failed_document("job-1", None, InvalidInput("No."))["gameId"] is None

    def test_a_body_is_json(self):
        """The same document for whoever reads it."""
        assert json.loads(body_of(RESULT)) == RESULT


def test_importing_callbacks_costs_next_to_nothing():
    """Every worker does; what posts is imported where callbacks are wanted."""
    heavy = {*HEAVY, "httpx", "httpcore", "stamina", "tenacity", "anyio"}
    assert modules_after("import worker.callbacks").isdisjoint(heavy)


def test_a_worker_that_posts_has_imported_what_it_takes():
    """Its first job does not wait for that."""
    script = (
        "import sys; from worker.callbacks import Callbacks; from worker.settings import Settings\n"
        "given = {'CALLBACK_SECRET': 's', 'CALLBACK_ALLOWED_HOSTS': 'a'} if sys.argv[1:] else {}\n"
        "Callbacks.of(Settings.from_env(given)); print('httpx' in sys.modules)"
    )

    def told(*words):
        command = [sys.executable, "-c", script, *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert (told("yes"), told()) == ("True\n", "False\n")
