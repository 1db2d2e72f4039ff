"""The ranges of motion of a walk, right against left, with a figure.

python examples/walk.py walk.mp4 1.78 75
"""

import sys
from pathlib import Path

import numpy as np

from humanpose3d import run

SAMPLE = Path(__file__).with_name("sample.mp4")
ANGLES = (("hip", "flexion"), ("knee", "flexion"), ("ankle", "dorsiflexion"))


def main(video: str = str(SAMPLE), height: str = "1.72", weight: str = "70") -> None:
    """Analyse the video of a person of this height (m) and weight (kg), print the ranges, save the curves."""
    r = run(video, height=float(height), weight=float(weight), temporal_smoothing=True)
    for warning in r.warnings:
        print(f"note: {warning.message}")

    ranges = r.angles.max() - r.angles.min()
    for joint, angle in ANGLES:
        right, left = ranges[f"{joint}_r", angle], ranges[f"{joint}_l", angle]
        print(f"{joint} {angle}: right {right:.0f}°, left {left:.0f}°, difference {right - left:+.0f}°")

    pelvis = r.marker_positions.position("Hip")
    seconds = np.ptp(r.marker_positions.times)
    print(f"the pelvis moved {np.linalg.norm(pelvis[-1, [0, 2]] - pelvis[0, [0, 2]]):.2f} m in {seconds:.2f} s")

    figure = r.plot_angles([f"{joint}_{side}" for joint, _ in ANGLES for side in "rl"])
    figure.savefig(r.folder.parent / f"{r.name}_legs.png")
    print(f"curves in {r.folder.parent / f'{r.name}_legs.png'}")


if __name__ == "__main__":
    main(*sys.argv[1:])
