"""The table of subjects: who is in which video."""

import csv
import io
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Final

from humanpose3d.batch.videos import Video
from humanpose3d.errors import InputError, InvalidOption, OutputNotWritable
from humanpose3d.formats.csv_style import guarded, unguarded, use_semicolons
from humanpose3d.notes import RunNotes
from humanpose3d.options import Contract, CsvStyle, PersonRule, RunOptions, Subject, TaskOption

COLUMNS: Final = ("file", "person", "subject", "height", "weight", "task", "session", "labels", "side", "note")


class BatchVideo(Contract):
    """One video of a batch: the person in it, which of those in view it is, the task, and what is noted.

    video         what the batch calls it: its path in the folder, or its file name; with the person where several
                  people of the video are analysed.
    file          the path or file name alone; empty in batches of earlier versions, where it is `video`.
    person, task  the options of these names; None: those of the batch.
    """

    video: str
    file: str = ""
    subject: Subject
    person: PersonRule | None = None
    task: TaskOption | None = None
    notes: RunNotes = RunNotes()

    @property
    def path(self) -> str:
        """The video without the person."""
        return self.file or self.video

    @property
    def suffix(self) -> str:
        """What follows the video's name in that of the results: `_person_2` where several people are analysed."""
        return "" if self.path == self.video else f"_person_{self.person}"

    def options(self, common: RunOptions) -> RunOptions:
        """The options of its run, from those of the batch."""
        own = {"person": self.person, "task": self.task}
        return common.model_copy(update={name: value for name, value in own.items() if value is not None})


@dataclass(frozen=True)
class Row:
    """One line of the table: its number in the file, and its cells by column, without those that are empty."""

    line: int
    cells: dict[str, str]

    def __str__(self) -> str:
        return f"line {self.line} ({self.cells.get('file', '')})"

    @property
    def file(self) -> str:
        """The column of this name; empty where it is."""
        return plain_path(self.cells.get("file", ""))

    def fits_person(self, video: Video) -> bool:
        """Whether it is about this person of the video."""
        return video.person is None or self.cells.get("person", video.person) == video.person

    def matches(self, video: Video) -> bool:
        """Whether the video's path ends like `file` or fits it as a pattern; in upper or lower case."""
        path = PurePosixPath(plain_path(video.path.absolute().as_posix()).casefold())
        file = self.file.casefold()
        return bool(file) and (f"{path}".endswith(f"/{file}") or path.match(file))


def write_template(path: Path, videos: Sequence[Video], given: Mapping[str, object], style: CsvStyle) -> None:
    """Write a table with a line for each video, with what is given for all.

    Raises OutputNotWritable, also where the file exists.
    """
    try:
        with path.open("x", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            table.writeheader()
            for video in videos:
                cells = {"file": video.label, "person": video.person, **given}
                table.writerow({name: guarded(cell) for name, cell in cells.items()})
    except OSError as error:
        raise OutputNotWritable(f"{path} cannot be written: {error.strerror}.") from None
    if style == "semicolon":
        use_semicolons(path, prose=True)


def same_person(videos: Sequence[Video], given: Mapping[str, object]) -> tuple[list[BatchVideo], list[str]]:
    """The videos, all of one person, and what seems doubtful. Raises InvalidOption."""
    row = Row(0, {})
    found = [_batch_video(video, row, given) for video in videos]
    doubts = {each.subject.doubt: None for each in found}
    alike = _equally_tall([(video, row) for video in videos])
    return found, [*(doubt for doubt in doubts if doubt is not None), *alike]


def by_person(lines: Sequence[str], table: str, videos: Sequence[Video]) -> list[Video]:
    """The videos, each once for each of its people where several lines are about it, each with another `person`.

    Raises InputError where the table has other columns.
    """
    rows = _read(lines, table)
    return [each for video, about in zip(videos, _about(rows, videos), strict=True) for each in _people(video, about)]


def _people(video: Video, about: Sequence[Row]) -> Iterator[Video]:
    people = [row.cells.get("person", "") for row in about]
    if video.person is None and len(people) > 1 and all(people) and len(set(people)) == len(people):
        yield from (replace(video, person=person) for person in people)
    else:
        yield video


def assign(
    lines: Sequence[str], table: str, videos: Sequence[Video], given: Mapping[str, object]
) -> tuple[list[BatchVideo], list[str]]:
    """The videos by the lines of the table, and what seems doubtful about it.

    A line that names a video is for this video alone, and goes before lines that fit as a pattern.

    table  what messages call the table.
    given  height, weight and notes where the table has none.

    Raises InputError with everything that is missing or wrong in the table.
    """
    rows = _read(lines, table)
    faults = [fault for row in rows if (fault := _fault(row, given))]
    chosen: list[tuple[Video, Row]] = []
    for video, about in zip(videos, _about(rows, videos), strict=True):
        fitting = [row for row in about if row.fits_person(video)]
        if len(fitting) == 1:
            chosen.append((video, fitting[0]))
        else:
            found = ", ".join(str(row.line) for row in fitting)
            faults.append(f"{video.title}: {f'lines {found} all fit' if fitting else 'no line fits'}")
    if faults:
        listed = "".join(f"\n  {fault}" for fault in faults)
        raise InputError(f"{table} has to be corrected before anything is analysed:{listed}")
    return [_batch_video(video, row, given) for video, row in chosen], list(_doubts(rows, chosen, given))


def listed_files(lines: Sequence[str], table: str) -> list[str]:
    """The column `file` where it names videos, each once. Raises InputError where there is a pattern."""
    rows = _read(lines, table)
    if patterns := [str(row) for row in rows if {"*", "?"} & set(row.cells.get("file", ""))]:
        raise InputError(f"{table} has patterns, which need the list of videos: {', '.join(patterns)}.")
    return list(dict.fromkeys(row.cells["file"] for row in rows if "file" in row.cells))


def _about(rows: Sequence[Row], videos: Sequence[Video]) -> list[list[Row]]:
    """For each video the lines that name it or, where none does, those that fit as a pattern and name no other."""
    labels = [plain_path(video.label) for video in videos]
    naming: dict[str, list[Row]] = {label: [] for label in labels}
    for row in rows:
        naming.get(row.file, []).append(row)
    patterns = [row for row in rows if row.file not in naming]
    return [
        naming[label] or [row for row in patterns if row.matches(video)]
        for label, video in zip(labels, videos, strict=True)
    ]


def _read(lines: Sequence[str], table: str) -> list[Row]:
    delimiter = max(";\t,", key=lines[0].count)
    cells_of = csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter)
    header = [name.strip().lower() for name in next(cells_of, [])]
    if "file" not in header or not set(header) <= {*COLUMNS, ""}:
        unknown = ", ".join(repr(name) for name in header if name not in COLUMNS)
        wrong = f"it also has {unknown}" if "file" in header else "it has no column 'file'"
        raise InputError(f"{table}: the first line names the columns {', '.join(COLUMNS)}, separated alike; {wrong}.")
    return [
        Row(
            cells_of.line_num,
            {name: unguarded(cell.strip()) for name, cell in zip(header, cells, strict=False) if cell.strip()},
        )
        for cells in cells_of
        if any(cell.strip() for cell in cells)
    ]


def _fault(row: Row, given: Mapping[str, object]) -> str:
    """What is wrong with a line; empty where nothing is."""
    faults = [] if "file" in row.cells else ["file is empty"]
    for parse in (lambda: _person(row, given), lambda: _options(row), lambda: _notes(row, given)):
        try:
            parse()
        except InvalidOption as error:
            faults += [f"{name} {fault}" for name, fault in error.faults.items()]
    return f"{row}: {'; '.join(faults)}" if faults else ""


def _equally_tall(chosen: Sequence[tuple[Video, Row]]) -> Iterator[str]:
    """Several people of a video for whom no line of their own states a height."""
    uses = Counter(row.line for _, row in chosen)
    people = Counter(
        video.label
        for video, row in chosen
        if video.person is not None and ("height" not in row.cells or uses[row.line] > 1)
    )
    for label, count in people.items():
        if count > 1:
            yield (
                f"{label}: {count} people are taken to be equally tall, since no line states the height of each; their "
                "lengths and speeds scale with it"
            )


def _doubts(rows: Iterable[Row], chosen: Sequence[tuple[Video, Row]], given: Mapping[str, object]) -> Iterator[str]:
    yield from _equally_tall(chosen)
    used = {row.line: row for _, row in chosen}
    heights: dict[str, dict[float, int]] = defaultdict(dict)
    for line, row in used.items():
        person = _person(row, given)
        if person.doubt is not None:
            yield f"{row}: {person.doubt}"
        heights[_notes(row, given).subject].setdefault(person.height, line)
    for code, lines in heights.items():
        if code and len(lines) > 1:
            listed = ", ".join(f"{height:g} m in line {line}" for height, line in lines.items())
            yield f"subject {code} has several heights: {listed}"
    for row in rows:
        if row.line not in used:
            yield f"{row}: fits no video"


def _batch_video(video: Video, row: Row, given: Mapping[str, object]) -> BatchVideo:
    options = _options(row)
    return BatchVideo(
        video=video.title,
        file=video.label,
        subject=_person(row, given),
        person=options.person if "person" in row.cells else video.person,
        task=options.task if "task" in row.cells else None,
        notes=_notes(row, given),
    )


def _person(row: Row, given: Mapping[str, object]) -> Subject:
    return Subject.parse(_of(Subject, row, given))


def _notes(row: Row, given: Mapping[str, object]) -> RunNotes:
    return RunNotes.parse(_of(RunNotes, row, given))


def _options(row: Row) -> RunOptions:
    """The options that the line states, and the defaults of all others."""
    return RunOptions.parse({name: row.cells[name] for name in ("person", "task") if name in row.cells})


def _of(contract: type[Contract], row: Row, given: Mapping[str, object]) -> dict[str, object]:
    """The fields of a contract: the line's cells, or what is given for all."""
    return {name: value for name, value in {**given, **row.cells}.items() if name in contract.model_fields}


def plain_path(path: str) -> str:
    """With slashes, and letters with accents composed alike: macOS stores them in two parts."""
    return unicodedata.normalize("NFC", path.replace("\\", "/").removeprefix("./"))
