"""Parses forms into submissions of runs and of batches; faulty fields are reported by name."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Final, TypeVar

from gateway import webhooks
from gateway.batch_records import BatchRecord
from gateway.errors import ConsentMissing
from gateway.forms import VIDEO_LIST
from humanpose3d.batch.subjects import BatchVideo, assign, by_person, listed_files, same_person
from humanpose3d.batch.videos import Video
from humanpose3d.errors import InvalidOption
from humanpose3d.formats.files import lines_of
from humanpose3d.notes import RunNotes
from humanpose3d.options import RunOptions, Subject
from shared.runtime.run_state import BatchPlace, Webhook

BATCH: Final = "batch"
CONSENT: Final = "consent"
NAME: Final = "name"
SUBJECTS: Final = "subjects"
UPLOAD_KEY: Final = "upload_key"
VIDEO_NAME: Final = "video_name"
VIDEO_OF: Final = "video_of"

_OF_A_VIDEO: Final = (CONSENT, UPLOAD_KEY, VIDEO_NAME, VIDEO_OF, BATCH, *webhooks.FIELDS)
_OF_A_PERSON: Final = (*Subject.model_fields, *RunNotes.model_fields, *RunOptions.model_fields)
FIELDS: Final = (*_OF_A_VIDEO, *_OF_A_PERSON)
BATCH_FIELDS: Final = (NAME, VIDEO_LIST, *_OF_A_PERSON)

MAX_VIDEOS: Final = 2000
"""Of a batch."""

_FILE_OPTIONS: Final = {
    "depth_model_path": ("model", "onnx"),
    "joint_model_path": ("model", "onnx"),
    "main_refiner_path": ("model", "onnx"),
    "norms_path": ("file of norms", "csv"),
}
"""Option → what it names in the server's model folder, and the file's suffix."""
_NO_WINDOW: Final = "show_video: a server has no window; the option is ignored. export_preview shows the detection."
_LONGEST_NAME: Final = 100

Contract = TypeVar("Contract", Subject, RunOptions, RunNotes)


@dataclass(frozen=True)
class Submission:
    """Subject, options, notes, webhook and place in a batch, if there are any, and the server's warnings about them."""

    subject: Subject
    options: RunOptions
    notes: RunNotes
    webhook: Webhook | None
    batch: BatchPlace | None
    warnings: tuple[str, ...]
    suffix: str = ""
    """What the results' name has after the video's: which of several people it is."""

    def fingerprint(self, video: str) -> str:
        """Identical for the same submission of the same video, so that a repeated request is recognised."""
        parts = [self.subject.model_dump(), self.options.model_dump(), video]
        if self.webhook is not None:
            parts.append(self.webhook.model_dump())
        if self.notes:
            parts.append(self.notes.model_dump(mode="json"))
        if self.batch is not None:
            parts.append(self.batch.model_dump())
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class NewBatch:
    """A batch's name, options and videos, and what seems doubtful about them."""

    name: str
    options: RunOptions
    videos: tuple[BatchVideo, ...]
    warnings: tuple[str, ...]

    @property
    def fingerprint(self) -> str:
        """Identical for the same submission."""
        parts = [self.name, self.options.model_dump(), [video.model_dump(mode="json") for video in self.videos]]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def person_schema() -> dict[str, object]:
    """The form's fields about the person, the notes and the options, as OpenAPI."""
    properties: dict[str, object] = {}
    for contract in (Subject, RunNotes, RunOptions):
        properties |= contract.model_json_schema()["properties"]
    return properties


def read_submission(fields: Mapping[str, str], models: Path, *, private_webhooks: bool = False) -> Submission:
    """Check the fields of a form. `models` is the server's model folder; webhooks may be in its private network.

    Raises InvalidOption, or ConsentMissing where that is among the faults, with every faulty field by name.
    """
    _demand_known(fields, FIELDS, "video")
    faults = _consent_fault(fields)
    subject = _part(Subject, fields, faults)
    options = _options(fields, models, faults)
    notes = _part(RunNotes, fields, faults)
    webhook = _webhook(fields, faults, private=private_webhooks)
    if faults or subject is None or options is None or notes is None:
        raise _refused(faults)
    return Submission(subject, options, notes, webhook, None, _warnings(options, subject.doubt))


def read_batch_submission(
    fields: Mapping[str, str], batch: BatchRecord, video_name: str, *, private_webhooks: bool = False
) -> list[Submission]:
    """Check the fields of a form that submits a video of a batch, which states all else: one for each of its people.

    Raises InvalidOption, or ConsentMissing where that is among the faults, with every faulty field by name.
    """
    _demand_known(fields, FIELDS, "video")
    faults = _consent_fault(fields)
    faults |= dict.fromkeys(fields.keys() - set(_OF_A_VIDEO), "is stated by the batch: leave it out")
    webhook = _webhook(fields, faults, private=private_webhooks)
    if faults:
        raise _refused(faults)
    return [_of_batch(batch, video, webhook) for video in batch.named(video_name)]


def _of_batch(batch: BatchRecord, video: BatchVideo, webhook: Webhook | None) -> Submission:
    options, place = video.options(batch.options), BatchPlace(key=batch.key, video=video.video)
    warnings = _warnings(options, video.subject.doubt)
    return Submission(video.subject, options, video.notes, webhook, place, warnings, video.suffix)


def read_batch(fields: Mapping[str, str], table: bytes, models: Path) -> NewBatch:
    """Check the fields of a form that begins a batch.

    table  the table of subjects; empty: all videos are of one person.

    Raises InvalidOption with every faulty field by name, InputError with everything that is wrong in the table.
    """
    _demand_known(fields, BATCH_FIELDS, SUBJECTS)
    faults: dict[str, str] = {}
    options = _options(fields, models, faults)
    name = " ".join(fields.get(NAME, "").split())
    if len(name) > _LONGEST_NAME or not name.isprintable():
        faults[NAME] = f"has up to {_LONGEST_NAME} printable characters"
    if not table.strip() and not fields.get(VIDEO_LIST, "").strip():
        faults[SUBJECTS] = f"is required, or {VIDEO_LIST} with height and weight"
    if faults or options is None:
        raise InvalidOption(faults)
    lines = lines_of(table) if table.strip() else []
    videos = _videos(fields.get(VIDEO_LIST, "").splitlines() or listed_files(lines, SUBJECTS))
    if lines:
        videos = _few(by_person(lines, SUBJECTS, videos))
    given: dict[str, object] = {field: fields[field] for field in _OF_A_PERSON if field in fields}
    found, doubts = assign(lines, SUBJECTS, videos, given) if lines else same_person(videos, given)
    return NewBatch(name, options, tuple(found), (*_warnings(options, None), *doubts))


def _videos(names: list[str]) -> list[Video]:
    names = [name.strip() for name in names if name.strip()]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InvalidOption({VIDEO_LIST: f"are listed twice: {', '.join(twice)}"})
    return _few([Video(Path(PurePosixPath("/") / name), name) for name in names])


def _few(videos: list[Video]) -> list[Video]:
    """The same, unless they are too many. Raises InvalidOption."""
    if len(videos) > MAX_VIDEOS:
        raise InvalidOption({VIDEO_LIST: f"are {len(videos)}; a batch has up to {MAX_VIDEOS}"})
    return videos


def _demand_known(fields: Mapping[str, str], known: tuple[str, ...], file: str) -> None:
    unknown = sorted(fields.keys() - set(known))
    if unknown:
        raise InvalidOption(dict.fromkeys(unknown, f"there is no such field (there are: {file}, {', '.join(known)})"))


def _consent_fault(fields: Mapping[str, str]) -> dict[str, str]:
    if fields.get(CONSENT) == "accepted":
        return {}
    return {CONSENT: "the person in the video has to consent to the analysis; send consent=accepted then"}


def _refused(faults: Mapping[str, str]) -> InvalidOption:
    return ConsentMissing(faults) if CONSENT in faults else InvalidOption(faults)


def _options(fields: Mapping[str, str], models: Path, faults: dict[str, str]) -> RunOptions | None:
    named = {name: _named(name, value, models, faults) for name, value in fields.items() if name in _FILE_OPTIONS}
    return _part(RunOptions, {**fields, **named}, faults)


def _webhook(fields: Mapping[str, str], faults: dict[str, str], *, private: bool) -> Webhook | None:
    try:
        return webhooks.read_webhook(fields, private=private)
    except InvalidOption as error:
        faults.update(error.faults)
        return None


def _warnings(options: RunOptions, doubt: str | None) -> tuple[str, ...]:
    return tuple(filter(None, (_NO_WINDOW if options.show_video else None, doubt)))


def _part(contract: type[Contract], fields: Mapping[str, str], faults: dict[str, str]) -> Contract | None:
    try:
        return contract.parse({name: fields[name] for name in contract.model_fields if name in fields})
    except InvalidOption as error:
        faults.update(error.faults)
        return None


def _named(option: str, value: str, models: Path, faults: dict[str, str]) -> str:
    """The name of a file in the server's model folder, without its folder: no other file is ever opened."""
    kind, suffix = _FILE_OPTIONS[option]
    name = PureWindowsPath(value).name  # understands both kinds of separator
    present = sorted(path.name for path in models.glob(f"*.{suffix}"))
    if name not in present:
        faults[option] = f"there is no {kind} {name!r} on this server (there are: {', '.join(present) or 'none'})"
    return name
