"""Tables of what was measured, from benchmarks/results/*.json. Nothing is typed here by hand."""

import json
from pathlib import Path
from typing import Any, Final

from benchmarks import accuracy_tables, agreement_tables, speed_tables
from docs.generate.markdown import deeper, table

RESULTS: Final = Path(__file__).resolve().parents[2] / "benchmarks" / "results"
NOT_MEASURED: Final = "*Not measured yet.*"

_SERVICE: Final = {
    "submissions_at_once": ("videos sent at the same time", "", 1.0),
    "submission_p99_ms": ("answer to a submission under that load, 99th percentile", "s", 1e-3),
    "queued_runs": ("runs waiting in the queue", "", 1.0),
    "progress_p99_ms": ("answer to a question for progress meanwhile, 99th percentile", "ms", 1.0),
    "list_p99_ms": ("answer to a question for the list of runs meanwhile, 99th percentile", "ms", 1.0),
    "gateway_peak_mb_queueing": ("memory of the gateway meanwhile, peak", "MB", 1.0),
    "upload_bytes": ("size of one large upload", "GB", 1e-9),
    "upload_s": ("time it took", "s", 1.0),
    "gateway_peak_mb_uploading": ("memory of the gateway meanwhile, peak", "MB", 1.0),
    "sample_through_service_s": ("the sample video through gateway, queue and workers", "s", 1.0),
    "sample_in_one_process_s": ("the same in one process", "s", 1.0),
    "queue_overhead_share": ("what gateway, queue and store add", "%", 100.0),
}


def accuracy(results: Path = RESULTS) -> str:
    """All conditions of the accuracy benchmark."""
    measured = _read(results, "accuracy")
    if measured is None:
        return NOT_MEASURED
    return deeper(accuracy_tables.conditions(measured).strip(), 1)


def angles_by_view(results: Path = RESULTS) -> str:
    """Agreement of the joint angles with the truth of rendered people, by view."""
    measured = _read(results, "accuracy")
    if measured is None or not measured["test_renders"]:
        return NOT_MEASURED
    return "\n".join(agreement_tables.rendered(measured["test_renders"]))


def real_people(results: Path = RESULTS) -> str:
    """The videos of real people, beside other systems."""
    measured = _read(results, "accuracy")
    if measured is None or not measured["real_people"]:
        return NOT_MEASURED
    return "\n".join(agreement_tables.real_people(measured["real_people"]))


def pretraining(results: Path = RESULTS) -> str:
    """What training on the simulated stream first is worth, network by network."""
    measured = _read(results, "pretraining")
    if measured is None:
        return NOT_MEASURED
    rows = [
        (trained["way"], str(trained["clips"]), str(trained["seed"]), *map(_figure, trained["scores"].values()))
        for trained in measured["trained"]
    ]
    scores = [name.replace("_", " ") for name in measured["trained"][0]["scores"]] if rows else []
    return table(("Way", "Rendered clips", "Seed", *scores), rows)


def speed(results: Path = RESULTS) -> str:
    """The tables of the speed benchmark."""
    measured = _read(results, "speed")
    if measured is None:
        return NOT_MEASURED
    return deeper(speed_tables.markdown(measured).partition("\n")[2].strip(), 1)


def service(results: Path = RESULTS) -> str:
    """What the server bears."""
    measured = _read(results, "service")
    if measured is None:
        return NOT_MEASURED
    rows = [
        (label, f"{_figure(measured[name] * factor)} {unit}".strip())
        for name, (label, unit, factor) in _SERVICE.items()
        if name in measured
    ]
    return table(("What", "Measured"), rows)


def _read(results: Path, name: str) -> dict[str, Any] | None:
    path = results / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def _figure(value: float) -> str:
    """Three digits, or all those before the point."""
    return f"{value:,.0f}".replace(",", " ") if abs(value) >= 100 else f"{value:.3g}"
