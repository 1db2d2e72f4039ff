import cv2
import numpy as np
import pytest

from humanpose3d.options import RunOptions
from services.detector.display.face_blur import HEAD, FaceHider, Region
from services.detector.pose.landmarker import Pose
from services.detector.stage import DetectorInputs, run
from services.detector.video.canvas import Canvas
from services.detector.video.planes import Planes
from services.detector.video.reader import Video
from shared.stage import silent

SIZE = (480, 640)
PX_PER_M = 200.0


def noise() -> np.ndarray:
    """A grey image full of edges."""
    return np.random.default_rng(4).integers(0, 256, (SIZE[1], SIZE[0], 1), dtype=np.uint8).repeat(3, axis=2)


def hidden_by(hider: FaceHider, time: float, pose: Pose | None) -> np.ndarray:
    """Luma of `noise` after its face was hidden."""
    canvas = Canvas.of(Planes.of(noise()))
    hider.hide(canvas, time, pose)
    return canvas.layers[0]


def standing_at(x: float, y: float, visibility: float = 0.9) -> Pose:
    """A person with the nose at this position, 200 pixels per metre; head about 15 cm wide, body 1.5 m below it."""
    rng = np.random.default_rng(1)
    world = np.column_stack([rng.uniform(-0.3, 0.3, 33), rng.uniform(0.2, 1.5, 33), np.zeros(33)])
    world[HEAD, 0] = [0, 0.02, 0.03, 0.04, -0.02, -0.03, -0.04, 0.075, -0.075, 0.02, -0.02]
    world[HEAD, 1] = [0, -0.04, -0.04, -0.04, -0.04, -0.04, -0.04, -0.02, -0.02, 0.04, 0.04]
    image = world[:, :2] * PX_PER_M + (x, y)
    return Pose(image, world, np.full(33, visibility))


def inside(x: float, y: float, radius: float) -> np.ndarray:
    rows, columns = np.ogrid[: SIZE[1], : SIZE[0]]
    return np.asarray((columns - x) ** 2 + (rows - y) ** 2 <= radius**2)


def edges(image: np.ndarray) -> np.ndarray:
    return np.asarray(np.abs(cv2.Laplacian(image.astype(np.float32), cv2.CV_32F)))


def test_the_face_is_blurred_and_nothing_else():
    image = Canvas.of(Planes.of(noise())).layers[0]
    hidden = hidden_by(FaceHider(), 0.0, standing_at(240, 150))
    face = inside(240, 147, 0.14 * PX_PER_M)  # chin and crown are 0.12 m from the middle of the face
    assert image[face].std() > 70
    assert hidden[face].std() < 5
    assert edges(image)[face].mean() > 100
    assert edges(hidden)[inside(240, 147, 0.18 * PX_PER_M)].max() < 5
    untouched = ~inside(240, 147, 0.22 * PX_PER_M)
    np.testing.assert_array_equal(hidden[untouched], image[untouched])


@pytest.mark.parametrize(("x", "y"), [(5, 5), (478, 638), (-300, 100), (240, -500)])
def test_a_head_at_the_edge_or_outside_is_no_error(x, y):
    hidden = hidden_by(FaceHider(), 0.0, standing_at(x, y))
    assert hidden.shape == noise().shape[:2]


def test_before_the_head_is_seen_the_whole_image_is_blurred():
    hider = FaceHider()
    for unseen in (None, standing_at(240, 150, visibility=0.1)):
        assert hidden_by(hider, 0.0, unseen).std() < 5
    assert (hider.frames_whole, hider.frames_carried) == (2, 0)


@pytest.mark.parametrize("unseen", [None, standing_at(100, 400, visibility=0.1)], ids=["absent", "hardly visible"])
def test_the_last_position_stays_blurred_and_grows(unseen):
    hider = FaceHider()
    hidden_by(hider, 0.0, standing_at(240, 150))
    hidden = hidden_by(hider, 0.1, unseen)
    assert hidden[inside(240, 147, (0.2 + 0.3 - 0.02) * PX_PER_M)].std() < 25  # 0.1 s at 3 m/s; colours drift a little
    assert edges(hidden)[inside(240, 147, (0.2 + 0.3 - 0.03) * PX_PER_M)].max() < 10
    assert hidden_by(hider, 2.0, unseen).std() < 10  # by then the whole image
    assert hider.frames_carried == 2


def test_where_the_head_jumps_both_positions_are_blurred():
    hider = FaceHider()
    hidden_by(hider, 0.0, standing_at(120, 150))
    hidden = hidden_by(hider, 0.04, standing_at(400, 500))
    for x, y in ((120, 147), (400, 497)):
        assert edges(hidden)[inside(x, y, 0.18 * PX_PER_M)].max() < 10
    assert hider.frames_carried == 1
    hidden_by(hider, 0.08, standing_at(122, 150))
    assert hider.frames_carried == 1


def test_the_disc_follows_the_size_of_the_person():
    pose = standing_at(240, 150)
    near = Pose(pose.pixels * 3, pose.world, pose.visibility)
    assert Region.of(near).radius == pytest.approx(3 * Region.of(pose).radius, rel=1e-6)
    assert Region.of(pose).radius == pytest.approx(0.2 * PX_PER_M, rel=0.01)


def test_the_preview_is_written_with_the_face_blurred(clip, tmp_path, images, detected):
    x, y = np.rint(detected.landmarks.pixels[0, HEAD].mean(axis=0) / 2).astype(int)
    beside = slice(y - 8, y + 8), slice(x + 24, x + 36)  # within the disc, away from the landmarks drawn on it
    striped = [image.copy() for image in images[:12]]
    for image in striped:
        image[beside][:, ::4] = 255
        image[beside][:, 2::4] = 0
    path = clip("walk.mp4", images=striped)
    workdir = tmp_path / "work"
    workdir.mkdir()
    outputs = run(DetectorInputs(path, workdir), RunOptions(pose_model="lite", blur_faces=True), silent)
    assert (outputs.report.facts["face_whole_frames"], outputs.report.facts["face_carried_frames"]) == (0, 0)
    assert outputs.preview is not None
    with Video(outputs.preview) as preview, Video(path) as original:
        shown, plain = next(preview.frames()).image, next(original.frames()).image
    assert plain[beside].std(axis=(0, 1)).min() > 40
    assert shown[beside].std(axis=(0, 1)).max() < 8
