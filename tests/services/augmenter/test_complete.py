"""Hip joint centres and shank clusters estimated from landmarks."""

import numpy as np
from scipy.spatial.transform import Rotation

from services.augmenter.complete import carried_along, hip_joint_centres


def test_hip_joint_centres_of_an_upright_pelvis() -> None:
    """Harrington et al. 2007 by hand for PW 240 mm, PD 150 mm: x -45.9, y -82.9, z ±86.5 mm."""
    landmarks = np.array([(0, 1, 0.12), (0, 1, -0.12), (-0.15, 1, 0.04), (-0.15, 1, -0.04)])[:, None]
    right, left = hip_joint_centres(*landmarks)[0]
    np.testing.assert_allclose(right, (-0.0459, 1 - 0.0829, 0.0865), atol=1e-12)
    np.testing.assert_allclose(left, (-0.0459, 1 - 0.0829, -0.0865), atol=1e-12)


def test_hip_joint_centres_rotate_with_the_pelvis() -> None:
    rotation = Rotation.from_euler("xyz", (20, 130, -35), degrees=True)
    landmarks = np.array([(0, 1, 0.12), (0, 1, -0.12), (-0.15, 1.01, 0.05), (-0.15, 1.02, -0.04)])
    turned = hip_joint_centres(*rotation.apply(landmarks)[:, None])[0]
    np.testing.assert_allclose(turned, rotation.apply(hip_joint_centres(*landmarks[:, None])[0]), atol=1e-12)


def test_a_cluster_is_carried_along_by_its_segment() -> None:
    generator = np.random.default_rng(0)
    segment, cluster = generator.normal(size=(4, 3)), generator.normal(size=(3, 3))
    poses = Rotation.random(20, rng=generator)
    shift = generator.normal(size=(20, 1, 3))
    landmarks = np.stack([pose.apply(segment) for pose in poses]) + shift
    clusters = np.stack([pose.apply(cluster) for pose in poses]) + shift
    whole = np.arange(20) < 12
    seen = clusters.copy()
    seen[~whole] = 99.0  # not to be used
    np.testing.assert_allclose(carried_along(landmarks, seen, whole), clusters, atol=1e-12)
