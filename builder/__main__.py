"""`python -m builder COMMAND`: checkpoints, images, endpoints."""

import argparse
import sys
from collections.abc import Sequence

from builder import build, download, endpoint, mini, push, smoke
from builder.errors import BuildError

# In the order in which a deployment needs them. Each module has `add_arguments(parser)` and
# `run(options)`, which raises BuildError; the first line of its docstring is the command's help.
COMMANDS = {
    "mini": mini,
    "download": download,
    "build": build,
    "smoke": smoke,
    "push": push,
    "endpoint": endpoint,
}
INTERRUPTED = 130  # as a shell has it: 128 + SIGINT


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 0 when its product stands, 1 when it cannot be built."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except BuildError as error:
        print(f"builder: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("builder: interrupted", file=sys.stderr)
        return INTERRUPTED
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m builder", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, module in COMMANDS.items():
        about = (module.__doc__ or "").strip()
        command = commands.add_parser(
            name,
            help=about.splitlines()[0],
            description=about,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser


if __name__ == "__main__":
    sys.exit(main())
