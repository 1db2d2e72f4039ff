"""The figures of the page on the architecture."""

from typing import Final

from docs.generate.drawing import ACCENT, FAINT, INK, QUIET, Drawing, Point

_STAGES: Final = (
    ("detector", "33 landmarks"),
    ("refiner", "22 markers"),
    ("augmenter", "+ 43 markers"),
    ("angles", "12 joint groups"),
)


def pipeline() -> Drawing:
    """From the video to the results."""
    drawing = Drawing(760, 150, "Video, detector, refiner, augmenter, angles, results")
    boxes = [("video", ""), *_STAGES, ("results", "")]
    for index, (name, makes) in enumerate(boxes):
        left = 18 + index * 123.0
        inside = 0 < index < len(boxes) - 1
        _box(drawing, (left, 40), (98, 52), name, ACCENT if inside else INK)
        if index:
            drawing.arrow((left - 23, 66), (left - 3, 66), INK, 2, 8)
        drawing.text((left + 49, 118), makes, 13, QUIET)
    return drawing


def house() -> Drawing:
    """The services and what lies between them."""
    drawing = Drawing(
        760, 440, "Page, Python client and curl speak to the gateway; gateway and workers share bus and store"
    )
    for index, who in enumerate(("page", "Python", "curl")):
        _box(drawing, (170 + index * 145.0, 18), (130, 40), who, INK)
        drawing.arrow((235 + index * 145.0, 60), (330 + index * 50.0, 104), QUIET, 1.8, 8)
    _box(drawing, (250, 108), (260, 50), "gateway", ACCENT)
    drawing.text((530, 138), "HTTP, uploads, keys", 13, QUIET, "start")
    _box(drawing, (40, 218), (310, 54), "bus: NATS JetStream", INK)
    _box(drawing, (410, 218), (310, 54), "store: folder or S3", INK)
    drawing.arrow((320, 160), (230, 214), INK, 2, 9)
    drawing.arrow((440, 160), (530, 214), INK, 2, 9)
    drawing.text((195, 190), "tasks, state, events", 13, QUIET)
    drawing.text((585, 190), "video, results", 13, QUIET)
    for index, (name, _) in enumerate(_STAGES):
        left = 40 + index * 177.0
        _box(drawing, (left, 338), (149, 48), name, ACCENT)
        drawing.line([(left + 55, 334), (left + 55, 305)], QUIET, 1.8)
        drawing.line([(left + 94, 334), (left + 94, 290)], QUIET, 1.8)
    drawing.line([(95, 305), (626, 305)], QUIET, 1.8)
    drawing.line([(134, 290), (665, 290)], QUIET, 1.8)
    drawing.arrow((150, 305), (150, 276), QUIET, 1.8, 8)
    drawing.arrow((600, 290), (600, 276), QUIET, 1.8, 8)
    drawing.text((380, 418), "workers: as many of each as the machine or the cluster bears", 14, QUIET)
    return drawing


def _box(drawing: Drawing, corner: Point, size: Point, words: str, colour: str) -> None:
    drawing.box(corner, size, "#ffffff", colour if colour == ACCENT else FAINT, 8)
    drawing.text((corner[0] + size[0] / 2, corner[1] + size[1] / 2 + 5), words, 14, colour, bold=True)
