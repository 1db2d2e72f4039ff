"""Whether a file is a sound C3D: its header, its parameters and its length agree.

ezc3d trusts what a file says of itself: a damaged one can make it crash, or fill the memory.
"""

import math
import struct
from typing import Final

from humanpose3d.errors import InvalidMotion

_BLOCK: Final = 512
_MAGIC: Final = 80
_ORDERS: Final = {84: "<", 85: "<", 86: ">"}
"""By processor type: byte order of integers."""
_SIZES: Final = {-1: 1, 1: 1, 2: 2, 4: 4}
"""By type of a parameter: bytes of an entry."""
_MOST: Final = 2**16
"""Entries of a parameter, counting empty ones."""


def frames_stated(content: bytes) -> int:
    """Number of frames by the header. Raises InvalidMotion for a file that is not a sound C3D; it may be cut short."""
    try:
        return _checked(content)
    except (struct.error, IndexError, KeyError):
        raise InvalidMotion("it is damaged or is not a C3D file.") from None


def _checked(content: bytes) -> int:
    start = (content[0] - 1) * _BLOCK
    order = _ORDERS[content[start + 3]]
    points, analogs, first, last = struct.unpack_from(f"{order}HHHH", content, 2)
    data, per_frame = struct.unpack_from(f"{order}HH", content, 16)
    end = start + content[start + 2] * _BLOCK
    _must(start > 0 and content[1] == _MAGIC and last >= first and end <= (data - 1) * _BLOCK <= len(content))
    used = _parameters(content, start + 4, end, order)
    _must(used.get("POINT:USED", points) == points)
    _must(used.get("ANALOG:USED", 0) * max(per_frame, 1) == analogs or not used.get("ANALOG:USED", 0))
    return int(last) - int(first) + 1


def _parameters(content: bytes, place: int, end: int, order: str) -> dict[str, int]:
    """Walk all groups and parameters; returns the values of those that are one integer, by GROUP:NAME."""
    groups: dict[int, str] = {}
    found: list[tuple[int, str, int]] = []
    while place < end and content[place]:
        length, group = struct.unpack_from("bb", content, place)
        name = content[place + 2 : place + 2 + abs(length)].decode("latin-1").upper()
        place += 2 + abs(length)
        (offset,) = struct.unpack_from(f"{order}H", content, place)
        stop = place + offset if offset else end
        _must(group != 0 and stop <= end)
        if group < 0:
            _must(place + 3 + content[place + 2] <= stop)
            groups[-group] = name
        else:
            value = _value(content, place + 2, stop, order)
            found += [] if value is None else [(group, name, value)]
        if not offset:
            break
        _must(offset > 2)
        place = stop
    return {f"{groups.get(group, '')}:{name}": value for group, name, value in found}


def _value(content: bytes, place: int, stop: int, order: str) -> int | None:
    """The value of a parameter that is one integer. Raises InvalidMotion where its entries reach beyond `stop`."""
    kind, dimensions = struct.unpack_from("bB", content, place)
    sizes = content[place + 2 : place + 2 + dimensions]
    after = place + 2 + dimensions + math.prod(sizes) * _SIZES[kind]
    _must(math.prod(max(size, 1) for size in sizes) < _MOST)
    _must(after < stop and after + 1 + content[after] <= stop)
    single = _SIZES[kind] == _SIZES[2] and math.prod(sizes) == 1
    return int(struct.unpack_from(f"{order}H", content, place + 2 + dimensions)[0]) if single else None


def _must(sound: bool) -> None:
    if not sound:
        raise InvalidMotion("it is damaged or is not a C3D file.")
