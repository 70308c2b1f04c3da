"""The outputs are vLLM 0.32's and the Hugging Face libraries' own, cut to the lines that count."""

import pytest

from worker.engine.causes import explain

INFO = "(EngineCore pid=9620) INFO 11-20 12:27:51 [core.py:133] Initializing a V1 LLM engine"
CORE = "(EngineCore pid=9620) ERROR 11-20 12:27:54 [core.py:1510] "
EMPTY = "Engine core initialization failed. See root cause above. Failed core proc(s): "
FAILED = RuntimeError(EMPTY + "{'EngineCore': 1}")
KILLED = RuntimeError(EMPTY + "{'EngineCore': -9}")


def said(line):
    """A child's output: logged once, then once more in its process's traceback."""
    return (
        f"{INFO} trust_remote_code=True\n{CORE}{line}\nTraceback (most recent call last):\n{line}\n"
    )


CHILD = [
    (
        (
            "ValueError: To serve at least one request with the model's max seq len (32768), (0.02 "
            "GiB KV cache is needed, which is larger than the available KV cache memory (0.0 "
            "GiB). Based on the available memory, the estimated maximum model length is 224. Try"
        ),
        ("A context of 32768 tokens", "which holds 224", "MAX_MODEL_LEN=224 or less"),
    ),
    (
        (
            "ValueError: To serve at least one request with the model's max seq len (32768), (4.00 "
            "GiB KV cache is needed, which is larger than the available memory (0.1 GiB). Try"
        ),
        ("A context of 32768 tokens", "smaller MAX_MODEL_LEN"),
    ),
    (
        (
            "safetensors._safetensors_rust.SafetensorError: Error while deserializing header: "
            "incomplete metadata, file not fully covered"
        ),
        ("weights of org/model", "incomplete metadata", "fetch or build them again"),
    ),
    (
        "ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_util",
        ("No memory is left for the KV cache", "GPU_MEMORY_UTILIZATION"),
    ),
    (
        (
            "ValueError: Free memory on device cuda:0 (3.1/22.03 GiB) on startup is less than "
            "desired GPU memory utilization (0.92, 20.27 GiB). Decrease GPU memory utilization"
        ),
        ("only 3.1 of 22.03 GiB are free", "Lower GPU_MEMORY_UTILIZATION"),
    ),
    (
        (
            "RuntimeError: Worker failed with error 'Available memory on node 0 (6.66/8.09 GiB) on "
            "kv cache allocation is less than requested memory for kv (200.0 GiB). Decrease"
        ),
        ("200.0 GiB", "VLLM_CPU_KVCACHE_SPACE"),
    ),
    (
        (
            "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has "
            "a total capacity of 22.03 GiB of which 1.2 GiB is free."
        ),
        ("Out of memory: org/model does not fit", "quantised"),
    ),
    (
        (
            "pydantic_core.ValidationError: Model architectures ['NewForCausalLM'] are not "
            "supported for now. Supported architectures: dict_keys(["
        ),
        ("architecture of org/model ('NewForCausalLM')", "MODEL_NAME"),
    ),
    ("OSError: [Errno 28] No space left on device", ("disk is full",)),
    ("RuntimeError: No CUDA GPUs are available", ("No GPU",)),
]


@pytest.mark.parametrize(("line", "told"), CHILD)
def test_the_root_cause_is_found_in_what_a_child_wrote(line, told):
    """With what to change; the parent process was told nothing."""
    message = explain(said(line), FAILED, "org/model")
    assert all(part in message for part in told), message
    assert "\n" not in message


PARENT = [
    (
        OSError(
            "You are trying to access a gated repo.\nMake sure to have access to it at "
            "https://huggingface.co/org/model.\n401 Client Error."
        ),
        ("org/model is gated", "HF_TOKEN"),
    ),
    (
        OSError(
            "401 Client Error. Repository Not Found for url: https://huggingface.co/api/models/x. "
            "Invalid username or password."
        ),
        ("does not know the token in HF_TOKEN",),
    ),
    (
        OSError(
            "org/model is not a local folder and is not a valid model identifier listed on "
            "'https://huggingface.co/models'\nIf this is a private repository, make sure to pass"
        ),
        ("There is no model org/model", "MODEL_NAME"),
    ),
    (
        OSError("Repo id must be in the form 'repo_name' or 'namespace/repo_name': 'a/b/c'."),
        ("There is no model org/model", "MODEL_NAME"),
    ),
    (
        OSError("nope is not a valid git identifier (branch name, tag name or commit id) that"),
        ("no such revision", "MODEL_REVISION"),
    ),
    (
        OSError(
            "We couldn't connect to 'https://huggingface.co' to load the files, and couldn't find "
            "them in the cached files."
        ),
        ("is not on this machine", "HF_HUB_OFFLINE"),
    ),
    (
        ValueError(
            "1 validation error for ModelConfig\n  Value error, The repository org/model contains "
            "custom code which must be executed to correctly load the model.\nPlease pass the "
            "argument `trust_remote_code=True` to allow custom code to be run. [type=value_error"
        ),
        ("TRUST_REMOTE_CODE=true",),
    ),
    (
        ValueError(
            "1 validation error for ModelConfig\n  Value error, User-specified max_model_len "
            "(99999) is greater than the derived max_model_len (max_position_embeddings=32768.0 or "
            "model_max_length=None in model's config.json). To allow overriding"
        ),
        ("MAX_MODEL_LEN=99999 is more than the 32768 tokens",),
    ),
    (
        ValueError(
            "1 validation error for CacheConfig\ngpu_memory_utilization\n  Input should be less "
            "than or equal to 1 [type=less_than_equal, input_value=1.5, input_type=float]"
        ),
        ("GPU_MEMORY_UTILIZATION=1.5: Input should be less than or equal to 1.",),
    ),
    (
        ValueError(
            "1 validation error for VllmConfig\n  Value error, Total number of attention heads (2) "
            "must be divisible by tensor parallel size (4). [type=value_error, input_value=Args"
        ),
        ("Total number of attention heads (2) must be divisible by tensor parallel size (4).",),
    ),
    (
        ValueError(
            "1 validation error for ModelConfig\n  Value error, Unknown quantization method: x. "
            "Must be one of ['awq', 'fp8']. [type=value_error, input_value=ArgsKwargs((), {'model'"
        ),
        ("Unknown quantization method: x. Must be one of ['awq', 'fp8'].",),
    ),
    (
        ValueError(
            "2 validation errors for SpeculativeConfig\nnum_speculative_tokens\n  Field required "
            "[type=missing, input_value=ArgsKwargs((), {'x': 1}), input_type=ArgsKwargs]\nx\n  "
            "Unexpected keyword argument [type=unexpected_keyword_argument, input_value=1"
        ),
        ("SpeculativeConfig NUM_SPECULATIVE_TOKENS: Field required.",),
    ),
    (
        ValueError(
            "1 validation error for CacheConfig\nblock_size\n  Value error, No block of 3 for "
            "['a', 'b'] [type=value_error, input_value=3, input_type=int]"
        ),
        ("CacheConfig BLOCK_SIZE: No block of 3 for ['a', 'b'].",),
    ),
    (KILLED, ("Out of memory",)),
]


@pytest.mark.parametrize(("error", "told"), PARENT)
def test_the_root_cause_is_found_in_what_the_parent_was_told(error, told):
    """Also behind another exception; nothing of a traceback remains."""
    outer = RuntimeError("wrapped")
    outer.__cause__ = error
    for failed in (error, outer):
        message = explain(INFO, failed, "org/model")
        assert all(part in message for part in told), message
        assert "\n" not in message
        assert "type=value_error" not in message


def test_an_unknown_cause_is_the_last_exception_that_says_something():
    """Not the parent's empty words, and not what a child says of another."""
    output = said("AssertionError: first") + said("torch.cuda.NewError: something new")
    output += said("Exception: WorkerProc initialization failed due to an exception in a process.")
    message = explain(output, FAILED, "org/model")
    assert message == "The engine did not start: torch.cuda.NewError: something new"


def test_what_vllm_refuses_by_itself_is_told_in_its_words():
    """Arguments that cannot go together, for one."""
    error = TypeError("Error: --enable-auto-tool-choice requires --tool-call-parser")
    assert explain("", error, "m").endswith("--enable-auto-tool-choice requires --tool-call-parser")


def test_a_silent_end_is_told_as_such():
    """No guess where there is nothing to go by."""
    assert explain("", FAILED, "m").endswith("its output does not say why")


def test_what_is_said_when_all_is_well_is_no_cause():
    """The engine's configuration, logged at every start, is full of telling words."""
    line = f"{INFO}: CUDA out of memory, gated repo, No space left on device\n"
    message = explain(line + said("KeyError: 'x'"), FAILED, "m")
    assert message == "The engine did not start: KeyError: 'x'"
