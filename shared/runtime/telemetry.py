"""Logs, metrics and traces of a process.

Logs name their run and stage, as JSON for machines or as plain text. Traces follow a run across the bus through the
headers of its messages (W3C trace context); without `otlp_endpoint` OpenTelemetry is not imported.
"""

import json
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final

from prometheus_client import Counter, Gauge, Histogram

from humanpose3d.options import StageName
from shared.runtime.bus import Bus
from shared.runtime.run_state import StageTask
from shared.runtime.settings import Settings

_about: ContextVar[Mapping[str, str]] = ContextVar("about", default={})  # noqa: B039 -- never changed in place

_SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800)

_stage_seconds: Final = Histogram(
    "humanpose3d_stage_seconds", "Time of a stage, without queue and transfers", ["stage"], buckets=_SECONDS
)
_stage_failures: Final = Counter(
    "humanpose3d_stage_failures_total",
    "Tries that failed, by code of the problem ('retry': tried again)",
    ["stage", "code"],
)
_queue: Final = Gauge(
    "humanpose3d_queue_tasks", "Tasks of a stage that are waiting, at work, or given up", ["stage", "kind"]
)

_tracer: Any = None


def start(settings: Settings, service: str) -> None:
    """Set up logs and, where requested, traces. Once per process, before anything else."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonFormatter(service) if settings.log_format == "json" else _PlainFormatter())
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    if settings.otlp_endpoint:
        _start_traces(settings.otlp_endpoint, service)


@contextmanager
def working_on(task: StageTask, headers: Mapping[str, str]) -> Iterator[None]:
    """Label logs within the block with this task, and continue the trace from the headers."""
    token = _about.set({"run": task.run_id, "stage": task.stage})
    try:
        with _span(task, headers):
            yield
    finally:
        _about.reset(token)


def stage_finished(stage: StageName, seconds: float) -> None:
    """Count a finished stage."""
    _stage_seconds.labels(stage).observe(seconds)


def stage_failed(stage: StageName, code: str) -> None:
    """Count a failed try."""
    _stage_failures.labels(stage, code).inc()


async def measure_queue(bus: Bus, stage: StageName) -> None:
    """Update the gauges of a stage's queue. Raises BusUnavailable."""
    depth = await bus.depth(stage)
    for kind in ("waiting", "working", "dead"):
        _queue.labels(stage, kind).set(getattr(depth, kind))


def trace_headers() -> dict[str, str]:
    """Message headers that let the receiver continue the trace."""
    headers: dict[str, str] = {}
    if _tracer is not None:
        from opentelemetry.propagate import inject

        inject(headers)
    return headers


@contextmanager
def _span(task: StageTask, headers: Mapping[str, str]) -> Iterator[None]:
    if _tracer is None:
        yield
        return
    from opentelemetry.propagate import extract

    about = {"humanpose3d.run": task.run_id, "humanpose3d.stage": task.stage}
    with _tracer.start_as_current_span(f"stage {task.stage}", context=extract(headers), attributes=about):
        yield


def _start_traces(endpoint: str, service: str) -> None:
    # Deferred: an optional dependency that costs time to import.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    global _tracer  # noqa: PLW0603 -- one a process, like the log's handlers
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint)))
    _tracer = provider.get_tracer("humanpose3d")


class _JsonFormatter(logging.Formatter):
    """One JSON object per line."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
            **_about.get(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class _PlainFormatter(logging.Formatter):
    """One readable line, with the run where there is one."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        about = " ".join(f"{name}={value}" for name, value in _about.get().items())
        return f"{super().format(record)} [{about}]" if about else super().format(record)
