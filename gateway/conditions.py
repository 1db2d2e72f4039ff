"""Conditional and range headers of a request (RFC 9110, 13 and 14): the whole file, a range, or only changes."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Final

from starlette.datastructures import Headers

from gateway.errors import PreconditionFailed, RangeNotSatisfiable

_TAG: Final = re.compile(r'(W/)?("[^"]*")')
_RANGE: Final = re.compile(r"bytes=([0-9]*)-([0-9]*)")
_BEYOND: Final = 10**18
"""More than any file has bytes."""


@dataclass(frozen=True)
class Validators:
    """Validators of a file's content: its strong entity tag, and when it last changed."""

    etag: str
    modified: datetime

    @property
    def headers(self) -> dict[str, str]:
        """The response headers with the validators."""
        return {"ETag": self.etag, "Last-Modified": format_datetime(self._second, usegmt=True)}

    def unchanged_since(self, date: str) -> bool | None:
        """Whether the file is unchanged since this date; None for an invalid date, which is ignored."""
        parsed = _date(date)
        return None if parsed is None else self._second <= parsed

    def is_dated(self, date: str) -> bool:
        """Whether the file has this date and no other."""
        return self._second == _date(date)

    @property
    def _second(self) -> datetime:
        return self.modified.astimezone(UTC).replace(microsecond=0)


def is_unchanged(asked: Headers, validators: Validators) -> bool:
    """Whether the client already has this content (304). Raises PreconditionFailed where it requires another."""
    if "if-match" in asked:
        if not _matches(asked.getlist("if-match"), validators.etag, weakly=False):
            raise PreconditionFailed("The file is not the one that If-Match names.")
    elif validators.unchanged_since(asked.get("if-unmodified-since", "")) is False:
        raise PreconditionFailed("The file has changed since the date in If-Unmodified-Since.")
    if "if-none-match" in asked:
        return _matches(asked.getlist("if-none-match"), validators.etag, weakly=True)
    return validators.unchanged_since(asked.get("if-modified-since", "")) is True


def wanted_range(asked: Headers, validators: Validators, size: int) -> tuple[int, int] | None:
    """First byte and length; None for the whole file (also for range formats that a server may ignore).

    Raises RangeNotSatisfiable.
    """
    condition = asked.get("if-range", "").strip()
    if condition and condition != validators.etag and not validators.is_dated(condition):
        return None
    match = _RANGE.fullmatch(asked.get("range", "").replace(" ", ""))
    if match is None or match[0] == "bytes=-":
        return None
    first, last = _position(match[1]), _position(match[2])
    if first is not None and last is not None and last < first:
        return None
    start = first if first is not None else max(0, size - (last or 0))
    if start >= size:
        raise RangeNotSatisfiable(f"The file has {size} bytes.", size)
    end = size if first is None or last is None else min(last + 1, size)
    return start, end - start


def _position(digits: str) -> int | None:
    significant = digits.lstrip("0")
    if not significant:
        return 0 if digits else None
    return int(significant) if len(significant) < len(str(_BEYOND)) else _BEYOND


def _matches(fields: Sequence[str], etag: str, *, weakly: bool) -> bool:
    """Whether one of the tags of these header fields is this one; a weak tag counts in a weak comparison only."""
    value = ",".join(fields)
    if value.strip() == "*":
        return True
    return any(tag == etag and (weakly or not weak) for weak, tag in _TAG.findall(value))


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
        return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):  # raised by the standard library for invalid dates
        return None
