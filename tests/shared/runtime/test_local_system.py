"""What `serve` decides before starting: the port, and whether another instance uses the folder."""

import json
import socket
import subprocess
import threading
from pathlib import Path

import pytest
from filelock import FileLock

from humanpose3d.errors import InvalidOption
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
