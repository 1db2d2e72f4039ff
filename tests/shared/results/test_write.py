import hashlib
import json
import shutil
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from humanpose3d.analysis import Analysis
from humanpose3d.errors import OutputNotWritable
from humanpose3d.formats.c3d import read_c3d
from humanpose3d.formats.csv_files import read_angle_sd_csv, read_angles_csv, read_landmarks_csv
from humanpose3d.formats.trc import read_trc
from humanpose3d.motion import AngleSd, JointAngles, Landmarks, Markers, MarkerSd, MarkerSpread
from humanpose3d.neutral import NeutralStance, by_name, read_stance
from humanpose3d.options import QualityWarning, RunOptions, StageReport, Subject, VideoFacts
from humanpose3d.results import read_run
from humanpose3d.skeleton import ALL_MARKERS, JOINT_GROUPS, MARKERS, RESPONSE_MARKERS
from shared.results.figures import ANGLES_FOLDER, Figures
from shared.results.model import RunResults
from shared.results.write import publish, write_results
from tests.makers import with_made

FACTS = VideoFacts(
    width=1280,
    height=720,
    rotation_deg=0,
    codec="h264",
    container="mp4",
    frames=12,
    duration_s=0.4004,
    average_fps=30000 / 1001,
    variable_frame_rate=False,
    frame_interval_min_s=1001 / 30000,
    frame_interval_max_s=1001 / 30000,
    truncated=False,
    has_audio=True,
)
ALL_FIGURES = RunOptions(
    plot_all_joint_angles=True, plot_landmarks=True, plot_augmented=True, save_angle_comparison=True
)
ALWAYS = {
    "quality.json",
    "report.html",
    "run.json",
    "walk_final.trc",
    "walk_initial.trc",
    "walk_raw_landmarks.csv",
    "joint_angles/joint_angles.csv",
    "joint_angles/joint_angles_long.csv",
    *(f"joint_angles/walk_angles_{group.name}.csv" for group in JOINT_GROUPS),
}


@pytest.fixture(scope="module")
def results() -> RunResults:
    rng = np.random.default_rng(3)
    times = np.arange(12) * 1001 / 30000
    positions = rng.normal(size=(12, 65, 3))
    spread = np.abs(rng.normal(size=(12, 43))) * 1e-3
    spread[:, 5], spread[:6, 4] = np.nan, np.nan
    warning = QualityWarning(
        code="camera-tilted",
        message="The camera was tilted by 12°. Level it next time.",
        template="The camera was tilted by {degrees:.0f}°. Level it next time.",
        values={"degrees": 12.0},
    )
    return RunResults(
        name="walk",
        video_sha256="ab" * 32,
        subject=Subject(height=1.78, weight=75),
        options=RunOptions(),
        artefacts={
            "video_facts": FACTS,
            "landmarks": Landmarks(
                times, rng.normal(size=(12, 33, 2)), rng.normal(size=(12, 33, 3)), rng.random((12, 33)), (1280, 720)
            ),
            "initial_markers": Markers(times, MARKERS, positions[:, :22]),
            "augmented_markers": Markers(times, ALL_MARKERS, positions),
            "marker_spread": MarkerSpread(times, RESPONSE_MARKERS, spread),
            "angles": JointAngles(times, rng.normal(size=(12, 12, 3)) * 30),
        },
        reports={
            "refiner.depth": StageReport(facts={"scale": 1.0 / 3}, warnings=(warning,)),
            "detector": StageReport(
                facts={"detection_rate": 1.0, "gaps": [{"landmark": "nose", "longest_s": 0.1234567}]},
                warnings=(QualityWarning(code="dark", message="Es ist dunkel."),),
                models={"pose.task": "cd" * 32},
            ),
        },
        timings_s={"detector": 1.23456},
    )


def files(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_tree_without_options(results: RunResults, tmp_path: Path):
    write_results(results, tmp_path)
    assert files(tmp_path).keys() == ALWAYS


def test_a_figure_is_drawn_as_soon_as_nothing_that_it_shows_is_expected(results: RunResults, tmp_path: Path):
    (tmp_path / ANGLES_FOLDER).mkdir()
    detected = {name: results.artefacts[name] for name in ("video_facts", "landmarks")}
    to_come = {"augmented_markers", "angles", "angle_sd", "refined_angles", "analysis"}
    with Figures("walk", ALL_FIGURES, tmp_path) as figures:
        figures.begin(detected, to_come)
        figures.finish()
        assert {path.stem for path in tmp_path.rglob("*.png")} == {"walk_landmarks"}
        figures.begin(results.artefacts, {"refined_angles", "analysis"})
        figures.finish()
        assert {path.stem for path in tmp_path.rglob("*.png")} == {"walk_landmarks", "walk_augmented"}
        figures.begin(results.artefacts)
        figures.finish()
    assert {path.stem for path in (tmp_path / ANGLES_FOLDER).glob("*.png")} == {
        "walk_all_joint_angles",
        "walk_angle_comparison",
    }


def test_the_tree_with_all_options(results: RunResults, tmp_path: Path):
    video = tmp_path / "video.mp4"
    video.write_bytes(b"video")
    folder = tmp_path / "new"
    folder.mkdir()
    write_results(with_made(replace(results, options=ALL_FIGURES), preview=video), folder)
    assert files(folder).keys() == ALWAYS | {
        "walk_preview.mp4",
        *(f"walk_{name}.{kind}" for name in ("landmarks", "augmented") for kind in ("png", "svg")),
        *(f"joint_angles/walk_{n}.{kind}" for n in ("all_joint_angles", "angle_comparison") for kind in ("png", "svg")),
    }
    assert (folder / "walk_preview.mp4").read_bytes() == b"video"


def test_a_c3d_with_the_numbers_of_the_other_files(results: RunResults, tmp_path: Path):
    write_results(replace(results, options=RunOptions(c3d=True)), tmp_path)
    assert files(tmp_path).keys() == ALWAYS | {"walk.c3d"}
    markers = read_c3d(tmp_path / "walk.c3d")
    assert markers.names == ALL_MARKERS
    # 32-bit floats in millimetres
    np.testing.assert_allclose(markers.positions, read_trc(tmp_path / "walk_final.trc").positions, rtol=6e-8, atol=0)


def test_the_depth_network_s_uncertainty_is_kept(results: RunResults, tmp_path: Path):
    times = results.initial_markers.times
    sd = MarkerSd(times, MARKERS, np.random.default_rng(4).uniform(0.005, 0.03, (12, 22)))
    write_results(with_made(results, marker_sd=sd), tmp_path)
    assert files(tmp_path).keys() == ALWAYS | {"walk_marker_sd.csv"}
    found = read_run(tmp_path).marker_sd
    assert found is not None
    np.testing.assert_allclose(found.values, sd.values, rtol=0, atol=5.001e-7)


def test_semicolons_in_every_table(results: RunResults, tmp_path: Path):
    (tmp_path / "comma").mkdir()
    (tmp_path / "semicolon").mkdir()
    analysed = with_made(results, analysis=Analysis(task="none", recognised=True, view="frontal", timing_s=0.01))
    write_results(analysed, tmp_path / "comma")
    write_results(replace(analysed, options=RunOptions(csv_style="semicolon")), tmp_path / "semicolon")
    plain, other = read_run(tmp_path / "comma"), read_run(tmp_path / "semicolon")
    tables = [path for path in other.files if path.endswith(".csv")]
    assert len(tables) == 16
    for path in tables:
        lines = other.files[path].read_text().splitlines()
        assert lines[0] == plain.files[path].read_text().splitlines()[0].replace(",", ";")
        assert not any("." in line for line in lines)
    np.testing.assert_array_equal(other.joint_angles.values, plain.joint_angles.values)
    np.testing.assert_array_equal(other.landmarks.world, plain.landmarks.world)


def test_the_files_contain_the_results(results: RunResults, tmp_path: Path):
    write_results(results, tmp_path)
    initial, final = read_trc(tmp_path / "walk_initial.trc"), read_trc(tmp_path / "walk_final.trc")
    assert (initial.names, final.names) == (MARKERS, ALL_MARKERS)
    np.testing.assert_allclose(final.positions, results.augmented_markers.positions, rtol=0, atol=0.5001e-6)
    angles = read_angles_csv(tmp_path / "joint_angles", "walk")
    np.testing.assert_allclose(angles.values, results.angles.values, rtol=0, atol=0.5001e-6)
    landmarks = read_landmarks_csv(tmp_path / "walk_raw_landmarks.csv", (1280, 720))
    np.testing.assert_allclose(landmarks.world, results.landmarks.world, rtol=0, atol=0.5001e-6)


def test_refined_angles_are_written_and_labelled_as_refined(results: RunResults, tmp_path: Path):
    refined = JointAngles(results.angles.times, results.angles.values + 1)
    write_results(with_made(results, refined_angles=refined), tmp_path)
    found = read_angles_csv(tmp_path / "joint_angles", "walk")
    np.testing.assert_allclose(found.values, refined.values, rtol=0, atol=0.5001e-6)
    assert json.loads((tmp_path / "quality.json").read_text(encoding="utf-8"))["joint_angles"] == "refined"


def test_the_uncertainty_of_refined_angles_is_written(results: RunResults, tmp_path: Path):
    times = results.angles.times
    refined, spread = JointAngles(times, results.angles.values + 1), AngleSd(times, np.full((12, 12, 3), 4.0))
    write_results(with_made(results, refined_angles=refined, angle_sd=spread), tmp_path)
    first, *rows = (tmp_path / "joint_angles" / "walk_angles_elbow_l.csv").read_text(encoding="utf-8").splitlines()
    assert first.endswith(",elbow_l_flexion_sd_deg,elbow_l_carrying_angle_sd_deg,elbow_l_pronation_sd_deg")
    assert {row.split(",", 4)[4] for row in rows} == {"4.000000,4.000000,4.000000"}
    np.testing.assert_allclose(
        read_angles_csv(tmp_path / "joint_angles", "walk").values, refined.values, rtol=0, atol=0.5001e-6
    )


def test_two_runs_differ_in_run_json_and_the_reports_date_alone(results: RunResults, tmp_path: Path):
    again = replace(results, options=ALL_FIGURES)
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        write_results(again, tmp_path / name)
        again = replace(again, timings_s={"detector": 9.0}, reports=dict(sorted(again.reports.items())))
    first, second = files(tmp_path / "first"), files(tmp_path / "second")
    dates = [json.loads((tmp_path / name / "run.json").read_text())["created_at"] for name in ("first", "second")]
    expected = {"run.json"} if dates[0][:16] == dates[1][:16] else {"run.json", "report.html"}
    assert {name for name in first if first[name] != second[name]} == expected


def test_quality_json(results: RunResults, tmp_path: Path):
    write_results(results, tmp_path)
    text = (tmp_path / "quality.json").read_text(encoding="utf-8")
    quality = json.loads(text)
    assert quality["schema_version"] == 1
    assert quality["video"]["average_fps"] == 29.97
    assert quality["video"]["frames"] == 12
    assert quality["stages"]["refiner.depth"] == {"scale": 0.333333}
    assert quality["stages"]["detector"]["gaps"] == [{"landmark": "nose", "longest_s": 0.123457}]
    assert [warning["code"] for warning in quality["warnings"]] == ["dark", "camera-tilted"]
    assert quality["warnings"][1] == {
        "stage": "refiner.depth",
        "code": "camera-tilted",
        "message": "The camera was tilted by 12°. Level it next time.",
        "template": "The camera was tilted by {degrees:.0f}°. Level it next time.",
        "values": {"degrees": 12.0},
    }
    assert "12°" in text
    assert quality["joint_angles"] == "as computed"
    spread = quality["marker_spread_mean_m"]
    assert list(spread) == sorted(RESPONSE_MARKERS)
    assert spread[RESPONSE_MARKERS[5]] is None
    expected = np.nanmean(results.marker_spread.values[:, 4])
    assert spread[RESPONSE_MARKERS[4]] == pytest.approx(expected, rel=1e-5)


def test_run_json(results: RunResults, tmp_path: Path):
    write_results(results, tmp_path)
    run = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    assert run["video_sha256"] == "ab" * 32
    assert run["subject"] == {"height": 1.78, "weight": 75.0}
    assert RunOptions.model_validate(run["options"]) == results.options
    assert run["models"] == {"pose.task": "cd" * 32}
    assert run["timings_s"] == {"detector": 1.235}
    assert {"humanpose3d", "python", "mediapipe", "numpy", "av"} <= run["versions"].keys()
    written = time.mktime(time.strptime(run["created_at"], "%Y-%m-%dT%H:%M:%S+00:00")) - time.timezone
    assert abs(written - time.time()) < 60


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_publishing_is_a_rename(results: RunResults, tmp_path: Path):
    new = folder(tmp_path / ".unfinished", "walk_final.trc")
    inode = new.stat().st_ino
    assert publish(new, tmp_path / "walk") == tmp_path / "walk"
    assert (tmp_path / "walk").stat().st_ino == inode
    assert names(tmp_path) == ["walk"]


def folder(path: Path, *names: str) -> Path:
    path.mkdir()
    for name in names:
        (path / name).write_text(path.name)
    return path


def test_an_earlier_result_is_replaced_as_a_whole(tmp_path: Path):
    folder(tmp_path / "walk", "run.json", "walk_old.trc", ".DS_Store")
    publish(folder(tmp_path / ".unfinished", "run.json"), tmp_path / "walk")
    assert files(tmp_path).keys() == {"walk/run.json"}
    assert (tmp_path / "walk" / "run.json").read_text() == ".unfinished"


@pytest.mark.parametrize("stop", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failed_second_rename_leaves_the_earlier_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: BaseException
):
    folder(tmp_path / "walk", "run.json")
    new = folder(tmp_path / ".unfinished", "run.json")
    before = files(tmp_path / "walk")
    rename = Path.rename

    def fail_on_new(path: Path, target: Path) -> Path:
        if path == new:
            assert not (tmp_path / "walk").exists()
            raise stop
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail_on_new)
    with pytest.raises((OutputNotWritable, KeyboardInterrupt)) as caught:
        publish(new, tmp_path / "walk")
    assert isinstance(caught.value, KeyboardInterrupt) or str(tmp_path / "walk") in str(caught.value)
    assert names(tmp_path) == [".unfinished", "walk"]
    assert files(tmp_path / "walk") == before


def test_an_interruption_after_the_rename_keeps_the_new_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder(tmp_path / "walk", "run.json")
    new = folder(tmp_path / ".unfinished", "run.json")
    rename = Path.rename

    def interrupt_late(path: Path, target: Path) -> Path:
        done = rename(path, target)
        if path == new:
            raise KeyboardInterrupt
        return done

    monkeypatch.setattr(Path, "rename", interrupt_late)
    with pytest.raises(KeyboardInterrupt):
        publish(new, tmp_path / "walk")
    assert names(tmp_path) == ["walk"]
    assert (tmp_path / "walk" / "run.json").read_text() == ".unfinished"


def test_a_folder_of_the_users_own_is_never_replaced(tmp_path: Path):
    folder(tmp_path / "walk", "thesis.docx", "run.json")
    new = folder(tmp_path / ".unfinished", "run.json")
    with pytest.raises(OutputNotWritable, match=r"walk holds what no run has written \(thesis\.docx\)"):
        publish(new, tmp_path / "walk")
    assert (tmp_path / "walk" / "thesis.docx").exists()
    assert new.exists()


@pytest.mark.parametrize("kind", ["file", "link"])
def test_a_file_or_link_in_the_way_is_never_replaced(tmp_path: Path, kind: str):
    if kind == "file":
        (tmp_path / "walk").write_text("mine")
    else:
        (tmp_path / "walk").symlink_to(folder(tmp_path / "elsewhere", "mine"))
    with pytest.raises(OutputNotWritable, match="it is not a folder"):
        publish(folder(tmp_path / ".unfinished"), tmp_path / "walk")
    assert (tmp_path / "walk").exists()


def test_a_destination_that_cannot_be_created_is_named(tmp_path: Path):
    destination = tmp_path / "missing" / "walk"
    with pytest.raises(OutputNotWritable, match=f"cannot be put at {destination}: No such file"):
        publish(folder(tmp_path / ".unfinished"), destination)


def test_a_full_disk_is_reported_without_the_scratch_folder(
    results: RunResults, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(source: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(OutputNotWritable) as caught:
        write_results(with_made(results, preview=tmp_path / "video.mp4"), tmp_path)
    assert str(caught.value) == "The results cannot be written: No space left on device."


def test_angles_from_a_neutral_stance_are_columns_after_all_others(results: RunResults, tmp_path: Path):
    offsets = np.arange(36.0).reshape(12, 3)
    offsets[3, 1] = np.nan
    stance = NeutralStance(
        start_s=0.5, end_s=2, height=1.78, offsets_deg=by_name(offsets), segment_scales={"femur": 1.01}
    )
    spread = AngleSd(results.angles.times, np.full((12, 12, 3), 4.0))
    for name, made in (("plain", {}), ("neutral", {"neutral_stance": stance})):
        (tmp_path / name).mkdir()
        write_results(with_made(results, angle_sd=spread, **made), tmp_path / name)
    for index, group in enumerate(JOINT_GROUPS):
        file = f"joint_angles/walk_angles_{group.name}.csv"
        plain, neutral = ((tmp_path / name / file).read_text(encoding="utf-8") for name in ("plain", "neutral"))
        rows = [line.split(",") for line in neutral.splitlines()]
        assert [",".join(row[:7]) for row in rows] == plain.splitlines()
        assert rows[0][7:] == [f"{group.name}_{angle}_from_neutral_deg" for angle in group.angles]
        less = np.array([[float(cell or "nan") for cell in row[7:]] for row in rows[1:]])
        np.testing.assert_allclose(less, results.angles.values[:, index] - offsets[index], rtol=0, atol=0.5001e-6)
    read = read_angles_csv(tmp_path / "neutral" / "joint_angles", "walk")
    np.testing.assert_allclose(read.values, results.angles.values, rtol=0, atol=0.5001e-6)
    sd = read_angle_sd_csv(tmp_path / "neutral" / "joint_angles", "walk")
    assert sd is not None
    assert (sd.values == 4).all()
    assert read_stance(tmp_path / "neutral") == stance
    page = (tmp_path / "neutral" / "report.html").read_text(encoding="utf-8")
    assert "stands still from 0.5 to 2 s of this video" in page
    assert "Neutral stance" not in (tmp_path / "plain" / "report.html").read_text(encoding="utf-8")
    assert "neutral" not in json.loads((tmp_path / "plain" / "quality.json").read_text(encoding="utf-8"))
