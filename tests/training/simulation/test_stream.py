"""Endless samples: seeded, of the requested split, like those of rendered pairs (needs torch and MakeHuman)."""

import argparse
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed (extra 'train')")

from humanpose3d.errors import InvalidMotion
from humanpose3d.skeleton import LANDMARK_INDEX, MARKER_INDEX
from services.refiner.windows import WINDOW
from tests.training.simulation.test_errors import made_up_pair
from training.commands import configure
from training.data.pairs import write_pair
from training.data.people import PEOPLE
from training.depth.windows import draw_batch
from training.mocap.library import find_motions
from training.simulation.errors import ErrorModel, fit
from training.simulation.stream import simulated_pairs, simulated_samples, stream

pytestmark = pytest.mark.usefixtures("makehuman")


@pytest.fixture(scope="module")
def model() -> ErrorModel:
    return fit([made_up_pair(seed) for seed in range(10)])


@pytest.fixture(scope="module")
def motions(measured_data):
    few = ("squats1", "STS1", "walking4", "DJ3", "walkingTS1")
    return [motion for motion in find_motions([measured_data / "mocap" / "lab"]) if motion.name in few]


def test_the_same_seed_gives_the_same_stream(model, motions):
    first, again = (list(islice(stream(model, motions, 3), 10)) for _ in range(2))
    other = next(stream(model, motions, 4))
    assert all(np.array_equal(a.image, b.image) for a, b in zip(first, again, strict=True))
    assert all(np.array_equal(a.markers, b.markers) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0].times, other.times) or not np.array_equal(first[0].image, other.image)
    assert len({sample.height for sample in first}) == 2  # eight shots of the first performance, then another person


def test_samples_fit_together_and_make_batches(model, motions):
    samples = simulated_samples(model, motions, np.random.default_rng(1), 8)
    for sample in samples:
        ends = ("ankle", "shoulder")
        ankle, shoulder = (sample.world[sample.detected > 0, LANDMARK_INDEX[f"left_{end}"], 1] for end in ends)
        assert (ankle > shoulder).mean() > 0.9  # y of the detector's 3D points down
        true = sample.markers[:, MARKER_INDEX["LAnkle"], 1] - sample.markers[:, MARKER_INDEX["LShoulder"], 1]
        assert (true < 0).mean() > 0.9
        assert 1.4 < sample.height < 2.0
    seen, truth = draw_batch([(samples, 4)], np.random.default_rng(0))
    assert seen.image.shape == (4, WINDOW, 33, 2)
    assert truth.markers.shape == (4, WINDOW, 22, 3)


def test_only_people_and_motions_of_the_split_are_used(model, motions):
    pairs = list(islice(simulated_pairs(model, motions, 1, "validation"), 16))
    assert {pair.split for pair in pairs} == {"validation"}
    assert {pair.facts["motion"] for pair in pairs} <= {"walking4", "DJ3"}
    assert all(pair.facts["person"] in PEOPLE["validation"] for pair in pairs)
    # most of the person is in the image
    inside = [
        (
            (pair.camera.project(pair.markers.positions) >= 0)
            & (pair.camera.project(pair.markers.positions) <= pair.camera.size)
        ).mean()
        for pair in pairs
    ]
    assert np.mean(inside) > 0.9
    with pytest.raises(InvalidMotion, match="train split"):
        next(stream(model, [motion for motion in motions if motion.split == "test"], 1))


def test_the_command_fits_and_compares(tmp_path, capsys):
    (tmp_path / "clips").mkdir()
    for seed in range(12):
        split = "validation" if seed > 8 else "train"
        pair = made_up_pair(seed)
        write_pair(tmp_path / "clips" / f"{seed:06d}.npz", replace(pair, facts={**pair.facts, "split": split}))
    parser = argparse.ArgumentParser()
    configure(parser)
    given = parser.parse_args(["errors", "--data", str(tmp_path), "--out", str(tmp_path / "errors.npz")])
    assert given.command(given) == 0
    assert ErrorModel.load(tmp_path / "errors.npz").facts["clips"] == 9
    assert "\nall | 300 | " in capsys.readouterr().out
