import math
import struct
from collections.abc import Mapping
from pathlib import Path

import pytest

from humanpose3d.options import RunOptions
from services.detector.video.reader import survey
from services.detector.video.tags import camera_tags, read_tags

EQUIVALENT = "com.apple.quicktime.camera.focal_length.35mm_equivalent"
LENS = "com.apple.quicktime.camera.lens_model"
CAPTURE_FPS = "com.android.capture.fps"
INTENT = "com.apple.quicktime.full-frame-rate-playback-intent"

Keys = Mapping[str, tuple[int, bytes]]
"""Name → well-known type (QuickTime File Format, table 3-5) and value."""


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", len(content) + 8, kind) + content


def metadata(keys: Keys, *, mp4: bool = False) -> bytes:
    names = b"".join(box(b"mdta", name.encode()) for name in keys)
    items = b"".join(
        struct.pack(">II", len(value) + 24, number) + box(b"data", struct.pack(">II", kind, 0) + value)
        for number, (kind, value) in enumerate(keys.values(), 1)
    )
    handler = box(b"hdlr", bytes(8) + b"mdta" + bytes(13))
    content = handler + box(b"keys", struct.pack(">II", 0, len(keys)) + names) + box(b"ilst", items)
    return box(b"meta", (bytes(4) if mp4 else b"") + content)


BEFORE_BOXES = {b"stsd": 8, b"avc1": 78}
"""Bytes of a box before its child boxes."""


def inserted(content: bytes, path: tuple[bytes, ...], new: bytes) -> bytes:
    """The boxes, with another appended to the one at that path."""
    result, at = b"", 0
    while at < len(content):
        size, kind = struct.unpack(">I4s", content[at : at + 8])
        inside = content[at + 8 : at + size]
        if kind == path[0]:
            first = BEFORE_BOXES.get(kind, 0)
            inside = inside[:first] + inserted(inside[first:], path[1:], new) if path[1:] else inside + new
        result += box(kind, inside)
        at += size
    return result


def with_keys(path: Path, keys: Keys, *, within: tuple[bytes, ...] = (b"moov",), mp4: bool = False) -> Path:
    """The file with keys, as a phone writes them; its index must follow its images."""
    path.write_bytes(inserted(path.read_bytes(), within, metadata(keys, mp4=mp4)))
    return path


@pytest.mark.parametrize(
    ("within", "mp4"),
    [((b"moov",), False), ((b"moov",), True), ((b"moov", b"trak"), False), ((b"moov", b"trak"), True)],
)
def test_an_iphone_s_focal_length_is_read_from_the_movie_and_from_its_track(clip, within, mp4):
    keys = {EQUIVALENT: (67, struct.pack(">i", 26)), LENS: (1, b"iPhone 15 back camera 5.96mm f/1.6")}
    path = with_keys(clip("a.mov"), keys, within=within, mp4=mp4)
    facts = survey(path).facts
    assert facts.focal_length == pytest.approx(26 / 36)
    assert (facts.focal_length_from, facts.lens) == ("35 mm equivalent", "iPhone 15 back camera 5.96mm f/1.6")


def test_a_plain_file_states_nothing_about_its_camera(clip, sample):
    for path in (clip("a.mp4"), clip("b.mkv"), clip("c.avi"), sample):
        facts = survey(path).facts
        assert (facts.focal_length, facts.focal_length_from, facts.lens) == (None, None, None)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (1, b"26", 26.0),
        (23, struct.pack(">f", 26.5), 26.5),
        (22, b"\x1a", 26.0),
        (77, struct.pack(">I", 26), 26.0),
        (67, struct.pack(">i", -13), None),  # no focal length
        (67, b"\x1a", None),  # four bytes are expected
        (1, b"nan", None),
        (1, b"wide", None),
    ],
)
def test_values_of_every_type_and_invalid_ones(clip, kind, value, expected):
    path = with_keys(clip("a.mov"), {EQUIVALENT: (kind, value)})
    found = camera_tags(path, {}).focal_length
    assert found == (None if expected is None else pytest.approx(expected / 36))


def test_field_of_view_takes_precedence_over_equivalent_focal_length(clip):
    keys = {"com.example.horizontal_field_of_view": (1, b"60"), EQUIVALENT: (1, b"13")}
    across, upright = (
        with_keys(clip(f"{name}.mov", size=size), keys) for name, size in (("a", (64, 48)), ("b", (48, 64)))
    )
    half = 0.5 / math.tan(math.radians(30))
    assert survey(across).facts.focal_length == pytest.approx(half)
    assert survey(upright).facts.focal_length == pytest.approx(half * 48 / 64)
    assert survey(across).facts.focal_length_from == "field of view"


def test_the_field_of_view_box_of_a_sample_entry(clip):
    where = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1")
    path = clip("a.mov")
    path.write_bytes(inserted(path.read_bytes(), where, box(b"hfov", struct.pack(">I", 63_500))))
    assert read_tags(path)["hfov"] == 63_500
    assert survey(path).facts.focal_length == pytest.approx(0.5 / math.tan(math.radians(63.5 / 2)))


def test_capture_rate_and_slow_motion(clip):
    android = with_keys(clip("a.mp4"), {CAPTURE_FPS: (23, struct.pack(">f", 240))}, mp4=True)
    assert survey(android).medium.camera.capture_fps == 240
    for value, slow in ((b"\0", True), (b"\1", False)):
        iphone = with_keys(clip("b.mov"), {INTENT: (22, value)})
        assert survey(iphone).medium.camera.slow_motion is slow


def test_damaged_keys_are_ignored(clip):
    path = with_keys(clip("a.mov"), {EQUIVALENT: (1, b"26"), LENS: (1, b"x" * 5000)})
    content = path.read_bytes()
    for cut in range(content.index(b"keys") - 40, len(content), 7):
        path.write_bytes(content[:cut])
        camera_tags(path, {})
    for seed in range(200):
        broken = bytearray(content)
        broken[content.index(b"keys") - 4 + seed % 180] = seed
        path.write_bytes(broken)
        camera_tags(path, {})


def test_the_user_s_value_takes_precedence(clip):
    path = with_keys(clip("a.mov"), {EQUIVALENT: (1, b"26")})
    medium = survey(path).medium
    assert medium.with_focal_length(None).camera.focal_length == pytest.approx(26 / 36)
    stated = medium.with_focal_length(RunOptions(focal_length_35mm=13).focal_length_35mm).camera
    assert stated.focal_length == pytest.approx(13 / 36)
    assert stated.focal_length_from == "option"
