"""`humanpose3d serve`: the whole system on this machine, without Docker: bus, workers, gateway and page."""

import argparse
import contextlib
import os
import signal
import threading
import webbrowser
from pathlib import Path
from types import FrameType

from platformdirs import user_data_path

from humanpose3d.errors import InvalidOption
from shared.machine import usable_cpus

_MOST_DETECTORS = 8
"""Default limit: each process uses a few hundred MB."""

_LAST_PORT = 65535

DEFAULT_DATA = user_data_path("humanpose3d", appauthor=False)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments, and the function that runs the command."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    parser.add_argument("--port", type=int, help="port to listen on (default 8000, or the next free one)")
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, metavar="DIR", help="default: %(default)s")
    parser.add_argument(
        "--detectors",
        type=int,
        default=min(_MOST_DETECTORS, usable_cpus()),
        metavar="N",
        help="processes that detect, all of which share one run (default: one a core, 8 at most; here %(default)s)",
    )
    parser.add_argument("--open", action="store_true", help="open the page in the browser")
    parser.set_defaults(command=_command)


def _command(parsed: argparse.Namespace) -> int:
    _check(parsed)
    # Deferred: only this command needs the server's imports.
    from shared.runtime.local_system import AlreadyRunning, System

    stop = threading.Event()
    _on_signals(stop)
    try:
        with System(parsed.data, parsed.host, parsed.port, parsed.detectors) as system:
            print(f"HumanPose3D is at {system.url}  (data in {parsed.data}; stop with Ctrl-C)", flush=True)
            if parsed.open:
                webbrowser.open(system.url)
            system.watch(stop)
            with contextlib.suppress(OSError):  # the terminal may have been closed
                print("stopping ...", flush=True)
    except AlreadyRunning as running:
        if not parsed.open:
            raise
        print(running, flush=True)
        webbrowser.open(running.url)
    return 0


def _check(parsed: argparse.Namespace) -> None:
    """Check, before any service is started, that each can start. Raises InvalidOption, InvalidSetting."""
    from gateway.api_keys import KeyRing, demand_keys
    from shared.runtime.settings import Settings

    faults = {}
    if parsed.port is not None and not 1 <= parsed.port <= _LAST_PORT:
        faults["port"] = f"is a number from 1 to {_LAST_PORT}, not {parsed.port}"
    if parsed.detectors < 1:
        faults["detectors"] = f"is at least 1, not {parsed.detectors}"
    if faults:
        raise InvalidOption(faults)
    own = {"NATS_URL": "nats://127.0.0.1:4222", "STORE_DIRECTORY": str(parsed.data), "HOST": parsed.host}
    settings = Settings.from_environment({**os.environ, **{f"HUMANPOSE3D_{name}": own[name] for name in own}})
    demand_keys(settings, KeyRing(settings.api_keys_file))


def _on_signals(stop: threading.Event) -> None:
    def set_stop(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, set_stop)
    window_closed = getattr(signal, "SIGHUP", None)  # not on Windows
    if window_closed and signal.getsignal(window_closed) != signal.SIG_IGN:  # ignored after nohup
        signal.signal(window_closed, set_stop)
