"""Accuracy of markers and joint angles, from the raw detector to both refiners: `make bench-accuracy`.

`python -m benchmarks.accuracy --pairs DIR --real DIR --clip DIR` measures on the test split of rendered pairs, on real
people with a reference and on the balancing clip, whichever is available, prints the tables and writes them to
`benchmarks/results/accuracy.{json,md}`.
`benchmarks/README.md` defines each figure.
"""

import argparse
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks import real_people
from benchmarks.accuracy_tables import markdown
from benchmarks.agreement import by_view_and_angle
from benchmarks.agreement_tables import METHODS
from benchmarks.balancing import REFERENCES, RealClip
from benchmarks.cases import Case, fingerprint, rendered_cases
from benchmarks.conditions import CONDITIONS, Answer, Condition, NotAvailable, no_answer
from benchmarks.intervals import DRAWS, SEED, Figure
from benchmarks.scoring import (
    Errors,
    angle_figures,
    by_motion,
    by_tilt,
    by_view,
    convention,
    courses,
    errors,
    figures,
    spread_figures,
)
from humanpose3d.errors import InvalidMotion, NoPersonDetected
from humanpose3d.motion import FloatArray
from humanpose3d.options import RunOptions

ROOT: Final = Path(__file__).resolve().parents[1]
RESULTS: Final = ROOT / "benchmarks" / "results"
WORK: Final = ROOT / "build" / "accuracy"
REFERENCE_DATA: Final = ROOT.parent / "shared" / "data" / "reference" / "balancing"


_FIGURE: Final = re.compile(r"\[\n\s+((?:-?[\d.e-]+|null),\s+(?:-?[\d.e-]+|null),\s+(?:-?[\d.e-]+|null))\n\s+\]")


@dataclass
class Ledger:
    """Facts about the conditions, collected during measurement."""

    missing: dict[str, str] = field(default_factory=dict)
    models: dict[str, Mapping[str, str]] = field(default_factory=dict)
    failed: dict[str, list[str]] = field(default_factory=dict)

    def told(self) -> dict[str, Any]:
        """By condition, for the results."""
        return {
            condition.key: {
                "title": condition.title,
                "not_available": self.missing.get(condition.key),
                "models": dict(self.models.get(condition.key, {})),
                "failed_clips": self.failed.get(condition.key, []),
            }
            for condition in CONDITIONS
        }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=Path, help="folder that 'humanpose3d train data' made; its test split is used")
    parser.add_argument("--real", type=Path, help="folder of real people with a reference (see benchmarks/README.md)")
    parser.add_argument("--clip", type=Path, default=_installed_clip(), help="Pose2Sim's Demo_SinglePerson folder")
    parser.add_argument("--reference", type=Path, default=REFERENCE_DATA, help="Pose2Sim's and OpenSim's files for it")
    parser.add_argument("--work", type=Path, default=WORK, help="where the clip's detections are kept")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the tables go (default: %(default)s)")
    parser.add_argument("--cycles", type=int, default=RunOptions().augmentation_cycles, help="augmentation cycles")
    chosen = parser.parse_args(arguments)
    if chosen.pairs is None and chosen.clip is None and chosen.real is None:
        parser.error("nothing to measure on: give --pairs, --real or --clip (see benchmarks/README.md)")
    ledger = Ledger()
    measured = {
        "real_people": real_people.measure(chosen.real, chosen.cycles) if chosen.real else None,
        "test_renders": measure_renders(chosen.pairs, chosen.cycles, ledger) if chosen.pairs else None,
        "real_clip": measure_clip(chosen.clip, chosen.reference, chosen.work, chosen.cycles, ledger)
        if chosen.clip
        else None,
    }
    settings = {"augmentation_cycles": chosen.cycles, "bootstrap_draws": DRAWS, "bootstrap_seed": SEED}
    result = {"settings": settings, "conditions": ledger.told(), **measured}
    chosen.results.mkdir(parents=True, exist_ok=True)
    (chosen.results / "accuracy.json").write_text(as_json(result), encoding="utf-8")
    # The tables are generated from the written results, so the two always agree.
    tables = markdown(json.loads((chosen.results / "accuracy.json").read_text(encoding="utf-8")))
    (chosen.results / "accuracy.md").write_text(tables, encoding="utf-8")
    print(tables)


def measure_renders(folder: Path, cycles: int, ledger: Ledger) -> dict[str, Any]:
    """All conditions on the test split, together and by motion, view and tilt.

    Raises InvalidMotion where the folder holds no clip of it.
    """
    cases = list(rendered_cases(folder))
    if not cases:
        raise InvalidMotion(f"{folder} holds no clip of the test split; 'humanpose3d train data' makes one in ten.")
    answers = _all_answers(cases, cycles, ledger)
    offset = convention(cases, answers["true_markers"]) if "true_markers" in answers else None
    clips = {key: _compared(cases, own, offset) for key, own in answers.items()}
    return {
        "clips": len(cases),
        "clips_sha256": fingerprint(cases),
        "frames": int(sum(case.landmarks.detected.sum() for case in cases)),
        "overall": {key: figures(own) for key, own in clips.items()},
        "by_motion": _turned({k: {m: figures(part) for m, part in by_motion(own).items()} for k, own in clips.items()}),
        "by_view": _turned({key: by_view(own) for key, own in clips.items()}),
        "by_tilt": _turned({key: by_tilt(own) for key, own in clips.items()}),
        "angles": {key: angle_figures(own) for key, own in clips.items()},
        "agreement": {key: by_view_and_angle(courses(clips[key])) for key in METHODS if key in clips},
        "stated_sd": {key: found for key, own in clips.items() if (found := spread_figures(own))},
    }


def measure_clip(folder: Path, reference: Path, work: Path, cycles: int, ledger: Ledger) -> dict[str, Any]:
    """All conditions on each camera of the real clip separately, against every available reference."""
    clip = RealClip.read(folder, work)
    answers = _all_answers(clip.cases("triangulated", reference), cycles, ledger)
    there = [name for name in REFERENCES if name == "triangulated" or reference.is_dir()]
    return {"cameras": clip.facts()} | {name: _against(clip.cases(name, reference), answers) for name in there}


def _against(cases: Sequence[Case], answers: Mapping[str, Sequence[Answer]]) -> dict[str, Any]:
    clips = {key: _compared(cases, own) for key, own in answers.items()}
    return {
        "overall": {key: figures(own) for key, own in clips.items()},
        "by_camera": _turned({k: {m: figures(part) for m, part in by_motion(own).items()} for k, own in clips.items()}),
        "angles": {key: angle_figures(own) for key, own in clips.items()},
        "stated_sd": {key: found for key, own in clips.items() if (found := spread_figures(own))},
    }


def _all_answers(cases: Sequence[Case], cycles: int, ledger: Ledger) -> dict[str, list[Answer]]:
    """By condition, those that are available; the reasons for the others are recorded in the ledger."""
    found = {}
    for condition in CONDITIONS:
        print(f"{condition.title}: {len(cases)} clips", file=sys.stderr)
        try:
            found[condition.key] = [_answer(condition, case, cycles, ledger) for case in cases]
        except NotAvailable as reason:
            ledger.missing[condition.key] = str(reason)
    return found


def _answer(condition: Condition, case: Case, cycles: int, ledger: Ledger) -> Answer:
    try:
        answer = condition.answer(case, cycles)
    except (NoPersonDetected, InvalidMotion):
        ledger.failed.setdefault(condition.key, []).append(case.name)
        return no_answer(case)
    ledger.models.setdefault(condition.key, answer.models)
    return answer


def _compared(cases: Sequence[Case], answers: Sequence[Answer], offset: FloatArray | None = None) -> list[Errors]:
    return [errors(case, answer, offset) for case, answer in zip(cases, answers, strict=True)]


def _turned(table: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """{condition: {part: figures}} as {part: {condition: figures}}."""
    parts = dict.fromkeys(part for own in table.values() for part in own)
    return {part: {key: own[part] for key, own in table.items() if part in own} for part in parts}


def _installed_clip() -> Path | None:
    """The demo of the pose2sim package in `.venv-reference`, where that is installed."""
    packages = (ROOT / ".venv-reference" / "lib").glob("python3*/site-packages/Pose2Sim/Demo_SinglePerson")
    return next(packages, None)


def as_json(result: Mapping[str, Any]) -> str:
    """Figures as [value, low, high] on one line each."""
    text = json.dumps(result, indent=1, default=_plain, ensure_ascii=False)
    return _FIGURE.sub(lambda found: f"[{' '.join(found[1].split())}]", text) + "\n"


def _plain(value: object) -> object:
    if isinstance(value, Figure):
        return astuple(value)
    raise TypeError(f"{type(value).__name__} cannot stand in JSON")


if __name__ == "__main__":
    main()
