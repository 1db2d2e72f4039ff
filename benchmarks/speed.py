"""Speed, all measured in one run on one machine and reported as ratios: `make bench-speed`.

The whole pipeline against the loop that MediaPipe's guide shows, the time of the stages after the detector, one run
shared by several detectors, image sizes, length from 100 frames to an hour, and the time to start. With `--reference`,
the Python of an environment that has Pose2Sim and OpenSim, also the augmentation and the joint angles against theirs
(`--lab` names the laboratory's motions). Figures are medians of alternating turns, each in a separate process.

Written to `benchmarks/results/speed.json`, and as tables to `speed.md`.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import psutil

from benchmarks.length import Length, measure_length
from benchmarks.speed_tables import markdown
from humanpose3d.client import Client
from shared.machine import usable_cpus
from shared.runtime.local_system import System
from tests.clips import there_and_back
from tests.servers import NatsServer, free_port

ROOT: Final = Path(__file__).resolve().parents[1]
RESULT: Final = ROOT / "benchmarks" / "results" / "speed.json"
FRAMES: Final = 2400
REPETITIONS: Final = 3
STARTS: Final = 5
DETECTORS: Final = (1, 2, 4)
SIZES: Final = {"720 × 1280": 2 / 3, "1080 × 1920": 1.0, "2160 × 3840": 2.0}
"""Image → scale of the sample's."""
SIZED_FRAMES: Final = 600
FIRST_FRAMES: Final = 100
SUBJECT: Final = ("--height", "1.72", "--weight", "70")
FILES: Final = (
    "--estimate-missing",
    "--force-complete",
    "--plot-all-joint-angles",
    "--plot-landmarks",
    "--plot-augmented",
    "--save-angle-comparison",
)
SERVICES: Final = {
    "detector": "services.detector.app:stage",
    "refiner": "services.refiner.depth.stage:DEPTH",
    "augmenter": "services.augmenter.stage:AUGMENTER",
    "angles": "services.angles.stage:ANGLES",
}

_Way = TypeVar("_Way")


def main(arguments: argparse.Namespace) -> None:
    """Measure, print and write."""
    with tempfile.TemporaryDirectory() as folder:
        clip = there_and_back(FRAMES, Path(folder) / "clip.mp4")
        result: dict[str, Any] = {
            "machine": {"processors": usable_cpus(), "name": _processor(), "system": platform.platform()},
            "clip": {"frames": FRAMES, "image": "1080 × 1920"},
            "repetitions": REPETITIONS,
            "pipeline": _pipeline(clip),
            "distributed": _distributed(clip),
            "sizes": _sizes(Path(folder)),
            "first": _first(Path(folder)),
        }
    result["start"] = _starts()
    result["length"] = [_length_row(length) for length in measure_length()]
    if arguments.reference:
        result["augmentation"] = _reference(arguments.reference, "benchmarks.augmentation")
        if arguments.lab:
            lab = str(arguments.lab.resolve())
            result["angles"] = _reference(arguments.reference, "benchmarks.inverse_kinematics", lab)
    RESULT.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    tables = markdown(result)
    RESULT.with_suffix(".md").write_text(tables + "\n", encoding="utf-8")
    print(tables)


def _pipeline(clip: Path) -> dict[str, Any]:
    """Seconds of each variant for the clip, start-up included, and their ratios to the bare loop."""
    run = _run(clip)
    ways = {
        "bare_loop": _bare(clip),
        "whole": [*run, *FILES],
        "whole_with_preview": [*run, *FILES, "--export-preview"],
        "whole_on_mediapipe": [*run, *FILES, "--pose-runtime", "mediapipe"],
        "one_processor": ["taskset", "-c", "0", *run, *FILES],
    }
    taken = _alternating({name: _timed(command) for name, command in ways.items()}, REPETITIONS)
    seconds = {name: statistics.median(turn["seconds"] for turn in turns) for name, turns in taken.items()}
    stages = taken["whole"]
    detector = statistics.median(turn["stages"]["detector"] for turn in stages)
    return {
        "seconds": seconds,
        "frames_per_second": {name: FRAMES / s for name, s in seconds.items()},
        "times_the_bare_loop": {name: seconds["bare_loop"] / s for name, s in seconds.items()},
        "ratios_of_each_turn": [
            bare["seconds"] / whole["seconds"] for bare, whole in zip(taken["bare_loop"], stages, strict=True)
        ],
        "stage_seconds": {
            name: statistics.median(turn["stages"][name] for turn in stages) for name in stages[0]["stages"]
        },
        "share_of_all_but_detection": 1 - detector / seconds["whole"],
        "peak_mb": max(turn["peak_mb"] for turn in stages),
    }


def _sizes(folder: Path) -> dict[str, Any]:
    """Seconds by image size, of the bare loop and of the whole pipeline with all files."""
    ways = {}
    for number, (size, scale) in enumerate(SIZES.items()):
        clip = there_and_back(SIZED_FRAMES, folder / f"{number}.mp4", scale)
        ways[size, "bare_loop"] = _timed(_bare(clip))
        ways[size, "whole"] = _timed([*_run(clip), *FILES])
    taken = _alternating(ways, REPETITIONS)
    seconds = {way: statistics.median(turn["seconds"] for turn in turns) for way, turns in taken.items()}
    bare, whole = ({size: seconds[size, way] for size in SIZES} for way in ("bare_loop", "whole"))
    return {
        "frames": SIZED_FRAMES,
        "bare_loop_s": bare,
        "whole_s": whole,
        "times_the_bare_loop": {size: bare[size] / whole[size] for size in SIZES},
    }


def _first(folder: Path) -> dict[str, float]:
    """Seconds until the results of a short clip are there, the program's start included, with default options."""
    turn = _timed(_run(there_and_back(FIRST_FRAMES, folder / "first.mp4")))
    return {"frames": FIRST_FRAMES, "seconds": statistics.median(turn()["seconds"] for _ in range(STARTS))}


def _timed(command: list[str]) -> Callable[[], dict[str, Any]]:
    """A turn: seconds of the process, peak memory of it and its children, and seconds per stage if reported."""

    def turn() -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as output:
            ours = "cli.main" in command
            started = time.perf_counter()
            process = psutil.Popen(
                [*command, *(["--output", output] if ours else [])],
                cwd=ROOT,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            peak = _peak_until_over(process)
            seconds = time.perf_counter() - started
            if process.returncode:
                raise RuntimeError(f"{command} ended with {process.returncode}")
            stages = json.loads(next(Path(output).rglob("run.json")).read_text())["timings_s"] if ours else {}
            return {"seconds": seconds, "peak_mb": peak / 1e6, "stages": stages}

    return turn


def _peak_until_over(process: psutil.Popen) -> int:
    """Bytes: peak memory of the process and its children together, sampled four times a second."""
    peak = 0
    while process.poll() is None:
        held = 0
        for member in _family(process):
            try:
                held += member.memory_info().rss
            except psutil.Error:
                continue
        peak = max(peak, held)
        time.sleep(0.25)
    return peak


def _family(process: psutil.Popen) -> list[psutil.Process]:
    try:
        return [psutil.Process(process.pid), *process.children(recursive=True)]
    except psutil.Error:
        return []


def _alternating(
    ways: Mapping[_Way, Callable[[], dict[str, Any]]], repetitions: int
) -> dict[_Way, list[dict[str, Any]]]:
    """`repetitions` turns of each, in rounds, so that all run under the same load."""
    taken: dict[_Way, list[dict[str, Any]]] = {name: [] for name in ways}
    for _ in range(repetitions):
        for name, turn in ways.items():
            taken[name].append(turn())
    return taken


def _distributed(clip: Path) -> dict[str, Any]:
    """Seconds of the clip's run through the whole system, warm, by number of detectors; and in one process."""
    seconds = {count: _served(clip, count) for count in DETECTORS}
    alone = statistics.median(_timed_alone(clip) for _ in range(REPETITIONS))
    return {
        "in_process_s": alone,
        "by_detectors_s": seconds,
        "times_in_process": {count: taken / alone for count, taken in seconds.items()},
        "times_one_detector": {count: seconds[DETECTORS[0]] / taken for count, taken in seconds.items()},
    }


def _served(clip: Path, detectors: int) -> float:
    with tempfile.TemporaryDirectory() as data:
        with System(Path(data), "127.0.0.1", free_port(), detectors) as system, Client(system.url) as client:
            turns = []
            for _ in range(REPETITIONS + 1):
                run_key = client.submit(clip, height=1.72, weight=70, consent=True)
                client.wait(run_key)
                run = client.run(run_key)
                turns.append((run.updated_at - run.accepted_at).total_seconds())
        return statistics.median(turns[1:])


def _timed_alone(clip: Path) -> float:
    return float(_timed(_run(clip))()["seconds"])


def _bare(clip: Path) -> list[str]:
    return [sys.executable, "-m", "benchmarks.bare_loop", str(clip), "full"]


def _run(clip: Path) -> list[str]:
    return [sys.executable, "-m", "cli.main", "run", "--video", str(clip), *SUBJECT]


def _starts() -> dict[str, float]:
    """Seconds until `--help` is printed, and until a worker of each service can start a task."""
    program = [sys.executable, "-m", "cli.main", "--help"]
    starts = {"help_s": statistics.median(_seconds(program) for _ in range(STARTS))}
    with tempfile.TemporaryDirectory() as folder, _bus(Path(folder)) as environment:
        for service, stage in SERVICES.items():
            starts[f"{service}_s"] = statistics.median(
                max(_until_ready(service, environment), _until_declared(stage, environment)) for _ in range(STARTS)
            )
    return starts


def _seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


@contextmanager
def _bus(folder: Path) -> Iterator[dict[str, str]]:
    nats = NatsServer(folder)
    nats.start()
    yield {
        **os.environ,
        "HUMANPOSE3D_NATS_URL": nats.url,
        "HUMANPOSE3D_STORE_DIRECTORY": str(folder / "store"),
        "HUMANPOSE3D_LOG_LEVEL": "INFO",
    }
    nats.stop()


def _until_ready(service: str, environment: Mapping[str, str]) -> float:
    """Until the service's process has connected and its child, the stage's process, has answered."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", f"services.{service}.app"],
        cwd=ROOT,
        env={**environment, "HUMANPOSE3D_PORT": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if "startup complete" in line:
                return time.perf_counter() - started
        raise RuntimeError(f"{service} did not start")
    finally:
        process.terminate()
        process.wait()


def _until_declared(stage: str, environment: Mapping[str, str]) -> float:
    """Until the stage's process has finished its imports."""
    started = time.perf_counter()
    command = [
        sys.executable,
        "-m",
        "shared.runtime.worker.stage_child",
        stage,
        "shared.runtime.worker.write_results:write",
    ]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        taken = time.perf_counter() - started
        if b"ready" not in line:
            raise RuntimeError(f"{stage} did not start")
        process.kill()
    return taken


def _length_row(length: Length) -> dict[str, Any]:
    return {"frames": length.frames, "ms_a_frame": length.ms_per_frame, "peak_mb": length.peak_mb}


def _reference(python: str, module: str, *arguments: str) -> dict[str, float]:
    command = [python, "-P", "-m", "humanpose3d.child", module, *arguments]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _processor() -> str:
    with Path("/proc/cpuinfo").open(encoding="utf-8") as lines:
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reference", help="Python of an environment with Pose2Sim and OpenSim")
    parser.add_argument("--lab", type=Path, help="folder of the laboratory's motions")
    main(parser.parse_args())
