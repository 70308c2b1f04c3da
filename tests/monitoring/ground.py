"""A real Prometheus on loopback, and an engine elsewhere that does what its test says."""

import json
import re
import shutil
import subprocess
import time
from contextlib import contextmanager, suppress

import httpx
import yaml

from tests.fakes import obedient
from tests.monitoring.promql import MONITORING, expressions, names
from tests.serving import free_port, whole_body

PATIENCE = 180.0  # seconds; nothing here takes nearly as long
SCRAPE, HOLD = "1s", "2s"  # our files say 15s, and minutes
USAGE = {
    "prompt_tokens": 100,
    "completion_tokens": 20,
    "prompt_tokens_details": {"cached_tokens": 80},
}


def until(condition, patience=PATIENCE):
    """What is true soon, waited for; and what it came to."""
    end = time.monotonic() + patience
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


def vllms():
    """Some text with each of vLLM's series that anybody asks for; it is the real one's by name."""
    asked = set().union(*(names(query) for query in expressions().values()))
    told = sorted(name for name in asked if name.startswith("vllm:"))
    return "".join(_one(name) for name in told)


def _one(name):
    labels = 'engine="0",model_name="loopback"'
    if not (family := re.fullmatch(r"(.*)_bucket", name)):
        return f"{name}{{{labels}}} 1.0\n"
    bounds = "".join(f'{name}{{{labels},le="{bound}"}} 1.0\n' for bound in ("5.0", "10.0", "+Inf"))
    return f"# TYPE {family[1]} histogram\n{bounds}{family[1]}_count 1.0\n{family[1]}_sum 1.0\n"


class EngineElsewhere:
    """An OpenAI server with vLLM's metrics.

    Attributes:
        spoilt: whether its answers break their grammar.
    """

    def __init__(self):
        self.spoilt = False

    async def __call__(self, scope, receive, send):
        body = await whole_body(receive)
        kind, answer = self.answer(scope["path"], body)
        headers = [(b"content-type", kind.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer.encode()})

    def answer(self, path, body):
        """Content type and text of an answer."""
        if path == "/metrics":
            return "text/plain; version=0.0.4; charset=utf-8", vllms()
        if path == "/v1/models":
            return "application/json", json.dumps({"data": [{"id": "loopback"}]})
        said = "E" if self.spoilt else obedient(json.loads(body))
        choice = {"message": {"content": said}, "finish_reason": "stop"}
        waited = {"queue_time_ms": 12.5}
        told = {"choices": [choice], "usage": USAGE, "metrics": waited}
        return "application/json", json.dumps(told)


class Prometheus:
    """A running server, asked over its own API."""

    def __init__(self, url):
        self._client = httpx.Client(base_url=url, timeout=PATIENCE)

    def get(self, path, **parameters):
        """The data of an answer, or an error of its own."""
        answer = self._client.get(path, params=parameters)
        assert answer.json()["status"] == "success", answer.text
        return answer.json()["data"]

    def is_ready(self):
        """Whether it answers."""
        try:
            return self._client.get("/-/ready").status_code == 200
        except httpx.TransportError:
            return False

    def query(self, expression):
        """What a query comes to now: labels and value of each series."""
        found = self.get("/api/v1/query", query=expression)["result"]
        return [(each["metric"], float(each["value"][1])) for each in found]

    def value(self, expression):
        """The one value of a query, or None where it comes to nothing."""
        found = self.query(expression)
        return found[0][1] if found else None

    def settles(self, expression, value):
        """Wait until a query comes to a value, and say what else it comes to if it never does."""
        with suppress(AssertionError):
            until(lambda: self.value(expression) == value)
        assert self.value(expression) == value, expression

    def firing(self):
        """The alerts that are firing, by name."""
        found = self.get("/api/v1/alerts")["alerts"]
        return {each["labels"]["alertname"]: each for each in found if each["state"] == "firing"}


def program(name):
    """Where a program is; .ci/prometheus brings it on Debian."""
    found = shutil.which(name)
    assert found, f"{name} is not installed: .ci/prometheus"
    return found


def configuration(folder, target):
    """Our own files, with the target and the times of a test; everything else is as it is."""
    config = yaml.safe_load((MONITORING / "prometheus.yml").read_text("utf-8"))
    config["global"] |= {"scrape_interval": SCRAPE, "evaluation_interval": SCRAPE}
    [scrape] = config["scrape_configs"]
    scrape["static_configs"] = [{"targets": [target]}]
    rules = yaml.safe_load((MONITORING / "alerts.yml").read_text("utf-8"))
    for group in rules["groups"]:
        for rule in group["rules"]:
            rule |= {"for": HOLD} if "for" in rule else {}
    (folder / "alerts.yml").write_text(yaml.safe_dump(rules, allow_unicode=True), "utf-8")
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config), "utf-8")
    return folder / "prometheus.yml"


@contextmanager
def prometheus(folder, target):
    """The real server, scraping `target`, with our rules; its data goes with the folder."""
    port = free_port()
    command = [
        program("prometheus"),
        f"--config.file={configuration(folder, target)}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
        try:
            server = Prometheus(f"http://127.0.0.1:{port}")
            until(lambda: server.is_ready() or process.poll() is not None)
            assert process.poll() is None, log.read_text()
            yield server
        finally:
            process.kill()
            process.wait()
