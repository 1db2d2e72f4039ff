"""An interrupted training resumes as if it had not been interrupted (needs torch)."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra 'train')")

from training.trainer import BEST, LAST, Trainer, log  # noqa: E402

SEEN = torch.linspace(-1, 1, 32)[:, None]


def started(seed: int = 0) -> Trainer:
    torch.manual_seed(seed)
    return Trainer(torch.nn.Linear(1, 1), learning_rate=0.05, steps=200)


def learn(trainer: Trainer, steps: int) -> float:
    """Learn 3 x + 1; returns the last loss."""
    for _ in range(steps):
        loss = (trainer.model(SEEN.to(trainer.device)) - 3 * SEEN.to(trainer.device) - 1).square().mean()
        trainer.step(loss)
    return float(loss.detach())


def test_it_learns_and_the_average_follows(tmp_path: Path):
    trainer = started()
    assert learn(trainer, 200) < 0.01
    assert float(trainer.average.weight.detach()) == pytest.approx(3, abs=0.5)


def test_resuming_from_the_file_equals_continuing(tmp_path: Path):
    whole, first = started(), started()
    learn(whole, 40)
    learn(first, 20)
    first.save(tmp_path, 4, score=1.0, about={"network": {"width": 1}})
    second = started(seed=9)
    assert second.resume(tmp_path) == 5
    learn(second, 20)
    for one, other in zip(
        [*whole.model.parameters(), *whole.average.parameters()],
        [*second.model.parameters(), *second.average.parameters()],
        strict=True,
    ):
        assert torch.equal(one, other)
    assert started().resume(tmp_path / "nowhere") == 0


def test_only_a_better_score_is_kept_as_best(tmp_path: Path):
    trainer = started()
    for epoch, score in enumerate((3.0, 2.0, 2.5)):
        trainer.save(tmp_path, epoch, score, {})
    assert torch.load(tmp_path / BEST, weights_only=True)["epoch"] == 1
    assert torch.load(tmp_path / LAST, weights_only=True)["epoch"] == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == [BEST, LAST]


def test_the_log_is_a_line_an_epoch(tmp_path: Path):
    log(tmp_path, 0, {"mae": 2.5})
    log(tmp_path, 1, {"mae": 2.25})
    assert (tmp_path / "log.jsonl").read_text() == '{"epoch": 0, "mae": 2.5}\n{"epoch": 1, "mae": 2.25}\n'
