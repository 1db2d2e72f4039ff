"""Suppresses MediaPipe's start-up logs.

Its C++ code writes to the process's standard error, past Python, and the Tasks library offers no switch: environment
variables for glog and absl have no effect. So standard error is captured while it starts, and everything that is not a
known start-up message is then written.
"""

import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Final

CHATTER: Final = re.compile(
    rb"^(?:[IW]\d{4} \d\d:\d\d:.*|INFO: Created TensorFlow Lite .*|WARNING: All log messages before absl.*)\r?\n",
    re.MULTILINE,
)
"""Informational and warning lines of absl's logger (I0000, W0000) and of TensorFlow Lite; errors (E, F) pass."""

_one_at_a_time = threading.Lock()


@contextmanager
def suppress_native_logs() -> Iterator[None]:
    """Capture the process's standard error, and write it afterwards without MediaPipe's start-up logs."""
    with _one_at_a_time, tempfile.TemporaryFile() as held, _standard_error_to(held):
        yield


@contextmanager
def _standard_error_to(held: IO[bytes]) -> Iterator[None]:
    sys.stderr.flush()
    standard_error = os.dup(2)
    os.dup2(held.fileno(), 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(standard_error, 2)
        held.seek(0)
        with os.fdopen(standard_error, "wb") as stream:
            stream.write(CHATTER.sub(b"", held.read()))
