"""`humanpose3d`: the command line. Parses, calls, and turns errors into messages and exit codes."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from importlib.metadata import version
from types import FrameType

from cli import keys, refine, run, serve, view
from shared.errors import HumanPose3DError, InvalidOption
from training import commands as training

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 done, 1 our fault, 2 the input's, 130 interrupted."""
    signal.signal(signal.SIGTERM, _interrupt)
    parsed = _parser().parse_args(arguments)
    try:
        exit_code: int = parsed.command(parsed)
    except HumanPose3DError as error:
        return _fail(_message(error), error.exit_code)
    except KeyboardInterrupt:
        return _fail("stopped; nothing was written", INTERRUPTED)
    except Exception as error:  # the outermost edge: nobody wants a traceback unless they ask for it
        if os.environ.get("HUMANPOSE3D_DEBUG"):
            raise
        advice = "Set HUMANPOSE3D_DEBUG=1 and run again to see where, and please report it"
        return _fail(f"an internal error ({type(error).__name__}) stopped the run. {advice}", 1)
    return exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="humanpose3d", description="One ordinary video in, biomechanics out: 3D markers and joint angles."
    )
    parser.add_argument("--version", action="version", version=f"humanpose3d {version('humanpose3d')}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in (run, serve, view, refine, keys, training):
        module.add_parser(commands)
    return parser


def _message(error: HumanPose3DError) -> str:
    if isinstance(error, InvalidOption):
        return "; ".join(f"--{name.replace('_', '-')} {fault}" for name, fault in error.faults.items())
    return str(error)


def _fail(message: str, exit_code: int) -> int:
    print(f"humanpose3d: {message}", file=sys.stderr)
    return exit_code


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
