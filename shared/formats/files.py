"""Writing a file so that a reader sees the old one or the new one, never half of either."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from shared.errors import InvalidMotion, OutputNotWritable


@contextmanager
def write_atomic(path: Path) -> Iterator[BinaryIO]:
    """A binary file that replaces what is at `path` when the block ends; on any exception nothing changes there.

    Raises OutputNotWritable where the folder is missing, is full or refuses.
    """
    part = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise OutputNotWritable(f"{path} cannot be written: {error.strerror}.") from error
    finally:
        part.unlink(missing_ok=True)


def read_bytes(path: Path) -> bytes:
    """All of a file of motion. Raises InvalidMotion where there is none that can be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidMotion(f"{path} cannot be read: {error.strerror}.") from error


def read_lines(path: Path) -> list[str]:
    """Lines of a text file: UTF-8 with or without a byte order mark or, failing that, Latin-1 (older Windows tools)."""
    content = read_bytes(path)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
