"""What a caller writes stays out of the log, and what he may not reach stays out of reach."""

import pytest

from tests.platform.made import (
    COMPLETIONS,
    MARK,
    chat,
    commentary,
    endless,
    error_of,
    openai,
    requests,
)

pytestmark = pytest.mark.engine

SECRETS = {
    "commentary": commentary(41, 10, previousScript=[f"{MARK} 지난 줄"]),
    "commentary streamed": commentary(42, 3, stream=True),
    "commentary, a bad value": commentary(43, 3, style=f"{MARK}"),
    "commentary, a bad row": commentary(44, 2) | {"rawData": [{"actionId": 1, "startX": MARK}]},
    "commentary, an unknown key": commentary(45, 1) | {MARK: MARK},
    "native": {"prompt": f"{MARK} 공", "max_tokens": 4},
    "native streamed": {"messages": [{"role": "user", "content": MARK}], "stream": True},
    "native, a bad value": {"prompt": MARK, "temperature": MARK},
    "native, an unknown key": {"prompt": MARK, MARK: 1},
    "native, too long": {"prompt": MARK * 20_000},
    "native, a grammar that is none": {"prompt": MARK, "guided_regex": f"({MARK}"},
    "native, a template that fails": {"messages": [{"role": MARK, "content": MARK}]},
    "openai": chat(MARK, max_tokens=4, user=MARK),
    "openai streamed": openai(COMPLETIONS, prompt=MARK, stream=True, max_tokens=4),
    "openai, another model": chat(MARK, model=MARK),
    "openai, a bad value": chat(MARK, temperature=MARK),
    "openai, a tool": chat(
        MARK,
        tools=[{"type": "function", "function": {"name": MARK, "parameters": {}}}],
        max_tokens=40,
    ),
    "tokenize": openai("/tokenize", prompt=MARK),
    "a route": openai(f"/v1/{MARK}", prompt=MARK),
    "no shape": {MARK: MARK},
    "text": MARK,
    "a list": [MARK],
}


@pytest.mark.parametrize("given", SECRETS.values(), ids=SECRETS)
def test_what_is_in_a_job_is_not_in_the_log(standing, worker, given):
    """Whatever becomes of a job, the log at INFO has its id and nothing of its data."""
    job = standing.run(given)
    standing.wait(job)
    standing.until(lambda: f'"id": "{job}"' in worker.log())
    assert MARK not in worker.log()
    assert "Traceback" not in worker.log()


def test_a_job_that_is_cancelled_or_past_its_time_is_not_in_the_log(standing, worker):
    """Cancelling a job, too, leaves nothing of its data in the log."""
    job = standing.run({"prompt": MARK, "stream": True, **endless()})
    standing.until(lambda: standing.job(job).chunks)
    standing.cancel(job)
    late = standing.run(chat(MARK, **endless()), policy={"executionTimeout": 500})
    standing.wait(late)
    standing.until(lambda: requests(standing) == 0, 2.0)
    assert MARK not in worker.log()


@pytest.mark.parametrize(
    "route",
    [
        "/metrics",
        "/health",
        "/sleep",
        "/v1/load_lora_adapter",
        "/v1/unload_lora_adapter",
        "/reset_prefix_cache",
        "/server_info",
        "/collective_rpc",
        "/v1/../metrics",
        "/v1/models/../../metrics",
        "/v1/models?x",
        "/v1/models/",
        "/V1/MODELS",
        "//v1/models",
        "/v1/models#x",
        "/v1/%6dodels",
        "http://127.0.0.1:8000/v1/models",
        "//127.0.0.1/v1/models",
        "v1/models",
        " /v1/models",
        "/v1/models\n",
        "/v1/models\x00",
        "/v1/embeddings",
        "/v1/responses/resp_1",
        "",
        None,
        ["/v1/models"],
        {"path": "/v1/models"},
    ],
    ids=repr,
)
def test_a_route_that_is_not_on_the_list_is_refused(standing, worker, route):
    """No path but those of the list is reached: none with a host, dots, a query, another case."""
    job = standing.run({"openai_route": route, "openai_input": {}})
    standing.wait(job)
    error = error_of(standing.job(job))
    assert (error["code"], error["param"]) == ("invalid_input", "openai_route")


@pytest.mark.parametrize("path", ["metrics", "v1/load_lora_adapter", "sleep", "v1/models/", ""])
def test_an_address_that_is_not_on_the_list_is_refused_to_clients(standing, worker, path):
    """The same holds for who calls the endpoint's OpenAI address."""
    answer = standing.client.post(f"/openai/{path}", json={"a": 1})
    assert answer.status_code == 500
    assert answer.json()["code"] == "invalid_input"
