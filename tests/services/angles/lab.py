"""Marker-based motion capture of one subject as the markers that the segments need, and OpenSim's solution for it.

Roles of the laboratory's markers. ASIS, PSIS, C7, the feet and the lateral knee and ankle markers are those of the same
name. The acromia are `R_Shoulder`, `L_Shoulder`; elbows and wrists are `*_elbow_lat/med` and `*_wrist_radius/ulna`; the
hip joint centre is `*_HJC`, which the data hold beside a regression's `*_HJC_reg`. The medial knee and ankle markers
were worn in the static trial only: they are carried to the moving trials as points fixed to the thigh's and the shank's
other markers (calibrated anatomical landmarks, Cappozzo et al. 1995). No marker stands for the shoulder joint centre
(`RShoulder`, `LShoulder`): `_shoulder_centre` estimates it from the acromion.
"""

from pathlib import Path
from typing import Final
from xml.etree import ElementTree

import numpy as np
from scipy.spatial.transform import Rotation

from humanpose3d.motion import FloatArray, Markers

_SAME: Final = ("ankle", "calc", "toe", "5meta", "knee", "mknee", "mankle")
_RENAMED: Final = {
    **{f"{side}_{name}": f"{side}_{name}_study" for side in ("r", "L") for name in _SAME},
    **{f"{side}.{name}": f"{side}.{name}_study" for side in ("r", "L") for name in ("ASIS", "PSIS")},
    **{f"{side}_HJC": f"{side}HJC_study" for side in ("R", "L")},
    "C7": "C7_study",
    **{
        f"{lab}_{name}": f"{ours}_{role}_study"
        for lab, ours in (("R", "r"), ("L", "L"))
        for name, role in {
            "Shoulder": "shoulder",
            "elbow_lat": "lelbow",
            "elbow_med": "melbow",
            "wrist_radius": "lwrist",
            "wrist_ulna": "mwrist",
        }.items()
    },
}

_CLUSTERS: Final = {
    "r_mknee": ("R_HJC", "r_knee", "r_thigh1", "r_thigh2", "r_thigh3", "r_thigh4", "r_thigh5"),
    "L_mknee": ("L_HJC", "L_knee", "L_thigh1", "L_thigh2", "L_thigh3", "L_thigh4"),
    "r_mankle": ("r_ankle", "r_sh2", "r_sh3", "r_sh4", "r_shank_antsup"),
    "L_mankle": ("L_ankle", "L_sh2", "L_sh3", "L_shank_antsup"),
}


def lab_markers(folder: Path, trial: str) -> Markers:
    """One trial by the names of `humanpose3d.skeleton`, medial knees and ankles carried over from the static trial."""
    moving, static = _read_trc(folder / f"{trial}.trc"), _read_trc(folder / "static1.trc")
    for name, cluster in _CLUSTERS.items():
        moving.setdefault(name, _carried(static, moving, name, cluster))
    paths = {ours: moving[name] for name, ours in _RENAMED.items()}
    paths["RShoulder"] = _shoulder_centre(moving, "R", "L")
    paths["LShoulder"] = _shoulder_centre(moving, "L", "R")
    return Markers(moving["Time"][:, 0], tuple(paths), np.stack(list(paths.values()), axis=1))


def opensim_coordinates(folder: Path, trial: str) -> dict[str, FloatArray]:
    """OpenSim's inverse kinematics: coordinate → (T,) radians (metres for translations)."""
    lines = (folder / f"{trial}_ik.mot").read_text(encoding="utf-8").splitlines()
    start = lines.index("endheader") + 1
    assert "inDegrees=no" in lines[:start]
    table = np.loadtxt(lines[start + 1 :])
    return dict(zip(lines[start].split(), table.T, strict=True))


def opensim_foot_pitch(folder: Path, trial: str, side: str) -> FloatArray:
    """(T,) degrees of dorsiflexion of OpenSim's foot as a whole: its long axis seen along the z of its shank.

    OpenSim's ankle angle is the talocrural hinge's alone; the subtalar hinge, set at an angle, lifts the foot as well.
    """
    coordinates = opensim_coordinates(folder, trial)
    model = ElementTree.parse(folder / "optimized_scale_and_markers.osim")
    foot = Rotation.identity()
    for joint in ("ankle", "subtalar"):
        hinge = model.find(f".//PinJoint[@name='{joint}_{side}']")
        assert hinge is not None
        parent, child = (
            Rotation.from_euler("XYZ", [float(angle) for angle in (frame.findtext("orientation") or "").split()])
            for frame in hinge.iter("PhysicalOffsetFrame")
        )
        foot = foot * parent * Rotation.from_euler("z", coordinates[f"{joint}_angle_{side}"][:, None]) * child.inv()
    long_axis = foot.apply([1.0, 0.0, 0.0])
    return np.array(np.degrees(np.arctan2(long_axis[:, 1], long_axis[:, 0])))


def _read_trc(path: Path) -> dict[str, FloatArray]:
    """Marker → (T, 3) metres, and `Time` (T, 1): these files are complete, a plain table after five lines."""
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[2].split("\t")[4] == "m"
    names = lines[3].split()[2:]
    table = np.loadtxt([line for line in lines[5:] if line.strip()])
    positions = table[:, 2:].reshape(len(table), len(names), 3)
    return {"Time": table[:, 1:2], **{name: positions[:, index] for index, name in enumerate(names)}}


def _carried(
    static: dict[str, FloatArray], moving: dict[str, FloatArray], name: str, cluster: tuple[str, ...]
) -> FloatArray:
    """(T, 3) a point of the static trial, moved with the rigid body that fits its cluster best; NaN under 3 markers."""
    before = np.stack([static[marker].mean(axis=0) for marker in cluster])
    now = np.stack([moving[marker] for marker in cluster], axis=1)
    path = np.full((len(now), 3), np.nan)
    for frame, seen in enumerate(np.asarray(np.isfinite(now).all(axis=2))):
        if seen.sum() >= 3:
            centre, here = before[seen].mean(axis=0), now[frame, seen].mean(axis=0)
            turn = Rotation.align_vectors(now[frame, seen] - here, before[seen] - centre)[0]
            path[frame] = here + turn.apply(static[name].mean(axis=0) - centre)
    return path


def _shoulder_centre(moving: dict[str, FloatArray], side: str, other: str) -> FloatArray:
    """(T, 3) below the acromion by 17 % of the distance between the acromia (Rab et al. 2002, Gait & Posture 15:113).

    Below means along the line from C7 to the sacrum with the arm hanging, and turned towards the upper arm by a third
    of its elevation, since the acromion is on the scapula, which takes a third of it (Inman et al. 1944, J Bone Joint
    Surg 26:1). The distance is the trial's median, for it shrinks when the arms are raised and the bone does not.
    """
    acromion = moving[f"{side}_Shoulder"]
    elbow = (moving[f"{side}_elbow_lat"] + moving[f"{side}_elbow_med"]) / 2
    drop = 0.17 * np.nanmedian(np.linalg.norm(acromion - moving[f"{other}_Shoulder"], axis=1))
    down = _unit((moving["L.PSIS"] + moving["r.PSIS"]) / 2 - moving["C7"])
    arm = _unit(elbow - acromion)
    elevation = np.arccos((down * arm).sum(axis=1, keepdims=True))
    sideways = _unit(arm - np.cos(elevation) * down)
    return np.array(acromion + drop * (np.cos(elevation / 3) * down + np.sin(elevation / 3) * sideways))


def _unit(vectors: FloatArray) -> FloatArray:
    return np.array(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
