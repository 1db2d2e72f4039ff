"""The pictures of the page on filming."""

from math import cos, radians, sin

from docs.generate.drawing import ACCENT, BAD, FAINT, GOOD, INK, QUIET, SKIN, Drawing, Point
from docs.generate.people import HIP_HEIGHT, STANDING, camera, from_above, from_the_front, from_the_side, tripod


def setup() -> Drawing:
    """Where the camera stands."""
    drawing = Drawing(760, 330, "Camera on a tripod at hip height, level, 2 to 4 metres from the person")
    floor, height = 280.0, 215.0
    hip = floor - HIP_HEIGHT * height
    drawing.line([(30, floor + 6), (730, floor + 6)], FAINT, 4)
    drawing.shape([(172, hip), (640, 38), (640, floor + 4)], ACCENT, 0.08)
    drawing.line([(172, hip), (590, hip)], QUIET, 1.5, "6 6")
    tripod(drawing, (160, hip + 8), floor + 5)
    camera(drawing, (154, hip), 0, 34)
    from_the_side(drawing, (580, floor), height)
    drawing.dimension((160, floor + 32), (580, floor + 32), "2 to 4 m")
    drawing.text((72, hip - 4), "level,", 15, ACCENT, bold=True)
    drawing.text((72, hip + 14), "hip height", 15, ACCENT, bold=True)
    drawing.text((370, 30), "the whole person in the picture, with a margin", 15)
    return drawing


def views() -> Drawing:
    """From which side."""
    drawing = Drawing(760, 400, "Seen from above: cameras at the side, oblique and in front of a walking person")
    middle = (250.0, 105.0)
    for degrees, words, lines in (
        (90, "from the side", ("hip, knee and ankle flexion best,", "the far arm and leg are hidden")),
        (45, "oblique", ("both sides in view: a good", "choice for most movements")),
        (0, "from the front", ("leaning and widths best,", "flexion is guessed")),
    ):
        reach = 190
        place = (middle[0] + reach * cos(radians(degrees)), middle[1] + reach * sin(radians(degrees)))
        _sight(drawing, place, middle)
        camera(drawing, place, degrees + 180, 30)
        right, top = place[0] + 34, place[1] - 8 + (34 if degrees == 90 else 0)
        drawing.text((right, top), words, 15, ACCENT, "start", bold=True)
        for index, text in enumerate(lines):
            drawing.text((right, top + 20 + 18 * index), text, 14, INK, "start")
    from_above(drawing, middle, 30, 0)
    drawing.arrow((middle[0] + 32, middle[1] - 46), (middle[0] + 118, middle[1] - 46), INK)
    drawing.text((middle[0] + 75, middle[1] - 56), "walks this way", 14)
    drawing.line([(40, middle[1]), (middle[0] - 60, middle[1])], FAINT, 3, "2 9")
    drawing.text((110, 40), "seen from above", 14, QUIET)
    return drawing


def framing() -> Drawing:
    """What is in the picture."""
    drawing = Drawing(760, 300, "Good and bad framing")
    cases = ("whole body", "feet cut off", "too far away", "two people")
    for index, words in enumerate(cases):
        left = 24 + index * 181
        drawing.box((left, 24), (166, 220), "#eceff1", INK, 4)
        drawing.verdict((left + 12, 272), index == 0, words)
    from_the_front(drawing, (107, 226), 178)
    from_the_front(drawing, (288, 243), 205)
    drawing.box((206, 245), (164, 12), "#fafafa", "none", 0)
    drawing.line([(207, 244), (369, 244)], BAD, 3)
    from_the_front(drawing, (469, 180), 62)
    from_the_front(drawing, (615, 226), 170)
    from_the_front(drawing, (688, 220), 150, "#8d6e63")
    return drawing


def tilt() -> Drawing:
    """Level, pitched and rolled cameras."""
    drawing = Drawing(760, 300, "A level camera, a camera pitched down, a camera rolled to one side")
    for index, (words, good) in enumerate((("level", True), ("looks down", False), ("rolled", False))):
        left = 20 + index * 247
        drawing.verdict((left + 70, 272), good, words)
        if index < 2:
            _pitched(drawing, left, good)
        else:
            _rolled(drawing, left)
    return drawing


def light() -> Drawing:
    """Where the light comes from."""
    drawing = Drawing(760, 300, "Light from behind the camera, and light from behind the person")
    for left, good, words in ((20.0, True, "light on the person"), (395.0, False, "window behind the person")):
        drawing.box((left + 10, 20), (325, 225), "#eceff1" if good else "#ffffff", FAINT, 8)
        if not good:
            drawing.box((left + 215, 40), (95, 125), "#fff59d", QUIET, 2)
        sun = (left + 50, 62.0) if good else (left + 262, 100.0)
        _sun(drawing, sun)
        camera(drawing, (left + 55, 150), 0, 30)
        tripod(drawing, (left + 52, 158), 232)
        cloth, skin = ("#3f6a8a", SKIN) if good else ("#37474f", "#455a64")
        from_the_side(drawing, (left + 262, 232), 165, STANDING, cloth, skin)
        drawing.verdict((left + 70, 272), good, words)
    return drawing


def clothing() -> Drawing:
    """What to wear."""
    drawing = Drawing(
        760, 300, "Tight clothes that differ from the background, and wide or background-coloured clothes"
    )
    for index, words in enumerate(("tight, sides differ", "wide: joints hidden", "like the background")):
        left = 20 + index * 247
        drawing.box((left + 6, 20), (226, 225), "#b0bec5" if index == 2 else "#eceff1", FAINT, 8)
        cloth = ("#3f6a8a", "#7b5e57", "#a7b6be")[index]
        from_the_front(drawing, (left + 119, 236), 200, cloth, wide=index == 1)
        drawing.verdict((left + 34, 272), index == 0, words)
    drawing.line([(133, 135), (131, 180), (126, 228)], "#ef6c00", 14)
    return drawing


def _sight(drawing: Drawing, start: Point, end: Point) -> None:
    drawing.line(
        [start, (start[0] + 0.8 * (end[0] - start[0]), start[1] + 0.8 * (end[1] - start[1]))], QUIET, 1.5, "6 6"
    )


def _pitched(drawing: Drawing, left: float, level: bool) -> None:
    floor = 240.0
    drawing.line([(left + 10, floor), (left + 230, floor)], FAINT, 4)
    top = (left + 52, 168.0 if level else 70.0)
    tripod(drawing, (top[0], top[1] + 8), floor - 2)
    camera(drawing, top, 0 if level else 26, 30)
    aim = (left + 150, top[1]) if level else (left + 150, 122.0)
    drawing.line([(left + 80, top[1] if level else 84), aim], GOOD if level else BAD, 2, "6 6")
    from_the_side(drawing, (left + 185, floor - 5), 150, STANDING)


def _rolled(drawing: Drawing, left: float) -> None:
    angle = radians(14)

    def turned(x: float, y: float) -> Point:
        return left + 120 + x * cos(angle) - y * sin(angle), 132 + x * sin(angle) + y * cos(angle)

    corners = [turned(x, y) for x, y in ((-70, -92), (70, -92), (70, 92), (-70, 92))]
    drawing.shape(corners, "#eceff1")
    drawing.line([*corners, corners[0]], BAD, 2.5)
    from_the_front(drawing, (left + 120, 208), 150)


def _sun(drawing: Drawing, at: Point) -> None:
    drawing.circle(at, 15, "#fbc02d")
    for step in range(8):
        angle = radians(45 * step)
        ends = [(at[0] + reach * cos(angle), at[1] + reach * sin(angle)) for reach in (20, 27)]
        drawing.line(ends, "#fbc02d", 3)
