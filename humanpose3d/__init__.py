"""HumanPose3D: 3D markers and joint angles from one ordinary video of a person.

>>> from humanpose3d import run                                   # doctest: +SKIP
>>> r = run("walk.mp4", height=1.78, weight=75)                   # doctest: +SKIP
>>> r.angles["knee_r", "flexion"].max()                           # doctest: +SKIP

`run` analyses a video on this machine, `Client` on a server; `read_run` opens existing results. All names below are
imported on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from humanpose3d.client import Client, RunFailed
    from humanpose3d.connection import ApiError
    from humanpose3d.errors import (
        Cancelled,
        HumanPose3DError,
        InputError,
        InvalidMotion,
        InvalidOption,
        ModelCorrupt,
        ModelError,
        ModelNotFound,
        NoPerson,
        NoPersonDetected,
        NoVideoStream,
        OutputNotWritable,
        RarelyDetected,
        StageCrashed,
        UnreadableVideo,
        VideoNotFound,
        VideoTooLarge,
        VideoTooShort,
    )
    from humanpose3d.formats.trc import read_trc
    from humanpose3d.local_run import run
    from humanpose3d.motion import JointAngles, Landmarks, Markers
    from humanpose3d.results import Results, read_angles, read_run

__all__ = [
    "ApiError",
    "Cancelled",
    "Client",
    "HumanPose3DError",
    "InputError",
    "InvalidMotion",
    "InvalidOption",
    "JointAngles",
    "Landmarks",
    "Markers",
    "ModelCorrupt",
    "ModelError",
    "ModelNotFound",
    "NoPerson",
    "NoPersonDetected",
    "NoVideoStream",
    "OutputNotWritable",
    "RarelyDetected",
    "Results",
    "RunFailed",
    "StageCrashed",
    "UnreadableVideo",
    "VideoNotFound",
    "VideoTooLarge",
    "VideoTooShort",
    "read_angles",
    "read_run",
    "read_trc",
    "run",
]

_MODULES = {
    "ApiError": "connection",
    "Client": "client",
    "RunFailed": "client",
    "JointAngles": "motion",
    "Landmarks": "motion",
    "Markers": "motion",
    "Results": "results",
    "read_angles": "results",
    "read_run": "results",
    "read_trc": "formats.trc",
    "run": "local_run",
}
"""Module of each name that is not in `errors`."""


def __getattr__(name: str) -> Any:  # noqa: ANN401 -- any of the public names; type checkers see the imports above
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES.get(name, 'errors')}"), name)


def __dir__() -> list[str]:
    return __all__
