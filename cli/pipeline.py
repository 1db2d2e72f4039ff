"""All stages in sequence, in this process."""

import itertools
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from humanpose3d.errors import OutputNotWritable
from humanpose3d.neutral import NeutralStance, demand_height, read_stance
from humanpose3d.options import RunOptions, StageName, StageReport, Subject, route
from services.angles.analysis.stage import ANALYSIS
from services.angles.stage import ANGLES
from services.augmenter.stage import AUGMENTER
from services.detector.stage import DETECTOR
from services.refiner.depth.stage import DEPTH
from services.refiner.joints.stage import JOINTS
from shared.artefacts import Shelf
from shared.models import sha256
from shared.names import safe_name
from shared.results.model import RunResults
from shared.results.plot_pool import PlotPool
from shared.results.write import number_of_plots, publish, write_results
from shared.stage import Progress, Stage

STAGES: Mapping[StageName, Stage[Any, Any]] = {
    stage.name: stage for stage in (DETECTOR, DEPTH, AUGMENTER, ANGLES, JOINTS, ANALYSIS)
}

ProgressBar = Callable[[StageName], AbstractContextManager[Progress]]


def run_pipeline(video: Path, subject: Subject, options: RunOptions, output: Path, bar: ProgressBar) -> Path:
    """Analyse `video`; returns the folder `output/<video>` that holds the results, complete.

    Results are written to a hidden folder beside it, which is renamed when complete. On any failure, including Ctrl-C,
    the hidden folder is removed and an earlier result is left unchanged.

    Raises InputError where the video, an option, a model or the output folder cannot be used.
    """
    name = _free_name(output, safe_name(video), video)
    for stage_name in route(options):
        STAGES[stage_name].check(options)
    given_stance = _given_stance(options, subject)
    with _scratch_folder(output) as scratch, PlotPool(number_of_plots(options)) as plot_pool:
        artefacts = Shelf(scratch, video=video, subject=subject, workdir=scratch, given_stance=given_stance)
        reports: dict[StageName, StageReport] = {}
        timings: dict[StageName, float] = {}
        for stage_name in route(options):
            started = time.perf_counter()
            with bar(stage_name) as progress:
                made = STAGES[stage_name].run_on(artefacts, options, progress)
            timings[stage_name] = time.perf_counter() - started
            reports[stage_name] = made.pop("report")  # type: ignore[assignment]  # every stage's report is one
            artefacts.take(made)
        finished = scratch / "results"
        finished.mkdir()
        write_results(_results(name, video, artefacts, reports, timings, options), finished, plot_pool)
        return publish(finished, output / name)


def _given_stance(options: RunOptions, subject: Subject) -> NeutralStance | None:
    """The neutral stance of the run that the options name. Raises InvalidOption."""
    if options.neutral_run is None:
        return None
    stance = read_stance(Path(options.neutral_run))
    demand_height(stance.height, subject.height)
    return stance


def _free_name(output: Path, name: str, video: Path) -> str:
    """Name for the video's results; a numbered one (`walk_2`) where another video's results have that name.

    Phones reuse names such as IMG_0001. Results of the same video are replaced, those of another video never.
    """
    if not video.is_file():
        return name  # the detector reports what is wrong with it
    digest = sha256(video)
    names = (name if count == 1 else f"{name}_{count}" for count in itertools.count(1))
    return next(each for each in names if _video_of(output / each) in (None, digest))


def _video_of(results: Path) -> str | None:
    """Hash of the video that a results folder belongs to; None where the folder is missing or does not state it."""
    try:
        run = json.loads((results / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return str(run["video_sha256"]) if isinstance(run, dict) and "video_sha256" in run else None


def _results(
    name: str,
    video: Path,
    artefacts: Shelf,
    reports: Mapping[StageName, StageReport],
    timings: Mapping[StageName, float],
    options: RunOptions,
) -> RunResults:
    return RunResults(name, sha256(video), artefacts["subject"], options, reports, timings, artefacts)


@contextmanager
def _scratch_folder(output: Path) -> Iterator[Path]:
    """A hidden folder in `output`, removed afterwards, as is `output` if it was created for this run and is empty."""
    existed = output.exists()
    try:
        output.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=output))
    except OSError as error:
        raise OutputNotWritable(
            f"The output folder {output} cannot be written ({error.strerror}). Choose another with --output."
        ) from None
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        if not existed and not any(output.iterdir()):
            output.rmdir()
