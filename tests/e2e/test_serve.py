"""The whole system as a user starts it: real nats-server, real workers, real gateway, the sample video."""

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from cli.main import main
from humanpose3d.client import Client, RunFailed
from humanpose3d.connection import ApiError
from tests.disks import fill, small_disk
from tests.servers import as_from_a_terminal, is_alive

SAMPLE = Path(__file__).resolve().parents[2] / "examples" / "sample.mp4"
OPTIONS: dict[str, Any] = {"estimate_missing": True, "force_complete": True, "plot_all_joint_angles": True}


@contextmanager
def served(data: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "cli.main", "serve", "--port", str(port), "--data", str(data), "--detectors", "1"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=as_from_a_terminal,  # noqa: PLW1509 -- it starts no thread and takes no lock
    )
    try:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert f"http://127.0.0.1:{port}" in first, first + process.stdout.read()
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=90)
        if process.stdout:
            process.stdout.close()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.suffix in {".trc", ".csv"} or path.name == "quality.json"
    }


def opened_by_second_start(data: Path, folder: Path) -> str:
    """The address that `serve --open` opens where another instance uses the folder."""
    browser = folder / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" >> {folder}/opened\n')
    browser.chmod(0o755)
    subprocess.run(
        [sys.executable, "-m", "cli.main", "serve", "--open", "--data", str(data)],
        env={**os.environ, "BROWSER": f"{browser} %s"},
        check=True,
    )
    return (folder / "opened").read_text()


def children(data: Path) -> list[psutil.Process]:
    recorded = json.loads((data / "running.json").read_text())["processes"]
    return [psutil.Process(pid) for group in recorded for pid, _ in group]


def test_the_same_bytes_as_run_and_every_run_is_found_again(tmp_path: Path):
    arguments = ["--height", "1.72", "--weight", "70", "--estimate-missing", "--force-complete"]
    plots = ["--plot-all-joint-angles"]
    assert main(["run", "--video", str(SAMPLE), *arguments, *plots, "--output", str(tmp_path / "run")]) == 0

    data, port = tmp_path / "data", free_port()
    with served(data, port) as process, Client(f"http://127.0.0.1:{port}") as client:
        processes = children(data)
        assert len(processes) == 6
        run_key = client.submit(SAMPLE, height=1.72, weight=70, consent=True, **OPTIONS)
        run = client.wait(run_key, timeout=120)
        client.download(run_key, tmp_path / "served")
        assert digests(tmp_path / "served") == digests(tmp_path / "run" / "sample")
        assert {file.path for file in run.files} >= {"run.json", "joint_angles/sample_all_joint_angles.png"}

        again = subprocess.run(
            [sys.executable, "-m", "cli.main", "serve", "--port", str(free_port()), "--data", str(data)],
            capture_output=True,
            text=True,
        )
        assert again.returncode == 2
        assert f"running already, at http://127.0.0.1:{port}" in again.stderr

        assert opened_by_second_start(data, tmp_path) == f"http://127.0.0.1:{port}\n"

        os.kill(process.pid, signal.SIGINT)
        process.communicate(timeout=90)
        assert process.returncode == 0
    assert not [child for child in processes if child.is_running()]

    port = free_port()
    with served(data, port), Client(f"http://127.0.0.1:{port}") as client:
        assert [summary.run_key for summary in client.runs()] == [run_key]
        client.download(run_key, tmp_path / "again")
        assert digests(tmp_path / "again") == digests(tmp_path / "served")


def running(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [child for child in processes if is_alive(child)]


def until(done: Callable[[], bool], timeout: float = 90) -> None:
    deadline = time.monotonic() + timeout
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_everything_ends_with_a_killed_supervisor_and_running_work_continues_with_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HUMANPOSE3D_GRACE_S", "0.5")
    data, port = tmp_path / "data", free_port()
    with served(data, port) as process, Client(f"http://127.0.0.1:{port}") as client:
        everything = psutil.Process(process.pid).children(recursive=True)
        assert {child.pid for child in everything} > {child.pid for child in children(data)}
        run_key = client.submit(SAMPLE, height=1.72, weight=70, consent=True)
        until(lambda: client.progress(run_key).progress > 0)
        process.kill()
        process.wait()
        until(lambda: not running(everything))
    port = free_port()
    with served(data, port), Client(f"http://127.0.0.1:{port}") as client:
        assert client.wait(run_key, timeout=120).status == "completed"


def test_children_that_also_lost_their_watchdog_are_ended_by_the_next_start(tmp_path: Path):
    data = tmp_path / "data"
    with served(data, free_port()) as process:
        left = children(data)
        for child in psutil.Process(process.pid).children():
            if "shared.runtime.watchdog" in child.cmdline():
                child.suspend()
                process.kill()
                child.kill()
        process.wait()
        assert running(left)
    with served(data, free_port()):
        assert not running(left)


def fills_the_disk_of_the_bus(data: Path, url: str) -> bool:
    fill(data)
    answer = httpx.get(f"{url}/readyz", timeout=20)
    return answer.status_code == 503 and answer.json()["code"] == "bus-disk-full"


def test_a_full_disk_is_reported_and_stops_nothing_permanently(tmp_path: Path):
    port = free_port()
    with small_disk(tmp_path / "data", 64) as data, served(data, port) as process:
        url = f"http://127.0.0.1:{port}"
        with Client(url) as client:
            keys = [client.submit(SAMPLE, height=1.72, weight=70, consent=True, pose_model="lite") for _ in range(2)]
            until(lambda: fills_the_disk_of_the_bus(data, url))  # again and again: failing workers make room
            assert "disk is full" in httpx.get(f"{url}/readyz", timeout=20).json()["detail"]
            with pytest.raises(ApiError, match=r"disk|room"):
                client.submit(SAMPLE, height=1.72, weight=70, consent=True)
            assert process.stdout is not None
            assert f"The disk that holds {data} is full. Make room" in process.stdout.readline()
            (data / "filler").unlink()
            until(lambda: httpx.get(f"{url}/readyz", timeout=20).status_code == 200)
            assert [client.wait(key, timeout=120).status for key in keys] == ["completed", "completed"]
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=90)
    assert "There is room again" in said


def test_a_closed_terminal_stops_everything(tmp_path: Path):
    data = tmp_path / "data"
    with served(data, free_port()) as process:
        assert process.stdout is not None
        processes = children(data)
        process.stdout.close()
        process.send_signal(signal.SIGHUP)
        process.wait(timeout=90)
    assert not [child for child in processes if child.is_running()]


def test_a_killed_service_is_started_again(tmp_path: Path):
    data, port = tmp_path / "data", free_port()
    with served(data, port):
        for child in children(data):
            if "gateway.app" in child.cmdline():
                child.kill()
        deadline = time.monotonic() + 180
        while True:
            try:
                if httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=2).status_code == 200:
                    break
            except httpx.HTTPError:
                assert time.monotonic() < deadline
                time.sleep(0.2)


def test_invalid_videos_end_as_failed_runs_with_the_command_line_s_messages(tmp_path: Path):
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(SAMPLE.read_bytes()[:3000])
    text = tmp_path / "text.mp4"
    text.write_text("this is no video")
    port = free_port()
    with served(tmp_path / "data", port), Client(f"http://127.0.0.1:{port}") as client:
        with pytest.raises(ApiError, match="unreadable-video"):
            client.submit(text, height=1.72, weight=70, consent=True)
        run_key = client.submit(cut, height=1.72, weight=70, consent=True)
        with pytest.raises(RunFailed) as caught:
            client.wait(run_key, timeout=60)
        problem = caught.value.progress.problem
        assert problem is not None
        assert problem.code == "unreadable-video"
        assert str(tmp_path) not in problem.detail


def test_an_occupied_port_is_reported(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "cli.main", "serve", "--port", str(port), "--data", str(tmp_path / "data")]
        refused = subprocess.run(command, capture_output=True, text=True)
    assert refused.returncode == 2
    assert f"--port {port} is taken" in refused.stderr
