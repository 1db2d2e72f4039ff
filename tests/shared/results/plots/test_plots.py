"""The figures' appearance is judged by eye; these tests check that they are drawn whatever the data."""

from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.image import imread

from humanpose3d.analysis import Analysis, MeanCurve, Side
from humanpose3d.errors import OutputNotWritable
from humanpose3d.motion import AngleSd, JointAngles, Landmarks, Markers
from humanpose3d.skeleton import ALL_MARKERS, JOINT_GROUPS
from shared.results.labels import ROWS
from shared.results.plots import save_angle_comparison, save_cycles, save_joint_angles, save_landmarks, save_markers
from shared.results.plots.page import printable


def angles(frames: int, fill: float | None = None) -> JointAngles:
    times = np.arange(frames) / 30
    values = 40 * np.sin(6 * times[:, None, None] + np.arange(36).reshape(12, 3))
    return JointAngles(times, values if fill is None else np.full_like(values, fill))


def spread(frames: int) -> AngleSd:
    return AngleSd(np.arange(frames) / 30, np.full((frames, 12, 3), 15.0))


def landmarks(frames: int, undetected: bool = False) -> Landmarks:
    rng = np.random.default_rng(0)
    image, world, visibility = rng.random((frames, 33, 2)), rng.random((frames, 33, 3)), rng.random((frames, 33))
    if undetected:
        image[:], world[:], visibility[:] = np.nan, np.nan, 0
    return Landmarks(np.arange(frames) / 30, image, world, visibility, (640, 480))


def markers(frames: int, fill: float | None = None) -> Markers:
    positions = np.random.default_rng(1).random((frames, 65, 3))
    return Markers(np.arange(frames) / 30, ALL_MARKERS, positions if fill is None else np.full_like(positions, fill))


_SIDES: tuple[tuple[str, Side], ...] = (("knee_r", "right"), ("knee_l", "left"))


def cycles(strides: int, fill: float | None = None) -> Analysis:
    mean = tuple(20 * np.sin(np.linspace(0, 6, 101)))
    sd = None if strides == 1 else (2.0,) * 101
    norm = None if fill is None else mean
    curves = tuple(
        MeanCurve(
            joint=joint, angle="flexion", side=side, mean=mean, sd=sd, n=strides, norm_mean=norm, norm_sd=norm and sd
        )
        for joint, side in _SIDES
    )
    norms = None if fill is None else "10 adults"
    return Analysis(task="gait", recognised=True, view="lateral", timing_s=0.01, curves=curves, norms=norms)


FIGURES: dict[str, Callable[[Path, int, float | None], None]] = {
    "angles": lambda path, n, fill: save_joint_angles(path, angles(n, fill), "walk"),
    "spread": lambda path, n, fill: save_joint_angles(path, angles(n, fill), "walk", "refined", spread(n)),
    "sides": lambda path, n, fill: save_angle_comparison(path, angles(n, fill), None, "walk"),
    "refined": lambda path, n, fill: save_angle_comparison(path, angles(n, fill), angles(n), "walk"),
    "cycles": lambda path, n, fill: save_cycles(path, cycles(n, fill), "walk"),
    "landmarks": lambda path, n, fill: save_landmarks(path, landmarks(n, undetected=fill is not None), "walk"),
    "markers": lambda path, n, fill: save_markers(path, markers(n, fill), "walk", show_all=True),
}


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize(
    ("frames", "fill"), [(1, None), (5000, None), (3, np.nan)], ids=["one frame", "long", "missing"]
)
def test_every_figure_is_drawn_whatever_the_data(tmp_path: Path, figure: str, frames: int, fill: float | None):
    FIGURES[figure](tmp_path / "a.png", frames, fill)
    pixels = imread(tmp_path / "a.png")
    assert sorted(pixels.shape[:2]) == [1654, 2338]
    assert (pixels[..., :3].min(axis=2) < 0.5).sum() > 5000  # the headings and axes at least
    drawing = ElementTree.parse(tmp_path / "a.svg").getroot()
    assert drawing.tag == "{http://www.w3.org/2000/svg}svg"
    assert sorted(float(drawing.attrib[side].removesuffix("pt")) for side in ("width", "height")) == [
        pytest.approx(595.44),
        pytest.approx(841.68),
    ]
    assert (tmp_path / "a.svg").stat().st_size < 3_000_000


def test_the_standard_deviation_is_a_band_around_the_curves(tmp_path: Path):
    """More of the figure is coloured than by the curves alone."""
    coloured = []
    for name, sure in (("plain", None), ("band", spread(200))):
        save_joint_angles(tmp_path / name, angles(200), "walk", spread=sure)
        pixels = imread(tmp_path / name, format="png")[..., :3]
        coloured.append(int((pixels.max(axis=2) - pixels.min(axis=2) > 0.05).sum()))
    assert coloured[1] > 1.3 * coloured[0]


def test_the_same_values_give_the_same_figure(tmp_path: Path):
    for name in "ab":
        save_joint_angles(tmp_path / f"{name}.png", angles(20), "walk")
    for kind in ("png", "svg"):
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()


@pytest.mark.parametrize("title", ["走る", "$x$ _{", "a\\b", "long " * 40, ""])
def test_any_title_can_be_set(tmp_path: Path, title: str):
    save_markers(tmp_path / "a.png", markers(3), title, show_all=False)
    assert (tmp_path / "a.png").stat().st_size > 10_000


def test_characters_missing_in_the_font_become_question_marks():
    assert printable("gång 走 ω") == "gång ? ω"


def test_every_joint_group_has_a_row():
    assert {group.name.removesuffix("_r").removesuffix("_l") for group in JOINT_GROUPS} == ROWS.keys()


def test_a_missing_folder_is_reported(tmp_path: Path):
    with pytest.raises(OutputNotWritable):
        save_joint_angles(tmp_path / "missing" / "a.png", angles(2), "walk")
