"""A TCP proxy that can refuse, delay and cut connections: an unreliable network between workers and store."""

import asyncio
import contextlib
import random
from dataclasses import dataclass, field
from typing import Literal

Mood = Literal["good", "down", "slow", "cutting"]


@dataclass
class Proxy:
    """Forwards to a local `port` according to its current mode."""

    port: int
    dice: random.Random
    mood: Mood = "good"
    listening: int = 0
    _server: asyncio.Server | None = None
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.listening = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server
        self._server.close()
        self.drop()

    def become(self, mood: Mood) -> None:
        self.mood = mood
        if mood == "down":
            self.drop()

    def drop(self) -> None:
        for writer in self._open:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.mood == "down":
            writer.transport.abort()
            return
        self._open.add(writer)
        with contextlib.suppress(OSError):
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.port)
            self._open.add(far_writer)
            await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))
            self._open.discard(far_writer)
        self._open.discard(writer)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(65_536):
                if self.mood == "slow":
                    await asyncio.sleep(self.dice.uniform(0, 0.2))
                if self.mood == "cutting" and self.dice.random() < 0.3:
                    writer.write(chunk[: len(chunk) // 2])
                    writer.transport.abort()
                    return
                writer.write(chunk)
                await writer.drain()
        with contextlib.suppress(OSError):
            writer.close()
