"""Logs, metrics and traces."""

import asyncio
import json
import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import REGISTRY

from shared.runtime import runs, telemetry
from shared.runtime.bus.memory import MemoryBus
from tests.makers import bus_settings, first_task, new_request, new_run_id, new_state


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def logs_kept() -> Iterator[None]:
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield
    root.setLevel(level)
    root.handlers[:] = handlers


def start(**changes) -> None:
    telemetry.start(bus_settings("nats://127.0.0.1:4222", nats_password="open-sesame", **changes), "detector")


def test_json_logs_are_one_object_a_line_with_run_and_stage(capsys, logs_kept):
    start(log_format="json")
    log = logging.getLogger("shared.test")
    state = new_state()
    with telemetry.working_on(first_task(state), {}):
        log.info("begun\nin two %s", "lines")
    log.error("after", exc_info=ValueError("inside"))
    first, second = map(json.loads, capsys.readouterr().err.splitlines())
    assert (first["run"], first["stage"], first["service"]) == (state.run_id, "detector", "detector")
    assert (first["message"], first["level"]) == ("begun\nin two lines", "INFO")
    assert "run" not in second
    assert "ValueError: inside" in second["exception"]


def test_plain_logs_name_the_run_and_no_secret(capsys, logs_kept):
    start(log_level="DEBUG")
    state = new_state()
    with telemetry.working_on(first_task(state), {}):
        logging.getLogger("shared.test").debug("begun with %r", bus_settings("nats://x", nats_password="open-sesame"))
    said = capsys.readouterr().err
    assert f"[run={state.run_id} stage=detector]" in said
    assert "open-sesame" not in said


@pytest.mark.anyio
async def test_the_queue_s_depth_is_a_metric():
    bus = MemoryBus()
    await bus.publish(first_task(new_state()))
    await telemetry.measure_queue(bus, "detector")
    assert REGISTRY.get_sample_value("humanpose3d_queue_tasks", {"stage": "detector", "kind": "waiting"}) == 1


@pytest.mark.anyio
async def test_a_trace_crosses_the_bus(monkeypatch):
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(telemetry, "_tracer", provider.get_tracer("test"))
    bus, run_id = MemoryBus(), new_run_id()
    with provider.get_tracer("test").start_as_current_span("request") as request:
        await runs.submit(bus, run_id, new_request(run_id))
    delivery = await bus.pull("detector", 1)
    assert delivery is not None
    with telemetry.working_on(delivery.task, delivery.headers):
        await asyncio.sleep(0)
    (stage,) = [span for span in exporter.get_finished_spans() if span.name == "stage detector"]
    assert stage.context is not None
    assert stage.parent is not None
    assert stage.context.trace_id == request.get_span_context().trace_id
    assert stage.parent.span_id == request.get_span_context().span_id
    assert stage.attributes == {"humanpose3d.run": run_id, "humanpose3d.stage": "detector"}


def test_without_an_endpoint_nothing_of_opentelemetry_is_imported():
    program = """
import sys
from shared.runtime import telemetry
from tests.makers import bus_settings, new_state
telemetry.start(bus_settings("nats://127.0.0.1:4222"), "detector")
with telemetry.working_on(new_state().task(), {}):
    assert telemetry.trace_headers() == {}
assert not [name for name in sys.modules if name.startswith("opentelemetry")]
"""
    subprocess.run([sys.executable, "-c", program], check=True)
