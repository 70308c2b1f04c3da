"""Where a job says that its result goes."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rows import request_document
from worker.callbacks.hosts import Allowed
from worker.callbacks.target import Unusable, headers_of, read_target, target_of
from worker.errors import InvalidInput
from worker.football.schema import CommentaryRequest

ALLOWED = Allowed.of(["hooks.example.com", "*.example.org", "10.0.0.0/8", "fd00::/8"])
URL = "https://hooks.example.com/done?key=s3cr3t"


def refused(callback, allowed=ALLOWED):
    with pytest.raises(InvalidInput) as caught:
        read_target({"callback": callback}, allowed)
    assert "\n" not in caught.value.message
    return caught.value


@pytest.mark.parametrize(
    ("url", "scheme", "authority", "path"),
    [
        (URL, "https", "hooks.example.com", "/done?key=s3cr3t"),
        ("HTTPS://HOOKS.example.com./a", "https", "hooks.example.com", "/a"),
        ("http://a.example.org", "http", "a.example.org", "/"),
        ("http://a.example.org?q=1#part", "http", "a.example.org", "/?q=1"),
        ("http://a.example.org:80/x", "http", "a.example.org", "/x"),
        ("https://a.example.org:80/x", "https", "a.example.org:80", "/x"),
        ("https://a.example.org:8443/x/../y", "https", "a.example.org:8443", "/x/../y"),
        ("http://a.example.org//evil.net/", "http", "a.example.org", "//evil.net/"),
        ("http://10.1.2.3:9/x", "http", "10.1.2.3:9", "/x"),
        ("http://[fd00::1]:9/x", "http", "[fd00::1]:9", "/x"),
        ("http://[FD00:0::1]/결과", "http", "[fd00::1]", "/결과"),
        ("  https://hooks.example.com/  ", "https", "hooks.example.com", "/"),
    ],
)
def test_a_url_is_read_into_its_parts(url, scheme, authority, path):
    """Path and query as given; the port only where it says something."""
    target = read_target({"callback": {"url": url}}, ALLOWED)
    assert (target.scheme, target.authority, target.path) == (scheme, authority, path)


@pytest.mark.parametrize(
    ("url", "law"),
    [
        ("ftp://hooks.example.com/", "must be http://host/path or https://host/path"),
        ("hooks.example.com/done", "must be http://host/path or https://host/path"),
        ("//hooks.example.com/done", "must be http://host/path or https://host/path"),
        ("https://hooks.example.com:0/", "must be http://host/path or https://host/path"),
        ("https://hooks.example.com:65536/", "must be http://host/path or https://host/path"),
        ("https://hooks.example.com:x/", "must be http://host/path or https://host/path"),
        ("https://[fd00::1/", "must be http://host/path or https://host/path"),
        ("https:///done", "must have a host that is a name, or an address as usually spelt"),
        ("https://0x7f.1/", "must have a host that is a name, or an address as usually spelt"),
        ("https://2130706433/", "must have a host that is a name, or an address as usually spelt"),
        ("https://127.1/", "must have a host that is a name, or an address as usually spelt"),
        ("https://[fe80::1%25eth0]/", "must have a host that is a name, or an address as"),
        ("https://me:s3cr3t@hooks.example.com/", "must have no user name and no password in it"),
        ("https://hooks.example.com@evil.net/", "must have no user name and no password in it"),
        ("https://evil.net\\@hooks.example.com/", "must have no spaces, backslashes and control"),
        ("https://hooks.example\n.com/", "must have no spaces, backslashes and control"),
        ("https://hooks.example.com/a b", "must have no spaces, backslashes and control"),
        ("https://hooks.example.com/\ud800", "must have no spaces, backslashes and control"),
        ("https://hooks.example.com/" + "a" * 2048, "must have at most 2048 characters, not 2074"),
        ("https://evil.net/s3cr3t", "names evil.net, which CALLBACK_ALLOWED_HOSTS does not have"),
        ("https://EXAMPLE.org./", "names example.org, which CALLBACK_ALLOWED_HOSTS does not"),
        ("http://169.254.169.254/", "names 169.254.169.254, which CALLBACK_ALLOWED_HOSTS does"),
        ("http://[::ffff:10.0.0.1]/", "names ::ffff:a00:1, which CALLBACK_ALLOWED_HOSTS does"),
        (5, "must be text"),
        (["https://hooks.example.com/"], "must be text"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused(url, law):
    """In one sentence with its field, and never with the URL."""
    error = refused({"url": url})
    assert error.param == "callback.url"
    assert error.message.startswith(f"callback.url {law}")
    assert "s3cr3t" not in error.message


def test_without_allowed_hosts_a_callback_is_refused():
    """And the operator's variable is named."""
    error = refused({"url": URL}, Allowed())
    assert error.param == "callback.url"
    assert error.message == (
        "callback.url names hooks.example.com, which CALLBACK_ALLOWED_HOSTS does not have."
    )


@pytest.mark.parametrize(
    "callback", [None, "", "null", float("nan"), {}, {"url": None}, {"url": "", "headers": None}]
)
def test_a_callback_that_says_nothing_is_none(callback):
    """As everywhere on the wire."""
    assert read_target({"callback": callback}, ALLOWED) is None
    assert read_target({}, ALLOWED) is None


@pytest.mark.parametrize("callback", [URL, [URL], 5, True])
def test_a_callback_that_is_no_object_is_refused(callback):
    """Without what it is: that may well be the URL."""
    error = refused(callback)
    assert (error.param, error.message) == (
        "callback",
        "callback must be an object with url and headers.",
    )


def test_headers_without_a_url_are_refused():
    """They were meant for somebody; CALLBACK_URL is not theirs."""
    error = refused({"headers": {"X-Match": "1"}})
    assert (error.param, error.message) == ("callback.url", "callback.url is missing.")


def test_an_unknown_key_is_refused():
    """A misspelt one would have been for nothing."""
    error = refused({"url": URL, "header": {"X-Match": "1"}})
    assert error.param == "callback.header"
    assert error.message == "callback.header is not known; there are url, headers."


def test_keys_are_matched_and_named_as_their_caller_spells_them():
    """As all keys of the wire are."""
    target = read_target({"CALL_BACK": {"URL": URL, "Headers": {"X-Match": "1"}}}, ALLOWED)
    assert target.headers == (("X-Match", "1"),)
    with pytest.raises(InvalidInput) as caught:
        read_target({"CALL_BACK": {"URL": "no"}}, ALLOWED)
    assert caught.value.param == "CALL_BACK.URL"


def test_a_request_with_a_callback_is_a_request():
    """The commentary is not concerned."""
    document = request_document(callback={"url": URL})
    assert CommentaryRequest.parse(document) == CommentaryRequest.parse(request_document())


def test_headers_go_along_in_their_order():
    """Authorization, too; missing values are none."""
    given = {"Authorization": "Bearer s3cr3t", "X-None": None, "X-Blank": " ", "X-Match": " 1 "}
    assert headers_of(given) == (("Authorization", "Bearer s3cr3t"), ("X-Match", "1"))
    assert headers_of({}) == ()


@pytest.mark.parametrize(
    ("headers", "law"),
    [
        ("s3cr3t", "must be an object of names and texts"),
        (["s3cr3t"], "must be an object of names and texts"),
        ({"X-Key: s3cr3t": "1"}, "must have names of HTTP headers"),
        ({"": "1"}, "must have names of HTTP headers"),
        ({"X-Ä": "1"}, "must have names of HTTP headers"),
        ({"X-A\r\nHost": "1"}, "must have names of HTTP headers"),
        ({"X-A\n": "1"}, "must have names of HTTP headers"),
        ({"X-Key": "s3cr3t\r\nHost: evil.net"}, "must have texts of visible ASCII characters"),
        ({"X-Key": "s3cr3t\n"}, "must have texts of visible ASCII characters"),
        ({"X-Key": "s3cr3t\x00"}, "must have texts of visible ASCII characters"),
        ({"X-Key": "비밀"}, "must have texts of visible ASCII characters"),
        ({"X-Key": 5}, "must have texts of visible ASCII characters"),
        ({"X-Key": ["s3cr3t"]}, "must have texts of visible ASCII characters"),
        ({"X-Key": "1", "x-key": "s3cr3t"}, "must not have a name twice"),
        ({f"X-{number}": "s3cr3t" for number in range(21)}, "must be at most 20, not 21"),
        ({"X-Key": "s3cr3t" * 700}, "must have at most 4096 characters in all"),
    ],
)
def test_headers_that_cannot_be_used_are_refused(headers, law):
    """In one sentence with the field, and never with what they hold."""
    error = refused({"url": URL, "headers": headers})
    assert error.param == "callback.headers"
    assert error.message.startswith(f"callback.headers {law}")
    assert "s3cr3t" not in error.message


@pytest.mark.parametrize(
    "name",
    [
        *("Host", "Content-Length", "Content-Type", "Transfer-Encoding", "Connection", "TE"),
        *("X-Signature", "X-Timestamp", "Idempotency-Key", "User-Agent", "Expect", "Upgrade"),
        *("Keep-Alive", "Trailer", "Proxy-Authorization", "Content-Encoding"),
    ],
)
def test_ours_and_those_of_the_connection_cannot_be_set(name):
    """However they are spelt."""
    error = refused({"url": URL, "headers": {name.upper(): "1"}})
    assert error.message == f"callback.headers must not set {name}."


def test_a_target_shows_no_more_than_its_host():
    """Whoever prints it, prints no key."""
    target = read_target(
        {"callback": {"url": URL, "headers": {"Authorization": "s3cr3t"}}}, ALLOWED
    )
    assert "hooks.example.com" in repr(target)
    assert "s3cr3t" not in repr(target)


@given(st.text(), st.sampled_from(["", "https://hooks.example.com", "http://"]))
def test_whatever_the_url_it_is_a_target_or_unusable(text, beginning):
    """Nothing else comes, and no target has another host than the allowed ones."""
    try:
        target = target_of(beginning + text, ALLOWED)
    except Unusable:
        return
    assert ALLOWED.has(target.host)
    assert target.path.startswith("/")


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(JSON, JSON)
def test_whatever_the_callback_it_is_a_target_or_invalid_input(callback, headers):
    """Nothing else comes."""
    for each in (callback, {"url": callback}, {"url": URL, "headers": headers}):
        with suppress(InvalidInput):
            target = read_target({"callback": each}, ALLOWED)
            assert target is None or ALLOWED.has(target.host)
