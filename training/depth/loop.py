"""Training the depth refiner: seeded, resumable, the best checkpoint by rendered validation clips."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from training.data.pairs import pair_files
from training.depth.evaluate import Scores, calibrate, mean_scores, refined, scores
from training.depth.export import export
from training.depth.losses import losses
from training.depth.mirror import MirroredRefiner
from training.depth.model import DepthConfig, DepthRefiner, Estimate, Seen
from training.depth.windows import Sample, Truth, draw_batch, load_samples
from training.mocap.library import find_motions
from training.simulation.errors import ErrorModel
from training.simulation.stream import simulated_samples

STEPS_AN_EPOCH = 200


@dataclass(frozen=True)
class TrainConfig:
    """What a training run is asked to do.

    workers: processes that draw batches beside the training (0: none beside it). fp16: half precision, of the brain
    kind, where it is safe; worth it on a GPU. clips: of the training clips only the first so many (None: all). errors:
    an error model, with which half of every batch is drawn from `simulated` clips of the motions in `mocap`.
    """

    data: Path
    out: Path
    epochs: int = 30
    batch_size: int = 32
    learning_rate: float = 2e-3
    seed: int = 1
    width: int = 192
    layers: int = 4
    workers: int = 0
    fp16: bool = False
    clips: int | None = None
    errors: Path | None = None
    mocap: tuple[Path, ...] = ()
    simulated: int = 2000


def train(config: TrainConfig) -> Path:
    """Train, or go on where `last.pt` stopped; gives the path of the best network as ONNX, its spread calibrated."""
    torch.manual_seed(config.seed)
    files = pair_files(config.data)
    train_set, validation = load_samples(files, "train")[: config.clips], load_samples(files, "validation")
    extra = _simulated(config)
    network = DepthConfig(width=config.width, layers=config.layers)
    state = _State(DepthRefiner(network), config)
    config.out.mkdir(parents=True, exist_ok=True)
    for epoch in range(state.resume(config.out / "last.pt"), config.epochs):
        terms = state.one_epoch(epoch, train_set, extra)
        result = validate(MirroredRefiner(state.average), validation)
        state.save(config.out, epoch, result)
        learnt = {f"loss_{name}": value for name, value in terms.items()}
        _log(config.out, epoch, {**learnt, **asdict(result)})
    best = load_refiner(config.out / "best.pt")
    calibrate(best, validation)
    export(best, config.out / "depth_refiner.onnx")
    return config.out / "depth_refiner.onnx"


def _simulated(config: TrainConfig) -> list[Sample]:
    """Clips that nobody drew, none where no error model is given."""
    if config.errors is None:
        return []
    motions = find_motions(config.mocap)
    rng = np.random.default_rng(config.seed)
    return simulated_samples(ErrorModel.load(config.errors), motions, rng, config.simulated)


def load_refiner(path: Path) -> MirroredRefiner:
    """A trained network from a checkpoint; its spread is as it was learnt."""
    checkpoint = torch.load(path, weights_only=True, map_location="cpu")
    model = DepthRefiner(DepthConfig(**checkpoint["network"]))
    model.load_state_dict(checkpoint["average"])
    final = MirroredRefiner(model)
    final.eval()
    return final


def validate(model: MirroredRefiner, samples: Sequence[Sample]) -> Scores:
    """Mean scores over whole clips."""
    parts = []
    for sample in samples:
        if sample.detected.any():
            said = refined(model, sample)
            parts.append(scores(said.markers, said.tilt, sample))
    return mean_scores(parts)


class _Batches(Dataset[tuple[Seen, Truth]]):
    """The batches of one epoch, each from its own random numbers: the same whoever draws it."""

    def __init__(self, samples: Sequence[Sample], extra: Sequence[Sample], config: TrainConfig, epoch: int) -> None:
        self._samples, self._extra = samples, extra
        self._size, self._seed = config.batch_size, (config.seed, epoch)

    def __len__(self) -> int:
        return STEPS_AN_EPOCH

    def __getitem__(self, step: int) -> tuple[Seen, Truth]:
        rng = np.random.default_rng([*self._seed, step])
        simulated = self._size // 2 if self._extra else 0
        return draw_batch([(self._samples, self._size - simulated), (self._extra, simulated)], rng)


class _State:
    """Network, its running average (which is what is kept), optimiser and schedule."""

    def __init__(self, model: DepthRefiner, config: TrainConfig) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.model, self.config = model.to(self.device), config
        self.average = DepthRefiner(model.config)
        self.average.load_state_dict(model.state_dict())
        self.optimiser = torch.optim.AdamW(model.parameters(), lr=config.learning_rate, weight_decay=0.02)
        total = config.epochs * STEPS_AN_EPOCH
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser, config.learning_rate, total_steps=total + 1, pct_start=0.05
        )
        self.best = float("inf")
        self.steps = 0

    def one_epoch(self, epoch: int, samples: Sequence[Sample], extra: Sequence[Sample] = ()) -> dict[str, float]:
        """Train for STEPS_AN_EPOCH batches; gives the means of the loss's terms."""
        sums: dict[str, float] = {}
        self.model.train()
        batches = DataLoader(
            _Batches(samples, extra, self.config, epoch), batch_size=None, num_workers=self.config.workers
        )
        for seen, truth in tqdm(batches, desc=f"epoch {epoch}", leave=False):
            terms = self._step(_moved(seen, self.device), _moved(truth, self.device))
            for name, value in terms.items():
                sums[name] = sums.get(name, 0.0) + float(value.detach()) / STEPS_AN_EPOCH
        return sums

    def _step(self, seen: Seen, truth: Truth) -> dict[str, torch.Tensor]:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.fp16):
            estimate = self.model(seen)
        terms = losses(Estimate(*(part.float() for part in estimate)), truth)
        self.optimiser.zero_grad()
        terms["total"].backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        self.schedule.step()
        self._follow()
        return terms

    def _follow(self, share: float = 0.003) -> None:
        """The average forgets its random start: it follows closely at first, by `share` a step later."""
        self.steps += 1
        share = max(share, 9 / (9 + self.steps))
        with torch.no_grad():
            for slow, fast in zip(self.average.parameters(), self.model.parameters(), strict=True):
                slow.lerp_(fast.to(slow.device), share)

    def save(self, folder: Path, epoch: int, result: Scores) -> None:
        """Write `last.pt`, and `best.pt` where the validation clips are nearer to the truth than ever."""
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
        torch.save({**checkpoint, **rest}, folder / "last.part")
        (folder / "last.part").replace(folder / "last.pt")

    def resume(self, path: Path) -> int:
        """Take up what `save` wrote; gives the epoch to go on with."""
        if not path.is_file():
            return 0
        last = torch.load(path, weights_only=True, map_location=self.device)
        self.model.load_state_dict(last["model"])
        self.average.load_state_dict(last["average"])
        self.optimiser.load_state_dict(last["optimiser"])
        self.schedule.load_state_dict(last["schedule"])
        self.best, self.steps = last["best"], last["steps"]
        return int(last["epoch"]) + 1


def _moved(values: Seen | Truth, device: torch.device) -> Any:  # noqa: ANN401 - the type that came in
    return type(values)(*(value.to(device) for value in values))


def _log(folder: Path, epoch: int, row: dict[str, float]) -> None:
    """A line of `log.jsonl`, and the same for TensorBoard where it is installed."""
    with (folder / "log.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({"epoch": epoch, **row}) + "\n")
    try:
        from torch.utils.tensorboard import SummaryWriter  # only writes for those who look
    except ImportError:
        return
    with SummaryWriter(str(folder / "tensorboard")) as writer:
        for name, value in row.items():
            writer.add_scalar(name, value, epoch)
