"""Milliseconds of one core per frame, by what they are spent on: `python -m benchmarks.profile`.

A clip is detected in one process with the preview, once a turn, each in a process of its own. Functions are wrapped by
a clock of processor time (all threads together), which other load on the machine hardly changes; each counts its own
time, without that of wrapped functions that it calls. Medians over the turns. The stages after the detector are those
of `benchmarks.length`.

Written to `benchmarks/results/profile.json` under a name, `now` unless another is given, and as a table of all names
to `profile.md`: a change is measured before and after it, on the same machine.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final
from unittest import mock

ROOT: Final = Path(__file__).resolve().parents[1]
RESULT: Final = ROOT / "benchmarks" / "results" / "profile.json"
FRAMES: Final = 600
TURNS: Final = 5
REST: Final = "everything else in the detector"


def main(arguments: argparse.Namespace) -> None:
    """Measure all turns, write, and print the table."""
    from benchmarks.length import measure_length
    from tests.clips import there_and_back

    with tempfile.TemporaryDirectory() as folder:
        clip = there_and_back(FRAMES, Path(folder) / "clip.mp4")
        turns = [_in_fresh_process(clip) for _ in range(arguments.turns)]
    (later,) = measure_length([FRAMES])
    measured = {step: statistics.median(turn[step] for turn in turns) for step in turns[0]}
    measured |= {stage: 1e3 * later.cpu_s[stage] / FRAMES for stage in later.ms_per_frame}
    known = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else {}
    known[arguments.name] = {"turns": arguments.turns, "ms_per_frame": measured}
    RESULT.write_text(json.dumps(known, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    table = markdown(known)
    RESULT.with_suffix(".md").write_text(table, encoding="utf-8")
    print(table)


def _in_fresh_process(clip: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.profile", "--clip", str(clip)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=ROOT)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def measure(clip: Path) -> dict[str, float]:
    """Milliseconds per frame of each step of the detection in this process."""
    from humanpose3d.options import RunOptions
    from services.detector.chunk import DetectorChunk, detect
    from services.detector.video.chunks import WHOLE
    from shared.stage import silent

    clock = _Clock()
    part = DetectorChunk(number=0, chunk=WHOLE, turn_deg=0, origin_s=0.0, frames=FRAMES)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        for step, owner, name in _steps():
            stack.enter_context(mock.patch.object(owner, name, clock.counted(step, getattr(owner, name))))
        began = time.process_time()
        found = detect(clip, Path(folder), part, RunOptions(export_preview=True), silent, decoder_threads=1)
        total = time.process_time() - began
    frames = found.landmarks.times.size
    spent = {**clock.seconds, REST: total - sum(clock.seconds.values())}
    return {step: 1e3 * seconds / frames for step, seconds in spent.items()}


def _steps() -> list[tuple[str, Any, str]]:
    """(step, owner, name of the function), in the order of the table."""
    import onnxruntime

    from services.detector.camera.motion import MotionMeter
    from services.detector.camera.verticals import Looks
    from services.detector.display.views import Views
    from services.detector.pose import landmark_network
    from services.detector.pose.roi import Region
    from services.detector.pose.tracker import TrackState
    from services.detector.video import planes
    from services.detector.video.changes import ChangeMeter
    from services.detector.video.preview import PieceWriter
    from services.detector.video.reader import Video

    return [
        ("decode", Video, "_decode"),
        ("convert whole images", planes, "_reformatted"),
        ("crop", Region, "crop"),
        ("networks", onnxruntime.InferenceSession, "run"),
        ("landmarks from heat maps", landmark_network, "refined"),
        ("smoothing", TrackState, "follow"),
        ("repeated images and cuts", ChangeMeter, "see"),
        ("camera motion", MotionMeter, "see"),
        ("upright lines", Looks, "see"),
        ("preview: scale and draw", Views, "show"),
        ("preview: encode", PieceWriter, "write"),
    ]


class _Clock:
    """Processor time by step, each without the steps within it."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._within = [0.0]

    def counted(self, step: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, with its time counted for this step."""
        self.seconds[step] = 0.0

        def wrapper(*arguments: object, **named: object) -> object:
            began = time.process_time()
            self._within.append(0.0)
            try:
                return function(*arguments, **named)
            finally:
                taken = time.process_time() - began
                self.seconds[step] += taken - self._within.pop()
                self._within[-1] += taken

        return wrapper


def markdown(measured: dict[str, Any]) -> str:
    """The table: a row for each step, a column for each name."""
    names = list(measured)
    steps = dict.fromkeys(step for name in names for step in measured[name]["ms_per_frame"])
    rows = [
        f"| {step} | " + " | ".join(_figure(measured[name]["ms_per_frame"].get(step)) for name in names) + " |"
        for step in steps
    ]
    totals = [_figure(sum(measured[name]["ms_per_frame"].values())) for name in names]
    turns = ", ".join(f"{name} {measured[name]['turns']}" for name in names)
    return "\n".join(
        [
            "# Profile",
            "",
            f"Milliseconds of one core per frame, {FRAMES} frames of 1080 × 1920 pixels, with the preview; medians of "
            f"turns ({turns}). Made by `python -m benchmarks.profile`; `before` converted whole images to RGB.",
            "",
            f"| Step | {' | '.join(names)} |",
            "| --- |" + " --- |" * len(names),
            *rows,
            f"| all | {' | '.join(totals)} |",
            "",
        ]
    )


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", default="now", help="column of the table")
    parser.add_argument("--turns", type=int, default=TURNS)
    parser.add_argument("--clip", type=Path, help=argparse.SUPPRESS)
    parsed = parser.parse_args()
    if parsed.clip is not None:
        print(json.dumps(measure(parsed.clip)))
    else:
        main(parsed)
