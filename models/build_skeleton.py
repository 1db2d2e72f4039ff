"""Rebuild models/skeleton.osim from Pose2Sim's OpenSim set-up: `python models/build_skeleton.py POSE2SIM`.

POSE2SIM is the folder of the package Pose2Sim 0.10.49 (BSD-3-Clause, LICENSE-pose2sim). `models/skeleton.md` states
what is changed and why.
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
"""New names: those of Rajagopal et al. 2016, which other tools expect."""

LOCKED: Final = ("mtp_angle", "wrist_flex", "wrist_dev", "neck_")
"""Locked coordinates, by the start of the name: no marker determines them, or too few do."""

MOVED: Final = {
    "Neck": (0.0, 0.355, 0.0),
    "Hip": (-0.0707, -0.0661, 0.0),
    "RHip": (-0.0707, -0.0661, 0.105),
    "RKnee": (0.0, -0.402, 0.0),
    "RAnkle": (0.0, -0.425, 0.005),
    "RHeel": (0.014, 0.027, -0.008),
    "RShoulder": (0.0, 0.355, 0.195),
    "RElbow": (0.01314, -0.28627, -0.0096),
    "RWrist": (-0.0088, -0.232, 0.0136),
    "r.ASIS_study": (-0.005, -0.014, 0.138),
    "r.PSIS_study": (-0.190, -0.013, 0.055),
    "RHJC_study": (-0.0997, -0.0931, 0.0815),
    "r_knee_study": (0.002, -0.409, 0.063),
    "r_mknee_study": (0.016, -0.400, -0.051),
    "r_ankle_study": (-0.021, -0.405, 0.058),
    "r_mankle_study": (0.006, -0.4015, -0.045),
    "r_toe_study": (0.2008, 0.0094, 0.0113),
    "r_5meta_study": (0.148, 0.002, 0.071),
    "r_calc_study": (-0.029, 0.0356, -0.016),
    "r_shoulder_study": (0.001, 0.406, 0.167),
    "C7_study": (-0.098, 0.425, 0.0),
    "r_lelbow_study": (-0.001, -0.307, 0.042),
    "r_melbow_study": (-0.008, -0.310, -0.053),
    "r_lwrist_study": (-0.0095, -0.227, 0.059),
    "r_mwrist_study": (-0.005, -0.245, -0.025),
    "r_thigh1_study": (0.064, -0.155, 0.083),
    "r_thigh2_study": (0.033, -0.251, 0.096),
    "r_thigh3_study": (-0.052, -0.156, 0.106),
    "r_sh1_study": (0.002, -0.142, 0.070),
    "r_sh2_study": (0.030, -0.253, 0.075),
    "r_sh3_study": (-0.043, -0.243, 0.073),
}
"""Marker positions that differ from Pose2Sim's, right side and midline (the left is mirrored): the mean positions
of this project's markers, see `models/skeleton.md`."""

MARKERS: Final = {"Markers_Halpe26.xml": None, "Markers_LSTM.xml": "_study"}
"""File → its markers that are used, by the end of their names."""


def main(package: Path) -> None:
    """Write the file."""
    setup = package / SETUP
    tree = ET.parse(setup / "Model_Pose2Sim_simple.osim")
    model = tree.getroot()[0]
    model.set("name", "humanpose3d")
    for name in ("ContactGeometrySet", "ControllerSet", "ForceSet"):
        _drop(model, name)
    for body in (*model.iter("Body"), *model.iter("Ground")):
        for name in ("WrapObjectSet", "FrameGeometry"):
            _drop(body, name)
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


def _drop(parent: ET.Element, tag: str) -> None:
    child = parent.find(tag)
    if child is not None:
        parent.remove(child)


def _change(coordinate: ET.Element) -> None:
    name = coordinate.attrib["name"]
    coordinate.set("name", RENAMED.get(name, name))
    if name.startswith(LOCKED):
        _set(coordinate, "locked", "true")
    if name.startswith("arm_add"):
        _set(coordinate, "default_value", "0")


def _placed(marker: ET.Element) -> ET.Element:
    name = marker.attrib["name"]
    place = MOVED.get(name) or MOVED.get("r" + name[1:]) or MOVED.get("R" + name[1:])
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
