"""The files that `humanpose3d export` writes, by format."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import numpy as np

from humanpose3d.formats.csv_files import write_angle_tables
from humanpose3d.motion import Markers, MarkerSd
from humanpose3d.neutral import read_stance
from humanpose3d.options import RunOptions
from humanpose3d.resampling import CLOCK_ROUNDING_S
from humanpose3d.results import ANGLES_FOLDER, Results
from shared.results.exports import write_run_c3d, write_run_xlsx
from shared.scratch import scratch_folder
from shared.stage import silent

_IRREGULAR: Final = (
    "note: the frames of this video are irregular; the skeleton follows the interpolated markers of the TRC. "
    "Run with --opensim for that of the run itself"
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

    with scratch_folder() as scratch:
        markers, sd = _measured(results)
        stance = read_stance(results.folder) if results.options.neutral_run else None
        inputs = AnglesInputs(markers, results.subject, scratch, sd, stance)
        fitted = ANGLES.run(inputs, RunOptions(opensim=True), silent)
        assert fitted.opensim_model is not None
        assert fitted.opensim_motion is not None
        sources = {".osim": fitted.opensim_model, "_ik.mot": fitted.opensim_motion}
        return [Path(shutil.copyfile(sources[end], output / f"{results.name}{end}")) for end in sources]


def _measured(results: Results) -> tuple[Markers, MarkerSd | None]:
    """The markers and their standard deviations at the frames' own times; where frames are irregular, at the TRC's."""
    markers, sd, times = results.marker_positions, results.marker_sd, results.joint_angles.times
    if times.size == markers.times.size and np.abs(times - markers.times).max() <= CLOCK_ROUNDING_S:
        return Markers(times, markers.names, markers.positions), sd
    print(_IRREGULAR)
    if sd is not None:
        values = [np.interp(markers.times, sd.times, column) for column in sd.values.T]
        sd = MarkerSd(markers.times, sd.names, np.stack(values, axis=1))
    return markers, sd


WRITERS: Final[Mapping[str, Callable[[Results, Path], list[Path]]]] = {
    "osim": _opensim,
    "mot": _opensim,
    "c3d": _c3d,
    "trc": _trc,
    "csv": _csv,
    "xlsx": _xlsx,
}
"""Format → function that writes the run's files of that format into a folder, and returns them."""
