"""`humanpose3d run VIDEO… | FOLDER`: many videos, one after the other or several at once, each in a process."""

import math
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cli.batch.display import Display
from cli.main import INTERRUPTED
from cli.result_names import free_names, read_run_json
from humanpose3d.batch.subjects import BatchVideo
from humanpose3d.batch.summary import SUMMARY, measured_in, row, summary_text
from humanpose3d.errors import Cancelled, HumanPose3DError, InvalidOption, OutputNotWritable
from humanpose3d.formats.files import write_atomic
from humanpose3d.local_run import RunProcess
from humanpose3d.options import Contract, RunOptions, Subject
from humanpose3d.run_job import RunJob
from shared.names import safe_name

_ALERT_S: Final = 0.5
"""On Windows, Ctrl-C is noticed between two waits only."""

_SIX_DIGITS: Final = 1e-5
"""Relative tolerance for numbers of run.json, which has six significant digits."""


@dataclass(frozen=True)
class Job:
    """One video of a batch: its file, what the table says about it, and the options of its run."""

    path: Path
    about: BatchVideo
    options: RunOptions
    person: str | None = None
    """Number of the person, where there is a run for each of several."""
    scouted: Path | None = None
    """See `RunJob`."""

    @property
    def name(self) -> str:
        """Name of the results' folder, unless another video has it."""
        return safe_name(self.path) + ("" if self.person is None else f"_person_{self.person}")


def run_batch(jobs: Sequence[Job], output: Path, at_once: int) -> int:
    """Analyse the videos, `at_once` at a time; returns the exit code: that of the worst failure, 0 without any.

    A video is skipped where `output` holds its result with the same options and person. A failure does not stop the
    others. `output/summary.csv` is written after each video. Ctrl-C stops all; complete results stay.

    Raises OutputNotWritable where the folder or the summary cannot be written.
    """
    batch = _Batch(jobs, output)
    interrupted = False
    try:
        batch.run(at_once)
    except KeyboardInterrupt:
        interrupted = True
    summary = batch.write_summary()
    for line in batch.failures():
        print(line, file=sys.stderr)
    print(f"{batch.count_done()} of {len(jobs)} videos have results in {output}; summary: {summary}")
    if interrupted:
        print("humanpose3d: stopped; the same command goes on with the other videos", file=sys.stderr)
    return INTERRUPTED if interrupted else batch.exit_code()


class _Batch:
    """The jobs with their names, and how each ended so far."""

    def __init__(self, jobs: Sequence[Job], output: Path) -> None:
        _create(output)
        self._output = output
        self._csv_style = jobs[0].options.csv_style
        self._named = dict(
            zip(free_names(output, [job.path for job in jobs], [job.name for job in jobs]), jobs, strict=True)
        )
        self._errors: dict[str, HumanPose3DError] = {}
        self._done = {
            name: _done_row(job, output / name) for name, job in self._named.items() if _is_done(job, output / name)
        }
        self._processes = _Processes()

    def run(self, at_once: int) -> None:
        """Run what is not done. On KeyboardInterrupt, no process is left when it is raised."""
        for name in self._done:
            print(f"{self._named[name].about.video}: skipped, its result is in {self._output / name}")
        with (
            Display(at_once, len(self._named), len(self._done)) as display,
            ThreadPoolExecutor(at_once) as threads,
        ):
            ended_in = {
                threads.submit(self._run_one, name, display): name for name in self._named if name not in self._done
            }
            try:
                self._follow(ended_in, display)
            except BaseException:
                self._processes.stop()
                threads.shutdown(cancel_futures=True)
                for ended, name in ended_in.items():
                    if not ended.cancelled():
                        self._take(name, ended)
                raise

    def _follow(self, ended_in: Mapping["Future[None]", str], display: Display) -> None:
        waiting = set(ended_in)
        while waiting:
            ended, waiting = wait(waiting, _ALERT_S, FIRST_COMPLETED)
            for each in ended:
                display.ended(self._take(ended_in[each], each))
            if ended:
                with suppress(OutputNotWritable):  # reported at the end
                    self.write_summary()

    def _run_one(self, name: str, display: Display) -> None:
        job = self._named[name]
        run_job = RunJob(job.path, job.about.subject, job.options, job.about.notes, job.scouted)
        with (
            display.line(job.about.video) as show,
            self._processes.started(RunProcess(run_job, self._output, name)) as process,
        ):
            process.results(show)

    def _take(self, name: str, ended: "Future[None]") -> str:
        """Note how a video ended; returns that in words."""
        label = self._named[name].about.video
        try:
            ended.result()
        except Cancelled:
            return f"{label}: stopped"
        except HumanPose3DError as error:
            self._errors[name] = error
            return f"{label}: failed: {error}"
        self._done[name] = _done_row(self._named[name], self._output / name)
        warnings = self._done[name].get("warnings")
        return f"{label}: {self._output / name}" + (f" (warnings: {warnings})" if warnings else "")

    def write_summary(self) -> Path:
        """Write `summary.csv` as things stand. Raises OutputNotWritable."""
        rows = [self._done.get(name) or self._row_without(name) for name in self._named]
        path = self._output / SUMMARY
        with write_atomic(path) as file:
            file.write(summary_text(rows, self._csv_style).encode())
        return path

    def _row_without(self, name: str) -> dict[str, object]:
        job, error = self._named[name], self._errors.get(name)
        return row(job.about, job.options.task, "failed" if error else "waiting", str(error or ""))

    def failures(self) -> Iterator[str]:
        """The videos that failed, and why."""
        if self._errors:
            yield f"{len(self._errors)} of {len(self._named)} videos failed:"
        for name, job in self._named.items():
            if name in self._errors:
                yield f"  {job.about.video}: {self._errors[name]}"

    def count_done(self) -> int:
        """Number of videos with results."""
        return len(self._done)

    def exit_code(self) -> int:
        """1 where one failure is ours, 2 where all are the inputs', 0 without any."""
        codes = {error.exit_code for error in self._errors.values()}
        return min(codes, default=0)


class _Processes:
    """The running child processes, so that all can be stopped at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[RunProcess] = set()
        self._stopping = False

    @contextmanager
    def started(self, process: RunProcess) -> Iterator[RunProcess]:
        """Until the block is left, `stop` stops this process too."""
        with process:
            with self._lock:
                self._running.add(process)
                if self._stopping:
                    process.stop()
            try:
                yield process
            finally:
                with self._lock:
                    self._running.discard(process)

    def stop(self) -> None:
        """Stop all processes, also those that start later."""
        with self._lock:
            self._stopping = True
            for process in self._running:
                process.stop()


def _done_row(job: Job, results: Path) -> dict[str, object]:
    return {**row(job.about, job.options.task, "done"), "results": results.name, **measured_in(results)}


def _create(output: Path) -> None:
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputNotWritable(
            f"The output folder {output} cannot be written ({error.strerror}). Choose another with --output."
        ) from None


def _is_done(job: Job, results: Path) -> bool:
    """Whether the folder holds a result for the same person and with the same options.

    It is of the same video: `free_names` gives a video no folder with another's result.
    """
    run = read_run_json(results)
    if run is None:
        return False
    try:
        options = RunOptions.parse(run["options"])
        subject = Subject.parse(run["subject"])
        return "video_sha256" in run and _same(options, job.options) and _same(subject, job.about.subject)
    except (KeyError, TypeError, InvalidOption):
        return False  # of another version


def _same(stored: Contract, wanted: Contract) -> bool:
    return all(_equal(value, getattr(wanted, name)) for name, value in stored)


def _equal(stored: object, wanted: object) -> bool:
    if isinstance(stored, float) and isinstance(wanted, float):
        return math.isclose(stored, wanted, rel_tol=_SIX_DIGITS)
    return stored == wanted
