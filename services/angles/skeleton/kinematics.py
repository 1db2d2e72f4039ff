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
from numpy.typing import NDArray

from humanpose3d.motion import FloatArray
from services.angles.skeleton.model import GROUND, Axis, Joint, Model, Offset

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

    def points(self, bodies: NDArray[np.intp], places: FloatArray) -> FloatArray:
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


def _translated(
    joint: Joint, base: FloatArray, origin: FloatArray, coordinates: FloatArray
) -> tuple[FloatArray, Moved]:
    moves: Moved = []
    for axis in joint.translations:
        value, slope = evaluated(axis, coordinates)
        direction = base @ axis.direction
        origin = origin + direction * value[:, None]
        if axis.coordinate is not None:
            moves.append((axis.coordinate, direction * slope[:, None]))
    return origin, moves


def _rotated(joint: Joint, axes: FloatArray, coordinates: FloatArray) -> tuple[FloatArray, Moved]:
    turns: Moved = []
    for axis in joint.rotations:
        angle, slope = evaluated(axis, coordinates)
        if axis.coordinate is not None:
            turns.append((axis.coordinate, (axes @ axis.direction) * slope[:, None]))
        axes = axes @ about(axis.direction, angle)
    return axes, turns


def evaluated(axis: Axis, coordinates: FloatArray) -> tuple[FloatArray, FloatArray]:
    """An axis' angle or way, and its slope, at coordinates (T, n): both (T,)."""
    frames = len(coordinates)
    return axis.function(np.zeros(frames) if axis.coordinate is None else coordinates[:, axis.coordinate])


def about(direction: FloatArray, angle: FloatArray) -> FloatArray:
    """(T, 3, 3) rotations about a unit vector (3,) by angles (T,) (Rodrigues)."""
    skew = -_EPSILON @ direction
    sine, versine = np.sin(angle)[:, None, None], (1 - np.cos(angle))[:, None, None]
    return np.asarray(np.eye(3) + sine * skew + versine * (skew @ skew))


@dataclass(frozen=True, eq=False)
class Observations:
    """What was measured of a model's M markers in T frames.

    targets  (T, M, 3) metres: where a marker is, or, where it has an anchor, how it lies from that other marker of the
             same body.
    weights  (T, M, 3) 1/m² along the world's axes, 0 where nothing was measured.
    anchors  (M,) index of that marker; -1: none. A difference says how a body is turned, and nothing of its place.
    """

    targets: FloatArray
    weights: FloatArray
    anchors: NDArray[np.intp]

    def missed(self, current: Pose) -> FloatArray:
        """(T, M, 3) metres: target less model; 0 where nothing was measured."""
        return np.where(self.weights > 0, self.targets - self.seen(current.markers()), 0.0)

    def seen(self, markers: FloatArray) -> FloatArray:
        """(T, M, 3): what of markers (T, M, 3) is compared with the targets."""
        tied = self.anchors >= 0
        out = markers.copy()
        out[:, tied] -= markers[:, self.anchors[tied]]
        return out

    def frames(self, chosen: NDArray[np.intp] | slice) -> "Observations":
        """Of some frames."""
        return Observations(self.targets[chosen], self.weights[chosen], self.anchors)


@dataclass(frozen=True, eq=False)
class Equations:
    """The normal equations of a least-squares fit: `matrix` (T, n, n) step = `gradient` (T, n).

    They are half the second derivative of the sum of weight × missed² (Gauss–Newton) and half its descent.
    """

    matrix: FloatArray
    gradient: FloatArray


def normal_equations(current: Pose, observed: Observations) -> Equations:
    """For the coordinates of a pose."""
    arms, pull = _pulled(current, observed)
    model, motions = current.model, current.motions
    stiffness = _outer_added(model, _stiffness(current, observed, arms))
    matrix = np.zeros((len(arms), len(motions), len(motions)))
    above: dict[int, list[int]] = {GROUND: []}
    for joint in model.joints:
        own = _moving(joint)
        path = above[joint.child] = above[joint.parent] + own
        if not own:
            continue
        mine, all_above = motions[own].transpose(1, 2, 0), motions[path].transpose(1, 0, 2)
        block = all_above @ (stiffness[joint.child] @ mine)
        matrix[:, np.array(path)[:, None], own] = block
        matrix[:, np.array(own)[:, None], path] = np.swapaxes(block, 1, 2)
    return Equations(matrix, _gradient(current, arms, pull, observed.anchors < 0))


def _outer_added(model: Model, own: FloatArray) -> FloatArray:
    """By body (B, …), its own and that of all bodies beyond it: what pulls at a body pulls at its parent. In place."""
    for joint in reversed(model.joints):
        if joint.parent != GROUND:
            own[joint.parent] += own[joint.child]
    return own


def _moving(joint: Joint) -> list[int]:
    indices = (axis.coordinate for axis in (*joint.translations, *joint.rotations))
    return list(dict.fromkeys(index for index in indices if index is not None))


def _pulled(current: Pose, observed: Observations) -> tuple[FloatArray, FloatArray]:
    """Of each marker its arm (T, M, 3) about `centre`, that of a difference being itself, and its pull (T, M, 3)."""
    seen = observed.seen(current.markers())
    pull = np.where(observed.weights > 0, observed.targets - seen, 0.0) * observed.weights
    seen -= np.where((observed.anchors < 0)[:, None], current.centre[:, None], 0.0)
    return seen, pull


def _gradient(current: Pose, arms: FloatArray, pull: FloatArray, free: NDArray[np.bool_]) -> FloatArray:
    model = current.model
    wrench = np.zeros((len(model.bodies), len(arms), 6))
    torque = cross(arms, pull)
    for body in np.unique(model.marker_bodies):
        mine = np.flatnonzero(model.marker_bodies == body)
        wrench[body, :, :3], wrench[body, :, 3:] = torque[:, mine].sum(axis=1), pull[:, mine[free[mine]]].sum(axis=1)
    _outer_added(model, wrench)
    out = np.zeros((len(arms), len(current.motions)))
    for joint in model.joints:
        for coordinate in _moving(joint):
            out[:, coordinate] = (wrench[joint.child] * current.motions[coordinate]).sum(axis=1)
    return out


def _stiffness(current: Pose, observed: Observations, arms: FloatArray) -> FloatArray:
    """By body (B, T, 6, 6): that of its own markers about `centre`."""
    model, frames, free = current.model, len(arms), observed.anchors < 0
    stiffness = np.zeros((len(model.bodies), frames, 6, 6))
    for body in np.unique(model.marker_bodies):
        mine = np.flatnonzero(model.marker_bodies == body)
        lever = _crossing(arms[:, mine])
        weighted = lever * observed.weights[:, None, mine]
        flat = (frames, 3, 3 * len(mine))
        stiffness[body, :, :3, :3] = weighted.reshape(flat) @ np.swapaxes(lever.reshape(flat), 1, 2)
        mixed = weighted[:, :, free[mine]].sum(axis=2)
        stiffness[body, :, :3, 3:], stiffness[body, :, 3:, :3] = mixed, np.swapaxes(mixed, 1, 2)
        stiffness[body, :, [3, 4, 5], [3, 4, 5]] = observed.weights[:, mine[free[mine]]].sum(axis=1).T
    return stiffness


def _crossing(arms: FloatArray) -> FloatArray:
    """(T, 3, m, 3) of arms (T, m, 3): what v ↦ arm × v puts into the first index, by marker and component of v."""
    out = np.zeros((len(arms), 3, *arms.shape[1:]))
    out[:, 0, :, 1], out[:, 0, :, 2] = -arms[..., 2], arms[..., 1]
    out[:, 1, :, 0], out[:, 1, :, 2] = arms[..., 2], -arms[..., 0]
    out[:, 2, :, 0], out[:, 2, :, 1] = -arms[..., 1], arms[..., 0]
    return out


def cross(a: FloatArray, b: FloatArray) -> FloatArray:
    """a × b over the last axis: as numpy.cross, in a quarter of its time."""
    out = np.empty(np.broadcast_shapes(a.shape, b.shape))
    out[..., 0] = a[..., 1] * b[..., 2] - a[..., 2] * b[..., 1]
    out[..., 1] = a[..., 2] * b[..., 0] - a[..., 0] * b[..., 2]
    out[..., 2] = a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    return out
