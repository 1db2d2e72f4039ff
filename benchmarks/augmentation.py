"""Seconds for 535 frames × 20 cycles of marker augmentation, against Pose2Sim's own function called 20 times.

`python -m benchmarks.augmentation`; with Pose2Sim, run it in `.venv-reference` (`make test-reference` makes that).
The medians are printed as JSON. Ours is the whole stage: body frame,
pre-roll, perturbed copies, mean and spread. Theirs reads and writes a TRC file each time, as its interface requires.
"""

import json
import logging
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from humanpose3d.formats.trc import write_trc
from humanpose3d.motion import Markers
from humanpose3d.options import RunOptions, Subject
from humanpose3d.skeleton import MARKERS
from services.augmenter.body import BodyFrame, WholeBody
from services.augmenter.stage import AUGMENTER, AugmenterInputs
from shared.stage import silent

FRAMES, CYCLES, REPETITIONS = 535, 20, 5
SUBJECT = Subject(height=1.72, weight=70)


def main() -> None:
    """Measure and print."""
    motion = swaying(FRAMES)
    inputs, options = AugmenterInputs(motion, SUBJECT), RunOptions(augmentation_cycles=CYCLES)
    rivals: dict[str, Callable[[], object]] = {"ours_s": lambda: AUGMENTER.run(inputs, options, silent)}
    if find_spec("Pose2Sim"):
        rivals["pose2sim_s"] = _pose2sim(motion)
    result = {"frames": FRAMES, "cycles": CYCLES, "repetitions": REPETITIONS, **_median_seconds(rivals)}
    if "pose2sim_s" in result:
        result["times_faster"] = round(result["pose2sim_s"] / result["ours_s"], 1)
    print(json.dumps(result))


def swaying(frames: int) -> Markers:
    """`frames` frames of a person who stands and sways; the networks take as long for any motion."""
    times = np.arange(frames) / 60
    unseen = Markers(times, MARKERS, np.full((frames, len(MARKERS), 3), np.nan))
    still = BodyFrame(np.zeros((frames, 3)), np.zeros(frames))
    standing = WholeBody.of(unseen, still, SUBJECT.height).at(times)
    phases = np.random.default_rng(0).uniform(0, 2 * np.pi, (len(MARKERS), 3))
    return Markers(times, MARKERS, standing + [0, 0.9, 0] + 0.03 * np.sin(times[:, None, None] * 4 + phases))


def _pose2sim(motion: Markers) -> Callable[[], None]:
    for display in ("DISPLAY", "WAYLAND_DISPLAY"):  # its import opens a Qt window where it can
        os.environ.pop(display, None)
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from Pose2Sim.markerAugmentation import augment_markers_all

    logging.disable()

    def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            trc = Path(folder) / "pose-3d" / "motion.trc"
            trc.parent.mkdir()
            write_trc(trc, motion)
            project = {"project_dir": folder, "participant_height": SUBJECT.height, "participant_mass": SUBJECT.weight}
            for _ in range(CYCLES):
                augment_markers_all({"project": project, "markerAugmentation": {"make_c3d": False}})

    return run


def _median_seconds(rivals: dict[str, Callable[[], object]]) -> dict[str, float]:
    """By name, over rounds in which each runs once (so that both meet the same load), after one that loads models."""
    seconds: dict[str, list[float]] = {name: [] for name in rivals}
    for _ in range(REPETITIONS + 1):
        for name, work in rivals.items():
            start = time.perf_counter()
            work()
            seconds[name].append(time.perf_counter() - start)
    return {name: round(statistics.median(taken[1:]), 3) for name, taken in seconds.items()}


if __name__ == "__main__":
    main()
