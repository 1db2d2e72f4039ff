"""The content of a finished run, by the names of the stages' outputs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from humanpose3d.analysis import Analysis
from humanpose3d.motion import AngleSd, JointAngles, Landmarks, Markers, MarkerSd, MarkerSpread
from humanpose3d.neutral import NeutralStance
from humanpose3d.notes import NO_NOTES, RunNotes
from humanpose3d.options import RunOptions, StageName, StageReport, Subject, VideoFacts

_T = TypeVar("_T")

ARTEFACTS: Final[Mapping[str, type]] = {
    "video_facts": VideoFacts,
    "landmarks": Landmarks,
    "initial_markers": Markers,
    "augmented_markers": Markers,
    "marker_spread": MarkerSpread,
    "angles": JointAngles,
    "marker_sd": MarkerSd,
    "refined_angles": JointAngles,
    "angle_sd": AngleSd,
    "preview": Path,
    "analysis": Analysis,
    "opensim_model": Path,
    "opensim_motion": Path,
    "neutral_stance": NeutralStance,
}
"""The artefacts that results are written from, by the names of the stages' outputs."""


@dataclass(frozen=True, eq=False)
class RunResults:
    """All data of a finished run.

    `name` names the folder and its files (`shared.names.safe_name` of the video). `artefacts` contains the stages'
    outputs (`ARTEFACTS`); each access may read a file again (`shared.artefacts.Shelf`), so that memory holds only what
    is being written.
    """

    name: str
    video_sha256: str
    subject: Subject
    options: RunOptions
    reports: Mapping[StageName, StageReport]
    timings_s: Mapping[StageName, float]
    artefacts: Mapping[str, Any]
    notes: RunNotes = NO_NOTES

    @property
    def video_facts(self) -> VideoFacts:
        """Properties of the video."""
        return self._made("video_facts", VideoFacts)

    @property
    def landmarks(self) -> Landmarks:
        """As detected."""
        return self._made("landmarks", Landmarks)

    @property
    def initial_markers(self) -> Markers:
        """The 22, before refinement."""
        return self._made("initial_markers", Markers)

    @property
    def augmented_markers(self) -> Markers:
        """The 65, final."""
        return self._made("augmented_markers", Markers)

    @property
    def marker_spread(self) -> MarkerSpread:
        """Of the 43."""
        return self._made("marker_spread", MarkerSpread)

    @property
    def marker_sd(self) -> MarkerSd | None:
        """Of the 22, where the depth network states it."""
        return self.artefacts.get("marker_sd")

    @property
    def angles(self) -> JointAngles:
        """As computed from the markers."""
        return self._made("angles", JointAngles)

    @property
    def final_angles(self) -> JointAngles:
        """Refined, where the joints were refined; the CSV files hold these."""
        return self.refined_angles or self.angles

    @property
    def refined_angles(self) -> JointAngles | None:
        """Where the joints were refined."""
        return self.artefacts.get("refined_angles")

    @property
    def angle_sd(self) -> AngleSd | None:
        """Uncertainty of the final angles."""
        return self.artefacts.get("angle_sd")

    @property
    def neutral_stance(self) -> NeutralStance | None:
        """The stance from which angles are also counted, where one was stated."""
        return self.artefacts.get("neutral_stance")

    @property
    def analysis(self) -> Analysis | None:
        """Events and key figures, where the run was analysed for them."""
        return self.artefacts.get("analysis")

    @property
    def preview(self) -> Path | None:
        """The preview video in the caller's scratch folder, where there is one."""
        return self.artefacts.get("preview")

    @property
    def opensim_files(self) -> dict[str, Path]:
        """Files of the fitted skeleton, by the suffix that follows the run's name; may be empty."""
        names = {"opensim_model": ".osim", "opensim_motion": "_ik.mot"}
        return {suffix: self.artefacts[name] for name, suffix in names.items() if self.made(name)}

    def made(self, name: str) -> bool:
        """Whether an artefact exists; nothing is read."""
        return name in self.artefacts

    def _made(self, name: str, kind: type[_T]) -> _T:
        value = self.artefacts[name]
        assert isinstance(value, kind)
        return value
