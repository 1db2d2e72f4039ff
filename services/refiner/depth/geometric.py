"""Geometric reconstruction of markers from landmarks, without a network: anthropometry, camera geometry and gravity."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from pydantic import JsonValue

from humanpose3d.motion import FloatArray, Landmarks
from humanpose3d.options import FOCAL_LENGTH, QualityWarning, Subject, Verticals, warning
from humanpose3d.skeleton import MARKERS
from services.refiner.depth.camera import Person, at_assumed_focal_length, person_in_camera
from services.refiner.depth.gravity import Gravity, Stance, estimate_gravity
from services.refiner.depth.ground import Placement, place
from services.refiner.depth.markers import to_markers
from services.refiner.depth.report import number, swap_facts, swap_warnings
from services.refiner.depth.scale import Scale, scale_of, visible_lengths
from services.refiner.depth.swaps import find_swaps, swap_sides
from services.refiner.vectors import Seen, part, pieces

_PLAUSIBLE_SCALE: Final = (0.8, 1.25)
_TILT_UNSURE_DEG: Final = 8.0
_TILT_LARGE_DEG: Final = 15.0


@dataclass(frozen=True)
class Reconstruction:
    """22 markers in the world frame (right-handed, Y up, metres), before filling, estimation and smoothing.

    initial  () → (T, 22, 3) as detected, only scaled and aligned; NaN where no person was detected. Computed when it
             is called, since it is large and needed last.
    markers  (T, 22, 3) refined; NaN also where a marker was occluded.
    facts, warnings, models: this part of the stage's report.
    spread  (T, 22) metres: standard deviation of `markers` along each axis, where it is known.
    """

    initial: Callable[[], FloatArray]
    markers: FloatArray
    facts: dict[str, JsonValue]
    warnings: tuple[QualityWarning, ...]
    models: dict[str, str]
    spread: FloatArray | None = None


class Reconstruct(Protocol):
    """Reconstructs world markers from landmarks, subject, minimum visibility, the image's upright lines (found at the
    assumed focal length) and the focal length, if known, as a share of the longer side."""

    def __call__(
        self,
        landmarks: Landmarks,
        subject: Subject,
        visibility_min: float,
        verticals: Verticals | None = None,
        focal_length: float | None = None,
    ) -> Reconstruction:
        """Reconstruct a whole clip."""
        ...


def geometric(
    landmarks: Landmarks,
    subject: Subject,
    visibility_min: float,
    verticals: Verticals | None = None,
    focal_length: float | None = None,
) -> Reconstruction:
    """Correct swapped sides, scale by body segments, find gravity and stand the person on the floor.

    Raises NoPersonDetected where no frame has a person whose position relative to the camera can be found.
    """
    swaps, times = find_swaps(landmarks), landmarks.times
    landmarks = at_assumed_focal_length(landmarks, focal_length)
    if verticals is not None and focal_length is not None:
        verticals = verticals.model_copy(
            update={"forward_slope": verticals.forward_slope * focal_length / FOCAL_LENGTH}
        )

    def given(frames: slice) -> Landmarks:
        return part(landmarks, frames)

    def corrected(frames: slice) -> Landmarks:
        return swap_sides(given(frames), swaps.swapped[frames])

    lengths = [visible_lengths(corrected(frames), visibility_min) for frames in pieces(len(times))]
    scale = scale_of(np.concatenate(lengths), subject.height)
    person = person_in_camera(times, corrected, scale.factor)
    stance = _stance(person, corrected, subject, visibility_min)
    gravity = estimate_gravity(times, stance, verticals, focal_known=focal_length is not None)
    placement = place((body for _, body in person.pieces()), gravity)
    as_given = person_in_camera(times, given, scale.factor) if swaps.frames.any() else person
    markers = np.empty((len(times), len(MARKERS), 3))
    for frames, body in person.pieces():
        visible = corrected(frames).visibility >= visibility_min
        markers[frames] = to_markers(np.where(visible[..., None], placement.to_world(body), np.nan), subject.height)
    swapped = swap_facts(times, swaps.frames, swaps.doubtful)
    return Reconstruction(
        initial=lambda: _initial(as_given, placement, subject),
        markers=markers,
        facts=swapped
        | tilt_facts(gravity, "estimated" if gravity.estimated else "assumed")
        | _scale_facts(scale)
        | _translation_facts(placement, focal_length),
        warnings=(*swap_warnings(swapped), *tilt_warnings(gravity), *_scale_warnings(scale, subject)),
        models={},
    )


def _initial(person: Person, placement: Placement, subject: Subject) -> FloatArray:
    """(T, 22, 3) metres, world."""
    markers = np.empty((len(person.shift), len(MARKERS), 3))
    for frames, body in person.pieces():
        markers[frames] = to_markers(placement.to_world(body), subject.height)
    return markers


def _stance(person: Person, seen: Seen, subject: Subject, visibility_min: float) -> Stance:
    return Stance.joined(
        Stance.of(body, seen(frames).visibility >= visibility_min, subject.height) for frames, body in person.pieces()
    )


def tilt_facts(gravity: Gravity, source: str) -> dict[str, JsonValue]:
    """The camera's tilt, and the source of the estimate."""
    return {
        "gravity": source,
        "gravity_by_upright_lines": gravity.lines,
        "gravity_by_floor": gravity.floor,
        "camera_pitch_deg": number(gravity.pitch_deg),
        "camera_pitch_sd_deg": number(gravity.pitch_sd_deg),
        "camera_roll_deg": number(gravity.roll_deg),
        "camera_roll_sd_deg": number(gravity.roll_sd_deg),
    }


def _scale_facts(scale: Scale) -> dict[str, JsonValue]:
    return {
        "scale": number(scale.factor),
        "scale_frames": scale.frames,
        "implied_stature_m": number(scale.implied_stature_m),
        "implied_stature_iqr_m": number(scale.implied_spread_m),
    }


def _translation_facts(placement: Placement, focal_length: float | None) -> dict[str, JsonValue]:
    return {
        "translation": "from image position and apparent size",
        "focal_length_of_longer_side": number(focal_length or FOCAL_LENGTH),
        "focal_length_known": focal_length is not None,
        "floor_slope_removed_deg": number(np.degrees(np.arctan(np.linalg.norm(placement.slope)))),
    }


def tilt_warnings(gravity: Gravity) -> Iterator[QualityWarning]:
    """What to do about a tilt that is large, uncertain or unknown."""
    tilt, unsure = np.hypot(gravity.pitch_deg, gravity.roll_deg), max(gravity.pitch_sd_deg, gravity.roll_sd_deg)
    if not gravity.estimated:
        yield warning(
            "camera-tilt-assumed",
            "The person never stands upright with the legs in view, so the camera's tilt is unknown "
            "and a level camera was assumed: pelvis and trunk angles are off by its tilt. Record from "
            "a level camera, and let the person stand for a second at the beginning.",
        )
    elif unsure > _TILT_UNSURE_DEG:
        yield warning(
            "camera-tilt-uncertain",
            "The camera's tilt is uncertain by {degrees:.0f}°, and pelvis and trunk angles with it: "
            "record a door frame or a corner of the room on either side of the person, let the person "
            "stand upright for a second, and state the focal length (focal_length_35mm) if you know it.",
            degrees=float(unsure),
        )
    if tilt > _TILT_LARGE_DEG:
        yield warning(
            "camera-tilted",
            "The camera was tilted by about {degrees:.0f}°. This was corrected, but depth suffers: "
            "record from a level camera at the height of the hips.",
            degrees=float(tilt),
        )


def _scale_warnings(scale: Scale, subject: Subject) -> Iterator[QualityWarning]:
    low, high = _PLAUSIBLE_SCALE
    if scale.frames == 0:
        yield warning(
            "scale-unknown",
            "Trunk and legs were never visible together, so the size could not be matched to the given "
            "height and lengths are the detector's own. Record the whole body.",
        )
    elif not low <= scale.factor <= high:
        yield warning(
            "scale-implausible",
            "The body in the image looks {stature:.2f} m tall, the height given is {height:.2f} m. "
            "Check the height (metres); lengths were scaled to it.",
            stature=scale.implied_stature_m,
            height=subject.height,
        )
