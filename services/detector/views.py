"""Where people can look on while the detector works: the preview file, the live window, both or neither."""

import logging
from contextlib import ExitStack
from pathlib import Path

from pydantic import JsonValue

from services.detector.faces import FaceHider
from services.detector.landmarker import Pose
from services.detector.overlay import draw
from services.detector.preview import PreviewWriter
from services.detector.video import Frame, Video
from services.detector.window import NoDisplay, Window
from shared.contracts import QualityWarning, RunOptions

_log = logging.getLogger(__name__)


class Views:
    """What `options` ask for, opened on `stack`, which closes it.

    preview   where the preview will lie; None where none is asked for.
    """

    def __init__(self, stack: ExitStack, video: Video, workdir: Path, options: RunOptions) -> None:
        self.preview = workdir / "preview.mp4" if options.writes_preview else None
        self._warnings: list[QualityWarning] = []
        self._visibility_min = options.visibility_min
        self._hider = FaceHider() if options.blur_faces else None
        self._writer = self._open_writer(stack, video) if options.writes_preview else None
        self._window = self._open_window(stack) if options.show_video else None

    def show(self, frame: Frame, pose: Pose | None) -> None:
        """Draw the pose over the frame, the face hidden where that is asked for, and show that everywhere."""
        if not (self._writer or self._window):
            return
        picture = self._hider.hide(frame, pose) if self._hider else frame.picture
        drawn = draw(picture, pose, self._visibility_min)
        if self._writer:
            self._writer.write(frame.time, drawn)
        if self._window:
            self._window.show(drawn)

    @property
    def facts(self) -> dict[str, JsonValue]:
        """How the face was hidden, where it was."""
        if self._hider is None:
            return {}
        return {"face_carried_frames": self._hider.frames_carried, "face_whole_frames": self._hider.frames_whole}

    @property
    def warnings(self) -> tuple[QualityWarning, ...]:
        """What could not be shown as asked."""
        if self._hider is None or not self._hider.frames_carried + self._hider.frames_whole:
            return tuple(self._warnings)
        message = (
            f"The head was not seen well in {self._hider.frames_carried + self._hider.frames_whole} frames: a larger "
            "part of the picture is hidden there, or all of it. Look through the preview before you pass it on."
        )
        return (*self._warnings, QualityWarning(code="face-not-followed", message=message))

    def _open_writer(self, stack: ExitStack, video: Video) -> PreviewWriter:
        assert self.preview is not None
        writer = stack.enter_context(PreviewWriter(self.preview, video.nominal_rate))
        if not writer.plays_in_browsers:
            message = "The preview is MPEG-4 part 2, since there is no H.264 encoder here: browsers do not play it."
            self._warn("preview-codec", message)
        return writer

    def _open_window(self, stack: ExitStack) -> Window | None:
        try:
            return stack.enter_context(Window("HumanPose3D"))
        except NoDisplay as reason:
            self._warn("no-display", f"No window is shown: {reason}. Or ask for a preview file (export_preview).")
            return None

    def _warn(self, code: str, message: str) -> None:
        _log.warning(message)
        self._warnings.append(QualityWarning(code=code, message=message))
