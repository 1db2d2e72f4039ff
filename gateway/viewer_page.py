"""The 3D viewer and a motion as one self-contained HTML file, to view or to send to a colleague."""

import base64
import html
import json
import posixpath
import re
from functools import partial
from typing import Final

from gateway.static_files import STATIC
from humanpose3d.api_models import Skeleton
from humanpose3d.language import Language, catalogue
from humanpose3d.motion import FloatArray, Markers

_ENTRY: Final = "view.js"
_STYLES: Final = ("base", "results", "phone")
_NAMED: Final = {"three": "vendor/three.module.min.js", "orbit-controls": "vendor/OrbitControls.js"}
_RELATIVE: Final = re.compile(r"""(\bfrom\s*|\bimport\s*\(?\s*)"(\.[^"]+)\"""")
_POLICY: Final = "default-src 'none'; script-src 'unsafe-inline' data:; style-src 'unsafe-inline'; img-src data: blob:"
_PAGE: Final = """<!doctype html>
<html lang="{language}" data-language="{language}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>{style}</style>
<script type="importmap">{imports}</script>
<script type="application/json" id="catalogue">{catalogue}</script>
<script type="application/json" id="motion">{motion}</script>
<script type="module">import "~/view.js";</script>
</head>
<body class="alone"></body>
</html>
"""


def viewer_page(name: str, markers: Markers, language: Language = "en") -> str:
    """The page for this motion in this language, with `name` as its heading.

    Positions are stored as 32-bit floats (within 1 µm).
    """
    motion = {
        "name": name,
        "names": markers.names,
        "times": _base64(markers.times, "<f8"),
        "positions": _base64(markers.positions, "<f4"),
        "skeleton": Skeleton().model_dump(),
        "human": base64.b64encode((STATIC / "human.bin").read_bytes()).decode(),
    }
    return _PAGE.format(
        policy=_POLICY,
        language=language,
        catalogue=_in_script(catalogue(language)),
        title=html.escape(name),
        style="".join(_text(f"style/{name}.css") for name in _STYLES),
        imports=_in_script({"imports": _modules()}),
        motion=_in_script(motion),
    )


def _modules() -> dict[str, str]:
    """Every module that the viewer needs, as data URLs by the names under which they import each other."""
    found: dict[str, str] = {}
    waiting = [_ENTRY, *_NAMED.values()]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found[path] = _RELATIVE.sub(partial(_absolute, path), _text(path))
            waiting += [_joined(path, match[2]) for match in _RELATIVE.finditer(_text(path))]
    urls = {
        path: "data:text/javascript;base64," + base64.b64encode(code.encode()).decode() for path, code in found.items()
    }
    aliases = {name: urls[path] for name, path in _NAMED.items()}
    return {**aliases, **{f"~/{path}": url for path, url in urls.items() if path not in _NAMED.values()}}


def _joined(path: str, relative: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), relative))


def _text(path: str) -> str:
    return (STATIC / path).read_text(encoding="utf-8")


def _in_script(value: object) -> str:
    """JSON that cannot end the script element that contains it."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def _base64(values: FloatArray, kind: str) -> str:
    return base64.b64encode(values.astype(kind).tobytes()).decode()


def _absolute(importer: str, found: re.Match[str]) -> str:
    """An import by a relative path, as one by the module's own name."""
    return f'{found[1]}"~/{_joined(importer, found[2])}"'
