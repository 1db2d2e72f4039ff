"""What the benchmark of speed starts is there."""

import pytest

from benchmarks.speed import SERVICES
from shared.runtime.worker.stage_child import resolve


@pytest.mark.parametrize("stage", SERVICES.values(), ids=SERVICES)
def test_the_stages_whose_start_is_timed_exist(stage):
    assert resolve(stage) is not None
