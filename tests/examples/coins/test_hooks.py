import math
from types import SimpleNamespace

import pytest
import torch
from detectron2.utils.events import EventStorage
from torch import nn

from examples.coins.hooks import (
    BestWeights,
    EarlyStopping,
    TrainingStopped,
    WeightsOnlyCheckpointer,
)


def _steps_until_stop(hook, values):
    """Feed one value for each step and return how many steps ran."""
    with EventStorage() as storage:
        trainer = SimpleNamespace(iter=0, max_iter=1000, storage=storage)
        hook.trainer = trainer
        for trainer.iter, value in enumerate(values):
            storage.iter = trainer.iter
            try:
                hook.before_step()
            except TrainingStopped:
                return trainer.iter
            storage.put_scalar("segm/AP", value)
            hook.after_step()
    return len(values)


@pytest.mark.parametrize(
    ("values", "steps"),
    [
        pytest.param([1, 2, 3, 4, 5, 6], 6, id="rising"),
        pytest.param([5, 4, 4, 4, 4, 4], 3, id="falling"),
        pytest.param([5, 5, 5, 5], 3, id="equal is no progress"),
        pytest.param([5, 4, 6, 5, 7, 1, 1, 1], 7, id="recovers twice"),
        pytest.param([math.nan, math.nan, 1, 2], 2, id="not a number is no progress"),
        pytest.param([math.nan, 1, math.nan, 2, 3], 5, id="progress after not a number"),
    ],
)
def test_early_stopping_stops_after_its_patience(values, steps):
    assert _steps_until_stop(EarlyStopping(1, "segm/AP", patience=2), values) == steps


def test_early_stopping_remembers_over_an_interruption():
    before, after = (EarlyStopping(1, "segm/AP", patience=3) for _ in range(2))
    _steps_until_stop(before, [5, 4, 4])

    after.load_state_dict(before.state_dict())

    assert _steps_until_stop(after, [4, 4, 4]) == 1


def test_early_stopping_without_patience_is_refused():
    with pytest.raises(ValueError, match="at least 1 evaluation"):
        EarlyStopping(1, "segm/AP", patience=0)


def test_best_weights_survive_an_interruption(tmp_path):
    keeper = WeightsOnlyCheckpointer(nn.Linear(2, 2), str(tmp_path))
    hook = BestWeights(1, keeper, "segm/AP")
    hook.load_state_dict({"best_metric": 50.0, "best_iter": 3})
    with EventStorage(7) as storage:
        hook.trainer = SimpleNamespace(iter=7, max_iter=9, storage=storage)
        storage.put_scalar("segm/AP", 40.0)
        hook.after_step()
        assert not (tmp_path / "model_best.pth").exists()
        storage.put_scalar("segm/AP", 60.0)
        hook.after_step()

    assert hook.state_dict() == {"best_metric": 60.0, "best_iter": 7}
    assert set(torch.load(tmp_path / "model_best.pth", weights_only=True)) == {"model"}
    assert not (tmp_path / "last_checkpoint").exists()
