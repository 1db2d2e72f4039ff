"""All that defines one run."""

from dataclasses import dataclass
from pathlib import Path

from humanpose3d.notes import NO_NOTES, RunNotes
from humanpose3d.options import RunOptions, Subject


@dataclass(frozen=True)
class RunJob:
    """What is to be analysed, and how.

    scouted  file with who is in the video, where that was found out for several runs (`services.detector.stage`).
    """

    video: Path
    subject: Subject
    options: RunOptions
    notes: RunNotes = NO_NOTES
    scouted: Path | None = None
