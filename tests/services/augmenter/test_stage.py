"""The augmenter as the pipeline runs it."""

import mmap

import numpy as np
import pytest

from humanpose3d import mapped
from humanpose3d.errors import Cancelled, InvalidMotion
from humanpose3d.motion import Markers
from humanpose3d.options import RunOptions, Subject
from humanpose3d.skeleton import ALL_MARKERS, MARKER_INDEX, MARKERS, RESPONSE_MARKERS
from services.augmenter.stage import AUGMENTER, AugmenterInputs, AugmenterOutputs
from shared.models import shipped
from shared.stage import silent

SUBJECT = Subject(height=1.75, weight=70)
GAP = slice(40, 60)


def run(markers: Markers, *, force_complete: bool = False, augmentation_cycles: int = 4) -> AugmenterOutputs:
    options = RunOptions(force_complete=force_complete, augmentation_cycles=augmentation_cycles)
    return AUGMENTER.run(AugmenterInputs(markers, SUBJECT), options, silent)


def hide(markers: Markers, *names: str, frames: slice = GAP) -> Markers:
    positions = markers.positions.copy()
    positions[frames, [MARKER_INDEX[name] for name in names]] = np.nan
    return Markers(markers.times, markers.names, positions)


def missing(outputs: AugmenterOutputs) -> set[str]:
    """The added markers that are missing somewhere; each must be missing in the whole gap and nowhere else."""
    gone = {name: np.flatnonzero(np.isnan(outputs.augmented_markers.position(name)[:, 1])) for name in RESPONSE_MARKERS}
    assert all(frames.tolist() in ([], list(range(40, 60))) for frames in gone.values())
    return {name for name, frames in gone.items() if frames.size}


def test_65_markers_in_order_and_the_22_unchanged(walking: Markers) -> None:
    gappy = hide(walking, "LWrist")
    outputs = run(gappy)
    assert outputs.augmented_markers.names == ALL_MARKERS
    assert outputs.marker_spread.names == RESPONSE_MARKERS
    np.testing.assert_array_equal(outputs.augmented_markers.select(MARKERS).positions, gappy.positions)
    np.testing.assert_array_equal(outputs.augmented_markers.times, walking.times)


def test_long_recordings_are_written_into_a_file_with_the_same_result(walking: Markers, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(mapped, "_SMALLEST", 0)
    options = RunOptions(augmentation_cycles=4)
    outputs = AUGMENTER.run(AugmenterInputs(walking, SUBJECT, tmp_path), options, silent)
    assert isinstance(outputs.augmented_markers.positions.base, mmap.mmap)
    np.testing.assert_array_equal(outputs.augmented_markers.positions, run(walking).augmented_markers.positions)


def test_markers_may_have_any_order(walking: Markers) -> None:
    shuffled = walking.select(tuple(reversed(MARKERS)))
    np.testing.assert_array_equal(run(shuffled).augmented_markers.positions, run(walking).augmented_markers.positions)


def test_anatomical_markers_are_where_they_belong(walking: Markers) -> None:
    markers = run(walking).augmented_markers
    for name, near in (("r_knee_study", "RKnee"), ("L_calc_study", "LHeel"), ("RHJC_study", "RHip")):
        assert np.linalg.norm(markers.position(name) - markers.position(near), axis=1).max() < 0.1
    assert (markers.position("r_knee_study") - markers.position("r_mknee_study"))[:, 2].min() > 0.05  # lateral: right
    assert (markers.position("L_knee_study") - markers.position("L_mknee_study"))[:, 2].max() < -0.05
    assert (markers.position("r.ASIS_study") - markers.position("r.PSIS_study"))[:, 0].min() > 0.1  # in front


def test_a_gap_does_not_spread(walking: Markers) -> None:
    outputs = run(hide(walking, "RKnee"))
    segments = ("thigh1", "thigh2", "thigh3", "knee", "mknee", "sh1", "sh2", "sh3")
    assert missing(outputs) == {f"r_{name}_study" for name in segments}
    assert np.isnan(outputs.marker_spread.values).sum() == 20 * len(segments)
    apart = np.abs(outputs.augmented_markers.positions - run(walking).augmented_markers.positions)
    assert apart[:40].max() < 0.0001  # the pre-roll reflects frame 40, faded to a thousandth
    assert apart[100:].max() < 0.0005  # forgotten 40 frames after the gap, like a cold start; 0.1 mm


def test_only_frames_without_a_person_are_missing(walking: Markers) -> None:
    assert missing(run(hide(walking, *MARKERS))) == set(RESPONSE_MARKERS)


def test_feet_out_of_the_image_affect_only_the_feet(walking: Markers) -> None:
    feet = [f"{side}{part}" for side in "RL" for part in ("Ankle", "Heel", "BigToe", "SmallToe")]
    outputs = run(hide(walking, *feet, frames=slice(None)))
    for name in ("r.ASIS_study", "RHJC_study", "r_knee_study", "C7_study", "L_lelbow_study"):
        path = outputs.augmented_markers.position(name)
        apart = np.linalg.norm(path - run(walking).augmented_markers.position(name), axis=1)
        assert apart.mean() < 0.03, name
    assert np.isnan(outputs.augmented_markers.position("r_ankle_study")).all()


def test_an_occluded_hip_is_estimated_if_forced(walking: Markers) -> None:
    gappy = hide(walking, "Hip", "LHip")
    assert {"LHJC_study", "L.ASIS_study"} <= missing(run(gappy))
    forced = run(gappy, force_complete=True)
    assert "LHJC_study" not in missing(forced)
    assert "L.ASIS_study" in missing(forced)
    apart = forced.augmented_markers.position("LHJC_study") - run(walking).augmented_markers.position("LHJC_study")
    assert np.linalg.norm(apart[GAP], axis=1).max() < 0.06
    assert forced.report.facts["estimated_share"] == {"LHJC_study": 0.1667}
    assert "augmenter-estimated" in {warning.code for warning in forced.report.warnings}


def test_occluded_shank_clusters_are_estimated_if_forced(walking: Markers) -> None:
    gappy = hide(walking, "RHeel", "RAnkle")
    clusters = {"r_sh1_study", "r_sh2_study", "r_sh3_study"}
    assert clusters <= missing(run(gappy))
    forced = run(gappy, force_complete=True)
    assert not clusters & missing(forced)
    apart = forced.augmented_markers.position("r_sh1_study") - run(walking).augmented_markers.position("r_sh1_study")
    assert np.linalg.norm(apart[GAP], axis=1).mean() < 0.05


def test_a_complete_motion_is_not_changed_by_force(walking: Markers) -> None:
    forced, plain = run(walking, force_complete=True), run(walking)
    np.testing.assert_array_equal(forced.augmented_markers.positions, plain.augmented_markers.positions)
    assert forced.report == plain.report


def test_the_report_states_what_was_done(walking: Markers) -> None:
    report = run(walking, augmentation_cycles=20).report
    assert report.facts["copies"] == 20
    assert report.facts["missing_share"] == {}
    assert 3 < report.facts["spread_mean_mm"] < report.facts["spread_p95_mm"] < 20  # type: ignore[operator]
    assert report.models["augmenter_lower.onnx"].startswith("3bb5cf6cd15e")
    assert all(shipped(name) for name in report.models)
    assert report.warnings == ()


def test_a_warning_names_unseen_markers(walking: Markers) -> None:
    report = run(hide(walking, "LElbow")).report
    assert report.facts["missing_share"] == {"LElbow": 0.1667, "L_lelbow_study": 0.1667, "L_melbow_study": 0.1667}
    (warning,) = report.warnings
    assert warning.code == "augmenter-inputs-missing"
    assert "17% of the frames (left elbow)" in warning.message


def test_a_large_spread_causes_a_warning(walking: Markers) -> None:
    scrambled = Markers(walking.times, MARKERS, walking.positions[:, ::-1])
    assert "augmenter-spread" in {warning.code for warning in run(scrambled).report.warnings}


def test_progress_counts_frames_and_may_cancel(walking: Markers) -> None:
    calls: list[tuple[int, int | None]] = []
    inputs, options = AugmenterInputs(walking, SUBJECT), RunOptions(augmentation_cycles=2)
    AUGMENTER.run(inputs, options, lambda done, total: calls.append((done, total)))
    assert (calls[0], calls[-1]) == ((0, 120), (120, 120))

    def cancel(done: int, total: int | None) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        AUGMENTER.run(inputs, options, cancel)


@pytest.mark.parametrize("frames", [slice(0), slice(None)])
def test_no_person_at_all_is_an_error(frames: slice, walking: Markers) -> None:
    hidden = hide(walking, *MARKERS, frames=slice(None))
    with pytest.raises(InvalidMotion, match="Record the whole body"):
        run(Markers(hidden.times[frames], MARKERS, hidden.positions[frames]))
