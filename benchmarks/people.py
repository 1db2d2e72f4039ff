"""Identity of several people who cross, on rendered scenes: `python -m benchmarks.people --scenes DIR --mocap FOLDER…`.

Every person whom `humanpose3d run --people all` would analyse is detected; in each frame, the detected body belongs to
the person whose true joints are nearest. Prints the table and writes it to `benchmarks/results/people.md`.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from humanpose3d.errors import HumanPose3DError
from humanpose3d.motion import FloatArray, Landmarks
from humanpose3d.options import RunOptions
from humanpose3d.skeleton import ALL_MARKERS, LANDMARK_INDEX
from services.detector.people.choice import prominent
from services.detector.stage import DETECTOR, DetectorInputs, scouted, surveyed
from shared.stage import silent
from training.data.group import FRAME_RATE, Group, image_sizes, make_group
from training.mocap.library import find_motions
from training.scene.render import Renderer
from training.scene.video import write_video

RESULT: Final = Path(__file__).with_name("results") / "people.md"

REPORTED: Final = range(200, 210)
"""Seeds of the scenes reported; none was looked at when the method was chosen."""

NO_ONE: Final = -1
GAP: Final = -2

_JOINTS: Final = {
    "RShoulder": "right_shoulder", "LShoulder": "left_shoulder", "RHip": "right_hip", "LHip": "left_hip",
    "RKnee": "right_knee", "LKnee": "left_knee",
}  # fmt: skip
"""Markers and landmarks that are compared."""

_FAR: Final = 0.25
"""Mean distance of these joints, in heights of the person in the image, beyond which a body is no one's."""


@dataclass(frozen=True)
class Followed:
    """One person as analysed.

    identity  (T,) whose body was detected in each frame: index of the true person, NO_ONE or GAP.
    """

    seed: int
    people: int
    alike: bool
    identity: NDArray[np.int64]

    @property
    def person(self) -> int:
        """The true person that most frames belong to; NO_ONE where there is none."""
        found = self.identity[self.identity >= 0]
        return int(np.bincount(found).argmax()) if found.size else NO_ONE

    @property
    def kept(self) -> float:
        """Share of the frames with a body in which it is the person's."""
        found = self.identity[self.identity != GAP]
        return float((found == self.person).mean()) if found.size else 0.0

    @property
    def gaps(self) -> float:
        """Share of the frames without a body."""
        return float((self.identity == GAP).mean())

    @property
    def longest_swap(self) -> int:
        """Frames in a row in which the body is another's."""
        others = (self.identity >= 0) & (self.identity != self.person)
        return max((len(list(run)) for other, run in groupby(others.tolist()) if other), default=0)


def followed(group: Group, video: Path, workdir: Path) -> Iterator[Followed]:
    """Every person who would be analysed, detected in the video of the scene."""
    inputs = DetectorInputs(video, workdir)
    survey = surveyed(inputs, RunOptions())
    seen = scouted(inputs, survey)
    inputs = replace(inputs, scouted=seen)
    for track in prominent(seen.people.tracks, None, survey.first_s):
        try:
            found = DETECTOR.run(inputs, RunOptions(person=str(track.number)), silent).landmarks
        except HumanPose3DError:
            identity = np.full(len(group.times), GAP)
        else:
            identity = identified(group, found)
        yield Followed(group.seed, len(group.actors), group.alike, identity)


def identified(group: Group, found: Landmarks) -> NDArray[np.int64]:
    """(T,) whose body was detected in each frame of the scene."""
    marks = [ALL_MARKERS.index(name) for name in _JOINTS]
    points = [LANDMARK_INDEX[name] for name in _JOINTS.values()]
    sizes = image_sizes(group.camera, group.markers)
    identity = np.full(len(group.times), GAP)
    frames = np.rint((found.times - group.times[0]) * float(FRAME_RATE)).astype(int)
    seen = found.detected & (frames >= 0) & (frames < len(identity))
    joints: FloatArray = np.stack([group.camera.project(each)[:, marks] for each in group.markers])
    away = np.linalg.norm(joints[:, frames[seen]] - found.pixels[seen][:, points], axis=-1).mean(axis=-1)
    away /= sizes[:, frames[seen]]
    identity[frames[seen]] = np.where(away.min(axis=0) < _FAR, away.argmin(axis=0), NO_ONE)
    return identity


def table(rows: Sequence[Followed]) -> str:
    """The figures as Markdown."""
    true = sum({row.seed: row.people for row in rows}.values())
    met = {(row.seed, row.person) for row in rows if row.person != NO_ONE}
    bodies = sum(int((row.identity != GAP).sum()) for row in rows)
    kept = sum(int((row.identity == row.person).sum()) for row in rows) / bodies
    swap, gaps = max(row.longest_swap for row in rows), float(np.mean([row.gaps for row in rows]))
    return f"""\
# Several people

{len({row.seed for row in rows})} rendered scenes of two or three people, at least two of whom cross in the image,
{rows[0].identity.size} frames each. Of {true} people, {len(met)} are analysed. `python -m benchmarks.people`

- identity: share of the frames with a body in which it is the person's own
- swap: most frames in a row in which it is another's
- gaps: share of the frames without a body

| scene | people | two dressed alike | analysed | identity, % | swap, frames | gaps, % |
|---|---|---|---|---|---|---|
{"".join(map(_line, rows))}| **all** | | | {len(rows)} | **{100 * kept:.1f}** | **{swap}** | {100 * gaps:.1f} |
"""


def _line(row: Followed) -> str:
    alike = "yes" if row.alike else "no"
    figures = f"{100 * row.kept:.1f} | {row.longest_swap} | {100 * row.gaps:.1f}"
    return f"| {row.seed} | {row.people} | {alike} | person {row.person + 1} | {figures} |\n"


def main() -> int:
    """The benchmark; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--scenes", type=Path, required=True, help="folder of the videos; those missing are rendered")
    parser.add_argument("--mocap", type=Path, nargs="+", required=True, help="folders of motions")
    parser.add_argument("--seeds", type=int, nargs="+", help=f"other scenes than {REPORTED}; writes no table")
    given = parser.parse_args()
    motions = list(find_motions(given.mocap))
    rows: list[Followed] = []
    given.scenes.mkdir(parents=True, exist_ok=True)
    with Renderer() as renderer:
        for seed in tqdm(given.seeds or REPORTED, unit="scene"):
            group = make_group(seed, 2 + seed % 2, motions)
            video = given.scenes / f"{seed}.mp4"
            if not video.exists():
                write_video(video, group.frames(renderer), FRAME_RATE, 23)
            with tempfile.TemporaryDirectory() as workdir:
                rows += followed(group, video, Path(workdir))
    print(table(rows))
    if not given.seeds:
        RESULT.write_text(table(rows), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
