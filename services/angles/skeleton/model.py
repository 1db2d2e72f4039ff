"""The kinematic tree: bodies, joints, coordinates and markers, read from an OpenSim model file.

A joint joins two offset frames, one on the parent's and one on the child's body; between them it turns about three axes
and moves along three, each a function of at most one coordinate (Seth et al. 2010, Nonlinear Dyn 62:291–303; file
layout of OpenSim 4). Bodies are at rest with x forward, y up and z to the right. Angles in radians, lengths in metres.
"""

import xml.etree.ElementTree as ET
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from humanpose3d.errors import InvalidMotion
from humanpose3d.motion import FloatArray
from services.angles.skeleton.functions import Function, linear, polynomial, scaled, spline
from shared.models import shipped

GROUND: Final = -1
"""The parent of the first body."""

MODEL_FILE: Final = "skeleton.osim"


@dataclass(frozen=True)
class Axis:
    """One of a joint's six: a unit vector (3,), the coordinate that moves it (None: it stands) and how."""

    direction: FloatArray
    coordinate: int | None
    function: Function


@dataclass(frozen=True)
class Offset:
    """An offset frame on a body: its axes as columns (3, 3) and its origin (3,) metres, both in the body's frame."""

    axes: FloatArray
    origin: FloatArray


@dataclass(frozen=True)
class Joint:
    """Moves the body `child` in `parent` (indices of bodies): about `rotations` in turn, along `translations`."""

    parent: int
    child: int
    on_parent: Offset
    on_child: Offset
    rotations: tuple[Axis, ...]
    translations: tuple[Axis, ...]


@dataclass(frozen=True)
class Coordinate:
    """A degree of freedom: radians, or metres where it translates.

    `clamped` ones stay in their range, `locked` ones at their default.
    """

    name: str
    default: float
    lowest: float
    highest: float
    clamped: bool
    locked: bool
    translates: bool


@dataclass(frozen=True, eq=False)
class Model:
    """A skeleton of B bodies, joined from the ground outward (a parent comes before its children), with M markers.

    marker_bodies  (M,) index of the body that carries each marker.
    marker_places  (M, 3) metres in that body's frame.
    """

    bodies: tuple[str, ...]
    joints: tuple[Joint, ...]
    coordinates: tuple[Coordinate, ...]
    markers: tuple[str, ...]
    marker_bodies: NDArray[np.intp]
    marker_places: FloatArray

    @property
    def defaults(self) -> FloatArray:
        """(n,) the default of every coordinate."""
        return np.array([coordinate.default for coordinate in self.coordinates])

    def body(self, name: str) -> int:
        """Its index. Raises ValueError where there is none."""
        return self.bodies.index(name)

    def coordinate(self, name: str) -> int:
        """Its index. Raises KeyError where there is none."""
        return _columns(tuple(coordinate.name for coordinate in self.coordinates))[name]

    def select(self, names: tuple[str, ...]) -> Self:
        """The same skeleton with these of its markers, in this order. Raises ValueError where one is not its own."""
        columns = [self.markers.index(name) for name in names]
        return self.carrying(names, self.marker_bodies[columns], self.marker_places[columns])

    def carrying(self, names: tuple[str, ...], bodies: NDArray[np.intp], places: FloatArray) -> Self:
        """The same skeleton with other markers."""
        return replace(self, markers=names, marker_bodies=bodies, marker_places=places)

    def scaled(self, factors: FloatArray) -> Self:
        """The same with each body's lengths multiplied by its factors (B, 3) along its axes, as OpenSim scales."""
        return replace(
            self,
            joints=tuple(_scaled_joint(joint, factors) for joint in self.joints),
            marker_places=self.marker_places * factors[self.marker_bodies],
        )


@cache
def _columns(names: tuple[str, ...]) -> dict[str, int]:
    return {name: index for index, name in enumerate(names)}


@cache
def shipped_model() -> Model:
    """The model that ships, of a person 1.70 m tall. Raises ModelNotFound or ModelCorrupt."""
    return read_model(shipped(MODEL_FILE))


def read_model(path: Path) -> Model:
    """Read an .osim file of OpenSim 4; bodies that carry no marker and lead to none are left out.

    Raises InvalidMotion where it is not one, or holds joints or functions that are not supported.
    """
    try:
        root = ET.parse(path).getroot()  # noqa: S314 -- a shipped model, or one that the user chose
        return _without_bare_bodies(_model(root))
    except (ET.ParseError, AttributeError, ValueError, KeyError, IndexError) as error:
        raise InvalidMotion(f"{path.name} is not a usable OpenSim model: {error}.") from None


def _scaled_joint(joint: Joint, factors: FloatArray) -> Joint:
    own = np.ones(3) if joint.parent == GROUND else factors[joint.parent]
    return replace(
        joint,
        on_parent=Offset(joint.on_parent.axes, joint.on_parent.origin * own),
        on_child=Offset(joint.on_child.axes, joint.on_child.origin * factors[joint.child]),
        translations=tuple(
            replace(axis, function=scaled(axis.function, float(axis.direction @ own))) for axis in joint.translations
        ),
    )


def _model(root: ET.Element) -> Model:
    joints = root.findall(".//JointSet/objects/*")
    if not joints:
        raise ValueError("it holds no joints")
    coordinates = tuple(_coordinate(joint, element) for joint in joints for element in _coordinates(joint))
    columns = {coordinate.name: index for index, coordinate in enumerate(coordinates)}
    bodies = _outward([_ends(joint) for joint in joints])
    markers = root.findall(".//MarkerSet/objects/Marker")
    return Model(
        bodies=tuple(bodies),
        joints=tuple(sorted((_joint(joint, bodies, columns) for joint in joints), key=lambda joint: joint.child)),
        coordinates=coordinates,
        markers=tuple(_name(marker) for marker in markers),
        marker_bodies=np.array(
            [bodies.index(_last(marker, "socket_parent_frame")) for marker in markers], dtype=np.intp
        ),
        marker_places=np.array([_numbers(marker, "location") for marker in markers]).reshape(-1, 3),
    )


def _outward(ends: list[tuple[str, str]]) -> list[str]:
    """The children of (parent, child) pairs, each after its parent."""
    reached, left = ["ground"], list(ends)
    while left:
        ready = [pair for pair in left if pair[0] in reached]
        if not ready:
            raise ValueError(f"nothing joins {left[0][1]} to the ground")
        reached += [child for _, child in ready]
        left = [pair for pair in left if pair not in ready]
    return reached[1:]


def _without_bare_bodies(model: Model) -> Model:
    """Without bodies that no marker needs, nor their coordinates."""
    needed = set(model.marker_bodies.tolist()) or set(range(len(model.bodies)))
    for joint in reversed(model.joints):
        if joint.child in needed and joint.parent != GROUND:
            needed.add(joint.parent)
    kept = sorted(needed)
    used = {a.coordinate for j in model.joints if j.child in needed for a in (*j.rotations, *j.translations)} - {None}
    columns = [index for index in range(len(model.coordinates)) if index in used]

    def moved(axis: Axis) -> Axis:
        return axis if axis.coordinate is None else replace(axis, coordinate=columns.index(axis.coordinate))

    def joined(joint: Joint) -> Joint:
        return replace(
            joint,
            parent=joint.parent if joint.parent == GROUND else kept.index(joint.parent),
            child=kept.index(joint.child),
            rotations=tuple(map(moved, joint.rotations)),
            translations=tuple(map(moved, joint.translations)),
        )

    return replace(
        model,
        bodies=tuple(model.bodies[index] for index in kept),
        joints=tuple(joined(joint) for joint in model.joints if joint.child in needed),
        coordinates=tuple(model.coordinates[index] for index in columns),
        marker_bodies=np.array([kept.index(body) for body in model.marker_bodies], dtype=np.intp),
    )


def _ends(joint: ET.Element) -> tuple[str, str]:
    parent, child = _frames(joint)
    return _last(parent, "socket_parent"), _last(child, "socket_parent")


def _frames(joint: ET.Element) -> tuple[ET.Element, ET.Element]:
    frames = {_name(frame): frame for frame in joint.findall("frames/PhysicalOffsetFrame")}
    return frames[_last(joint, "socket_parent_frame")], frames[_last(joint, "socket_child_frame")]


def _joint(element: ET.Element, bodies: list[str], columns: dict[str, int]) -> Joint:
    parent, child = _frames(element)
    above, below = _ends(element)
    rotations, translations = _axes(element, columns)
    return Joint(
        parent=GROUND if above == "ground" else bodies.index(above),
        child=bodies.index(below),
        on_parent=_offset(parent),
        on_child=_offset(child),
        rotations=rotations,
        translations=translations,
    )


def _axes(element: ET.Element, columns: dict[str, int]) -> tuple[tuple[Axis, ...], tuple[Axis, ...]]:
    """Of the joints' types, each as the axes that it stands for."""
    own = [columns[_name(coordinate)] for coordinate in _coordinates(element)]
    unit = np.eye(3)
    if element.tag == "CustomJoint":
        axes = [_axis(axis, columns) for axis in element.findall("SpatialTransform/TransformAxis")]
        return tuple(axes[:3]), tuple(axes[3:])
    about = {"WeldJoint": [], "PinJoint": [2], "UniversalJoint": [0, 1], "BallJoint": [0, 1, 2]}
    if element.tag not in about:
        raise ValueError(f"joints of type {element.tag} are not supported")
    turns = zip(about[element.tag], own, strict=True)
    return tuple(Axis(unit[index], coordinate, linear(1.0, 0.0)) for index, coordinate in turns), ()


def _axis(element: ET.Element, columns: dict[str, int]) -> Axis:
    direction = _numbers(element, "axis")
    name = (element.findtext("coordinates") or "").strip()
    function = next(child for child in element if child.tag not in ("coordinates", "axis"))
    return Axis(direction / np.linalg.norm(direction), columns[name] if name else None, _function(function))


def _function(element: ET.Element) -> Function:
    if element.tag == "MultiplierFunction":
        inner = element.find("function")
        assert inner is not None
        return scaled(_function(inner[0]), float(_numbers(element, "scale")[0]))
    if element.tag == "Constant":
        return linear(0.0, float(_numbers(element, "value")[0]))
    if element.tag == "LinearFunction":
        slope, intercept = _numbers(element, "coefficients")
        return linear(float(slope), float(intercept))
    if element.tag == "SimmSpline":
        return spline(_numbers(element, "x"), _numbers(element, "y"))
    if element.tag == "PolynomialFunction":
        return polynomial(_numbers(element, "coefficients"))
    raise ValueError(f"functions of type {element.tag} are not supported")


def _coordinates(joint: ET.Element) -> list[ET.Element]:
    return joint.findall("coordinates/Coordinate")


def _coordinate(joint: ET.Element, element: ET.Element) -> Coordinate:
    lowest, highest = _numbers(element, "range")
    axes = [(axis.findtext("coordinates") or "").strip() for axis in joint.findall("SpatialTransform/TransformAxis")]
    name = _name(element)
    return Coordinate(
        name=name,
        default=float(element.findtext("default_value") or 0),
        lowest=float(lowest),
        highest=float(highest),
        clamped=_is_true(element, "clamped"),
        locked=_is_true(element, "locked"),
        translates=name in axes[3:] and name not in axes[:3],
    )


def _is_true(element: ET.Element, tag: str) -> bool:
    return (element.findtext(tag) or "").strip() == "true"


def _offset(frame: ET.Element) -> Offset:
    """Orientations are body-fixed x-y-z angles."""
    x, y, z = _numbers(frame, "orientation")
    axes = _about(0, x) @ _about(1, y) @ _about(2, z)
    return Offset(axes, _numbers(frame, "translation"))


def _about(axis: int, angle: float) -> FloatArray:
    first, second = (axis + 1) % 3, (axis + 2) % 3
    turn = np.eye(3)
    turn[first, first] = turn[second, second] = np.cos(angle)
    turn[second, first] = np.sin(angle)
    turn[first, second] = -turn[second, first]
    return turn


def _name(element: ET.Element) -> str:
    return element.attrib["name"]


def _last(element: ET.Element, tag: str) -> str:
    """The last part of a path such as /bodyset/femur_r."""
    return (element.findtext(tag) or "").strip().rsplit("/", 1)[-1]


def _numbers(element: ET.Element, tag: str) -> FloatArray:
    return np.array([float(word) for word in (element.findtext(tag) or "").split()])
