"""OpenSim models and motions: forward kinematics of an `.osim` file over a `.mot` of its coordinates.

A joint joins two offset frames, one on the parent's and one on the child's body; between them it turns and moves by
its coordinates (Seth et al. 2010, "Minimal formulation of joint motion for biomechanisms", Nonlinear Dyn 62; file
layout of OpenSim 4). Orientations of offset frames are body-fixed x-y-z angles in radians. Body axes at rest are x
forward, y up, z right, so that (−z, y, x) is this package's (left, up, forward).
"""

import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.polynomial import Polynomial
from scipy.interpolate import CubicSpline
from scipy.spatial.transform import Rotation

from humanpose3d.errors import InvalidMotion
from humanpose3d.motion import FloatArray
from training.mocap.motion import BONES, LEAD_OF_SIDE, BoneMotion, RestPose

Function = Callable[[FloatArray], FloatArray]
Poses = tuple[FloatArray, FloatArray]
"""Global rotations (T, 3, 3) and origins (T, 3) metres of one frame."""

FROM_OPENSIM: Final = np.array([[0.0, 0.0, -1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
"""(x forward, y up, z right) to (x left, y up, z forward)."""

_BODIES: Final = {
    "pelvis": "pelvis",
    "thorax": "torso",
    "neck": "torso",
    "head": "torso",
    "clavicle": "torso",
    "humerus": "humerus",
    "forearm": "ulna",
    "hand": "radius",
    "femur": "femur",
    "tibia": "tibia",
    "foot": "calcn",
    "toes": "toes",
}
_TORSO_SHARE: Final = {"lumbar": 1 / 3, "spine": 2 / 3}


@dataclass(frozen=True)
class _Axis:
    """One of a joint's six: a unit vector, and the coordinate (None: constant) with its function."""

    direction: FloatArray
    coordinate: str | None
    function: Function


@dataclass(frozen=True)
class _Joint:
    parent: str
    child: str
    parent_offset: tuple[FloatArray, FloatArray]
    child_offset: tuple[FloatArray, FloatArray]
    rotations: tuple[_Axis, ...]
    translations: tuple[_Axis, ...]


@dataclass(frozen=True)
class OpenSimModel:
    """A model's joints, from the ground outward."""

    joints: tuple[_Joint, ...]

    def poses(self, coordinates: dict[str, FloatArray], frames: int) -> dict[str, Poses]:
        """Body name -> pose in the ground's frame. A coordinate that is not given is 0, as in OpenSim's IK files."""
        poses: dict[str, Poses] = {"ground": (np.tile(np.eye(3), (frames, 1, 1)), np.zeros((frames, 3)))}
        for joint in self.joints:
            moved = _compose(poses[joint.parent], joint.parent_offset)
            moved = _compose(moved, _joint_pose(joint, coordinates, frames))
            poses[joint.child] = _compose(moved, _inverse(joint.child_offset))
        return poses


def read_osim(path: Path) -> OpenSimModel:
    """Read the joints of a model; raises InvalidMotion where the file is not one."""
    try:
        root = ET.parse(path).getroot()  # noqa: S314 - a model that the user chose to train on
        joints = [_joint(element) for element in root.findall(".//JointSet/objects/*")]
    except (ET.ParseError, AttributeError, ValueError, KeyError) as error:
        raise InvalidMotion(f"{path.name} is not a usable OpenSim model: {error}.") from None
    if not joints:
        raise InvalidMotion(f"{path.name} holds no joints.")
    return OpenSimModel(tuple(joints))


def read_mot(path: Path) -> tuple[FloatArray, dict[str, FloatArray]]:
    """Times (T,) seconds and coordinate name -> (T,) values as written; raises where angles are in degrees."""
    lines = path.read_text(encoding="ascii", errors="replace").splitlines()
    end = next((i for i, line in enumerate(lines) if line.strip() == "endheader"), None)
    if end is None:
        raise InvalidMotion(f"{path.name} has no 'endheader': it is not an OpenSim motion file.")
    if "indegrees=yes" in "".join(lines[:end]).replace(" ", "").lower():
        raise InvalidMotion(f"{path.name} is in degrees; this reader wants radians (inDegrees=no).")
    names = lines[end + 1].split()
    values = np.array([line.split() for line in lines[end + 2 :] if line.strip()], dtype=np.float64)
    if values.ndim != 2 or values.shape[1] != len(names) or names[0] != "time":
        raise InvalidMotion(f"{path.name}: its rows do not hold the {len(names)} columns that it names.")
    return values[:, 0], dict(zip(names[1:], values.T[1:], strict=True))


def read_opensim_motion(path: Path, model: OpenSimModel) -> BoneMotion:
    """The bones of a model over one inverse kinematics file. Head and neck go with the torso, which has one body."""
    times, coordinates = read_mot(path)
    poses = model.poses(coordinates, len(times))
    rotations = np.stack([_bone_rotation(bone, poses) for bone in BONES], axis=1)
    origins = np.stack([_bone_origin(bone, poses) for bone in BONES], axis=1)
    turned = FROM_OPENSIM @ rotations @ FROM_OPENSIM.T
    name = path.stem.removesuffix("_ik")
    return BoneMotion(name, times, turned, origins @ FROM_OPENSIM.T, _rest(model))


def _bone_rotation(bone: str, poses: dict[str, Poses]) -> FloatArray:
    if bone in _TORSO_SHARE:
        return _between(poses["pelvis"][0], poses["torso"][0], _TORSO_SHARE[bone])
    part, _, side = bone.partition("_")
    return poses[_body(part, side)][0]


def _bone_origin(bone: str, poses: dict[str, Poses]) -> FloatArray:
    if bone == "pelvis":
        return (poses["femur_l"][1] + poses["femur_r"][1]) / 2
    part, _, side = bone.partition("_")
    body = {"foot": "talus", "hand": "hand", **dict.fromkeys(_TORSO_SHARE, "torso")}.get(part, _BODIES.get(part, ""))
    return poses[f"{body}_{side}" if side and body != "torso" else body][1]


def _body(part: str, side: str) -> str:
    body = _BODIES[part]
    return f"{body}_{side}" if side and body != "torso" else body


def _between(first: FloatArray, last: FloatArray, share: float) -> FloatArray:
    """(T, 3, 3): the given share of the way from the first rotation to the last."""
    turn = Rotation.from_matrix(np.swapaxes(first, 1, 2) @ last).as_rotvec()
    return np.asarray(first @ Rotation.from_rotvec(turn * share).as_matrix())


def _rest(model: OpenSimModel) -> RestPose:
    origins = {name: pose[1][0] @ FROM_OPENSIM.T for name, pose in model.poses({}, 1).items()}
    up, forward = np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0])
    directions: dict[str, FloatArray] = dict.fromkeys(("lumbar", "spine", "thorax", "neck", "head"), up)
    seconds: dict[str, FloatArray] = {}
    for side, lead in LEAD_OF_SIDE.items():
        ends = {"humerus": ("humerus", "ulna"), "forearm": ("ulna", "hand"), "femur": ("femur", "tibia")}
        ends |= {"tibia": ("tibia", "talus"), "clavicle": ("torso", "humerus")}
        for bone, (proximal, distal) in ends.items():
            start = origins["torso"] if proximal == "torso" else origins[f"{proximal}_{side}"]
            directions[f"{bone}_{side}"] = _unit(origins[f"{distal}_{side}"] - start)
        directions[f"hand_{side}"] = -up
        directions[f"foot_{side}"] = directions[f"toes_{side}"] = forward
        seconds[f"humerus_{side}"] = seconds[f"forearm_{side}"] = FROM_OPENSIM @ _elbow_axis(model, side)
        # arms hang with the palms forward where all coordinates are zero, so the thumbs point outward
        seconds[f"hand_{side}"] = np.array([lead, 0.0, 0.0])
    return RestPose(directions, seconds)


def _elbow_axis(model: OpenSimModel, side: str) -> FloatArray:
    """The pin of the elbow, z of its offset frame; a positive turn flexes (Rajagopal et al. 2016, IEEE TBME 63)."""
    joint = next(joint for joint in model.joints if joint.child == f"ulna_{side}")
    return joint.parent_offset[0][0, :, 2]


def _unit(vector: FloatArray) -> FloatArray:
    return np.asarray(vector / np.linalg.norm(vector))


def _joint_pose(joint: _Joint, coordinates: dict[str, FloatArray], frames: int) -> Poses:
    rotation = np.tile(np.eye(3), (frames, 1, 1))
    for axis in joint.rotations:
        turn = Rotation.from_rotvec(axis.direction * _axis_value(axis, coordinates, frames)[:, None])
        rotation = rotation @ turn.as_matrix()
    origin = np.zeros((frames, 3))
    for axis in joint.translations:
        origin += axis.direction * _axis_value(axis, coordinates, frames)[:, None]
    return rotation, origin


def _axis_value(axis: _Axis, coordinates: dict[str, FloatArray], frames: int) -> FloatArray:
    still = np.zeros(frames)
    return axis.function(still if axis.coordinate is None else coordinates.get(axis.coordinate, still))


def _compose(outer: Poses, inner: Poses) -> Poses:
    return outer[0] @ inner[0], outer[1] + (outer[0] @ inner[1][..., None])[..., 0]


def _inverse(pose: Poses) -> Poses:
    turned = np.swapaxes(pose[0], -1, -2)
    return turned, -(turned @ pose[1][..., None])[..., 0]


def _joint(element: ET.Element) -> _Joint:
    frames = {frame.get("name"): frame for frame in element.findall("frames/PhysicalOffsetFrame")}
    parent = frames[element.findtext("socket_parent_frame")]
    child = frames[element.findtext("socket_child_frame")]
    rotations, translations = _axes(element)
    return _Joint(_body_of(parent), _body_of(child), _offset(parent), _offset(child), rotations, translations)


def _axes(element: ET.Element) -> tuple[tuple[_Axis, ...], tuple[_Axis, ...]]:
    if element.tag == "WeldJoint":
        return (), ()
    if element.tag == "PinJoint":
        coordinate = element.find("coordinates/Coordinate")
        assert coordinate is not None
        return (_Axis(np.array([0.0, 0.0, 1.0]), coordinate.get("name"), _as_is),), ()
    if element.tag != "CustomJoint":
        raise ValueError(f"joints of type {element.tag} are not supported")
    axes = [_axis(axis) for axis in element.findall("SpatialTransform/TransformAxis")]
    return tuple(axes[:3]), tuple(axes[3:])


def _axis(element: ET.Element) -> _Axis:
    function = next(child for child in element if child.tag not in ("coordinates", "axis"))
    coordinate = (element.findtext("coordinates") or "").strip() or None
    return _Axis(_numbers(element, "axis"), coordinate, _function(function))


def _as_is(values: FloatArray) -> FloatArray:
    return values


def _function(element: ET.Element) -> Function:
    if element.tag == "MultiplierFunction":
        inner_element = element.find("function/*")
        assert inner_element is not None
        inner, scale = _function(inner_element), _numbers(element, "scale")[0]
        return lambda values: inner(values) * scale
    if element.tag == "Constant":
        constant = _numbers(element, "value")[0]
        return lambda values: np.full_like(values, constant)
    if element.tag == "SimmSpline":
        spline = CubicSpline(_numbers(element, "x"), _numbers(element, "y"), bc_type="natural")
        return lambda values: np.asarray(spline(values))
    if element.tag == "LinearFunction":
        slope, intercept = _numbers(element, "coefficients")
        return lambda values: slope * values + intercept
    if element.tag == "PolynomialFunction":
        # Lowest power first, as nimblephysics takes it: AddBiomechanics solved the motions with it. With the highest
        # first the model's markers lie 15.0 mm from the measured ones in squats1, this way 9.0 mm.
        polynomial = Polynomial(_numbers(element, "coefficients"))
        return lambda values: np.asarray(polynomial(values))
    raise ValueError(f"functions of type {element.tag} are not supported")


def _body_of(frame: ET.Element) -> str:
    return (frame.findtext("socket_parent") or "").strip().rsplit("/", 1)[-1]


def _offset(frame: ET.Element) -> tuple[FloatArray, FloatArray]:
    rotation = Rotation.from_euler("XYZ", _numbers(frame, "orientation")).as_matrix()
    return np.asarray(rotation)[None], _numbers(frame, "translation")[None]


def _numbers(element: ET.Element, tag: str) -> FloatArray:
    return np.array([float(word) for word in (element.findtext(tag) or "").split()])
