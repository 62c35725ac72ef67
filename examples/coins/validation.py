"""The losses on the validation set, measured without leaving a trace in the training."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from detectron2.config import CfgNode
from detectron2.data import DatasetMapper, build_detection_test_loader
from detectron2.data import transforms as T
from detectron2.data.build import get_detection_dataset_dicts
from detectron2.engine import HookBase
from detectron2.utils import comm
from detectron2.utils.events import EventStorage
from torch import nn
from torch.utils.data import DataLoader

from examples.coins.hooks import is_due

VALIDATION_LOSS = "validation_loss"
VALIDATION_SEED = 0


@contextlib.contextmanager
def undisturbed(model: nn.Module) -> Iterator[None]:
    """Keep random numbers and batch statistics as they are while a model runs in training mode.

    Inside, all generators start from a fixed seed, so that two runs of the same weights sample
    the same proposals; batch normalisation uses its running statistics, as it will when served.
    Afterwards the generators of Python, NumPy and torch and the modules' modes are as before.
    """
    python_state, numpy_state = random.getstate(), np.random.get_state()
    normalisers = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    modes = [module.training for module in normalisers]
    with torch.random.fork_rng():
        random.seed(VALIDATION_SEED)
        np.random.seed(VALIDATION_SEED)
        torch.manual_seed(VALIDATION_SEED)
        for module in normalisers:
            module.eval()
        try:
            yield
        finally:
            for module, mode in zip(normalisers, modes, strict=True):
                module.train(mode)
            random.setstate(python_state)
            np.random.set_state(numpy_state)


def mean_losses(model: nn.Module, batches: Iterable[list[dict[str, Any]]]) -> dict[str, float]:
    """Return the mean of each loss over batches, without gradients.

    Args:
        model: a Detectron2 model in training mode.
        batches: lists of samples with ground truth, as `DatasetMapper(is_train=True)` makes them.

    Returns:
        The mean of each loss by name, weighted by the number of pictures.
    """
    sums: dict[str, float] = {}
    pictures = 0
    with torch.no_grad(), EventStorage(), undisturbed(model):
        for batch in batches:
            pictures += len(batch)
            for name, loss in model(batch).items():
                sums[name] = sums.get(name, 0.0) + float(loss) * len(batch)
    return {name: total / pictures for name, total in sums.items()}


class ValidationLoss(HookBase):
    """Records the losses on the validation set at the iterations of the evaluation.

    They go into the trainer's storage as `validation_loss` (the sum) and
    `validation_loss/<name>`, and from there into `metrics.json`.
    """

    def __init__(self, period: int, batches: Iterable[list[dict[str, Any]]]) -> None:
        """Prepare the hook.

        Args:
            period: number of iterations between two measurements.
            batches: re-iterable batches of the validation set with ground truth.
        """
        self._period = period
        self._batches = batches

    def after_step(self) -> None:
        """Measure, where this iteration is due; other processes wait at the evaluation."""
        if is_due(self.trainer, self._period) and comm.is_main_process():
            model = self.trainer.model
            bare = model.module if isinstance(model, nn.parallel.DistributedDataParallel) else model
            losses = mean_losses(bare, self._batches)
            scalars = {f"{VALIDATION_LOSS}/{name}": value for name, value in losses.items()}
            scalars[VALIDATION_LOSS] = sum(losses.values())
            self.trainer.storage.put_scalars(**scalars, smoothing_hint=False)


def validation_batches(cfg: CfgNode) -> DataLoader[Any]:
    """Return batches of the validation set with ground truth, resized as at test time.

    Args:
        cfg: the configuration; the sets are those of `DATASETS.TEST`.
    """
    resize = T.ResizeShortestEdge(cfg.INPUT.MIN_SIZE_TEST, cfg.INPUT.MAX_SIZE_TEST)
    mapper = DatasetMapper(cfg, is_train=True, augmentations=[resize])
    samples = get_detection_dataset_dicts(list(cfg.DATASETS.TEST), filter_empty=False)
    return build_detection_test_loader(
        samples, mapper=mapper, batch_size=cfg.SOLVER.IMS_PER_BATCH, num_workers=0
    )
