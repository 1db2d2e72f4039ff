"""`summary.csv`: a batch as one table, a row a video."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

from cli.batch.subjects import Job
from humanpose3d.analysis import Parameter
from humanpose3d.errors import InvalidMotion
from humanpose3d.formats.analysis_files import read_analysis
from humanpose3d.formats.csv_style import use_semicolons
from humanpose3d.formats.files import write_atomic
from humanpose3d.options import CsvStyle

SUMMARY: Final = "summary.csv"

Status = Literal["waiting", "done", "failed"]

COLUMNS: Final = {
    "file": "the video, as in the table of subjects",
    "results": "the folder of its results",
    "status": "`done`; `failed`: see `error`; `waiting`: the batch was stopped before, run it again",
    "subject": "as in the table of subjects",
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


def write_summary(output: Path, rows: Sequence[Mapping[str, object]], style: CsvStyle) -> Path:
    """Write the rows as `summary.csv`; returns its path. Raises OutputNotWritable, leaving an earlier one as it is."""
    figures = dict.fromkeys(name for row in rows for name in row if name not in COLUMNS)
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, [*COLUMNS, *figures], lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    with write_atomic(output / SUMMARY) as file:
        file.write(text.getvalue().encode())
    if style == "semicolon":
        use_semicolons(output / SUMMARY, prose=True)
    return output / SUMMARY


def row(job: Job, name: str, status: Status, results: Path, error: Exception | None = None) -> dict[str, object]:
    """A video's row. The results are read where it is done."""
    about: dict[str, object] = {
        "file": job.video.label,
        "status": status,
        "subject": job.subject,
        "height_m": job.person.height,
        "weight_kg": job.person.weight,
        "side": job.side,
        "note": job.note,
        "task": job.options.task,
        "error": "" if error is None else " ".join(str(error).split()),
    }
    return about | ({"results": name} | _measured(results) if status == "done" else {})


def _measured(results: Path) -> dict[str, object]:
    try:
        quality = json.loads((results / "quality.json").read_text(encoding="utf-8"))
        analysis = read_analysis(results)
    except (OSError, ValueError, KeyError, InvalidMotion) as error:
        return {"error": f"the results cannot be read: {error}"}
    codes = dict.fromkeys(warning["code"] for warning in quality["warnings"])
    figures = {_column(figure): f"{figure.value:.6g}" for figure in analysis.key_figures}
    return {
        "task": analysis.task,
        "view": analysis.view,
        "verdict": quality.get("verdict", ""),
        "warnings": " ".join(codes),
        **figures,
    }


def _column(figure: Parameter) -> str:
    """`stride_length_right [m]`; without a unit for a mere number."""
    side = "" if figure.side is None else f"_{figure.side}"
    unit = "" if figure.unit == "1" else f" [{figure.unit}]"
    return f"{figure.name}{side}{unit}"
