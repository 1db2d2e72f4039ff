"""Whether a video's rotation metadata is right, and the turn that it needs where it is not.

Recorders and converters sometimes lose the rotation metadata; a standing person then appears sideways or upside down.
The landmark model finds a person in any position equally well (visibility on the sample: 0.97 upright, 0.97 turned by
any quarter), so its confidence says nothing about the orientation; the posture does. A person stands in a frame when
the body's long axis points up, a leg is straight below the trunk and an arm hangs.

A video that first shows the person clearly upright costs three detections and is left as it is.
Otherwise frames of the first half minute are tried in all four turns. The video is turned only when the person stands
in most frames of one turn and is upright in almost none of the video as it is. Videos of a person who lies down for
part of the clip, or does handstands (arms above the head), press-ups or exercises with bent hips stay as recorded.
Limitation: a person lying with arms at their sides for the whole clip is misclassified as standing.

Text in view, if `tesseract` is installed, is a second source of evidence: it can veto a turn, or confirm one for which
the posture alone is not sufficient.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from pydantic import BaseModel, ConfigDict

from humanpose3d.motion import FloatArray
from humanpose3d.skeleton import LANDMARK_INDEX
from services.detector.camera.text import text_turn
from services.detector.pose.landmarker import Pose
from services.detector.pose.tracker import BatchTracker
from services.detector.video.chunks import WHOLE, Chunk
from services.detector.video.orientation import Image
from services.detector.video.reader import Frame, Video

TURNS: Final = (0, 90, 180, 270)
"""Degrees clockwise."""

MODEL: Final = "lite"
MODELS: Final = ("pose_landmarker_lite.task", "pose_landmarks_lite.onnx", "pose_person.onnx")
"""The fastest of the landmark models: it recognises orientation as well as the others."""

FIRST_LOOKS: Final = 3
MOST_LOOKS: Final = 12
INTERVAL_S: Final = 0.25
"""Initial time between two sampled frames; doubled whenever there are twice as many as needed."""

SEARCHED_S: Final = 30.0
LONGEST_SIDE: Final = 1280
"""Size in pixels of the frames that are kept: enough to read text, at a few megabytes each."""

STANDS_SHARE: Final = 0.6
UPRIGHT_SHARE: Final = 0.1
CONFIRMED_SHARE: Final = 0.3
"""Turned when the person stands in 60 % of the frames, or in 30 % where text confirms, and is upright in 10 % at most
of the frames as they are."""

MIN_FOUND: Final = 3
"""Minimum number of frames with a person; with fewer, nothing is turned."""

MIN_VISIBILITY: Final = 0.5
STRETCHED_DEG: Final = 50.0
HANGING_DEG: Final = 70.0


class Turn(BaseModel):
    """How far a video is turned beyond its metadata, and why.

    degrees         clockwise: 0, 90, 180 or 270.
    looks           number of frames examined.
    standing_share  for each turn, the share of the frames with a person in which the person stands; empty where there
                    was no doubt, or hardly a person.
    text_degrees    the turn in which text in view can be read; None without text or tesseract.
    """

    model_config = ConfigDict(frozen=True)

    degrees: int = 0
    looks: int = 0
    standing_share: Mapping[int, float] = {}
    text_degrees: int | None = None


def find_turn(landmarker: BatchTracker, path: Path, excerpt: Chunk = WHOLE) -> Turn:
    """The turn that brings the person in this part of a video upright.

    Raises what `Video` raises for a file that cannot be read.
    """
    with Video(path) as video:
        frames, plain = _gather(landmarker, _looks(video, excerpt))
    return Turn(looks=len(frames)) if plain else _compare(landmarker, frames)


def _gather(landmarker: BatchTracker, looks: Iterator[Frame]) -> tuple[list[Frame], bool]:
    """Frames to compare, and whether comparison is unnecessary: the person is upright in the first few that show one.

    From `MOST_LOOKS` to twice as many, evenly distributed; all where there are fewer.
    """
    kept: list[Frame] = []
    step, found, plain = 1, 0, True
    for index, look in enumerate(looks):
        if index % step == 0:
            kept.append(look)
        if len(kept) == 2 * MOST_LOOKS:
            kept, step = kept[::2], 2 * step
        if plain and (pose := landmarker.alone(look)) is not None:
            found, plain = found + 1, upright(pose)
            if plain and found == FIRST_LOOKS:
                return kept, True
    return kept, False


def _compare(landmarker: BatchTracker, frames: list[Frame]) -> Turn:
    poses = {0: [landmarker.alone(frame) for frame in frames]}
    if sum(pose is not None and upright(pose) for pose in poses[0]) > UPRIGHT_SHARE * len(frames):
        return Turn(looks=len(frames))
    for degrees in TURNS[1:]:
        poses[degrees] = [landmarker.alone(Frame(frame.time, frame.planes.turned(degrees))) for frame in frames]
    found = sum(any(pose is not None for pose in each) for each in zip(*poses.values(), strict=True))
    if found < MIN_FOUND:
        return Turn(looks=len(frames))
    shares = {
        degrees: sum(pose is not None and stands(pose) for pose in tried) / found for degrees, tried in poses.items()
    }
    text = text_turn([_scenery(frame, pose) for frame, pose in zip(frames, poses[0], strict=True)])
    return Turn(degrees=decide(shares, text), looks=len(frames), standing_share=shares, text_degrees=text)


def decide(standing_share: Mapping[int, float], text_degrees: int | None) -> int:
    """The turn in degrees, from the share of frames in which the person stands in each turn and from the text."""
    best = max(TURNS, key=lambda degrees: (standing_share[degrees], degrees == 0))
    if text_degrees is None:
        return best if standing_share[best] >= STANDS_SHARE else 0
    return text_degrees if standing_share[text_degrees] >= CONFIRMED_SHARE else 0


def upright(pose: Pose) -> bool:
    """Whether the body's long axis, ankles to shoulders, points up in the image, within 45°."""
    x, y = _middle(pose, "shoulder") - _middle(pose, "ankle")
    return bool(-y > abs(x))


def stands(pose: Pose) -> bool:
    """Whether the body is visible, upright and standing: a straight leg, a hanging arm."""
    trunk = _middle(pose, "hip") - _middle(pose, "shoulder")
    arm = min(_angle(trunk, _chunk(pose, side, "shoulder", "elbow")) for side in ("left", "right"))
    leg = min(_bend(pose, trunk, side) for side in ("left", "right"))
    seen = float(pose.visibility[LANDMARK_INDEX["left_shoulder"] :].mean()) >= MIN_VISIBILITY
    return seen and upright(pose) and leg <= STRETCHED_DEG and arm <= HANGING_DEG


def _bend(pose: Pose, trunk: FloatArray, side: str) -> float:
    """Larger of hip and knee flexion in the image, degrees."""
    thigh, shank = _chunk(pose, side, "hip", "knee"), _chunk(pose, side, "knee", "ankle")
    return max(_angle(trunk, thigh), _angle(thigh, shank))


def _middle(pose: Pose, joint: str) -> FloatArray:
    left, right = (pose.pixels[LANDMARK_INDEX[f"{side}_{joint}"]] for side in ("left", "right"))
    return np.asarray((left + right) / 2)


def _chunk(pose: Pose, side: str, proximal: str, distal: str) -> FloatArray:
    return np.asarray(
        pose.pixels[LANDMARK_INDEX[f"{side}_{distal}"]] - pose.pixels[LANDMARK_INDEX[f"{side}_{proximal}"]]
    )


def _angle(first: FloatArray, second: FloatArray) -> float:
    lengths = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(np.degrees(np.arccos(np.clip(first @ second / lengths, -1, 1)))) if lengths else 180.0


def _looks(video: Video, excerpt: Chunk) -> Iterator[Frame]:
    """Frames of the first half minute, at least a quarter of a second apart."""
    start = None
    for frame in video.spaced(INTERVAL_S, excerpt):
        start = frame.time if start is None else start
        if frame.time - start > SEARCHED_S:
            return
        yield replace(frame, planes=frame.planes.reduced(LONGEST_SIDE))


def _scenery(frame: Frame, pose: Pose | None) -> Image:
    """The image without the person: text on a shirt turns with its wearer."""
    if pose is None:
        return frame.image
    height, width, _ = frame.image.shape
    low = np.clip(pose.pixels.min(axis=0), 0, (width, height)).astype(int)
    high = np.clip(pose.pixels.max(axis=0), 0, (width, height)).astype(int)
    scenery = frame.image.copy()
    scenery[low[1] : high[1], low[0] : high[0]] = 128
    return scenery
