"""Engine arguments that suit a model on a card, as the environment variables a person would set.

Choose one with PRESET; whatever the environment says itself goes before. With another MODEL_NAME, a
preset is about the card alone: what it says of its own model (OF_THE_MODEL) is left out. All keep
8192 tokens of context: a job's prompt and lines take under 2000. The KV cache costs 128 KiB a token
for EXAONE-3.5 (32 layers, 8 KV heads of 128, bf16) and 56 KiB for A.X-4.0-Light (28 layers, 4 KV
heads of 128).
"""

from collections.abc import Mapping
from types import MappingProxyType

AX = "skt/A.X-4.0-Light"
EXAONE = "LGAI-EXAONE/EXAONE-3.5-7.8B-Instruct"
EXAONE_AWQ = f"{EXAONE}-AWQ"

OF_THE_MODEL = frozenset({"TRUST_REMOTE_CODE", "QUANTIZATION"})

# A job is a dozen short requests at once, and the listener waits for the first line: latency
# before throughput. Requests beyond the queue are refused at once, for the platform to place
# elsewhere, instead of waiting past their deadline.
_LATENCY = {"MAX_MODEL_LEN": "8192", "PERFORMANCE_MODE": "interactivity"}

# 24 GB, Ada: FP8 runs on its tensor cores, and halves what decoding reads per token.
_L4 = _LATENCY | {
    "GPU_MEMORY_UTILIZATION": "0.90",
    "MAX_NUM_SEQS": "64",
    "MAX_CUDAGRAPH_CAPTURE_SIZE": "64",
    "MAX_NUM_QUEUED_REQS": "256",
}
# 48 GB, Ampere: no FP8 arithmetic, and room enough for bf16 weights.
_A40 = _LATENCY | {
    "GPU_MEMORY_UTILIZATION": "0.92",
    "MAX_NUM_SEQS": "128",
    "MAX_CUDAGRAPH_CAPTURE_SIZE": "128",
    "MAX_NUM_QUEUED_REQS": "512",
}
# EXAONE-3.5 brings its configuration as code; AWQ is found in that configuration by vLLM itself.
_TRUSTED = {"TRUST_REMOTE_CODE": "true"}

PRESETS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "ax-l4": _L4 | {"MODEL_NAME": AX, "QUANTIZATION": "fp8"},
        "ax-a40": _A40 | {"MODEL_NAME": AX},
        "exaone-l4": _L4 | _TRUSTED | {"MODEL_NAME": EXAONE, "QUANTIZATION": "fp8"},
        "exaone-a40": _A40 | _TRUSTED | {"MODEL_NAME": EXAONE},
        "exaone-awq-l4": _L4 | _TRUSTED | {"MODEL_NAME": EXAONE_AWQ},
        "exaone-awq-a40": _A40 | _TRUSTED | {"MODEL_NAME": EXAONE_AWQ},
        # The model that `python -m builder mini` writes, with its own configuration code.
        "mini": _TRUSTED | {"MODEL_NAME": ".cache/mini", "MAX_MODEL_LEN": "8192"},
    }
)
