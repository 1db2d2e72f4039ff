"""`report.html`: one run on one self-contained page, to read, to print on A4, to put into a patient's folder.

It requests nothing from outside and needs no script. Whatever came from a user is escaped by construction
(`shared.results.report.markup`).
"""

from shared.results.report.page import report_page

__all__ = ["report_page"]
