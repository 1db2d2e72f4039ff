"""The fitted skeleton as files that OpenSim opens: the person's own model, and its coordinates over time."""

from pathlib import Path
from typing import Final

import numpy as np

from humanpose3d.formats.mot import Table, write_table
from humanpose3d.formats.osim import BodyScale, write_osim
from humanpose3d.motion import FloatArray, Markers
from humanpose3d.options import Subject
from services.angles.skeleton.kinematics import pose
from services.angles.skeleton.model import MODEL_FILE
from services.angles.skeleton.recording import Recording
from services.angles.skeleton.stretch import as_written
from shared.models import shipped

MODEL_NAME: Final = "opensim_model.osim"
MOTION_NAME: Final = "opensim_motion.mot"

_FRAMES: Final = 500
"""Number of frames, evenly distributed over the recording, over which marker positions are averaged."""


def write(found: Recording, markers: Markers, subject: Subject, folder: Path) -> tuple[Path, Path]:
    """Write both into a folder; returns the model's and the motion's path. Raises OutputNotWritable.

    `found` has its coordinates.
    """
    model, motion = folder / MODEL_NAME, folder / MOTION_NAME
    own = found.personal
    scales = {name: BodyScale(*factors) for name, factors in zip(own.model.bodies, own.factors.tolist(), strict=True)}
    places = dict(zip(own.model.markers, marker_places(found, markers), strict=True))
    write_osim(model, shipped(MODEL_FILE), scales, places, subject.weight)
    turns = np.array([not coordinate.translates for coordinate in own.model.coordinates])
    names = tuple(coordinate.name for coordinate in own.model.coordinates)
    values = np.where(turns, np.degrees(found.coordinates), found.coordinates)
    write_table(motion, Table(found.times, names, values, in_degrees=True))
    return model, motion


def marker_places(found: Recording, markers: Markers) -> FloatArray:
    """(M, 3) metres on their bodies: mean marker positions in the frames of their bodies.

    With these, OpenSim's own inverse kinematics reproduces the motion from all markers, including those that the fit
    does not use. A marker that was never seen keeps its position in the model.
    """
    model = found.personal.model
    chosen = np.unique(np.linspace(0, len(found.times) - 1, min(len(found.times), _FRAMES)).astype(int))
    current = pose(model, found.coordinates[chosen])
    measured = as_written(markers.select(model.markers).positions[chosen])
    away = measured - np.swapaxes(current.origins[model.marker_bodies], 0, 1)
    axes = np.swapaxes(current.axes[model.marker_bodies], 0, 1)
    local = (np.swapaxes(axes, 2, 3) @ away[..., None])[..., 0]
    seen = np.asarray(np.isfinite(local).all(axis=2))[..., None]
    mean = np.where(seen, local, 0.0).sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    return np.where(seen.any(axis=0), mean, model.marker_places)
