"""Runs a module of the application as the main program: `python -P -m humanpose3d.child MODULE ARGUMENT…`.

The application's packages (`services`, `shared`, `gateway`, …) have common names. They are therefore not installed next
to the library but inside it, and only a process of the application puts their folder on its path, before everything
else. A folder of the same name in the user's project or environment is neither shadowed nor imported.
"""

import os
import sys
from pathlib import Path


def application() -> Path:
    """Folder of the application's packages: `_app` inside the installed package, the repository's root in a clone."""
    package = Path(__file__).resolve().parent
    installed = package / "_app"
    return installed if installed.is_dir() else package.parent


def enter_application() -> None:
    """Put the application's packages first on this process's path, before others of the same name.

    Its linear algebra is of many small matrices, which more threads slow down (the skeleton's fit by half, on two busy
    cores); numpy reads that limit when it is imported.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    folder = str(application())
    sys.path[:] = [folder, *(entry for entry in sys.path if entry != folder)]


if __name__ == "__main__":
    import runpy  # deferred: the command line does not need it

    enter_application()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
