import numpy as np
import pytest
from detectron2.engine import hooks

from examples.coins import dataset, recipe
from examples.coins.hooks import BestWeights, EarlyStopping, PeriodicEvaluation
from examples.coins.trainer import CoinsTrainer
from examples.coins.validation import ValidationLoss, validation_batches

pytestmark = pytest.mark.filterwarnings("ignore:The given NumPy array is not writable:UserWarning")


@pytest.fixture
def cfg(tmp_path):
    coco_json = dataset.write_scenes(tmp_path / "data", 10, seed=0, size_hw=(64, 96))
    dataset.register(dataset.split_scenes(coco_json, seed=0))
    return recipe.build_config(tmp_path, iterations=4)


def test_the_checkpoint_comes_after_all_that_learns_from_an_evaluation(cfg):
    trainer = CoinsTrainer(cfg)
    order = [type(hook) for hook in trainer._hooks]
    trainer._hooks[order.index(hooks.PeriodicWriter)]._writers[-1].close()

    checkpoint = order.index(hooks.PeriodicCheckpointer)
    assert order.index(PeriodicEvaluation) < order.index(EarlyStopping) < checkpoint
    assert order.index(PeriodicEvaluation) < order.index(BestWeights) < checkpoint
    assert order.index(ValidationLoss) < order.index(hooks.PeriodicWriter)


def test_validation_batches_have_the_truth_and_no_augmentation(cfg):
    first, again = (list(validation_batches(cfg)) for _ in range(2))

    sample = first[0][0]
    assert sample["image"].shape[1:] == (320, 480)
    assert "instances" in sample
    assert np.array_equal(sample["image"], again[0][0]["image"])
