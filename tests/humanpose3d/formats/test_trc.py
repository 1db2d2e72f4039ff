from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

from humanpose3d.errors import InvalidMotion, OutputNotWritable
from humanpose3d.formats.trc import read_trc, write_trc
from humanpose3d.motion import Markers
from humanpose3d.skeleton import ALL_MARKERS
from tests.humanpose3d.motions import markers, uniform_times

GOOD = (
    "PathFileType\t4\t(X/Y/Z)\tclip.trc\n"
    "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames\n"
    "50\t50\t2\t2\tm\t50\t1\t2\n"
    "Frame#\tTime\tRHip\t\t\tL Knee\t\t\t\n"
    "\t\tX1\tY1\tZ1\tX2\tY2\tZ2\t\n"
    "1\t0.500000000\t1.000000\t-2.000000\t0.000000\t\t\t\t\n"
    "2\t0.520000000\t\t\t\t0.250000\t1234.500000\t-0.000001\t\n"
)
MOTION = Markers(
    np.array([0.5, 0.52]),
    ("RHip", "L Knee"),
    np.array([[[1, -2, 0], [np.nan] * 3], [[np.nan] * 3, [0.25, 1234.5, -1e-6]]]),
)


def gappy_run(frames: int = 40) -> Markers:
    """65 markers at 29.97 Hz with gaps at the start, at the end, in the last marker and over whole frames."""
    rng = np.random.default_rng(5)
    positions = rng.normal(size=(frames, len(ALL_MARKERS), 3))
    positions[rng.random(positions.shape[:2]) < 0.2] = np.nan
    positions[:3, 0] = positions[5:9, -1] = positions[20] = positions[-1] = np.nan
    return Markers(0.1001 + np.arange(frames) * 1001 / 30000, ALL_MARKERS, positions)


@pytest.fixture
def read(tmp_path):
    def of(content: str) -> Markers:
        path = tmp_path / "clip.trc"
        path.write_text(content, encoding="utf-8", newline="")
        return read_trc(path)

    return of


def assert_same(found: Markers, expected: Markers, atol: float = 0.5001e-6):
    assert found.names == expected.names
    np.testing.assert_allclose(found.times, expected.times, rtol=0, atol=0.51e-9)
    np.testing.assert_allclose(found.positions, expected.positions, rtol=0, atol=atol)


def test_the_file_is_written_exactly(tmp_path):
    write_trc(tmp_path / "clip.trc", MOTION)
    assert (tmp_path / "clip.trc").read_bytes().decode() == GOOD


@given(markers(times=uniform_times()))
def test_what_is_written_is_read_back(tmp_path_factory, motion):
    path = tmp_path_factory.mktemp("trc") / "a.trc"
    write_trc(path, motion)
    again = read_trc(path)
    assert_same(again, motion)
    before = path.read_bytes()
    write_trc(path, again)
    assert path.read_bytes() == before


def test_ntsc_rate_and_irregular_frames(tmp_path):
    exact = np.arange(60) * 1001 / 30000
    kept = np.delete(np.arange(60), [20, 41])
    motion = Markers(np.round(exact[kept], 3), ("A",), np.repeat(exact[kept], 3).reshape(-1, 1, 3))
    write_trc(tmp_path / "a.trc", motion)
    assert (tmp_path / "a.trc").read_text().splitlines()[2] == "29.97003\t29.97003\t60\t1\tm\t29.97003\t1\t60"
    found = read_trc(tmp_path / "a.trc")
    np.testing.assert_allclose(found.times, exact, rtol=0, atol=1e-9)
    np.testing.assert_allclose(found.position("A")[:, 0], exact, rtol=0, atol=1e-3)


def test_another_rate_can_be_requested(tmp_path):
    times = np.arange(61) / 60
    write_trc(tmp_path / "a.trc", Markers(times, ("A",), np.repeat(times, 3).reshape(-1, 1, 3)), rate_hz=100)
    found = read_trc(tmp_path / "a.trc")
    np.testing.assert_allclose(found.times, np.arange(101) / 100, rtol=0, atol=1e-9)
    np.testing.assert_allclose(found.position("A")[:, 1], found.times, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(GOOD.replace("\n", "\r\n"), id="CRLF"),
        pytest.param("\ufeff" + GOOD, id="byte order mark"),
        pytest.param(GOOD.replace("Z2\t\n", "Z2\t\n\n  \n"), id="blank lines after the header"),
        pytest.param(GOOD + "\n\n", id="blank lines at the end"),
        pytest.param(GOOD.replace("-0.000001\t", "-0.000001"), id="no tab at the end"),
        pytest.param(GOOD.replace("\n", "\t\t\n"), id="more tabs at the end"),
        pytest.param(GOOD.replace("0.250000", "  0.25").replace("2\t2\tm", "99\t2\tm"), id="wrong count of frames"),
        pytest.param(GOOD.replace("-0.000001\t", "-0.000001\t7.5\t"), id="cells beyond the last marker"),
        pytest.param(GOOD.replace("0.000000\t\t\t\t", "0.000000\tNaN\tnan\tNaN\t"), id="NaN for a gap"),
        pytest.param(GOOD.replace("0.000000\t\t\t\t", "0.000000\t5\t\t5\t"), id="a coordinate missing"),
        pytest.param(GOOD.replace("PathFileType\t4\t(X/Y/Z)\t", "PathFileType  4\t(X/Y/Z) D:\\my dir\\"), id="spaces"),
    ],
)
def test_files_of_other_programs_are_read(read, content):
    assert_same(read(content), MOTION)


@pytest.mark.parametrize(("unit", "metres"), [("mm", 1e-3), ("cm", 1e-2), ("MM", 1e-3), ("meters", 1)])
def test_other_units_become_metres(read, unit, metres):
    found = read(GOOD.replace("\tm\t", f"\t{unit}\t"))
    np.testing.assert_allclose(found.positions, MOTION.positions * metres, rtol=0, atol=1e-15)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "clip.trc is not a TRC file"),
        ("time,x\n0,1\n" * 5, "clip.trc is not a TRC file"),
        (GOOD.replace("\tm\t", "\tinch\t"), "line 3: the unit is 'inch'; it must be one of: m,"),
        (GOOD.replace("RHip\t\t\tL Knee", ""), "line 4: no marker is named"),
        (GOOD.replace("L Knee", "RHip"), "clip.trc: Marker names must be unique; these appear twice: RHip"),
        (GOOD[:-20], "line 7: 7 cells where 8 are expected"),
        (GOOD.replace("1234.500000", "12e4x"), "line 7: could not convert string to float: '12e4x'"),
        (GOOD.replace("1234.500000", "inf"), "line 7: an infinite number"),
        (GOOD.replace("0.520000000", "0.400000000"), "frame 1 is at 0.4"),
        (GOOD.replace("0.520000000", ""), "Times must be finite"),
    ],
)
def test_what_cannot_be_parsed_is_named(read, content, message):
    with pytest.raises(InvalidMotion) as caught:
        read(content)
    assert message in str(caught.value)


def test_a_file_without_frames_is_read(read):
    assert read("\n".join(GOOD.split("\n")[:5])).positions.shape == (0, 2, 3)


@pytest.mark.parametrize("name", ["", " A", "A\tB", "A\nB"])
def test_names_that_would_break_the_table_are_refused(tmp_path, name):
    with pytest.raises(InvalidMotion, match="cannot stand in a TRC"):
        write_trc(tmp_path / "a.trc", Markers(np.arange(2.0), (name,), np.zeros((2, 1, 3))))
    assert list(tmp_path.iterdir()) == []


def test_a_motion_without_markers_is_refused(tmp_path):
    with pytest.raises(InvalidMotion, match="at least one marker"):
        write_trc(tmp_path / "a.trc", Markers(np.arange(2.0), (), np.zeros((2, 0, 3))))


def test_any_file_name_fits_the_header(tmp_path):
    path = tmp_path / "a\tb\nc\udcff.trc"
    write_trc(path, MOTION)
    assert_same(read_trc(path), MOTION)
    assert path.read_text(encoding="utf-8").startswith("PathFileType\t4\t(X/Y/Z)\ta_b_c_.trc\n")


def test_a_missing_folder_is_reported(tmp_path):
    with pytest.raises(OutputNotWritable):
        write_trc(tmp_path / "missing" / "a.trc", MOTION)


def test_measured_files_are_read_and_rewritten(measured_data, tmp_path):
    paths = sorted((measured_data / "mocap" / "lab").glob("*.trc"))
    paths += sorted((measured_data / "reference" / "balancing").glob("*.trc"))
    assert len(paths) == 26
    for path in paths:
        motion = read_trc(path)
        header = path.read_text(encoding="utf-8").splitlines()[2].split()
        assert motion.positions.shape[:2] == (int(header[2]), int(header[3])), path.name
        height = np.nanmax(motion.positions[..., 1]) - np.nanmin(motion.positions[..., 1])
        assert 1.2 < height < 2.6, path.name  # metres, Y up: a standing or sitting person, jumps included
        write_trc(tmp_path / "again.trc", motion)
        # One of them rounds its times to 0.1 µs, which is corrected.
        again = read_trc(tmp_path / "again.trc")
        np.testing.assert_allclose(again.times, motion.times, rtol=0, atol=1e-7)
        np.testing.assert_allclose(again.positions, motion.positions, rtol=0, atol=0.5001e-6)


@pytest.mark.reference
@pytest.mark.filterwarnings("ignore")
def test_pose2sim_reads_it(tmp_path):
    common = pytest.importorskip("Pose2Sim.common", reason="Pose2Sim is not installed (extra 'reference')")
    motion = gappy_run()
    write_trc(tmp_path / "a.trc", motion)
    table, frames, times, names, header = common.read_trc(str(tmp_path / "a.trc"))
    assert tuple(names) == ALL_MARKERS
    assert list(frames) == list(range(1, 41))
    assert header[2].startswith("29.97003\t29.97003\t40\t65\tm\t")
    np.testing.assert_allclose(times, motion.times, rtol=0, atol=1e-9)
    np.testing.assert_allclose(table.to_numpy().reshape(40, 65, 3), motion.positions, rtol=0, atol=0.5001e-6)


@pytest.mark.reference
@pytest.mark.filterwarnings("ignore")
def test_opensim_reads_it(tmp_path):
    opensim = pytest.importorskip("opensim", reason="OpenSim is not installed (extra 'reference')")
    motion = gappy_run()
    write_trc(tmp_path / "a.trc", motion)
    for positions in (_through_table(opensim, tmp_path / "a.trc"), _through_marker_data(opensim, tmp_path / "a.trc")):
        np.testing.assert_allclose(positions, motion.positions, rtol=0, atol=0.5001e-6)


def _through_table(opensim, path: Path) -> np.ndarray:
    table = opensim.TimeSeriesTableVec3(str(path))
    assert tuple(table.getColumnLabels()) == ALL_MARKERS
    assert table.getTableMetaDataString("DataRate") == "29.97003"
    rows = [table.getRowAtIndex(index) for index in range(table.getNumRows())]
    return np.array([[[row.getElt(0, m).get(k) for k in range(3)] for m in range(len(ALL_MARKERS))] for row in rows])


def _through_marker_data(opensim, path: Path) -> np.ndarray:
    data = opensim.MarkerData(str(path))
    assert tuple(data.getMarkerNames().get(m) for m in range(len(ALL_MARKERS))) == ALL_MARKERS
    frames = [data.getFrame(index) for index in range(data.getNumFrames())]
    return np.array([[[f.getMarker(m).get(k) for k in range(3)] for m in range(len(ALL_MARKERS))] for f in frames])
