"""Training the depth refiner: seeded, resumable, the best checkpoint by rendered validation clips."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from training.data.pairs import pair_files
from training.depth.evaluate import Scores, mean_scores, refined_markers, scores
from training.depth.losses import losses
from training.depth.model import DepthConfig, DepthRefiner
from training.depth.windows import Sample, draw_batch, load_samples

STEPS_AN_EPOCH = 200


@dataclass(frozen=True)
class TrainConfig:
    """What a training run is asked to do."""

    data: Path
    out: Path
    epochs: int = 30
    batch_size: int = 32
    learning_rate: float = 6e-4
    seed: int = 1
    width: int = 192
    layers: int = 4


def train(config: TrainConfig) -> Path:
    """Train, or go on where `last.pt` stopped; gives the path of the best checkpoint."""
    torch.manual_seed(config.seed)
    files = pair_files(config.data)
    train_set, validation = load_samples(files, "train"), load_samples(files, "validation")
    network = DepthConfig(width=config.width, layers=config.layers)
    state = _State(DepthRefiner(network), config)
    config.out.mkdir(parents=True, exist_ok=True)
    for epoch in range(state.resume(config.out / "last.pt"), config.epochs):
        terms = state.one_epoch(epoch, train_set)
        result = validate(state.average, validation)
        state.save(config.out, epoch, result)
        _log(config.out / "log.jsonl", {"epoch": epoch, **terms, **asdict(result)})
    return config.out / "best.pt"


def load_refiner(path: Path) -> DepthRefiner:
    """A trained network from a checkpoint."""
    checkpoint = torch.load(path, weights_only=True)
    model = DepthRefiner(DepthConfig(**checkpoint["network"]))
    model.load_state_dict(checkpoint["average"])
    model.eval()
    return model


def validate(model: DepthRefiner, samples: Sequence[Sample]) -> Scores:
    """Mean scores over whole clips."""
    parts = []
    for sample in samples:
        markers, _, tilt = refined_markers(model, sample)
        if sample.detected.any():
            parts.append(scores(markers, tilt, sample))
    return mean_scores(parts)


class _State:
    """Network, its running average (which is what is kept), optimiser and schedule."""

    def __init__(self, model: DepthRefiner, config: TrainConfig) -> None:
        self.model, self.config = model, config
        self.average = DepthRefiner(model.config)
        self.average.load_state_dict(model.state_dict())
        self.optimiser = torch.optim.AdamW(model.parameters(), lr=config.learning_rate, weight_decay=0.02)
        total = config.epochs * STEPS_AN_EPOCH
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser, config.learning_rate, total_steps=total + 1, pct_start=0.08
        )
        self.best = float("inf")
        self.steps = 0

    def one_epoch(self, epoch: int, samples: Sequence[Sample]) -> dict[str, float]:
        rng = np.random.default_rng([self.config.seed, epoch])
        sums: dict[str, float] = {}
        self.model.train()
        for _ in tqdm(range(STEPS_AN_EPOCH), desc=f"epoch {epoch}", leave=False):
            seen, truth = draw_batch(samples, self.config.batch_size, rng)
            terms = losses(self.model(seen), truth)
            self.optimiser.zero_grad()
            terms["total"].backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimiser.step()
            self.schedule.step()
            self._follow()
            for name, value in terms.items():
                sums[name] = sums.get(name, 0.0) + float(value.detach()) / STEPS_AN_EPOCH
        return sums

    def _follow(self, share: float = 0.005) -> None:
        """The average forgets its random start: it follows closely at first, by `share` a step later."""
        self.steps += 1
        share = max(share, 9 / (9 + self.steps))
        with torch.no_grad():
            for slow, fast in zip(self.average.parameters(), self.model.parameters(), strict=True):
                slow.lerp_(fast, share)

    def save(self, folder: Path, epoch: int, result: Scores) -> None:
        checkpoint: dict[str, Any] = {
            "epoch": epoch,
            "network": self.model.config.as_dict(),
            "config": {key: str(value) for key, value in asdict(self.config).items()},
            "scores": asdict(result),
            "average": self.average.state_dict(),
        }
        if result.mpjpe < self.best:
            self.best = result.mpjpe
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


def _log(path: Path, row: dict[str, float]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
