"""A run's motion as one binary response, for the page and other viewers: 32-bit floats after a JSON header.

    4 bytes     length of the header: unsigned, little-endian
    header      JSON, UTF-8, padded with blanks so that the arrays begin at a multiple of 8 bytes
    arrays      one after the other: little-endian, C order, each padded with zeros to a multiple of 8 bytes

The header:

    {"version": 1, "arrays": [{"name": "markers", "type": "float32", "shape": [75, 65, 3], "offset": 600}, …],
     "markers": [65 names], "landmarks": [33 names], "joints": [{"name": "pelvis", "angles": [3 names]}, …]}

`offset` is in bytes, from the end of the header. A missing value is NaN. Arrays of T frames:

    times            (T,) float64, seconds: the frames' own times
    markers          (T, 65, 3) metres, Y up, final
    initial_markers  (T, 22, 3) the first 22 before refinement
    pixels           (T, 33, 2) landmarks in the upright image
    visibility       (T, 33) 0 to 1
    angles           (T, 12, 3) degrees, final
    angle_sd         (T, 12, 3) degrees; absent where the run states none
"""

import asyncio
import hashlib
import json
import struct
import tempfile
from collections.abc import AsyncGenerator, Iterator
from typing import IO, Final

import numpy as np
from starlette.datastructures import Headers
from starlette.responses import Response

from gateway.conditions import Validators, is_unchanged
from gateway.downloads import Streamed
from humanpose3d.formats.npz import load_npz
from humanpose3d.motion import AngleSd, FloatArray, JointAngles, Landmarks, Markers, Motion
from humanpose3d.skeleton import ALL_MARKERS, JOINT_GROUPS, LANDMARKS
from shared.runtime.run_state import RunState
from shared.runtime.store import Store
from shared.scratch import scratch_folder

VERSION: Final = 1
MEDIA_TYPE: Final = "application/vnd.humanpose3d.motion"

_ALIGNMENT: Final = 8
_BYTES_AT_ONCE: Final = 1 << 20
_ARTEFACTS: Final[dict[str, type[Motion]]] = {
    "landmarks": Landmarks,
    "augmented_markers": Markers,
    "initial_markers": Markers,
    "angles": JointAngles,
    "angle_sd": AngleSd,
}


class MotionFiles:
    """Makes the responses, one at a time: a long recording fills hundreds of megabytes while it is converted."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._one = asyncio.Lock()

    async def response(self, state: RunState, asked: Headers) -> Response:
        """The motion of a completed run, or that it is unchanged. Raises PreconditionFailed, ObjectNotFound."""
        keys = _keys(state)
        digest = hashlib.sha256("\n".join((str(VERSION), *keys.values())).encode()).hexdigest()[:20]
        validators = Validators(f'"{digest}"', state.updated_at)
        headers = {**validators.headers, "Cache-Control": "private, no-cache"}
        if is_unchanged(asked, validators):
            return Response(None, 304, headers)
        body = tempfile.TemporaryFile()  # noqa: SIM115 -- closed at the end of the response
        try:
            async with self._one:
                header = await self._write(keys, body)
        except BaseException:
            body.close()
            raise
        headers["Content-Length"] = str(len(header) + body.tell())
        return Streamed(_pieces(header, body), 200, headers, MEDIA_TYPE)

    async def _write(self, keys: dict[str, str], body: IO[bytes]) -> bytes:
        """Write the arrays; returns the header."""
        arrays: list[dict[str, object]] = []
        with scratch_folder() as scratch:
            for name, key in keys.items():
                path = scratch / f"{name}.npz"
                await self._store.get_file(key, path)
                motion = await asyncio.to_thread(load_npz, path, _ARTEFACTS[name])
                path.unlink()
                for array, values in _arrays(name, motion):
                    if array != "times" or not arrays:
                        arrays.append(await asyncio.to_thread(_append, body, array, values))
        return _header(arrays)


def _keys(state: RunState) -> dict[str, str]:
    """Artefact name → object key."""
    made = state.made
    made["angles"] = made.get("refined_angles") or made["angles"]
    return {name: made[name] for name in _ARTEFACTS if name in made}


def _arrays(name: str, motion: Motion) -> Iterator[tuple[str, FloatArray]]:
    yield "times", motion.times
    if isinstance(motion, Landmarks):
        yield "pixels", motion.pixels
        yield "visibility", motion.visibility
    elif isinstance(motion, Markers):
        yield "markers" if name == "augmented_markers" else name, motion.positions
    elif isinstance(motion, JointAngles | AngleSd):
        yield "angles" if name == "angles" else "angle_sd", motion.values


def _append(body: IO[bytes], name: str, values: FloatArray) -> dict[str, object]:
    offset = body.tell()
    kind = "float64" if name == "times" else "float32"
    content = np.ascontiguousarray(values, dtype=np.dtype(kind).newbyteorder("<"))
    body.write(content.data)
    body.write(bytes(-content.nbytes % _ALIGNMENT))
    return {"name": name, "type": kind, "shape": list(values.shape), "offset": offset}


def _header(arrays: list[dict[str, object]]) -> bytes:
    joints = [{"name": group.name, "angles": group.angles} for group in JOINT_GROUPS]
    names = {"markers": ALL_MARKERS, "landmarks": LANDMARKS, "joints": joints}
    text = json.dumps({"version": VERSION, "arrays": arrays, **names}, separators=(",", ":")).encode()
    text += b" " * (-(len(text) + 4) % _ALIGNMENT)
    return struct.pack("<I", len(text)) + text


async def _pieces(header: bytes, body: IO[bytes]) -> AsyncGenerator[bytes, None]:
    with body:
        yield header
        body.seek(0)
        while piece := await asyncio.to_thread(body.read, _BYTES_AT_ONCE):
            yield piece
