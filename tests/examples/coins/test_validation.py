import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from detectron2.utils.events import EventStorage
from torch import nn

from examples.coins.validation import ValidationLoss, mean_losses


class _Noisy(nn.Module):
    """Normalises its batch and adds noise of every generator to its loss."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(3)
        self.was_training = []

    def forward(self, batch):
        self.was_training.append((self.training, self.norm.training))
        features = self.norm(torch.stack([sample["image"] for sample in batch]))
        noise = torch.rand(()) + np.random.rand() + random.random()
        return {"loss_a": features.square().mean() + noise, "loss_b": torch.tensor(2.0)}


@pytest.fixture
def batches():
    return [[{"image": torch.randn(3, 4, 4)} for _ in range(size)] for size in (4, 2)]


def _generators():
    return torch.get_rng_state().tolist(), np.random.get_state()[1].tolist(), random.getstate()


def test_validation_leaves_random_numbers_and_buffers_untouched(batches):
    model = _Noisy().train()
    buffers = {name: value.clone() for name, value in model.named_buffers()}
    before = _generators()

    mean_losses(model, batches)

    assert _generators() == before
    assert all(torch.equal(value, buffers[name]) for name, value in model.named_buffers())
    assert model.training
    assert model.norm.training


def test_validation_runs_in_training_mode_with_frozen_statistics(batches):
    model = _Noisy().train()

    mean_losses(model, batches)

    assert model.was_training == [(True, False)] * 2


def test_validation_of_the_same_weights_gives_the_same_losses(batches):
    model = _Noisy().train()

    first = mean_losses(model, batches)
    torch.rand(7)

    assert mean_losses(model, batches) == first


def test_validation_restores_the_modes_when_the_model_fails():
    model = _Noisy().train()
    before = _generators()

    with pytest.raises(RuntimeError):
        mean_losses(model, [[]])

    assert model.norm.training
    assert _generators() == before


def test_mean_losses_weigh_by_the_number_of_pictures():
    class _Count(nn.Module):
        def forward(self, batch):
            return {"loss": torch.tensor(float(len(batch)))}

    assert mean_losses(_Count(), [[0] * 4, [0] * 2]) == {"loss": pytest.approx(20 / 6)}


@pytest.mark.parametrize(
    ("period", "iteration", "measured"),
    [
        pytest.param(5, 4, True, id="due"),
        pytest.param(5, 5, False, id="not due"),
        pytest.param(4, 9, True, id="last iteration"),
    ],
)
def test_validation_loss_is_recorded_where_it_is_due(batches, period, iteration, measured):
    hook = ValidationLoss(period, batches)
    with EventStorage(iteration) as storage:
        trainer = SimpleNamespace(
            iter=iteration, max_iter=10, model=_Noisy().train(), storage=storage
        )
        hook.trainer = trainer
        hook.after_step()
        latest = storage.latest()

    assert ("validation_loss" in latest) == measured
    if measured:
        parts = latest["validation_loss/loss_a"][0] + latest["validation_loss/loss_b"][0]
        assert latest["validation_loss"][0] == pytest.approx(parts)
