"""The fitness checks: a worker without its model or its voice takes no job."""

import pytest

from tests.fakes import ScriptedEngine, fail
from worker import fitness as module
from worker.engine import About
from worker.engine.places import INDEX
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


class Loaded(ScriptedEngine):
    """An engine whose model came from a folder, or from nobody knows where."""

    def __init__(self, folder=None):
        super().__init__()
        self.folder = folder

    def about(self):
        return About(self.model, folder=self.folder)


def of(folder, **settings):
    return Fitness(Loaded(folder), Settings(model_name="skt/A.X-4.0-Light", **settings))


def test_a_whole_model_folder_passes(mini_folders, killed):
    """Configuration and weights are there, wherever the model was found by its id."""
    of(mini_folders["exaone"]).model_files()
    assert not killed


@pytest.mark.parametrize(
    ("files", "missing"),
    [
        ({}, "config.json"),
        ({"config.json": "{}"}, "weights"),
        ({"config.json": "{}", "model.safetensors": ""}, "weights"),
        (
            {"config.json": "{}", "a.safetensors": "x", INDEX: '{"weight_map": {"w": "b.bin"}}'},
            "b.bin",
        ),
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


@pytest.mark.parametrize("settings", [{}, {"engine_url": "http://127.0.0.1:9"}])
def test_a_model_that_lies_in_no_folder_is_not_ours_to_check(settings, killed):
    """What huggingface_hub found, and what a server elsewhere has."""
    of(None, **settings).model_files()
    assert not killed


async def test_an_engine_that_answers_passes(killed):
    """The warm-up is spoken once more, from where jobs will be."""
    engine = ScriptedEngine()
    await Fitness(engine, Settings()).warm_up()
    assert engine.bodies
    assert not killed


async def test_an_engine_that_does_not_answer_fails(killed):
    """The SDK ends the process, so the engine must be ended before."""
    engine = ScriptedEngine(lambda _: fail(EngineDead("Gone.")))
    with pytest.raises(StartupError):
        await Fitness(engine, Settings()).warm_up()
    assert killed == [True]


def test_the_platform_is_told_their_names():
    """The SDK reports a failed check by its function's name."""
    fitness = of(None)
    assert [fitness.model_files.__name__, fitness.warm_up.__name__] == ["model_files", "warm_up"]
