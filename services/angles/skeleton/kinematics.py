"""Forward kinematics over many frames, and the normal equations of a fit to markers.

A joint axis moves every point of the bodies behind it as a rigid body: with the velocity v + ω × p at the point p. The
pair (ω, v) is its motion vector (Featherstone 2008, Rigid Body Dynamics Algorithms, chapter 2), here about the pelvis'
origin. A marker with the weight w that should be elsewhere pulls like a spring; all that is pulled by the markers of a
body is one 6 × 6 matrix and one wrench, as mass and force are in dynamics. The normal equations of the whole tree then
follow as its mass matrix does, by the composite-rigid-body algorithm (chapter 6), without the markers' Jacobian.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from services.angles.skeleton.model import GROUND, Axis, Joint, Model, Offset
from shared.motion import FloatArray

_EPSILON: Final = np.zeros((3, 3, 3))
for _i, _j, _k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
    _EPSILON[_i, _j, _k], _EPSILON[_i, _k, _j] = 1.0, -1.0


@dataclass(frozen=True, eq=False)
class Pose:
    """A model in T frames.

    axes     (B, T, 3, 3) of the bodies, as columns, in the world. origins: (B, T, 3) metres.
    motions  (n, T, 6) of each coordinate: ω, and v at `centre` (T, 3); zero where it moves nothing.
    """

    model: Model
    axes: FloatArray
    origins: FloatArray
    motions: FloatArray
    centre: FloatArray

    def points(self, bodies: np.ndarray, places: FloatArray) -> FloatArray:
        """(T, M, 3) metres in the world: points (M, 3) fixed to bodies (M,)."""
        out = np.empty((self.origins.shape[1], len(bodies), 3))
        for body in np.unique(bodies):
            mine = bodies == body
            out[:, mine] = places[mine] @ np.swapaxes(self.axes[body], 1, 2) + self.origins[body][:, None]
        return out

    def markers(self) -> FloatArray:
        """(T, M, 3) metres: the model's markers."""
        return self.points(self.model.marker_bodies, self.model.marker_places)


def pose(model: Model, coordinates: FloatArray) -> Pose:
    """Of coordinates (T, n)."""
    frames, count = coordinates.shape
    axes, origins = np.empty((len(model.bodies), frames, 3, 3)), np.empty((len(model.bodies), frames, 3))
    motions = np.zeros((count, frames, 6))
    centre: FloatArray | None = None
    for joint in model.joints:
        base_axes, base = _on(joint, axes, origins, frames)
        place, moves = _translated(joint, base_axes, base, coordinates)
        turned, turns = _rotated(joint, base_axes, coordinates)
        axes[joint.child] = turned @ joint.on_child.axes.T
        origins[joint.child] = place - axes[joint.child] @ joint.on_child.origin
        centre = origins[joint.child] if centre is None else centre
        for index, direction in moves:
            motions[index, :, 3:] += direction
        for index, direction in turns:
            motions[index, :, :3] += direction
            motions[index, :, 3:] += cross(place - centre, direction)
    assert centre is not None, "a model has bodies"
    return Pose(model, axes, origins, motions, centre)


def _on(joint: Joint, axes: FloatArray, origins: FloatArray, frames: int) -> tuple[FloatArray, FloatArray]:
    """The joint's frame on its parent, in the world."""
    offset: Offset = joint.on_parent
    if joint.parent == GROUND:
        return np.broadcast_to(offset.axes, (frames, 3, 3)), np.broadcast_to(offset.origin, (frames, 3))
    parent = axes[joint.parent]
    return parent @ offset.axes, origins[joint.parent] + parent @ offset.origin


Moved = list[tuple[int, FloatArray]]
"""Coordinate and (T, 3): by what a unit of it turns or moves what follows."""


def _translated(joint: Joint, base: FloatArray, origin: FloatArray, coordinates: FloatArray) -> tuple[FloatArray, Moved]:
    moves: Moved = []
    for axis in joint.translations:
        value, slope = _evaluated(axis, coordinates)
        direction = base @ axis.direction
        origin = origin + direction * value[:, None]
        if axis.coordinate is not None:
            moves.append((axis.coordinate, direction * slope[:, None]))
    return origin, moves


def _rotated(joint: Joint, axes: FloatArray, coordinates: FloatArray) -> tuple[FloatArray, Moved]:
    turns: Moved = []
    for axis in joint.rotations:
        angle, slope = _evaluated(axis, coordinates)
        if axis.coordinate is not None:
            turns.append((axis.coordinate, (axes @ axis.direction) * slope[:, None]))
        axes = axes @ about(axis.direction, angle)
    return axes, turns


def _evaluated(axis: Axis, coordinates: FloatArray) -> tuple[FloatArray, FloatArray]:
    frames = len(coordinates)
    return axis.function(np.zeros(frames) if axis.coordinate is None else coordinates[:, axis.coordinate])


def about(direction: FloatArray, angle: FloatArray) -> FloatArray:
    """(T, 3, 3) rotations about a unit vector (3,) by angles (T,) (Rodrigues)."""
    skew = -_EPSILON @ direction
    sine, versine = np.sin(angle)[:, None, None], (1 - np.cos(angle))[:, None, None]
    return np.asarray(np.eye(3) + sine * skew + versine * (skew @ skew))


@dataclass(frozen=True, eq=False)
class Equations:
    """The normal equations of a least-squares fit: `matrix` (T, n, n) step = `gradient` (T, n).

    They are half the second derivative of the sum of w |target − marker|² (Gauss–Newton) and half its descent.
    """

    matrix: FloatArray
    gradient: FloatArray


def normal_equations(current: Pose, targets: FloatArray, weights: FloatArray) -> Equations:
    """Of targets (T, M, 3) metres for the model's markers with weights (T, M), 0 where there is no target."""
    model, motions = current.model, current.motions
    frames, count = motions.shape[1], motions.shape[0]
    stiffness, wrench = _pulled(current, targets, weights)
    for joint in reversed(model.joints):  # from the ends to the pelvis: what pulls at a body pulls at its parent
        if joint.parent != GROUND:
            stiffness[joint.parent] += stiffness[joint.child]
            wrench[joint.parent] += wrench[joint.child]
    matrix, gradient = np.zeros((frames, count, count)), np.zeros((frames, count))
    above: dict[int, list[int]] = {GROUND: []}
    for joint in model.joints:
        own = _moving(joint)
        path = above[joint.child] = above[joint.parent] + own
        if not own:
            continue
        mine, all_above = motions[own].transpose(1, 2, 0), motions[path].transpose(1, 0, 2)
        gradient[:, own] = (wrench[joint.child][:, None] @ mine)[:, 0]
        block = all_above @ (stiffness[joint.child] @ mine)
        matrix[np.ix_(range(frames), path, own)] = block
        matrix[np.ix_(range(frames), own, path)] = np.swapaxes(block, 1, 2)
    return Equations(matrix, gradient)


def _moving(joint: Joint) -> list[int]:
    indices = (axis.coordinate for axis in (*joint.translations, *joint.rotations))
    return list(dict.fromkeys(index for index in indices if index is not None))


def _pulled(current: Pose, targets: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """By body: the stiffness (B, T, 6, 6) and the wrench (B, T, 6) of its own markers about `centre`."""
    model, frames = current.model, len(targets)
    stiffness, wrench = np.zeros((len(model.bodies), frames, 6, 6)), np.zeros((len(model.bodies), frames, 6))
    places = current.markers()
    arms = places - current.centre[:, None]
    pull = np.where(weights[..., None] > 0, targets - places, 0.0) * weights[..., None]
    torque = cross(arms, pull)
    for body in np.unique(model.marker_bodies):
        mine = model.marker_bodies == body
        arm, weight = arms[:, mine], weights[:, mine]
        wrench[body, :, :3], wrench[body, :, 3:] = torque[:, mine].sum(axis=1), pull[:, mine].sum(axis=1)
        first = (weight[..., None] * arm).sum(axis=1)
        second = (weight[..., None] * arm).transpose(0, 2, 1) @ arm
        stiffness[body, :, :3, :3] = np.trace(second, axis1=1, axis2=2)[:, None, None] * np.eye(3) - second
        skew = -np.tensordot(first, _EPSILON, axes=([1], [2]))  # v ↦ first × v
        stiffness[body, :, :3, 3:], stiffness[body, :, 3:, :3] = skew, -skew
        stiffness[body, :, 3:, 3:] = weight.sum(axis=1)[:, None, None] * np.eye(3)
    return stiffness, wrench


def cross(a: FloatArray, b: FloatArray) -> FloatArray:
    """a × b over the last axis: as numpy.cross, in a quarter of its time."""
    out = np.empty(np.broadcast_shapes(a.shape, b.shape))
    out[..., 0] = a[..., 1] * b[..., 2] - a[..., 2] * b[..., 1]
    out[..., 1] = a[..., 2] * b[..., 0] - a[..., 0] * b[..., 2]
    out[..., 2] = a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    return out
