"""The files of an analysis are read back as they were written."""

from pathlib import Path

import pytest

from humanpose3d.analysis import Analysis, Event, MeanCurve, NotMeasurable, Parameter
from humanpose3d.errors import InvalidMotion
from humanpose3d.formats.analysis_files import read_analysis, write_analysis

FLAT = (1.5,) * 101
ANALYSIS = Analysis(
    task="gait",
    recognised=True,
    view="oblique",
    timing_s=0.0083,
    norms="10 adults",
    events=(Event(time_s=0.5, kind="heel_strike", side="left"),),
    parameters=(
        Parameter(name="speed", value=1.2, sd=0.1, n=3, unit="m/s", method="mean, of all"),
        Parameter(name="stance", side="left", repetition=1, value=62.0, unit="%", method="events"),
    ),
    not_measurable=(NotMeasurable(what="step width", reason="too short"),),
    curves=(
        MeanCurve(joint="knee_l", angle="flexion", side="left", mean=FLAT, sd=FLAT, n=3, norm_mean=FLAT, norm_sd=FLAT),
        MeanCurve(joint="pelvis", angle="tilt", side="left", mean=FLAT, sd=None, n=1),
    ),
)


def test_written_and_read(tmp_path: Path):
    write_analysis(tmp_path, ANALYSIS)
    assert read_analysis(tmp_path) == ANALYSIS


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(InvalidMotion, match="files of the analysis cannot be read"):
        read_analysis(tmp_path)
