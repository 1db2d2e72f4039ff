"""The stage that turns the 65 markers of a run into joint angles, through a skeleton that is fitted to all of them."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from humanpose3d.errors import InvalidMotion
from humanpose3d.motion import AngleSd, JointAngles, Markers, MarkerSd, read_only
from humanpose3d.neutral import NeutralStance
from humanpose3d.options import RunOptions, StageReport, Subject
from services.angles import opensim
from services.angles.neutral import stance_of
from services.angles.report import report
from services.angles.skeleton.model import shipped_model
from services.angles.skeleton.recording import follow
from shared.stage import Progress, Stage


@dataclass(frozen=True)
class AnglesInputs:
    """The 22 + 43 markers of a run, in the world frame (Y up, metres), and the subject.

    marker_sd: standard deviations of the 22, where the depth refiner states them. workdir: for files. given_stance:
    the neutral stance of the run that `neutral_run` names.
    """

    augmented_markers: Markers
    subject: Subject
    workdir: Path
    marker_sd: MarkerSd | None = None
    given_stance: NeutralStance | None = None


@dataclass(frozen=True)
class AnglesOutputs:
    """The 12 joint groups × 3 angles and their standard deviation, degrees, and the report.

    opensim_model and opensim_motion are files in the scratch folder, neutral_stance what angles are also counted from,
    if requested.
    """

    angles: JointAngles
    angle_sd: AngleSd
    report: StageReport
    opensim_model: Path | None = None
    opensim_motion: Path | None = None
    neutral_stance: NeutralStance | None = None


def run(inputs: AnglesInputs, options: RunOptions, progress: Progress) -> AnglesOutputs:
    """Joint angles in degrees.

    Raises InvalidMotion where a marker's name is missing or there is no frame, InvalidOption where a neutral stance is
    none, ModelNotFound or ModelCorrupt where the skeleton's file is.
    """
    markers = replace(inputs.augmented_markers, times=np.round(inputs.augmented_markers.times, 9))  # as written
    frames = markers.times.size
    if not frames:
        raise InvalidMotion("There are no frames to compute joint angles from.")
    progress(0, frames)
    found = follow(
        markers,
        inputs.marker_sd,
        inputs.subject,
        lambda done: progress(done, frames),
        coordinates=options.opensim,
        scales=None if inputs.given_stance is None else inputs.given_stance.segment_scales,
    )
    times = inputs.augmented_markers.times
    angles, sd = JointAngles(times, read_only(found.angles)), AngleSd(times, read_only(found.angle_sd))
    stance = stance_of(angles, options, inputs.subject, found.personal.scales, inputs.given_stance)
    model, motion = None, None
    if options.opensim:
        model, motion = opensim.write(found, markers, inputs.subject, inputs.workdir)
    return AnglesOutputs(angles, sd, report(markers, angles, found), model, motion, stance)


def check(_options: RunOptions) -> None:
    """Raises ModelNotFound or ModelCorrupt where the skeleton cannot be used."""
    shipped_model()


ANGLES: Final = Stage("angles", AnglesInputs, AnglesOutputs, run, check)
