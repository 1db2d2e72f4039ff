"""The tables of `benchmarks/results/speed.json`, as Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

WAYS: Final = {
    "bare_loop": "bare MediaPipe loop, one process",
    "whole": "`humanpose3d run`, depth network, all files",
    "whole_with_preview": "the same with the preview",
    "whole_on_mediapipe": "the same without the preview, `--pose-runtime mediapipe`",
    "one_processor": "the same without the preview, on one processor",
}


def markdown(measured: Mapping[str, Any]) -> str:
    """All tables, with explanations."""
    machine, clip = measured["machine"], measured["clip"]
    return "\n\n".join(
        [
            "# Speed",
            f"Each table is of one run on {machine['processors']} processors ({machine['name']}); a clip of "
            f"{clip['frames']} frames of {clip['image']} pixels; medians of {measured['repetitions']} alternating "
            "turns, each in its own process. A shared machine: only the ratios are reliable.",
            *_pipeline(measured["pipeline"]),
            *_distributed(measured["distributed"]),
            *(_sizes(measured["sizes"], measured["first"]) if "sizes" in measured else ()),
            *_length(measured["length"]),
            *_start(measured["start"]),
            *_rivals(measured),
        ]
    )


def _pipeline(measured: Mapping[str, Any]) -> list[str]:
    rows = [
        (title, *(_figure(measured[column][way]) for column in ("seconds", "frames_per_second", "times_the_bare_loop")))
        for way, title in WAYS.items()
        if way in measured["seconds"]
    ]
    stages = ", ".join(f"{stage} {_figure(seconds)} s" for stage, seconds in measured["stage_seconds"].items())
    return [
        "## The whole pipeline",
        _table(("Way", "Seconds", "Frames a second", "Times the bare loop"), rows),
        f"Start and end of the process count. All but the detection is {measured['share_of_all_but_detection']:.1%} "
        f"of the time ({stages}); all processes together held {measured['peak_mb']:,.0f} MB at most.",
    ]


def _distributed(measured: Mapping[str, Any]) -> list[str]:
    rows = [
        (str(count), _figure(seconds), _figure(measured["times_in_process"][count]), _figure(speedup))
        for (count, seconds), speedup in zip(
            measured["by_detectors_s"].items(), measured["times_one_detector"].values(), strict=True
        )
    ]
    return [
        "## One run, shared by several detectors",
        f"Gateway, bus and workers on this machine, warm, default options; in one process (with its start) "
        f"{_figure(measured['in_process_s'])} s.",
        _table(("Detectors", "Seconds", "Times one process", "Times one detector's speed"), rows),
    ]


def _sizes(sizes: Mapping[str, Any], first: Mapping[str, float]) -> list[str]:
    columns = ("bare_loop_s", "whole_s", "times_the_bare_loop")
    rows = [(size, *(_figure(sizes[column][size]) for column in columns)) for size in sizes["whole_s"]]
    return [
        "## Image size",
        f"The same {sizes['frames']} frames at other sizes, all files but the preview.",
        _table(("Pixels", "Bare loop, s", "`humanpose3d run`, s", "Times the bare loop"), rows),
        f"The results of {first['frames']:.0f} frames, 1080 × 1920, default options: {_figure(first['seconds'])} s "
        "from the start of the program.",
    ]


def _length(lengths: Sequence[Mapping[str, Any]]) -> list[str]:
    stages = list(lengths[0]["ms_a_frame"])
    rows = [
        (
            f"{row['frames']:,}".replace(",", " "),
            *(_figure(row["ms_a_frame"][stage]) for stage in stages),
            _figure(max(row["peak_mb"][stage] for stage in stages)),
        )
        for row in lengths
    ]
    return [
        "## Length",
        "Milliseconds a frame past the detector, depth network, all files but the preview, and the most "
        "memory that the process held in these stages. 216 000 frames are an hour at 60 a second.",
        _table(("Frames", *stages, "Peak, MB"), rows),
    ]


def _start(measured: Mapping[str, float]) -> list[str]:
    rows = [(name.removesuffix("_s"), _figure(seconds)) for name, seconds in measured.items()]
    return [
        "## Start",
        "Seconds until `humanpose3d --help` has ended, and until a worker of each service can begin on a task.",
        _table(("What", "Seconds"), rows),
    ]


def _rivals(measured: Mapping[str, Any]) -> list[str]:
    rows = []
    if augmentation := measured.get("augmentation"):
        rows.append(
            (
                f"marker augmentation, {augmentation['frames']} frames × {augmentation['cycles']}",
                f"Pose2Sim {_figure(augmentation['pose2sim_s'])} s",
                f"{_figure(augmentation['ours_s'])} s",
                _figure(augmentation["times_faster"]),
            )
        )
    if angles := measured.get("angles"):
        rows.append(
            (
                f"joint angles by a fitted skeleton, processor time for one of {angles['long_frames']} frames",
                f"OpenSim's inverse kinematics {_figure(angles['opensim_ms_a_frame'])} ms",
                f"{_figure(angles['ours_long_ms_a_frame'])} ms",
                _figure(angles["times_faster"]),
            )
        )
    return ["## Against Pose2Sim and OpenSim", _table(("What", "Theirs", "Ours", "Times faster"), rows)] if rows else []


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _figure(value: float) -> str:
    """Three digits, or all those before the point."""
    return f"{value:,.0f}".replace(",", " ") if abs(value) >= 100 else f"{value:.3g}"
