"""What is shown while the detector works: the preview file, the live window, both or neither."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Self

import numpy as np
from pydantic import BaseModel, ConfigDict, JsonValue

from humanpose3d.options import QualityWarning, RunOptions, warning
from services.detector.display.face_blur import FaceHider
from services.detector.display.overlay import draw
from services.detector.display.window import Window
from services.detector.pose.landmarker import Pose
from services.detector.video.canvas import Canvas, fitted
from services.detector.video.preview import PieceWriter
from services.detector.video.reader import Frame

_log = logging.getLogger(__name__)


class ViewFacts(BaseModel):
    """Facts about the finished views.

    face_carried_frames, face_whole_frames  see `services.detector.display.face_blur`; 0 where no face is blurred.
    plays_in_browsers  whether browsers can play the preview's encoding.
    """

    model_config = ConfigDict(frozen=True)

    face_carried_frames: int = 0
    face_whole_frames: int = 0
    plays_in_browsers: bool = True

    @classmethod
    def joined(cls, facts: Sequence[Self]) -> Self:
        """Combine the facts of chunks."""
        return cls(
            face_carried_frames=sum(each.face_carried_frames for each in facts),
            face_whole_frames=sum(each.face_whole_frames for each in facts),
            plays_in_browsers=all(each.plays_in_browsers for each in facts),
        )

    def reported(self, options: RunOptions) -> dict[str, JsonValue]:
        """Facts about the face blur, if it was requested, for quality.json."""
        return self.model_dump(exclude={"plays_in_browsers"}) if options.blur_faces else {}

    def warnings(self) -> Iterator[QualityWarning]:
        """Warnings about what could not be shown as requested."""
        if not self.plays_in_browsers:
            codec = warning(
                "preview-codec",
                "The preview is MPEG-4 part 2, since there is no H.264 encoder here: browsers do not play it.",
            )
            _log.warning(codec.message)
            yield codec
        poorly_seen = self.face_carried_frames + self.face_whole_frames
        if poorly_seen:
            yield warning(
                "face-not-followed",
                "The head was not seen well in {count} frames: a larger part of the image is hidden "
                "there, or all of it. Look through the preview before you pass it on.",
                count=poorly_seen,
            )


class Views:
    """The views of a chunk, opened on `stack`, which closes them.

    preview  the chunk's piece of the preview; None where none is requested.
    """

    def __init__(
        self, stack: ExitStack, piece: Path, rate: Fraction, origin_s: float, options: RunOptions, window: Window | None
    ) -> None:
        self.preview = piece if options.writes_preview else None
        self._visibility_min = options.visibility_min
        self._hider = FaceHider() if options.blur_faces else None
        self._writer = stack.enter_context(PieceWriter(piece, rate, origin_s)) if options.writes_preview else None
        self._window = window

    def follow(self, frame: Frame, pose: Pose | None) -> None:
        """A warm-up frame: it is not shown, but updates the face position."""
        if self._hider:
            self._hider.follow(frame.time, _smaller(frame, pose))

    def show(self, frame: Frame, pose: Pose | None) -> None:
        """Draw the pose over the frame, blur the face if requested, and send the image to all views."""
        if not (self._writer or self._window):
            return
        canvas, pose = Canvas.of(frame.planes), _smaller(frame, pose)
        if self._hider:
            self._hider.hide(canvas, frame.time, pose)
        draw(canvas, pose, self._visibility_min)
        if self._writer:
            self._writer.write(frame.time, canvas)
        if self._window:
            self._window.show(canvas.rgb)

    @property
    def facts(self) -> ViewFacts:
        """So far."""
        return ViewFacts(
            face_carried_frames=self._hider.frames_carried if self._hider else 0,
            face_whole_frames=self._hider.frames_whole if self._hider else 0,
            plays_in_browsers=self._writer is None or self._writer.plays_in_browsers,
        )


def _smaller(frame: Frame, pose: Pose | None) -> Pose | None:
    """The pose in pixels of the preview."""
    size = frame.planes.size
    return None if pose is None else replace(pose, pixels=pose.pixels * np.divide(fitted(size), size))
