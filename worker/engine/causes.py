"""Why the engine did not start, out of all that it said, and what to change.

vLLM's parent process only learns "Engine core initialization failed": the reason is somewhere in
the output of its children. The patterns are of vLLM 0.32, transformers 5 and huggingface_hub.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

MESSAGE_LENGTH = 300  # characters of what is told in others' words


class Cause(NamedTuple):
    """A pattern of the output, and its reason and remedy, filled from {model} and its groups."""

    pattern: str
    told: str


CAUSES = (
    Cause(
        r"To serve at least one request with the model's max seq len \((?P<asked>\d+)\)"
        r".*?estimated maximum model length is (?P<fits>\d+)",
        "A context of {asked} tokens is longer than the KV cache, which holds {fits}: set "
        "MAX_MODEL_LEN={fits} or less, or give the cache more memory (GPU_MEMORY_UTILIZATION, on a "
        "CPU VLLM_CPU_KVCACHE_SPACE).",
    ),
    Cause(
        r"To serve at least one request with the model's max seq len \((?P<asked>\d+)\)",
        "A context of {asked} tokens is longer than the KV cache: set a smaller MAX_MODEL_LEN, or "
        "give the cache more memory (GPU_MEMORY_UTILIZATION, on a CPU VLLM_CPU_KVCACHE_SPACE).",
    ),
    Cause(
        r"User-specified max_model_len \((?P<asked>\d+)\) is greater than the derived"
        r" max_model_len \(\w+=(?P<fits>\d+)",
        "MAX_MODEL_LEN={asked} is more than the {fits} tokens that {model} was made for: set "
        "{fits} or less.",
    ),
    Cause(
        r"No available memory for the cache blocks",
        "No memory is left for the KV cache beside the weights: raise GPU_MEMORY_UTILIZATION, "
        "take a quantised model (a preset with awq or fp8), or a larger GPU.",
    ),
    Cause(
        r"\((?P<free>[\d.]+)/(?P<total>[\d.]+) GiB\) on startup\s+is less than desired",
        "Out of memory: only {free} of {total} GiB are free at the start. Lower "
        "GPU_MEMORY_UTILIZATION, or end what else uses them.",
    ),
    Cause(
        r"\((?P<free>[\d.]+)/[\d.]+ GiB\) on kv cache allocation is less than requested memory for"
        r" kv \((?P<asked>[\d.]+) GiB\)",
        "Out of memory: the KV cache shall have {asked} GiB and {free} are free. Lower "
        "VLLM_CPU_KVCACHE_SPACE or KV_CACHE_MEMORY_BYTES.",
    ),
    Cause(
        r"OutOfMemoryError|CUDA out of memory|can't allocate memory|Cannot allocate memory"
        r"|Failed core proc\(s\): \{[^}]*-9\b",
        "Out of memory: {model} does not fit. Lower GPU_MEMORY_UTILIZATION, MAX_MODEL_LEN or "
        "MAX_NUM_SEQS, take a quantised model (a preset with awq or fp8), or a larger machine.",
    ),
    Cause(
        r"Invalid (?:user token|credentials|username or password)|Token .{0,40}(?:expired|revoked)",
        "Hugging Face does not know the token in HF_TOKEN: make a new one, or unset it.",
    ),
    Cause(
        r"gated repo|GatedRepoError|Access to model .{1,200}? is restricted",
        "{model} is gated: ask for access on its Hugging Face page, and set HF_TOKEN to a token "
        "of the account that has it.",
    ),
    Cause(
        r"is not a valid git identifier|RevisionNotFoundError",
        "{model} has no such revision: check MODEL_REVISION.",
    ),
    Cause(
        r"is not a local folder and is not a valid model|RepositoryNotFoundError"
        r"|Repo id must be in the form|Repo id must use alphanumeric",
        "There is no model {model}: check MODEL_NAME, and for a private one HF_TOKEN.",
    ),
    Cause(
        r"couldn't connect to|LocalEntryNotFoundError|outgoing traffic has been disabled"
        r"|OfflineModeIsEnabled",
        "{model} is not on this machine, and Hugging Face cannot be reached: check the network and "
        "HF_HUB_OFFLINE, or give MODEL_NAME a local folder.",
    ),
    Cause(
        r"(?:argument|option) `trust_remote_code=True`|--trust-remote-code",
        "{model} brings code of its own: set TRUST_REMOTE_CODE=true if you trust where it is from.",
    ),
    Cause(
        r"Model architectures \[(?P<asked>[^\]]*)\] (?:are not supported|failed to be inspected)",
        "vLLM cannot serve the architecture of {model} ({asked}): choose another MODEL_NAME.",
    ),
    Cause(
        r"SafetensorError: (?P<reason>[^\n]+)",
        "The weights of {model} cannot be read ({reason}): fetch or build them again.",
    ),
    Cause(
        r"No space left on device|Not enough free disk space",
        "The disk is full: give the container a larger one, or set HF_HOME to a volume.",
    ),
    Cause(
        r"No CUDA GPUs are available|Failed to infer device type|Found no NVIDIA driver"
        r"|CUDA driver version is insufficient",
        "No GPU that vLLM can use: check the machine's driver, or install the CPU build.",
    ),
    Cause(
        r"validation errors? for \S+\s+(?P<field>[a-z]\w*)\s+(?P<reason>Input should [^\[\n]+)"
        r"\[[^\n]*?input_value=(?P<value>[^,\]\n]+)",
        "{field}={value}: {reason}.",
    ),
    Cause(r"validation errors? for \S+\s+Value error, (?P<reason>.+?)\s*\[type=", "{reason}."),
    Cause(
        r"validation errors? for (?P<asked>\S+)\s+(?P<field>[a-z]\S*)\s+"
        r"(?:Value error, )?(?P<reason>.+?)\s*\[type=",
        "{asked} {field}: {reason}.",
    ),
)

SPOKEN_BY = re.compile(r"^\(\w[^()]* pid=\d+\) (?:ERROR [\d-]+ [\d:]+ \[[^\]]*\] ?)?", re.MULTILINE)
EXCEPTION = re.compile(r"^(?:[\w.]+\.)?\w*(?:Error|Exception|Interrupt|Exit): .+", re.MULTILINE)
EMPTY_WORDS = re.compile(r"Engine core initialization failed|WorkerProc initialization failed")


def _errors_only(output: str) -> str:
    """The output without its speakers, and without what they say when all is well."""
    lines = [line for line in output.splitlines() if not re.match(r"\(.+?\) INFO ", line)]
    return SPOKEN_BY.sub("", "\n".join(lines))


def _told(error: BaseException) -> str:
    """An exception and those that caused it, as a traceback would name them."""
    cause = error.__cause__ or error.__context__
    own = f"{type(error).__name__}: {error}"
    return f"{_told(cause)}\n{own}" if cause else own


def _known(text: str, model: str) -> Iterator[str]:
    for pattern, told in CAUSES:
        if found := re.search(pattern, text, re.DOTALL):
            groups = {name: _cut(value) for name, value in found.groupdict().items()}
            groups["field"] = groups.get("field", "").upper()
            yield told.format(model=model, **groups)


def _cut(value: str) -> str:
    return value.strip(" .")[:MESSAGE_LENGTH]


def _last_exception(text: str) -> str:
    said = [line for line in EXCEPTION.findall(text) if not EMPTY_WORDS.search(line)]
    last = said[-1] if said else "its output does not say why"
    return f"The engine did not start: {last[:MESSAGE_LENGTH]}"


def explain(output: str, error: BaseException, model: str) -> str:
    """The root cause of a failed start and what to change, on one line.

    Args:
        output: what the engine's processes wrote to standard error.
        error: what the parent process was told.
        model: the model's name, as the person gave it.
    """
    text = f"{_errors_only(output)}\n{_told(error)}"
    return " ".join(next(_known(text, model), _last_exception(text)).split())
