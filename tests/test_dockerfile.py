"""The Dockerfile and what goes to the builder, read; tests/image builds it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from worker.presets import AX

ROOT = Path(__file__).resolve().parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")


def arguments(name):
    """The defaults of a build argument, one for each stage that takes it."""
    return re.findall(rf"^ARG {name}=(\S+)$", DOCKERFILE, re.MULTILINE)


def test_the_base_has_the_lock_s_vllm():
    """The image's vLLM is the one that all tests ran with."""
    lock = (ROOT / "requirements.txt").read_text()
    [version] = re.findall(r"^vllm==(\S+)$", lock, re.MULTILINE)
    assert arguments("BASE_IMAGE") == [f"vllm/vllm-openai:v{version}"]


def test_the_model_without_a_word_is_the_one_free_for_a_service():
    """A.X in both stages, so that what is baked is what is served."""
    assert arguments("MODEL_NAME") == [AX, AX]
    assert len(set(arguments("MODEL_REVISION"))) == 1


def test_no_frontend_is_fetched():
    """A build needs no network but for its base and its packages."""
    assert not re.search(r"^# *syntax", DOCKERFILE, re.MULTILINE | re.IGNORECASE)


def test_nothing_of_one_machine_is_in_it():
    """No certificate, proxy, mirror or path of whoever builds."""
    assert not re.search(
        r"cert|proxy|index-url|find-links|https?://(?!huggingface\.co)", DOCKERFILE
    )


def test_the_code_is_the_last_layer():
    """After it come only words about the image."""
    steps = re.findall(r"^([A-Z]+) ", DOCKERFILE, re.MULTILINE)
    last = len(steps) - steps[::-1].index("COPY")
    assert (
        re.findall(r"^COPY .*$", DOCKERFILE, re.MULTILINE)[-1] == "COPY --chmod=755 worker worker"
    )
    assert set(steps[last:]) <= {
        "ARG",
        "CMD",
        "ENTRYPOINT",
        "EXPOSE",
        "HEALTHCHECK",
        "LABEL",
        "STOPSIGNAL",
        "USER",
    }


def test_all_that_is_copied_or_mounted_is_let_through():
    """.dockerignore admits what the Dockerfile takes, and nothing that it does not."""
    admitted = {
        line[1:]
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    copied = [
        word
        for words in re.findall(
            r"^COPY (?!--from)(?:--chmod=755 )?(.*) \S+$", DOCKERFILE, re.MULTILINE
        )
        for word in words.split()
    ]
    mounted = re.findall(r"type=bind,source=([^,]+)", DOCKERFILE)
    assert admitted == {*copied, *mounted}
    assert all((ROOT / path).exists() for path in admitted)


def test_the_download_runs_with_what_its_stage_copies(tmp_path):
    """In the image's first stage lie a few files of the builder, and they are enough."""
    [copied] = re.findall(r"^COPY (builder/.*) builder/$", DOCKERFILE, re.MULTILINE)
    (tmp_path / "builder").mkdir()
    for name in copied.split():
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "builder.download", "--help"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)


@pytest.mark.parametrize("name", ["LICENSE", "NOTICE"])
def test_the_licences_travel_with_the_image(name):
    """Whoever has the image has our licence and everybody else's."""
    assert re.search(rf"^COPY .*\b{name}\b", DOCKERFILE, re.MULTILINE)


def test_handler_py_is_the_worker():
    """RunPod's Hub asks for a handler.py; it starts what `python -m worker` starts."""
    command = [sys.executable, ROOT / "handler.py", "--help"]
    told = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert "--test_input" in told
