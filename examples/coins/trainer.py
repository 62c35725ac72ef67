"""Detectron2's `DefaultTrainer` with the habits of a careful training."""

from __future__ import annotations

import contextlib
import io
import logging
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from detectron2.config import CfgNode
from detectron2.engine import DefaultTrainer, HookBase, hooks
from detectron2.evaluation import COCOEvaluator
from detectron2.utils import comm
from detectron2.utils.env import seed_all_rng
from detectron2.utils.events import CommonMetricPrinter, EventWriter, JSONWriter

from examples.coins.hooks import (
    BestWeights,
    EarlyStopping,
    PeriodicEvaluation,
    ProgressBar,
    TrainingStopped,
    WeightsOnlyCheckpointer,
)
from examples.coins.validation import ValidationLoss, validation_batches

METRIC = "segm/AP"
PATIENCE = 4
BEST = "model_best"
METRICS_FILE = "metrics.json"
WRITE_PERIOD = 20
KEPT_CHECKPOINTS = 2

logger = logging.getLogger("detectron2.coins")


class CoinsTrainer(DefaultTrainer):
    """Trains with a validation loss, the best weights kept, early stopping and resumption."""

    def build_hooks(self) -> list[HookBase]:
        """Return the hooks in the order in which they act after a step.

        The checkpoint comes after the evaluation, so that what the best weights and the early
        stopping learnt from it is in the checkpoint; the writers come last.
        """
        cfg, period = self.cfg, self.cfg.TEST.EVAL_PERIOD
        acting: list[HookBase] = [
            hooks.IterationTimer(),
            hooks.LRScheduler(),
            ValidationLoss(period, validation_batches(cfg)),
            PeriodicEvaluation(period, lambda: self.test(self.cfg, self.model)),
            EarlyStopping(period, METRIC, PATIENCE),
        ]
        if comm.is_main_process():
            best = WeightsOnlyCheckpointer(self.model, cfg.OUTPUT_DIR)
            acting += [
                BestWeights(period, best, METRIC, file_prefix=BEST),
                hooks.PeriodicCheckpointer(
                    self.checkpointer,
                    cfg.SOLVER.CHECKPOINT_PERIOD,
                    max_to_keep=KEPT_CHECKPOINTS,
                ),
                hooks.PeriodicWriter(self.build_writers(), min(WRITE_PERIOD, period)),
                ProgressBar(),
            ]
        return acting

    def build_writers(self) -> list[EventWriter]:
        """Write metrics as JSON lines, and as text where no progress bar can be shown."""
        json_writer = JSONWriter(str(Path(self.cfg.OUTPUT_DIR) / METRICS_FILE))
        if sys.stderr.isatty():
            return [json_writer]
        return [CommonMetricPrinter(self.max_iter), json_writer]

    @classmethod
    def build_evaluator(cls, cfg: CfgNode, dataset_name: str) -> COCOEvaluator:
        """Return COCO's metric for boxes and masks, computed by pycocotools."""
        return COCOEvaluator(dataset_name, ("bbox", "segm"), use_fast_impl=False)

    @classmethod
    def test(cls, cfg: CfgNode, model: Any, evaluators: Any = None) -> Mapping[str, Any]:
        """Evaluate without the tables that pycocotools prints; the log has the numbers."""
        with contextlib.redirect_stdout(io.StringIO()):
            return super().test(cfg, model, evaluators)

    def resume_or_load(self, resume: bool = True) -> None:
        """Load the last checkpoint; a resumed training draws pictures that it has not just seen.

        Args:
            resume: whether to go on from the last checkpoint in the output folder.
        """
        super().resume_or_load(resume)
        if self.start_iter > 0:
            seed_all_rng(self.cfg.SEED + comm.get_rank() + self.start_iter)
            self.data_loader = self.build_train_loader(self.cfg)

    def train(self) -> None:
        """Train to the last iteration, or until early stopping has seen enough."""
        try:
            super().train()
        except TrainingStopped as reason:
            logger.info("Training ended early at iteration %d: %s", self.iter, reason)
