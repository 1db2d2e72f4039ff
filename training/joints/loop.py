"""Training the joint refiner: seeded, resumable, best checkpoint by clips not used for training."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from humanpose3d.errors import InvalidOption
from humanpose3d.motion import FloatArray
from shared.networks import SHIPPED
from training.joints.data import Clip, make_clips, read_clip
from training.joints.evaluate import (
    Figures,
    by_network,
    calibrate,
    errors,
    figures,
    ideal,
    in_convention,
    offsets,
    raw,
    scores,
    sureness,
    write_figures,
)
from training.joints.export import export
from training.joints.losses import losses
from training.joints.mirror import MirroredRefiner
from training.joints.model import JointConfig, JointRefiner, Seen
from training.joints.windows import draw_batch
from training.trainer import BEST, Trainer, log

Split = Literal["train", "validation", "all"]

STEPS_AN_EPOCH: Final = 100
VALIDATION: Final = "validation.json"
"""The figures on the clips by which the network was selected."""


@dataclass(frozen=True)
class TrainConfig:
    """Configuration of a training run.

    `depth_model` is the depth refiner whose angles are learnt from, None the geometric refinement. `split` says which
    clips are learnt from (see `divided`). workers: processes that run the pipeline on the pairs.
    """

    data: Path
    out: Path
    depth_model: Path | None = None
    split: Split = "train"
    epochs: int = 30
    batch_size: int = 32
    learning_rate: float = 2e-3
    seed: int = 1
    width: int = 48
    layers: int = 3
    workers: int = 1


def train(config: TrainConfig) -> Path:
    """Train, or resume from `last.pt`; returns the path of the best network as ONNX, calibrated.

    Raises InvalidOption where there is nothing to learn from or to choose by.
    """
    torch.manual_seed(config.seed)
    learn, check, _ = _settled(config)
    network = JointConfig(width=config.width, layers=config.layers)
    trainer = Trainer(JointRefiner(network), config.learning_rate, config.epochs * STEPS_AN_EPOCH)
    about = {"network": network.as_dict(), "config": {key: str(value) for key, value in asdict(config).items()}}
    for epoch in range(trainer.resume(config.out), config.epochs):
        terms = _one_epoch(trainer, config, epoch, learn)
        result = validate(MirroredRefiner(trainer.average), check)
        trainer.save(config.out, epoch, result["mae"], about)
        log(config.out, epoch, {**terms, **result})
    best = load_refiner(config.out / BEST)
    calibrate(best, check)
    write_figures(config.out / VALIDATION, figures(best, learn, check))
    export(best, config.out / SHIPPED["joints"])
    return config.out / SHIPPED["joints"]


def measure(config: TrainConfig, split: str) -> Figures:
    """The figures of a finished training run on the clips of a split: use `test` once, after all decisions."""
    learn, check, offset = _settled(config)
    best = load_refiner(config.out / BEST)
    calibrate(best, check)
    return figures(best, learn, in_convention(load_clips(config, (split,)), offset))


def _settled(config: TrainConfig) -> tuple[list[Clip], list[Clip], FloatArray]:
    """Clips for training and for selection, in the augmenter's convention, and its offset (12, 3)."""
    learn, check = divided(load_clips(config), config.split)
    offset = offsets(learn, ideal)
    return in_convention(learn, offset), in_convention(check, offset), offset


def load_clips(config: TrainConfig, splits: Sequence[str] = ("train", "validation")) -> list[Clip]:
    """The clips of these splits, made if missing, in `OUT/clips`."""
    return [
        read_clip(file)
        for file in make_clips(config.data, config.out / "clips", config.depth_model, splits, config.workers)
    ]


def divided(clips: Sequence[Clip], split: Split) -> tuple[list[Clip], list[Clip]]:
    """The clips for training, and the clips for selection and calibration.

    A depth network is better on the clips that it was trained on than on new ones, and a joint refiner that learns from
    its angles there learns too small errors. Hence three ways:

    train       learns from the training clips, chooses by the validation clips: right for the geometric refinement.
    validation  learns from the validation clips of one half of the motions, chooses by those of the other half: a depth
                network has seen neither. Few clips, but true errors.
    all         learns from the training clips as well.

    Raises InvalidOption where one of the two is empty.
    """
    own = [clip for clip in clips if clip.split == "train"]
    other = [clip for clip in clips if clip.split == "validation"]
    held = set(sorted({clip.motion for clip in other})[::2])
    half = [clip for clip in other if clip.motion not in held]
    learn = {"train": own, "validation": half, "all": own + half}[split]
    check = other if split == "train" else [clip for clip in other if clip.motion in held]
    if not learn or not check:
        fault = f"{len(learn)} clips to learn from and {len(check)} to choose by; make more with 'train data'"
        raise InvalidOption({"split": fault})
    return learn, check


def typical_errors(clips: Sequence[Clip]) -> Tensor:
    """(12, 3) degrees: median absolute raw error, at least one degree; pooled over right and left."""
    off = np.abs(np.concatenate([errors(raw(clip), clip) for clip in clips]))
    typical = np.nan_to_num(np.nanmedian(off, axis=0), nan=10.0)
    return torch.from_numpy(np.maximum(typical, 1.0).astype(np.float32))


def validate(model: MirroredRefiner, clips: Sequence[Clip]) -> dict[str, float]:
    """Mean absolute error after and before, degrees; how well the standard deviation predicts the error."""
    sure = sureness(model, clips)
    return {
        "mae": scores(by_network(model), clips).mean,
        "mae_raw": scores(raw, clips).mean,
        "sd_correlation": sure.correlation,
        "sd_coverage": sure.coverage,
    }


def load_refiner(path: Path) -> MirroredRefiner:
    """A trained network from a checkpoint; its standard deviations uncalibrated."""
    checkpoint = torch.load(path, weights_only=True, map_location="cpu")
    model = JointRefiner(JointConfig(**checkpoint["network"]))
    model.load_state_dict(checkpoint["average"])
    final = MirroredRefiner(model)
    final.eval()
    return final


def _one_epoch(trainer: Trainer, config: TrainConfig, epoch: int, clips: Sequence[Clip]) -> dict[str, float]:
    """Train for STEPS_AN_EPOCH batches; returns the means of the loss's terms."""
    rng, typical = np.random.default_rng([config.seed, epoch]), typical_errors(clips).to(trainer.device)
    sums: dict[str, float] = {}
    trainer.model.train()
    for _ in tqdm(range(STEPS_AN_EPOCH), desc=f"epoch {epoch}", leave=False):
        seen, truth = draw_batch(clips, config.batch_size, rng)
        seen, truth = Seen(*(part.to(trainer.device) for part in seen)), truth.to(trainer.device)
        terms = losses(trainer.model(seen), seen, truth, typical)
        trainer.step(terms["total"])
        for name, value in terms.items():
            sums[name] = sums.get(name, 0.0) + float(value.detach()) / STEPS_AN_EPOCH
    return sums
