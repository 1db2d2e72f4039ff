"""The real clip: Pose2Sim's `Demo_SinglePerson`, a man balancing on a beam before four calibrated cameras.

Three references. `triangulated`: this project's own detections in all four cameras, triangulated and low-pass
filtered. `pose2sim`: the markers that Pose2Sim computed from the same videos with another detector, and their joint
angles by our definitions. `opensim`: OpenSim's inverse kinematics of these markers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Self

import numpy as np
from pydantic import JsonValue
from scipy.spatial.transform import Rotation

from benchmarks.cases import Case, unknown_angles
from benchmarks.multicamera import (
    CalibratedCamera,
    Triangulation,
    distances,
    least_squares,
    read_qualisys,
    triangulate,
)
from humanpose3d.errors import InvalidMotion
from humanpose3d.formats.mot import read_mot
from humanpose3d.formats.trc import read_trc
from humanpose3d.motion import FloatArray, Landmarks, Markers
from humanpose3d.options import RunOptions, Subject, Verticals
from humanpose3d.resampling import CLOCK_ROUNDING_S
from humanpose3d.skeleton import ALL_MARKERS, JOINT_GROUP_INDEX, JOINT_GROUPS, MARKERS
from services.angles.joints import joint_angles, pelvis
from services.augmenter.body import interpolate
from services.detector.stage import DETECTOR, DetectorInputs
from services.refiner.depth.markers import to_markers
from services.refiner.depth.smoothing import low_pass
from shared.artefacts import load, save
from shared.models import sha256, shipped
from shared.stage import silent
from training.scene.camera import Camera, azimuth_frame

SUBJECT: Final = Subject(height=1.72, weight=70)
"""From the demo's `Config.toml`; the height is its example value (examples/NOTICE.md)."""

REFERENCES: Final = ("triangulated", "pose2sim", "opensim")

_Y_UP: Final = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
"""The calibration's (x, y, z), Z up, is (y, z, x) in the reference's world, Y up."""

OPENSIM: Final = {
    ("hip", "flexion"): "hip_flexion",
    ("hip", "adduction"): "hip_adduction",
    ("hip", "internal_rotation"): "hip_rotation",
    ("knee", "flexion"): "knee_angle",
    ("ankle", "dorsiflexion"): "ankle_angle",
    ("ankle", "inversion"): "subtalar_angle",
    ("shoulder", "plane_of_elevation"): "sh_plane_elev",
    ("shoulder", "elevation"): "sh_elev",
    ("elbow", "flexion"): "elbow_flex",
}
"""Our joint and angle → the model's coordinate, whose sign is the same in all. The pelvis is converted through its
rotation. Left out: the trunk (six joints there), pronation and the shoulder's rotation (counted from elsewhere), and
what the model's hinges cannot do."""


AnglesFacing = Callable[[FloatArray], FloatArray]
"""(T, 12, 3) degrees as they are in a world turned by the given (3, 3): only the pelvis' rotation depends on it."""


@dataclass(frozen=True, eq=False)
class RealClip:
    """Detections of every camera, the camera positions, and the triangulated markers."""

    cameras: Sequence[CalibratedCamera]
    landmarks: Sequence[Landmarks]
    verticals: Sequence[Verticals | None]
    together: Triangulation

    @classmethod
    def read(cls, folder: Path, work: Path) -> Self:
        """From the demo's folder; detections are cached in the work folder.

        Raises InvalidMotion where files are missing or do not belong together.
        """
        calibration, videos = folder / "calibration" / "Calib.qca.txt", sorted((folder / "videos").glob("*.mp4"))
        if not calibration.is_file() or not videos:
            raise InvalidMotion(f"{folder} lacks calibration/Calib.qca.txt or videos/*.mp4 (see benchmarks/README.md).")
        cameras = {camera.name: camera for camera in read_qualisys(calibration)}
        if lost := [video.stem for video in videos if video.stem not in cameras]:
            raise InvalidMotion(f"{calibration.name} holds no camera of the name: {', '.join(lost)}.")
        landmarks, verticals = zip(*(detected(video, work) for video in videos), strict=True)
        if len({len(one.times) for one in landmarks}) > 1:
            raise InvalidMotion("The videos have different numbers of frames; they must show the same moments.")
        chosen = [cameras[video.stem] for video in videos]
        return cls(chosen, landmarks, verticals, triangulate(chosen, np.stack([one.pixels for one in landmarks])))

    def facts(self) -> dict[str, JsonValue]:
        """How well the cameras agree, in pixels, and what was corrected."""
        seen = np.stack([c.straightened(one.pixels) for c, one in zip(self.cameras, self.landmarks, strict=True)])
        plain = distances(self.cameras, seen, least_squares(self.cameras, seen))
        together = self.together
        names = [camera.name for camera in self.cameras]
        return {
            "reprojection_px": round(float(np.nanmean(together.error_px[together.used])), 2),
            "reprojection_plain_px": round(float(np.nanmean(plain)), 2),
            "left_right_swapped_share": _shares(names, together.swapped.mean(axis=1)),
            "left_out_share": _shares(names, 1 - together.used.mean(axis=(1, 2))),
            "camera_pitch_down_deg": _shares(names, [_pitch_roll(camera)[0] for camera in self.cameras]),
            "camera_roll_deg": _shares(names, [_pitch_roll(camera)[1] for camera in self.cameras]),
        }

    def cases(self, reference: str, data: Path) -> list[Case]:
        """Each camera separately against one of `REFERENCES`; data: the folder of Pose2Sim's and OpenSim's files."""
        times = self.landmarks[0].times
        markers, angles = np.full((len(times), len(MARKERS), 3), np.nan), _no_angles(len(times))
        if reference == "triangulated":
            markers = triangulated_markers(self.together, times)
        elif reference == "pose2sim":
            markers, angles = pose2sim_markers(data, times), pose2sim_angles(data, times)
        else:
            angles = opensim_angles(data, times)
        return [
            replace(_case(camera, landmarks, markers, angles), verticals=verticals)
            for camera, landmarks, verticals in zip(self.cameras, self.landmarks, self.verticals, strict=True)
        ]


def _case(calibrated: CalibratedCamera, landmarks: Landmarks, markers: FloatArray, angles: AnglesFacing) -> Case:
    frames = len(landmarks.times)
    camera = Camera(
        size=landmarks.image_size,
        focal=float(calibrated.matrix[0, 0]),
        rotations=np.tile(calibrated.rotation @ _Y_UP.T, (frames, 1, 1)),
        centres=np.tile(_Y_UP @ calibrated.centre, (frames, 1)),
    )
    turned = angles(azimuth_frame(camera)[0])
    return Case(calibrated.name, calibrated.name, landmarks, SUBJECT, camera, markers, turned)


def detected(video: Path, work: Path) -> tuple[Landmarks, Verticals | None]:
    """The detections in a video, from the work folder if the same model has processed the same video before."""
    model = sha256(shipped(f"pose_landmarker_{RunOptions().pose_model}.task"))
    folder = work / f"{video.stem}-{sha256(video)[:12]}-{model[:12]}"
    kept, lines = folder / "landmarks.npz", folder / "verticals.json"
    if not kept.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory() as scratch:
            found = DETECTOR.run(DetectorInputs(video, Path(scratch)), RunOptions(), silent)
        if found.verticals is not None:
            save(folder, lines.stem, found.verticals)
        save(folder, kept.stem, found.landmarks)
    return load(kept, Landmarks), load(lines, Verticals) if lines.is_file() else None


def triangulated_markers(together: Triangulation, times: FloatArray) -> FloatArray:
    """(T, 22, 3) metres, Y up."""
    return to_markers(low_pass(times, together.points @ _Y_UP.T), SUBJECT.height)


def pose2sim_markers(data: Path, times: FloatArray) -> FloatArray:
    """(T, 22, 3) metres, Y up, at these times; its files count time so that the first row is the video's frame 1."""
    found = read_trc(data / "pose2sim_21_markers.trc")
    return _at(times, found.times, _with_hip(found, MARKERS).positions)


def pose2sim_angles(data: Path, times: FloatArray) -> AnglesFacing:
    """Angles, by our definitions, of the 65 markers that Pose2Sim computed from four cameras."""
    found = _with_hip(read_trc(data / "pose2sim_lstm_markers.trc"), ALL_MARKERS)

    def facing(turn: FloatArray) -> FloatArray:
        turned = Markers(found.times, found.names, found.positions @ turn.T)
        return _at(times, found.times, joint_angles(turned))

    return facing


def opensim_angles(data: Path, times: FloatArray) -> AnglesFacing:
    """OpenSim's coordinates that correspond to one of our angles (`OPENSIM`)."""
    table = read_mot(data / "opensim_ik_lstm.mot").to_degrees()
    sequence = [table.column(f"pelvis_{name}") for name in ("tilt", "list", "rotation")]
    root = Rotation.from_euler("ZXY", np.stack(sequence, axis=1), degrees=True).as_matrix()

    def facing(turn: FloatArray) -> FloatArray:
        angles = unknown_angles(len(table.times))
        angles[:, JOINT_GROUP_INDEX["pelvis"]] = pelvis(turn @ root)
        for (joint, angle), coordinate in OPENSIM.items():
            for side in "rl":
                group = JOINT_GROUP_INDEX[f"{joint}_{side}"]
                column = JOINT_GROUPS[group].angles.index(angle)
                angles[:, group, column] = table.column(f"{coordinate}_{side}")
        return _at(times, table.times, angles)

    return facing


def _no_angles(frames: int) -> AnglesFacing:
    return lambda _turn: unknown_angles(frames)


def _with_hip(markers: Markers, names: tuple[str, ...]) -> Markers:
    """The same with the marker between the hips, which Pose2Sim's files leave out."""
    hip = (markers.position("RHip") + markers.position("LHip")) / 2
    positions = np.concatenate([markers.positions, hip[:, None]], axis=1)
    return Markers(markers.times, (*markers.names, "Hip"), positions).select(names)


def _at(times: FloatArray, known: FloatArray, values: FloatArray) -> FloatArray:
    """Values (K, ...) at other times; NaN before the first and after the last."""
    out = interpolate(times, known, values)
    out[(times < known[0] - CLOCK_ROUNDING_S) | (times > known[-1] + CLOCK_ROUNDING_S)] = np.nan
    return out


def _shares(names: Sequence[str], values: Sequence[float] | FloatArray) -> dict[str, JsonValue]:
    return {name: round(float(value), 3) for name, value in zip(names, values, strict=True)}


def _pitch_roll(camera: CalibratedCamera) -> tuple[float, float]:
    """Degrees: positive where it looks down, and where vertical objects lean to the right of the image."""
    x, y, z = camera.rotation[:, 2]
    return float(np.degrees(np.arcsin(-z))), float(np.degrees(np.arctan2(x, -y)))
