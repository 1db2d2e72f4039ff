"""Seconds per frame of every stage after the detector, and peak memory, from short clips to an hour at 60 frames/s.

`python -m benchmarks.length` measures and prints; `measure_length` is for other benchmarks. Each length runs in a
separate process through `cli.pipeline`, with the depth network, 20 copies and all files but the preview; a stand-in for
the detector returns the landmarks of `benchmarks.long_motion`. Memory is the process's peak during a stage
(Linux).
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, cast
from unittest import mock

from humanpose3d.options import RunOptions, StageName, Subject

ROOT: Final = Path(__file__).resolve().parents[1]
SIZES: Final = (100, 1_000, 10_000, 100_000, 216_000)
OPTIONS: Final = RunOptions(
    estimate_missing=True,
    force_complete=True,
    temporal_smoothing=True,
    plot_all_joint_angles=True,
    plot_landmarks=True,
    plot_augmented=True,
    save_angle_comparison=True,
)
DETECTOR: Final = "detector"
RESULTS: Final = "results"


@dataclass(frozen=True)
class Length:
    """One length.

    frames             of the clip.
    start_s            seconds until the first stage begins: the imports of a new process.
    seconds            by stage, in order; `results` is all files.
    cpu_s              seconds of processor time by stage, all cores together: what a machine that is busy with other
                       things as well leaves comparable.
    peak_mb            by stage: peak memory of the process (resident set, of which some are pages of files that the
                       system may drop), without the processes that it starts.
    """

    frames: int
    start_s: float
    seconds: dict[str, float]
    cpu_s: dict[str, float]
    peak_mb: dict[str, float]

    @property
    def ms_per_frame(self) -> dict[str, float]:
        """Milliseconds per frame by stage, without the stand-in for the detector."""
        return {stage: 1e3 * s / self.frames for stage, s in self.seconds.items() if stage != DETECTOR}


def measure_length(sizes: Sequence[int] = SIZES) -> list[Length]:
    """Run each length in a fresh process."""
    return [_in_fresh_process(frames) for frames in sizes]


def _in_fresh_process(frames: int) -> Length:
    with tempfile.TemporaryDirectory() as output:
        module = ["-P", "-m", "humanpose3d.child", "benchmarks.length"]  # as the command line starts
        command = [sys.executable, *module, "--one", str(frames), "--output", output]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=ROOT)
        return Length(**json.loads(done.stdout))


def run_one(frames: int, output: Path) -> Length:
    """Run one length in this process; the results go into a folder in `output`."""
    started = time.perf_counter()
    from benchmarks.long_motion import detection
    from cli import pipeline
    from humanpose3d.run_job import RunJob
    from shared.stage import Progress, Stage, silent

    meter = _Meter()

    @contextmanager
    def bar(stage: StageName) -> Iterator[Progress]:
        with meter.measured(stage):
            yield silent

    real = pipeline.STAGES["detector"]
    stand_in = Stage("detector", real.inputs, real.outputs, lambda *_: detection(frames))
    video = ROOT / "examples" / "sample.mp4"
    with mock.patch.dict(cast("dict[str, object]", pipeline.STAGES), {DETECTOR: stand_in}):
        start_s = time.perf_counter() - started
        meter.begin()
        pipeline.run_pipeline(RunJob(video, Subject(height=1.75, weight=70), OPTIONS), output, bar)
        meter.finish(RESULTS)
    return Length(frames, start_s, meter.seconds, meter.cpu_s, meter.peak_mb)


class _Meter:
    """Seconds and peak memory of one thing after the other."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.cpu_s: dict[str, float] = {}
        self.peak_mb: dict[str, float] = {}
        self._begun = self._cpu_begun = 0.0

    def begin(self) -> None:
        """From here on everything counts for whatever is finished next."""
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # forgets the peak
        self._begun, self._cpu_begun = time.perf_counter(), _cpu_s()

    def finish(self, name: str) -> None:
        """What was measured since the last thing began is this one's."""
        self.seconds[name] = time.perf_counter() - self._begun
        self.cpu_s[name] = _cpu_s() - self._cpu_begun
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        self.peak_mb[name] = round(int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6, 1)
        self.begin()

    @contextmanager
    def measured(self, name: str) -> Iterator[None]:
        """Measure what happens in the block; what came before it, between two stages, counts for neither."""
        self.begin()
        yield
        self.finish(name)


def _cpu_s() -> float:
    """Of this process and of those that it started and that have ended."""
    return sum(os.times()[:4])


def main() -> None:
    """Measure and print, or measure one length for the process that asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", type=int, nargs="*", default=SIZES)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--output", type=Path, help=argparse.SUPPRESS)
    parsed = parser.parse_args()
    if parsed.one is not None:
        print(json.dumps(asdict(run_one(parsed.one, parsed.output))))
        return
    for length in measure_length(parsed.sizes):
        print(f"{length.frames} frames, start {length.start_s:.2f} s")
        for stage, ms in length.ms_per_frame.items():
            cpu = 1e3 * length.cpu_s[stage] / length.frames
            print(
                f"  {stage:<16}{length.seconds[stage]:>8.2f} s{ms:>8.3f} ms a frame{cpu:>8.3f} of CPU time"
                f"{length.peak_mb[stage]:>7,.0f} MB"
            )
        print(f"  {'all':<16}{'':>10}{sum(length.ms_per_frame.values()):>8.3f} ms a frame")


if __name__ == "__main__":
    main()
