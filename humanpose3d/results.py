"""The results folder of a run as an object: angles, markers, quality as arrays, pandas tables or xarray.

>>> r = read_run("out/walk")                                     # doctest: +SKIP
>>> r.angles["knee_r", "flexion"].max()                          # doctest: +SKIP
63.1
"""

import json
from collections.abc import Sequence
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import JsonValue

from humanpose3d.errors import InvalidMotion, InvalidOption
from humanpose3d.formats.csv_files import (
    angles_csv_name,
    read_angle_sd_csv,
    read_angles_csv,
    read_landmarks_csv,
    read_marker_sd_csv,
)
from humanpose3d.formats.csv_style import delimiter_of
from humanpose3d.formats.trc import read_trc
from humanpose3d.motion import AngleSd, FloatArray, JointAngles, Landmarks, Markers, MarkerSd
from humanpose3d.notes import RunNotes
from humanpose3d.options import QualityWarning, RunOptions, Subject
from humanpose3d.skeleton import JOINT_GROUP_INDEX, JOINT_GROUPS, JointGroup

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from matplotlib.figure import Figure

ANGLES_FOLDER: Final = "joint_angles"
_AXES: Final = ("x", "y", "z")


def read_run(folder: str | Path) -> "Results":
    """The results in a folder that `humanpose3d run` or a server wrote. Raises InvalidMotion where it holds none.

    Files are read when they are first used.
    """
    return Results(Path(folder))


def read_angles(folder: str | Path) -> JointAngles:
    """The joint angles in a run's folder or its `joint_angles` folder. Raises InvalidMotion where there are none."""
    path = Path(folder)
    return read_angles_csv(*_angle_files(path / ANGLES_FOLDER if (path / ANGLES_FOLDER).is_dir() else path))


class Results:
    """One run's results.

    folder  where the files are.
    name    what they are named after: the video.

    `angles`, `markers`, `parameters`, `cycles` are pandas tables, `angles_xarray()`, `markers_xarray()` return xarray
    objects (packages of the extra `notebook`); `joint_angles`, `joint_angles_sd`, `marker_positions`, `landmarks` are
    the same data as arrays and need neither.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.quality: dict[str, Any] = _json(folder / "quality.json")
        """What was measured about the run (`quality.json`)."""
        self.provenance: dict[str, Any] = _json(folder / "run.json")
        """Options, versions, hashes of the models, timings (`run.json`)."""
        self.name: str = self.provenance["name"]

    def __repr__(self) -> str:
        video = self.quality["video"]
        facts = f"{video['frames']} frames, {video['duration_s']:.2f} s, {len(self.warnings)} warnings"
        return f"<Results of {self.name!r}: {facts}, in {str(self.folder)!r}>"

    @property
    def files(self) -> dict[str, Path]:
        """Path within the folder → file, sorted."""
        found = sorted(path for path in self.folder.rglob("*") if path.is_file())
        return {path.relative_to(self.folder).as_posix(): path for path in found}

    @property
    def warnings(self) -> tuple[QualityWarning, ...]:
        """What to know before trusting the numbers."""
        return tuple(QualityWarning(code=item["code"], message=item["message"]) for item in self.quality["warnings"])

    @property
    def options(self) -> RunOptions:
        """Options of the run."""
        return RunOptions.of_run(self.provenance["options"])

    @property
    def subject(self) -> Subject:
        """Height (m) and weight (kg) as given."""
        return Subject.parse(self.provenance["subject"])

    @property
    def notes(self) -> RunNotes:
        """Subject, session, labels, side and note, as they were when the run ended."""
        return RunNotes.parse(self.provenance.get("notes", {}))

    @cached_property
    def joint_angles(self) -> JointAngles:
        """(T, 12, 3) degrees."""
        return read_angles_csv(self.folder / ANGLES_FOLDER, self.name)

    @cached_property
    def joint_angles_sd(self) -> AngleSd | None:
        """(T, 12, 3) degrees: standard deviations, where the joint refiner states them."""
        return read_angle_sd_csv(self.folder / ANGLES_FOLDER, self.name)

    @cached_property
    def marker_positions(self) -> Markers:
        """(T, 65, 3) metres, Y up, final (`<video>_final.trc`)."""
        return read_trc(self.folder / f"{self.name}_final.trc")

    @cached_property
    def marker_sd(self) -> MarkerSd | None:
        """(T, 22) metres: standard deviations along each axis, where the depth network states them."""
        path = self.folder / f"{self.name}_marker_sd.csv"
        return read_marker_sd_csv(path) if path.exists() else None

    @cached_property
    def landmarks(self) -> Landmarks:
        """(T, 33) as detected (`<video>_raw_landmarks.csv`)."""
        size = self.quality["video"]["width"], self.quality["video"]["height"]
        return read_landmarks_csv(self.folder / f"{self.name}_raw_landmarks.csv", size)

    @property
    def angles(self) -> "pd.DataFrame":
        """Degrees; index `time_s`, columns (joint, angle). Raises ImportError where pandas is missing."""
        return _angle_table(self.joint_angles.times, self.joint_angles.values)

    @property
    def angles_sd(self) -> "pd.DataFrame | None":
        """The standard deviations in the same form, where the joint refiner states them."""
        return None if (sd := self.joint_angles_sd) is None else _angle_table(sd.times, sd.values)

    @property
    def markers(self) -> "pd.DataFrame":
        """Metres, Y up; index `time_s`, columns (marker, axis). Raises ImportError where pandas is missing."""
        pandas, markers = _package("pandas"), self.marker_positions
        columns = pandas.MultiIndex.from_product([markers.names, _AXES], names=["marker", "axis"])
        return _table(markers.times, markers.positions.reshape(markers.times.size, -1), columns)

    @property
    def events(self) -> JsonValue:
        """Content of `events.json`; None where the run was not analysed for events."""
        return _json(path) if (path := self.folder / "events.json").exists() else None

    @property
    def parameters(self) -> "pd.DataFrame | None":
        """`parameters.csv` as a table; None where the run was not analysed for parameters."""
        return self._csv("parameters.csv")

    @property
    def cycles(self) -> "pd.DataFrame | None":
        """`cycles.csv`, the mean gait cycles, as a table; None where there are none."""
        return self._csv("cycles.csv")

    def _csv(self, name: str) -> "pd.DataFrame | None":
        path = self.folder / name
        return _read_csv(path) if path.exists() else None

    def angles_xarray(self) -> "xr.Dataset":
        """One variable per angle, `<joint>_<angle>` in degrees over `time` in seconds; `…_sd` where they are known.

        Raises ImportError where xarray is missing.
        """
        xarray, sd = _package("xarray"), self.joint_angles_sd
        variables = _variables(self.joint_angles.values, "")
        if sd is not None:
            variables |= _variables(sd.values, "_sd")
        time = ("time", self.joint_angles.times, {"units": "s"})
        dataset: xr.Dataset = xarray.Dataset(variables, {"time": time}, {"run": self.name})
        return dataset

    def markers_xarray(self) -> "xr.DataArray":
        """(time, marker, axis) in metres, Y up. Raises ImportError where xarray is missing."""
        markers = self.marker_positions
        coordinates = {"time": markers.times, "marker": list(markers.names), "axis": list(_AXES)}
        attributes = {"units": "m", "run": self.name}
        xarray, axes = _package("xarray"), list(coordinates)
        array: xr.DataArray = xarray.DataArray(markers.positions, coordinates, axes, "markers", attributes)
        return array

    def plot_angles(self, joints: Sequence[str] | None = None) -> "Figure":
        """Draw the three angles of each joint over time, with their standard deviation where it is known.

        joints  names from `humanpose3d.skeleton.JOINT_GROUPS`; all 12 where None. Raises InvalidOption for others.
        """
        chosen = [JOINT_GROUPS[_joint_index(name)] for name in joints] if joints is not None else list(JOINT_GROUPS)
        pyplot = import_module("matplotlib.pyplot")  # deferred: takes half a second and selects the notebook's backend
        figure, axes = pyplot.subplots(
            len(chosen), 3, figsize=(11, 0.6 + 1.5 * len(chosen)), sharex=True, squeeze=False, layout="constrained"
        )
        for row, group in zip(axes, chosen, strict=True):
            for axis, (place, angle) in enumerate(zip(row, group.angles, strict=True)):
                self._draw(place, group, axis)
                place.set_title(f"{group.name}: {angle.replace('_', ' ')} (°)", fontsize="small")
        for place in axes[-1]:
            place.set_xlabel("time (s)")
        if "inline" in pyplot.get_backend():
            pyplot.close(figure)  # a notebook shows the returned figure; an open one would be shown twice
        drawn: Figure = figure
        return drawn

    def _draw(self, place: Any, group: JointGroup, axis: int) -> None:  # noqa: ANN401 -- matplotlib's, imported late
        column = JOINT_GROUP_INDEX[group.name], axis
        times, values, sd = self.joint_angles.times, self.joint_angles.values[:, *column], self.joint_angles_sd
        if sd is not None:
            place.fill_between(times, values - sd.values[:, *column], values + sd.values[:, *column], alpha=0.3)
        place.plot(times, values)


def _read_csv(path: Path) -> "pd.DataFrame":
    with path.open(encoding="utf-8") as file:
        delimiter = delimiter_of(file.readline())
    return _package("pandas").read_csv(path, sep=delimiter, decimal="," if delimiter == ";" else ".")


def _angle_table(times: FloatArray, values: FloatArray) -> "pd.DataFrame":
    names = [(group.name, angle) for group in JOINT_GROUPS for angle in group.angles]
    columns = _package("pandas").MultiIndex.from_tuples(names, names=["joint", "angle"])
    return _table(times, values.reshape(len(values), -1), columns)


def _table(times: FloatArray, values: FloatArray, columns: Any) -> "pd.DataFrame":  # noqa: ANN401 -- pandas is not typed
    pandas = _package("pandas")
    return pandas.DataFrame(values, pandas.Index(times, name="time_s"), columns)


def _variables(values: FloatArray, suffix: str) -> dict[str, Any]:
    return {
        f"{group.name}_{angle}{suffix}": ("time", values[:, index, axis], {"units": "degree"})
        for index, group in enumerate(JOINT_GROUPS)
        for axis, angle in enumerate(group.angles)
    }


def _angle_files(folder: Path) -> tuple[Path, str]:
    """The folder, and the prefix of its file names."""
    ending = angles_csv_name("", JOINT_GROUPS[0])
    found = sorted(folder.glob(f"*{ending}"))
    if len(found) != 1:
        raise InvalidMotion(f"{folder.name} does not hold the joint angles of one run: {len(found)} files *{ending}.")
    return folder, found[0].name.removesuffix(ending)


def _joint_index(name: str) -> int:
    try:
        return JOINT_GROUP_INDEX[name]
    except KeyError:
        raise InvalidOption({"joints": f"there is no {name!r} (there are: {', '.join(JOINT_GROUP_INDEX)})"}) from None


def _json(path: Path) -> Any:  # noqa: ANN401 -- JSON
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InvalidMotion(f"{path.parent} does not hold a run's results: there is no {path.name}.") from None
    except ValueError:
        raise InvalidMotion(f"{path.name} of {path.parent} is damaged.") from None


def _package(name: str) -> Any:  # noqa: ANN401 -- an optional package
    try:
        return import_module(name)
    except ModuleNotFoundError as missing:
        if missing.name != name:
            raise
        raise ImportError(f'This needs {name}: pip install "humanpose3d[notebook]"', name=name) from None
