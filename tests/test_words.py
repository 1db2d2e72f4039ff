"""The words that the glossary of CONTRIBUTING.md replaces stay out of names, comments, messages and documents."""

import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

REPLACED = {
    r"pictures?|pictured": "image, figure",
    r"film(s|ed|ing)?": "record, recording, video",
    r"mend(s|ed|ing)?": "correct, repair",
    r"exchang(e|es|ed|ing)": "swap",
    r"put back": "restored, corrected",
    r"anew": "again",
    r"of ours": "our",
    r"whoever|whomever": "the person, process or worker that",
    r"nobody|somebody": "no person, a person",
    r"asked for": "requested",
    r"so many": "n, that many",
    r"went (in|out)": "input, output",
    r"trembl(e|es|ed|ing)": "jitter",
    r"aslant|whence|thereof|lest": "plain words",
    r"(the|a|its|their) (lane|lanes|crew|desk)": "track, pool, run service",
}
"""Pattern of a replaced word → its replacement."""

CODES = re.compile(
    r"nobody-detected|timestamps-mended|outside-picture|idempotency|docs/pictures|make pictures|pictures/"
)
"""Stable codes and file names that hold such a word."""

WORD = re.compile(rf"(?<![A-Za-z])(?:{'|'.join(REPLACED)})(?![A-Za-z])", re.IGNORECASE)
PROSE = (".md", ".html")
LEFT_OUT = ("CHANGELOG.md", "gateway/static/vendor/", "benchmarks/results/", "requirements/", "tests/test_words.py")


def files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [
        ROOT / name
        for name in listed.splitlines()
        if not name.startswith(LEFT_OUT) and (name.endswith((".py", *PROSE)) or name == "gateway/static/texts.js")
    ]


def replaced_words(path: Path) -> Iterator[tuple[int, str]]:
    """Line number and word of every replaced word."""
    text = path.read_text(encoding="utf-8")
    for line, piece in _pieces(text) if path.suffix == ".py" else enumerate(text.splitlines(), 1):
        for found in WORD.finditer(CODES.sub("", piece).replace("_", " ")):
            yield line + piece[: found.start()].count("\n"), found.group()


def _pieces(source: str) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in (tokenize.NAME, tokenize.STRING, tokenize.COMMENT):
            yield token.start[0], token.string


def test_replaced_words_stay_out():
    if not (ROOT / ".git").exists():
        pytest.skip("needs the repository's list of files")
    found = [
        f"{path.relative_to(ROOT)}:{line}: {word}"
        for path in files()
        if path.exists()
        for line, word in replaced_words(path)
    ]
    assert not found, "\n".join(["words that the glossary of CONTRIBUTING.md replaces:", *found])


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("x = 1  # mended since", ["mended"]),
        ('"""Nobody was filmed."""', ["Nobody", "filmed"]),
        ("def test_the_picture_is_anew(): ...", ["picture", "anew"]),
        ("filmstrip = recommended = 0", []),
        ('code = "nobody-detected"', []),
    ],
)
def test_the_search_itself(source, words, tmp_path):
    path = tmp_path / "source.py"
    path.write_text(source)
    assert [word for _, word in replaced_words(path)] == words
