"""Neural reconstruction: a temporal transformer that maps landmarks to metric markers.

`models/depth_refiner.md` states its training data and accuracy. Its output is in an upright frame with the camera's
heading and the origin between the hips; it also corrects swapped sides, short feet and underestimated depth.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from humanpose3d.mapped import blocks, release
from humanpose3d.motion import FloatArray, Landmarks
from humanpose3d.options import FOCAL_LENGTH, QualityWarning, RunOptions, Subject, Verticals
from humanpose3d.skeleton import LANDMARK_INDEX, MARKER_INDEX, MARKERS
from services.refiner.depth.camera import Person, at_assumed_focal_length, placed
from services.refiner.depth.evidence import Evidence, estimate
from services.refiner.depth.floor import floor_evidence
from services.refiner.depth.geometric import Reconstruct, Reconstruction, geometric, tilt_facts, tilt_warnings
from services.refiner.depth.gravity import Gravity, gravity_of, slope_of, tilt_of, world_axes
from services.refiner.depth.ground import place
from services.refiner.depth.markers import MARKER_LANDMARKS
from services.refiner.depth.report import network_side_warnings, number, refiner_rejected, swap_facts
from services.refiner.depth.sides import compared
from services.refiner.depth.upright import doubted, probability_upright, tilt_by_lines
from services.refiner.vectors import pair, part, pieces, unit
from services.refiner.windows import WINDOW, Blend, ask_in_parts, window_indices
from shared.networks import Refiner, refiner

INPUTS: Final = ("image", "world", "visibility", "detected", "times", "size", "height", "verticals", "focal")
OUTPUTS: Final = ("markers", "spread", "tilt", "tilt_spread", "bearing")

_WINDOWS_AT_ONCE: Final = 16
"""Windows per call: nearly as fast as more, in 50 MB."""

_UNSURE_LINES_DEG: Final = 4.0
"""The network treats upright lines as exact, so lines whose pitch is less certain than balance are withheld from it."""

_ROLL_SD: Final = 1.6
"""Factor on the standard deviation that the network states of the roll where it is told of no vertical. With it, one
covers the error in 71 % of 190 rendered training clips and 63 % of 27 validation clips, without it in 52 and 41 %."""

_FALLBACK_STEP_S: Final = 1 / 30
"""Nominal frame interval of a clip with a single frame."""


class Answer(NamedTuple):
    """The network's output for every frame, NaN where no person was detected.

    markers (T, 22, 3) metres from the middle of the hips: x to the right of the image, y up, z towards the camera;
    spread (T, 22) metres, tilt (T, 2) pitch (up) and roll (clockwise, from behind) of the camera in radians, and their
    standard deviations (T, 2).
    """

    markers: FloatArray
    spread: FloatArray
    tilt: FloatArray
    tilt_spread: FloatArray


_Asked = Callable[[Verticals | None], tuple[Answer, Gravity]]
"""The network's answer and tilt, told of a vertical."""


def depth_network(options: RunOptions) -> Refiner | None:
    """The network that the options request, if any.

    Raises ModelNotFound where a named model does not exist, ModelError where it cannot be used.
    """
    return refiner(options, "depth", INPUTS, OUTPUTS)


def neural(network: Refiner) -> Reconstruct:
    """Reconstruction by this network; its initial markers are those of the geometric reconstruction."""

    def reconstruct(
        landmarks: Landmarks,
        subject: Subject,
        visibility_min: float,
        verticals: Verticals | None = None,
        focal_length: float | None = None,
    ) -> Reconstruction:
        base = geometric(landmarks, subject, visibility_min, verticals, focal_length)

        def asked(verticals: Verticals | None) -> tuple[Answer, Gravity]:
            answer = ask(network, landmarks, subject.height, verticals, base.markers, focal_length)
            return answer, _gravity(answer, lines=verticals is not None)

        rays = at_assumed_focal_length(landmarks, focal_length)
        answer, gravity = _with_lines_if_upright(asked, verticals, focal_length)
        standing = _in_camera(rays, answer, gravity)
        floor = floor_evidence(landmarks, standing, gravity, visibility_min, focal_known=focal_length is not None)
        if floor is not None:
            answer, gravity = _with_floor(asked, floor, gravity, focal_length)
            standing = _in_camera(rays, answer, gravity)
        _put_into_world(standing, answer, gravity)
        sides = compared(landmarks, answer.markers, world_axes(gravity.up))
        turned: dict[str, JsonValue] = {"facing_contradicted_share": number(sides.turned.mean())}
        if sides.contradicted:
            # again, since the output overwrote the first
            base = geometric(landmarks, subject, visibility_min, verticals, focal_length)
            rejected = refiner_rejected(float(sides.turned.mean()))
            return replace(base, facts=base.facts | turned, warnings=(*base.warnings, rejected), models=network.models)
        swaps = swap_facts(landmarks.times, sides.swapped, np.zeros_like(sides.swapped)) | turned
        tilt = tilt_facts(gravity, "from a network")
        return Reconstruction(
            initial=base.initial,
            markers=answer.markers,
            facts=base.facts | swaps | tilt | {"marker_sd_m": _mean_spread(answer.spread)},
            warnings=(*_still_true(base.warnings), *network_side_warnings(swaps), *tilt_warnings(gravity)),
            models=network.models,
            spread=answer.spread,
        )

    return reconstruct


def _with_lines_if_upright(
    asked: _Asked, verticals: Verticals | None, focal_length: float | None
) -> tuple[Answer, Gravity]:
    """The network's answer, told of the upright lines unless they contradict its answer without them."""
    answer, without = asked(None)
    if verticals is None or verticals.forward_slope_sd_deg > _UNSURE_LINES_DEG:
        return answer, without
    lines = tilt_by_lines(verticals, focal_length)
    upright = probability_upright(lines, without)
    if upright < 0.5:
        return answer, doubted(without, lines, upright)
    answer, gravity = asked(verticals)
    return answer, doubted(gravity, without, 1 - upright)


def _with_floor(asked: _Asked, floor: Evidence, gravity: Gravity, focal_length: float | None) -> tuple[Answer, Gravity]:
    """The network's answer, told of the vertical that the floor and its former tilt have in common, and levelled to
    it."""
    sd = np.array([gravity.roll_sd_deg, gravity.pitch_sd_deg])
    former = Evidence(slope_of(gravity.up), np.diag(sd**2), scaling=int(gravity.lines))
    slope, sd = estimate([former, floor], focal_known=focal_length is not None)
    found = gravity_of(slope, sd, lines=gravity.lines, floor=True)
    ahead = float(slope[1]) * (1.0 if focal_length is None else FOCAL_LENGTH / focal_length)
    answer, told = asked(Verticals(lateral_slope=float(slope[0]), forward_slope=ahead, looks=0))
    turn = world_axes(told.up) @ world_axes(found.up).T
    for piece in pieces(len(answer.markers)):
        answer.markers[piece] = answer.markers[piece] @ turn
    return answer, found


def ask(
    network: Refiner,
    landmarks: Landmarks,
    height: float,
    verticals: Verticals | None = None,
    into: FloatArray | None = None,
    focal_length: float | None = None,
) -> Answer:
    """Run the network over a whole clip, window by window; the markers are written `into` an array, or a new one.
    focal_length: in units of the image's longer side, where it is known.

    Where the landmarks have no image (`image` all NaN) it uses the 3D alone; z then need not point to a
    camera.
    """
    frames = len(landmarks.times)
    indices = window_indices(max(frames, WINDOW))
    room = [np.empty((max(frames, WINDOW), *shape)) for shape in ((22,), (2,), (2,), ())]
    blends = dict(zip(OUTPUTS, [Blend(_room(into, frames)), *map(Blend, room)], strict=True))
    for _ in ask_in_parts(
        network, indices, _feed(landmarks, height, verticals, focal_length), blends, _WINDOWS_AT_ONCE
    ):
        pass
    answers = [blend.finish() for blend in blends.values()]
    if frames < WINDOW:
        answers = [values[:frames] for values in answers]
    markers, spread, tilt, tilt_spread, bearing = answers
    unseen = ~landmarks.detected
    for values in (markers, spread, tilt, tilt_spread):
        values[unseen] = np.nan
    _turn(markers, bearing)
    return Answer(markers, spread, tilt, tilt_spread)


def _room(into: FloatArray | None, frames: int) -> FloatArray:
    """An array for the markers of a clip, or of one window where it is shorter."""
    return into if into is not None and frames >= WINDOW else np.empty((max(frames, WINDOW), len(MARKERS), 3))


def as_inputs(verticals: Verticals | None) -> FloatArray:
    """(3,) slopes and 1, or zeros: the network's input for the image's upright lines."""
    return np.zeros(3) if verticals is None else np.array([verticals.lateral_slope, verticals.forward_slope, 1.0])


def _feed(
    landmarks: Landmarks, height: float, verticals: Verticals | None, focal_length: float | None
) -> Callable[[NDArray[np.int64]], dict[str, FloatArray]]:
    """The network's inputs for windows by their frames; a clip shorter than a window repeats its last frame."""
    frames, times = len(landmarks.times), landmarks.times - landmarks.times[0]
    step = float(np.median(np.diff(times))) if frames > 1 else _FALLBACK_STEP_S
    times = np.append(times, times[-1] + step * np.arange(1, max(WINDOW - frames, 0) + 1))
    has_image = any(np.isfinite(block).any() for block in blocks(landmarks.pixels))
    size = np.array(landmarks.image_size, dtype=float) * has_image

    def feed(rows: NDArray[np.int64]) -> dict[str, FloatArray]:
        known = np.minimum(rows, frames - 1)
        release(landmarks.pixels, landmarks.world, landmarks.visibility)
        world = landmarks.world[known]
        return {
            "image": np.nan_to_num(landmarks.pixels[known]),
            "world": np.nan_to_num(world),
            "visibility": landmarks.visibility[known],
            "detected": np.isfinite(world).all(axis=(2, 3)).astype(float),
            "times": times[rows],
            "size": np.tile(size, (len(rows), 1)),
            "height": np.full(len(rows), height),
            "verticals": np.tile(as_inputs(verticals), (len(rows), 1)),
            "focal": np.full(len(rows), focal_length or 0.0),
        }

    return feed


def _turn(points: FloatArray, bearing: FloatArray) -> None:
    """Rotate points (T, N, 3) from the vertical plane through camera and hips to the camera's heading, which is
    `bearing` (T,) radians to the left of them."""
    for piece in pieces(len(points)):
        c, s = np.cos(bearing[piece])[:, None], np.sin(bearing[piece])[:, None]
        x, z = points[piece, :, 0].copy(), points[piece, :, 2].copy()
        points[piece, :, 0] = c * x - s * z
        points[piece, :, 2] = c * z + s * x


def _gravity(answer: Answer, *, lines: bool) -> Gravity:
    """Up in the camera frame, mean over the clip: the camera is static or sways about a mean. lines: whether the
    network was told of a vertical."""
    pitch, roll = answer.tilt.T
    up = np.stack([-np.sin(roll) * np.cos(pitch), -np.cos(roll) * np.cos(pitch), np.sin(pitch)], axis=1)
    mean = unit(np.nanmean(up, axis=0))
    # errors of neighbouring frames are fully correlated: their mean is as uncertain as each of them
    sd = np.degrees(np.nanmean(answer.tilt_spread, axis=0))
    roll_sd = float(sd[1]) * (1.0 if lines else _ROLL_SD)
    return Gravity(mean, *tilt_of(mean), float(sd[0]), roll_sd, estimated=True, lines=lines)


def _in_camera(landmarks: Landmarks, answer: Answer, gravity: Gravity) -> Person:
    """The markers as landmarks, translated to fit the image."""
    axes = world_axes(gravity.up)

    def seen(frames: slice) -> Landmarks:
        return part(landmarks, frames)

    def body(frames: slice) -> FloatArray:
        there = seen(frames).detected[:, None, None]
        points = np.where(there, np.zeros((1, len(LANDMARK_INDEX), 3)), np.nan)
        points[:, _LANDMARKS] = answer.markers[frames][:, _MARKERS] @ axes
        return points

    standing = placed(landmarks.times, seen, body)
    _bridge(landmarks, standing.shift)
    return standing


def _put_into_world(standing: Person, answer: Answer, gravity: Gravity) -> None:
    """Translate the markers to where they fit the image, above a floor at Y = 0."""
    placement = place((points for _, points in standing.pieces()), gravity)
    for frames, points in standing.pieces():
        hip = pair(placement.to_world(points), "hip").mean(axis=1)[:, None]
        answer.markers[frames] = hip + answer.markers[frames] - _mid_hip(answer.markers[frames])


def _bridge(landmarks: Landmarks, shift: FloatArray) -> None:
    """Where the network's body fits no position in front of the camera, since the detector swapped left and right, the
    position is interpolated; shift (T, 3) is changed."""
    known = np.isfinite(shift).all(axis=1)
    lost = landmarks.detected & ~known
    if known.any():
        for path in shift.T:
            path[lost] = np.interp(landmarks.times[lost], landmarks.times[known], path[known])


def _still_true(warnings: Iterable[QualityWarning]) -> Iterator[QualityWarning]:
    """Those of the geometric reconstruction's warnings that also apply to the network's markers."""
    return (warning for warning in warnings if not warning.code.startswith(("camera-tilt", "left-right")))


def _mean_spread(spread: FloatArray) -> dict[str, JsonValue]:
    """The network's stated standard deviation of each marker, mean over the clip."""
    return {name: number(value) for name, value in zip(MARKERS, np.nanmean(spread, axis=0), strict=True)}


def _mid_hip(markers: FloatArray) -> FloatArray:
    return np.asarray(markers[:, [MARKER_INDEX["LHip"], MARKER_INDEX["RHip"]]].mean(axis=1, keepdims=True))


_MARKERS: Final = [MARKER_INDEX[marker] for marker in MARKER_LANDMARKS]
_LANDMARKS: Final = [LANDMARK_INDEX[landmark] for landmark in MARKER_LANDMARKS.values()]
