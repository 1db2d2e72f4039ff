"""A stage's memory beside its input and output hardly grows with the recording: an hour fits into 1 GB."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks.length import DETECTOR, RESULTS, run_one
from benchmarks.long_motion import detection, long_landmarks
from humanpose3d.motion import AngleSd, JointAngles, Markers, MarkerSpread
from humanpose3d.options import RunOptions, StageReport, Subject, route
from humanpose3d.skeleton import ALL_MARKERS, MARKERS, RESPONSE_MARKERS
from services.angles.stage import ANGLES, AnglesInputs
from services.augmenter.augment import PRE_ROLL
from services.augmenter.lstm import Augmenters
from services.augmenter.stage import AUGMENTER, AugmenterInputs
from services.refiner import windows
from services.refiner.depth.stage import DEPTH, DepthInputs
from services.refiner.joints.stage import JOINTS, JointInputs
from shared.models import shipped
from shared.networks import Refiner
from shared.results.model import RunResults
from shared.results.write import write_results
from shared.stage import silent

SHORT, LONG = 9_000, 21_000
STRETCHES = 1_700, 2_500
"""The same for the skeleton's fit, which takes a millisecond a frame: three and four of its stretches."""

SUBJECT = Subject(height=1.75, weight=70)
OPTIONS = RunOptions(estimate_missing=True, force_complete=True, temporal_smoothing=True, augmentation_cycles=1)

Work = Callable[[], object]


def times(frames: int) -> np.ndarray:
    return np.arange(frames) / 60


def markers(frames: int, names: tuple[str, ...]) -> Markers:
    """A swaying person with an intermittently occluded wrist."""
    places = np.random.default_rng(0).normal(size=(1, len(names), 3))
    positions = places + 0.1 * np.sin(times(frames))[:, None, None]
    positions[np.mod(times(frames), 7) > 6.5, names.index("RWrist")] = np.nan
    return Markers(times(frames), names, positions)


def angles(frames: int) -> JointAngles:
    return JointAngles(times(frames), 40 * np.sin(times(frames)[:, None, None] + np.arange(36).reshape(12, 3)))


def spread(frames: int, names: tuple[str, ...]) -> MarkerSpread:
    return MarkerSpread(times(frames), names, np.full((frames, len(names)), 0.02))


def depth(frames: int) -> Work:
    inputs = DepthInputs(long_landmarks(frames), SUBJECT)
    return lambda: DEPTH.run(inputs, OPTIONS, silent)


def augmenter(frames: int) -> Work:
    inputs = AugmenterInputs(markers(frames, MARKERS), SUBJECT)
    return lambda: AUGMENTER.run(inputs, OPTIONS, silent)


def joint_angles(frames: int) -> Work:
    inputs = AnglesInputs(markers(frames, ALL_MARKERS), SUBJECT, Path())
    return lambda: ANGLES.run(inputs, OPTIONS, silent)


def joints(frames: int) -> Work:
    inputs = JointInputs(angles(frames), long_landmarks(frames), None, spread(frames, RESPONSE_MARKERS))
    options = OPTIONS.model_copy(update={"joint_model_path": str(shipped("joint_refiner.onnx"))})
    return lambda: JOINTS.run(inputs, options, silent)


def results_into(folder: Path) -> Callable[[int], Work]:
    def results(frames: int) -> Work:
        made = detection(frames)
        artefacts = {
            "landmarks": made.landmarks,
            "video_facts": made.video_facts,
            "initial_markers": markers(frames, MARKERS),
            "augmented_markers": markers(frames, ALL_MARKERS),
            "marker_spread": spread(frames, RESPONSE_MARKERS),
            "angles": angles(frames),
            "refined_angles": angles(frames),
            "angle_sd": AngleSd(times(frames), np.full((frames, 12, 3), 3.0)),
        }
        reports = {"detector": StageReport(facts={})}
        of_run = RunResults("walk", "0" * 64, SUBJECT, RunOptions(), reports, {}, artefacts)  # type: ignore[arg-type]  # a stage's name
        target = folder / str(frames)
        target.mkdir()
        return lambda: write_results(of_run, target)

    return results


def beside(work: Work) -> int:
    """Peak bytes allocated, beside input and output."""
    tracemalloc.start()
    try:
        kept = work()
        left, peak = tracemalloc.get_traced_memory()
        del kept
    finally:
        tracemalloc.stop()
    return peak - left


@pytest.mark.parametrize(
    ("stage", "lengths", "bytes_a_frame"),
    [
        (depth, (SHORT, LONG), 150),
        (augmenter, (SHORT, LONG), 250),
        (joint_angles, STRETCHES, 150),
        (joints, (SHORT, LONG), 100),
    ],
    ids=["depth", "augmenter", "angles", "joints"],
)
def test_a_stage_needs_little_more_for_a_longer_recording(
    stage: Callable[[int], Work], lengths: tuple[int, int], bytes_a_frame: float
):
    """Measured: 38, 115, 42 and 40 bytes a frame. Landmarks alone have 1592, the markers after augmentation 1560."""
    stage(200)()  # loads the networks
    short, long = (beside(stage(frames)) for frames in lengths)
    assert long - short < bytes_a_frame * (lengths[1] - lengths[0])


def test_writing_results_needs_little_more_for_a_longer_recording(tmp_path: Path):
    results = results_into(tmp_path)
    results(200)()
    short, long = (beside(results(frames)) for frames in (SHORT, LONG))
    assert long - short < 50 * (LONG - SHORT)  # 4 measured
    reports = [(tmp_path / str(frames) / "report.html").stat().st_size for frames in (SHORT, LONG)]
    assert reports[1] < 1.1 * reports[0]


def test_networks_are_called_with_batches_of_one_size(monkeypatch: pytest.MonkeyPatch):
    """Twice the frames need twice the calls, none of them larger."""
    asked: list[int] = []
    ask = Refiner.run

    def counted(network: Refiner, feed: dict[str, np.ndarray]) -> object:
        asked.append(len(feed["times"]))
        return ask(network, feed)

    monkeypatch.setattr(Refiner, "run", counted)
    calls = []
    for frames in (4000, 8000):
        asked.clear()
        joints(frames)()
        calls.append(len(asked))
        assert max(asked) == 8
        assert sum(asked) == len(windows.window_indices(frames))
    assert calls[1] == pytest.approx(2 * calls[0], abs=1)


def test_copies_are_augmented_in_batches_of_one_size(monkeypatch: pytest.MonkeyPatch):
    asked: list[int] = []
    ask = Augmenters.__call__

    def counted(networks: Augmenters, positions: np.ndarray) -> np.ndarray:
        asked.append(positions.shape[0] * positions.shape[1])
        return ask(networks, positions)

    monkeypatch.setattr(Augmenters, "__call__", counted)
    AUGMENTER.run(AugmenterInputs(markers(4000, MARKERS), SUBJECT), RunOptions(augmentation_cycles=20), silent)
    assert max(asked) <= 2000
    assert sum(asked) == 20 * (4000 + PRE_ROLL)


def test_a_length_is_measured_stage_by_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("benchmarks.length.OPTIONS", RunOptions())
    length = run_one(120, tmp_path)
    stages = [*route(RunOptions()), RESULTS]
    assert list(length.seconds) == list(length.peak_mb) == stages
    assert list(length.ms_per_frame) == [stage for stage in stages if stage != DETECTOR]
    assert all(0 < seconds < 60 for seconds in length.seconds.values())
    assert all(peak > 30 for peak in length.peak_mb.values())
    assert (tmp_path / "sample" / "report.html").is_file()
