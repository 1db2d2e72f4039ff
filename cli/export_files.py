"""The files that `humanpose3d export` writes, by format."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import numpy as np

from humanpose3d.formats.csv_files import write_angle_tables
from humanpose3d.motion import Markers
from humanpose3d.options import RunOptions
from humanpose3d.resampling import CLOCK_ROUNDING_S
from humanpose3d.results import ANGLES_FOLDER, Results
from shared.results.exports import write_run_c3d, write_run_xlsx
from shared.scratch import scratch_folder
from shared.stage import silent

_UNSTATED: Final = (
    "note: the depth network's uncertainty is not among the run's files, and the skeleton is fitted without it; "
    "run with --opensim for the run's own"
)


def _trc(results: Results, output: Path) -> list[Path]:
    path = output / f"{results.name}_final.trc"
    source = results.folder / path.name
    if not (path.exists() and path.samefile(source)):
        shutil.copyfile(source, path)
    return [path]


def _c3d(results: Results, output: Path) -> list[Path]:
    path = output / f"{results.name}.c3d"
    write_run_c3d(path, results)
    return [path]


def _xlsx(results: Results, output: Path) -> list[Path]:
    path = output / f"{results.name}.xlsx"
    write_run_xlsx(path, results)
    return [path]


def _csv(results: Results, output: Path) -> list[Path]:
    folder = output / ANGLES_FOLDER
    folder.mkdir(exist_ok=True)
    return write_angle_tables(folder, results.joint_angles, results.joint_angles_sd)


def _opensim(results: Results, output: Path) -> list[Path]:
    # Deferred: only these formats need the skeleton.
    from services.angles.stage import ANGLES, AnglesInputs

    if results.options.main_refiner or results.options.depth_model_path or results.options.main_refiner_path:
        print(_UNSTATED)
    with scratch_folder() as scratch:
        inputs = AnglesInputs(_markers(results), results.subject, scratch)
        fitted = ANGLES.run(inputs, RunOptions(opensim=True), silent)
        assert fitted.opensim_model is not None
        assert fitted.opensim_motion is not None
        sources = {".osim": fitted.opensim_model, "_ik.mot": fitted.opensim_motion}
        return [Path(shutil.copyfile(sources[end], output / f"{results.name}{end}")) for end in sources]


def _markers(results: Results) -> Markers:
    """The markers at their frames' own times, unless frames are irregular and the TRC holds interpolated ones."""
    markers, times = results.marker_positions, results.joint_angles.times
    same = times.size == markers.times.size and np.abs(times - markers.times).max() <= CLOCK_ROUNDING_S
    return Markers(times, markers.names, markers.positions) if same else markers


WRITERS: Final[Mapping[str, Callable[[Results, Path], list[Path]]]] = {
    "osim": _opensim,
    "mot": _opensim,
    "c3d": _c3d,
    "trc": _trc,
    "csv": _csv,
    "xlsx": _xlsx,
}
"""Format → function that writes the run's files of that format into a folder, and returns them."""
