"""All stages in sequence, in this process."""

import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from cli.result_names import free_name
from humanpose3d.errors import OutputNotWritable
from humanpose3d.local_run import scratch_prefix
from humanpose3d.neutral import NeutralStance, demand_height, read_stance
from humanpose3d.options import RunOptions, StageName, StageReport, Subject, route
from humanpose3d.run_job import RunJob
from services.angles.analysis.stage import ANALYSIS
from services.angles.stage import ANGLES
from services.augmenter.stage import AUGMENTER
from services.detector.stage import DETECTOR, read_scouted
from services.refiner.depth.stage import DEPTH
from services.refiner.joints.stage import JOINTS
from shared.artefacts import Shelf, kinds
from shared.machine import return_freed_memory
from shared.models import sha256
from shared.names import safe_name
from shared.results.figures import ANGLES_FOLDER, Figures
from shared.results.model import RunResults
from shared.results.write import publish, write_results
from shared.stage import Progress, Stage

STAGES: Mapping[StageName, Stage[Any, Any]] = {
    stage.name: stage for stage in (DETECTOR, DEPTH, AUGMENTER, ANGLES, JOINTS, ANALYSIS)
}

ProgressBar = Callable[[StageName], AbstractContextManager[Progress]]


def run_pipeline(job: RunJob, output: Path, bar: ProgressBar, name: str | None = None) -> Path:
    """Analyse a video; returns the folder `output/<name>` that holds the results, complete.

    name  of the folder and the files in it; default: the video's.

    Results are written to a hidden folder beside it, which is renamed when complete. On any failure, including Ctrl-C,
    the hidden folder is removed and an earlier result is left unchanged.

    Raises InputError where the video, an option, a model or the output folder cannot be used.
    """
    video, subject, options = job.video, job.subject, job.options
    named_after = video if name is None else Path(f"{name}.mp4")  # whose stem is the name
    name = free_name(output, safe_name(named_after), video)
    for stage_name in route(options):
        STAGES[stage_name].check(options)
    given = {"given_stance": _given_stance(options, subject), "scouted": read_scouted(job.scouted)}
    with _scratch_folder(output) as scratch:
        finished = scratch / "results"
        (finished / ANGLES_FOLDER).mkdir(parents=True)
        artefacts = Shelf(scratch, video=video, subject=subject, workdir=scratch, **given)
        with Figures(name, options, finished) as figures:
            reports, timings = _run_stages(options, artefacts, figures, bar)
            write_results(_results(name, job, artefacts, reports, timings), finished, figures)
        return publish(finished, output / name)


def _run_stages(
    options: RunOptions, artefacts: Shelf, figures: Figures, bar: ProgressBar
) -> tuple[dict[StageName, StageReport], dict[StageName, float]]:
    """Fill the shelf, and begin figures as early as possible; returns the stages' reports and their seconds."""
    reports: dict[StageName, StageReport] = {}
    timings: dict[StageName, float] = {}
    stages = [STAGES[name] for name in route(options)]
    for number, stage in enumerate(stages, start=1):
        started = time.perf_counter()
        with bar(stage.name) as progress:
            made = stage.run_on(artefacts, options, progress)
        timings[stage.name] = time.perf_counter() - started
        reports[stage.name] = made.pop("report")  # type: ignore[assignment]  # every stage's report is one
        artefacts.take(made)
        return_freed_memory()
        figures.begin(artefacts, {name for later in stages[number:] for name in kinds(later.outputs)})
    return reports, timings


def _given_stance(options: RunOptions, subject: Subject) -> NeutralStance | None:
    """The neutral stance of the run that the options name. Raises InvalidOption."""
    if options.neutral_run is None:
        return None
    stance = read_stance(Path(options.neutral_run))
    demand_height(stance.height, subject.height)
    return stance


def _results(
    name: str,
    job: RunJob,
    artefacts: Shelf,
    reports: Mapping[StageName, StageReport],
    timings: Mapping[StageName, float],
) -> RunResults:
    return RunResults(name, sha256(job.video), job.subject, job.options, reports, timings, artefacts, job.notes)


@contextmanager
def _scratch_folder(output: Path) -> Iterator[Path]:
    """A hidden folder in `output`, removed afterwards, as is `output` if it was created for this run and is empty."""
    existed = output.exists()
    scratch = (
        output / f"{scratch_prefix(os.getpid())}{secrets.token_hex(4)}"
    )  # named first: an interrupt leaves none behind
    try:
        _create(scratch)
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        if not existed and output.is_dir() and not any(output.iterdir()):
            output.rmdir()


def _create(scratch: Path) -> None:
    try:
        scratch.parent.mkdir(parents=True, exist_ok=True)
        scratch.mkdir(mode=0o700)
    except OSError as error:
        raise OutputNotWritable(
            f"The output folder {scratch.parent} cannot be written ({error.strerror}). Choose another with --output."
        ) from None
