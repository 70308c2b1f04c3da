import subprocess
import sys

import pytest

from builder.__main__ import main

HEAVY = ("torch", "transformers", "vllm", "runpod", "worker", "docker", "httpx", "huggingface_hub")


def test_a_built_checkpoint_is_success_and_is_named(tmp_path, capsys):
    assert main(["mini", str(tmp_path / "m"), "--arch", "qwen2", "--seed", "3"]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'm'}: qwen2 tiny written\n"


def test_what_cannot_be_built_is_one_line_and_failure(tmp_path, capsys):
    (tmp_path / "mine").write_text("")
    assert main(["mini", str(tmp_path)]) == 1
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err.startswith("builder: ")
    assert written.err.count("\n") == 1


@pytest.mark.parametrize(
    "wrong", [[], ["mini"], ["mini", "d", "--seed", "-1"], ["mini", "d", "--arch", "gpt"]]
)
def test_a_wrong_command_line_is_a_usage_error(wrong):
    with pytest.raises(SystemExit) as exit_:
        main(wrong)
    assert exit_.value.code == 2


def test_the_builder_loads_nothing_heavy_and_nothing_of_the_worker():
    code = f"import sys, builder.__main__; sys.exit(any(n in sys.modules for n in {HEAVY}))"
    subprocess.run([sys.executable, "-c", code], check=True)
