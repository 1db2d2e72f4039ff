"""What `serve` decides before starting: the port, and whether another instance uses the folder."""

import json
import os
import socket
import subprocess
import threading
from pathlib import Path

import pytest
from filelock import FileLock

from humanpose3d.errors import InvalidOption
from shared.runtime import local_system
from shared.runtime.local_system import _NATS_CONFIGURATION, AlreadyRunning, System, _free_port_of, _nats_server


def test_the_first_free_port_is_taken():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert _free_port_of("127.0.0.1", range(port, port + 20)) in range(port + 1, port + 20)


def test_a_port_that_is_requested_is_not_replaced():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InvalidOption, match=f"port: {port} is taken on 127.0.0.1"):
            _free_port_of("127.0.0.1", (port,))


@pytest.mark.parametrize("host", ["203.0.113.1", "2001:db8::1", "[::1]", "nowhere.invalid"])
def test_an_address_of_another_machine_is_named_as_such(host: str):
    with pytest.raises(InvalidOption) as caught:
        _free_port_of(host, (8000, 8001))
    assert caught.value.faults == {"host": f"{host} is not an address of this machine"}


def test_ipv6_loopback_is_an_address_like_others(tmp_path: Path):
    try:
        taken = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError as error:
        pytest.skip(f"there is no IPv6 here ({error.strerror})")
    with taken:
        port = taken.getsockname()[1]
        assert _free_port_of("::1", range(port, port + 20)) in range(port + 1, port + 20)
    assert System(tmp_path, "::1", 8000, 1).url == "http://[::1]:8000"


def test_a_full_disk_is_reported_before_there_is_room_again_and_the_bus_restarted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    """Also where failing workers have made room before the supervisor's first look, and fill the disk again."""
    monkeypatch.setattr(local_system, "_problem", lambda _url: "bus-disk-full")
    monkeypatch.setattr(local_system, "_LOOK_S", 0)
    for folder in ("nats", "logs"):
        (tmp_path / folder).mkdir()
    system = System(tmp_path, "127.0.0.1", 8000, 1)
    bus = system._add("nats", ["sleep", "600"], os.environ)
    processes = []
    for _ in range(4):
        system._tend_bus()
        processes.append(bus.process)
    system._stop()
    first, second, third, fourth = processes
    assert first is not second
    assert second is third
    assert third is not fourth
    assert [record.message.partition(" disk")[0] for record in caplog.records] == [
        "The",
        "There is room again on the",
    ] * 2


@pytest.mark.parametrize("password", ["-Wx", "9kB_", "1e5", "true", "x-_9"])
def test_the_bus_takes_any_password_that_may_be_drawn(password: str, tmp_path: Path):
    configuration = tmp_path / "nats-server.conf"
    configuration.write_text(_NATS_CONFIGURATION.format(port=4222, store='"/store"', password=password))
    checked = subprocess.run([_nats_server(), "-t", "-c", str(configuration)], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr


def test_a_second_start_waits_for_the_address_of_the_first(tmp_path: Path):
    record = tmp_path / "running.json"
    says = threading.Timer(0.5, lambda: record.write_text(json.dumps({"url": "http://127.0.0.1:8005"})))
    with FileLock(tmp_path / "lock"):
        says.start()
        with pytest.raises(AlreadyRunning, match=r"running already, at http://127\.0\.0\.1:8005\.") as caught:
            System(tmp_path, "127.0.0.1", None, 1).__enter__()
    says.join()
    assert caught.value.url == "http://127.0.0.1:8005"
