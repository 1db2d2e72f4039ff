"""Rotation matrices to three angles in degrees, and the choice between the angles that describe the same rotation.

Matrices are (..., 3, 3): the columns are the distal segment's axes in the proximal one's frame. NaN stays NaN. The
sequences are intrinsic: `zxy` returns (a, b, c) of R = Rz(a) Rx(b) Ry(c), rotations about z, then the new x, then the
new y. Such a Cardan sequence is equivalent to a joint coordinate system with a floating axis (Grood & Suntay 1983, J
Biomech Eng 105:136–144): a about the proximal segment's z, c about the distal segment's y, b about the axis
perpendicular to both.
"""

import numpy as np

from humanpose3d.motion import FloatArray


def relative(proximal: FloatArray, distal: FloatArray) -> FloatArray:
    """(..., 3, 3) orientation of the distal frame in the proximal one; NaN throughout where an axis of either is."""
    matrix = np.swapaxes(proximal, -1, -2) @ distal
    matrix[np.isnan(matrix).any(axis=(-2, -1))] = np.nan
    return matrix


def zxy(matrix: FloatArray) -> FloatArray:
    """(..., 3) degrees of R = Rz(a) Rx(b) Ry(c): a and c in (−180, 180], b in [−90, 90]; singular at b = ±90."""
    a = np.arctan2(-matrix[..., 0, 1], matrix[..., 1, 1])
    b = np.arctan2(matrix[..., 2, 1], np.hypot(matrix[..., 0, 1], matrix[..., 1, 1]))
    c = np.arctan2(-matrix[..., 2, 0], matrix[..., 2, 2])
    return _degrees([a, b, c])


def yxz(matrix: FloatArray) -> FloatArray:
    """(..., 3) degrees of R = Ry(a) Rx(b) Rz(c): a and c in (−180, 180], b in [−90, 90]; singular at b = ±90."""
    a = np.arctan2(matrix[..., 0, 2], matrix[..., 2, 2])
    b = np.arctan2(-matrix[..., 1, 2], np.hypot(matrix[..., 1, 0], matrix[..., 1, 1]))
    c = np.arctan2(matrix[..., 1, 0], matrix[..., 1, 1])
    return _degrees([a, b, c])


def tilt_and_torsion(matrix: FloatArray) -> FloatArray:
    """(..., 3) degrees (azimuth p, tilt e, torsion t) of R = Ry(p) Rx(−e) Ry(t − p).

    That is the Euler sequence YXY with its third angle counted from the first: t is the rotation about y that remains
    when the tilt of y is removed by the shortest rotation (Chénier et al. 2022, Clin Biomech 92:105573). Ranges: p and
    t in (−180, 180], e in [0, 180]. p is undefined at e = 0 and 180 (NaN where e is exactly so), t only at e = 180.
    """
    sideways = np.hypot(matrix[..., 0, 1], matrix[..., 2, 1])
    azimuth = np.arctan2(-matrix[..., 0, 1], -matrix[..., 2, 1])
    azimuth = np.where(sideways > 0, azimuth, np.nan)
    tilt = np.arctan2(sideways, matrix[..., 1, 1])
    torsion = np.arctan2(matrix[..., 0, 2] - matrix[..., 2, 0], matrix[..., 0, 0] + matrix[..., 2, 2])
    return _degrees([azimuth, tilt, torsion])


def other_branch(angles: FloatArray) -> FloatArray:
    """The other three Cardan angles of the same rotation: (a + 180, 180 − b, c + 180)."""
    return np.asarray(180.0 + angles * np.array([1.0, -1.0, 1.0]))


def nearest_to(centre: FloatArray, angles: FloatArray) -> FloatArray:
    """Of all Cardan angles (..., 3) that describe the same rotation, those nearest to `centre` (3,), in degrees.

    For joints, which cannot turn full circle: with the middle of the joint's range as the centre, the jump by 180° or
    360° that every branch has is outside the joint's range. Each frame is independent, so that a gap or a bad frame
    does not affect later ones.
    """
    same = centre + _wrapped(angles - centre)
    other = centre + _wrapped(other_branch(angles) - centre)
    is_other = _squared(other - centre) < _squared(same - centre)
    return np.where(is_other[..., None], other, same)


def continuous(angles: FloatArray) -> FloatArray:
    """Cardan angles (T, 3) of one segment in degrees, without a jump by 180° or 360° from frame to frame.

    For segments, which rotate freely: each frame takes the branch and the number of turns nearest to the previous
    finite frame, also across gaps; the first finite frame is unchanged. A rotation by more than half a turn from one
    finite frame to the next is indistinguishable from its complement.
    """
    finite = np.flatnonzero(np.isfinite(angles).all(axis=-1))
    result = np.full_like(angles, np.nan)
    known = angles[finite]
    if not finite.size:
        return result
    # Which branch is nearer does not depend on the previous frame's branch: changing both preserves distances.
    stay = _squared(_wrapped(np.diff(known, axis=0)))
    change = _squared(_wrapped(other_branch(known[1:]) - known[:-1]))
    is_other = np.concatenate([[False], np.cumsum(change < stay) % 2 == 1])
    branch = np.where(is_other[:, None], other_branch(known), known)
    result[finite] = np.unwrap(branch, period=360.0, axis=0)
    return result


def _degrees(radians: list[FloatArray]) -> FloatArray:
    return np.asarray(np.degrees(np.stack(radians, axis=-1)))


def _wrapped(angles: FloatArray) -> FloatArray:
    """The same directions in [−180, 180]."""
    return angles - 360.0 * np.rint(angles / 360.0)


def _squared(vectors: FloatArray) -> FloatArray:
    return np.asarray(np.einsum("...i,...i->...", vectors, vectors))
