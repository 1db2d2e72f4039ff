"""Checks whether a disk has free space, and which errors mean that it has none."""

import errno
import os
import tempfile
from pathlib import Path
from typing import Final

_PROBE_BYTES: Final = 1 << 20

_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


def must_have_room(folder: Path) -> None:
    """Write a megabyte to the folder and remove it again: quotas and read-only disks do not show in free space.

    Raises OSError.
    """
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".unfinished-", buffering=0) as file:
        file.write(os.urandom(_PROBE_BYTES))  # incompressible


def is_full(error: BaseException) -> bool:
    """Whether the error says that a disk, or a quota on it, is full."""
    return isinstance(error, OSError) and error.errno in _FULL
