"""Ends a supervisor's children when the supervisor is gone, even if it was killed.

A separate process, `python -m shared.runtime.watchdog`, reads from a pipe that only the supervisor holds open and that
the operating system closes when the supervisor ends. Each line lists all current children.
"""

import contextlib
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import psutil

from shared.program import module_command

STOP_S: Final = 40.0
"""Time that a child has for an orderly end: longer than the workers' own grace period."""

Group = list[tuple[int, float]]
"""Process number and time of creation of children that are stopped together."""


class Watchdog:
    """The supervisor's side."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def watch(self, groups: list[Group]) -> None:
        """Set the current children, in the order in which their groups are to be stopped."""
        if not self.is_running:
            self._let_go()
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    module_command("shared.runtime.watchdog"),
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
        assert self._process is not None
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # it has just died, which the next check detects
            self._process.stdin.write(json.dumps(groups).encode() + b"\n")
            self._process.stdin.flush()

    @property
    def is_running(self) -> bool:
        """False before the first `watch` too."""
        return self._process is not None and self._process.poll() is None

    def close(self) -> None:
        """End it; the children have been stopped."""
        if self.is_running:
            self.watch([])
        self._let_go()

    def _let_go(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.communicate()  # closes the pipe


def identified(process: subprocess.Popen[bytes]) -> Group:
    """The process by number and creation time, as a group; an empty one where it has ended."""
    with contextlib.suppress(psutil.Error):
        return [(process.pid, psutil.Process(process.pid).create_time())]
    return []


def end(groups: list[Group]) -> None:
    """Stop the processes of one group after the other; those that do not stop are killed."""
    for group in groups:
        left = []
        for pid, created in group:
            with contextlib.suppress(psutil.Error):
                process = psutil.Process(pid)
                if abs(process.create_time() - created) < 1:  # otherwise the number has been reused
                    process.terminate()
                    left.append(process)
        _, stubborn = psutil.wait_procs(left, timeout=STOP_S)
        for process in stubborn:
            with contextlib.suppress(psutil.Error):
                process.kill()


def main() -> None:
    """Wait for the supervisor's end, then end its children."""
    for number in (signal.SIGINT, signal.SIGTERM):  # from the terminal or a shutdown: only the pipe decides
        signal.signal(number, signal.SIG_IGN)
    groups: list[Group] = []
    for line in sys.stdin:
        with contextlib.suppress(ValueError):  # a truncated line
            groups = json.loads(line)
    end(groups)


if __name__ == "__main__":
    main()
