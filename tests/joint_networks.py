"""A joint refiner whose output can be calculated by hand."""

from pathlib import Path

from services.refiner.windows import WINDOW
from tests.onnx_files import Node, write_network


def write_joint_network(path: Path, gain: float, spread: float, *, both: bool = False) -> Path:
    """Corrects every angle by `gain` times itself; states an sd of `spread` degrees; `both`: with a depth network."""
    prefix = "joints_" if both else ""
    inputs: dict[str, tuple[int | str, ...]] = {
        f"{prefix}angles": ("windows", WINDOW, 12, 3),
        f"{prefix}visibility": ("windows", WINDOW, 33),
        f"{prefix}depth_spread": ("windows", WINDOW, 22),
        f"{prefix}marker_spread": ("windows", WINDOW, 43),
        f"{prefix}times": ("windows", WINDOW),
    }
    outputs = {f"{prefix}{name}": inputs[f"{prefix}angles"] for name in ("correction", "spread")}
    nodes: list[Node] = [
        ("IsNaN", [f"{prefix}angles"], "missing"),
        ("Where", ["missing", "zero", f"{prefix}angles"], "known"),
        ("Mul", ["known", "gain"], f"{prefix}correction"),
        ("Mul", ["known", "zero"], "nothing"),
        ("Add", ["nothing", "stated"], f"{prefix}spread"),
    ]
    if both:
        inputs["depth_image"] = ("windows", WINDOW, 33, 2)
        outputs["depth_markers"] = inputs["depth_image"]
        nodes.append(("Mul", ["depth_image", "gain"], "depth_markers"))
    return write_network(path, inputs, outputs, nodes, {"zero": 0.0, "gain": gain, "stated": spread})
