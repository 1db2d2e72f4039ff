"""`humanpose3d train …`: the package's command line.

The commands' dependencies are imported when one runs, since the extra `train` may be absent.
"""

import argparse
from dataclasses import fields
from pathlib import Path

from humanpose3d.errors import InvalidOption, ModelNotFound

_NO_TORCH = ModelNotFound("Training needs torch: pip install torch==2.13.0 (see training/README.md).")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the commands; each sets `command` to a function of the parsed arguments."""
    commands = parser.add_subparsers(dest="train_command", required=True)
    data = commands.add_parser("data", help="render people, detect them, and write pairs of both")
    data.add_argument("--out", type=Path, required=True, help="folder of the data set; resumed if it exists")
    data.add_argument("--clips", type=int, required=True, help="total number of clips")
    data.add_argument("--workers", type=int, default=1, help="processes; one per core without a GPU (default 1)")
    data.add_argument("--seed", type=int, default=1, help="same seed and motions: same clips (default 1)")
    data.add_argument("--mocap", type=Path, nargs="+", required=True, help="folders of ASF/AMC or OpenSim motions")
    data.add_argument(
        "--split",
        choices=("train", "validation", "test"),
        help="make only the clips of this split, a tenth or eight tenths of them (default: all)",
    )
    data.add_argument("--pose-model", choices=("lite", "full", "heavy"), default="full")
    data.set_defaults(command=_make_data)
    depth = commands.add_parser("depth", help="train the depth refiner on pairs")
    depth.add_argument("--data", type=Path, nargs="+", required=True, help="folders made by 'train data'")
    depth.add_argument("--out", type=Path, required=True, help="folder of the checkpoints; resumed if it exists")
    depth.add_argument("--epochs", type=int, default=30)
    depth.add_argument("--batch-size", type=int, default=32, help="windows per step (default 32)")
    depth.add_argument("--seed", type=int, default=1)
    depth.add_argument("--width", type=int, default=192, help="of the network (default 192)")
    depth.add_argument("--layers", type=int, default=4, help="of the network (default 4)")
    depth.add_argument("--workers", type=int, default=0, help="processes that make batches; for a GPU (default none)")
    depth.add_argument("--fp16", action="store_true", help="half precision (bfloat16); for a GPU")
    depth.add_argument("--errors", type=Path, help="error model ('train errors'): half of each batch is simulated")
    depth.add_argument("--mocap", type=Path, nargs="+", default=(), help="folders of motions, for the simulated half")
    depth.add_argument("--simulated", type=int, default=500, help="new simulated clips in every epoch (default 500)")
    depth.add_argument("--start", type=Path, metavar="FILE", help="start from the weights of this depth refiner (ONNX)")
    depth.add_argument("--clips", type=int, help="use only the first N training clips, for learning curves")
    depth.set_defaults(command=_train_depth)
    _add_errors(commands)
    _add_joints(commands)
    _add_merge(commands)


def _add_errors(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    errors = commands.add_parser("errors", help="fit a model of the detector's errors to pairs, for pre-training")
    errors.add_argument("--data", type=Path, required=True, help="folder made by 'train data'")
    errors.add_argument("--out", type=Path, required=True, help="file of the model (.npz)")
    errors.add_argument("--seed", type=int, default=1, help="of the comparison with real detections (default 1)")
    errors.set_defaults(command=_fit_errors)


def _add_joints(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    joints = commands.add_parser("joints", help="train the joint refiner on the angles of pairs")
    joints.add_argument("--data", type=Path, required=True, help="folder made by 'train data'")
    joints.add_argument(
        "--depth-model",
        type=_file_or_none,
        required=True,
        metavar="FILE|none",
        help="depth refiner (ONNX) that produces the angles to learn from; none: geometric refinement",
    )
    joints.add_argument("--out", type=Path, required=True, help="folder of angles and checkpoints; resumed if present")
    joints.add_argument(
        "--split",
        choices=("train", "validation", "all"),
        default="train",
        help="clips to train on; a depth refiner's errors are too small on its own training clips (default train)",
    )
    joints.add_argument("--workers", type=int, default=1, help="processes that run the pipeline (default 1)")
    joints.add_argument("--epochs", type=int, default=30)
    joints.add_argument("--batch-size", type=int, default=16, help="windows per step (default 16)")
    joints.add_argument("--seed", type=int, default=1)
    joints.add_argument("--width", type=int, default=48, help="of the network (default 48)")
    joints.add_argument("--layers", type=int, default=3, help="of the network (default 3)")
    joints.set_defaults(command=_train_joints)


def _add_merge(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    merge = commands.add_parser("merge", help="combine both refiners into one file, for --main-refiner-path")
    merge.add_argument("--depth", type=Path, required=True, help="depth refiner (ONNX)")
    merge.add_argument("--joints", type=Path, required=True, help="joint refiner (ONNX)")
    merge.add_argument("--out", type=Path, required=True, help="file to write")
    merge.set_defaults(command=_merge)


def _file_or_none(value: str) -> Path | None:
    return None if value == "none" else Path(value)


def _make_data(arguments: argparse.Namespace) -> int:
    from training.data.make import make_pairs  # needs the extra 'train'
    from training.mocap.library import SPLITS

    too_few = [name for name in ("clips", "workers") if getattr(arguments, name) < 1]
    if too_few:
        raise InvalidOption(dict.fromkeys(too_few, "should be at least 1"))
    done = make_pairs(
        arguments.out,
        arguments.mocap,
        arguments.clips,
        arguments.workers,
        arguments.seed,
        arguments.pose_model,
        SPLITS if arguments.split is None else (arguments.split,),
    )
    print(f"{arguments.out}: frames by split {done['frames']}")  # noqa: T201 - the command's result
    return 0


def _train_depth(arguments: argparse.Namespace) -> int:
    try:
        from training.depth.loop import TrainConfig, train  # needs torch
    except ImportError:
        raise _NO_TORCH from None
    if arguments.errors is not None and not arguments.mocap:
        raise InvalidOption({"mocap": "is needed for the simulated half of the batches"})
    arguments.data, arguments.mocap = tuple(arguments.data), tuple(arguments.mocap)
    asked = {field.name: getattr(arguments, field.name) for field in fields(TrainConfig) if field.name in arguments}
    best = train(TrainConfig(**asked))
    print(f"best network: {best}")  # noqa: T201 - the command's result
    return 0


def _train_joints(arguments: argparse.Namespace) -> int:
    try:
        from training.joints.evaluate import read_figures, table
        from training.joints.loop import VALIDATION, TrainConfig, train  # needs torch
    except ImportError:
        raise _NO_TORCH from None
    asked = {field.name: getattr(arguments, field.name) for field in fields(TrainConfig) if field.name in arguments}
    best = train(TrainConfig(**asked))
    print(table(read_figures(best.parent / VALIDATION)))  # noqa: T201 - the command's result
    print(f"best network: {best}")  # noqa: T201
    return 0


def _merge(arguments: argparse.Namespace) -> int:
    try:
        from training.merge import merge  # needs onnx
    except ImportError:
        raise ModelNotFound("Merging needs onnx: install the extra 'train' (see training/README.md).") from None
    merge(arguments.depth, arguments.joints, arguments.out)
    print(f"both refiners: {arguments.out}")  # noqa: T201 - the command's result
    return 0


def _fit_errors(arguments: argparse.Namespace) -> int:
    from training.simulation.compare import fit_and_compare, table

    model, rows = fit_and_compare(arguments.data, arguments.seed)
    model.save(arguments.out)
    print(f"{table(rows)}\n{arguments.out}: {model.facts}")  # noqa: T201 - the command's result
    return 0
