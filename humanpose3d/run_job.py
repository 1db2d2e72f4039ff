"""All that defines one run."""

from dataclasses import dataclass
from pathlib import Path

from humanpose3d.notes import NO_NOTES, RunNotes
from humanpose3d.options import RunOptions, Subject


@dataclass(frozen=True)
class RunJob:
    """What is to be analysed, and how."""

    video: Path
    subject: Subject
    options: RunOptions
    notes: RunNotes = NO_NOTES
