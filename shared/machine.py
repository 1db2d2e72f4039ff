"""The machine that a process runs on: usable processors and memory allocation."""

import ctypes
import os
import sys
from typing import Final

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_LARGE_BYTES: Final = 1 << 29


def usable_cpus() -> int:
    """Number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def return_freed_memory() -> None:
    """Give memory that was freed, but lies between what is in use, back to the system, where the C library can (glibc).

    It keeps that of blocks below 32 MB, of which a long recording has many: for reuse, which a later stage of another
    size seldom finds.
    """
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)


def reuse_large_blocks() -> None:
    """Let the C library keep freed memory for the next image, where it supports this (glibc).

    By default it releases blocks of several megabytes at once, so that the kernel clears and maps every page of every
    video frame again: measured as 1.8 of the 4.8 ms per 1080p frame outside of detection.
    """
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        libc.mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
        libc.mallopt(_M_TRIM_THRESHOLD, _LARGE_BYTES)
