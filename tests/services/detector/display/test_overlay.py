import numpy as np
import pytest

from humanpose3d.skeleton import LANDMARK_INDEX
from services.detector.display.overlay import COLOURS, CONNECTIONS, draw
from services.detector.pose.landmarker import Pose
from services.detector.video.canvas import Canvas
from services.detector.video.orientation import Image
from services.detector.video.planes import Planes


def drawn_on_black(pose: Pose | None) -> Image:
    """(300, 300, 3) RGB."""
    canvas = Canvas.of(Planes.of(np.zeros((300, 300, 3), np.uint8)))
    draw(canvas, pose, 0.3)
    return canvas.rgb


def pose(visibility: float = 1.0, **where: tuple[float, float]) -> Pose:
    """All landmarks far outside the image except the named ones."""
    image = np.full((33, 2), -1e12)
    for name, place in where.items():
        image[LANDMARK_INDEX[name]] = place
    return Pose(image, np.zeros((33, 3)), np.full(33, visibility))


@pytest.mark.parametrize(
    ("landmark", "side"), [("left_knee", "left"), ("right_knee", "right"), ("mouth_left", "left"), ("nose", "centre")]
)
def test_each_side_has_its_own_colour(landmark, side):
    drawn = drawn_on_black(pose(1.0, **{landmark: (100.0, 200.0)}))
    np.testing.assert_allclose(drawn[200, 100], COLOURS[side], atol=10)  # colours have half the resolution


def test_lines_join_connected_landmarks():
    assert len(set(CONNECTIONS)) == 35
    drawn = drawn_on_black(pose(left_hip=(50, 50), left_knee=(50, 150), right_hip=(150, 50)))
    np.testing.assert_allclose(drawn[100, 50], COLOURS["left"], atol=40)  # lines are anti-aliased
    np.testing.assert_allclose(drawn[50, 100], COLOURS["centre"], atol=40)
    assert not drawn[100, 100].any()


def test_hardly_visible_landmarks_are_faint():
    drawn = drawn_on_black(pose(visibility=0.2, left_knee=(100, 200)))
    np.testing.assert_allclose(drawn[200, 100], np.array(COLOURS["left"]) / 4, atol=4)


def test_without_a_person_nothing_is_drawn():
    assert not drawn_on_black(None).any()
