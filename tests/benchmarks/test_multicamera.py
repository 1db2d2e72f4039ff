"""Triangulation with synthetic cameras and detector errors, and reading of calibrations."""

from collections.abc import Sequence

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from benchmarks.multicamera import (
    OUTLIER_PX,
    CalibratedCamera,
    distances,
    find_swaps,
    least_squares,
    read_qualisys,
    triangulate,
)
from humanpose3d.errors import InvalidMotion
from humanpose3d.motion import FloatArray
from humanpose3d.skeleton import LANDMARK_INDEX, LANDMARKS, mirrored
from tests.services.refiner import synthetic

MIRROR = [LANDMARKS.index(mirrored(name)) for name in LANDMARKS]


def ring(
    count: int = 4, distortion: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
) -> list[CalibratedCamera]:
    """Cameras around the origin of a Y-up world, 4 m away, pitched 15° down."""
    cameras = []
    for index in range(count):
        rotation = synthetic.Camera(pitch=15, roll=5 * index, azimuth=360 / count * index + 20).axes()
        matrix = np.array([[1600.0, 0, 540], [0, 1600, 960], [0, 0, 1]])
        middle = np.array([0, 0.9, 0])
        shift = np.array([0, 0, 4.0]) - rotation @ middle
        cameras.append(CalibratedCamera(f"cam{index}", matrix, np.array(distortion), rotation, shift))
    return cameras


def images(cameras: Sequence[CalibratedCamera], points: FloatArray) -> FloatArray:
    homogeneous = np.concatenate([points, np.ones((*points.shape[:-1], 1))], axis=-1)
    seen = np.stack([homogeneous @ camera.projection.T for camera in cameras])
    return np.asarray(seen[..., :2] / seen[..., 2:])


@pytest.fixture
def walker():
    return synthetic.walking(synthetic.clock(0.4)) - [0, 0, 0.2]


def test_perfect_detections_reproduce_the_points(walker):
    cameras = ring()
    found = triangulate(cameras, images(cameras, walker))
    assert found.points == pytest.approx(walker, abs=1e-6)
    assert not found.swapped.any()
    assert found.used.all()
    assert found.error_px.max() < 1e-3


def test_swapped_sides_are_found_in_the_frames_where_they_occur(walker):
    cameras = ring()
    seen = images(cameras, walker) + np.random.default_rng(0).normal(0, 3, (4, len(walker), 33, 2))
    wrong = np.zeros((4, len(walker)), dtype=bool)
    wrong[1, 3:8], wrong[3, 6] = True, True
    swapped = np.where(wrong[..., None, None], seen[:, :, MIRROR], seen)
    found = triangulate(cameras, swapped)
    assert (found.swapped == wrong).all()
    assert np.linalg.norm(found.points - walker, axis=-1).mean() < 0.01
    plain = least_squares(cameras, swapped)
    assert distances(cameras, swapped, plain).mean() > 3 * found.error_px.mean()


def test_a_swap_in_all_cameras_is_indistinguishable_from_none():
    cameras = ring()
    seen = images(cameras, synthetic.standing(synthetic.clock(0.2)))
    assert not find_swaps(cameras, seen[:, :, MIRROR]).any()


def test_a_camera_that_the_others_contradict_is_left_out(walker):
    cameras = ring()
    seen = images(cameras, walker)
    knee = LANDMARK_INDEX["left_knee"]
    seen[2, :, knee] += [0, 5 * OUTLIER_PX]
    found = triangulate(cameras, seen)
    assert (~found.used).sum() == len(walker)
    assert not found.used[2, :, knee].any()
    assert found.points == pytest.approx(walker, abs=1e-6)


def test_small_errors_leave_no_camera_out(walker):
    cameras = ring()
    seen = images(cameras, walker)
    seen[2] += [0, OUTLIER_PX / 2]
    assert triangulate(cameras, seen).used.all()


def test_a_camera_that_saw_no_person_does_no_harm(walker):
    cameras = ring()
    seen = images(cameras, walker)
    seen[0, 2] = np.nan
    seen[1:, 3] = np.nan
    found = triangulate(cameras, seen)
    assert found.points[2] == pytest.approx(walker[2], abs=1e-6)
    assert np.isnan(found.points[3]).all()
    assert not found.used[0, 2].any()


def test_lens_distortion_is_removed(walker):
    """Distorted by Brown's model, written out here."""
    k1, k2, p1, p2 = distortion = (-0.2, 0.12, 0.002, -0.001)
    camera = ring(distortion=distortion)[0]
    straight = images([camera], walker)[0]
    x, y = ((straight - camera.matrix[:2, 2]) / 1600).reshape(-1, 2).T
    r = x * x + y * y
    radial = 1 + k1 * r + k2 * r * r
    bent = np.stack(
        [x * radial + 2 * p1 * x * y + p2 * (r + 2 * x * x), y * radial + p1 * (r + 2 * y * y) + 2 * p2 * x * y], axis=1
    )
    image = (bent * 1600 + camera.matrix[:2, 2]).reshape(straight.shape)
    assert np.abs(image - straight).max() > 1
    assert camera.straightened(image) == pytest.approx(straight, abs=0.02)


def test_a_qualisys_file_is_read_in_its_own_convention(tmp_path):
    turn = Rotation.from_euler("xyz", [100, 20, 30], degrees=True).as_matrix()
    entries = " ".join(f'r{i + 1}{j + 1}="{turn[i, j]}"' for i in range(3) for j in range(3))
    lens = (
        'focalLengthU="64000" focalLengthV="128000" centerPointU="32000" centerPointV="6400" radialDistortion1="0.1" '
        'radialDistortion2="0.2" radialDistortion3="0" tangentalDistortion1="0.3" tangentalDistortion2="0.4"'
    )
    camera = f'<camera serial="{{}}"><transform {entries} x="1000" y="-2000" z="1500"/><intrinsic {lens}/></camera>'
    path = tmp_path / "Calib.qca.txt"
    path.write_text(f"<calibration><cameras>{camera.format('a')}{camera.format('b')}</cameras></calibration>")
    first, second = read_qualisys(path)
    assert (first.name, second.name) == ("a", "b")
    assert first.matrix == pytest.approx(np.array([[1000, 0, 500], [0, 2000, 100], [0, 0, 1]]))
    assert first.distortion == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert first.centre == pytest.approx([1, -2, 1.5])
    # the file's third axis points backwards out of the camera: points along it are behind, z < 0
    behind = np.array([1, -2, 1.5]) + turn[2]
    assert first.rotation @ behind + first.shift == pytest.approx([0, 0, -1])


@pytest.mark.parametrize("content", ["no xml", "<calibration/>", '<c><camera serial="a"/><camera serial="b"/></c>'])
def test_a_file_that_is_no_calibration_is_named(content, tmp_path):
    path = tmp_path / "Calib.qca.txt"
    path.write_text(content)
    with pytest.raises(InvalidMotion, match=r"Calib\.qca\.txt"):
        read_qualisys(path)
