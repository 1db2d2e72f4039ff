"""The augmenter stage: 22 markers in, 22 + 43 out."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from services.augmenter.augment import augment
from services.augmenter.body import BodyFrame
from services.augmenter.complete import complete
from services.augmenter.gaps import unsupported
from services.augmenter.lstm import MODEL_FILES
from services.augmenter.report import report
from shared.contracts import RunOptions, StageReport, Subject
from shared.errors import InvalidMotion
from shared.models import shipped
from shared.motion import Markers, MarkerSpread
from shared.skeleton import ALL_MARKERS, MARKERS, RESPONSE_MARKERS
from shared.stage import Progress, Stage


@dataclass(frozen=True, eq=False)
class AugmenterInputs:
    """Markers named `MARKERS`, NaN where missing, and whose they are."""

    markers: Markers
    subject: Subject


@dataclass(frozen=True, eq=False)
class AugmenterOutputs:
    """Markers named `ALL_MARKERS`, the spread of the 43 added ones, and what to say about them."""

    augmented_markers: Markers
    marker_spread: MarkerSpread
    report: StageReport


def run(inputs: AugmenterInputs, options: RunOptions, progress: Progress) -> AugmenterOutputs:
    """Add the 43 anatomical markers.

    The inputs pass through unchanged, gaps and all. An added marker is missing where an input that it follows is
    missing (`gaps.FOLLOWS`), unless `force_complete` has it estimated; its spread is missing in both cases.

    Raises InvalidMotion where there is no frame, or nothing to place the body by.
    """
    markers = inputs.markers.select(MARKERS)
    frame = BodyFrame.of(markers.times, markers.positions, inputs.subject.height) if markers.times.size else None
    if frame is None:
        raise InvalidMotion("Neither the hips nor the neck are seen in any frame. Film the whole body.")
    cycles = options.augmentation_cycles
    progress(0, markers.times.size)
    added = augment(markers, frame, inputs.subject, cycles, progress)
    absent = unsupported(markers.positions)
    positions, estimated = added.positions, np.zeros_like(absent)
    if options.force_complete:
        positions, estimated = complete(positions, markers.positions, absent)
    positions = np.where((absent & ~estimated)[..., None], np.nan, positions)
    spread = MarkerSpread(markers.times, RESPONSE_MARKERS, np.where(absent, np.nan, added.spread))
    augmented = Markers(markers.times, ALL_MARKERS, np.concatenate((markers.positions, positions), axis=1))
    return AugmenterOutputs(augmented, spread, report(augmented, spread, estimated, frame, cycles))


def check(_options: RunOptions) -> None:
    """Raises ModelNotFound or ModelCorrupt where a network cannot be used."""
    for name in MODEL_FILES:
        shipped(name)


AUGMENTER: Final = Stage("augmenter", AugmenterInputs, AugmenterOutputs, run, check)
