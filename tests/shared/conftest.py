"""A real bus, started once per session, and fixtures of the tests of bus, store and worker."""

from collections.abc import Iterator

import pytest

from tests.servers import NatsServer


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def nats_server(tmp_path_factory) -> Iterator[NatsServer]:
    server = NatsServer(tmp_path_factory.mktemp("nats"))
    server.start()
    yield server
    server.stop()
