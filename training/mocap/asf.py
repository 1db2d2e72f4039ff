"""Acclaim skeletons and motions (ASF/AMC), as published in the CMU Graphics Lab Motion Capture Database.

Format: "Acclaim ASF/AMC", J. Lander, Working with Motion Capture File Formats, Game Developer, January 1998.
Each bone has axes of its own, C (three angles in the skeleton's frame); a rotation M about them turns the bone and
all below it by C·M·C⁻¹. Lengths are in units of 1/0.45 inch in the CMU database (its FAQ, "How do I convert the
units?"): (1/0.45)·0.0254 m.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from scipy.spatial.transform import Rotation

from humanpose3d.errors import InvalidMotion
from humanpose3d.motion import FloatArray
from training.mocap.motion import BONES, BoneMotion, RestPose

CMU_FRAME_RATE: Final = 120.0
"""Frames a second of every motion of the CMU database that does not say otherwise."""

_INCH: Final = 0.0254
_OWN_NAMES: Final = {
    "pelvis": "root",
    "lumbar": "lowerback",
    "spine": "upperback",
    "thorax": "thorax",
    "neck": "lowerneck",
    "head": "head",
}
_SIDED_NAMES: Final = {"forearm": "radius"}


@dataclass(frozen=True, eq=False)
class AsfBone:
    """One bone: parent's name, its unit direction and length at rest (metres), its axes C (3, 3), its AMC channels."""

    name: str
    parent: str
    direction: FloatArray
    length: float
    axes: FloatArray
    channels: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class AsfSkeleton:
    """An ASF file: bones from the root outward, the root's channels, metres a unit of length."""

    bones: tuple[AsfBone, ...]
    root_channels: tuple[str, ...]
    unit: float


def read_asf(path: Path) -> AsfSkeleton:
    """Read a skeleton; raises InvalidMotion where the file is not one."""
    sections = _sections(path)
    try:
        unit = _INCH / float(_values(sections["units"], "length")[0])
        root_channels = tuple(channel.lower() for channel in _values(sections["root"], "order"))
        parents = _parents(sections["hierarchy"])
        blocks = {_values(block, "name")[0]: block for block in _blocks(sections["bonedata"])}
        bones = tuple(_bone(name, parent, blocks[name], unit) for name, parent in parents.items())
    except (KeyError, ValueError, IndexError) as error:
        raise InvalidMotion(f"{path.name} is not a usable ASF skeleton: {error}.") from None
    return AsfSkeleton(bones, root_channels, unit)


def read_amc(path: Path, skeleton: AsfSkeleton, frame_rate: float = CMU_FRAME_RATE) -> BoneMotion:
    """Read a motion of that skeleton; raises InvalidMotion where a bone or a channel is missing."""
    channels = {"root": skeleton.root_channels, **{bone.name: bone.channels for bone in skeleton.bones}}
    values = _amc_values(path, channels)
    frames = len(values["root"])
    rotations, heads = _forward_kinematics(skeleton, values)
    motion_rotations = np.stack([rotations[_own_name(bone)] for bone in BONES], axis=1)
    origins = np.stack([heads[_own_name(bone)] for bone in BONES], axis=1)
    origins[:, 0] = (heads["lfemur"] + heads["rfemur"]) / 2
    return BoneMotion(path.stem, np.arange(frames) / frame_rate, motion_rotations, origins, _rest(skeleton))


def count_frames(path: Path) -> int:
    """How many frames a motion has, by its lines that hold nothing but a number."""
    with path.open(encoding="ascii", errors="replace") as file:
        return sum(line.strip().isdigit() for line in file)


def joint_positions(skeleton: AsfSkeleton, path: Path) -> dict[str, FloatArray]:
    """Bone name -> (T, 3) metres, where each bone of the file ends, as returned by other readers of AMC files."""
    channels = {"root": skeleton.root_channels, **{bone.name: bone.channels for bone in skeleton.bones}}
    rotations, heads = _forward_kinematics(skeleton, _amc_values(path, channels))
    return {
        bone.name: heads[bone.name] + rotations[bone.name] @ (bone.direction * bone.length) for bone in skeleton.bones
    }


def _forward_kinematics(
    skeleton: AsfSkeleton, values: dict[str, FloatArray]
) -> tuple[dict[str, FloatArray], dict[str, FloatArray]]:
    """Global rotations (T, 3, 3) and proximal ends (T, 3) of all bones."""
    order = {name: column for column, name in enumerate(skeleton.root_channels)}
    root = values["root"]
    tails = {"root": root[:, [order["tx"], order["ty"], order["tz"]]] * skeleton.unit}
    rotations = {"root": _rotation(tuple(c for c in skeleton.root_channels if c[0] == "r"), root, order)}
    heads = {"root": tails["root"]}
    for bone in skeleton.bones:
        column = {name: index for index, name in enumerate(bone.channels)}
        turn = bone.axes @ _rotation(bone.channels, values[bone.name], column) @ bone.axes.T
        rotations[bone.name] = rotations[bone.parent] @ turn
        heads[bone.name] = tails[bone.parent]
        tails[bone.name] = heads[bone.name] + rotations[bone.name] @ (bone.direction * bone.length)
    return rotations, heads


def _rotation(channels: tuple[str, ...], values: FloatArray, column: dict[str, int]) -> FloatArray:
    """(T, 3, 3): the first channel's turn is applied first, about fixed axes."""
    turning = [channel for channel in channels if channel[0] == "r"]
    if not turning:
        return np.broadcast_to(np.eye(3), (len(values), 3, 3))
    angles = values[:, [column[channel] for channel in turning]]
    return np.asarray(Rotation.from_euler("".join(c[1] for c in turning), angles, degrees=True).as_matrix())


def _own_name(bone: str) -> str:
    if bone in _OWN_NAMES:
        return _OWN_NAMES[bone]
    part, side = bone.rsplit("_", 1)
    return side + _SIDED_NAMES.get(part, part)


def _rest(skeleton: AsfSkeleton) -> RestPose:
    bones = {bone.name: bone for bone in skeleton.bones}
    directions = {name: bones[_own_name(name)].direction for name in BONES if name != "pelvis"}
    seconds: dict[str, FloatArray] = {}
    for side in "lr":
        # the radius has the one channel rx: its first axis is the elbow's, and a positive turn flexes
        seconds[f"humerus_{side}"] = seconds[f"forearm_{side}"] = bones[f"{side}radius"].axes[:, 0]
        seconds[f"hand_{side}"] = bones[f"{side}thumb"].direction
    return RestPose(directions, seconds)


def _amc_values(path: Path, channels: dict[str, tuple[str, ...]]) -> dict[str, FloatArray]:
    """Bone name -> (T, channels) as written. Bones without channels have none in the file."""
    rows: dict[str, list[list[str]]] = {name: [] for name in channels}
    frames = 0
    for line in path.read_text(encoding="ascii", errors="replace").splitlines():
        words = line.split()
        if len(words) == 1 and words[0].isdigit():
            frames += 1
        elif words and words[0] in rows:
            rows[words[0]].append(words[1:])
    try:
        values = {
            name: np.array(rows[name], dtype=np.float64).reshape(-1, len(wanted)) if wanted else np.zeros((frames, 0))
            for name, wanted in channels.items()
        }
    except ValueError:
        raise InvalidMotion(f"{path.name}: a line does not hold the channels that its skeleton names.") from None
    short = sorted(name for name, array in values.items() if len(array) != frames)
    if frames < 2 or short:
        raise InvalidMotion(f"{path.name}: {frames} frames, incomplete for: {', '.join(short) or 'every bone'}.")
    return values


def _sections(path: Path) -> dict[str, list[list[str]]]:
    """Section name -> its lines, split into words."""
    sections: dict[str, list[list[str]]] = {}
    lines: list[list[str]] = []
    for line in path.read_text(encoding="ascii", errors="replace").splitlines():
        words = line.replace("(", " ").replace(")", " ").split()
        if not words or words[0].startswith("#"):
            continue
        if words[0].startswith(":"):
            lines = sections.setdefault(words[0][1:].lower(), [])
        else:
            lines.append(words)
    return sections


def _blocks(lines: list[list[str]]) -> list[list[list[str]]]:
    blocks: list[list[list[str]]] = []
    for words in lines:
        if words[0] == "begin":
            blocks.append([])
        elif words[0] != "end":
            blocks[-1].append(words)
    return blocks


def _values(lines: list[list[str]], key: str) -> list[str]:
    return next((words[1:] for words in lines if words[0].lower() == key), [])


def _parents(lines: list[list[str]]) -> dict[str, str]:
    """Child -> parent, in an order in which parents come first."""
    return {child: words[0] for words in lines if words[0] not in ("begin", "end") for child in words[1:]}


def _bone(name: str, parent: str, block: list[list[str]], unit: float) -> AsfBone:
    *angles, order = _values(block, "axis")
    axes = Rotation.from_euler(order.lower(), [float(angle) for angle in angles], degrees=True).as_matrix()
    direction = np.array([float(value) for value in _values(block, "direction")])
    channels = tuple(channel.lower() for channel in _values(block, "dof"))
    length = float(_values(block, "length")[0]) * unit
    return AsfBone(name, parent, direction / np.linalg.norm(direction), length, np.asarray(axes), channels)
