"""Every error that HumanPose3D raises on purpose, in one tree.

    HumanPose3DError
    ├── InputError                  the caller can mend it; the CLI exits with 2
    │   ├── VideoNotFound
    │   ├── UnreadableVideo
    │   │   └── NoVideoStream
    │   ├── VideoTooShort
    │   ├── NobodyDetected
    │   │   └── RarelyDetected
    │   ├── InvalidOption
    │   ├── InvalidMotion           arrays or files of motion that break their contract
    │   ├── OutputNotWritable
    │   └── ModelError
    │       ├── ModelNotFound
    │       └── ModelCorrupt
    └── Cancelled                   the run was stopped on request

A message says what is wrong and what to do about it, in words for the person who started the run. It never
holds a traceback or a path of the server: paths appear only where the caller gave them.
"""

from collections.abc import Mapping
from typing import ClassVar


class HumanPose3DError(Exception):
    """Root of the tree.

    `code` is stable and machine-readable, `status` the HTTP status (RFC 9110), `exit_code` what the CLI returns.
    """

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1


class InputError(HumanPose3DError):
    """What was asked for cannot be done as asked; the message says what to change."""

    code = "invalid-input"
    status = 422
    exit_code = 2


class VideoNotFound(InputError):
    """There is no file at the path given for the video."""

    code = "video-not-found"
    status = 404


class UnreadableVideo(InputError):
    """The file is not a video that can be decoded, or holds no frame."""

    code = "unreadable-video"


class NoVideoStream(UnreadableVideo):
    """The file is a media file, but has no picture (audio only)."""

    code = "no-video-stream"


class VideoTooShort(InputError):
    """Fewer frames than the analysis needs."""

    code = "video-too-short"


class NobodyDetected(InputError):
    """No person was found in any frame."""

    code = "nobody-detected"


class RarelyDetected(NobodyDetected):
    """A person was found in too small a share of the frames to trust the result."""

    code = "rarely-detected"


class InvalidOption(InputError):
    """Options are unknown or outside their range. `faults` says by option name what is wrong with each."""

    code = "invalid-option"

    def __init__(self, faults: Mapping[str, str]) -> None:
        self.faults = dict(faults)
        super().__init__("; ".join(f"{name}: {fault}" for name, fault in self.faults.items()))


class InvalidMotion(InputError):
    """Motion data (array or file) breaks its contract: shape, order of time, names or units."""

    code = "invalid-motion"


class OutputNotWritable(InputError):
    """Results cannot be written where they should go."""

    code = "output-not-writable"


class ModelError(InputError):
    """A model file cannot be used."""

    code = "model-error"


class ModelNotFound(ModelError):
    """A model file is missing."""

    code = "model-not-found"


class ModelCorrupt(ModelError):
    """A model file is not the one that this version was made with (its sha256 differs)."""

    code = "model-corrupt"


class Cancelled(HumanPose3DError):
    """The run was stopped on request."""

    code = "cancelled"
    status = 409
    exit_code = 130
