"""What the container states about a video, and what was found while reading it, independent of the open file.

Both pass from the process that plans the work, and from those that read chunks, to the process that combines them.
"""

from collections.abc import Sequence
from typing import Self

import numpy as np
from pydantic import BaseModel, ConfigDict

from humanpose3d.motion import FloatArray
from humanpose3d.options import VideoFacts, focal_length_of_35mm
from services.detector.video.capture import AS_STORED, CaptureClock
from services.detector.video.tags import CameraTags
from services.detector.video.timeline import intervals, is_variable


class Medium(BaseModel):
    """A video as its container and its first frame describe it.

    width, height  of the upright image, pixels.
    rotation_deg   see `services.detector.video.orientation`.
    clock_s        seconds per tick of the stream's clock.
    interval_s     nominal time between frames.
    due_s          earliest end of the video according to the container; None where not stated.
    camera         what the file states about the camera; its focal length as a share of the image's longer side.
    """

    model_config = ConfigDict(frozen=True)

    width: int
    height: int
    rotation_deg: int
    codec: str
    container: str
    has_audio: bool
    clock_s: float
    interval_s: float
    due_s: float | None
    camera: CameraTags = CameraTags()

    def with_focal_length(self, millimetres_35mm: float | None) -> Self:
        """The same with the focal length that the user states, if any (35 mm equivalent, millimetres)."""
        if millimetres_35mm is None:
            return self
        stated = {"focal_length": focal_length_of_35mm(millimetres_35mm), "focal_length_from": "option"}
        return self.model_copy(update={"camera": self.camera.model_copy(update=stated)})

    @property
    def endless(self) -> Self:
        """The same for a part, whose end the container does not state."""
        return self.model_copy(update={"due_s": None})

    def turned(self, degrees: int) -> Self:
        """The same with the image turned clockwise by a multiple of 90 degrees."""
        width, height = (self.height, self.width) if degrees % 180 else (self.width, self.height)
        rotation = (self.rotation_deg + degrees) % 360
        return self.model_copy(update={"width": width, "height": height, "rotation_deg": rotation})


class Reading(BaseModel):
    """What was found while reading a video or a chunk of it.

    end_s          when the last frame ends; None where there was no frame.
    ends_early     whether the rest could not be read.
    damaged_parts  packets that could not be decoded, and frames that were decoded with errors.
    interlaced     whether any frame was.
    missing, repeated, resets  what had to be corrected in the times, see `services.detector.video.timeline`.
    """

    model_config = ConfigDict(frozen=True)

    end_s: float | None
    ends_early: bool = False
    damaged_parts: int = 0
    interlaced: bool = False
    missing: int = 0
    repeated: int = 0
    resets: int = 0

    @classmethod
    def joined(cls, readings: Sequence[Self]) -> Self:
        """Combine the findings of chunks, in order."""
        ends = [reading.end_s for reading in readings if reading.end_s is not None]
        return cls(
            end_s=ends[-1] if ends else None,
            ends_early=any(reading.ends_early for reading in readings),
            damaged_parts=sum(reading.damaged_parts for reading in readings),
            interlaced=any(reading.interlaced for reading in readings),
            missing=sum(reading.missing for reading in readings),
            repeated=sum(reading.repeated for reading in readings),
            resets=sum(reading.resets for reading in readings),
        )


def video_facts(
    medium: Medium,
    reading: Reading,
    times: FloatArray,
    clock: CaptureClock = AS_STORED,
    capture_fps: float | None = None,
) -> VideoFacts:
    """The facts of a video from which at least one frame was read.

    times  (T,) seconds of the recording, to which `clock` maps the file's.
    """
    assert reading.end_s is not None
    between = intervals(times, medium.interval_s)
    return VideoFacts(
        width=medium.width,
        height=medium.height,
        rotation_deg=medium.rotation_deg,
        codec=medium.codec,
        container=medium.container,
        frames=times.size,
        duration_s=float(clock(reading.end_s) - times[0]),
        average_fps=float(1 / between.mean()),
        variable_frame_rate=is_variable(between, medium.clock_s),
        frame_interval_min_s=float(np.min(between)),
        frame_interval_max_s=float(np.max(between)),
        truncated=reading.ends_early or (medium.due_s is not None and reading.end_s < medium.due_s),
        has_audio=medium.has_audio,
        capture_fps=capture_fps,
        focal_length=medium.camera.focal_length,
        focal_length_from=medium.camera.focal_length_from,
        lens=medium.camera.lens,
    )
