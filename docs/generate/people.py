"""People, cameras and rooms for the drawings. A person is 1 high; feet at 0, up is negative, as y is on a card."""

from collections.abc import Mapping
from math import cos, radians, sin
from typing import Final

from docs.generate.drawing import CLOTH, INK, QUIET, SKIN, Drawing, Point

LENGTHS: Final = {"thigh": 0.245, "shank": 0.246, "trunk": 0.30, "upper_arm": 0.17, "forearm": 0.15, "foot": 0.11}
"""Of the standing height, about those of Winter 2009 (Biomechanics and Motor Control of Human Movement)."""

HIP_HEIGHT: Final = 0.53
WALKING: Final = {
    "hip_near": 22.0,
    "knee_near": 8.0,
    "hip_far": -18.0,
    "knee_far": 22.0,
    "arm_near": -22.0,
    "arm_far": 24.0,
}
STANDING: Final = dict.fromkeys(WALKING, 0.0)


def from_the_side(
    drawing: Drawing,
    feet: Point,
    height: float,
    pose: Mapping[str, float] = WALKING,
    cloth: str = CLOTH,
    skin: str = SKIN,
) -> None:
    """A person who looks to the right; angles in degrees, flexion positive."""

    def at(start: Point, length: str, forward: float) -> Point:
        reach = LENGTHS[length] * height
        return start[0] + reach * sin(radians(forward)), start[1] + reach * cos(radians(forward))

    thick = height * 0.062
    hip = (feet[0], feet[1] - HIP_HEIGHT * height)
    shoulder = (hip[0], hip[1] - LENGTHS["trunk"] * height)
    for side in ("far", "near"):
        shade = QUIET if side == "far" else cloth
        knee = at(hip, "thigh", pose[f"hip_{side}"])
        ankle = at(knee, "shank", pose[f"hip_{side}"] - pose[f"knee_{side}"])
        direction = radians(pose[f"hip_{side}"] - pose[f"knee_{side}"])
        toe = (ankle[0] + LENGTHS["foot"] * height * cos(direction), ankle[1] + height * (0.025 - 0.1 * sin(direction)))
        drawing.line([hip, knee, ankle], shade, thick * 1.15)
        drawing.line([ankle, toe], shade, thick * 0.7)
        if side == "far":
            _arm(drawing, shoulder, at, pose["arm_far"], (QUIET, QUIET), thick)
    drawing.line([hip, shoulder], cloth, thick * 2.1)
    drawing.circle((shoulder[0] + 0.015 * height, shoulder[1] - 0.115 * height), height * 0.07, skin)
    _arm(drawing, shoulder, at, pose["arm_near"], (_darker(cloth), skin), thick)


def _arm(drawing: Drawing, shoulder: Point, at, forward: float, colours: tuple[str, str], thick: float) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    elbow = at(shoulder, "upper_arm", forward)
    drawing.line([elbow, at(elbow, "forearm", forward + 18)], colours[1], thick * 0.7)
    drawing.line([shoulder, elbow], colours[0], thick * 0.8)


def _darker(colour: str) -> str:
    return "#" + "".join(f"{int(int(colour[at : at + 2], 16) * 0.78):02x}" for at in (1, 3, 5))


def from_the_front(
    drawing: Drawing, feet: Point, height: float, cloth: str = CLOTH, skin: str = SKIN, wide: bool = False
) -> None:
    """A person who looks at us, in tight clothes or in wide ones."""
    thick = height * 0.062
    hip, shoulder = feet[1] - HIP_HEIGHT * height, feet[1] - 0.82 * height
    for side in (-1, 1):
        knee = (feet[0] + side * 0.06 * height, feet[1] - 0.28 * height)
        ankle = (feet[0] + side * 0.065 * height, feet[1] - 0.02 * height)
        drawing.line([(feet[0] + side * 0.05 * height, hip), knee, ankle], cloth, thick * 1.15)
        drawing.line([ankle, (ankle[0] + side * 0.03 * height, feet[1])], INK, thick * 0.7)
        elbow = (feet[0] + side * 0.165 * height, shoulder + 0.17 * height)
        wrist = (feet[0] + side * 0.19 * height, shoulder + 0.32 * height)
        drawing.line([elbow, wrist], skin, thick * 0.7)
        drawing.line([(feet[0] + side * 0.105 * height, shoulder + 0.01 * height), elbow], _darker(cloth), thick * 0.85)
    torso = [(-0.115, shoulder), (0.115, shoulder), (0.085, hip), (-0.085, hip)]
    corners = [(feet[0] + x * height, y) for x, y in torso]
    drawing.shape(corners, cloth)
    drawing.line([*corners, corners[0]], cloth, thick * 0.8)
    drawing.circle((feet[0], feet[1] - 0.93 * height), height * 0.07, skin)
    if wide:
        coat = [(-0.11, 0.86), (0.11, 0.86), (0.25, 0.46), (0.2, 0.13), (-0.2, 0.13), (-0.25, 0.46)]
        drawing.shape([(feet[0] + x * height, feet[1] - y * height) for x, y in coat], _darker(cloth))


def from_above(drawing: Drawing, at: Point, size: float, facing: float) -> None:
    """A person seen from above who looks in this direction (degrees, 0 right, positive downwards)."""
    along, across = (cos(radians(facing)), sin(radians(facing))), (-sin(radians(facing)), cos(radians(facing)))
    ends = [(at[0] + side * across[0] * size, at[1] + side * across[1] * size) for side in (-1, 1)]
    drawing.line(ends, CLOTH, size * 0.62)
    drawing.circle(at, size * 0.42, SKIN)
    drawing.circle((at[0] + along[0] * size * 0.42, at[1] + along[1] * size * 0.42), size * 0.12, SKIN)


def camera(drawing: Drawing, at: Point, facing: float = 0, size: float = 30, roll: float = 0) -> None:
    """A camera that looks in this direction (degrees, 0 right, positive downwards)."""
    turn = radians(facing + roll)

    def turned(x: float, y: float) -> Point:
        return at[0] + size * (x * cos(turn) - y * sin(turn)), at[1] + size * (x * sin(turn) + y * cos(turn))

    body = [(-0.6, -0.36), (0.4, -0.36), (0.4, 0.36), (-0.6, 0.36)]
    drawing.shape([turned(*corner) for corner in body], INK)
    drawing.shape([turned(x, y) for x, y in ((0.4, -0.16), (0.75, -0.32), (0.75, 0.32), (0.4, 0.16))], INK)


def tripod(drawing: Drawing, top: Point, floor: float) -> None:
    """Three legs down to the floor."""
    spread = (floor - top[1]) * 0.28
    for foot in (-spread, 0, spread):
        drawing.line([top, (top[0] + foot, floor)], INK, 3)
