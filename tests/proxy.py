"""A TCP proxy between a client and a real server that fails on demand."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Proxy:
    """Forwards to `target` on loopback. Change the attributes while it runs."""

    target: int
    port: int = 0
    down: bool = False
    """Close new connections at once, and break existing ones."""
    cut_after: int | None = None
    """Break every connection once the client has sent this many bytes over it."""
    delay_s: float = 0
    """Seconds to wait before passing on each piece."""
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    _serving: set[asyncio.Task[None]] = field(default_factory=set)

    def go_down(self) -> None:
        self.down = True
        for writer in self._open:
            writer.transport.abort()

    async def close(self) -> None:
        self.go_down()
        if self._serving:
            await asyncio.wait(self._serving)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        if self.down:
            writer.transport.abort()
            return
        upstream_reader, upstream = await asyncio.open_connection("127.0.0.1", self.target)
        self._open |= {writer, upstream}
        try:
            await asyncio.gather(
                self._pass_on(reader, upstream, self.cut_after), self._pass_on(upstream_reader, writer, None)
            )
        except OSError:
            pass
        finally:
            for end in (writer, upstream):
                self._open.discard(end)
                end.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, limit: int | None) -> None:
        passed = 0
        while chunk := await reader.read(1 << 16):
            if self.delay_s:
                await asyncio.sleep(self.delay_s)
            passed += len(chunk)
            if limit is not None and passed > limit:
                raise ConnectionResetError
            writer.write(chunk)
            await writer.drain()
        with contextlib.suppress(OSError):
            writer.write_eof()


@asynccontextmanager
async def proxy_to(target: int) -> AsyncIterator[Proxy]:
    proxy = Proxy(target)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.close()
