"""Parses a form into a run's subject, options and notes; faulty fields are reported by name."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Final, TypeVar

from gateway import webhooks
from gateway.errors import ConsentMissing
from humanpose3d.errors import InvalidOption
from humanpose3d.notes import RunNotes
from humanpose3d.options import RunOptions, Subject
from shared.runtime.run_state import Webhook

CONSENT: Final = "consent"
UPLOAD_KEY: Final = "upload_key"
VIDEO_NAME: Final = "video_name"
FIELDS: Final = (
    CONSENT,
    UPLOAD_KEY,
    VIDEO_NAME,
    *webhooks.FIELDS,
    *Subject.model_fields,
    *RunNotes.model_fields,
    *RunOptions.model_fields,
)

_FILE_OPTIONS: Final = {
    "depth_model_path": ("model", "onnx"),
    "joint_model_path": ("model", "onnx"),
    "main_refiner_path": ("model", "onnx"),
    "norms_path": ("file of norms", "csv"),
}
"""Option → what it names in the server's model folder, and the file's suffix."""
_NO_WINDOW: Final = "show_video: a server has no window; the option is ignored. export_preview shows the detection."

Contract = TypeVar("Contract", Subject, RunOptions, RunNotes)


@dataclass(frozen=True)
class Submission:
    """Subject, options, notes, the webhook if there is one, and the server's warnings about them."""

    subject: Subject
    options: RunOptions
    notes: RunNotes
    webhook: Webhook | None
    warnings: tuple[str, ...]

    def fingerprint(self, video: str) -> str:
        """Identical for the same submission of the same video, so that a repeated request is recognised."""
        parts = [self.subject.model_dump(), self.options.model_dump(), video]
        if self.webhook is not None:
            parts.append(self.webhook.model_dump())
        if self.notes:
            parts.append(self.notes.model_dump(mode="json"))
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def read_submission(fields: Mapping[str, str], models: Path, *, private_webhooks: bool = False) -> Submission:
    """Check the fields of a form. `models` is the server's model folder; webhooks may be in its private network.

    Raises ConsentMissing, and InvalidOption with every faulty field by name.
    """
    unknown = sorted(fields.keys() - set(FIELDS))
    if unknown:
        raise InvalidOption(dict.fromkeys(unknown, f"there is no such field (there are: video, {', '.join(FIELDS)})"))
    if fields.get(CONSENT) != "accepted":
        raise ConsentMissing("The person in the video has to consent to the analysis; send consent=accepted then.")
    faults: dict[str, str] = {}
    named = {name: _named(name, value, models, faults) for name, value in fields.items() if name in _FILE_OPTIONS}
    subject = _part(Subject, fields, faults)
    options = _part(RunOptions, {**fields, **named}, faults)
    notes = _part(RunNotes, fields, faults)
    webhook = None
    try:
        webhook = webhooks.read_webhook(fields, private=private_webhooks)
    except InvalidOption as error:
        faults.update(error.faults)
    if faults or subject is None or options is None or notes is None:
        raise InvalidOption(faults)
    warnings = (_NO_WINDOW if options.show_video else None, subject.doubt)
    return Submission(subject, options, notes, webhook, tuple(filter(None, warnings)))


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
