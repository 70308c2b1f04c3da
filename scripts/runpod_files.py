"""Write .runpod/hub.json and .runpod/tests.json, which RunPod's Hub reads, from the code.

The environment table is that of the settings, the presets are the worker's, the first test is
test_input.json. With `--check` nothing is written, and the exit code says whether the files are
true. What each field means: https://docs.runpod.io/hub/publishing-guide
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from worker.presets import AX, PRESETS  # noqa: E402  (the line above makes it importable)
from worker.settings import SECRET, SWITCH, TEXT, Kind, Settings  # noqa: E402

Document = dict[str, Any]

# Of the versions that RunPod knows, the only one that the driver must have for vLLM's own image:
# CUDA 13.0 since 0.20. With an older driver the container ends before it begins ("unsatisfied
# condition: cuda>=13.0"). For a BASE_IMAGE of CUDA 12.9 (tag -cu129), 12.9 belongs here, too.
# Source: https://github.com/runpod-workers/worker-vllm/pull/299
CUDA = ["13.0"]

# L4, and A40 or A6000. The two cards that share a pool with the L4 have no FP8 arithmetic, which
# the L4's presets count on.
# Source: https://docs.runpod.io/references/gpu-types#gpu-pools
GPUS = "AMPERE_24,-NVIDIA RTX A5000,-NVIDIA GeForce RTX 3090,AMPERE_48"

# unit: GB. The image (some 25 with a model of 15 in it), 16 more for another model, and what is
# compiled at the first start.
DISK = 60

# unit: milliseconds. A test may be the first that a new worker gets, which then loads 15 GB and
# compiles; vLLM alone was once found to need more than 30 s for a model of 135 M parameters.
TIMEOUT = 900_000

# The presets as a form names them: EXAONE's licence must be seen before it is chosen.
_RESEARCH = "(research only, never commercial)"
TITLES = {
    "ax-l4": "A.X 4.0 Light on L4",
    "ax-a40": "A.X 4.0 Light on A40",
    "exaone-awq-l4": f"EXAONE 3.5 7.8B AWQ on L4 {_RESEARCH}",
    "exaone-a40": f"EXAONE 3.5 7.8B on A40 {_RESEARCH}",
    "exaone-l4": f"EXAONE 3.5 7.8B on L4 {_RESEARCH}",
    "exaone-awq-a40": f"EXAONE 3.5 7.8B AWQ on A40 {_RESEARCH}",
}
OFFERED = ("ax-l4", "ax-a40", "exaone-awq-l4", "exaone-a40")  # in the menu of presets
LAPTOPS = "mini"  # no image has that model
TESTED = "ax-l4"  # on the one card that the tests run on

# An endpoint with a GPU of its own asks no engine elsewhere, and the image has its own health file.
# The Hub's endpoints have a queue: nobody reaches a port of theirs.
NOT_OFFERED = {
    *("ENGINE_URL", "ENGINE_API_KEY", "HEALTH_FILE"),
    *("SERVE_MODE", "PORT", "PORT_HEALTH", "API_KEYS", "MAX_WAITING", "MAX_BODY_BYTES"),
    "METRICS_PORT",
}

# What a form shows at once; all else is under "advanced".
FIRST = ("PRESET", "MODEL_NAME")
# Without a choice, a worker would look for the mini model.
REQUIRED = {"PRESET": TESTED}
TYPES = {"MODEL_NAME": "huggingface"}  # a choice among models; a token is no such thing
WORDS = {
    "PRESET": "engine arguments for a model on a card; choose that card for the endpoint, too",
    "MODEL_NAME": "Hugging Face id of the model, which must be in the image, in RunPod's cache "
    "(the endpoint's Model field) or on a volume; without it, the preset's",
}
SELF_EVIDENT = (TEXT, SECRET, SWITCH)
ACRONYMS = {"HF", "URL", "API"}


def variables() -> Iterator["Field[Any]"]:
    """The settings that a deployment on the platform may want to change."""
    for spec in fields(Settings):
        if spec.metadata.get("variable", "") not in {"", *NOT_OFFERED}:
            yield spec


def label(name: str) -> str:
    """A variable's name as a form has it: `HF_TOKEN` is `HF token`."""
    words = [word if word in ACRONYMS else word.lower() for word in name.split("_")]
    return " ".join([words[0] if words[0] in ACRONYMS else words[0].capitalize(), *words[1:]])


def description(spec: "Field[Any]") -> str:
    """What a setting is, and what it may hold where the form itself does not show that."""
    name, kind = spec.metadata["variable"], spec.metadata["kind"]
    what = WORDS.get(name, spec.metadata["what"])
    told = what if kind in SELF_EVIDENT or kind.choices else f"{what} ({kind.expected})"
    return told[0].upper() + told[1:]


def default(spec: "Field[Any]") -> Document:
    """A setting's default as JSON has it, or nothing where there is none."""
    value = REQUIRED.get(spec.metadata["variable"], spec.default)
    if value is MISSING or value in (None, ()):
        return {}
    whole = isinstance(value, float) and value.is_integer()
    return {"default": int(value) if whole else value}


def options(kind: Kind) -> list[Document]:
    """The words to choose among."""
    offered = [choice for choice in kind.choices if choice != LAPTOPS]
    return [{"label": TITLES.get(choice, choice), "value": choice} for choice in offered]


def values(kind: Kind) -> Document:
    """The type of a setting's values, and which there are."""
    if kind is SWITCH:
        return {"type": "boolean", "trueValue": "true", "falseValue": "false"}
    if kind.choices:
        return {"type": "string", "options": options(kind)}
    bounds = {"min": kind.low, "max": kind.high}
    known = {name: bound for name, bound in bounds.items() if bound is not None}
    return {"type": "number", **known} if known else {"type": "string"}


def variable(spec: "Field[Any]") -> Document:
    """One row of the environment table."""
    name = spec.metadata["variable"]
    admitted = values(spec.metadata["kind"])
    told = {
        "name": label(name),
        "type": TYPES.get(name, admitted.pop("type")),
        "description": description(spec),
        **default(spec),
        "required": name in REQUIRED,
        "advanced": name not in FIRST,
        **admitted,
    }
    return {"key": name, "input": told}


def preset(name: str) -> Document:
    """A preset, and its model: an image names the one that is baked, which would go before.

    Another than the Hub's image has baked is RunPod's cached model, where the endpoint names it, or
    is downloaded at the start.
    """
    defaults = {"PRESET": name, "MODEL_NAME": PRESETS[name]["MODEL_NAME"]}
    if defaults["MODEL_NAME"] != AX:
        defaults["HF_HUB_OFFLINE"] = "0"
    return {"name": TITLES[name], "defaults": defaults}


def hub() -> Document:
    """How the Hub lists and deploys the worker."""
    return {
        "title": "Korean Football Commentary",
        "description": "Ten match actions in, ten lines of spoken Korean commentary out, each with "
        "a tone for the text-to-speech voice and checked against its action. Also serves OpenAI's "
        "routes.",
        "type": "serverless",
        "category": "language",
        "iconUrl": "https://raw.githubusercontent.com/googlefonts/noto-emoji/"
        "69b0092a76e1d446d6a09cbad1b1171e478b197e/png/128/emoji_u26bd.png",
        "config": {
            "runsOn": "GPU",
            "containerDiskInGb": DISK,
            "gpuCount": 1,
            "gpuIds": GPUS,
            "allowedCudaVersions": CUDA,
            "presets": [preset(name) for name in OFFERED],
            "env": [variable(spec) for spec in variables()],
        },
    }


def jobs() -> dict[str, Document]:
    """The inputs that a release is tested with, by the tests' names."""
    commentary = json.loads((ROOT / "test_input.json").read_text("utf-8"))["input"]
    question = "오프사이드가 무엇인지 한 문장으로 말해 줘."
    chat = {
        "model": PRESETS[TESTED]["MODEL_NAME"],
        "messages": [{"role": "user", "content": question}],
        "max_tokens": 100,
        "temperature": 0,
    }
    return {
        "commentary": commentary,
        "commentary_streamed": commentary | {"stream": True},
        "openai_chat": {"openai_route": "/v1/chat/completions", "openai_input": chat},
        "probe": {"probe": True},
    }


def tests() -> Document:
    """What the Hub runs of a release. It passes what answers: a broken contract must not."""
    return {
        "tests": [{"name": name, "input": job, "timeout": TIMEOUT} for name, job in jobs().items()],
        "config": {
            "gpuTypeId": "NVIDIA L4",
            "gpuCount": 1,
            "env": [{"key": "PRESET", "value": TESTED}],
            "allowedCudaVersions": CUDA,
        },
    }


FILES = {"hub.json": hub, "tests.json": tests}


def out_of_date(folder: Path) -> Iterator[tuple[Path, str]]:
    """The files that are not what the code says, each with what it says."""
    for name, document in FILES.items():
        path, true = folder / name, json.dumps(document(), ensure_ascii=False, indent=2) + "\n"
        if not path.exists() or path.read_text("utf-8") != true:
            yield path, true


def main(arguments: list[str], folder: Path = ROOT / ".runpod") -> None:
    """Write the files, or only say whether they are true."""
    wrong = list(out_of_date(folder))
    if "--check" in arguments:
        names = " and ".join(path.name for path, _ in wrong)
        told = f"runpod_files: {names} out of date, `make docs` writes what the code says"
        sys.exit(told if wrong else 0)
    folder.mkdir(exist_ok=True)
    for path, true in wrong:
        path.write_text(true, "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
