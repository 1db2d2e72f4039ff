"""The figures that a run's options request, each drawn as soon as what it shows is there."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from humanpose3d.options import RunOptions
from shared.results.plot_pool import PlotPool

ANGLES_FOLDER: Final = "joint_angles"

_SIDE_BY_SIDE: Final = 20_000
"""Frames up to which figures are drawn in parallel. Each process holds the motion in memory, and for long recordings
drawing is the smaller part of the time."""


@dataclass(frozen=True)
class _Run:
    """Whose figures they are, and the folder of its results."""

    name: str
    options: RunOptions
    folder: Path

    def angles_file(self, figure: str) -> Path:
        return self.folder / ANGLES_FOLDER / f"{self.name}_{figure}.png"


class Figures:
    """The figures of a run in its results' folder, which exists with its folder of angles; a context manager.

    Other processes draw, while the run goes on; they start with the first figures.
    """

    def __init__(self, name: str, options: RunOptions, folder: Path) -> None:
        self._run = _Run(name, options, folder)
        self._wanted = [figure for figure in _FIGURES if getattr(options, figure.option)]
        self._pool = PlotPool(len(self._wanted))
        self._alone: list[Callable[[], None]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._pool.__exit__(kind, error, traceback)

    def begin(self, artefacts: Mapping[str, Any], expected: Collection[str] = ()) -> None:
        """Start those that show none of the artefacts that are still expected, by name."""
        ready = [figure for figure in self._wanted if not figure.shows & set(expected)]
        self._wanted = [figure for figure in self._wanted if figure not in ready]
        for figure in ready:
            if artefacts["video_facts"].frames > _SIDE_BY_SIDE:
                self._alone.append(partial(figure.draw, self._run, artefacts))
            else:
                shown = {name: artefacts[name] for name in figure.shows if name in artefacts}
                self._pool.begin([partial(figure.draw, self._run, shown)])

    def finish(self) -> None:
        """Wait until all that were begun are drawn. Raises what a drawing raises, StageCrashed where a process died."""
        self._pool.finish()
        for drawing in self._alone:
            drawing()


# Each imports matplotlib when called: the import is slow, and may be done in another process.


def _draw_angles(run: _Run, artefacts: Mapping[str, Any]) -> None:
    from shared.results import plots

    refined = artefacts.get("refined_angles")
    note = "" if refined is None else "refined, with the standard deviation"
    final = artefacts["angles"] if refined is None else refined
    plots.save_joint_angles(run.angles_file("all_joint_angles"), final, run.name, note, artefacts.get("angle_sd"))


def _draw_cycles(run: _Run, artefacts: Mapping[str, Any]) -> None:
    analysis = artefacts.get("analysis")
    if analysis is None or not analysis.curves:
        return
    from shared.results import plots

    plots.save_cycles(run.angles_file("gait_cycles"), analysis, run.name)


def _draw_comparison(run: _Run, artefacts: Mapping[str, Any]) -> None:
    from shared.results import plots

    path = run.angles_file("angle_comparison")
    plots.save_angle_comparison(path, artefacts["angles"], artefacts.get("refined_angles"), run.name)


def _draw_landmarks(run: _Run, artefacts: Mapping[str, Any]) -> None:
    from shared.results import plots

    plots.save_landmarks(run.folder / f"{run.name}_landmarks.png", artefacts["landmarks"], run.name)


def _draw_markers(run: _Run, artefacts: Mapping[str, Any]) -> None:
    from shared.results import plots

    path = run.folder / f"{run.name}_augmented.png"
    plots.save_markers(path, artefacts["augmented_markers"], run.name, run.options.show_all_markers)


@dataclass(frozen=True)
class _Figure:
    """One figure: the option that requests it, and the artefacts that it shows, where there are any."""

    option: str
    shows: frozenset[str]
    draw: Callable[[_Run, Mapping[str, Any]], None]


_FIGURES: Final = (
    _Figure("plot_all_joint_angles", frozenset({"angles", "refined_angles", "angle_sd"}), _draw_angles),
    _Figure("plot_all_joint_angles", frozenset({"analysis"}), _draw_cycles),
    _Figure("save_angle_comparison", frozenset({"angles", "refined_angles"}), _draw_comparison),
    _Figure("plot_landmarks", frozenset({"landmarks"}), _draw_landmarks),
    _Figure("plot_augmented", frozenset({"augmented_markers"}), _draw_markers),
)
