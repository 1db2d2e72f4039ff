"""People of all shapes: MakeHuman's base mesh with its shape targets mixed, its joints, its skin, its mass."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import Final

import numpy as np

from humanpose3d.motion import FloatArray
from training.human.makehuman import IntArray, MakeHuman, load_makehuman
from training.mocap.motion import LEAD_OF_SIDE

BODY_DENSITY: Final = 1010.0
"""kg/m³ of the whole body at normal breath: between 985 (full lungs) and 1060 (empty), Krzywicki & Chinn 1967."""

HIP_CENTRE_SHARE: Final = 0.0773 / 0.1054
"""Lateral position of the hip joint centre, as a fraction of the hip keypoint's distance from the midline: Pose2Sim 0.10.49
has RHJC_study at z = 0.07726 m and RHip at 0.10541 m of one pelvis (`Markers_LSTM.xml`, `Markers_Halpe26.xml`).
MakeHuman's own pivot is as lateral as the keypoint, which is too far for the joint."""

_SIDE_NAMES: Final = {"l": ("Left", "L"), "r": ("Right", "R")}
_RIG_SIDED: Final = {
    "clavicle": "Shoulder",
    "humerus": "Arm",
    "forearm": "ForeArm",
    "hand": "Hand",
    "femur": "UpLeg",
    "tibia": "Leg",
    "foot": "Foot",
    "toes": "ToeBase",
}
RIG_OF_BONE: Final = {
    "pelvis": "Hips",
    "lumbar": "LowerBack",
    "spine": "Spine",
    "thorax": "Spine1",
    "neck": "Neck",
    "head": "Head",
    **{f"{bone}_{s}": names[0] + rig for s, names in _SIDE_NAMES.items() for bone, rig in _RIG_SIDED.items()},
}
_ANCHORS: Final = {
    "gender": (("female", 0.0), ("male", 1.0)),
    "age": (("baby", 0.0), ("child", 0.1875), ("young", 0.5), ("old", 1.0)),
    "muscle": (("minmuscle", 0.0), ("averagemuscle", 0.5), ("maxmuscle", 1.0)),
    "weight": (("minweight", 0.0), ("averageweight", 0.5), ("maxweight", 1.0)),
    "height": (("minheight", 0.0), ("", 0.5), ("maxheight", 1.0)),
    "proportions": (("uncommonproportions", 0.0), ("", 0.5), ("idealproportions", 1.0)),
    "cup": (("mincup", 0.0), ("averagecup", 0.5), ("maxcup", 1.0)),
    "firmness": (("minfirmness", 0.0), ("averagefirmness", 0.5), ("maxfirmness", 1.0)),
}
"""MakeHuman's macro sliders, each 0 to 1, and the targets at their anchor values (its `macro.json`)."""

_MACROS: Final = (
    ("macrodetails/{race}-{gender}-{age}", ("race", "gender", "age")),
    ("macrodetails/universal-{gender}-{age}-{muscle}-{weight}", ("gender", "age", "muscle", "weight")),
    (
        "macrodetails/height/{gender}-{age}-{muscle}-{weight}-{height}",
        ("gender", "age", "muscle", "weight", "height"),
    ),
    (
        "macrodetails/proportions/{gender}-{age}-{muscle}-{weight}-{proportions}",
        ("gender", "age", "muscle", "weight", "proportions"),
    ),
    (
        "breast/{gender}-{age}-{muscle}-{weight}-{cup}-{firmness}",
        ("gender", "age", "muscle", "weight", "cup", "firmness"),
    ),
)

DETAIL_TARGETS: Final = (
    "arms/measure-upperarm-length",
    "arms/measure-lowerarm-length",
    "legs/measure-upperleg-height",
    "legs/measure-lowerleg-height",
    "torso/measure-shoulder-dist",
    "torso/measure-hips-circ",
    "torso/measure-waist-circ",
    "torso/measure-napetowaist-dist",
    "neck/measure-neck-height",
    "head/head-scale-vert",
    "head/head-scale-horiz",
    "head/head-fat",
    "legs/measure-calf-circ",
    "legs/measure-thigh-circ",
)
"""Targets that come as a pair `-decr` and `-incr`; a shape gives each a strength from -1 to 1."""


@dataclass(frozen=True)
class BodyShape:
    """Shape of a body: MakeHuman's sliders, each 0 to 1.

    age: 0.19 child, 0.5 young adult, 1 old. race: shares of african, asian and caucasian features.
    details: strength -1 to 1 of DETAIL_TARGETS.
    """

    gender: float = 0.5
    age: float = 0.5
    muscle: float = 0.5
    weight: float = 0.5
    height: float = 0.5
    proportions: float = 0.5
    cup: float = 0.5
    firmness: float = 0.5
    race: tuple[float, float, float] = (1 / 3, 1 / 3, 1 / 3)
    details: dict[str, float] = field(default_factory=dict)

    def target_strengths(self) -> Iterator[tuple[str, float]]:
        """Targets by name, with their weights."""
        shares = {slider: _shares(slider, getattr(self, slider)) for slider in _ANCHORS}
        shares["race"] = dict(zip(("african", "asian", "caucasian"), self.race, strict=True))
        for template, sliders in _MACROS:
            for names in product(*(shares[slider] for slider in sliders)):
                chosen = dict(zip(sliders, names, strict=True))
                strength = float(np.prod([shares[slider][name] for slider, name in chosen.items()]))
                if strength > 1e-4 and all(names):
                    yield template.format(**chosen), strength
        for name, strength in self.details.items():
            yield f"{name}-{'incr' if strength > 0 else 'decr'}", abs(strength)


def _shares(slider: str, value: float) -> dict[str, float]:
    """A slider is interpolated linearly between its two neighbouring anchors."""
    names, places = zip(*_ANCHORS[slider], strict=True)
    return {name: float(np.interp(value, places, row)) for name, row in zip(names, np.eye(len(names)), strict=True)}


@dataclass(frozen=True, eq=False)
class Body:
    """A body at rest, standing on y = 0.

    shape     its parameters.
    mesh      the base mesh.
    vertices  (V, 3) metres, helpers included.
    heads     (bones of the rig, 3) metres: where each bone begins, the hip joint centres moved inward.
    """

    shape: BodyShape
    mesh: MakeHuman
    vertices: FloatArray
    heads: FloatArray

    @cached_property
    def rig_index(self) -> dict[str, int]:
        """Rig bone name -> its place in `heads`."""
        return {bone.name: index for index, bone in enumerate(self.mesh.bones)}

    @property
    def height(self) -> float:
        """Metres from sole to crown."""
        return float(np.ptp(self.vertices[self.mesh.groups["body"], 1]))

    @property
    def mass(self) -> float:
        """Kilograms: the volume within the skin × BODY_DENSITY."""
        corners = self.vertices[self.mesh.faces["body"]]
        volume = np.einsum("fi,fi->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6
        return float(abs(volume) * BODY_DENSITY)

    def head_of(self, bone: str) -> FloatArray:
        """(3,) metres: where a bone (of training.mocap.motion.BONES) begins at rest."""
        return np.asarray(self.heads[self.rig_index[RIG_OF_BONE[bone]]])

    def leg_length(self) -> float:
        """Metres from hip to knee to ankle, mean of both sides."""
        chain = [[self.head_of(f"{bone}_{side}") for bone in ("femur", "tibia", "foot")] for side in LEAD_OF_SIDE]
        return float(np.linalg.norm(np.diff(np.array(chain), axis=1), axis=2).sum() / 2)


def make_body(shape: BodyShape) -> Body:
    """Mix the targets and find the joints."""
    mesh = load_makehuman()
    vertices = mesh.vertices.copy()
    for name, strength in shape.target_strengths():
        target = mesh.target(name)
        if target is not None:
            vertices[target[0]] += target[1] * strength
    vertices[:, 1] -= vertices[mesh.groups["body"], 1].min()
    heads = np.array([vertices[bone.head_vertices].mean(axis=0) for bone in mesh.bones])
    for index, bone in enumerate(mesh.bones):
        if bone.name.endswith("UpLeg"):
            heads[index, 0] *= HIP_CENTRE_SHARE
    return Body(shape, mesh, vertices, heads)


@dataclass(frozen=True, eq=False)
class PosedBody:
    """A body in motion.

    rotations     (T, rig bones, 3, 3) of each bone from rest; y up, metres.
    translations  (T, rig bones, 3): a point p of the resting bone is at rotation · p + translation.
    """

    body: Body
    rotations: FloatArray
    translations: FloatArray

    def carried(self, rig_bone: str, points: FloatArray) -> FloatArray:
        """(T, N, 3): points (N, 3) of the resting body carried along by one bone as if they were part of it."""
        column = self.body.rig_index[rig_bone]
        return points @ np.swapaxes(self.rotations[:, column], 1, 2) + self.translations[:, None, column]

    def skinned(self, vertices: IntArray) -> FloatArray:
        """(T, N, 3) metres: vertices of the mesh, moved by linear blend skinning."""
        bones, shares = (table[vertices] for table in self.body.mesh.skin_weights)
        points = self.body.vertices[vertices]
        turned = np.einsum("tnbij,nj->tnbi", self.rotations[:, bones], points) + self.translations[:, bones]
        return np.asarray(np.einsum("nb,tnbi->tni", shares, turned))

    def shifted(self, offset: FloatArray) -> "PosedBody":
        """The same motion elsewhere: offset (3,) or (T, 1, 3) metres."""
        return PosedBody(self.body, self.rotations, self.translations + offset)
