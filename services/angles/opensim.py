"""The fitted skeleton as files that OpenSim opens: the person's own model, and its coordinates over time."""

from pathlib import Path
from typing import Final

import numpy as np

from humanpose3d.formats.mot import Table, write_table
from humanpose3d.formats.osim import BodyScale, write_osim
from humanpose3d.options import Subject
from services.angles.skeleton.model import MODEL_FILE
from services.angles.skeleton.recording import Recording
from shared.models import shipped

MODEL_NAME: Final = "opensim_model.osim"
MOTION_NAME: Final = "opensim_motion.mot"


def write(found: Recording, subject: Subject, folder: Path) -> tuple[Path, Path]:
    """Write both into a folder; returns the model's and the motion's path. Raises OutputNotWritable."""
    model, motion = folder / MODEL_NAME, folder / MOTION_NAME
    own = found.personal
    scales = {name: BodyScale(*factors) for name, factors in zip(own.model.bodies, own.factors.tolist(), strict=True)}
    places = dict(zip(own.model.markers, own.model.marker_places, strict=True))
    write_osim(model, shipped(MODEL_FILE), scales, places, subject.weight)
    turns = np.array([not coordinate.translates for coordinate in own.model.coordinates])
    names = tuple(coordinate.name for coordinate in own.model.coordinates)
    values = np.where(turns, np.degrees(found.coordinates), found.coordinates)
    write_table(motion, Table(found.times, names, values, in_degrees=True))
    return model, motion
