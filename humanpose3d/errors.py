"""Every error that HumanPose3D raises on purpose, in one tree.

    HumanPose3DError
    ├── InputError                  the caller can correct it; the CLI exits with 2
    │   ├── VideoNotFound
    │   ├── UnreadableVideo
    │   │   └── NoVideoStream
    │   ├── VideoTooShort
    │   ├── VideoTooLarge           image size or duration above the server's limit
    │   ├── NoPersonDetected
    │   │   ├── RarelyDetected
    │   │   └── NoPerson
    │   ├── InvalidOption
    │   ├── InvalidMotion           arrays or files of motion that break their contract
    │   ├── OutputNotWritable
    │   ├── InvalidSetting          the environment of a server process holds a bad value
    │   ├── InvalidKey              an object's name that no store takes
    │   └── ModelError
    │       ├── ModelNotFound
    │       └── ModelCorrupt
    ├── Cancelled                   the run was stopped on request
    ├── Unavailable                 a required service does not answer; a later attempt may succeed
    │   ├── BusUnavailable
    │   │   └── BusDiskFull
    │   ├── StoreUnavailable
    │   │   └── StoreFull
    │   └── ScratchFull             no room for work in progress on this machine
    ├── ObjectNotFound
    ├── StageCrashed                a stage ended without an answer: killed, out of memory, an internal error
    └── RunError                    a run cannot be changed in this way
        ├── RunNotFound
        ├── RunExists
        ├── RunChanged              another changed it first
        ├── RunOver                 it has ended
        ├── RunUnreadable           stored by another version in a form that this one does not understand
        ├── Superseded              another worker has taken over this task
        └── DuplicateTask           another message holds the same task

A message states what is wrong and what to do about it, for the person who started the run. It never contains a
traceback or a path of the server: only paths that the caller gave.
"""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from humanpose3d.language import Said, Value


class HumanPose3DError(Exception):
    """Root of the tree.

    `code` is stable and machine-readable, `status` the HTTP status (RFC 9110), `exit_code` what the CLI returns. `said`
    is the message for a `Translator`; as a string it is in English. Values are put into the places of `template`.
    """

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1

    def __init__(self, template: str = "", **values: Value) -> None:
        self.said = Said(template, values)
        super().__init__(str(self.said))


class InputError(HumanPose3DError):
    """The request cannot be carried out as given; the message states what to change."""

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
    """The file is a media file without a video stream (audio only)."""

    code = "no-video-stream"


class VideoTooShort(InputError):
    """Fewer frames than the analysis needs."""

    code = "video-too-short"


class VideoTooLarge(InputError):
    """The image is larger, or the video longer, than this server accepts."""

    code = "video-too-large"


class NoPersonDetected(InputError):
    """No person was found in any frame."""

    code = "nobody-detected"


class RarelyDetected(NoPersonDetected):
    """A person was found in too small a share of the frames to trust the result."""

    code = "rarely-detected"


class NoPerson(NoPersonDetected):
    """What was detected is most probably not a person."""

    code = "no-person"


class InvalidOption(InputError):
    """Options are unknown or outside their range. `faults` maps option names to what is wrong."""

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


class InvalidSetting(InputError):
    """A setting in the environment is missing or has a bad value; the message names its key."""

    code = "invalid-setting"


class InvalidKey(InputError):
    """An invalid object name: empty parts, `..`, control characters, too long."""

    code = "invalid-key"


class Unavailable(HumanPose3DError):
    """A required server does not answer, or reports that it cannot; a later attempt may succeed."""

    code = "unavailable"
    status = 503


class BusUnavailable(Unavailable):
    """The message bus cannot be reached or did not confirm."""

    code = "bus-unavailable"


class BusDiskFull(BusUnavailable):
    """The message bus cannot write: its disk is full, or was at its last write and it has not been restarted since."""

    code = "bus-disk-full"


class StoreUnavailable(Unavailable):
    """The object store cannot be reached, is full, or ended the connection."""

    code = "store-unavailable"


class StoreFull(StoreUnavailable):
    """The object store has no room left."""

    code = "store-full"


class ScratchFull(Unavailable):
    """The disk that holds work in progress has no room left, or cannot be written."""

    code = "scratch-full"


class ObjectNotFound(HumanPose3DError):
    """There is no object of this name in the store."""

    code = "object-not-found"
    status = 404


class StageCrashed(HumanPose3DError):
    """A stage ended without an answer."""

    code = "stage-crashed"


class RunError(HumanPose3DError):
    """A run cannot be changed in the way requested."""

    code = "run-conflict"
    status = 409


class RunNotFound(RunError):
    """There is no such run, or it was erased."""

    code = "run-not-found"
    status = 404


class RunExists(RunError):
    """A run with this key already exists."""

    code = "run-exists"


class RunChanged(RunError):
    """Another process changed the run after it was read."""

    code = "run-changed"


class RunOver(RunError):
    """The run has ended (completed, failed or cancelled) and stays as it is."""

    code = "run-over"


class RunUnreadable(RunError):
    """The run's state was stored by another version of HumanPose3D and cannot be read by this one.

    `owner` and `accepted_at` (ISO 8601) are None where they could not be read.
    """

    code = "run-unreadable"

    def __init__(self, run_id: str, owner: str | None, accepted_at: str | None) -> None:
        self.run_id, self.owner, self.accepted_at = run_id, owner, accepted_at
        super().__init__(
            f"Run {run_id} was stored by another version of HumanPose3D, which this one cannot read. "
            "Use that version again, or delete the run."
        )


class Superseded(RunError):
    """This attempt is obsolete: another delivery of the same task has claimed it."""

    code = "superseded"


class DuplicateTask(RunError):
    """Another message in the queue holds the same task."""

    code = "duplicate-task"


def of_code(code: str, message: str, faults: Mapping[str, str]) -> HumanPose3DError:
    """The error that another process reported: of the class with this code, or the root class where there is none.

    faults  of InvalidOption: what is wrong, by option name.
    """
    if code == InvalidOption.code:
        return InvalidOption(faults)
    found = {kind.__dict__.get("code"): kind for kind in _descendants(HumanPose3DError)}
    return found.get(code, HumanPose3DError)(message)


def _descendants(kind: type[HumanPose3DError]) -> Iterator[type[HumanPose3DError]]:
    for below in kind.__subclasses__():
        if below.__module__ == __name__:  # others need more than a message
            yield below
            yield from _descendants(below)
