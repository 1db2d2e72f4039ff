import multiprocessing
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from unittest import mock

import numpy as np
import psutil
import pytest

from humanpose3d.errors import Cancelled, StageCrashed
from humanpose3d.options import RunOptions
from services.detector import chunk_pool
from services.detector.stage import DetectorInputs, DetectorOutputs, run
from services.detector.video import chunks
from services.detector.video.prefetch import NAME
from shared.stage import silent

OPTIONS = RunOptions(pose_model="lite", blur_faces=True)


@pytest.fixture(autouse=True)
def four_chunks(monkeypatch):
    monkeypatch.setattr(chunks, "SHORTEST", 25)


@pytest.fixture
def processors(monkeypatch):
    """`processors(n)`: simulate a machine with n processors."""
    return lambda count: monkeypatch.setattr(chunk_pool, "usable_cpus", lambda: count)


def landmarks(outputs: DetectorOutputs) -> np.ndarray:
    found = outputs.landmarks
    return np.concatenate([found.pixels, found.world, found.visibility[..., np.newaxis]], axis=-1)


def test_the_result_does_not_depend_on_the_number_of_processors(sample, tmp_path, processors):
    results = []
    for count in (1, 2, 3):
        processors(count)
        folder = tmp_path / str(count)
        folder.mkdir()
        results.append(run(DetectorInputs(sample, folder), OPTIONS, silent))
        assert [path.name for path in folder.iterdir()] == ["preview.mp4"]
    for other in results[1:]:
        np.testing.assert_array_equal(landmarks(other), landmarks(results[0]))
        assert other.report == results[0].report
        assert other.preview is not None
        assert results[0].preview is not None
        assert other.preview.read_bytes() == results[0].preview.read_bytes()


def test_seams_differ_from_one_continuous_run_no_more_than_the_rest(sample, tmp_path, detected):
    # `detected` is one continuous run. MediaPipe started at another frame inherently finds other values: about 2 px.
    outputs = run(DetectorInputs(sample, tmp_path), RunOptions(), silent)
    pixels = np.linalg.norm(outputs.landmarks.pixels - detected.landmarks.pixels, axis=-1).mean(axis=1)[25:]
    millimetres = 1000 * np.linalg.norm(outputs.landmarks.world - detected.landmarks.world, axis=-1).mean(axis=1)[25:]
    after_seam = np.arange(75) % 25
    for difference, inherent in ((pixels, 3.0), (millimetres, 15.0)):
        seams, between = difference[after_seam < 5], difference[after_seam >= 5]
        assert 0 < np.median(difference) < inherent
        assert np.median(seams) < 1.5 * np.median(between)
        assert seams.max() < 1.5 * between.max()


def test_progress_counts_the_frames_of_all(sample, tmp_path, processors):
    processors(2)
    calls: list[tuple[int, int | None]] = []
    run(DetectorInputs(sample, tmp_path), OPTIONS, lambda *call: calls.append(call))
    done = [done for done, _ in calls]
    assert done == sorted(done)
    assert calls[-1] == (100, 100)


def cancel_after_five(done: int, _total: int | None) -> None:
    if done >= 5:
        raise Cancelled("The run was stopped.")


def test_cancelling_ends_the_processes_and_leaves_no_file(sample, tmp_path, processors):
    processors(2)

    with pytest.raises(Cancelled):
        run(DetectorInputs(sample, tmp_path), OPTIONS, cancel_after_five)
    assert not list(tmp_path.iterdir())
    assert not _processes()


def test_a_crashed_process_is_reported(sample, tmp_path, processors):
    processors(2)
    killed: list[psutil.Process] = []

    def kill_one(done: int, _total: int | None) -> None:
        if done and not killed:
            killed.append(_processes()[0])
            killed[0].kill()

    with pytest.raises(StageCrashed, match="ended without an answer"):
        run(DetectorInputs(sample, tmp_path), OPTIONS, kill_one)
    assert not list(tmp_path.iterdir())


def _processes() -> list[psutil.Process]:
    """The processes of our pool, without Python's own helper process."""
    children = psutil.Process().children()
    return [child for child in children if any("spawn_main" in word for word in child.cmdline())]


def test_the_processes_end_with_a_parent_that_is_killed(sample, tmp_path):
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context) as outer:
        parent = outer.submit(os.getpid).result()
        outer.submit(_hang_with_a_pool, sample, tmp_path)
        process = psutil.Process(parent)
        children = _wait_for_children(process)
        process.kill()
        _, alive = psutil.wait_procs(children, timeout=10)
        assert not alive


def _hang_with_a_pool(video, folder) -> None:
    with (
        mock.patch.object(chunk_pool, "usable_cpus", return_value=2),
        chunk_pool.DetectorPool(video, folder, OPTIONS, 4, None),
    ):
        signal.pause()


def _wait_for_children(process: psutil.Process) -> list[psutil.Process]:
    for _ in range(100):
        found = [child for child in process.children() if any("spawn_main" in word for word in child.cmdline())]
        if len(found) == 2:
            return found
        psutil.wait_procs([process], timeout=0.1)
    raise AssertionError("the pool did not start")


def test_on_a_gpu_chunks_are_detected_together(sample, tmp_path, processors, monkeypatch):
    """On a CPU here; in a batch the networks round differently, which the next region amplifies."""
    processors(1)
    (tmp_path / "apart").mkdir()
    (tmp_path / "together").mkdir()
    apart = run(DetectorInputs(sample, tmp_path / "apart"), OPTIONS, silent)
    monkeypatch.setattr(chunk_pool, "runs_on_gpu", lambda path: True)
    calls: list[tuple[int, int | None]] = []
    together = run(DetectorInputs(sample, tmp_path / "together"), OPTIONS, lambda *call: calls.append(call))
    np.testing.assert_array_equal(together.landmarks.times, apart.landmarks.times)
    assert np.median(np.linalg.norm(together.landmarks.pixels - apart.landmarks.pixels, axis=-1)) < 2
    assert together.landmarks.detected.all()
    assert [done for done, _ in calls] == list(range(1, 101))
    assert [path.name for path in (tmp_path / "together").iterdir()] == ["preview.mp4"]


def test_cancelling_what_is_detected_together_leaves_no_file(sample, tmp_path, monkeypatch):
    monkeypatch.setattr(chunk_pool, "runs_on_gpu", lambda path: True)

    with pytest.raises(Cancelled):
        run(DetectorInputs(sample, tmp_path), OPTIONS, cancel_after_five)
    assert not list(tmp_path.iterdir())
    assert NAME not in [thread.name for thread in threading.enumerate()]
