"""Tables of what was measured, from benchmarks/results/*.json. Nothing is typed here by hand."""

import json
from collections.abc import Mapping
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


_HISTORY: Final = {
    "runs": ("runs in the history", "", 1.0),
    "ready_s_own_file": ("start of the gateway until it is ready, with the file of its list", "s", 1.0),
    "ready_cpu_s_own_file": ("processor time of that start", "s", 1.0),
    "ready_s_copy_in_store": ("the same without the file, from the copy in the store", "s", 1.0),
    "ready_cpu_s_copy_in_store": ("processor time of that start", "s", 1.0),
    "fill_cpu_us_per_run": ("processor time to fill the list from the bus, for one run", "ms", 1e-3),
    "rss_mb_own_file": ("memory of the gateway after all requests below", "MB", 1.0),
    "rss_mb_copy_in_store": ("memory of the gateway after a start from the copy", "MB", 1.0),
    "index_file_mb": ("file of the list", "MB", 1.0),
    "copy_mb": ("copy in the store", "MB", 1.0),
    "copy_cpu_s": ("processor time to make it, every hour", "s", 1.0),
    "idle_cpu_share": ("share of one core while nothing is asked, webhooks included", "%", 100.0),
    "retention_erased": ("runs that retention erased in one pass", "", 1.0),
    "retention_s": ("time it took, with the start of the gateway", "s", 1.0),
    "nats_rss_mb": ("memory of NATS", "MB", 1.0),
}
_REQUESTS: Final = {
    "list": "list, 50 runs",
    "list_of_200": "list, 200 runs",
    "page_after_page": "200 runs, page after page",
    "search_common": "search for a word of every eighth run",
    "search_rare": "search for a word of few runs",
    "search_absent": "search for a word of no run",
    "search_two_letters": "search for two letters that many runs have",
    "search_two_letters_absent": "search for two letters that no run has",
    "filter_subject": "filter by subject",
    "filter_status": "filter by status",
    "filter_label_and_status": "filter by label and status",
    "filter_session": "filter by session",
    "subjects": "all subjects with their numbers of runs",
    "submission_beyond_quota": "submission that the quota refuses",
}
_LOAD: Final = {
    "queued": ("runs queued, half of them one batch", "", 1.0),
    "workers": ("workers", "", 1.0),
    "finished_per_minute": ("runs finished in a minute, workers included, on this machine", "", 1.0),
    "nats_cpu_ms_per_run": ("processor time of NATS for a run", "ms", 1.0),
    "gateway_cpu_ms_per_run": ("of the gateway, which follows", "ms", 1.0),
    "workers_cpu_ms_per_run": ("of the workers besides the stages, with their files", "ms", 1.0),
    "nats_rss_mb": ("memory of NATS", "MB", 1.0),
    "gateway_rss_mb": ("memory of the gateway", "MB", 1.0),
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
    return _listed(results, "service", _SERVICE)


def history(results: Path = RESULTS) -> str:
    """What a long history costs the gateway."""
    return _listed(results, "scale", _HISTORY)


def requests(results: Path = RESULTS) -> str:
    """Requests to a gateway with a long history."""
    measured = _read(results, "scale")
    if measured is None:
        return NOT_MEASURED
    rows = [
        (label, *(_figure(measured[f"{name}_{what}"]) for what in ("p50_ms", "p99_ms", "cpu_ms")))
        for name, label in _REQUESTS.items()
    ]
    return table(("Request", "Median, ms", "99th percentile, ms", "Processor time of the gateway, ms"), rows)


def load(results: Path = RESULTS) -> str:
    """What a run costs the services besides its stages."""
    return _listed(results, "load", _LOAD)


def _listed(results: Path, name: str, labels: Mapping[str, tuple[str, str, float]]) -> str:
    measured = _read(results, name)
    if measured is None:
        return NOT_MEASURED
    rows = [
        (label, f"{_figure(measured[key] * factor)} {unit}".strip())
        for key, (label, unit, factor) in labels.items()
        if key in measured
    ]
    return table(("What", "Measured"), rows)


def _read(results: Path, name: str) -> dict[str, Any] | None:
    path = results / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def _figure(value: float) -> str:
    """Three digits, or all those before the point."""
    return f"{value:,.0f}".replace(",", " ") if abs(value) >= 100 else f"{value:.3g}"
