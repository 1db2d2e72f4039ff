import hashlib
import json
from pathlib import Path

from cli import result_names
from shared.names import safe_name


def video(tmp_path: Path, name: str, content: str) -> Path:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    return path


def free_names(output: Path, videos: list[Path]) -> list[str]:
    return result_names.free_names(output, videos, [safe_name(video) for video in videos])


def finish(output: Path, name: str, content: str) -> None:
    (output / name).mkdir(parents=True)
    digest = hashlib.sha256(content.encode()).hexdigest()
    (output / name / "run.json").write_text(json.dumps({"video_sha256": digest}))


def test_videos_of_one_name_are_kept_apart_whichever_was_finished_before(tmp_path: Path):
    videos = [
        video(tmp_path, "a/walk.mp4", "a"),
        video(tmp_path, "b/Walk.mp4", "b"),
        video(tmp_path, "c/walk.mov", "b"),
    ]
    output = tmp_path / "out"
    assert free_names(output, videos) == ["walk", "Walk_2", "walk_3"]
    finish(output, "Walk_2", "b")
    assert free_names(output, videos) == ["walk", "Walk_2", "walk_3"]
    assert free_names(output, videos[1:]) == ["Walk_2", "walk"]
    assert free_names(output, [video(tmp_path, "0/walk.mp4", "new"), *videos])[:3] == ["walk", "walk_3", "Walk_2"]


def test_results_of_a_video_that_is_not_given_are_left_alone(tmp_path: Path):
    finish(tmp_path / "out", "walk", "other")
    assert free_names(tmp_path / "out", [video(tmp_path, "walk.mp4", "a")]) == ["walk_2"]


def test_each_person_of_a_video_keeps_a_folder(tmp_path: Path):
    output, twice = tmp_path / "out", [video(tmp_path, "walk.mp4", "a")] * 2
    finish(output, "walk_person_2", "a")
    finish(output, "walk", "a")
    names = [f"walk_person_{number}" for number in (1, 2)]
    assert result_names.free_names(output, twice, names) == names
