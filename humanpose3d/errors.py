"""Every error that HumanPose3D raises on purpose, in one tree.

    HumanPose3DError
    ├── InputError                  the caller can mend it; the CLI exits with 2
    │   ├── VideoNotFound
    │   ├── UnreadableVideo
    │   │   └── NoVideoStream
    │   ├── VideoTooShort
    │   ├── VideoTooLarge           more picture or more time than a server takes
    │   ├── NobodyDetected
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
    ├── Unavailable                 what we depend on does not answer; the same may succeed later
    │   ├── BusUnavailable
    │   │   └── BusDiskFull
    │   ├── StoreUnavailable
    │   │   └── StoreFull
    │   └── ScratchFull             no room for work in progress on this machine
    ├── ObjectNotFound
    ├── StageCrashed                a stage ended without an answer: killed, out of memory, a fault of ours
    └── RunError                    a run cannot be changed in this way
        ├── RunNotFound
        ├── RunExists
        ├── RunChanged              somebody else changed it first
        ├── RunOver                 it has ended
        ├── RunUnreadable           another version stored it in a form that this one does not understand
        ├── Superseded              another worker has taken this piece of work over
        └── DuplicateTask           another message holds the same piece of work

A message says what is wrong and what to do about it, in words for the person who started the run. It never
holds a traceback or a path of the server: paths appear only where the caller gave them.
"""

from collections.abc import Iterator, Mapping
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


class VideoTooLarge(InputError):
    """The picture is larger, or the video longer, than this server takes."""

    code = "video-too-large"


class NobodyDetected(InputError):
    """No person was found in any frame."""

    code = "nobody-detected"


class RarelyDetected(NobodyDetected):
    """A person was found in too small a share of the frames to trust the result."""

    code = "rarely-detected"


class NoPerson(NobodyDetected):
    """What was found is most probably no person."""

    code = "no-person"


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


class InvalidSetting(InputError):
    """A setting in the environment is missing or has a bad value; the message names its key."""

    code = "invalid-setting"


class InvalidKey(InputError):
    """A name that cannot be an object's: empty parts, `..`, control characters, too long."""

    code = "invalid-key"


class Unavailable(HumanPose3DError):
    """A server that we depend on does not answer, or says that it cannot; trying again later may succeed."""

    code = "unavailable"
    status = 503


class BusUnavailable(Unavailable):
    """The message bus cannot be reached or did not confirm."""

    code = "bus-unavailable"


class BusDiskFull(BusUnavailable):
    """The message bus cannot write: its disk is full, or was when it last wrote and it has not been restarted since."""

    code = "bus-disk-full"


class StoreUnavailable(Unavailable):
    """The object store cannot be reached, is full, or broke off."""

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
    """A run cannot be changed in the way asked for."""

    code = "run-conflict"
    status = 409


class RunNotFound(RunError):
    """There is no such run, or it was erased."""

    code = "run-not-found"
    status = 404


class RunExists(RunError):
    """There is a run of this key already."""

    code = "run-exists"


class RunChanged(RunError):
    """The run was changed by somebody else since it was read."""

    code = "run-changed"


class RunOver(RunError):
    """The run has ended (completed, failed or cancelled) and stays as it is."""

    code = "run-over"


class RunUnreadable(RunError):
    """The run's state was stored by another version of HumanPose3D and cannot be read by this one.

    `owner` and `accepted_at` (ISO 8601) are what could be understood of it; None where they could not.
    """

    code = "run-unreadable"

    def __init__(self, run_id: str, owner: str | None, accepted_at: str | None) -> None:
        self.run_id, self.owner, self.accepted_at = run_id, owner, accepted_at
        super().__init__(
            f"Run {run_id} was stored by another version of HumanPose3D, which this one cannot read. "
            "Use that version again, or delete the run."
        )


class Superseded(RunError):
    """This piece of work counts no more: another delivery of the same task has claimed it."""

    code = "superseded"


class DuplicateTask(RunError):
    """Another message in the queue holds the same piece of work."""

    code = "duplicate-task"


def of_code(code: str, message: str, faults: Mapping[str, str]) -> HumanPose3DError:
    """The error that another process reported: of the class with this code, the root's where there is none.

    faults  of InvalidOption: what is wrong, by option name.
    """
    if code == InvalidOption.code:
        return InvalidOption(faults)
    found = {kind.__dict__.get("code"): kind for kind in _descendants(HumanPose3DError)}
    return found.get(code, HumanPose3DError)(message)


def _descendants(kind: type[HumanPose3DError]) -> Iterator[type[HumanPose3DError]]:
    for below in kind.__subclasses__():
        if below.__module__ == __name__:  # others take more than a message
            yield below
            yield from _descendants(below)
