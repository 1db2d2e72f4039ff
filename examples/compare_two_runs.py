"""Differences between two runs of one video, here with the geometric and with the neural refiner.

python examples/compare_two_runs.py walk.mp4 1.78 75
"""

import sys
from pathlib import Path

from humanpose3d import run

SAMPLE = Path(__file__).with_name("sample.mp4")


def main(video: str = str(SAMPLE), height: str = "1.72", weight: str = "70") -> None:
    """Analyse the video of a person of this height (m) and weight (kg) twice and print the differences by angle."""
    one = run(video, height=float(height), weight=float(weight), output="out/geometric", main_refiner=False)
    other = run(video, height=float(height), weight=float(weight), output="out/neural")

    # Both have the times of the video's frames; runs of two videos would first have to be resampled to common times.
    difference = other.angles - one.angles
    rms = (difference**2).mean() ** 0.5
    table = rms.to_frame("rms_deg").assign(mean_deg=difference.mean()).round(1)
    print(table.sort_values("rms_deg", ascending=False).to_string())

    table.to_csv("out/differences.csv")
    print("also in out/differences.csv")


if __name__ == "__main__":
    main(*sys.argv[1:])
