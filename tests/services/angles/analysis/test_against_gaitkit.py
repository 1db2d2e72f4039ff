"""Gait events against those of gaitkit, and against the contacts annotated in the recordings that come with it."""

from typing import Any

import numpy as np
import pytest

from humanpose3d.motion import FloatArray, JointAngles, Markers
from humanpose3d.skeleton import JOINT_GROUPS
from services.angles.analysis.gait import find_steps
from services.angles.analysis.signals import Signals
from tests.services.angles.analysis import performers

pytestmark = pytest.mark.reference

POINTS = {"Hip": "hip", "Knee": "knee", "Ankle": "ankle", "Heel": "heel", "BigToe": "toe", "SmallToe": "toe"}
SIDES = {"R": "right", "L": "left"}


def events_of(markers: Markers) -> dict[str, tuple[FloatArray, FloatArray]]:
    """side → (heel strikes, toe offs), seconds from the first frame."""
    signals = Signals.of(markers, JointAngles(markers.times, np.zeros((markers.times.size, len(JOINT_GROUPS), 3))))
    steps = find_steps(signals)
    return {SIDES[s]: (np.array(c.strikes) / signals.rate, np.array(c.offs) / signals.rate) for s, c in
            steps.contacts.items()}  # fmt: skip


def nearest(found: FloatArray, moments: FloatArray) -> FloatArray:
    """Seconds from each moment to the nearest event that was found."""
    return np.array([found[np.argmin(np.abs(found - moment))] - moment for moment in moments])


def markers_of(trial: dict[str, Any]) -> Markers:
    """The markers of a gaitkit trial: millimetres, y up."""
    frames = [frame["landmark_positions"] for frame in trial["angle_frames"]]
    paths = {
        f"{letter}{ours}": np.array([frame[f"{side}_{theirs}"] for frame in frames]) / 1000
        for letter, side in SIDES.items()
        for ours, theirs in POINTS.items()
    }
    paths["Neck"] = (paths["RHip"] + paths["LHip"]) / 2 + [0, 0.5, 0]
    return Markers(np.arange(len(frames)) / trial["fps"], tuple(paths), np.stack(list(paths.values()), axis=1))


def test_annotated_contacts_of_a_slow_walk():
    gaitkit = pytest.importorskip("gaitkit")
    trial = gaitkit.load_example("parkinson")
    ours, annotated = events_of(markers_of(trial)), trial["ground_truth"]
    strikes, offs = (
        np.concatenate([nearest(ours[side][part], np.array(annotated[name][side]) / trial["fps"]) for side in ours])
        for part, name in enumerate(("hs_frames", "to_frames"))
    )
    assert (len(strikes), len(offs)) == (6, 7)
    assert np.abs(strikes).mean() < 0.035, "gaitkit's own Zeni method: 0.028, seven others: 0.023 to 0.233"
    assert np.abs(offs).mean() < 0.015, "gaitkit's own Zeni method: 0.046, seven others: 0.008 to 0.220"


@pytest.mark.parametrize("walk", [{}, {"stride_s": 1.5, "stride_m": 0.9}, {"noise": 0.01}], ids=str)
def test_gaitkits_zeni_method_finds_the_same_heel_strikes(walk):
    gaitkit = pytest.importorskip("gaitkit")
    performance = performers.walking(**walk)
    markers, ours = performance.markers, events_of(performance.markers)
    frames = [
        {"frame_index": index, "landmark_positions": {
            f"{side}_{theirs}": list(1000 * markers.position(f"{letter}{name}")[index])
            for letter, side in SIDES.items() for name, theirs in POINTS.items() if name != "SmallToe"
        }}
        for index in range(markers.times.size)
    ]  # fmt: skip
    theirs = gaitkit.detect(frames, method="zeni", fps=60.0)
    for side in SIDES.values():
        found = ours[side][0]
        late = nearest(found, np.array(theirs.hs_frames(side)) / 60)
        inside = np.abs(late) < 0.25
        assert inside.sum() >= len(found) - 1
        assert np.abs(late[inside]).mean() < 0.05
