"""Camera motion and cuts, for quality.json and for the user."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import JsonValue

from humanpose3d.language import Said, text
from humanpose3d.motion import CameraMotion, FloatArray
from humanpose3d.options import QualityWarning, warning
from services.detector.camera.motion import Motion


@dataclass(frozen=True)
class _Extent:
    """Range of the camera's pan, tilt and roll in degrees; largest zoom over smallest."""

    pan: float
    tilt: float
    roll: float
    zoom: float


def _extent(motion: Motion) -> _Extent:
    turns = np.degrees(np.array(motion.turns).reshape(-1, 3))
    tilt, pan, roll = (float(np.ptp(axis)) if len(turns) else 0.0 for axis in turns.T)
    return _Extent(pan, tilt, roll, max(motion.zooms) / min(motion.zooms) if motion.zooms else 1.0)


def camera_facts(motion: Motion, used: CameraMotion | None) -> dict[str, JsonValue]:
    """Range of camera pan, tilt, roll and zoom, and whether it is compensated."""
    extent = _extent(motion)
    state = "compensated" if used is not None else "not compensated" if motion.moves else "still"
    return {
        "camera_motion": state,
        "camera_pan_deg": round(extent.pan, 3),
        "camera_tilting_deg": round(extent.tilt, 3),
        "camera_rolling_deg": round(extent.roll, 3),
        "camera_zoom": round(float(extent.zoom), 4),
        "camera_unexplained_share": round(float(np.mean(motion.doubtful)), 4) if motion.doubtful else 0.0,
    }


def camera_warnings(motion: Motion, used: CameraMotion | None) -> Iterator[QualityWarning]:
    """Warning that the camera moved, and which results it affects."""
    if used is not None:
        extent = _extent(motion)
        yield warning(
            "camera-moves",
            "The camera turned (pan {pan:.0f}°, tilt {tilt:.0f}°, roll {roll:.0f}°) and zoomed by "
            "{zoom:.2f}. This was measured in the background and removed from the path and the tilt, "
            "which are less certain than with a camera that stands still. Put it on a stand, and do "
            "not pan or zoom.",
            pan=extent.pan,
            tilt=extent.tilt,
            roll=extent.roll,
            zoom=float(extent.zoom),
        )
    elif motion.moves:
        yield warning(
            "camera-travels",
            "The camera moved, and not only about its own place: it was carried, or the background "
            "does not show how it moved. Do not use the person's path through the room, speeds of the "
            "whole body, heights above the floor or angles against the vertical (pelvis, trunk). Put "
            "the camera on a stand.",
        )


def cut_warnings(times: FloatArray, cuts: Sequence[float], start_s: float) -> Iterator[QualityWarning]:
    """Warning that the video cuts to another view; times (T,) of the analysed frames, all in seconds."""
    if not cuts:
        return
    yield warning(
        "video-cut",
        "The video is cut: at {cuts} another view begins. Only the part from {start:.2f} to "
        "{end:.2f} s was analysed, the longest with the person. For another part: --start and --end "
        "(start, end).",
        cuts=tuple(Said(text("{time:.2f} s"), {"time": float(cut - start_s)}) for cut in cuts),
        start=float(times[0] - start_s),
        end=float(times[-1] - start_s),
    )
