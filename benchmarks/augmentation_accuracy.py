"""Error of augmented markers against a laboratory's, and the effect of each design choice of the augmenter.

`python -m benchmarks.augmentation_accuracy ../shared/data/mocap/lab` prints the tables of `models/augmenter.md` and
writes `benchmarks/results/augmentation_accuracy.json`. The inputs are made from the laboratory's own markers (joint
centres as middles of bony landmarks), so the constant part of the error is mostly due to how the networks define their
inputs. Trials that are held out for testing are not used.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from humanpose3d.formats.trc import read_trc
from humanpose3d.motion import FloatArray, Markers
from humanpose3d.options import Subject
from humanpose3d.skeleton import MARKERS, RESPONSE_MARKERS
from services.augmenter.augment import PERTURBATION, PRE_ROLL, augment, pre_rolled
from services.augmenter.body import BodyFrame, interpolate, turn
from services.augmenter.complete import carried_along
from services.augmenter.lstm import predict
from shared.stage import silent

RESULT = Path(__file__).parent / "results" / "augmentation_accuracy.json"
TRIALS = ("walking1", "walkingTI1", "walkingTO2", "squats1", "STS1", "DJ1", "DJ2")
SUBJECT = Subject(height=1.70, weight=62.6)  # C7 at 1.46 m in standing; the mass of the scaled OpenSim model
SECONDS = 6.7

CARRIED = {
    "r_mknee": ("r_thigh1", "r_thigh2", "r_thigh3", "r_thigh4", "r_thigh5", "r_knee"),
    "L_mknee": ("L_thigh1", "L_thigh2", "L_thigh3", "L_thigh4", "L_knee"),
    "r_mankle": ("r_sh2", "r_sh3", "r_sh4", "r_shank_antsup", "r_ankle"),
    "L_mankle": ("L_sh2", "L_sh3", "L_shank_antsup", "L_ankle"),
}
"""Landmarks that were marked in standing only, and the markers of their segment that carry them elsewhere."""

BONES = (
    *(("r.ASIS_study", other) for other in ("L.ASIS_study", "r.PSIS_study")),
    *(("L.PSIS_study", other) for other in ("L.ASIS_study", "r.PSIS_study")),
    *((f"{side}_knee_study", f"{side}_{other}_study") for side in "rL" for other in ("mknee", "ankle")),
    *((f"{side}_ankle_study", f"{side}_mankle_study") for side in "rL"),
    *((f"{side}_toe_study", f"{side}_calc_study") for side in "rL"),
    *((f"{side}_lelbow_study", f"{side}_melbow_study") for side in "rL"),
)
"""Landmarks of one bone, whose distance does not change."""


_JOINTS = {"lelbow": "elbow_lat", "melbow": "elbow_med", "lwrist": "wrist_radius", "mwrist": "wrist_ulna"}
LABORATORY_NAMES = {
    "RHJC_study": "R_HJC",
    "LHJC_study": "L_HJC",
    "r_shoulder_study": "R_Shoulder",
    "L_shoulder_study": "L_Shoulder",
    **{f"{side}_{ours}_study": f"{side.upper()}_{theirs}" for side in "rL" for ours, theirs in _JOINTS.items()},
}
KNOWN = [name for name in RESPONSE_MARKERS if not any(cluster in name for cluster in ("thigh", "_sh1", "_sh2", "_sh3"))]
"""The added markers that the laboratory also has; its thigh and shank clusters are at other positions."""
_KNOWN_COLUMNS = [RESPONSE_MARKERS.index(name) for name in KNOWN]


class Trial(NamedTuple):
    """Input markers, and the laboratory's paths of the markers `KNOWN` (T, 31, 3)."""

    markers: Markers
    truth: FloatArray

    def at(self, rate: float) -> "Trial":
        """The same at another frame rate, cut to `SECONDS`."""
        times = np.arange(self.markers.times[0], min(self.markers.times[-1], SECONDS), 1 / rate)
        positions, truth = (interpolate(times, self.markers.times, v) for v in (self.markers.positions, self.truth))
        return Trial(Markers(times, MARKERS, positions), truth)

    def turned(self, angles: FloatArray) -> "Trial":
        """The same in a rotating world: angles (T,) in radians about Y."""
        markers = Markers(self.markers.times, MARKERS, turn(self.markers.positions, angles[:, None]))
        return Trial(markers, turn(self.truth, angles[:, None]))


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("laboratory", type=Path, help="folder with the TRC files (mocap/lab)")
    laboratory = parser.parse_args().laboratory
    trials = [_trial(laboratory, name) for name in TRIALS]
    rows: dict[str, list[tuple[float, float, float]]] = {}
    for trial in trials:
        for name, answer, truth in (*_copies(trial.at(60)), *_turning(trial.at(60)), *_rates(trial)):
            rows.setdefault(name, []).append(_errors(answer, truth))
    result = {name: np.mean(errors, axis=0).round(2).tolist() for name, errors in rows.items()}
    print(f"{'':<44}error   varying part   bone SD (mm)")
    for name, (error, varying, bones) in result.items():
        print(f"{name:<42}{error:>7}{varying:>15}{bones:>10}")
    print(
        "\nfirst 10 frames of clips cut out of a motion: distance from the uncut clip, varying part of the error (mm)"
    )
    starts = {name: np.mean(values, axis=0).round(2).tolist() for name, values in _starts(trials).items()}
    for name, (uncut, varying) in starts.items():
        print(f"{name:<42}{uncut:>7}{varying:>15}")
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(
        json.dumps({"errors_mm": result, "first_10_frames_mm": starts}, indent=2) + "\n", encoding="utf-8"
    )


def _copies(trial: Trial) -> Iterator[tuple[str, FloatArray, FloatArray]]:
    lead = pre_rolled(_frame(trial).enter(trial.markers.positions))
    noise = np.random.default_rng(0).normal(0, PERTURBATION, (20, *lead.shape))
    perturbed = predict(lead + noise, SUBJECT)[:, -len(trial.truth) :].mean(axis=0)
    yield "1 copy", _augmented(trial, 1), trial.truth
    yield "20 copies, perturbed only", _frame(trial).leave(perturbed), trial.truth
    yield "20 copies, from all sides", _augmented(trial, 20), trial.truth


def _turning(trial: Trial) -> Iterator[tuple[str, FloatArray, FloatArray]]:
    """The person rotates while moving, at several rates; the result is rotated back before it is scored."""
    for rate in (45, 90, 180):
        angles = np.radians(rate) * (trial.markers.times - trial.markers.times[0])
        turning = trial.turned(angles)
        following = _frame(turning)
        fixed = BodyFrame(following.origin, np.full_like(following.heading, following.heading.mean()))
        for name, frame in (("one heading a clip", fixed), ("heading that follows", following)):
            lead = pre_rolled(frame.enter(turning.markers.positions))
            answer = frame.leave(predict(lead[None], SUBJECT)[0, -len(angles) :])
            yield f"turning {rate} degrees/s, {name}", turn(answer, -angles[:, None]), trial.truth


def _rates(trial: Trial) -> Iterator[tuple[str, FloatArray, FloatArray]]:
    for rate in (24, 30, 60, 120):
        sampled = trial.at(rate)
        frame = _frame(sampled)
        lead = pre_rolled(frame.enter(sampled.markers.positions))
        answer = frame.leave(predict(lead[None], SUBJECT)[0, -len(sampled.truth) :])
        yield f"{rate} Hz, as it is", answer, sampled.truth
        yield f"{rate} Hz, through 60 Hz", _augmented(sampled, 1), sampled.truth


def _starts(trials: list[Trial]) -> dict[str, list[tuple[float, float]]]:
    """By pre-roll: how far the first 10 frames of clips cut out of the trials are from the uncut ones and the truth."""
    rows: dict[str, list[tuple[float, float]]] = {}
    for trial in (trial.at(60) for trial in trials):
        frame = _frame(trial)
        body, truth = frame.enter(trial.markers.positions), frame.enter(trial.truth)
        whole = predict(body[None], SUBJECT)[0]
        constant = (whole[:, _KNOWN_COLUMNS] - truth)[20:].mean(axis=0)
        of_trial: dict[str, list[tuple[float, float]]] = {}
        for start in range(30, len(body) - 41, 9 if len(body) < 200 else 60):
            for name, lead in _leads(body[start:], body[:start]).items():
                clip = np.concatenate((lead, body[start : start + 10]))
                answer = predict(clip[None], SUBJECT)[0, len(lead) :]
                varying = answer[:, _KNOWN_COLUMNS] - truth[start : start + 10] - constant
                sizes = _mean_mm(answer - whole[start : start + 10]), _mean_mm(varying)
                of_trial.setdefault(name, []).append(sizes)
        for name, values in of_trial.items():
            rows.setdefault(name, []).append(tuple(np.mean(values, axis=0)))
    return rows


def _leads(clip: FloatArray, past: FloatArray) -> dict[str, FloatArray]:
    shipped = pre_rolled(clip)[:PRE_ROLL]
    return {
        "no pre-roll": clip[:0],
        "40 frames, reflected in time": clip[40:0:-1],
        "40 frames, as shipped": shipped,
        "the last 5 of these only": shipped[-5:],
        "the clip's own past": past,
    }


def _errors(answer: FloatArray, truth: FloatArray) -> tuple[float, float, float]:
    """Mean distance, mean distance less each marker's constant part, and mean SD of bone lengths, in mm."""
    difference = answer[:, _KNOWN_COLUMNS] - truth
    varying = difference - difference.mean(axis=0)
    ends = [[RESPONSE_MARKERS.index(name) for name in names] for names in zip(*BONES, strict=True)]
    lengths = np.linalg.norm(answer[:, ends[0]] - answer[:, ends[1]], axis=-1)
    return _mean_mm(difference), _mean_mm(varying), float(lengths.std(axis=0).mean()) * 1e3


def _mean_mm(vectors: FloatArray) -> float:
    return float(np.linalg.norm(vectors, axis=-1).mean()) * 1e3


def _frame(trial: Trial) -> BodyFrame:
    frame = BodyFrame.of(trial.markers.times, trial.markers.positions, SUBJECT.height)
    assert frame is not None
    return frame


def _augmented(trial: Trial, cycles: int) -> FloatArray:
    return augment(trial.markers, _frame(trial), SUBJECT, cycles, silent).positions


def _trial(laboratory: Path, name: str) -> Trial:
    """The networks' inputs from bony landmarks, and their outputs as far as the laboratory has them."""
    standing, moving = (_bridged(read_trc(laboratory / f"{trial}.trc")) for trial in ("static1", name))
    for landmark, carriers in CARRIED.items():
        if landmark not in moving:
            moved = np.stack([np.vstack((np.median(standing[m], axis=0), moving[m])) for m in carriers], axis=1)
            place = np.tile(np.median(standing[landmark], axis=0), (len(moved), 1, 1))
            moving[landmark] = carried_along(moved, place, np.arange(len(moved)) == 0)[1:, 0]
    inputs = _inputs(moving)
    positions = np.stack([inputs[marker] for marker in MARKERS], axis=1)
    truth = np.stack([moving[LABORATORY_NAMES.get(marker, marker.removesuffix("_study"))] for marker in KNOWN], axis=1)
    return Trial(Markers(moving["time"][:, 0], MARKERS, positions), truth)


def _inputs(lab: dict[str, FloatArray]) -> dict[str, FloatArray]:
    def middle(one: str, other: str) -> FloatArray:
        return (lab[one] + lab[other]) / 2

    hip, acromia = middle("R_HJC", "L_HJC"), middle("R_Shoulder", "L_Shoulder")
    up = (acromia - hip) / np.linalg.norm(acromia - hip, axis=1, keepdims=True)
    # The shoulder joint is 17 % of the distance between the acromia below them: Rab et al. 2002, Gait Posture 15:23.
    drop = 0.17 * up * np.linalg.norm(lab["R_Shoulder"] - lab["L_Shoulder"], axis=1, keepdims=True)
    inputs = {"Hip": hip, "Neck": acromia - drop, "Head": acromia + 0.2 * up, "Nose": acromia + 0.2 * up}
    for side, prefix in (("R", "r"), ("L", "L")):
        inputs[f"{side}Hip"], inputs[f"{side}Shoulder"] = lab[f"{side}_HJC"], lab[f"{side}_Shoulder"] - drop
        inputs[f"{side}Knee"] = middle(f"{prefix}_knee", f"{prefix}_mknee")
        inputs[f"{side}Ankle"] = middle(f"{prefix}_ankle", f"{prefix}_mankle")
        inputs[f"{side}BigToe"], inputs[f"{side}SmallToe"] = lab[f"{prefix}_toe"], lab[f"{prefix}_5meta"]
        inputs[f"{side}Heel"] = lab[f"{prefix}_calc"]
        inputs[f"{side}Elbow"] = middle(f"{side}_elbow_lat", f"{side}_elbow_med")
        inputs[f"{side}Wrist"] = middle(f"{side}_wrist_radius", f"{side}_wrist_ulna")
    return inputs


def _bridged(markers: Markers) -> dict[str, FloatArray]:
    paths = {"time": np.tile(markers.times[:, None], (1, 3))}
    for name in markers.names:
        path = markers.position(name)
        seen = np.isfinite(path).all(axis=1)
        paths[name] = interpolate(markers.times, markers.times[seen], path[seen])
    return paths


if __name__ == "__main__":
    main()
