"""The machine that a process runs on: usable processors and memory allocation."""

import ctypes
import math
import os
import sys
from pathlib import Path
from typing import Final

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_LARGE_BYTES: Final = 1 << 29
_CONTROL_GROUP: Final = Path("/sys/fs/cgroup")
"""As a container sees its own."""


def usable_cpus() -> int:
    """Number of processors that this process may use: those it is bound to, or as many as its container's quota of
    processor time keeps busy."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(bound, _granted() or bound)


def _granted() -> int | None:
    """As many processors as the control group's quota keeps busy, of version 2 or 1; None without one."""
    for files in (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")):
        try:
            quota, period = " ".join((_CONTROL_GROUP / file).read_text(encoding="ascii") for file in files).split()
            if int(quota) > 0:
                return math.ceil(int(quota) / int(period))
        except (OSError, ValueError):  # of the other version, or "max"
            continue
    return None


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
