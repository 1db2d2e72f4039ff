"""The detector's facts, and its warnings about what to know before trusting the numbers."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from pydantic import JsonValue

from humanpose3d.language import text
from humanpose3d.motion import FloatArray, Landmarks
from humanpose3d.options import PoseModel, QualityWarning, VideoFacts, warning
from humanpose3d.skeleton import LANDMARK_INDEX, LANDMARKS
from services.detector.camera.orientation_check import Turn
from services.detector.video.container import Reading
from shared.body_parts import body_parts

LIMBS: Final = tuple(
    f"{side}_{joint}"
    for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "heel", "foot_index")
    for side in ("left", "right")
)
"""The landmarks from which markers are made: all but face and fingers."""

GOOD_DETECTION_RATE: Final = 0.9
GOOD_VISIBILITY: Final = 0.5
TOLERATED_OUTSIDE_RATE: Final = 0.1

MODEL_BODY_PX: Final = 200
"""The landmark model sees 256 × 256 pixels, of which the body fills 1/1.25: smaller bodies are upsampled."""

FASTEST_TORSO_LENGTHS_S: Final = 30.0
"""About 15 m/s at half a metre from shoulders to hips: faster than anyone runs (the record is 12.4 m/s)."""


def facts(
    video: VideoFacts, reading: Reading, turn: Turn, landmarks: Landmarks, pose_model: PoseModel
) -> dict[str, JsonValue]:
    """The detector's section of quality.json. Means are taken over the frames in which the person was found."""
    visibility = landmarks.visibility[landmarks.detected].mean(axis=0)
    return {
        "pose_model": pose_model,
        "detection_rate": float(landmarks.detected.mean()),
        "between_detections_longest_s": _longest_between(landmarks),
        "visibility": {name: float(visibility[index]) for index, name in enumerate(LANDMARKS)},
        "body_size_px": body_size_px(landmarks),
        "outside_image_rate": outside_image_rate(landmarks),
        "body_jumps": body_jumps(landmarks),
        "turned_deg": turn.degrees,
        "turned_looks": turn.looks,
        "turned_standing_share": {str(degrees): share for degrees, share in turn.standing_share.items()},
        "turned_text_deg": turn.text_degrees,
        "interlaced": reading.interlaced,
        "damaged_parts": reading.damaged_parts,
        "timestamps_missing": reading.missing,
        "timestamps_repeated": reading.repeated,
        "timestamps_reset": reading.resets,
        **video.model_dump(),
    }


def warnings(video: VideoFacts, reading: Reading, turn: Turn, landmarks: Landmarks) -> Iterator[QualityWarning]:
    """Warnings about the video, then about the detection."""
    yield from _of_the_file(video, reading)
    yield from _of_the_turn(turn)
    yield from _of_the_times(video, reading)
    yield from _of_the_person(landmarks)
    yield from _of_the_framing(landmarks)


def body_size_px(landmarks: Landmarks) -> float:
    """Median over time of the longer side of the box around all landmarks, pixels."""
    image = landmarks.pixels[landmarks.detected]
    return float(np.median((image.max(axis=1) - image.min(axis=1)).max(axis=1)))


def outside_image_rate(landmarks: Landmarks) -> float:
    """Share of the frames with a person in which a limb's landmark is outside the image, and so extrapolated."""
    image = landmarks.pixels[landmarks.detected][:, _indices(LIMBS)]
    outside = (image < 0) | (image > landmarks.image_size)
    return float(outside.any(axis=(1, 2)).mean())


def body_jumps(landmarks: Landmarks) -> int:
    """How often the torso moved faster than humanly possible, by over half its length: another body was tracked."""
    torso = landmarks.pixels[landmarks.detected][
        :, _indices(("left_shoulder", "right_shoulder", "left_hip", "right_hip"))
    ]
    corners = torso[:, :, np.newaxis] - torso[:, np.newaxis]
    length = np.linalg.norm(corners, axis=-1).max(axis=(1, 2))
    distance = np.linalg.norm(np.diff(torso.mean(axis=1), axis=0), axis=-1) / np.maximum(length[1:], length[:-1])
    duration = np.diff(landmarks.times[landmarks.detected])
    return int(np.sum((distance > 0.5) & (distance > FASTEST_TORSO_LENGTHS_S * duration)))


def _of_the_file(video: VideoFacts, reading: Reading) -> Iterator[QualityWarning]:
    if video.truncated:
        yield warning(
            "truncated",
            "The video ends after {seconds:.1f} s, before the end that it states. What is there was "
            "analysed; if a part is missing, copy or export the video again.",
            seconds=video.duration_s,
        )
    if reading.damaged_parts:
        yield warning(
            "damaged",
            "{count} parts of the video could not be decoded and are missing. Copy or export the video again.",
            count=reading.damaged_parts,
        )
    if reading.interlaced:
        yield warning(
            "interlaced",
            "The video is interlaced: fast limbs are torn into lines. Video progressive (p, not i), or "
            "deinterlace the video before.",
        )


def _of_the_turn(turn: Turn) -> Iterator[QualityWarning]:
    if not turn.degrees:
        return
    yield warning(
        "video-turned",
        "The video's rotation information is missing or wrong. It was turned clockwise by {degrees}° "
        "for the analysis: in {share:.0%} of {looks} frames the person stands upright so{besides}. If the "
        "person was lying or upside down in truth, begin the video with a second of standing.",
        degrees=turn.degrees,
        share=turn.standing_share[turn.degrees],
        looks=turn.looks,
        besides=(text(", and text in view reads so"),) if turn.text_degrees == turn.degrees else (),
    )


def _of_the_times(video: VideoFacts, reading: Reading) -> Iterator[QualityWarning]:
    if video.variable_frame_rate:
        yield warning(
            "variable-frame-rate",
            "The time between frames varies from {shortest:.1f} to {longest:.1f} ms. Each frame's own "
            "time is used; for fast movements record at a constant frame rate.",
            shortest=video.frame_interval_min_s * 1000,
            longest=video.frame_interval_max_s * 1000,
        )
    if reading.missing or reading.repeated or reading.resets:
        yield warning(
            "timestamps-mended",
            "The video's clock is faulty: {missing} frames without a time (a constant frame rate was "
            "assumed), {repeated} repeated or out of order (left out), {resets} times set back. Speeds "
            "may be wrong; export the video again.",
            missing=reading.missing,
            repeated=reading.repeated,
            resets=reading.resets,
        )


def _of_the_person(landmarks: Landmarks) -> Iterator[QualityWarning]:
    rate = float(landmarks.detected.mean())
    if rate < GOOD_DETECTION_RATE:
        yield warning(
            "low-detection",
            "The person was found in {rate:.0%} of the frames only. Cut the video to the part in which "
            "the whole body is in view, or record in better light.",
            rate=rate,
        )
    visibility = landmarks.visibility[landmarks.detected].mean(axis=0)
    occluded = [name for name in LIMBS if visibility[LANDMARK_INDEX[name]] < GOOD_VISIBILITY]
    if occluded:
        yield warning(
            "low-visibility",
            "Mostly occluded, so estimated more than seen: {parts}. Record from a side that shows them.",
            parts=body_parts(occluded),
        )
    jumps = body_jumps(landmarks)
    if jumps:
        yield warning(
            "body-jumps",
            "The tracked body jumped {count} times, faster than a person moves: another person or "
            "thing was taken for the subject. Look at the preview, and record the subject alone.",
            count=jumps,
        )


def _of_the_framing(landmarks: Landmarks) -> Iterator[QualityWarning]:
    size = body_size_px(landmarks)
    if size < MODEL_BODY_PX:
        yield warning(
            "low-resolution",
            "The person is only {size:.0f} pixels tall in the image; from {enough} the model sees all "
            "that it can. Record from nearer (2 to 4 m) or in a higher resolution.",
            size=size,
            enough=MODEL_BODY_PX,
        )
    outside = outside_image_rate(landmarks)
    if outside > TOLERATED_OUTSIDE_RATE:
        yield warning(
            "outside-picture",
            "In {outside:.0%} of the frames a limb is outside the image, so estimated. Record the whole body.",
            outside=outside,
        )


def _longest_between(landmarks: Landmarks) -> float:
    times: FloatArray = landmarks.times
    edges = np.concatenate([times[:1], times[landmarks.detected], times[-1:]])
    return float(np.diff(edges).max())


def _indices(names: tuple[str, ...]) -> list[int]:
    return [LANDMARK_INDEX[name] for name in names]
