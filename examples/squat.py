"""The depth of a squat: peak flexion of knees and hips, their symmetry, and trunk inclination.

python examples/squat.py squat.mp4 1.78 75
"""

import sys
from pathlib import Path

import numpy as np

from humanpose3d import run

SAMPLE = Path(__file__).with_name("sample.mp4")


def main(video: str = str(SAMPLE), height: str = "1.72", weight: str = "70") -> None:
    """Analyse the video of a person of this height (m) and weight (kg) and print the figures of the deepest instant."""
    r = run(video, height=float(height), weight=float(weight))
    for warning in r.warnings:
        print(f"note: {warning.message}")

    knees = r.angles[[("knee_r", "flexion"), ("knee_l", "flexion")]].mean(axis="columns")
    if knees.isna().all():
        raise SystemExit("Neither knee was measured in any frame.")
    deepest = knees.idxmax()
    print(f"deepest at {deepest:.2f} s:")
    for joint in ("knee", "hip"):
        right, left = (r.angles.loc[deepest, (f"{joint}_{side}", "flexion")] for side in "rl")
        print(f"  {joint} flexion   right {right:5.0f}°   left {left:5.0f}°   right − left {right - left:+5.0f}°")
    print(f"  trunk flexion  {r.angles.loc[deepest, ('trunk', 'flexion')]:5.0f}°")
    if r.angles_sd is not None:
        sd = r.angles_sd.loc[deepest, ("knee_r", "flexion")]
        print(f"  standard deviation of the right knee's flexion: {sd:.0f}°")

    pelvis = r.marker_positions.position("Hip")[:, 1]
    print(f"the pelvis moved {100 * (np.nanmax(pelvis) - np.nanmin(pelvis)):.0f} cm up and down")


if __name__ == "__main__":
    main(*sys.argv[1:])
