"""Appearance of a body: skin, hair, face and clothes, all by colouring and inflating a single mesh."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from humanpose3d.motion import FloatArray
from training.human.body import Body
from training.human.makehuman import IntArray
from training.mocap.motion import LEAD_OF_SIDE

SKIN, TOP, BOTTOM, SHOES, SOCKS, HAIR, EYES = range(7)
GARMENTS: Final = 7

_SKIN_TONES: Final = np.array(
    [
        (0.98, 0.85, 0.77),
        (0.92, 0.74, 0.62),
        (0.85, 0.64, 0.48),
        (0.70, 0.49, 0.34),
        (0.52, 0.34, 0.23),
        (0.33, 0.21, 0.15),
    ]
)
_HAIR_TONES: Final = np.array([(0.07, 0.05, 0.04), (0.2, 0.12, 0.07), (0.4, 0.26, 0.14), (0.75, 0.6, 0.35)])
_GREY_HAIR: Final = np.array([0.65, 0.64, 0.62])


@dataclass(frozen=True)
class Outfit:
    """Clothes and colours of a body. Colours (3,) in [0, 1].

    sleeves, legs  how far they reach along the limb: 0 none, 1 to elbow or knee, 2 to wrist or ankle.
    colours        garment -> its two colours; the second is that of the pattern.
    patterns       garment -> kind (0 plain, 1 bands, 2 stripes, 3 checks, 4 blotches) and how fine it is, per metre.
    slack          garment -> metres that it stands off the skin; folds grow with it.
    hair           0 bald, 1 short, 2 long.
    skirt          whether a skirt hangs over the legs.
    """

    sleeves: float
    legs: float
    colours: FloatArray
    patterns: FloatArray
    slack: FloatArray
    hair: int
    skirt: bool


def random_outfit(rng: np.random.Generator, body: Body) -> Outfit:
    """Clothes, skin and hair for a body."""
    colours = rng.random((GARMENTS, 2, 3)) ** rng.uniform(0.6, 2.0, (GARMENTS, 2, 1))
    greyness = rng.random((GARMENTS, 1, 1)) ** 1.5
    colours = colours * greyness + colours.mean(axis=2, keepdims=True) * (1 - greyness)
    colours[SKIN] = _skin_tone(rng, body) * rng.uniform(0.95, 1.05)
    colours[HAIR] = _hair_tone(rng, body)
    colours[EYES] = 0.85
    kinds = np.where(rng.random(GARMENTS) < 0.45, rng.integers(1, 5, GARMENTS), 0)
    kinds[[SKIN, EYES]], kinds[HAIR] = 0, 2
    fineness = np.exp(rng.uniform(np.log(4), np.log(60), GARMENTS))
    fineness[HAIR] = 150
    slack = rng.uniform(0.002, 0.02, GARMENTS) * rng.choice([0.4, 1.0, 1.4], GARMENTS)
    slack[[SKIN, EYES]], slack[SHOES], slack[SOCKS], slack[HAIR] = 0.0, 0.006, 0.002, rng.uniform(0.004, 0.025)
    woman = body.shape.gender < 0.5
    hair = int(rng.choice(3, p=[0.02, 0.38, 0.6] if woman else [0.2, 0.75, 0.05]))
    return Outfit(
        sleeves=float(rng.choice([0.05, 0.45, 0.7, 1.4, 1.95], p=[0.15, 0.3, 0.2, 0.1, 0.25])),
        legs=float(rng.choice([0.25, 0.6, 0.9, 1.5, 1.95], p=[0.12, 0.2, 0.18, 0.1, 0.4])),
        colours=colours,
        patterns=np.stack([kinds, fineness], axis=1),
        slack=slack,
        hair=hair,
        skirt=bool(woman and rng.random() < 0.08),
    )


@dataclass(frozen=True, eq=False)
class DressedMesh:
    """Triangles ready to draw, in the body's rest pose.

    positions, normals  (V, 3); bones, shares (V, 4) for skinning; tints (V, 3) multiply the garment's colour;
    garments (V, GARMENTS) 1 for the garment that a vertex belongs to: between vertices the largest share is drawn.
    triangles (F, 3).
    """

    positions: FloatArray
    normals: FloatArray
    bones: IntArray
    shares: FloatArray
    tints: FloatArray
    garments: FloatArray
    triangles: IntArray


def dress(body: Body, outfit: Outfit) -> DressedMesh:
    """Apply the outfit: assign triangles to garments, set their offset from the skin, and select what is drawn."""
    mesh = body.mesh
    garments = _garments(body, outfit)
    groups = ["body", "helper-l-eye", "helper-r-eye"]
    groups += ["helper-hair"] if outfit.hair == 2 else []
    groups += ["helper-skirt"] if outfit.skirt else []
    triangles = np.concatenate([_kept(body, mesh.faces[group], group) for group in groups])
    used = np.unique(triangles)
    normals = _normals(body.vertices, mesh.faces)
    positions = body.vertices + normals * outfit.slack[garments][:, None]
    place = np.zeros(len(body.vertices), dtype=np.int64)
    place[used] = np.arange(len(used))
    bones, shares = mesh.skin_weights
    tints = _face_tints(body, garments)
    shown = np.eye(GARMENTS)[garments[used]]
    return DressedMesh(positions[used], normals[used], bones[used], shares[used], tints[used], shown, place[triangles])


def _kept(body: Body, triangles: IntArray, group: str) -> IntArray:
    """Long hair without the strands that hang before the face; other groups whole."""
    if group != "helper-hair":
        return triangles
    eyes = body.vertices[body.mesh.groups["helper-l-eye"]].mean(axis=0)
    middle = body.vertices[triangles].mean(axis=1)
    before = (middle[:, 2] > body.head_of("head")[2] + 0.03) & (middle[:, 1] < eyes[1] + 0.05)
    return np.asarray(triangles[~before])


def _skin_tone(rng: np.random.Generator, body: Body) -> FloatArray:
    african, asian, caucasian = body.shape.race
    place = 5 * african * rng.uniform(0.7, 1.0) + 1.8 * asian + 0.6 * caucasian + rng.normal(0, 0.4)
    steps = np.arange(len(_SKIN_TONES))
    return np.array([np.interp(place, steps, channel) for channel in _SKIN_TONES.T])


def _hair_tone(rng: np.random.Generator, body: Body) -> FloatArray:
    dark = body.shape.race[2] < 0.5
    tone = _HAIR_TONES[rng.integers(0, 2 if dark else 4)]
    grey = np.clip((body.shape.age - 0.65) / 0.3, 0, 1)
    mixed = tone * (1 - grey) + _GREY_HAIR * grey
    return np.stack([mixed, mixed * 0.7])


def _garments(body: Body, outfit: Outfit) -> IntArray:
    """(V,) which garment each vertex of the mesh belongs to."""
    arms, legs = _along(body, ("humerus", "forearm", "hand")), _along(body, ("femur", "tibia", "foot"))
    limb = _limb(body)
    height = body.vertices[:, 1]
    waist = body.head_of("lumbar")[1] + 0.01
    neckline = body.head_of("neck")[1] - 0.03
    out = np.full(len(height), SKIN)
    torso = limb == "torso"
    collar = (height >= neckline) & (np.abs(body.vertices[:, 0]) < 0.55 * body.head_of("humerus_l")[0])
    out[torso & (height >= waist) & ~collar] = TOP
    out[torso & (height < waist)] = BOTTOM
    out[(limb == "arm") & (arms < outfit.sleeves)] = TOP
    out[(limb == "leg") & (legs < outfit.legs)] = BOTTOM
    ankle = float(body.head_of("foot_l")[1])
    out[(limb == "leg") & (height < ankle * 1.7) & (out == SKIN)] = SOCKS
    out[(limb == "foot") | ((limb == "leg") & (height < ankle * 0.9))] = SHOES
    out[_hair_vertices(body) if outfit.hair else []] = HAIR
    for group, kind in (("helper-l-eye", EYES), ("helper-r-eye", EYES), ("helper-hair", HAIR)):
        out[body.mesh.groups[group]] = kind
    out[body.mesh.groups["helper-skirt"]] = BOTTOM
    return out


def _limb(body: Body) -> np.ndarray[tuple[int], np.dtype[np.str_]]:
    """(V,) the body part with the largest skinning weight at each vertex: torso, arm, leg, foot, hand or head."""
    part_of = {"Arm": "arm", "ForeArm": "arm", "UpLeg": "leg", "Leg": "leg", "Foot": "foot", "ToeBase": "foot"}
    part_of |= {"Hand": "hand", "Thumb": "hand", "FingerBase": "hand", "HandFinger1": "hand"}
    part_of |= {"Head": "head", "Neck": "head", "Neck1": "head"}
    parts = [_stem(bone.name) for bone in body.mesh.bones]
    names = np.array([part_of.get(part, "torso") for part in parts])
    return names[body.mesh.skin_weights[0][:, 0]]


def _stem(rig_bone: str) -> str:
    stem = rig_bone.removeprefix("Left").removeprefix("Right")
    return stem[1:] if stem in ("LThumb", "RThumb") else stem


def _along(body: Body, bones: tuple[str, str, str]) -> FloatArray:
    """(V,) position of each vertex along the limb of its side: 0 at its root, 1 at its middle joint, 2 at its end."""
    out = np.zeros(len(body.vertices))
    for side, lead in LEAD_OF_SIDE.items():
        own = body.vertices[:, 0] * lead > 0
        first, middle, last = (body.head_of(f"{bone}_{side}") for bone in bones)
        upper = _share(body.vertices, first, middle)
        lower = _share(body.vertices, middle, last)
        out[own] = np.where(lower > 0, 1 + lower, np.minimum(upper, 1))[own]
    return out


def _share(points: FloatArray, start: FloatArray, end: FloatArray) -> FloatArray:
    span = end - start
    return np.asarray((points - start) @ span / (span @ span))


def _hair_vertices(body: Body) -> IntArray:
    """The scalp: above the brow in front, above the nape behind, not the ears."""
    eyes = body.vertices[body.mesh.groups["helper-l-eye"]].mean(axis=0)
    crown = body.vertices[body.mesh.groups["body"], 1].max()
    skin = body.mesh.groups["body"]
    x, y, z = body.vertices[skin].T
    middle = body.head_of("head")[2]
    hairline = eyes[1] + 0.5 * (crown - eyes[1])
    ear = np.abs(x) > 0.93 * np.abs(body.vertices[skin[y > eyes[1]], 0]).max()
    front = (z > middle + 0.02) & (y > hairline)
    back = (z <= middle + 0.02) & (y > eyes[1] - 0.02 - 0.35 * (middle + 0.02 - z)) & ~ear
    return np.asarray(skin[(front | back) & (_limb(body)[skin] == "head")])


def _face_tints(body: Body, garments: IntArray) -> FloatArray:
    """(V, 3): darker brows, redder lips, dark irises; 1 elsewhere."""
    tints = np.ones((len(garments), 3))
    teeth = np.concatenate([body.mesh.groups["helper-upper-teeth"], body.mesh.groups["helper-lower-teeth"]])
    mouth = body.vertices[teeth].mean(axis=0)
    for side in "lr":
        ball = body.vertices[body.mesh.groups[f"helper-{side}-eye"]]
        centre, radius = ball.mean(axis=0), np.ptp(ball[:, 0]) / 2
        offset = (body.vertices - centre) / radius
        brow = (np.abs(offset[:, 0]) < 1.5) & (np.abs(offset[:, 1] - 1.35) < 0.3) & (offset[:, 2] > 0)
        tints[brow & (garments == SKIN)] = (0.45, 0.4, 0.38)
        iris = (np.hypot(offset[:, 0], offset[:, 1]) < 0.5) & (offset[:, 2] > 0) & (garments == EYES)
        tints[iris] = (0.25, 0.18, 0.12)
    skin = body.mesh.groups["body"]
    x, y, z = (body.vertices[skin] - mouth).T
    lips = skin[(np.hypot(x / 0.024, y / 0.008) < 1) & (z > 0)]
    tints[lips] = (0.85, 0.6, 0.6)
    return tints


def _normals(vertices: FloatArray, faces: dict[str, IntArray]) -> FloatArray:
    """(V, 3) unit vectors: the mean of the triangles around each vertex, weighted by their area."""
    triangles = np.concatenate(list(faces.values()))
    corners = vertices[triangles]
    face_normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    out = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(out, triangles[:, corner], face_normals)
    return np.asarray(out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-12))
