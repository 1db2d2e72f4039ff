"""`--people`: a run for each of the people in a video."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from humanpose3d.batch.videos import Video
from humanpose3d.errors import InputError
from humanpose3d.formats.files import write_atomic
from humanpose3d.options import RunOptions
from services.detector.people.choice import described, prominent
from services.detector.people.tracks import PersonTrack
from services.detector.stage import DetectorInputs, read_scouted, scouted, surveyed
from shared.models import sha256

FOLDER: Final = ".people"
"""In the output folder: who is in each video, found once for all of its runs and for the next command."""


def each_person(videos: Sequence[Video], people: str | int, options: RunOptions, output: Path) -> list[Video]:
    """Each video once for each of its people, who are listed.

    people  `all`, or how many: those who would be chosen first.

    A video without people, or one that cannot be read, stays as it is: its run says what is wrong.

    Raises OutputNotWritable where what was found cannot be kept in the output folder.
    """
    count = None if isinstance(people, str) else people
    return [each for video in videos for each in _each(video, count, options, output / FOLDER)]


def _each(video: Video, count: int | None, options: RunOptions, folder: Path) -> Iterator[Video]:
    try:
        seen, start_s, stored = _found(video.path, count, options, folder)
    except InputError:
        yield video
        return
    if not seen:
        yield video
        return
    print(f"{video.label}: {described(seen, start_s)}")
    yield from (replace(video, person=str(track.number), scouted=stored) for track in seen)


def _found(video: Path, count: int | None, options: RunOptions, folder: Path) -> tuple[list[PersonTrack], float, Path]:
    """The people to analyse, the time of the video's first frame, and the file with all that was found."""
    inputs = DetectorInputs(video, folder)
    survey = surveyed(inputs, options)
    excerpt = f"{survey.times[0]:g}-{survey.times[-1]:g}"
    stored = folder / f"{sha256(video)[:16]}_{excerpt}.json"
    found = read_scouted(stored)
    if found is None:
        found = scouted(inputs, survey)
        folder.mkdir(parents=True, exist_ok=True)
        with write_atomic(stored) as file:
            file.write(found.model_dump_json().encode())
    return prominent(found.people.tracks, count, survey.first_s), survey.first_s, stored
