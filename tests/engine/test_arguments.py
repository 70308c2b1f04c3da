import logging
from argparse import ArgumentParser, Namespace
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.engine.arguments import engine_arguments, options
from worker.engine.vllm_app import (
    CPU_DEFAULTS,
    SETTINGS_OWN,
    argument_parser,
    destinations,
    import_plugins,
    served,
    variables_of,
)
from worker.errors import InvalidSetting, StartupError
from worker.presets import PRESETS
from worker.settings import Settings
from worker.settings import _variables as variables

SHELL = ("HOST", "PORT", "CONFIG", "HELP", "API_KEY", "UDS", "ROOT_PATH", "SSL_KEYFILE", "HEADLESS")


@pytest.fixture(scope="module")
def parser(vllm):
    return argument_parser(vllm)


@pytest.fixture(scope="module")
def outside(vllm):
    return destinations(vllm)


@pytest.fixture(scope="module")
def parse(parser, outside):
    """VLLM's own reading of variables."""

    def parse(**variables):
        return parser.parse_args(engine_arguments(parser, outside, variables))

    return parse


@pytest.fixture(scope="module")
def refusal(parse):
    def refusal(**variables):
        with pytest.raises(InvalidSetting) as caught:
            parse(**variables)
        assert "\n" not in caught.value.message
        return caught.value.message

    return refusal


@pytest.mark.parametrize(
    ("variable", "value", "destination", "parsed"),
    [
        ("MAX_MODEL_LEN", "4096", "max_model_len", 4096),
        ("MAX_MODEL_LEN", "8k", "max_model_len", 8000),
        ("MAX_MODEL_LEN", "8K", "max_model_len", 8192),
        ("MAX_MODEL_LEN", "auto", "max_model_len", -1),
        ("MAX_MODEL_LEN", "-1", "max_model_len", -1),
        ("KV_CACHE_MEMORY_BYTES", "2G", "kv_cache_memory_bytes", 2 * 2**30),
        ("GPU_MEMORY_UTILIZATION", " 0.5 ", "gpu_memory_utilization", 0.5),
        ("CPU_OFFLOAD_GB", "4", "cpu_offload_gb", 4.0),
        ("PIPELINE_PARALLEL_SIZE", "2", "pipeline_parallel_size", 2),
        ("TENSOR_PARALLEL_SIZE", "2", "tensor_parallel_size", 2),
        ("DTYPE", "bfloat16", "dtype", "bfloat16"),
        ("QUANTIZATION", "fp8", "quantization", "fp8"),
        ("LOAD_FORMAT", "safetensors", "load_format", "safetensors"),
        ("ENABLE_LORA", "true", "enable_lora", True),
        ("ENABLE_LORA", "No", "enable_lora", False),
        ("MAX_LORAS", "2", "max_loras", 2),
        ("ENABLE_LOG_REQUESTS", "1", "enable_log_requests", True),
        ("ENABLE_PREFIX_CACHING", "0", "enable_prefix_caching", False),
        ("DISABLE_LOG_STATS", "yes", "disable_log_stats", True),
        ("DISABLE_LOG_STATS", "false", "disable_log_stats", False),
        ("IGNORE_PATTERNS", "*.pt *.bin", "ignore_patterns", ["*.pt", "*.bin"]),
        ("IGNORE_PATTERNS", '["a b", "c"]', "ignore_patterns", ["a b", "c"]),
        ("IGNORE_PATTERNS", "[ab]*.bin [0-9].pt", "ignore_patterns", ["[ab]*.bin", "[0-9].pt"]),
        ("PT_LOAD_MAP_LOCATION", "cuda:0", "pt_load_map_location", "cuda:0"),
        ("PT_LOAD_MAP_LOCATION", '{"a": "b"}', "pt_load_map_location", {"a": "b"}),
        ("SPECULATIVE_CONFIG", '{"method": "ngram"}', "speculative_config", {"method": "ngram"}),
        ("HF_OVERRIDES", '{"a": {"b": 1}}', "hf_overrides", {"a": {"b": 1}}),
        ("CHAT_TEMPLATE", "--x {{ 'a=b' }}", "chat_template", "--x {{ 'a=b' }}"),
        ("FINGERPRINT_MODE", "none", "fingerprint_mode", "none"),
        ("DEVICE_MEMORY_UTILIZATION", "0.5", "gpu_memory_utilization", 0.5),
    ],
)
def test_a_variable_is_what_the_argument_would_be(parse, variable, value, destination, parsed):
    """What a value means is vLLM's business: suffixes, JSON, lists, switches."""
    assert getattr(parse(**{variable: value}), destination) == parsed


@pytest.mark.parametrize(
    "value",
    [
        "a=/one b=/two",
        '[{"name": "a", "path": "/one"}, {"name": "b", "path": "/two"}]',
        '["a=/one", "b=/two"]',
    ],
)
def test_lora_modules_are_given_as_pairs_or_as_json(parse, value):
    """In each of the ways that vLLM documents."""
    modules = parse(LORA_MODULES=value).lora_modules
    assert [(module.name, module.path) for module in modules] == [("a", "/one"), ("b", "/two")]


def test_one_lora_module_is_given_as_one_json_object(parse):
    """Spaces in it do not cut it."""
    [module] = parse(LORA_MODULES='{"name": "a", "path": "/o n e"}').lora_modules
    assert (module.name, module.path) == ("a", "/o n e")


def test_all_that_the_engine_takes_can_be_set(parser, outside, vllm):
    """300 arguments and no list of ours: whatever has an option in vLLM has a variable here."""
    ours = {option.action.dest for option in options(parser, outside)}
    takers = (vllm.AsyncEngineArgs, vllm.BaseFrontendArgs)
    fields = {name for taker in takers for name in taker.__dataclass_fields__}
    listed = {action.dest for action in parser._actions}
    assert ours == (fields & listed) - SETTINGS_OWN
    assert len(ours) > 250


def test_vllm_and_the_worker_share_four_names(parser, outside):
    """A variable of ours that vLLM has an argument for never gets there by accident.

    The token must not be an argument, aliases follow the model's own name, one log level is for
    both, and the port is the HTTP service's: vLLM opens no socket here.
    """
    every = {action.dest for action in parser._actions}
    theirs = {option.variable for option in options(parser, every)}
    ours = {spec.metadata["variable"] for spec in variables()}
    assert ours & theirs == {"HF_TOKEN", "SERVED_MODEL_NAME", "LOG_LEVEL", "PORT"}
    assert {name.upper() for name in SETTINGS_OWN} == (ours & theirs) - {"PORT"}
    assert not {name.lower() for name in ours} & set(outside)


def test_no_two_variables_share_a_name_and_all_can_be_typed(parser, outside):
    """An environment has one value a name."""
    names = [option.variable for option in options(parser, outside)]
    assert len(names) == len(set(names))
    assert all(name.isidentifier() and name.isupper() for name in names)


@pytest.mark.parametrize("name", [*SHELL, "NO_ENABLE_LORA", "HF_TOKEN", "PATH", "HOME"])
def test_what_is_there_for_others_is_left_alone(parser, outside, name):
    """We do not listen, so a platform's HOST and PORT, keys and TLS are none of the engine's."""
    assert engine_arguments(parser, outside, {name: "junk"}) == []


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("MAX_MODEL_LEN", "abc", "an integer (vLLM's --max-model-len)"),
        ("MAX_NUM_SEQS", "1.5", "an integer (vLLM's --max-num-seqs)"),
        ("MAX_NUM_QUEUED_REQS", "None", "an integer (vLLM's --max-num-queued-reqs)"),
        ("GPU_MEMORY_UTILIZATION", "abc", "a number (vLLM's --gpu-memory-utilization)"),
        ("ENABLE_LORA", "maybe", "true or false (vLLM's --enable-lora)"),
        ("DISABLE_LOG_STATS", "", "true or false (vLLM's --disable-log-stats)"),
        ("DTYPE", "int4", "one of auto, bfloat16, float, float16, float32, half"),
        ("MAX_LORA_RANK", "3", "one of 1, 8, 16"),
        ("SAFETENSORS_LOAD_STRATEGY", "None", "one of eager, lazy, prefetch, torchao (vLLM's"),
        ("STRUCTURED_OUTPUTS_CONFIG", "{", "a JSON object (vLLM's --structured-outputs-config)"),
        ("SPECULATIVE_CONFIG", "5", "a JSON object (vLLM's --speculative-config)"),
        ("SPECULATIVE_CONFIG", "[]", "a JSON object (vLLM's --speculative-config)"),
        ("HF_OVERRIDES", "x", "a JSON object (vLLM's --hf-overrides)"),
        ("HF_OVERRIDES", "{x}", "a JSON object (vLLM's --hf-overrides)"),
        ("PT_LOAD_MAP_LOCATION", '{"a"', "a JSON object (vLLM's --pt-load-map-location)"),
        ("IGNORE_PATTERNS", '["a",', "values with spaces between, or a JSON list"),
        ("IGNORE_PATTERNS", "a --enforce-eager", "values with spaces between, or a JSON list"),
        ("IGNORE_PATTERNS", "a -tp 2", "values with spaces between, or a JSON list"),
        ("IGNORE_PATTERNS", '["a", "--help"]', "values with spaces between, or a JSON list"),
        ("LORA_MODULES", "[1", "values with spaces between, or a JSON list"),
        ("LORA_MODULES", "nonsense", "values with spaces between, or a JSON list"),
    ],
)
def test_an_unusable_value_is_told_with_what_is_expected(refusal, variable, value, told):
    """One line: the variable as it was set, its value, what would do, vLLM's name for it."""
    assert (
        refusal(**{variable: value})
        .replace('\\"', '"')
        .startswith(f'{variable}="{value}": expected {told}')
    )


@pytest.mark.parametrize(
    ("name", "place"), [("MODEL", "MODEL_NAME"), ("REVISION", "MODEL_REVISION")]
)
@pytest.mark.parametrize("value", ["", "org/model", "--help"])
def test_what_our_own_variables_say_is_not_said_twice(parser, outside, caplog, name, place, value):
    """Whatever else a machine means by it: left out, and one warning says what is read."""
    with caplog.at_level(logging.WARNING):
        assert engine_arguments(parser, outside, {name: value}) == []
    [record] = caplog.records
    assert record.name == "worker.engine.arguments"
    assert record.getMessage() == f"{name} is not read: {place} is, in its place"


def test_a_parser_that_would_end_the_process_refuses_a_value():
    """An action may call for the end of the program; a setting is refused instead."""
    parser = ArgumentParser()
    parser.add_argument("--number", type=int)
    with pytest.raises(InvalidSetting, match='NUMBER="x": expected an integer'):
        engine_arguments(parser, {"number"}, {"NUMBER": "x"})


@pytest.mark.parametrize("value", ["", "None", "null", "\0", "{", "--help", "a --help", "nonsense"])
def test_no_value_is_anything_but_a_value_or_a_clear_refusal(parser, outside, value):
    """Of whichever argument: never another exception, never the end of the process."""
    taken, refused = [], []
    for option in options(parser, outside):
        try:
            taken += engine_arguments(parser, outside, {option.variable: value})[:1]
        except InvalidSetting as error:
            refused.append((option.variable, error.message))
    assert all(told.startswith(f'{name}="') for name, told in refused)
    assert all(word.startswith("--") for word in taken)
    assert not (taken and value in ("", "None", "null"))


@settings(max_examples=50, deadline=None)
@given(st.text(min_size=1).filter(lambda text: text.strip() not in ("", "None", "none", "null")))
def test_text_arrives_as_it_was_written(parse, text):
    """Dashes, quotes, equals signs and spaces inside a value are the value's."""
    if text.strip().lower() not in ("none", "null", ""):
        assert parse(TOOL_PARSER_PLUGIN=text).tool_parser_plugin == text.strip()


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_made_of_arguments_that_vllm_knows(vllm, parser, outside, preset):
    """Each of its variables is one, and vLLM takes its value."""
    chosen = Settings.from_env({"PRESET": preset})
    known = {option.variable for option in options(parser, outside)}
    assert set(chosen.engine_variables) <= known
    parsed = served(vllm, chosen, chosen.model_name)
    assert parsed.model == chosen.model_name
    assert parsed.max_model_len == 8192


def arguments(vllm, **environ):
    return served(vllm, Settings.from_env({"MODEL_NAME": "org/model"} | environ), "org/model")


def test_the_model_is_served_under_its_own_name_first(vllm):
    """Aliases come after it, each once; the revision is ours to say."""
    parsed = arguments(vllm, SERVED_MODEL_NAME="a org/model b", MODEL_REVISION="v1")
    assert parsed.served_model_name == ["org/model", "a", "b"]
    assert (parsed.model, parsed.revision) == ("org/model", "v1")


def test_by_default_lines_are_held_to_their_grammar_and_costs_are_told(vllm):
    """And nobody's prompt is logged."""
    parsed = arguments(vllm)
    assert parsed.structured_outputs_config.backend == "guidance"
    assert parsed.structured_outputs_config.disable_any_whitespace
    assert parsed.enable_prompt_tokens_details
    assert parsed.enable_per_request_metrics
    assert not parsed.enable_log_requests
    assert not arguments(vllm, LOG_LEVEL="DEBUG").enable_log_requests


def test_the_environment_goes_before_our_defaults(vllm):
    """Each of them can be set otherwise."""
    parsed = arguments(
        vllm,
        STRUCTURED_OUTPUTS_CONFIG='{"backend": "xgrammar"}',
        ENABLE_PROMPT_TOKENS_DETAILS="false",
        ENFORCE_EAGER="false",
        DISABLE_LOG_STATS="true",
    )
    assert parsed.structured_outputs_config.backend == "xgrammar"
    assert not parsed.enable_prompt_tokens_details
    assert not parsed.enforce_eager
    assert not parsed.enable_per_request_metrics


def platform(*, cpu):
    return SimpleNamespace(current_platform=SimpleNamespace(is_cpu=lambda: cpu))


def test_without_a_gpu_a_laptop_is_enough():
    """The CPU build starts without compiling, and takes a part of the memory only."""
    variables = variables_of(platform(cpu=True), Settings())
    assert variables["ENFORCE_EAGER"] == "true"
    assert float(variables["GPU_MEMORY_UTILIZATION"]) < 0.5


def test_a_gpu_is_used_as_vllm_sees_fit():
    """What makes a laptop enough would hold a GPU back."""
    variables = variables_of(platform(cpu=False), Settings())
    assert variables.keys().isdisjoint(CPU_DEFAULTS)


def test_parsers_that_arguments_bring_along_are_imported():
    """As `vllm serve` does, before the application looks for them by name; none is asked for."""
    imported = []
    managers = SimpleNamespace(
        ToolParserManager=SimpleNamespace(import_tool_parser=imported.append),
        ReasoningParserManager=SimpleNamespace(import_reasoning_parser=imported.append),
    )
    import_plugins(managers, Namespace(tool_parser_plugin="", reasoning_parser_plugin=None))
    assert imported == []
    import_plugins(managers, Namespace(tool_parser_plugin="t.py", reasoning_parser_plugin="r.py"))
    assert imported == ["t.py", "r.py"]


def test_no_secret_is_in_the_arguments(vllm):
    """Tokens travel in the environment alone."""
    parsed = arguments(vllm, HF_TOKEN="hf_x", ENGINE_API_KEY="sk_x", API_KEY="sk_y")
    assert parsed.hf_token is None
    assert parsed.api_key is None
    assert not [value for value in vars(parsed).values() if value in ("hf_x", "sk_x", "sk_y")]


def test_arguments_that_cannot_go_together_are_refused(vllm):
    """By vLLM's own check, before anything is loaded."""
    with pytest.raises(TypeError, match="tool-call-parser"):
        arguments(vllm, ENABLE_AUTO_TOOL_CHOICE="true")


def test_a_refused_setting_is_a_start_that_failed():
    """One handler at the door is enough."""
    assert issubclass(InvalidSetting, StartupError)
