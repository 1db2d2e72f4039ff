"""Common parts of the training loops: steps, running average, checkpoints for resuming, log."""

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

LAST: Final = "last.pt"
BEST: Final = "best.pt"


class Trainer:
    """A network with optimiser and schedule, and the running average of its weights, which is what is kept.

    On a GPU where there is one; the average stays on the CPU.
    """

    def __init__(self, model: nn.Module, learning_rate: float, steps: int) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.average = copy.deepcopy(model)
        self.model = model.to(self.device)
        self.optimiser = torch.optim.AdamW(self.model.parameters(), lr=learning_rate, weight_decay=0.02)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser, learning_rate, total_steps=steps + 1, pct_start=0.05
        )
        self.best = float("inf")
        self.steps = 0

    def step(self, loss: Tensor) -> None:
        """Take an optimisation step on one batch's loss."""
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        self.schedule.step()
        self._follow()

    def _follow(self, share: float = 0.005) -> None:
        """Update the average: quickly at first, to forget the random start, later by `share` per step."""
        self.steps += 1
        share = max(share, 9 / (9 + self.steps))
        with torch.no_grad():
            for slow, fast in zip(self.average.parameters(), self.model.parameters(), strict=True):
                slow.lerp_(fast.to(slow.device), share)

    def save(self, folder: Path, epoch: int, score: float, about: Mapping[str, Any]) -> None:
        """Write `last.pt`, and `best.pt` where the score is lower than ever. `about` goes into both."""
        checkpoint = {**about, "epoch": epoch, "score": score, "average": self.average.state_dict()}
        if score < self.best:
            self.best = score
            _write(folder / BEST, checkpoint)
        rest = {"model": self.model.state_dict(), "optimiser": self.optimiser.state_dict()}
        rest |= {"schedule": self.schedule.state_dict(), "best": self.best, "steps": self.steps}
        _write(folder / LAST, {**checkpoint, **rest})

    def resume(self, folder: Path) -> int:
        """Load what `save` wrote; returns the epoch to resume with."""
        if not (folder / LAST).is_file():
            return 0
        last = torch.load(folder / LAST, weights_only=True, map_location=self.device)
        self.model.load_state_dict(last["model"])
        self.average.load_state_dict(last["average"])
        self.optimiser.load_state_dict(last["optimiser"])
        self.schedule.load_state_dict(last["schedule"])
        self.best, self.steps = last["best"], last["steps"]
        return int(last["epoch"]) + 1


def log(folder: Path, epoch: int, row: Mapping[str, float]) -> None:
    """A line of `log.jsonl`, and the same for TensorBoard where it is installed."""
    with (folder / "log.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({"epoch": epoch, **row}) + "\n")
    try:
        from torch.utils.tensorboard import SummaryWriter  # optional
    except ImportError:
        return
    with SummaryWriter(str(folder / "tensorboard")) as writer:
        for name, value in row.items():
            writer.add_scalar(name, value, epoch)


def _write(path: Path, checkpoint: Mapping[str, Any]) -> None:
    part = path.with_suffix(".part")
    torch.save(dict(checkpoint), part)
    part.replace(path)
