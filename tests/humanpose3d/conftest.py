"""The client is tested against a real gateway."""

from tests.gateway.conftest import scratch, serve, world

__all__ = ["scratch", "serve", "world"]
