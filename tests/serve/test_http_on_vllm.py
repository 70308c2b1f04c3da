"""The HTTP service on the real engine: OpenAI's client, curl, and everything that may be sent."""

import asyncio
import contextlib
import io
import json
import re
import shutil
import socket
import subprocess
import threading
import time
from contextlib import contextmanager

import pytest
from hypothesis import settings
from openai import (
    APIError,
    AuthenticationError,
    BadRequestError,
    InternalServerError,
    NotFoundError,
    OpenAI,
)
from schemathesis.checks import CHECKS

from tests.fakes import ScriptedEngine, asks_for, obey
from tests.platform.made import commentary
from tests.rows import request_document
from tests.serve.service import http_service, until
from tests.serve.test_http import opened
from tests.serve.test_http_contract import (
    CHAT,
    COMMENTARY,
    DOCUMENT,
    KEY,
    SIGNED,
    assert_same,
    conforms,
    encoded,
    events,
    example_of,
    of,
    shown,
)
from tests.test_docs import ROOT
from worker.engine import Load, Reply

pytestmark = pytest.mark.engine

COMPLETIONS, RESPONSES = "/v1/completions", "/v1/responses"
OPENAI = DOCUMENT.include(tag=["OpenAI"])
SAY = [{"role": "user", "content": "골 장면을 한 문장으로 말해 주세요."}]
KOREAN = r"[가-힣]{20} [가-힣]{20}"
IN_KOREAN = {"structured_outputs": {"regex": KOREAN}}
GREEDY = {"model": "commentary", "temperature": 0, "seed": 3, "max_tokens": 24}
ENDLESS = {"max_tokens": 20_000, "ignore_eos": True}  # nobody waits for that many
# What differs between two answers of vLLM's: ids and times.
CHANCE = re.compile(rb'"(?:id|created)": ?(?:"[^"]*"|\d+)|"metrics": ?\{[^}]*\}')


@pytest.fixture(scope="module")
def service(engine):
    """The service on the real engine; nothing in these tests may have been the engine's end."""
    with http_service(engine, api_keys=(KEY,)) as service:
        yield service
        assert service.fatal == []


@pytest.fixture
def idle(engine):
    """The engine has nothing to do before a test and, soon, after it."""
    until(lambda: engine.load() == Load(0, 0.0))
    yield engine
    until(lambda: engine.load() == Load(0, 0.0))


@pytest.fixture
def client(service):
    """OpenAI's own client, as README starts it."""
    with openai(service) as client:
        yield client


def openai(service, **options):
    """OpenAI's client of a service, which asks once unless told otherwise."""
    base = f"{service.url}/v1"
    return OpenAI(**{"base_url": base, "api_key": KEY, "max_retries": 0, **options})


class TestOpenAI:
    """The client that everybody has, unchanged."""

    def test_the_model_is_listed_under_all_its_names(self, client, engine):
        """Its own first."""
        listed = client.models.list()
        assert [model.id for model in listed.data] == [engine.model, "commentary", "caster"]

    def test_a_streamed_chat_is_the_plain_one_and_korean_stays_whole(self, client):
        """No character is cut in two where the stream is."""
        asked = GREEDY | {"messages": SAY, "extra_body": IN_KOREAN, "max_tokens": 400}
        plain = client.chat.completions.create(**asked).choices[0]
        chunks = list(client.chat.completions.create(**asked, stream=True))
        pieces = [chunk.choices[0].delta.content or "" for chunk in chunks]
        assert len(pieces) > 2
        assert "".join(pieces) == plain.message.content
        assert re.fullmatch(KOREAN, plain.message.content)
        assert plain.finish_reason == chunks[-1].choices[0].finish_reason == "stop"

    def test_completions_and_responses_are_answered_and_streamed(self, client):
        """Whichever of the APIs a client uses."""
        plain = client.completions.create(**GREEDY, prompt="골입니다").choices[0].text
        chunks = client.completions.create(**GREEDY, prompt="골입니다", stream=True)
        assert "".join(chunk.choices[0].text for chunk in chunks) == plain != ""
        asked = {"model": "caster", "input": "골입니다", "max_output_tokens": 12}
        assert client.responses.create(**asked).output_text
        told = list(client.responses.create(**asked, stream=True))
        deltas = [event.delta for event in told if event.type == "response.output_text.delta"]
        assert "".join(deltas) == told[-1].response.output_text != ""

    @pytest.mark.parametrize("stream", [False, True])
    @pytest.mark.parametrize(
        ("asked", "error", "words"),
        [
            ({"model": "nobody"}, NotFoundError, "nobody"),
            ({"temperature": -1}, BadRequestError, "temperature"),
            (
                {"messages": [{"role": "user", "content": "골 " * 60_000}]},
                BadRequestError,
                "context",
            ),
        ],
        ids=["unknown model", "bad parameter", "prompt too long"],
    )
    def test_what_the_engine_refuses_has_its_status_and_its_words(
        self, client, asked, error, words, stream
    ):
        """Unlike on RunPod's queue, where everything is a 500."""
        with pytest.raises(error, match=words):
            client.chat.completions.create(**GREEDY | {"messages": SAY} | asked, stream=stream)

    def test_what_only_its_compiler_finds_is_told_in_the_stream(self, client):
        """An impossible grammar is a 400, or, where the stream has begun, its only event."""
        asked = GREEDY | {"messages": SAY, "extra_body": {"structured_outputs": {"regex": "("}}}
        with pytest.raises(BadRequestError, match="regex"):
            client.chat.completions.create(**asked)
        with pytest.raises(APIError, match="regex"):
            list(client.chat.completions.create(**asked, stream=True))

    def test_a_wrong_key_and_a_route_that_is_not_there_are_the_client_s_own_errors(self, client):
        """401 and 404, in OpenAI's form."""
        with pytest.raises(AuthenticationError) as caught:
            client.with_options(api_key="another").models.list()
        assert caught.value.body["code"] == "unauthorized"
        with pytest.raises(NotFoundError) as caught:
            client.embeddings.create(model="commentary", input="골")
        assert caught.value.body["code"] == "not_found"

    def test_a_client_that_comes_while_the_model_loads_is_answered_when_it_has(self, engine):
        """The client asks again by itself, after what Retry-After says."""
        with (
            http_service(engine, api_keys=(KEY,), begun=False) as service,
            openai(service, max_retries=2) as client,
        ):
            refused = 'commentary_http_refusals_total{status="503"}'

            def begin():
                until(lambda: service.counted(refused) == 1)
                service.begin()

            beginning = threading.Thread(target=begin)
            beginning.start()
            assert client.models.list().data[0].id == engine.model
            beginning.join()
            assert service.counted(refused) == 1

    def test_a_client_that_does_not_ask_again_is_told_why(self, engine):
        """A 503 is the client's InternalServerError, with our code in it."""
        with (
            http_service(engine, api_keys=(KEY,), begun=False) as service,
            openai(service) as client,
            pytest.raises(InternalServerError) as caught,
        ):
            client.models.list()
        assert (caught.value.status_code, caught.value.body["code"]) == (503, "not_serving")

    def test_the_client_waits_as_long_as_the_engine_s_full_queue_wants(self):
        """The second try comes when Retry-After says; the client's own pause would be shorter."""
        asked = []

        def full_at_first(*_):
            asked.append(time.monotonic())
            status = 200 if asked[1:] else 503
            return Reply(status, "application/json", encoded('{"object": "list", "data": []}'))

        engine = ScriptedEngine(route=full_at_first)
        with (
            http_service(engine, api_keys=(KEY,)) as service,
            openai(service, max_retries=1) as client,
        ):
            assert client.models.list().data == []
        first, second = asked
        assert second - first >= 1.0


def curl(service, *words, body=None, key=KEY):
    """What curl writes, with its exit code; the body goes in as `-d @-`."""
    given = ["-d", "@-"] if body else []
    return subprocess.run(
        ["curl", "-sS", "-H", f"Authorization: Bearer {key}", *given, *words],
        input=json.dumps(body).encode(),
        capture_output=True,
        check=False,
    )


class TestCurl:
    """What everybody tries first."""

    def test_it_gets_json(self, service):
        """Without a word of the content's type."""
        done = curl(service, "--fail", service.url + COMMENTARY, body=request_document())
        assert (done.returncode, done.stderr) == (0, b"")
        assert len(json.loads(done.stdout)["script"]) == 10

    def test_it_gets_a_stream(self, service):
        """Whole events in UTF-8, ten lines and the result, and an end."""
        asked = request_document(stream=True)
        done = curl(service, "--fail", "-N", service.url + COMMENTARY, body=asked)
        assert (done.returncode, done.stderr) == (0, b"")
        names = [name for name, _ in events(done.stdout.decode())]
        assert names == ["line"] * 10 + ["result"]

    def test_it_shows_a_line_as_soon_as_it_is_finished(self):
        """The first one is there while the engine writes the last."""
        gate = threading.Event()

        async def answer(body):
            if asks_for(body) == [9]:
                await opened(gate)
            async for delta in obey(body):
                yield delta

        words = ["curl", "-sSN", "-d", json.dumps(request_document(stream=True))]
        with http_service(ScriptedEngine(answer)) as service:
            words.append(service.url + COMMENTARY)
            with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
                shown = [process.stdout.readline() for _ in range(2)]
                gate.set()
                rest = process.stdout.read()
        assert process.returncode == 0
        assert [name for name, _ in events("".join(shown) + rest)] == ["line"] * 10 + ["result"]

    def test_its_exit_code_tells_of_a_refusal(self, service):
        """`--fail` is enough for a script."""
        done = curl(service, "--fail", service.url + "/v1/models", key="another")
        assert done.returncode == 22
        assert b"401" in done.stderr


async def asked_directly(engine, method, path, body=None):
    """Type and bytes of the engine's own answer."""
    async with engine.route(method, path, body) as reply:
        return reply.content_type, b"".join([piece async for piece in reply.body])


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/models", None),
        ("POST", CHAT, GREEDY | {"messages": SAY}),
        ("POST", CHAT, GREEDY | {"messages": SAY, "stream": True}),
        ("POST", COMPLETIONS, GREEDY | {"prompt": "골입니다", "stream": True}),
        ("POST", "/tokenize", {"prompt": "골입니다"}),
        ("POST", "/detokenize", {"tokens": [40, 41, 42]}),
        ("POST", CHAT, GREEDY | {"messages": SAY, "model": "nobody"}),
    ],
)
async def test_an_answer_is_the_engine_s_own_byte_for_byte(service, engine, method, path, body):
    """But for ids and times, which are its own in each."""
    await asked_directly(engine, method, path, body)  # what comes cached is cached for both
    content_type, own = await asked_directly(engine, method, path, body)
    passed = await asyncio.to_thread(
        service.client.request, method, path, json=body, headers=SIGNED
    )
    assert CHANCE.sub(b"", passed.content) == CHANCE.sub(b"", own) != b""
    assert passed.headers["content-type"] == content_type


def test_a_stream_tells_what_the_plain_answer_does(service):
    """The same seed, the same lines; what comes cached differs."""
    asked = request_document(seed=11, styles=["CASTER", "FRIEND"], ssml=True, minSalience=0.2)
    whole = service.post(asked, **SIGNED).json()
    streamed = service.post(asked | {"stream": True}, **SIGNED)
    assert {line["source"] for line in whole["script"]} == {"model"}
    assert_same(whole, streamed, but=("usage",))


def test_no_character_is_cut_in_two(service):
    """Each event of a stream is text by itself, however the model's tokens cut its syllables."""
    rare = GREEDY | IN_KOREAN | {"messages": SAY, "max_tokens": 400, "stream": True}
    lines = request_document(stream=True, seed=5)
    for path, body in ((CHAT, rare), (COMMENTARY, lines)):
        with service.client.stream("POST", path, json=body, headers=SIGNED) as answer:
            pieces = list(answer.iter_raw())
        assert len(pieces) > 2
        for block in b"".join(pieces).split(b"\n\n"):
            assert "\ufffd" not in block.decode()


@contextmanager
def connection(service, path, body):
    """A request whose client leaves with the block, without a word."""
    content = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: worker\r\nAuthorization: Bearer {KEY}\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", service.settings.port)) as connected:
        connected.sendall(head.encode() + content)
        yield connected


LONG = commentary(7, 20, fanout=1)  # one request of some seconds
LEFT = {
    "a commentary": (COMMENTARY, LONG),
    "a streamed commentary": (COMMENTARY, LONG | {"stream": True}),
    "a chat": (CHAT, ENDLESS | {"messages": SAY}),
    "a streamed chat": (CHAT, ENDLESS | {"messages": SAY, "stream": True}),
    "a completion": (COMPLETIONS, ENDLESS | {"prompt": "골"}),
    "a streamed completion": (COMPLETIONS, ENDLESS | {"prompt": "골", "stream": True}),
    "a streamed response": (
        RESPONSES,
        {"input": "골", "max_output_tokens": 20_000, "ignore_eos": True, "stream": True},
    ),
}


@pytest.mark.parametrize("begun", [False, True], ids=["at once", "in its midst"])
@pytest.mark.parametrize("name", LEFT)
def test_a_connection_that_is_left_frees_the_engine(service, idle, name, begun):
    """Nothing is generated on, and the job counts as cancelled."""
    path, body = LEFT[name]
    shape = "commentary" if path == COMMENTARY else "openai"
    cancelled = f'commentary_jobs_total{{outcome="cancelled",shape="{shape}"}}'
    before = service.counted(cancelled)
    with connection(service, path, body) as connected:
        until(lambda: idle.load().requests)
        if begun and body.get("stream"):
            assert connected.recv(1)
    until(lambda: service.counted(cancelled) == before + 1)
    until(lambda: idle.load().requests == 0)
    assert service.jobs.state.in_flight == 0


def test_the_metrics_are_the_worker_s_and_the_engine_s(service):
    """What Prometheus is told of both, in one text."""
    service.post(request_document(), **SIGNED)
    text = service.client.get("/metrics", headers=SIGNED).text
    for series in (
        "vllm:num_requests_running{",
        "vllm:prompt_tokens_total{",
        "commentary_jobs_total",
    ):
        assert f"\n{series}" in text
    assert "commentary_engine_up 1.0" in text


@pytest.mark.parametrize("operation", of(OPENAI), ids=lambda each: each.path)
def test_each_example_of_the_document_is_answered(operation, service):
    """Without an error, and as the document says."""
    body = {} if example_of(operation.path) is None else {"body": example_of(operation.path)}
    assert conforms(operation.Case(**body), service).status_code == 200


# What vLLM takes beyond what the document says of it is vLLM's business; and of what the document
# does not forbid, the service itself refuses some: what vLLM would fail on.
LENIENT, STRICT = "negative_data_rejection", "positive_data_acceptance"


@OPENAI.parametrize()
@settings(max_examples=12, derandomize=True)
def test_whatever_is_sent_the_engine_lives_and_the_document_says_what_comes_back(case, service):
    """No input is a fault, on any of vLLM's routes."""
    conforms(short(case), service, but=[CHECKS.get_one(name) for name in (LENIENT, STRICT)])


def short(case):
    """The same case, for which the model writes no more than a few tokens."""
    limit = "max_output_tokens" if case.path == RESPONSES else "max_tokens"
    if isinstance(case.body, dict) and case.path in (CHAT, COMPLETIONS, RESPONSES):
        given = case.body.get(limit)
        case.body[limit] = 4 if given is None else given
    return case


@pytest.fixture
def laptop(engine):
    """The service as `make run SERVE_MODE=http` starts it, and README's words about it."""
    with http_service(engine) as service:

        def words(*block):
            text = shown(*block)
            assert "http://127.0.0.1:8000" in text
            return text.replace("http://127.0.0.1:8000", service.url)

        yield words


def test_what_readme_shows_of_curl_works(laptop, tmp_path):
    """The result of `test_input.json`, and then the same in events."""
    shutil.copy(ROOT / "test_input.json", tmp_path)
    script = ["bash", "-euc", laptop("sh", "curl")]
    done = subprocess.run(script, cwd=tmp_path, capture_output=True, text=True, check=True)
    result, end = json.JSONDecoder().raw_decode(done.stdout)
    assert len(result["script"]) == 10
    assert [name for name, _ in events(done.stdout[end:])] == ["line"] * 10 + ["result"]


def test_what_readme_shows_of_openai_s_client_works(laptop):
    """It prints what the model says."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(laptop("python", "OpenAI("), {})  # noqa: S102 (README's own code is what is tested)
    assert out.getvalue().strip()
