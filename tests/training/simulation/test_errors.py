"""The error model estimates known errors and reproduces them."""

from dataclasses import replace

import numpy as np
import pytest
from pydantic import JsonValue

from humanpose3d.errors import InvalidMotion, ModelCorrupt
from humanpose3d.motion import Landmarks, Markers
from humanpose3d.skeleton import ALL_MARKERS, LANDMARK_INDEX, MARKER_INDEX, mirrored
from training.data.pairs import Pair, in_camera_world
from training.scene.camera import Camera, look
from training.simulation.compare import compare, table
from training.simulation.errors import ErrorModel, features, fit
from training.simulation.replay import BLOCK, FADE
from training.simulation.swaps import swapped, with_sides_swapped
from training.simulation.view import (
    MIRRORED_LANDMARKS,
    Detection,
    View,
    detection,
    landmarks,
    mirrored_detection,
    mirrored_view,
    nearest,
    of_pair,
    view_of,
)

FRAMES = 100
TIMID = 0.6
"""Share of the true depth that the synthetic detector returns."""

NOISE, MEMORY = 0.008, 0.9
"""Body heights; correlation of its noise from frame to frame."""

SWAPPED = 30
"""Duration in frames of a swap of left and right."""

KNEE, NOSE = LANDMARK_INDEX["left_knee"], LANDMARK_INDEX["nose"]
REST = np.random.default_rng(0).uniform([0.1, -0.5, -0.1], [0.3, 0.5, 0.1], (len(ALL_MARKERS), 3))
"""A body as symmetric as people are."""

for _name in ALL_MARKERS:
    _left, _right = ALL_MARKERS.index(_name), ALL_MARKERS.index(mirrored(_name))
    REST[_left] *= [1 if _left != _right else 0, 1, 1]
    if _name[0] in "rR" and _left != _right:
        REST[_left] = REST[_right] * [-1, 1, 1]


def noise(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    out = np.empty((FRAMES, *shape))
    out[0] = rng.normal(0, NOISE, shape)
    for frame in range(1, FRAMES):
        out[frame] = MEMORY * out[frame - 1] + rng.normal(0, NOISE * np.sqrt(1 - MEMORY**2), shape)
    return out


def made_up_pair(seed: int, swaps: bool = False) -> Pair:
    """A rotating body, seen by a detector that halves its depth, raises its nose and has autocorrelated errors."""
    rng = np.random.default_rng(seed)
    times = np.arange(FRAMES) / 30
    turns = np.array([look(angle, 0, 0) for angle in rng.uniform(-np.pi, np.pi) + rng.choice([-0.3, 0.3]) * times]) * [
        1,
        -1,
        -1,
    ]
    sway = rng.normal(0, 0.05, REST.shape) * np.sin(2 * np.pi * times * rng.uniform(0.5, 1.5))[:, None, None]
    body = (REST + sway) @ np.swapaxes(turns, 1, 2) * 1.7
    camera = Camera(
        (640, 480), 600.0, np.tile(look(0.3, 0.05, 0.02), (FRAMES, 1, 1)), np.tile([1.0, 0.2, 4.0], (FRAMES, 1))
    )
    markers, camera = in_camera_world(body, camera)
    view = view_of(markers, camera, times, 1.7)
    places = nearest(view) * [1, 1, TIMID, 1, 1] + noise(rng, (33, 5))
    places[:, NOSE, [1, 4]] -= 0.05
    visibility = np.full((FRAMES, 33), 0.9)
    visibility[:, KNEE] = 0.2
    found = np.ones(FRAMES, dtype=bool)
    found[5] = False
    made = Detection(places, visibility * found[:, None], found)
    if swaps:
        where = np.zeros((FRAMES, 2), dtype=bool)
        start = int(rng.integers(0, FRAMES - SWAPPED))
        where[start : start + SWAPPED] = True
        made = Detection(with_sides_swapped(places, where), with_sides_swapped(made.visibility, where), found)
    facts: dict[str, JsonValue] = {"split": "train", "seed": 7}
    return Pair(landmarks(view, made), Markers(times, ALL_MARKERS, markers), camera, 1.7, 65.0, facts)


@pytest.fixture(scope="module")
def model() -> ErrorModel:
    return fit([made_up_pair(seed) for seed in range(30)])


def simulated(model: ErrorModel, pairs: list[Pair], seed: int = 0) -> list[tuple[View, Detection]]:
    rng = np.random.default_rng(seed)
    views = [of_pair(pair)[0] for pair in pairs]
    return [(view, detection(view, model.simulate(view, rng))) for view in views]


OTHERS = [made_up_pair(seed) for seed in range(100, 110)]


def test_units_go_there_and_back():
    pair = made_up_pair(1)
    view, made = of_pair(pair)
    back = landmarks(view, made)
    assert back.pixels[0] == pytest.approx(pair.landmarks.pixels[0], abs=1e-6)
    assert back.world[0] == pytest.approx(pair.landmarks.world[0], abs=1e-9)
    assert np.isnan(back.world[5]).all()
    truth = view.in_image(nearest(view)[..., 3:])
    knee = pair.camera.project(pair.markers.positions)[:, MARKER_INDEX["LKnee"]]
    assert truth[:, KNEE] == pytest.approx(knee, abs=1e-6)


def test_the_side_that_is_seen():
    """A person who faces the camera has the left hip at the image's right; seen from the right, its left is away."""
    view = of_pair(made_up_pair(1))[0]
    across = np.zeros_like(view.pose)
    across[:, MARKER_INDEX["LHip"]], across[:, MARKER_INDEX["RHip"]] = [0.1, 0, 0], [-0.1, 0, 0]
    assert replace(view, pose=across).side()[0] == pytest.approx([1, 0])
    turned = across[..., [2, 1, 0]]
    assert replace(view, pose=turned).side()[0] == pytest.approx([0, 1])


def test_mirroring_twice_changes_nothing_and_once_mirrors_the_image():
    view, made = of_pair(made_up_pair(2))
    twice = mirrored_view(mirrored_view(view)), mirrored_detection(mirrored_detection(made))
    assert np.array_equal(twice[0].pose, view.pose)
    assert np.array_equal(twice[1].places, made.places)
    image = landmarks(mirrored_view(view), mirrored_detection(made)).pixels
    plain = landmarks(view, made).pixels[:, MIRRORED_LANDMARKS]
    assert np.nanmax(np.abs(image[..., 0] + plain[..., 0] - 640)) == pytest.approx(0, abs=1e-6)


def test_the_mean_errors_that_were_put_in_are_found(model):
    """Except for some percent: the regression is regularised so that it does not fit noise."""
    views = [of_pair(pair)[0] for pair in OTHERS]
    mean, truth = (np.concatenate(parts) for parts in ([model.mean(v) for v in views], [nearest(v) for v in views]))
    depth, true_depth = mean[..., 2].ravel(), truth[..., 2].ravel()
    assert depth @ true_depth / (true_depth @ true_depth) == pytest.approx(TIMID, abs=0.04)
    assert (mean - truth)[:, NOSE, [1, 4]].mean() == pytest.approx(-0.05, abs=0.004)
    assert (mean - truth)[:, KNEE, [0, 1, 3, 4]].mean() == pytest.approx(0.0, abs=0.004)


def test_simulated_errors_last_and_vary_as_real_ones_do(model):
    row = compare(model, OTHERS, np.random.default_rng(0))[-1]
    assert row.frames == 10 * FRAMES
    assert row.simulated.limbs == pytest.approx(row.real.limbs, abs=0.08)
    for name, relative in {"x": 0.1, "y": 0.1, "depth": 0.1, "image": 0.1, "lasting": 0.05, "jitter": 0.1}.items():
        assert getattr(row.simulated, name) == pytest.approx(getattr(row.real, name), rel=relative)
    assert row.visibility_apart < 0.02
    assert 0.3 < row.simulated.lost < 3.0
    assert row.real.lost == pytest.approx(1.0)
    parts = table([row]).splitlines()[1].split(" | ")
    assert parts[:2] == ["all", "1000"]


def test_noise_keeps_its_size_and_memory(model):
    made_up, played = (
        [(m.places - model.mean(v))[m.found] for v, m in clips]
        for clips in ([of_pair(pair) for pair in OTHERS], simulated(model, OTHERS))
    )
    for residuals in (made_up, played):
        assert np.std(np.concatenate(residuals)) == pytest.approx(NOISE, rel=0.3)  # and what the mean misses of a view
        lag = sum((r[1:] * r[:-1]).sum() for r in residuals) / sum((r[1:] ** 2).sum() for r in residuals)
        assert lag == pytest.approx(MEMORY, abs=0.04)
    assert np.std(np.concatenate(played)) == pytest.approx(np.std(np.concatenate(made_up)), rel=0.1)


def test_occluded_landmarks_stay_occluded_on_their_side(model):
    hidden = [made.visibility[made.found][:, KNEE].mean() for _, made in simulated(model, OTHERS)]
    other = [made.visibility[made.found][:, MIRRORED_LANDMARKS[KNEE]].mean() for _, made in simulated(model, OTHERS)]
    # half of the replayed data are mirrored, where the other knee is occluded
    assert np.mean(hidden) + np.mean(other) == pytest.approx(0.2 + 0.9, abs=0.01)
    assert 0.2 < np.mean(hidden) < 0.9


def test_swaps_are_detected_and_reproduced():
    pairs = [made_up_pair(seed, swaps=True) for seed in range(30)]
    shares = [swapped(*of_pair(pair)).mean() for pair in pairs]
    assert np.mean(shares) == pytest.approx(SWAPPED / FRAMES, abs=0.05)
    assert not any(swapped(*of_pair(pair)).any() for pair in OTHERS)
    with_swaps = fit(pairs)
    row = compare(with_swaps, OTHERS, np.random.default_rng(0))[-1]
    assert row.real.swaps == 0.0
    assert row.simulated.swaps == pytest.approx(100 * SWAPPED / FRAMES, abs=12)
    view, truth = of_pair(OTHERS[0])[0], nearest(of_pair(OTHERS[0])[0])[..., 2]
    mean = with_swaps.mean(view)[..., 2]
    assert (mean * truth).sum() / (truth**2).sum() == pytest.approx(TIMID, abs=0.06)  # swaps do not bias the mean


def test_swapping_twice_changes_nothing():
    values, where = np.random.default_rng(1).random((6, 33, 2)), np.zeros((6, 2), dtype=bool)
    where[2:4, 1] = True
    once = with_sides_swapped(values, where)
    assert np.array_equal(once[:, :23], values[:, :23])
    assert np.array_equal(once[2, KNEE], values[2, MIRRORED_LANDMARKS[KNEE]])
    assert np.array_equal(with_sides_swapped(once, where), values)


def test_the_same_seed_gives_the_same_and_another_another(model):
    view = of_pair(OTHERS[0])[0]
    first, again, other = (model.simulate(view, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert isinstance(first, Landmarks)
    assert np.array_equal(first.pixels, again.pixels, equal_nan=True)
    assert not np.array_equal(first.pixels, other.pixels, equal_nan=True)


def test_a_model_comes_back_from_disk(model, tmp_path):
    model.save(tmp_path / "errors.npz")
    back = ErrorModel.load(tmp_path / "errors.npz")
    assert back.facts == model.facts
    assert (back.facts["clips"], back.facts["frames"], back.facts["seeds"]) == (30, 30 * FRAMES, [7])
    view = of_pair(OTHERS[0])[0]
    images = [m.simulate(view, np.random.default_rng(3)).pixels for m in (model, back)]
    assert np.nanmax(np.abs(images[0] - images[1])) < 0.1
    assert not list(tmp_path.glob("*.part"))


def test_other_pairs_have_another_hash(model):
    assert fit([made_up_pair(seed) for seed in range(5)]).facts["pairs"] != model.facts["pairs"]


def test_what_is_no_model_or_no_data_is_named(model, tmp_path):
    (tmp_path / "other.npz").write_bytes(b"PK no zip")
    with pytest.raises(ModelCorrupt, match=r"other\.npz"):
        ErrorModel.load(tmp_path / "other.npz")
    old = ErrorModel(model.weights, model.replay, {**model.facts, "format": 0})
    old.save(tmp_path / "old.npz")
    with pytest.raises(ModelCorrupt, match="format 0, not 1"):
        ErrorModel.load(tmp_path / "old.npz")
    with pytest.raises(InvalidMotion, match="at least 5 clips"):
        fit([made_up_pair(0)])
    short = [cut(made_up_pair(seed), BLOCK + FADE - 1) for seed in range(5)]
    with pytest.raises(InvalidMotion, match=f"{BLOCK + FADE} frames"):
        fit(short)


def cut(pair: Pair, frames: int) -> Pair:
    seen, camera = pair.landmarks, pair.camera
    return replace(
        pair,
        landmarks=Landmarks(
            seen.times[:frames], seen.pixels[:frames], seen.world[:frames], seen.visibility[:frames], (640, 480)
        ),
        markers=Markers(seen.times[:frames], ALL_MARKERS, pair.markers.positions[:frames]),
        camera=replace(camera, rotations=camera.rotations[:frames], centres=camera.centres[:frames]),
    )


def test_a_view_shorter_than_a_stretch_is_simulated_too(model):
    view = of_pair(cut(OTHERS[0], 7))[0]
    assert features(view).shape == (7, 3 * (1 + 65 * 3))
    assert model.simulate(view, np.random.default_rng(0)).pixels.shape == (7, 33, 2)
