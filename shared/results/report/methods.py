"""The methods paragraph: the processing of this video, with references. It describes only what this run used."""

from collections.abc import Iterator, Mapping
from typing import Final

from pydantic import JsonValue

from humanpose3d.language import Translator
from humanpose3d.options import PoseRuntime, StageName
from shared.results.model import RunResults
from shared.results.report.markup import Html, element, joined

REFERENCES: Final = {
    "mediapipe": "Lugaresi C, Tang J, Nash H, et al. MediaPipe: A Framework for Building Perception Pipelines. 2019. "
    "arXiv:1906.08172",
    "blazepose": "Bazarevsky V, Grishchenko I, Raveendran K, et al. BlazePose: On-device Real-time Body Pose tracking. "
    "2020. arXiv:2006.10204",
    "opencap": "Uhlrich SD, Falisse A, Kidziński Ł, et al. OpenCap: Human movement dynamics from smartphone videos. "
    "PLOS Computational Biology 2023; 19(10): e1011462",
    "enhancer": "Falisse A, Uhlrich SD, Chaudhari AS, Hicks JL, Delp SL. Marker Data Enhancement for Markerless Motion "
    "Capture. IEEE Transactions on Biomedical Engineering 2025",
    "pose2sim": "Pagnon D, Domalain M, Reveret L. Pose2Sim: An open-source Python package for multiview markerless "
    "kinematics. Journal of Open Source Software 2022; 7(77): 4362",
    "lower": "Wu G, Siegler S, Allard P, et al. ISB recommendation on definitions of joint coordinate system of "
    "various joints for the reporting of human joint motion, part I: ankle, hip, and spine. Journal of "
    "Biomechanics 2002; 35: 543–548",
    "upper": "Wu G, van der Helm FCT, Veeger HEJ, et al. ISB recommendation on definitions of joint coordinate systems"
    " of various joints for the reporting of human joint motion, part II: shoulder, elbow, wrist and hand. "
    "Journal of Biomechanics 2005; 38: 981–992",
    "knee": "Grood ES, Suntay WJ. A joint coordinate system for the clinical description of three-dimensional "
    "motions: application to the knee. Journal of Biomechanical Engineering 1983; 105: 136–144",
}


class _Citations:
    """Numbers references in the order in which they are first cited."""

    def __init__(self) -> None:
        self.cited: list[str] = []

    def __call__(self, *names: str) -> str:
        self.cited += [name for name in names if name not in self.cited]
        return "[" + ", ".join(str(self.cited.index(name) + 1) for name in names) + "]"


def methods(results: RunResults, version: str, t: Translator) -> Html:
    """The paragraph and its references."""
    cite = _Citations()
    sentences = [
        *_detection(results, version, cite, t),
        *_markers(results, t),
        *_augmentation(results, cite, t),
        *_angles(results, cite, t),
    ]
    listed = [element("li", REFERENCES[name]) for name in cite.cited]
    return joined(element("p", " ".join(sentences)), element("ol", *listed, class_="references"))


_RUNTIMES: Final[Mapping[PoseRuntime, str]] = {"onnx": "ONNX Runtime", "mediapipe": "MediaPipe"}


def _detection(results: RunResults, version: str, cite: _Citations, t: Translator) -> Iterator[str]:
    facts, options = results.video_facts, results.options
    yield t(
        "One video ({width} × {height} pixels, {fps:.2f} frames per second, {seconds:.2f} s) was analysed with "
        "HumanPose3D {version}.",
        width=facts.width,
        height=facts.height,
        fps=facts.average_fps,
        seconds=facts.duration_s,
        version=version,
    )
    if turned := _fact(results, "detector", "turned_deg"):
        yield t(
            "It was turned by {degrees}°, since its rotation information was missing or wrong.", degrees=f"{turned}"
        )
    yield t(
        "In every frame, the networks of MediaPipe's PoseLandmarker (model “{model}”, run by {runtime}) located 33 "
        "landmarks of one person {cited}; those less visible than {visibility:g} were treated as missing.",
        model=options.pose_model,
        runtime=_RUNTIMES[options.pose_runtime],
        cited=cite("mediapipe", "blazepose"),
        visibility=options.visibility_min,
    )


def _markers(results: RunResults, t: Translator) -> Iterator[str]:
    height = results.subject.height
    if _fact(results, "refiner.depth", "gravity_by_upright_lines"):
        yield t(
            "From these, 22 markers were placed in a world frame whose vertical is that of gravity as estimated from "
            "upright lines in the image and the person's posture, and scaled to the standing height of {height:.2f} m.",
            height=height,
        )
    else:
        yield t(
            "From these, 22 markers were placed in a world frame whose vertical is that of gravity as estimated from "
            "the person's posture, and scaled to the standing height of {height:.2f} m.",
            height=height,
        )
    if _fact(results, "refiner.depth", "gravity_by_floor"):
        yield t("Since the person walked some way, the vertical also follows from the floor there, taken to be level.")
    if _fact(results, "refiner.depth", "swaps_share"):
        yield t("Where the detector had swapped left and right, they were relabelled.")
    if _fact(results, "refiner.depth", "filled_share"):
        yield t("Short gaps were filled.")
    if results.made("marker_sd"):
        yield t("The depth of the markers was refined by a neural network.")
    if _fact(results, "refiner.depth", "estimated_share"):
        yield t("Limbs that were occluded for longer were mirrored from the visible side, the head extrapolated.")
    if results.options.temporal_smoothing and not _warned(results, "not-smoothed"):
        yield t("The markers' paths were low-pass filtered (Butterworth, zero phase, 6 Hz).")


def _augmentation(results: RunResults, cite: _Citations, t: Translator) -> Iterator[str]:
    copies = results.options.augmentation_cycles
    yield t(
        "43 anatomical markers were added by OpenCap's marker augmentation networks {networks} as distributed with "
        "Pose2Sim {distribution}.",
        networks=cite("opencap", "enhancer"),
        distribution=cite("pose2sim"),
    )
    if copies > 1:
        yield t("They were averaged over {copies} slightly perturbed copies of the motion.", copies=copies)
    if _fact(results, "augmenter", "estimated_share"):
        yield t("Shank cluster markers and hip joint centres that the networks did not return were estimated.")


def _angles(results: RunResults, cite: _Citations, t: Translator) -> Iterator[str]:
    yield t(
        "A skeleton (OpenSim model of Pose2Sim, after Rajagopal et al.) was scaled to the person and fitted to all "
        "markers over the whole recording, with limits of the joints and smoothness over time."
    )
    yield t(
        "Joint angles, of landmarks on that skeleton, follow the recommendations of the International Society of "
        "Biomechanics {isb} and, for the knee, Grood and Suntay {knee}; no posture was taken for zero or subtracted.",
        isb=cite("lower", "upper"),
        knee=cite("knee"),
    )
    if results.made("refined_angles"):
        yield t("They were then refined by a neural network; the figures here are the refined ones.")


def _fact(results: RunResults, stage: StageName, name: str) -> JsonValue:
    """What a stage reported under this name; None where it did not, or did not run."""
    return results.reports[stage].facts.get(name) if stage in results.reports else None


def _warned(results: RunResults, code: str) -> bool:
    return any(warning.code == code for report in results.reports.values() for warning in report.warnings)
