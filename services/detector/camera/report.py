"""Camera motion and cuts, for quality.json and for the user."""

from collections.abc import Iterator, Sequence

import numpy as np
from pydantic import JsonValue

from humanpose3d.motion import CameraMotion, FloatArray
from humanpose3d.options import QualityWarning
from services.detector.camera.motion import Motion


def camera_facts(motion: Motion, used: CameraMotion | None) -> dict[str, JsonValue]:
    """Range of camera pan, tilt, roll and zoom, and whether it is compensated."""
    turns = np.degrees(np.array(motion.turns).reshape(-1, 3))
    tilt, pan, roll = (float(np.ptp(axis)) if len(turns) else 0.0 for axis in turns.T)
    zoom = max(motion.zooms) / min(motion.zooms) if motion.zooms else 1.0
    state = "compensated" if used is not None else "not compensated" if motion.moves else "still"
    return {
        "camera_motion": state,
        "camera_pan_deg": round(pan, 3),
        "camera_tilting_deg": round(tilt, 3),
        "camera_rolling_deg": round(roll, 3),
        "camera_zoom": round(float(zoom), 4),
        "camera_unexplained_share": round(float(np.mean(motion.doubtful)), 4) if motion.doubtful else 0.0,
    }


def camera_warnings(motion: Motion, used: CameraMotion | None) -> Iterator[QualityWarning]:
    """Warning that the camera moved, and which results it affects."""
    facts = camera_facts(motion, used)
    if used is not None:
        yield QualityWarning(
            code="camera-moves",
            message=f"The camera turned (pan {facts['camera_pan_deg']:.0f}°, tilt {facts['camera_tilting_deg']:.0f}°, "
            f"roll {facts['camera_rolling_deg']:.0f}°) and zoomed by {facts['camera_zoom']:.2f}. This was measured in "
            "the background and removed from the path and the tilt, which are less certain than with a camera that "
            "stands still. Put it on a stand, and do not pan or zoom.",
        )
    elif motion.moves:
        yield QualityWarning(
            code="camera-travels",
            message="The camera moved, and not only about its own place: it was carried, or the background does not "
            "show how it moved. Do not use the person's path through the room, speeds of the whole body, heights above "
            "the floor or angles against the vertical (pelvis, trunk). Put the camera on a stand.",
        )


def cut_warnings(times: FloatArray, cuts: Sequence[float], start_s: float) -> Iterator[QualityWarning]:
    """Warning that the video cuts to another view; times (T,) of the analysed frames, all in seconds."""
    if not cuts:
        return
    listed = ", ".join(f"{cut - start_s:.2f}" for cut in cuts)
    yield QualityWarning(
        code="video-cut",
        message=f"The video is cut: at {listed} s another view begins. Only the part from {times[0] - start_s:.2f} to "
        f"{times[-1] - start_s:.2f} s was analysed, the longest with the person. For another part: --start and --end "
        "(start, end).",
    )
