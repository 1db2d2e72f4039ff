"""The body that the page shows: MakeHuman's mesh, reduced, on fifteen segments, with the places of its markers.

    python -m training.human.figure gateway/static/human.bin

Written is a JSON header (its length first, 4 bytes, little-endian) and, each padded to 4 bytes, the arrays that it
lists. The page poses the segments by the markers of a motion (`gateway/static/parts/figure.js`).
"""

import heapq
import json
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from humanpose3d.motion import FloatArray
from humanpose3d.skeleton import ALL_MARKERS
from training.human.body import Body, BodyShape, make_body
from training.human.makehuman import IntArray
from training.human.markers import marker_places

TRIANGLES: Final = 6000
_SIDED: Final = {
    "thigh": ("UpLeg",),
    "shank": ("Leg",),
    "foot": ("Foot", "ToeBase"),
    "upper_arm": ("Arm",),
    "forearm": ("ForeArm",),
    "hand": ("Hand", "FingerBase", "HandFinger1"),
}
SEGMENTS: Final = {
    "pelvis": {"Hips": 1.0, "LHipJoint": 1.0, "RHipJoint": 1.0, "LowerBack": 0.5},
    "trunk": {"LowerBack": 0.5, "Spine": 1.0, "Spine1": 1.0, "LeftShoulder": 1.0, "RightShoulder": 1.0, "Neck": 0.5},
    "head": {"Neck": 0.5, "Neck1": 1.0, "Head": 1.0},
    **{f"{name}_r": {f"Right{bone}": 1.0 for bone in bones} for name, bones in _SIDED.items()},
    **{f"{name}_l": {f"Left{bone}": 1.0 for bone in bones} for name, bones in _SIDED.items()},
}
"""Segment → the bones of MakeHuman's rig that it unites, with the share of each one's weights that it takes."""


def figure(triangles: int = TRIANGLES) -> bytes:
    """The file's content. Raises ModelNotFound where MakeHuman's mesh is not installed."""
    body = make_body(BodyShape())
    faces = reduced(body.vertices, body.mesh.faces["body"], triangles)
    used, faces = np.unique(faces, return_inverse=True)
    segments, shares = _skin(body, used)
    arrays = {
        "vertices": body.vertices[used].astype("<f4"),
        "triangles": faces.reshape(-1, 3).astype("<u2"),
        "segments": segments.astype("u1"),
        "shares": shares.astype("u1"),
        "markers": marker_places(body).astype("<f4"),
    }
    return _file(arrays)


def _skin(body: Body, vertices: IntArray) -> tuple[IntArray, IntArray]:
    """(N, 4) segments by index, strongest first, and (N, 4) their shares of 255."""
    bones, weights = (table[vertices] for table in body.mesh.skin_weights)
    dense = np.zeros((len(vertices), len(SEGMENTS)))
    for column, parts in enumerate(SEGMENTS.values()):
        shares = np.array([_share(bone.name, parts) for bone in body.mesh.bones])
        dense[:, column] = (weights * shares[bones]).sum(axis=1)
    strongest = np.argsort(-dense, axis=1, kind="stable")[:, :4]
    chosen = np.take_along_axis(dense, strongest, axis=1)
    shares = np.round(255 * chosen / chosen.sum(axis=1, keepdims=True)).astype(np.int64)
    shares[:, 0] += 255 - shares.sum(axis=1)
    return strongest, shares


def _share(bone: str, parts: dict[str, float]) -> float:
    thumb = {"LThumb": "LeftHand", "RThumb": "RightHand"}
    return parts.get(thumb.get(bone, bone), 0.0)


def _file(arrays: dict[str, np.ndarray]) -> bytes:
    listed, body = [], b""
    for name, values in arrays.items():
        listed.append({"name": name, "type": values.dtype.name, "shape": values.shape, "offset": len(body)})
        body += values.tobytes() + bytes(-values.nbytes % 4)
    head = {"arrays": listed, "segments": list(SEGMENTS), "markers": ALL_MARKERS, "licence": "CC0-1.0 (MakeHuman)"}
    text = json.dumps(head, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    return struct.pack("<I", len(text)) + text + body


def reduced(vertices: FloatArray, faces: IntArray, count: int) -> IntArray:
    """(F, 3) triangles, about `count` of them, on some of the same vertices.

    Edges are collapsed onto one of their ends, those first that move the surface least (quadric error metrics, Garland
    & Heckbert 1997, SIGGRAPH).
    """
    mesh = _Mesh(vertices, faces)
    heap = [(mesh.cost(a, b), a, b) for a, b in mesh.edges()]
    heapq.heapify(heap)
    while mesh.count > count and heap:
        cost, gone, kept = heapq.heappop(heap)
        if not mesh.has_edge(gone, kept):
            continue
        now = mesh.cost(gone, kept)
        if now > cost * (1 + 1e-9) + 1e-15:
            heapq.heappush(heap, (now, gone, kept))
        elif mesh.may_collapse(gone, kept):
            for other in mesh.collapse(gone, kept):
                for a, b in ((kept, other), (other, kept)):
                    heapq.heappush(heap, (mesh.cost(a, b), a, b))
    return np.array(sorted(mesh.triangles()))


class _Mesh:
    """Triangles by vertex, with the sum of squared distances to their planes."""

    def __init__(self, vertices: FloatArray, faces: IntArray) -> None:
        self._places = vertices
        self._faces: dict[int, set[tuple[int, int, int]]] = {}
        corners = vertices[faces]
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        areas = np.linalg.norm(normals, axis=1, keepdims=True)
        planes = np.hstack([normals, -(normals * corners[:, 0]).sum(axis=1, keepdims=True)]) / np.maximum(areas, 1e-12)
        self._quadrics = np.zeros((len(vertices), 4, 4))
        outer = areas[:, :, None] * planes[:, :, None] * planes[:, None, :]
        for column in range(3):
            np.add.at(self._quadrics, faces[:, column], outer)
        for a, b, c in faces.tolist():
            for corner in (a, b, c):
                self._faces.setdefault(corner, set()).add((a, b, c))
        self.count = len(faces)

    def edges(self) -> Iterator[tuple[int, int]]:
        """Both directions of every edge."""
        for a in self._faces:
            for b in self._neighbours(a):
                yield a, b

    def has_edge(self, a: int, b: int) -> bool:
        """Whether a triangle has both."""
        return a in self._faces and b in self._faces and any(b in face for face in self._faces[a])

    def cost(self, gone: int, kept: int) -> float:
        """Error of the surface where `gone` is moved to `kept`, with a little for the edge's length."""
        place = np.append(self._places[kept], 1.0)
        error = place @ (self._quadrics[gone] + self._quadrics[kept]) @ place
        length = self._places[gone] - self._places[kept]
        return float(error) + 1e-9 * float(length @ length)

    def may_collapse(self, gone: int, kept: int) -> bool:
        """Whether no triangle turns over, and the surface stays one."""
        shared = self._neighbours(gone) & self._neighbours(kept)
        if len(shared) != 2:
            return False
        for face in self._faces[gone]:
            if kept in face:
                continue
            before = self._normal(face)
            after = self._normal(tuple(kept if corner == gone else corner for corner in face))
            if before @ after <= 0.2 * np.linalg.norm(before) * np.linalg.norm(after):
                return False
        return True

    def collapse(self, gone: int, kept: int) -> set[int]:
        """Move a vertex onto another; returns the neighbours of what is left."""
        for face in list(self._faces.pop(gone)):
            for corner in face:
                if corner != gone:
                    self._faces[corner].discard(face)
            if kept in face:
                self.count -= 1
                continue
            a, b, c = (kept if corner == gone else corner for corner in face)
            for corner in (a, b, c):
                self._faces[corner].add((a, b, c))
        self._quadrics[kept] += self._quadrics[gone]
        return self._neighbours(kept)

    def triangles(self) -> set[tuple[int, int, int]]:
        """What is left."""
        return {face for faces in self._faces.values() for face in faces}

    def _neighbours(self, vertex: int) -> set[int]:
        return {corner for face in self._faces[vertex] for corner in face} - {vertex}

    def _normal(self, face: tuple[int, ...]) -> FloatArray:
        a, b, c = self._places[list(face)]
        return np.asarray(np.cross(b - a, c - a))


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(figure())
