import csv

import numpy as np

from humanpose3d.analysis import Analysis, Event, Parameter
from humanpose3d.formats.analysis_files import PARAMETERS, read_analysis, write_analysis
from humanpose3d.formats.csv_files import (
    LONG,
    WIDE,
    read_angle_sd_csv,
    read_angles_csv,
    read_landmarks_csv,
    write_angle_tables,
    write_angles_csv,
    write_landmarks_csv,
)
from humanpose3d.formats.csv_style import use_semicolons
from humanpose3d.motion import AngleSd, JointAngles, Landmarks
from humanpose3d.skeleton import JOINT_GROUPS

ANALYSIS = Analysis(
    task="gait",
    recognised=True,
    view="lateral",
    timing_s=0.008,
    events=(Event(time_s=0.5, kind="toe_off", side="left", repetition=1),),
    parameters=(
        Parameter(name="speed", value=1.25, sd=0.5, n=3, unit="m/s", method='Zeni et al., 2008; "v" of 0.5 s'),
        Parameter(name="cadence", value=1e-05, unit="steps/min", method="1.5 times"),
    ),
)


TIMES = np.arange(4) / 30
RNG = np.random.default_rng(5)
VALUES = np.where(RNG.random((4, 12, 3)) < 0.2, np.nan, RNG.normal(size=(4, 12, 3)) * 40)
ANGLES, SD = JointAngles(TIMES, VALUES), AngleSd(TIMES, np.abs(VALUES) / 10)
LANDMARKS = Landmarks(TIMES, RNG.random((4, 33, 2)), RNG.random((4, 33, 3)), RNG.random((4, 33)), (640, 480))


def test_angles_and_landmarks_are_read_in_either_style(tmp_path):
    write_angles_csv(tmp_path, "walk", ANGLES, SD)
    write_landmarks_csv(tmp_path / "walk.csv", LANDMARKS)
    for path in tmp_path.glob("*.csv"):
        use_semicolons(path, prose=False)
    head, first = (tmp_path / "walk_angles_knee_r.csv").read_text().splitlines()[:2]
    assert head.startswith("time_s;knee_r_flexion_deg;")
    assert first.count(";") == 6
    assert "." not in first
    np.testing.assert_allclose(read_angles_csv(tmp_path, "walk").values, VALUES, rtol=0, atol=5.001e-7)
    found = read_angle_sd_csv(tmp_path, "walk")
    assert found is not None
    np.testing.assert_allclose(found.values, SD.values, rtol=0, atol=5.001e-7)
    again = read_landmarks_csv(tmp_path / "walk.csv", LANDMARKS.image_size)
    np.testing.assert_allclose(again.world, LANDMARKS.world, rtol=0, atol=5.001e-7)


def test_prose_keeps_its_punctuation(tmp_path):
    write_analysis(tmp_path, ANALYSIS)
    use_semicolons(tmp_path / PARAMETERS, prose=True)
    lines = (tmp_path / PARAMETERS).read_text().splitlines()
    assert lines[1].startswith("speed;;;1,25;0,5;3;m/s;")
    assert "1.5 times" in lines[2]
    assert read_analysis(tmp_path) == ANALYSIS


def test_the_wide_table_has_a_column_for_each_angle_and_the_long_one_a_row(tmp_path):
    assert write_angle_tables(tmp_path, ANGLES, SD) == [tmp_path / WIDE, tmp_path / LONG]
    with (tmp_path / WIDE).open() as file:
        wide = list(csv.DictReader(file))
    with (tmp_path / LONG).open() as file:
        long = list(csv.DictReader(file))
    assert len(wide) == TIMES.size
    assert list(wide[0])[:4] == ["time_s", "pelvis_tilt_deg", "pelvis_obliquity_deg", "pelvis_rotation_deg"]
    assert len(wide[0]) == 37
    assert len(long) == 36 * TIMES.size
    assert {row["side"] for row in long if row["joint"] in ("pelvis", "trunk")} == {""}
    for row, cells in zip(long, (cell for frame in wide for cell in list(frame.items())[1:]), strict=True):
        side = {"right": "_r", "left": "_l", "": ""}[row["side"]]
        assert (f"{row['joint']}{side}_{row['angle']}_deg", row["value_deg"]) == cells
    assert {row["joint"] for row in long} == {group.name.split("_")[0] for group in JOINT_GROUPS}


def test_an_unknown_standard_deviation_is_an_empty_cell(tmp_path):
    write_angle_tables(tmp_path, ANGLES)
    with (tmp_path / LONG).open() as file:
        assert {row["sd_deg"] for row in csv.DictReader(file)} == {""}
