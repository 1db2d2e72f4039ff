"""The watchdog: a supervisor's children never outlive it."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from shared.program import module_command
from shared.runtime.watchdog import Watchdog, end, identified
from tests.servers import is_alive

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]

SUPERVISOR = f"""
import json, subprocess, sys, time
from pathlib import Path
from shared.runtime.watchdog import Watchdog, identified
children = [subprocess.Popen({SLEEP!r}, start_new_session=True) for _ in range(3)]
watchdog = Watchdog(Path(sys.argv[1]))
watchdog.watch([identified(children[0])])
watchdog.watch([[one for child in children[:2] for one in identified(child)], identified(children[2])])
print(json.dumps([child.pid for child in children]), flush=True)
time.sleep(600)
"""


def await_end(process: psutil.Process) -> None:
    deadline = time.monotonic() + 30
    while is_alive(process):
        assert time.monotonic() < deadline, "it outlived its supervisor"
        time.sleep(0.05)


def test_children_and_watchdog_end_with_a_killed_supervisor(tmp_path: Path):
    supervisor = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, str(tmp_path / "log")], stdout=subprocess.PIPE, text=True
    )
    assert supervisor.stdout is not None
    pids = json.loads(supervisor.stdout.readline())
    all_of_it = psutil.Process(supervisor.pid).children()
    assert {child.pid for child in all_of_it} > set(pids)
    supervisor.send_signal(signal.SIGKILL)
    supervisor.wait()
    supervisor.stdout.close()
    for process in all_of_it:
        await_end(process)


def test_a_closed_watchdog_ends_no_process(tmp_path: Path):
    child = subprocess.Popen(SLEEP)
    watchdog = Watchdog(tmp_path / "log")
    assert not watchdog.is_running
    watchdog.watch([identified(child)])
    assert watchdog.is_running
    watchdog.close()
    assert not watchdog.is_running
    assert child.poll() is None
    end([identified(child)])
    assert child.poll() is not None


def test_a_killed_watchdog_is_restarted_at_the_next_check(tmp_path: Path):
    watchdog = Watchdog(tmp_path / "log")
    watchdog.watch([])
    assert watchdog._process is not None
    watchdog._process.kill()
    watchdog._process.wait()
    assert not watchdog.is_running
    watchdog.watch([])
    assert watchdog.is_running
    watchdog.close()


@pytest.mark.parametrize("cut", ["", "[[[1", "no JSON"])
def test_a_truncated_line_ends_no_process(cut: str):
    child = subprocess.Popen(SLEEP)
    lines = json.dumps([]) + "\n" + cut
    assert subprocess.run(module_command("shared.runtime.watchdog"), input=lines, text=True, timeout=60).returncode == 0
    assert child.poll() is None
    child.kill()
    child.wait()


def test_a_pid_reused_by_another_process_is_not_killed():
    child = subprocess.Popen(SLEEP)
    end([[(child.pid, time.time() - 3600)]])
    assert child.poll() is None
    end([identified(child)])
    assert child.poll() is not None
    assert identified(child) == []
