"""The end of a worker that cannot go on."""

import subprocess
import sys
import time
from pathlib import Path

from worker import ending
from worker.errors import EngineDead

ROOT = Path(__file__).resolve().parents[1]


def ended(script):
    """What a process that ends itself leaves: its exit code and its output."""
    command = [sys.executable, "-c", script]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    return done.returncode, done.stdout


def gone(pid):
    """Whether a process is gone, or soon is: a killed one dies when it next gets the CPU."""
    stat = Path(f"/proc/{pid}/stat")
    for _ in range(500):
        if not stat.exists() or stat.read_text().split()[2] == "Z":
            return True
        time.sleep(0.01)
    return False


def test_a_fatal_error_ends_the_process_with_a_failure():
    """The platform sees a dead worker, and its answers had time to leave."""
    script = (
        "import time, worker.ending as m; from worker.errors import EngineDead\n"
        "m.LAST_WORDS_SECONDS = 0.1\n"
        "m.end_soon(EngineDead('Gone.')); print('last words', flush=True); time.sleep(60)"
    )
    assert ended(script) == (1, "last words\n")


def test_nothing_outlives_a_worker_that_ends_at_once():
    """Its children are killed: an engine would hold the GPU, the SDK's ping would go on."""
    script = (
        "import multiprocessing as mp, time, worker.ending as m\n"
        "child = mp.get_context('fork').Process(target=time.sleep, args=(60,))\n"
        "child.start(); print(child.pid, flush=True); m.end_now()"
    )
    code, out = ended(script)
    assert code == 1
    assert gone(int(out))


def test_what_a_killed_child_leaves_is_ended_as_well():
    """The engine's own processes do not outlive the worker, though the engine died before it."""
    script = (
        "import multiprocessing as mp, subprocess, sys, time, worker.ending as m\n"
        "def engine(told):\n"
        "    told.send(subprocess.Popen(['sleep', '60']).pid); time.sleep(60)\n"
        "m.adopt_orphans(); told, tell = mp.Pipe(False)\n"
        "child = mp.get_context('fork').Process(target=engine, args=(tell,))\n"
        "child.start(); print(told.recv(), flush=True)\n"
        "child.kill(); child.join(); m.end_now()"
    )
    code, out = ended(script)
    assert code == 1
    assert gone(int(out))


def test_nothing_keeps_a_worker_that_ends():
    """Out of file descriptors its children cannot even be listed; it ends all the same."""
    script = (
        "import worker.ending as m\n"
        "def none(): raise OSError(24, 'Too many open files')\n"
        "m.kill_children = none; print('here', flush=True); m.end_now(); print('still')"
    )
    assert ended(script) == (1, "here\n")


def test_the_last_words_leave_before_a_platform_would_lose_patience():
    """A dead worker is gone within five seconds."""
    assert 0 < ending.LAST_WORDS_SECONDS < 5
    assert EngineDead("Gone.").fatal
