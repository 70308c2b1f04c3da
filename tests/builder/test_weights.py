import json
from math import prod

import pytest
from safetensors import safe_open
from transformers import AutoConfig, AutoModelForCausalLM

from builder.tokenizer import VOCABULARY
from builder.weights import ARCHITECTURES, DEVIATION, SIZES, Tensor, tensors, write


def names_of_exaone(layers: int) -> set[str]:
    parts = [f"attn.attention.{p}_proj" for p in ("q", "k", "v", "out")]
    parts += ["ln_1", "ln_2", "mlp.c_fc_0", "mlp.c_fc_1", "mlp.c_proj"]
    blocks = {f"transformer.h.{n}.{part}.weight" for n in range(layers) for part in parts}
    return blocks | {"transformer.wte.weight", "transformer.ln_f.weight", "lm_head.weight"}


def test_exaone_weights_have_the_names_of_the_published_checkpoints():
    listed = tensors("exaone", SIZES["tiny"], VOCABULARY)
    assert sorted(t.name for t in listed) == sorted(names_of_exaone(SIZES["tiny"].layers))


def test_qwen2_weights_have_the_names_and_shapes_of_the_reference_model(tmp_path):
    from torch import device

    from builder.mini import Mini, build

    build(tmp_path / "m", Mini("qwen2"))
    with device("meta"):
        model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(tmp_path / "m"))
    expected = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    assert {t.name: t.shape for t in tensors("qwen2", SIZES["tiny"], VOCABULARY)} == expected


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_mid_has_about_160_million_parameters(arch):
    parameters = sum(prod(t.shape) for t in tensors(arch, SIZES["mid"], VOCABULARY))
    assert 155e6 < parameters < 165e6


def test_the_file_holds_every_tensor_as_bfloat16_with_a_sane_spread(checkpoint, arch):
    with safe_open(checkpoint / "model.safetensors", "pt") as file:
        read = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    listed = tensors(arch, SIZES["tiny"], VOCABULARY)
    assert {n: tuple(t.shape) for n, t in read.items()} == {t.name: t.shape for t in listed}
    assert {str(t.dtype) for t in read.values()} == {"torch.bfloat16"}
    head = read["lm_head.weight"].float()
    assert abs(head.mean()) < DEVIATION / 10
    assert abs(head.std() - DEVIATION) < DEVIATION / 10
    norms = [t for n, t in read.items() if n.endswith(("norm.weight", "ln_f.weight"))]
    assert norms
    assert all((norm == 1).all() for norm in norms)


def test_a_tensor_has_the_same_values_whatever_stands_before_it(tmp_path):
    a, b = Tensor("a", (3, 5)), Tensor("b", (7,))
    write(tmp_path / "ab", [a, b], 4)
    write(tmp_path / "ba", [b, a], 4)
    with safe_open(tmp_path / "ab", "pt") as ab, safe_open(tmp_path / "ba", "pt") as ba:
        assert all((ab.get_tensor(n) == ba.get_tensor(n)).all() for n in "ab")


def test_there_is_a_row_of_weights_for_every_token(checkpoint):
    configuration = json.loads((checkpoint / "config.json").read_text())
    vocabulary = json.loads((checkpoint / "tokenizer.json").read_text())["model"]["vocab"]
    assert sorted(vocabulary.values()) == list(range(configuration["vocab_size"]))


def test_the_configuration_of_exaone_loads_from_its_own_code(tmp_path, monkeypatch):
    from builder.mini import Mini, build

    build(tmp_path / "m", Mini("exaone"))
    loaded = AutoConfig.from_pretrained(tmp_path / "m", trust_remote_code=True)
    assert type(loaded).__name__ == "ExaoneConfig"
    assert loaded.num_hidden_layers == loaded.num_layers == SIZES["tiny"].layers
    assert loaded.head_dim == 64
    assert loaded.eos_token_id == 7
