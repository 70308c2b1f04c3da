"""The back ends that README shows: what they send, and what they make of what comes back."""

import json
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse

from tests.serving import serving

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
SECTION = README.split("\n## Calling it\n")[1].split("\n## ")[0]
KEY = "key-of-the-platform"
RESULT = {"jobId": "1", "gameId": "126283", "status": "DONE", "script": []}
REFUSED = {"code": "invalid_input", "message": "No.", "param": "style", "retryable": False}
LATE = {"code": "deadline_exceeded", "message": "Late.", "param": None, "retryable": True}


def block(language, having, text=SECTION):
    """README's one block in this language that has these words."""
    blocks = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    [found] = [block for block in blocks if having in block]
    return found


def the_job():
    """README's example of a job."""
    return json.loads(block("json", '"rawData"', README))


def properties(text):
    """A Java properties file: `=` or `:` after the key, comments after `#` or `!`."""
    lines = [line.strip() for line in text.splitlines()]
    written = [line for line in lines if line and line[0] not in "#!"]
    return dict(re.split(r"\s*[=:]\s*", line, maxsplit=1) for line in written)


def filled(value, variables):
    """A value with Spring's placeholders filled in: `${NAME}`, or `${NAME:default}`."""

    def fill(found):
        name, colon, default = found.group(1).partition(":")
        return variables.get(name, default) if colon else variables[name]

    return re.sub(r"\$\{([^}]+)\}", fill, value)


class Recorder:
    """A platform that writes down what arrives and gives the answers that it is given, in turn.

    Attributes:
        asked: method, path, query, headers and document of each call.
    """

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    async def __call__(self, scope, receive, send):
        request = Request(scope, receive)
        body = await request.body()
        document = json.loads(body) if body else None
        query = dict(request.query_params)
        self.asked.append((request.method, request.url.path, query, request.headers, document))
        status, document = self.answers.pop(0)
        await JSONResponse(document, status)(scope, receive, send)


def envelope(status, **more):
    """A job's answer as the platform gives it."""
    return 200, {"id": "sync-1", "status": status, **more}


@pytest.fixture
def back_end(monkeypatch):
    """README's FastAPI application on a platform, as a function of a request to it."""

    def made(base_url, endpoint_id="local"):
        monkeypatch.setenv("RUNPOD_BASE_URL", base_url)
        monkeypatch.setenv("RUNPOD_ENDPOINT_ID", endpoint_id)
        monkeypatch.setenv("RUNPOD_API_KEY", KEY)
        names = {}
        exec(block("python", "FastAPI()"), names)  # noqa: S102 (README's own code is what is tested)

        async def ask(request):
            transport = httpx.ASGITransport(names["app"])
            async with (
                names["endpoint"],
                httpx.AsyncClient(transport=transport, base_url="http://back-end") as caller,
            ):
                return await caller.post("/commentary", json=request)

        return ask

    return made


async def test_fastapi_sends_what_runpod_takes(back_end):
    """Address, key and body are RunPod's, and the first of `output` is the answer."""
    platform = Recorder(envelope("COMPLETED", output=[RESULT]))
    given = the_job()["input"]
    with serving(platform) as url:
        answer = await back_end(f"{url}/v2", "abc123")(given)
    assert (answer.status_code, answer.json()) == (200, RESULT)
    [(method, path, query, headers, document)] = platform.asked
    assert (method, path, query) == ("POST", "/v2/abc123/runsync", {"wait": "60000"})
    assert headers["authorization"] == f"Bearer {KEY}"
    assert headers["content-type"] == "application/json"
    assert document == {
        "input": given,
        "policy": {"executionTimeout": 150_000, "ttl": 300_000},
    }


def test_fastapi_calls_runpod_unless_told_otherwise():
    """The address in README is the platform's own, and only a variable changes it."""
    assert '"RUNPOD_BASE_URL", "https://api.runpod.ai/v2"' in block("python", "FastAPI()")


async def test_fastapi_asks_on_for_a_job_that_is_not_done(back_end):
    """A cold start outlasts `wait`: the job is asked for by its id until it has ended."""
    platform = Recorder(
        envelope("IN_QUEUE"), envelope("IN_PROGRESS"), envelope("COMPLETED", output=[RESULT])
    )
    with serving(platform) as url:
        answer = await back_end(f"{url}/v2")({})
    assert answer.json() == RESULT
    calls = [(method, path) for method, path, *_ in platform.asked]
    assert calls == [("POST", "/v2/local/runsync"), *[("GET", "/v2/local/status/sync-1")] * 2]


@pytest.mark.parametrize(
    ("given", "status", "code"),
    [
        (envelope("FAILED", error=json.dumps(REFUSED)), 422, "invalid_input"),
        (envelope("FAILED", error=json.dumps(LATE)), 503, "deadline_exceeded"),
        (envelope("FAILED", error="The worker died."), 503, "platform_error"),
        (envelope("TIMED_OUT"), 503, "platform_error"),
        (envelope("CANCELLED"), 503, "platform_error"),
    ],
)
async def test_fastapi_tells_what_may_be_sent_again(back_end, given, status, code):
    """503 for what may be sent again, 422 for what may not, with the worker's error inside."""
    with serving(Recorder(given)) as url:
        answer = await back_end(f"{url}/v2")({})
    assert (answer.status_code, answer.json()["detail"]["code"]) == (status, code)


@pytest.mark.parametrize("status", [401, 429, 500])
async def test_fastapi_tells_what_the_platform_refuses(back_end, status):
    """RunPod's own refusal is a bad gateway, and the key is not told."""
    with serving(Recorder((status, {}))) as url:
        answer = await back_end(f"{url}/v2")({})
    assert answer.status_code == 502
    assert str(status) in answer.json()["detail"]
    assert KEY not in answer.text


async def test_fastapi_tells_that_nobody_is_there(back_end):
    """A platform that cannot be reached is a bad gateway, too."""
    assert (await back_end("http://127.0.0.1:9/v2")({})).status_code == 502


def spring():
    """What README's Spring application sends: URL, headers, and the key that the request is under.

    Java is not compiled here. Read out of the snippet: which property goes into which part of the
    address and of the header, the path, and the shape of the body. All that is needed must be
    there, under a name that the properties have.
    """
    java, given = block("java", "RestClient"), properties(block("properties", "runpod."))
    variables = {"RUNPOD_ENDPOINT_ID": "local", "RUNPOD_API_KEY": KEY}
    named = {
        name: filled(given[key], variables)
        for key, name in re.findall(r'@Value\("\$\{([\w.-]+)\}"\) \w+ (\w+)', java)
    }
    base = re.search(r"\.baseUrl\((.+)\)\n", java).group(1)
    header, value = re.search(r'\.defaultHeader\("([\w-]+)", (.+)\)\n', java).groups()
    path = re.search(r'\.uri\("(\S+)", wait\)', java).group(1)
    key = re.search(r'\.body\(Map\.of\("(\w+)", request\)\)', java).group(1)
    address = summed(base, named) + path.format(wait=named["wait"])
    return address, {header: summed(value, named)}, key, given


def summed(expression, named):
    """A sum of Java strings: literals and variables."""
    parts = [part.strip() for part in expression.split(" + ")]
    return "".join(part[1:-1] if part.startswith('"') else named[part] for part in parts)


def test_spring_builds_the_same_address_and_body():
    """From the properties and the snippet (no Java compiler is here): what FastAPI sends, too."""
    address, headers, key, given = spring()
    parts = urlsplit(address)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == (
        "https://api.runpod.ai/v2/local/runsync"
    )
    assert dict(parse_qsl(parts.query)) == {"wait": "60000"}
    assert headers == {"Authorization": f"Bearer {KEY}"}
    assert key == "input"
    assert int(given["runpod.read-timeout"].removesuffix("s")) > 60  # it would give up on its job


def test_spring_uses_every_property_and_no_other():
    """A property that nothing reads, or one that is not there, would mislead."""
    read = re.findall(r'"\$\{([\w.-]+)\}"', block("java", "RestClient"))
    assert sorted(read) == sorted(properties(block("properties", "runpod.")))


def test_properties_are_read_as_java_reads_them():
    """Both separators, comments, and placeholders with and without a default."""
    text = "# no\n! no\n\na.b=${X}/y\nc : ${Z:1}:2\n"
    assert properties(text) == {"a.b": "${X}/y", "c": "${Z:1}:2"}
    assert filled("${X}/${Z:1}", {"X": "x"}) == "x/1"
    with pytest.raises(KeyError):
        filled("${X}", {})


@pytest.mark.engine
async def test_fastapi_gets_its_commentary(back_end, standing):
    """README's job through README's back end and the real worker: a script of one line."""
    ask = back_end(f"{standing.url}/v2")
    answer = await ask(the_job()["input"])
    assert answer.status_code == 200, answer.text
    [line] = answer.json()["script"]
    assert line["actionId"] == "2330"


@pytest.mark.engine
async def test_fastapi_gets_the_worker_s_error(back_end, standing):
    """What the worker refuses comes out at the other end, whole."""
    answer = await back_end(f"{standing.url}/v2")(the_job()["input"] | {"style": "POET"})
    assert answer.status_code == 422
    told = answer.json()["detail"]
    assert (told["code"], told["param"], told["retryable"]) == ("invalid_input", "style", False)


@pytest.mark.engine
def test_spring_gets_its_commentary(standing):
    """README's body at the address and with the header that the snippet builds."""
    address, headers, key, given = spring()
    address = address.replace(given["runpod.base-url"], f"{standing.url}/v2")
    body = {key: the_job()["input"]}
    job = httpx.post(address, headers=headers, json=body, timeout=60, trust_env=False).json()
    assert job["status"] == "COMPLETED"
    assert [line["actionId"] for line in job["output"][0]["script"]] == ["2330"]


@pytest.mark.engine
def test_readme_s_policy_and_webhook_are_taken(standing):
    """Both stand beside `input`, and the same envelope as `/status` gives goes to the webhook."""
    listener = Recorder((200, {}))
    with serving(listener) as url:
        policy = {"executionTimeout": 150_000, "ttl": 300_000}
        job = standing.run(the_job()["input"], policy=policy, webhook=f"{url}/done")
        told = standing.wait(job)
        standing.until(lambda: listener.asked)
    [(method, path, _, _, document)] = listener.asked
    assert (method, path, document) == ("POST", "/done", told)


@pytest.mark.engine
def test_the_openai_example_tells_why(standing, monkeypatch):
    """README's example prints vLLM's status and words, and whether to try again."""
    monkeypatch.setenv("RUNPOD_BASE_URL", f"{standing.url}/v2")
    monkeypatch.setenv("RUNPOD_ENDPOINT_ID", "local")
    monkeypatch.setenv("RUNPOD_API_KEY", standing.key)
    script = block("python", "InternalServerError")
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    why, again = done.stdout.splitlines()
    assert why.startswith("404 ")
    assert "nobody" in why
    assert again == "False"
