"""The whole pipeline on the sample video, and every invalid input."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import wave
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openpyxl
import pytest

from cli.export import FORMATS
from cli.export_files import WRITERS
from cli.main import main
from humanpose3d.formats.csv_files import read_angles_csv
from humanpose3d.formats.trc import read_trc
from humanpose3d.skeleton import ALL_MARKERS, JOINT_GROUP_INDEX, JOINT_GROUPS, MARKERS
from shared.models import MODELS_DIRECTORY
from tests.clips import first_frames
from tests.servers import as_from_a_terminal

SAMPLE = Path(__file__).resolve().parents[2] / "examples" / "sample.mp4"
KNEE = JOINT_GROUP_INDEX["knee_r"]
SUBJECT = ["--height", "1.72", "--weight", "70"]
ALL_FILES = [
    "--estimate-missing",
    "--force-complete",
    "--plot-all-joint-angles",
    "--export-preview",
    "--opensim",
    "--c3d",
]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("first")
    assert main(["run", "--video", str(SAMPLE), *SUBJECT, "--output", str(output), *ALL_FILES]) == 0
    return output / "sample"


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.suffix in {".trc", ".csv"} or path.name == "quality.json"
    }


def test_the_folder_is_as_documented(results: Path):
    angles = {f"joint_angles/sample_angles_{group.name}.csv" for group in JOINT_GROUPS}
    assert {str(path.relative_to(results)) for path in results.rglob("*") if path.is_file()} == angles | {
        "joint_angles/sample_all_joint_angles.png",
        "joint_angles/sample_all_joint_angles.svg",
        "joint_angles/joint_angles.csv",
        "joint_angles/joint_angles_long.csv",
        "events.json",
        "parameters.csv",
        "quality.json",
        "report.html",
        "run.json",
        "sample.c3d",
        "sample.osim",
        "sample_final.trc",
        "sample_ik.mot",
        "sample_initial.trc",
        "sample_marker_sd.csv",
        "sample_preview.mp4",
        "sample_raw_landmarks.csv",
    }


@pytest.mark.parametrize("named", ["", "run.json"])
def test_export_gives_what_the_run_would_have_written(results: Path, tmp_path: Path, named: str):
    assert main(["export", str(results / named), "--to", "osim,mot,c3d,trc,csv", "--output", str(tmp_path)]) == 0
    made = {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    assert {path.suffix for path in made} == {".osim", ".mot", ".c3d", ".trc", ".csv"}
    for path in made:
        assert (tmp_path / path).read_bytes() == (results / path).read_bytes(), path


def test_every_format_has_a_writer():
    assert tuple(WRITERS) == FORMATS


def test_export_writes_a_workbook(results: Path, tmp_path: Path):
    for name in ("a", "b"):
        assert main(["export", str(results), "--to", "xlsx", "--output", str(tmp_path / name)]) == 0
    assert (tmp_path / "a" / "sample.xlsx").read_bytes() == (tmp_path / "b" / "sample.xlsx").read_bytes()
    book = openpyxl.load_workbook(tmp_path / "a" / "sample.xlsx", read_only=True)
    assert book.sheetnames == ["Joint angles", "Standard deviations", "Markers", "Key figures", "Events"]
    head, *rows = list(book["Joint angles"].values)
    angles = read_angles_csv(results / "joint_angles", "sample")
    np.testing.assert_array_equal([row[head.index("knee_r_flexion_deg")] for row in rows], angles.values[:, KNEE, 0])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere", "--to", "c3d"], "nowhere does not hold a run's results: there is no quality.json"),
        ([".", "--to", "c3d,fbx"], "--to is one or more of osim, mot, c3d, trc, csv, xlsx, not 'fbx'"),
    ],
)
def test_export_says_what_is_wrong(words: list[str], said: str, capsys: pytest.CaptureFixture[str]):
    assert main(["export", *words]) == 2
    assert said in capsys.readouterr().err


def test_no_temporary_files_are_left_beside_the_results(results: Path):
    assert [path.name for path in results.parent.iterdir()] == ["sample"]


def test_the_markers_are_a_standing_person_of_the_given_height(results: Path):
    initial, final = read_trc(results / "sample_initial.trc"), read_trc(results / "sample_final.trc")
    assert initial.names == MARKERS
    assert final.names == ALL_MARKERS
    head, heel = final.position("Head"), final.position("RHeel")
    stature = np.nanmedian(head[:, 1] - heel[:, 1])
    # 1.41 m by Pose2Sim's markers from all four cameras: he is 1.72 m tall and bends forward
    assert stature == pytest.approx(1.41, abs=0.1)
    assert np.isfinite(final.positions).mean() > 0.99


def test_two_runs_give_identical_bytes(results: Path, tmp_path: Path):
    assert main(["run", "--video", str(SAMPLE), *SUBJECT, "--output", str(tmp_path), *ALL_FILES]) == 0
    assert digests(tmp_path / "sample") == digests(results)


def test_run_json_is_enough_to_repeat_the_run(results: Path):
    run = json.loads((results / "run.json").read_text())
    assert run["subject"] == {"height": 1.72, "weight": 70.0}
    assert run["options"]["estimate_missing"] is True
    assert run["video_sha256"] == hashlib.sha256(SAMPLE.read_bytes()).hexdigest()
    assert set(run["models"]) >= {"pose_landmarker_full.task", "augmenter_lower.onnx", "augmenter_upper.onnx"}
    assert set(run["timings_s"]) == {"detector", "refiner.depth", "augmenter", "angles", "analysis"}
    assert {"humanpose3d", "mediapipe", "numpy", "onnxruntime"} <= set(run["versions"])


def test_an_earlier_result_is_replaced_entirely(results: Path, tmp_path: Path):
    earlier = tmp_path / "sample" / "joint_angles"
    earlier.mkdir(parents=True)
    (earlier / "stale.csv").write_text("old")
    assert main(["run", "--video", str(SAMPLE), *SUBJECT, "--output", str(tmp_path), "--pose-model", "lite"]) == 0
    assert not (earlier / "stale.csv").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["sample"]


def test_a_joint_model_produces_refined_angles_with_their_uncertainty(tmp_path: Path):
    model = str(MODELS_DIRECTORY / "joint_refiner.onnx")
    arguments = ["--joint-model-path", model, "--save-angle-comparison", "--plot-all-joint-angles"]
    assert main(["run", "--video", str(SAMPLE), *SUBJECT, "--output", str(tmp_path), *arguments]) == 0
    folder = tmp_path / "sample"
    quality, run = (json.loads((folder / name).read_text()) for name in ("quality.json", "run.json"))
    assert quality["joint_angles"] == "refined"
    knee = quality["stages"]["refiner.joints"]["groups"]["knee_r"]["flexion"]
    assert 0.5 < knee["sd_mean_deg"] < 40
    assert 0.1 < knee["change_mean_deg"] < 40
    assert run["models"]["joint_refiner.onnx"] == _sha256(MODELS_DIRECTORY / "joint_refiner.onnx")
    assert {"refiner.joints", "analysis"} <= set(run["timings_s"])
    first = (folder / "joint_angles" / "sample_angles_knee_r.csv").read_text().splitlines()[0]
    assert first.count("_sd_deg") == 3
    assert read_angles_csv(folder / "joint_angles", "sample").values[:, KNEE, 0].max() == pytest.approx(
        knee["maximum_deg"], abs=0.01
    )
    assert (folder / "joint_angles" / "sample_angle_comparison.png").stat().st_size > 50_000


def silence(path: Path) -> None:
    with wave.open(str(path), "wb") as audio:
        audio.setparams((1, 2, 8000, 0, "NONE", ""))
        audio.writeframes(bytes(16000))


def archive(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a.txt", "not a video")


BAD_VIDEOS: dict[str, Callable[[Path], object]] = {
    "empty.mp4": lambda path: path.touch(),
    "text.mp4": lambda path: path.write_text("this is no video\n" * 100),
    "zip.mp4": archive,
    "noise.avi": lambda path: path.write_bytes(np.random.default_rng(0).bytes(20_000)),
    "audio.wav": silence,
    "folder.mp4": lambda path: path.mkdir(),
    "cut.mp4": lambda path: path.write_bytes(SAMPLE.read_bytes()[:3000]),
}


@pytest.mark.parametrize("name", ["absent.mp4", *BAD_VIDEOS])
def test_an_invalid_video_is_refused_with_a_message_and_nothing_is_written(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    video, output = tmp_path / name, tmp_path / "out"
    if name in BAD_VIDEOS:
        BAD_VIDEOS[name](video)
    assert main(["run", "--video", str(video), *SUBJECT, "--output", str(output)]) == 2
    error = capsys.readouterr().err
    assert "Traceback" not in error
    assert "internal error" not in error
    assert error.strip().splitlines()[-1].startswith("humanpose3d: ")
    assert not output.exists()


@pytest.mark.parametrize(
    ("arguments", "flag"),
    [
        (["--height", "0.4", "--weight", "70"], "--height"),
        (["--height", "1.7", "--weight", "301"], "--weight"),
        ([*SUBJECT, "--visibility-min", "1.1"], "--visibility-min"),
        ([*SUBJECT, "--visibility-min", "-0.1"], "--visibility-min"),
        ([*SUBJECT, "--augmentation-cycles", "0"], "--augmentation-cycles"),
    ],
)
def test_values_outside_their_range_name_the_flag(
    arguments: list[str], flag: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    output = tmp_path / "out"
    assert main(["run", "--video", str(SAMPLE), *arguments, "--output", str(output)]) == 2
    assert f"humanpose3d: {flag} " in capsys.readouterr().err
    assert not output.exists()


@pytest.mark.parametrize("flag", ["--depth-model-path", "--joint-model-path", "--main-refiner-path"])
def test_a_missing_model_file_is_named(flag: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    arguments = [*SUBJECT, flag, "nowhere.onnx", "--output", str(tmp_path / "out"), "--pose-model", "lite"]
    assert main(["run", "--video", str(SAMPLE), *arguments]) == 2
    assert "nowhere.onnx" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_norms_that_cannot_be_used_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "norms.csv").write_text("joint,mean\n")
    arguments = [*SUBJECT, "--norms-path", str(tmp_path / "norms.csv"), "--output", str(tmp_path / "out")]
    assert main(["run", "--video", str(SAMPLE), *arguments]) == 2
    assert "the columns should be joint,angle,percent,mean,sd" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["pose_landmarker_full.task", "augmenter_upper.onnx"])
def test_a_damaged_model_is_refused_before_any_work(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("shared.models.sha256", lambda path: "0" * 64 if path.name == name else _sha256(path))
    assert main(["run", "--video", str(SAMPLE), *SUBJECT, "--output", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert f"{name} is damaged" in error
    assert "detector" not in error
    assert not (tmp_path / "out").exists()


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_an_output_that_is_a_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    output = tmp_path / "taken"
    output.write_text("mine")
    assert main(["run", "--video", str(SAMPLE), *SUBJECT, "--output", str(output)]) == 2
    assert "cannot be written" in capsys.readouterr().err
    assert output.read_text() == "mine"


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_interrupting_leaves_no_file(how: signal.Signals, tmp_path: Path):
    output = tmp_path / "out"
    command = [sys.executable, "-m", "cli.main", "run", "--video", str(SAMPLE), *SUBJECT, "--output", str(output)]
    process = subprocess.Popen(
        [*command, "--pose-model", "heavy"],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ,
        preexec_fn=as_from_a_terminal,  # noqa: PLW1509 -- it starts no thread and takes no lock
    )
    deadline = time.monotonic() + 60
    while not any(output.glob(".unfinished-*")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(1)
    process.send_signal(how)
    _, error = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in error
    assert not output.exists()


def test_a_program_in_any_language_reads_progress_and_result_as_json_lines(tmp_path: Path):
    video = first_frames(12, tmp_path / "walk.mp4")
    words = [
        "run",
        "--progress",
        "json",
        "--video",
        str(video),
        "--height",
        "1.72",
        "--weight",
        "70",
        "--output",
        "out",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "humanpose3d", *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    assert messages[-1] == {"results": str(tmp_path / "out" / "walk")}
    for stage in ("detector", "refiner.depth", "augmenter", "angles"):
        assert {"stage": stage, "done": 12, "total": 12} in messages


def test_another_video_of_the_same_name_is_kept_apart(results: Path, tmp_path: Path, capsys):
    """Every phone has an IMG_0001."""
    output = tmp_path / "out"
    (output / "sample").mkdir(parents=True)
    run = json.loads((results / "run.json").read_text())
    (output / "sample" / "run.json").write_text(json.dumps({**run, "video_sha256": "0" * 64}))
    arguments = ["run", "--video", str(SAMPLE), *SUBJECT, "--output", str(output), "--pose-model", "lite"]
    assert main(arguments) == 0
    assert json.loads((output / "sample" / "run.json").read_text())["video_sha256"] == "0" * 64
    assert (output / "sample_2" / "sample_2_final.trc").exists()
    assert "sample_2" in capsys.readouterr().out


def test_a_console_that_cannot_encode_a_name_shows_substitutes(tmp_path: Path):
    video = tmp_path / "歩行.mp4"
    video.symlink_to(SAMPLE)
    arguments = ["run", "--video", str(video), *SUBJECT, "--output", str(tmp_path / "o"), "--pose-model", "lite"]
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    root = SAMPLE.parents[1]
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", *arguments], env=environment, cwd=root, capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode("cp1252", "replace")
    assert (tmp_path / "o" / "歩行" / "quality.json").exists()
