"""Batches and subjects by the Python client, against a served gateway."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from humanpose3d.client import Client
from humanpose3d.connection import ApiError
from tests.gateway.conftest import FILES
from tests.gateway.world import MP4, World

Serve = Callable[[World], str]
TABLE = "file,subject,height,weight,session\nana/*.mp4,P1,1.72,70,2026-11-02\nben/walk.mp4,P2,1.8,80,\n"


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    folder = tmp_path / "recordings"
    for name in ("ana/walk.mp4", "ana/squat.mp4", "ben/walk.mp4"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(MP4 + name.encode())
    (tmp_path / "subjects.csv").write_text(TABLE)
    return folder


def test_a_folder_as_a_batch_goes_on_after_an_interruption(
    world: World, serve: Serve, recordings: Path, tmp_path: Path
):
    with Client(serve(world)) as client:
        batches, subjects = client.batches, tmp_path / "subjects.csv"
        key = batches.begin(recordings, subjects=subjects, name="Autumn", pose_model="lite", idempotency_key="one")
        assert (
            batches.begin(recordings, subjects=subjects, name="Autumn", pose_model="lite", idempotency_key="one") == key
        )
        sent: list[str] = []

        def stop(video: str) -> None:
            sent.append(video)
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            batches.send(key, recordings, consent=True, on_sent=stop)
        assert sent == ["ana/squat.mp4"]
        assert batches.send(key, recordings, consent=True, on_sent=sent.append) == {}
        assert sent == ["ana/squat.mp4", "ana/walk.mp4", "ben/walk.mp4"]
        batch = batches.wait(key, timeout=20)
        assert (batch.done, batch.counts["completed"], batch.options.pose_model) == (True, 3, "lite")
        assert [each.name for each in batches.list()] == ["Autumn"]
        assert batches.summary(key).count("\n") == 4
        batches.download(key, tmp_path / "results")
        found = {path.relative_to(tmp_path / "results").as_posix() for path in (tmp_path / "results").rglob("*.*")}
        assert found == {
            "summary.csv",
            *(f"{folder}/{file}" for folder in ("squat", "walk", "walk_2") for file in FILES),
        }
        assert batches.erase(key) == 3
        assert list(client.runs()) == []


def test_a_video_of_several_people_is_sent_once(world: World, serve: Serve, recordings: Path, tmp_path: Path):
    table = tmp_path / "people.csv"
    table.write_text("file,person,height,weight\nwalk.mp4,1,1.7,70\nwalk.mp4,2,1.8,80\n")
    with Client(serve(world)) as client:
        key = client.batches.begin(recordings / "ben", subjects=table)
        sent: list[str] = []
        assert client.batches.send(key, recordings / "ben", consent=True, on_sent=sent.append) == {}
        assert client.batches.send(key, recordings / "ben", consent=True, on_sent=sent.append) == {}
        assert sent == ["walk.mp4"]
        batch = client.batches.wait(key, timeout=20)
        assert [(entry.file, entry.video, entry.status) for entry in batch.entries] == [
            ("walk.mp4", "walk.mp4, person 1", "completed"), ("walk.mp4", "walk.mp4, person 2", "completed"),
        ]  # fmt: skip
        first = batch.entries[0].run
        assert first is not None
        third = client.run(client.submit_again(first.run_key, height=1.6, weight=60, consent=True, person="3"))
        assert (third.options.person, third.subject.height, third.batch) == ("3", 1.6, None)


def test_videos_that_the_server_refuses_do_not_stop_the_others(
    world: World, serve: Serve, recordings: Path, tmp_path: Path
):
    (recordings / "ana" / "squat.mp4").write_text("no video")
    (tmp_path / "one.csv").write_text(TABLE.rsplit("\n", 2)[0])
    with Client(serve(world)) as client:
        with pytest.raises(ApiError, match=r"ben/walk.mp4: no line fits"):
            client.batches.begin(recordings, subjects=tmp_path / "one.csv")
        key = client.batches.begin([recordings / "ana", recordings / "ben"], height=1.7, weight=60, subject="P5")
        refused = client.batches.send(key, [recordings / "ana", recordings / "ben"], consent=True)
        assert [(video, error.problem.code) for video, error in refused.items()] == [("squat.mp4", "unreadable-video")]
        batch = client.batches.wait(key, timeout=20)
        assert (batch.done, batch.counts["missing"], batch.counts["completed"]) == (False, 1, 2)
        assert client.batches.cancel(key).counts["completed"] == 2


def test_subjects(world: World, serve: Serve, recordings: Path, tmp_path: Path):
    with Client(serve(world)) as client:
        key = client.batches.begin(recordings, subjects=tmp_path / "subjects.csv")
        client.batches.send(key, recordings, consent=True)
        client.batches.wait(key, timeout=20)
        assert [(each.subject, each.runs) for each in client.subjects.list()] == [("P1", 2), ("P2", 1)]
        assert client.subjects.rename("P1", "A 1") == 2
        history = client.subjects.show("A 1")
        assert (history.sessions, [str(run.session) for run in history.history]) == (1, ["2026-11-02"] * 2)
        client.subjects.export("A 1", tmp_path / "export" / "A1.zip")
        with zipfile.ZipFile(tmp_path / "export" / "A1.zip") as archive:
            assert archive.read("2026-11-02 walk/walk.mp4") == (recordings / "ana" / "walk.mp4").read_bytes()
        assert client.subjects.erase("A 1") == 2
        assert [run.notes.subject for run in client.runs()] == ["P2"]
        with pytest.raises(ApiError, match="subject-not-found"):
            client.subjects.show("A 1")
