"""SVG drawings: lines, shapes and words on a card that is readable on light and dark pages."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import atan2, cos, hypot, sin
from typing import Final
from xml.sax.saxutils import escape

Point = tuple[float, float]

INK: Final = "#263238"
QUIET: Final = "#90a4ae"
FAINT: Final = "#cfd8dc"
CARD: Final = "#fafafa"
ACCENT: Final = "#00796b"
AXES: Final = {"x": "#d32f2f", "y": "#2e7d32", "z": "#1565c0"}


@dataclass
class Drawing:
    """A card of this size, in pixels; y points down."""

    width: float
    height: float
    title: str
    _parts: list[str] = field(default_factory=list)

    def line(self, points: Iterable[Point], colour: str = INK, width: float = 2, dash: str = "") -> None:
        """A line with round ends through the points."""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self._parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width:g}" '
            f'stroke-linecap="round" stroke-linejoin="round"{dashed}/>'
        )

    def shape(self, points: Iterable[Point], colour: str, opacity: float = 1) -> None:
        """A filled polygon."""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self._parts.append(f'<polygon points="{path}" fill="{colour}" fill-opacity="{opacity:g}"/>')

    def circle(self, centre: Point, radius: float, colour: str, outline: str = "none", width: float = 2) -> None:
        """A circle."""
        x, y = centre
        self._parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{colour}" stroke="{outline}" '
            f'stroke-width="{width:g}"/>'
        )

    def box(self, corner: Point, size: Point, colour: str, outline: str = "none", radius: float = 6) -> None:
        """A rectangle with round corners."""
        (x, y), (width, height) = corner, size
        self._parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="{radius:g}" '
            f'fill="{colour}" stroke="{outline}" stroke-width="2"/>'
        )

    def text(
        self, at: Point, words: str, size: float = 15, colour: str = INK, anchor: str = "middle", bold: bool = False
    ) -> None:
        """Words, centred at the point unless `anchor` is start or end."""
        weight = ' font-weight="600"' if bold else ""
        self._parts.append(
            f'<text x="{at[0]:.1f}" y="{at[1]:.1f}" font-size="{size:g}" fill="{colour}" '
            f'text-anchor="{anchor}"{weight}>{escape(words)}</text>'
        )

    def arrow(self, start: Point, end: Point, colour: str = INK, width: float = 2.5, head: float = 9) -> None:
        """An arrow."""
        angle = atan2(end[1] - start[1], end[0] - start[0])
        length = hypot(end[0] - start[0], end[1] - start[1])
        stop = max(0.0, length - head * 0.8)
        self.line([start, (start[0] + stop * cos(angle), start[1] + stop * sin(angle))], colour, width)
        self._head(end, angle, colour, head)

    def arc(
        self, centre: Point, radius: float, start: float, end: float, colour: str = ACCENT, width: float = 2.5
    ) -> None:
        """An arrow along a circle, from one angle to another in radians (0 right, positive downwards)."""
        steps = [start + (end - start) * index / 24 for index in range(25)]
        points = [(centre[0] + radius * cos(angle), centre[1] + radius * sin(angle)) for angle in steps]
        self.line(points[:-2], colour, width)
        before, tip = points[-4], points[-1]
        self._head(tip, atan2(tip[1] - before[1], tip[0] - before[0]), colour, 10)

    def svg(self) -> str:
        """The drawing as a file's text."""
        body = "\n".join(self._parts)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width:g} {self.height:g}" role="img" '
            f'font-family="system-ui, -apple-system, Segoe UI, sans-serif">\n<title>{escape(self.title)}</title>\n'
            f'<rect x="1" y="1" width="{self.width - 2:g}" height="{self.height - 2:g}" rx="12" fill="{CARD}" '
            f'stroke="{FAINT}"/>\n{body}\n</svg>\n'
        )

    def _head(self, tip: Point, angle: float, colour: str, size: float) -> None:
        back = [(tip[0] - size * cos(angle + turn), tip[1] - size * sin(angle + turn)) for turn in (-0.42, 0.42)]
        self.shape([tip, *back], colour)
