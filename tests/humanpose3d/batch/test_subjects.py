import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest

from humanpose3d.batch.subjects import BatchVideo, assign, by_person, listed_files, same_person, write_template
from humanpose3d.batch.summary import row, summary_text
from humanpose3d.batch.videos import Video, find_videos
from humanpose3d.errors import InputError, InvalidMotion
from humanpose3d.formats.files import read_lines
from humanpose3d.options import CsvStyle, RunOptions, Subject

VIDEOS = [Video(Path("/data/rec") / label, label) for label in ("walk.mp4", "ana/walk.mp4", "ana/squat [1].MOV")]
HEADER = "file,subject,height,weight,task,side,note\n"


def read(tmp_path: Path, text: str, person: dict[str, object] | None = None) -> tuple[list[BatchVideo], list[str]]:
    table = tmp_path / "subjects.csv"
    table.write_bytes(text.encode("utf-8-sig"))
    return assign(read_lines(table), "subjects.csv", VIDEOS, person or {})


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_decimal_commas_and_other_delimiters_are_understood(tmp_path: Path, delimiter: str):
    text = "File;Weight;Height\n*.mp4;70,5;1,72\n\n*.mov; 60 ; 1.6 \n".replace(";", delimiter)
    found, doubts = read(tmp_path, text)
    assert [each.subject for each in found] == [Subject(height=1.72, weight=70.5)] * 2 + [
        Subject(height=1.6, weight=60)
    ]
    assert doubts == []
    assert found[0].options(RunOptions(pose_model="lite")) == RunOptions(pose_model="lite")


def test_a_line_with_the_video_s_own_path_goes_before_patterns(tmp_path: Path):
    found, _ = read(
        tmp_path,
        HEADER + "walk.mp4,A,1.7,70,,,\nana/*,B,1.6,60,squat,left,slow\nana/squat [1].MOV,C,1.5,50,gait,,\n",
    )
    assert [each.notes.subject for each in found] == ["A", "B", "C"]
    assert [each.options(RunOptions(task="jump")).task for each in found] == ["jump", "squat", "gait"]
    assert (found[1].notes.side, found[1].notes.note) == ("left", "slow")


def test_height_and_weight_that_are_not_in_the_table_are_those_of_the_command_line(tmp_path: Path):
    given = {"height": 1.7, "weight": 70.0, "labels": "a,b"}
    found, _ = read(tmp_path, "file,height,labels\n*.mp4,1.8,\n*.mov,,c\n", given)
    assert [each.subject.height for each in found] == [1.8, 1.8, 1.7]
    assert [each.notes.labels for each in found] == [("a", "b"), ("a", "b"), ("c",)]


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path):
    text = HEADER + "walk.mp4,A,172,70,,,\nana/w*,B,1.7,,dance,,\na*/walk.mp4,C,1.7,70,,,\n,D,1.7,70,,,\n"
    with pytest.raises(InputError) as caught:
        read(tmp_path, text)
    assert [line.strip() for line in str(caught.value).splitlines()[1:]] == [
        "line 2 (walk.mp4): height should be less than or equal to 2.5, not '172' "
        "(standing height in metres, 0.5 to 2.5)",
        "line 3 (ana/w*): weight is required (body mass in kilograms, 10 to 300); task should be 'auto', 'gait', "
        "'squat', 'lunge', 'sit_to_stand', 'jump', 'range_of_motion' or 'none', not 'dance' (what the video shows, for "
        "events and key figures; auto: recognised)",
        "line 5 (): file is empty",
        "ana/walk.mp4: lines 3, 4 all fit",
        "ana/squat [1].MOV: no line fits",
    ]


def test_what_is_doubtful_is_told_and_not_refused(tmp_path: Path):
    text = HEADER + "walk.mp4,A,1.7,165,,,\nana/walk.mp4,B,1.7,70,,,\n*.mov,B,1.75,70,,,\nother.mp4,C,1.7,70,,,\n"
    _, doubts = read(tmp_path, text)
    assert doubts == [
        "line 2 (walk.mp4): 165 kg at 1.7 m is unusual (body mass index 57): is this right?",
        "subject B has several heights: 1.7 m in line 3, 1.75 m in line 4",
        "line 5 (other.mp4): fits no video",
    ]


def test_a_table_with_other_columns_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="it also has 'hight'"):
        read(tmp_path, "file,hight\n*,1.7\n")
    with pytest.raises(InputError, match="it has no column 'file'"):
        read(tmp_path, "")
    with pytest.raises(InvalidMotion, match=r"none\.csv cannot be read"):
        read_lines(tmp_path / "none.csv")


def test_a_table_lists_its_videos_unless_it_has_patterns():
    assert listed_files(["file,height", "a/walk [1].mp4,1.7", "", "b.mp4,"], "table") == ["a/walk [1].mp4", "b.mp4"]
    with pytest.raises(InputError, match=r"table has patterns, which need the list of videos: line 2 \(a/\*\)"):
        listed_files(["file", "a/*"], "table")


def test_a_video_with_a_line_for_each_of_several_people_is_analysed_for_each():
    lines = ["file,person,height,weight", "walk.mp4,2,1.7,70", "walk.mp4,leftmost,1.8,80", "ana/*,,1.6,60"]
    videos = by_person(lines, "subjects.csv", VIDEOS)
    found, doubts = assign(lines, "subjects.csv", videos, {})
    assert [(each.video, each.path, each.suffix, each.person, each.subject.height) for each in found] == [
        ("walk.mp4, person 2", "walk.mp4", "_person_2", "2", 1.7),
        ("walk.mp4, person leftmost", "walk.mp4", "_person_leftmost", "leftmost", 1.8),
        ("ana/walk.mp4", "ana/walk.mp4", "", None, 1.6),
        ("ana/squat [1].MOV", "ana/squat [1].MOV", "", None, 1.6),
    ]
    assert doubts == []


def test_people_without_a_height_of_their_own_are_said_to_be_taken_as_equally_tall():
    people = [replace(VIDEOS[0], person=person) for person in ("1", "2", "3")]
    said = "walk.mp4: {} people are taken to be equally tall, since no line states the height of each; their lengths"
    given = {"height": 1.7, "weight": 60}
    head = "file,person,height"
    for lines, count in (
        ([], 3),
        ([head, "walk.mp4,1,1.8", "walk.mp4,2,", "walk.mp4,3,"], 2),
        ([head, "walk.mp4,,1.8"], 3),
        ([head, "walk.mp4,1,1.8", "walk.mp4,2,1.6", "walk.mp4,3,"], 0),
    ):
        _, doubts = assign(lines, "subjects.csv", people, given) if lines else same_person(people, given)
        assert [doubt.startswith(said.format(count)) for doubt in doubts] == [True] * bool(count)


@pytest.mark.parametrize("people", [("2", "2"), ("2", ""), ("", "")])
def test_lines_of_one_video_that_are_not_of_different_people_are_refused(people: tuple[str, str]):
    lines = ["file,person,height,weight", *(f"walk.mp4,{person},1.7,70" for person in people), "ana/*,,1.6,60"]
    with pytest.raises(InputError, match=r"walk\.mp4: lines 2, 3 all fit"):
        assign(lines, "subjects.csv", by_person(lines, "subjects.csv", VIDEOS), {})


def test_videos_in_folders_are_found_once_and_results_are_not_taken_for_videos(tmp_path: Path):
    names = ("b.mp4", "a/b.MOV", "a/notes.txt", ".hidden/c.mp4", "out/d.mp4", "earlier/walk/walk_preview.mp4")
    for name in (*names, "earlier/walk/run.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = find_videos([tmp_path, tmp_path / "b.mp4"], tmp_path / "out")
    assert [video.label for video in found] == ["b.mp4", "a/b.MOV"]
    with pytest.raises(InputError, match="There is no video in"):
        find_videos([tmp_path / "earlier"], tmp_path / "out")


def test_a_label_that_two_videos_would_have_is_the_whole_path(tmp_path: Path):
    paths = [tmp_path / person / "walk.mp4" for person in ("ana", "ben")]
    for path in paths:
        path.parent.mkdir()
        path.touch()
    assert [video.label for video in find_videos(paths, tmp_path / "out")] == [path.as_posix() for path in paths]


FORMULAS = ("=HYPERLINK(1)", "+1+1", "-1+1", "@SUM(1)", "＝1+1", "'=1+1", "''+x")


@pytest.mark.parametrize("style", ["comma", "semicolon"])
def test_texts_that_look_like_formulas_are_guarded_and_read_back_and_numbers_stay(tmp_path: Path, style: CsvStyle):
    videos = [Video(Path("/data") / f"{text}.mp4", f"{text}.mp4") for text in FORMULAS]
    for text, video in zip(FORMULAS, videos, strict=True):
        table = tmp_path / f"{FORMULAS.index(text)}.csv"
        write_template(table, [video], {"height": 1.7, "weight": 70.5, "note": text, "labels": text}, style)
        ((about,), _) = assign(read_lines(table), "subjects.csv", [video], {})
        assert (about.video, about.notes.note, about.notes.labels) == (video.label, text, (text,))
        cells = {**row(about, "auto", "done"), "lean [°]": "-1.5", "depth [m]": "+2e-05"}
        ((written, *_),) = [list(csv.DictReader(io.StringIO(summary_text([cells], "comma"))))]
        assert written["note"] == f"'{text}"
        assert written["file"] == f"'{text}.mp4"
        assert (written["height_m"], written["lean [°]"], written["depth [m]"]) == ("1.7", "-1.5", "+2e-05")
