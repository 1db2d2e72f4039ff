"""Camera tilt from upright lines in the image, on drawn posts seen by a known camera."""

from itertools import pairwise

import cv2
import numpy as np
import pytest

from humanpose3d.options import FOCAL_LENGTH, Verticals
from services.detector.camera.verticals import INTERVAL_S, Look, Looks, joined, look
from services.detector.pose.landmarker import Pose
from services.detector.video.orientation import Image
from services.detector.video.planes import Planes
from training.scene.camera import Camera
from training.scene.camera import look as aimed

SIZES = [(1280, 720), (720, 1280), (480, 360)]
POSTS = np.linspace(-2.4, 2.4, 7)


def posts(size: tuple[int, int], pitch: float, roll: float, places=POSTS, leaning: float = 0.0) -> Image:
    """Posts 4 m away, metres apart, seen by a camera with this pitch (up) and roll in degrees."""
    camera = Camera(size, FOCAL_LENGTH * max(size), aimed(0, *np.radians([pitch, roll]))[None], np.zeros((1, 3)))
    image = np.full((size[1], size[0], 3), 200, dtype=np.uint8)
    for x in places:
        heights = np.linspace(-1.5, 2.5, 9)
        points = np.stack([x + leaning * heights, heights, np.full(9, -4.0)], axis=1)
        ends = camera.project(points[None])[0].round().astype(int)
        width = max(2, max(size) // 160)
        for start, end in pairwise(ends):
            cv2.line(image, start.tolist(), end.tolist(), (60, 60, 60), width, cv2.LINE_AA)
    return image


def tilt(found: Look | None) -> tuple[float, float]:
    """Pitch (up) and roll in degrees."""
    assert found is not None
    up = np.array([found.lateral_slope, -1, found.forward_slope]) / np.hypot(
        np.hypot(found.lateral_slope, 1), found.forward_slope
    )
    return float(np.degrees(np.arcsin(up[2]))), float(np.degrees(np.arctan2(-up[0], -up[1])))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("pitch", "roll"), [(0, 0), (-20, 0), (12, 5), (-8, -22), (-30, 15)])
def test_posts_determine_the_tilt(size, pitch, roll):
    assert tilt(look(Planes.of(posts(size, pitch, roll)), None)) == pytest.approx((pitch, roll), abs=1.2)


def test_lines_that_are_not_upright_give_no_estimate():
    level = posts((640, 360), 0, 0)
    assert look(Planes.of(np.rot90(level)), None) is None
    assert look(Planes.of(np.full((360, 640, 3), 128, dtype=np.uint8)), None) is None
    noise = np.random.default_rng(0).integers(0, 255, (360, 640, 3), dtype=np.uint8)
    assert look(Planes.of(noise), None) is None


def test_a_tilt_beyond_the_search_range_gives_no_estimate():
    assert look(Planes.of(posts((640, 360), 0, 34)), None) is None


def test_a_single_edge_gives_no_estimate():
    assert look(Planes.of(posts((640, 360), -10, 0, places=[0.8])), None) is None


def test_lines_on_the_person_are_ignored():
    """An inclined pole in the hands, longer than the upright lines behind."""
    image = posts((640, 360), 0, 0, places=[-2.0, 2.0])
    for aside in range(0, 60, 6):
        cv2.line(image, (270 + aside, 60), (330 + aside, 300), (0, 0, 0), 2, cv2.LINE_AA)
    pixels = np.random.default_rng(0).uniform([255, 50], [400, 310], (33, 2))
    pose = Pose(pixels=pixels, world=np.zeros((33, 3)), visibility=np.ones(33))
    assert abs(tilt(look(Planes.of(image), None))[1]) > 5
    assert tilt(look(Planes.of(image), pose)) == pytest.approx((0, 0), abs=0.5)


def test_floor_joints_are_ignored():
    """Floor joints that slant like posts seen by a camera pitched 20° down; the upright lines show a level camera."""
    image = posts((720, 1280), 0, 0, places=[-1.0, 1.0])
    cv2.rectangle(image, (0, 900), (719, 1279), (200, 200, 200), -1)
    for start, end in (((180, 910), (260, 1270)), ((420, 910), (380, 1270)), ((560, 910), (460, 1270))):
        for aside in (0, 6, 12):
            cv2.line(image, (start[0] + aside, start[1]), (end[0] + aside, end[1]), (0, 0, 0), 2, cv2.LINE_AA)
    pixels = np.random.default_rng(0).uniform([320, 300], [400, 800], (33, 2))
    pixels[27:33, 1] = 890
    pose = Pose(pixels=pixels, world=np.zeros((33, 3)), visibility=np.ones(33))
    before = look(Planes.of(image), None)
    assert before is None or abs(tilt(before)[0]) > 5
    assert tilt(look(Planes.of(image), pose)) == pytest.approx((0, 0), abs=1.2)


def test_lines_close_together_leave_the_pitch_open():
    """The slope of each is known to 0.9°; over half the width, the pitch is twice as uncertain."""
    images = (posts((1280, 720), -10, 0, places=places) for places in ([-2, 0, 2], [-1, 0, 1]))
    wide, narrow = (look(Planes.of(image), None) for image in images)
    assert wide is not None
    assert narrow is not None
    assert narrow.forward_slope_sd_deg == pytest.approx(2 * wide.forward_slope_sd_deg, rel=0.1)
    assert 1.5 < wide.forward_slope_sd_deg < 4


def test_frames_are_sampled_at_intervals(monkeypatch):
    seen = []
    monkeypatch.setattr("services.detector.camera.verticals.look", lambda image, pose: seen.append(image))
    looks = Looks()
    for frame in range(240):
        looks.see(7 + frame / 30, Planes.of(np.full((2, 2, 3), frame, dtype=np.uint8)), None)
    assert [int(image.rgb[0, 0, 0]) for image in seen] == [0, 45, 135]
    assert INTERVAL_S == 1.5
    assert list(looks) == [None, None, None]


def test_most_sampled_frames_must_agree():
    same = [Look(lateral_slope=0.1 + shift, forward_slope=-0.2) for shift in (0.0, 0.01, -0.01)]
    assert joined([*same, None]) == Verticals(lateral_slope=0.1, forward_slope=-0.2, looks=3)
    assert joined([same[0], None, None]) is None
    assert joined([]) is None
    assert joined([None]) is None
    assert joined([Look(lateral_slope=0.1 * number, forward_slope=0.0) for number in range(-3, 4)]) is None
