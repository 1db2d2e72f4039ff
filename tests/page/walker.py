"""A synthetic walker: a video of it, and the result files of a run over that video."""

import io
import json
import re
from pathlib import Path

import av
import cv2
import numpy as np

from humanpose3d.formats.csv_files import write_angles_csv, write_landmarks_csv
from humanpose3d.formats.npz import save_npz
from humanpose3d.formats.trc import write_trc
from humanpose3d.motion import AngleSd, FloatArray, JointAngles, Landmarks, Markers
from humanpose3d.skeleton import (
    ALL_MARKERS,
    JOINT_GROUP_INDEX,
    JOINT_GROUPS,
    LANDMARK_INDEX,
    LANDMARK_SEGMENTS,
    LANDMARKS,
    MARKERS,
)

RATE = 30.0
FRAMES = 75
SIZE = (480, 640)
TIMES = np.arange(FRAMES) / RATE
_STRIDES_PER_S = 0.9

_STANDING = {
    "Hip": (0.0, 0.95, 0.0),
    "Neck": (0.0, 1.45, 0.0),
    "Head": (0.0, 1.72, 0.0),
    "Nose": (0.0, 1.62, 0.1),
    "Hip_": (0.1, 0.95, 0.0),
    "Knee": (0.1, 0.52, 0.0),
    "Ankle": (0.1, 0.1, 0.0),
    "BigToe": (0.1, 0.02, 0.16),
    "SmallToe": (0.15, 0.02, 0.13),
    "Heel": (0.1, 0.03, -0.06),
    "Shoulder": (0.18, 1.42, 0.0),
    "Elbow": (0.22, 1.14, 0.0),
    "Wrist": (0.22, 0.9, 0.05),
}
"""Metres, standing and facing +Z; limbs of the left side."""

_NOWHERE = (0.0, 0.0, 0.0)
_SWING = {"Knee": 0.16, "Ankle": 0.3, "BigToe": 0.3, "SmallToe": 0.3, "Heel": 0.3, "Elbow": -0.1, "Wrist": -0.22}


def markers(times: FloatArray = TIMES, names: tuple[str, ...] = ALL_MARKERS) -> Markers:
    """The 65 markers of a walk along +Z at 1.2 m/s; the 43 added ones are 6 cm from the marker that they follow, those
    of a hinge on either side of it."""
    around = np.random.default_rng(3).normal(size=(len(ALL_MARKERS), 3))
    around *= 0.06 / np.linalg.norm(around, axis=1, keepdims=True)
    for index, name in enumerate(ALL_MARKERS):
        if hinge := re.search(r"_(l|m)?(knee|ankle|elbow|wrist)_study", name):
            around[index] = (0.06 * (1 if name[0] == "L" else -1) * (-1 if hinge[1] == "m" else 1), 0, 0)
    offsets = {name: tuple(way) for name, way in zip(ALL_MARKERS, around, strict=True) if name not in MARKERS}
    return Markers(times, names, np.stack([_path(name, times, offsets.get(name, _NOWHERE)) for name in names], axis=1))


def angles() -> JointAngles:
    """Angles as smooth and as large as in walking."""
    phases = np.linspace(0, 2 * np.pi, len(JOINT_GROUPS) * 3).reshape(len(JOINT_GROUPS), 3)
    sizes = np.array([30.0, 8.0, 6.0])
    values = sizes * np.sin(2 * np.pi * _STRIDES_PER_S * TIMES[:, None, None] + phases) + sizes / 2
    values[10:14, 3] = np.nan
    return JointAngles(TIMES, values)


def spread() -> AngleSd:
    """Standard deviations that grow from 2° to 6°; none is stated for the trunk."""
    values = np.repeat(np.linspace(2, 6, FRAMES), len(JOINT_GROUPS) * 3).reshape(FRAMES, len(JOINT_GROUPS), 3)
    values[:, JOINT_GROUP_INDEX["trunk"]] = np.nan
    values[np.isnan(angles().values)] = np.nan
    return AngleSd(TIMES, values)


def landmarks() -> Landmarks:
    """The walk seen by a camera on the person's left."""
    places = {name: _landmark_place(name) for name in LANDMARKS}
    world = np.stack([_path(*place) for place in places.values()], axis=1)
    image = np.stack([60 + 100 * world[..., 2], 560 - 280 * world[..., 1]], axis=2)
    visibility = np.full(image.shape[:2], 0.95)
    visibility[:, LANDMARK_INDEX["right_wrist"]] = 0.2
    camera = np.stack([world[..., 2], -world[..., 1], -world[..., 0]], axis=2)
    return Landmarks(TIMES, image, camera, visibility, SIZE)


def video() -> bytes:
    """An MP4 (H.264) of the walker, one frame for each of `TIMES`."""
    target = io.BytesIO()
    seen = landmarks()
    with av.open(target, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=int(RATE), options={"crf": "30", "g": "15"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for points in seen.pixels:
            frame = av.VideoFrame.from_ndarray(_image(points), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return target.getvalue()


_REPORT = """<!doctype html><html lang="en"><head><title>walk</title>
<style>@page { size: A4; } body { color: #123456; } .first-page { break-after: page; }</style></head>
<body><section class="first-page">The report</section><section>Its second page</section></body></html>"""


def write_results(folder: Path, name: str, *, warnings: bool = True) -> None:
    """The files of a run, with the artefacts (.npz) from which the server makes its statistics and its motion."""
    (folder / "joint_angles").mkdir(parents=True)
    write_trc(folder / f"{name}_final.trc", markers())
    rough = markers(names=MARKERS)
    wrong = np.random.default_rng(5).normal(0, 0.04, rough.positions.shape[1:])
    initial = Markers(rough.times, rough.names, rough.positions + wrong)
    write_trc(folder / f"{name}_initial.trc", initial)
    write_landmarks_csv(folder / f"{name}_raw_landmarks.csv", landmarks())
    write_angles_csv(folder / "joint_angles", name, angles(), spread())
    (folder / "report.html").write_text(_REPORT, encoding="utf-8")
    (folder / "quality.json").write_text(json.dumps(_quality(warnings)), encoding="utf-8")
    save_npz(folder / "angles.npz", angles())
    save_npz(folder / "spread.npz", spread())
    save_npz(folder / "landmarks.npz", landmarks())
    save_npz(folder / "markers.npz", markers())
    save_npz(folder / "initial.npz", initial)


def _path(name: str, times: FloatArray, offset: tuple[float, ...] = _NOWHERE) -> FloatArray:
    """(T, 3) metres."""
    side, part = _part(name)
    place = np.array(_STANDING[part]) * (side or 1, 1, 1) + offset
    if name in ("RHip", "LHip"):
        place = np.array(_STANDING["Hip_"]) * (side, 1, 1)
    swing = _SWING.get(part, 0.0) * np.sin(2 * np.pi * _STRIDES_PER_S * times) * side
    lift = np.maximum(0, np.cos(2 * np.pi * _STRIDES_PER_S * times) * side) * abs(_SWING.get(part, 0.0)) * 0.4
    path: FloatArray = place + np.stack([0 * times, lift, 1.2 * times + swing], axis=1)
    return path


def _part(name: str) -> tuple[int, str]:
    """Side (left +1, right −1, middle 0) and the part of `_STANDING` that a marker or landmark moves with."""
    lower = name.lower().replace("_study", "")
    side = 1 if lower[0] == "l" else -1 if lower[0] == "r" else 0
    for words, part in (
        (("knee", "thigh"), "Knee"),
        (("ankle", "sh1", "sh2", "sh3"), "Ankle"),
        (("calc", "heel"), "Heel"),
        (("5meta", "smalltoe"), "SmallToe"),
        (("toe",), "BigToe"),
        (("elbow",), "Elbow"),
        (("wrist",), "Wrist"),
        (("shoulder",), "Shoulder"),
        (("c7", "neck"), "Neck"),
        (("head",), "Head"),
        (("nose",), "Nose"),
    ):
        if any(word in lower for word in words):
            return side, part
    return side, "Hip"


def _landmark_place(name: str) -> tuple[str, FloatArray, tuple[float, float, float]]:
    side = "L" if "left" in name else "R" if "right" in name else ""
    part = next((part for part in ("hip", "knee", "ankle", "heel", "shoulder", "elbow", "wrist") if part in name), None)
    if part:
        return side + part.title(), TIMES, _NOWHERE
    if "foot_index" in name:
        return side + "BigToe", TIMES, _NOWHERE
    if any(finger in name for finger in ("pinky", "index", "thumb")):
        return side + "Wrist", TIMES, (0.0, -0.08, 0.02 * len(name) / 10)
    height = {"mouth": -0.06, "ear": 0.02}.get(name.split("_")[-1 if "ear" in name else 0], 0.04)
    return "Nose", TIMES, (0.0, height, -0.05 if "ear" in name else -0.02)


def _image(points: FloatArray) -> np.ndarray:
    width, height = SIZE
    image = np.full((height, width, 3), (196, 208, 214), dtype=np.uint8)
    image[545:] = (150, 142, 130)
    at = {name: tuple(int(value) for value in np.rint(points[index])) for name, index in LANDMARK_INDEX.items()}
    for first, second in LANDMARK_SEGMENTS:
        thickness = 22 if "shoulder" in first and "hip" in second else 14
        cv2.line(image, at[first], at[second], (64, 74, 92), thickness, cv2.LINE_AA)
    cv2.circle(image, at["nose"], 24, (206, 170, 140), cv2.FILLED, cv2.LINE_AA)
    return image


def _quality(warnings: bool) -> dict[str, object]:
    told = [
        {"code": "camera-tilted", "message": "The camera was tilted by about 12°. Record from a level camera."},
        {"code": "feet-occluded", "message": "A foot was guessed in 20% of the frames: do not use ankle angles."},
    ]
    facts = {"frames": FRAMES, "duration_s": FRAMES / RATE, "average_fps": RATE, "width": SIZE[0], "height": SIZE[1]}
    return {
        "video": facts,
        "warnings": told if warnings else [],
        "measured_error": {
            "view": "oblique",
            "rendered": {"clips": 9, "mae_deg": {"knee": {"flexion": 6.04, "internal_rotation": 8.0}}},
            "real": {"clips": 2, "mae_deg": {"knee": {"flexion": 7.0}}},
        },
        "stages": {"detector": {"detection_rate": 0.987}, "refiner.depth": {"gap_longest_s": 0.13}},
    }
