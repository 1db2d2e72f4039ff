"""`humanpose3d refine`: the depth refiner on any TRC or C3D file, without its video."""

import argparse
from pathlib import Path

import numpy as np

from humanpose3d.formats.trc import write_trc
from humanpose3d.options import RunOptions, Subject


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments, and the function that runs the command."""
    parser.add_argument("file", type=Path, metavar="IN", help="markers (.trc, .c3d); Z towards the camera")
    parser.add_argument("output", type=Path, metavar="OUT.trc", help="the 22 refined markers")
    parser.add_argument("--height", type=float, help="standing height in metres; default: what the markers imply")
    parser.add_argument("--depth-model-path", metavar="FILE", help="another depth refinement model (ONNX)")
    parser.set_defaults(command=_command)


def _command(parsed: argparse.Namespace) -> int:
    if parsed.height is not None:
        Subject.parse({"height": parsed.height, "weight": 70})  # checks the bounds; the weight is not used here
    # Deferred: importing these libraries takes longer than printing a usage error should.
    from humanpose3d.formats.foreign import read_foreign
    from services.refiner.depth.from_trc import refine_markers
    from services.refiner.depth.neural import depth_network

    found = read_foreign(parsed.file, strict=True)
    markers = found.markers
    for note in found.notes:
        print(f"note: {note}")
    network = depth_network(RunOptions(depth_model_path=parsed.depth_model_path))
    assert network is not None, "main_refiner is on by default"
    refined = refine_markers(network, markers, parsed.height)
    write_trc(parsed.output, refined.markers)
    left_out = len(set(markers.names) - set(refined.markers.names))
    print(f"Wrote {parsed.output}: {len(markers.times)} frames, 22 markers of a person of {refined.height:.2f} m")
    print(f"Stated standard deviation: {np.nanmean(refined.spread.values) * 100:.1f} cm along each axis, on average")
    if left_out:
        print(
            f"note: {left_out} other markers of {parsed.file.name} were left out; they would not fit the refined ones"
        )
    return 0
