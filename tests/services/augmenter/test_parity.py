"""Our use of the networks compared with Pose2Sim's own augmentation, run in a separate process."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from humanpose3d.motion import FloatArray, Markers
from humanpose3d.options import Subject
from humanpose3d.skeleton import MARKERS, RESPONSE_MARKERS
from services.augmenter.lstm import predict

pytestmark = [
    pytest.mark.reference,
    pytest.mark.skipif(
        importlib.util.find_spec("Pose2Sim") is None, reason="needs the extra 'reference': make test-reference"
    ),
]

SUBJECT = Subject(height=1.72, weight=70)
POSE2SIM = """
import sys
from Pose2Sim.markerAugmentation import augment_markers_all
folder, height, mass = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
augment_markers_all({
    "project": {"project_dir": folder, "participant_height": height, "participant_mass": mass},
    "markerAugmentation": {"feet_on_floor": False, "make_c3d": False},
})
"""


def test_equals_pose2sim_on_a_synthetic_walker(walking: Markers, tmp_path: Path) -> None:
    assert_equal_to_pose2sim(walking, tmp_path)


def test_equals_pose2sim_on_its_own_demo(measured_data: Path, tmp_path: Path) -> None:
    names, times, positions = read_trc(measured_data / "reference/balancing/pose2sim_21_markers.trc")
    hip = (positions[:, names.index("RHip")] + positions[:, names.index("LHip")]) / 2
    columns = [hip if name == "Hip" else positions[:, names.index(name)] for name in MARKERS]
    assert_equal_to_pose2sim(Markers(times, MARKERS, np.stack(columns, axis=1)), tmp_path)


def assert_equal_to_pose2sim(markers: Markers, project: Path) -> None:
    names, _, theirs = read_trc(augmented_by_pose2sim(markers, project))
    ours = predict(markers.positions[None], SUBJECT)[0]
    assert tuple(names[-len(RESPONSE_MARKERS) :]) == RESPONSE_MARKERS
    distance = np.linalg.norm(ours - theirs[:, -len(RESPONSE_MARKERS) :], axis=-1)
    assert distance.max() < 0.0001, f"{distance.max() * 1e3:.4f} mm apart"


def augmented_by_pose2sim(markers: Markers, project: Path) -> Path:
    (project / "pose-3d").mkdir()
    write_trc(project / "pose-3d" / "motion.trc", markers)
    # Importing Pose2Sim opens a Qt window where it can.
    environment = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")}
    command = [sys.executable, "-c", POSE2SIM, str(project), str(SUBJECT.height), str(SUBJECT.weight)]
    done = subprocess.run(
        command, env={**environment, "QT_QPA_PLATFORM": "offscreen"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return project / "pose-3d" / "motion_LSTM.trc"


def write_trc(path: Path, markers: Markers) -> None:
    rate, frames, count = 60.0, len(markers.times), len(markers.names)
    header = [
        f"PathFileType\t4\t(X/Y/Z)\t{path.name}",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames",
        f"{rate}\t{rate}\t{frames}\t{count}\tm\t{rate}\t0\t{frames}",
        "Frame#\tTime\t" + "\t\t\t".join(markers.names) + "\t\t\t",
        "\t\t" + "\t".join(f"X{n}\tY{n}\tZ{n}" for n in range(1, count + 1)) + "\t",
    ]
    rows = [
        "\t".join([str(frame + 1), repr(float(time)), *(repr(float(value)) for value in row)])
        for frame, (time, row) in enumerate(zip(markers.times, markers.positions.reshape(frames, -1), strict=True))
    ]
    path.write_text("\n".join(header + rows) + "\n", encoding="utf-8")


def read_trc(path: Path) -> tuple[list[str], FloatArray, FloatArray]:
    lines = path.read_text(encoding="utf-8").splitlines()
    names = [name for name in lines[3].split("\t")[2:] if name.strip()]
    rows = np.array(
        [[float(cell) for cell in line.split("\t")[: 2 + 3 * len(names)]] for line in lines[5:] if line.strip()]
    )
    return names, rows[:, 1], rows[:, 2:].reshape(len(rows), -1, 3)
