"""The depth refiner learns, is mirror-symmetric, and keeps coordinate frames consistent (needs torch)."""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra 'train')")
onnx = pytest.importorskip("onnx", reason="onnx is not installed (extra 'train')")

from pydantic import JsonValue  # noqa: E402
from scipy.spatial.transform import Rotation  # noqa: E402

from humanpose3d.errors import ModelError  # noqa: E402
from humanpose3d.motion import Landmarks, Markers  # noqa: E402
from humanpose3d.options import FOCAL_LENGTH, Verticals  # noqa: E402
from humanpose3d.skeleton import ALL_MARKERS, LANDMARKS, MARKERS  # noqa: E402
from services.refiner.depth.camera import _towards  # noqa: E402
from services.refiner.depth.markers import MARKER_LANDMARKS  # noqa: E402
from services.refiner.windows import window_indices  # noqa: E402
from training.data.pairs import Pair, in_camera_world, write_pair  # noqa: E402
from training.depth.evaluate import calibrate, refined, scores, true_markers  # noqa: E402
from training.depth.loop import (  # noqa: E402
    FRESH_RATE,
    TrainConfig,
    mean_of_weights,
    one_epoch,
    started,
    train,
)
from training.depth.losses import losses  # noqa: E402
from training.depth.mirror import MirroredRefiner, mirrored_markers, mirrored_seen  # noqa: E402
from training.depth.model import (  # noqa: E402
    DepthConfig,
    DepthRefiner,
    Seen,
    _bearing,
    _features,
    _lines,
    _placed,
    _tilt_of_lines,
    _upright,
)
from training.depth.windows import (  # noqa: E402
    Sample,
    Truth,
    _rolled,
    _with_lines,
    draw_batch,
    in_windows,
    load_samples,
    to_sample,
    turned,
    with_known_focal,
    without_image,
)
from training.metrics import raw_markers  # noqa: E402
from training.scene.camera import Camera, look  # noqa: E402
from training.trainer import Trainer  # noqa: E402

SMALL = DepthConfig(width=24, layers=1, heads=2)
MEDIUM = DepthConfig(width=96, layers=1, heads=2)
"""Large enough for the exporter to leave its weights unchanged."""

STEPS = 30


def made_up_pair(seed: int, split: str = "train", frames: int = 70, motion: str = "walking1") -> Pair:
    rng = np.random.default_rng(seed)
    times = np.arange(frames) / 60
    camera = Camera(
        (640, 360), 480.0, np.tile(look(0.4, 0.1, 0.05), (frames, 1, 1)), np.tile([1.0, 1.2, 3.0], (frames, 1))
    )
    body = rng.normal(0, 0.4, (65, 3)) + rng.normal(0, 0.02, (frames, 65, 3))
    markers, camera = in_camera_world(body, camera)
    world = rng.normal(0, 0.4, (frames, 33, 3))
    image = rng.uniform(100, 300, (frames, 33, 2))
    world[5], image[5] = np.nan, np.nan
    landmarks = Landmarks(times, image, world, np.full((frames, 33), 0.9), (640, 360))
    return Pair(landmarks, Markers(times, ALL_MARKERS, markers), camera, 1.7, 65.0, {"split": split, "motion": motion})


def seen_perfectly(pitch: float, roll: float, focal: float = FOCAL_LENGTH) -> Sample:
    """A clip whose landmarks coincide with the markers, seen by a camera of the assumed or another focal length.

    The 3D landmarks have the axes of a camera directed at the hips, like the detector's.
    """
    frames = 50
    camera = Camera(
        (640, 360),
        focal * 640,
        np.tile(look(0.3, pitch, roll), (frames, 1, 1)),
        np.tile([0.7, 1.4, 3.0], (frames, 1)),
    )
    body = np.random.default_rng(3).normal(0, 0.3, (65, 3)) + np.zeros((frames, 1, 1))
    body[:, ALL_MARKERS.index("Hip")] = body[:, [ALL_MARKERS.index("LHip"), ALL_MARKERS.index("RHip")]].mean(axis=1)
    markers, camera = in_camera_world(body, camera)
    columns = [ALL_MARKERS.index(name) for name in MARKER_LANDMARKS]
    landmarks = [LANDMARKS.index(name) for name in MARKER_LANDMARKS.values()]
    hips = camera.to_camera(markers[:, [ALL_MARKERS.index("Hip")]])
    image, world = np.zeros((frames, 33, 2)), np.zeros((frames, 33, 3))
    image[:, landmarks] = camera.project(markers[:, columns])
    slopes = image[:, [LANDMARKS.index("left_hip"), LANDMARKS.index("right_hip")]].mean(axis=1)
    toward_hips = _towards((slopes - [320, 180]) / camera.focal)
    world[:, landmarks] = (camera.to_camera(markers[:, columns]) - hips) @ toward_hips
    landmarks_seen = Landmarks(np.arange(frames) / 30, image, world, np.ones((frames, 33)), (640, 360))
    facts: dict[str, JsonValue] = {"split": "train", "motion": "walking1"}
    return to_sample(
        Pair(landmarks_seen, Markers(landmarks_seen.times, ALL_MARKERS, markers), camera, 1.7, 65.0, facts)
    )


def clip(sample: Sample) -> tuple[Seen, Truth]:
    return in_windows(sample, window_indices(len(sample.times)))


def test_the_truth_is_turned_to_the_hips_and_back():
    pair = made_up_pair(0)
    sample = to_sample(pair)
    upright = true_markers(sample)
    original = pair.markers.select(MARKERS).positions
    hips = original[:, [MARKERS.index("LHip"), MARKERS.index("RHip")]].mean(axis=1, keepdims=True)
    assert upright == pytest.approx(original - hips, abs=1e-5)
    ahead = turned((hips - pair.camera.centres[:, None]), sample.bearing)
    assert ahead[:, 0, 0] == pytest.approx(0.0, abs=1e-5)
    assert sample.tilt[0] == pytest.approx([0.1, 0.05], abs=1e-5)


@pytest.mark.parametrize("roll", [0.0, 0.15, -0.3])
def test_a_turned_image_is_that_of_a_turned_camera(roll):
    rolled, wanted = _rolled(seen_perfectly(0.2, 0.1), roll), seen_perfectly(0.2, 0.1 - roll)
    for field in ("image", "world"):
        known = getattr(wanted, field)[:, 11:17]
        assert getattr(rolled, field)[:, 11:17] == pytest.approx(known, abs=0.005 if field == "world" else 0.01)
    assert rolled.tilt == pytest.approx(wanted.tilt, abs=1e-6)
    assert rolled.markers == pytest.approx(wanted.markers, abs=1e-6)


@pytest.mark.parametrize(("pitch", "roll"), [(0.0, 0.0), (0.3, 0.0), (-0.2, 0.0), (0.2, 0.1)])
def test_a_file_of_markers_is_upright(pitch, roll):
    """Emulates a TRC: landmarks levelled by the true tilt are the true markers, relative to the hips."""
    sample = seen_perfectly(pitch, roll)
    alone = without_image(sample, np.random.default_rng(0), unsure=0.0)
    landmarks = [LANDMARKS.index(name) for name in MARKER_LANDMARKS.values()]
    got = alone.world[:, landmarks] * [1, -1, -1]
    assert np.abs(got - sample.markers[:, [MARKERS.index(name) for name in MARKER_LANDMARKS]]).max() < 0.05
    assert not alone.image.any()
    assert alone.visibility.sum() == len(sample.times) * len(MARKER_LANDMARKS)


@pytest.mark.parametrize(("pitch", "roll"), [(0.0, 0.0), (0.3, 0.0), (-0.2, 0.1)])
def test_corrections_start_where_the_image_shows_the_landmarks_put_upright(pitch, roll):
    """Off axis the detector's 3D may be wrong: the rays of the image count."""
    seen, truth = clip(seen_perfectly(pitch, roll))
    wrong = seen.world + torch.tensor([0.1, 0.1, 0.0]) * torch.randn(seen.world.shape, generator=torch.manual_seed(0))
    for world, near in ((seen.world, 0.06), (wrong, 0.12)):
        given = seen._replace(world=world)
        _, turned_rays, middle = _features(given)
        batch, frames = given.times.shape
        nothing = torch.zeros(batch, frames, len(MARKERS), 3)
        start = _upright(_placed(turned_rays, given, nothing, torch.zeros(batch, frames)), middle, truth.tilt)
        columns = [MARKERS.index(name) for name in MARKER_LANDMARKS]
        assert (start - truth.markers)[:, :, columns].abs().max() < near


@pytest.mark.parametrize("focal", [0.6, 1.2])
def test_a_focal_length_that_is_told_makes_the_rays_and_lines_those_of_the_camera(focal):
    sample = with_known_focal(seen_perfectly(0.2, 0.1, focal))
    assert sample.focal == pytest.approx(focal)
    lined = next(s for n in range(9) if (s := _with_lines(sample, np.random.default_rng(n))).verticals[2])
    seen, truth = clip(lined)
    _, turned_rays, middle = _features(seen)
    batch, frames = seen.times.shape
    nothing = torch.zeros(batch, frames, len(MARKERS), 3)
    start = _upright(_placed(turned_rays, seen, nothing, torch.zeros(batch, frames)), middle, truth.tilt)
    columns = [MARKERS.index(name) for name in MARKER_LANDMARKS]
    assert (start - truth.markers)[:, :, columns].abs().max() < 0.06
    assert torch.allclose(_tilt_of_lines(_lines(seen)), truth.tilt[:, 0], atol=0.03)  # lines are found to 0.5°
    untold, _ = clip(replace(lined, focal=0.0))
    assert not torch.allclose(_features(untold)[1], turned_rays, atol=0.01)


def test_the_focal_length_is_known_in_half_of_the_windows():
    samples = [to_sample(made_up_pair(2))]
    seen, _ = draw_batch([(samples, 200)], np.random.default_rng(0))
    told = seen.focal[seen.size[:, 0] > 0]
    assert 0.4 < (told > 0).float().mean() < 0.6
    assert told[told > 0].log().sub(np.log(480 / 640)).std() == pytest.approx(0.02, rel=0.3)
    assert not seen.focal[seen.size[:, 0] == 0].any()


@pytest.mark.parametrize(("pitch", "roll"), [(0.3, 0.0), (-0.2, 0.1), (0.1, -0.4)])
def test_upright_lines_determine_the_tilt(pitch, roll):
    sample = seen_perfectly(pitch, roll)
    shown = [_with_lines(sample, np.random.default_rng(seed)).verticals for seed in range(60)]
    known = torch.tensor(np.array([lines for lines in shown if lines[2]]))
    assert 15 < len(known) < 45
    assert not np.any([lines for lines in shown if not lines[2]])
    tilt = _tilt_of_lines(known).median(dim=0).values
    assert tilt.numpy() == pytest.approx(sample.tilt[0], abs=0.01)
    assert not _tilt_of_lines(torch.zeros(2, 3)).any()
    slopes = known[0, :2].tolist()
    pair = replace(made_up_pair(0), verticals=Verticals(lateral_slope=slopes[0], forward_slope=slopes[1], looks=3))
    assert to_sample(pair).verticals == pytest.approx(known[0].numpy())


def test_the_bearing_is_that_about_the_vertical():
    seen, truth = clip(seen_perfectly(0.3, 0.2))
    middle = (seen.image[:, :, 23] + seen.image[:, :, 24]) / 2
    slopes = (middle - seen.size[:, None] / 2) / (FOCAL_LENGTH * 640)
    assert torch.allclose(_bearing(slopes, truth.tilt), truth.bearing, atol=0.02)


def test_mirroring_twice_changes_nothing():
    seen, truth = clip(to_sample(made_up_pair(1)))
    back = mirrored_seen(mirrored_seen(seen))
    assert torch.allclose(back.image, seen.image, atol=1e-3)
    assert torch.equal(back.world, seen.world)
    assert torch.equal(mirrored_markers(mirrored_markers(truth.markers)), truth.markers)


def test_batches_have_one_shape_whatever_the_clips_length():
    samples = [to_sample(made_up_pair(2)), to_sample(made_up_pair(3, frames=20))]
    seen, truth = draw_batch([(samples, 6)], np.random.default_rng(0))
    assert seen.image.shape == (6, 48, 33, 2)
    assert truth.markers.shape == (6, 48, 22, 3)
    assert torch.isfinite(seen.image).all()
    assert (torch.diff(seen.times, dim=1) > 0).all()


def test_sources_of_motion_are_balanced_in_a_batch():
    """One clip of the laboratory, recognised by its height, and 19 of other subjects."""
    others = [to_sample(replace(made_up_pair(seed, motion="16_01"), height=1.5)) for seed in range(19)]
    seen, _ = draw_batch([([to_sample(made_up_pair(99)), *others], 400)], np.random.default_rng(0))
    assert (seen.height == 1.7).float().mean() == pytest.approx(0.2, abs=0.06)  # not 0.05


def test_the_mean_of_weights_lies_between_both():
    one, other = DepthRefiner(SMALL), DepthRefiner(SMALL)
    between = mean_of_weights(one, other, 0.75).state_dict()
    for name, value in one.state_dict().items():
        assert torch.allclose(between[name], 0.75 * value + 0.25 * other.state_dict()[name], atol=1e-6)
    assert not torch.equal(between["embed.0.weight"], one.state_dict()["embed.0.weight"])


def test_frames_without_a_person_do_not_matter():
    """Values in frames without a person do not affect the output."""
    model = DepthRefiner(SMALL).eval()
    seen, _ = clip(to_sample(made_up_pair(4)))
    image = seen.image.clone()
    image[seen.detected < 0.5] = 77.0
    assert not torch.equal(image, seen.image)
    with torch.no_grad():
        assert torch.allclose(model(seen).markers, model(seen._replace(image=image)).markers, atol=1e-6)


def test_training_lowers_the_loss_and_resumes(tmp_path, monkeypatch):
    monkeypatch.setattr("training.depth.loop.STEPS_AN_EPOCH", STEPS)
    (tmp_path / "clips").mkdir()
    for index, split in enumerate(("train", "train", "validation")):
        write_pair(tmp_path / "clips" / f"{index:06d}.npz", made_up_pair(index, split))
    samples = load_samples(sorted((tmp_path / "clips").iterdir()), "train")
    assert len(samples) == 2
    torch.manual_seed(0)
    config = TrainConfig((tmp_path,), tmp_path / "out", epochs=4, batch_size=4)
    trainer = Trainer(DepthRefiner(SMALL), FRESH_RATE, config.epochs * STEPS)
    first, second = (one_epoch(trainer, config, epoch, samples)["total"] for epoch in range(2))
    assert second < 0.9 * first
    (tmp_path / "out").mkdir()
    trainer.save(tmp_path / "out", 1, 5.0, {})
    again = Trainer(DepthRefiner(SMALL), FRESH_RATE, config.epochs * STEPS)
    assert again.resume(tmp_path / "out") == 2
    assert all(torch.equal(a, b) for a, b in zip(again.model.parameters(), trainer.model.parameters(), strict=True))


def test_training_that_makes_a_network_worse_returns_the_one_it_started_from(tmp_path, monkeypatch):
    """Trained on one data set, validated on another; reading and writing ONNX is replaced."""
    sets = tmp_path / "one", tmp_path / "other"
    for folder, split in zip(sets, ("train", "validation"), strict=True):
        (folder / "clips").mkdir(parents=True)
        write_pair(folder / "clips" / "000000.npz", made_up_pair(0, split))
    start, best = DepthRefiner(SMALL), []

    def spoil(trainer: Trainer, *_: object) -> dict[str, float]:
        with torch.no_grad():
            trainer.average.answer[-1].bias.add_(1.0)
        return {}

    def kept(path: Path) -> MirroredRefiner:
        best.append(torch.load(path)["average"])
        return MirroredRefiner(start)

    for name, replaced in {
        "started": lambda *_: deepcopy(start),
        "one_epoch": spoil,
        "load_refiner": kept,
        "export": lambda *_: None,
    }.items():
        monkeypatch.setattr(f"training.depth.loop.{name}", replaced)
    train(TrainConfig(sets, tmp_path / "out", epochs=1, start=tmp_path / "start.onnx"))
    assert all(torch.equal(best[0][name], value) for name, value in start.state_dict().items())


def test_the_truth_scores_zero_and_a_shift_in_depth_is_seen_as_one():
    sample = to_sample(made_up_pair(5))
    perfect = scores(true_markers(sample), sample.tilt, sample)
    assert (perfect.mpjpe, perfect.knee, perfect.gravity) == pytest.approx((0, 0, 0), abs=0.05)
    moved = scores(true_markers(sample) + np.array([0, 0, 0.03]), sample.tilt + np.array([0.1, 0]), sample)
    assert (moved.depth, moved.x) == pytest.approx((3.0, 0.0), abs=1e-3)
    assert moved.gravity == pytest.approx(np.degrees(0.1), abs=0.01)
    assert moved.aligned == pytest.approx(0.0, abs=1e-3)


def test_losses_vanish_at_the_truth():
    model = DepthRefiner(SMALL)
    seen, truth = clip(to_sample(made_up_pair(6)))
    estimate = model(seen)._replace(markers=truth.markers, tilt=truth.tilt)
    terms = losses(estimate, truth)
    assert float(terms["place"].detach()) < 0.02
    assert all(float(terms[name].detach()) < 1e-5 for name in ("depth", "bone", "motion", "angle", "gravity"))
    assert float(terms["direction"].detach()) < 0.011  # the root of what keeps its slope finite
    tipped = truth.markers @ torch.tensor(Rotation.from_rotvec([0.1, 0, 0]).as_matrix().T, dtype=torch.float32)
    terms = losses(estimate._replace(markers=tipped), truth)
    assert float(terms["direction"].detach()) == pytest.approx(0.1 * np.pi / 4, abs=0.02)  # chance directions
    assert float(terms["angle"].detach()) < 1e-4


def test_raw_and_refined_come_in_the_same_frame():
    pair = made_up_pair(7)
    said = refined(MirroredRefiner(DepthRefiner(SMALL)), to_sample(pair))
    assert said.markers.shape == raw_markers(pair.landmarks, pair.height).shape == (70, 22, 3)
    assert (said.spread > 0).all()
    assert said.tilt.shape == said.tilt_spread.shape == (70, 2)


def test_a_calibrated_spread_covers_what_one_standard_deviation_should():
    sample = to_sample(made_up_pair(8))
    model = MirroredRefiner(DepthRefiner(SMALL))
    calibrate(model, [sample])
    said, there = refined(model, sample), sample.detected > 0.5
    covered = np.abs(said.markers - true_markers(sample)) < said.spread[..., None]
    assert covered[there].mean(axis=(0, 2)) == pytest.approx(np.full(22, 0.683), abs=0.01)
    assert (np.abs(said.tilt - sample.tilt) < said.tilt_spread)[there].mean() == pytest.approx(0.683, abs=0.02)


def test_output_for_the_mirror_image_is_the_mirrored_output():
    model = MirroredRefiner(DepthRefiner(SMALL)).eval()
    seen, _ = clip(to_sample(made_up_pair(9)))
    with torch.no_grad():
        plain, other = model(seen), model(mirrored_seen(seen))
    assert torch.allclose(mirrored_markers(other.markers), plain.markers, atol=1e-5)
    assert torch.allclose(other.tilt * torch.tensor([1.0, -1.0]), plain.tilt, atol=1e-5)


def shaken(model: DepthRefiner) -> DepthRefiner:
    """With all weights different: the exporter writes equal ones once."""
    chance = torch.manual_seed(0)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn(weight.shape, generator=chance) * 0.01)
    return model


@pytest.mark.filterwarnings("ignore")  # torch warns of its own exporter
def test_onnx_agrees_with_torch(tmp_path):
    from training.depth.export import export

    model = shaken(DepthRefiner(MEDIUM))
    assert export(MirroredRefiner(model), tmp_path / "depth.onnx") < 1e-4
    again = started(MEDIUM, tmp_path / "depth.onnx")
    assert all(torch.equal(own, given) for own, given in zip(again.parameters(), model.parameters(), strict=True))
    with pytest.raises(ModelError, match="2 layers of width 96"):
        started(replace(MEDIUM, layers=2), tmp_path / "depth.onnx")


@pytest.mark.filterwarnings("ignore")
def test_a_network_without_focal_length_input_is_unchanged(tmp_path):
    """Weights of inputs that it does not have start at zero."""
    from training.depth.export import export

    model = shaken(DepthRefiner(MEDIUM))
    with torch.no_grad():
        model.embed[0].weight[:, -2:] = 0
    export(MirroredRefiner(model), tmp_path / "depth.onnx")
    network = onnx.load(tmp_path / "depth.onnx")
    (first,) = [t for t in network.graph.initializer if t.name.endswith("embed.0.weight")]
    first.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(first)[:, :-2].copy(), first.name))
    onnx.save(network, tmp_path / "before.onnx")
    seen, _ = clip(to_sample(made_up_pair(4)))
    with torch.no_grad():
        assert torch.equal(started(MEDIUM, tmp_path / "before.onnx").eval()(seen).markers, model.eval()(seen).markers)
