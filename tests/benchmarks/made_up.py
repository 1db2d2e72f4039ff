"""Cases with known ground truth: the walker of the refiner's tests, seen by known cameras."""

import numpy as np
from pydantic import JsonValue

from humanpose3d.motion import FloatArray, Landmarks, Markers
from humanpose3d.options import RunOptions, Subject
from humanpose3d.skeleton import LANDMARK_INDEX, MARKERS
from services.augmenter.stage import AUGMENTER, AugmenterInputs
from services.refiner.depth.markers import to_markers
from shared.stage import silent
from tests.services.refiner import synthetic
from training.data.pairs import Pair, in_camera_world
from training.scene.camera import Camera

SUBJECT = Subject(height=synthetic.STATURE, weight=70)


def true_camera(camera: synthetic.Camera, points: FloatArray) -> Camera:
    """The camera of `synthetic.recorded`, in the benchmark's form."""
    frames = len(points)
    middle = points[:, [LANDMARK_INDEX["left_hip"], LANDMARK_INDEX["right_hip"]]].mean(axis=(0, 1))
    centre = middle - camera.axes().T @ [0, 0, camera.distance]
    return Camera(
        camera.size,
        camera.focal * max(camera.size),
        np.tile(camera.axes(), (frames, 1, 1)),
        np.tile(centre, (frames, 1)),
    )


def true_markers(times: FloatArray, points: FloatArray) -> Markers:
    """All 65: the 43 as the augmenter estimates them from the true 22, one copy, so that its error is zero."""
    known = Markers(times, MARKERS, to_markers(points, synthetic.STATURE))
    return AUGMENTER.run(AugmenterInputs(known, SUBJECT), RunOptions(augmentation_cycles=1), silent).augmented_markers


def pair(motion: str, points: FloatArray, camera: synthetic.Camera, landmarks: Landmarks | None = None) -> Pair:
    times = synthetic.clock(len(points) / synthetic.FPS)
    markers, moved = in_camera_world(true_markers(times, points).positions, true_camera(camera, points))
    seen = synthetic.recorded(times, points, camera) if landmarks is None else landmarks
    names = true_markers(times, points).names
    facts: dict[str, JsonValue] = {"split": "test", "motion": motion, "person": 100, "backdrop": 100}
    return Pair(seen, Markers(times, names, markers), moved, SUBJECT.height, SUBJECT.weight, facts)
