"""vLLM's own HTTP application, in this process and without a socket.

The application and the engine's client live on one event loop in a thread of its own, because the
RunPod SDK brings a loop of its own later, and an engine cannot change loops. The engine itself runs
in child processes.
"""

import asyncio
import logging
import multiprocessing
import os
import re
import threading
import time
from argparse import ArgumentError, ArgumentParser, Namespace
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from types import MappingProxyType, ModuleType, SimpleNamespace
from typing import Any, NoReturn, Self

from worker.engine import Reply, asgi
from worker.engine.arguments import engine_arguments
from worker.engine.causes import explain
from worker.engine.openai import OpenAIEngine
from worker.engine.output import Overheard
from worker.errors import EngineDead, InvalidSetting, StartupError
from worker.presets import PRESETS
from worker.settings import Settings, is_path

log = logging.getLogger(__name__)

# What vLLM takes from the environment alone, where the environment does not say otherwise.
ENVIRONMENT = MappingProxyType(
    {
        "VLLM_WORKER_MULTIPROC_METHOD": "spawn",  # as `vllm serve`: fork does not survive CUDA
        "VLLM_LOGGING_STREAM": "ext://sys.stderr",  # standard output belongs to the result
        "VLLM_CPU_KVCACHE_SPACE": "1",  # GiB; without a GPU only
    }
)

# Engine arguments, as variables, where neither the environment nor a preset says otherwise.
DEFAULTS = MappingProxyType(
    {
        # xgrammar lets raw control characters into bounded strings, and a model that may write
        # whitespace can write it up to the token limit.
        "STRUCTURED_OUTPUTS_CONFIG": '{"backend":"guidance","disable_any_whitespace":true}',
        "ENABLE_PROMPT_TOKENS_DETAILS": "true",  # `usage` tells cached tokens
        "SHUTDOWN_TIMEOUT": "10",  # seconds; at once would leave shared memory behind
    }
)
CPU_DEFAULTS = MappingProxyType(
    {
        "ENFORCE_EAGER": "true",  # compiling takes longer than a local run
        "GPU_MEMORY_UTILIZATION": "0.3",  # of the machine's RAM, in spite of the name
        "BLOCK_SIZE": "32",  # tokens; the default of 128 hides the prefix cache from short prompts
        "MAX_MODEL_LEN": "auto",  # what fits the cache
    }
)

# Arguments of vLLM whose variables are ours: the token stays out of arguments, aliases come after
# the model's own name, and one log level is for the worker and vLLM.
SETTINGS_OWN = frozenset({"hf_token", "served_model_name", "log_level"})
COMPILATION = re.compile(r"init engine .* \(compilation: ([\d.]+) s")
LAST_OUTPUT_SECONDS = 10.0  # for processes that are ending to say why
STOP_SECONDS = 60.0  # the engine's own time to end is SHUTDOWN_TIMEOUT
LISTEN_SECONDS = 0.1  # between two looks for processes of a start that is given up


def served(vllm: ModuleType, settings: Settings, model: str) -> Namespace:
    """The arguments that `vllm serve` would have for these settings; no secret is among them."""
    parser = argument_parser(vllm)
    words = engine_arguments(parser, destinations(vllm), variables_of(vllm, settings))
    parsed: Namespace = parser.parse_args(words)
    parsed.model, parsed.revision = model, settings.model_revision
    parsed.served_model_name = list(dict.fromkeys([model, *settings.served_model_names]))
    vllm.validate_parsed_serve_args(parsed)
    return parsed


def argument_parser(vllm: ModuleType) -> ArgumentParser:
    """The parser of `vllm serve`, raising ArgumentError where it would end the process."""

    class Parser(vllm.FlexibleArgumentParser):  # type: ignore[misc, name-defined]
        def error(self, message: str) -> NoReturn:
            raise ArgumentError(None, message)

    parser: ArgumentParser = vllm.make_arg_parser(Parser())
    return parser


def destinations(vllm: ModuleType) -> frozenset[str]:
    """What may be set from outside: what the engine takes, and its application but for sockets.

    vLLM itself draws that line, between BaseFrontendArgs and the FrontendArgs that add host, port,
    TLS, keys and CORS. What Settings has read already (SETTINGS_OWN) is not there again.
    """
    takers = (vllm.AsyncEngineArgs, vllm.BaseFrontendArgs)
    return frozenset(taken.name for taker in takers for taken in fields(taker)) - SETTINGS_OWN


def variables_of(vllm: ModuleType, settings: Settings) -> Mapping[str, str]:
    """The environment's variables over our defaults."""
    defaults = {**DEFAULTS, **(CPU_DEFAULTS if vllm.current_platform.is_cpu() else {})}
    if "DISABLE_LOG_STATS" not in settings.engine_variables:  # vLLM refuses the two together
        defaults["ENABLE_PER_REQUEST_METRICS"] = "true"
    return {**defaults, **settings.engine_variables}


def import_plugins(vllm: ModuleType, parsed: Namespace) -> None:
    """Import the parsers that the arguments bring along, as `vllm serve` does."""
    if parsed.tool_parser_plugin:
        vllm.ToolParserManager.import_tool_parser(parsed.tool_parser_plugin)
    if parsed.reasoning_parser_plugin:
        vllm.ReasoningParserManager.import_reasoning_parser(parsed.reasoning_parser_plugin)


def prepare_environment(settings: Settings, environ: MutableMapping[str, str] = os.environ) -> None:
    """Set what vLLM and huggingface_hub read from this process's environment, and its children's.

    The token goes this way alone: an argument would be logged. The log level does, too: it holds
    from the import on.
    """
    for name, value in {**ENVIRONMENT, "VLLM_LOGGING_LEVEL": settings.log_level}.items():
        environ.setdefault(name, value)
    if settings.hf_token:
        environ["HF_TOKEN"] = settings.hf_token
    environ.pop("VLLM_API_KEY", None)  # would lock this process out of its own application


def model_of(settings: Settings) -> str:
    """The model to load, or StartupError at once where it is a folder that holds none."""
    model = settings.model_name
    if model is None:
        raise InvalidSetting("MODEL_NAME: expected a Hugging Face id or a local folder.")
    if not is_path(model):
        return model
    if not (Path(model).expanduser() / "config.json").is_file():
        mini = model == PRESETS["mini"]["MODEL_NAME"]
        raise StartupError(
            f"There is no model in the folder {model}: name another in MODEL_NAME, or write the "
            f"mini model there with `{'make run' if mini else f'python -m builder mini {model}'}`."
        )
    return os.path.expanduser(model)  # noqa: PTH111  # a Path would lose the leading `./`


@contextmanager
def _timed(phases: dict[str, float], name: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    phases[name] = time.perf_counter() - began


class VllmEngine(OpenAIEngine):
    """A model served by vLLM in this process; safe to call from any event loop.

    Attributes:
        phases: seconds that each part of the start took.
    """

    def __init__(self, model: str) -> None:
        self._model = model
        self.phases = dict.fromkeys(("import", "load", "compile", "application"), 0.0)
        self._stopped = False
        self._others = frozenset(multiprocessing.active_children())
        self._resources = AsyncExitStack()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="vllm", daemon=True)
        self._thread.start()

    @classmethod
    def start(cls, settings: Settings) -> Self:
        """Load the model and build the application; returns when it can be asked.

        Raises:
            InvalidSetting: an engine argument is unusable.
            StartupError: the engine did not start, with the root cause and what to change.
        """
        model = model_of(settings)
        prepare_environment(settings)
        output = Overheard()
        engine = cls(model)
        try:
            with output:
                engine._open(settings)
        except InvalidSetting:
            engine._stop()
            raise
        except Exception as error:
            engine._stop()
            output.wait(LAST_OUTPUT_SECONDS)
            cause = explain(output.text(), error, model)
            raise StartupError(without_secrets(cause, settings)) from error
        except BaseException:  # a signal's
            engine._give_up()
            raise
        engine._note_compilation(output.text())
        return engine

    def _open(self, settings: Settings) -> None:
        with _timed(self.phases, "import"):
            vllm = import_module("worker.engine.vllm_names")
        parsed = served(vllm, settings, self._model)
        import_plugins(vllm, parsed)
        asyncio.run_coroutine_threadsafe(self._build(vllm, parsed), self._loop).result()

    async def _build(self, vllm: ModuleType, parsed: Namespace) -> None:
        with _timed(self.phases, "load"):
            client = await self._resources.enter_async_context(
                vllm.build_async_engine_client(parsed)
            )
        with _timed(self.phases, "application"):
            tasks = await client.get_supported_tasks()
            app = vllm.build_app(parsed, tasks, client.model_config)
            app.state.server = SimpleNamespace(should_exit=False)  # vLLM sets it as it dies
            await vllm.init_app_state(client, app.state, parsed, tasks)
        self._client, self._app = client, app

    def _note_compilation(self, output: str) -> None:
        """Tell compiling from loading: the engine's process logs it, at INFO."""
        if found := COMPILATION.search(output):
            self.phases["compile"] = float(found[1])
            self.phases["load"] -= float(found[1])

    @property
    def model(self) -> str:
        """The name the model is served under: its own, whatever else it is called."""
        return self._model

    @property
    def dead(self) -> bool:
        """Whether the engine's processes are gone, or called to end."""
        return self._stopped or bool(self._client.errored)

    def route(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> AbstractAsyncContextManager[Reply]:
        """Any route of vLLM's, answered as it stands; leaving the block aborts the request."""
        if self.dead:
            raise EngineDead("The engine has died.")
        return asgi.call(self._app, self._loop, method, path, body)

    async def close(self) -> None:
        """End the engine's processes and this one's thread; once is enough."""
        await asyncio.to_thread(self._stop)

    def _give_up(self) -> None:
        """Stop in the middle of a start: while they load, the engine's processes heed no signal.

        Once they are gone, so is what the engine's loop waits for.
        """
        stop = threading.Thread(target=self._stop, daemon=True)
        stop.start()
        while stop.is_alive():
            self._kill()
            stop.join(LISTEN_SECONDS)

    def _kill(self) -> None:
        for child in set(multiprocessing.active_children()) - self._others:
            child.kill()

    def _stop(self) -> None:
        if self._stopped:
            return
        self._stopped = True
        released = asyncio.run_coroutine_threadsafe(self._release(), self._loop)
        try:
            released.result(STOP_SECONDS)
        except TimeoutError:
            log.warning("the engine has not ended within %g s: killed", STOP_SECONDS)
            self._kill()
            return
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _release(self) -> None:
        calls = asyncio.all_tasks() - {asyncio.current_task()}
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        await self._resources.aclose()


def without_secrets(text: str, settings: Settings) -> str:
    """A text that others wrote, without the token that they were given."""
    return text.replace(settings.hf_token, "***") if settings.hf_token else text
