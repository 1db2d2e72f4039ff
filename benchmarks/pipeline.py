"""Frames per second of every stage, and peak memory, on the sample video: `make bench`.

Each repetition is a process of its own, so that loading models counts and nothing is warm. Medians are printed and
written to `benchmarks/results/pipeline.json`.
"""

import json
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "examples" / "sample.mp4"
RESULT = ROOT / "benchmarks" / "results" / "pipeline.json"
REPETITIONS = 5


def main() -> None:
    """Measure, print and write."""
    runs = [_run_once() for _ in range(REPETITIONS)]
    frames = runs[0]["frames"]
    seconds = {stage: statistics.median(run["timings_s"][stage] for run in runs) for stage in runs[0]["timings_s"]}
    peak_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    fps = {stage: round(frames / taken, 1) for stage, taken in seconds.items()}
    print(f"{SAMPLE.name}: {frames} frames, median of {REPETITIONS} runs")
    for stage, rate in fps.items():
        print(f"  {stage:<16}{rate:>10,.1f} fps {1000 * seconds[stage] / frames:>9.2f} ms a frame")
    print(f"  {'peak memory':<16}{peak_mb:>10,.0f} MB")
    result = {"video": SAMPLE.name, "frames": frames, "repetitions": REPETITIONS, "fps": fps, "peak_mb": round(peak_mb)}
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def _run_once() -> dict[str, dict[str, float]]:
    with tempfile.TemporaryDirectory() as output:
        command = [sys.executable, "-m", "cli.main", "run", "--video", str(SAMPLE), "--output", output]
        subject = ["--height", "1.72", "--weight", "70"]
        files = ["--estimate-missing", "--force-complete", "--plot-all-joint-angles"]
        subprocess.run([*command, *subject, *files], check=True, capture_output=True, cwd=ROOT)
        folder = Path(output) / SAMPLE.stem
        run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        quality = json.loads((folder / "quality.json").read_text(encoding="utf-8"))
        return {"timings_s": run["timings_s"], "frames": quality["video"]["frames"]}


if __name__ == "__main__":
    main()
