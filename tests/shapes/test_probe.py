import json
import subprocess
import sys
from dataclasses import replace
from time import perf_counter

import pytest

from tests.fakes import ScriptedEngine
from tests.shapes.canned import context
from worker import __version__
from worker.engine import About, Load
from worker.errors import InvalidInput
from worker.shapes.probe import Probe, read
from worker.state import WorkerState

pytestmark = pytest.mark.anyio

ABOUT = About(
    model="org/name",
    aliases=("radio",),
    revision="0123",
    versions={"vllm": "0.32.0", "torch": "2.13.0", "transformers": "5.0", "python": "3.0"},
    arguments={"max_model_len": 8192},
    kv_cache_tokens=4096,
    max_model_len=8192,
    max_num_seqs=64,
)


class Telling(ScriptedEngine):
    """An engine that says all it can of itself."""

    def about(self):
        return ABOUT

    def load(self):
        return Load(3, 0.51239)


async def answer(engine, state=None):
    on = replace(context(engine), worker=state or WorkerState(4))
    [told] = [answer async for answer in read({"probe": True}).answers(on)]
    return told, on.record


@pytest.mark.parametrize("value", [False, 1, "true", None, [True], {}])
def test_a_probe_is_asked_for_with_true_alone(value):
    """Anything else is named as the field it is."""
    with pytest.raises(InvalidInput) as caught:
        read({"probe": value})
    assert caught.value.param == "probe"


def test_a_probe_waits_for_no_turn():
    """It asks nothing of the model."""
    assert (Probe().shape, Probe().generates) == ("probe", False)


async def test_a_probe_tells_all_that_the_engine_and_the_worker_say():
    """In one object, each thing in its place."""
    state = WorkerState(16, started=perf_counter() - 5, served=7, failed=2, in_flight=3, waiting=1)
    told, record = await answer(Telling(), state)
    assert 5 <= told.pop("uptimeSeconds") < 60
    versions = told.pop("versions")
    assert versions.keys() == {"worker", "python", "vllm", "torch", "transformers", "runpod"}
    assert versions["worker"] == __version__
    assert versions["vllm"] == "0.32.0"
    assert versions["runpod"] == "1.12.0"
    assert versions["python"] == ".".join(map(str, sys.version_info[:3]))
    assert told == {
        "model": {"id": "org/name", "aliases": ["radio"], "revision": "0123"},
        "engine": {
            "arguments": {"max_model_len": 8192},
            "maxModelLen": 8192,
            "kvCacheTokens": 4096,
            "maxNumSeqs": 64,
            "requests": 3,
            "silentSeconds": 0.512,
        },
        "jobs": {"served": 7, "failed": 2, "inFlight": 3, "waiting": 1},
        "concurrency": 16,
    }
    assert (record.model, record.finish) == ("org/name", "done")


async def test_what_an_engine_elsewhere_does_not_say_is_null():
    """No version of this machine's stands in for the server's."""
    told, _ = await answer(ScriptedEngine())
    assert told["model"] == {"id": "scripted", "aliases": [], "revision": None}
    assert told["versions"]["vllm"] is None
    assert told["engine"]["kvCacheTokens"] is None
    json.dumps(told, allow_nan=False)


async def test_a_probe_asks_the_engine_for_nothing():
    """It is answered while the engine is full, or stuck."""
    engine = ScriptedEngine()
    await answer(engine)
    assert engine.bodies == []


def test_versions_cost_no_import():
    """Neither vLLM nor the SDK."""
    script = (
        "import worker.shapes.probe, sys; from worker.engine.telling import versions; versions();"
        "print({'vllm', 'torch', 'transformers', 'runpod'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"
