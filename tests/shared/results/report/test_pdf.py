"""The report as PDF, by a real browser, and what is said where there is none."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from humanpose3d.options import RunOptions
from shared.results.report import pdf
from shared.results.write import write_results
from tests.shared.results.report.test_report import made

WANTED = replace(made(), options=RunOptions(pdf=True))


@pytest.mark.skipif(pdf.browser() is None, reason="there is no Chromium (apt-get install chromium)")
def test_the_report_is_printed_to_pdf(tmp_path: Path):
    write_results(WANTED, tmp_path)
    printed = (tmp_path / "report.pdf").read_bytes()
    assert printed.startswith(b"%PDF-")
    assert printed.count(b"/Type /Page\n") >= 4
    assert json.loads((tmp_path / "quality.json").read_text(encoding="utf-8"))["warnings"] == []


def test_without_a_browser_a_warning_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(pdf, "_BROWSERS", ("chromium",))
    results = tmp_path / "results"
    results.mkdir()
    write_results(WANTED, results)
    (warned,) = json.loads((results / "quality.json").read_text(encoding="utf-8"))["warnings"]
    assert (warned["stage"], warned["code"]) == ("report", "pdf-not-written")
    assert "print it to a PDF file" in warned["message"]
    assert not (results / "report.pdf").exists()
    assert (results / "report.html").exists()
