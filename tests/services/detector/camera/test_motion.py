from collections.abc import Sequence

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from services.detector.camera.motion import CHECK_S, FOLLOW_S, Motion, MotionMeter, camera_motion
from services.detector.video.orientation import Image
from services.detector.video.planes import Planes

FOCAL = 0.85
SIZE = (480, 270)


@pytest.fixture(scope="module")
def room() -> Image:
    """A wall three times as wide and high as the image, with patches of every size."""
    rng = np.random.default_rng(4)
    layers = [rng.integers(0, 255, (shape, shape * 2, 3)).astype(np.float32) for shape in (6, 18, 54)]
    wide = [cv2.resize(layer, (3 * SIZE[0], 3 * SIZE[1]), interpolation=cv2.INTER_CUBIC) for layer in layers]
    return np.asarray(np.clip(np.mean(wide, axis=0), 0, 255).astype(np.uint8))


def recorded(room: Image, turn_deg: Sequence[float], zoom: float) -> Image:
    """The view of a camera rotated by a rotation vector (its axes in those of the room) and zoomed."""
    focal = FOCAL * SIZE[0]
    wall = np.array([[focal, 0, 1.5 * SIZE[0]], [0, focal, 1.5 * SIZE[1]], [0, 0, 1.0]])
    camera = np.array([[zoom * focal, 0, SIZE[0] / 2], [0, zoom * focal, SIZE[1] / 2], [0, 0, 1.0]])
    turn = Rotation.from_rotvec(np.radians(turn_deg)).as_matrix()
    to_wall = wall @ turn @ np.linalg.inv(camera)
    return cv2.warpPerspective(room, to_wall, SIZE, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP).astype(np.uint8)


def measured(images: Sequence[Image], interval_s: float = FOLLOW_S, start: int = 0) -> Motion:
    meter = MotionMeter(interval_s, FOCAL)
    for index, image in enumerate(images, start):
        meter.see(index / 30, Planes.of(image), None)
    return meter.motion()


@pytest.mark.parametrize(
    ("turn_deg", "zoom"),
    [((0, 20, 0), 1.0), ((-10, 0, 0), 1.0), ((0, 0, 8), 1.0), ((0, 0, 0), 1.6), ((5, -12, 4), 1.3)],
    ids=["pan", "tilt", "roll", "zoom", "all"],
)
def test_turning_and_zooming_are_measured(room, turn_deg, zoom):
    shares = np.linspace(0, 1, 45)
    motion = measured([recorded(room, share * np.array(turn_deg), zoom**share) for share in shares])
    assert (motion.moves, motion.explained) == (True, True)
    used = camera_motion(motion, np.arange(45) / 30, FOCAL)
    assert used is not None
    truth = Rotation.from_rotvec(np.radians(shares[:, None] * np.array(turn_deg)))
    errors = np.degrees((truth.inv() * Rotation.from_matrix(used.rotations)).magnitude())
    assert errors.max() < 0.4
    np.testing.assert_allclose(used.focal_lengths, FOCAL * zoom**shares, rtol=0.01)


def test_a_static_camera_is_not_corrected(room):
    noise = np.random.default_rng(1)
    images = [np.clip(recorded(room, (0, 0, 0), 1.0) + noise.normal(0, 4, (270, 480, 3)), 0, 255) for _ in range(40)]
    for interval in (FOLLOW_S, CHECK_S):
        motion = measured([image.astype(np.uint8) for image in images], interval)
        assert not motion.moves
        assert camera_motion(motion, np.arange(40) / 30, FOCAL) is None


def test_an_empty_wall_counts_as_a_static_camera():
    assert not measured([np.full((270, 480, 3), 128, np.uint8)] * 20).moves


def test_a_translating_camera_is_not_explained(room):
    """Parallax: the halves of the image move by different amounts and change as the camera moves."""
    images = []
    for index in range(40):
        image = recorded(room, (0, 0.5 * index, 0), 1.0)
        for band, speed in ((0, 1.2), (1, -0.4), (2, 0.9)):
            rows = slice(band * 90, band * 90 + 45)
            image[rows] = recorded(room, (3 * band, speed * index, 0), 1.0)[rows]
        images.append(image)
    motion = measured(images)
    assert motion.moves
    assert not motion.explained
    assert camera_motion(motion, np.arange(40) / 30, FOCAL) is None


def test_chunks_are_joined_where_they_overlap(room):
    images = [recorded(room, (0, 0.5 * index, 0), 1.01**index) for index in range(60)]
    whole = measured(images)
    joined = Motion.joined([measured(images[:30]), measured(images[20:], start=20)])
    assert joined.times_s == whole.times_s
    # The second chunk is measured as if nothing had been zoomed before it, which is made up for to first order.
    np.testing.assert_allclose(joined.turns, whole.turns, atol=np.radians(0.6))
    np.testing.assert_allclose(joined.zooms, whole.zooms, rtol=0.05)
    assert Motion.model_validate_json(joined.model_dump_json()) == joined
