"""Pairs on disk, splits, plans, and resuming interrupted work."""

import json

import numpy as np
import pytest
from pydantic import JsonValue

from humanpose3d.errors import InvalidMotion, InvalidOption
from humanpose3d.motion import Landmarks, Markers
from humanpose3d.skeleton import ALL_MARKERS
from training.data import manifest
from training.data.clip import plan_clip, plan_of_split
from training.data.pairs import Pair, in_camera_world, pair_files, read_pair, write_pair
from training.data.people import BACKDROPS, PEOPLE
from training.mocap.library import SHARES, MotionFile, find_motions, source
from training.scene.camera import Camera, camera_angles, look


@pytest.fixture
def pair():
    rng = np.random.default_rng(1)
    times = np.arange(5) / 30
    landmarks = Landmarks(times, rng.random((5, 33, 2)), rng.random((5, 33, 3)), rng.random((5, 33)), (640, 360))
    camera = Camera((640, 360), 480.0, np.tile(look(0.4, 0.1, 0.05), (5, 1, 1)), np.tile([1.0, 1.2, 3.0], (5, 1)))
    markers, camera = in_camera_world(rng.random((5, 65, 3)), camera)
    facts: dict[str, JsonValue] = {"split": "train", "motion": "9_01", "person": 1000, "backdrop": 1001}
    return Pair(landmarks, Markers(times, ALL_MARKERS, markers), camera, 1.7, 65.0, facts)


def test_a_pair_is_read_back_from_disk(pair, tmp_path):
    write_pair(tmp_path / "0.npz", pair)
    back = read_pair(tmp_path / "0.npz")
    assert back.markers.positions == pytest.approx(pair.markers.positions, abs=1e-6)
    assert back.landmarks.visibility == pytest.approx(pair.landmarks.visibility, abs=1e-3)
    assert back.landmarks.image_size == (640, 360)
    assert (back.height, back.mass, back.facts, back.split) == (1.7, 65.0, pair.facts, "train")
    assert not list(tmp_path.glob("*.part"))


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "7.npz").write_bytes(b"PK no zip")
    with pytest.raises(InvalidMotion, match=r"7\.npz"):
        read_pair(tmp_path / "7.npz")


def test_the_pair_s_world_has_the_camera_at_its_origin(pair):
    azimuth, pitch, roll = camera_angles(pair.camera.rotations)[0]
    assert (azimuth, pitch, roll) == pytest.approx((0, 0.1, 0.05), abs=1e-9)
    assert pair.camera.centres[0] == pytest.approx([0, 0, 0])


def test_moving_the_world_changes_nothing_in_the_image():
    points = np.random.default_rng(2).random((5, 65, 3))
    camera = Camera((640, 360), 480.0, np.tile(look(0.4, 0.1, 0.05), (5, 1, 1)), np.tile([1.0, 1.2, 3.0], (5, 1)))
    moved, other = in_camera_world(points, camera)
    assert other.project(moved) == pytest.approx(camera.project(points))


def test_no_person_or_place_is_in_two_splits():
    for numbers in (PEOPLE, BACKDROPS):
        everyone = [number for split in numbers.values() for number in split]
        assert len(everyone) == len(set(everyone))
    assert (len(PEOPLE["test"]), len(BACKDROPS["test"])) == (2, 2)


def test_plans_stay_within_their_split_and_any_prefix_is_balanced(tmp_path):
    names = ("walkingTS1", "squatsAsym1", "03_01", "walkingTI3", "02_02", "squats1", "DJ1", "01_02", "02_05")
    motions = [MotionFile(name, tmp_path, tmp_path) for name in names]
    plans = [plan_clip(index, 1, motions, dict.fromkeys(names, 10.0)) for index in range(40)]
    split_of = {motion.name: motion.split for motion in motions}
    for plan in plans:
        assert split_of[plan.motion] == plan.split
        assert plan.person in PEOPLE[plan.split]
        assert plan.backdrop in BACKDROPS[plan.split]
    for start in range(0, 40, 10):
        splits = [plan.split for plan in plans[start : start + 10]]
        assert (splits.count("train"), splits.count("validation"), splits.count("test")) == (8, 1, 1)
    assert plans[17] == plan_clip(17, 1, motions, dict.fromkeys(names, 10.0))


def test_training_clips_are_of_each_source_as_often_as_wanted(tmp_path):
    names = ("squats1", "02_05", *[f"lunge-{n}" for n in range(50)], "16_01", "16_02", "91_01")
    motions = [MotionFile(name, tmp_path, tmp_path) for name in names]
    sources = [
        source(plan_of_split("train", index, 1, motions, dict.fromkeys(names, 10.0)).motion) for index in range(1000)
    ]
    assert {one: sources.count(one) / 1000 for one in SHARES} == pytest.approx(SHARES, abs=0.04)


def test_a_data_set_is_resumed_only_with_its_own_recipe(acclaim, pair, tmp_path):
    motions = find_motions([acclaim])
    (tmp_path / "clips").mkdir()
    manifest.begin(tmp_path, 1, motions, {"model": "abc"})
    manifest.begin(tmp_path, 1, motions, {"model": "abc"})
    write_pair(tmp_path / "clips" / "000000.npz", pair)
    done = manifest.finish(tmp_path, "llvmpipe")
    assert done["frames"] == {"train": 5}
    assert json.loads((tmp_path / "manifest.json").read_text())["clips"]["000000.npz"]["detected"] == 5
    assert [file.name for file in pair_files(tmp_path)] == ["000000.npz"]
    with pytest.raises(InvalidOption, match="another seed"):
        manifest.begin(tmp_path, 2, motions, {"model": "abc"})


def test_a_split_without_motion_is_named(tmp_path):
    motions = [MotionFile("squats1", tmp_path, tmp_path)]
    with pytest.raises(InvalidMotion, match="test split"):
        plan_clip(9, 1, motions, {"squats1": 10.0})
