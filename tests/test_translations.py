"""Every text for people is in the catalogue of every language, with the same places, and no catalogue holds another."""

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from humanpose3d.language import LANGUAGES, LOCALES

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("humanpose3d", "shared", "services", "gateway", "cli")
TRANSLATED = {"text": (0,), "t": (0,), "warning": (1,), "unmeasurable": (0, 1)}
"""Function → which of its arguments are English texts."""

_PAGE_TEXT = re.compile(r'^\s{2}\w+:\s*("(?:[^"\\]|\\.)*")', re.MULTILINE)
_PLACE = re.compile(r"\{[^{}]*\}")
_OTHERS = [language for language in LANGUAGES if language != "en"]


def texts_of_the_page() -> list[str]:
    source = (ROOT / "gateway/static/texts.js").read_text(encoding="utf-8")
    return [json.loads(literal) for literal in _PAGE_TEXT.findall(source)]


def texts_in_python() -> Iterator[str]:
    for folder in SOURCES:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield from _texts(ast.parse(path.read_text(encoding="utf-8")))


def _texts(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in TRANSLATED:
            for given in (node.args[at] for at in TRANSLATED[node.func.id] if at < len(node.args)):
                assert not isinstance(given, ast.JoinedStr), f"an f-string cannot be translated: {ast.unparse(given)}"
                if isinstance(given, ast.Constant) and isinstance(given.value, str):
                    yield given.value


@cache
def texts() -> frozenset[str]:
    return frozenset([*texts_of_the_page(), *texts_in_python()])


@cache
def stored(language: str) -> dict[str, str]:
    found: dict[str, str] = json.loads((LOCALES / f"{language}.json").read_text(encoding="utf-8"))
    return found


def test_every_text_of_the_page_is_collected():
    source = (ROOT / "gateway/static/texts.js").read_text(encoding="utf-8")
    table = source[source.index("({") : source.index("\n});")]
    assert len(texts_of_the_page()) == len(re.findall(r"^\s{2}\w+:", table, re.MULTILINE)) > 200


@pytest.mark.parametrize("language", _OTHERS)
def test_no_text_is_missing(language: str):
    assert sorted(texts() - stored(language).keys()) == []


@pytest.mark.parametrize("language", _OTHERS)
def test_no_translation_is_of_a_text_that_is_gone(language: str):
    assert sorted(stored(language).keys() - texts()) == []


@pytest.mark.parametrize("language", _OTHERS)
def test_a_translation_has_the_places_of_its_text(language: str):
    wrong = {
        english: translation
        for english, translation in stored(language).items()
        if sorted(_PLACE.findall(english)) != sorted(_PLACE.findall(translation))
    }
    assert wrong == {}


@pytest.mark.parametrize("language", _OTHERS)
def test_a_catalogue_is_sorted_so_that_changes_meet_rarely(language: str):
    as_sorted = json.dumps(stored(language), indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    assert (LOCALES / f"{language}.json").read_text(encoding="utf-8") == as_sorted
