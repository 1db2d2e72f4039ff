"""Pairs on disk: one compressed file per clip; writing and reading.

Detections and ground truth are stored frame by frame. The world of a pair is y up, in metres, with
the camera of the first frame at its origin looking along −z (x to the image's right): the frame of the depth
refiner's output, rotated to the hips.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import JsonValue

from humanpose3d.errors import InvalidMotion
from humanpose3d.motion import FloatArray, Landmarks, Markers
from humanpose3d.options import Verticals
from humanpose3d.skeleton import ALL_MARKERS
from training.scene.camera import Camera, azimuth_frame


@dataclass(frozen=True, eq=False)
class Pair:
    """One clip: the detector's landmarks and the ground truth.

    landmarks  as detected.
    markers    all 65, true, at the same times.
    camera     the true camera at the same times.
    height     metres, standing height of the person rendered. mass: kilograms.
    facts      how the clip was made: split, motion, person, backdrop, recording.
    verticals  the detector's measurement of the image's upright lines.
    """

    landmarks: Landmarks
    markers: Markers
    camera: Camera
    height: float
    mass: float
    facts: dict[str, JsonValue]
    verticals: Verticals | None = None

    @property
    def split(self) -> str:
        """Which split the clip belongs to: train, validation or test."""
        return str(self.facts["split"])


def in_camera_world(markers: FloatArray, camera: Camera) -> tuple[FloatArray, Camera]:
    """Markers (T, N, 3) and camera, translated and rotated about the vertical into the world frame of a pair."""
    turn, origin = azimuth_frame(camera)[0], camera.centres[0]
    moved = Camera(camera.size, camera.focal, camera.rotations @ turn.T, (camera.centres - origin) @ turn.T)
    return (markers - origin) @ turn.T, moved


def write_pair(path: Path, pair: Pair) -> None:
    """Write a clip's file atomically."""
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.savez_compressed(
            file,
            times=pair.landmarks.times,
            image=pair.landmarks.pixels.astype(np.float32),
            world=pair.landmarks.world.astype(np.float32),
            visibility=pair.landmarks.visibility.astype(np.float16),
            image_size=np.array(pair.landmarks.image_size),
            markers=pair.markers.positions.astype(np.float32),
            camera_rotations=pair.camera.rotations.astype(np.float32),
            camera_centres=pair.camera.centres.astype(np.float32),
            camera_focal=pair.camera.focal,
            height=pair.height,
            mass=pair.mass,
            facts=json.dumps(pair.facts),
            verticals="" if pair.verticals is None else pair.verticals.model_dump_json(),
        )
    part.replace(path)


def read_pair(path: Path) -> Pair:
    """Read a clip's file; raises InvalidMotion where it is damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:
            values = {name: file[name] for name in file.files}
        times, size = values["times"], (int(values["image_size"][0]), int(values["image_size"][1]))
        return Pair(
            landmarks=Landmarks(times, values["image"], values["world"], values["visibility"], size),
            markers=Markers(times, ALL_MARKERS, values["markers"]),
            camera=Camera(
                size,
                float(values["camera_focal"]),
                values["camera_rotations"].astype(np.float64),
                values["camera_centres"].astype(np.float64),
            ),
            height=float(values["height"]),
            mass=float(values["mass"]),
            facts=json.loads(str(values["facts"])),
            verticals=Verticals.model_validate_json(lines) if (lines := str(values.get("verticals", ""))) else None,
        )
    except (KeyError, ValueError, OSError, EOFError) as error:
        raise InvalidMotion(f"{path.name} is not a usable pair file: {error}.") from None


def read_facts(path: Path) -> dict[str, JsonValue]:
    """A clip's facts, without reading the rest; raises InvalidMotion where its file is damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:
            facts: dict[str, JsonValue] = json.loads(str(file["facts"]))
    except (KeyError, ValueError, OSError, EOFError) as error:
        raise InvalidMotion(f"{path.name} is not a usable pair file: {error}.") from None
    return facts


def pair_files(folder: Path) -> list[Path]:
    """The clips' files of a data set, in order."""
    return sorted((folder / "clips").glob("*.npz"))
