"""The joint refiner learns, is mirror-symmetric, and agrees between ONNX and torch (needs torch)."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra 'train')")

from humanpose3d.errors import InvalidOption, ModelError  # noqa: E402
from humanpose3d.motion import JointAngles, Landmarks, Markers, MarkerSpread  # noqa: E402
from humanpose3d.options import RunOptions  # noqa: E402
from humanpose3d.skeleton import JOINT_GROUP_INDEX, RESPONSE_MARKERS, mirrored  # noqa: E402
from services.angles.joints import joint_angles  # noqa: E402
from services.refiner.joints.stage import INPUTS, JOINTS, OUTPUTS, JointInputs  # noqa: E402
from services.refiner.windows import window_indices  # noqa: E402
from shared.networks import open_refiner  # noqa: E402
from shared.stage import silent  # noqa: E402
from tests.services.angles.body import body  # noqa: E402
from training.joints.data import CYCLES, RECIPE, Clip, write_clip  # noqa: E402
from training.joints.evaluate import (  # noqa: E402
    calibrate,
    errors,
    figures,
    filtered,
    ideal,
    in_convention,
    offsets,
    raw,
    read_figures,
    refine,
    scores,
    sureness,
    table,
    undefined,
    with_offsets,
    write_figures,
)
from training.joints.loop import TrainConfig, divided, load_refiner, measure, train, typical_errors  # noqa: E402
from training.joints.losses import losses, weights, wrapped  # noqa: E402
from training.joints.mirror import MirroredRefiner, mirrored_angles, mirrored_changes, mirrored_seen  # noqa: E402
from training.joints.model import JointConfig, JointRefiner, Seen, joints_between  # noqa: E402
from training.joints.windows import draw_batch, in_windows  # noqa: E402

SMALL = JointConfig(width=12, layers=1, heads=2, dropout=0.0)
HIP, KNEE, SHOULDER, PELVIS, ANKLE, ELBOW = (
    JOINT_GROUP_INDEX[name] for name in ("hip_r", "knee_r", "shoulder_r", "pelvis", "ankle_r", "elbow_l")
)

OFFSET = np.array([5.0, 0.0, 0.0])
"""Degrees by which the pipeline's angles from true markers differ from the true ones."""


def made_up_clip(seed: int, split: str = "train", motion: str = "walk", frames: int = 70, rate: float = 30) -> Clip:
    """Angles that are off by a constant, a share of the true angle and noise."""
    rng = np.random.default_rng(seed)
    times = np.arange(frames) / rate
    truth = 40 + 30 * np.sin(2 * times[:, None, None] + rng.uniform(0, 6, (12, 3)))
    angles = 0.7 * truth + 8 + rng.normal(0, 2, truth.shape)
    angles[5, KNEE] = np.nan
    return Clip(
        times=times,
        angles=angles,
        visibility=rng.random((frames, 33)),
        depth_spread=np.full((frames, 22), np.nan),
        marker_spread=rng.random((frames, 43)) * 0.02,
        truth=truth,
        ideal=truth + OFFSET,
        name=f"{seed:06d}",
        split=split,
        motion=motion,
    )


def randomised(seed: int = 0) -> MirroredRefiner:
    """A network whose output is not zero."""
    torch.manual_seed(seed)
    model = JointRefiner(SMALL)
    torch.nn.init.normal_(model.answer, std=0.1)
    mirrored_model = MirroredRefiner(model)
    mirrored_model.eval()
    return mirrored_model


def window(clip: Clip) -> tuple[Seen, Any]:
    return in_windows(clip, window_indices(len(clip.times)))


def test_the_chain_runs_from_ankle_to_elbow_through_pelvis_and_trunk():
    between = joints_between()
    assert between[ANKLE][ELBOW] == 6
    assert between[HIP][KNEE] == between[PELVIS][HIP] == 1
    assert all(between[a][b] == between[b][a] < 7 for a in range(12) for b in range(12))


def test_mirroring_twice_changes_nothing():
    seen, _ = window(made_up_clip(0))
    back = mirrored_seen(mirrored_seen(seen))
    assert torch.allclose(back.angles, seen.angles, atol=1e-4, equal_nan=True)
    assert not torch.allclose(mirrored_seen(seen).angles, seen.angles, atol=1, equal_nan=True)
    assert torch.equal(back.visibility, seen.visibility)
    assert torch.equal(back.marker_spread, seen.marker_spread)


def test_the_mirror_is_that_of_the_angles_of_a_mirrored_body():
    pose = {"pelvis": (10, 5, 70), "trunk": (20, -8, 12), "hip_r": (40, -10, 5), "shoulder_l": (30, 60, -20)}
    here = body({**pose, "knee_l": (65, 3, -4), "elbow_r": (80, 2, 60), "ankle_r": (-10, 4, 9)})
    swapped = [here.names.index(mirrored(name)) for name in here.names]
    there = Markers(here.times, here.names, here.positions[:, swapped] * [-1, 1, 1])
    angles, wanted = (torch.from_numpy(joint_angles(markers)) for markers in (here, there))
    assert wrapped(mirrored_angles(angles) - wanted).abs().max() < 1e-6


def test_mirrored_input_has_mirrored_output():
    model = randomised()
    seen, _ = window(made_up_clip(1))
    with torch.no_grad():
        here, there = model(seen), model(mirrored_seen(seen))
    assert here.correction.abs().max() > 0.01
    assert torch.allclose(mirrored_changes(here.correction), there.correction, atol=1e-4)
    assert (here.spread > 0).all()


def test_a_whole_turn_of_an_angle_and_the_clips_start_do_not_matter():
    model = randomised()
    seen, _ = window(made_up_clip(2))
    turned = seen._replace(angles=seen.angles + 360, times=seen.times + 100)
    with torch.no_grad():
        assert torch.allclose(model(seen).correction, model(turned).correction, atol=1e-2)


def test_batches_have_one_shape_whatever_the_clips_length_and_rate():
    clips = [made_up_clip(3), made_up_clip(4, frames=20), made_up_clip(5, frames=200, rate=60)]
    seen, truth = draw_batch(clips, 9, np.random.default_rng(0))
    assert seen.angles.shape == truth.shape == (9, 48, 12, 3)
    assert (torch.diff(seen.times, dim=1) >= 0).all()
    steps = torch.diff(seen.times, dim=1)[:, 0]
    assert {round(float(1 / step)) for step in steps} <= {30, 60}


def test_losses_vanish_at_the_truth_and_use_the_shorter_rotation():
    seen, truth = window(made_up_clip(6))
    typical = torch.ones(12, 3)
    perfect = seen._replace(angles=truth + 360)
    estimate = randomised()(perfect)
    none = estimate._replace(correction=torch.zeros_like(truth))
    assert float(losses(none, perfect, truth, typical)["angle"]) < 1e-6
    assert wrapped(torch.tensor([359.0, -359.0, 181.0, 10.0])).tolist() == pytest.approx([-1, 1, -179, 10])


def test_missing_values_do_not_affect_training():
    seen, truth = window(made_up_clip(7))
    model = randomised().model.train()
    angles = seen.angles.clone()
    angles[..., KNEE, :] = float("nan")
    gaps = seen._replace(angles=angles)
    losses(model(gaps), gaps, truth, torch.ones(12, 3))["total"].backward()
    gradients = torch.cat([part.grad.flatten() for part in model.parameters() if part.grad is not None])
    assert torch.isfinite(gradients).all()
    assert model.answer.grad[KNEE].abs().max() == 0
    assert model.answer.grad[HIP].abs().max() > 0


def test_a_hanging_arms_plane_of_elevation_hardly_counts():
    truth = torch.zeros(1, 12, 3)
    truth[0, SHOULDER, 1], truth[0, HIP, 1] = 2.0, 60.0
    weight = weights(truth)[0]
    assert weight[SHOULDER].tolist() == pytest.approx([np.sin(np.radians(2)), 1, 1], abs=1e-3)
    assert weight[HIP].tolist() == pytest.approx([0.5, 1, 0.5], abs=1e-6)
    unclear = undefined(truth.double().numpy())[0]
    assert unclear[SHOULDER].tolist() == [True, False, False]
    assert not unclear[HIP].any()


def test_scores_are_those_of_known_errors():
    clip = made_up_clip(8)
    truth = np.clip(clip.truth, 20, 70)
    known = replace(clip, truth=truth, angles=truth + np.where(np.arange(70) % 2, 10.0, -4.0)[:, None, None] + 360)
    found = scores(raw, [known])
    assert found.mae == pytest.approx(np.full((12, 3), 7.0))
    assert found.bias == pytest.approx(np.full((12, 3), 3.0))
    assert found.mean == pytest.approx(7.0)
    assert (found.r > 0.8).all()
    shifted = replace(clip, truth=truth, angles=truth + 5)
    assert scores(raw, [shifted]).r == pytest.approx(np.ones((12, 3)))


def test_the_plain_ways_take_off_noise_and_a_constant():
    rng = np.random.default_rng(9)
    clip = made_up_clip(9, frames=150)
    truth = 20 * np.sin(3 * clip.times)[:, None, None] + np.full((12, 3), 50.0)
    noise = rng.normal(0, 5, truth.shape)
    off = np.full((12, 3), 6.0)
    off[PELVIS, 1:] = 0  # mirroring inverts the lean of pelvis and trunk: no constant can be learnt there
    off[JOINT_GROUP_INDEX["trunk"], 1:] = 0
    straight, noisy = (replace(clip, truth=truth, angles=truth + noise + each) for each in (0 * off, off))
    assert scores(filtered, [straight]).mean < 0.75 * scores(raw, [straight]).mean
    learnt = offsets([noisy], filtered)
    assert learnt == pytest.approx(off, abs=1.5)
    # White noise of 5° of which 6 of 15 Hz are left: 5 · √0.4 = 3.2°, mean size 3.2 · √(2 / π) = 2.5°.
    assert scores(with_offsets(filtered, learnt), [noisy]).mean == pytest.approx(2.5, abs=0.3)


def test_constant_offsets_of_the_rendered_body_are_not_learnt():
    """Where the pipeline has the same error with true markers, nothing is left to learn."""
    clips = [made_up_clip(seed) for seed in (15, 16)]
    assert scores(ideal, clips).mae == pytest.approx(np.tile(OFFSET, (12, 1)))
    offset = offsets(clips, ideal)
    assert offset == pytest.approx(np.tile(OFFSET, (12, 1)))
    assert scores(ideal, in_convention(clips, offset)).mean == pytest.approx(0.0, abs=1e-9)
    assert scores(raw, in_convention(clips, offset)).bias == pytest.approx(scores(raw, clips).bias - OFFSET)


def test_a_filter_does_no_harm_where_an_angle_turns_past_180():
    clip = made_up_clip(10)
    turning = np.broadcast_to(np.linspace(100, 260, 70)[:, None, None], (70, 12, 3))
    seen = replace(clip, truth=turning, angles=(turning + 180) % 360 - 180)
    off = (filtered(seen) - turning + 180) % 360 - 180
    assert np.abs(off[5:-5]).max() < 1.0


def test_calibration_brings_the_spread_to_the_errors():
    clips = [made_up_clip(seed) for seed in range(11, 14)]
    model = randomised()
    model.scale.fill_(0.05)
    assert sureness(model, clips).coverage < 0.2
    calibrate(model, clips)
    assert sureness(model, clips).coverage == pytest.approx(0.683, abs=0.02)
    assert model.scale[JOINT_GROUP_INDEX["knee_r"]].tolist() == model.scale[JOINT_GROUP_INDEX["knee_l"]].tolist()


def test_the_ways_to_divide_never_choose_by_what_was_learnt():
    clips = [made_up_clip(0, motion="a"), *(made_up_clip(n, "validation", f"m{n % 4}") for n in range(1, 9))]
    for split in ("train", "validation", "all"):
        learn, check = divided(clips, split)
        assert not {clip.motion for clip in learn} & {clip.motion for clip in check}
        assert len(learn) == {"train": 1, "validation": 4, "all": 5}[split]
        assert all(clip.split == "validation" for clip in check)
    with pytest.raises(InvalidOption, match="0 to choose by"):
        divided(clips[:1], "train")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TrainConfig:
    """A few steps on synthetic angles, whose files already exist, so that no pairs are needed."""
    out = tmp_path_factory.mktemp("run")
    config = TrainConfig(out / "data", out, epochs=2, batch_size=8, width=12, layers=1)
    (out / "clips").mkdir()
    (out / "data" / "clips").mkdir(parents=True)
    (out / "clips" / RECIPE).write_text(f'{{"depth_model": null, "cycles": {CYCLES}}}')
    for index, split in enumerate(("train", "train", "train", "validation", "test")):
        clip = made_up_clip(index, split, motion=split)
        write_clip(out / "clips" / f"{index:06d}.npz", clip)
        (out / "data" / "clips" / f"{index:06d}.npz").write_bytes((out / "clips" / f"{index:06d}.npz").read_bytes())
    return config


@pytest.fixture(scope="module")
def network(trained: TrainConfig) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.joints.loop.STEPS_AN_EPOCH", 70)
        patch.setattr("training.joints.data.read_facts", lambda path: {"split": _split(path)})
        return train(trained)


def _split(path: Path) -> str:
    return {"000003": "validation", "000004": "test"}.get(path.stem, "train")


@pytest.mark.filterwarnings("ignore")  # torch warns of its own exporter
def test_training_outperforms_the_baselines_on_what_they_cannot_learn(trained: TrainConfig, network: Path):
    pytest.importorskip("onnx", reason="onnx is not installed (extra 'train')")
    found = read_figures(trained.out / "validation.json")
    assert found.clips == 1
    assert found.scores["network"].mean < 0.85 * found.scores["raw"].mean
    assert found.sureness.coverage == pytest.approx(0.683, abs=0.05)
    lines = table(found).splitlines()
    assert len(lines) == 2 + 36 + 1 + 2
    assert lines[5].startswith("| hip_r flexion | ")
    assert len((trained.out / "log.jsonl").read_text().splitlines()) == 2


@pytest.mark.filterwarnings("ignore")
def test_onnx_agrees_with_torch_through_serving(trained: TrainConfig, network: Path):
    assert open_refiner(network, "joints", INPUTS, OUTPUTS).file == "joint_refiner.onnx"
    clip = made_up_clip(20, frames=130)
    nothing = np.zeros((130, 33, 3))
    inputs = JointInputs(
        JointAngles(clip.times, clip.angles),
        Landmarks(clip.times, nothing[..., :2], nothing, clip.visibility, (10, 10)),
        None,
        MarkerSpread(clip.times, RESPONSE_MARKERS, clip.marker_spread),
    )
    served = JOINTS.run(inputs, RunOptions(joint_model_path=str(network)), silent)
    model = load_refiner(trained.out / "best.pt")
    calibrate(model, [made_up_clip(3, "validation", "validation")])
    angles, _ = refine(model, clip)
    np.testing.assert_allclose(served.refined_angles.values, angles, rtol=0, atol=0.01)


@pytest.mark.filterwarnings("ignore")
def test_the_test_split_is_measured_on_request_alone(trained: TrainConfig, network: Path):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.joints.data.read_facts", lambda path: {"split": _split(path)})
        found = measure(trained, "test")
    assert found.clips == 1
    clips = in_convention([made_up_clip(4, "test")], np.tile(OFFSET, (12, 1)))
    assert found.scores["raw"].mean == pytest.approx(scores(raw, clips).mean, abs=1e-3)


def test_figures_come_back_from_their_file(tmp_path: Path):
    clips = [made_up_clip(30), made_up_clip(31)]
    found = figures(randomised(), clips[:1], clips[1:])
    write_figures(tmp_path / "f.json", found)
    assert table(read_figures(tmp_path / "f.json")) == table(found)


@pytest.mark.filterwarnings("ignore")
def test_an_export_that_differs_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("onnx", reason="onnx is not installed (extra 'train')")
    from training.joints import export

    monkeypatch.setattr(export, "LARGEST_DIFFERENCE", -1.0)
    with pytest.raises(ModelError, match=r"joints\.onnx: ONNX and torch differ"):
        export.export(randomised(), tmp_path / "joints.onnx")
    assert not (tmp_path / "joints.onnx").exists()


def test_typical_errors_are_the_raw_ones():
    clip = made_up_clip(32)
    off = np.abs(errors(raw(clip), clip))
    assert typical_errors([clip])[HIP, 0] == pytest.approx(np.nanmedian(off[:, HIP, 0]), rel=1e-5)
