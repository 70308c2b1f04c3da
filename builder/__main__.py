"""`python -m builder mini DIR`: the commands of the builder."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from builder.errors import BuildError
from builder.mini import Mini, build
from builder.weights import ARCHITECTURES, SIZES


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 0 when its product stands, 1 when it cannot be built."""
    options = _parser().parse_args(arguments)
    try:
        print(build(options.dir, Mini(options.arch, options.size, options.seed)))
    except BuildError as error:
        print(f"builder: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m builder", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    mini = commands.add_parser(
        "mini",
        help="write a small checkpoint with random weights",
        description="Writes a checkpoint that runs everywhere and whose words mean nothing.",
    )
    mini.add_argument("dir", type=Path, metavar="DIR", help="the folder to write")
    mini.add_argument("--arch", choices=ARCHITECTURES, default="exaone", help="default: exaone")
    mini.add_argument(
        "--size",
        choices=SIZES,
        default="tiny",
        help="tiny (3 M parameters, the default) or mid (160 M, for benchmarks)",
    )
    mini.add_argument("--seed", type=_seed, default=0, help="of weights and tokenizer")
    return parser


def _seed(text: str) -> int:
    seed = int(text)
    if seed < 0:
        raise argparse.ArgumentTypeError("must be 0 or more")
    return seed


if __name__ == "__main__":
    sys.exit(main())
