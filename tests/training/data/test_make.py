"""The whole way, from the command to clips on disk, small (skips where nothing can be drawn)."""

import argparse

import pytest

from training.commands import add_parser
from training.data.pairs import pair_files, read_pair


@pytest.mark.usefixtures("makehuman", "egl")
def test_clips_are_made_and_added_to(measured_data, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("training.data.clip.FRAMES", (12, 14))
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())

    def make(clips: int) -> list[bytes]:
        mocap = str(measured_data / "mocap" / "lab")
        given = parser.parse_args(["train", "data", "--out", str(tmp_path), "--clips", str(clips), "--mocap", mocap])
        assert given.run(given) == 0
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
