"""The standalone app's executable: `humanpose3d` without Python. Called with nothing, it shows the page."""

import multiprocessing
import os
import runpy
import sys
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Run the command, or as `-P -m MODULE ...` that module, as Python does; see `shared.program`."""
    _prepare_children(Path(__file__).parent)
    if arguments[:2] == ["-P", "-m"]:
        sys.argv = arguments[2:]
        runpy.run_module(arguments[2], run_name="__main__", alter_sys=True)
        return 0
    # Deferred: child processes do without the command line.
    from cli.main import main as humanpose3d

    if not arguments:
        print("HumanPose3D is starting ...", flush=True)
    return humanpose3d(arguments or ["serve", "--open"])


def _prepare_children(bundle: Path) -> None:
    """Let this executable find its libraries by itself, and other programs (the browser) find those of the system."""
    os.environ["PYINSTALLER_RESET_ENVIRONMENT"] = "1"
    of_the_system = os.environ.pop("LD_LIBRARY_PATH_ORIG", None)
    os.environ.pop("LD_LIBRARY_PATH", None)
    if of_the_system is not None:
        os.environ["LD_LIBRARY_PATH"] = of_the_system
    name = "nats-server.exe" if sys.platform == "win32" else "nats-server"
    os.environ.setdefault("NATS_SERVER_BIN", str(bundle / name))


if __name__ == "__main__":
    multiprocessing.freeze_support()
    sys.exit(main(sys.argv[1:]))
