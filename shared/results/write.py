"""The results of a run: one folder, the same whether the run was done in one process or by several workers.

    <video>/
    ├── report.html                   the run on one page, to read and to print
    ├── report.pdf                    (pdf)
    ├── <video>_initial.trc           the 22 markers before refinement
    ├── <video>_final.trc             the 65 markers, final
    ├── <video>_marker_sd.csv         (main_refiner)
    ├── <video>_raw_landmarks.csv
    ├── <video>_preview.mp4           (export_preview, blur_faces)
    ├── <video>.osim, <video>_ik.mot  (opensim)
    ├── <video>.c3d                   (c3d)
    ├── <video>_landmarks.png, .svg   (plot_landmarks)
    ├── <video>_augmented.png, .svg   (plot_augmented)
    ├── events.json                   the task, its events, and what could not be measured
    ├── parameters.csv                key figures, one row per figure, side and repetition
    ├── cycles.csv                    mean cycles of all angles (gait)
    ├── quality.json                  what was measured about the run, and its warnings
    ├── run.json                      all that is needed to repeat it
    └── joint_angles/                 12 CSV files; joint_angles.csv, joint_angles_long.csv;
                                      <video>_all_joint_angles.png, .svg (plot_all_joint_angles),
                                      <video>_gait_cycles.png, .svg (the same, where there are cycles),
                                      <video>_angle_comparison.png, .svg (save_angle_comparison)

Everything except run.json, report.pdf and the date in report.html is reproduced byte for byte when the same video is
analysed again with the same options; figures for the same version of matplotlib, the preview for the same encoder.
"""

import json
import platform
import secrets
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Final, get_args

import numpy as np
from pydantic import JsonValue, TypeAdapter

from humanpose3d.errors import OutputNotWritable
from humanpose3d.formats.analysis_files import CYCLES, EVENTS, PARAMETERS, write_analysis
from humanpose3d.formats.csv_files import write_angle_tables, write_angles_csv, write_landmarks_csv, write_marker_sd_csv
from humanpose3d.formats.files import write_atomic
from humanpose3d.formats.trc import write_trc
from humanpose3d.language import Said
from humanpose3d.motion import MarkerSpread
from humanpose3d.options import QualityWarning, StageName, warning
from humanpose3d.results import read_run
from shared.results.exports import use_style, write_run_c3d
from shared.results.figures import ANGLES_FOLDER, Figures
from shared.results.measured_errors import measured_error
from shared.results.model import RunResults
from shared.results.report import report_page
from shared.results.report.pdf import browser, write_pdf
from shared.results.trust import trust

SCHEMA_VERSION: Final = 1
"""Version of quality.json and run.json; incremented when a field changes its meaning or is removed."""

_PACKAGES: Final = (
    "humanpose3d",
    "mediapipe",
    "onnxruntime",
    "onnxruntime-gpu",
    "numpy",
    "av",
    "opencv-python-headless",
    "matplotlib",
)
_SYSTEM: Final = {".DS_Store", "Thumbs.db", "desktop.ini"}
_OURS: Final = {
    ANGLES_FOLDER,
    "quality.json",
    "report.html",
    "report.pdf",
    "run.json",
    EVENTS,
    PARAMETERS,
    CYCLES,
    *_SYSTEM,
}


def write_results(results: RunResults, folder: Path, figures: Figures | None = None) -> None:
    """Write all files of a run into an empty folder. Raises OutputNotWritable, leaving the files written so far.

    figures  those in this folder, of which some may have been drawn already.
    """
    if figures is None:
        with Figures(results.name, results.options, folder) as all_figures:
            write_results(results, folder, all_figures)
        return
    name = results.name
    angles_folder = folder / ANGLES_FOLDER
    try:
        angles_folder.mkdir(exist_ok=True)
        if results.preview is not None:
            shutil.copyfile(results.preview, folder / f"{name}_preview.mp4")
        for suffix, file in results.opensim_files.items():
            shutil.copyfile(file, folder / f"{name}{suffix}")
    except OSError as error:
        raise OutputNotWritable(f"The results cannot be written: {error.strerror}.") from error
    figures.begin(results.artefacts)
    write_trc(folder / f"{name}_initial.trc", results.initial_markers)
    write_trc(folder / f"{name}_final.trc", results.augmented_markers)
    if (sd := results.marker_sd) is not None:
        write_marker_sd_csv(folder / f"{name}_marker_sd.csv", sd)
    write_landmarks_csv(folder / f"{name}_raw_landmarks.csv", results.landmarks)
    stance = results.neutral_stance
    offsets = None if stance is None else stance.offsets
    write_angles_csv(angles_folder, name, results.final_angles, results.angle_sd, offsets)
    write_angle_tables(angles_folder, results.final_angles, results.angle_sd)
    if results.analysis is not None:
        write_analysis(folder, results.analysis)
    _write_json(folder / "quality.json", _quality(results))
    run = _run(results)
    _write_json(folder / "run.json", run)
    _write_report(folder, results, run)
    if results.options.c3d:
        write_run_c3d(folder / f"{name}.c3d", read_run(folder))
    for table in folder.rglob("*.csv"):
        use_style(table, results.options.csv_style)
    figures.finish()


def publish(folder: Path, destination: Path) -> Path:
    """Rename a finished folder to `destination`, replacing an earlier result there as a whole; returns `destination`.

    Both must be on one file system. For an instant the earlier result is moved aside before the new one is in place; if
    this is interrupted, including by Ctrl-C, the earlier result is restored.

    Raises OutputNotWritable where the rename is refused, or `destination` is not a run's results.
    """
    aside = destination.with_name(f".replaced-{secrets.token_hex(8)}")
    try:
        _refuse_to_replace_anything_else(destination)
        if destination.exists():
            destination.rename(aside)
        folder.rename(destination)
    except OSError as error:
        raise OutputNotWritable(f"The results cannot be put at {destination}: {error.strerror}.") from error
    finally:
        if aside.exists() and destination.exists():
            shutil.rmtree(aside, ignore_errors=True)
        elif aside.exists():
            aside.rename(destination)
    return destination


def _refuse_to_replace_anything_else(destination: Path) -> None:
    if destination.is_symlink() or (destination.exists() and not destination.is_dir()):
        raise OutputNotWritable(f"{destination} is in the way: it is not a folder. Move it or choose another output.")
    if not destination.exists():
        return
    own = [f"{destination.name}{suffix}" for suffix in (".osim", ".c3d", ".xlsx")]
    others = sorted(
        path.name
        for path in destination.iterdir()
        if path.name not in _OURS and not path.name.startswith((f"{destination.name}_", *own))
    )
    if others:
        raise OutputNotWritable(
            f"{destination} holds what no run has written ({', '.join(others[:3])}), and would be replaced. "
            "Move that away or choose another output."
        )


def _quality(results: RunResults) -> dict[str, JsonValue]:
    reports = {stage: results.reports[stage] for stage in get_args(StageName) if stage in results.reports}
    stance, verdict = results.neutral_stance, trust(results)
    told = {**{stage: report.warnings for stage, report in reports.items()}, "report": tuple(_report_warnings(results))}
    return {
        **({} if stance is None else {"neutral": stance.model_dump(mode="json")}),
        "schema_version": SCHEMA_VERSION,
        "video": results.video_facts.model_dump(mode="json"),
        "stages": {stage: dict(report.facts) for stage, report in reports.items()},
        "marker_spread_mean_m": _mean_spread(results.marker_spread),
        "verdict": str(verdict),
        "verdict_text": TypeAdapter(Said).dump_python(verdict, mode="json"),
        "measured_error": measured_error(results),
        "joint_angles": "refined" if results.made("refined_angles") else "as computed",
        "warnings": [
            {"stage": stage, **each.model_dump(mode="json")} for stage, warnings in told.items() for each in warnings
        ],
    }


def _report_warnings(results: RunResults) -> Iterator[QualityWarning]:
    if results.options.pdf and browser() is None:
        yield warning(
            "pdf-not-written",
            "PDF was not written: neither Chromium nor Chrome was found. Open report.html in a browser and print it "
            "to a PDF file.",
        )


def _mean_spread(spread: MarkerSpread) -> dict[str, JsonValue]:
    """Mean over time of every marker's spread in metres; None for a marker that is always missing."""
    paths = zip(spread.names, spread.values.T, strict=True)
    return {name: float(np.nanmean(path)) if np.isfinite(path).any() else None for name, path in paths}


def _run(results: RunResults) -> dict[str, JsonValue]:
    models = {file: digest for report in results.reports.values() for file, digest in report.models.items()}
    return {
        "schema_version": SCHEMA_VERSION,
        "name": results.name,
        "video_sha256": results.video_sha256,
        "subject": results.subject.model_dump(mode="json"),
        "options": results.options.model_dump(mode="json"),
        "notes": results.notes.model_dump(mode="json"),
        "models": dict(models),
        "versions": _versions(),
        "timings_s": {stage: round(seconds, 3) for stage, seconds in results.timings_s.items()},
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _versions() -> dict[str, JsonValue]:
    versions: dict[str, JsonValue] = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions


def _write_json(path: Path, content: dict[str, JsonValue]) -> None:
    text = json.dumps(_rounded(content), indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    with write_atomic(path) as file:
        file.write(f"{text}\n".encode())


def _write_report(folder: Path, results: RunResults, run: dict[str, JsonValue]) -> None:
    with write_atomic(folder / "report.html") as file:
        file.write(report_page(results, run).encode())
    if results.options.pdf and (program := browser()) is not None:
        write_pdf(program, folder / "report.html", folder / "report.pdf")


def _rounded(value: JsonValue) -> JsonValue:
    """Numbers to six significant digits, so that rounding errors do not make files differ."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return value
