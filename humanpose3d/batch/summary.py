"""`summary.csv`: a batch as one table, a row a video."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

from humanpose3d.analysis import Analysis, Parameter
from humanpose3d.batch.subjects import BatchVideo
from humanpose3d.errors import InvalidMotion
from humanpose3d.formats.analysis_files import read_analysis
from humanpose3d.formats.csv_style import guarded, with_semicolons
from humanpose3d.options import CsvStyle, TaskOption

SUMMARY: Final = "summary.csv"

Status = Literal["waiting", "done", "failed"]

COLUMNS: Final = {
    "file": "the video, as in the table of subjects",
    "results": "the folder of its results",
    "status": "`done`; `failed`: see `error`; `waiting`: not analysed yet",
    "subject": "as in the table of subjects",
    "session": "as in the table of subjects",
    "labels": "as in the table of subjects",
    "height_m": "metres",
    "weight_kg": "kilograms",
    "side": "as in the table of subjects",
    "note": "as in the table of subjects",
    "task": "as recognised, or as given",
    "view": "`frontal`, `oblique`, `lateral` or `unknown`: the camera's view of the person",
    "verdict": "what the angles are good for, as in `quality.json`",
    "warnings": "codes of the warnings in `quality.json`, separated by spaces",
    "error": "why the video has no result",
}
"""Columns before the key figures, and what they hold."""


def summary_text(rows: Sequence[Mapping[str, object]], style: CsvStyle) -> str:
    """The rows as CSV, without a cell that a spreadsheet takes for a formula (`csv_style.guarded`)."""
    figures = dict.fromkeys(name for row in rows for name in row if name not in COLUMNS)
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, [*COLUMNS, *figures], lineterminator="\n")
    table.writeheader()
    table.writerows({name: guarded(cell) for name, cell in row.items()} for row in rows)
    return with_semicolons(text.getvalue()) if style == "semicolon" else text.getvalue()


def row(video: BatchVideo, task: TaskOption, status: Status, error: str = "") -> dict[str, object]:
    """A video's row as far as it is known without results. task: the option of its run."""
    notes = video.notes
    return {
        "file": video.video,
        "status": status,
        "subject": notes.subject,
        "session": notes.session or "",
        "labels": ", ".join(notes.labels),
        "height_m": video.subject.height,
        "weight_kg": video.subject.weight,
        "side": notes.side,
        "note": notes.note,
        "task": task,
        "error": " ".join(error.split()),
    }


def measured_cells(quality: Mapping[str, Any], analysis: Analysis | None) -> dict[str, object]:
    """The cells that results add, from the content of `quality.json` and the analysis, if there is one."""
    codes = dict.fromkeys(warning["code"] for warning in quality["warnings"])
    cells: dict[str, object] = {"verdict": quality.get("verdict", ""), "warnings": " ".join(codes)}
    if analysis is not None:
        cells |= {"task": analysis.task, "view": analysis.view}
        cells |= {_column(figure): f"{figure.value:.6g}" for figure in analysis.key_figures}
    return cells


def measured_in(results: Path) -> dict[str, object]:
    """The cells that the results in a folder add."""
    try:
        quality = json.loads((results / "quality.json").read_text(encoding="utf-8"))
        return measured_cells(quality, read_analysis(results))
    except (OSError, ValueError, KeyError, InvalidMotion) as error:
        return {"error": f"the results cannot be read: {error}"}


def _column(figure: Parameter) -> str:
    """`stride_length_right [m]`; without a unit for a mere number."""
    side = "" if figure.side is None else f"_{figure.side}"
    unit = "" if figure.unit == "1" else f" [{figure.unit}]"
    return f"{figure.name}{side}{unit}"
