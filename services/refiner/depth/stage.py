"""The depth stage: from the detector's landmarks to 22 corrected markers in the world frame."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from humanpose3d.motion import CameraMotion, FloatArray, Landmarks, Markers, MarkerSd, read_only
from humanpose3d.options import QualityWarning, RunOptions, StageReport, Subject, Verticals, VideoFacts, warning
from humanpose3d.skeleton import MARKERS
from services.refiner.depth.camera import stabilised
from services.refiner.depth.gaps import fill_gaps
from services.refiner.depth.geometric import Reconstruct, geometric
from services.refiner.depth.missing import estimate_missing
from services.refiner.depth.neural import depth_network, neural
from services.refiner.depth.report import marker_facts, marker_warnings
from services.refiner.depth.smoothing import CUTOFF_HZ, can_filter, low_pass
from services.refiner.depth.view_checks import view_facts, view_warnings
from shared.stage import Progress, Stage


@dataclass(frozen=True)
class DepthInputs:
    """The detector's output, and the subject."""

    landmarks: Landmarks
    subject: Subject
    verticals: Verticals | None = None
    camera_motion: CameraMotion | None = None
    video_facts: VideoFacts | None = None

    @property
    def focal_length(self) -> float | None:
        """As a share of the image's longer side, where the user or the file states it."""
        return None if self.video_facts is None else self.video_facts.focal_length


@dataclass(frozen=True)
class DepthOutputs:
    """The 22 markers of `humanpose3d.skeleton.MARKERS`, world frame.

    initial_markers  as detected: scaled and aligned, not refined.
    markers          swapped sides corrected, occluded ones removed, short gaps filled; completed and smoothed on
                     request.
    marker_sd     their standard deviation, where a neural refiner states it.
    """

    initial_markers: Markers
    markers: Markers
    report: StageReport
    marker_sd: MarkerSd | None = None


def refine_depth(inputs: DepthInputs, options: RunOptions, progress: Progress) -> DepthOutputs:
    """Reconstruct the markers, fill short gaps, and on request estimate missing markers and smooth.

    Raises NoPersonDetected where no frame has a person, ModelNotFound and ModelError for a model that cannot be used.
    """
    reconstruct = method(options)
    landmarks, subject, times = inputs.landmarks, inputs.subject, inputs.landmarks.times
    if inputs.camera_motion is not None:
        landmarks = stabilised(landmarks, inputs.camera_motion)
    progress(0, len(times))
    reconstruction = reconstruct(landmarks, subject, options.visibility_min, inputs.verticals, inputs.focal_length)
    positions = reconstruction.markers
    gaps = fill_gaps(times, positions)
    estimated = np.zeros(positions.shape[:2], dtype=bool)
    if options.estimate_missing:
        estimated = estimate_missing(times, positions, subject.height)
    if options.temporal_smoothing:
        for path in np.moveaxis(positions, 1, 0):
            path[:] = low_pass(times, path)
    views = view_facts(times, positions, landmarks.visibility, subject.height)
    facts = marker_facts(gaps, estimated, positions) | views
    warnings = (
        *reconstruction.warnings,
        *view_warnings(views),
        *marker_warnings(facts),
        *_smoothing_warnings(times, options),
    )
    progress(len(times), len(times))
    return DepthOutputs(
        initial_markers=Markers(times, MARKERS, read_only(reconstruction.initial())),
        markers=Markers(times, MARKERS, read_only(positions)),
        report=StageReport(facts=reconstruction.facts | facts, warnings=warnings, models=reconstruction.models),
        marker_sd=_spread(times, reconstruction.spread),
    )


def method(options: RunOptions) -> Reconstruct:
    """The reconstruction: geometric, or by the network that the options request.

    Raises as `depth_network` does.
    """
    network = depth_network(options)
    return geometric if network is None else neural(network)


def _spread(times: FloatArray, values: FloatArray | None) -> MarkerSd | None:
    return None if values is None else MarkerSd(times, MARKERS, read_only(values))


def _smoothing_warnings(times: FloatArray, options: RunOptions) -> Iterator[QualityWarning]:
    if options.temporal_smoothing and not can_filter(times):
        yield warning(
            "not-smoothed",
            "The frame rate is too low for a filter at {cutoff:.0f} Hz, so nothing was smoothed. "
            "Record at 30 frames a second or more.",
            cutoff=CUTOFF_HZ,
        )


def check(options: RunOptions) -> None:
    """Raises ModelNotFound or ModelError where a named model cannot be used."""
    method(options)


DEPTH = Stage("refiner.depth", DepthInputs, DepthOutputs, refine_depth, check)
