import json
import math
from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.errors import InvalidSetting
from worker.football.schema import TableForm
from worker.presets import PRESETS
from worker.settings import LICENCE_NOTICE, Settings, settings_table

NAMES = [spec.metadata["variable"] for spec in fields(Settings) if "variable" in spec.metadata]


def read(**environ):
    return Settings.from_env(environ)


def refusal(**environ):
    with pytest.raises(InvalidSetting) as caught:
        read(**environ)
    message = caught.value.message
    assert "\n" not in message
    return message


def test_every_setting_is_read_from_its_variable():
    """A variable's value arrives in its field, in the field's type."""
    settings = read(
        MODEL_NAME=" org/model ",
        MODEL_REVISION="main",
        SERVED_MODEL_NAME="a, b c",
        HF_TOKEN="hf_x",
        ENGINE_URL="http://host:8000/v1",
        ENGINE_API_KEY="key",
        MAX_CONCURRENCY="3",
        FANOUT="5",
        TABLE_FORM="JSON",
        TEMPERATURE="0",
        TOP_P="1",
        JOB_DEADLINE="30.5",
        DEADLINE_FALLBACK="no",
        ENGINE_STALL="0",
        SHUTDOWN_GRACE="20",
        HEALTH_FILE="/run/worker/health",
        LOG_LEVEL="debug",
    )
    assert settings.model_name == "org/model"
    assert settings.model_revision == "main"
    assert settings.served_model_names == ("a", "b", "c")
    assert (settings.hf_token, settings.engine_api_key) == ("hf_x", "key")
    assert settings.engine_url == "http://host:8000/v1"
    assert (settings.max_concurrency, settings.fanout) == (3, 5)
    assert settings.table is TableForm.JSON
    assert (settings.temperature, settings.top_p, settings.job_deadline) == (0.0, 1.0, 30.5)
    assert (settings.deadline_fallback, settings.commentary.deadline_fallback) == (False, False)
    assert (settings.engine_stall, settings.shutdown_grace) == (0.0, 20.0)
    assert settings.health_file == Path("/run/worker/health")
    assert settings.log_level == "DEBUG"


def test_an_absent_variable_is_its_default():
    """Nothing but the model has to be said."""
    assert read(MODEL_NAME="m") == Settings(model_name="m")


def test_with_no_model_chosen_the_mini_model_serves():
    """A newcomer sets nothing."""
    settings = read()
    assert settings.preset == "mini"
    assert settings.model_name == PRESETS["mini"]["MODEL_NAME"]


@pytest.mark.parametrize("choice", [{"MODEL_NAME": "m"}, {"ENGINE_URL": "http://h"}])
def test_a_chosen_model_is_never_trusted_with_code_by_itself(choice):
    """The mini preset, which trusts its own code, goes away with the mini model."""
    assert "TRUST_REMOTE_CODE" not in read(**choice).engine_variables


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", ["", "  ", "None", "none", "null"])
def test_a_variable_that_holds_nothing_is_an_error(name, value):
    """A template's way to write "nothing" is refused, not read as text; the variable is named."""
    assert refusal(**{name: value}).startswith(f'{name}="{value}": expected ')


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("MAX_CONCURRENCY", "abc", "an integer from 1 up"),
        ("MAX_CONCURRENCY", "0", "an integer from 1 up"),
        ("MAX_CONCURRENCY", "1.5", "an integer from 1 up"),
        ("FANOUT", "21", "an integer from 1 to 20"),
        ("TEMPERATURE", "2.1", "a number from 0, 2 at most"),
        ("TEMPERATURE", "nan", "a number from 0, 2 at most"),
        ("TOP_P", "0", "a number above 0, 1 at most"),
        ("JOB_DEADLINE", "inf", "a number above 0, 86400 at most"),
        ("DEADLINE_FALLBACK", "2", "true or false"),
        ("ENGINE_STALL", "-1", "a number from 0, 86400 at most"),
        ("SHUTDOWN_GRACE", "soon", "a number from 0, 86400 at most"),
        ("TABLE_FORM", "xml", "one of facts, coordinates, json"),
        ("LOG_LEVEL", "LOUD", "one of DEBUG, INFO, WARNING, ERROR"),
        ("PRESET", "ax-h100", "one of ax-l4"),
        ("ENGINE_URL", "host:8000", "http://host:port"),
        ("ENGINE_URL", "ftp://host", "http://host:port"),
        ("ENGINE_URL", "http://", "http://host:port"),
        ("ENGINE_URL", "http://host:x", "http://host:port"),
        ("ENGINE_URL", "http://host:0", "http://host:port"),
        ("ENGINE_URL", "http://host:99999", "http://host:port"),
        ("ENGINE_URL", "http://[host", "http://host:port"),
        ("SERVED_MODEL_NAME", ",", "names with commas"),
    ],
)
def test_an_unusable_value_is_told_with_what_is_expected(name, value, told):
    """The error names the variable, the value and what would do, on one line."""
    assert refusal(**{name: value}).startswith(f'{name}="{value}": expected {told}')


def test_a_value_cannot_break_its_error_out_of_one_line():
    """Control characters and sheer length stay outside the message."""
    assert r"a\nb" in refusal(MAX_CONCURRENCY="a\nb")
    assert len(refusal(MAX_CONCURRENCY="9" * 10_000 + "x")) < 200


@given(st.text(alphabet=st.characters(codec="ascii", categories=["L", "N", "P"]), min_size=8))
def test_no_secret_is_ever_shown(secret):
    """Neither the settings' own text nor an error tells a token."""
    secret = f"hf_{secret}"
    settings = read(MODEL_NAME="m", HF_TOKEN=secret, ENGINE_API_KEY=secret, OTHER_KEY=secret)
    assert secret not in repr(settings)


@pytest.mark.parametrize(
    "address",
    [
        "http://user:pass@host/v1",
        "http://pass@host",
        "user:pass@host",
        "http://host/v1?key=pass",
        "host?key=pass",
        "http://host/#pass",
    ],
)
def test_a_secret_in_an_address_is_refused_and_not_shown(address):
    """Keys go into ENGINE_API_KEY, where they are kept out of every log."""
    message = refusal(ENGINE_URL=address)
    assert message.startswith("ENGINE_URL: expected ")
    assert "pass" not in message


def test_settings_cannot_change():
    """What was read at the start holds to the end."""
    with pytest.raises(FrozenInstanceError):
        read().model_name = "other"
    with pytest.raises(TypeError):
        read().engine_variables["DTYPE"] = "half"


def test_the_rest_of_the_environment_is_kept_for_vllm_without_what_is_ours():
    """What is ours, secrets among it, never reaches vLLM's arguments."""
    environ = dict.fromkeys(("MAX_CONCURRENCY", "FANOUT"), "1") | {"HF_TOKEN": "t"}
    settings = read(MODEL_NAME="m", MAX_MODEL_LEN="4096", **environ)
    assert settings.engine_variables == {"MAX_MODEL_LEN": "4096"}


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_its_variables(name):
    """Choosing a preset is setting what it lists."""
    settings = read(PRESET=name.upper())
    listed = dict(PRESETS[name])
    assert settings.model_name == listed.pop("MODEL_NAME")
    assert settings.engine_variables == listed


def test_the_environment_goes_before_its_preset():
    """A preset can be corrected, one variable at a time."""
    settings = read(PRESET="ax-l4", MODEL_NAME="org/other", MAX_MODEL_LEN="4k")
    assert settings.model_name == "org/other"
    assert settings.engine_variables["MAX_MODEL_LEN"] == "4k"
    assert settings.engine_variables["MAX_NUM_SEQS"] == PRESETS["ax-l4"]["MAX_NUM_SEQS"]


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("model", ["org/other", "/models/other"])
def test_what_a_preset_says_of_its_own_model_holds_for_no_other(preset, model):
    """Whose code is trusted and how weights are read is about a model; the rest is about a card."""
    kept = read(PRESET=preset, MODEL_NAME=model).engine_variables
    listed = dict(PRESETS[preset])
    assert kept.keys().isdisjoint({"TRUST_REMOTE_CODE", "QUANTIZATION", "MODEL_NAME"})
    assert kept.keys() == listed.keys() - {"TRUST_REMOTE_CODE", "QUANTIZATION", "MODEL_NAME"}
    assert kept["MAX_MODEL_LEN"] == "8192"


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_of_a_model_that_is_named_again_is_whole(preset):
    """Naming the preset's own model changes nothing, and what is set besides goes before."""
    model = PRESETS[preset]["MODEL_NAME"]
    assert read(PRESET=preset, MODEL_NAME=f" {model} ") == read(PRESET=preset)
    trusted = read(PRESET=preset, MODEL_NAME="org/other", TRUST_REMOTE_CODE="true")
    assert trusted.engine_variables["TRUST_REMOTE_CODE"] == "true"


@pytest.mark.parametrize(
    ("model", "restricted"),
    [
        ("LGAI-EXAONE/EXAONE-3.5-7.8B-Instruct", True),
        ("/models/exaone-3.5-7.8b", True),
        ("/hub/models--LGAI-EXAONE--EXAONE-3.5-7.8B-Instruct/snapshots/0", True),
        ("skt/A.X-4.0-Light", False),
        (".cache/mini-exaone", False),
    ],
)
def test_exaone_comes_with_its_licence(model, restricted):
    """Whoever chooses EXAONE is told that it is for research only, what it writes included."""
    notice = read(MODEL_NAME=model).licence_notice
    assert notice == (LICENCE_NOTICE.format(model=model) if restricted else None)


@pytest.mark.parametrize("name", [name for name in PRESETS if name.startswith("exaone")])
def test_every_exaone_preset_comes_with_the_licence(name):
    """A preset does not hide whose model it is."""
    assert "research only" in read(PRESET=name).licence_notice


@pytest.mark.parametrize("folder", ["/models/baked", "./baked", "~/baked"])
def test_a_folder_is_taken_for_its_presets_model(folder):
    """A folder's name may hide whose model it is; another model's id does not."""
    told = read(PRESET="exaone-l4", MODEL_NAME=folder).licence_notice
    assert told == LICENCE_NOTICE.format(model=folder)
    assert read(PRESET="ax-l4", MODEL_NAME=folder).licence_notice is None
    assert read(PRESET="exaone-l4", MODEL_NAME="skt/A.X-4.0-Light").licence_notice is None


def test_a_folder_that_says_whose_model_it_holds_is_believed(tmp_path):
    """The manifest beside the weights names the model, whatever the folder is called."""
    manifest = {"model": "LGAI-EXAONE/EXAONE-3.5-7.8B-Instruct", "revision": "abc"}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    assert "research only" in read(MODEL_NAME=str(tmp_path)).licence_notice


def test_the_mini_model_is_nobodys():
    """It has the architecture only, and no licence but ours."""
    assert read(MODEL_NAME="mini/exaone-mid").licence_notice is None


def test_the_platform_is_there_when_it_says_where_jobs_come_from():
    """Without its variable a run is local."""
    assert not read().takes_jobs
    assert read(RUNPOD_WEBHOOK_GET_JOB="http://x").takes_jobs


def test_commentary_is_made_as_the_settings_say():
    """The defaults of a request are the operator's."""
    options = read(FANOUT="2", TABLE_FORM="json", TEMPERATURE="1", TOP_P=".5", JOB_DEADLINE="9")
    options = options.commentary
    assert (options.fanout, options.table, options.deadline_s) == (2, TableForm.JSON, 9.0)
    assert (options.temperature, options.top_p) == (1.0, 0.5)
    assert math.isclose(read().commentary.deadline_s, Settings().job_deadline)


def test_the_table_of_settings_has_every_variable():
    """README's table is made of the code's own words."""
    rows = settings_table().splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == NAMES
    assert all(row.count("|") == 4 for row in rows)
