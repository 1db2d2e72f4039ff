import os
import signal
from functools import partial
from pathlib import Path

import psutil
import pytest

from humanpose3d.errors import OutputNotWritable, StageCrashed
from shared.results import plot_pool
from shared.results.plot_pool import PlotPool


def write_pid(path: Path) -> None:
    path.write_text(str(os.getpid()))


def refuse() -> None:
    raise OutputNotWritable("The disk is full.")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize(("processors", "images", "elsewhere"), [(1, 4, False), (4, 1, False), (2, 4, True)])
def test_figures_are_drawn_in_parallel_where_that_is_faster(tmp_path, monkeypatch, processors, images, elsewhere):
    monkeypatch.setattr(plot_pool, "usable_cpus", lambda: processors)
    with PlotPool(images) as hired:
        hired.begin([partial(write_pid, tmp_path / str(number)) for number in range(images)])
        hired.finish()
        drawn_by = {int(path.read_text()) for path in tmp_path.iterdir()}
        assert (os.getpid() not in drawn_by) is elsewhere
        assert len(list(tmp_path.iterdir())) == images
        assert all(psutil.pid_exists(pid) for pid in drawn_by)
    assert not any(psutil.pid_exists(pid) for pid in drawn_by - {os.getpid()})


def test_an_error_while_drawing_is_raised(monkeypatch):
    monkeypatch.setattr(plot_pool, "usable_cpus", lambda: 2)
    with PlotPool(2) as hired:
        hired.begin([refuse, refuse])
        with pytest.raises(OutputNotWritable, match="disk is full"):
            hired.finish()


def test_a_crashed_process_is_reported(monkeypatch):
    monkeypatch.setattr(plot_pool, "usable_cpus", lambda: 2)
    with PlotPool(2) as hired:
        hired.begin([die])
        with pytest.raises(StageCrashed, match="draws figures"):
            hired.finish()


def test_a_process_that_died_before_is_reported_when_the_next_figure_begins(monkeypatch):
    monkeypatch.setattr(plot_pool, "usable_cpus", lambda: 2)
    with PlotPool(2) as hired:
        hired.begin([die])
        with pytest.raises(StageCrashed):
            hired.finish()
        with pytest.raises(StageCrashed, match="draws figures"):
            hired.begin([die])
