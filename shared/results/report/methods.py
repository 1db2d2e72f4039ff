"""The methods paragraph: the processing of this video, with references. It describes only what this run used."""

from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue

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


def methods(results: RunResults, version: str) -> Html:
    """The paragraph and its references."""
    cite = _Citations()
    sentences = [
        *_detection(results, version, cite),
        *_markers(results),
        *_augmentation(results, cite),
        *_angles(results, cite),
    ]
    listed = [element("li", REFERENCES[name]) for name in cite.cited]
    return joined(element("p", " ".join(sentences)), element("ol", *listed, class_="references"))


_RUNTIMES: Final[Mapping[PoseRuntime, str]] = {"onnx": "ONNX Runtime", "mediapipe": "MediaPipe"}


def _detection(results: RunResults, version: str, cite: _Citations) -> list[str]:
    facts, options = results.video_facts, results.options
    turned = _fact(results, "detector", "turned_deg")
    return [
        f"One video ({facts.width} × {facts.height} pixels, {facts.average_fps:.2f} frames per second, "
        f"{facts.duration_s:.2f} s) was analysed with HumanPose3D {version}.",
        *([f"It was turned by {turned}°, since its rotation information was missing or wrong."] if turned else []),
        f"In every frame, the networks of MediaPipe's PoseLandmarker (model “{options.pose_model}”, run by "
        f"{_RUNTIMES[options.pose_runtime]}) located 33 landmarks of one person {cite('mediapipe', 'blazepose')}; "
        f"those less visible than {options.visibility_min:g} were treated as missing.",
    ]


def _markers(results: RunResults) -> list[str]:
    subject, options = results.subject, results.options
    witness = "upright lines in the image and the person's posture"
    if not _fact(results, "refiner.depth", "gravity_by_upright_lines"):
        witness = "the person's posture"
    told = [
        "From these, 22 markers were placed in a world frame whose vertical is that of gravity as estimated from "
        f"{witness}, and scaled to the standing height of {subject.height:.2f} m."
    ]
    if _fact(results, "refiner.depth", "swaps_share"):
        told.append("Where the detector had swapped left and right, they were relabelled.")
    if _fact(results, "refiner.depth", "filled_share"):
        told.append("Short gaps were filled.")
    if results.made("marker_sd"):
        told.append("The depth of the markers was refined by a neural network.")
    if _fact(results, "refiner.depth", "estimated_share"):
        told.append("Limbs that were occluded for longer were mirrored from the visible side, the head extrapolated.")
    if options.temporal_smoothing and not _warned(results, "not-smoothed"):
        told.append("The markers' paths were low-pass filtered (Butterworth, zero phase, 6 Hz).")
    return told


def _augmentation(results: RunResults, cite: _Citations) -> list[str]:
    copies = results.options.augmentation_cycles
    averaged = f", averaged over {copies} slightly perturbed copies of the motion" if copies > 1 else ""
    told = [
        f"43 anatomical markers were added by OpenCap's marker augmentation networks {cite('opencap', 'enhancer')} as "
        f"distributed with Pose2Sim {cite('pose2sim')}{averaged}."
    ]
    if _fact(results, "augmenter", "estimated_share"):
        told.append("Shank cluster markers and hip joint centres that the networks did not return were estimated.")
    return told


def _angles(results: RunResults, cite: _Citations) -> list[str]:
    told = [
        "A skeleton (OpenSim model of Pose2Sim, after Rajagopal et al.) was scaled to the person and fitted to all "
        "markers over the whole recording, with limits of the joints and smoothness over time.",
        "Joint angles, of landmarks on that skeleton, follow the recommendations of the International Society of "
        f"Biomechanics {cite('lower', 'upper')} and, for the knee, Grood and Suntay {cite('knee')}; no "
        "posture was taken for zero or subtracted.",
    ]
    if results.made("refined_angles"):
        told.append("They were then refined by a neural network; the figures here are the refined ones.")
    return told


def _fact(results: RunResults, stage: StageName, name: str) -> JsonValue:
    """What a stage reported under this name; None where it did not, or did not run."""
    return results.reports[stage].facts.get(name) if stage in results.reports else None


def _warned(results: RunResults, code: str) -> bool:
    return any(warning.code == code for report in results.reports.values() for warning in report.warnings)
