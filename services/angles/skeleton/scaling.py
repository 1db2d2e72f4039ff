"""The person's own skeleton: how long each segment is, and where on it the markers are.

Found once for a clip, together with the postures of a few dozen of its frames, as the most probable of all: segments
differ from the average person's of that height by a few percent, markers from their usual place by a few centimetres.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from humanpose3d.motion import FloatArray
from services.angles.skeleton.kinematics import Pose, cross, evaluated
from services.angles.skeleton.model import GROUND, Model
from services.angles.skeleton.problem import Problem

GROUPS: Final = {
    "pelvis": (("pelvis", "sacrum"), "xy"),
    "pelvis_width": (("pelvis", "sacrum"), "z"),
    "torso": (("torso", "head"), "xy"),
    "torso_width": (("torso", "head"), "z"),
    "femur": (("femur", "patella"), "xyz"),
    "tibia": (("tibia",), "xyz"),
    "foot": (("talus", "calcn", "toes"), "xyz"),
    "humerus": (("humerus",), "xyz"),
    "forearm": (("ulna", "radius", "hand"), "xyz"),
}
"""What is scaled by one factor: bodies (both sides) and axes. Left and right are taken for equally long: people's limbs
differ by less than a single camera tells apart."""

SCALE_SD: Final = 0.06
"""Of the logarithm of a factor about the person's height over the model's: segments of adults of one height differ by 4
to 6 % (ANSUR, Gordon et al. 1989)."""

_KNOWN_SD: Final = 1e-5

MODEL_HEIGHT: Final = 1.70

_INDEPENDENT: Final = 6.0
"""As that many independent frames a clip counts against what is known of people: its errors and its postures last."""

_ROUNDS: Final = 12


@dataclass(frozen=True, eq=False)
class Personal:
    """A person's skeleton.

    model        scaled, its markers where this person's are.
    scales       group of `GROUPS` → factor by which the shipped model is scaled.
    factors      (B, 3) the same: by which each body of the shipped model is scaled.
    times        (F,) of the frames that it was found from, and coordinates (F, n), their postures.
    covariances  (F, n, n) of the part of these postures' errors that stays for the clip: what lengths and places leave
                 open.
    """

    model: Model
    scales: Mapping[str, float]
    factors: FloatArray
    times: FloatArray
    coordinates: FloatArray
    covariances: FloatArray


def factors_of(model: Model, logarithms: FloatArray) -> FloatArray:
    """(B, 3) from the logarithms (G,) of the groups' factors."""
    out = np.ones((len(model.bodies), 3))
    for (bodies, axes), logarithm in zip(GROUPS.values(), logarithms, strict=True):
        mine = [index for index, name in enumerate(model.bodies) if name.split("_")[0] in bodies]
        for axis in axes:
            out[mine, "xyz".index(axis)] = np.exp(logarithm)
    return out


@dataclass(frozen=True, eq=False)
class Lengths:
    """What is known of a person's segments beforehand: logarithms (G,) of the groups' factors, and their sd."""

    logarithms: FloatArray
    sd: float


def usual_lengths(height: float) -> Lengths:
    """Of people of that height, metres: the model's proportions."""
    return Lengths(np.full(len(GROUPS), np.log(height / MODEL_HEIGHT)), SCALE_SD)


def known_lengths(scales: Mapping[str, float]) -> Lengths:
    """Found before: they stay as they are. Raises KeyError where a group is missing."""
    return Lengths(np.log([scales[name] for name in GROUPS]), _KNOWN_SD)


def personal(problem: Problem, coordinates: FloatArray, offset_sd: FloatArray, lengths: Lengths) -> Personal:
    """Scale the problem's model to its markers.

    coordinates (F, n) are first postures; offset_sd (M,) metres: how far markers are from their usual place, along an
    axis.
    """
    problem = problem.counted_as(min(1.0, _INDEPENDENT / len(coordinates)))
    generic, count = problem.model, len(GROUPS)
    unknown = np.zeros(count + 3 * len(generic.markers))
    unknown[:count] = lengths.logarithms
    precision = np.concatenate([np.full(count, 1 / lengths.sd**2), np.repeat(1 / offset_sd**2, 3)])
    known = _Known(unknown.copy(), precision)
    damping = 1e-3
    best = _Linear.at(_fitted(problem, unknown), coordinates, unknown, known)
    for _ in range(_ROUNDS):
        step, shift = best.step(damping)
        trial, places = coordinates.copy(), unknown + shift
        trial[:, problem.priors.fitted] += step
        found = _Linear.at(_fitted(problem, places), trial, places, known)
        if found.cost < best.cost:
            gained, best, coordinates, unknown, damping = best.cost - found.cost, found, trial, places, damping / 8
            if gained < 1e-3 * found.cost and damping < 1e-6:
                break
        else:
            damping *= 10
    model = _model(generic, problem.observed.anchors, unknown)
    covariances = np.zeros((len(coordinates), coordinates.shape[1], coordinates.shape[1]))
    fitted = problem.priors.fitted
    covariances[:, fitted[:, None], fitted] = best.lasting()
    scales = dict(zip(GROUPS, np.exp(unknown[:count]).tolist(), strict=True))
    return Personal(model, scales, factors_of(generic, unknown[:count]), problem.times, coordinates, covariances)


def _model(generic: Model, anchors: NDArray[np.intp], unknown: FloatArray) -> Model:
    scaled = generic.scaled(factors_of(generic, unknown[: len(GROUPS)]))
    places = scaled.marker_places + _offsets(anchors, unknown)
    return scaled.carrying(scaled.markers, scaled.marker_bodies, places)


def _offsets(anchors: NDArray[np.intp], unknown: FloatArray) -> FloatArray:
    """(M, 3) metres on each body; those of markers with an anchor are counted from it."""
    own = unknown[len(GROUPS) :].reshape(-1, 3)
    return own + np.where((anchors >= 0)[:, None], own[anchors], 0.0)


def _fitted(problem: Problem, unknown: FloatArray) -> Problem:
    """With the model of these unknowns; the shipped model is kept beside it for the derivatives."""
    return problem.with_model(_model(problem.model, problem.observed.anchors, unknown))


@dataclass(frozen=True, eq=False)
class _Known:
    """What is known of the shared unknowns beforehand: centre and precision (p,)."""

    centre: FloatArray
    precision: FloatArray


@dataclass(frozen=True, eq=False)
class _Linear:
    """The normal equations of postures (F, n) and the p shared unknowns: an arrow, solved by its Schur complement."""

    postures: FloatArray
    pull: FloatArray
    joint: FloatArray
    shared: FloatArray
    shared_pull: FloatArray
    cost: float

    @classmethod
    def at(cls, problem: Problem, coordinates: FloatArray, unknown: FloatArray, known: "_Known") -> "_Linear":
        """At postures (F, n) and shared unknowns (p,), for a problem with the model of these unknowns."""
        current, equations = problem.equations(coordinates)
        fitted = problem.priors.fitted
        weights = problem.observed.weights
        missed = problem.observed.missed(current)
        by_posture = _jacobian(current, problem.observed.anchors)[..., fitted]
        by_scale = _scale_jacobian(problem, current, coordinates, unknown)
        turns = np.swapaxes(current.axes[problem.model.marker_bodies], 0, 1)  # F, M, 3, 3
        weighted = weights[..., None] * by_posture
        count, markers = len(GROUPS), weights.shape[1]
        joint = np.concatenate(
            [
                np.einsum("fmig,fmik->fgk", by_scale, weighted, optimize=True),
                (np.swapaxes(turns, 2, 3) @ weighted).reshape(len(coordinates), 3 * markers, -1),
            ],
            axis=1,
        )
        shared = np.diag(known.precision)
        scale_weighted = weights[..., None] * by_scale
        shared[:count, :count] += np.einsum("fmig,fmih->gh", by_scale, scale_weighted, optimize=True)
        mixed = np.einsum("fmij,fmig->mjg", turns, scale_weighted, optimize=True).reshape(3 * markers, count)
        shared[count:, :count] += mixed
        shared[:count, count:] += mixed.T
        offsets = shared[count:, count:].reshape(markers, 3, markers, 3)
        every = np.arange(markers)
        offsets[every, :, every] += np.einsum("fmij,fmi,fmik->mjk", turns, weights, turns, optimize=True)
        pulled = weights * missed
        shared_pull = known.precision * (known.centre - unknown)
        shared_pull[:count] += np.einsum("fmig,fmi->g", by_scale, pulled)
        shared_pull[count:] += np.einsum("fmij,fmi->mj", turns, pulled).ravel()
        cost = float(problem.costs(current, coordinates).sum() + known.precision @ (known.centre - unknown) ** 2)
        return cls(equations.matrix, equations.gradient, joint, shared, shared_pull, cost)

    def step(self, damping: float) -> tuple[FloatArray, FloatArray]:
        postures = self.postures.copy()
        every = np.arange(postures.shape[1])
        postures[:, every, every] *= 1 + damping
        postures[:, every, every] += 1e-6
        solved = np.linalg.solve(
            postures, np.concatenate([np.swapaxes(self.joint, 1, 2), self.pull[..., None]], axis=2)
        )
        schur = (
            self.shared
            + damping * np.diag(np.diag(self.shared))
            - np.einsum("fpk,fkq->pq", self.joint, solved[..., :-1], optimize=True)
        )
        right = self.shared_pull - np.einsum("fpk,fk->p", self.joint, solved[..., -1])
        shift = np.linalg.solve(schur, right)
        step = solved[..., -1] - solved[..., :-1] @ shift
        longest = max(np.abs(step).max() / 0.6, np.abs(shift).max() / 0.2, 1.0)
        return step / longest, shift / longest

    def lasting(self) -> FloatArray:
        """(F, n, n): the covariance of the postures that comes from the shared unknowns."""
        postures = self.postures.copy()
        every = np.arange(postures.shape[1])
        postures[:, every, every] += 1e-6
        solved = np.linalg.solve(postures, np.swapaxes(self.joint, 1, 2))
        schur = self.shared - np.einsum("fpk,fkq->pq", self.joint, solved, optimize=True)
        return np.asarray(solved @ np.linalg.inv(schur) @ np.swapaxes(solved, 1, 2))


def _jacobian(current: Pose, anchors: NDArray[np.intp]) -> FloatArray:
    """(F, M, 3, n): how what is observed of the markers moves with the coordinates."""
    model = current.model
    arms = current.markers() - current.centre[:, None]
    out = np.zeros((*arms.shape, len(model.coordinates)))
    above: dict[int, list[int]] = {GROUND: []}
    for joint in model.joints:
        own = {a.coordinate for a in (*joint.translations, *joint.rotations) if a.coordinate is not None}
        above[joint.child] = above[joint.parent] + sorted(own)
    for body in np.unique(model.marker_bodies):
        mine = np.flatnonzero(model.marker_bodies == body)
        for coordinate in above[int(body)]:
            motion = current.motions[coordinate]
            out[..., coordinate][:, mine] = cross(motion[:, None, :3], arms[:, mine]) + motion[:, None, 3:]
    tied = anchors >= 0
    out[:, tied] -= out[:, anchors[tied]]
    return out


def _scale_jacobian(problem: Problem, current: Pose, coordinates: FloatArray, unknown: FloatArray) -> FloatArray:
    """(F, M, 3, G): the same with the logarithms of the groups' factors; offsets of markers are not scaled."""
    model = problem.model
    share = _shares(model)
    moved = np.zeros((len(model.bodies), len(coordinates), 3, len(GROUPS)))
    for joint in model.joints:
        place = np.zeros((len(coordinates), 3, len(GROUPS)))
        if joint.parent != GROUND:
            axes = current.axes[joint.parent]
            place += moved[joint.parent] + axes @ (joint.on_parent.origin[:, None] * share[joint.parent])
            for axis in joint.translations:
                along = (axes @ joint.on_parent.axes @ axis.direction) * evaluated(axis, coordinates)[0][:, None]
                place += along[..., None] * (axis.direction @ share[joint.parent])
        back = joint.on_child.origin[:, None] * share[joint.child]
        moved[joint.child] = place - current.axes[joint.child] @ back
    own = model.marker_places - _offsets(problem.observed.anchors, unknown)
    out = np.stack(
        [
            moved[body] + current.axes[body] @ (place[:, None] * share[body])
            for body, place in zip(model.marker_bodies, own, strict=True)
        ],
        axis=1,
    )
    tied = problem.observed.anchors >= 0
    out[:, tied] -= out[:, problem.observed.anchors[tied]]
    return out


def _shares(model: Model) -> FloatArray:
    """(B, 3, G): 1 where a group's factor scales a body along an axis."""
    out = np.zeros((len(model.bodies), 3, len(GROUPS)))
    for index, logarithms in enumerate(np.eye(len(GROUPS))):
        out[:, :, index] = np.log(factors_of(model, logarithms))
    return out
