"""This program as a child process, run by Python or as the standalone app, which has no Python."""

import os
import sys
from typing import TextIO


def module_command(module: str, *arguments: str) -> list[str]:
    """Command line of a process that runs `module` of the application as its main program (`humanpose3d.child`).

    `-P` keeps the working folder off its path, so that no file there is imported. The executable of the standalone app
    accepts these arguments as Python would (`deploy/standalone/entry.py`).
    """
    return [sys.executable, "-P", "-m", "humanpose3d.child", module, *arguments]


def take_stdout() -> TextIO:
    """This process's standard output, reserved for messages to its parent; everything else is redirected to stderr.

    Native libraries print unconditionally.
    """
    own = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return own
