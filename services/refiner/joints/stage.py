"""The joint stage: joint angles corrected by a network that also states their standard deviation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from humanpose3d.errors import InvalidMotion, ModelNotFound
from humanpose3d.motion import AngleSd, FloatArray, JointAngles, Landmarks, MarkerSd, MarkerSpread, read_only
from humanpose3d.neutral import NeutralStance
from humanpose3d.options import RunOptions, StageReport
from humanpose3d.skeleton import JOINT_GROUP_INDEX, MARKERS
from services.refiner.joints.report import report
from services.refiner.windows import Blend, ask_in_parts, window_indices
from shared.networks import Refiner, refiner
from shared.stage import Progress, Stage

INPUTS: Final = ("angles", "visibility", "depth_spread", "marker_spread", "times")
"""Inputs of the network, for N windows of T frames: angles (N, T, 12, 3) degrees, visibility (N, T, 33), depth_spread
(N, T, 22) and marker_spread (N, T, 43) metres, NaN where missing, times (N, T) seconds."""

OUTPUTS: Final = ("correction", "spread")
"""Outputs of the network, each (N, T, 12, 3) degrees: the correction, and the standard deviation of the result."""

_WINDOWS_AT_ONCE: Final = 8
"""Windows per call: as fast as more, in 100 MB."""

_SHOULDERS: Final = [JOINT_GROUP_INDEX["shoulder_r"], JOINT_GROUP_INDEX["shoulder_l"]]


@dataclass(frozen=True, eq=False)
class JointInputs:
    """The angles, and the evidence of their quality: visibility, and the spreads of the previous stages."""

    angles: JointAngles
    landmarks: Landmarks
    marker_sd: MarkerSd | None
    marker_spread: MarkerSpread
    neutral_stance: NeutralStance | None = None


@dataclass(frozen=True, eq=False)
class JointOutputs:
    """The refined angles, missing where the input is missing, and their standard deviation.

    neutral_stance: where there is one, of the refined angles.
    """

    refined_angles: JointAngles
    angle_sd: AngleSd
    report: StageReport
    neutral_stance: NeutralStance | None = None


def refine_joints(inputs: JointInputs, options: RunOptions, progress: Progress) -> JointOutputs:
    """Correct the angles.

    Raises ModelNotFound, ModelCorrupt or ModelError where the network cannot be used, InvalidMotion without a frame.
    """
    network, angles, stance = _network(options), inputs.angles, inputs.neutral_stance
    if not angles.times.size:
        raise InvalidMotion("There are no frames whose joint angles could be refined.")
    progress(0, angles.times.size)
    asked = _Asked(angles, inputs.landmarks.visibility, inputs.marker_sd, inputs.marker_spread)
    del inputs  # these arrays of a long recording are large and no longer needed
    correction, spread = _answer(network, asked, progress)
    spread[np.isnan(angles.values)] = np.nan
    after = JointAngles(angles.times, read_only(refined(angles.values, correction)))
    stated = AngleSd(angles.times, read_only(spread))
    if stance is not None and stance.run is None:
        stance = stance.measured_in(after)
    return JointOutputs(after, stated, report(angles, after, stated, network.models), stance)


def refined(angles: FloatArray, correction: FloatArray) -> FloatArray:
    """(T, 12, 3) degrees, in place of `correction`: the sum, with shoulder angles wrapped to their range.

    By definition that is (−180, 180] for plane of elevation and internal rotation, [0, 180] for the elevation. The
    pelvis's rotation keeps counting whole turns.
    """
    out = np.add(angles, correction, out=correction)
    for axis in (0, 2):
        turn = out[:, _SHOULDERS, axis]
        out[:, _SHOULDERS, axis] = 180 - (180 - turn) % 360
    out[:, _SHOULDERS, 1] = np.clip(out[:, _SHOULDERS, 1], 0, 180)
    return out


def check(options: RunOptions) -> None:
    """Raises ModelNotFound, ModelCorrupt or ModelError where the network cannot be used."""
    _network(options)


def _network(options: RunOptions) -> Refiner:
    network = refiner(options, "joints", INPUTS, OUTPUTS)
    if network is None:
        raise ModelNotFound("No joint refiner was requested: name a model with joint_model_path.")
    return network


@dataclass(frozen=True, eq=False)
class _Asked:
    """The network's inputs."""

    angles: JointAngles
    visibility: FloatArray
    marker_sd: MarkerSd | None
    marker_spread: MarkerSpread


def _answer(network: Refiner, inputs: _Asked, progress: Progress) -> tuple[FloatArray, FloatArray]:
    """Correction and standard deviation, each (T, 12, 3) degrees without missing values."""
    times = inputs.angles.times
    indices = window_indices(times.size)
    blends = {name: Blend(np.empty_like(inputs.angles.values)) for name in OUTPUTS}
    for done in ask_in_parts(network, indices, _feed(inputs), blends, _WINDOWS_AT_ONCE):
        progress(times.size * done // len(indices), times.size)
    correction, spread = (blend.finish() for blend in blends.values())
    return correction, spread


def _feed(inputs: _Asked) -> Callable[[NDArray[np.int64]], dict[str, FloatArray]]:
    """The network's inputs for windows by their frames."""
    every = {
        "angles": inputs.angles.values,
        "visibility": inputs.visibility,
        "marker_spread": inputs.marker_spread.values,
        "times": inputs.angles.times - inputs.angles.times[0],
    }

    def feed(rows: NDArray[np.int64]) -> dict[str, FloatArray]:
        known = {name: values[rows] for name, values in every.items()}
        depth = inputs.marker_sd
        known["depth_spread"] = np.full((*rows.shape, len(MARKERS)), np.nan) if depth is None else depth.values[rows]
        return known

    return feed


JOINTS: Final = Stage("refiner.joints", JointInputs, JointOutputs, refine_joints, check)
