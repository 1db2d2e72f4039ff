"""The augmenter stage: 22 markers in, 22 + 43 out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from humanpose3d.errors import InvalidMotion
from humanpose3d.mapped import blocks, empty
from humanpose3d.motion import Markers, MarkerSpread, read_only
from humanpose3d.options import RunOptions, StageReport, Subject
from humanpose3d.skeleton import ALL_MARKERS, MARKERS, RESPONSE_MARKERS
from services.augmenter.augment import Augmentation, augment_into
from services.augmenter.body import BodyFrame
from services.augmenter.complete import complete
from services.augmenter.gaps import unsupported
from services.augmenter.lstm import MODEL_FILES
from services.augmenter.report import report
from shared.models import shipped
from shared.stage import Progress, Stage


@dataclass(frozen=True, eq=False)
class AugmenterInputs:
    """Markers named `MARKERS`, NaN where missing, and the subject. workdir: for temporary files, where there is one."""

    markers: Markers
    subject: Subject
    workdir: Path | None = None


@dataclass(frozen=True, eq=False)
class AugmenterOutputs:
    """Markers named `ALL_MARKERS`, the spread of the 43 added ones, and the report."""

    augmented_markers: Markers
    marker_spread: MarkerSpread
    report: StageReport


def run(inputs: AugmenterInputs, options: RunOptions, progress: Progress) -> AugmenterOutputs:
    """Add the 43 anatomical markers.

    The inputs are returned unchanged, including gaps. An added marker is missing where an input that it depends on is
    missing (`gaps.FOLLOWS`), unless `force_complete` estimates it; its spread is missing in both cases.

    Raises InvalidMotion where there is no frame, or neither hips nor neck to locate the body.
    """
    markers = inputs.markers.select(MARKERS)
    frame = BodyFrame.of(markers.times, markers.positions, inputs.subject.height) if markers.times.size else None
    if frame is None:
        raise InvalidMotion("Neither the hips nor the neck are seen in any frame. Record the whole body.")
    cycles, frames = options.augmentation_cycles, markers.times.size
    progress(0, frames)
    positions = empty((frames, len(ALL_MARKERS), 3), inputs.workdir)
    spread = np.empty((frames, len(RESPONSE_MARKERS)))
    for whole, given in zip(blocks(positions), blocks(markers.positions), strict=True):
        whole[:, : len(MARKERS)] = given
    responses = positions[:, len(MARKERS) :]
    augment_into(Augmentation(responses, spread), markers, frame, inputs.subject, cycles, progress)
    absent = unsupported(markers.positions)
    estimated = complete(responses, markers.positions, absent) if options.force_complete else np.zeros_like(absent)
    responses[absent & ~estimated] = np.nan
    spread[absent] = np.nan
    augmented = Markers(markers.times, ALL_MARKERS, read_only(positions))
    stated = MarkerSpread(markers.times, RESPONSE_MARKERS, read_only(spread))
    return AugmenterOutputs(augmented, stated, report(augmented, stated, estimated, frame, cycles))


def check(_options: RunOptions) -> None:
    """Raises ModelNotFound or ModelCorrupt where a network cannot be used."""
    for name in MODEL_FILES:
        shipped(name)


AUGMENTER: Final = Stage("augmenter", AugmenterInputs, AugmenterOutputs, run, check)
