"""Fills pages: `<!-- generated: NAME -->` and `<!-- include: FILE -->` or `<!-- include: FILE # Heading -->`."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from docs.generate import api, conventions, measurements, messages, options, outputs, settings
from docs.generate.markdown import section

ROOT: Final = Path(__file__).resolve().parents[2]
DOCS: Final = ROOT / "docs"

GENERATORS: Final[Mapping[str, Callable[[], str]]] = {
    "subject": options.subject,
    "notes": options.notes,
    "options": options.run_options,
    "settings": settings.settings,
    "metrics": settings.metrics,
    "files": outputs.files,
    "landmark columns": outputs.landmark_columns,
    "landmarks": outputs.landmarks,
    "markers": outputs.markers,
    "angle files": outputs.angle_files,
    "quality.json": outputs.quality,
    "run.json": outputs.run,
    "summary columns": outputs.summary_columns,
    "stages": outputs.stages,
    "about frames": conventions.about_frames,
    "frames": conventions.frames,
    "about angles": conventions.about_angles,
    "angles": conventions.angles,
    "key figures": outputs.figures,
    "parameter columns": outputs.parameter_columns,
    "cycle columns": outputs.cycle_columns,
    "about rotations": conventions.about_rotations,
    "plausible": conventions.plausible,
    "warnings": messages.warnings,
    "input errors": messages.input_errors,
    "other errors": messages.other_errors,
    "codes": messages.codes,
    "calls": api.calls,
    "angles by view": measurements.angles_by_view,
    "real people": measurements.real_people,
    "accuracy": measurements.accuracy,
    "pretraining": measurements.pretraining,
    "speed": measurements.speed,
    "service": measurements.service,
    "history": measurements.history,
    "requests": measurements.requests,
    "load": measurements.load,
}

MARK: Final = re.compile(r"^<!-- (generated|include): (.+?) -->$", re.MULTILINE)

_LINK: Final = re.compile(r"(?<!!)\[([^\[\]]+)\]\(([^)\s]+)\)")


class UnknownPiece(Exception):
    """A page requests something that no person makes."""


def filled(markdown: str) -> str:
    """The page with every mark replaced. Raises UnknownPiece."""
    return MARK.sub(lambda mark: _included(mark[2]) if mark[1] == "include" else _generated(mark[2]), markdown)


def _generated(name: str) -> str:
    if name not in GENERATORS:
        raise UnknownPiece(f"nothing generates {name!r} (there are: {', '.join(GENERATORS)})")
    return GENERATORS[name]()


def _included(what: str) -> str:
    """A file of the project without its title, or what stands under one heading of it; the page has its own titles."""
    path, _, title = (part.strip() for part in what.partition("#"))
    try:
        text = (ROOT / path).read_text(encoding="utf-8")
        part = section(text, title) if title else text.partition("\n")[2]
    except (OSError, KeyError):
        raise UnknownPiece(f"there is no {what}") from None
    return _LINK.sub(lambda link: _relinked(link, (ROOT / path).parent), part)


def _relinked(link: re.Match[str], folder: Path) -> str:
    """A link of an included file as a page may have it; a link to what is on no page becomes words."""
    if "://" in link[2] or link[2].startswith("#"):
        return link[0]
    target = (folder / link[2].partition("#")[0]).resolve()
    if target.is_relative_to(DOCS):
        return f"[{link[1]}]({target.relative_to(DOCS)})"
    page = _page_of(target)
    return f"[{link[1]}]({page})" if page else link[1]


def _page_of(target: Path) -> str | None:
    """The page that includes a file, or a part of it."""
    for page in sorted(DOCS.glob("*.md")):
        for kind, what in MARK.findall(page.read_text(encoding="utf-8")):
            if kind == "include" and ROOT / what.partition("#")[0].strip() == target:
                return page.name
    return None
