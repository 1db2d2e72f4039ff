"""`run`: the command `humanpose3d run` as a child process; returns its results.

The networks and their native libraries stay in the child: a crash there is an error here, Ctrl-C (in a notebook: the
stop button) ends it, and the caller's process loads neither MediaPipe nor ONNX Runtime.
"""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, Unpack

from humanpose3d.api_models import ProblemDetails
from humanpose3d.errors import Cancelled, StageCrashed
from humanpose3d.notes import RunNotes, SubmitKeywords
from humanpose3d.options import RunOptions, Subject
from humanpose3d.results import Results, read_run
from humanpose3d.run_job import RunJob

_PATIENCE_S: Final = 10
"""Time that a stopped child has to remove its unfinished output."""


def run(
    video: str | Path,
    *,
    height: float,
    weight: float,
    output: str | Path = "out",
    progress: bool = True,
    **options: Unpack[SubmitKeywords],
) -> Results:
    """Analyse a video of a person of this height (metres) and weight (kilograms); returns the results.

    output    folder in which the results' folder is created, named after the video; an earlier one of this name is
              replaced once the new one is complete.
    progress  whether to show a bar for each stage, in a terminal or a notebook.
    options   those of `humanpose3d run`, with underscores: `humanpose3d.options.RunOptions`, and the notes:
              `humanpose3d.notes.RunNotes`.

    Raises the errors of `humanpose3d.errors` that the command reports (InvalidOption, VideoNotFound, NoPersonDetected,
    …); StageCrashed where the process ended without a message. KeyboardInterrupt stops the run and removes its output.

    >>> r = run("walk.mp4", height=1.78, weight=75, estimate_missing=True)  # doctest: +SKIP
    """
    subject = Subject.parse({"height": height, "weight": weight})
    noted = {name: value for name, value in options.items() if name in RunNotes.model_fields}
    checked = RunOptions.parse({name: value for name, value in options.items() if name not in noted})
    job = RunJob(Path(video), subject, checked, RunNotes.parse(noted))
    with _bars(progress) as show, RunProcess(job, Path(output)) as process:
        return read_run(process.results(show))


class RunProcess:
    """The command `humanpose3d run` as a child process. When the block is left, for any reason, it has ended.

    name  of the results' folder and files; default: the video's.
    """

    def __init__(self, job: RunJob, output: Path, name: str | None = None) -> None:
        command = _command(job, output, name)
        # In its own session: a terminal's Ctrl-C reaches this process only, which then stops the child, once.
        self._child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True
        )
        self._output = output
        self._stopped = self._reported = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._child:
            if kind is not None and not self._reported:
                self._end()
        for left in self._output.glob(f"{scratch_prefix(self._child.pid)}*"):  # killed, or crashed
            shutil.rmtree(left, ignore_errors=True)

    def results(self, show: Callable[[Mapping[str, Any]], None]) -> Path:
        """The results' folder, complete; progress messages (`cli.progress.JsonLines`) are shown until then.

        Raises the error that the command reports; StageCrashed where it ends without a message, Cancelled after `stop`.
        """
        assert self._child.stdout is not None
        for line in self._child.stdout:
            message = json.loads(line)
            self._reported = "results" in message or "problem" in message
            if "results" in message:
                return Path(message["results"])
            if "problem" in message:
                raise ProblemDetails.model_validate(message["problem"]).error()
            if self._stopped:
                break
            show(message)
        if self._stopped:
            raise Cancelled("The run was stopped.")
        raise StageCrashed(
            "The run ended without a result: an internal error, or too little memory. Its last words are on stderr; "
            "HUMANPOSE3D_DEBUG=1 in the environment has it print where it was. Please report it."
        )

    def stop(self) -> None:
        """Have the child end without results, from any thread; the one in `results` gets Cancelled."""
        if self._reported:
            return  # it is about to end
        self._stopped = True
        if os.name == "posix":
            self._child.terminate()
        deadline = threading.Timer(_PATIENCE_S, self._child.kill)
        deadline.daemon = True
        deadline.start()

    def _end(self) -> None:
        assert self._child.stdout is not None
        self._child.stdout.close()  # its next message fails, which ends it
        if os.name == "posix" and not self._stopped:
            self._child.terminate()
        try:
            self._child.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._child.kill()


def scratch_prefix(pid: int) -> str:
    """How the name of the hidden folder begins in which this process keeps unfinished results, in the output folder."""
    return f".unfinished-{pid}-"


def _command(job: RunJob, output: Path, name: str | None) -> list[str]:
    given = {"video": job.video, "output": output, **dict(job.subject), **job.options.model_dump(exclude_defaults=True)}
    given |= job.notes.model_dump(exclude_defaults=True) | ({} if name is None else {"name": name})
    given |= {} if job.scouted is None else {"scouted": job.scouted}
    words = [word for option, value in given.items() for word in _words(option, value)]
    return [sys.executable, "-P", "-m", "humanpose3d", "run", "--progress=json", *words]


def _words(name: str, value: object) -> list[str]:
    flag = name.replace("_", "-")
    if isinstance(value, bool):
        return [f"--{flag}" if value else f"--no-{flag}"]
    if name == "labels" and isinstance(value, tuple):
        return [f"--labels={','.join(value)}"]
    if isinstance(value, tuple):
        return [f"--{flag}", *map(str, value)]
    return [f"--{flag}={value}"]


@contextmanager
def _bars(wanted: bool) -> Iterator[Any]:
    """Shows progress messages: one bar per stage."""
    if not wanted:
        yield lambda _message: None
        return
    tqdm = import_module("tqdm.auto").tqdm  # deferred: it detects a notebook
    bar: Any = None

    def show(message: Mapping[str, Any]) -> None:
        nonlocal bar
        if bar is None or bar.desc != message["stage"]:
            if bar is not None:
                bar.close()
            bar = tqdm(desc=message["stage"], unit=" frames", total=message["total"])
        bar.total = message["total"]
        bar.update(message["done"] - bar.n)

    try:
        yield show
    finally:
        if bar is not None:
            bar.close()
