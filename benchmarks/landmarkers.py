"""Frames per second of MediaPipe's VIDEO mode and of this project's tracker (`services.detector.pose.tracker`).

The same frames of the sample video, decoded beforehand, go through one process that may use one core, then two. The
variants alternate, so that other load on the machine affects all of them; medians are printed and written to
`benchmarks/results/landmarkers.json`. Loading and the first frames do not count.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from humanpose3d.options import PoseModel
from services.detector.pose.landmarker import PoseLandmarker
from services.detector.pose.tracker import BatchTracker, TrackState
from services.detector.video.reader import Frame, Video
from shared.models import shipped

ROOT: Final = Path(__file__).resolve().parents[1]
SAMPLE: Final = ROOT / "examples" / "sample.mp4"
RESULT: Final = ROOT / "benchmarks" / "results" / "landmarkers.json"
MODELS: Final[tuple[PoseModel, ...]] = ("lite", "full", "heavy")
LANES: Final = (1, 2, 4, 8)
CORES: Final = (1, 2)
STEPS: Final = 8
"""Consecutive frames measured in one turn, per track."""

TURNS: Final = 7
WARM_UP: Final = 3

MEDIAPIPE: Final = "mediapipe"


@dataclass(frozen=True)
class Way:
    """The call for one frame, and the number of tracks."""

    detect: Callable[[Frame], object]
    lanes: int

    def seconds(self, frames: Sequence[Frame]) -> float:
        """Time for these frames."""
        started = time.perf_counter()
        for frame in frames:
            self.detect(frame)
        return time.perf_counter() - started


def main() -> None:
    """Measure each number of cores in a process of its own, print and write."""
    usable = sorted(os.sched_getaffinity(0))
    results = {}
    for count in CORES:
        cores = usable[:count]
        command = [sys.executable, "-m", "benchmarks.landmarkers", ",".join(map(str, cores))]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=ROOT)
        results[str(len(cores))] = json.loads(done.stdout)
        _print(f"cores: {len(cores)}", results[str(len(cores))])
    result = {"video": SAMPLE.name, "turns": TURNS, "milliseconds_a_frame_by_cores": results}
    RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def _print(title: str, models: dict[str, dict[str, float]]) -> None:
    print(title)
    for model, ways in models.items():
        for way, taken_ms in ways.items():
            rate, ratio = 1000 / taken_ms, ways[MEDIAPIPE] / taken_ms
            print(f"  {model:<6}{way:<10}{taken_ms:>7.1f} ms a frame {rate:>7.1f} fps {ratio:>6.2f} ×")


def measure(cores: set[int]) -> dict[str, dict[str, float]]:
    """Milliseconds per frame, median over the turns, by model and variant."""
    os.sched_setaffinity(0, cores)
    with Video(SAMPLE) as video:
        frames = list(islice(video.frames(), WARM_UP + STEPS * TURNS))
    results: dict[str, dict[str, float]] = {}
    for model in MODELS:
        with PoseLandmarker(shipped(f"pose_landmarker_{model}.task")) as mediapipe:
            ways = {MEDIAPIPE: Way(mediapipe.detect, 1)}
            landmarker = BatchTracker(model, threads=len(cores))
            ways.update({f"{count} lanes": _in_lanes(landmarker, count) for count in LANES})
            results[model] = _take_turns(ways, frames)
    return results


def _in_lanes(landmarker: BatchTracker, count: int) -> Way:
    lanes = [TrackState() for _ in range(count)]
    return Way(lambda frame: landmarker.advance(lanes, [frame] * count), count)


def _take_turns(ways: dict[str, Way], frames: list[Frame]) -> dict[str, float]:
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way.seconds(frames[:WARM_UP])
    for turn in range(TURNS):
        part = frames[WARM_UP + turn * STEPS :][:STEPS]
        for name, way in ways.items():
            taken[name].append(1000 * way.seconds(part) / (len(part) * way.lanes))
    return {name: round(statistics.median(values), 2) for name, values in taken.items()}


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure({int(core) for core in sys.argv[1].split(",")})))
    else:
        main()
