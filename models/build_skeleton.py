"""Rebuild models/skeleton.osim from Pose2Sim's OpenSim set-up: `python models/build_skeleton.py POSE2SIM`.

POSE2SIM is the folder of the package Pose2Sim 0.10.49 (BSD-3-Clause, LICENSE-pose2sim). `models/skeleton.md` says what is
changed and why.
"""

import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Final

SETUP: Final = "OpenSim_Setup"
RESULT: Final = Path(__file__).with_name("skeleton.osim")

RENAMED: Final = {
    "L5_S1_Flex_Ext": "lumbar_extension",
    "L5_S1_Lat_Bending": "lumbar_bending",
    "L5_S1_axial_rotation": "lumbar_rotation",
}
"""To the names of Rajagopal et al. 2016, which other tools look for."""

LOCKED: Final = ("mtp_angle", "wrist_flex", "wrist_dev")
"""On both sides: no marker tells them."""

MOVED: Final = {
    "Neck": (-0.01275, 0.36631, 0.0),
    "r_ankle_study": (-0.013, -0.414, 0.053),
    "r_mankle_study": (0.013, -0.4085, -0.038),
}
"""Marker places that differ from Pose2Sim's; those of the left are mirrored."""

MARKERS: Final = {"Markers_Halpe26.xml": None, "Markers_LSTM.xml": "_study"}
"""File → which of its markers, by the end of their names."""


def main(package: Path) -> None:
    """Write the file."""
    setup = package / SETUP
    tree = ET.parse(setup / "Model_Pose2Sim_simple.osim")
    model = tree.getroot()[0]
    model.set("name", "humanpose3d")
    for name in ("ContactGeometrySet", "ControllerSet", "ForceSet"):
        child = model.find(name)
        assert child is not None
        model.remove(child)
    for body in (*model.iter("Body"), *model.iter("Ground")):
        for name in ("WrapObjectSet", "FrameGeometry"):
            child = body.find(name)
            if child is not None:
                body.remove(child)
    for element in model.iter():
        if element.tag == "coordinates":
            element.text = RENAMED.get((element.text or "").strip(), element.text)
        elif element.tag == "Coordinate":
            _change(element)
    objects = model.find("MarkerSet/objects")
    assert objects is not None
    for file, ending in MARKERS.items():
        for marker in ET.parse(setup / file).getroot().iter("Marker"):
            if ending is None or marker.attrib["name"].endswith(ending):
                objects.append(_placed(marker))
    ET.indent(tree, " ")
    tree.write(RESULT, encoding="UTF-8", xml_declaration=True)


def _change(coordinate: ET.Element) -> None:
    name = coordinate.attrib["name"]
    coordinate.set("name", RENAMED.get(name, name))
    if name.startswith(LOCKED):
        _set(coordinate, "locked", "true")
    if name.startswith("arm_add"):
        _set(coordinate, "default_value", "0")


def _placed(marker: ET.Element) -> ET.Element:
    name = marker.attrib["name"]
    place = MOVED.get(name) or MOVED.get("r" + name[1:])
    if place is not None:
        sign = -1 if name.startswith("L") else 1
        _set(marker, "location", f"{place[0]} {place[1]} {sign * place[2]}")
    return marker


def _set(element: ET.Element, tag: str, text: str) -> None:
    child = element.find(tag)
    assert child is not None, (element.attrib, tag)
    child.text = text


if __name__ == "__main__":
    main(Path(sys.argv[1]))
