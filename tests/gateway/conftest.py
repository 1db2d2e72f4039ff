import asyncio
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import uvicorn

from gateway.app import create_app, server_configuration
from tests.gateway.world import World

FILES = {"walk_final.trc": b"0123456789" * 100, "joint_angles/walk_angles_knee_r.csv": b"time_s\n"}


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def world(tmp_path: Path, scratch: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def serve() -> Iterator[Callable[[World], str]]:
    """Serves worlds on loopback and completes every submitted run; returns their addresses."""
    with ExitStack() as stack:
        yield lambda world: stack.enter_context(_served(world))


@contextmanager
def _served(world: World) -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    app = create_app(world.settings, world.bus, world.store)
    server = uvicorn.Server(server_configuration(app, world.settings))

    async def main() -> None:
        hand = asyncio.create_task(world.complete_everything(FILES))
        await server.serve([listener])
        hand.cancel()

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
