import json

import pytest

pytestmark = [pytest.mark.engine, pytest.mark.anyio]


def asked(model):
    return {
        "model": model,
        "messages": [{"role": "user", "content": "패스를 받은 선수가 슛을 합니다."}],
        "temperature": 0,
        "max_tokens": 12,
        "ignore_eos": True,
    }


async def test_an_adapter_is_a_model_of_its_own_name(qwen_engine):
    """LORA_MODULES' names stand in /v1/models beside the model that they change."""
    async with qwen_engine.route("GET", "/v1/models") as reply:
        listed = json.loads(b"".join([piece async for piece in reply.body]))["data"]
    parents = {one["id"]: one["parent"] for one in listed}
    assert parents == {"mini/qwen2": None, "radio": "mini/qwen2", "silent": "mini/qwen2"}


async def test_an_adapter_answers_in_its_own_way(qwen_engine):
    """And one that is all zeros as the model itself does, however often they take turns."""
    texts = {name: set() for name in (qwen_engine.model, "silent", "radio")}
    for name in [*texts, *texts]:
        completion = await qwen_engine.chat(asked(name))
        assert completion.usage.completion == 12
        texts[name].add(completion.text)
    assert [len(said) for said in texts.values()] == [1, 1, 1]
    assert texts["silent"] == texts[qwen_engine.model]
    assert texts["radio"] != texts[qwen_engine.model]


async def test_an_adapter_streams(qwen_engine):
    """Piece by piece, the same words."""
    body = asked("radio")
    streamed = "".join([delta.text async for delta in qwen_engine.stream(body)])
    assert streamed == (await qwen_engine.chat(body)).text


def test_the_arguments_tell_an_adapter_without_its_place(qwen_engine):
    """Where it lies on this machine is nobody's business."""
    told = qwen_engine.about().arguments
    assert told["enable_lora"] is True
    assert [one["name"] for one in told["lora_modules"]] == ["radio", "silent"]
    assert [one["path"] for one in told["lora_modules"]] == ["radio", "silent"]
