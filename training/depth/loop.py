"""Training the depth refiner: seeded, resumable, the best checkpoint by rendered validation clips."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from humanpose3d.errors import ModelError
from shared.networks import SHIPPED
from training.data.pairs import pair_files
from training.depth.evaluate import Scores, calibrate, mean_scores, refined, scores
from training.depth.export import export
from training.depth.losses import losses
from training.depth.mirror import MirroredRefiner
from training.depth.model import DepthConfig, DepthRefiner, Estimate, Seen
from training.depth.windows import Sample, Truth, draw_batch, load_samples, with_known_focal
from training.mocap.library import find_motions
from training.simulation.errors import ErrorModel
from training.simulation.stream import simulated_samples
from training.trainer import BEST, Trainer, log

STEPS_AN_EPOCH = 200

_EXPORTED_PREFIX = "model.model."
"""Of weights' names in an exported file: the network within `MirroredRefiner` within the exporter's."""

SHARES_OF_TRAINED = (1.0, 0.75, 0.5)
"""Where training started from a trained network: shares of the new weights in the mean of both that are compared."""

STAY = 6
"""Epochs for which a simulated clip is used. Making clips takes time, but repeating them too often causes overfitting:
each time that all 3,000 were replaced, the error on validation clips fell immediately (12.6 → 12.2, 12.1 → 11.8 cm).
"""

FRESH_RATE, STARTED_RATE = 2e-3, 1e-4
"""Highest learning rate of a network that starts from random weights, and of one that starts from a trained one: 600
steps at 5e-4 moved it so far that the error on test clips rose (6.9 → 8.5 cm) while that on validation clips fell. So
did 1,200 steps at 1e-4, by less (`models/depth_refiner.md`)."""


@dataclass(frozen=True)
class TrainConfig:
    """Configuration of a training run.

    data: one data set or several. workers: processes that prepare batches during training (0: none). fp16: half
    precision (bfloat16) where it is safe; useful on a GPU. clips: number of training clips used, from the first (None:
    all). errors: an error model with which half of every batch is simulated from the motions in `mocap`. simulated: new
    simulated clips in every epoch, each kept for STAY epochs. start: a depth refiner (ONNX) of this width and these
    layers whose weights the training starts from, and which is the result unless a later one is better; new inputs
    initially have no effect. The result is that mean of the best checkpoint's weights and those it started from
    (SHARES_OF_TRAINED) which is best on the validation clips.
    """

    data: tuple[Path, ...]
    out: Path
    epochs: int = 30
    batch_size: int = 32
    seed: int = 1
    width: int = 192
    layers: int = 4
    workers: int = 0
    fp16: bool = False
    clips: int | None = None
    errors: Path | None = None
    mocap: tuple[Path, ...] = ()
    simulated: int = 500
    start: Path | None = None


def train(config: TrainConfig) -> Path:
    """Train, or resume from `last.pt`; returns the path of the best network as ONNX, calibrated."""
    torch.manual_seed(config.seed)
    files = [file for folder in config.data for file in pair_files(folder)]
    train_set, validation = load_samples(files, "train")[: config.clips], half_told(load_samples(files, "validation"))
    stream = _Stream(config)
    network = DepthConfig(width=config.width, layers=config.layers)
    model = DepthRefiner(network) if config.start is None else started(network, config.start)
    rate = FRESH_RATE if config.start is None else STARTED_RATE
    trainer = Trainer(model, rate, config.epochs * STEPS_AN_EPOCH)
    about = {"network": network.as_dict(), "config": {key: str(value) for key, value in asdict(config).items()}}
    config.out.mkdir(parents=True, exist_ok=True)
    first = trainer.resume(config.out)
    if config.start is not None and first == 0:  # kept unless training improves on it
        result = validate(MirroredRefiner(trainer.average), validation)
        trainer.save(config.out, -1, result.overall, about)
        log(config.out, -1, asdict(result))
    for epoch in range(first, config.epochs):
        terms = one_epoch(trainer, config, epoch, train_set, stream.clips(epoch))
        result = validate(MirroredRefiner(trainer.average), validation)
        trainer.save(config.out, epoch, result.overall, about)
        learnt = {f"loss_{name}": value for name, value in terms.items()}
        log(config.out, epoch, {**learnt, **asdict(result)})
    best = load_refiner(config.out / BEST)
    if config.start is not None:
        start = started(network, config.start)
        means = [MirroredRefiner(mean_of_weights(best.model, start, share)) for share in SHARES_OF_TRAINED]
        best = min(means, key=lambda one: validate(one, validation).overall)
    calibrate(best, validation)
    export(best, config.out / SHIPPED["depth"])
    return config.out / SHIPPED["depth"]


class _Stream:
    """Simulated clips, some new in every epoch; none without an error model."""

    def __init__(self, config: TrainConfig) -> None:
        self._config = config
        self._model = None if config.errors is None else ErrorModel.load(config.errors)
        self._made: dict[int, list[Sample]] = {}

    def clips(self, epoch: int) -> list[Sample]:
        """Those of this epoch: the same whether or not training was interrupted."""
        self._made = {number: self._made.get(number) or self._new(number) for number in range(epoch, epoch + STAY)}
        return [sample for samples in self._made.values() for sample in samples]

    def _new(self, number: int) -> list[Sample]:
        if self._model is None:
            return []
        rng = np.random.default_rng([self._config.seed, number])
        return simulated_samples(self._model, find_motions(self._config.mocap), rng, self._config.simulated)


def half_told(samples: Sequence[Sample]) -> list[Sample]:
    """The same clips, the focal length given for every second one, as in training."""
    return [with_known_focal(sample) if number % 2 else sample for number, sample in enumerate(samples)]


def started(network: DepthConfig, path: Path) -> DepthRefiner:
    """A network with the weights of an exported one. Raises ModelError where that is of another size."""
    model = DepthRefiner(network)
    found = {
        tensor.name.removeprefix(_EXPORTED_PREFIX): torch.from_numpy(onnx.numpy_helper.to_array(tensor).copy())
        for tensor in onnx.load(path).graph.initializer
        if tensor.name.startswith(_EXPORTED_PREFIX)
    }
    first = found.get("embed.0.weight")
    if first is not None:  # inputs added later are last
        wanted = model.state_dict()["embed.0.weight"].shape[1]
        found["embed.0.weight"] = torch.nn.functional.pad(first, (0, wanted - first.shape[1]))
    try:
        model.load_state_dict(found)
    except RuntimeError:
        about = f"{network.layers} layers of width {network.width}"
        raise ModelError(f"{path.name} does not hold the weights of a depth refiner of {about}.") from None
    return model


def mean_of_weights(one: DepthRefiner, other: DepthRefiner, share: float) -> DepthRefiner:
    """A network between two of one size; share: of the first one's weights, 0 to 1."""
    between, weights = deepcopy(one), other.state_dict()
    between.load_state_dict({name: weights[name].lerp(value, share) for name, value in one.state_dict().items()})
    return between


def load_refiner(path: Path) -> MirroredRefiner:
    """A trained network from a checkpoint; its standard deviations uncalibrated."""
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
    """The batches of one epoch, each from its own random numbers: independent of the process that prepares it."""

    def __init__(self, samples: Sequence[Sample], extra: Sequence[Sample], config: TrainConfig, epoch: int) -> None:
        self._samples, self._extra = samples, extra
        self._size, self._seed = config.batch_size, (config.seed, epoch)

    def __len__(self) -> int:
        return STEPS_AN_EPOCH

    def __getitem__(self, step: int) -> tuple[Seen, Truth]:
        rng = np.random.default_rng([*self._seed, step])
        simulated = self._size // 2 if self._extra else 0
        return draw_batch([(self._samples, self._size - simulated), (self._extra, simulated)], rng)


def one_epoch(
    trainer: Trainer, config: TrainConfig, epoch: int, samples: Sequence[Sample], extra: Sequence[Sample] = ()
) -> dict[str, float]:
    """Train for STEPS_AN_EPOCH batches; returns the means of the loss's terms."""
    sums: dict[str, float] = {}
    trainer.model.train()
    drawn = _Batches(samples, extra, config, epoch)
    batches = DataLoader(drawn, batch_size=None, num_workers=config.workers)
    for seen, truth in tqdm(batches, desc=f"epoch {epoch}", leave=False):
        with torch.autocast(trainer.device.type, torch.bfloat16, enabled=config.fp16):
            estimate = trainer.model(_moved(seen, trainer.device))
        terms = losses(Estimate(*(part.float() for part in estimate)), _moved(truth, trainer.device))
        trainer.step(terms["total"])
        for name, value in terms.items():
            sums[name] = sums.get(name, 0.0) + float(value.detach()) / STEPS_AN_EPOCH
    return sums


def _moved(values: Seen | Truth, device: torch.device) -> Any:  # noqa: ANN401 - the type that came in
    return type(values)(*(value.to(device) for value in values))
