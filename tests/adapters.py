"""Small LoRA adapters, in the files that the PEFT library writes."""

import json

import numpy as np
from safetensors.numpy import save_file

RANK = 8
TARGETS = ("q_proj", "v_proj")


def write_adapter(folder, model, size):
    """An adapter of the attention of the Qwen2 in `model`: random, `size` times; 0 is no change."""
    config = json.loads((model / "config.json").read_text())
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps(configuration(config)))
    save_file(tensors(config, size), folder / "adapter_model.safetensors")


def configuration(config):
    return {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": config["model_type"],
        "r": RANK,
        "lora_alpha": 2 * RANK,
        "target_modules": list(TARGETS),
        "bias": "none",
    }


def tensors(config, size):
    heads = {"q_proj": config["num_attention_heads"], "v_proj": config["num_key_value_heads"]}
    width = config["hidden_size"]
    head = 64  # as in builder.weights
    made, random = {}, np.random.default_rng(0)
    for layer in range(config["num_hidden_layers"]):
        for target in TARGETS:
            at = f"base_model.model.model.layers.{layer}.self_attn.{target}"
            down, up = (RANK, width), (heads[target] * head, RANK)
            made[f"{at}.lora_A.weight"] = random.standard_normal(down, dtype=np.float32)
            made[f"{at}.lora_B.weight"] = random.standard_normal(up, dtype=np.float32) * size
    return made
