"""Runs a module of the application as the main program: `python -P -m humanpose3d.child MODULE ARGUMENT…`.

The application's packages (`services`, `shared`, `gateway`, …) have common names. They are therefore not installed next
to the library but inside it, and only a process of the application puts their folder on its path, before everything
else. A folder of the same name in the user's project or environment is neither hidden nor imported.
"""

import sys
from pathlib import Path


def application() -> Path:
    """Folder of the application's packages: `_app` inside the installed package, the repository's root in a clone."""
    package = Path(__file__).resolve().parent
    installed = package / "_app"
    return installed if installed.is_dir() else package.parent


def enter_application() -> None:
    """Make this process one of the application's: its packages are found before all others of their names."""
    folder = str(application())
    sys.path[:] = [folder, *(entry for entry in sys.path if entry != folder)]


if __name__ == "__main__":
    import runpy  # late: the command line comes through here without it

    enter_application()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
