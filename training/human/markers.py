"""True positions of the 65 markers on a body.

The 22 mean what Pose2Sim's mean: their places on its OpenSim model (`Markers_Halpe26.xml` of Pose2Sim 0.10.49), carried
over to MakeHuman's skeleton, but for the neck, which is the middle of the shoulders as everywhere in this project
(`services/refiner/depth/markers.py` says why). The 43 are where `Markers_LSTM.xml` puts them, laid on the skin;
epicondyles, malleoli and styloids are as wide apart as the skin, but lie evenly about the joint's centre, so that their
middle is the centre about which the bone turns. The iliac spines are as far forward and back as the skin, but as high
above the hips as in that model, scaled, so that the pelvis of every body at rest is tilted alike, by 4 to 6.5° (that
model's: 4.7°). Where their height was the skin's too, it was −2.5° on most women and 5° on men. Places are given in
metres of that model (Rajagopal et al. 2016) from a joint, and scaled by the size of the segment. Each marker is fixed
to one bone, so truth knows no soft tissue: angles from these markers are angles of the bones that were drawn.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from scipy.spatial import cKDTree

from humanpose3d.motion import FloatArray
from humanpose3d.skeleton import ALL_MARKERS, MARKER_INDEX
from training.human.body import RIG_OF_BONE, Body, BodyShape, PosedBody, make_body
from training.human.makehuman import IntArray
from training.human.retarget import least_rotation, rest_direction, rest_second
from training.mocap.motion import LEAD_OF_SIDE

WRIST: Final = "wrist"
"""Stands for the distal forearm: it points as the forearm does and rolls with the hand (pronation)."""


_FORWARD, _LATERAL = 0, 2
"""Columns of `_axes`."""


@dataclass(frozen=True)
class _Place:
    """A marker's bone and its position: forward, up, lateral in metres of the reference model, from a joint.

    size: which size of the body scales it. skin: laid on the nearest point of the skin. only: the one axis (of `_axes`)
    along which its place is the skin's, so that a pair of such markers spans the same axis of the bone on every body.
    """

    bone: str
    joint: str
    offset: tuple[float, float, float]
    size: str
    skin: bool = True
    only: int | None = None


_REFERENCE_SIZE: Final = {
    "pelvis": 0.1054,
    "shoulder": 0.17,
    "femur": 0.4096,
    "tibia": 0.4,
    "humerus": 0.2896,
    "forearm": 0.2357,
    "foot": 0.13,
}
"""Metres in the reference model: midline to hip keypoint and to shoulder joint, lengths of bones, ankle to toes."""

_REFERENCE_ANKLE_HEIGHT: Final = 0.052

_SIDED: Final = {
    "ASIS": _Place("pelvis", "hip", (0.0919, 0.0913, 0.0226), "pelvis", only=_FORWARD),
    "PSIS": _Place("pelvis", "hip", (-0.0901, 0.1063, -0.0554), "pelvis", only=_FORWARD),
    "knee": _Place("femur", "tibia", (0.0, 0.0, 0.055), "femur", only=_LATERAL),
    "mknee": _Place("femur", "tibia", (0.0, 0.0, -0.055), "femur", only=_LATERAL),
    "ankle": _Place("tibia", "foot", (-0.013, -0.0025, 0.045), "tibia", only=_LATERAL),
    "mankle": _Place("tibia", "foot", (0.013, 0.0025, -0.045), "tibia", only=_LATERAL),
    "toe": _Place("foot", "foot", (0.138, -0.0336, 0.0053), "foot"),
    "5meta": _Place("foot", "foot", (0.0912, -0.037, 0.065), "foot"),
    "calc": _Place("foot", "foot", (-0.081, -0.0094, -0.0112), "foot"),
    "shoulder": _Place("clavicle", "humerus", (0.003, 0.0465, -0.028), "shoulder"),
    "thigh1": _Place("femur", "femur", (0.09, -0.15, 0.07), "femur"),
    "thigh2": _Place("femur", "femur", (0.055, -0.25, 0.085), "femur"),
    "thigh3": _Place("femur", "femur", (-0.02, -0.14, 0.1), "femur"),
    "sh1": _Place("tibia", "tibia", (0.0, -0.115, 0.07), "tibia"),
    "sh2": _Place("tibia", "tibia", (0.026, -0.23, 0.08), "tibia"),
    "sh3": _Place("tibia", "tibia", (-0.05, -0.22, 0.08), "tibia"),
    "lelbow": _Place("humerus", "forearm", (0.0, 0.0, 0.045), "humerus", only=_LATERAL),
    "melbow": _Place("humerus", "forearm", (0.0, 0.0, -0.045), "humerus", only=_LATERAL),
    "lwrist": _Place(WRIST, "hand", (0.0, 0.0, 0.035), "forearm", only=_LATERAL),
    "mwrist": _Place(WRIST, "hand", (0.0, 0.0, -0.035), "forearm", only=_LATERAL),
    "Hip": _Place("pelvis", "hip", (0.0, 0.0, 0.0), "pelvis", skin=False),
    "Knee": _Place("femur", "tibia", (0.0, 0.0, 0.0), "femur", skin=False),
    "Ankle": _Place("tibia", "foot", (0.0, 0.0, 0.0), "tibia", skin=False),
    "BigToe": _Place("toes", "foot", (0.1947, -0.0341, -0.0135), "foot", skin=False),
    "SmallToe": _Place("toes", "foot", (0.1571, -0.0344, 0.0299), "foot", skin=False),
    "Heel": _Place("foot", "foot", (-0.0352, -0.0187, -0.0019), "foot", skin=False),
    "Shoulder": _Place("clavicle", "humerus", (-0.0096, -0.0052, 0.0316), "shoulder", skin=False),
    "Elbow": _Place("humerus", "forearm", (0.0, 0.0, 0.0), "humerus", skin=False),
    "Wrist": _Place("forearm", "hand", (0.0, 0.0, 0.0), "forearm", skin=False),
    "HJC": _Place("femur", "femur", (0.0, 0.0, 0.0), "femur", skin=False),
}

_MIDLINE_BONE: Final = {"Hip": "pelvis", "Neck": "thorax", "Head": "head", "Nose": "head", "C7_study": "thorax"}
_C7: Final = (-0.077, 0.0485)
"""Metres in the reference model before and above the middle of the shoulder joints."""

_NEIGHBOURS: Final = 12


def true_markers(posed: PosedBody) -> FloatArray:
    """(T, 65, 3) metres: ALL_MARKERS in the frame of the posed body."""
    places = marker_places(posed.body)
    bones = [_bone_of(name) for name in ALL_MARKERS]
    out = np.empty((len(posed.rotations), len(ALL_MARKERS), 3))
    for bone in sorted(set(bones)):
        columns = [index for index, own in enumerate(bones) if own == bone]
        out[:, columns] = _carried(posed, bone, places[columns])
    out[:, MARKER_INDEX["Neck"]] = (out[:, MARKER_INDEX["LShoulder"]] + out[:, MARKER_INDEX["RShoulder"]]) / 2
    return out


def marker_places(body: Body) -> FloatArray:
    """(65, 3) metres: ALL_MARKERS on the resting body.

    A marker laid on the skin is the same blend of the same vertices on every body, so that it follows the shape.
    """
    vertices, weights = _blends()
    blended = np.einsum("mk,mki->mi", weights, body.vertices[vertices])
    return np.array([_placed(body, name, skin) for name, skin in zip(ALL_MARKERS, blended, strict=True)])


def _placed(body: Body, name: str, skin: FloatArray) -> FloatArray:
    if not _lies_on_skin(name):
        return _wanted_place(body, name)
    if name in _MIDLINE_BONE or _SIDED[_part(name)].only is None:
        return skin
    wanted = _wanted_place(body, name)
    along = _axes(body, _SIDED[_part(name)].bone, _side(name))[:, _SIDED[_part(name)].only]
    return wanted + along * ((skin - wanted) @ along)


@lru_cache(maxsize=1)
def _blends() -> tuple[IntArray, FloatArray]:
    """For each marker the vertices (65, k) of which its place on the skin is a blend, and their weights (65, k)."""
    body = make_body(BodyShape())
    skin = np.unique(body.mesh.faces["body"])
    wanted = np.array([_wanted_place(body, name) for name in ALL_MARKERS])
    places = _nearest_on_skin(body, wanted)
    _, near = cKDTree(body.vertices[skin]).query(places, k=_NEIGHBOURS)
    weights = [_affine_weights(body.vertices[skin[row]], place) for row, place in zip(near, places, strict=True)]
    return skin[near], np.array(weights)


def _affine_weights(corners: FloatArray, place: FloatArray) -> FloatArray:
    """The smallest weights that sum to 1 and blend the corners (k, 3) into the place (3,)."""
    scaled = (corners - place) * 100
    system = np.vstack([scaled.T, np.ones(len(corners))])
    return np.asarray(np.linalg.lstsq(system, np.array([0.0, 0.0, 0.0, 1.0]), rcond=None)[0])


def _nearest_on_skin(body: Body, places: FloatArray) -> FloatArray:
    """(N, 3) the skin's nearest point to each place, by dense sampling of its triangles (about 1 mm)."""
    corners = body.vertices[body.mesh.faces["body"]]
    steps = np.arange(0, 1.01, 0.125)
    grid = np.array([(a, b, 1 - a - b) for a in steps for b in steps if a + b <= 1])
    samples = np.einsum("gc,fci->fgi", grid, corners).reshape(-1, 3)
    return np.asarray(samples[cKDTree(samples).query(places)[1]])


def _lies_on_skin(name: str) -> bool:
    if name in _MIDLINE_BONE:
        return name in ("Head", "Nose", "C7_study")
    return _SIDED[_part(name)].skin


def _bone_of(name: str) -> str:
    if name in _MIDLINE_BONE:
        return _MIDLINE_BONE[name]
    bone = _SIDED[_part(name)].bone
    return f"{bone}_{_side(name)}" if bone != "pelvis" else bone


def _part(name: str) -> str:
    """The table's name of a sided marker: `r.ASIS_study` and `L.ASIS_study` are ASIS, `RBigToe` is BigToe."""
    return name.removesuffix("_study").lstrip("rRL").lstrip("._")


def _side(name: str) -> str:
    return name[0].lower()


def _wanted_place(body: Body, name: str) -> FloatArray:
    if name in _MIDLINE_BONE:
        return _midline_place(body, name)
    place, side = _SIDED[_part(name)], _side(name)
    scale = _size(body, place.size, side) / _REFERENCE_SIZE[place.size]
    forward, up, lateral = place.offset
    if place.joint == "foot" and place.size == "foot":
        up *= body.head_of(f"foot_{side}")[1] / _REFERENCE_ANKLE_HEIGHT / scale
    axes = _axes(body, place.bone, side)
    return _joint(body, place.joint, side) + axes @ (np.array([forward, up, lateral]) * scale)


def _midline_place(body: Body, name: str) -> FloatArray:
    shoulders = (body.head_of("humerus_l") + body.head_of("humerus_r")) / 2
    scale = _size(body, "shoulder", "l") / _REFERENCE_SIZE["shoulder"]
    skin = body.vertices[body.mesh.groups["body"]]
    head = skin[skin[:, 1] > body.head_of("head")[1]]
    places: dict[str, FloatArray] = {
        "Hip": (_joint(body, "hip", "l") + _joint(body, "hip", "r")) / 2,
        "Neck": shoulders,
        "C7_study": shoulders + np.array([0.0, _C7[1], _C7[0]]) * scale,
        "Head": np.array([0.0, head[:, 1].max(), body.head_of("head")[2]]),
        "Nose": np.array([0.0, *head[head[:, 2].argmax(), 1:]]),
    }
    return places[name]


def _joint(body: Body, joint: str, side: str) -> FloatArray:
    if joint == "hip":  # the rig's own pivot, which lies where the hip keypoint does
        return body.mesh.joint(body.vertices, f"{side}-upper-leg")
    return body.head_of(f"{joint}_{side}")


def _size(body: Body, size: str, side: str) -> float:
    if size in ("pelvis", "shoulder"):
        return abs(float(_joint(body, {"pelvis": "hip", "shoulder": "humerus"}[size], side)[0]))
    ends = {"femur": "tibia", "tibia": "foot", "humerus": "forearm", "forearm": "hand", "foot": "toes"}
    along = body.head_of(f"{ends[size]}_{side}") - body.head_of(f"{size}_{side}")
    return float(np.linalg.norm(along[[0, 2]] if size == "foot" else along))


def _axes(body: Body, bone: str, side: str) -> FloatArray:
    """(3, 3) columns forward, up, lateral of a segment at rest; up runs from its distal to its proximal end."""
    outward = np.array([LEAD_OF_SIDE[side], 0.0, 0.0])
    if bone in ("pelvis", "clavicle"):
        return _square(np.array([0.0, 1.0, 0.0]), outward)
    if bone in ("foot", "toes"):
        heading = rest_direction(body, f"foot_{side}") * np.array([1.0, 0.0, 1.0])
        return _square(np.array([0.0, 1.0, 0.0]), np.cross([0.0, 1.0, 0.0], heading) * LEAD_OF_SIDE[side])
    if bone == "humerus":
        outward = -LEAD_OF_SIDE[side] * rest_second(body, f"humerus_{side}")
    if bone == WRIST:
        return _square(-rest_direction(body, f"forearm_{side}"), rest_second(body, f"hand_{side}"))
    return _square(-rest_direction(body, f"{bone}_{side}"), outward)


def _square(up: FloatArray, outward: FloatArray) -> FloatArray:
    """Columns forward, up, lateral; on the left side they form a left-handed set, as a mirror image does."""
    lateral = outward - up * (outward @ up)
    lateral /= np.linalg.norm(lateral)
    forward = np.cross(up, lateral)
    if forward[2] < 0:
        forward = -forward
    return np.stack([forward, up, lateral], axis=1)


def _carried(posed: PosedBody, bone: str, points: FloatArray) -> FloatArray:
    if not bone.startswith(WRIST):
        return posed.carried(RIG_OF_BONE[bone], points)
    side = bone[-1]
    index, rig = posed.body.rig_index, RIG_OF_BONE[f"forearm_{side}"]
    along = rest_direction(posed.body, f"forearm_{side}")
    forearm, hand = posed.rotations[:, index[rig]], posed.rotations[:, index[RIG_OF_BONE[f"hand_{side}"]]]
    swing = least_rotation(hand @ along, forearm @ along)
    wrist = posed.body.head_of(f"hand_{side}")
    moved = posed.carried(rig, wrist[None])
    return np.asarray(moved + (points - wrist) @ np.swapaxes(swing @ hand, 1, 2))
