"""The files of an analysis: events.json, parameters.csv and cycles.csv. Read back by `read_analysis`."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from humanpose3d.analysis import CYCLE_POINTS, Analysis, MeanCurve, Parameter
from humanpose3d.errors import InvalidMotion
from humanpose3d.formats.csv_style import decimal_point, delimiter_of
from humanpose3d.formats.files import write_atomic

EVENTS: Final = "events.json"
PARAMETERS: Final = "parameters.csv"
CYCLES: Final = "cycles.csv"

PARAMETER_COLUMNS: Final = ("parameter", "side", "repetition", "value", "sd", "n", "unit", "method")
CYCLE_COLUMNS: Final = ("side", "joint", "angle", "percent", "mean_deg", "sd_deg", "n", "norm_mean_deg", "norm_sd_deg")

_HEAD: Final = {"task", "recognised", "view", "timing_s", "norms", "not_measurable", "events"}


def write_analysis(folder: Path, analysis: Analysis) -> None:
    """Write `events.json` and `parameters.csv`, and `cycles.csv` where there are cycles. Raises OutputNotWritable."""
    head = analysis.model_dump(mode="json", include=_HEAD)
    with write_atomic(folder / EVENTS) as file:
        file.write((json.dumps(head, indent=2, ensure_ascii=False) + "\n").encode())
    _write(folder / PARAMETERS, PARAMETER_COLUMNS, map(parameter_row, analysis.parameters))
    if analysis.curves:
        _write(folder / CYCLES, CYCLE_COLUMNS, (row for curve in analysis.curves for row in _cycle_rows(curve)))


def read_analysis(folder: Path) -> Analysis:
    """Read the three files of a run's folder back. Raises InvalidMotion where one is damaged or missing."""
    try:
        head = json.loads((folder / EVENTS).read_text(encoding="utf-8"))
        parameters = [_parameter(row) for row in _rows(folder / PARAMETERS)]
        curves = _curves(_rows(folder / CYCLES)) if (folder / CYCLES).exists() else []
        return Analysis.model_validate({**head, "parameters": parameters, "curves": curves})
    except (OSError, ValueError, KeyError, ValidationError) as error:
        raise InvalidMotion(f"{folder.name}: the files of the analysis cannot be read ({error}).") from None


def parameter_row(figure: Parameter) -> tuple[str | float | None, ...]:
    """The cells of a figure, in the order of PARAMETER_COLUMNS."""
    return (
        figure.name, figure.side, figure.repetition, figure.value, figure.sd, figure.n, figure.unit, figure.method
    )  # fmt: skip


def _cycle_rows(curve: MeanCurve) -> Iterator[tuple[object, ...]]:
    for percent in range(CYCLE_POINTS):
        sd, *norm = (
            None if values is None else values[percent] for values in (curve.sd, curve.norm_mean, curve.norm_sd)
        )
        yield curve.side, curve.joint, curve.angle, percent, curve.mean[percent], sd, curve.n, *norm


def _write(path: Path, columns: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> None:
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(columns)
    table.writerows(rows)
    with write_atomic(path) as file:
        file.write(text.getvalue().encode())


def _rows(path: Path) -> list[dict[str, str | None]]:
    text = path.read_text(encoding="utf-8")
    table = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter_of(text.partition("\n")[0]))
    return [{name: decimal_point(value) if value else None for name, value in row.items()} for row in table]


def _parameter(row: dict[str, str | None]) -> dict[str, str | None]:
    return {"name" if name == "parameter" else name: value for name, value in row.items()}


_OPTIONAL: Final = {"sd": "sd_deg", "norm_mean": "norm_mean_deg", "norm_sd": "norm_sd_deg"}


def _optional(points: list[dict[str, str | None]], column: str) -> list[str | None] | None:
    return None if points[0].get(column) is None else [point[column] for point in points]


def _curves(rows: list[dict[str, str | None]]) -> list[dict[str, object]]:
    curves: dict[tuple[str | None, ...], list[dict[str, str | None]]] = {}
    for row in rows:
        curves.setdefault((row["side"], row["joint"], row["angle"], row["n"]), []).append(row)
    return [
        {
            "side": side,
            "joint": joint,
            "angle": angle,
            "n": n,
            "mean": [point["mean_deg"] for point in points],
            **{name: _optional(points, column) for name, column in _OPTIONAL.items()},
        }
        for (side, joint, angle, n), points in curves.items()
    ]
