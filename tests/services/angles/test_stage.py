from pathlib import Path

import numpy as np
import pytest

from humanpose3d.errors import Cancelled, InvalidMotion
from humanpose3d.formats.csv_files import read_marker_sd_csv, write_marker_sd_csv
from humanpose3d.formats.mot import read_mot
from humanpose3d.formats.trc import read_trc, write_trc
from humanpose3d.motion import Markers, MarkerSd
from humanpose3d.options import RunOptions, Subject
from humanpose3d.skeleton import ALL_MARKERS, MARKERS
from services.angles.skeleton.kinematics import pose
from services.angles.skeleton.model import read_model
from services.angles.stage import ANGLES, AnglesInputs, AnglesOutputs
from shared.stage import Progress, silent
from tests.services.angles.skeleton.people import HEIGHT, person


def _run(
    markers: Markers, folder: Path, options: RunOptions | None = None, progress: Progress = silent
) -> AnglesOutputs:
    inputs = AnglesInputs(markers, Subject(height=HEIGHT, weight=75), folder)
    return ANGLES.run(inputs, options or RunOptions(), progress)


def test_angles_and_their_uncertainty_have_the_times_of_the_markers(tmp_path):
    markers = person(seconds=0.2).markers()
    outputs = _run(markers, tmp_path)
    np.testing.assert_array_equal(outputs.angles.times, markers.times)
    np.testing.assert_array_equal(outputs.angle_sd.times, markers.times)
    assert np.isfinite(outputs.angles.values).all()
    assert (outputs.angle_sd.values > 0).all()
    assert outputs.opensim_model is None
    assert not list(tmp_path.iterdir())


def test_opensim_files_hold_the_fitted_skeleton(tmp_path):
    markers = person(seconds=0.2).markers()
    outputs = _run(markers, tmp_path, RunOptions(opensim=True))
    assert outputs.opensim_model is not None
    assert outputs.opensim_motion is not None
    model, motion = read_model(outputs.opensim_model).select(ALL_MARKERS), read_mot(outputs.opensim_motion)
    assert motion.in_degrees
    np.testing.assert_allclose(motion.times, markers.times, atol=1e-9)
    columns = [motion.column(c.name) for c in model.coordinates]
    turned = [v if c.translates else np.radians(v) for c, v in zip(model.coordinates, columns, strict=True)]
    apart = np.linalg.norm(pose(model, np.stack(turned, axis=1)).markers() - markers.positions, axis=2)
    assert np.sqrt(np.square(apart).mean()) < 0.008


def test_the_files_of_a_run_give_the_same_skeleton_again(tmp_path):
    markers = person(seconds=0.2).markers(np.random.default_rng(0).normal(0, 0.01, (12, len(ALL_MARKERS), 3)))
    spread = MarkerSd(markers.times, MARKERS, np.random.default_rng(1).uniform(0.005, 0.03, (12, len(MARKERS))))
    write_trc(tmp_path / "a.trc", markers)
    write_marker_sd_csv(tmp_path / "a.csv", spread)
    again = read_trc(tmp_path / "a.trc"), read_marker_sd_csv(tmp_path / "a.csv")
    made = []
    for name, (points, sd) in {"first": (markers, spread), "again": again}.items():
        (tmp_path / name).mkdir()
        inputs = AnglesInputs(points, Subject(height=HEIGHT, weight=75), tmp_path / name, sd)
        outputs = ANGLES.run(inputs, RunOptions(opensim=True), silent)
        assert outputs.opensim_model is not None
        assert outputs.opensim_motion is not None
        made.append((outputs.opensim_model.read_bytes(), outputs.opensim_motion.read_bytes()))
    assert not np.array_equal(markers.positions, again[0].positions)
    assert made[0] == made[1]


def test_progress_is_reported_in_frames_and_may_cancel(tmp_path):
    told = []
    markers = person(seconds=0.2).markers()
    _run(markers, tmp_path, progress=lambda done, total: told.append((done, total)))
    assert told == [(0, 12), (12, 12)]

    def cancel(done, total):
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        _run(markers, tmp_path, progress=cancel)


def test_no_frames_is_an_error(tmp_path):
    with pytest.raises(InvalidMotion, match="no frames"):
        _run(Markers(np.empty(0), ALL_MARKERS, np.empty((0, 65, 3))), tmp_path)


def test_markers_of_other_names_are_an_error(tmp_path):
    with pytest.raises(InvalidMotion, match="no marker"):
        _run(Markers(np.arange(2.0), ("Hip",), np.zeros((2, 1, 3))), tmp_path)
