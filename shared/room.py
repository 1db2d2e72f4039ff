"""Whether a disk has room to write, and which errors mean that it has none."""

import errno
import os
import tempfile
from pathlib import Path
from typing import Final

_PROBE_BYTES: Final = 1 << 20

_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


def must_have_room(folder: Path) -> None:
    """Write a megabyte into the folder and remove it again: quotas and read-only disks show in no figure.

    Raises OSError.
    """
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".unfinished-", buffering=0) as file:
        file.write(os.urandom(_PROBE_BYTES))  # which no file system makes smaller


def is_full(error: BaseException) -> bool:
    """Whether the error says that a disk, or a quota on it, is full."""
    return isinstance(error, OSError) and error.errno in _FULL
