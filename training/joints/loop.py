"""Training the joint refiner: seeded, resumable, the best checkpoint by clips that were not learnt from."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from shared.errors import InvalidOption
from shared.motion import FloatArray
from training.joints.data import Clip, make_clips, read_clip
from training.joints.evaluate import by_network, calibration, errors, raw, scores, sureness
from training.joints.losses import losses
from training.joints.model import JointConfig, JointRefiner
from training.joints.windows import draw_batch

Split = Literal["train", "validation", "all"]

STEPS_AN_EPOCH: Final = 100


@dataclass(frozen=True)
class TrainConfig:
    """What a training run is asked to do.

    `depth_model` is the depth refiner whose angles are learnt from, None the geometric refinement. `split` says which
    clips are learnt from (see `divided`).
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


def train(config: TrainConfig) -> Path:
    """Train, or go on where `last.pt` stopped; gives the path of the best checkpoint, calibrated.

    Raises InvalidOption where there is nothing to learn from or to choose by.
    """
    torch.manual_seed(config.seed)
    learn, check = divided(load_clips(config), config.split)
    state = _State(JointRefiner(JointConfig(width=config.width, layers=config.layers)), config, typical_errors(learn))
    board = _board(config.out)
    for epoch in range(state.resume(config.out / "last.pt"), config.epochs):
        terms = state.one_epoch(epoch, learn)
        row = {"epoch": epoch, **terms, **validate(state.average, check)}
        state.save(config.out, epoch, row["mae"])
        _log(config.out / "log.jsonl", row)
        for name, value in row.items() if board else ():
            board.add_scalar(name, value, epoch)
    _calibrate(config.out / "best.pt", check)
    return config.out / "best.pt"


def load_clips(config: TrainConfig, splits: Sequence[str] = ("train", "validation")) -> list[Clip]:
    """The clips of these splits, made where they are not there yet, in `OUT/clips`."""
    return [read_clip(file) for file in make_clips(config.data, config.out / "clips", config.depth_model, splits)]


def divided(clips: Sequence[Clip], split: Split) -> tuple[list[Clip], list[Clip]]:
    """The clips to learn from and the clips to choose and calibrate by.

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
    """(12, 3) degrees: the median size of the raw errors, at least a degree; right and left alike."""
    off = np.abs(np.concatenate([errors(raw(clip), clip) for clip in clips]))
    typical = np.nan_to_num(np.nanmedian(off, axis=0), nan=10.0)
    return torch.from_numpy(np.maximum(typical, 1.0).astype(np.float32))


def validate(model: JointRefiner, clips: Sequence[Clip]) -> dict[str, float]:
    """Mean absolute error and what it was before, both in degrees; how well the spread tells the error."""
    sure = sureness(model, clips)
    return {
        "mae": scores(by_network(model), clips).mean,
        "mae_raw": scores(raw, clips).mean,
        "sd_correlation": sure.correlation,
        "sd_coverage": sure.coverage,
    }


def load_refiner(path: Path) -> JointRefiner:
    """A trained network from a checkpoint."""
    checkpoint = torch.load(path, weights_only=True)
    model = JointRefiner(JointConfig(**checkpoint["network"]))
    model.load_state_dict(checkpoint["average"])
    model.eval()
    return model


class _State:
    """Network, its running average (which is what is kept), optimiser and schedule."""

    def __init__(self, model: JointRefiner, config: TrainConfig, typical: Tensor) -> None:
        self.model, self.config, self.typical = model, config, typical
        self.average = JointRefiner(model.config)
        self.average.load_state_dict(model.state_dict())
        self.optimiser = torch.optim.AdamW(model.parameters(), lr=config.learning_rate, weight_decay=0.02)
        total = config.epochs * STEPS_AN_EPOCH
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser, config.learning_rate, total_steps=total + 1, pct_start=0.1
        )
        self.best = float("inf")
        self.steps = 0

    def one_epoch(self, epoch: int, clips: Sequence[Clip]) -> dict[str, float]:
        rng = np.random.default_rng([self.config.seed, epoch])
        sums: dict[str, float] = {}
        self.model.train()
        for _ in tqdm(range(STEPS_AN_EPOCH), desc=f"epoch {epoch}", leave=False):
            seen, truth = draw_batch(clips, self.config.batch_size, rng)
            terms = losses(self.model(seen), seen, truth, self.typical)
            self.optimiser.zero_grad()
            terms["total"].backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimiser.step()
            self.schedule.step()
            self._follow()
            for name, value in terms.items():
                sums[name] = sums.get(name, 0.0) + float(value.detach()) / STEPS_AN_EPOCH
        return sums

    def _follow(self, share: float = 0.01) -> None:
        """The average forgets its random start: it follows closely at first, by `share` a step later."""
        self.steps += 1
        share = max(share, 9 / (9 + self.steps))
        with torch.no_grad():
            for slow, fast in zip(self.average.parameters(), self.model.parameters(), strict=True):
                slow.lerp_(fast, share)

    def save(self, folder: Path, epoch: int, mae: float) -> None:
        checkpoint: dict[str, Any] = {
            "epoch": epoch,
            "network": self.model.config.as_dict(),
            "config": {key: str(value) for key, value in asdict(self.config).items()},
            "mae": mae,
            "average": self.average.state_dict(),
        }
        if mae < self.best:
            self.best = mae
            torch.save(checkpoint, folder / "best.pt")
        rest = {"model": self.model.state_dict(), "optimiser": self.optimiser.state_dict()}
        rest |= {"schedule": self.schedule.state_dict(), "best": self.best, "steps": self.steps}
        torch.save({**checkpoint, **rest}, folder / "last.pt")

    def resume(self, path: Path) -> int:
        if not path.is_file():
            return 0
        last = torch.load(path, weights_only=True)
        self.model.load_state_dict(last["model"])
        self.average.load_state_dict(last["average"])
        self.optimiser.load_state_dict(last["optimiser"])
        self.schedule.load_state_dict(last["schedule"])
        self.best, self.steps = last["best"], last["steps"]
        return int(last["epoch"]) + 1


def _calibrate(path: Path, clips: Sequence[Clip]) -> None:
    """Scale the stated spread of a checkpoint by what these clips say."""
    model = load_refiner(path)
    model.scale *= torch.from_numpy(calibration(model, clips).astype(np.float32))
    checkpoint = torch.load(path, weights_only=True)
    torch.save({**checkpoint, "average": model.state_dict()}, path)


def _board(folder: Path) -> Any:  # noqa: ANN401 -- TensorBoard is not installed where the checks run
    """Where TensorBoard is installed, its writer."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder / "board"))


def _log(path: Path, row: dict[str, float]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
