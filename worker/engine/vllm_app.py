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
from collections.abc import AsyncIterator, Iterator, Mapping, MutableMapping
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
)
from dataclasses import fields, replace
from importlib import import_module
from pathlib import Path
from types import MappingProxyType, ModuleType, SimpleNamespace
from typing import Any, NamedTuple, NoReturn, Self

from worker.engine import About, Load, Reply, asgi, telling
from worker.engine.arguments import engine_arguments
from worker.engine.causes import explain
from worker.engine.leftovers import WithoutLeftovers
from worker.engine.model_files import cached_commit, identify
from worker.engine.openai import OpenAIEngine
from worker.engine.output import Overheard
from worker.engine.places import PLACES, Places, asked_of, locate
from worker.engine.pulse import Pulse
from worker.errors import EngineDead, EngineError, InvalidSetting, StartupError
from worker.presets import PRESETS
from worker.settings import Settings, is_path

log = logging.getLogger(__name__)

# What vLLM takes from the environment alone, where the environment does not say otherwise.
ENVIRONMENT = MappingProxyType(
    {
        "VLLM_WORKER_MULTIPROC_METHOD": "spawn",  # as `vllm serve`: fork does not survive CUDA
        "VLLM_LOGGING_STREAM": "ext://sys.stderr",  # standard output belongs to the result
        "VLLM_CPU_KVCACHE_SPACE": "1",  # GiB; without a GPU only
        # Tool calls would be held to tags that the guidance backend cannot read ('triggers'), and a
        # tool that is asked for by name refused; without it they are held to the tool's schema.
        "VLLM_ENFORCE_STRICT_TOOL_CALLING": "0",
        "VLLM_MAX_N_SEQUENCES": "128",  # as OpenAI; one request could ask for thousands of answers
    }
)

# Engine arguments, as variables, where neither the environment nor a preset says otherwise.
DEFAULTS = MappingProxyType(
    {
        # xgrammar lets raw control characters into bounded strings, and a model that may write
        # whitespace can write it up to the token limit.
        "STRUCTURED_OUTPUTS_CONFIG": '{"backend":"guidance","disable_any_whitespace":true}',
        "ENABLE_PROMPT_TOKENS_DETAILS": "true",  # `usage` tells cached tokens
        # Seconds. It takes four to end in order; at once would leave shared memory behind, and a
        # container has ten for all of its end.
        "SHUTDOWN_TIMEOUT": "5",
    }
)
CPU_DEFAULTS = MappingProxyType(
    {
        "ENFORCE_EAGER": "true",  # compiling takes longer than a local run
        "GPU_MEMORY_UTILIZATION": "0.3",  # of the machine's RAM, in spite of the name
        "BLOCK_SIZE": "32",  # tokens; the default of 128 hides the prefix cache from short prompts
        "MAX_MODEL_LEN": "auto",  # what fits the cache
        # A seeded request whose prompt is computed in parts ends vLLM 0.32's engine: it has the
        # random generator step back, which a CPU's cannot ("does not use offset").
        "ENABLE_CHUNKED_PREFILL": "false",
    }
)

# Arguments of vLLM whose variables are ours: the token stays out of arguments, aliases come after
# the model's own name, and one log level is for the worker and vLLM.
SETTINGS_OWN = frozenset({"hf_token", "served_model_name", "log_level"})
COMPILATION = re.compile(r"init engine .* \(compilation: ([\d.]+) s")
LAST_OUTPUT_SECONDS = 10.0  # for processes that are ending to say why
STOP_SECONDS = 60.0  # the engine's own time to end is SHUTDOWN_TIMEOUT
LISTEN_SECONDS = 0.1  # between two looks for processes of a start that is given up


def served(vllm: ModuleType, settings: Settings, model: str, name: str | None = None) -> Namespace:
    """The arguments that `vllm serve` would have for these settings; no token is among them.

    `model` is what is loaded, `name` what it is called where that is something else.
    """
    parser = argument_parser(vllm)
    words = engine_arguments(parser, destinations(vllm), variables_of(vllm, settings))
    parsed: Namespace = parser.parse_args(words)
    parsed.model, parsed.revision = model, settings.model_revision
    parsed.served_model_name = list(dict.fromkeys([name or model, *settings.served_model_names]))
    vllm.validate_parsed_serve_args(parsed)
    return parsed


def argument_parser(vllm: ModuleType) -> ArgumentParser:
    """The parser of `vllm serve`, raising ArgumentError where it would end the process."""

    class Parser(vllm.FlexibleArgumentParser):  # type: ignore[misc, name-defined]
        def error(self, message: str) -> NoReturn:
            raise ArgumentError(None, message)

    parser: ArgumentParser = vllm.make_arg_parser(Parser())
    return parser


def told_arguments(
    vllm: ModuleType, settings: Settings, parsed: Namespace, name: str
) -> Mapping[str, Any]:
    """The arguments as anybody may read them; asked before the engine writes into them."""
    asked = renamed(parsed, name)
    return MappingProxyType(
        telling.told(asked, argument_parser(vllm).parse_args([]), settings.hf_token)
    )


def renamed(parsed: Namespace, name: str) -> Namespace:
    """The same arguments, with the model's name where its place was."""
    return Namespace(**{**vars(parsed), "model": name})


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


def spare_compiling(
    vllm: ModuleType, parsed: Namespace, environ: MutableMapping[str, str] = os.environ
) -> None:
    """Let torch compile nothing in the engine's processes where a CPU's engine is to be eager.

    ENFORCE_EAGER does not hold for all of vLLM: at the first request for log-probabilities it would
    have a C++ compiler run, everybody waiting meanwhile, and the engine would die where there is
    none. Source: `v1/sample/ops/logprobs.py` in vLLM 0.32. On a GPU nothing is changed.
    """
    if vllm.current_platform.is_cpu() and parsed.enforce_eager:
        environ.setdefault("TORCHDYNAMO_DISABLE", "1")


# What of vLLM handles requests and answers, and quotes them where it finds a mistake.
THEY_QUOTE = tuple(
    f"vllm.{part}" for part in ("entrypoints", "parser", "reasoning", "renderers", "tool_parsers")
)


def keep_requests_private(log_level: str) -> None:
    """From the first request on, let vLLM's serving log nothing but at DEBUG.

    What it says of a refused request quotes it. The caller is told all of it, and the worker's own
    line about the job has the error's code.
    """
    if log_level != "DEBUG":
        for name in THEY_QUOTE:
            logging.getLogger(name).setLevel(logging.CRITICAL)


class Model(NamedTuple):
    """What is loaded, and who it is.

    Attributes:
        name: what it is served under, wherever it lies.
        folder: its files', or None where huggingface_hub is to find them by the name.
        commit: of the files, where they say it.
    """

    name: str
    folder: str | None = None
    commit: str | None = None


def for_its_model(settings: Settings, places: Places) -> Settings:
    """The settings, their revision left out where it is another model's."""
    asked = asked_of(settings.model_name or "", settings.model_revision, places)
    return replace(settings, model_revision=asked)


def model_of(settings: Settings, places: Places = PLACES) -> Model:
    """The model to load, or StartupError at once where it cannot be had."""
    name = settings.model_name
    if name is None:
        raise InvalidSetting("MODEL_NAME: expected a Hugging Face id or a local folder.")
    if is_path(name):
        return _model_in(name)
    located = locate(name, settings.model_revision, places)
    return Model(name, str(located.path) if located.path else None, located.commit)


def _model_in(path: str) -> Model:
    """The model in a folder that somebody named; StartupError where none is there."""
    folder = os.path.expanduser(path)  # noqa: PTH111  # a Path would lose the leading `./`
    if not (Path(folder) / "config.json").is_file():
        mini = path == PRESETS["mini"]["MODEL_NAME"]
        raise StartupError(
            f"There is no model in the folder {path}: name another in MODEL_NAME, or write the "
            f"mini model there with `{'make run' if mini else f'python -m builder mini {path}'}`."
        )
    identity = identify(Path(folder))
    return Model(identity.model, folder, identity.revision)


def revision_of(settings: Settings, model: Model) -> str | None:
    """The commit of the files that were loaded; where they do not say, what was asked for."""
    asked = settings.model_revision
    commit = model.commit if model.folder else cached_commit(model.name, asked)
    return commit or asked


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
    def start(cls, settings: Settings, places: Places = PLACES) -> Self:
        """Load the model and build the application; returns when it can be asked.

        Args:
            settings: the worker's.
            places: where the platform may have put the model.

        Raises:
            InvalidSetting: an engine argument is unusable.
            StartupError: the engine did not start, with the root cause and what to change.
        """
        settings = for_its_model(settings, places)
        model = model_of(settings, places)
        prepare_environment(settings)
        output = Overheard()
        engine = cls(model.name)
        try:
            with output:
                engine._open(settings, model)
        except InvalidSetting:
            engine._stop()
            raise
        except Exception as error:
            engine._stop()
            output.wait(LAST_OUTPUT_SECONDS)
            cause = explain(output.text(), error, str(settings.model_name))
            raise StartupError(without_secrets(cause, settings)) from error
        except BaseException:  # a signal's
            engine._give_up()
            raise
        engine._note_compilation(output.text())
        return engine

    def _open(self, settings: Settings, model: Model) -> None:
        with _timed(self.phases, "import"):
            vllm = import_module("worker.engine.vllm_names")
        parsed = served(vllm, settings, model.folder or model.name, self._model)
        arguments = told_arguments(vllm, settings, parsed, self._model)
        spare_compiling(vllm, parsed)
        import_plugins(vllm, parsed)
        asyncio.run_coroutine_threadsafe(self._build(vllm, parsed), self._loop).result()
        keep_requests_private(settings.log_level)
        loaded = model._replace(commit=revision_of(settings, model))
        self._about = self._describe(parsed, arguments, loaded)

    async def _build(self, vllm: ModuleType, parsed: Namespace) -> None:
        with _timed(self.phases, "load"):
            client = await self._resources.enter_async_context(
                vllm.build_async_engine_client(parsed)
            )
        with _timed(self.phases, "application"):
            tasks = await client.get_supported_tasks()
            app = vllm.build_app(parsed, tasks, client.model_config)
            app.state.server = SimpleNamespace(should_exit=False)  # vLLM sets it as it dies
            # By its name: /v1/models tells the place of a model that has only that.
            await vllm.init_app_state(client, app.state, renamed(parsed, self._model), tasks)
        self._client, self._app = client, WithoutLeftovers(app, client)
        self._pulse = Pulse(client.output_processor, counts=client.log_stats)

    def _describe(self, parsed: Namespace, arguments: Mapping[str, Any], model: Model) -> About:
        """What the running engine is: it has fitted some of its arguments to the machine."""
        config = self._client.vllm_config
        return About(
            model=model.name,
            aliases=tuple(parsed.served_model_name[1:]),
            revision=model.commit,
            versions=MappingProxyType(telling.versions()),
            arguments=arguments,
            kv_cache_tokens=config.cache_config.kv_cache_size_tokens,
            max_model_len=config.model_config.max_model_len,
            max_num_seqs=config.scheduler_config.max_num_seqs,
            max_num_queued_reqs=config.scheduler_config.max_num_queued_reqs,
            folder=Path(model.folder) if model.folder else None,
        )

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

    def about(self) -> About:
        """What the engine is, as it was when it had started."""
        return self._about

    def load(self) -> Load:
        """What it is doing now; a dead one holds nothing."""
        return Load(0) if self.dead else self._pulse.load()

    def route(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> AbstractAsyncContextManager[Reply]:
        """Any route of vLLM's, answered as it stands; leaving the block aborts the request."""
        if self.dead:
            raise EngineDead("The engine has died.")
        return self._call(method, path, body)

    @asynccontextmanager
    async def _call(
        self, method: str, path: str, body: Mapping[str, Any] | None
    ) -> AsyncIterator[Reply]:
        """A call whose answer may break off because the engine has died."""
        try:
            async with asgi.call(self._app, self._loop, method, path, body) as reply:
                yield reply
        except EngineError as error:
            if not self.dead:
                raise
            raise EngineDead("The engine has died.") from error

    async def close(self) -> None:
        """End the engine's processes and this one's thread; once is enough.

        An engine that is stuck is given SHUTDOWN_TIMEOUT to end; none where its processes have
        been killed.
        """
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
