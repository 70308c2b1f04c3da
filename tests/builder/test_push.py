"""Pushing, without an engine: what is asked of it, and what becomes of its answers."""

import base64
import json
import stat
from types import SimpleNamespace

import pytest
import requests
import stamina
import urllib3
from docker import errors

from builder import progress
from builder import push as module
from builder.__main__ import main
from builder.errors import BuildError
from builder.push import Credentials, Layers, find_credentials, parse, push, summary

REFERENCE = "registry.example/user/worker:1.0.0"
DIGEST = "sha256:" + "a" * 64
SECRET = "pa55-word"
ENVIRON = {"DOCKER_USERNAME": "user", "DOCKER_PASSWORD": SECRET}
DONE = {"status": f"1.0.0: digest: {DIGEST} size: 943"}


def says(text):
    """The engine's way to say that something went wrong: in the stream, under status 200."""
    return {"errorDetail": {"message": text}, "error": text}


def pushing(layer, current, total):
    detail = {"current": current, "total": total}
    return {"status": "Pushing", "progressDetail": detail, "id": layer}


def status(layer, text):
    return {"status": text, "progressDetail": {}, "id": layer}


class Engine:
    """A stand-in for the SDK's client: gives a prepared stream for each try.

    An exception in a stream is raised there; `held` is what the registry is said to hold.
    """

    def __init__(self, *tries, held=DIGEST):
        self.api = self.images = self
        self.tries = list(tries)
        self.held = held if isinstance(held, list) else [held]
        self.asked = []

    def push(self, repository, tag, *, stream, decode, auth_config):
        assert stream
        assert decode
        self.asked.append((repository, tag, auth_config))
        for event in self.tries.pop(0):
            if isinstance(event, Exception):
                raise event
            yield event

    def get_registry_data(self, name, auth_config):
        self.asked.append((name, auth_config))
        held = self.held.pop(0)
        if isinstance(held, Exception):
            raise held
        return SimpleNamespace(id=held)


@pytest.fixture(autouse=True)
def pauses(monkeypatch):
    """The seconds that were waited, none of which really was."""
    waited = []
    monkeypatch.setattr("tenacity.nap.time.sleep", waited.append)
    return waited


@pytest.fixture(autouse=True)
def no_configuration(monkeypatch, tmp_path):
    for name in ("DOCKER_USERNAME", "DOCKER_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "none"))


def api_error(code, text):
    response = requests.Response()
    response.status_code = code
    return errors.APIError("", response=response, explanation=text)


# References


def test_a_reference_without_a_tag_is_latest():
    """As Docker itself has it."""
    assert parse("user/worker").reference == "user/worker:latest"


@pytest.mark.parametrize(
    ("reference", "registry", "repository", "complete"),
    [
        ("user/worker:1", "docker.io", "user/worker", "docker.io/user/worker:1"),
        ("docker.io/user/worker:1", "docker.io", "docker.io/user/worker", None),
        ("127.0.0.1:5000/worker:1", "127.0.0.1:5000", "127.0.0.1:5000/worker", None),
        ("ghcr.io/user/worker:1", "ghcr.io", "ghcr.io/user/worker", None),
    ],
)
def test_a_reference_names_its_registry(reference, registry, repository, complete):
    """Docker Hub is the registry where none is named; a port is no tag."""
    target = parse(reference)
    assert (target.registry, target.repository, target.tag) == (registry, repository, "1")
    assert target.complete == (complete or reference)


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        ("worker:1", "user/worker:1"),
        ("", "user/"),
        ("https://docker.io/user/worker", "scheme"),
        (f"user/worker@{DIGEST}", "name a tag"),
        ("-.example/worker", "hyphen"),
    ],
)
def test_a_reference_that_cannot_be_pushed_to_is_refused_at_once(reference, told):
    """Before an engine or a registry is asked, and with what is wrong with it."""
    with pytest.raises(BuildError, match=told):
        parse(reference)


# Credentials


def configuration(folder, settings):
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(
        settings if isinstance(settings, str) else json.dumps(settings)
    )
    return {"DOCKER_CONFIG": str(folder)}


def logged_in(registry):
    return {"auths": {registry: {"auth": base64.b64encode(f"ann:{SECRET}".encode()).decode()}}}


def helper(folder, monkeypatch, answer, code=0, name="mine"):
    """A credential helper, as docker-credential-osxkeychain and its like are."""
    path = folder / f"docker-credential-{name}"
    path.write_text(f"#!/bin/sh\ncat > /dev/null\necho '{answer}'\nexit {code}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(folder), prepend=":")


def test_the_environments_credentials_win_over_a_login(tmp_path):
    """So that CI can push as somebody else than whoever set the machine up."""
    environ = ENVIRON | configuration(tmp_path, logged_in("ghcr.io"))
    found = find_credentials("ghcr.io", environ)
    assert found.auth == {"username": "user", "password": SECRET}
    assert found.source == "DOCKER_USERNAME and DOCKER_PASSWORD"


@pytest.mark.parametrize("given", ENVIRON)
@pytest.mark.parametrize("rest", [{}, dict.fromkeys(ENVIRON, "")])
def test_half_of_the_credentials_is_an_error_that_names_the_other_half(given, rest):
    """Also where CI sets a variable to nothing, as GitHub does for a secret that is not there."""
    [missing] = set(ENVIRON) - {given}
    with pytest.raises(BuildError, match=f"{given} is set and {missing} is not") as raised:
        find_credentials("docker.io", rest | {given: SECRET})
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    ("registry", "key"),
    [("docker.io", "https://index.docker.io/v1/"), ("127.0.0.1:5000", "127.0.0.1:5000")],
)
def test_a_login_is_found_by_its_registry(registry, key, tmp_path):
    """Docker Hub's login stands under an address of its own."""
    found = find_credentials(registry, configuration(tmp_path, logged_in(key)))
    assert found.auth["username"] == "ann"
    assert found.auth["password"] == SECRET
    assert found.source == str(tmp_path / "config.json")


@pytest.mark.parametrize("settings", [{}, {"auths": {}}, {"psFormat": "x"}, logged_in("ghcr.io")])
def test_no_login_for_the_registry_is_no_error_yet(settings, tmp_path):
    """Some registries take anybody's images; and a login elsewhere is not sent to this one."""
    found = find_credentials("docker.io", configuration(tmp_path, settings))
    assert found == Credentials({}, None)


def test_only_the_named_configuration_is_read(tmp_path, monkeypatch):
    """DOCKER_CONFIG without a file in it means no login, whatever the home folder holds."""
    configuration(tmp_path / ".docker", logged_in("ghcr.io"))
    monkeypatch.setenv("HOME", str(tmp_path))
    elsewhere = {"DOCKER_CONFIG": str(tmp_path / "elsewhere")}
    assert find_credentials("ghcr.io", elsewhere).source is None
    assert find_credentials("ghcr.io", {}).auth["username"] == "ann"


def test_a_credential_helper_is_asked(tmp_path, monkeypatch):
    """A desktop keeps its passwords in a keychain, behind a program."""
    helper(tmp_path, monkeypatch, json.dumps({"Username": "ann", "Secret": SECRET}))
    environ = configuration(tmp_path, {"credHelpers": {"ghcr.io": "mine"}})
    found = find_credentials("ghcr.io", environ)
    assert (found.auth["Username"], found.auth["Password"]) == ("ann", SECRET)
    assert "'mine'" in found.source


def test_a_helper_that_knows_nothing_is_no_error_yet(tmp_path, monkeypatch):
    """The registry may take anybody's images."""
    helper(tmp_path, monkeypatch, "credentials not found in native keychain", 1)
    environ = configuration(tmp_path, {"credsStore": "mine"})
    assert find_credentials("ghcr.io", environ) == Credentials({}, None)


@pytest.mark.parametrize(
    "settings",
    [
        "{",
        "[]",
        {"credsStore": "broken"},
        {"auths": {"docker.io": "text"}},
        {"auths": {"docker.io": {"auth": "no base64"}}},
    ],
)
def test_a_configuration_that_cannot_be_used_is_named(settings, tmp_path, monkeypatch):
    """By its file, so that a person knows where to look."""
    helper(tmp_path, monkeypatch, "the keychain is locked", 1, name="broken")
    with pytest.raises(BuildError, match=r"config\.json"):
        find_credentials("docker.io", configuration(tmp_path, settings))


def test_credentials_do_not_show_the_password():
    """A traceback shows their representation."""
    assert SECRET not in repr(find_credentials("docker.io", ENVIRON))


# What the engine reports


def test_layers_are_counted_apart_and_bytes_summed():
    """A layer that was there costs nothing; the engine's last position is what was sent."""
    layers = Layers()
    for event in (
        {"status": "The push refers to repository [registry.example/user/worker]"},
        status("a", "Preparing"),
        status("a", "Layer already exists"),
        status("b", "Mounted from user/other"),
        pushing("c", 512, 4),
        pushing("d", 10, 100),
        pushing("c", 2048, 4),
        status("c", "Pushed"),
        pushing("d", 100, 100),
        status("d", "Pushed"),
        DONE,
    ):
        layers.note(event)
    assert (layers.existing, layers.arrived, layers.sent) == ({"a", "b"}, {"c", "d"}, 2148)


@pytest.mark.parametrize(
    "again", ["Preparing", "Waiting", "Retrying in 5 seconds", "Retrying in 1 second"]
)
def test_bytes_that_are_sent_again_count_again(again):
    """A layer that broke off begins anew, and crosses the wire anew; the bar goes back with it."""
    layers = Layers()
    for event in (pushing("a", 20, 100), status("a", again)):
        layers.note(event)
    assert layers.positions == {"a": 0}
    layers.note(pushing("a", 100, 100))
    assert (layers.positions, layers.sent) == ({"a": 100}, 120)


def test_a_position_that_falls_is_a_new_beginning():
    """Engines with containerd's store try again without a word."""
    layers = Layers()
    for position in (60, 20, 100):
        layers.note(pushing("a", position, 100))
    assert layers.sent == 160


def test_what_an_earlier_try_brought_was_uploaded_by_this_push():
    """The second try finds it in the registry, and it was us; the bar is full again."""
    layers = Layers()
    for text in ("Pushed", "Preparing", "Layer already exists"):
        layers.note(pushing("a", 9, 9) if text == "Pushed" else status("b", "Preparing"))
        layers.note(status("a", text))
    assert (layers.arrived, layers.existing) == ({"a"}, set())
    assert layers.positions == {"a": 9}


def test_a_push_returns_what_was_sent_and_where_it_is():
    """The digest, and what it cost."""
    engine = Engine([status("a", "Layer already exists"), pushing("b", 7, 7), DONE])
    pushed = push(engine, REFERENCE, ENVIRON)
    assert (pushed.reference, pushed.digest) == (REFERENCE, DIGEST)
    assert (pushed.existing_layers, pushed.uploaded_bytes) == (1, 7)


CLASSIC = [
    {"status": "The push refers to repository [registry.example/user/worker]"},
    status("a", "Preparing"),
    status("a", "Layer already exists"),
    pushing("b", 512, 1_000_000),
    pushing("b", 1_003_520, 1_000_000),
    status("b", "Pushed"),
    DONE,
    {"progressDetail": {}, "aux": {"Tag": "1.0.0", "Digest": DIGEST, "Size": 943}},
]
# https://github.com/moby/moby/blob/v28.5.2/daemon/containerd/progress.go: it looks at each layer
# ten times a second, ends without `aux`, and says why it left an index out by an `aux` of its own.
CONTAINERD = [
    {"status": "The push refers to repository [registry.example/user/worker]"},
    *(status(layer, "Waiting") for layer in "abcb"),
    status("a", "Layer already exists"),
    pushing("b", 250_000, 1_003_520),
    status("b", "Pushed"),
    status("c", "Pushed"),
    {"progressDetail": {}, "aux": {"manifestPushedInsteadOfIndex": True}},
    DONE,
]


@pytest.mark.parametrize(
    ("stream", "uploaded"), [(CLASSIC, 1), (CONTAINERD, 2)], ids=["classic", "containerd"]
)
def test_the_engine_may_have_either_image_store(stream, uploaded):
    """Both end by the same line; a layer that was pushed was sent to its end."""
    pushed = push(Engine(stream), REFERENCE, ENVIRON)
    assert pushed.digest == DIGEST
    assert (pushed.uploaded_layers, pushed.existing_layers) == (uploaded, 1)
    assert pushed.uploaded_bytes == 1_003_520


def test_an_engine_that_ends_without_a_digest_has_not_pushed(pauses):
    """Its connection broke off, or it is none that we know."""
    with pytest.raises(BuildError, match="ended without a digest"):
        push(Engine(*[[*CONTAINERD[:-1]]] * 4), REFERENCE, ENVIRON)
    assert len(pauses) == 3


def test_the_credentials_go_to_the_push_and_to_the_check():
    """A private image cannot be checked without them."""
    engine = Engine([DONE])
    push(engine, REFERENCE, ENVIRON)
    auth = {"username": "user", "password": SECRET}
    repository, tag = REFERENCE.rsplit(":", 1)
    assert engine.asked == [(repository, tag, auth), (REFERENCE, auth)]


# Errors: the SDK raises none of those that come in the stream


REFUSALS = [
    "unauthorized: authentication required",
    "denied: requested access to the resource is denied",
    "no basic auth credentials",
    "unauthorized: incorrect username or password",
    "push access denied: insufficient_scope: authorization failed",
    # Refused is refused, even where the words of a broken connection stand beside it.
    "unexpected status from HEAD request to https://registry.example/v2/x: 403 Forbidden",
]


@pytest.mark.parametrize("text", REFUSALS)
def test_a_refusal_names_the_registry_and_the_credentials_origin(text, pauses):
    """It is not tried again, and the password is not told."""
    with pytest.raises(BuildError) as raised:
        push(Engine([says(text)]), REFERENCE, ENVIRON)
    message = str(raised.value)
    assert message.startswith("registry.example refused")
    assert text in message
    assert "DOCKER_USERNAME and DOCKER_PASSWORD" in message
    assert SECRET not in message
    assert not pauses


def test_a_refusal_without_credentials_says_how_to_log_in():
    """Nothing was wrong with a password that was never given."""
    with pytest.raises(BuildError, match=r"docker login registry\.example"):
        push(Engine([says("no basic auth credentials")]), REFERENCE, {"DOCKER_CONFIG": "/none"})


@pytest.mark.parametrize(
    "stream",
    [
        [says(f"An image does not exist locally with the tag: {REFERENCE}")],
        [says(f"tag does not exist: {REFERENCE}")],
        # Also where the name of the image has such a word in it.
        [says("An image does not exist locally with the tag: registry.example/eof/timeout")],
        [api_error(404, "No such image: worker")],
    ],
)
def test_an_image_that_is_not_here_is_to_be_built(stream, pauses):
    """Another try would not find it either."""
    with pytest.raises(BuildError, match=f"No image {REFERENCE} .*python -m builder build"):
        push(Engine(stream), REFERENCE, ENVIRON)
    assert not pauses


@pytest.mark.parametrize(
    "stream",
    [
        [says("manifest invalid: manifest invalid")],
        [{"error": "manifest invalid"}],
        [status("a", "Preparing"), {"errorDetail": {"message": "manifest invalid"}}],
        [api_error(400, "manifest invalid")],
        [
            says(
                "manifest invalid: unexpected status from PUT request to https://x/y: 404 Not Found"
            )
        ],
        # An error after the digest is an error still.
        [DONE, says("manifest invalid")],
    ],
)
def test_every_error_in_the_stream_raises(stream, pauses):
    """In whichever form it comes; what no pause mends is not tried again."""
    with pytest.raises(BuildError, match=r"to registry\.example: manifest invalid"):
        push(Engine(stream), REFERENCE, ENVIRON)
    assert not pauses


DROPS = [
    [says('Put "http://registry.example/v2/worker/manifests/1": EOF')],
    [says("write tcp 10.0.0.1:1->10.0.0.2:2: write: connection reset by peer")],
    [says("received unexpected HTTP status: 500 Whatever")],
    [says("unexpected status from PUT request to https://registry.example/v2/x: 503 Whatever")],
    [says("error parsing HTTP 502 response body: invalid character '<'")],
    [says("net/http: TLS handshake timeout")],
    [says("dial tcp 10.0.0.2:443: i/o timeout")],
    [says("dial tcp: lookup registry.example: no such host")],
    [api_error(500, "dial tcp 127.0.0.1:1: connect: connection refused")],
    [pushing("a", 1, 2), urllib3.exceptions.ProtocolError("Connection broken")],
    [pushing("a", 1, 2), requests.ConnectionError("Connection aborted")],
    [pushing("a", 1, 2), errors.StreamParseError("{")],
    [pushing("a", 1, 2)],  # the engine went away in the middle
]


@pytest.mark.parametrize("stream", DROPS)
def test_a_dropped_connection_is_tried_again_and_told(stream, capsys):
    """Whoever dropped it: the registry, the network, or the engine."""
    assert push(Engine(stream, [DONE]), REFERENCE, ENVIRON).digest == DIGEST
    assert "try 2 of 4 in 2 s" in capsys.readouterr().err


def test_the_pauses_grow_and_the_fourth_try_is_the_last(pauses):
    """Two, six and eighteen seconds; then the error of the last try."""
    engine = Engine(*[[says("EOF")]] * 9)
    told = r"registry\.example broke off 4 times \(EOF\): run it again; layers that arrived"
    with pytest.raises(BuildError, match=told):
        push(engine, REFERENCE, ENVIRON)
    assert pauses == [2, 6, 18]
    assert len(engine.tries) == 5


def test_a_retry_is_told_in_one_line_by_us_alone(capsys, caplog):
    """The library's own log line would be a second one, and says nothing of why."""
    push(Engine([says("EOF")], [DONE]), REFERENCE, ENVIRON)
    told = [line for line in capsys.readouterr().err.splitlines() if "EOF" in line]
    assert told == ["push: EOF; try 2 of 4 in 2 s"]
    assert not caplog.records


def test_retries_of_others_are_told_as_before():
    """The hook is the process's; it is there for the push alone."""
    before = stamina.instrumentation.get_on_retry_hooks()
    push(Engine([DONE]), REFERENCE, ENVIRON)
    assert stamina.instrumentation.get_on_retry_hooks() == before


def test_bytes_of_all_tries_are_summed():
    """The try that broke off sent bytes, too."""
    first = [pushing("a", 5, 9), says("EOF")]
    engine = Engine(first, [status("a", "Preparing"), pushing("a", 9, 9), DONE])
    assert push(engine, REFERENCE, ENVIRON).uploaded_bytes == 14


def test_another_digest_in_the_registry_raises():
    """The push is not done before the registry says what the engine said."""
    other = "sha256:" + "b" * 64
    with pytest.raises(BuildError, match=f"registry.example holds {other} .* {DIGEST} was pushed"):
        push(Engine([DONE], held=other), REFERENCE, ENVIRON)


def test_the_check_is_tried_again_by_itself():
    """A dropped check does not push anew."""
    engine = Engine([DONE], held=[requests.ReadTimeout("timed out"), DIGEST])
    assert push(engine, REFERENCE, ENVIRON).digest == DIGEST


def test_a_check_that_finds_nothing_raises():
    """A tag that is not in the registry after a push was not pushed."""
    engine = Engine([DONE], held=api_error(404, "manifest unknown"))
    with pytest.raises(BuildError, match="manifest unknown"):
        push(engine, REFERENCE, ENVIRON)


def test_a_foreign_message_is_cut_to_a_line_without_queries():
    """A page of HTML, and the state that upload addresses carry, do not reach the terminal."""
    address = "https://registry.example/v2/uploads/1?_state=abc"
    text = f'Patch "{address}": bad\n<html>{"x" * 900}: quota is used up'
    with pytest.raises(BuildError) as raised:
        push(Engine([says(text)]), REFERENCE, ENVIRON)
    message = str(raised.value)
    assert 'Patch "https://' in message
    assert "quota is used up" in message
    assert "_state" not in message
    assert "\n" not in message
    assert len(message) < 500


# What a person sees


STREAM = [
    status("a", "Layer already exists"),
    pushing("b", 1_000_000, 3_000_000),
    status("b", "Retrying in 5 seconds"),
    status("b", "Retrying in 4 seconds"),
    pushing("b", 3_000_000, 3_000_000),
    status("b", "Pushed"),
    DONE,
]


def test_without_a_terminal_progress_is_plain_lines(capsys):
    """Each layer that arrived is a line, and so is each of the engine's own tries."""
    push(Engine(STREAM), REFERENCE, ENVIRON)
    assert capsys.readouterr().err.splitlines() == [
        "push: layer b broke off; the engine is retrying in 5 seconds",
        "push: 3 MB of 3 MB in 1 of 1 layers; 1 exist",
    ]


def test_a_long_layer_is_told_of_while_it_is_sent(capsys, monkeypatch):
    """Where nobody sees a bar, a line now and then shows that it goes on."""
    monkeypatch.setattr(progress, "LINE_S", -1.0)
    push(Engine([pushing("b", 1_000_000, 3_000_000), DONE]), REFERENCE, ENVIRON)
    assert "push: 1 MB of 3 MB in 0 of 1 layers; 0 exist\n" in capsys.readouterr().err


def test_on_a_terminal_progress_is_one_bar(capsys, monkeypatch):
    """It ends full, says how many layers exist, and is the only one."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    push(Engine(STREAM), REFERENCE, ENVIRON)
    written = capsys.readouterr().err
    last = written.rstrip("\n").rsplit("\r", 1)[-1]
    assert "3.00M/3.00M" in last
    assert "1 layers exist" in last
    assert f"\r{REFERENCE}: " in written


def test_the_command_says_what_to_paste(monkeypatch, capsys):
    """By name for RunPod's console, and by digest for whoever wants it never to move."""
    monkeypatch.setattr(module, "docker_client", lambda: Engine([DONE], [DONE], held=[DIGEST] * 2))
    assert main(["push", "user/worker:1.0.0", "user/worker"]) == 0
    written = capsys.readouterr().out
    assert "RunPod's console: user/worker:1.0.0\n" in written
    assert f"docker.io/user/worker:1.0.0@{DIGEST}" in written
    assert "RunPod's console: user/worker:latest\n" in written


def test_the_summary_counts_layers_and_bytes():
    """Bytes that were sent twice are counted twice."""
    told = summary(push(Engine(STREAM), REFERENCE, ENVIRON), parse(REFERENCE))
    assert "layers: 1 uploaded (4 MB by the engine's count), 1 there already\n" in told


def test_where_the_engine_told_of_no_bytes_the_summary_does_not_either():
    """A layer of kilobytes is through before containerd's store looks."""
    stream = [status("a", "Waiting"), status("a", "Pushed"), DONE]
    told = summary(push(Engine(stream), REFERENCE, ENVIRON), parse(REFERENCE))
    assert "layers: 1 uploaded, 0 there already\n" in told


def test_a_failed_push_is_one_line_and_failure(monkeypatch, capsys):
    """A deployment script stops there."""
    monkeypatch.setattr(module, "docker_client", lambda: Engine([says("denied")]))
    assert main(["push", REFERENCE]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_one_password_is_not_sent_to_two_registries(monkeypatch, capsys):
    """The environment's credentials are one registry's; another would learn them."""
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(module, "docker_client", lambda: pytest.fail("an engine was asked"))
    assert main(["push", "user/worker:1", REFERENCE]) == 1
    assert "one registry" in capsys.readouterr().err
