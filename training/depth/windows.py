"""Training data of the depth refiner: windows of pairs, augmented when sampled."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from torch import Tensor

from humanpose3d.motion import FloatArray
from humanpose3d.options import FOCAL_LENGTH
from humanpose3d.skeleton import LANDMARKS, MARKERS
from services.refiner.depth.markers import MARKER_LANDMARKS
from services.refiner.depth.neural import as_inputs
from services.refiner.windows import WINDOW
from training.data.pairs import Pair, read_pair
from training.depth.mirror import MIRROR_LANDMARKS, MIRROR_MARKERS
from training.depth.model import HIPS, Seen
from training.mocap.library import Source, balanced, source
from training.scene.camera import azimuth_frame, camera_angles

_HIPS: Final = (MARKERS.index("LHip"), MARKERS.index("RHip"))
_IN_TRC: Final = np.array([name in MARKER_LANDMARKS.values() for name in LANDMARKS])
"""(33,) landmarks that are also markers, and so contained in a marker file."""


class Truth(NamedTuple):
    """markers (B, T, 22, 3), tilt (B, T, 2) as in Estimate; bearing (B, T), true."""

    markers: Tensor
    tilt: Tensor
    bearing: Tensor


@dataclass(frozen=True, eq=False)
class Sample:
    """One clip as float32 arrays, the truth in the frame that the network answers in. Focal lengths in units of the
    image's longer side: the network's input (0: unknown), and the true one. source: of the motion."""

    image: FloatArray
    world: FloatArray
    visibility: FloatArray
    detected: FloatArray
    times: FloatArray
    size: FloatArray
    height: float
    verticals: FloatArray
    focal: float
    true_focal: float
    markers: FloatArray
    tilt: FloatArray
    bearing: FloatArray
    source: Source


def load_samples(files: Sequence[Path], split: str) -> list[Sample]:
    """All clips of a split that the files hold."""
    pairs = (read_pair(file) for file in files)
    return [to_sample(pair) for pair in pairs if pair.split == split]


def to_sample(pair: Pair) -> Sample:
    """A pair with gaps as zeros and the ground truth rotated to the vertical plane through camera and hips."""
    markers, tilt, bearing = _truth(pair)
    seen = pair.landmarks
    return Sample(
        image=np.nan_to_num(seen.pixels).astype(np.float32),
        world=np.nan_to_num(seen.world).astype(np.float32),
        visibility=seen.visibility.astype(np.float32),
        detected=seen.detected.astype(np.float32),
        times=(seen.times - seen.times[0]).astype(np.float32),
        size=np.array(seen.image_size, dtype=np.float32),
        height=pair.height,
        verticals=as_inputs(pair.verticals).astype(np.float32),
        focal=0.0,
        true_focal=pair.camera.focal / max(pair.camera.size),
        markers=markers.astype(np.float32),
        tilt=tilt.astype(np.float32),
        bearing=bearing.astype(np.float32),
        source=source(str(pair.facts["motion"])),
    )


def _truth(pair: Pair) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Markers (T, 22, 3) from the mid hip, tilt (T, 2), bearing (T,)."""
    upright = azimuth_frame(pair.camera)
    points = pair.markers.select(MARKERS).positions
    seen = (points - pair.camera.centres[:, None]) @ np.swapaxes(upright, 1, 2)
    hips = seen[:, list(_HIPS)].mean(axis=1)
    bearing = np.arctan2(hips[:, 0], -hips[:, 2])
    return turned(seen - hips[:, None], bearing), camera_angles(pair.camera.rotations)[:, 1:], bearing


def turned(points: FloatArray, bearing: FloatArray) -> FloatArray:
    """Points (T, N, 3) rotated to the right by the bearing (T,) about the vertical."""
    c, s = np.cos(bearing)[:, None], np.sin(bearing)[:, None]
    x, y, z = np.moveaxis(points, -1, 0)
    return np.stack([c * x + s * z, y, c * z - s * x], axis=-1)


def draw_batch(sets: Sequence[tuple[Sequence[Sample], int]], rng: np.random.Generator) -> tuple[Seen, Truth]:
    """The given number of random windows of random clips of each set, the motions' sources balanced; augmented:
    mirrored, thinned, jittered, the camera rolled, left and right swapped for a while, some without an image."""
    return _stacked(
        [
            _varied(samples[index], rng)
            for samples, count in sets
            if count
            for index in rng.choice(len(samples), count, p=balanced([sample.source for sample in samples]))
        ]
    )


def in_windows(sample: Sample, indices: NDArray[np.int64]) -> tuple[Seen, Truth]:
    """One clip as a batch of the windows with these frames (N, WINDOW); repeated frames go on in time."""
    return _stacked([_going_on(_cut(sample, row)) for row in indices])


def _stacked(windows: Sequence[Sample]) -> tuple[Seen, Truth]:
    def tensor(field: str) -> Tensor:
        return torch.from_numpy(np.stack([np.asarray(getattr(w, field), dtype=np.float32) for w in windows]))

    seen = Seen(*(tensor(field) for field in Seen._fields))
    return seen, Truth(*(tensor(field) for field in Truth._fields))


def _varied(sample: Sample, rng: np.random.Generator) -> Sample:
    every = _thinning(sample, rng)
    span = min(WINDOW * every, len(sample.times) - (len(sample.times) % every))
    start = int(rng.integers(0, len(sample.times) - span + 1))
    cut = _padded(_cut(sample, slice(start, start + span, every)))
    cut = _noisy(_rolled(cut, _roll(rng)), rng)
    if rng.random() < 0.15:
        cut = _swapped_for_a_while(cut, rng)
    cut = _with_focal(_with_lines(cut, rng), rng)
    if rng.random() < 0.5:
        cut = _mirrored(cut)
    return without_image(cut, rng) if rng.random() < 0.12 else cut


def _thinning(sample: Sample, rng: np.random.Generator) -> int:
    """Videos with a high frame rate, sometimes at half of it."""
    rate = 1 / float(np.median(np.diff(sample.times)))
    return 2 if rate > 45 and rng.random() < 0.4 else 1


def _cut(sample: Sample, frames: slice | NDArray[np.int64]) -> Sample:
    fields = {
        field: getattr(sample, field)[frames]
        for field in ("image", "world", "visibility", "detected", "times", "markers", "tilt", "bearing")
    }
    return replace(sample, **fields)


def _padded(sample: Sample) -> Sample:
    """Clips shorter than a window hold their last frame, on going time."""
    lack = WINDOW - len(sample.times)
    if lack <= 0:
        return sample
    return _going_on(_cut(sample, np.minimum(np.arange(WINDOW), len(sample.times) - 1)))


def _going_on(sample: Sample) -> Sample:
    """Frames repeated at the end get later times, one step each."""
    repeats = np.append(False, np.diff(sample.times) <= 0).cumsum()
    step = float(np.median(np.diff(sample.times)[: max(1, len(sample.times) - 1 - int(repeats[-1]))]))
    return _with(sample, times=(sample.times + repeats * step).astype(np.float32))


def _noisy(sample: Sample, rng: np.random.Generator) -> Sample:
    """Jitter, and frames in which no person was found."""
    size = sample.size.max()
    seen = sample.detected[:, None, None]
    jitter = rng.normal(0, 0.0008 * size, sample.image.shape)
    lost = (rng.random(len(sample.times)) < 0.02) & (rng.random() < 0.5)
    kept = (1 - lost).astype(np.float32)
    keep = kept[:, None, None]
    return _with(
        sample,
        image=((sample.image + jitter * seen) * keep).astype(np.float32),
        world=((sample.world + rng.normal(0, 0.004, sample.world.shape) * seen) * keep).astype(np.float32),
        visibility=sample.visibility * kept[:, None],
        detected=sample.detected * kept,
    )


def _roll(rng: np.random.Generator) -> float:
    """Radians: most cameras are nearly level, some are strongly rolled."""
    return float(rng.uniform(-0.4, 0.4) if rng.random() < 0.3 else rng.normal(0, 0.06))


def _rolled(sample: Sample, angle: float) -> Sample:
    """The camera turned about its optical axis, counter-clockwise as seen from behind it; exact but for the crop."""
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]], dtype=np.float32)
    middle = sample.size / 2
    seen = sample.detected[:, None, None]
    world = np.concatenate([sample.world[..., :2] @ turn, sample.world[..., 2:]], axis=-1)
    image = ((sample.image - middle) @ turn + middle) * seen
    return _with(sample, image=image, world=world, tilt=sample.tilt - np.array([0, angle], dtype=np.float32))


def _with_lines(sample: Sample, rng: np.random.Generator) -> Sample:
    """Upright lines in half of all windows, independently of the image, so that the network learns with and without
    them: as accurate as detected ones (0.3° median at the true focal length), some of them wrong."""
    if rng.random() < 0.5:
        return _with(sample, verticals=np.zeros(3))
    off = rng.normal(0, np.radians(6.0 if rng.random() < 0.04 else 0.5), 2)
    pitch, roll = sample.tilt.mean(axis=0) + off
    slopes = (-np.tan(roll), np.tan(pitch) / np.cos(roll) * FOCAL_LENGTH / sample.true_focal)
    return _with(sample, verticals=np.array([*slopes, 1.0]))


def _with_focal(sample: Sample, rng: np.random.Generator) -> Sample:
    """The focal length given in half of all windows, as accurately as files and data sheets state it."""
    return with_known_focal(sample, rng.normal(0, 0.02)) if rng.random() < 0.5 else sample


def with_known_focal(sample: Sample, error: float = 0.0) -> Sample:
    """The focal length, true or with a relative error."""
    return _with(sample, focal=sample.true_focal * float(np.exp(error)))


def without_image(sample: Sample, rng: np.random.Generator, unsure: float = 0.07) -> Sample:
    """The contents of a TRC file of the detector's markers: upright but for an error of gravity (`unsure` radians).

    The detector's axes are those of a camera that looks at the hips; its tilt is that of the camera and of the ray.
    """
    hips = sample.image[:, list(HIPS)].mean(axis=1)
    slopes = (hips - sample.size / 2) / (FOCAL_LENGTH * sample.size.max())
    error = rng.normal(0, unsure, 2)
    pitch = sample.tilt[:, 0] - np.arctan(slopes[:, 1]) - error[0]
    turn = Rotation.from_euler("XZ", np.stack([pitch, sample.tilt[:, 1] - error[1]], axis=1)).as_matrix()
    known = _IN_TRC * sample.detected[:, None]
    world = np.einsum("tij,tkj->tki", turn, sample.world) * known[..., None]
    nothing = np.zeros_like(sample.image)
    tilt = np.broadcast_to(error, sample.tilt.shape)
    return _with(
        sample,
        image=nothing,
        size=np.zeros(2),
        world=world,
        visibility=known,
        verticals=np.zeros(3),
        focal=0.0,
        tilt=tilt,
        bearing=0 * sample.bearing,
    )


def _swapped_for_a_while(sample: Sample, rng: np.random.Generator) -> Sample:
    """Left/right swaps over intervals of frames, as the detector makes them; of the whole body or the legs alone."""
    first, last = np.sort(rng.integers(0, len(sample.times) + 1, 2))
    legs_only = rng.random() < 0.5
    order = np.array([m if not legs_only or i >= 23 else i for i, m in enumerate(MIRROR_LANDMARKS)])
    fields = {}
    for field in ("image", "world", "visibility"):
        values = getattr(sample, field).copy()
        values[first:last] = values[first:last][:, order]
        fields[field] = values
    return _with(sample, **fields)


def _mirrored(sample: Sample) -> Sample:
    flip = np.array([-1, 1, 1], dtype=np.float32)
    image = sample.image[:, MIRROR_LANDMARKS].copy()
    image[..., 0] = (sample.size[0] - image[..., 0]) * sample.detected[:, None]
    return _with(
        sample,
        image=image,
        world=sample.world[:, MIRROR_LANDMARKS] * flip,
        visibility=sample.visibility[:, MIRROR_LANDMARKS],
        verticals=sample.verticals * np.array([-1.0, 1.0, 1.0]),
        markers=sample.markers[:, MIRROR_MARKERS] * flip,
        tilt=sample.tilt * np.array([1, -1], dtype=np.float32),
        bearing=-sample.bearing,
    )


def _with(sample: Sample, **fields: FloatArray | float) -> Sample:
    return Sample(**{**sample.__dict__, **fields})
