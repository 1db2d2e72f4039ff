"""Files for other programs, made from the files of a run: the same at the end of the run and later."""

import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from humanpose3d.analysis import Analysis
from humanpose3d.errors import InvalidOption
from humanpose3d.formats.analysis_files import EVENTS, PARAMETER_COLUMNS, PARAMETERS, parameter_row, read_analysis
from humanpose3d.formats.csv_style import use_semicolons
from humanpose3d.formats.files import write_atomic
from humanpose3d.motion import FloatArray
from humanpose3d.options import CsvStyle
from humanpose3d.results import Results
from humanpose3d.skeleton import JOINT_GROUPS

_EVENT_COLUMNS: Final = ("time_s", "kind", "side", "repetition")


def write_run_c3d(path: Path, results: Results) -> None:
    """Write markers, joint angles and events as C3D.

    Raises InvalidMotion where the run's files are damaged or hold fewer than two frames, OutputNotWritable.
    """
    # Deferred: few runs need the library.
    from humanpose3d.formats.c3d import write_c3d

    analysis = _analysis(results)
    write_c3d(path, results.marker_positions, results.joint_angles, analysis.events if analysis else ())


def write_run_xlsx(path: Path, results: Results) -> None:
    """Write a workbook: joint angles, their standard deviations, markers, key figures, events.

    Raises InvalidOption where the package for it is missing, InvalidMotion where the run's files are damaged,
    OutputNotWritable.
    """
    content = io.BytesIO()
    with _workbook(content) as book:
        for name, columns, rows in _sheets(results):
            _write_sheet(book.add_worksheet(name), columns, rows)
    with write_atomic(path) as file:
        file.write(content.getvalue())


def use_style(path: Path, style: CsvStyle) -> None:
    """Rewrite a CSV file in the style, where it is not the default one; other files stay as they are."""
    if path.suffix == ".csv" and style == "semicolon":
        use_semicolons(path, prose=path.name == PARAMETERS)


def _workbook(content: io.BytesIO) -> Any:  # noqa: ANN401 -- an optional package
    try:
        package = import_module("xlsxwriter")
    except ModuleNotFoundError:
        advice = 'xlsx needs a package that is missing: pip install "humanpose3d[xlsx]"'
        raise InvalidOption({"to": advice}) from None
    book = package.Workbook(content, {"in_memory": True, "constant_memory": True})
    book.set_properties({"created": datetime(2000, 1, 1)})  # noqa: DTZ001 -- the same bytes every time
    return book


def _sheets(results: Results) -> Iterator[tuple[str, Sequence[str], Iterable[Sequence[Any]]]]:
    """Name, columns and rows of each sheet."""
    angles, sd = results.joint_angles, results.joint_angles_sd
    markers, analysis = results.marker_positions, _analysis(results)
    names = [f"{group.name}_{angle}" for group in JOINT_GROUPS for angle in group.angles]
    yield "Joint angles", ["time_s", *(f"{name}_deg" for name in names)], _rows(angles.times, angles.values)
    if sd is not None:
        yield "Standard deviations", ["time_s", *(f"{name}_sd_deg" for name in names)], _rows(sd.times, sd.values)
    axes = [f"{name}_{axis}_m" for name in markers.names for axis in "xyz"]
    yield "Markers", ["time_s", *axes], _rows(markers.times, markers.positions)
    if analysis is not None:
        yield "Key figures", PARAMETER_COLUMNS, map(parameter_row, analysis.parameters)
        yield "Events", _EVENT_COLUMNS, ([getattr(event, name) for name in _EVENT_COLUMNS] for event in analysis.events)


def _rows(times: FloatArray, values: FloatArray) -> Iterator[list[float]]:
    for time, row in zip(times.tolist(), values.reshape(times.size, -1).tolist(), strict=True):
        yield [time, *row]


def _write_sheet(sheet: Any, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:  # noqa: ANN401
    """A missing value is an empty cell."""
    sheet.freeze_panes(1, 1)
    for number, row in enumerate([columns, *rows]):
        for column, value in enumerate(row):
            if value is None or value != value:  # NaN is not equal to itself
                continue
            (sheet.write_string if isinstance(value, str) else sheet.write_number)(number, column, value)


def _analysis(results: Results) -> Analysis | None:
    return read_analysis(results.folder) if (results.folder / EVENTS).exists() else None
