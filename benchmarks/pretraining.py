"""What the simulated stream is worth to the depth refiner where there are few rendered clips.

`python -m benchmarks.pretraining --data PAIRS --mocap FOLDER...` fits the error model to the first so many clips of the
train split, trains a small network on the stream and then on these clips, and, for comparison, on the clips alone: for
as many steps on them, and for as many steps in all. Judged on all validation clips there; written to
`benchmarks/results/pretraining.json`, network by network. Needs torch.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from training.data.pairs import Pair, pair_files, read_pair
from training.depth.evaluate import Scores
from training.depth.loop import validate
from training.depth.losses import losses
from training.depth.model import DepthConfig, DepthRefiner
from training.depth.windows import Sample, draw_batch, to_sample
from training.mocap.library import find_motions
from training.simulation.errors import fit
from training.simulation.stream import simulated_samples

RESULT = Path(__file__).parent / "results" / "pretraining.json"
NETWORK = DepthConfig(width=128, layers=3, heads=4)
CLIPS = (50, 200)
SEEDS = (1, 2)
BATCH = 16
STEPS_ON_STREAM, STEPS_ON_PAIRS = 400, 400
STREAMED = 300
"""Simulated samples that pre-training draws its windows from."""

LEARNING_RATE = 6e-4


@dataclass(frozen=True)
class Trained:
    """One network: how it was trained, on so many rendered clips, and its scores on the validation clips."""

    way: str
    clips: int
    seed: int
    scores: Scores


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder that 'train data' made")
    parser.add_argument("--mocap", type=Path, nargs="+", required=True, help="folders of ASF/AMC or OpenSim motions")
    arguments = parser.parse_args()
    pairs = [read_pair(file) for file in pair_files(arguments.data)]
    train = [pair for pair in pairs if pair.split == "train"]
    validation = [pair for pair in pairs if pair.split == "validation"]
    results: list[dict[str, object]] = []
    for trained in _all_ways(train, [to_sample(pair) for pair in validation], arguments.mocap):
        print(json.dumps(asdict(trained)), flush=True)
        results.append(asdict(trained))
        found = {"clips_there": len(pairs), "validation_clips": len(validation), "trained": results}
        RESULT.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def _all_ways(train: Sequence[Pair], validation: Sequence[Sample], mocap: Sequence[Path]) -> Iterator[Trained]:
    motions = find_motions(mocap)
    for clips in CLIPS:
        rendered = [to_sample(pair) for pair in train[:clips]]
        model = fit(train[:clips])
        streamed = simulated_samples(model, motions, np.random.default_rng(clips), STREAMED)
        start = _trained(_network(SEEDS[0]), streamed, STEPS_ON_STREAM, SEEDS[0])
        yield Trained("stream alone", clips, SEEDS[0], validate(start, validation))
        for seed in SEEDS:
            alone = _trained(_network(seed), rendered, STEPS_ON_PAIRS, seed)
            yield Trained("pairs alone", clips, seed, validate(alone, validation))
            both = _network(seed)
            both.load_state_dict(start.state_dict())
            both = _trained(both, rendered, STEPS_ON_PAIRS, seed)
            yield Trained("stream, then pairs", clips, seed, validate(both, validation))
            longer = _trained(_network(seed), rendered, STEPS_ON_STREAM + STEPS_ON_PAIRS, seed)
            yield Trained("pairs alone, as many steps in all", clips, seed, validate(longer, validation))


def _network(seed: int) -> DepthRefiner:
    torch.manual_seed(seed)
    return DepthRefiner(NETWORK)


def _trained(network: DepthRefiner, samples: Sequence[Sample], steps: int, seed: int) -> DepthRefiner:
    """The network, trained further."""
    rng = np.random.default_rng(seed)
    optimiser = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, total_steps=steps + 1, pct_start=0.08)
    network.train()
    for _ in range(steps):
        seen, truth = draw_batch([(samples, BATCH)], rng)
        optimiser.zero_grad()
        losses(network(seen), truth)["total"].backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    return network


if __name__ == "__main__":
    main()
