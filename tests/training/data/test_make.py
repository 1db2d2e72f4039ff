"""From the command to clips on disk, at small scale (skips where nothing can be rendered)."""

import argparse
import os
from collections.abc import Iterator
from typing import Self

import pytest

from training.commands import configure
from training.data import make as making
from training.data.clip import split_of
from training.data.pairs import pair_files, read_pair
from training.mocap.library import SPLITS


def in_this_process(job: making.Job, indices: list[int], workers: int) -> Iterator[int]:
    making._start(job)
    return map(making._one, indices)


def crash_once_then_write(index: int) -> int:
    """Replaces the making of a clip: the third ends its process the first time, like a driver crash."""
    assert making._worker is not None
    folder = making._worker[0].folder
    if index == 2 and not (folder / "crashed").exists():
        (folder / "crashed").touch()
        os._exit(11)
    making.clip_file(folder, index).touch()
    return 10


def start_without_drawing(job: making.Job) -> None:
    making._worker = (job, None)  # type: ignore[assignment]  # nothing is rendered


class NoRenderer:
    """Stands where nothing is rendered."""

    device = "none"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def test_work_continues_after_a_worker_crashed(tmp_path, monkeypatch):
    monkeypatch.setattr(making, "_start", start_without_drawing)
    monkeypatch.setattr(making, "_one", crash_once_then_write)
    (tmp_path / "clips").mkdir()
    frames = list(making._work(making.Job(tmp_path, 1, (), (), "full"), [0, 1, 2, 3, 4], 1))
    assert len(frames) == 5
    assert (tmp_path / "crashed").exists()
    assert [file.name for file in sorted((tmp_path / "clips").iterdir())] == [f"{i:06d}.npz" for i in range(5)]


@pytest.mark.parametrize(("split", "made"), [(None, 20), ("train", 16), ("validation", 2), ("test", 2)])
def test_one_split_can_be_made_alone(tmp_path, monkeypatch, split, made):
    asked: list[int] = []

    def ask(_job: making.Job, indices: list[int], _workers: int) -> Iterator[int]:
        asked.extend(indices)
        return iter(())

    monkeypatch.setattr(making, "_work", ask)
    monkeypatch.setattr(making, "find_motions", lambda _folders: ())
    monkeypatch.setattr(making, "Renderer", NoRenderer)
    given = ["data", "--out", str(tmp_path), "--clips", "20", "--mocap", "none", *(["--split", split] if split else [])]
    parser = argparse.ArgumentParser()
    configure(parser)
    parsed = parser.parse_args(given)
    assert parsed.command(parsed) == 0
    assert len(asked) == made
    assert {split_of(index) for index in asked} == set(SPLITS if split is None else (split,))


@pytest.mark.usefixtures("makehuman", "egl")
def test_clips_are_made_and_added_to(measured_data, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("training.data.make._work", in_this_process)
    monkeypatch.setattr("training.data.clip.FRAMES", (12, 14))
    parser = argparse.ArgumentParser()
    configure(parser)

    def make(clips: int) -> list[bytes]:
        mocap = str(measured_data / "mocap" / "lab")
        given = parser.parse_args(["data", "--out", str(tmp_path), "--clips", str(clips), "--mocap", mocap])
        assert given.command(given) == 0
        return [file.read_bytes() for file in pair_files(tmp_path)]

    first = make(1)
    both = make(2)
    assert len(both) == 2
    assert both[0] == first[0]
    pair = read_pair(pair_files(tmp_path)[1])
    assert pair.split == "train"
    assert 12 <= len(pair.landmarks.times) <= 14
    assert pair.landmarks.detected.mean() > 0.5
    assert "frames by split" in capsys.readouterr().out
