"""`humanpose3d run` with several real, short videos."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cli.batch.display import Display
from cli.main import main
from humanpose3d import local_run
from humanpose3d.api_models import ProblemDetails
from humanpose3d.batch.summary import summary_text
from humanpose3d.errors import NoPerson
from humanpose3d.run_job import RunJob
from tests.clips import first_frames
from tests.servers import as_from_a_terminal

TABLE = """\
file;subject;height;weight;task;side;note
ana/*.mp4;P1;1,72;70;;right;first visit
ben/walk.mp4;P2;1,80;80,5;squat;;
broken.mp4;P3;1,6;60;;;
"""


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two videos of one name, and a file that is none."""
    folder = tmp_path_factory.mktemp("batch") / "recordings"
    for person, frames in (("ana", 14), ("ben", 12)):
        (folder / person).mkdir(parents=True)
        first_frames(frames, folder / person / "walk.mp4")
    (folder / "broken.mp4").write_text("no video")
    (folder.parent / "subjects.csv").write_text(TABLE)
    return folder


def arguments(recordings: Path, *folders: str) -> list[str]:
    base = recordings.parent
    words = [*(str(recordings / folder) for folder in folders or ["."]), "--subjects", str(base / "subjects.csv")]
    return ["run", *words, "--output", str(base / "out"), "--pose-model", "lite"]


@pytest.fixture(scope="module")
def first(recordings: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cli.main", *arguments(recordings), "--jobs", "2"]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture(scope="module")
def output(recordings: Path, first: object) -> Path:
    return recordings.parent / "out"


def summary(output: Path) -> dict[str, dict[str, str]]:
    with (output / "summary.csv").open(encoding="utf-8", newline="") as file:
        return {row["file"]: row for row in csv.DictReader(file)}


def created(output: Path) -> dict[str, int]:
    return {path.parent.name: path.stat().st_mtime_ns for path in output.glob("*/run.json")}


def test_failures_are_listed_at_the_end_and_set_the_exit_code(first: subprocess.CompletedProcess[str]):
    assert first.returncode == 2
    reason = "broken.mp4 is not a video that can be read"
    assert first.stderr.startswith(f"1 of 3 videos failed:\n  broken.mp4: {reason}")
    assert f"broken.mp4: failed: {reason}" in first.stdout
    assert first.stdout.splitlines()[-1].startswith("2 of 3 videos have results in ")


def test_each_video_has_results_for_its_own_subject_and_a_broken_file_does_not_stop_the_others(output: Path):
    assert sorted(path.name for path in output.iterdir()) == ["summary.csv", "walk", "walk_2"]
    ana, ben = (json.loads((output / name / "run.json").read_text()) for name in ("walk", "walk_2"))
    assert (ana["subject"], ben["subject"]) == ({"height": 1.72, "weight": 70}, {"height": 1.8, "weight": 80.5})
    assert (ana["options"]["task"], ben["options"]["task"]) == ("auto", "squat")
    assert ana["notes"] == {"subject": "P1", "session": None, "labels": [], "side": "right", "note": "first visit"}
    assert (output / "walk_2" / "walk_2_final.trc").exists()


def test_the_summary_has_a_row_a_video(output: Path):
    rows = summary(output)
    assert list(rows) == ["broken.mp4", "ana/walk.mp4", "ben/walk.mp4"]
    assert [row["status"] for row in rows.values()] == ["failed", "done", "done"]
    assert "is not a video that can be read" in rows["broken.mp4"]["error"]
    ana, ben = rows["ana/walk.mp4"], rows["ben/walk.mp4"]
    assert (ana["results"], ana["subject"], ana["side"], ana["note"]) == ("walk", "P1", "right", "first visit")
    assert (ben["results"], ben["height_m"], ben["task"], ben["view"]) == ("walk_2", "1.8", "squat", "frontal")
    quality = json.loads((output / "walk_2" / "quality.json").read_text())
    assert set(ben["warnings"].split()) == {warning["code"] for warning in quality["warnings"]} != set()
    assert ben["verdict"] == quality["verdict"] != ""
    assert ben["repetitions"] == "0"


def test_what_is_done_is_skipped_and_what_changed_is_run_again(
    recordings: Path, output: Path, capsys: pytest.CaptureFixture[str]
):
    before = created(output)
    assert main(arguments(recordings, "ben", "ana")) == 0
    assert capsys.readouterr().out.count("walk.mp4: skipped, its result is in") == 2
    assert created(output) == before
    assert {row["status"] for row in summary(output).values()} == {"done"}
    table = recordings.parent / "subjects.csv"
    table.write_text(TABLE.replace("1,72", "1,74"))
    try:
        assert main(arguments(recordings, "ana", "ben")) == 0
    finally:
        table.write_text(TABLE)
    after = created(output)
    assert (after["walk"] > before["walk"], after["walk_2"] == before["walk_2"]) == (True, True)
    assert json.loads((output / "walk" / "run.json").read_text())["subject"]["height"] == 1.74


def test_one_person_and_no_table(recordings: Path, output: Path, capsys: pytest.CaptureFixture[str]):
    """The same video with the same person and options as in the other tests: it needs no run of its own."""
    words = ["run", str(recordings / "ben" / "walk.mp4"), "--height", "1.8", "--weight", "80.5", "--task", "squat"]
    assert main([*words, "--pose-model", "lite", "--output", str(output)]) == 0
    assert f"walk.mp4: skipped, its result is in {output / 'walk_2'}" in capsys.readouterr().out
    assert main([*words, "--config", str(output / "walk_2" / "run.json"), "--output", str(output)]) == 0
    assert "walk.mp4: skipped" in capsys.readouterr().out


def test_an_interrupt_stops_all_and_leaves_complete_results_only(recordings: Path, tmp_path: Path):
    words = [*arguments(recordings), "--jobs", "2"]
    words[words.index("--output") + 1] = str(tmp_path / "out")
    process = subprocess.Popen(
        [sys.executable, "-m", "cli.main", *words, "--pose-model", "heavy"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ,
        preexec_fn=as_from_a_terminal,  # noqa: PLW1509 -- it starts no thread and takes no lock
    )
    deadline = time.monotonic() + 60
    while not any((tmp_path / "out").glob(".unfinished-*")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    said, error = process.communicate(timeout=30)
    assert process.returncode == 130
    assert error.splitlines()[-1] == "humanpose3d: stopped; the same command goes on with the other videos"
    assert "Traceback" not in error
    done = [row["results"] for row in summary(tmp_path / "out").values() if row["status"] == "done"]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"summary.csv", *done}
    assert f"{len(done)} of 3 videos have results" in said


def test_a_template_lists_the_videos_and_is_a_table_once_filled_in(recordings: Path, tmp_path: Path, capsys):
    template = tmp_path / "subjects.csv"
    assert main(["run", str(recordings), "--write-subjects", str(template), "--height", "1.7"]) == 0
    assert template.read_text().splitlines() == [
        "file,person,subject,height,weight,task,session,labels,side,note",
        "broken.mp4,,,1.7,,,,,,",
        "ana/walk.mp4,,,1.7,,,,,,",
        "ben/walk.mp4,,,1.7,,,,,,",
    ]
    assert main(["run", str(recordings), "--write-subjects", str(template)]) == 2
    assert "cannot be written: File exists" in capsys.readouterr().err
    assert main(["run", str(recordings), "--subjects", str(template), "--output", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert all(f"line {line} (" in error for line in (2, 3, 4))
    assert error.count("weight is required") == 3
    assert not (tmp_path / "out").exists()


def test_tables_follow_the_csv_style(recordings: Path, tmp_path: Path):
    template = tmp_path / "subjects.csv"
    words = ["--height", "1.7", "--csv-style", "semicolon"]
    assert main(["run", str(recordings / "ana"), "--write-subjects", str(template), *words]) == 0
    assert template.read_text() == (
        "file;person;subject;height;weight;task;session;labels;side;note\nwalk.mp4;;;1,7;;;;;;\n"
    )
    text = summary_text([{"file": "a, b.mp4", "height_m": 1.7, "speed [m/s]": "1.25"}], "semicolon")
    header, row = text.splitlines()
    assert (header.split(";")[-1], row.split(";")[-1]) == ("speed [m/s]", "1,25")
    assert row.startswith("a, b.mp4;")


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        (["--height", "1.7", "--weight", "70"], "one of the arguments --video and VIDEO|FOLDER is required"),
        (["a.mp4", "--video", "b.mp4", "--height", "1.7", "--weight", "70"], "not both"),
        (["a.mp4"], "the following arguments are required: --height, --weight"),
        (["a.mp4", "--height", "1.7", "--weight", "70", "--jobs", "0"], "--jobs should be at least 1, not 0"),
        (["a.mp4", "--height", "1.7", "--weight", "70", "--progress", "json"], "are for one --video"),
        (["--video", "a.mp4", "--subjects", "s.csv"], "without --video"),
    ],
)
def test_arguments_that_do_not_go_together_are_refused(words, cause, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["run", *words])
    assert ended.value.code == 2
    assert cause in capsys.readouterr().err


def test_files_that_are_not_there_are_told_before_anything_starts(tmp_path: Path, capsys):
    words = ["run", str(tmp_path / "a.mp4"), str(tmp_path / "b.mp4"), "--height", "1.7", "--weight", "70"]
    assert main([*words, "--output", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert ("a.mp4" in error, "b.mp4" in error) == (True, True)
    assert not (tmp_path / "out").exists()


def test_an_internal_error_of_one_is_the_exit_code_of_all(recordings: Path, tmp_path: Path, monkeypatch, capsys):
    problem = {"problem": ProblemDetails.of(NoPerson("No person is in view.")).model_dump()}
    says = f"print({json.dumps(problem)!r})"

    def command(job: RunJob, *_: object) -> list[str]:
        return [sys.executable, "-c", "import os; os._exit(1)" if job.video.name == "broken.mp4" else says]

    monkeypatch.setattr(local_run, "_command", command)
    assert main(["run", str(recordings), "--height", "1.7", "--weight", "70", "--output", str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("3 of 3 videos failed:\n  broken.mp4: The run ended without a result: an internal error")
    assert "  ana/walk.mp4: No person is in view." in error
    assert [row["status"] for row in summary(tmp_path).values()] == ["failed"] * 3
    assert main(["run", str(recordings / "ana"), "--height", "1.7", "--weight", "70", "--output", str(tmp_path)]) == 2


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_a_line_a_running_video_and_one_for_all(monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.setattr(sys, "stderr", shown := Terminal())
    with Display(2, total=3, done=1) as display:
        with display.line("ana/walk.mp4") as ana, display.line("ben/" + "w" * 60) as ben:
            ana({"stage": "detector", "done": 5, "total": 10})
            ben({"stage": "angles", "done": 3, "total": None})
        display.ended("ana/walk.mp4: out/walk")
    lines = shown.getvalue()
    assert ("ana/walk.mp4: detector   50%" in lines, "…" + "w" * 39 + ": angles" in lines) == (True, True)
    assert ("1/3" in lines, "2/3" in lines, "3/3" in lines) == (True, True, False)
    assert capsys.readouterr().out == "ana/walk.mp4: out/walk\n"
