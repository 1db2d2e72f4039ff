"""`humanpose3d train …`: the command line's way into this package.

What the commands need is imported when one runs, since the extra `train` may be absent.
"""

import argparse
from dataclasses import fields
from pathlib import Path

from shared.errors import InvalidOption, ModelNotFound


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `train` and its commands; each sets `command` to a function of the parsed arguments."""
    train = subparsers.add_parser("train", help="make training data and refiners (extra 'train')")
    commands = train.add_subparsers(dest="train_command", required=True)
    data = commands.add_parser("data", help="render people, detect them, and write pairs of both")
    data.add_argument("--out", type=Path, required=True, help="folder of the data set; gone on with if it is there")
    data.add_argument("--clips", type=int, required=True, help="how many clips there are to be in the end")
    data.add_argument("--workers", type=int, default=1, help="processes; one a core without a GPU (default 1)")
    data.add_argument("--seed", type=int, default=1, help="same seed and motions: same clips (default 1)")
    data.add_argument("--mocap", type=Path, nargs="+", required=True, help="folders of ASF/AMC or OpenSim motions")
    data.add_argument("--pose-model", choices=("lite", "full", "heavy"), default="full")
    data.set_defaults(command=_make_data)
    depth = commands.add_parser("depth", help="train the depth refiner on pairs")
    depth.add_argument("--data", type=Path, required=True, help="folder that 'train data' made")
    depth.add_argument("--out", type=Path, required=True, help="folder of the checkpoints; gone on with if it is there")
    depth.add_argument("--epochs", type=int, default=30)
    depth.add_argument("--batch-size", type=int, default=32, help="windows a step (default 32)")
    depth.add_argument("--seed", type=int, default=1)
    depth.add_argument("--width", type=int, default=192, help="of the network (default 192)")
    depth.add_argument("--layers", type=int, default=4, help="of the network (default 4)")
    depth.add_argument("--workers", type=int, default=0, help="processes that draw batches; for a GPU (default none)")
    depth.add_argument("--fp16", action="store_true", help="half precision (bfloat16); for a GPU")
    depth.add_argument("--errors", type=Path, help="error model ('train errors'): half of each batch is simulated")
    depth.add_argument("--mocap", type=Path, nargs="+", default=(), help="folders of motions, for the simulated half")
    depth.add_argument("--simulated", type=int, default=2000, help="simulated clips (default 2000)")
    depth.add_argument("--clips", type=int, help="only the first so many training clips, for learning curves")
    depth.set_defaults(command=_train_depth)
    errors = commands.add_parser("errors", help="fit a model of the detector's errors to pairs, for pre-training")
    errors.add_argument("--data", type=Path, required=True, help="folder that 'train data' made")
    errors.add_argument("--out", type=Path, required=True, help="file of the model (.npz)")
    errors.add_argument("--seed", type=int, default=1, help="of the comparison with real detections (default 1)")
    errors.set_defaults(command=_fit_errors)


def _make_data(arguments: argparse.Namespace) -> int:
    from training.data.make import make_pairs  # needs the extra 'train'

    too_few = [name for name in ("clips", "workers") if getattr(arguments, name) < 1]
    if too_few:
        raise InvalidOption(dict.fromkeys(too_few, "should be at least 1"))
    done = make_pairs(
        arguments.out, arguments.mocap, arguments.clips, arguments.workers, arguments.seed, arguments.pose_model
    )
    print(f"{arguments.out}: frames by split {done['frames']}")  # noqa: T201 - the command's result
    return 0


def _train_depth(arguments: argparse.Namespace) -> int:
    try:
        from training.depth.loop import TrainConfig, train  # needs torch
    except ImportError:
        raise ModelNotFound("Training needs torch: pip install torch==2.13.0 (see training/README.md).") from None
    if arguments.errors is not None and not arguments.mocap:
        raise InvalidOption({"mocap": "is needed for the simulated half of the batches"})
    arguments.mocap = tuple(arguments.mocap)
    asked = {field.name: getattr(arguments, field.name) for field in fields(TrainConfig) if field.name in arguments}
    best = train(TrainConfig(**asked))
    print(f"best network: {best}")  # noqa: T201 - the command's result
    return 0


def _fit_errors(arguments: argparse.Namespace) -> int:
    from training.simulation.compare import fit_and_compare, table

    model, rows = fit_and_compare(arguments.data, arguments.seed)
    model.save(arguments.out)
    print(f"{table(rows)}\n{arguments.out}: {model.facts}")  # noqa: T201 - the command's result
    return 0
