"""The table of subjects: who is in which video."""

import csv
import io
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from cli.batch.videos import Video
from humanpose3d.errors import InputError, InvalidOption, OutputNotWritable
from humanpose3d.formats.csv_style import use_semicolons
from humanpose3d.formats.files import read_lines
from humanpose3d.options import CsvStyle, RunOptions, Subject

COLUMNS: Final = ("file", "subject", "height", "weight", "task", "side", "note")


@dataclass(frozen=True)
class Job:
    """One video of a batch: the person in it, the options of its run, and what the user notes about it."""

    video: Video
    person: Subject
    options: RunOptions
    subject: str = ""
    side: str = ""
    note: str = ""


@dataclass(frozen=True)
class Row:
    """One line of the table: its number in the file, and its cells by column, without those that are empty."""

    line: int
    cells: dict[str, str]

    def __str__(self) -> str:
        return f"line {self.line} ({self.cells.get('file', '')})"

    def names(self, video: Video) -> bool:
        """Whether it is about this very video."""
        return _plain(self.cells.get("file", "")) == _plain(video.label)

    def matches(self, video: Video) -> bool:
        """Whether the video's path ends like `file` or fits it as a pattern; in upper or lower case."""
        path = PurePosixPath(_plain(video.path.absolute().as_posix()).casefold())
        file = _plain(self.cells.get("file", "")).casefold()
        return bool(file) and (f"{path}".endswith(f"/{file}") or path.match(file))


def write_template(path: Path, videos: Sequence[Video], person: dict[str, object], style: CsvStyle) -> None:
    """Write a table with a line for each video, with height and weight where they are known.

    Raises OutputNotWritable, also where the file exists.
    """
    try:
        with path.open("x", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            table.writeheader()
            table.writerows({"file": video.label, **person} for video in videos)
    except OSError as error:
        raise OutputNotWritable(f"{path} cannot be written: {error.strerror}.") from None
    if style == "semicolon":
        use_semicolons(path, prose=True)


def same_person(videos: Sequence[Video], person: dict[str, object], options: RunOptions) -> list[Job]:
    """A job for each video, all of one person. Raises InvalidOption."""
    subject = Subject.parse(person)
    return [Job(video, subject, options) for video in videos]


def read_jobs(
    table: Path, videos: Sequence[Video], person: dict[str, object], options: RunOptions
) -> tuple[list[Job], list[str]]:
    """A job for each video by the table, and what seems doubtful about it.

    A line that names a video is for this video alone, and goes before lines that fit as a pattern.

    person   height and weight where the table has none.
    options  of all runs; the table's task goes before theirs.

    Raises InputError with everything that is missing or wrong in the table.
    """
    rows = _read(table)
    faults = [fault for row in rows if (fault := _fault(row, person, options))]
    patterns = [row for row in rows if not any(row.names(video) for video in videos)]
    chosen: list[tuple[Video, Row]] = []
    for video in videos:
        fitting = [row for row in rows if row.names(video)] or [row for row in patterns if row.matches(video)]
        if len(fitting) == 1:
            chosen.append((video, fitting[0]))
        else:
            lines = ", ".join(str(row.line) for row in fitting)
            faults.append(f"{video.label}: {f'lines {lines} all fit' if fitting else 'no line fits'}")
    if faults:
        listed = "".join(f"\n  {fault}" for fault in faults)
        raise InputError(f"{table} has to be corrected before anything is analysed:{listed}")
    return [_job(video, row, person, options) for video, row in chosen], list(_doubts(rows, chosen, person))


def _read(path: Path) -> list[Row]:
    lines = read_lines(path)
    delimiter = max(";\t,", key=lines[0].count)
    table = csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter)
    header = [name.strip().lower() for name in next(table, [])]
    if "file" not in header or not set(header) <= {*COLUMNS, ""}:
        unknown = ", ".join(repr(name) for name in header if name not in COLUMNS)
        wrong = f"it also has {unknown}" if "file" in header else "it has no column 'file'"
        raise InputError(f"{path}: the first line names the columns {', '.join(COLUMNS)}, separated alike; {wrong}.")
    return [
        Row(table.line_num, {name: cell.strip() for name, cell in zip(header, cells, strict=False) if cell.strip()})
        for cells in table
        if any(cell.strip() for cell in cells)
    ]


def _fault(row: Row, person: dict[str, object], options: RunOptions) -> str:
    """What is wrong with a line; empty where nothing is."""
    faults = [] if "file" in row.cells else ["file is empty"]
    for parse in (lambda: _person(row, person), lambda: _options(row, options)):
        try:
            parse()
        except InvalidOption as error:
            faults += [f"{name} {fault}" for name, fault in error.faults.items()]
    return f"{row}: {'; '.join(faults)}" if faults else ""


def _doubts(rows: Iterable[Row], chosen: Iterable[tuple[Video, Row]], person: dict[str, object]) -> Iterator[str]:
    used = {row.line: row for _, row in chosen}
    heights: dict[str, dict[float, int]] = defaultdict(dict)
    for line, row in used.items():
        given = _person(row, person)
        if given.doubt is not None:
            yield f"{row}: {given.doubt}"
        heights[row.cells.get("subject", "")].setdefault(given.height, line)
    for code, lines in heights.items():
        if code and len(lines) > 1:
            listed = ", ".join(f"{height:g} m in line {line}" for height, line in lines.items())
            yield f"subject {code} has several heights: {listed}"
    for row in rows:
        if row.line not in used:
            yield f"{row}: fits no video"


def _job(video: Video, row: Row, person: dict[str, object], options: RunOptions) -> Job:
    about = {name: row.cells.get(name, "") for name in ("subject", "side", "note")}
    return Job(video, _person(row, person), _options(row, options), **about)


def _person(row: Row, person: dict[str, object]) -> Subject:
    return Subject.parse({**person, **{name: row.cells[name] for name in ("height", "weight") if name in row.cells}})


def _options(row: Row, options: RunOptions) -> RunOptions:
    return RunOptions.parse({**options.model_dump(), "task": row.cells.get("task", options.task)})


def _plain(path: str) -> str:
    """With slashes, and letters with accents composed alike: macOS stores them in two parts."""
    return unicodedata.normalize("NFC", path.replace("\\", "/").removeprefix("./"))
