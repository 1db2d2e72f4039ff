"""The examples in docstrings are correct."""

import doctest
import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("humanpose3d", "shared", "services", "gateway", "cli", "training", "benchmarks")
EXAMPLE = re.compile(r"^\s*>>> (?!.*doctest: \+SKIP)", re.MULTILINE)
MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for folder in FOLDERS
    for path in sorted((ROOT / folder).rglob("*.py"))
    if EXAMPLE.search(path.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_of_a_module_are_true(module: str):
    result = doctest.testmod(import_module(module))
    assert (result.failed, result.attempted > 0) == (0, True)


def test_examples_are_found():
    assert {"humanpose3d.skeleton", "shared.names"} <= set(MODULES)
