"""Runs and settings for tests."""

import secrets
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from humanpose3d.options import RunOptions, Subject
from shared.results.model import RunResults
from shared.runtime.run_state import RunRequest, RunState, StageTask
from shared.runtime.settings import Settings
from tests.servers import ACCESS_KEY, SECRET_KEY, S3Server

MAX_DELIVERIES = 3


def new_run_id() -> str:
    return f"run-{secrets.token_hex(8)}"


def new_request(run_id: str) -> RunRequest:
    return RunRequest(
        video_key=f"runs/{run_id}/video/original.mp4",
        name="walk",
        subject=Subject(height=1.78, weight=75),
        options=RunOptions(),
        consented_at=datetime(2026, 1, 1, tzinfo=UTC),
        owner="owner",
        fingerprint="one",
    )


def new_state() -> RunState:
    run_id = new_run_id()
    return RunState.accepted(run_id, new_request(run_id))


def first_task(state: RunState) -> StageTask:
    task = state.task()
    assert task is not None
    return task


def bus_settings(url: str, **changes: object) -> Settings:
    return Settings.model_validate(
        {
            "nats_url": url,
            "ack_wait_s": 1,
            "max_deliveries": MAX_DELIVERIES,
            "retry_delay_s": 0.05,
            "grace_s": 5,
            "store_directory": Path("unused"),
            **changes,
        }
    )


def s3_settings(server: S3Server, **changes: object) -> Settings:
    return Settings.model_validate(
        {
            "nats_url": "nats://127.0.0.1:4222",
            "s3_endpoint": server.url,
            "s3_access_key": ACCESS_KEY,
            "s3_secret_key": SECRET_KEY,
            **changes,
        }
    )


def with_made(results: RunResults, **made: object) -> RunResults:
    """The same results with other or additional artefacts."""
    return replace(results, artefacts={**results.artefacts, **made})
