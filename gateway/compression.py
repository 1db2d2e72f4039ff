"""Text as gzip on its way to clients that accept it."""

import asyncio
import zlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final

from starlette.datastructures import Headers

_TEXT: Final = (".csv", ".html", ".json", ".mot", ".osim", ".svg", ".trc")
_LEVEL: Final = 1
"""Tables shrink to a third; level 6 takes five times as long for a tenth less."""
_LEAST: Final = 1024
_GZIP: Final = 16 + zlib.MAX_WBITS


def is_worth_it(name: str, size: int) -> bool:
    """Whether a file of this size shrinks by more than a header."""
    return size >= _LEAST and name.endswith(_TEXT)


def accepts_gzip(asked: Headers) -> bool:
    """Whether the client accepts gzip (RFC 9110, 12.5.3)."""
    quality = {"*": 0.0}
    for item in ",".join(asked.getlist("accept-encoding")).lower().split(","):
        coding, _, weight = item.partition(";")
        quality[coding.strip()] = _weight(weight)
    return quality.get("gzip", quality["*"]) > 0


async def compressed(content: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """The content as gzip, piece by piece."""
    packer = zlib.compressobj(_LEVEL, wbits=_GZIP)
    try:
        async for piece in content:
            if packed := await asyncio.to_thread(packer.compress, piece):
                yield packed
        yield packer.flush()
    finally:
        if isinstance(content, AsyncGenerator):
            await content.aclose()


def _weight(text: str) -> float:
    name, _, value = text.replace(" ", "").partition("=")
    if name != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
