"""Random weights in the shapes and under the names of the two families that the worker serves."""

import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm  # type: ignore[import-untyped]

ARCHITECTURES = ("exaone", "qwen2")
HEAD_DIM = 64  # one of the head sizes for which vLLM's CPU attention has a kernel
POSITIONS = 32768  # as EXAONE-3.5 has
DEVIATION = 0.02  # of the weights: the families' own initializer_range
ONE = np.uint16(0x3F80)  # 1.0 in bfloat16


@dataclass(frozen=True, slots=True)
class Size:
    """The widths of a decoder, in numbers of floats, heads and layers."""

    hidden: int
    feed_forward: int
    layers: int
    heads: int
    kv_heads: int


SIZES = {
    "tiny": Size(hidden=128, feed_forward=256, layers=2, heads=2, kv_heads=1),
    "mid": Size(hidden=1024, feed_forward=2816, layers=12, heads=16, kv_heads=4),
}


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor to be written: `fill` is "normal" or "ones"."""

    name: str
    shape: tuple[int, ...]
    fill: str = "normal"

    @property
    def nbytes(self) -> int:
        """Bytes on disk, in bfloat16."""
        return prod(self.shape) * 2


def tensors(arch: str, size: Size, vocabulary: int) -> list[Tensor]:
    """Every tensor of a checkpoint of `arch`, named as its published checkpoints name them."""
    layer = _exaone_layer if arch == "exaone" else _qwen2_layer
    embedding, norm = (
        ("transformer.wte", "transformer.ln_f")
        if arch == "exaone"
        else ("model.embed_tokens", "model.norm")
    )
    return [
        Tensor(f"{embedding}.weight", (vocabulary, size.hidden)),
        *(tensor for number in range(size.layers) for tensor in layer(size, number)),
        Tensor(f"{norm}.weight", (size.hidden,), "ones"),
        Tensor("lm_head.weight", (vocabulary, size.hidden)),
    ]


def _exaone_layer(size: Size, number: int) -> Iterator[Tensor]:
    at = f"transformer.h.{number}"
    yield Tensor(f"{at}.ln_1.weight", (size.hidden,), "ones")
    for part, rows in _projections(size):
        yield Tensor(f"{at}.attn.attention.{part}_proj.weight", (rows, size.hidden))
    yield Tensor(f"{at}.attn.attention.out_proj.weight", (size.hidden, size.heads * HEAD_DIM))
    yield Tensor(f"{at}.ln_2.weight", (size.hidden,), "ones")
    yield from _feed_forward(size, f"{at}.mlp", "c_fc_0", "c_fc_1", "c_proj")


def _qwen2_layer(size: Size, number: int) -> Iterator[Tensor]:
    at = f"model.layers.{number}"
    yield Tensor(f"{at}.input_layernorm.weight", (size.hidden,), "ones")
    for part, rows in _projections(size):
        yield Tensor(f"{at}.self_attn.{part}_proj.weight", (rows, size.hidden))
        yield Tensor(f"{at}.self_attn.{part}_proj.bias", (rows,))
    yield Tensor(f"{at}.self_attn.o_proj.weight", (size.hidden, size.heads * HEAD_DIM))
    yield Tensor(f"{at}.post_attention_layernorm.weight", (size.hidden,), "ones")
    yield from _feed_forward(size, f"{at}.mlp", "gate_proj", "up_proj", "down_proj")


def _projections(size: Size) -> tuple[tuple[str, int], ...]:
    return (
        ("q", size.heads * HEAD_DIM),
        ("k", size.kv_heads * HEAD_DIM),
        ("v", size.kv_heads * HEAD_DIM),
    )


def _feed_forward(size: Size, at: str, gate: str, up: str, down: str) -> Iterator[Tensor]:
    yield Tensor(f"{at}.{gate}.weight", (size.feed_forward, size.hidden))
    yield Tensor(f"{at}.{up}.weight", (size.feed_forward, size.hidden))
    yield Tensor(f"{at}.{down}.weight", (size.hidden, size.feed_forward))


def configuration(arch: str, size: Size, vocabulary: int) -> dict[str, Any]:
    """What `config.json` says of the network; the families differ in their words only."""
    common = {
        "vocab_size": vocabulary,
        "hidden_size": size.hidden,
        "intermediate_size": size.feed_forward,
        "num_attention_heads": size.heads,
        "num_key_value_heads": size.kv_heads,
        "max_position_embeddings": POSITIONS,
        "rope_theta": 1_000_000.0,
        "initializer_range": DEVIATION,
        "tie_word_embeddings": False,
        "dtype": "bfloat16",
    }
    return common | (_exaone_words(size) if arch == "exaone" else _qwen2_words(size))


def _exaone_words(size: Size) -> dict[str, Any]:
    return {
        "architectures": ["ExaoneForCausalLM"],
        "model_type": "exaone",
        "auto_map": {"AutoConfig": "configuration_exaone.ExaoneConfig"},
        "num_layers": size.layers,
        "head_dim": HEAD_DIM,
        "activation_function": "silu",
        "layer_norm_epsilon": 1e-5,
    }


def _qwen2_words(size: Size) -> dict[str, Any]:
    return {
        "architectures": ["Qwen2ForCausalLM"],
        "model_type": "qwen2",
        "num_hidden_layers": size.layers,
        "hidden_act": "silu",
        "rms_norm_eps": 1e-6,
    }


def write(path: Path, wanted: Iterable[Tensor], seed: int) -> None:
    """Write `wanted` as one safetensors file, the same bytes for the same seed.

    Tensor by tensor, so that memory holds one at a time: eight bytes of header length, the header
    as JSON, then the data (https://huggingface.co/docs/safetensors/#format).
    """
    listed = list(wanted)
    header = _header(listed)
    with path.open("wb") as file, _progress(listed) as bar:
        file.write(len(header).to_bytes(8, "little") + header)
        for tensor in listed:
            file.write(_values(tensor, seed).tobytes())
            bar.update(tensor.nbytes)


def _progress(listed: Iterable[Tensor]) -> Any:
    total = sum(tensor.nbytes for tensor in listed)
    return tqdm(total=total, desc="weights", unit="B", unit_scale=True)


def _header(listed: Iterable[Tensor]) -> bytes:
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for tensor in listed:
        start, end = end, end + tensor.nbytes
        offsets = [start, end]
        header[tensor.name] = {"dtype": "BF16", "shape": tensor.shape, "data_offsets": offsets}
    text = json.dumps(header, separators=(",", ":")).encode()
    return text + b" " * (-len(text) % 8)  # data must begin on a multiple of eight


def _values(tensor: Tensor, seed: int) -> np.ndarray[Any, np.dtype[np.uint16]]:
    """The tensor's numbers as bfloat16 bits; a generator for each, so that order is no matter."""
    if tensor.fill == "ones":
        return np.full(tensor.shape, ONE, dtype="<u2")
    generator = np.random.default_rng((seed, zlib.crc32(tensor.name.encode())))
    numbers = generator.standard_normal(tensor.shape, dtype=np.float32) * np.float32(DEVIATION)
    # bfloat16 is the upper half of a float32; cutting instead of rounding does not matter here.
    return (numbers.view(np.uint32) >> np.uint32(16)).astype("<u2")
