"""Arrays whose values are in a file, of which memory holds only what is being used.

A page of the file is in memory once it was touched, until `release`, or until the system needs the room. On Windows,
where a file in use cannot be removed, they are in memory.
"""

import math
import mmap
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

_Array = NDArray[np.float64]

_MAPS: Final = os.name != "nt"

_SMALLEST: Final = 16_000_000
"""Bytes: smaller arrays stay in memory."""

_BYTES_AT_ONCE: Final = 1 << 20
_ROWS_AT_ONCE: Final = 4096


def mapped(file: BinaryIO, shape: tuple[int, ...], offset: int = 0, *, writable: bool = False) -> _Array:
    """An array of float64 from this byte of an open file on, which may be closed afterwards.

    Raises ValueError, TypeError or OSError where the file is too short.
    """
    if not _MAPS:
        file.seek(offset)
        return np.fromfile(file, "<f8", math.prod(shape)).reshape(shape)
    access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
    return np.ndarray(shape, "<f8", mmap.mmap(file.fileno(), 0, access=access), offset)


def empty(shape: tuple[int, ...], folder: Path | None) -> _Array:
    """An array to be filled, if it is large in a temporary file without a name in `folder` (None: in memory).

    Raises OSError where the disk has no room for it.
    """
    size = math.prod(shape) * np.dtype(np.float64).itemsize
    if folder is None or size < _SMALLEST or not _MAPS:
        return np.empty(shape)
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        for first in range(0, size, _BYTES_AT_ONCE):
            file.write(bytes(min(_BYTES_AT_ONCE, size - first)))  # now: a full disk could not be reported later
        return mapped(file, shape, writable=True)


def release(*arrays: _Array) -> None:
    """Take the pages of arrays that are in a file out of memory, until they are used again; others stay as they are."""
    for array in arrays:
        base: object = array
        while isinstance(base, np.ndarray):
            base = base.base
        if isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
            base.madvise(mmap.MADV_DONTNEED)


def blocks(array: _Array) -> Iterator[_Array]:
    """Views of an array, some thousand rows at a time, each released when the next one is due."""
    for first in range(0, len(array), _ROWS_AT_ONCE):
        yield array[first : first + _ROWS_AT_ONCE]
        release(array)


def missing(positions: _Array) -> NDArray[np.bool_]:
    """(T, M) whether a coordinate of a marker is missing in positions (T, M, 3)."""
    found = [np.isnan(block).any(axis=2) for block in blocks(positions)]
    return np.concatenate([np.zeros((0, positions.shape[1]), dtype=bool), *found])
