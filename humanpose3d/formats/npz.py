"""The types of `humanpose3d.motion` as .npz, the files passed between stages.

Lossless and deterministic: the same values produce the same bytes.

An uncompressed zip with fixed dates: one little-endian float64 .npy per array, which `numpy.load` also opens, and a
small `meta.json` with the type's name, the layout version and the fields that are not arrays. Arrays begin at multiples
of 64 bytes, so that they are used where they are in the file, without a copy in memory. Files may be untrusted: reading
executes nothing and allocates no more memory than the file's size, whatever its headers claim.
"""

import math
import os
import re
import struct
import zipfile
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final, Literal, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError

from humanpose3d.errors import InvalidMotion
from humanpose3d.formats.files import faults_of, write_atomic
from humanpose3d.mapped import mapped, release
from humanpose3d.motion import FloatArray, Motion

M = TypeVar("M", bound=Motion)

_META: Final = "meta.json"
_REST: Final = {"names", "image_size"}
"""The fields that are not arrays."""

_FLOAT64: Final = np.dtype("<f8")
_HEADER: Final = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '<f8', 'fortran_order': False, 'shape': \(([0-9, ]*)\), \} *\n", re.DOTALL
)
"""What `numpy.lib.format` writes before such an array; matching it evaluates nothing from the file."""

_ALIGNMENT: Final = 64
_ALIGNING: Final = 0xD935
"""Identifier of the field with which Android's zipalign, too, moves an entry to such an offset."""

_LOCAL_HEADER: Final = struct.Struct("<26xHH")
"""What precedes an entry's name: the lengths of the name and of the extra fields are last."""

_ZIP64_FIELD: Final = 20
_AT_ONCE: Final = 1 << 20


class _Meta(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["Landmarks", "Markers", "MarkerSd", "MarkerSpread", "JointAngles", "AngleSd", "CameraMotion"]
    version: Annotated[int, Field(ge=1, le=1)] = 1
    names: tuple[str, ...] | None = None
    image_size: tuple[PositiveInt, PositiveInt] | None = None


def save_npz(path: Path, motion: Motion) -> None:
    """Write one value of `humanpose3d.motion` as a temporary file (see `write_atomic`). Raises OutputNotWritable."""
    values = {field.name: getattr(motion, field.name) for field in fields(motion)}
    rest = {name: value for name, value in values.items() if name in _REST}
    meta = _Meta.model_validate({"type": type(motion).__name__, **rest})
    with write_atomic(path, to_keep=False) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        with _entry(archive, _META, file.tell()) as entry:
            entry.write(meta.model_dump_json(exclude_none=True).encode())
        for name in (field.name for field in fields(motion) if field.name not in _REST):
            with _entry(archive, _file_name(name), file.tell()) as entry:
                _write_array(entry, values[name].astype(_FLOAT64, copy=False))


def _write_array(entry: BinaryIO, array: FloatArray) -> None:
    np.lib.format.write_array_header_1_0(entry, np.lib.format.header_data_from_array_1_0(array))
    rows = max(1, _AT_ONCE * len(array) // max(array.nbytes, 1))
    for first in range(0, len(array), rows):
        entry.write(array[first : first + rows].tobytes())
        release(array)


def load_npz(path: Path, kind: type[M]) -> M:
    """Read a value of that type. Raises InvalidMotion for another type, or a foreign, damaged or hostile file."""
    try:
        with _opened(path) as file, faults_of(path), zipfile.ZipFile(file) as archive:
            return _load(archive, file, kind, os.fstat(file.fileno()).st_size)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, TypeError, OSError) as error:
        raise InvalidMotion(f"{path.name} is damaged, or is not a motion file of HumanPose3D.") from error


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise InvalidMotion(f"{path.name} cannot be read: {error.strerror}.") from error


def _file_name(array: str) -> str:
    return f"{array}.npy"


def _entry(archive: zipfile.ZipFile, name: str, offset: int) -> BinaryIO:
    """An entry to write at this offset of the file, its content aligned."""
    info = zipfile.ZipInfo(name)  # dated 1980-01-01
    info.create_system = 3  # Unix, wherever it is written
    before = offset + _LOCAL_HEADER.size + len(name) + 4 + _ZIP64_FIELD  # 4: identifier and size of the field itself
    info.extra = struct.pack(f"<HH{-before % _ALIGNMENT}x", _ALIGNING, -before % _ALIGNMENT)
    return archive.open(info, "w", force_zip64=True)  # type: ignore[return-value]  # typeshed calls it IO[bytes]


def _load(archive: zipfile.ZipFile, file: BinaryIO, kind: type[M], size: int) -> M:
    entries = archive.infolist()
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise InvalidMotion("compressed entries are not accepted.")
    if sum(entry.file_size for entry in entries) > size:
        raise InvalidMotion("its entries claim more than the file holds.")
    if _META not in archive.namelist():
        raise InvalidMotion(f"it is not a motion file of HumanPose3D: there is no {_META}.")
    meta = _meta(archive.read(_META))
    if meta.type != kind.__name__:
        raise InvalidMotion(f"it holds {meta.type}, where {kind.__name__} is expected.")
    parts: dict[str, Any] = meta.model_dump(exclude={"type", "version"}, exclude_none=True)
    every = {field.name for field in fields(kind)}
    arrays = every - _REST
    if parts.keys() != every & _REST or sorted(archive.namelist()) != sorted([_META, *map(_file_name, arrays)]):
        raise InvalidMotion(f"it must hold exactly the parts of {kind.__name__}.")
    parts.update({name: _array(archive, file, archive.getinfo(_file_name(name))) for name in arrays})
    return kind(**parts)


def _meta(content: bytes) -> _Meta:
    try:
        return _Meta.model_validate_json(content)
    except ValidationError as error:
        raise InvalidMotion(f"its {_META} is not understood ({error.error_count()} faults).") from None


def _array(archive: zipfile.ZipFile, file: BinaryIO, info: zipfile.ZipInfo) -> FloatArray:
    with archive.open(info) as entry:
        header = _HEADER.match(entry.read(_AT_ONCE))
        while entry.read(_AT_ONCE):
            pass  # to the end, where the checksum is compared
    if header is None:
        raise InvalidMotion(f"an array is not of .npy version 1.0, C-ordered and {_FLOAT64}.")
    shape = tuple(int(size) for size in header[1].split(b",") if size.strip())
    if math.prod(shape) * _FLOAT64.itemsize != info.file_size - header.end():
        raise InvalidMotion("an array is not of the size that it claims.")
    file.seek(info.header_offset)
    name, extra = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
    return mapped(file, shape, info.header_offset + _LOCAL_HEADER.size + name + extra + header.end())
