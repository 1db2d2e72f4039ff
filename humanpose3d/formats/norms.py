"""Norms of gait: bands of joint angles over the cycle, as a CSV file that a laboratory brings.

The first lines, starting with `#`, name population and method. Then a table: joint, angle, percent, mean, sd.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from humanpose3d.analysis import CYCLE_POINTS, Analysis, MeanCurve
from humanpose3d.errors import InvalidMotion, InvalidOption
from humanpose3d.formats.files import write_atomic
from humanpose3d.motion import FloatArray
from humanpose3d.skeleton import JOINT_GROUPS

NORM_COLUMNS: Final = ("joint", "angle", "percent", "mean", "sd")
PERCENT: Final = np.arange(CYCLE_POINTS)

_ANGLES: Final = {group.name.removesuffix("_r"): group.angles for group in JOINT_GROUPS if group.name[-2:] != "_l"}
_MIRRORED: Final = frozenset(
    {("pelvis", "obliquity"), ("pelvis", "rotation"), ("trunk", "lateral_bending"), ("trunk", "rotation")}
)
"""Angles of the midline whose sign is that of a side: a left cycle is the mirror image of a right one."""


@dataclass(frozen=True, eq=False)
class Norms:
    """Bands of joint angles over the gait cycle.

    source  population and method, as its author states them.
    bands   (joint, angle) → mean and sd, both (101,) degrees at 0, 1 … 100 % of a right cycle. Joints of both sides are
            named without their side: `knee`.
    """

    source: str
    bands: Mapping[tuple[str, str], tuple[FloatArray, FloatArray]]

    def of(self, curve: MeanCurve) -> tuple[FloatArray, FloatArray] | None:
        """Mean and sd, both (101,), for the angle and side of a curve; None where there is no band."""
        band = self.bands.get(curve.sideless)
        return None if band is None else (_sign(curve) * band[0], band[1])


def read_norms(path: str | Path) -> Norms:
    """Read a file of norms; at other than 101 points, bands are interpolated.

    Raises InvalidOption, naming the line and what is expected.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        raise _fault(f"there is no readable file {Path(path).name}") from None
    about = [line.lstrip("# ").strip() for line in lines if line.startswith("#")]
    table = list(csv.reader(line for line in lines if line.strip() and not line.startswith("#")))
    head, rows = table[0] if table else [], table[1:]
    if tuple(head) != NORM_COLUMNS:
        raise _fault(f"{Path(path).name}: the columns should be {','.join(NORM_COLUMNS)}, not {','.join(head)}")
    points: dict[tuple[str, str], list[tuple[float, ...]]] = {}
    for row in rows:
        joint, angle, numbers = _row(row, Path(path).name)
        points.setdefault((joint, angle), []).append(numbers)
    return Norms(" ".join(about) or Path(path).name, {key: _band(key, values) for key, values in points.items()})


def _row(row: list[str], name: str) -> tuple[str, str, tuple[float, ...]]:
    try:
        joint, angle, *numbers = row
        percent, mean, sd = (float(number) for number in numbers)
    except ValueError:
        raise _fault(f"{name}: {','.join(row)!r} is not {','.join(NORM_COLUMNS)}") from None
    if angle not in _ANGLES.get(joint, ()):
        known = "; ".join(f"{joint}: {', '.join(angles)}" for joint, angles in _ANGLES.items())
        raise _fault(f"{name}: there is no angle {joint} {angle} (there are {known})")
    if not (np.isfinite([mean, sd]).all() and 0 <= percent <= 100 and sd > 0):
        raise _fault(f"{name}: {','.join(row)!r}: percent should be from 0 to 100, sd above 0")
    return joint, angle, (percent, mean, sd)


def _band(key: tuple[str, str], points: list[tuple[float, ...]]) -> tuple[FloatArray, FloatArray]:
    percent, mean, sd = np.array(points).T
    if len(points) < 2 or (np.diff(percent) <= 0).any() or percent[0] > 0 or percent[-1] < 100:
        raise _fault(f"{' '.join(key)}: percent should increase from 0 to 100")
    return np.interp(PERCENT, percent, mean), np.interp(PERCENT, percent, sd)


def _fault(what: str) -> InvalidOption:
    return InvalidOption({"norms_path": what})


def norms_of(analyses: Sequence[Analysis], source: str) -> Norms:
    """Norms of runs of different people: the mean of each run's sides, and the standard deviation between runs.

    Raises InvalidMotion where an angle has fewer than two runs.
    """
    found: dict[tuple[str, str], list[FloatArray]] = {}
    for analysis in analyses:
        for key, curves in _by_angle(analysis).items():
            found.setdefault(key, []).append(np.mean(curves, axis=0))
    bands = {key: (np.mean(own, axis=0), np.std(own, axis=0, ddof=1)) for key, own in found.items() if len(own) > 1}
    if not bands:
        raise InvalidMotion("Norms need the mean gait cycles (cycles.csv) of two runs or more, of different people.")
    return Norms(source, bands)


def _by_angle(analysis: Analysis) -> dict[tuple[str, str], list[FloatArray]]:
    found: dict[tuple[str, str], list[FloatArray]] = {}
    for curve in analysis.curves:
        found.setdefault(curve.sideless, []).append(_sign(curve) * np.array(curve.mean))
    return found


def _sign(curve: MeanCurve) -> float:
    """With which a curve counts in the norms, which are of right cycles."""
    return -1.0 if curve.side == "left" and curve.sideless in _MIRRORED else 1.0


def write_norms(path: Path, norms: Norms) -> None:
    """Write a file of norms. Raises OutputNotWritable."""
    text = io.StringIO(newline="")
    text.write(f"# {norms.source}\n")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(NORM_COLUMNS)
    for (joint, angle), (mean, sd) in norms.bands.items():
        for percent in PERCENT:
            table.writerow((joint, angle, percent, f"{mean[percent]:.3f}", f"{max(sd[percent], 0.001):.3f}"))
    with write_atomic(path) as file:
        file.write(text.getvalue().encode())
