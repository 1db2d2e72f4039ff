"""This program itself as a child process, whether Python runs it or it is the standalone app, which has no Python."""

import sys


def module_command(module: str, *arguments: str) -> list[str]:
    """Command line of a process that runs `module` as its main program, as `python -m module` does.

    The executable of the standalone app answers `-m` as Python would (`deploy/standalone/entry.py`).
    """
    return [sys.executable, "-m", module, *arguments]
