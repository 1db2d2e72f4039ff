"""Milliseconds of processor time a frame of OpenSim's inverse kinematics, and of our angles stage.

`python -P -m humanpose3d.child benchmarks.inverse_kinematics LAB`, in `.venv-reference` (`make test-reference` makes
that); LAB is the folder of the laboratory's motions. Medians of alternating turns, printed as JSON.
OpenSim solves a trial for the laboratory's scaled model, from files, as it is normally called. Ours is the whole stage:
the skeleton scaled to the person and fitted to the 65 markers with smoothness over time, the angles and their standard
deviations, of as many frames, and of a recording of a minute and a half at 60 Hz.
"""

import json
import os
import statistics
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.augmentation import swaying
from humanpose3d.motion import FloatArray, Markers
from humanpose3d.options import RunOptions, Subject
from services.angles.stage import ANGLES, AnglesInputs
from services.augmenter.stage import AUGMENTER, AugmenterInputs
from shared.stage import silent

MODEL: Final = "optimized_scale_and_markers.osim"
TRIAL, FRAMES, REPETITIONS = "walking1", 200, 3
LONG: Final = 5_400
SUBJECT: Final = Subject(height=1.72, weight=70)


def main(lab: Path) -> None:
    """Measure and print."""
    opensim = import_module("opensim")  # in the reference environment alone
    lines = (lab / f"{TRIAL}.trc").read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines[5:] if line.strip()][:FRAMES]
    short, long = _augmented(FRAMES), _augmented(LONG)
    theirs, ours, ours_long = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # OpenSim leaves a log where it runs
        opensim.Logger.setLevelString("Error")
        trial = write_rows(Path(folder) / "trial.trc", lines[:5], rows)
        for _ in range(REPETITIONS):
            started = time.process_time()
            solve(opensim, lab / MODEL, trial, float(rows[-1].split("\t")[1]))
            theirs.append(1000 * (time.process_time() - started) / FRAMES)
            ours.append(_stage_ms(short))
            ours_long.append(_stage_ms(long))
    result = {"opensim_ms_a_frame": statistics.median(theirs), "ours_ms_a_frame": statistics.median(ours)}
    result |= {"long_frames": LONG, "ours_long_ms_a_frame": statistics.median(ours_long)}
    print(json.dumps({**result, "times_faster": result["opensim_ms_a_frame"] / result["ours_long_ms_a_frame"]}))


def _augmented(frames: int) -> Markers:
    """The 65 markers of a swaying person."""
    inputs = AugmenterInputs(swaying(frames), SUBJECT)
    return AUGMENTER.run(inputs, RunOptions(augmentation_cycles=1), silent).augmented_markers


def _stage_ms(markers: Markers) -> float:
    """Milliseconds a frame."""
    started = time.process_time()
    ANGLES.run(AnglesInputs(markers, SUBJECT, Path()), RunOptions(), silent)
    return 1000 * (time.process_time() - started) / markers.times.size


def write_rows(path: Path, header: list[str], rows: list[str]) -> Path:
    """A TRC of these rows, with their number in its header; returns the path."""
    facts = header[2].split("\t")
    facts[2] = facts[7] = str(len(rows))
    path.write_text("\n".join([*header[:2], "\t".join(facts), *header[3:], "", *rows]) + "\n", encoding="utf-8")
    return path


def solve(opensim: Any, model_path: Path, markers: Path, end: float) -> dict[str, FloatArray]:  # noqa: ANN401 -- a module
    """Inverse kinematics with all markers of the model at equal weight: coordinate → degrees."""
    model = opensim.Model(str(model_path))
    model.initSystem()
    tool = opensim.InverseKinematicsTool()
    tool.setModel(model)
    tool.setMarkerDataFileName(str(markers))
    tool.setStartTime(0.0)
    tool.setEndTime(end)
    tool.setResultsDir(str(markers.parent))
    tool.setOutputMotionFileName(str(markers.with_suffix(".mot")))
    for marker in model.getMarkerSet():
        task = opensim.IKMarkerTask()
        task.setName(marker.getName())
        task.setWeight(1.0)
        tool.getIKTaskSet().cloneAndAppend(task)
    if not tool.run():
        raise RuntimeError("OpenSim's inverse kinematics failed.")
    lines = markers.with_suffix(".mot").read_text(encoding="utf-8").splitlines()
    start = lines.index("endheader") + 1
    if "inDegrees=yes" not in lines[:start]:
        raise RuntimeError("OpenSim's angles are not in degrees.")
    return dict(zip(lines[start].split(), np.loadtxt(lines[start + 1 :]).T, strict=True))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
