"""Shared fixtures: a real S3, and the folder of measured data that are not part of the project."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.servers import S3Server

# Timing is meaningless on a busy machine; in CI the same examples are tried every time.
settings.register_profile("project", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("project")

MEASURED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def measured_data() -> Path:
    """Motion capture and references outside the project; the test skips where they are absent."""
    if not MEASURED_DATA.is_dir():
        pytest.skip("the measured data (../shared/data) are not on this machine")
    return MEASURED_DATA


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory) -> Iterator[S3Server]:
    server = S3Server(tmp_path_factory.mktemp("weed"))
    server.start()
    yield server
    server.stop()
