"""`humanpose3d`: the command line. Parses, calls, and turns errors into messages and exit codes."""

import argparse
import io
import os
import signal
import sys
import threading
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from types import FrameType
from typing import Final, NoReturn

from humanpose3d.errors import HumanPose3DError, InvalidOption

COMMANDS: Final = {
    "run": ("cli.run", "analyse one video, or many"),
    "serve": ("cli.serve", "run the whole system on this machine"),
    "export": ("cli.export", "write the files of other programs from a run's results"),
    "view": ("cli.view", "look at a TRC file in 3D"),
    "refine": ("cli.refine", "refine the markers of a TRC file"),
    "norms": ("cli.norms", "make gait norms from runs"),
    "keys": ("cli.keys", "make API keys for a server"),
    "train": ("training.commands", "make training data and refiners (extra 'train')"),
}
"""Each command's module and its line of help. A module is imported for its own command alone."""

EXAMPLES: Final = {
    "run": "humanpose3d run --video walk.mp4 --height 1.78 --weight 75",
    "serve": "humanpose3d serve --port 8000",
    "export": "humanpose3d export out/walk --to osim,mot,c3d",
    "view": "humanpose3d view out/walk/walk_final.trc",
    "refine": "humanpose3d refine in.trc out.trc",
    "norms": 'humanpose3d norms norms.csv out/ana out/ben out/eva --about "3 adults, 20 to 40 years, own pace"',
    "keys": "humanpose3d keys add --owner ana --file keys",
    "train": "humanpose3d train data --out pairs --clips 100 --mocap FOLDER",
}
"""A valid line for each command, shown with an error message."""

INTERRUPTED: Final = 130

_terminated: Final = threading.Event()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 done, 1 our fault, 2 the input's, 130 interrupted."""
    _terminated.clear()
    signal.signal(signal.SIGTERM, _interrupt)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a console that cannot show a character must not end the run
    words = sys.argv[1:] if arguments is None else arguments
    try:
        parsed = parser(words).parse_args(words)
        exit_code: int = parsed.command(parsed)
    except HumanPose3DError as error:
        return _fail(_message(error), error.exit_code)
    except KeyboardInterrupt:
        return _fail("stopped; nothing was written", INTERRUPTED)
    except Exception as error:  # the outermost level: a traceback is shown on request only
        if _terminated.is_set():  # an extension module reports an interrupt of its import as an ImportError
            return _fail("stopped; nothing was written", INTERRUPTED)
        if os.environ.get("HUMANPOSE3D_DEBUG"):
            raise
        advice = "Set HUMANPOSE3D_DEBUG=1 and run again to see where, and please report it"
        return _fail(f"an internal error ({type(error).__name__}) stopped the run. {advice}", 1)
    return exit_code


def parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """The parser for these words: all commands, and the arguments of the one that comes first."""
    top = _Parser(
        prog="humanpose3d", description="One ordinary video in, biomechanics out: 3D markers and joint angles."
    )
    top.add_argument("--version", action="version", version=f"humanpose3d {version('humanpose3d')}")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    for name, (module, line) in COMMANDS.items():
        command = commands.add_parser(name, help=line)
        if name in words[:1]:
            command.description = import_module(module).__doc__
            import_module(module).configure(command)
    return top


class _Parser(argparse.ArgumentParser):
    """Reports a mistake in one line, with an example of the command instead of the full usage."""

    def error(self, message: str) -> NoReturn:
        command = self.prog.split()[-1]
        help_line = f"example: {EXAMPLES[command]}" if command in EXAMPLES else "humanpose3d --help lists the commands"
        self.exit(2, f"{self.prog}: {message}\n{help_line}\n")


def _message(error: HumanPose3DError) -> str:
    if isinstance(error, InvalidOption):
        return "; ".join(f"--{name.replace('_', '-')} {fault}" for name, fault in error.faults.items())
    return str(error)


def _fail(message: str, exit_code: int) -> int:
    print(f"humanpose3d: {message}", file=sys.stderr)
    return exit_code


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    _terminated.set()
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
