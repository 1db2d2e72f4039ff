import numpy as np
from scipy.spatial.transform import Rotation

from humanpose3d.motion import CameraMotion, Landmarks
from services.refiner.depth.camera import person_in_camera, stabilised

FOCAL, SIZE = 0.85, (1280, 720)
TIMES = np.arange(20) / 20
TURNS = Rotation.from_rotvec(np.radians(np.linspace(0, 1, 20)[:, None] * (8, 25, 5)))
ZOOM = 1.4 ** np.linspace(0, 1, 20)


def look_at(direction: np.ndarray) -> np.ndarray:
    """Smallest rotation that takes the optical axis to a direction."""
    axis = np.cross((0, 0, 1), direction)
    sine = np.linalg.norm(axis)
    return np.asarray(Rotation.from_rotvec(axis / max(sine, 1e-9) * np.arctan2(sine, direction[2])).as_matrix())


def seen_by_a_turning_camera() -> tuple[Landmarks, np.ndarray]:
    """Landmarks of a stationary body seen by a rotating, zooming camera, and the body's true position."""
    body = np.random.default_rng(3).normal(0, (0.2, 0.5, 0.2), (33, 3))
    body -= (body[23] + body[24]) / 2
    place = np.array([0.4, 0.1, 5.0])
    image, world = np.empty((20, 33, 2)), np.empty((20, 33, 3))
    for frame, turn in enumerate(TURNS.as_matrix()):
        there = (body + place) @ turn  # the inverse: into the axes of the rotated camera
        image[frame] = FOCAL * ZOOM[frame] * SIZE[0] * there[:, :2] / there[:, 2:] + np.array(SIZE) / 2
        rays = there[[23, 24], :2] / there[[23, 24], 2:]
        straight = look_at(np.append(rays.mean(axis=0), 1.0))
        world[frame] = body @ turn @ straight
    return Landmarks(TIMES, image, world, np.ones((20, 33)), SIZE), body + place


def test_a_person_who_stands_still_stays_where_the_first_frame_shows_them():
    landmarks, truth = seen_by_a_turning_camera()
    still = stabilised(landmarks, CameraMotion(TIMES, TURNS.as_matrix(), FOCAL * ZOOM))
    person = person_in_camera(
        TIMES,
        lambda frames: Landmarks(
            TIMES[frames], still.pixels[frames], still.world[frames], still.visibility[frames], SIZE
        ),
        1.0,
    )
    # Slopes of the hips' rays are averaged before rotation, which costs a fraction of a millimetre.
    np.testing.assert_allclose(person(slice(0, 20)), np.tile(truth, (20, 1, 1)), atol=0.002)


def test_a_frame_without_a_person_stays_without():
    landmarks, _ = seen_by_a_turning_camera()
    image, world = landmarks.pixels.copy(), landmarks.world.copy()
    image[3], world[3] = np.nan, np.nan
    gap = Landmarks(TIMES, image, world, landmarks.visibility, SIZE)
    still = stabilised(gap, CameraMotion(TIMES, TURNS.as_matrix(), FOCAL * ZOOM))
    assert np.array_equal(still.detected, gap.detected)
    np.testing.assert_allclose(still.pixels[0], landmarks.pixels[0], atol=1e-9)
