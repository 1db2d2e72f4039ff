"""The conditions compared: ways from landmarks to markers and joint angles, from the raw detector to both refiners.

The stages run in sequence, as on the command line, at `visibility_min` 0: every condition estimates every landmark, so
none benefits from leaving out those that are hard to see.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from benchmarks.cases import Case, unknown_angles
from cli.pipeline import STAGES
from humanpose3d.errors import ModelError
from humanpose3d.motion import FloatArray, Markers
from humanpose3d.options import RunOptions, StageName, StageReport, route
from humanpose3d.skeleton import MARKERS
from services.refiner.depth.smoothing import low_pass
from shared.models import MODELS_DIRECTORY
from shared.stage import silent
from training.metrics import camera_up, raw_markers, stated_up, upright
from training.scene.camera import WORLD_TO_CAMERA_AXES, Camera, azimuth_frame

DEPTH_MODEL: Final = MODELS_DIRECTORY / "depth_refiner.onnx"
JOINT_MODEL: Final = MODELS_DIRECTORY / "joint_refiner.onnx"


_AFTER_DEPTH: Final[tuple[StageName, ...]] = ("augmenter", "angles")


class NotAvailable(Exception):
    """This condition cannot be measured: a model or result is missing."""


@dataclass(frozen=True, eq=False)
class Answer:
    """The result of one condition for one clip.

    markers    (T, 22, 3) metres, upright as the condition sees it: x to the image's right, y up, z to the camera.
    angles     (T, 12, 3) degrees.
    up         (T, 3) the vertical that it used, in the camera's axes.
    marker_sd  (T, 22) metres along an axis, angle_sd (T, 12, 3) degrees: standard deviations, where it states them.
    models     file → sha256 of the networks used.
    """

    markers: FloatArray
    angles: FloatArray
    up: FloatArray
    marker_sd: FloatArray | None = None
    angle_sd: FloatArray | None = None
    models: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Condition:
    """One condition. `answer` (case, augmentation cycles) raises NotAvailable where something is missing."""

    key: str
    title: str
    answer: Callable[[Case, int], Answer]


def _raw(case: Case, cycles: int) -> Answer:
    return _unrefined(case, raw_markers(case.landmarks, case.subject.height), cycles)


def _filtered(case: Case, cycles: int) -> Answer:
    markers = raw_markers(case.landmarks, case.subject.height)
    return _unrefined(case, low_pass(case.landmarks.times, markers), cycles)


def _raw_levelled(case: Case, cycles: int) -> Answer:
    """Raw, rotated by the camera's true tilt: the error that remains when gravity is known."""
    markers = raw_markers(case.landmarks, case.subject.height)
    turned = markers @ np.swapaxes(_tilt(case.camera), 1, 2)
    return _unrefined(case, turned, cycles, camera_up(case.camera))


def _geometric(case: Case, cycles: int) -> Answer:
    return _refined(case, _options(cycles))


def _depth(case: Case, cycles: int) -> Answer:
    if not DEPTH_MODEL.is_file():
        raise NotAvailable(f"there is no models/{DEPTH_MODEL.name}")
    answer = _refined(case, _options(cycles, str(DEPTH_MODEL)))
    return _required(answer, answer.marker_sd is not None, "the depth network did not run")


def _both(case: Case, cycles: int) -> Answer:
    answer = _refined(case, _options(cycles, str(DEPTH_MODEL), str(JOINT_MODEL)))
    return _required(answer, answer.marker_sd is not None, "the depth network did not run")


def _true_markers(case: Case, cycles: int) -> Answer:
    """True markers: the remaining error is due to the augmenter and its marker definitions."""
    return _unrefined(case, upright(case.markers, case.camera), cycles, camera_up(case.camera))


CONDITIONS: Final = (
    Condition("raw", "raw MediaPipe", _raw),
    Condition("filtered", "MediaPipe + filter", _filtered),
    Condition("raw_levelled", "raw, true tilt given", _raw_levelled),
    Condition("geometric", "geometric refinement", _geometric),
    Condition("depth", "depth refiner", _depth),
    Condition("both", "both refiners", _both),
    Condition("true_markers", "true markers", _true_markers),
)
"""Raw MediaPipe assumes a level camera; the filter is the zero-phase Butterworth at 6 Hz. `raw_levelled` and
`true_markers` use ground truth: they show the cost of tilt, and what no refiner of markers can correct."""


def no_answer(case: Case) -> Answer:
    """The result of a condition that fails on a clip: all values missing."""
    frames = len(case.landmarks.times)
    return Answer(np.full((frames, len(MARKERS), 3), np.nan), unknown_angles(frames), np.full((frames, 3), np.nan))


def _options(cycles: int, depth_model_path: str | None = None, joint_model_path: str | None = None) -> RunOptions:
    return RunOptions(
        augmentation_cycles=cycles,
        visibility_min=0.0,
        main_refiner=False,
        depth_model_path=depth_model_path,
        joint_model_path=joint_model_path,
    )


def _required(answer: Answer, there: bool, reason: str) -> Answer:
    if not there:
        raise NotAvailable(reason)
    return answer


def _unrefined(case: Case, markers: FloatArray, cycles: int, up: FloatArray | None = None) -> Answer:
    """Markers straight into the augmenter."""
    artefacts = {"subject": case.subject, "markers": Markers(case.landmarks.times, MARKERS, markers)}
    made, reports = run_stages(_AFTER_DEPTH, artefacts, _options(cycles))
    level = np.tile(stated_up(0.0, 0.0), (len(markers), 1))
    return Answer(markers, made["angles"].values, level if up is None else up, models=_models(reports))


def _refined(case: Case, options: RunOptions) -> Answer:
    """All stages after the detector. Raises NotAvailable where a network cannot be used."""
    try:
        seen = {"landmarks": case.landmarks, "subject": case.subject, "verticals": case.verticals}
        made, reports = run_stages(refining(options), seen, options)
    except ModelError as error:
        raise NotAvailable(str(error)) from error
    facts = reports["refiner.depth"].facts
    up = stated_up(float(facts["camera_pitch_deg"]), float(facts["camera_roll_deg"]))  # type: ignore[arg-type]  # numbers
    sd, angle_sd = made.get("marker_sd"), made.get("angle_sd")
    return Answer(
        markers=made["markers"].positions,
        angles=(made.get("refined_angles") or made["angles"]).values,
        up=np.tile(up, (len(case.landmarks.times), 1)),
        marker_sd=None if sd is None else sd.values,
        angle_sd=None if angle_sd is None else angle_sd.values,
        models=_models(reports),
    )


def refining(options: RunOptions) -> list[StageName]:
    """The stages of a run from the detector's landmarks to joint angles."""
    return [stage for stage in route(options) if stage not in ("detector", "analysis")]


def run_stages(
    stages: Sequence[StageName], artefacts: Mapping[str, object], options: RunOptions
) -> tuple[dict[str, Any], dict[StageName, StageReport]]:
    """The stages in sequence: all artefacts by name, and the report of each stage."""
    made: dict[str, Any] = dict(artefacts)
    reports = {}
    for name in stages:
        made |= STAGES[name].run_on(made, options, silent)
        reports[name] = made.pop("report")
    return made, reports


def _models(reports: Mapping[StageName, StageReport]) -> dict[str, str]:
    return {file: digest for report in reports.values() for file, digest in report.models.items()}


def _tilt(camera: Camera) -> FloatArray:
    """(T, 3, 3) from the upright axes under the assumption of a level camera to the true upright frame."""
    return np.asarray(azimuth_frame(camera) @ np.swapaxes(WORLD_TO_CAMERA_AXES @ camera.rotations, 1, 2))
