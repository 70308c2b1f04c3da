"""The fitness checks: a worker without its model or its voice takes no job."""

import pytest

from tests.fakes import ScriptedEngine, fail
from worker import fitness as module
from worker.errors import EngineDead, StartupError
from worker.fitness import Fitness
from worker.settings import Settings

pytestmark = pytest.mark.anyio


@pytest.fixture
def killed(monkeypatch):
    """Whether the engine's processes were ended: the SDK would leave them behind."""
    calls = []
    monkeypatch.setattr(module, "kill_children", lambda: calls.append(True))
    return calls


def of(folder, engine=None, **settings):
    return Fitness(engine or ScriptedEngine(), Settings(model_name=str(folder), **settings))


def test_a_whole_model_folder_passes(mini_folders, killed):
    """Configuration and weights are there."""
    of(mini_folders["exaone"]).model_files()
    assert not killed


@pytest.mark.parametrize(
    ("files", "missing"),
    [
        ({}, "config.json"),
        ({"config.json": "{}"}, "weights"),
        ({"config.json": "{}", "model.safetensors": ""}, "weights"),
    ],
)
def test_a_model_folder_that_lacks_something_fails(tmp_path, killed, files, missing):
    """The error names what is missing, and no path of the machine but the folder's own name."""
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(StartupError, match=missing) as error:
        of(tmp_path).model_files()
    assert str(tmp_path) not in error.value.message
    assert killed == [True]


def test_other_weights_are_vllms_to_read(tmp_path, killed):
    """A format that somebody chose was read at the start already."""
    (tmp_path / "config.json").write_text("{}")
    of(tmp_path, engine_variables={"LOAD_FORMAT": "dummy"}).model_files()
    assert not killed


@pytest.mark.parametrize(
    "settings",
    [Settings(model_name="skt/A.X-4.0-Light"), Settings(engine_url="http://127.0.0.1:9")],
)
def test_a_model_that_is_no_folder_of_ours_is_vllms_to_check(settings):
    """An id is resolved by vLLM, and a server elsewhere has its own files."""
    Fitness(ScriptedEngine(), settings).model_files()


async def test_an_engine_that_answers_passes(killed):
    """The warm-up is spoken once more, from where jobs will be."""
    engine = ScriptedEngine()
    await of("x", engine).warm_up()
    assert engine.bodies
    assert not killed


async def test_an_engine_that_does_not_answer_fails(killed):
    """The SDK ends the process, so the engine must be ended before."""
    with pytest.raises(StartupError):
        await of("x", ScriptedEngine(lambda _: fail(EngineDead("Gone.")))).warm_up()
    assert killed == [True]


def test_the_platform_is_told_their_names():
    """The SDK reports a failed check by its function's name."""
    fitness = of("x")
    assert [fitness.model_files.__name__, fitness.warm_up.__name__] == ["model_files", "warm_up"]
