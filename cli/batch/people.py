"""`--people`: a run for each of the people in a video."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from humanpose3d.batch.videos import Video
from humanpose3d.errors import InputError
from humanpose3d.options import RunOptions
from services.detector.people.choice import described
from services.detector.stage import DetectorInputs, people_to_analyse


def each_person(videos: Sequence[Video], people: str | int, options: RunOptions) -> list[Video]:
    """Each video once for each of its people, who are listed.

    people  `all`, or how many: those who would be chosen first.

    A video without people, or one that cannot be read, stays as it is: its run says what is wrong.
    """
    return [each for video in videos for each in _each(video, None if isinstance(people, str) else people, options)]


def _each(video: Video, count: int | None, options: RunOptions) -> Iterator[Video]:
    with tempfile.TemporaryDirectory() as workdir:
        try:
            seen, start_s = people_to_analyse(DetectorInputs(video.path, Path(workdir)), options, count)
        except InputError:
            seen, start_s = [], 0.0
    if not seen:
        yield video
        return
    print(f"{video.label}: {described(seen, start_s)}")
    yield from (replace(video, person=str(track.number)) for track in seen)
