"""Real people with a reference: videos, what a run and other systems found in them, and how these agree.

A folder holds one folder for each recording: `meta.json` (height, mass, the second phone's delay), `truth.npz`,
`video.mp4` or `cam0.mov` and `cam1.mov`, and other systems' results as further `.npz` files like `truth.npz`.
`benchmarks/README.md` states how they are compared.
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
from scipy.spatial.transform import Rotation

from benchmarks.agreement import Course, by_view_and_angle
from benchmarks.conditions import JOINT_MODEL, refining, run_stages
from humanpose3d.analysis import View
from humanpose3d.errors import InvalidMotion
from humanpose3d.formats.mot import read_mot
from humanpose3d.motion import FloatArray, Markers
from humanpose3d.options import RunOptions, Subject
from humanpose3d.skeleton import JOINT_GROUP_INDEX, JOINT_GROUPS
from services.angles.analysis.limits import view_towards
from services.augmenter.body import interpolate
from training.metrics import between, stated_up

JOINTS: Final = ("Hip", "Knee", "Ankle", "Shoulder", "Elbow", "Wrist")
"""The 12 compared are these on the right and left."""

COORDINATES: Final = {
    ("hip", "flexion"): "hip_flexion",
    ("hip", "adduction"): "hip_adduction",
    ("knee", "flexion"): "knee_angle",
    ("ankle", "dorsiflexion"): "ankle_angle",
    ("elbow", "flexion"): "elbow_flex",
}
"""Joint and angle → OpenSim's coordinate, with the same sign."""

SYSTEMS: Final = {
    "opencap_monocular": "OpenCap Monocular",
    "wham": "WHAM with inverse kinematics",
    "geometric": "HumanPose3D, geometric",
    "depth": "HumanPose3D, depth refiner",
    "depth_isb": "the same, ISB angles",
    "both_isb": "both refiners, ISB angles",
}
"""Results compared. The joint refiner corrects the ISB's angles and leaves OpenSim's coordinates as they are, so the
last two are compared with each other."""

VISIBILITY_MIN: Final = 0.1

_FRAME_S: Final = 1 / 60
"""Of the two phones."""

_TILT: Final = ("camera_pitch_deg", "camera_pitch_sd_deg", "camera_roll_deg", "camera_roll_sd_deg")

_SHIFTS_S: Final = np.arange(-15, 16) / 100
_LEAST_COVERED: Final = 0.6


@dataclass(frozen=True, eq=False)
class Kinematics:
    """A reference, or what a system found.

    times   (T,) seconds. joints: (T, 12, 3) metres, Y up, right and left of each of `JOINTS` in turn.
    angles  (joint, angle) → times (K,), degrees (K, 2) right and left, and their standard deviation (K, 2), NaN where
            none is stated.
    tilt    the camera's pitch and roll and their standard deviations, degrees, where it states them.
    """

    times: FloatArray
    joints: FloatArray
    angles: Mapping[tuple[str, str], tuple[FloatArray, FloatArray, FloatArray]]
    tilt: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Recording:
    """One video and its reference.

    delay_s  by which its clock is behind the reference's. up: (3,) the vertical in the camera's axes (x right, y down).
    """

    name: str
    video: Path
    subject: Subject
    reference: str
    delay_s: float
    up: FloatArray
    folder: Path


@dataclass(frozen=True, eq=False)
class Compared:
    """A system against the reference: millimetres over 12 joints, and the angles' courses.

    mm       mean distance, centred on the hips frame by frame, after one rotation about the vertical per clip.
    mm_centred  the same with each joint's mean error over the clip removed.
    shift_s  the system's clock less the reference's, at which the knees agree best.
    """

    mm: float
    mm_centred: float
    shift_s: float
    courses: list[Course]


def recordings(folder: Path) -> Iterator[Recording]:
    """The videos of a folder, by name. Raises InvalidMotion where there is none."""
    found = sorted(path.parent for path in folder.glob("*/truth.npz"))
    if not found:
        raise InvalidMotion(f"{folder} holds no recording (see benchmarks/README.md).")
    for one in found:
        meta = json.loads((one / "meta.json").read_text(encoding="utf-8"))
        subject = Subject(height=meta["height_m"], weight=meta["mass_kg"])
        delay = meta.get("cam1_frame_is_cam0_frame_plus", 0) * _FRAME_S
        for video in sorted([*one.glob("video.mp4"), *one.glob("cam?.mov")]):
            name = one.name if video.stem == "video" else f"{one.name}_{video.stem}"
            second = video.stem == "cam1"
            up = _up(_rotation(meta, int(second)))
            yield Recording(name, video, subject, meta["reference"], delay if second else 0.0, up, one)


def _rotation(meta: Mapping[str, Any], camera: int) -> FloatArray:
    """(3, 3) from the reference's world to the camera's axes."""
    if "fitted_camera" in meta:
        return np.asarray(Rotation.from_rotvec(meta["fitted_camera"]["rvec"]).as_matrix())
    return np.array(meta["cameras"][camera]["R"])


def _up(rotation: FloatArray) -> FloatArray:
    """The world's axis that points up in the image: worlds are Y or Z up, or down."""
    axes = np.concatenate([rotation.T, -rotation.T])
    return np.asarray(axes[axes[:, 1].argmin()])


def measure(
    folder: Path, cycles: int, systems: Callable[[Recording, int], dict[str, Kinematics]] | None = None
) -> dict[str, Any]:
    """Every system on every video, and its agreement by reference, view and angle.

    systems: what finds this project's kinematics, by default `of_run`.
    """
    videos: dict[str, Any] = {}
    courses: dict[str, dict[str, list[Course]]] = {}
    for recording in recordings(folder):
        print(f"real people: {recording.name}", file=sys.stderr)
        reference = read_kinematics(recording.folder / "truth.npz")
        found = (systems or of_run)(recording, cycles)
        view = seen_from(reference, found["depth"])
        others = {path.stem: read_kinematics(path) for path in recording.folder.glob("*.npz") if path.stem in SYSTEMS}
        compared = {
            key: compare(recording.name, view, reference, one)
            for key, one in sorted((others | found).items(), key=_order)
        }
        videos[recording.name] = {
            "view": view,
            "reference": recording.reference,
            "frames": len(found["depth"].times),
            "tilt": {key: _tilt(found[key], recording) for key in ("geometric", "depth") if found[key].tilt},
            "systems": {key: _facts(one) for key, one in compared.items()},
        }
        for key, one in compared.items():
            courses.setdefault(recording.reference, {}).setdefault(key, []).extend(one.courses)
    agreement = {
        reference: {key: by_view_and_angle(own) for key, own in sorted(systems.items(), key=_order)}
        for reference, systems in courses.items()
    }
    return {"visibility_min": VISIBILITY_MIN, "videos": videos, "agreement": agreement}


def of_run(recording: Recording, cycles: int) -> dict[str, Kinematics]:
    """What this project finds in a video: detected once, then refined in each way."""
    options = RunOptions(augmentation_cycles=cycles, visibility_min=VISIBILITY_MIN, opensim=True)
    with TemporaryDirectory() as scratch:
        start = {"video": recording.video, "subject": recording.subject, "workdir": Path(scratch)}
        detected, _ = run_stages(("detector",), start, options)
        geometric, _ = _refined(detected, options.model_copy(update={"main_refiner": False}))
        depth, isb = _refined(detected, options)
        both = options.model_copy(update={"joint_model_path": str(JOINT_MODEL)})
        _, refined_isb = _refined(detected, both)
    found = {"geometric": geometric, "depth": depth, "depth_isb": isb, "both_isb": refined_isb}
    return {key: _later(one, -recording.delay_s) for key, one in found.items()}


def _refined(detected: Mapping[str, Any], options: RunOptions) -> tuple[Kinematics, Kinematics]:
    """With OpenSim's coordinates as angles, and with the ISB's."""
    made, reports = run_stages(refining(options), detected, options)
    markers: Markers = made["augmented_markers"]
    joints = np.stack([markers.position(side + joint) for joint in JOINTS for side in "RL"], axis=1)
    values = (made.get("refined_angles") or made["angles"]).values
    isb = {key: (markers.times, _of_sides(values, key), _of_sides(made["angle_sd"].values, key)) for key in COORDINATES}
    motion = read_mot(made["opensim_motion"]).to_degrees()
    coordinates = {
        key: (motion.times, np.stack([motion.column(f"{name}_{side}") for side in "rl"], axis=1), isb[key][2])
        for key, name in COORDINATES.items()
    }
    facts = reports["refiner.depth"].facts
    tilt = {name: float(facts[name]) for name in _TILT if isinstance(facts.get(name), int | float)}  # type: ignore[arg-type]
    return Kinematics(markers.times, joints, coordinates, tilt), Kinematics(markers.times, joints, isb, tilt)


def _of_sides(values: FloatArray, key: tuple[str, str]) -> FloatArray:
    """(T, 2) of (T, 12, 3): right and left."""
    joint, angle = key
    groups = [JOINT_GROUP_INDEX[f"{joint}_{side}"] for side in "rl"]
    return values[:, groups, JOINT_GROUPS[groups[0]].angles.index(angle)]


def _later(one: Kinematics, seconds: float) -> Kinematics:
    angles = {key: (times + seconds, values, sd) for key, (times, values, sd) in one.angles.items()}
    return replace(one, times=one.times + seconds, angles=angles)


def read_kinematics(path: Path) -> Kinematics:
    """A reference's or another system's file."""
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    times, names = arrays["time"].astype(float), list(arrays["joint_names"])
    own_times = arrays.get("angle_time", times).astype(float)
    columns = [names.index(f"{joint.lower()}_{side}") for joint in JOINTS for side in "rl"]
    angles = {}
    for key, name in COORDINATES.items():
        values = np.stack([arrays[f"angle_{name}_{side}"] for side in "rl"], axis=1).astype(float)
        angles[key] = (own_times, values, np.full(values.shape, np.nan))
    return Kinematics(times, arrays["joints"][:, columns].astype(float), angles)


def compare(clip: str, view: View, reference: Kinematics, system: Kinematics) -> Compared:
    """A system's kinematics against a reference, at the reference's times that it covers.

    Raises InvalidMotion where these are under 60 %.
    """
    shift, covered = best_shift(reference, system)
    wanted = reference.times[covered]
    truth, own = _centred(reference.joints[covered]), _centred(interpolate(wanted + shift, system.times, system.joints))
    error = own @ _about_vertical(best_turn(truth, own)).T - truth
    courses = [
        course
        for key, (times, values, sd) in system.angles.items()
        for course in _courses(clip, view, key, reference, (wanted, shift), (times, values, sd))
    ]
    return Compared(
        mm=_mean_mm(error),
        mm_centred=_mean_mm(error - np.nanmean(error, axis=0)),
        shift_s=shift,
        courses=courses,
    )


def _courses(
    clip: str,
    view: View,
    key: tuple[str, str],
    reference: Kinematics,
    moments: tuple[FloatArray, float],
    found: tuple[FloatArray, FloatArray, FloatArray],
) -> Iterator[Course]:
    """An angle of both sides; moments: the reference's times, and what is added for the system's."""
    wanted, shift = moments
    times, values, sd = found
    truth = interpolate(wanted, *reference.angles[key][:2])
    own, own_sd = (interpolate(wanted + shift, times, each) for each in (values, sd))
    for side in range(2):
        yield Course(clip, view, *key, truth[:, side], own[:, side] - truth[:, side], own_sd[:, side])


def best_shift(reference: Kinematics, system: Kinematics) -> tuple[float, np.ndarray]:
    """Seconds of the system's clock less the reference's at which knee flexion, made of joints, agrees best after
    removing its mean error; and which of the reference's frames are then covered."""
    truth, own = knee_flexion(reference.joints), knee_flexion(system.joints)
    best: tuple[float, float, np.ndarray] | None = None
    for shift in _SHIFTS_S:
        moved = reference.times + shift
        covered = (moved >= system.times[0]) & (moved <= system.times[-1])
        if covered.mean() < _LEAST_COVERED:
            continue
        error = interpolate(moved[covered], system.times, own) - truth[covered]
        size = float(np.nanmean(np.abs(error - np.nanmean(error, axis=0))))
        if best is None or size < best[0]:
            best = (size, float(shift), covered)
    if best is None:
        raise InvalidMotion("A result covers less than 60 % of its reference.")
    return best[1], best[2]


def knee_flexion(joints: FloatArray) -> FloatArray:
    """(T, 2) degrees between thigh and shank, right and left."""
    hip, knee, ankle = (joints[:, 2 * index : 2 * index + 2] for index in range(3))
    thigh, shank = knee - hip, ankle - knee
    cosine = (thigh * shank).sum(axis=2) / np.linalg.norm(thigh, axis=2) / np.linalg.norm(shank, axis=2)
    return np.asarray(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def best_turn(truth: FloatArray, own: FloatArray) -> float:
    """Radians about the vertical, to a degree, that bring centred joints nearest to the true ones."""
    turns = np.radians(np.arange(360))
    return float(min(turns, key=lambda turn: _mean_mm(own @ _about_vertical(turn).T - truth)))


def seen_from(reference: Kinematics, own: Kinematics) -> View:
    """View of the true pelvis: in the world of a run the camera is along +Z."""
    shift, covered = best_shift(reference, own)
    truth = _centred(reference.joints[covered])
    found = _centred(interpolate(reference.times[covered] + shift, own.times, own.joints))
    turned = truth @ _about_vertical(best_turn(truth, found))
    across = (turned[:, 1] - turned[:, 0])[:, [0, 2]]
    return view_towards(across[:, 0] / np.linalg.norm(across, axis=1))


def _about_vertical(turn: float) -> FloatArray:
    return np.array([[np.cos(turn), 0, -np.sin(turn)], [0, 1, 0], [np.sin(turn), 0, np.cos(turn)]])


def _centred(joints: FloatArray) -> FloatArray:
    return np.asarray(joints - joints[:, :2].mean(axis=1, keepdims=True))


def _mean_mm(error: FloatArray) -> float:
    return 1000 * float(np.nanmean(np.linalg.norm(error, axis=-1)))


def _facts(one: Compared) -> dict[str, Any]:
    angles: dict[str, dict[str, Any]] = {}
    for joint, names in by_view_and_angle(one.courses)["all"].items():
        angles[joint] = {
            name: {key: own[key] for key in ("mae", "bias", "rmse_centred")} for name, own in names.items()
        }
    return {"mm": round(one.mm, 1), "mm_centred": round(one.mm_centred, 1), "shift_s": one.shift_s, "angles": angles}


def _tilt(one: Kinematics, recording: Recording) -> dict[str, float]:
    """What was stated, and the angle to the true vertical."""
    stated = stated_up(one.tilt["camera_pitch_deg"], one.tilt["camera_roll_deg"])
    return {**one.tilt, "error_deg": round(float(between(stated, recording.up)), 2)}


def _order(item: tuple[str, object]) -> int:
    return list(SYSTEMS).index(item[0])
