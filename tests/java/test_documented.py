"""README's Java receiver, compiled and run: `make java-test`, which needs a JDK of 17 or later."""

import base64
import subprocess
from pathlib import Path

import pytest

from tests.callbacks.test_documented import block, cases

MAIN = """
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Scanner;

final class Main {
    public static void main(String[] words) throws Exception {
        Scanner lines = new Scanner(System.in);
        while (lines.hasNextLine()) {
            String[] parts = lines.nextLine().split(" ", -1);
            System.out.println(CallbackSignature.isGenuine(
                    bytes(parts[0]), text(parts[1]), text(parts[2]), bytes(parts[3])));
        }
    }

    private static byte[] bytes(String part) {
        return Base64.getDecoder().decode(part);
    }

    private static String text(String part) {
        return new String(bytes(part), StandardCharsets.UTF_8);
    }
}
"""


@pytest.mark.anyio
async def test_the_java_receiver_takes_the_worker_s_callbacks_and_no_other(tmp_path):
    """README's class, compiled and run on the same calls."""
    calls = [case async for case in cases()]
    done = run_java(tmp_path, "\n".join(line(call) for call, _ in calls))
    assert done.splitlines() == ["true" if genuine else "false" for _, genuine in calls]


def line(call):
    """A call as MAIN reads it."""
    parts = [part.encode() if isinstance(part, str) else part for part in call]
    return " ".join(base64.b64encode(part).decode() for part in parts)


def run_java(folder: Path, given: str) -> str:
    """What README's class says to each line."""
    sources = {"CallbackSignature.java": block("java"), "Main.java": MAIN}
    for name, text in sources.items():
        (folder / name).write_text(text, "utf-8")
    compile_ = ["javac", "-encoding", "UTF-8", "-Xlint:all", "-Werror", *sources]
    compiled = subprocess.run(compile_, cwd=folder, capture_output=True, text=True, check=False)
    assert compiled.returncode == 0, compiled.stderr
    run = ["java", "-XX:TieredStopAtLevel=1", "-cp", ".", "Main"]
    done = subprocess.run(run, cwd=folder, input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
