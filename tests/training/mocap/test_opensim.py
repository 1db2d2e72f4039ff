"""The OpenSim reader against the laboratory's own measured markers."""

import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from humanpose3d.errors import InvalidMotion
from training.mocap.motion import BONE_INDEX
from training.mocap.opensim import FROM_OPENSIM, read_mot, read_opensim_motion, read_osim


def _measured(path: Path) -> dict[str, np.ndarray]:
    """Marker name -> (T, 3) metres of a laboratory TRC."""
    lines = path.read_text().splitlines()
    names = [name for name in lines[3].split("\t") if name][2:]
    rows = [line.split("\t")[2 : 2 + 3 * len(names)] for line in lines[5:] if line.strip()]
    values = np.array([[float(word) if word.strip() else np.nan for word in row] for row in rows])
    return dict(zip(names, np.moveaxis(values.reshape(len(values), -1, 3), 1, 0), strict=True))


def test_the_model_follows_the_measured_markers(measured_data):
    """Mean distance of the model's markers from the measured ones in squats1: 9.0 mm (15.0 with the knee's
    polynomials read the other way round)."""
    folder = measured_data / "mocap" / "lab"
    path = folder / "optimized_scale_and_markers.osim"
    times, coordinates = read_mot(folder / "squats1_ik.mot")
    every = {name: values[::50] for name, values in coordinates.items()}
    poses = read_osim(path).poses(every, len(times[::50]))
    measured = _measured(folder / "squats1.trc")
    distances = []
    for marker in ET.parse(path).getroot().iter("Marker"):
        rotation, origin = poses[(marker.findtext("socket_parent_frame") or "").rsplit("/", 1)[-1]]
        place = np.array([float(word) for word in (marker.findtext("location") or "").split()])
        name = marker.get("name") or ""
        if name in measured:
            distances.append(np.linalg.norm(rotation @ place + origin - measured[name][::50], axis=1))
    assert np.mean(distances) == pytest.approx(0.0090, abs=0.0005)


def test_hip_joint_centres_are_where_the_laboratory_puts_them(measured_data):
    """Measured in squats1: 18 mm left, 25 mm right on average; the model was scaled by other markers than these."""
    folder = measured_data / "mocap" / "lab"
    motion = read_opensim_motion(folder / "squats1_ik.mot", read_osim(folder / "optimized_scale_and_markers.osim"))
    measured = _measured(folder / "squats1.trc")
    for side in "lr":
        centre = measured[f"{side.upper()}_HJC"] @ FROM_OPENSIM.T
        distance = np.linalg.norm(motion.origins[:, BONE_INDEX[f"femur_{side}"]] - centre, axis=1)
        assert distance.mean() < 0.027


def test_a_bent_knee_is_bent_in_the_bones(measured_data):
    """The angle between thigh and shank follows the coordinate `knee_angle_r` of squats1: 4.3° apart at most, since
    the ankle does not lie on the shank's axis."""
    folder = measured_data / "mocap" / "lab"
    motion = read_opensim_motion(folder / "squats1_ik.mot", read_osim(folder / "optimized_scale_and_markers.osim"))
    hip, knee, ankle = (motion.origins[:, BONE_INDEX[bone]] for bone in ("femur_r", "tibia_r", "foot_r"))
    thigh, shank = hip - knee, ankle - knee
    cosine = np.einsum("ti,ti->t", thigh, shank) / np.linalg.norm(thigh, axis=1) / np.linalg.norm(shank, axis=1)
    _, coordinates = read_mot(folder / "squats1_ik.mot")
    assert 180 - np.degrees(np.arccos(cosine)) == pytest.approx(np.degrees(coordinates["knee_angle_r"]), abs=4.5)


def test_degrees_are_refused(tmp_path):
    path = tmp_path / "a.mot"
    path.write_text("x\ninDegrees=yes\nendheader\ntime\thip\n0\t1\n")
    with pytest.raises(InvalidMotion, match="radians"):
        read_mot(path)
