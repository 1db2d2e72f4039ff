"""Results from artefacts in files are identical to those that one process writes from memory."""

from pathlib import Path

import numpy as np

from humanpose3d.motion import JointAngles, Landmarks, Markers, MarkerSpread
from humanpose3d.options import StageReport, VideoFacts, route
from humanpose3d.skeleton import ALL_MARKERS, MARKERS, RESPONSE_MARKERS
from shared import artefacts
from shared.results.model import RunResults
from shared.results.write import write_results
from shared.runtime.run_state import RunState, StageRecord
from shared.runtime.worker import write_results as gather
from shared.runtime.worker.stage_child import ResultsJob
from tests.makers import new_state

FRAMES = 30
VIDEO = VideoFacts(
    width=640, height=480, rotation_deg=0, codec="h264", container="mp4", frames=FRAMES, duration_s=1.0,
    average_fps=30.0, variable_frame_rate=False, frame_interval_min_s=0.03, frame_interval_max_s=0.04,
    truncated=False, has_audio=False,
)  # fmt: skip


def made_by_stages() -> dict[str, object]:
    random = np.random.default_rng(7)
    times = np.arange(FRAMES) / 29.97
    return {
        "landmarks": Landmarks(
            times,
            random.uniform(0, 480, (FRAMES, 33, 2)),
            random.normal(size=(FRAMES, 33, 3)),
            random.uniform(0, 1, (FRAMES, 33)),
            (640, 480),
        ),
        "video_facts": VIDEO,
        "initial_markers": Markers(times, MARKERS, random.normal(size=(FRAMES, 22, 3))),
        "markers": Markers(times, MARKERS, random.normal(size=(FRAMES, 22, 3))),
        "augmented_markers": Markers(times, ALL_MARKERS, random.normal(size=(FRAMES, 65, 3))),
        "marker_spread": MarkerSpread(times, RESPONSE_MARKERS, random.uniform(size=(FRAMES, 43))),
        "angles": JointAngles(times, random.normal(size=(FRAMES, 12, 3))),
    }


def finished(state: RunState) -> RunState:
    records = {
        stage: StageRecord(attempt=1, artefacts={}, seconds=1.5, sha256={"video": "0" * 64} if number == 0 else {})
        for number, stage in enumerate(route(state.request.options))
    }
    return state.model_copy(update={"finished": records})


def test_the_files_are_the_same_byte_for_byte(tmp_path):
    state, made = finished(new_state()), made_by_stages()
    report = StageReport(facts={"detection_rate": 2 / 3})
    folders = [tmp_path / name for name in ("artefacts", "reports", "gathered", "direct")]
    for folder in folders:
        folder.mkdir()
    files = {name: artefacts.save(folders[0], name, value) for name, value in made.items()}
    reports: dict[str, Path] = {stage: artefacts.save(folders[1], stage, report) for stage in state.finished}
    gather.write(ResultsJob(state=state, artefacts=files, reports=reports, outputs=folders[2]))
    direct = RunResults(
        name=state.request.name,
        video_sha256="0" * 64,
        subject=state.request.subject,
        options=state.request.options,
        reports=dict.fromkeys(state.finished, report),
        timings_s=dict.fromkeys(state.finished, 1.5),
        artefacts=made,
    )
    write_results(direct, folders[3])
    names = sorted(path.relative_to(folders[3]) for path in folders[3].rglob("*") if path.is_file())
    assert names == sorted(path.relative_to(folders[2]) for path in folders[2].rglob("*") if path.is_file())
    assert len(names) >= 15
    for name in names:
        if name.name != "run.json":  # contains the time of writing
            assert (folders[2] / name).read_bytes() == (folders[3] / name).read_bytes(), name
