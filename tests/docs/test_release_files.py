"""The files that describe a release: changelog and citation."""

import re
import shutil
import subprocess

import pytest
import yaml

from tests.docs.blocks import ROOT

HEADING = re.compile(r"^## \[(.+?)\](?: - (\d{4}-\d{2}-\d{2}))?$", re.MULTILINE)
KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_the_changelog_keeps_the_form():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    (first, no_date), *released = HEADING.findall(text)
    assert (first, no_date) == ("Unreleased", "")
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) and date for version, date in released)
    assert set(re.findall(r"^### (.+)$", text, re.MULTILINE)) <= KINDS


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_every_tag_is_in_the_changelog():
    found = subprocess.run(["git", "tag", "--list", "v*"], cwd=ROOT, capture_output=True, text=True)
    versions = {version for version, _ in HEADING.findall((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))}
    assert {tag.removeprefix("v") for tag in found.stdout.split()} <= versions


def test_the_citation_has_what_its_format_requires():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= citation.keys()
    for reference in citation["references"]:
        assert {"type", "title", "authors"} <= reference.keys()
