"""The renderer draws a person at the true position (skips where nothing can be rendered)."""

import numpy as np
import pytest

from training.human.appearance import dress, random_outfit
from training.human.body import BodyShape, make_body
from training.human.markers import true_markers
from training.human.retarget import pose_body
from training.mocap.asf import read_amc, read_asf
from training.scene.backdrop import make_backdrop
from training.scene.camera import Camera, look
from training.scene.render import Actor, Light, Renderer


@pytest.mark.usefixtures("makehuman", "egl")
def test_the_body_is_drawn_where_its_markers_are(acclaim):
    """Images with and without the body differ, and the middle of the difference is the body's."""
    body = make_body(BodyShape())
    motion = read_amc(acclaim / "9_01.amc", read_asf(acclaim / "9.asf")).at(np.array([0.0]))
    posed = pose_body(body, motion)
    away = posed.shifted(np.array([0.0, 0.0, 90.0]))
    camera = Camera((160, 120), 110.0, look(0, 0, 0)[None], np.array([[0.3, 0.9, 3.0]]))
    outfit = random_outfit(np.random.default_rng(0), body)
    light = Light(np.array([0.0, 1.0, 0.0]), np.full(3, 0.5), np.full(3, 0.6), 0.0)
    with Renderer() as renderer:
        here, far = (Actor(each, dress(body, outfit), outfit) for each in (posed, away))
        scene = (make_backdrop(3), camera, light)
        (there,), (gone,) = renderer.frames([here], *scene), renderer.frames([far], *scene)
    changed = np.argwhere(np.abs(there.astype(int) - gone).sum(axis=2) > 30)[:, ::-1]
    seen = camera.project(true_markers(posed))[0]
    assert there.shape == (120, 160, 3)
    assert len(changed) > 300
    assert (changed.min(axis=0) + changed.max(axis=0)) / 2 == pytest.approx(
        (seen.min(axis=0) + seen.max(axis=0)) / 2, abs=6
    )
