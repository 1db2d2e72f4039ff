import numpy as np
import pytest
from hypothesis import given

from humanpose3d.errors import InvalidMotion
from humanpose3d.formats.mot import read_mot, write_mot
from humanpose3d.motion import JointAngles
from humanpose3d.skeleton import JOINT_GROUPS
from tests.humanpose3d.motions import joint_angles

GOOD = (
    "Coordinates\nversion=1\nnRows=2\nnColumns=4\ninDegrees=no\n\n"
    "If the header above contains a line with 'inDegrees', this indicates (yes) or (no).\n\nendheader\n"
    "time\tknee_angle_r\tpelvis_tx\thip_flexion_l\n0\t1\t2\t3\n0.01\t-1\t2\tNaN\n"
)


@pytest.fixture
def read(tmp_path):
    def of(content: str):
        (tmp_path / "a.mot").write_text(content, newline="")
        return read_mot(tmp_path / "a.mot")

    return of


@given(joint_angles())
def test_joint_angles_are_read_back(tmp_path_factory, angles):
    path = tmp_path_factory.mktemp("mot") / "a.mot"
    write_mot(path, angles)
    table = read_mot(path)
    assert table.in_degrees
    assert table.names[:3] == ("pelvis_tilt", "pelvis_obliquity", "pelvis_rotation")
    assert len(table.names) == 36
    np.testing.assert_allclose(table.times, angles.times, rtol=0, atol=0.51e-9 + 1e-12)
    np.testing.assert_allclose(table.values, angles.values.reshape(-1, 36), rtol=0, atol=0.5001e-6)


@pytest.mark.parametrize(
    "content",
    [
        GOOD,
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("\t", "      \t  "),
        GOOD.replace("endheader", "EndHeader \n"),
        GOOD.replace("version=1", "DataType=double\nversion=3\nOpenSimVersion=4.4"),
        GOOD.replace("inDegrees=no", "inDegrees = no"),
        GOOD.replace("inDegrees=no\n", ""),
        GOOD + "\n",
    ],
)
def test_header_variants(read, content):
    table = read(content)
    assert table.names == ("knee_angle_r", "pelvis_tx", "hip_flexion_l")
    assert not table.in_degrees
    np.testing.assert_array_equal(table.times, [0, 0.01])
    np.testing.assert_array_equal(table.values, [[1, 2, 3], [-1, 2, np.nan]])


def test_radians_become_degrees_but_translations_stay(read):
    degrees = read(GOOD).to_degrees()
    assert degrees.in_degrees
    np.testing.assert_allclose(degrees.column("knee_angle_r"), [180 / np.pi, -180 / np.pi])
    np.testing.assert_array_equal(degrees.column("pelvis_tx"), [2, 2])
    assert degrees.to_degrees() is degrees
    assert read(GOOD.replace("inDegrees=no", "inDegrees=yes")).in_degrees


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no line 'endheader'"),
        ("a\nendheader\n", "the first column after 'endheader' must be 'time'"),
        (GOOD.replace("time\t", "frame\t"), "the first column after 'endheader' must be 'time'"),
        (GOOD.replace("\t2\tNaN", "\t2"), "line 12: 3 numbers where 4 are expected"),
        (GOOD.replace("NaN", "1,2,3"), "line 12: could not convert string to float: '1,2,3'"),
    ],
)
def test_what_cannot_be_parsed_is_named(read, content, message):
    with pytest.raises(InvalidMotion) as caught:
        read(content)
    assert message in str(caught.value)


def test_a_missing_column_is_named(read):
    with pytest.raises(InvalidMotion, match="no column 'ankle' among: knee_angle_r"):
        read(GOOD).column("ankle")


def test_measured_motions_are_read(measured_data):
    paths = sorted((measured_data / "mocap" / "lab").glob("*_ik.mot"))
    assert len(paths) == 24
    for path in paths:
        table = read_mot(path)
        assert not table.in_degrees
        assert table.times.size == table.values.shape[0] > 100
        assert 40 < np.ptp(table.to_degrees().column("knee_angle_r")) < 150 or "static" in path.name
    reference = read_mot(measured_data / "reference" / "balancing" / "opensim_ik_lstm.mot")
    assert reference.in_degrees
    assert reference.values.shape == (100, 68)
    assert reference.column("knee_angle_r")[0] == 23.92167736


@pytest.mark.reference
@pytest.mark.filterwarnings("ignore")
def test_opensim_reads_it(tmp_path):
    opensim = pytest.importorskip("opensim", reason="OpenSim is not installed (extra 'reference')")
    values = np.random.default_rng(2).normal(size=(20, len(JOINT_GROUPS), 3))
    values[3, 1] = values[7] = np.nan
    write_mot(tmp_path / "a.mot", JointAngles(np.arange(20) / 30, values))
    table = opensim.TimeSeriesTable(str(tmp_path / "a.mot"))
    assert table.getTableMetaDataString("inDegrees") == "yes"
    assert table.getColumnLabels()[3] == "hip_r_flexion"
    found = np.array([[row[c] for c in range(36)] for row in map(table.getRowAtIndex, range(table.getNumRows()))])
    np.testing.assert_allclose(found, values.reshape(20, 36), rtol=0, atol=0.5001e-6)
