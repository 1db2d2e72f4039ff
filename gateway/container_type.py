"""Detects from its first bytes whether a file can be a video, so that other files are refused before they are queued.

A file that passes can still be unreadable; the detector then lets the run fail with the same code.
"""

from typing import Final

from humanpose3d.errors import UnreadableVideo

HEAD_BYTES: Final = 400
"""Number of bytes inspected."""

_ISO_BOXES: Final = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
_STARTS: Final = {
    b"\x1a\x45\xdf\xa3": ("video/webm", ".webm"),  # EBML: WebM, and Matroska, which browsers play under this name
    b"\x00\x00\x01\xba": ("video/mpeg", ".mpg"),  # programme stream
    b"\x00\x00\x01\xb3": ("video/mpeg", ".mpg"),
    b"OggS": ("video/ogg", ".ogv"),
    b"FLV\x01": ("video/x-flv", ".flv"),
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11": ("video/x-ms-wmv", ".wmv"),  # ASF
}
_NOT_VIDEO: Final = (b"M4A ", b"M4B ", b"M4P ", b"heic", b"heix", b"heim", b"heis", b"mif1", b"avif", b"crx ", b"aax ")
"""Brands of ISO files that contain audio or a photograph (mp4ra.org)."""


def container(head: bytes) -> tuple[str, str]:
    """Media type and suffix of the video that begins with these bytes. Raises UnreadableVideo."""
    if head[4:8] in _ISO_BOXES and not (head[4:8] == b"ftyp" and head[8:12] in _NOT_VIDEO):
        return ("video/quicktime", ".mov") if head[4:12] == b"ftypqt  " else ("video/mp4", ".mp4")
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "video/x-msvideo", ".avi"
    if len(head) > 376 and head[0] == head[188] == head[376] == 0x47:
        return "video/mp2t", ".ts"
    for start, kind in _STARTS.items():
        if head.startswith(start):
            return kind
    raise UnreadableVideo("The file is not a video. Send an MP4, MOV, AVI, WebM or MKV file.")
