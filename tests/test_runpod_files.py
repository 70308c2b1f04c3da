"""What RunPod's Hub reads of us is what its documentation and our own code say."""

import importlib.util
import json
import subprocess
import sys
from copy import deepcopy
from dataclasses import fields
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from worker.errors import InvalidSetting
from worker.presets import PRESETS
from worker.settings import Settings
from worker.shapes.reading import read

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = {
    spec.metadata["variable"]: spec for spec in fields(Settings) if "variable" in spec.metadata
}


def document(path):
    return json.loads((ROOT / path).read_text("utf-8"))


HUB, TESTS = document(".runpod/hub.json"), document(".runpod/tests.json")
FILES = {"hub": HUB, "tests": TESTS}
FORM = {each["key"]: each["input"] for each in HUB["config"]["env"]}
JOBS = {each["name"]: each["input"] for each in TESTS["tests"]}


@pytest.fixture(scope="module")
def script():
    place = importlib.util.spec_from_file_location("files_script", ROOT / "scripts/runpod_files.py")
    module = importlib.util.module_from_spec(place)
    place.loader.exec_module(module)
    return module


def validator(name):
    return Draft202012Validator(document(f"tests/schemas/runpod/{name}.schema.json"))


def text(value):
    """A value as the platform puts it into the environment."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def untouched():
    """The environment of a form that nobody has filled in: its defaults."""
    return {name: text(field["default"]) for name, field in FORM.items() if "default" in field}


def test_the_files_are_what_the_code_says():
    """Nobody edits them by hand, or forgets to write them again."""
    command = [sys.executable, ROOT / "scripts/runpod_files.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_file_that_is_out_of_date_is_told_and_not_touched(script, tmp_path):
    """`--check` fails, names the one that is wrong, and writes nothing."""
    script.main([], tmp_path)
    (tmp_path / "tests.json").write_text("{}")
    with pytest.raises(SystemExit) as ended:
        script.main(["--check"], tmp_path)
    assert "tests.json out of date" in ended.value.code
    assert "hub.json" not in ended.value.code
    assert (tmp_path / "tests.json").read_text() == "{}"


def test_writing_makes_the_files_true(script, tmp_path):
    """Where there was none, and where one was wrong."""
    script.main([], tmp_path / ".runpod")
    assert {path.name for path in (tmp_path / ".runpod").iterdir()} == {"hub.json", "tests.json"}
    (tmp_path / ".runpod/hub.json").write_text("{}")
    script.main([], tmp_path / ".runpod")
    with pytest.raises(SystemExit) as ended:
        script.main(["--check"], tmp_path / ".runpod")
    assert ended.value.code == 0


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_as_the_platform_documents_it(name):
    """It has the fields and the values of RunPod's publishing guide, and no other."""
    Draft202012Validator.check_schema(validator(name).schema)
    assert [error.message for error in validator(name).iter_errors(FILES[name])] == []


def field(name):
    return ["config", "env", list(FORM).index(name), "input"]


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        ("hub", ["type"], "pod"),
        ("hub", ["category"], "text"),
        ("hub", ["iconUrl"], "ball.png"),
        ("hub", ["config", "gpuIDs"], "AMPERE_24"),
        ("hub", ["config", "gpuIds"], "L4"),
        ("hub", ["config", "gpuCount"], "1"),
        ("hub", ["config", "cpuFlavor"], "cpu3c"),
        ("hub", ["config", "allowedCudaVersions"], ["13"]),
        ("hub", ["config", "presets", 0, "env"], {}),
        ("hub", [*field("PRESET"), "options"], ["ax-l4"]),
        ("hub", [*field("TOP_P"), "default"], "0.9"),
        ("hub", [*field("TOP_P"), "options"], []),
        ("hub", [*field("DEADLINE_FALLBACK"), "default"], "true"),
        ("hub", [*field("HF_TOKEN"), "type"], "secret"),
        ("tests", ["tests", 0, "input"], "commentary"),
        ("tests", ["tests", 0, "timeout"], "15 min"),
        ("tests", ["tests", 0, "expected"], {}),
        ("tests", ["config", "gpuTypeId"], "L4"),
        ("tests", ["config", "env"], {"PRESET": "ax-l4"}),
        ("tests", ["config", "env", 0, "value"], 1),
    ],
)
def test_what_the_platform_does_not_document_is_refused(name, path, value):
    """The schemas mean something: each of these mistakes is seen."""
    wrong = deepcopy(FILES[name])
    *way, last = path
    place = wrong
    for step in way:
        place = place[step]
    place[last] = value
    assert not validator(name).is_valid(wrong)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("hub", ["title"]),
        ("hub", ["config", "gpuIds"]),
        ("hub", ["config", "env", 0, "input"]),
        ("tests", ["tests", 0, "input"]),
        ("tests", ["config", "gpuTypeId"]),
    ],
)
def test_what_the_platform_requires_cannot_be_left_out(name, path):
    """A listing without a title, or a card to run on, is none."""
    wrong = deepcopy(FILES[name])
    *way, last = path
    place = wrong
    for step in way:
        place = place[step]
    del place[last]
    assert not validator(name).is_valid(wrong)


def test_only_the_cards_that_the_presets_are_for_are_used():
    """Of the L4's pool, the cards that compute no FP8 are left out, by ids that RunPod knows."""
    *_, known = validator("tests").schema["$defs"]["gpu"].values()
    names = HUB["config"]["gpuIds"].split(",")
    left_out = {name[1:] for name in names if name.startswith("-")}
    assert left_out == {"NVIDIA RTX A5000", "NVIDIA GeForce RTX 3090"}
    assert left_out < set(known)
    assert {name for name in names if not name.startswith("-")} == {"AMPERE_24", "AMPERE_48"}


def test_the_tests_run_where_the_listing_does():
    """On the same CUDA versions; on the card that the tested preset names."""
    assert TESTS["config"]["allowedCudaVersions"] == HUB["config"]["allowedCudaVersions"]
    assert TESTS["config"]["gpuTypeId"] == "NVIDIA L4"


def test_every_setting_is_offered_but_those_of_no_use_there(script):
    """The form has them in the settings' order; what is left out are settings."""
    assert [*FORM] == [name for name in SETTINGS if name not in script.NOT_OFFERED]
    assert set(SETTINGS) > script.NOT_OFFERED


@pytest.mark.parametrize("name", [name for name in FORM if "default" in FORM[name]])
def test_a_default_is_the_settings_own(name):
    """Leaving a field as it is changes nothing; only the preset has to be chosen."""
    settings = Settings.from_env({"MODEL_NAME": "m", name: text(FORM[name]["default"])})
    spec = SETTINGS[name]
    own = TESTS["config"]["env"][0]["value"] if name == "PRESET" else spec.default
    assert getattr(settings, spec.name) == own


def edges(name):
    """The values at the ends of what a form admits, as the platform writes them."""
    field = FORM[name]
    values = [option["value"] for option in field.get("options", [])]
    values += [str(field[bound]) for bound in ("min", "max") if bound in field]
    return values + [field[value] for value in ("trueValue", "falseValue") if value in field]


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name in FORM for value in edges(name)]
)
def test_what_the_form_admits_the_worker_takes(name, value):
    """No choice, bound or switch of the form ends a start."""
    Settings.from_env({"MODEL_NAME": "m", name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, str(FORM[name]["max"] + 1)) for name in FORM if "max" in FORM[name]),
        *((name, str(FORM[name]["min"] - 1)) for name in FORM if "min" in FORM[name]),
    ],
)
def test_the_form_refuses_what_the_worker_would(name, value):
    """A bound is the setting's own, not a narrower one."""
    with pytest.raises(InvalidSetting):
        Settings.from_env({"MODEL_NAME": "m", name: value})


def test_every_kind_of_value_has_its_control():
    """A number is no text, a switch no word; Hugging Face is asked for a model, not for a token."""
    types = {name: field["type"] for name, field in FORM.items()}
    assert types["FANOUT"] == types["TEMPERATURE"] == "number"
    assert types["DEADLINE_FALLBACK"] == "boolean"
    assert types["MODEL_NAME"] == "huggingface"
    assert types["HF_TOKEN"] == "string"
    assert [option["value"] for option in FORM["GUARD"]["options"]] == ["off", "flag", "repair"]


def test_the_form_begins_with_the_choice_that_must_be_made():
    """A preset is required; all but it and the model is under `advanced`."""
    assert [name for name, field in FORM.items() if field["required"]] == ["PRESET"]
    assert [name for name, field in FORM.items() if not field["advanced"]] == [
        "PRESET",
        "MODEL_NAME",
    ]


def test_no_secret_has_a_default():
    """What everybody can read has nobody's token in it."""
    assert "default" not in FORM["HF_TOKEN"]
    assert "hf_" not in (ROOT / ".runpod/hub.json").read_text()
    assert {each["key"] for each in TESTS["config"]["env"]}.isdisjoint(
        {"HF_TOKEN", "ENGINE_API_KEY"}
    )


PRESET_MENU = {each["defaults"]["PRESET"]: each for each in HUB["config"]["presets"]}


def test_the_four_deployments_are_offered():
    """A.X on either card, EXAONE as it fits each."""
    assert [*PRESET_MENU] == ["ax-l4", "ax-a40", "exaone-awq-l4", "exaone-a40"]


THE_HUBS = {"HF_HUB_OFFLINE"}  # read by huggingface_hub itself


@pytest.mark.parametrize("name", PRESET_MENU)
def test_deploying_a_preset_is_choosing_it(name):
    """The rest of the form, left alone, changes nothing about it."""
    chosen = untouched() | PRESET_MENU[name]["defaults"]
    of_the_hub = {key: chosen.pop(key) for key in THE_HUBS if key in chosen}
    assert Settings.from_env(chosen) == Settings.from_env({"PRESET": name})
    # What the Hub's image has not baked comes from RunPod's cache, or is downloaded.
    assert of_the_hub == ({} if name.startswith("ax-") else {"HF_HUB_OFFLINE": "0"})


@pytest.mark.parametrize("name", PRESET_MENU)
def test_a_preset_serves_its_own_model_from_any_image(name):
    """The image names the model that was baked; a preset of another one goes before it."""
    image = {"MODEL_NAME": PRESETS["ax-l4"]["MODEL_NAME"]}
    settings = Settings.from_env(image | untouched() | PRESET_MENU[name]["defaults"])
    assert settings.model_name == PRESETS[name]["MODEL_NAME"]


@pytest.mark.parametrize("option", FORM["PRESET"]["options"], ids=lambda option: option["value"])
def test_whoever_chooses_exaone_has_read_what_it_is_for(option):
    """Wherever a preset can be chosen, its licence is in its name."""
    restricted = Settings.from_env({"PRESET": option["value"]}).licence_notice is not None
    names = [option["label"]]
    names += [PRESET_MENU[option["value"]]["name"]] if option["value"] in PRESET_MENU else []
    assert all(("research only" in name) == restricted for name in names)
    assert option["label"] != option["value"]


def environments():
    presets = HUB["config"]["presets"]
    yield from (each["defaults"] for each in presets)
    yield {each["key"]: each["value"] for each in TESTS["config"]["env"]}


@pytest.mark.parametrize("environment", environments())
def test_what_the_files_set_is_a_setting_of_ours(environment):
    """A misspelt name would be passed over in silence; the worker takes the values."""
    assert environment.keys() - THE_HUBS <= SETTINGS.keys()
    Settings.from_env(environment)


SHAPES = {
    "commentary": "commentary",
    "commentary_streamed": "commentary",
    "openai_chat": "openai",
    "probe": "probe",
}


def test_every_promised_job_is_tried():
    """The commentary, the same streamed, an OpenAI client's, and the probe."""
    assert [*JOBS] == [*SHAPES]


@pytest.mark.parametrize("name", JOBS)
def test_a_job_is_taken_as_what_it_is_meant_to_be(name):
    """By the worker's own readers."""
    assert read(JOBS[name]).shape == SHAPES[name]


def test_the_commentary_job_is_the_one_that_a_laptop_runs():
    """What passes there is what is tried here."""
    assert JOBS["commentary"] == document("test_input.json")["input"]


def test_the_streamed_job_is_the_same_one_streamed():
    """And the other one is not."""
    assert JOBS["commentary_streamed"] == JOBS["commentary"] | {"stream": True}
    assert read(JOBS["commentary_streamed"]).request.stream
    assert not read(JOBS["commentary"]).request.stream


def test_the_openai_job_asks_for_the_model_that_is_served():
    """Under the name that its clients would use."""
    [chosen] = TESTS["config"]["env"]
    served = Settings.from_env({chosen["key"]: chosen["value"]}).model_name
    assert JOBS["openai_chat"]["openai_input"]["model"] == served
