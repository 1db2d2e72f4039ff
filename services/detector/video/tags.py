"""Camera metadata in QuickTime and MP4 files: lens, focal length, capture rate.

FFmpeg returns the keys of the movie but not those of its tracks, where iPhones store the lens. So the boxes with
keys are read here (QuickTime File Format, "Metadata"; ISO/IEC 14496-12, 4.2): a few seeks, whatever the file's size.
"""

import math
import re
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, Final

from pydantic import BaseModel, ConfigDict

from humanpose3d.options import FocalLengthSource, focal_length_of_35mm

Tags = Mapping[str, str | float]

_CONTAINERS: Final = (b"moov", b"trak", b"udta", b"mdia", b"minf", b"stbl")
_LONGEST_VALUE: Final = 1000
_MOST_KEYS: Final = 200
_NUMBERS: Final = {21: "b", 22: "B", 23: "f", 24: "d", 65: "b", 66: "h", 67: "i", 74: "q", 75: "B", 76: "H", 77: "I"}
"""Well-known types of values; 21 and 22 are as long as the value is."""

_TEXT: Final = 1
_SAMPLE_ENTRY_BYTES: Final = 86
"""Bytes of an image's sample entry before the boxes in it."""

_HORIZONTAL_FIELD_OF_VIEW: Final = "hfov"
"""Name for the box in the image's sample entry: thousandths of a degree."""

_EQUIVALENT: Final = re.compile(r"focal_?length.*35 ?mm|35 ?mm.*focal_?length", re.IGNORECASE)
_FIELD_OF_VIEW: Final = re.compile(r"field_?of_?view|\bh?fov\b", re.IGNORECASE)
_LENS: Final = re.compile(r"lens_?model$", re.IGNORECASE)
_PLAUSIBLE_MM: Final = (8.0, 400.0)
_PLAUSIBLE_DEG: Final = (5.0, 160.0)
_PLAUSIBLE_FPS: Final = (0.01, 10_000.0)


class CameraTags(BaseModel):
    """What the file states about the camera that recorded it; None where not stated.

    focal_length       as a share of the stored image's width, and where it is from.
    lens               the lens in the maker's words.
    capture_fps        frames per second at which the camera recorded, where that may differ from the file's rate.
    slow_motion        whether the file is marked for slowed-down playback.
    """

    model_config = ConfigDict(frozen=True)

    focal_length: float | None = None
    focal_length_from: FocalLengthSource | None = None
    lens: str | None = None
    capture_fps: float | None = None
    slow_motion: bool = False


def camera_tags(path: Path, named: Mapping[str, str]) -> CameraTags:
    """From the file's own boxes, and from the container reader's metadata of the whole file.

    Damaged boxes are ignored: raises only OSError.
    """
    tags: Tags = dict(named) | read_tags(path)
    focal_length, source = _focal_length(tags)
    return CameraTags(
        focal_length=focal_length,
        focal_length_from=source,
        lens=next((str(value) for name, value in tags.items() if _LENS.search(name) and str(value)), None),
        capture_fps=_number(tags.get("com.android.capture.fps"), _PLAUSIBLE_FPS),
        slow_motion=_number(tags.get("com.apple.quicktime.full-frame-rate-playback-intent"), (0, 1)) == 0,
    )


def read_tags(path: Path) -> dict[str, str | float]:
    """Every key of the movie and of its tracks, those of a track before those of the movie; empty for other files."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        found: dict[str, str | float] = {}
        for kind, start, end in _boxes(file, 0, size):
            if kind == b"moov":
                found |= _tags_in(file, start, end, depth=0)
        return found


def _focal_length(tags: Tags) -> tuple[float | None, FocalLengthSource | None]:
    thousandths = tags.get(_HORIZONTAL_FIELD_OF_VIEW)
    angles: list[str | float] = [thousandths / 1000] if isinstance(thousandths, float) else []
    angles += [value for name, value in tags.items() if _FIELD_OF_VIEW.search(name) and value is not thousandths]
    for angle in angles:
        degrees = _number(angle, _PLAUSIBLE_DEG)
        if degrees is not None:
            return 0.5 / math.tan(math.radians(degrees) / 2), "field of view"
    for name, value in tags.items():
        millimetres = _number(value, _PLAUSIBLE_MM) if _EQUIVALENT.search(name) else None
        if millimetres is not None:
            return focal_length_of_35mm(millimetres), "35 mm equivalent"
    return None, None


def _number(value: str | float | None, plausible: tuple[float, float]) -> float | None:
    try:
        number = float(value) if value is not None else math.nan
    except ValueError:
        return None
    return number if plausible[0] <= number <= plausible[1] else None


def _tags_in(file: BinaryIO, start: int, end: int, depth: int) -> dict[str, str | float]:
    found: dict[str, str | float] = {}
    for kind, first, last in _boxes(file, start, end):
        if kind in _CONTAINERS and depth < len(_CONTAINERS):
            found = _tags_in(file, first, last, depth + 1) | found
        elif kind == b"meta":
            found = found | _keyed(file, first, last)
        elif kind == b"stsd":
            found = _field_of_view(file, first + 8, last) | found
    return found


def _keyed(file: BinaryIO, start: int, end: int) -> dict[str, str | float]:
    """The keys and values of a `meta` box; in MP4 it has four more bytes at the start than in QuickTime."""
    first = _read(file, start, 8)
    boxes = {kind: (a, b) for kind, a, b in _boxes(file, start if first[4:] == b"hdlr" else start + 4, end)}
    if b"keys" not in boxes or b"ilst" not in boxes:
        return {}
    names = [_read(file, a, b - a).decode("utf-8", "replace") for _, a, b in _boxes(file, boxes[b"keys"][0] + 8, end)]
    values: dict[str, str | float] = {}
    for kind, a, b in _boxes(file, *boxes[b"ilst"]):
        number = int.from_bytes(kind, "big")
        data = next(((first, last) for inner, first, last in _boxes(file, a, b) if inner == b"data"), None)
        value = _value(_read(file, data[0], data[1] - data[0])) if data else None
        if value is not None and 1 <= number <= len(names):
            values[names[number - 1]] = value
    return values


def _value(content: bytes) -> str | float | None:
    """Read a `data` box: type, locale and value."""
    kind, value = int.from_bytes(content[:4], "big"), content[8:]
    if kind == _TEXT:
        return value.decode("utf-8", "replace")
    if kind in (21, 22) and value:
        return float(int.from_bytes(value, "big", signed=kind == 21))
    code = _NUMBERS.get(kind)
    if code is None or len(value) != struct.calcsize(f">{code}"):
        return None
    return float(struct.unpack(f">{code}", value)[0])


def _field_of_view(file: BinaryIO, start: int, end: int) -> dict[str, str | float]:
    for _, first, last in _boxes(file, start, end):
        for kind, a, b in _boxes(file, first + _SAMPLE_ENTRY_BYTES - 8, last):
            if kind == b"hfov" and b - a == 4:
                return {_HORIZONTAL_FIELD_OF_VIEW: float(int.from_bytes(_read(file, a, 4), "big"))}
    return {}


def _boxes(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(kind, beginning, end) of the content of each box between two file offsets."""
    for _ in range(_MOST_KEYS):
        head = _read(file, start, 16)
        size, kind, header = int.from_bytes(head[:4], "big"), head[4:8], 8
        if size == 1:
            size, header = int.from_bytes(head[8:16], "big"), 16
        elif size == 0:
            size = end - start
        if len(head) < 8 or size < header or start + size > end:
            return
        yield kind, start + header, start + size
        start += size


def _read(file: BinaryIO, start: int, count: int) -> bytes:
    file.seek(start)
    return file.read(min(count, _LONGEST_VALUE))
