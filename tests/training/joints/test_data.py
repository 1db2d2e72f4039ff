"""The pipeline's angles of a pair, stored with the true ones."""

from pathlib import Path

import numpy as np
import pytest

from cli.main import main
from humanpose3d.errors import InvalidOption
from humanpose3d.motion import FloatArray, Landmarks, Markers, MarkerSd
from humanpose3d.options import StageReport, Subject
from humanpose3d.skeleton import ALL_MARKERS, LANDMARK_INDEX, MARKERS
from services.angles.joints import joint_angles
from services.refiner.depth.stage import DepthInputs, DepthOutputs
from training.data.pairs import Pair, write_pair
from training.joints.data import clip_of, make_clips, read_clip
from training.scene.camera import Camera, look

FRAMES = 30
TIMES = np.arange(FRAMES) / 30


def standing() -> FloatArray:
    """(22, 3) metres: a standing person with slightly flexed knees and elbows, facing +z."""
    places: dict[str, tuple[float, float, float]] = {
        "Hip": (0, 0.95, 0),
        "Neck": (0, 1.45, 0),
        "Head": (0, 1.7, 0),
        "Nose": (0, 1.6, 0.1),
    }
    for side, x in (("R", -1), ("L", 1)):
        places |= {
            f"{side}Hip": (0.12 * x, 0.92, 0),
            f"{side}Knee": (0.12 * x, 0.5, 0.05),
            f"{side}Ankle": (0.12 * x, 0.1, 0),
            f"{side}Heel": (0.12 * x, 0.03, -0.05),
            f"{side}BigToe": (0.1 * x, 0.02, 0.2),
            f"{side}SmallToe": (0.17 * x, 0.02, 0.16),
            f"{side}Shoulder": (0.2 * x, 1.42, 0),
            f"{side}Elbow": (0.26 * x, 1.14, 0),
            f"{side}Wrist": (0.26 * x, 0.9, 0.08),
        }
    return np.array([places[name] for name in MARKERS])


def made_up_pair(split: str = "train") -> Pair:
    """The detections do not matter: the depth stage is replaced."""
    nothing = np.zeros((FRAMES, 33, 3))
    visibility = np.full((FRAMES, 33), 0.5)
    visibility[:, LANDMARK_INDEX["left_knee"]] = 0.9
    landmarks = Landmarks(TIMES, nothing[..., :2], nothing, visibility, (640, 360))
    rng = np.random.default_rng(0)
    places = rng.normal(0, 0.4, (65, 3)) + rng.normal(0, 0.01, (FRAMES, 65, 3))
    places[:, [ALL_MARKERS.index(name) for name in MARKERS]] = standing()
    truth = Markers(TIMES, ALL_MARKERS, places)
    camera = Camera((640, 360), 480.0, np.tile(look(0, 0, 0), (FRAMES, 1, 1)), np.zeros((FRAMES, 3)))
    return Pair(landmarks, truth, camera, 1.7, 65.0, {"split": split, "motion": "walk"})


def as_standing(inputs: DepthInputs) -> DepthOutputs:
    landmarks, subject = inputs.landmarks, inputs.subject
    assert subject == Subject(height=1.7, weight=65.0)
    body = Markers(landmarks.times, MARKERS, np.tile(standing(), (FRAMES, 1, 1)))
    spread = MarkerSd(landmarks.times, MARKERS, np.full((FRAMES, 22), 0.03))
    return DepthOutputs(body, body, StageReport(), spread)


def test_a_clip_holds_what_the_pipeline_makes_and_the_truth():
    pair = made_up_pair()
    clip = clip_of(pair, "000001", as_standing, cycles=2)
    assert (clip.name, clip.split, clip.motion) == ("000001", "train", "walk")
    np.testing.assert_array_equal(clip.truth, joint_angles(pair.markers))
    np.testing.assert_array_equal(clip.ideal, clip.angles)  # the depth stage returns the true markers here
    assert (clip.depth_spread == 0.03).all()
    assert clip.marker_spread.shape == (FRAMES, 43)
    knees = clip.angles[:, 3:5, 0]
    assert 0 < np.nanmin(knees) < np.nanmax(knees) < 40  # slightly flexed: 14° between the bones
    np.testing.assert_array_equal(clip.visibility, pair.landmarks.visibility)


def test_without_a_stated_spread_it_is_unknown():
    def silent_depth(inputs: DepthInputs) -> DepthOutputs:
        made = as_standing(inputs)
        return DepthOutputs(made.initial_markers, made.markers, made.report)

    assert np.isnan(clip_of(made_up_pair(), "1", silent_depth, cycles=2).depth_spread).all()


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    (tmp_path / "clips").mkdir()
    for index, split in enumerate(("train", "validation", "test")):
        write_pair(tmp_path / "clips" / f"{index:06d}.npz", made_up_pair(split))
    return tmp_path


def test_clips_are_made_once_and_only_of_the_splits_requested(
    pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("training.joints.data.stage_depth", lambda model: as_standing)
    out = tmp_path / "angles"
    files = make_clips(pairs, out, None, ("train", "validation"))
    assert [file.name for file in files] == ["000000.npz", "000001.npz"]
    assert [read_clip(file).split for file in files] == ["train", "validation"]
    written = [file.stat().st_mtime_ns for file in files]
    assert make_clips(pairs, out, None, ("train", "validation")) == files
    assert [file.stat().st_mtime_ns for file in files] == written
    assert [file.name for file in make_clips(pairs, out, None, ("test",))] == ["000002.npz"]


def test_angles_behind_another_depth_model_are_not_mixed_in(
    pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("training.joints.data.stage_depth", lambda model: as_standing)
    model = tmp_path / "depth.onnx"
    model.write_bytes(b"weights")
    make_clips(pairs, tmp_path / "angles", None, ())
    with pytest.raises(InvalidOption, match="another depth model"):
        make_clips(pairs, tmp_path / "angles", model, ())


def test_a_depth_model_that_cannot_be_used_is_refused_before_any_clip(
    pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    pytest.importorskip("torch", reason="torch is not installed (extra 'train')")
    arguments = ["--data", str(pairs), "--out", str(tmp_path / "run"), "--depth-model", str(tmp_path / "gone.onnx")]
    assert main(["train", "joints", *arguments]) == 2
    assert "there is no file 'gone.onnx'" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_clip_in_which_a_run_would_be_refused_is_left_out(
    pairs: Path, tmp_path: Path, workers: int, caplog: pytest.LogCaptureFixture
):
    """The synthetic images contain no person, so geometric refinement finds none."""
    assert make_clips(pairs, tmp_path / "angles", None, ("train", "test"), workers) == []
    left_out = [record.getMessage().split(" is left out: ")[0] for record in caplog.records]
    assert left_out == ["000000.npz", "000002.npz"]
