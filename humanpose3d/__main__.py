"""The command line's entry point: `humanpose3d …`, or `python -P -m humanpose3d …`."""

import sys
from importlib import import_module

from humanpose3d.child import enter_application


def main() -> int:
    """Run the command in `sys.argv`; returns the exit code."""
    enter_application()
    exit_code: int = import_module("cli.main").main()  # by name: the library does not import the application
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
