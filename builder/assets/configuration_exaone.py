"""EXAONE's configuration in the words that vLLM's model class reads, for the mini checkpoint."""

from typing import Any

from transformers import PretrainedConfig


class ExaoneConfig(PretrainedConfig):  # type: ignore[misc]
    """Sizes of an EXAONE decoder; `num_layers` is this family's word for the usual one."""

    model_type = "exaone"
    attribute_map = {"num_hidden_layers": "num_layers"}  # noqa: RUF012 - transformers' own form

    def __init__(
        self,
        *,
        vocab_size: int = 102400,
        hidden_size: int = 4096,
        intermediate_size: int = 14336,
        num_layers: int = 32,
        num_attention_heads: int = 32,
        num_key_value_heads: int = 8,
        head_dim: int = 128,
        activation_function: str = "silu",
        layer_norm_epsilon: float = 1e-5,
        max_position_embeddings: int = 32768,
        rope_theta: float = 1_000_000.0,
        initializer_range: float = 0.02,
        **others: Any,
    ) -> None:
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.intermediate_size = intermediate_size
        self.num_layers = num_layers
        self.num_attention_heads = num_attention_heads
        self.num_key_value_heads = num_key_value_heads
        self.head_dim = head_dim
        self.activation_function = activation_function
        self.layer_norm_epsilon = layer_norm_epsilon
        self.max_position_embeddings = max_position_embeddings
        self.rope_theta = rope_theta
        self.initializer_range = initializer_range
        super().__init__(**others)
