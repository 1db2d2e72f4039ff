"""`report.html`: one run on one self-contained page, to read, to print on A4, or to file in a patient's record.

It loads no external resources and needs no script. All user input is escaped by construction
(`shared.results.report.markup`).
"""

from shared.results.report.page import report_page

__all__ = ["report_page"]
