"""What a person can type at the platform on a laptop; README shows the same, and a test runs it."""

CURL = """\
curl -s {base}/runsync -H "Authorization: Bearer {key}" \\
     -H "Content-Type: application/json" -d @test_input.json
"""

RUNPOD = """\
import json
import runpod

runpod.endpoint_url_base = "{url}/v2"  # or RUNPOD_ENDPOINT_BASE_URL
endpoint = runpod.Endpoint("local", api_key="{key}")
print(endpoint.run_sync(json.load(open("test_input.json"))))
"""

OPENAI = """\
from openai import OpenAI

client = OpenAI(base_url="{base}/openai/v1", api_key="{key}")
model = client.models.list().data[0].id
messages = [{{"role": "user", "content": "골 장면을 한 문장으로 말해 주세요."}}]
for chunk in client.chat.completions.create(model=model, messages=messages, stream=True):
    print(chunk.choices[0].delta.content or "", end="")
"""

WAYS = {"sh": (CURL,), "python": (RUNPOD, OPENAI)}


def examples(url: str, key: str) -> dict[str, tuple[str, ...]]:
    """The examples by language, for a platform at this address."""
    words = {"url": url, "base": f"{url}/v2/local", "key": key}
    return {
        language: tuple(text.format(**words) for text in texts) for language, texts in WAYS.items()
    }


def told(url: str, key: str) -> str:
    """All of them, for a terminal."""
    texts = [text for group in examples(url, key).values() for text in group]
    return "\n".join(["", f"Ready at {url}. From another terminal, in this folder:", "", *texts])
