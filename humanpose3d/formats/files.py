"""Whole files: written atomically, and read with errors that name the file."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from humanpose3d.errors import InvalidMotion, OutputNotWritable


@contextmanager
def write_atomic(path: Path, *, to_keep: bool = True) -> Iterator[BinaryIO]:
    """A binary file that replaces what is at `path` when the block ends; on any exception nothing changes there.

    A file that is not `to_keep` need not survive a power failure and is not synced to disk.

    Raises OutputNotWritable where the folder is missing, is full or refuses.
    """
    part = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with part.open("xb") as file:
            yield file
            file.flush()
            if to_keep:
                os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise OutputNotWritable(f"{path.name} cannot be written: {error.strerror}.") from error
    finally:
        with suppress(OSError):
            part.unlink()


@contextmanager
def faults_of(path: Path) -> Iterator[None]:
    """Put the file's name before the message of an InvalidMotion."""
    try:
        yield
    except InvalidMotion as error:
        raise InvalidMotion(f"{path.name}: {error}") from None


def read_bytes(path: Path) -> bytes:
    """The content of a motion file. Raises InvalidMotion where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidMotion(f"{path.name} cannot be read: {error.strerror}.") from error


def read_lines(path: Path) -> list[str]:
    """Lines of a text file, see `lines_of`. Raises InvalidMotion where it cannot be read."""
    return lines_of(read_bytes(path))


def lines_of(content: bytes) -> list[str]:
    """Lines of a text: UTF-8 with or without a byte order mark or, failing that, Latin-1 (older Windows tools)."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def printable(text: str) -> str:
    """Text for one header cell: characters that would break the line or cannot be encoded become underscores."""
    return "".join(letter if letter.isprintable() else "_" for letter in text)
