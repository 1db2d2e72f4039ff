"""Texts for people in their language: of the page, the report, warnings and the command line.

An English text is its own key. `locales/<language>.json` maps it to a translation with the same places: `{name}`, or
`{name:.1f}` with a format for the number. Both this module and the page (`gateway/static/texts.js`) read these files.
A test collects the texts from the code, and finds those that a language lacks.
"""

import json
import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Final, Literal, get_args

Language = Literal["en", "de", "fr", "es", "nl", "zh"]

LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
LOCALES: Final = Path(__file__).with_name("locales")


@dataclass(frozen=True)
class Said:
    """A text and what is put into it, so that a reader's process can translate it.

    A value is a number, a string as it is (a file's name), or a list of texts, which are translated.
    """

    template: str
    values: "Mapping[str, Value]"

    def __str__(self) -> str:
        return ENGLISH(self)


Value = int | float | str | tuple[str | Said, ...]

_DECIMAL_COMMA: Final = ("de", "fr", "es", "nl")
_SPACE_BEFORE_PERCENT: Final = ("de", "fr", "es")
_DATE: Final[Mapping[Language, str]] = {
    "en": "{0.day} {0:%B} {0.year}",
    "de": "{0:%d.%m.%Y}",
    "fr": "{0:%d/%m/%Y}",
    "es": "{0:%d/%m/%Y}",
    "nl": "{0:%d-%m-%Y}",
    "zh": "{0.year}年{0.month}月{0.day}日",
}


def text(english: str) -> str:
    """Mark a text that is translated where it is shown, not here; returned as it is."""
    return english


class Translator:
    """Translates texts into one language, and writes numbers and dates as that language does.

    >>> Translator("de")("{value:.2f} m", value=1.5), Translator("de").number(0.125, ".1%").split()
    ('1,50 m', ['12,5', '%'])
    """

    def __init__(self, language: Language = "en") -> None:
        self.language: Language = language
        self._formatter = _Formatter(self)

    def __call__(self, english: str | Said, /, **values: Value) -> str:
        """The text in this language, with its places filled; the English one where it is not in the catalogue."""
        if isinstance(english, Said):
            return self(english.template, **english.values)
        found = catalogue(self.language).get(english, english)
        return self._formatter.vformat(found, (), values) if values else found

    def number(self, value: float, form: str = "g") -> str:
        """A number, by a format like `.1f` or `.0%`; a negative one that rounds to zero is zero.

        >>> Translator().number(-0.2, ".0f")
        '0'
        """
        written = format(value, form)
        if not written.strip("-0.%"):
            written = written.lstrip("-")
        if self.language in _DECIMAL_COMMA:
            written = written.replace(".", ",")
        return written.replace("%", "\N{NO-BREAK SPACE}%") if self.language in _SPACE_BEFORE_PERCENT else written

    def listed(self, texts: Iterable[str | Said]) -> str:
        """Texts, translated, as an enumeration."""
        return ("、" if self.language == "zh" else ", ").join(map(self, texts))

    def date(self, moment: datetime) -> str:
        """Day and time, with its zone."""
        return f"{_DATE[self.language].format(moment)}, {moment:%H:%M %Z}"


class _Formatter(string.Formatter):
    """`str.format` with numbers and lists in a language."""

    def __init__(self, translator: Translator) -> None:
        self._translator = translator

    def format_field(self, value: Value, format_spec: str) -> str:
        if isinstance(value, str):
            return value
        if isinstance(value, tuple):
            return self._translator.listed(value)
        return self._translator.number(value, format_spec)


ENGLISH: Final = Translator()


@cache
def catalogue(language: Language) -> Mapping[str, str]:
    """English text → text in this language; empty for English."""
    if language == "en":
        return {}
    found: dict[str, str] = json.loads((LOCALES / f"{language}.json").read_text(encoding="utf-8"))
    return found


def language_of(tag: str) -> Language | None:
    """The language of a tag like `de-AT`, `de_DE.UTF-8` or `zh-Hans`; None where there are no texts in it.

    >>> language_of("de_AT.UTF-8"), language_of("pt-BR")
    ('de', None)
    """
    short = tag.replace("_", "-").split("-")[0].split(".")[0].lower()
    return next((language for language in LANGUAGES if language == short), None)
