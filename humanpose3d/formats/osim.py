"""OpenSim model files (.osim): a model scaled to a person, written from a template."""

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from humanpose3d.errors import InvalidMotion
from humanpose3d.formats.files import write_atomic
from humanpose3d.motion import FloatArray

_LIKE: Final = {"sacrum": "pelvis", "hand": "radius"}
"""Bodies that are scaled like another one, because nothing is measured on them."""


class BodyScale(NamedTuple):
    """Scale factors of a body along its own axes."""

    x: float
    y: float
    z: float


def write_osim(
    path: Path, template: Path, scales: Mapping[str, BodyScale], markers: Mapping[str, ArrayLike], mass: float
) -> None:
    """Scale the template model to a person, as OpenSim's ScaleTool does with given factors.

    scales   by body; bodies not named keep their size.
    markers  name → (3,) metres in its body's frame; markers not named are left out.
    mass     kilograms of the whole body, distributed over the bodies as in the template.

    Joints, meshes, centres of mass and inertias are scaled with their body. Raises InvalidMotion where the template is
    not a model, OutputNotWritable.
    """
    try:
        tree = ET.parse(template)  # noqa: S314 -- a model that ships with the project
        _scale(tree.getroot(), scales, {name: np.asarray(place) for name, place in markers.items()}, mass)
    except (ET.ParseError, AttributeError, ValueError, KeyError) as error:
        raise InvalidMotion(f"{template.name} is not a usable OpenSim model: {error}.") from None
    ET.indent(tree, " ")
    with write_atomic(path) as file:
        tree.write(file, encoding="UTF-8", xml_declaration=True)


def _scale(root: ET.Element, scales: Mapping[str, BodyScale], markers: Mapping[str, FloatArray], mass: float) -> None:
    bodies = root.findall(".//BodySet/objects/Body")
    share = mass / sum(float(body.findtext("mass") or 0) for body in bodies)
    for body in bodies:
        _scale_body(body, _factors(scales, body.attrib["name"]), share)
    for joint in root.findall(".//JointSet/objects/*"):
        _scale_joint(joint, scales)
    objects = root.find(".//MarkerSet/objects")
    assert objects is not None
    for marker in list(objects):
        if marker.attrib["name"] in markers:
            _set(marker, "location", markers[marker.attrib["name"]])
        else:
            objects.remove(marker)


def _factors(scales: Mapping[str, BodyScale], body: str) -> FloatArray:
    name, _, side = body.partition("_")
    like = _LIKE.get(name, name)
    return np.array(scales.get(f"{like}_{side}" if side else like, BodyScale(1.0, 1.0, 1.0)))


def _scale_body(body: ET.Element, factors: FloatArray, share: float) -> None:
    _set(body, "mass", [float(body.findtext("mass") or 0) * share])
    _set(body, "mass_center", _numbers(body, "mass_center") * factors)
    _set(body, "inertia", _inertia(_numbers(body, "inertia"), factors) * share)
    for mesh in body.iter("Mesh"):
        _set(mesh, "scale_factors", _numbers(mesh, "scale_factors") * factors)


def _inertia(values: FloatArray, factors: FloatArray) -> FloatArray:
    """(6,) xx yy zz xy xz yz of a body scaled by the factors at constant mass."""
    squares = (values[:3].sum() / 2 - values[:3]) * factors**2  # sums of mass × x², y², z²
    products = values[3:] * factors[[0, 0, 1]] * factors[[1, 2, 2]]
    return np.concatenate([squares.sum() - squares, products])


def _scale_joint(joint: ET.Element, scales: Mapping[str, BodyScale]) -> None:
    frames = joint.findall("frames/PhysicalOffsetFrame")
    for frame in frames:
        _set(frame, "translation", _numbers(frame, "translation") * _factors(scales, _body_of(frame)))
    parent = next(frame for frame in frames if frame.attrib["name"] == joint.findtext("socket_parent_frame"))
    factors = _factors(scales, _body_of(parent))
    for axis in joint.findall("SpatialTransform/TransformAxis")[3:]:
        _multiply(axis, float(_numbers(axis, "axis") @ factors))


def _multiply(axis: ET.Element, factor: float) -> None:
    """Wrap the axis' function in a MultiplierFunction."""
    function = next(child for child in axis if child.tag not in ("coordinates", "axis"))
    if function.tag == "MultiplierFunction":
        _set(function, "scale", _numbers(function, "scale") * factor)
        return
    axis.remove(function)
    outer = ET.SubElement(axis, "MultiplierFunction", name="function")
    inner = ET.SubElement(outer, "function")
    inner.append(function)
    ET.SubElement(outer, "scale").text = str(factor)


def _body_of(frame: ET.Element) -> str:
    """Body name of a path such as /bodyset/femur_r; the ground is not a body."""
    return (frame.findtext("socket_parent") or "").strip().rsplit("/", 1)[-1]


def _numbers(element: ET.Element, tag: str) -> FloatArray:
    return np.array([float(word) for word in (element.findtext(tag) or "").split()])


def _set(element: ET.Element, tag: str, values: ArrayLike) -> None:
    child = element.find(tag)
    assert child is not None, tag
    child.text = " ".join(f"{value:.10g}" for value in np.asarray(values).tolist())
