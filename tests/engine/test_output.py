import os
import subprocess
import sys
import textwrap

from worker.engine.output import KEPT, Overheard

CHILD = [sys.executable, "-c", "import sys; sys.stderr.write('child\\n')"]


def speak(text):
    os.write(2, text)


def test_what_is_said_is_shown_and_kept(capfd):
    """By this process and by its children, in bytes as they come."""
    with Overheard() as output:
        speak("나\n".encode())
        subprocess.run(CHILD, check=True)
    output.wait(10)
    assert output.text() == "나\nchild\n"
    assert capfd.readouterr().err == "나\nchild\n"


def test_afterwards_standard_error_is_as_it_was(capfd):
    """What is said later is shown once, and not kept."""
    with Overheard() as output:
        pass
    output.wait(10)
    speak(b"later")
    assert output.text() == ""
    assert capfd.readouterr().err == "later"


def test_only_the_end_of_a_long_story_is_kept(capfd):
    """A start may talk for hours."""
    with Overheard() as output:
        speak(b"a")
        speak(b"b" * KEPT)
    output.wait(10)
    assert output.text() == "b" * KEPT
    assert len(capfd.readouterr().err) == KEPT + 1


def test_a_child_that_outlives_the_block_is_still_shown(capfd):
    """The engine's processes keep the standard error that they were born with."""
    script = "import sys; sys.stdin.read(); sys.stderr.write('late')"
    with Overheard() as output:
        child = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE)
    child.communicate()
    output.wait(10)
    assert output.text() == "late"
    assert capfd.readouterr().err == "late"


def test_a_reader_that_has_gone_does_not_stop_the_speakers():
    """A closed terminal must not block the engine on a full pipe."""
    script = """
        import os
        from worker.engine.output import Overheard
        reader, writer = os.pipe()
        os.dup2(writer, 2)
        os.close(writer)
        with Overheard() as output:
            os.close(reader)
            for _ in range(1000):
                os.write(2, b"x" * 1000)
        output.wait(10)
        print(len(output.text()))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == f"{KEPT}\n"
