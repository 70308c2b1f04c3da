"""A worker as a process, started as the image starts it."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-m", "worker")
# Becomes the program that its arguments name, which the kernel kills when whoever started it dies:
# in a session of its own, no hang-up of a terminal would reach it. Linux alone has this.
# Source: https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html
MORTAL = (
    *(sys.executable, "-ISc"),
    "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 9); os.execvp(sys.argv[1], sys.argv[1:])",
)
# "Whoever" is a thread, to the kernel: this one lives as long as its process.
STARTER = ThreadPoolExecutor(1, "starter")
GOODBYES = (signal.SIGTERM, signal.SIGINT)
NICE = "10"  # of a worker's session, on the scale of nice
PING_MS = 1000  # ours, so that a test sees some; the platform's is 10 s


def platform_variables(base: str, worker_id: str, key: str) -> dict[str, str]:
    """What the platform sets in a worker's environment; `base` is the endpoint's address."""
    return {
        "RUNPOD_WEBHOOK_GET_JOB": f"{base}/job-take/$ID?gpu=none",
        "RUNPOD_WEBHOOK_POST_OUTPUT": f"{base}/job-done/$RUNPOD_POD_ID/$ID?gpu=none",
        "RUNPOD_WEBHOOK_POST_STREAM": f"{base}/job-stream/$RUNPOD_POD_ID/$ID?gpu=none",
        "RUNPOD_WEBHOOK_PING": f"{base}/ping/$RUNPOD_POD_ID",
        "RUNPOD_PING_INTERVAL": str(PING_MS),
        "RUNPOD_POD_ID": worker_id,
        "RUNPOD_AI_API_KEY": key,
    }


class WorkerProcess:
    """One process and all that it starts, in a session of their own.

    Attributes:
        id: the platform's name of it.
        path: the file with all that it has written, or None where it writes to the terminal.
        pid: of the worker itself.
        returncode: its exit code, negative after a signal; None while it lives.

    Args:
        variables: its environment, on top of this process's.
        on_exit: called on a thread of its own when the worker is dead.
        on_goodbye: called before a signal that asks it to leave.
    """

    def __init__(
        self,
        worker_id: str,
        variables: Mapping[str, str],
        *,
        path: Path | None = None,
        command: Sequence[str] = COMMAND,
        cwd: Path = ROOT,
        on_exit: Callable[["WorkerProcess"], None] = lambda _worker: None,
        on_goodbye: Callable[["WorkerProcess"], None] = lambda _worker: None,
    ) -> None:
        self.id = worker_id
        self.path = path
        self._on_exit = on_exit
        self._on_goodbye = on_goodbye
        self._dead = threading.Event()
        self._process = self._start(list(command), cwd, os.environ | dict(variables))
        self.pid = self._process.pid
        _give_way(self.pid)
        threading.Thread(target=self._watch, daemon=True).start()

    def _start(
        self, command: list[str], cwd: Path, environ: Mapping[str, str]
    ) -> subprocess.Popen[bytes]:
        out = self.path.open("wb") if self.path else None
        try:
            return STARTER.submit(
                subprocess.Popen[bytes],
                [*(MORTAL if sys.platform == "linux" else ()), *command],
                cwd=cwd,
                env=environ,
                stdout=out,
                stderr=out,
                start_new_session=True,
            ).result()
        finally:
            if out:
                out.close()

    def _watch(self) -> None:
        self._process.wait()
        self._on_exit(self)
        self._dead.set()

    @property
    def returncode(self) -> int | None:
        return self._process.returncode if self._dead.is_set() else None

    def log(self) -> str:
        """All that it has written so far, output and errors in one."""
        return self.path.read_text("utf-8", "replace") if self.path else ""

    def signal(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Send a signal to the worker itself, as the container's stop does."""
        if number in GOODBYES:
            self._on_goodbye(self)
        self._process.send_signal(number)

    def wait(self, timeout: float = 60.0) -> int:
        """Its exit code, once it is dead and the platform knows; AssertionError if it lives on."""
        assert self._dead.wait(timeout), f"{self.id} lives after {timeout} s:\n{self.tail()}"
        return self._process.returncode

    def stop(self, timeout: float = 60.0) -> int:
        """SIGTERM, and its exit code."""
        self.signal(signal.SIGTERM)
        return self.wait(timeout)

    def tail(self, lines: int = 30) -> str:
        """The end of its log."""
        return "\n".join(self.log().splitlines()[-lines:])

    def processes(self) -> list[psutil.Process]:
        """Every living process of its session but itself; asked after its death, what it left.

        Python's resource tracker is not counted: it ends by itself, a moment after the rest.
        """
        others = [process for process in self._session() if process.pid != self.pid]
        return [process for process in others if "resource_tracker" not in _words(process)]

    def engine_processes(self) -> list[psutil.Process]:
        """VLLM's, the engine core first. They name themselves, and are spawned before that."""
        told = {process: _words(process) for process in self.processes()}
        own = [process for process, words in told.items() if "VLLM::" in words or "spawn" in words]
        return sorted(own, key=lambda process: ("EngineCore" not in told[process], process.pid))

    def give_way(self) -> None:
        """Let everybody else go first where its engine wants a processor, too.

        Without a GPU, vLLM's processes wait for one another by yielding in a loop. Measured on
        Linux 6.18 with two cores: while they did, others waited for a processor up to 12 s, and no
        promise about a second could be tested.
        """
        for process in self.engine_processes():
            with suppress(psutil.NoSuchProcess, ProcessLookupError):
                for thread in process.threads():
                    os.sched_setscheduler(thread.id, os.SCHED_IDLE, os.sched_param(0))

    def memory(self) -> int:
        """Bytes that the worker itself holds alone (USS)."""
        return psutil.Process(self.pid).memory_full_info().uss

    def kill(self) -> None:
        """End everything of its session at once, and wait until it is gone."""
        end = time.monotonic() + 10
        while (left := self._session()) and time.monotonic() < end:
            for process in left:
                _kill(process)
            time.sleep(0.02)
        self.wait(10)

    def _session(self) -> list[psutil.Process]:
        return [process for process in psutil.process_iter() if self._has(process)]

    def _has(self, process: psutil.Process) -> bool:
        try:
            same = os.getsid(process.pid) == self.pid
            return same and process.status() != psutil.STATUS_ZOMBIE
        except (ProcessLookupError, psutil.NoSuchProcess):
            return False


def _give_way(pid: int) -> None:
    """Let platform and clients run while an engine is busy.

    Linux first shares the processors between sessions. On two of them, vLLM's busy waiting (it
    yields in a loop) has kept another session from running for as long as it generated.
    Source: https://man7.org/linux/man-pages/man7/sched.7.html, "The autogroup feature".
    """
    with suppress(OSError):  # Linux may be without it, and not every system is Linux
        Path(f"/proc/{pid}/autogroup").write_text(NICE)


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return


def _words(process: psutil.Process) -> str:
    """Its name and command line; nothing where it is gone."""
    try:
        return " ".join([process.name(), *process.cmdline()])
    except psutil.NoSuchProcess:
        return ""
