"""Have vLLM look at its class for a model now, while an image is built, and not at every start.

`python inspect_model.py FOLDER`, with VLLM_CACHE_ROOT set. Before a model is loaded, vLLM imports
its class in a process of its own to see what it can do, and keeps what it saw in that folder; a new
container begins with an empty one. Where FOLDER has no model, the classes of our presets' models
are looked at. A class that cannot be imported here (no GPU) is left to the first start, as if this
had not been tried.

Source: `_LazyRegisteredModel.inspect_model_cls` in vllm/model_executor/models/registry.py.
"""

import json
import sys
from pathlib import Path

OURS = ("Qwen2ForCausalLM", "ExaoneForCausalLM")  # A.X 4.0, EXAONE 3.5


def architectures(folder: Path) -> list[str]:
    """The classes that a model's configuration names, or those of our presets."""
    try:
        return list(json.loads((folder / "config.json").read_text("utf-8"))["architectures"])
    except (FileNotFoundError, KeyError):
        return list(OURS)


def inspect(name: str) -> str:
    """Look at one class; what came of it, in a line."""
    from vllm.model_executor.models.registry import ModelRegistry

    model = ModelRegistry.models.get(name)
    if model is None:
        return f"{name}: vLLM has no class of its own for it"
    try:
        model.inspect_model_cls()
    except Exception as error:  # noqa: BLE001  # whatever it is, a start will tell it in full
        return f"{name}: cannot be looked at here: {error}"
    return f"{name}: looked at"


def main() -> None:
    """Look at each class, and say so."""
    for name in architectures(Path(sys.argv[1])):
        sys.stdout.write(f"inspect_model: {inspect(name)}\n")


if __name__ == "__main__":
    main()
