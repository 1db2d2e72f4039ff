"""What MkDocs calls while it builds the site: puts in what is generated, and sees that the site needs no other host.

MkDocs puts this folder before all others while it loads this file, so no module here may be named as a package outside.
"""

import re
from pathlib import Path
from typing import Any, Final

from mkdocs.exceptions import PluginError

from docs.generate import pages

_OUTWARD: Final = re.compile(
    r"""<(?:script|img|iframe|source|video)\b[^>]*\bsrc=["']?(?:https?:)?//"""
    r"""|<link\b(?=[^>]*\brel=["']?(?:stylesheet|preload|preconnect|icon))[^>]*\bhref=["']?(?:https?:)?//"""
    r"""|@import\s+["'(]*(?:https?:)?//|url\(["']?(?:https?:)?//"""
)
"""Whatever a browser would fetch by itself; links for people to follow are not meant."""


def on_page_markdown(markdown: str, *, page: Any, **_rest: Any) -> str:  # noqa: ANN401 -- MkDocs' own types
    """A page's source with what is generated in its place."""
    try:
        return pages.filled(markdown)
    except pages.UnknownPiece as error:
        raise PluginError(f"{page.file.src_path}: {error}") from None


def on_post_build(*, config: Any, **_rest: Any) -> None:  # noqa: ANN401 -- MkDocs' own types
    """Raises PluginError where a page would load anything from elsewhere."""
    site = Path(config["site_dir"])
    for path in sorted([*site.rglob("*.html"), *site.rglob("*.css")]):
        if found := _OUTWARD.search(path.read_text(encoding="utf-8")):
            raise PluginError(f"{path.relative_to(site)} loads from another host: {found[0]}")
