"""The stage that turns the 65 markers of a run into joint angles."""

from dataclasses import dataclass
from typing import Final

from humanpose3d.errors import InvalidMotion
from humanpose3d.motion import JointAngles, Markers, read_only
from humanpose3d.options import RunOptions, StageReport
from services.angles.joints import joint_angles
from services.angles.report import report
from shared.stage import Progress, Stage


@dataclass(frozen=True)
class AnglesInputs:
    """The 22 + 43 markers of a run, in the world frame: Y up, metres."""

    augmented_markers: Markers


@dataclass(frozen=True)
class AnglesOutputs:
    """The 12 joint groups × 3 angles, degrees, and what there is to say about them."""

    angles: JointAngles
    report: StageReport


def run(inputs: AnglesInputs, _options: RunOptions, progress: Progress) -> AnglesOutputs:
    """Joint angles in degrees. Raises InvalidMotion where a marker's name is missing or there is no frame."""
    markers = inputs.augmented_markers
    frames = markers.times.size
    if not frames:
        raise InvalidMotion("There are no frames to compute joint angles from.")
    progress(0, frames)
    angles = JointAngles(markers.times, read_only(joint_angles(markers)))
    progress(frames, frames)
    return AnglesOutputs(angles, report(markers, angles))


ANGLES: Final = Stage("angles", AnglesInputs, AnglesOutputs, run)
