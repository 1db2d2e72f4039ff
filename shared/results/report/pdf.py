"""`report.pdf`: the report printed by a browser of this machine, without its network."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from humanpose3d.errors import OutputNotWritable

_BROWSERS: Final = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "msedge",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
_PATIENCE_S: Final = 120
_ALONE: Final = (
    "--headless",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-extensions",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--no-first-run",
    "--no-pdf-header-footer",
)
"""No host can be resolved, so that nothing leaves the machine."""


def browser() -> str | None:
    """The path of Chromium, Chrome or Edge; None where there is none."""
    return next((found for name in _BROWSERS if (found := shutil.which(name))), None)


def write_pdf(program: str, html: Path, pdf: Path) -> None:
    """Print an HTML file. Raises OutputNotWritable where the browser fails."""
    with tempfile.TemporaryDirectory(prefix="humanpose3d-") as profile:
        command = [program, *_ALONE, f"--user-data-dir={profile}", f"--print-to-pdf={pdf.absolute()}"]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            command.append("--no-sandbox")  # Chromium refuses to start a sandbox as root
        try:
            subprocess.run([*command, html.absolute().as_uri()], capture_output=True, timeout=_PATIENCE_S, check=True)
        except (OSError, subprocess.SubprocessError) as error:
            raise OutputNotWritable("The browser did not print the report. Run again without pdf.") from error
    if not pdf.is_file():
        raise OutputNotWritable("The browser did not print the report. Run again without pdf.")
