import numpy as np
import pytest

from services.detector.pose.person_detector import PersonDetector, anchors
from services.detector.pose.tracker import BatchTracker, TrackState
from services.detector.video.planes import Planes
from shared.models import shipped


@pytest.fixture(scope="module")
def detector():
    return PersonDetector(shipped("pose_person.onnx"))


def test_the_anchors_cover_the_image_three_times():
    centres = anchors()
    assert centres.shape == (2254, 2)
    np.testing.assert_allclose(centres[[0, 1, 2]], [[0.5 / 28] * 2] * 2 + [[1.5 / 28, 0.5 / 28]])
    np.testing.assert_allclose(centres[1568], [0.5 / 14] * 2)
    np.testing.assert_allclose(centres[-1], [6.5 / 7] * 2)


def test_the_person_of_the_sample(detector, sample_frames):
    (region,) = detector.find([sample_frames[0].planes])
    track = TrackState()
    BatchTracker("full").advance([track], sample_frames[:1])
    assert track.region is not None
    # The region from the landmarks of the same person: within a tenth of its size.
    assert np.linalg.norm(region.centre - track.region.centre) < 0.1 * region.side
    assert region.side == pytest.approx(track.region.side, rel=0.1)
    assert abs(region.turn) < 0.15, "he stands"


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_lying_or_inverted_person_is_rotated_upright(detector, sample_frames, quarters):
    upright, lying = (np.ascontiguousarray(np.rot90(sample_frames[0].image, turn)) for turn in (0, -quarters))
    (first, second) = detector.find([Planes.of(upright), Planes.of(lying)])
    turned = (second.turn - first.turn - quarters * np.pi / 2 + np.pi) % (2 * np.pi) - np.pi
    assert abs(turned) < 0.2
    assert second.side == pytest.approx(first.side, rel=0.15)


def test_images_of_different_sizes_are_processed_together(detector, sample_frames):
    tall = sample_frames[0].image
    wide = np.ascontiguousarray(np.pad(tall, ((0, 0), (800, 1200), (0, 0)), constant_values=90))
    empty = np.full((100, 100, 3), 90, np.uint8)
    in_tall, in_empty, in_wide = detector.find([Planes.of(image) for image in (tall, empty, wide)])
    assert in_empty is None
    np.testing.assert_allclose(in_wide.centre - (800, 0), in_tall.centre, atol=0.1 * in_tall.side)


def test_of_two_people_one_is_selected_and_not_the_midpoint(detector, sample_frames):
    one = sample_frames[0].image[:, 200:900]
    (alone,) = detector.find([Planes.of(one)])
    (region,) = detector.find([Planes.of(np.hstack([one, one]))])
    offset = region.centre[0] - alone.centre[0]
    assert min(abs(offset), abs(offset - one.shape[1])) < 0.15 * alone.side
