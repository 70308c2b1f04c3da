"""The names of vLLM that the worker stands on, all of 0.32.0. The only import of vLLM.

Importing it takes seconds, and vLLM then logs the way its environment says at that moment, so
`worker.engine.vllm_app` prepares the environment first. A contract test holds each name to how it
is called.
"""

from vllm.engine.arg_utils import AsyncEngineArgs
from vllm.entrypoints.launchers.api_server.app_state import init_app_state
from vllm.entrypoints.launchers.api_server.entry import build_async_engine_client
from vllm.entrypoints.launchers.app import build_app
from vllm.entrypoints.launchers.cli_args import (
    BaseFrontendArgs,
    make_arg_parser,
    validate_parsed_serve_args,
)
from vllm.platforms import current_platform
from vllm.reasoning import ReasoningParserManager
from vllm.tool_parsers import ToolParserManager
from vllm.utils.argparse_utils import FlexibleArgumentParser

__all__ = [
    "AsyncEngineArgs",
    "BaseFrontendArgs",
    "FlexibleArgumentParser",
    "ReasoningParserManager",
    "ToolParserManager",
    "build_app",
    "build_async_engine_client",
    "current_platform",
    "init_app_state",
    "make_arg_parser",
    "validate_parsed_serve_args",
]
