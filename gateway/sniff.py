"""Tells from its first bytes whether a file can be a video, so that other files are refused before they are queued.

A file that passes can still be unreadable; the detector finds that out and the run fails with the same code.
"""

from pathlib import Path

from shared.errors import UnreadableVideo

_ISO_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
_STARTS = (
    b"\x1a\x45\xdf\xa3",  # Matroska, WebM (EBML)
    b"\x00\x00\x01\xba",  # MPEG programme stream
    b"\x00\x00\x01\xb3",  # MPEG video
    b"OggS",
    b"FLV\x01",
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",  # ASF, WMV
    b"GIF8",
)


def check_container(path: Path) -> None:
    """Raises UnreadableVideo where the file is no container that holds video."""
    with path.open("rb") as file:
        head = file.read(400)
    iso = head[4:8] in _ISO_BOXES
    riff = head[:4] == b"RIFF" and head[8:12] == b"AVI "
    transport = len(head) > 376 and head[0] == head[188] == head[376] == 0x47
    if not (iso or riff or transport or head.startswith(_STARTS)):
        raise UnreadableVideo("The file is not a video. Send an MP4, MOV, AVI, WebM or MKV file.")
