"""The processes that detect a video's chunks in parallel on one machine.

Processes, not threads: Python code between network calls takes a considerable part of each frame's time, and only one
thread at a time can run it.
"""

import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from humanpose3d.errors import Cancelled, StageCrashed
from humanpose3d.options import PoseRuntime, RunOptions
from services.detector.chunk import DetectedChunk, DetectorChunk, detect, detect_together, models
from services.detector.display.window import Window
from shared.inference import runs_on_gpu
from shared.machine import usable_cpus
from shared.processes import CONTEXT, pool
from shared.stage import Progress

_TICK_S: Final = 0.1
"""Interval of progress reports."""


class DetectorPool:
    """Context manager: processes for a number of chunks, one per core, which load their libraries in the background.

    A single chunk is detected in this process, and so are all if there is a live window or a GPU.
    """

    def __init__(self, video: Path, workdir: Path, options: RunOptions, chunks: int, window: Window | None) -> None:
        self._video, self._workdir, self._options, self._window = video, workdir, options, window
        self._folders: list[Path] = []
        self._together = chunks > 1 and not window and _on_gpu(options)
        self._processes = 0 if window or self._together else min(chunks, usable_cpus())
        if self._processes > 1:
            self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._processes > 1:
            self._stop.set()
            self._pool.shutdown(cancel_futures=True)
        for folder in self._folders:
            shutil.rmtree(folder, ignore_errors=True)

    def detect(self, parts: Sequence[DetectorChunk], progress: Progress) -> Iterator[DetectedChunk]:
        """All chunks in order; their files exist until the pool is closed.

        Raises what `detect` raises, StageCrashed where a process died, and whatever `progress` does.
        """
        for part in parts:
            self._folders.append(self._workdir / f"part-{part.number}")
            self._folders[-1].mkdir()
        if self._together:
            return iter(detect_together(self._video, self._folders, parts, self._options, progress))
        return self._side_by_side(parts, progress) if self._processes > 1 else self._in_turn(parts, progress)

    def _in_turn(self, parts: Sequence[DetectorChunk], progress: Progress) -> Iterator[DetectedChunk]:
        total = sum(part.frames for part in parts)
        before = 0
        for part, folder in zip(parts, self._folders, strict=True):

            def advance(done: int, _total: int | None, before: int = before) -> None:
                progress(before + done, total)

            found = detect(self._video, folder, part, self._options, advance, self._window)
            before += found.landmarks.times.size
            yield found

    def _side_by_side(self, parts: Sequence[DetectorChunk], progress: Progress) -> Iterator[DetectedChunk]:
        total = sum(part.frames for part in parts)
        try:
            futures = [
                self._pool.submit(_detect, self._video, folder, part, self._options)
                for part, folder in zip(parts, self._folders, strict=True)
            ]
            waiting: set[Future[DetectedChunk]] = set(futures)
            while waiting:
                finished, waiting = wait(waiting, timeout=_TICK_S)
                for future in finished:
                    future.result()
                progress(self._done.value, total)
        except BrokenProcessPool:
            raise StageCrashed("A process of the detector ended without an answer.") from None
        futures.reverse()
        while futures:
            yield futures.pop().result()

    def _start(self) -> None:
        self._stop: Event = CONTEXT.Event()
        self._done: Any = CONTEXT.Value("q", 0)
        self._pool = pool(self._processes, _join_crew, self._stop, self._done)
        for _ in range(self._processes):
            self._pool.submit(_load, self._options.pose_runtime)


def _on_gpu(options: RunOptions) -> bool:
    return options.pose_runtime == "onnx" and runs_on_gpu(models(options)[1])


@dataclass(frozen=True)
class _Member:
    """State that a process of the pool shares with the others."""

    stop: Event
    done: Any
    """Frames detected by all, as a locked `multiprocessing.Value`."""


_member: _Member


def _join_crew(stop: Event, done: Any) -> None:  # noqa: ANN401 -- multiprocessing's Value has no public type
    global _member  # noqa: PLW0603 -- what an initialiser of a process pool leaves for its work
    _member = _Member(stop, done)


def _load(runtime: PoseRuntime) -> None:
    """Import what a landmarker needs while the parent process still surveys the video."""
    if runtime == "onnx":
        import onnxruntime  # noqa: F401
    else:
        import mediapipe.tasks.python.vision  # noqa: F401


def _detect(video: Path, workdir: Path, part: DetectorChunk, options: RunOptions) -> DetectedChunk:
    def advance(_done: int, _total: int | None) -> None:
        with _member.done.get_lock():
            _member.done.value += 1
        if _member.stop.is_set():
            raise Cancelled("The run was stopped.")

    return detect(video, workdir, part, options, advance, decoder_threads=1)  # the other cores have their own chunks
