import signal
import subprocess
import sys
from pathlib import Path

import pytest

from humanpose3d import InvalidOption, Results, StageCrashed, VideoNotFound, local_run, run
from tests.clips import SAMPLE, first_frames
from tests.servers import as_from_a_terminal


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    folder = tmp_path_factory.mktemp("run")
    video = first_frames(12, folder / "walk.mp4")
    return run(
        video, height=1.72, weight=70, output=folder / "out", progress=False, main_refiner=False, pose_model="lite"
    )


def test_the_results_are_those_of_the_options_given(results: Results):
    assert results.folder.name == "walk"
    assert results.options.model_dump(exclude_defaults=True) == {"main_refiner": False, "pose_model": "lite"}
    assert (results.subject.height, results.subject.weight) == (1.72, 70)


def test_motion_is_available_as_arrays(results: Results):
    assert results.joint_angles.values.shape == (12, 12, 3)
    assert results.joint_angles_sd is not None
    assert results.joint_angles_sd.values.min() > 0
    assert len(results.marker_positions.names) == 65
    assert results.landmarks.image_size == (1080, 1920)


def test_tables_hold_the_arrays_values_under_names(results: Results):
    angles, sd, markers = results.angles, results.angles_sd, results.markers
    assert angles["knee_r", "flexion"].to_numpy() == pytest.approx(results.joint_angles.values[:, 3, 0])
    assert angles.index.name == "time_s"
    assert sd is not None
    assert (sd.shape, list(sd.columns)) == ((12, 36), list(angles.columns))
    assert markers["LHeel", "y"].to_numpy() == pytest.approx(results.marker_positions.position("LHeel")[:, 1])


def test_xarray_holds_them_with_units(results: Results):
    angles, markers = results.angles_xarray(), results.markers_xarray()
    assert angles["knee_r_flexion"].to_numpy() == pytest.approx(results.joint_angles.values[:, 3, 0])
    assert (angles["knee_r_flexion"].units, len(angles)) == ("degree", 72)
    assert markers.sel(marker="LHeel", axis="y").to_numpy() == pytest.approx(
        results.marker_positions.position("LHeel")[:, 1]
    )


def test_the_plot_has_a_row_a_joint_and_a_band_where_the_refiner_states_one(results: Results):
    figure = results.plot_angles(["knee_r", "knee_l"])
    assert [axes.get_title() for axes in figure.axes][::3] == ["knee_r: flexion (°)", "knee_l: flexion (°)"]
    assert all(len(axes.lines) == len(axes.collections) == 1 for axes in figure.axes)
    with pytest.raises(InvalidOption, match="no 'knie' "):
        results.plot_angles(["knie"])


def test_an_option_out_of_range_starts_no_process(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delattr(subprocess, "Popen")
    with pytest.raises(InvalidOption, match="height") as caught:
        run("walk.mp4", height=17, weight=70)
    assert caught.value.faults.keys() == {"height"}


def test_an_error_of_the_command_comes_back_as_its_class(tmp_path: Path):
    with pytest.raises(VideoNotFound, match=r"There is no file .*walk\.mp4"):
        run(tmp_path / "walk.mp4", height=1.7, weight=70, output=tmp_path / "out", progress=False)
    assert not (tmp_path / "out").exists()


def test_a_crashed_process_is_an_error_that_says_what_to_do_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    code = (
        f"import os, pathlib; (pathlib.Path({str(tmp_path)!r}) / f'.unfinished-{{os.getpid()}}-a').mkdir(); os.abort()"
    )
    monkeypatch.setattr(local_run, "_command", lambda *_: [sys.executable, "-c", code])
    with pytest.raises(StageCrashed, match="HUMANPOSE3D_DEBUG=1"):
        run("walk.mp4", height=1.7, weight=70, output=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_messages_are_shown_as_one_bar_a_stage(capsys: pytest.CaptureFixture[str]):
    with local_run._bars(True) as show:
        for stage, done in (("detector", 0), ("detector", 12), ("angles", 12)):
            show({"stage": stage, "done": done, "total": 12})
    shown = capsys.readouterr().err
    assert ("detector: 100%" in shown, "angles: 100%" in shown) == (True, True)


def test_an_interrupt_stops_the_run_and_leaves_nothing(tmp_path: Path):
    program = "import sys, humanpose3d; humanpose3d.run(sys.argv[1], height=1.72, weight=70, output=sys.argv[2])"
    command = [sys.executable, "-c", program, str(SAMPLE), str(tmp_path / "out")]
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=as_from_a_terminal,  # noqa: PLW1509 -- it starts no thread and takes no lock
    )
    assert process.stderr is not None
    shown = ""
    while "detector" not in shown:
        shown += process.stderr.read(1)
        assert process.poll() is None, shown
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert said.rstrip().endswith("KeyboardInterrupt")
    assert not (tmp_path / "out").exists()
